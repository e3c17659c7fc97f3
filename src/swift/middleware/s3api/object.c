/* Objects: GET, HEAD, PUT (and copying), DELETE, with their versions. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>
#include <strings.h>



/* False: an error, or *ret_never: the bucket has never had versions. */
static bool check_versions(struct s3_request *s, const char *version, bool *ret_never)
{
    const struct container_info *info;
    const char *versions;

    *ret_never = false;
    if (!is_version_named(version))
        return true;
    if (!info_has("object_versioning"))
        return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
    if (!(info = s3_container_info(s, s->bucket)))
        return false;
    versions = headers_get(&info->sysmeta, "versions-container");
    *ret_never = !versions || !*versions;
    return true;
}

/* ETags as S3 shows those of manifests end with -N: they are looked for without it as well, where s3api has put them. */
static void widen_match(struct s3_request *s)
{
    static const char *const conditions[] = { "If-Match", "If-None-Match" };
    struct headers *headers = &s->client->headers;
    bool any = false;

    for (size_t i = 0; i < G_N_ELEMENTS(conditions); i++) {
        const char *value = headers_get(headers, conditions[i]);

        if (!value)
            continue;
        any = true;
        char **tags = text_split(s->c, value, ',');
        for (size_t k = 0; tags[k]; k++) {
            char *tag = g_strdelimit(ctx_strdup(s->c, tags[k]), "\"", ' ');

            g_strstrip(tag);
            if (g_str_has_suffix(tag, "-N"))
                value = ctx_printf(s->c, "%s, %.*s", value, (int)strlen(tag) - 2, tag);
        }
        headers_set(s->c, headers, conditions[i], value);
    }
    if (any) {
        const char *before = headers_get(headers, "X-Backend-Etag-Is-At");

        headers_set(s->c, headers, "X-Backend-Etag-Is-At", before ? ctx_printf(s->c, "%s,%setag", before, S3_OBJECT_META) : S3_OBJECT_META "etag");
    }
}

static bool read_object(struct s3_request *s, struct swift_response *response)
{
    static const char *const overridden[] = { "Content-Type", "Content-Language", "Expires", "Cache-Control", "Content-Disposition", "Content-Encoding" };
    const char *version = s3_param(s, "versionId");
    bool never;

    widen_match(s);
    if (!check_versions(s, version, &never))
        return false;
    if (never)
        return s3_fail(s, S3_NO_SUCH_VERSION, NULL, "Key", s->key, "VersionId", version, NULL);
    if (!s3_call(s, &(struct s3_call){ .query = s3_query(s->c, "version-id", version, NULL) }, response))
        return false;
    if (response_get(response, "X-Object-Meta-Deleted"))
        return s3_fail(s, S3_NO_SUCH_KEY, NULL, "Key", s->key, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(overridden); i++) {
        char *name = g_ascii_strdown(overridden[i], -1);
        const char *value = s3_param(s, ctx_printf(s->c, "response-%s", name));

        g_free(name);
        if (value)
            headers_set(s->c, &response->headers, overridden[i], value);
    }
    return true;
}

/* Swift does not look at Range for HEAD; S3 does. */
static bool head_object(struct s3_request *s, struct swift_response *response)
{
    const char *range = request_get(s->client, "Range");
    struct byte_range *ranges;

    if (!read_object(s, response))
        return false;
    if (!range || response->status != 200 || response->length < 0)
        return true;
    int n = ranges_read(s->c, range, response->length, &ranges);
    if (!n)
        return s3_fail(s, S3_INVALID_RANGE, NULL, NULL);
    if (n == 1) {
        headers_printf(s->c, &response->headers, "Content-Range", "bytes %lld-%lld/%lld", (long long)ranges[0].from, (long long)ranges[0].to - 1,
                       (long long)response->length);
        response->length = ranges[0].to - ranges[0].from;
        response->status = 206;
    }
    return true;
}

