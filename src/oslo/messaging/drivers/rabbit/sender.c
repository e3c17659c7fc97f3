/* Publishing with confirms: many messages are on their way at once, in the order of their tags; the broker's word settles them. What it has
 * not confirmed when a connection ends goes out again on the next. A reply that found no queue is tried again for a while, since
 * its caller may be connecting anew.
 */
#include <stdio.h>
#include <string.h>

#include "oslo/base/log.h"
#include "oslo/messaging/drivers/rabbit/gather.h"
#include "oslo/messaging/drivers/rabbit/rabbit.h"
#include "oslo/messaging/wait.h"

enum { REFUSALS_MAX = 5, MISSING_RETRY_US = 250000, GONE_MAX = 200, GONE_US = 60000000, LAST_CONFIRMS_US = 2000000, LIVELY_US = 8000 };

struct sender {
    struct channel channel;          /* first */
    const struct rabbit_options *options;
    struct broker *connection;   /* whose lock guards all below */
    GQueue waiting, unconfirmed;     /* of struct outgoing, oldest first; of the latter, tags rise */
    GQueue delayed;                  /* replies whose queue was missing, by due */
    GHashTable *declared;            /* on this channel: names of exchanges, and of queues after a tab */
    GQueue declaring;                /* names of exchanges and queues whose declare-ok is due */
    GHashTable *gone;                /* reply queues given up -> when, in a gint64 */
    uint64_t last_tag;
    struct gather gather;
    int urgent;                      /* of the unconfirmed, those that a thread waits for */
    int64_t confirmed_at;
    bool lively;                     /* one confirm came soon after another */
};

static void opened(struct channel *, struct buf *);
static void take_method(struct channel *, const amqp_method_t *, struct buf *);
static void take_content(struct channel *, struct content *);
static void lost(struct channel *, int code, amqp_method_number_t after, const char *why);
static int64_t tick(struct channel *, int64_t now, struct buf *);
static void publish(struct sender *, struct outgoing *, struct buf *);
static void settle(struct outgoing *, enum outcome, const char *why);
static void confirmed(struct sender *, uint64_t tag, bool multiple, bool taken);
static void forget_declared(struct sender *);

static const struct channel_ops ops = { opened, take_method, take_content, lost, .tick = tick };

struct sender *sender_new(const struct rabbit_options *options, struct broker *connection)
{
    struct sender *s = g_new0(struct sender, 1);

    s->channel.ops = &ops;
    s->options = options;
    s->connection = connection;
    s->declared = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    s->gone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    broker_add(connection, &s->channel);
    return s;
}

void sender_free(struct sender *s)
{
    int64_t deadline = clock_mono_us() + LAST_CONFIRMS_US;
    bool busy = true;

    if (!s)
        return;
    while (busy && clock_mono_us() < deadline) {
        broker_begin(s->connection);
        busy = s->channel.state == CHANNEL_OPEN && (s->unconfirmed.length || s->waiting.length);
        broker_end(s->connection);
        if (busy)
            g_usleep(2000);
    }
    broker_remove(s->connection, &s->channel, NULL);
    for (struct outgoing *o; (o = g_queue_pop_head(&s->unconfirmed) ?: g_queue_pop_head(&s->waiting) ?: g_queue_pop_head(&s->delayed));)
        settle(o, GIVEN_UP, "the transport is closed");
    forget_declared(s);
    g_hash_table_unref(s->declared);
    g_hash_table_unref(s->gone);
    g_free(s);
}

struct outgoing *outgoing_new(enum place place, const char *exchange, const char *key, char *body, size_t n)
{
    size_t exchange_size = strlen(exchange) + 1, key_size = strlen(key) + 1;
    struct outgoing *o = g_malloc0(sizeof(*o) + exchange_size + key_size);

    o->place = place;
    o->exchange = memcpy(o->names, exchange, exchange_size);
    o->key = memcpy(o->names + exchange_size, key, key_size);
    o->body = body;
    o->n = n;
    o->retry = -1;
    return o;
}

