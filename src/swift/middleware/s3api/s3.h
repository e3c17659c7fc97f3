/* What the files of s3api/ share: a request of the S3 API, the calls to Swift made for it, and what comes of them.
 *
 * s3api.c       the middleware: is it an S3 request, who handles it, how its answer is written
 * request.c     reads a request: bucket, key, headers, the parts of its signature
 * signature.c   the strings to sign, and the signatures
 * calls.c       requests to Swift, and what their statuses mean in S3
 * errors.c      errors, from the table in errors.h
 * xml.c         writing and reading documents
 * acl.c         access control lists: XML, headers, canned ones, as kept in system metadata
 * permits.c     who may (option s3_acl): which list is asked for which permission
 * bucket.c, listing.c, object.c, uploads.c, upload.c, multi_delete.c, acls.c, small.c    the controllers
 */
#ifndef SWIFT_MIDDLEWARE_S3API_S3_H
#define SWIFT_MIDDLEWARE_S3API_S3_H

#include "swift/middleware/s3api/auth.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"
#include "swift/timestamp.h"

#define SEGMENTS_SUFFIX "+segments"              /* of the container that keeps the parts of multipart uploads */
#define S3_OBJECT_META "x-object-sysmeta-s3api-"
#define S3_CONTAINER_META "x-container-sysmeta-s3api-"
#define DELETE_MARKER "application/x-deleted;swift_versions_deleted=1"

struct s3_options {
    bool allow_no_owner, dns_compliant_bucket_names, s3_acl, auth_pipeline_check, check_bucket_owner, force_swift_request_proxy_log,
         allow_multipart_uploads, ratelimit_as_client_error;
    char *location, *storage_domain, *cors_preflight_allow_origin;
    int64_t max_bucket_listing, max_parts_listing, max_multi_delete_objects, multi_delete_concurrency, max_upload_part_num,
            min_segment_size, allowable_clock_skew;
};

enum s3_code {
#define S3_ERROR(symbol, code, status, message) S3_##symbol,
#include "swift/middleware/s3api/errors.h"
#undef S3_ERROR
    S3_CODES
};

/* What went wrong, said once: the first stays. Its info becomes elements beside Code and Message. */
struct s3_error {
    bool set;
    enum s3_code code;
    int status;                      /* 0: the code's own */
    const char *message;             /* NULL: the code's own */
    struct pair info[6];
    int n_info;
};

struct s3_request;
struct s3_acl;
typedef bool s3_handler(struct s3_request *, struct swift_response *);
/* Before a call to Swift: may it be made? *ret_done: the response stands, the call is not made any more. */
typedef bool s3_permit(struct s3_request *, const char *method, const char *container, const char *object, struct swift_response *, bool *ret_done);

struct s3_controller {
    const char *parameter;           /* the query parameter that chooses it; NULL: by bucket and key */
    const char *resource;            /* as MethodNotAllowed names it */
    s3_handler *get, *head, *put, *post, *delete;
    s3_permit *permit;               /* with s3_acl; NULL: by the table alone */
    const char *copy_result;         /* "CopyObjectResult" */
};

struct s3_request {
    struct ctx *c;
    const struct step *step;
    const struct s3_options *options;
    struct swift_request *client;    /* as it came; headers are changed here on the way to Swift */
    const struct s3_controller *controller;
    const char *method;
    const char *bucket, *key;        /* NULL: not said */
    bool bucket_in_host;
    struct s3_auth auth;
    bool query_auth;
    const char *location;
    const char *signed_headers;      /* "host;x-amz-date" of version 4 */
    const char *canonical_request;
    int64_t time;                    /* seconds, of the request's date; 0: not read yet */
    const char *account;             /* once Swift has said it; NULL: the access key stands for it */
    const char *user_id;
    bool owner;                      /* may make buckets (s3_acl) */
    bool permit_done;                /* the permit has been judged (list checks that need it once) */
    const struct s3_acl *bucket_acl, *object_acl;    /* to be stored with what is put */
    bool digest_wrong;               /* the body was not what X-Amz-Content-SHA256 said */
    struct s3_error error;
};

/* --- errors.c -------------------------------------------------------------------------------------------------- */

