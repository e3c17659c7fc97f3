/* ?uploadId: listing the parts of an upload, giving it up, completing it (as a static large object). */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/middleware/s3api/multipart.h"
#include "swift/middleware/slo_hook.h"
#include "swift/slow.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *segments_of(struct s3_request *s)
{
    return ctx_printf(s->c, "%s" SEGMENTS_SUFFIX, s->bucket);
}

/* --- GET: the parts ----------------------------------------------------------------------------------------------- */

struct part_row { int64_t number; json_t *row; };

static int by_number(const void *a, const void *b)
{
    const struct part_row *p = a, *q = b;

    return (p->number > q->number) - (p->number < q->number);
}

/* Those behind the marker, in order of their numbers. */
static struct part_row *sorted_parts(struct s3_request *s, json_t *rows, int64_t marker, size_t *ret_n)
{
    struct part_row *parts = ctx_new_n(s->c, struct part_row, json_array_size(rows) + 1);
    size_t i, n = 0;
    json_t *row;

    json_array_foreach(rows, i, row) {
        const char *name = s3_member(row, "name"), *slash = name ? strrchr(name, '/') : NULL;
        int64_t number;

        if (slash && text_to_int(slash + 1, &number) && number > marker)
            parts[n++] = (struct part_row){ number, row };
    }
    qsort(parts, n, sizeof *parts, by_number);
    *ret_n = n;
    return parts;
}

static bool upload_get(struct s3_request *s, struct swift_response *response)
{
    const char *upload = s3_param(s, "uploadId");
    struct part_row *parts;
    int64_t most, marker;
    struct xml x = { 0 };
    json_t *rows;
    size_t n;
    bool url;

    if (!s3_of_object(s) || !s3_container_info(s, s->bucket) || !s3_encoding(s, &url) || !upload_find(s, upload, response) ||
        !s3_int_param(s, "max-parts", 1000, s->options->max_parts_listing, &most) || !s3_int_param(s, "part-number-marker", 0, INT32_MAX, &marker) ||
        !s3_list_all(s, segments_of(s), ctx_printf(s->c, "%s/%s/", s->key, upload), "/", &rows))
        return false;
    parts = sorted_parts(s, rows, marker, &n);
    size_t shown = MIN(n, (size_t)most);

    xml_begin(&x, "ListPartsResult");
    s3_xml_text(&x, "Bucket", s->bucket);
    s3_xml_text(&x, "Key", s3_key_text(s->c, s->key, url));
    s3_xml_text(&x, "UploadId", upload);
    s3_owner_write(s, &x, "Initiator");
    s3_owner_write(s, &x, "Owner");
    s3_xml_text(&x, "StorageClass", "STANDARD");
    xml_int(&x, "PartNumberMarker", marker);
    xml_int(&x, "NextPartNumberMarker", shown ? parts[shown - 1].number : 0);
    xml_int(&x, "MaxParts", most);
    if (url)
        s3_xml_text(&x, "EncodingType", "url");
    s3_xml_text(&x, "IsTruncated", shown < n ? "true" : "false");
    for (size_t i = 0; i < shown; i++) {
        xml_open(&x, "Part");
        xml_int(&x, "PartNumber", parts[i].number);
        s3_xml_text(&x, "LastModified", s3_iso_time(s->c, s3_member(parts[i].row, "last_modified")));
        s3_xml_text(&x, "ETag", ctx_printf(s->c, "\"%s\"", s3_member(parts[i].row, "hash")));
        xml_int(&x, "Size", json_integer_value(json_object_get(parts[i].row, "bytes")));
        xml_close(&x);
    }
    xml_end(s->c, &x, response, "application/xml");
    return true;
}

/* --- DELETE: give it up ----------------------------------------------------------------------------------------------- */

