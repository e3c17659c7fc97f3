/* dlo: dynamic large objects: an object with X-Object-Manifest stands for all objects of a container that begin with a prefix. */
#include "swift/middleware/middlewares.h"

#include "swift/middleware/segmented.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

struct dlo_options { int64_t max_get_time, rate_limit_after_segment, rate_limit_segments_per_sec; };

#define OPTION(member, otherwise, text) ATTR(struct dlo_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(max_get_time, "86400", "Seconds a GET may take."),
    OPTION(rate_limit_after_segment, "10", "Kept for the original's files: segments are not slowed down here."),
    OPTION(rate_limit_segments_per_sec, "1", "Kept for the original's files."),
    {}
};

struct manifest {
    const struct step *step;
    struct swift_request *request;
    const char *container, *prefix;
    json_t *first_page, *page;       /* of the listing */
    size_t at;
    int64_t first, last;             /* what is wanted still, from the segment at hand on */
    bool complete;                   /* the first page is the whole listing */
};

/* A page of the listing; NULL with the response that says why. */
static json_t *list_page(struct ctx *c, struct manifest *m, const char *marker, struct swift_response *response)
{
    struct swift_request *get = request_sub(c, m->request, "GET", m->request->account, m->container, NULL, "DLO");
    json_t *page;
    char *text;
    size_t n;

    headers_set(c, &get->headers, "X-Auth-Token", request_get(m->request, "X-Auth-Token"));
    request_set_query(c, get, ctx_printf(c, "format=json&prefix=%s%s%s", name_quote(c, m->prefix, "/"), marker ? "&marker=" : "",
                                         marker ? name_quote(c, marker, "/") : ""));
    step_next(c, m->step, get, response);
    if (response->status / 100 != 2)
        return NULL;
    text = response_take_all(c, response, 1024 * 10000 * 2, &n);
    page = text ? ctx_json(c, n ? json_loadb(text, n, JSON_ALLOW_NUL, NULL) : json_array()) : NULL;
    response_clear(response);
    if (!json_is_array(page)) {
        response_error(c, response, 500, NULL);
        return NULL;
    }
    return page;
}

static int64_t bytes_of(json_t *row)
{
    return json_integer_value(json_object_get(row, "bytes"));
}

static enum segment_found next_page(struct ctx *c, struct manifest *m)
{
    struct swift_response response = RESPONSE_EMPTY;
    size_t n = json_array_size(m->page);
    json_t *page;

    if (n < (size_t)constraints->container_listing_limit)
        return SEGMENT_END;
    page = list_page(c, m, json_string_value(json_object_get(json_array_get(m->page, n - 1), "name")), &response);
    response_clear(&response);
    if (!page)
        return SEGMENT_BROKEN;
    m->page = page;
    m->at = 0;
    return json_array_size(page) ? SEGMENT_FOUND : SEGMENT_END;
}

static enum segment_found next(struct ctx *c, void *data, struct segment *segment)
{
    struct manifest *m = data;

    for (;;) {
        if (m->last < 0)
            return SEGMENT_END;
        if (m->at == json_array_size(m->page)) {
            enum segment_found found = next_page(c, m);

            if (found != SEGMENT_FOUND)
                return found;
        }
        json_t *row = json_array_get(m->page, m->at++);
        const char *name = json_string_value(json_object_get(row, "name"));
        int64_t bytes = bytes_of(row), first = m->first, last = m->last;

        m->first = MAX(m->first - bytes, -1);
        m->last = m->last == INT64_MAX - 1 ? m->last : MAX(m->last - bytes, -1);
        if (!name || first >= bytes)
            continue;
        /* neither ETag nor size are demanded: whatever has the prefix belongs to it */
        *segment = (struct segment){ .path = ctx_printf(c, "/%s/%s", m->container, name), .bytes = -1, .first = MAX(first, 0),
                                     .last = last >= bytes - 1 ? -1 : last };
        return SEGMENT_FOUND;
    }
}

static void from(struct ctx *c, void *data, int64_t first, int64_t last)
{
    struct manifest *m = data;

    m->page = m->first_page;
    m->at = 0;
    m->first = first;
    m->last = last;
}

static const struct segment_source segments_of_listing = { next, from };

/* --- GET and HEAD ------------------------------------------------------------------------------------------------ */

