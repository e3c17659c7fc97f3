/* ?acl: reading and writing the access control list of a bucket or an object. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/middleware/acl.h"

#include <string.h>

/* --- Swift's lists, as S3 shows them ----------------------------------------------------------------------------- */

static bool acl_get(struct s3_request *s, struct swift_response *response)
{
    struct s3_acl acl = { .grants = (struct s3_grant[3]){ { 0 } } };

    if (!s3_call(s, &(struct s3_call){ "HEAD" }, response))
        return false;
    acl.owner_id = acl.owner_name = s->user_id;
    acl.grants[acl.n_grants++] = (struct s3_grant){ GRANTEE_USER, s->user_id, "FULL_CONTROL" };
    if (acl_referrer_allowed(s->c, response_get(response, "X-Container-Read"), "unknown"))
        acl.grants[acl.n_grants++] = (struct s3_grant){ GRANTEE_ALL_USERS, NULL, "READ" };
    if (acl_referrer_allowed(s->c, response_get(response, "X-Container-Write"), "unknown"))
        acl.grants[acl.n_grants++] = (struct s3_grant){ GRANTEE_ALL_USERS, NULL, "WRITE" };
    s3_acl_write(s->c, &acl, response);
    headers_set(s->c, &response->headers, "Content-Type", "text/plain");
    return true;
}

static bool acl_put(struct s3_request *s, struct swift_response *response)
{
    bool canned = request_get(s->client, "x-amz-acl") != NULL;
    char *text;
    size_t n;

    if (s->key)
        return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
    if (!s3_body(s, 200 * 1024, &text, &n))
        return false;
    if (canned && text)
        return s3_fail(s, S3_UNEXPECTED_CONTENT, NULL, NULL);
    if (!canned && !text)
        return s3_fail(s, S3_MISSING_SECURITY_HEADER, NULL, "MissingHeaderName", "x-amz-acl", NULL);
    if ((text && !s3_acl_to_swift(s, NULL, text, n)) || !s3_call(s, &(struct s3_call){ "POST" }, response))
        return false;
    response->status = 200;
    headers_set(s->c, &response->headers, "Location", s->bucket);
    return true;
}

const struct s3_controller s3_acls = { "acl", "ACL", .get = acl_get, .put = acl_put };

/* --- S3's own (s3_acl) ----------------------------------------------------------------------------------------------- */

static bool own_get(struct s3_request *s, struct swift_response *response)
{
    const struct s3_acl *acl;

    if (!s3_call(s, &(struct s3_call){ "HEAD" }, response) || !(acl = s3_acl_decode(s, response, s->key ? S3_OBJECT_META : S3_CONTAINER_META)))
        return false;
    s3_acl_write(s->c, acl, response);
    return true;
}

static bool own_put(struct s3_request *s, struct swift_response *response)
{
    struct headers headers = { 0 };

    /* an object's system metadata changes by a copy onto itself, not by POST */
    if (s->key)
        headers_set(s->c, &headers, "X-Copy-From", ctx_printf(s->c, "/%s/%s", s->bucket, name_quote(s->c, s->key, "/")));
    if (!s3_call(s, &(struct s3_call){ s->key ? "PUT" : "POST", .headers = &headers, .body = "" }, response))
        return false;
    response_clear(response);
    response->status = 200;
    headers_set(s->c, &response->headers, "Content-Type", HTML_TYPE);
    return true;
}

const struct s3_controller s3_acl_of_s3 = { "acl", "S3_ACL", .get = own_get, .put = own_put, .permit = permit_acl };