static bool upload_delete(struct s3_request *s, struct swift_response *response)
{
    const char *upload = s3_param(s, "uploadId");
    json_t *rows, *row;
    size_t i;

    if (!s3_of_object(s) || !s3_container_info(s, s->bucket) || !upload_find(s, upload, response))
        return false;
    /* the marker first: from then on the upload is no more */
    if (!s3_call(s, &(struct s3_call){ "DELETE", segments_of(s), ctx_printf(s->c, "%s/%s", s->key, upload) }, response) ||
        !s3_list_all(s, segments_of(s), ctx_printf(s->c, "%s/%s/", s->key, upload), "/", &rows))
        return false;
    json_array_foreach(rows, i, row)
        if (s3_member(row, "name") && !s3_call(s, &(struct s3_call){ "DELETE", segments_of(s), s3_member(row, "name") }, response))
            return false;
    response_clear(response);
    response->status = 204;
    return true;
}

/* --- POST: complete it --------------------------------------------------------------------------------------------------- */

/* An MD5, or NULL. */
static const char *part_etag(struct ctx *c, const char *etag)
{
    etag = etag_plain(c, etag);
    return etag && strlen(etag) == 32 && etag[strspn(etag, "0123456789abcdef")] == 0 ? etag : NULL;
}

/* The client's list of parts as a manifest of slo's, and S3's ETag of the whole: the md5 of the parts' md5s, and their number. */
static bool read_manifest(struct s3_request *s, const char *text, size_t n, const char *upload, json_t *manifest, const char **ret_etag)
{
    s3_node *root = xml_read(s->c, text, n, "CompleteMultipartUpload"), *node = xml_first(root);
    struct md5 *hash = md5_new();
    int64_t previous = 0;
    bool well = root && node;
    char hex[33];

    if (!well)
        s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
    for (; node && well; node = xml_next(node)) {
        const char *number_text = xml_value(s->c, xml_child(node, "PartNumber"));
        const char *etag = part_etag(s->c, xml_value(s->c, xml_child(node, "ETag")));
        int64_t number;
        uint8_t digest[16];

        if (!xml_is(node, "Part") || !xml_only(node, "!PartNumber", "!ETag", NULL) || !number_text || !text_to_int(number_text, &number))
            well = s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
        else if (number <= previous)
            well = s3_fail(s, S3_INVALID_PART_ORDER, NULL, "UploadId", upload, NULL);
        else if (!etag)
            well = s3_fail(s, S3_INVALID_PART, NULL, "UploadId", upload, "PartNumber", number_text, NULL);
        if (!well)
            break;
        previous = number;
        hex_read(etag, digest, sizeof digest);
        md5_add(hash, digest, sizeof digest);
        json_array_append_new(manifest, json_pack("{s:s, s:s}", "path", ctx_printf(s->c, "/%s/%s/%s/%lld", segments_of(s), s->key, upload,
                                                                                   (long long)number), "etag", etag));
    }
    md5_end_hex(hash, hex);
    *ret_etag = ctx_printf(s->c, "%s-%zu", hex, json_array_size(manifest));
    return well;
}

/* What the object is to have of what the upload began with. */
static void object_headers(struct s3_request *s, const struct swift_response *marker, const char *upload, struct headers *to)
{
    static const char *const kept[] = { "Content-Encoding", "Content-Language", "Content-Disposition", "Expires", "Cache-Control" };
    const char *has_type = s3_sysmeta(s->c, marker, S3_OBJECT_META, "has-content-type"), *type;

    headers_set(s->c, to, "Accept", "application/json");
    headers_set(s->c, to, S3_OBJECT_META "upload-id", upload);
    headers_copy_prefix(s->c, to, &marker->headers, "X-Object-Meta-");
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        if (response_get(marker, kept[i]))
            headers_set(s->c, to, kept[i], response_get(marker, kept[i]));
    if (!has_type)
        type = response_get(marker, "Content-Type");
    else
        type = !strcmp(has_type, "yes") ? s3_sysmeta(s->c, marker, S3_OBJECT_META, "content-type") : NULL;
    headers_set(s->c, to, "Content-Type", type);
}

static const char *too_small(const struct s3_request *s)
{
    return ctx_printf(s->c, "s3api requires that each segment be at least %lld bytes", (long long)s->options->min_segment_size);
}

static const char *judge_segment(struct ctx *c, void *data, const char *path, int64_t bytes, size_t i, size_t n)
{
    const struct s3_request *s = data;

    return i + 1 < n && bytes < s->options->min_segment_size ? too_small(s) : NULL;
}

