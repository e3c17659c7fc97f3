/* With s3_acl: before each call to Swift, the list of the bucket or the object is asked for the permission the S3 request needs. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"

#include <string.h>

/* S3's method, Swift's method, on what; whose list is asked, for what. */
static const struct needed { const char *s3, *swift; bool object, asks_object; const char *permission; } needed[] = {
    { "HEAD", "HEAD", false, false, "READ" },            /* head bucket */
    { "GET", "HEAD", false, false, "OWNER" },            /* the list of buckets */
    { "GET", "GET", false, false, "READ" },              /* listings */
    { "PUT", "HEAD", false, false, "WRITE" },            /* put and copy an object */
    { "DELETE", "DELETE", false, false, "OWNER" },       /* delete bucket */
    { "HEAD", "HEAD", true, true, "READ" },
    { "GET", "GET", true, true, "READ" },
    { "PUT", "HEAD", true, true, "READ" },               /* the source of a copy */
    { "DELETE", "HEAD", false, false, "WRITE" },         /* abort an upload */
    { "DELETE", "DELETE", true, false, "WRITE" },
    { "POST", "HEAD", false, false, "WRITE" },           /* complete, begin an upload; delete several */
    { "PUT", "POST", false, false, "WRITE" },            /* versioning */
    { "DELETE", "GET", false, false, "WRITE" },
};

bool permit_check(struct s3_request *s, const char *method, const char *container, const char *object, const char *permission,
                  struct swift_response *response, bool *ret_done)
{
    bool asks_object = object != NULL;
    const struct s3_acl *acl;

    if (!container)
        return true;
    for (size_t i = 0; !permission && i < G_N_ELEMENTS(needed); i++)
        if (!strcmp(needed[i].s3, s->method) && !strcmp(needed[i].swift, method) && needed[i].object == (object != NULL)) {
            permission = needed[i].permission;
            asks_object = needed[i].asks_object;
        }
    if (!permission)
        return s3_fail(s, S3_INTERNAL, "No permission to be checked exists", NULL);
    const char *query = asks_object ? s3_query(s->c, "version-id", s3_param(s, "versionId"), NULL) : "";
    if (!s3_call(s, &(struct s3_call){ "HEAD", container, asks_object ? object : "", query, .unjudged = true }, response))
        return false;
    acl = s3_acl_decode(s, response, asks_object ? S3_OBJECT_META : S3_CONTAINER_META);
    if (!acl || !s3_acl_allows(s, acl, s->user_id, permission))
        return false;
    *ret_done = !strcmp(method, "HEAD") && asks_object == (object != NULL);
    return true;
}

bool permit_by_table(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    return permit_check(s, method, container, object, NULL, response, ret_done);
}

static bool is_segments(const char *container)
{
    return container && g_str_has_suffix(container, SEGMENTS_SUFFIX);
}

static void store_bucket_acl(struct s3_request *s, const struct s3_acl *acl)
{
    headers_set(s->c, &s->client->headers, S3_CONTAINER_META "acl", s3_acl_encode(s->c, acl));
}

static void store_object_acl(struct s3_request *s, const struct s3_acl *acl)
{
    headers_set(s->c, &s->client->headers, S3_OBJECT_META "acl", s3_acl_encode(s->c, acl));
}

/* A bucket is made first and gets its list then, so that the list of one that is there is not written over. */
static bool permit_bucket_put(struct s3_request *s, const char *container, struct swift_response *response, bool *ret_done)
{
    const struct s3_acl *acl;

    if (!s3_acl_from_headers(s, s->user_id, NULL, true, &acl))
        return false;
    if (!s->owner)
        return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
    if (!s3_call(s, &(struct s3_call){ "PUT", container, "", .unjudged = true }, response))
        return false;
    store_bucket_acl(s, acl);
    *ret_done = true;
    return s3_call(s, &(struct s3_call){ "POST", container, "", .unjudged = true }, response);
}

bool permit_bucket(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    bool deletes = !strcmp(s->method, "DELETE");

    if (deletes && is_segments(container))
        return true;
    if (!strcmp(method, "PUT"))
        return permit_bucket_put(s, container, response, ret_done);
    if (deletes && !strcmp(method, "HEAD"))
        return permit_check(s, "DELETE", container, object, NULL, response, ret_done);
    return permit_check(s, method, container, object, NULL, response, ret_done);
}

/* The list of what is put: as its headers say, of the user who puts it. */
static bool acl_of_put(struct s3_request *s, const char *container, const struct s3_acl **ret)
{
    struct swift_response head = RESPONSE_EMPTY;
    const struct s3_acl *bucket;
    bool done = false, well = permit_check(s, "HEAD", container, NULL, NULL, &head, &done);

    bucket = well ? s3_acl_decode(s, &head, S3_CONTAINER_META) : NULL;
    response_clear(&head);
    return bucket && s3_acl_from_headers(s, bucket->owner_id, s->user_id, true, ret);
}

