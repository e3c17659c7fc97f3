/* A connection to a broker, kept: its owner thread connects, logs in, reads, answers heartbeats, opens the channels and, when all is
 * lost, begins again with the next broker. Whoever writes adds frames to one buffer; the first of them takes it out to the
 * socket, and what others add meanwhile goes with it, so that many threads share few system calls and never wait for each other.
 */
#include "oslo/messaging/drivers/rabbit/rabbit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "oslo/base/log.h"
#include "oslo/messaging/drivers/rabbit/login.h"
#include "oslo/messaging/wait.h"

enum { USUAL_PORT = 5672, USUAL_TLS_PORT = 5671, CONNECT_US = 10000000, READ_SIZE = 65536, LAST_WORDS_US = 500000, NAP_US = 4000 };

struct broker {
    const struct transport *transport;
    const struct rabbit_options *options;
    const char *name;
    pthread_t thread;
    int wake;                        /* eventfd */
    pthread_mutex_t lock;            /* guards all below */
    pthread_cond_t changed;          /* a flush has ended, a channel has closed, a content op has returned */
    struct link *link;               /* NULL: down */
    struct login tuned;
    struct buf out, sending;         /* what is to be written, and what is being written */
    size_t sent;                     /* of sending */
    bool flushing;                   /* somebody writes, without the lock */
    bool broken;                     /* a write has failed: errno in broken_errno */
    int broken_errno;
    bool stopping, napping;
    GPtrArray *channels;             /* of struct channel; index number - 1, NULL where one has gone */
    struct channel *in_content;
    int64_t written_at;
    /* The owner's alone: */
    unsigned *order;                 /* of the hosts */
    unsigned host, tries;
    bool said;                       /* that it is down */
    int64_t read_at, looked_at;
    struct buf in;
    size_t in_at;
    amqp_pool_t pool;
};

static void *own(void *connection);
static bool bring_up(struct broker *, char why[WHY_SIZE]);
static void serve(struct broker *, char why[WHY_SIZE]);
static void take_down(struct broker *, const char *why);
static void pause_before_next(struct broker *);
static bool read_frames(struct broker *, char why[WHY_SIZE]);
static bool take_frame(struct broker *, const struct frame *, char why[WHY_SIZE]);
static int64_t run_ticks(struct broker *);
static void say_written(struct broker *);
static bool may_nap(struct broker *);
static bool still_alive(struct broker *, char why[WHY_SIZE]);
static void flush(struct broker *);
static void open_channel(struct broker *, struct channel *);

struct broker *broker_new(struct ctx *c, const struct transport *t, const struct rabbit_options *options, const char *name)
{
    struct broker *k = g_new0(struct broker, 1);

    pthread_mutex_init(&k->lock, NULL);
    cond_init_mono(&k->changed);
    k->transport = t;
    k->options = options;
    k->name = name;
    k->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    k->tuned.frame_max = FRAME_MAX;
    k->channels = g_ptr_array_new();
    k->order = g_new(unsigned, t->hosts->len);
    for (unsigned i = 0; i < t->hosts->len; i++) {           /* each process in an order of its own, so that brokers share */
        unsigned j = (unsigned)random_below(i + 1);

        k->order[i] = k->order[j];
        k->order[j] = i;
    }
    init_amqp_pool(&k->pool, 4096);
    if (k->wake < 0 || pthread_create(&k->thread, NULL, own, k) != 0)
        g_error("rabbit: no descriptor or thread for a connection");
    return k;
}

void broker_free(struct broker *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_mutex_unlock(&k->lock);
    broker_wake(k);
    pthread_join(k->thread, NULL);
    for (guint i = 0; i < k->channels->len; i++)
        if (k->channels->pdata[i])
            content_clear(&((struct channel *)k->channels->pdata[i])->content);
    g_ptr_array_unref(k->channels);
    buf_clear(&k->out);
    buf_clear(&k->sending);
    buf_clear(&k->in);
    empty_amqp_pool(&k->pool);
    close(k->wake);
    g_free(k->order);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    g_free(k);
}

