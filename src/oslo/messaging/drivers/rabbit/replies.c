/* Calls: one queue for the replies to all of them, and a table of who waits for which. A call monitored by its caller lives as long as the
 * other end says that the method still runs.
 */
#include <stdio.h>
#include <string.h>

#include "oslo/base/log.h"
#include "oslo/messaging/drivers/rabbit/rabbit.h"
#include "oslo/messaging/envelope.h"
#include "oslo/messaging/wait.h"

/* Held by its caller, by the message on its way out, and while its reply is being handed over. */
struct call {
    pthread_mutex_t lock;
    struct crowd *crowd;             /* where its caller waits */
    uint32_t bit;
    bool done, given_up;
    struct rpc_reply reply;
    char *why;                       /* it was given up */
    int64_t beat;                    /* when the other end last said that it runs */
    int holders;
};

struct replies {
    struct channel channel;          /* first */
    const struct rabbit_options *options;
    struct broker *connection;
    struct sender *sender;
    struct crowd crowd;              /* of all callers */
    char *queue;
    pthread_mutex_t lock;            /* guards all below */
    pthread_cond_t ready;
    GHashTable *calls;               /* message id -> struct call */
    bool added, consuming;
    /* The connection's thread's: who is to be waked when all that came at once has been read; and what is to be acknowledged, a few at once. */
    GPtrArray *answered;             /* of struct call */
    uint64_t taken;                  /* the last tag */
    int n_taken;
    int64_t taken_at;                /* the first of them */
};

static void opened(struct channel *, struct buf *);
static void take_method(struct channel *, const amqp_method_t *, struct buf *);
static void take_content(struct channel *, struct content *);
static void lost(struct channel *, int code, amqp_method_number_t after, const char *why);
static int64_t tick(struct channel *, int64_t now, struct buf *);
static int64_t round_done(struct channel *);
static void wake_answered(struct replies *);
static struct call *call_new(struct replies *);
static void call_release(struct call *);
static void call_sent(void *call, enum outcome, const char *why);
static bool call_wait(struct call *, int64_t deadline, int64_t monitor_us);

static const struct channel_ops ops = { opened, take_method, take_content, lost, tick, .round = round_done };

enum { TAKEN_MAX = 64, TAKEN_US = 20000 };

struct replies *replies_new(const struct rabbit_options *options, struct broker *connection, struct sender *sender)
{
    struct replies *r = g_new0(struct replies, 1);

    r->channel.ops = &ops;
    r->options = options;
    r->connection = connection;
    r->sender = sender;
    r->answered = g_ptr_array_new();
    r->queue = random_name("reply_");
    r->calls = g_hash_table_new(g_str_hash, g_str_equal);
    pthread_mutex_init(&r->lock, NULL);
    cond_init_mono(&r->ready);
    return r;
}

void replies_free(struct replies *r)
{
    if (!r)
        return;
    if (r->added)
        broker_remove(r->connection, &r->channel, NULL);
    wake_answered(r);
    g_ptr_array_unref(r->answered);
    g_hash_table_unref(r->calls);
    pthread_cond_destroy(&r->ready);
    pthread_mutex_destroy(&r->lock);
    g_free(r->queue);
    g_free(r);
}

enum { READY_US = 60000000 };

/* The queue is there before the first request goes out. */
static bool wait_ready(struct replies *r, int64_t deadline)
{
    bool add, ready;

    pthread_mutex_lock(&r->lock);
    add = !r->added;
    r->added = true;
    pthread_mutex_unlock(&r->lock);
    if (add)
        broker_add(r->connection, &r->channel);
    pthread_mutex_lock(&r->lock);
    while (!r->consuming && !wait_is_over(deadline))
        cond_wait_until(&r->ready, &r->lock, wait_step(deadline));
    ready = r->consuming;
    pthread_mutex_unlock(&r->lock);
    return ready;
}

static struct outgoing *request(struct replies *r, const struct target *t, const struct message *m, const struct rpc_options *options,
                                struct delivery_facts *facts)
{
    g_autofree char *key = t->server ? g_strconcat(t->topic, ".", t->server, NULL) : g_strdup(t->topic);
    struct outgoing *o;
    char *body;
    size_t n;

    facts->reply_queue = r->queue;
    facts->monitor = options->monitor_us / 1000000;
    body = envelope_request(m, facts, &n);
    o = outgoing_new(PLACE_TOPIC, t->exchange ?: DEFAULT_EXCHANGE, key, body, n);
    o->mandatory = options->at_least_once;
    o->retry = options->retry;
    return o;
}

