/* Taking: a channel that consumes the queues of an RPC server, or of notifications. What comes waits, unacknowledged and no more of it than
 * the prefetch count, until one of those who poll takes it; only then is it read, so that reading is spread over threads.
 *
 * A request that comes while somebody polls is granted: the connection's thread reads and acknowledges it, with others that came at the same
 * time, and once that is written serves it in the place of one who polls, who need not be waked then; but where that lately took long, it
 * hands it over. What waits is taken in its order, and no more of it at once than there are who poll.
 */
#include <stdio.h>
#include <string.h>

#include "oslo/base/log.h"
#include "oslo/messaging/drivers/rabbit/gather.h"
#include "oslo/messaging/drivers/rabbit/rabbit.h"
#include "oslo/messaging/envelope.h"
#include "oslo/messaging/wait.h"

enum { RECENT = 16, USUAL_PREFETCH = 100, LISTEN_US = 10000000, GRANTED_SIZE = 65536, SLOW_MIN_US = 10000, SLOW_MAX_US = 10000000 };

static const char *const priorities[] = { "audit", "critical", "debug", "error", "info", "sample", "warn", NULL };

struct listener {
    struct channel channel;          /* first */
    struct rabbit *rabbit;
    struct listen_on on;             /* own texts */
    char *fanout_queue;
    int consumers, consuming;        /* asked for, and there (guarded by the connection) */
    GQueue granting;                 /* of struct taken, read, to be acknowledged; the connection's thread's */
    _Atomic int unanswered;          /* deliveries of this channel */
    sem_t arrived;                   /* posted for each that is waked */
    pthread_mutex_t lock;            /* guards all below */
    pthread_cond_t ready;
    GQueue waiting;                  /* of struct taken, not read yet */
    GQueue granted;                  /* of struct taken, read and acknowledged */
    int idle;                        /* who poll, less those in whose place something is granted or served */
    int asleep;                      /* who poll and are not waked yet */
    char recent[RECENT][MESSAGE_ID_SIZE];    /* ids of messages that were taken */
    unsigned n_recent;
    bool declared, stopped;
    bool promised;                   /* something is being granted */
    int serving;                     /* threads of the connection */
    int64_t slow_until, slow_for;    /* its methods have lately been slow */
    char *refused;                   /* why the broker does not let us */
};

/* One delivery. */
struct taken {
    struct incoming incoming;        /* first: poll hands out its address */
    struct content content;
    unsigned generation;
    bool settled, acknowledged;      /* acknowledged or given back */
    char *message_id, *reply_queue;
    char unique_id[MESSAGE_ID_SIZE];
};

static void opened(struct channel *, struct buf *);
static void take_method(struct channel *, const amqp_method_t *, struct buf *);
static void take_content(struct channel *, struct content *);
static void lost(struct channel *, int code, amqp_method_number_t after, const char *why);
static void leave(struct channel *, struct buf *);
static bool read_taken(struct listener *, struct taken *);
static bool may_grant(struct listener *, const struct taken *);
static bool has_recent(const struct listener *, const struct taken *);
static bool is_recent(struct listener *, struct taken *);
static bool answer(struct listener *, struct taken *, amqp_method_number_t, void *method);
static void taken_free(struct taken *);

static int64_t round_done(struct channel *);
static void work(struct channel *);
static void late(struct channel *);

static const struct channel_ops ops = { opened, take_method, take_content, lost, NULL, round_done, work, late };

/* Waits until the broker lets us consume; where there is none yet, it will be declared when there is. */
void *listener_new(struct ctx *c, struct rabbit *rabbit, const struct listen_on *on)
{
    struct listener *l = g_new0(struct listener, 1);
    int64_t deadline = clock_mono_us() + LISTEN_US;

    l->channel.ops = &ops;
    l->rabbit = rabbit;
    l->on = (struct listen_on){ .exchange = g_strdup(on->exchange ?: DEFAULT_EXCHANGE), .topic = g_strdup(on->topic), .server = g_strdup(on->server),
                                .pool = g_strdup(on->pool), .notifications = on->notifications, .serve = on->serve, .data = on->data,
                                .resumed = on->resumed };
    pthread_mutex_init(&l->lock, NULL);
    sem_init(&l->arrived, 0, 0);
    cond_init_mono(&l->ready);
    broker_add(rabbit->in, &l->channel);
    pthread_mutex_lock(&l->lock);
    while (!l->declared && !l->refused && cond_wait_until(&l->ready, &l->lock, deadline) == 0)
        ;
    const char *refused = ctx_strdup(c, l->refused);
    if (!l->declared && !l->refused)
        log_warning(c, "rabbit: no broker yet; topic %s will be listened to when there is", on->topic);
    pthread_mutex_unlock(&l->lock);
    if (!refused)
        return l;
    listener_stop(l);
    listener_free(l);
    return fail_null(c, NOT_LISTENING, on->topic, refused);
}

