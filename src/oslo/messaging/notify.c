/* Notifications: emitted by the drivers the options name, taken by listeners that acknowledge after their handler. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/base/log.h"
#include "oslo/messaging/internal.h"

struct notification_listener {
    notification_handler *handler;
    const struct driver *driver;
    void *source;
    pthread_t thread;
};

struct emission { const char *exchange, *publisher, *event_type, *priority; const json_t *payload; };

static bool emit_message(struct ctx *, const struct emission *, bool wrapped);
static bool emit_log(struct ctx *, const struct emission *, bool);
static bool emit_noop(struct ctx *, const struct emission *, bool);
static void *listen_loop(void *);

static const struct { const char *name; bool (*emit)(struct ctx *, const struct emission *, bool wrapped); bool wrapped; } emitters[] = {
    { "messagingv2", emit_message, true }, { "messaging", emit_message }, { "log", emit_log }, { "noop", emit_noop },
};

/* ---- options: said once, before threads start --------------------------------------------------------------- */

static struct messaging_options options = {
    .transport_url = "local://", .rpc_response_timeout = 60, .notification_drivers = "", .notification_topics = "notifications",
    .notification_retry = -1, .executor_thread_pool_size = 4,
};

const struct messaging_options *messaging_options(void)
{
    return &options;
}

void messaging_configure(const struct messaging_options *said)
{
    options.transport_url = said->transport_url ?: options.transport_url;
    options.rpc_response_timeout = said->rpc_response_timeout ?: options.rpc_response_timeout;
    options.notification_drivers = said->notification_drivers ?: options.notification_drivers;
    options.notification_topics = said->notification_topics ?: options.notification_topics;
    options.notification_transport_url = said->notification_transport_url ?: options.notification_transport_url;
    options.notification_retry = said->notification_retry ?: options.notification_retry;
    options.executor_thread_pool_size = said->executor_thread_pool_size ?: options.executor_thread_pool_size;
    options.rpc_ping_enabled = said->rpc_ping_enabled;
    options.rabbit = said->rabbit ?: options.rabbit;
}

bool messaging_local(void)
{
    return g_str_has_prefix(options.transport_url, "local:");
}

/* ---- emitting ----------------------------------------------------------------------------------------------- */

bool notifications_wanted(void)
{
    return options.notification_drivers[0] != '\0';
}

bool notify(struct ctx *c, const char *exchange, const char *publisher, const char *event_type, const char *priority,
            const json_t *payload)
{
    struct emission e = { exchange, publisher, event_type, priority, payload };
    bool ok = true, well = !failed(c);

    if (!notifications_wanted())
        return true;
    for (char **name = text_split(c, options.notification_drivers, ','); *name; name++)
        for (size_t i = 0; i < G_N_ELEMENTS(emitters); i++)
            if (strcmp(*name, emitters[i].name) == 0)
                ok = emitters[i].emit(c, &e, emitters[i].wrapped) && ok;
    if (!ok) {
        log_error(c, "notification %s (%s) could not be sent: %s", event_type, priority, c->fault.message);
        if (well)
            fault_clear(c);          /* what is told about has happened all the same */
    }
    return ok;
}

static bool emit_to(struct ctx *c, const char *topic, const struct emission *e, const struct notify_options *how)
{
    struct transport *transport = transport_get(c, options.notification_transport_url);
    struct message *m;

    if (!transport)
        return false;
    m = message_new(e->event_type, e->payload ? json_deep_copy(e->payload) : NULL, context_to_notification(c));
    m->publisher = g_strdup(e->publisher);
    m->priority = g_strdup(e->priority);
    return transport->driver->notify(c, transport, e->exchange, topic, m, how);
}

static bool emit_message(struct ctx *c, const struct emission *e, bool wrapped)
{
    const struct notify_options how = { .wrapped = wrapped, .retry = (int)options.notification_retry };
    bool ok = true;

    for (char **topic = text_split(c, options.notification_topics, ','); *topic; topic++)
        ok = emit_to(c, *topic, e, &how) && ok;
    return ok;
}

bool notify_topic(struct ctx *c, const char *exchange, const char *topic, const char *publisher, const char *event_type, const char *priority,
                  const json_t *payload)
{
    const struct notify_options how = { .wrapped = true };

    return emit_to(c, topic, &(struct emission){ exchange, publisher, event_type, priority, payload }, &how);
}

static bool emit_log(struct ctx *c, const struct emission *e, bool wrapped)
{
    char *text = json_dumps(e->payload, JSON_COMPACT | JSON_ENCODE_ANY);

    log_info(c, "notification %s from %s (%s): %s", e->event_type, e->publisher, e->priority, text ?: "null");
    free(text);
    return true;
}

static bool emit_noop(struct ctx *c, const struct emission *e, bool wrapped)
{
    return true;
}

/* ---- listening ---------------------------------------------------------------------------------------------- */

struct notification_listener *notification_listen(struct ctx *c, const char *exchange, const char *topic, const char *pool,
                                                  notification_handler *handler)
{
    struct transport *transport = transport_get(c, options.notification_transport_url);
    struct listen_on on = { .exchange = exchange, .topic = topic, .notifications = true, .pool = pool };
    struct notification_listener *l;
    void *source = transport ? transport->driver->listen(c, transport, &on) : NULL;

    if (!source)
        return NULL;
    l = g_new0(struct notification_listener, 1);
    l->handler = handler;
    l->driver = transport->driver;
    l->source = source;
    if (pthread_create(&l->thread, NULL, listen_loop, l) != 0) {
        l->driver->free(source);
        g_free(l);
        return fail_null(c, UNAVAILABLE, "cannot start a notification thread");
    }
    return l;
}

void notification_stop(struct notification_listener *l)
{
    if (!l)
        return;
    l->driver->stop(l->source);
    pthread_join(l->thread, NULL);
    l->driver->free(l->source);
    g_free(l);
}

static void *listen_loop(void *data)
{
    struct notification_listener *l = data;
    struct incoming *in;

    pthread_setname_np(pthread_self(), "notifications");
    while ((in = l->driver->poll(l->source))) {
        struct message *m = in->message;
        struct ctx c;

        context_to_ctx(&c, NULL, NULL, m->context);
        if (l->handler(&c, m->publisher, m->method, m->priority, m->args))
            l->driver->acknowledge(l->source, in);
        else
            l->driver->requeue(l->source, in);
        ctx_clear(&c);
        l->driver->done(l->source, in);
    }
    return NULL;
}