bool permit_object(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    const struct s3_acl *acl;

    if (!strcmp(method, "HEAD") && !strcmp(s->method, "DELETE"))
        return true;
    if (strcmp(method, "PUT"))
        return permit_check(s, method, container, object, NULL, response, ret_done);
    if (!acl_of_put(s, container, &acl))
        return false;
    store_object_acl(s, acl);
    return true;
}

bool permit_multi_delete(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    return object || permit_check(s, method, container, object, NULL, response, ret_done);       /* the bucket's list is enough */
}

/* --- ?acl -------------------------------------------------------------------------------------------------------- */

/* From the request's headers or its document; one of them, not both. */
static bool asked_acl(struct s3_request *s, const char *bucket_owner, const char *object_owner, const struct s3_acl **ret)
{
    char *text;
    size_t n;

    if (!s3_body(s, 200 * 1024, &text, &n) || !s3_acl_from_headers(s, bucket_owner, object_owner, false, ret))
        return false;
    if (*ret)
        return !text || s3_fail(s, S3_UNEXPECTED_CONTENT, NULL, NULL);
    if (!text)
        return s3_fail(s, S3_MISSING_SECURITY_HEADER, NULL, "MissingHeaderName", "x-amz-acl", NULL);
    return s3_acl_from_xml(s, text, n, ret);
}

static bool write_acl(struct s3_request *s, const char *container, const char *object, struct swift_response *response)
{
    const struct s3_acl *bucket, *own = NULL, *asked;
    bool done = false;

    if (object && (!s3_call(s, &(struct s3_call){ "HEAD", container, "", .unjudged = true }, response) ||
                   !(bucket = s3_acl_decode(s, response, S3_CONTAINER_META))))
        return false;
    if (!permit_check(s, "HEAD", container, object, "WRITE_ACP", response, &done) ||
        !(own = s3_acl_decode(s, response, object ? S3_OBJECT_META : S3_CONTAINER_META)))
        return false;
    if (!object)
        bucket = own;
    if (!asked_acl(s, bucket->owner_id, object ? own->owner_id : NULL, &asked) || !s3_acl_owned(s, own, asked->owner_id))
        return false;
    if (object)
        store_object_acl(s, asked);
    else
        store_bucket_acl(s, asked);
    return true;
}

bool permit_acl(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    bool ignored;

    if (!strcmp(method, "PUT") || !strcmp(method, "POST"))
        return write_acl(s, container, object, response);
    return permit_check(s, "HEAD", container, object, "READ_ACP", response, &ignored);
}

/* --- multipart uploads: the bucket's list is asked once, when the upload is looked for -------------------------------- */

static const char *base_of(struct s3_request *s, const char *container)
{
    return is_segments(container) ? ctx_strndup(s->c, container, strlen(container) - strlen(SEGMENTS_SUFFIX)) : container;
}

bool permit_part(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    bool ignored;

    if (strcmp(method, "HEAD"))
        return true;
    if (is_segments(container))
        return permit_check(s, "HEAD", base_of(s, container), NULL, NULL, response, &ignored);
    return permit_check(s, "HEAD", container, object, NULL, response, ret_done);         /* the source of a copy */
}

bool permit_uploads(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    const struct s3_acl *acl;
    bool ignored;

    if (!strcmp(method, "GET"))
        return permit_check(s, "GET", base_of(s, container), NULL, NULL, response, &ignored);
    if (strcmp(method, "PUT") || s->permit_done)
        return true;
    s->permit_done = true;
    if (!acl_of_put(s, base_of(s, container), &acl))
        return false;
    headers_set(s->c, &s->client->headers, S3_OBJECT_META "tmpacl", s3_acl_encode(s->c, acl));
    return true;
}

bool permit_upload(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response, bool *ret_done)
{
    bool ignored;

    if (!strcmp(method, "HEAD"))
        return permit_check(s, strcmp(s->method, "GET") ? "HEAD" : "GET", base_of(s, container), NULL, NULL, response, &ignored);
    if (!strcmp(method, "PUT")) {
        const char *marker = ctx_printf(s->c, "%s/%s", object, s3_param(s, "uploadId")), *acl;

        if (!s3_call(s, &(struct s3_call){ "HEAD", ctx_printf(s->c, "%s" SEGMENTS_SUFFIX, s->bucket), marker, .unjudged = true }, response))
            return false;
        acl = s3_sysmeta(s->c, response, S3_OBJECT_META, "tmpacl");
        headers_set(s->c, &s->client->headers, S3_OBJECT_META "acl", ctx_strdup(s->c, acl));
    }
    return true;
}
