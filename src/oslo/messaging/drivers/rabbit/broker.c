/* A connection to a broker, kept: its owner thread connects, logs in, reads, answers heartbeats, opens the channels and, when all is
 * lost, begins again with the next broker.
 */
#include "oslo/messaging/drivers/rabbit/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "oslo/base/log.h"
#include "oslo/messaging/wait.h"

enum { USUAL_PORT = 5672, USUAL_TLS_PORT = 5671, CONNECT_US = 10000000, LAST_WORDS_US = 500000, NAP_US = 4000 };

static void steer(struct broker *);
static bool bring_up(struct broker *, char why[WHY_SIZE]);
static bool serve(struct broker *, char why[WHY_SIZE]);
static void take_down(struct broker *, const char *why);
static void pause_before_next(struct broker *);
static int64_t run_ticks(struct broker *);
static bool run_rounds(struct broker *, int64_t *ret_next);
static bool may_nap(struct broker *);
static bool still_alive(struct broker *, char why[WHY_SIZE]);
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
    k->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    k->steer = steer;
    k->tuned.frame_max = FRAME_MAX;
    k->channels = g_ptr_array_new();
    k->order = g_new(unsigned, t->hosts->len);
    for (unsigned i = 0; i < t->hosts->len; i++) {           /* each process in an order of its own, so that brokers share */
        unsigned j = (unsigned)random_below(i + 1);

        k->order[i] = k->order[j];
        k->order[j] = i;
    }
    init_amqp_pool(&k->pool, 4096);
    if (k->wake < 0 || k->alarm < 0 || !helm_add_thread(k))
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
    helm_join(k);
    for (guint i = 0; i < k->channels->len; i++)
        if (k->channels->pdata[i])
            content_clear(&((struct channel *)k->channels->pdata[i])->content);
    g_ptr_array_unref(k->channels);
    buf_clear(&k->out);
    buf_clear(&k->sending);
    buf_clear(&k->in);
    empty_amqp_pool(&k->pool);
    close(k->wake);
    close(k->alarm);
    g_free(k->order);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    g_free(k);
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
    if (channel->ops->work && k->n_threads == 1)
        helm_add_thread(k);
    if (k->link)
        open_channel(k, channel);
    broker_end(k);
}

bool broker_has_deputy(struct broker *k)
{
    pthread_mutex_lock(&k->lock);
    bool has = k->has_deputy;
    pthread_mutex_unlock(&k->lock);
    return has;
}