/* Is that reply queue known to be gone? */
static bool is_gone(struct sender *s, const char *queue)
{
    gint64 *at = g_hash_table_lookup(s->gone, queue);

    if (at && *at + GONE_US < clock_mono_us()) {
        g_hash_table_remove(s->gone, queue);
        at = NULL;
    }
    return at != NULL;
}

void sender_send(struct sender *s, struct outgoing *o)
{
    struct buf *to = broker_begin(s->connection);

    if (gather_add(&s->gather, clock_mono_us()) || o->urgent)
        broker_gather(s->connection, 0);
    if (o->place == PLACE_REPLY && is_gone(s, o->key))
        settle(o, UNDELIVERABLE, "its caller has gone");
    else if (s->channel.state == CHANNEL_OPEN)
        publish(s, o, to);
    else
        g_queue_push_tail(&s->waiting, o);
    if (s->urgent)
        broker_hurry(s->connection, &s->channel);
    broker_end(s->connection);
}

int64_t sender_gather(struct sender *s, int at_most)
{
    int64_t until = 0;

    broker_begin(s->connection);
    if (gather_begin(&s->gather, at_most, clock_mono_us()))
        until = s->gather.until;
    broker_gather(s->connection, until);
    broker_end(s->connection);
    return until;
}

void sender_gathered(struct sender *s)
{
    broker_begin(s->connection);
    broker_end(s->connection);       /* which writes, if that time is over */
}

void sender_let_go(struct sender *s)
{
    broker_begin(s->connection);
    broker_gather(s->connection, 0);
    broker_end(s->connection);
}

static bool forget_in(GQueue *queue, const void *data, bool unsent)
{
    bool found = false;

    for (GList *l = queue->head, *next; l; l = next) {
        struct outgoing *o = l->data;

        next = l->next;
        if (o->data != data)
            continue;
        found = true;
        o->settled = NULL;
        o->data = NULL;
        if (unsent) {
            g_queue_delete_link(queue, l);
            settle(o, GIVEN_UP, "");
        } else {
            o->retry = 0;
        }
    }
    return found;
}

bool sender_forget(struct sender *s, const void *data)
{
    broker_begin(s->connection);
    bool found = forget_in(&s->waiting, data, true) || forget_in(&s->unconfirmed, data, false);
    broker_end(s->connection);
    return found;
}

/* ---- waiting for the broker's word --------------------------------------------------------------------------- */

struct delivery {
    pthread_mutex_t lock;
    pthread_cond_t known;
    bool settled;
    enum outcome outcome;
    char why[WHY_SIZE];
};

static void delivered(void *data, enum outcome outcome, const char *why)
{
    struct delivery *d = data;

    pthread_mutex_lock(&d->lock);
    d->settled = true;
    d->outcome = outcome;
    g_strlcpy(d->why, why, sizeof(d->why));
    pthread_cond_signal(&d->known);
    pthread_mutex_unlock(&d->lock);
}

bool sender_deliver(struct ctx *c, struct sender *s, struct outgoing *o, int64_t deadline, const char *what, const char *topic)
{
    struct delivery d = { .lock = PTHREAD_MUTEX_INITIALIZER };
    bool settled;

    cond_init_mono(&d.known);
    o->settled = delivered;
    o->data = &d;
    o->urgent = true;
    sender_send(s, o);
    pthread_mutex_lock(&d.lock);
    while (!d.settled && !wait_is_over(deadline))
        cond_wait_until(&d.known, &d.lock, wait_step(deadline));
    settled = d.settled;
    pthread_mutex_unlock(&d.lock);
    if (!settled)
        sender_forget(s, &d);        /* nobody touches d from here on, unless it has been settled meanwhile */
    pthread_cond_destroy(&d.known);
    if (!d.settled)
        return fail(c, NOT_DELIVERED, what, topic, "the broker did not answer in time");
    if (d.outcome == UNDELIVERABLE)
        return fail(c, UNDELIVERED, what, topic);
    return d.outcome == DELIVERED || fail(c, NOT_DELIVERED, what, topic, d.why);
}

/* ---- the channel: locked, but for take_content ---------------------------------------------------------------- */

