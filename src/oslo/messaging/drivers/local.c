/* local:// hands messages to threads of the same process, as they are: no text, no socket.
 *
 * Queues are named as on a broker: <exchange>/<topic> shared by all servers of the topic, <topic>.<server> of one, a fanout
 * queue a listener, <topic>.<priority> of notifications. A queue is bounded: what does not fit is refused to the sender. A
 * cast to a topic that nobody ever listened to is dropped, as the broker does; a call to one waits for a server until its
 * deadline, since servers of one process start in any order. A call to a server whose methods do not wait runs on the caller's thread.
 */
#include <pthread.h>
#include <string.h>

#include "oslo/messaging/drivers/driver.h"
#include "oslo/messaging/internal.h"
#include "oslo/messaging/wait.h"

enum { QUEUE_MAX = 10000 };

struct local_queue {
    char *name;
    GQueue waiting;                  /* of struct packet, oldest first */
    GPtrArray *listeners;            /* of struct local_listener, consuming it now */
    guint turn;                      /* whose turn among them */
    bool declared;                   /* somebody has listened once */
};

/* Where a caller waits. Held by the caller and by the packet on its way. */
struct reply_slot {
    pthread_mutex_t lock;
    sem_t arrived;
    struct rpc_reply reply;
    bool done, given_up;
    int64_t beat;                    /* when it was last said that the method runs */
    int holders;                     /* atomic */
};

struct packet {
    struct incoming incoming;        /* first: poll hands out its address */
    struct reply_slot *slot;         /* NULL: no reply wanted */
    struct local_queue *from;
};

struct local_listener {
    struct local_broker *broker;
    sem_t arrived;                   /* posted for one of those who wait in poll */
    pthread_cond_t served;           /* a caller has left serve */
    GPtrArray *queues;               /* what it consumes; the last one is its own where there is a fanout */
    struct local_queue *own;         /* its fanout queue, or NULL */
    char *fanout;                    /* the fanout exchange it is bound to, or NULL */
    void (*serve)(void *, struct incoming *);        /* on the caller's thread, or NULL */
    void *data;
    int idle, serving;               /* threads that wait in poll; callers within serve */
    bool stopped;
};

struct local_broker {
    pthread_mutex_t lock;            /* guards all below and every queue and listener */
    GHashTable *queues;              /* name -> struct local_queue */
    GHashTable *fanouts;             /* exchange name -> GPtrArray of struct local_listener */
};

static struct local_queue *queue_get(struct local_broker *, const char *exchange, const char *topic, const char *part);
static void queue_free(void *);
static bool queue_put(struct local_queue *, struct packet *);
static struct packet *listener_take(struct local_listener *);
static void packet_free(struct packet *);
static struct local_listener *quick_listener(struct local_queue *);
static void serve_here(struct local_listener *, struct packet *);
static struct reply_slot *slot_new(void);
static void slot_release(struct reply_slot *);
static bool slot_wait(struct reply_slot *, int64_t deadline, int64_t monitor_us, struct rpc_reply *ret);

static bool local_open(struct ctx *c, struct transport *t)
{
    struct local_broker *b = g_new0(struct local_broker, 1);

    pthread_mutex_init(&b->lock, NULL);
    b->queues = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, queue_free);
    b->fanouts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)(void *)g_ptr_array_unref);
    t->state = b;
    return true;
}

static void local_close(struct transport *t)
{
    struct local_broker *b = t->state;

    g_hash_table_unref(b->queues);
    g_hash_table_unref(b->fanouts);
    pthread_mutex_destroy(&b->lock);
    g_free(b);
}

/* ---- sending ------------------------------------------------------------------------------------------------ */

static struct packet *packet_new(struct message *m, struct reply_slot *slot)
{
    struct packet *p = g_new0(struct packet, 1);

    p->incoming.message = m;
    p->incoming.wants_reply = slot != NULL;
    p->slot = slot;
    return p;
}

static struct message *message_copy(const struct message *m)
{
    struct message *copy = message_new(m->method, json_deep_copy(m->args), json_deep_copy(m->context));

    copy->rpc_namespace = g_strdup(m->rpc_namespace);
    copy->version = g_strdup(m->version);
    copy->publisher = g_strdup(m->publisher);
    copy->priority = g_strdup(m->priority);
    return copy;
}