/* Always false. More: name, value, ..., NULL: elements of the error, in order ("BucketName", "photos"). message NULL: the usual one. */
bool s3_fail(struct s3_request *, enum s3_code, const char *message, ...) G_GNUC_NULL_TERMINATED;
void s3_error_clear(struct s3_request *);
const char *s3_error_name(const struct s3_error *);
const char *s3_error_message(const struct s3_error *);
void s3_error_write(struct s3_request *, struct swift_response *);

/* --- request.c, signature.c -------------------------------------------------------------------------------------- */

/* False: an error, or (ret_foreign) it is none of S3's. */
bool s3_request_read(struct s3_request *, bool *ret_foreign);
bool s3_sign(struct s3_request *);                           /* fills auth.string_to_sign */
bool s3_bucket_name_valid(const char *name, bool dns_compliant);
bool s3_date_parse(const char *text, const char *format, int64_t *ret_seconds);      /* RFC 2822, or by the format */
const char *s3_stripped(struct ctx *, const char *value);    /* without control characters at its ends; NULL: nothing left */
static inline const char *s3_param(const struct s3_request *s, const char *name) { return request_param(s->client, name); }
bool s3_int_param(struct s3_request *, const char *name, int64_t otherwise, int64_t limit, int64_t *ret);
/* The body of a request that is a document, at most max bytes; *ret NULL: there is none. */
bool s3_body(struct s3_request *, size_t max, char **ret, size_t *ret_n);

/* --- calls.c ------------------------------------------------------------------------------------------------------- */

struct s3_call {
    const char *method;              /* NULL: the client's own */
    const char *container, *object;  /* NULL: the request's; "": none */
    const char *query;               /* "format=json&..." */
    const char *body; size_t body_size;      /* NULL: the client's, where the method has one */
    const struct headers *headers;   /* beside and over the client's */
    bool unjudged;                   /* no permit is asked for (s3_acl) */
};
/* True: what S3 calls success; the response is Swift's own, its headers still Swift's. False: the error is set. */
bool s3_call(struct s3_request *, const struct s3_call *, struct swift_response *);
/* Asks the auth middlewares who this is; sets account and user_id. */
bool s3_authenticate(struct s3_request *);
/* Of the request's bucket (or another). NULL: NoSuchBucket, SignatureDoesNotMatch ... */
const struct container_info *s3_container_info(struct s3_request *, const char *container);
/* JSON of a response's body, of the ctx; an empty array when it has none. NULL: an error is set. */
json_t *s3_json(struct s3_request *, struct swift_response *);
/* A query for Swift: name, value, ..., NULL; values are quoted, a pair whose value is NULL is left out. */
const char *s3_query(struct ctx *, ...) G_GNUC_NULL_TERMINATED;
/* System metadata of s3api's (or its forerunner's) in a response: prefix S3_OBJECT_META or S3_CONTAINER_META. */
const char *s3_sysmeta(struct ctx *, const struct swift_response *, const char *prefix, const char *name);
const char *s3_etag(struct ctx *, const struct swift_response *);     /* as S3 shows it, without quotes */
void s3_translate(struct s3_request *, struct swift_response *);      /* Swift's headers to S3's */
bool s3_copy_source(struct s3_request *, int64_t *ret_size);          /* judges and normalizes X-Amz-Copy-Source; size -1: none */
bool s3_copy_result(struct s3_request *, struct swift_response *, struct timestamp);
/* How its object is to be deleted: with its segments, where it is a manifest. */
bool s3_delete_query(struct s3_request *, const char *object, const char *version, const char **ret_manifest, bool *ret_async);

/* --- xml.c ----------------------------------------------------------------------------------------------------------- */

struct xml { struct buf text; const char *open[8]; int depth; };
void xml_begin(struct xml *, const char *root);                       /* with the S3 namespace */
void xml_begin_plain(struct xml *, const char *root, bool declaration);
void xml_open(struct xml *, const char *name);
void xml_open_with(struct xml *, const char *name, const char *attributes);
void xml_close(struct xml *);
void s3_xml_text(struct xml *, const char *name, const char *text);      /* NULL: an empty element */
void xml_int(struct xml *, const char *name, int64_t);
/* Closes what is open and makes it the response's body: 200. content_type NULL: none is said. */
#define HTML_TYPE "text/html; charset=UTF-8"          /* what the original says where nothing else was meant */
void xml_end(struct ctx *, struct xml *, struct swift_response *, const char *content_type);