void content_clear(struct content *content)
{
    g_free(content->key);
    buf_clear(&content->body);
    *content = (struct content){};
}

/* ---- channels ----------------------------------------------------------------------------------------------- */

void broker_add(struct broker *k, struct channel *channel)
{
    guint i = 0;

    pthread_mutex_lock(&k->lock);
    while (i < k->channels->len && k->channels->pdata[i])
        i++;
    if (i == k->channels->len)
        g_ptr_array_add(k->channels, NULL);
    k->channels->pdata[i] = channel;
    channel->connection = k;
    channel->number = (int)i + 1;
    channel->state = CHANNEL_DOWN;
    if (k->link)
        open_channel(k, channel);
    broker_end(k);
}

void broker_remove(struct broker *k, struct channel *channel, void (*leave)(struct channel *, struct buf *))
{
    int64_t deadline = clock_mono_us() + 2000000;

    pthread_mutex_lock(&k->lock);
    if (k->link && channel->state == CHANNEL_OPEN && leave)
        leave(channel, &k->out);
    if (k->link && (channel->state == CHANNEL_OPEN || channel->state == CHANNEL_OPENING))
        broker_reset_channel(k, channel, INT64_MAX / 2);
    flush(k);
    while (k->in_content == channel || (k->link && channel->state == CHANNEL_CLOSING))
        if (cond_wait_until(&k->changed, &k->lock, deadline) != 0 && k->in_content != channel)
            break;
    if (k->link && channel->state == CHANNEL_CLOSING) {      /* it never answered: nobody else may have that number now */
        k->broken = true;
        k->broken_errno = ETIMEDOUT;
    }
    k->channels->pdata[channel->number - 1] = NULL;
    pthread_mutex_unlock(&k->lock);
    content_clear(&channel->content);
}

static void open_channel(struct broker *k, struct channel *channel)
{
    amqp_channel_open_t open = { .out_of_band = amqp_empty_bytes };

    channel->state = CHANNEL_OPENING;
    channel->generation++;
    frame_method(&k->out, channel->number, AMQP_CHANNEL_OPEN_METHOD, &open);
}

void broker_reset_channel(struct broker *k, struct channel *channel, int64_t delay_us)
{
    amqp_channel_close_t close = { .reply_code = AMQP_REPLY_SUCCESS, .reply_text = bytes_of("again") };

    if (channel->state != CHANNEL_OPEN && channel->state != CHANNEL_OPENING)
        return;
    channel->state = CHANNEL_CLOSING;
    channel->reopen_at = clock_mono_us() + delay_us;
    frame_method(&k->out, channel->number, AMQP_CHANNEL_CLOSE_METHOD, &close);
}