/* Wakes at most so many of those who sleep. The lock is held. */
static void wake(struct listener *l, int n)
{
    for (; n > 0 && l->asleep > 0; n--, l->asleep--)
        sem_post(&l->arrived);
}

/* For who polls: what is granted was counted when it was. */
static bool has_nothing(const struct listener *l)
{
    return !l->granted.length && (l->stopped ? l->promised : !l->waiting.length || l->idle <= 0);
}

/* Waits for what was granted, also when stopped: it is acknowledged. Else for what waits. */
static struct taken *next_taken(struct listener *l)
{
    struct taken *taken;

    pthread_mutex_lock(&l->lock);
    l->idle++;
    while (has_nothing(l)) {
        l->asleep++;
        pthread_mutex_unlock(&l->lock);
        sem_wait_until(&l->arrived, 0);
        pthread_mutex_lock(&l->lock);
    }
    taken = g_queue_pop_head(&l->granted);
    if (!taken) {
        l->idle--;
        taken = l->stopped ? NULL : g_queue_pop_head(&l->waiting);
    }
    pthread_mutex_unlock(&l->lock);
    return taken;
}

struct incoming *listener_poll(void *listener)
{
    struct listener *l = listener;
    struct taken *taken;

    do
        taken = next_taken(l);
    while (taken && !taken->acknowledged && (!read_taken(l, taken) || is_recent(l, taken)));
    return taken ? &taken->incoming : NULL;
}

static void note_recent(struct listener *l, const struct taken *taken)
{
    g_strlcpy(l->recent[l->n_recent++ % RECENT], taken->unique_id, MESSAGE_ID_SIZE);
}

bool listener_acknowledge(void *listener, struct incoming *in)
{
    struct listener *l = listener;
    struct taken *taken = (struct taken *)(void *)in;

    if (taken->acknowledged)
        return true;
    if (!answer(l, taken, AMQP_BASIC_ACK_METHOD, &(amqp_basic_ack_t){ .delivery_tag = taken->content.tag }))
        return false;
    pthread_mutex_lock(&l->lock);
    note_recent(l, taken);
    pthread_mutex_unlock(&l->lock);
    return true;
}

void listener_requeue(void *listener, struct incoming *in)
{
    struct taken *taken = (struct taken *)(void *)in;

    answer(listener, taken, AMQP_BASIC_REJECT_METHOD, &(amqp_basic_reject_t){ .delivery_tag = taken->content.tag, .requeue = true });
}

static void send_reply(struct listener *l, struct taken *taken, const struct rpc_reply *reply, bool ending)
{
    struct outgoing *o;
    size_t n;
    char *body;

    if (!taken->reply_queue)
        return;
    body = envelope_reply(taken->message_id, reply, ending, &n);
    o = outgoing_new(PLACE_REPLY, "", taken->reply_queue, body, n);
    o->mandatory = l->rabbit->options.direct_mandatory_flag;
    outgoing_compress(o, &l->rabbit->options);
    sender_send(l->rabbit->sender, o);
}

void listener_reply(void *listener, struct incoming *in, struct rpc_reply reply)
{
    send_reply(listener, (struct taken *)(void *)in, &reply, true);
    json_decref(reply.result);
    json_decref(reply.failure);
}

void listener_keep_alive(void *listener, struct incoming *in)
{
    send_reply(listener, (struct taken *)(void *)in, &(struct rpc_reply){}, false);
}

void listener_done(void *listener, struct incoming *in)
{
    taken_free((struct taken *)(void *)in);
}

void listener_stop(void *listener)
{
    struct listener *l = listener;

    pthread_mutex_lock(&l->lock);
    l->stopped = true;
    wake(l, l->asleep);
    pthread_mutex_unlock(&l->lock);
}

