/* rabbit:// as a driver: the connections of a transport, and what rides on them. */
#include "oslo/messaging/drivers/rabbit/rabbit.h"

#include "oslo/messaging/envelope.h"

static bool rabbit_open(struct ctx *c, struct transport *t)
{
    struct rabbit *r = g_new0(struct rabbit, 1);

    ctx_init(&r->keep, NULL, NULL);
    if (!rabbit_options_read(c, &r->keep, t, &r->options)) {
        ctx_clear(&r->keep);
        g_free(r);
        return false;
    }
    r->out = broker_new(c, t, &r->options, "rabbit-out");
    r->in = broker_new(c, t, &r->options, "rabbit-in");
    r->sender = sender_new(&r->options, r->out);
    r->replies = replies_new(&r->options, r->in, r->sender);
    t->state = r;
    return true;
}

static void rabbit_close(struct transport *t)
{
    struct rabbit *r = t->state;

    replies_free(r->replies);        /* which uses the sender to the last */
    sender_free(r->sender);
    broker_free(r->in);
    broker_free(r->out);
    ctx_clear(&r->keep);
    g_free(r);
}

static struct outgoing *cast(const struct target *t, const struct message *m)
{
    g_autofree char *fanout = g_strconcat(t->topic, "_fanout", NULL);
    g_autofree char *key = t->server ? g_strconcat(t->topic, ".", t->server, NULL) : g_strdup(t->topic);
    size_t n;
    char *body = envelope_request(m, NULL, &n);

    return t->fanout ? outgoing_new(PLACE_FANOUT, fanout, "", body, n)
                     : outgoing_new(PLACE_TOPIC, t->exchange ?: DEFAULT_EXCHANGE, key, body, n);
}

static bool rabbit_send(struct ctx *c, struct transport *t, const struct target *target, struct message *m,
                        const struct rpc_options *options, int64_t deadline, struct rpc_reply *reply)
{
    struct rabbit *r = t->state;
    const char *method = ctx_strdup(c, m->method);
    struct outgoing *o;

    if (reply)
        return replies_call(c, r->replies, target, m, options, deadline, reply);
    o = cast(target, m);
    message_free(m);
    outgoing_compress(o, &r->options);
    o->mandatory = options->at_least_once && !target->fanout;
    o->retry = options->retry;
    return sender_deliver(c, r->sender, o, deadline, method, target->topic);
}

static bool rabbit_notify(struct ctx *c, struct transport *t, const char *exchange, const char *topic, struct message *m,
                          const struct notify_options *options)
{
    struct rabbit *r = t->state;
    const char *event = ctx_strdup(c, m->method), *queue = ctx_printf(c, "%s.%s", topic, m->priority);
    size_t n;
    char *body = envelope_notification(m, options->wrapped, &n);
    struct outgoing *o = outgoing_new(PLACE_NOTIFICATIONS, exchange ?: DEFAULT_EXCHANGE, queue, body, n);

    message_free(m);
    outgoing_compress(o, &r->options);
    o->retry = options->retry;
    return sender_deliver(c, r->sender, o, c->deadline, event, queue);
}

static void *rabbit_listen(struct ctx *c, struct transport *t, const struct listen_on *on)
{
    return listener_new(c, t->state, on);
}

const struct driver driver_rabbit = {
    .scheme = "rabbit", .by_text = true, .open = rabbit_open, .close = rabbit_close, .send = rabbit_send, .notify = rabbit_notify,
    .listen = rabbit_listen, .poll = listener_poll, .acknowledge = listener_acknowledge, .requeue = listener_requeue,
    .reply = listener_reply, .keep_alive = listener_keep_alive, .done = listener_done, .stop = listener_stop, .free = listener_free,
};