size_t broker_frame_max(const struct broker *k)
{
    return k->tuned.frame_max;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

struct buf *broker_begin(struct broker *k)
{
    pthread_mutex_lock(&k->lock);
    return &k->out;
}

void broker_end(struct broker *k)
{
    flush(k);
    pthread_mutex_unlock(&k->lock);
}

void broker_wake(struct broker *k)
{
    if (write(k->wake, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0)
        return;                      /* it is full: awake anyway */
}

void broker_hurry(struct broker *k, struct channel *channel)
{
    channel->patient = false;
    if (k->napping)
        broker_wake(k);
    k->napping = false;
}

/* Writes until all is out or the socket takes no more; the lock is held, and left while writing. One thread at a time: another finds its
 * frames taken along. TLS is left to the owner. */
static void flush(struct broker *k)
{
    if (k->link && k->out.len && !link_is_shared(k->link) && !pthread_equal(k->thread, pthread_self())) {
        broker_wake(k);
        return;
    }
    while (k->link && !k->flushing && !k->broken && (k->sending.len > k->sent || k->out.len)) {
        if (k->sent == k->sending.len) {
            struct buf empty = k->sending;

            empty.len = 0;
            k->sending = k->out;
            k->out = empty;
            k->sent = 0;
        }
        k->flushing = true;
        pthread_mutex_unlock(&k->lock);
        ssize_t n = link_write(k->link, k->sending.data + k->sent, k->sending.len - k->sent);
        int error = errno;
        pthread_mutex_lock(&k->lock);
        k->flushing = false;
        k->broken = n < 0;
        k->broken_errno = error;
        k->sent += n > 0 ? (size_t)n : 0;
        pthread_cond_broadcast(&k->changed);
        if (n <= 0) {                /* the owner waits until it can go on */
            broker_wake(k);
            return;
        }
        k->written_at = clock_mono_us();
        if (k->sent == k->sending.len && k->sending.cap > 1 << 20)
            buf_clear(&k->sending), k->sent = 0;
    }
}

/* ---- the owner ---------------------------------------------------------------------------------------------- */

static void *own(void *data)
{
    struct broker *k = data;
    char why[WHY_SIZE];

    pthread_setname_np(pthread_self(), k->name);
    while (!k->stopping) {
        why[0] = 0;
        if (bring_up(k, why))
            serve(k, why);
        take_down(k, why);
        pause_before_next(k);
    }
    return NULL;
}

static const struct transport_host *next_host(struct broker *k)
{
    static const struct transport_host here = { .host = (char *)(uintptr_t)"localhost" };
    unsigned n = k->transport->hosts->len;

    if (!n)
        return &here;
    return &g_array_index(k->transport->hosts, struct transport_host, k->order[k->host % n]);
}

static bool bring_up(struct broker *k, char why[WHY_SIZE])
{
    const struct transport_host *host = next_host(k);
    const char *address = host->host && *host->host ? host->host : "localhost";
    int port = host->port ?: k->options->ssl ? USUAL_TLS_PORT : USUAL_PORT;
    struct link *link = link_open(k->options, address, host->port ?: port, CONNECT_US, why);
    struct login tuned = { .frame_max = FRAME_MAX };

    if (link && !login(link, k->options, host, k->transport->virtual_host, k->name, clock_mono_us() + CONNECT_US, &tuned, why)) {
        link_close(link);
        link = NULL;
    }
    if (!link) {
        char reason[WHY_SIZE];

        g_strlcpy(reason, why, sizeof(reason));
        snprintf(why, WHY_SIZE, "%s:%d: %.200s", address, host->port ?: port, reason);
        return false;
    }
    log_info(NULL, "rabbit %s: connected to %s:%d", k->name, address, host->port ?: port);
    pthread_mutex_lock(&k->lock);
    k->tries = 0;
    k->said = false;
    k->link = link;
    k->tuned = tuned;
    k->broken = false;
    k->read_at = k->written_at = clock_mono_us();
    for (guint i = 0; i < k->channels->len; i++)
        if (k->channels->pdata[i])
            open_channel(k, k->channels->pdata[i]);
    flush(k);
    pthread_mutex_unlock(&k->lock);
    return true;
}

/* Reads and writes until the connection is lost or not wanted any more. */
static void serve(struct broker *k, char why[WHY_SIZE])
{
    for (;;) {
        struct pollfd fds[2] = { { .fd = k->wake, .events = POLLIN }, { .fd = link_fd(k->link), .events = POLLIN } };
        int64_t next, now;
        uint64_t woken;

        pthread_mutex_lock(&k->lock);
        next = run_ticks(k);
        flush(k);
        say_written(k);
        if (k->broken) {
            snprintf(why, WHY_SIZE, "%s", k->broken_errno ? g_strerror(k->broken_errno) : "the broker closed the connection");
            pthread_mutex_unlock(&k->lock);
            return;
        }
        if (k->stopping) {
            pthread_mutex_unlock(&k->lock);
            snprintf(why, WHY_SIZE, "stopped");
            return;
        }
        if (k->sending.len > k->sent && !k->flushing)
            fds[1].events |= POLLOUT;
        k->napping = may_nap(k) && !(fds[1].events & POLLOUT);
        now = clock_mono_us();
        if (k->napping) {            /* what comes meanwhile is read in one go afterwards */
            next = MIN(next, now + NAP_US);
            fds[1].fd = -1;
        }
        pthread_mutex_unlock(&k->lock);
        if (poll(fds, 2, next <= now ? 0 : (int)MIN((next - now) / 1000 + 1, 1000)) < 0 && errno != EINTR)
            return;
        if (fds[1].fd < 0)
            fds[1].revents = POLLIN;
        if (fds[0].revents && read(k->wake, &woken, sizeof(woken)) < 0 && errno != EAGAIN)
            return;
        if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) && !read_frames(k, why))
            return;
        if (!still_alive(k, why))
            return;
    }
}

