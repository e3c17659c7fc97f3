/* WebSocket frames: a small machine that takes any cut of the stream. */
#include "oslo/http/frame.h"

#include <string.h>

#define CONTROL_MAX 125
#define PROTOCOL_ERROR 1002
#define PAYLOAD_MAX ((uint64_t)1 << 32)

void frames_clear(struct frames *f)
{
    buf_clear(&f->control);
}

void frame_write(struct buf *to, enum frame_kind kind, const void *payload, size_t n)
{
    buf_putc(to, (char)(0x80 | kind));
    if (n < 126) {
        buf_putc(to, (char)n);
    } else if (n < 65536) {
        buf_putc(to, 126);
        buf_putc(to, (char)(n >> 8));
        buf_putc(to, (char)n);
    } else {
        buf_putc(to, 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_putc(to, (char)((uint64_t)n >> shift));
    }
    buf_add(to, payload, n);
}

void frame_write_close(struct buf *to, unsigned code)
{
    const char payload[2] = { (char)(code >> 8), (char)code };

    frame_write(to, FRAME_CLOSE, payload, sizeof(payload));
}

/* How long the head is, as far as can be told from what is there. */
static unsigned head_size(const struct frames *f)
{
    unsigned length = f->head[1] & 0x7f;

    return f->head_used < 2 ? 2 : 2 + 4 + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

static bool is_control(enum frame_kind kind)
{
    return kind >= FRAME_CLOSE;
}

/* The head is whole: judges it and begins the payload. */
static bool begin_payload(struct frames *f)
{
    bool final = f->head[0] & 0x80;
    unsigned length = f->head[1] & 0x7f, n = length == 126 ? 2 : length == 127 ? 8 : 0;

    f->kind = f->head[0] & 0x0f;
    f->left = n ? 0 : length;
    for (unsigned i = 0; i < n; i++)
        f->left = f->left << 8 | f->head[2 + i];
    f->position = 0;
    f->in_payload = true;
    if ((f->head[0] & 0x70) || !(f->head[1] & 0x80) || f->left > PAYLOAD_MAX)
        return false;
    if (is_control(f->kind)) {
        f->control.len = 0;
        return final && f->left <= CONTROL_MAX && f->kind <= FRAME_PONG;
    }
    if (f->kind > FRAME_BINARY || (f->kind == FRAME_CONTINUED) != f->in_message)
        return false;
    f->in_message = !final;
    return true;
}

static void unmask(struct frames *f, struct buf *to, const uint8_t *bytes, size_t n)
{
    const uint8_t *mask = f->head + head_size(f) - 4;
    size_t at = to->len;

    buf_add(to, bytes, n);
    for (size_t i = 0; i < n; i++)
        to->data[at + i] = (char)((uint8_t)to->data[at + i] ^ mask[(f->position + i) & 3]);
    f->position += n;
    f->left -= n;
}

static void end_frame(struct frames *f, struct buf *answer)
{
    f->in_payload = false;
    f->head_used = 0;
    if (f->kind == FRAME_PING)
        frame_write(answer, FRAME_PONG, f->control.data ? f->control.data : "", f->control.len);
    if (f->kind == FRAME_CLOSE) {
        frame_write(answer, FRAME_CLOSE, f->control.data ? f->control.data : "", MIN(f->control.len, 2));
        f->closed = true;
    }
}

bool frames_read(struct frames *f, const void *bytes, size_t n, struct buf *data, struct buf *answer)
{
    const uint8_t *p = bytes, *end = p + n;

    while (!f->closed && (p < end || (f->in_payload && !f->left))) {
        if (f->in_payload) {
            size_t some = MIN(f->left, (uint64_t)(end - p));

            unmask(f, is_control(f->kind) ? &f->control : data, p, some);
            p += some;
            if (!f->left)
                end_frame(f, answer);
            continue;
        }
        f->head[f->head_used++] = *p++;
        if (f->head_used == head_size(f) && f->head_used > 2 && !begin_payload(f)) {
            frame_write_close(answer, PROTOCOL_ERROR);
            f->closed = true;
            return false;
        }
    }
    return true;
}