/* What slo says against a manifest, in S3's words. text: its errors, however it wrote them. */
static bool manifest_refused(struct s3_request *s, const char *text, const char *upload, const char *status)
{
    s3_error_clear(s);
    if (strstr(text, too_small(s)))
        return s3_fail(s, S3_ENTITY_TOO_SMALL, NULL, NULL);
    if (strstr(text, "Etag Mismatch") || strstr(text, "404 Not Found"))
        return s3_fail(s, S3_INVALID_PART, NULL, "UploadId", upload, NULL);
    s3_fail(s, S3_INVALID_REQUEST, text, NULL);
    if (status && atoi(status) >= 400)
        s->error.status = atoi(status);
    return false;
}

/* Some clients say the port twice. */
static const char *own_host(struct s3_request *s)
{
    const char *host = s->client->env->scheme_host, *port = strchr(strstr(host, "://") + 3, ':'), *again = port ? strchr(port + 1, ':') : NULL;

    return again && !strchr(host, '[') ? ctx_strndup(s->c, host, (size_t)(again - host)) : host;
}

static bool completed(struct s3_request *s, const char *etag, struct swift_response *response)
{
    struct xml x = { 0 };

    xml_begin(&x, "CompleteMultipartUploadResult");
    s3_xml_text(&x, "Location", ctx_printf(s->c, "%s%s", own_host(s), name_quote(s->c, s->client->path, "/")));
    s3_xml_text(&x, "Bucket", s->bucket);
    s3_xml_text(&x, "Key", s->key);
    s3_xml_text(&x, "ETag", ctx_printf(s->c, "\"%s\"", etag));
    xml_end(s->c, &x, response, "application/xml");
    return true;
}

static bool read_parts(struct s3_request *s, const char *upload, json_t *manifest, const char **ret_etag)
{
    const char *expected;
    uint8_t digest[16];
    char *text, hex[33];
    size_t n;

    if (!s3_body(s, 2048 * 1024, &text, &n))
        return false;
    if (!text)
        return s3_fail(s, S3_INVALID_REQUEST, "You must specify at least one part", NULL);
    if (request_get(s->client, "Content-MD5")) {
        expected = request_get(s->client, "ETag");
        md5_of(text, n, digest);
        digest_hex(digest, hex);
        if (!expected || strcmp(expected, hex))
            return s3_fail(s, S3_BAD_DIGEST, NULL, "ContentMd5", request_get(s->client, "Content-MD5"), NULL);
        headers_remove(&s->client->headers, "ETag");     /* it was of this document, not of the object */
    }
    return read_manifest(s, text, n, upload, manifest, ret_etag);
}

/* --- completing it -------------------------------------------------------------------------------------------------- */

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
enum { BLANK_EVERY_US = 10 * G_USEC_PER_SEC };

/* It outlives its handler: looking at ten thousand parts takes a while. */
struct completion {
    struct s3_request s;
    struct slo_hook hook;
    const char *upload, *etag;
    struct swift_response put;       /* slo's answer, blanks first */
    struct buf text;                 /* what has come of it */
    bool well, ended;
};

static void text_free(void *text)
{
    buf_clear(text);
}

static void answer_free(void *response)
{
    response_close(response);
}

static struct completion *completion_new(const struct s3_request *s, const char *upload, const char *etag)
{
    struct completion *k = ctx_new(s->c, struct completion);

    *k = (struct completion){ .s = *s, .upload = upload, .etag = etag, .put = RESPONSE_EMPTY };
    k->hook = (struct slo_hook){ judge_segment, &k->s };
    k->s.client = request_kept(s->c, s->client);
    k->s.client->env->middleware[SLOT_SLO] = &k->hook;
    k->s.client->env->middleware[SLOT_S3] = &k->s.auth;
    ctx_own(s->c, &k->text, text_free);
    ctx_own(s->c, &k->put, answer_free);
    return k;
}

