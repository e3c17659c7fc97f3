/* Buckets: HEAD, PUT, DELETE; their listing is listing.c's. */
#include "swift/middleware/s3api/s3.h"

#include <stdlib.h>
#include <string.h>

static bool bucket_head(struct s3_request *s, struct swift_response *response)
{
    if (!s3_call(s, &(struct s3_call){ 0 }, response))
        return false;
    response->status = 200;
    return true;
}

static bool check_location(struct s3_request *s, const char *text, size_t n)
{
    s3_node *root = xml_read(s->c, text, n, NULL);
    const char *location = xml_value(s->c, xml_child(root, "LocationConstraint"));
    char *lower = g_ascii_strdown(s->options->location, -1);
    bool known = location && (!strcmp(location, s->options->location) || !strcmp(location, lower));

    g_free(lower);
    if (!root || !xml_only(root, "!LocationConstraint", NULL))
        return s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
    return known || s3_fail(s, S3_INVALID_LOCATION, NULL, NULL);
}

static bool bucket_put(struct s3_request *s, struct swift_response *response)
{
    char *text;
    size_t n;

    if (!s3_body(s, 10240, &text, &n) || (text && !check_location(s, text, n)) || !s3_call(s, &(struct s3_call){ 0 }, response))
        return false;
    response->status = 200;
    headers_set(s->c, &response->headers, "Location", ctx_printf(s->c, "/%s", s->bucket));
    return true;
}

/* --- DELETE -------------------------------------------------------------------------------------------------------- */

static bool check_empty(struct s3_request *s)
{
    struct swift_response response = RESPONSE_EMPTY;
    const char *count, *versions;

    if (!s3_call(s, &(struct s3_call){ "HEAD" }, &response)) {
        if (s->error.code != S3_NO_SUCH_BUCKET)
            return false;
        s3_error_clear(s);
        return true;
    }
    count = response_get(&response, "X-Container-Object-Count");
    versions = response_get(&response, "X-Container-Sysmeta-Versions-Enabled");
    response_clear(&response);
    if (count && atoll(count) > 0)
        return s3_fail(s, versions && *versions ? S3_VERSIONED_BUCKET_NOT_EMPTY : S3_BUCKET_NOT_EMPTY, NULL, NULL);
    return true;
}

/* An error while the segments go means: once more, later. */
static bool later(struct s3_request *s)
{
    if (s->error.code != S3_BUCKET_NOT_EMPTY && s->error.code != S3_INTERNAL)
        return false;
    s3_error_clear(s);
    return s3_fail(s, S3_SERVICE_UNAVAILABLE, NULL, NULL);
}

static bool delete_segments(struct s3_request *s)
{
    const char *container = ctx_printf(s->c, "%s" SEGMENTS_SUFFIX, s->bucket);
    struct swift_response response = RESPONSE_EMPTY;
    json_t *rows, *row;
    size_t i;

    if (!s3_list_all(s, container, NULL, NULL, &rows)) {
        if (s->error.code != S3_NO_SUCH_BUCKET)
            return false;
        s3_error_clear(s);
        return true;
    }
    json_array_foreach(rows, i, row) {
        bool gone = s3_call(s, &(struct s3_call){ "DELETE", container, s3_member(row, "name") }, &response);

        response_clear(&response);
        if (!gone && s->error.code != S3_NO_SUCH_KEY)
            return later(s);
        s3_error_clear(s);
    }
    bool gone = s3_call(s, &(struct s3_call){ "DELETE", container, "" }, &response);
    response_clear(&response);
    if (gone || s->error.code == S3_NO_SUCH_BUCKET) {
        s3_error_clear(s);
        return true;
    }
    return later(s);
}

static bool bucket_delete(struct s3_request *s, struct swift_response *response)
{
    if (s->options->allow_multipart_uploads && (!check_empty(s) || !delete_segments(s)))
        return false;
    return s3_call(s, &(struct s3_call){ 0 }, response);
}

static bool bucket_post(struct s3_request *s, struct swift_response *response)
{
    return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
}

const struct s3_controller s3_bucket = {
    NULL, "BUCKET", .get = bucket_list, .head = bucket_head, .put = bucket_put, .post = bucket_post, .delete = bucket_delete, .permit = permit_bucket,
};
