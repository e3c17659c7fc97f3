/* Conditions and ranges (RFC 9110, as swob reads them). */
#include "swift/message.h"

#include "oslo/base/text.h"
#include "swift/timestamp.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAX_RANGES 50
#define MAX_OVERLAPS 2
#define MAX_NONASCENDING 8

/* --- reading the header --------------------------------------------------------------------------------------------- */

static bool read_number(const char *text, size_t n, bool *ret_given, int64_t *ret)
{
    g_autofree char *copy = g_strndup(text, n);

    g_strstrip(copy);
    *ret_given = *copy != '\0';
    return !*ret_given || (g_ascii_isdigit(*copy) && text_to_int(copy, ret));
}

/* One "a-b". False: the whole header is to be ignored. *ret_any: it covers something. */
static bool read_range(const char *text, size_t n, int64_t length, struct byte_range *ret, bool *ret_any)
{
    const char *dash = memchr(text, '-', n);
    int64_t first = 0, last = 0;
    bool has_first, has_last;

    if (!dash || !read_number(text, (size_t)(dash - text), &has_first, &first) ||
        !read_number(dash + 1, n - (size_t)(dash - text) - 1, &has_last, &last) || (!has_first && !has_last) ||
        (has_first && has_last && last < first))
        return false;
    if (!has_first)
        *ret = (struct byte_range){ MAX(length - last, 0), length };
    else
        *ret = (struct byte_range){ first, has_last && last < length ? last + 1 : length };
    *ret_any = has_first ? first < length : last > 0;
    return true;
}

static bool overlap(const struct byte_range *a, const struct byte_range *b)
{
    return (a->from < b->from && b->from < a->to) || (a->from < b->to && b->to < a->to) || (b->from < a->from && a->from < b->to) ||
           (b->from < a->to && a->to < b->to);
}

static bool too_many(const struct byte_range *ranges, int n)
{
    int overlaps = 0;
    bool ascending = true;

    if (n > MAX_RANGES)
        return true;
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++)
            overlaps += overlap(&ranges[i], &ranges[k]);
    for (int i = 1; i < n; i++)
        ascending = ascending && (ranges[i - 1].from < ranges[i].from || (ranges[i - 1].from == ranges[i].from && ranges[i - 1].to <= ranges[i].to));
    return overlaps > MAX_OVERLAPS || (!ascending && n >= MAX_NONASCENDING);
}

static const char *without_blanks(struct ctx *c, const char *text)
{
    char *copy = ctx_strdup(c, text), *to = copy;

    for (const char *at = copy; at && *at; at++)
        if (*at != ' ')
            *to++ = *at;
    if (to)
        *to = '\0';
    return copy;
}

int ranges_read(struct ctx *c, const char *header, int64_t length, struct byte_range **ret)
{
    struct byte_range *ranges;
    int n = 0, room = 1;

    header = without_blanks(c, header);
    if (!header || strncasecmp(header, "bytes=", 6))
        return -1;
    for (const char *at = header; *at; at++)
        room += *at == ',';
    ranges = ctx_new_n(c, struct byte_range, room);
    for (const char *at = header + 6;; at++) {
        size_t piece = strcspn(at, ",");
        bool any = false;

        if (!read_range(at, piece, length, &ranges[n], &any))
            return -1;
        n += any;
        at += piece;
        if (!*at)
            break;
    }
    *ret = ranges;
    return n > 1 && too_many(ranges, n) ? 0 : n;
}

bool etag_listed(const char *header, const char *etag)
{
    g_auto(GStrv) tags = g_strsplit(header, ",", -1);

    for (char **tag = tags; *tag; tag++) {
        char *text = g_strstrip(*tag);
        size_t n = strlen(text);

        if (n >= 2 && *text == '"' && text[n - 1] == '"') {
            text[n - 1] = '\0';
            text++;
        }
        if (!strcmp(text, "*") || (*text && !strcmp(text, etag)))
            return true;
    }
    return false;
}

/* --- conditions ------------------------------------------------------------------------------------------------------ */

static bool date_of(const char *text, int64_t *ret)
{
    return text && http_date_parse(text, ret);
}

/* 304, 412, or 0: none stands against it. */
static int judge(const struct swift_request *request, const struct swift_response *r, const char *etag)
{
    const char *none = request_get(request, "If-None-Match"), *match = request_get(request, "If-Match");
    const char *since = request_get(request, "If-Modified-Since"), *until = request_get(request, "If-Unmodified-Since");
    int64_t modified, asked;

    if (etag && none && etag_listed(none, etag))
        return 304;
    if (etag && match && !etag_listed(match, etag))
        return 412;
    if (r->status == 404 && match && etag_listed(match, "*"))
        return 412;
    if ((!since && !until) || !date_of(response_get(r, "Last-Modified"), &modified))
        return 0;
    if (date_of(since, &asked) && modified <= asked)
        return 304;
    if (date_of(until, &asked) && modified > asked)
        return 412;
    return 0;
}

const char *etag_plain(struct ctx *c, const char *etag)
{
    size_t n = etag ? strlen(etag) : 0;

    return n > 1 && etag[0] == '"' && etag[n - 1] == '"' ? ctx_strndup(c, etag + 1, n - 2) : etag;
}

/* --- several ranges ------------------------------------------------------------------------------------------------------ */