static void store_manifest(struct completion *k, json_t *manifest, const struct headers *headers)
{
    struct s3_request *s = &k->s;
    char *body = json_dumps(manifest, JSON_COMPACT);

    k->well = s3_call(s, &(struct s3_call){ "PUT", .query = "multipart-manifest=put&heartbeat=on", .body = body, .body_size = strlen(body),
                                            .headers = headers }, &k->put);
    free(body);
    if (!k->well && s->error.code == S3_BAD_SWIFT_REQUEST)
        manifest_refused(s, s->error.n_info && s->error.info[0].value ? s->error.info[0].value : "", k->upload, NULL);
}

static bool store_more(struct ctx *c, void *data)
{
    struct completion *k = data;
    ssize_t got;

    if (!k->well || k->put.status != 202)
        return false;
    buf_reserve(&k->text, 4096);
    got = response_take(c, &k->put, k->text.data + k->text.len, 4096);
    k->text.len += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* What stands behind slo's blanks. */
static bool is_stored(struct completion *k)
{
    json_t *result = ctx_json(k->s.c, json_loadb(k->text.data ? k->text.data : "", k->text.len, JSON_ALLOW_NUL, NULL));
    const char *status = s3_member(result, "Response Status");
    char *text;
    bool well;

    if (!result)
        return s3_fail(&k->s, S3_INTERNAL, NULL, NULL);
    if (text_equal(status, "201 Created"))
        return true;
    text = json_dumps(json_object_get(result, "Errors"), JSON_ENCODE_ANY);
    well = manifest_refused(&k->s, ctx_strdup(k->s.c, text ? text : ""), k->upload, status);
    free(text);
    return well;
}

static bool drop_marker(struct s3_request *s, const char *upload)
{
    struct swift_response response = RESPONSE_EMPTY;
    bool well = s3_call(s, &(struct s3_call){ "DELETE", segments_of(s), ctx_printf(s->c, "%s/%s", s->key, upload) }, &response);

    response_clear(&response);
    if (!well && s->error.code == S3_NO_SUCH_KEY) {
        s3_error_clear(s);
        return true;
    }
    return well;
}

/* An error behind blanks is a document all the same; the declaration was sent in front of them. */
static void completion_ends(struct ctx *c, void *data, bool begun, struct swift_response *response)
{
    struct completion *k = data;
    struct buf document = {};

    k->ended = true;
    k->well = k->well && (k->put.status != 202 || is_stored(k)) && drop_marker(&k->s, k->upload);
    if (k->well)
        completed(&k->s, k->etag, response);
    else if (begun)
        s3_error_write(&k->s, response);
    if (!begun || !response->body.data)
        return;
    buf_puts(&document, strchr(response->body.data, '\n') + 1);
    response_bytes(c, response, NULL, &document);
}

static bool upload_post(struct s3_request *s, struct swift_response *response)
{
    const char *upload = s3_param(s, "uploadId"), *etag = NULL, *before;
    json_t *manifest = ctx_json(s->c, json_array());
    struct headers headers = { 0 };
    struct completion *k;

    if (!s3_of_object(s) || !s3_container_info(s, s->bucket) || !upload_find(s, upload, response))
        return false;
    object_headers(s, response, upload, &headers);
    before = s3_sysmeta(s->c, response, S3_OBJECT_META, "etag");
    if (!read_parts(s, upload, manifest, &etag))
        return false;
    if (text_equal(before, etag))                        /* it was completed before, with the same parts */
        return completed(s, etag, response);
    headers_set(s->c, &headers, S3_OBJECT_META "etag", etag);
    headers_set(s->c, &headers, "X-Object-Sysmeta-Container-Update-Override-Etag", ctx_printf(s->c, "; s3_etag=%s", etag));
    k = completion_new(s, upload, etag);
    store_manifest(k, manifest, &headers);
    response_clear(response);
    response_slowly(s->c, response, &(struct slow){ store_more, completion_ends, k, .every_us = BLANK_EVERY_US, .status = 200,
                    .type = "application/xml", .first = DECLARATION " ", .between = "\n" });
    if (k->ended)
        s->error = k->s.error;
    return !k->ended || k->well;
}

const struct s3_controller s3_upload = { "uploadId", "UPLOAD", .get = upload_get, .post = upload_post, .delete = upload_delete, .permit = permit_upload };
