/* WebSocket frames (RFC 6455, 5): read as they come, written whole. Knows no socket. */
#ifndef OSLO_HTTP_FRAME_H
#define OSLO_HTTP_FRAME_H

#include "oslo/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum frame_kind { FRAME_CONTINUED = 0, FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };

/* What has been read of a client's stream of frames. */
struct frames {
    uint8_t head[14];                /* of the frame that is under way */
    unsigned head_used;
    bool in_payload, in_message;     /* in_message: a fragmented message is open */
    enum frame_kind kind;
    uint64_t left, position;         /* of the payload: bytes to come, bytes seen (for the mask) */
    struct buf control;              /* the payload of the control frame under way */
    bool closed;                     /* the client has said close */
};

/* Reads n bytes as they came. Data goes to data, what is to be answered (pong, close) to answer. False: a client that breaks
 * the protocol; answer then has the close frame. */
bool frames_read(struct frames *, const void *bytes, size_t n, struct buf *data, struct buf *answer);
void frames_clear(struct frames *);

/* Appends one unmasked frame. */
void frame_write(struct buf *to, enum frame_kind, const void *payload, size_t n);
void frame_write_close(struct buf *to, unsigned code);

#endif
