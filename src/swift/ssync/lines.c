/* What both ends of an SSYNC say: offers, what is wanted of them, and the lines they stand on. */
#include "swift/ssync/ssync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- offers ---------------------------------------------------------------------------------------------------------------------- */

static const char *delta(struct ctx *c, const struct ssync_offer *o, struct timestamp t)
{
    int64_t d = t.raw - o->data.raw;

    return ctx_printf(c, "%s%" G_GINT64_MODIFIER "x", d < 0 ? "-" : "", (guint64)(d < 0 ? -d : d));
}

static bool differs(const struct ssync_offer *o, struct timestamp t)
{
    return timestamp_set(t) && timestamp_compare(t, o->data);
}

char *ssync_offer_write(struct ctx *c, const struct ssync_offer *o)
{
    const char *more = "";

    if (differs(o, o->meta)) {
        more = ctx_printf(c, "m:%s", delta(c, o, o->meta));
        if (differs(o, o->content_type))
            more = ctx_printf(c, "%s,t:%s", more, delta(c, o, o->content_type));
    }
    if (!o->durable)
        more = ctx_printf(c, "%s%sdurable:False", more, *more ? "," : "");
    return ctx_printf(c, "%s %s%s%s", o->hash, timestamp_text(c, o->data), *more ? " " : "", more);
}

static bool read_delta(const char *text, struct timestamp from, struct timestamp *ret)
{
    char *end;

    errno = 0;
    int64_t d = strtoll(text, &end, 16);
    if (errno || end == text || *end || __builtin_add_overflow(from.raw, d, &d) || d <= 0)
        return false;
    *ret = (struct timestamp){ d, from.offset };
    return true;
}

static bool read_more(struct ctx *c, const char *text, struct ssync_offer *o)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);

    for (char **item = items; *item; item++) {
        const char *value = strchr(*item, ':');

        if (!value)
            continue;
        value++;
        if (g_str_has_prefix(*item, "m:") && !read_delta(value, o->data, &o->meta))
            return false;
        if (g_str_has_prefix(*item, "t:") && !read_delta(value, o->data, &o->content_type))
            return false;
        if (g_str_has_prefix(*item, "durable:"))
            o->durable = word_true(value);
    }
    return true;
}

bool ssync_offer_read(struct ctx *c, const char *line, struct ssync_offer *ret)
{
    struct ssync_offer o = { .durable = true };
    g_auto(GStrv) parts = g_strsplit_set(line, " \t", -1);
    const char *words[3] = {};
    int n = 0;

    for (char **part = parts; *part && n < 3; part++)
        if (**part)
            words[n++] = *part;
    if (n < 2)
        return false;
    g_autofree char *time = g_uri_unescape_string(words[1], NULL), *more = n > 2 ? g_uri_unescape_string(words[2], NULL) : NULL;
    if (!time || !timestamp_parse(time, &o.data) || (n > 2 && !more))
        return false;
    o.hash = ctx_strdup(c, words[0]);
    o.meta = o.content_type = o.data;
    if (more && !read_more(c, more, &o))
        return false;
    *ret = o;
    return true;
}

/* --- what is wanted ---------------------------------------------------------------------------------------------------------------- */

char *ssync_wanted_write(struct ctx *c, const struct ssync_wanted *w)
{
    return ctx_printf(c, "%s %s%s", w->hash, w->data ? "d" : "", w->meta ? "m" : "");
}

/* Where no part is named, the data is meant. */
bool ssync_wanted_read(struct ctx *c, const char *line, struct ssync_wanted *ret)
{
    size_t n = strcspn(line, " \t");
    const char *parts = line + n + strspn(line + n, " \t");
    size_t m = strcspn(parts, " \t");

    if (!n)
        return false;
    *ret = (struct ssync_wanted){ .hash = ctx_strndup(c, line, n), .data = memchr(parts, 'd', m) != NULL, .meta = memchr(parts, 'm', m) != NULL };
    ret->data = ret->data || !ret->meta;
    return true;
}

bool ssync_compare(const struct ssync_offer *offer, const struct ssync_offer *mine, struct ssync_wanted *ret)
{
    *ret = (struct ssync_wanted){ .hash = offer->hash, .data = !mine, .meta = !mine };
    if (!mine)
        return true;
    ret->data = timestamp_compare(offer->data, mine->data) > 0;
    ret->meta = (timestamp_set(mine->meta) && timestamp_compare(offer->meta, mine->meta) > 0) ||
                (timestamp_set(mine->content_type) && timestamp_compare(offer->content_type, mine->content_type) > 0 &&
                 timestamp_compare(offer->content_type, offer->data) > 0);
    return ret->data || ret->meta;
}

/* --- lines ------------------------------------------------------------------------------------------------------------------------- */

void ssync_reader_init(struct ctx *c, struct ssync_reader *r, body_reader *read, void *data)
{
    *r = (struct ssync_reader){ .read = read, .data = data, .bytes = ctx_alloc(c, SSYNC_LINE_MOST) };
}

/* More bytes behind those not yet taken. False: the end, or broken. */
static bool fill(struct ctx *c, struct ssync_reader *r)
{
    ssize_t n;

    if (r->ended || r->error)
        return false;
    memmove(r->bytes, r->bytes + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    if (r->end == SSYNC_LINE_MOST) {
        r->error = EMSGSIZE;
        return false;
    }
    errno = 0;
    n = r->read(c, r->data, r->bytes + r->end, SSYNC_LINE_MOST - r->end);
    if (n < 0)
        r->error = errno ? errno : ECONNRESET;
    r->ended = n == 0;
    r->end += n > 0 ? (size_t)n : 0;
    return n > 0;
}

char *ssync_line(struct ctx *c, struct ssync_reader *r)
{
    for (size_t looked = 0;;) {
        char *newline = memchr(r->bytes + r->start + looked, '\n', r->end - r->start - looked);

        if (newline) {
            char *line = ctx_strndup(c, r->bytes + r->start, (size_t)(newline - (r->bytes + r->start)));

            r->start = (size_t)(newline + 1 - r->bytes);
            return g_strstrip(line);
        }
        looked = r->end - r->start;
        if (!fill(c, r))
            return NULL;
    }
}

ssize_t ssync_bytes(struct ctx *c, struct ssync_reader *r, void *bytes, size_t n)
{
    if (r->start == r->end && !fill(c, r))
        return r->error ? -1 : 0;
    n = MIN(n, r->end - r->start);
    memcpy(bytes, r->bytes + r->start, n);
    r->start += n;
    return (ssize_t)n;
}