/* What was not taken goes back to its queue with the channel. */
void listener_free(void *listener)
{
    struct listener *l = listener;

    pthread_mutex_lock(&l->lock);
    while (l->serving)
        pthread_cond_wait(&l->ready, &l->lock);
    pthread_mutex_unlock(&l->lock);
    broker_remove(l->rabbit->in, &l->channel, leave);
    g_queue_clear_full(&l->waiting, (GDestroyNotify)taken_free);
    g_queue_clear_full(&l->granting, (GDestroyNotify)taken_free);
    sem_destroy(&l->arrived);
    pthread_cond_destroy(&l->ready);
    pthread_mutex_destroy(&l->lock);
    g_free(l->refused);
    g_free(l->fanout_queue);
    g_free((char *)(uintptr_t)l->on.exchange);
    g_free((char *)(uintptr_t)l->on.topic);
    g_free((char *)(uintptr_t)l->on.server);
    g_free((char *)(uintptr_t)l->on.pool);
    g_free(l);
}

/* ---- the channel: locked, but for take_content ---------------------------------------------------------------- */

/* A queue bound to the exchange, consumed under the next tag. */
static void consume(struct listener *l, struct buf *to, enum place place, const char *exchange, const char *queue, const char *key)
{
    const struct rabbit_options *o = &l->rabbit->options;
    char tag[12];

    snprintf(tag, sizeof(tag), "%d", ++l->consumers);
    declare_exchange(to, l->channel.number, o, place, exchange);
    declare_queue(to, l->channel.number, o, place, queue);
    bind_queue(to, l->channel.number, queue, exchange, key);
    consume_queue(to, l->channel.number, o, queue, tag);
}

static void consume_rpc(struct listener *l, struct buf *to)
{
    g_autofree char *one = g_strconcat(l->on.topic, ".", l->on.server, NULL), *fanout = g_strconcat(l->on.topic, "_fanout", NULL);

    if (!l->fanout_queue) {
        g_autofree char *prefix = g_strconcat(fanout, "_", NULL);

        l->fanout_queue = random_name(prefix);
    }
    consume(l, to, PLACE_TOPIC, l->on.exchange, l->on.topic, l->on.topic);
    if (l->on.server)
        consume(l, to, PLACE_TOPIC, l->on.exchange, one, one);
    consume(l, to, PLACE_FANOUT, fanout, l->fanout_queue, l->on.topic);
}

/* Every priority of the topic: its own queue, or all bound to the pool's. */
static void consume_notifications(struct listener *l, struct buf *to)
{
    for (const char *const *priority = priorities; *priority; priority++) {
        g_autofree char *key = g_strconcat(l->on.topic, ".", *priority, NULL);

        if (!l->on.pool)
            consume(l, to, PLACE_NOTIFICATIONS, l->on.exchange, key, key);
        else if (!l->consumers)
            consume(l, to, PLACE_NOTIFICATIONS, l->on.exchange, l->on.pool, key);
        else
            bind_queue(to, l->channel.number, l->on.pool, l->on.exchange, key);
    }
}

static void opened(struct channel *channel, struct buf *to)
{
    struct listener *l = (struct listener *)channel;
    amqp_basic_qos_t qos = { .prefetch_count = (uint16_t)(l->rabbit->options.rabbit_qos_prefetch_count ?: USUAL_PREFETCH) };

    l->consumers = l->consuming = 0;
    frame_method(to, channel->number, AMQP_BASIC_QOS_METHOD, &qos);
    if (l->on.notifications)
        consume_notifications(l, to);
    else
        consume_rpc(l, to);
}

/* Its queues are there; where they were before, perhaps not with all that was in them. */
static void all_declared(struct listener *l)
{
    bool again;

    pthread_mutex_lock(&l->lock);
    again = l->declared;
    l->declared = true;
    pthread_cond_broadcast(&l->ready);
    pthread_mutex_unlock(&l->lock);
    if (again && l->on.resumed)
        l->on.resumed();
}

static void take_method(struct channel *channel, const amqp_method_t *m, struct buf *to)
{
    struct listener *l = (struct listener *)channel;

    if (m->id == AMQP_BASIC_CANCEL_METHOD) {
        log_warning(NULL, "rabbit: the broker has cancelled a consumer of topic %s: declaring it again", l->on.topic);
        broker_reset_channel(l->rabbit->in, channel, (int64_t)(l->rabbit->options.kombu_reconnect_delay * 1e6));
    }
    if (m->id == AMQP_BASIC_CONSUME_OK_METHOD && ++l->consuming == l->consumers)
        all_declared(l);
}

static void take_content(struct channel *channel, struct content *content)
{
    struct listener *l = (struct listener *)channel;
    struct taken *taken = g_new0(struct taken, 1);

    taken->content = *content;
    taken->generation = channel->generation;
    *content = (struct content){};
    l->unanswered++;
    if (!may_grant(l, taken)) {
        pthread_mutex_lock(&l->lock);
        g_queue_push_tail(&l->waiting, taken);
        wake(l, 1);
        pthread_mutex_unlock(&l->lock);
    } else if (read_taken(l, taken)) {
        g_queue_push_tail(&l->granting, taken);
    } else {
        pthread_mutex_lock(&l->lock);
        l->idle++;
        pthread_mutex_unlock(&l->lock);
    }
}

