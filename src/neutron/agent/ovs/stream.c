/* Finding where a JSON text ends: by its brackets, outside of strings. What stands between them is jansson's to judge. */
#include "neutron/agent/ovs/stream.h"

#include <string.h>

/* One more byte of the text. False: it cannot be one. */
static bool scan(struct json_stream *s, char byte)
{
    if (s->in_string) {
        s->in_string = s->escaped || byte != '"';
        s->escaped = !s->escaped && byte == '\\';
        return true;
    }
    switch (byte) {
    case '{': case '[':
        return ++s->depth <= STREAM_DEPTH_MAX;
    case '}': case ']':
        return --s->depth >= 0;
    case '"':
        s->in_string = true;
        return s->depth > 0;
    default:
        return s->depth > 0;
    }
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool deliver(const char *bytes, size_t n, void (*take)(json_t *, void *), void *data)
{
    json_t *text = json_loadb(bytes, n, 0, NULL);

    if (!text)
        return false;
    take(text, data);
    json_decref(text);
    return true;
}

bool json_stream_feed(struct json_stream *s, const char *bytes, size_t n, void (*take)(json_t *, void *), void *data)
{
    size_t start = 0;

    buf_add(&s->pending, bytes, n);
    for (; s->scanned < s->pending.len; s->scanned++) {
        char byte = s->pending.data[s->scanned];

        if (s->depth == 0 && is_blank(byte))
            continue;
        if (!scan(s, byte) || s->scanned - start >= STREAM_MESSAGE_MAX)
            return false;
        if (s->depth > 0)
            continue;
        if (!deliver(s->pending.data + start, s->scanned + 1 - start, take, data))
            return false;
        start = s->scanned + 1;
    }
    if (start > 0) {
        s->pending.len -= start;
        s->scanned -= start;
        memmove(s->pending.data, s->pending.data + start, s->pending.len);
    }
    return true;
}

void json_stream_clear(struct json_stream *s)
{
    buf_clear(&s->pending);
    *s = (struct json_stream){};
}