static void join(struct replies *r, const char *id, struct call *call)
{
    pthread_mutex_lock(&r->lock);
    g_hash_table_insert(r->calls, (char *)(uintptr_t)id, call);
    pthread_mutex_unlock(&r->lock);
}

static void leave(struct replies *r, const char *id)
{
    pthread_mutex_lock(&r->lock);
    g_hash_table_remove(r->calls, id);
    pthread_mutex_unlock(&r->lock);
}

bool replies_call(struct ctx *c, struct replies *r, const struct target *t, struct message *m, const struct rpc_options *options,
                  int64_t deadline, struct rpc_reply *ret)
{
    struct delivery_facts facts = {};
    const char *method = ctx_strdup(c, m->method);
    struct call *call;
    struct outgoing *o;
    bool done;

    /* However long the method may take, a broker that is away is not waited for that long. */
    if (!wait_ready(r, MIN(deadline, clock_mono_us() + READY_US))) {
        message_free(m);
        return fail(c, MESSAGING_TIMEOUT, method, t->topic);
    }
    o = request(r, t, m, options, &facts);
    int_write(o->expiration, MAX(1, (deadline - clock_mono_us()) / 1000));
    message_free(m);
    outgoing_compress(o, r->options);
    call = call_new(r);
    call->holders = 2;
    o->settled = call_sent;
    o->data = call;
    join(r, facts.message_id, call);
    sender_send(r->sender, o);
    done = call_wait(call, deadline, options->monitor_us);
    leave(r, facts.message_id);
    if (!done && sender_forget(r->sender, call))
        call_release(call);
    pthread_mutex_lock(&call->lock);
    *ret = call->reply;
    call->reply = (struct rpc_reply){};
    const char *why = ctx_strdup(c, call->why);
    bool given_up = call->given_up;
    pthread_mutex_unlock(&call->lock);
    call_release(call);
    if (given_up && !why)
        return fail(c, UNDELIVERED, method, t->topic);
    if (given_up)
        return fail(c, NOT_DELIVERED, method, t->topic, why);
    return done || fail(c, MESSAGING_TIMEOUT, method, t->topic);
}

/* ---- a call that waits ---------------------------------------------------------------------------------------- */

static struct call *call_new(struct replies *r)
{
    struct call *call = g_new0(struct call, 1);

    pthread_mutex_init(&call->lock, NULL);
    call->crowd = &r->crowd;
    call->bit = crowd_bit(&r->crowd);
    call->beat = clock_mono_us();
    return call;
}