/* Not while others wait, who came before; and what is large is read by those who poll. */
static bool may_grant(struct listener *l, const struct taken *taken)
{
    bool may;

    if (l->on.notifications || taken->content.compressed || taken->content.size > GRANTED_SIZE)
        return false;
    pthread_mutex_lock(&l->lock);
    may = !l->stopped && l->idle > 0 && !l->waiting.length;
    l->idle -= may;
    pthread_mutex_unlock(&l->lock);
    return may;
}

/* From here on those who poll wait for what is being granted, also when stopped. */
static bool promise(struct listener *l)
{
    pthread_mutex_lock(&l->lock);
    l->promised = !l->stopped;
    bool promised = l->promised;
    pthread_mutex_unlock(&l->lock);
    return promised;
}

/* All at once, where nothing before them waits. False where they will come again instead. */
static bool acknowledge_granting(struct listener *l)
{
    struct buf *to = broker_begin(l->rabbit->in);
    bool open = l->channel.state == CHANNEL_OPEN && promise(l), multiple = l->unanswered == (int)l->granting.length;

    for (const GList *i = multiple ? l->granting.tail : l->granting.head; open && i; i = i->next) {
        const struct taken *taken = i->data;

        frame_method(to, l->channel.number, AMQP_BASIC_ACK_METHOD, &(amqp_basic_ack_t){ .delivery_tag = taken->content.tag, .multiple = multiple });
    }
    if (open)
        l->unanswered -= (int)l->granting.length;
    broker_end(l->rabbit->in);
    return open;
}

/* Gives what is acknowledged to those who poll. */
static void grant(struct listener *l)
{
    pthread_mutex_lock(&l->lock);
    for (struct taken *taken; (taken = g_queue_pop_head(&l->granting));) {
        taken->settled = taken->acknowledged = true;
        if (has_recent(l, taken)) {
            taken_free(taken);
            l->idle++;
            continue;
        }
        note_recent(l, taken);
        g_queue_push_tail(&l->granted, taken);
    }
    l->promised = false;
    pthread_mutex_unlock(&l->lock);
}

/* May the connection's thread serve what is granted? */
static bool is_quick(const struct listener *l)
{
    return l->on.serve && !l->stopped && clock_mono_us() >= l->slow_until;
}

/* What was granted is acknowledged; where nobody polls any more, it goes back with the channel. One thread serves what came together, and its
 * replies go out together; others come when it has not done all within the moment.
 */
static int64_t round_done(struct channel *channel)
{
    struct listener *l = (struct listener *)channel;
    int n = (int)l->granting.length;
    bool may_serve = n && broker_has_deputy(l->rabbit->in);
    int64_t again = 0;

    if (n && acknowledge_granting(l)) {
        grant(l);
        again = sender_gather(l->rabbit->sender, n);
    } else {
        sender_gathered(l->rabbit->sender);
    }
    pthread_mutex_lock(&l->lock);
    if (may_serve && l->granted.length && is_quick(l)) {
        l->serving++;
        channel->work_until = again ?: clock_mono_us() + MOMENT_US;
    } else {
        wake(l, l->stopped ? l->asleep : again ? 1 : (int)(l->granted.length + l->waiting.length));
    }
    pthread_mutex_unlock(&l->lock);
    return again;
}

/* Serves what is granted, until nothing is. */
static void work(struct channel *channel)
{
    struct listener *l = (struct listener *)channel;
    struct taken *taken;

    pthread_mutex_lock(&l->lock);
    while ((taken = g_queue_pop_head(&l->granted))) {
        pthread_mutex_unlock(&l->lock);
        l->on.serve(l->on.data, &taken->incoming);
        taken_free(taken);
        pthread_mutex_lock(&l->lock);
        l->idle++;
    }
    pthread_mutex_unlock(&l->lock);
    sender_let_go(l->rabbit->sender);
    pthread_mutex_lock(&l->lock);
    l->slow_for -= l->slow_for / 8;
    wake(l, (int)l->waiting.length);
    if (!--l->serving)
        pthread_cond_broadcast(&l->ready);
    pthread_mutex_unlock(&l->lock);
}