typedef struct _xmlNode s3_node;
/* The root of a document with that name (NULL: any). NULL: it is none. Freed with the ctx. */
s3_node *xml_read(struct ctx *, const char *text, size_t n, const char *root);
s3_node *xml_child(s3_node *, const char *name);                      /* the first; NULL. Elements only */
s3_node *xml_first(s3_node *);
s3_node *xml_next(s3_node *);
bool xml_is(s3_node *, const char *name);
const char *xml_value(struct ctx *, s3_node *);                       /* its text; NULL when it has none, or the node is NULL */
const char *xml_xsi_type(struct ctx *, s3_node *);
/* Are its children only those named, each at most once? A '!' before a name: it must be there. Ends with NULL. */
bool xml_only(s3_node *, ...) G_GNUC_NULL_TERMINATED;

/* For listings: "2026-11-22T08:28:23.000Z" of an ISO time, its fraction rounded up. */
const char *s3_iso_time(struct ctx *, const char *iso);
/* encoding-type: *ret_url when keys are to be percent-quoted. */
bool s3_encoding(struct s3_request *, bool *ret_url);
static inline const char *s3_key_text(struct ctx *c, const char *key, bool url) { return key && url ? name_quote(c, key, "/") : key; }
static inline const char *s3_member(json_t *row, const char *name) { return json_string_value(json_object_get(row, name)); }
void s3_owner_write(struct s3_request *, struct xml *, const char *element);
/* All rows of a container from marker on, page after page; *ret of the ctx. */
bool s3_list_all(struct s3_request *, const char *container, const char *prefix, const char *delimiter, json_t **ret);

/* --- acl.c, permits.c --------------------------------------------------------------------------------------------------- */

enum s3_grantee { GRANTEE_USER, GRANTEE_AUTHENTICATED_USERS, GRANTEE_ALL_USERS, GRANTEE_LOG_DELIVERY };
struct s3_grant { enum s3_grantee kind; const char *user; const char *permission; };
struct s3_acl {
    const char *owner_id, *owner_name;       /* NULL: nobody is known to own it */
    struct s3_grant *grants;
    size_t n_grants;
};
/* As it stands in system metadata; never NULL unless what stands there is broken (500 set). */
const struct s3_acl *s3_acl_decode(struct s3_request *, const struct swift_response *, const char *prefix);
const char *s3_acl_encode(struct ctx *, const struct s3_acl *);
/* From x-amz-grant-* and x-amz-acl. *ret NULL without any, or the private one when as_private. */
bool s3_acl_from_headers(struct s3_request *, const char *bucket_owner, const char *object_owner, bool as_private, const struct s3_acl **ret);
bool s3_acl_from_xml(struct s3_request *, const char *text, size_t n, const struct s3_acl **ret);
void s3_acl_write(struct ctx *, const struct s3_acl *, struct swift_response *);
bool s3_acl_owned(struct s3_request *, const struct s3_acl *, const char *user);             /* AccessDenied */
bool s3_acl_allows(struct s3_request *, const struct s3_acl *, const char *user, const char *permission);    /* AccessDenied */
/* x-amz-acl, or (text not NULL) a document, as Swift's own ACL headers. */
bool s3_acl_to_swift(struct s3_request *, const char *canned, const char *text, size_t n);

s3_permit permit_by_table, permit_bucket, permit_object, permit_acl, permit_multi_delete, permit_part, permit_uploads, permit_upload;
/* With an explicit permission. The response is of the HEAD that was made; *ret_done when the call itself was that HEAD. */
bool permit_check(struct s3_request *, const char *method, const char *container, const char *object, const char *permission,
                  struct swift_response *, bool *ret_done);

/* --- controllers ----------------------------------------------------------------------------------------------------------- */

extern const struct s3_controller s3_service, s3_bucket, s3_object, s3_acl_of_s3, s3_acls, s3_multi_delete, s3_part, s3_upload, s3_uploads;
/* Does a versionId name a version of its own (and not the one without)? */
static inline bool is_version_named(const char *version) { return version && g_strcmp0(version, "null"); }
extern const struct s3_controller *const s3_by_parameter[];          /* in the order they are looked for; ends with NULL */
s3_handler bucket_list;
/* The request is the bucket's: its key is forgotten. */
static inline void s3_of_bucket(struct s3_request *s) { s->key = NULL; }
bool s3_of_object(struct s3_request *);                              /* InvalidRequest without a key */

#endif
