/* PUT ?partNumber&uploadId: a part of an upload, or a copy of (a range of) another object as one. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/middleware/s3api/multipart.h"

#include <string.h>

bool upload_find(struct s3_request *s, const char *upload, struct swift_response *response)
{
    const char *container = ctx_printf(s->c, "%s" SEGMENTS_SUFFIX, s->bucket), *object = ctx_printf(s->c, "%s/%s", s->key, upload);
    const char *source = request_get(s->client, "X-Amz-Copy-Source"), *own;
    bool found;

    /* the version of a copy's source has no business in the query for the upload's marker */
    headers_remove(&s->client->headers, "X-Amz-Copy-Source");
    found = s3_call(s, &(struct s3_call){ "HEAD", container, object }, response);
    if (!found && s->error.code == S3_NO_SUCH_KEY) {
        s3_error_clear(s);
        found = s3_call(s, &(struct s3_call){ "HEAD" }, response);
        own = found ? s3_sysmeta(s->c, response, S3_OBJECT_META, "upload-id") : NULL;
        found = found && text_equal(own, upload);
        if (!found && (!s->error.set || s->error.code == S3_NO_SUCH_KEY)) {
            s3_error_clear(s);
            s3_fail(s, S3_NO_SUCH_UPLOAD, NULL, "UploadId", upload, NULL);
        }
    }
    if (source)
        headers_set(s->c, &s->client->headers, "X-Amz-Copy-Source", source);
    return found;
}

static bool part_number(struct s3_request *s, int64_t *ret)
{
    const char *text = s3_param(s, "partNumber");

    if (text_to_int(text, ret) && *ret >= 1 && *ret <= s->options->max_upload_part_num)
        return true;
    return s3_fail(s, S3_INVALID_ARGUMENT, ctx_printf(s->c, "Part number must be an integer between 1 and %lld, inclusive",
                                                      (long long)s->options->max_upload_part_num),
                   "ArgumentName", "partNumber", "ArgumentValue", text, NULL);
}

/* x-amz-copy-source-range becomes the Range of the copy. */
static bool copied_range(struct s3_request *s, int64_t size)
{
    const char *range = request_get(s->client, "X-Amz-Copy-Source-Range");
    struct byte_range *ranges;
    int n;

    if (size < 0 || !range)
        return true;
    n = strchr(range, ',') ? -1 : ranges_read(s->c, range, size, &ranges);
    if (n < 0)
        return s3_fail(s, S3_INVALID_ARGUMENT, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
                       "zero-based offsets of the first and last bytes to copy", "ArgumentName", "x-amz-source-range", "ArgumentValue", range, NULL);
    if (!n)
        return s3_fail(s, S3_INVALID_ARGUMENT, ctx_printf(s->c, "Range specified is not valid for source object of size: %lld", (long long)size),
                       "ArgumentName", "x-amz-source-range", "ArgumentValue", range, NULL);
    headers_set(s->c, &s->client->headers, "Range", range);
    headers_remove(&s->client->headers, "X-Amz-Copy-Source-Range");
    return true;
}

static bool part_put(struct s3_request *s, struct swift_response *response)
{
    static const char *const blanked[] = { S3_OBJECT_META "etag", "X-Object-Sysmeta-Swift3-Etag", "X-Object-Sysmeta-Slo-Etag",
                                           "X-Object-Sysmeta-Slo-Size", "X-Object-Sysmeta-Container-Update-Override-Etag" };
    struct timestamp now = timestamp_now();
    struct headers blank = { 0 };
    const char *upload = s3_param(s, "uploadId");
    int64_t number, size;

    if (!s3_of_object(s) || !s3_container_info(s, s->bucket))
        return false;
    if (!upload)
        return s3_fail(s, S3_INVALID_ARGUMENT, "Unexpected query string parameter", "ArgumentName", "ResourceType", "ArgumentValue", "partNumber", NULL);
    if (!part_number(s, &number) || !upload_find(s, upload, response))
        return false;
    s->key = ctx_printf(s->c, "%s/%s/%lld", s->key, upload, (long long)number);
    s->bucket = ctx_printf(s->c, "%s" SEGMENTS_SUFFIX, s->bucket);
    headers_set(s->c, &s->client->headers, "X-Timestamp", timestamp_text(s->c, now));
    if (!s3_copy_source(s, &size) || !copied_range(s, size))
        return false;
    for (size_t i = 0; size >= 0 && i < G_N_ELEMENTS(blanked); i++)
        headers_set(s->c, &blank, blanked[i], "");
    if (!s3_call(s, &(struct s3_call){ .headers = &blank }, response))
        return false;
    if (size >= 0)
        s3_copy_result(s, response, now);
    response->status = 200;
    return true;
}

const struct s3_controller s3_part = { "partNumber", "PART", .put = part_put, .permit = permit_part, .copy_result = "CopyPartResult" };