static void fan_out(struct local_broker *b, const struct target *target, struct message *m)
{
    g_autofree char *name = g_strconcat(target->exchange ?: "openstack", "/", target->topic, "_fanout", NULL);
    GPtrArray *listeners;

    pthread_mutex_lock(&b->lock);
    listeners = g_hash_table_lookup(b->fanouts, name);
    for (guint i = 0; listeners && i < listeners->len; i++)
        queue_put(((struct local_listener *)listeners->pdata[i])->own, packet_new(message_copy(m), NULL));
    pthread_mutex_unlock(&b->lock);
    message_free(m);
}

static bool local_send(struct ctx *c, struct transport *t, const struct target *target, struct message *m,
                       const struct rpc_options *options, int64_t deadline, struct rpc_reply *reply)
{
    struct local_broker *b = t->state;
    struct reply_slot *slot = reply ? slot_new() : NULL;
    struct local_listener *quick;
    struct local_queue *queue;
    struct packet *packet;
    bool put = true;

    if (target->fanout) {
        fan_out(b, target, m);
        return true;
    }
    const char *method = slot ? ctx_strdup(c, m->method) : "";
    packet = packet_new(m, slot);
    packet->incoming.monitor_us = options->monitor_us;
    if (slot)
        slot->holders++;
    pthread_mutex_lock(&b->lock);
    queue = queue_get(b, target->exchange, target->topic, target->server);
    quick = slot && !options->monitor_us ? quick_listener(queue) : NULL;
    if (!slot && !queue->declared)
        packet_free(packet);
    else if (!quick)
        put = queue_put(queue, packet);
    pthread_mutex_unlock(&b->lock);
    if (quick)
        serve_here(quick, packet);
    if (!put) {
        if (slot)
            slot_release(slot);
        return fail(c, NOT_DELIVERED, method, target->topic, "its queue is full");
    }
    if (slot && !slot_wait(slot, deadline, options->monitor_us, reply))
        return fail(c, MESSAGING_TIMEOUT, method, target->topic);
    return true;
}

/* To the shared queue and to a copy for every pool: all are bound to <topic>.<priority>. */
static bool local_notify(struct ctx *c, struct transport *t, const char *exchange, const char *topic, struct message *m,
                         const struct notify_options *options)
{
    struct local_broker *b = t->state;
    g_autofree char *bound = g_strconcat(exchange ?: "openstack", "/", topic, "#notifications", NULL);
    struct local_queue *queue;
    GPtrArray *pools;

    pthread_mutex_lock(&b->lock);
    pools = g_hash_table_lookup(b->fanouts, bound);
    for (guint i = 0; pools && i < pools->len; i++)
        queue_put(pools->pdata[i], packet_new(message_copy(m), NULL));
    queue = queue_get(b, exchange, topic, "#notifications");
    if (queue->declared)
        queue_put(queue, packet_new(m, NULL));
    else
        message_free(m);
    pthread_mutex_unlock(&b->lock);
    return true;
}

/* ---- listening ---------------------------------------------------------------------------------------------- */

static void bind_to(GHashTable *fanouts, const char *name, void *what)
{
    GPtrArray *bound = g_hash_table_lookup(fanouts, name);

    if (!bound) {
        bound = g_ptr_array_new();
        g_hash_table_insert(fanouts, g_strdup(name), bound);
    }
    if (!g_ptr_array_find(bound, what, NULL))
        g_ptr_array_add(bound, what);
}

static void consume(struct local_listener *l, struct local_queue *q)
{
    q->declared = true;
    g_ptr_array_add(q->listeners, l);
    g_ptr_array_add(l->queues, q);
}