static void call_release(struct call *call)
{
    if (__atomic_sub_fetch(&call->holders, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    json_decref(call->reply.result);
    json_decref(call->reply.failure);
    pthread_mutex_destroy(&call->lock);
    g_free(call->why);
    g_free(call);
}

/* The broker has the request (then the reply is awaited), or never will. */
static void call_sent(void *data, enum outcome outcome, const char *why)
{
    struct call *call = data;

    if (outcome != DELIVERED) {
        pthread_mutex_lock(&call->lock);
        if (!call->done) {
            call->done = call->given_up = true;
            call->why = outcome == GIVEN_UP ? g_strdup(why) : NULL;
            crowd_wake(call->crowd, call->bit);
        }
        pthread_mutex_unlock(&call->lock);
    }
    call_release(call);
}

static bool call_wait(struct call *call, int64_t deadline, int64_t monitor_us)
{
    bool over = false, done;

    pthread_mutex_lock(&call->lock);
    while (!call->done && !over) {
        int64_t until = monitor_us ? MIN(deadline, call->beat + monitor_us) : deadline;
        uint32_t count = call->crowd->count;

        pthread_mutex_unlock(&call->lock);
        crowd_wait_until(call->crowd, count, call->bit, wait_step(until));
        pthread_mutex_lock(&call->lock);
        over = wait_is_over(monitor_us ? MIN(deadline, call->beat + monitor_us) : deadline);
    }
    done = call->done;
    pthread_mutex_unlock(&call->lock);
    return done;
}

/* ---- the channel ---------------------------------------------------------------------------------------------- */

static void opened(struct channel *channel, struct buf *to)
{
    struct replies *r = (struct replies *)channel;

    declare_queue(to, channel->number, r->options, PLACE_REPLY, r->queue);
    consume_queue(to, channel->number, r->options, r->queue, "1");
}

static void set_consuming(struct replies *r, bool consuming)
{
    pthread_mutex_lock(&r->lock);
    r->consuming = r->consuming || consuming;        /* once it was there, calls go out and their replies find it again */
    pthread_cond_broadcast(&r->ready);
    pthread_mutex_unlock(&r->lock);
}

static void take_method(struct channel *channel, const amqp_method_t *m, struct buf *to)
{
    struct replies *r = (struct replies *)channel;

    if (m->id == AMQP_BASIC_CONSUME_OK_METHOD)
        set_consuming(r, true);
    else if (m->id == AMQP_BASIC_CANCEL_METHOD)
        broker_reset_channel(r->connection, channel, (int64_t)(r->options->kombu_reconnect_delay * 1e6));
}

static void lost(struct channel *channel, int code, amqp_method_number_t after, const char *why)
{
    struct replies *r = (struct replies *)channel;

    wake_answered(r);
    sender_let_go(r->sender);
    r->n_taken = 0;
    if (code)
        log_warning(NULL, "rabbit: the queue of replies: %s", why);
}

static void hand_over(struct replies *r, const struct envelope_reply *in)
{
    struct call *call;

    pthread_mutex_lock(&r->lock);
    call = g_hash_table_lookup(r->calls, in->message_id);
    if (call)
        __atomic_add_fetch(&call->holders, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&r->lock);
    if (call) {
        pthread_mutex_lock(&call->lock);
        call->beat = clock_mono_us();
        if (in->ending && !call->done) {
            call->done = true;
            call->reply = (struct rpc_reply){ json_incref(in->result), json_incref(in->failure) };
        }
        pthread_mutex_unlock(&call->lock);
        g_ptr_array_add(r->answered, call);
    }
    if (!call)
        log_info(NULL, "rabbit: a reply nobody waits for: message %s", in->message_id);
}

static void take_content(struct channel *channel, struct content *content)
{
    struct replies *r = (struct replies *)channel;
    struct envelope_reply in;
    char why[WHY_SIZE];
    struct envelope body;
    bool is_open = content_open(content, r->options, &body, why), well = is_open && envelope_read_reply(&body, &in, why);

    if (well)
        hand_over(r, &in);
    else
        log_warning(NULL, "rabbit: a reply that cannot be read: %s", why);
    if (well)
        envelope_reply_clear(&in);
    if (is_open)
        envelope_close(&body);
    if (!well) {
        frame_method(broker_begin(r->connection), channel->number, AMQP_BASIC_REJECT_METHOD, &(amqp_basic_reject_t){ .delivery_tag = content->tag });
        broker_end(r->connection);
        return;
    }
    r->taken_at = r->n_taken++ ? r->taken_at : clock_mono_us();
    r->taken = content->tag;
}

static void wake_answered(struct replies *r)
{
    uint32_t bits = 0;

    for (guint i = 0; i < r->answered->len; i++) {
        struct call *call = r->answered->pdata[i];

        bits |= call->bit;
        call_release(call);
    }
    if (bits)
        crowd_wake(&r->crowd, bits);
    g_ptr_array_set_size(r->answered, 0);
}

/* Whose replies came together will mostly call again together. */
static int64_t round_done(struct channel *channel)
{
    struct replies *r = (struct replies *)channel;
    int64_t again = 0;

    if (r->answered->len) {
        pthread_mutex_lock(&r->lock);
        int calls = (int)g_hash_table_size(r->calls);
        pthread_mutex_unlock(&r->lock);
        again = sender_gather(r->sender, calls);
    } else {
        sender_gathered(r->sender);
    }
    wake_answered(r);
    return again;
}

/* All replies up to the last one taken are acknowledged: when they are many, or when the first has waited long enough. */
static int64_t tick(struct channel *channel, int64_t now, struct buf *to)
{
    struct replies *r = (struct replies *)channel;

    if (!r->n_taken || channel->state != CHANNEL_OPEN)
        return 0;
    if (r->n_taken < TAKEN_MAX && now < r->taken_at + TAKEN_US)
        return r->taken_at + TAKEN_US;
    frame_method(to, channel->number, AMQP_BASIC_ACK_METHOD, &(amqp_basic_ack_t){ .delivery_tag = r->taken, .multiple = true });
    r->n_taken = 0;
    return 0;
}