/* Everybody who counted on the connection hears of it. */
static void take_down(struct broker *k, const char *why)
{
    struct buf unsaid = {};
    struct link *link;
    bool orderly;

    pthread_mutex_lock(&k->lock);
    while (k->flushing)
        pthread_cond_wait(&k->changed, &k->lock);
    orderly = k->stopping && k->link && !k->broken;
    if (!k->said && !k->stopping)
        log_warning(NULL, "rabbit %s: %s: %s", k->name, k->link ? "the connection is lost" : "cannot connect", why);
    k->said = true;
    link = k->link;
    k->link = NULL;
    if (orderly && k->sending.len > k->sent)
        buf_add(&unsaid, k->sending.data + k->sent, k->sending.len - k->sent);
    k->out.len = k->sending.len = k->sent = 0;
    for (guint i = 0; i < k->channels->len; i++) {
        struct channel *channel = k->channels->pdata[i];

        if (!channel)
            continue;
        channel->state = CHANNEL_DOWN;
        content_clear(&channel->content);
        channel->missing = 0;
        channel->ops->lost(channel, 0, 0, why);
    }
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
    if (orderly)
        login_end(link, unsaid.data, unsaid.len, clock_mono_us() + LAST_WORDS_US);
    buf_clear(&unsaid);
    link_close(link);
    k->in.len = k->in_at = 0;
}

/* All brokers are tried before it sleeps; longer each time, and each process a little differently. */
static void pause_before_next(struct broker *k)
{
    const struct rabbit_options *o = k->options;
    unsigned n = MAX(1, k->transport->hosts->len);
    int64_t seconds = MIN(o->rabbit_retry_interval + o->rabbit_retry_backoff * (k->tries / n), o->rabbit_interval_max);
    int64_t us = k->tries ? seconds * 1000000 : (int64_t)(o->kombu_reconnect_delay * 1e6);
    struct pollfd wake = { .fd = k->wake, .events = POLLIN };

    k->tries++;
    k->host++;
    if (o->kombu_failover_strategy && strcmp(o->kombu_failover_strategy, "shuffle") == 0)
        k->host = (unsigned)random_below(n);
    if (k->tries % n && n > 1)
        return;
    for (int64_t until = clock_mono_us() + us / 2 + (int64_t)random_below((uint64_t)us / 2 + 1), now; !k->stopping && (now = clock_mono_us()) < until;)
        if (poll(&wake, 1, (int)((until - now) / 1000) + 1) > 0 && read(k->wake, &(uint64_t){ 0 }, sizeof(uint64_t)) < 0)
            break;
}

/* Opens what is due to be open; gives when to come again. Locked. */
static int64_t run_ticks(struct broker *k)
{
    int64_t now = clock_mono_us(), next = now + 1000000;

    for (guint i = 0; i < k->channels->len; i++) {
        struct channel *channel = k->channels->pdata[i];
        int64_t at = 0;

        if (!channel)
            continue;
        if (channel->state == CHANNEL_DOWN && channel->reopen_at <= now)
            open_channel(k, channel);
        else if (channel->state == CHANNEL_DOWN)
            at = channel->reopen_at;
        else if (channel->ops->tick)
            at = channel->ops->tick(channel, now, &k->out);
        if (at && at < next)
            next = at;
    }
    return next;
}

static void say_written(struct broker *k)
{
    for (guint i = 0; i < k->channels->len; i++) {
        struct channel *channel = k->channels->pdata[i];

        if (channel && channel->ops->written)
            channel->ops->written(channel);
    }
}

