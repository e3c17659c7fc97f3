/* Frames: type, channel, size, payload, 0xCE. The numbers are in network order. */
#include "oslo/messaging/drivers/rabbit/frames.h"

#include <arpa/inet.h>
#include <string.h>

enum { HEAD = 7, END = 0xCE, PERSISTENT = 2 };

static void put_head(struct buf *to, uint8_t type, int channel, size_t size)
{
    uint8_t head[HEAD] = { type, (uint8_t)(channel >> 8), (uint8_t)channel };
    uint32_t n = htonl((uint32_t)size);

    memcpy(head + 3, &n, sizeof(n));
    buf_add(to, head, sizeof(head));
}

/* Opens a frame whose size is not known yet; gives where it begins. */
static size_t frame_begin(struct buf *to, uint8_t type, int channel, size_t room)
{
    size_t at = to->len;

    put_head(to, type, channel, 0);
    buf_reserve(to, room);
    return at;
}

static void frame_end(struct buf *to, size_t at)
{
    uint32_t n = htonl((uint32_t)(to->len - at - HEAD));

    memcpy(to->data + at + 3, &n, sizeof(n));
    buf_putc(to, (char)END);
}

static void put_number(struct buf *to, uint64_t value, int bytes)
{
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        buf_putc(to, (char)(value >> shift));
}

void frame_method(struct buf *to, int channel, amqp_method_number_t id, void *method)
{
    enum { ROOM = 16384 };           /* the largest we write is start-ok, with its table */
    size_t at = frame_begin(to, AMQP_FRAME_METHOD, channel, ROOM);
    int n;

    put_number(to, id, 4);
    n = amqp_encode_method(id, method, (amqp_bytes_t){ ROOM - 64, to->data + to->len });
    if (n < 0) {                     /* a text longer than AMQP has room for: said by nobody who asked for it */
        to->len = at;
        return;
    }
    to->len += (size_t)n;
    frame_end(to, at);
}

static void put_properties(struct buf *to, int channel, const struct publication *p)
{
    enum { ROOM = 1024 };
    amqp_table_entry_t compression = { .key = bytes_of("compression"),
                                       .value = { .kind = AMQP_FIELD_KIND_UTF8, .value.bytes = bytes_of(p->compression) } };
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_HEADERS_FLAG |
                  AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG | (p->expiration ? AMQP_BASIC_EXPIRATION_FLAG : 0),
        .content_type = bytes_of("application/json"), .content_encoding = bytes_of("utf-8"),
        .headers = { .num_entries = p->compression ? 1 : 0, .entries = &compression },
        .delivery_mode = PERSISTENT, .expiration = bytes_of(p->expiration),
    };
    size_t at = frame_begin(to, AMQP_FRAME_HEADER, channel, ROOM);
    int n;

    put_number(to, AMQP_BASIC_CLASS, 2);
    put_number(to, 0, 2);
    put_number(to, p->n, 8);
    n = amqp_encode_properties(AMQP_BASIC_CLASS, &properties, (amqp_bytes_t){ ROOM - 64, to->data + to->len });
    to->len += n > 0 ? (size_t)n : 0;
    frame_end(to, at);
}

void frame_publish(struct buf *to, int channel, const struct publication *p, size_t frame_max)
{
    amqp_basic_publish_t publish = { .exchange = bytes_of(p->exchange), .routing_key = bytes_of(p->key), .mandatory = p->mandatory };
    size_t most = frame_max - FRAME_OVERHEAD;

    buf_reserve(to, p->n + 512);
    frame_method(to, channel, AMQP_BASIC_PUBLISH_METHOD, &publish);
    put_properties(to, channel, p);
    for (size_t at = 0; at < p->n; at += most) {
        size_t n = p->n - at < most ? p->n - at : most;

        put_head(to, AMQP_FRAME_BODY, channel, n);
        buf_add(to, p->body + at, n);
        buf_putc(to, (char)END);
    }
}

void frame_heartbeat(struct buf *to)
{
    put_head(to, AMQP_FRAME_HEARTBEAT, 0, 0);
    buf_putc(to, (char)END);
}

ssize_t frame_read(const uint8_t *bytes, size_t n, size_t frame_max, struct frame *ret)
{
    uint32_t size;

    if (n < HEAD)
        return 0;
    memcpy(&size, bytes + 3, sizeof(size));
    size = ntohl(size);
    if (bytes[0] < AMQP_FRAME_METHOD || bytes[0] > AMQP_FRAME_HEARTBEAT || size > frame_max - FRAME_OVERHEAD)
        return -1;
    if (n < (size_t)size + FRAME_OVERHEAD)
        return 0;
    if (bytes[HEAD + size] != END)
        return -1;
    *ret = (struct frame){ .type = bytes[0], .channel = bytes[1] << 8 | bytes[2], .payload = bytes + HEAD, .n = size };
    return (ssize_t)size + FRAME_OVERHEAD;
}

static amqp_bytes_t rest_of(const struct frame *f, size_t from)
{
    return (amqp_bytes_t){ f->n - from, (void *)(uintptr_t)(f->payload + from) };
}

bool frame_read_method(const struct frame *f, amqp_pool_t *pool, amqp_method_t *ret)
{
    uint32_t id;

    if (f->n < sizeof(id))
        return false;
    memcpy(&id, f->payload, sizeof(id));
    ret->id = ntohl(id);
    return amqp_decode_method(ret->id, pool, rest_of(f, sizeof(id)), &ret->decoded) >= 0;
}

bool frame_read_header(const struct frame *f, amqp_pool_t *pool, amqp_basic_properties_t **ret_properties, uint64_t *ret_size)
{
    enum { FIXED = 12 };
    void *properties;

    if (f->n < FIXED || (f->payload[0] << 8 | f->payload[1]) != AMQP_BASIC_CLASS ||
        amqp_decode_properties(AMQP_BASIC_CLASS, pool, rest_of(f, FIXED), &properties) < 0)
        return false;
    *ret_size = 0;
    for (int i = 4; i < FIXED; i++)
        *ret_size = *ret_size << 8 | f->payload[i];
    *ret_properties = properties;
    return true;
}

bool bytes_equal(amqp_bytes_t bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.bytes, text, bytes.len) == 0;
}