/* Those who poll do it for a while. */
static void late(struct channel *channel)
{
    struct listener *l = (struct listener *)channel;

    pthread_mutex_lock(&l->lock);
    l->slow_for = CLAMP(2 * l->slow_for, SLOW_MIN_US, SLOW_MAX_US);
    l->slow_until = clock_mono_us() + l->slow_for;
    wake(l, (int)l->granted.length);
    pthread_mutex_unlock(&l->lock);
}

/* All that was not taken will be delivered again. */
static void lost(struct channel *channel, int code, amqp_method_number_t after, const char *why)
{
    struct listener *l = (struct listener *)channel;

    l->unanswered = 0;
    sender_let_go(l->rabbit->sender);
    pthread_mutex_lock(&l->lock);
    l->idle += (int)l->granting.length;
    g_queue_clear_full(&l->granting, (GDestroyNotify)taken_free);
    g_queue_clear_full(&l->waiting, (GDestroyNotify)taken_free);
    if (code && (!l->refused || strcmp(l->refused, why))) {
        log_warning(NULL, "rabbit: topic %s: %s", l->on.topic, why);
        g_free(l->refused);
        l->refused = g_strdup(why);
        pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    if (code)
        channel->reopen_at = clock_mono_us() + 1000000;
}

static void leave(struct channel *channel, struct buf *to)
{
    struct listener *l = (struct listener *)channel;
    amqp_queue_delete_t delete = { .queue = bytes_of(l->fanout_queue) };

    if (l->fanout_queue)
        frame_method(to, channel->number, AMQP_QUEUE_DELETE_METHOD, &delete);
}

/* ---- a delivery ----------------------------------------------------------------------------------------------- */

/* Says it to the broker, once; false where the delivery is of a channel that is no more. */
static bool answer(struct listener *l, struct taken *taken, amqp_method_number_t id, void *method)
{
    struct buf *to = broker_begin(l->rabbit->in);
    bool ours = !taken->settled && l->channel.state == CHANNEL_OPEN && l->channel.generation == taken->generation;

    if (ours) {
        frame_method(to, l->channel.number, id, method);
        l->unanswered--;
    }
    taken->settled = true;
    broker_end(l->rabbit->in);
    return ours;
}

/* What cannot be read is refused for good, and said once. */
static bool read_taken(struct listener *l, struct taken *taken)
{
    struct envelope_request in = {};
    char why[WHY_SIZE];
    struct envelope body;
    bool is_open = content_open(&taken->content, &l->rabbit->options, &body, why);
    bool well = is_open && (l->on.notifications ? envelope_read_notification : envelope_read_request)(&body, &in, why);

    buf_clear(&taken->content.body);
    if (!well) {
        log_warning(NULL, "rabbit: topic %s: a message was refused: %s", l->on.topic, why);
        answer(l, taken, AMQP_BASIC_REJECT_METHOD, &(amqp_basic_reject_t){ .delivery_tag = taken->content.tag });
    } else {
        taken->incoming.message = in.message;
        taken->incoming.wants_reply = in.reply_queue != NULL;
        taken->incoming.monitor_us = in.monitor * 1000000;
        taken->message_id = g_strdup(in.message_id);
        taken->reply_queue = g_strdup(in.reply_queue);
        g_strlcpy(taken->unique_id, in.unique_id ?: "", sizeof(taken->unique_id));
    }
    if (is_open)
        envelope_close(&body);
    if (!well)
        taken_free(taken);
    return well;
}

/* Did it come before? The lock is held. */
static bool has_recent(const struct listener *l, const struct taken *taken)
{
    const char *id = taken->unique_id;
    bool found = false;

    for (int i = 0; *id && i < RECENT && !found; i++)
        found = *l->recent[i] == *id && strcmp(l->recent[i], id) == 0;
    if (found)
        log_info(NULL, "rabbit: topic %s: message %s came twice: ignored", l->on.topic, id);
    return found;
}

/* Then it is acknowledged, and forgotten. */
static bool is_recent(struct listener *l, struct taken *taken)
{
    bool found;

    pthread_mutex_lock(&l->lock);
    found = has_recent(l, taken);
    pthread_mutex_unlock(&l->lock);
    if (found) {
        answer(l, taken, AMQP_BASIC_ACK_METHOD, &(amqp_basic_ack_t){ .delivery_tag = taken->content.tag });
        taken_free(taken);
    }
    return found;
}

static void taken_free(struct taken *taken)
{
    message_free(taken->incoming.message);
    content_clear(&taken->content);
    g_free(taken->message_id);
    g_free(taken->reply_queue);
    g_free(taken);
}