/* Is all that will come such that nobody waits for it? Locked. */
static bool may_nap(struct broker *k)
{
    bool patient = false;

    for (guint i = 0; i < k->channels->len; i++) {
        struct channel *channel = k->channels->pdata[i];

        if (channel && (channel->state != CHANNEL_OPEN || !channel->patient))
            return false;
        patient = patient || channel;
    }
    return patient;
}

/* Sends a heartbeat where nothing else was sent; gives the broker up where nothing came. */
static bool still_alive(struct broker *k, char why[WHY_SIZE])
{
    int64_t now = clock_mono_us(), silence = k->tuned.heartbeat * 1000000;

    if (!silence || now - k->looked_at < 500000)
        return true;
    k->looked_at = now;
    if (now - k->read_at > silence) {
        snprintf(why, WHY_SIZE, "the broker has been silent for %" G_GINT64_FORMAT " s", k->tuned.heartbeat);
        return false;
    }
    struct buf *to = broker_begin(k);
    if (now - k->written_at > silence / (2 * k->options->heartbeat_rate))
        frame_heartbeat(to);
    broker_end(k);
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static bool read_frames(struct broker *k, char why[WHY_SIZE])
{
    ssize_t got;
    struct frame frame;

    do {
        ssize_t n = 0;

        buf_reserve(&k->in, READ_SIZE);
        got = link_read(k->link, k->in.data + k->in.len, READ_SIZE);
        if (got < 0) {
            snprintf(why, WHY_SIZE, "%s", errno ? g_strerror(errno) : k->in.len ? "the broker closed the connection within a frame"
                                                                                : "the broker closed the connection");
            return false;
        }
        k->in.len += (size_t)got;
        k->read_at = clock_mono_us();
        while ((n = frame_read((uint8_t *)k->in.data + k->in_at, k->in.len - k->in_at, k->tuned.frame_max, &frame)) > 0) {
            k->in_at += (size_t)n;
            if (!take_frame(k, &frame, why))
                return false;
            recycle_amqp_pool(&k->pool);
        }
        if (n < 0) {
            snprintf(why, WHY_SIZE, "what came is no AMQP frame");
            return false;
        }
        if (k->in_at) {
            memmove(k->in.data, k->in.data + k->in_at, k->in.len - k->in_at);
            k->in.len -= k->in_at;
            k->in_at = 0;
        }
    } while (got == READ_SIZE || (got > 0 && !link_is_shared(k->link)));
    return true;
}

static void channel_lost(struct broker *k, struct channel *channel, int code, amqp_method_number_t after, const char *why)
{
    channel->state = CHANNEL_DOWN;
    content_clear(&channel->content);
    channel->missing = 0;
    if (channel->reopen_at < clock_mono_us())
        channel->reopen_at = clock_mono_us() + 100000;
    channel->ops->lost(channel, code, after, why);
    pthread_cond_broadcast(&k->changed);
}

/* Methods of channel 0. */
static bool take_own_method(struct broker *k, const amqp_method_t *m, char why[WHY_SIZE])
{
    const amqp_connection_close_t *closed = m->decoded;
    const amqp_connection_blocked_t *blocked = m->decoded;

    if (m->id == AMQP_CONNECTION_CLOSE_METHOD) {
        snprintf(why, WHY_SIZE, "%d %.*s", closed->reply_code, (int)closed->reply_text.len, (char *)closed->reply_text.bytes);
        frame_method(broker_begin(k), 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &(amqp_connection_close_ok_t){});
        broker_end(k);
        return false;
    }
    if (m->id == AMQP_CONNECTION_BLOCKED_METHOD)
        log_warning(NULL, "rabbit %s: the broker takes no messages: %.*s", k->name, (int)blocked->reason.len, (char *)blocked->reason.bytes);
    if (m->id == AMQP_CONNECTION_UNBLOCKED_METHOD)
        log_info(NULL, "rabbit %s: the broker takes messages again", k->name);
    return true;
}

static void take_method(struct broker *k, struct channel *channel, const amqp_method_t *m)
{
    const amqp_channel_close_t *closed = m->decoded;
    const amqp_basic_deliver_t *deliver = m->decoded;
    const amqp_basic_return_t *returned = m->decoded;
    struct buf *to = broker_begin(k);
    char why[WHY_SIZE];

    switch (m->id) {
    case AMQP_CHANNEL_OPEN_OK_METHOD:
        if (channel->state == CHANNEL_OPENING) {
            channel->state = CHANNEL_OPEN;
            channel->ops->opened(channel, to);
        }
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        snprintf(why, sizeof(why), "%d %.*s", closed->reply_code, (int)MIN(closed->reply_text.len, 200), (char *)closed->reply_text.bytes);
        frame_method(to, channel->number, AMQP_CHANNEL_CLOSE_OK_METHOD, &(amqp_channel_close_ok_t){});
        channel_lost(k, channel, closed->reply_code, (amqp_method_number_t)closed->class_id << 16 | closed->method_id, why);
        break;
    case AMQP_CHANNEL_CLOSE_OK_METHOD:
        channel_lost(k, channel, 0, 0, "closed to be opened again");
        break;
    case AMQP_BASIC_DELIVER_METHOD:
        content_clear(&channel->content);
        channel->content.tag = deliver->delivery_tag;
        channel->content.redelivered = deliver->redelivered;
        break;
    case AMQP_BASIC_RETURN_METHOD:
        content_clear(&channel->content);
        channel->content.returned = true;
        channel->content.code = returned->reply_code;
        channel->content.key = g_strndup(returned->routing_key.bytes, returned->routing_key.len);
        break;
    default:
        channel->ops->method(channel, m, to);
    }
    broker_end(k);
}

/* All of a message is there: its channel takes it, unless the channel is being closed. */
static void content_whole(struct broker *k, struct channel *channel)
{
    pthread_mutex_lock(&k->lock);
    bool wanted = channel->state == CHANNEL_OPEN;
    k->in_content = wanted ? channel : NULL;
    pthread_mutex_unlock(&k->lock);
    if (wanted)
        channel->ops->content(channel, &channel->content);
    pthread_mutex_lock(&k->lock);
    content_clear(&channel->content);
    k->in_content = NULL;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

static bool take_header(struct broker *k, struct channel *channel, const struct frame *f)
{
    struct content *content = &channel->content;
    amqp_basic_properties_t *properties;

    if (!frame_read_header(f, &k->pool, &properties, &content->size))
        return false;
    for (int i = 0; properties->_flags & AMQP_BASIC_HEADERS_FLAG && i < properties->headers.num_entries; i++)
        if (bytes_equal(properties->headers.entries[i].key, "compression"))
            content->compressed = true;
    channel->missing = content->size;
    content->refused = content->size > (uint64_t)k->options->max_message_size;
    if (!content->refused)
        buf_reserve(&content->body, MIN(content->size, 1 << 20));
    if (!channel->missing)
        content_whole(k, channel);
    return true;
}

static bool take_body(struct broker *k, struct channel *channel, const struct frame *f)
{
    if (f->n > channel->missing)
        return false;
    channel->missing -= f->n;
    if (!channel->content.refused)
        buf_add(&channel->content.body, f->payload, f->n);
    if (!channel->missing)
        content_whole(k, channel);
    return true;
}

static bool take_frame(struct broker *k, const struct frame *f, char why[WHY_SIZE])
{
    struct channel *channel = NULL;
    amqp_method_t method;
    bool well = true;

    if (f->type == AMQP_FRAME_HEARTBEAT)
        return true;
    pthread_mutex_lock(&k->lock);
    if (f->channel > 0 && (guint)f->channel <= k->channels->len)
        channel = k->channels->pdata[f->channel - 1];
    pthread_mutex_unlock(&k->lock);
    if (f->type == AMQP_FRAME_METHOD) {
        well = frame_read_method(f, &k->pool, &method);
        if (well && f->channel == 0)
            return take_own_method(k, &method, why);
        if (well && channel)
            take_method(k, channel, &method);
    } else if (channel) {
        well = f->type == AMQP_FRAME_HEADER ? take_header(k, channel, f) : take_body(k, channel, f);
    }
    if (!well)
        snprintf(why, WHY_SIZE, "the broker sent a frame that cannot be read");
    return well;
}