static void *local_listen(struct ctx *c, struct transport *t, const struct listen_on *on)
{
    struct local_broker *b = t->state;
    struct local_listener *l = g_new0(struct local_listener, 1);

    l->broker = b;
    l->serve = on->quick ? on->serve : NULL;
    l->data = on->data;
    l->queues = g_ptr_array_new();
    sem_init(&l->arrived, 0, 0);
    pthread_cond_init(&l->served, NULL);
    pthread_mutex_lock(&b->lock);
    if (on->notifications && on->pool) {
        g_autofree char *bound = g_strconcat(on->exchange ?: "openstack", "/", on->topic, "#notifications", NULL);
        struct local_queue *pool = queue_get(b, on->exchange, on->pool, "#pool");

        consume(l, pool);
        bind_to(b->fanouts, bound, pool);
    } else if (on->notifications) {
        consume(l, queue_get(b, on->exchange, on->topic, "#notifications"));
    } else {
        l->fanout = g_strconcat(on->exchange ?: "openstack", "/", on->topic, "_fanout", NULL);
        l->own = g_new0(struct local_queue, 1);
        l->own->listeners = g_ptr_array_new();
        bind_to(b->fanouts, l->fanout, l);
        consume(l, queue_get(b, on->exchange, on->topic, NULL));
        if (on->server)
            consume(l, queue_get(b, on->exchange, on->topic, on->server));
        consume(l, l->own);
    }
    pthread_mutex_unlock(&b->lock);
    return l;
}

static struct incoming *local_poll(void *listener)
{
    struct local_listener *l = listener;
    struct packet *p = NULL;

    pthread_mutex_lock(&l->broker->lock);
    while (!l->stopped && !(p = listener_take(l))) {
        l->idle++;
        pthread_mutex_unlock(&l->broker->lock);
        sem_wait_until(&l->arrived, 0);
        pthread_mutex_lock(&l->broker->lock);
        l->idle--;
    }
    pthread_mutex_unlock(&l->broker->lock);
    if (!p)
        sem_post(&l->arrived);       /* stopped: for the next one */
    return p ? &p->incoming : NULL;
}

static bool local_acknowledge(void *listener, struct incoming *in)
{
    return true;
}

static void local_requeue(void *listener, struct incoming *in)
{
    struct local_listener *l = listener;
    struct packet *p = (struct packet *)(void *)in, *again = packet_new(in->message, NULL);

    in->message = NULL;
    pthread_mutex_lock(&l->broker->lock);
    again->from = p->from;
    g_queue_push_head(&p->from->waiting, again);
    pthread_mutex_unlock(&l->broker->lock);
}

static void local_reply(void *listener, struct incoming *in, struct rpc_reply reply)
{
    struct reply_slot *slot = ((struct packet *)(void *)in)->slot;

    if (slot) {
        pthread_mutex_lock(&slot->lock);
        slot->reply = reply;
        slot->done = true;
        pthread_mutex_unlock(&slot->lock);
        sem_post(&slot->arrived);
    } else {
        json_decref(reply.result);
        json_decref(reply.failure);
    }
}

static void local_keep_alive(void *listener, struct incoming *in)
{
    struct reply_slot *slot = ((struct packet *)(void *)in)->slot;

    pthread_mutex_lock(&slot->lock);
    slot->beat = clock_mono_us();
    pthread_mutex_unlock(&slot->lock);
}

static void local_done(void *listener, struct incoming *in)
{
    packet_free((struct packet *)(void *)in);
}

static void local_stop(void *listener)
{
    struct local_listener *l = listener;

    pthread_mutex_lock(&l->broker->lock);
    l->stopped = true;
    for (guint i = 0; i < l->queues->len; i++)
        g_ptr_array_remove(((struct local_queue *)l->queues->pdata[i])->listeners, l);
    if (l->fanout)
        g_ptr_array_remove(g_hash_table_lookup(l->broker->fanouts, l->fanout), l);
    sem_post(&l->arrived);
    while (l->serving)
        pthread_cond_wait(&l->served, &l->broker->lock);
    pthread_mutex_unlock(&l->broker->lock);
}

static void local_free(void *listener)
{
    struct local_listener *l = listener;

    if (l->own)
        queue_free(l->own);
    g_ptr_array_unref(l->queues);
    sem_destroy(&l->arrived);
    pthread_cond_destroy(&l->served);
    g_free(l->fanout);
    g_free(l);
}

const struct driver driver_local = {
    .scheme = "local", .open = local_open, .close = local_close, .send = local_send, .notify = local_notify,
    .listen = local_listen, .poll = local_poll, .acknowledge = local_acknowledge, .requeue = local_requeue,
    .reply = local_reply, .keep_alive = local_keep_alive, .done = local_done, .stop = local_stop, .free = local_free,
};

/* ---- queues: the broker's lock is held ---------------------------------------------------------------------- */