/* Size and ETag of the whole; they are known where the first page is all of it. */
static const char *measure(struct ctx *c, const struct manifest *m, int64_t *ret_length)
{
    struct md5 *hash = md5_new();
    json_t *row;
    char hex[33];
    size_t i;

    *ret_length = 0;
    json_array_foreach(m->first_page, i, row) {
        const char *tag = json_string_value(json_object_get(row, "hash"));
        size_t n = tag ? strlen(tag) : 0;
        bool quoted = n > 1 && *tag == '"';

        *ret_length += bytes_of(row);
        if (n)
            md5_add(hash, tag + quoted, n - 2 * quoted);
    }
    md5_end_hex(hash, hex);
    return ctx_strdup(c, hex);
}

/* With more segments than a page lists, a range is served if it lies within the first page, and else let be. */
static void judge_range(struct ctx *c, struct manifest *m, struct swift_response *response, int64_t known)
{
    const char *range = request_get(m->request, "Range");
    struct byte_range *ranges;

    if (m->complete || !range)
        return;
    if (!strchr(range, ',') && ranges_read(c, range, INT64_MAX / 2, &ranges) == 1 && ranges[0].to < known && !strstr(range, "=-"))
        response->length = known;
    else
        headers_remove(&m->request->headers, "Range");
}

static void serve(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *value = response_get(response, "X-Object-Manifest"), *decoded = name_decode(c, value, strlen(value), false), *etag;
    const char *slash = decoded ? strchr(decoded, '/') : NULL;
    struct manifest *m = ctx_new(c, struct manifest);
    struct headers headers = response->headers;
    int64_t length;

    response_clear(response);
    if (!slash) {
        response_error(c, response, 409, NULL);
        return;
    }
    *m = (struct manifest){ .step = step, .request = r, .container = ctx_strndup(c, decoded, (size_t)(slash - decoded)), .prefix = slash + 1 };
    if (!(m->first_page = list_page(c, m, NULL, response))) {
        if (!strcmp(r->method, "HEAD"))
            response_close(response);
        return;
    }
    if (strchr(request_get(r, "Range") ?: "", ','))      /* as the original: several ranges are not served */
        headers_remove(&r->headers, "Range");
    m->complete = json_array_size(m->first_page) < (size_t)constraints->container_listing_limit;
    etag = measure(c, m, &length);
    response->status = 200;
    response->headers = headers;
    headers_remove(&response->headers, "Content-Range");
    if (m->complete)
        headers_printf(c, &response->headers, "ETag", "\"%s\"", etag);
    response->length = m->complete ? length : -1;
    judge_range(c, m, response, length);
    if (!strcmp(r->method, "HEAD")) {
        length = response->length;
        response_conditional(c, r, response, NULL);
        if (response->status == 200)
            response->length = length;
        return;
    }
    segmented_respond(c, step, r, &segments_of_listing, m, "DLO", NULL, response);
}

static bool manifest_header_valid(const char *value)
{
    const char *slash = strchr(value, '/');

    return slash && slash != value && slash[1] && slash[1] != '/' && !strpbrk(value, "?&");
}

static void ignore_range_of_manifests(struct ctx *c, struct swift_request *r)
{
    const char *before = request_get(r, "X-Backend-Ignore-Range-If-Metadata-Present");

    headers_set(c, &r->headers, "X-Backend-Ignore-Range-If-Metadata-Present",
                before ? ctx_printf(c, "%s,X-Object-Manifest", before) : "X-Object-Manifest");
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
    const char *manifest = request_param(r, "multipart-manifest"), *header = request_get(r, "X-Object-Manifest");

    if (r->object && !strcmp(r->method, "PUT") && header && !manifest_header_valid(header)) {
        response_error(c, response, 400, "X-Object-Manifest must be in the format container/prefix");
        return;
    }
    if (!r->object || !reads || (manifest && !strcmp(manifest, "get"))) {
        step_next(c, step, r, response);
        return;
    }
    ignore_range_of_manifests(c, r);
    step_next(c, step, r, response);
    if (response_get(response, "X-Object-Manifest"))
        serve(c, step, r, response);
}

const struct middleware middleware_dlo = { .name = "dlo", .options = option_rows, .options_size = sizeof(struct dlo_options), .run = run };
