/* What clients send to be taken apart by Swift, behind whose parsers everything says yes: manifests, archives, forms, XML documents of S3,
 * dates and ranges. The first byte chooses. */
#include "swift/accept.h"
#include "swift/constraints.h"
#include "swift/middleware/archive.h"
#include "swift/middleware/multipart_form.h"
#include "swift/middleware/s3api/s3.h"
#include "swift/middleware/slo.h"
#include "swift/timestamp.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The rest of the pipeline: takes every body, knows every object. */
static void accept_all(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    char block[4096];

    while (r->read && request_take(c, r, block, sizeof(block)) > 0)
        ;
    response_clear(response);
    response->status = !strcmp(r->method, "PUT") ? 201 : 200;
    headers_set(c, &response->headers, "Etag", "d41d8cd98f00b204e9800998ecf8427e");
    headers_set(c, &response->headers, "Content-Type", "text/plain");
    response->length = strcmp(r->method, "HEAD") ? 0 : 1000;
}

static const struct middleware rest = { .name = "rest", .run = accept_all };
static const struct step last = { .middleware = &rest, .word = "rest" };

static struct swift_request *request_of(struct ctx *c, const void *bytes, size_t n)
{
    struct swift_request *r = ctx_new(c, struct swift_request);

    *r = (struct swift_request){ .method = "PUT", .path = "/v1/a/c/o", .query_text = "" };
    r->env = ctx_new(c, struct swift_env);
    request_set_query(c, r, "");
    request_split(c, r);
    request_set_body(r, bytes, n);
    return r;
}

static void manifest(struct ctx *c, struct swift_request *r)
{
    static const struct slo_options options = { .max_manifest_segments = 1000, .max_manifest_size = 8 << 20, .yield_frequency = 10, .concurrency = 2 };
    const struct step step = { .middleware = &rest, .word = "slo", .options = &options, .next = &last };
    struct swift_response response = RESPONSE_EMPTY;

    request_set_query(c, r, "multipart-manifest=put");
    slo_put(c, &step, r, &response);
    response_clear(&response);
}

static void stored_manifest(struct ctx *c, const char *text, size_t n)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct buf bytes = {};
    int64_t first, end;
    json_t *list, *segment;
    size_t i;

    buf_add(&bytes, text, n);
    response_bytes(c, &response, "application/json", &bytes);
    list = slo_manifest(c, &response);
    json_array_foreach(list, i, segment) {
        slo_segment_length(segment);
        slo_segment_range(segment, &first, &end);
    }
    slo_etag_of(c, list);
}

static void archive(struct ctx *c, struct swift_request *r, const char *kind)
{
    static const struct bulk_options options = { .max_containers_per_extraction = 100, .max_failed_extractions = 10, .yield_frequency = 10 };
    const struct step step = { .middleware = &rest, .word = "bulk", .options = &options, .next = &last };
    struct swift_response response = RESPONSE_EMPTY;

    archive_extract(c, &step, r, kind, &response);
    response_clear(&response);
}

static void form(struct ctx *c, struct swift_request *r)
{
    struct multipart_form *f = multipart_form_new(c, "fuzz", r);
    struct form_part part;
    char block[100];

    while (multipart_form_next(f, &part) == 1)
        while (multipart_form_read(f, block, sizeof(block)) > 0)
            ;
}

static void walk(struct ctx *c, s3_node *node, int depth)
{
    for (s3_node *child = node && depth < 8 ? xml_first(node) : NULL; child; child = xml_next(child)) {
        xml_value(c, child);
        xml_xsi_type(c, child);
        walk(c, child, depth + 1);
    }
}

static void headers(struct ctx *c, struct swift_request *r, const char *text)
{
    struct swift_response response = { .status = 200, .fd = -1, .length = 1000 };
    struct buf body = {};
    bool malformed;
    int64_t seconds;
    size_t n = strcspn(text, "\n");

    http_date_parse(text, &seconds);
    accept_best(c, text, accept_listing_types, &malformed);
    r->method = "GET";
    headers_set(c, &r->headers, "Range", ctx_strndup(c, text, n));
    headers_set(c, &r->headers, "If-Modified-Since", text[n] ? text + n + 1 : text);
    headers_set(c, &r->headers, "If-Range", text);
    headers_set(c, &r->headers, "If-None-Match", text);
    for (int i = 0; i < 1000; i++)
        buf_putc(&body, 'x');
    response_bytes(c, &response, "text/plain", &body);
    response.status = 200;
    headers_set(c, &response.headers, "Etag", "d41d8cd98f00b204e9800998ecf8427e");
    headers_set(c, &response.headers, "Last-Modified", "Sun, 22 Nov 2026 17:24:46 GMT");
    response_conditional(c, r, &response, NULL);
    response_take_all(c, &response, 1 << 20, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const roots[] = { "Delete", "CompleteMultipartUpload", "VersioningConfiguration", "CreateBucketConfiguration", "AccessControlPolicy" };
    struct swift_request *r;
    const char *text;
    struct ctx c;

    if (!size)
        return 0;
    ctx_init(&c, NULL, "req-fuzz");
    if (!constraints)
        constraints_configure(&c, conf_load(&c, "/dev/null"));
    text = ctx_strndup(&c, (const char *)data + 1, size - 1);
    r = request_of(&c, text, size - 1);
    switch (*data % 8) {
    case 0: manifest(&c, r); break;
    case 1: stored_manifest(&c, text, size - 1); break;
    case 2: archive(&c, r, "tar"); break;
    case 3: archive(&c, r, "tar.gz"); break;
    case 4: form(&c, r); break;
    case 5:
        for (size_t i = 0; i < G_N_ELEMENTS(roots); i++)
            walk(&c, xml_read(&c, text, size - 1, roots[i]), 0);
        break;
    default: headers(&c, r, text);
    }
    ctx_clear(&c);
    return 0;
}