static void opened(struct channel *channel, struct buf *to)
{
    struct sender *s = (struct sender *)channel;
    GQueue waiting = s->waiting;

    frame_method(to, channel->number, AMQP_CONFIRM_SELECT_METHOD, &(amqp_confirm_select_t){});
    s->last_tag = 0;
    g_queue_init(&s->waiting);
    for (struct outgoing *o; (o = g_queue_pop_head(&waiting));)
        publish(s, o, to);
}

/* Somewhere for notifications to wait for a listener yet to come. */
static void declare_waiting(struct sender *s, const struct outgoing *o, struct buf *to)
{
    g_autofree char *queue = g_strconcat(o->exchange, "\t", o->key, NULL);

    if (!g_hash_table_add(s->declared, g_strdup(queue)))
        return;
    declare_queue(to, s->channel.number, s->options, o->place, o->key);
    g_queue_push_tail(&s->declaring, g_strdup(o->exchange));
    bind_queue(to, s->channel.number, o->key, o->exchange, o->key);
}

/* Makes sure, once a channel, that the exchange is there. */
static void declare(struct sender *s, const struct outgoing *o, struct buf *to)
{
    if (*o->exchange && !g_hash_table_contains(s->declared, o->exchange)) {
        g_hash_table_add(s->declared, g_strdup(o->exchange));
        declare_exchange(to, s->channel.number, s->options, o->place, o->exchange);
        g_queue_push_tail(&s->declaring, g_strdup(o->exchange));
    }
    if (o->place == PLACE_NOTIFICATIONS)
        declare_waiting(s, o, to);
}

static void publish(struct sender *s, struct outgoing *o, struct buf *to)
{
    struct publication p = { .exchange = o->exchange, .key = o->key, .expiration = *o->expiration ? o->expiration : NULL,
                             .compression = o->compressed ? "application/x-gzip" : NULL, .mandatory = o->mandatory, .body = o->body, .n = o->n };

    declare(s, o, to);
    o->tag = ++s->last_tag;
    o->returned = false;
    frame_publish(to, s->channel.number, &p, broker_frame_max(s->connection));
    g_queue_push_tail(&s->unconfirmed, o);
    s->urgent += o->urgent;
    s->channel.patient = !s->urgent;
}

static void take_method(struct channel *channel, const amqp_method_t *m, struct buf *to)
{
    struct sender *s = (struct sender *)channel;
    const amqp_basic_ack_t *ack = m->decoded;
    const amqp_basic_nack_t *nack = m->decoded;

    if (m->id == AMQP_BASIC_ACK_METHOD)
        confirmed(s, ack->delivery_tag, ack->multiple, true);
    else if (m->id == AMQP_BASIC_NACK_METHOD)
        confirmed(s, nack->delivery_tag, nack->multiple, false);
    else if (m->id == AMQP_EXCHANGE_DECLARE_OK_METHOD || m->id == AMQP_QUEUE_DECLARE_OK_METHOD)
        g_free(g_queue_pop_head(&s->declaring));
}

/* A message that came back: its confirm follows. The broker says no tag; the body tells it from others to the same queue. */
static void take_content(struct channel *channel, struct content *content)
{
    struct sender *s = (struct sender *)channel;

    broker_begin(s->connection);
    for (GList *l = s->unconfirmed.head; l && content->returned; l = l->next) {
        struct outgoing *o = l->data;

        if (o->mandatory && !o->returned && strcmp(o->key, content->key) == 0 && o->n == content->size &&
            (content->refused || memcmp(o->body, content->body.data ?: "", o->n) == 0)) {
            o->returned = true;
            break;
        }
    }
    broker_end(s->connection);
}

static gint by_due(gconstpointer a, gconstpointer b, gpointer data)
{
    const struct outgoing *x = a, *y = b;

    return x->due < y->due ? -1 : x->due > y->due;
}

