/* Bodies on their way in and out: compression, and the envelope within. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "oslo/messaging/drivers/rabbit/rabbit.h"
#include "oslo/messaging/envelope.h"

/* A body may not grow beyond what we take of one that is not compressed. */
static bool inflate_body(const struct buf *from, size_t most, struct buf *to, char why[WHY_SIZE])
{
    enum { ANY_HEADER = 15 + 32 };   /* zlib's or gzip's */
    z_stream z = { .next_in = (Bytef *)from->data, .avail_in = (uInt)from->len };
    int status = inflateInit2(&z, ANY_HEADER);

    while (status == Z_OK && to->len <= most) {
        buf_reserve(to, 65536);
        z.next_out = (Bytef *)to->data + to->len;
        z.avail_out = 65536;
        status = inflate(&z, Z_NO_FLUSH);
        to->len += 65536 - z.avail_out;
        if (status == Z_OK && !z.avail_in && z.avail_out)
            break;                   /* cut short */
    }
    inflateEnd(&z);
    if (status != Z_STREAM_END || to->len > most)
        snprintf(why, WHY_SIZE, status == Z_STREAM_END || to->len > most ? "its body is too large once unpacked" : "its compressed body cannot be unpacked");
    return status == Z_STREAM_END && to->len <= most;
}

bool content_open(const struct content *content, const struct rabbit_options *options, struct envelope *ret, char why[WHY_SIZE])
{
    const struct buf *body = &content->body;
    struct buf unpacked = {};
    bool well = false;

    if (content->refused)
        snprintf(why, WHY_SIZE, "its body has %" G_GUINT64_FORMAT " bytes, more than max_message_size", content->size);
    else if (content->compressed && !inflate_body(body, (size_t)options->max_message_size, &unpacked, why))
        well = false;
    else if (content->compressed)
        well = envelope_open(ret, unpacked.data ?: "", unpacked.len, why);
    else
        well = envelope_open(ret, body->data ?: "", body->len, why);
    buf_clear(&unpacked);
    return well;
}

void outgoing_compress(struct outgoing *o, const struct rabbit_options *options)
{
    uLongf n = compressBound(o->n);
    char *packed;

    if (!options->kombu_compression || o->compressed)
        return;
    packed = g_malloc(n);
    if (compress((Bytef *)packed, &n, (const Bytef *)o->body, o->n) != Z_OK) {
        g_free(packed);
        return;
    }
    g_free(o->body);
    o->body = packed;
    o->n = n;
    o->compressed = true;
}

char *random_name(const char *prefix)
{
    uint8_t bytes[16];
    GString *name = g_string_new(prefix);

    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        g_string_append_printf(name, "%02x", bytes[i]);
    return g_string_free(name, FALSE);
}