static bool put_object(struct s3_request *s, struct swift_response *response)
{
    struct timestamp now = timestamp_now();
    struct headers *headers = &s->client->headers;
    const char *type, *range = headers_get(headers, "X-Amz-Copy-Source-Range");
    bool copies = headers_get(headers, "X-Amz-Copy-Source") != NULL;
    int64_t size;

    if (name_length(s->key) > (size_t)constraints->max_object_name_length)
        return s3_fail(s, S3_KEY_TOO_LONG, NULL, NULL);
    headers_set(s->c, headers, "X-Timestamp", timestamp_text(s->c, now));
    if (copies && range)
        return s3_fail(s, S3_INVALID_ARGUMENT, "Illegal copy header", "ArgumentName", "x-amz-copy-source-range", "ArgumentValue", range, NULL);
    if (!s3_copy_source(s, &size))
        return false;
    type = headers_get(headers, "Content-Type");
    if (!type || !*type)
        headers_set(s->c, headers, "Content-Type", "binary/octet-stream");
    if (!s3_call(s, &(struct s3_call){ 0 }, response))
        return false;
    if (copies)
        s3_copy_result(s, response, now);
    response->status = 200;
    return true;
}

static bool post_object(struct s3_request *s, struct swift_response *response)
{
    return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
}

/* --- DELETE --------------------------------------------------------------------------------------------------------- */

/* The null version was current and has gone: the newest that is left becomes it. */
static bool restore_newest(struct s3_request *s, struct swift_response *response)
{
    struct swift_response listing = RESPONSE_EMPTY, put = RESPONSE_EMPTY;
    json_t *rows, *row;
    size_t i;

    if (!s3_call(s, &(struct s3_call){ "GET", .object = "", .query = s3_query(s->c, "prefix", s->key, "versions", "True", "format", "json", NULL) }, &listing))
        return false;
    rows = s3_json(s, &listing);
    json_array_foreach(rows, i, row) {
        const char *type = json_string_value(json_object_get(row, "content_type")), *id = json_string_value(json_object_get(row, "version_id"));

        if (!type || !strcmp(type, DELETE_MARKER))
            break;
        if (s3_call(s, &(struct s3_call){ "PUT", .query = s3_query(s->c, "version-id", id, NULL), .body = "" }, &put)) {
            response_clear(response);
            *response = put;
            response->status = 204;
            return true;
        }
        response_clear(&put);
        if (s->error.code != S3_PRECONDITION_FAILED)
            return false;
        s3_error_clear(s);
    }
    return rows != NULL;
}

static bool delete_it(struct s3_request *s, const char *version, struct swift_response *response)
{
    const char *manifest, *current;
    bool async;
    size_t n;

    if (!s3_delete_query(s, NULL, version, &manifest, &async))
        return false;
    headers_remove(&s->client->headers, "Content-Type");
    if (!s3_call(s, &(struct s3_call){ .query = s3_query(s->c, "multipart-manifest", manifest, "async", async ? "on" : NULL, "symlink",
                                                         version ? "get" : NULL, "version-id", version, NULL) }, response))
        return false;
    if (manifest && response->status == 200) {
        struct headers headers = response->headers;

        response_take_all(s->c, response, 16 << 20, &n);             /* the segments go while it is read */
        response->headers = headers;
        headers_remove(&response->headers, "Content-Type");
        response->status = 204;
        response->length = 0;
    }
    current = response_get(response, "X-Object-Current-Version-Id");
    return !current || strcmp(current, "null") || restore_newest(s, response);
}

static bool delete_object(struct s3_request *s, struct swift_response *response)
{
    const char *version = s3_param(s, "versionId");
    bool never;

    if (!check_versions(s, version, &never))
        return false;
    if (never) {
        response_clear(response);
        response->status = 204;
        headers_set(s->c, &response->headers, "X-Object-Version-Id", version);
        return true;
    }
    if (delete_it(s, version, response))
        return true;
    if (s->error.code != S3_NO_SUCH_KEY)
        return false;
    s3_error_clear(s);                   /* it is gone: which is what was asked, where there is such a bucket */
    if (!s3_container_info(s, s->bucket))
        return false;
    response_clear(response);
    response->status = 204;
    return true;
}

const struct s3_controller s3_object = {
    NULL, "OBJECT", .get = read_object, .head = head_object, .put = put_object, .post = post_object, .delete = delete_object,
    .permit = permit_object, .copy_result = "CopyObjectResult",
};
