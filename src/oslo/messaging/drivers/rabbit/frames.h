/* AMQP 0-9-1 frames as bytes: written into a buf, read from one. librabbitmq knows what is in a method; nothing here touches a socket. */
#ifndef OSLO_MESSAGING_RABBIT_FRAMES_H
#define OSLO_MESSAGING_RABBIT_FRAMES_H

#include <amqp.h>
#include <amqp_framing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oslo/base/buf.h"

enum { FRAME_OVERHEAD = 8, FRAME_MAX = 131072 };

struct frame {
    uint8_t type;                    /* AMQP_FRAME_METHOD, ... */
    int channel;
    const uint8_t *payload;
    size_t n;
};

/* What is published. Texts are at most 255 bytes; the body may have any length. */
struct publication {
    const char *exchange, *key;
    const char *expiration;          /* ms as text, or NULL */
    const char *compression;         /* header of that name, or NULL */
    bool mandatory;
    const char *body;
    size_t n;
};

void frame_method(struct buf *to, int channel, amqp_method_number_t, void *method);
void frame_publish(struct buf *to, int channel, const struct publication *, size_t frame_max);
void frame_heartbeat(struct buf *to);

/* The frame that the bytes begin with: its length, 0 where it is not all there, -1 where that is no frame. */
ssize_t frame_read(const uint8_t *bytes, size_t n, size_t frame_max, struct frame *ret);
/* A method frame's method; what it holds lives in the pool and the frame. */
bool frame_read_method(const struct frame *, amqp_pool_t *, amqp_method_t *ret);
/* A header frame's properties and length of the body. */
bool frame_read_header(const struct frame *, amqp_pool_t *, amqp_basic_properties_t **ret_properties, uint64_t *ret_size);

static inline amqp_bytes_t bytes_of(const char *text)
{
    return amqp_cstring_bytes(text ? text : "");
}
/* Is it that text? */
bool bytes_equal(amqp_bytes_t, const char *text);

#endif