/* Nobody's queue: for a reply, not yet. */
static void undeliverable(struct sender *s, struct outgoing *o)
{
    int64_t now = clock_mono_us();

    if (!o->give_up)
        o->give_up = now + s->options->kombu_missing_consumer_retry_timeout * 1000000;
    if (o->place == PLACE_REPLY && now + MISSING_RETRY_US < o->give_up) {
        o->due = now + MISSING_RETRY_US;
        g_queue_insert_sorted(&s->delayed, o, by_due, NULL);
        return;
    }
    if (o->place == PLACE_REPLY) {
        if (!is_gone(s, o->key))
            log_warning(NULL, "rabbit: reply queue %s is not there: its caller has gone", o->key);
        if (g_hash_table_size(s->gone) >= GONE_MAX)
            g_hash_table_remove_all(s->gone);
        g_hash_table_replace(s->gone, g_strdup(o->key), g_memdup2(&now, sizeof(now)));
    }
    settle(o, UNDELIVERABLE, "there is no queue for it");
}

static void confirm(struct sender *s, struct outgoing *o, bool taken)
{
    if (o->returned)
        undeliverable(s, o);
    else if (taken || ++o->refusals >= REFUSALS_MAX)
        settle(o, taken ? DELIVERED : GIVEN_UP, "the broker refused it");
    else
        g_queue_push_tail(&s->waiting, o);
}

static void confirmed(struct sender *s, uint64_t tag, bool multiple, bool taken)
{
    int64_t now = clock_mono_us();

    for (GList *l = s->unconfirmed.head, *next; l; l = next) {
        struct outgoing *o = l->data;

        next = l->next;
        if (o->tag > tag)
            break;
        if (!multiple && o->tag < tag)
            continue;
        g_queue_delete_link(&s->unconfirmed, l);
        s->urgent -= o->urgent;
        confirm(s, o, taken);
    }
    s->lively = now - s->confirmed_at < LIVELY_US;
    s->confirmed_at = now;
}

/* When the broker says 406 to a declaration, that exchange cannot be used: what was for it fails. 404: an exchange went while we knew it. */
static void lost(struct channel *channel, int code, amqp_method_number_t after, const char *why)
{
    struct sender *s = (struct sender *)channel;
    const char *culprit = code && after != AMQP_BASIC_PUBLISH_METHOD ? g_queue_peek_head(&s->declaring) : NULL;
    GQueue all = s->unconfirmed;

    s->urgent = 0;
    channel->patient = false;
    if (code)
        log_warning(NULL, "rabbit: publishing: %s", why);
    for (struct outgoing *o; (o = g_queue_pop_head(&s->waiting));)
        g_queue_push_tail(&all, o);
    g_queue_init(&s->unconfirmed);
    for (struct outgoing *o; (o = g_queue_pop_head(&all));) {
        bool over = culprit ? strcmp(o->exchange, culprit) == 0 : code ? ++o->refusals >= REFUSALS_MAX : o->retry == 0;

        if (!code && o->retry > 0)
            o->retry--;
        if (over)
            settle(o, GIVEN_UP, why);
        else
            g_queue_push_tail(&s->waiting, o);
    }
    forget_declared(s);
}

static int64_t tick(struct channel *channel, int64_t now, struct buf *to)
{
    struct sender *s = (struct sender *)channel;
    struct outgoing *o;

    if (channel->state != CHANNEL_OPEN)
        return 0;
    while ((o = g_queue_peek_head(&s->delayed)) && o->due <= now)
        publish(s, g_queue_pop_head(&s->delayed), to);
    for (guint n = s->waiting.length; n; n--)        /* what the broker refused */
        publish(s, g_queue_pop_head(&s->waiting), to);
    channel->patient = !s->urgent && (s->unconfirmed.length || (s->lively && now - s->confirmed_at < LIVELY_US));
    return o ? o->due : 0;
}

/* ---- helpers ------------------------------------------------------------------------------------------------- */

static void settle(struct outgoing *o, enum outcome outcome, const char *why)
{
    if (o->settled)
        o->settled(o->data, outcome, why);
    g_free(o->body);
    g_free(o);
}

static void forget_declared(struct sender *s)
{
    g_hash_table_remove_all(s->declared);
    g_queue_clear_full(&s->declaring, g_free);
}