static struct local_queue *queue_get(struct local_broker *b, const char *exchange, const char *topic, const char *part)
{
    char name[512];
    struct local_queue *q;

    g_snprintf(name, sizeof(name), "%s/%s%s%s", exchange ?: "openstack", topic, part ? "." : "", part ?: "");
    q = g_hash_table_lookup(b->queues, name);
    if (!q) {
        q = g_new0(struct local_queue, 1);
        q->name = g_strdup(name);
        q->listeners = g_ptr_array_new();
        g_hash_table_insert(b->queues, q->name, q);
    }
    return q;
}

static void queue_free(void *queue)
{
    struct local_queue *q = queue;
    struct packet *p;

    while ((p = g_queue_pop_head(&q->waiting)))
        packet_free(p);
    g_ptr_array_unref(q->listeners);
    g_free(q->name);
    g_free(q);
}

/* Wakes an idle listener, each in its turn; with none idle the next that asks finds it. Frees the packet if it is full. */
static bool queue_put(struct local_queue *q, struct packet *p)
{
    if (q->waiting.length >= QUEUE_MAX) {
        packet_free(p);
        return false;
    }
    p->from = q;
    g_queue_push_tail(&q->waiting, p);
    for (guint i = 0; i < q->listeners->len; i++) {
        struct local_listener *l = q->listeners->pdata[q->turn++ % q->listeners->len];

        if (l->idle) {
            sem_post(&l->arrived);
            break;
        }
    }
    return true;
}

/* The oldest of the first queue that has one; calls nobody waits for any more are left out. */
static struct packet *listener_take(struct local_listener *l)
{
    struct packet *p;

    for (guint i = 0; i < l->queues->len; i++)
        while ((p = g_queue_pop_head(&((struct local_queue *)l->queues->pdata[i])->waiting))) {
            if (!p->slot || !__atomic_load_n(&p->slot->given_up, __ATOMIC_RELAXED))
                return p;
            packet_free(p);
        }
    return NULL;
}

/* One that takes calls on their callers' threads; counted among those it serves. */
static struct local_listener *quick_listener(struct local_queue *q)
{
    for (guint i = 0; i < q->listeners->len; i++) {
        struct local_listener *l = q->listeners->pdata[i];

        if (l->serve && !l->stopped) {
            l->serving++;
            return l;
        }
    }
    return NULL;
}

/* The lock is not held. */
static void serve_here(struct local_listener *l, struct packet *p)
{
    struct local_broker *b = l->broker;

    l->serve(l->data, &p->incoming);
    packet_free(p);
    pthread_mutex_lock(&b->lock);
    if (--l->serving == 0 && l->stopped)
        pthread_cond_broadcast(&l->served);
    pthread_mutex_unlock(&b->lock);
}

static void packet_free(struct packet *p)
{
    message_free(p->incoming.message);
    if (p->slot)
        slot_release(p->slot);
    g_free(p);
}

/* ---- where a caller waits ----------------------------------------------------------------------------------- */

static struct reply_slot *slot_new(void)
{
    struct reply_slot *s = g_new0(struct reply_slot, 1);

    pthread_mutex_init(&s->lock, NULL);
    sem_init(&s->arrived, 0, 0);
    s->beat = clock_mono_us();
    s->holders = 1;
    return s;
}

static void slot_release(struct reply_slot *s)
{
    if (__atomic_sub_fetch(&s->holders, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    json_decref(s->reply.result);
    json_decref(s->reply.failure);
    sem_destroy(&s->arrived);
    pthread_mutex_destroy(&s->lock);
    g_free(s);
}

static bool slot_wait(struct reply_slot *s, int64_t deadline, int64_t monitor_us, struct rpc_reply *ret)
{
    bool done, over = false;

    pthread_mutex_lock(&s->lock);
    while (!s->done && !over) {
        int64_t until = monitor_us ? MIN(deadline, s->beat + monitor_us) : deadline;

        pthread_mutex_unlock(&s->lock);
        over = sem_wait_until(&s->arrived, until) != 0;
        pthread_mutex_lock(&s->lock);
        over = over && (until == deadline || s->beat + monitor_us <= until);
    }
    done = s->done;
    *ret = s->reply;
    s->reply = (struct rpc_reply){};
    __atomic_store_n(&s->given_up, !done, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&s->lock);
    slot_release(s);
    return done;
}
