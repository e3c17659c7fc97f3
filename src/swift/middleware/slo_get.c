/* GET and HEAD of what may be a static large object: its segments, or (multipart-manifest=get) its manifest. */
#include "swift/middleware/slo.h"

#include "oslo/base/text.h"
#include "swift/middleware/segmented.h"
#include "swift/name.h"
#include "swift/timestamp.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 10 };               /* manifests in manifests */

/* A manifest under way. */
struct level { json_t *segments; size_t at; int64_t first, last; };

struct walk {
    const struct step *step;
    const struct swift_request *request;
    json_t *segments;
    struct level levels[DEEPEST];
    int depth;                       /* levels in use */
    const char *known_path; json_t *known;       /* the last manifest within the manifest that was read */
};

/* --- the segments --------------------------------------------------------------------------------------------------- */

static void from(struct ctx *c, void *data, int64_t first, int64_t last)
{
    struct walk *w = data;

    w->levels[0] = (struct level){ w->segments, 0, first, last };
    w->depth = 1;
}

/* A manifest that a segment is; NULL: it cannot be read. */
static json_t *fetch(struct ctx *c, struct walk *w, const char *path)
{
    struct swift_response response = RESPONSE_EMPTY;
    const char *slash = strchr(path + 1, '/');
    struct swift_request *get;

    if (w->known_path && !strcmp(w->known_path, path))
        return w->known;
    if (!slash)
        return NULL;
    get = request_sub(c, w->request, "GET", w->request->account, ctx_strndup(c, path + 1, (size_t)(slash - path - 1)), slash + 1, "SLO");
    headers_set(c, &get->headers, "X-Auth-Token", request_get(w->request, "X-Auth-Token"));
    step_next(c, w->step, get, &response);
    if (response.status / 100 != 2) {
        response_clear(&response);
        return NULL;
    }
    w->known = slo_manifest(c, &response);
    w->known_path = path;
    response_clear(&response);
    return w->known;
}

static const char *path_of(struct ctx *c, json_t *segment)
{
    const char *name = json_string_value(json_object_get(segment, "name"));

    return ctx_printf(c, "/%s", name ? name + strspn(name, "/") : "");
}

static enum segment_found give(struct ctx *c, json_t *segment, int64_t first, int64_t last, struct segment *ret)
{
    const char *data = json_string_value(json_object_get(segment, "data"));
    void *bytes = NULL;

    *ret = (struct segment){ .first = first, .last = last };
    if (data) {
        if (!base64_read(c, data, &bytes, &ret->n_data))
            return SEGMENT_BROKEN;
        ret->data = bytes;
        return SEGMENT_FOUND;
    }
    ret->path = path_of(c, segment);
    ret->etag = json_string_value(json_object_get(segment, "hash"));
    ret->bytes = json_integer_value(json_object_get(segment, "bytes"));
    return SEGMENT_FOUND;
}

static enum segment_found next(struct ctx *c, void *data, struct segment *ret)
{
    struct walk *w = data;

    while (w->depth) {
        struct level *level = &w->levels[w->depth - 1];

        if (level->last < 0 || level->at >= json_array_size(level->segments)) {
            w->depth--;
            continue;
        }
        json_t *segment = json_array_get(level->segments, level->at++);
        int64_t length = slo_segment_length(segment), first = MAX(level->first, 0), last = MIN(level->last, length - 1), start, end;

        bool skip = level->first >= length;
        level->first -= length;
        level->last -= length;
        if (skip)
            continue;
        if (json_object_get(segment, "data"))
            return give(c, segment, first, last, ret);
        slo_segment_range(segment, &start, &end);
        if (!json_is_true(json_object_get(segment, "sub_slo")))
            return give(c, segment, first + start, MIN(end, start + last), ret);
        json_t *inner = w->depth < DEEPEST ? fetch(c, w, path_of(c, segment)) : NULL;
        if (!inner)
            return SEGMENT_BROKEN;
        w->levels[w->depth++] = (struct level){ inner, 0, first + start, MIN(end, start + last) };
    }
    return SEGMENT_END;
}

static const struct segment_source segments_of_manifest = { next, from };

/* --- the manifest itself ---------------------------------------------------------------------------------------------- */

/* As it would be put: what stands for what was found out goes. */
static void as_put(struct ctx *c, struct swift_response *response)
{
    static const struct { const char *stored, *put; } renamed[] = { { "bytes", "size_bytes" }, { "hash", "etag" }, { "name", "path" } };
    static const char *const found_out[] = { "content_type", "last_modified", "sub_slo" };
    struct headers headers = response->headers;
    json_t *segments = slo_manifest(c, response), *segment;
    struct buf b = { 0 };
    uint8_t digest[16];
    char hex[33];
    size_t i;

    json_array_foreach(segments, i, segment) {
        if (json_object_get(segment, "data"))
            continue;
        for (size_t k = 0; k < G_N_ELEMENTS(found_out); k++)
            json_object_del(segment, found_out[k]);
        for (size_t k = 0; k < G_N_ELEMENTS(renamed); k++) {
            json_t *value = json_object_get(segment, renamed[k].stored);

            json_object_set(segment, renamed[k].put, value ? value : json_null());
            json_object_del(segment, renamed[k].stored);
        }
    }
    char *text = json_dumps(segments, JSON_ENSURE_ASCII | JSON_SORT_KEYS);
    buf_puts(&b, text);
    free(text);
    md5_of(b.data, b.len, digest);
    digest_hex(digest, hex);
    response_bytes(c, response, NULL, &b);
    response->headers = headers;
    headers_set(c, &response->headers, "ETag", ctx_strdup(c, hex));
}