/* What is sent: heads and pieces of the body in turn. */
struct parts {
    struct swift_response whole;     /* its body: bytes, a file, or a stream that seeks */
    struct byte_range *ranges;
    char **heads;                    /* one more than ranges: the end */
    int n, at;
    size_t head_used;
    int64_t position;                /* in the range under way; -1: its head is under way */
};

static ssize_t read_piece(struct ctx *c, struct parts *p, void *bytes, size_t n)
{
    const struct byte_range *range = &p->ranges[p->at];

    if (p->whole.read && p->position == range->from && !p->whole.seek(c, p->whole.read_data, range->from, range->to))
        return -1;
    n = (size_t)MIN((int64_t)n, range->to - p->position);
    if (p->whole.read)
        return p->whole.read(c, p->whole.read_data, bytes, n);
    if (p->whole.fd < 0) {
        memcpy(bytes, p->whole.body.data + p->position, n);
        return (ssize_t)n;
    }
    ssize_t got = pread(p->whole.fd, bytes, n, p->position);
    return got > 0 ? got : -1;
}

static ssize_t read_parts(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct parts *p = data;
    const char *head = p->at <= p->n ? p->heads[p->at] + p->head_used : NULL;
    ssize_t got;

    if (!head)
        return 0;
    if (p->position < 0) {
        n = MIN(n, strlen(head));
        memcpy(bytes, head, n);
        p->head_used += n;
        if (!head[n]) {
            p->head_used = 0;
            p->position = p->at < p->n ? p->ranges[p->at].from : 0;
            p->at += p->at == p->n;
        }
        return (ssize_t)n;
    }
    got = read_piece(c, p, bytes, n);
    p->position += MAX(got, 0);
    if (p->position == p->ranges[p->at].to) {
        p->at++;
        p->position = -1;
    }
    return got;
}

static void close_parts(void *data)
{
    response_close(&((struct parts *)data)->whole);
}

static void set_parts(struct ctx *c, struct swift_response *r, struct byte_range *ranges, int n)
{
    struct parts *p = ctx_new(c, struct parts);
    const char *type = response_get(r, "Content-Type");
    char boundary[33];
    uint8_t noise[16];
    int64_t total = 0;

    random_bytes(noise, sizeof(noise));
    for (int i = 0; i < 16; i++)
        g_snprintf(boundary + 2 * i, 3, "%02x", noise[i]);
    *p = (struct parts){ .whole = *r, .ranges = ranges, .n = n, .position = -1, .heads = ctx_new_n(c, char *, n + 1) };
    for (int i = 0; i < n; i++) {
        p->heads[i] = ctx_printf(c, "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n\r\n", i ? "\r\n" : "",
                                 boundary, type ? type : "", ranges[i].from, ranges[i].to - 1, r->length);
        total += (int64_t)strlen(p->heads[i]) + ranges[i].to - ranges[i].from;
    }
    p->heads[n] = ctx_printf(c, "\r\n--%s--", boundary);
    r->status = 206;
    r->body = (struct buf){};
    r->fd = -1;
    if (r->read)                     /* the first piece, so that it can be looked at before anything is sent */
        r->seek(c, r->read_data, ranges[0].from, ranges[0].to);
    r->read = read_parts;
    r->seek = NULL;
    r->read_data = p;
    r->close = close_parts;
    r->length = total + (int64_t)strlen(p->heads[n]);
    headers_printf(c, &r->headers, "Content-Type", "multipart/byteranges;boundary=%s", boundary);
}

static void set_part(struct ctx *c, struct swift_response *r, const struct byte_range *range)
{
    r->status = 206;
    headers_printf(c, &r->headers, "Content-Range", "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range->from, range->to - 1, r->length);
    if (r->read) {
        r->seek(c, r->read_data, range->from, range->to);
        r->seek = NULL;
    } else if (r->fd < 0) {
        memmove(r->body.data, r->body.data + range->from, (size_t)(range->to - range->from));
        r->body.len = (size_t)(range->to - range->from);
    } else {
        r->offset += range->from;
    }
    r->length = range->to - range->from;
}

static void apply_range(struct ctx *c, const struct swift_request *request, struct swift_response *r)
{
    struct byte_range *ranges;
    int n = ranges_read(c, request_get(request, "Range"), r->length, &ranges);

    if (n == 0) {
        headers_printf(c, &r->headers, "Content-Range", "bytes */%" PRId64, r->length);
        response_error(c, r, 416, NULL);
    } else if (n == 1 && r->length) {
        set_part(c, r, ranges);
    } else if (n > 1 && r->length) {
        set_parts(c, r, ranges, n);
    }
}

void response_conditional(struct ctx *c, const struct swift_request *request, struct swift_response *r, const char *etag)
{
    const char *own = response_get(r, "Etag");
    int status;

    if (!etag && own)
        etag = g_str_has_prefix(own, "\"") ? ctx_strndup(c, own + 1, strlen(own) - 2) : own;
    status = judge(request, r, etag);
    if (status) {
        response_close(r);
        r->status = status;
        r->length = 0;
    } else if (r->status == 200 && strcmp(request->method, "HEAD") && request_get(request, "Range") && !response_get(r, "Content-Range") &&
               (!r->read || r->seek)) {
        apply_range(c, request, r);
    }
}
