/* Reading from a connection: bytes to frames, frames to methods and messages, which go to their channels. The owner thread's. */
#include "oslo/messaging/drivers/rabbit/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "oslo/base/log.h"

enum { READ_SIZE = 65536, SHORT_US = 50, MANY = 4 };

static bool take_frame(struct broker *, const struct frame *, char why[WHY_SIZE]);

void content_clear(struct content *content)
{
    g_free(content->key);
    buf_clear(&content->body);
    *content = (struct content){};
}

/* Takes what is whole. Locked, but for what channels do with messages. */
static bool take_frames(struct broker *k, char why[WHY_SIZE])
{
    struct frame frame;
    ssize_t n = 0;

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
    return true;
}

static bool read_frames(struct broker *k, char why[WHY_SIZE])
{
    ssize_t got;

    do {
        bool well;

        buf_reserve(&k->in, READ_SIZE);
        got = link_read(k->link, k->in.data + k->in.len, READ_SIZE);
        if (got < 0) {
            snprintf(why, WHY_SIZE, "%s", errno ? g_strerror(errno) : k->in.len ? "the broker closed the connection within a frame"
                                                                                : "the broker closed the connection");
            return false;
        }
        k->in.len += (size_t)got;
        k->bytes_read += (size_t)got;
        k->read_at = clock_mono_us();
        pthread_mutex_lock(&k->lock);
        well = take_frames(k, why);
        broker_flush(k);
        pthread_mutex_unlock(&k->lock);
        if (!well)
            return false;
    } while (got == READ_SIZE || (got > 0 && !link_is_shared(k->link)));
    return true;
}

/* Lets the kernel wait for that many bytes before it says that there are some. */
static void set_least(struct broker *k, size_t bytes)
{
    int least = link_is_shared(k->link) ? (int)MAX(bytes, 1) : 1;

    if (least == k->least)
        return;
    k->least = least;
    setsockopt(link_fd(k->link), SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least));
}

bool broker_waits_for_many(const struct broker *k)
{
    return k->least > 1;
}

/* Is there more within so short a time? */
static bool more_comes(struct broker *k)
{
    struct pollfd fd = { .fd = link_fd(k->link), .events = POLLIN };
    struct timespec patience = { .tv_nsec = SHORT_US * 1000 };

    return ppoll(&fd, 1, &patience, NULL) > 0;
}

/* What is used to come together is waited for. */
bool broker_read(struct broker *k, char why[WHY_SIZE])
{
    int64_t until = clock_mono_us() + MOMENT_US;

    k->n_read = 0;
    k->bytes_read = 0;
    if (!read_frames(k, why))
        return false;
    if (k->n_read < k->habit.usual)
        set_least(k, 1);
    while (k->n_read && k->habit.usual >= MANY && k->n_read < k->habit.usual && clock_mono_us() < until && more_comes(k))
        if (!read_frames(k, why))
            return false;
    habit_saw(&k->habit, k->n_read);
    set_least(k, habit_is_firm(&k->habit) && k->habit.usual >= MANY ? k->bytes_read / 16 * 15 : 1);
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
        frame_method(&k->out, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &(amqp_connection_close_ok_t){});
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
    char why[WHY_SIZE];

    switch (m->id) {
    case AMQP_CHANNEL_OPEN_OK_METHOD:
        if (channel->state == CHANNEL_OPENING) {
            channel->state = CHANNEL_OPEN;
            channel->ops->opened(channel, &k->out);
        }
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        snprintf(why, sizeof(why), "%d %.*s", closed->reply_code, (int)MIN(closed->reply_text.len, 200), (char *)closed->reply_text.bytes);
        frame_method(&k->out, channel->number, AMQP_CHANNEL_CLOSE_OK_METHOD, &(amqp_channel_close_ok_t){});
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
        channel->ops->method(channel, m, &k->out);
    }
}

/* All of a message is there: its channel takes it, unless the channel is being closed. */
static void content_whole(struct broker *k, struct channel *channel)
{
    if (channel->state == CHANNEL_OPEN) {
        k->in_op = channel;
        pthread_mutex_unlock(&k->lock);
        channel->ops->content(channel, &channel->content);
        pthread_mutex_lock(&k->lock);
        k->in_op = NULL;
        pthread_cond_broadcast(&k->changed);
    }
    channel->round_at = 1;
    k->n_read++;
    content_clear(&channel->content);
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
    if (f->channel > 0 && (guint)f->channel <= k->channels->len)
        channel = k->channels->pdata[f->channel - 1];
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