/* An op that ran unlocked has returned. */
static void leave_op(struct broker *k)
{
    pthread_mutex_lock(&k->lock);
    k->in_op = NULL;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

static bool is_used(const struct broker *k, const struct channel *channel)
{
    return k->in_op == channel || k->at_work == channel;
}

void broker_remove(struct broker *k, struct channel *channel, void (*leave)(struct channel *, struct buf *))
{
    int64_t deadline = clock_mono_us() + 2000000;

    pthread_mutex_lock(&k->lock);
    if (k->link && channel->state == CHANNEL_OPEN && leave)
        leave(channel, &k->out);
    if (k->link && (channel->state == CHANNEL_OPEN || channel->state == CHANNEL_OPENING))
        broker_reset_channel(k, channel, INT64_MAX / 2);
    broker_flush(k);
    while (is_used(k, channel) || (k->link && channel->state == CHANNEL_CLOSING))
        if (cond_wait_until(&k->changed, &k->lock, deadline) != 0 && !is_used(k, channel))
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

/* ---- the owner ---------------------------------------------------------------------------------------------- */

/* Until all is over, or somebody else steers. */
static void steer(struct broker *k)
{
    char why[WHY_SIZE];

    while (!k->stopping) {
        why[0] = 0;
        if ((k->link || bring_up(k, why)) && !serve(k, why))
            return;
        take_down(k, why);
        pause_before_next(k);
    }
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
    k->least = 1;
    k->habit = (struct habit){};
    k->read_at = k->written_at = clock_mono_us();
    for (guint i = 0; i < k->channels->len; i++)
        if (k->channels->pdata[i])
            open_channel(k, k->channels->pdata[i]);
    broker_flush(k);
    pthread_mutex_unlock(&k->lock);
    return true;
}

/* Is there a reason to end? */
static bool is_over(const struct broker *k, char why[WHY_SIZE])
{
    if (k->broken)
        snprintf(why, WHY_SIZE, "%s", k->broken_errno ? g_strerror(k->broken_errno) : "the broker closed the connection");
    else if (k->stopping)
        snprintf(why, WHY_SIZE, "stopped");
    return k->broken || k->stopping;
}

/* Waits until there is something to read or to write, or that time. */
static bool wait_for_work(struct broker *k, short events, int64_t until, char why[WHY_SIZE])
{
    struct pollfd fds[2] = { { .fd = k->wake, .events = POLLIN }, { .fd = events ? link_fd(k->link) : -1, .events = events } };
    int64_t left = until - clock_mono_us();
    struct timespec patience = { .tv_nsec = CLAMP(left, 0, 999999) * 1000 };
    uint64_t woken;

    if ((ppoll(fds, 2, &patience, NULL) < 0 && errno != EINTR) ||
        (fds[0].revents && read(k->wake, &woken, sizeof(woken)) < 0 && errno != EAGAIN)) {
        snprintf(why, WHY_SIZE, "%s", g_strerror(errno));
        return false;
    }
    k->readable = !events || broker_waits_for_many(k) || fds[1].revents & (POLLIN | POLLHUP | POLLERR);
    return true;
}

/* Reads and writes until the connection is lost or not wanted any more; false where somebody else does so from here on. */
static bool serve(struct broker *k, char why[WHY_SIZE])
{
    for (bool well = true; well;) {
        short events = POLLIN;
        int64_t next;

        if (!run_rounds(k, &next))
            return false;
        pthread_mutex_lock(&k->lock);
        next = MIN(next, run_ticks(k));
        broker_flush(k);
        well = !is_over(k, why);
        if (k->sending.len > k->sent && !k->flushing)
            events |= POLLOUT;
        k->napping = events == POLLIN && may_nap(k);
        if (k->napping) {            /* what comes meanwhile is read in one go afterwards */
            next = MIN(next, clock_mono_us() + NAP_US);
            events = 0;
        }
        pthread_mutex_unlock(&k->lock);
        if (broker_waits_for_many(k))
            next = MIN(next, clock_mono_us() + LONG_MOMENT_US);
        well = well && wait_for_work(k, events, next, why) && (!k->readable || broker_read(k, why)) && still_alive(k, why);
    }
    return true;
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

/* The channel of that place, if its round is due: it stays there until leave_op. Else ret_next knows when it is. */
static struct channel *enter_round(struct broker *k, guint i, int64_t *ret_next)
{
    pthread_mutex_lock(&k->lock);
    struct channel *channel = i < k->channels->len ? k->channels->pdata[i] : NULL;
    int64_t at = channel && channel->ops->round ? channel->round_at : 0;
    bool due = at && at <= clock_mono_us();

    if (at && !due)
        *ret_next = MIN(*ret_next, at);
    k->in_op = due ? channel : NULL;
    pthread_mutex_unlock(&k->lock);
    return k->in_op;
}

/* What came together has been read. ret_next: when a channel wants to look again. False where another thread looks after it from here on. */
static bool run_rounds(struct broker *k, int64_t *ret_next)
{
    *ret_next = INT64_MAX;
    pthread_mutex_lock(&k->lock);
    guint n = k->channels->len;
    pthread_mutex_unlock(&k->lock);
    for (guint i = 0; i < n; i++) {
        struct channel *channel = enter_round(k, i, ret_next);

        if (!channel)
            continue;
        channel->round_at = channel->ops->round(channel);
        if (channel->round_at)
            *ret_next = MIN(*ret_next, channel->round_at);
        if (!channel->work_until)
            leave_op(k);
        else if (!helm_work(k, channel))
            return false;
    }
    return true;
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