static void show_manifest(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    if (!text_equal(request_param(r, "format"), "raw"))
        headers_set(c, &response->headers, "Content-Type", "application/json; charset=utf-8");
    else if (!strcmp(r->method, "GET") && response->status == 200)
        as_put(c, response);
}

/* --- the whole ----------------------------------------------------------------------------------------------------------- */

/* The ETag conditions are asked about: that of the first header of X-Backend-Etag-Is-At which is there. */
static const char *conditional_etag(struct ctx *c, const struct swift_request *r, const struct headers *headers)
{
    char **names = text_split(c, request_get(r, "X-Backend-Etag-Is-At") ?: "", ',');

    for (size_t i = 0; names[i]; i++)
        if (*names[i] && headers_get(headers, names[i]) && *headers_get(headers, names[i]))
            return headers_get(headers, names[i]);
    return NULL;
}

static bool manifest_is_partial(const struct swift_request *r, const struct swift_response *response)
{
    const char *range = response_get(response, "Content-Range");
    long long first, last, length;

    if (!strcmp(r->method, "HEAD"))
        return true;
    if ((request_get(r, "If-Match") || request_get(r, "If-None-Match")) && response->status / 100 != 2)
        return true;
    if (!request_get(r, "Range") || (response->status != 206 && response->status != 416))
        return false;
    return !range || sscanf(range, "bytes %lld-%lld/%lld", &first, &last, &length) != 3 || first || last != length - 1;
}

/* False: what came instead is the answer. */
static bool refetch(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *before = response_get(response, "X-Backend-Timestamp"), *now;
    struct swift_request *get = request_sub(c, r, "GET", r->account, r->container, r->object, "SLO");
    struct timestamp old = { 0 }, fresh = { 0 };

    headers_set(c, &get->headers, "X-Auth-Token", request_get(r, "X-Auth-Token"));
    request_set_query(c, get, r->query_text);
    response_clear(response);
    step_next(c, step, get, response);
    if (header_true(&response->headers, "X-Static-Large-Object"))
        return true;
    now = response_get(response, "X-Backend-Timestamp");
    timestamp_parse(before ? before : "0", &old);
    timestamp_parse(now ? now : "0", &fresh);
    if (timestamp_compare(fresh, old) < 0) {
        response_clear(response);
        response_error(c, response, 503, NULL);
    } else if (response->status / 100 == 2) {
        response_conditional(c, r, response, conditional_etag(c, r, &response->headers));
    }
    return false;
}

static void set_whole(struct ctx *c, struct swift_response *response, const char *etag, int64_t length)
{
    const char *own = response_get(response, "ETag");

    headers_set(c, &response->headers, "X-Manifest-Etag", own);
    headers_printf(c, &response->headers, "ETag", "\"%s\"", etag);
    headers_remove(&response->headers, "Content-Range");
    response->length = length;
}

static void serve_head(struct ctx *c, const struct swift_request *r, struct swift_response *response, const char *etag, int64_t length)
{
    const char *asked = conditional_etag(c, r, &response->headers);

    response_close(response);
    set_whole(c, response, etag, length);
    if (response->status / 100 == 2) {
        response->status = 200;
        response_conditional(c, r, response, asked);
    }
    if (response->status == 200)
        response->length = length;
}

static void serve(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *etag = response_get(response, SLO_ETAG), *size = response_get(response, SLO_SIZE);
    bool refused = response->status == 304 || response->status == 412;
    struct walk *w = ctx_new(c, struct walk);
    struct headers headers;
    int64_t length = 0;
    json_t *segment;
    size_t i;

    if (etag && size && (!strcmp(r->method, "HEAD") || (refused && (request_get(r, "If-Match") || request_get(r, "If-None-Match"))))) {
        serve_head(c, r, response, etag, refused ? 0 : atoll(size));
        return;
    }
    if (manifest_is_partial(r, response) && !refetch(c, step, r, response))
        return;
    etag = response_get(response, SLO_ETAG);
    size = response_get(response, SLO_SIZE);
    headers = response->headers;
    *w = (struct walk){ .step = step, .request = r, .segments = slo_manifest(c, response) };
    json_array_foreach(w->segments, i, segment)
        length += slo_segment_length(segment);
    etag = etag ? etag : slo_etag_of(c, w->segments);
    length = size ? atoll(size) : length;
    response_clear(response);
    response->status = 200;
    response->headers = headers;
    if (!strcmp(r->method, "HEAD")) {
        serve_head(c, r, response, etag, length);
        return;
    }
    set_whole(c, response, etag, length);
    segmented_respond(c, step, r, &segments_of_manifest, w, "SLO", conditional_etag(c, r, &headers), response);
}

void slo_read(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    bool manifest = text_equal(request_param(r, "multipart-manifest"), "get");

    if (!manifest) {
        headers_append(c, &r->headers, "X-Backend-Etag-Is-At", SLO_ETAG);
        headers_append(c, &r->headers, "X-Backend-Ignore-Range-If-Metadata-Present", "X-Static-Large-Object");
    }
    step_next(c, step, r, response);
    if (!header_true(&response->headers, "X-Static-Large-Object"))
        return;
    if (manifest)
        show_manifest(c, r, response);
    else
        serve(c, step, r, response);
}
