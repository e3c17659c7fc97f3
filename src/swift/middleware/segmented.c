/* Reads segments one after another, as the body of one response. */
#include "swift/middleware/segmented.h"

#include "oslo/base/log.h"
#include "swift/name.h"

#include <string.h>

struct segmented {
    struct ctx *c;                   /* of the request: it lives as long as the body */
    const struct step *step;
    const struct swift_request *request;
    const struct segment_source *source;
    void *data;
    const char *name;
    struct segment segment;          /* under way */
    struct swift_response response;  /* its */
    size_t data_used;
    bool open, ended;
    int broken;                      /* the status that says why; 0: it is not */
    struct md5 *hash;                /* of a segment that is read whole */
    const char *etag;
};

static void segment_close(struct segmented *s)
{
    if (s->hash)
        md5_free(s->hash);
    s->hash = NULL;
    response_clear(&s->response);
    s->open = false;
}

static bool segment_broken(struct segmented *s, int status, const char *why)
{
    log_error(s->c, "while processing manifest %s: %s (%s)", s->request->path, why, s->segment.path ? s->segment.path : "data");
    s->broken = status;
    segment_close(s);
    return false;
}

/* Asks for it, and judges what comes. */
static bool segment_get(struct segmented *s)
{
    const char *slash = strchr(s->segment.path + 1, '/');
    bool whole = s->segment.first == 0 && (s->segment.last < 0 || s->segment.last == s->segment.bytes - 1);
    struct swift_request *get;

    if (!slash)
        return segment_broken(s, 409, "no path of an object");
    get = request_sub(s->c, s->request, "GET", s->request->account, ctx_strndup(s->c, s->segment.path + 1, (size_t)(slash - s->segment.path - 1)), slash + 1,
                      s->name);
    headers_set(s->c, &get->headers, "X-Auth-Token", request_get(s->request, "X-Auth-Token"));
    /* so that it is the object itself, whose ETag is its MD5 */
    request_set_query(s->c, get, "multipart-manifest=get");
    if (!whole)
        headers_printf(s->c, &get->headers, "Range", s->segment.last < 0 || s->segment.last == s->segment.bytes - 1 ? "bytes=%lld-" : "bytes=%lld-%lld",
                       (long long)s->segment.first, (long long)s->segment.last);
    step_next(s->c, s->step, get, &s->response);
    s->etag = etag_plain(s->c, response_get(&s->response, "ETag"));
    if (s->response.status / 100 != 2)
        return segment_broken(s, s->response.status >= 500 ? 503 : 409, status_line(s->c, s->response.status));
    if (s->segment.etag && (!s->etag || strcmp(s->segment.etag, s->etag)))
        return segment_broken(s, 409, "it has another ETag now");
    if (whole && s->segment.bytes >= 0 && s->response.length != s->segment.bytes)
        return segment_broken(s, 409, "it has another size now");
    if (whole && s->etag && strlen(s->etag) == 32)
        s->hash = md5_new();
    return true;
}

/* The next segment; false: there is none, or it is broken. */
static bool segment_open(struct segmented *s)
{
    switch (s->source->next(s->c, s->data, &s->segment)) {
    case SEGMENT_END:
        s->ended = true;
        return false;
    case SEGMENT_BROKEN:
        return segment_broken(s, 409, "its segments cannot be listed");
    case SEGMENT_FOUND:
        break;
    }
    s->data_used = (size_t)s->segment.first;
    s->open = true;
    return !s->segment.path || segment_get(s);
}

static ssize_t read_data(struct segmented *s, void *bytes, size_t n)
{
    size_t end = s->segment.last < 0 ? s->segment.n_data : (size_t)s->segment.last + 1;

    n = MIN(n, end - s->data_used);
    memcpy(bytes, (const char *)s->segment.data + s->data_used, n);
    s->data_used += n;
    return (ssize_t)n;
}

static bool whole_as_said(struct segmented *s)
{
    char hex[33];

    if (!s->hash)
        return true;
    md5_end_hex(s->hash, hex);
    s->hash = NULL;
    return !strcmp(hex, s->etag) || segment_broken(s, 409, "its bytes are not those of its ETag");
}

static ssize_t segmented_read(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct segmented *s = data;

    for (;;) {
        ssize_t got;

        if (s->broken)
            return -1;
        if (s->ended)
            return 0;
        if (!s->open && !segment_open(s))
            continue;
        got = s->segment.path ? response_take(c, &s->response, bytes, n) : read_data(s, bytes, n);
        if (got < 0) {
            segment_broken(s, 503, "it broke off");
            continue;
        }
        if (got > 0) {
            if (s->hash)
                md5_add(s->hash, bytes, (size_t)got);
            return got;
        }
        if (whole_as_said(s))
            segment_close(s);
    }
}

static bool segmented_seek(struct ctx *c, void *data, int64_t from, int64_t to)
{
    struct segmented *s = data;

    if (s->open)
        segment_close(s);
    s->ended = false;
    s->source->from(s->c, s->data, from, to - 1);
    return !s->broken;
}

static void segmented_close(void *data)
{
    segment_close(data);
}

void segmented_respond(struct ctx *c, const struct step *step, const struct swift_request *request, const struct segment_source *source, void *data,
                       const char *source_name, const char *etag, struct swift_response *response)
{
    struct segmented *s = ctx_new(c, struct segmented);
    int64_t length = response->length;

    *s = (struct segmented){ .c = c, .step = step, .request = request, .source = source, .data = data, .name = source_name, .response = RESPONSE_EMPTY };
    response_close(response);
    response->length = length;
    response->read = segmented_read;
    response->read_data = s;
    response->seek = segmented_seek;
    response->close = segmented_close;
    source->from(c, data, 0, length < 0 ? INT64_MAX - 1 : length - 1);
    response_conditional(c, request, response, etag);
    if (!response->read)
        return;
    if (!s->open)
        segment_open(s);
    if (s->broken) {
        int status = s->broken;

        response_clear(response);
        response_error(c, response, status, NULL);
    }
}
