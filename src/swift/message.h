/* A request and its response as everything in Swift sees them: a client's at the door, a middleware's own, the proxy's to a
 * storage node, in this process or over HTTP.
 *
 * Names (account, container, object) are UTF-8 texts in which a NUL byte stands as C0 80, which no client can send: reserved
 * names begin with one. name.h writes them as bytes, percent-quoted and as JSON.
 * Strings are borrowed: of the ctx, or static. Nobody copies them on the way.
 */
#ifndef SWIFT_MESSAGE_H
#define SWIFT_MESSAGE_H

#include "oslo/http/http.h"

/* Headers, in order; names in any case. pairs always ends with { NULL, NULL } once one was added. */
struct headers {
    struct pair *pairs;
    size_t n, room;
};
const char *headers_get(const struct headers *, const char *name);           /* the first; NULL */
void headers_set(struct ctx *, struct headers *, const char *name, const char *value);      /* replaces; value NULL removes */
void headers_add(struct ctx *, struct headers *, const char *name, const char *value);      /* beside those of the same name */
void headers_append(struct ctx *, struct headers *, const char *name, const char *item);     /* to a list with commas */
void headers_printf(struct ctx *, struct headers *, const char *name, const char *format, ...) G_GNUC_PRINTF(4, 5);
void headers_remove(struct headers *, const char *name);
void headers_remove_prefix(struct headers *, const char *prefix);
void headers_copy(struct ctx *, struct headers *to, const struct headers *from);            /* sets each */
void headers_copy_prefix(struct ctx *, struct headers *to, const struct headers *from, const char *prefix);
bool header_has_prefix(const struct pair *, const char *prefix);             /* case-insensitive */
/* "X-Object-Meta-Foo" from any case, as the original titles it. */
const char *header_title(struct ctx *, const char *name);
/* A value as the original keeps it in files: each byte that was sent is a character there. And the way back; what cannot have come so stays. */
const char *header_to_characters(struct ctx *, const char *value);
const char *header_from_characters(struct ctx *, const char *text);
/* "true", "1", "yes", "on", "t", "y" in any case; NULL is none of them. */
bool word_true(const char *);
bool header_true(const struct headers *, const char *name);

struct swift_request;
struct swift_response;
struct swift_env;

/* Reads more of a body: > 0 bytes, 0 at its end, -1 broken (client gone, too slow, peer lost). */
typedef ssize_t body_reader(struct ctx *, void *data, void *bytes, size_t n);

struct swift_request {
    const char *method;
    const char *path;                /* as a name: decoded, "/v1/AUTH_x/c/o" */
    const char *raw_path;            /* as sent; NULL in a request that a middleware made */
    const char *version;             /* "v1"; NULL where the path is none of the API's */
    const char *account, *container, *object;        /* NULL: not in the path. Set by request_split() */
    const char *query_text;          /* as sent, never NULL */
    const struct pair *query;        /* decoded, in order; changed by request_set_query() */
    struct headers headers;
    int64_t length;                  /* of the body; -1 when not said (chunked); 0 none */
    body_reader *read; void *read_data;
    int64_t body_read;               /* what has been taken from it */
    /* Of a request over a storage server's socket: asks for the body with these headers; when it has ended, for what comes after it. NULL: there
     * is no such. With read_data. */
    bool (*go_on)(struct ctx *, void *read_data, const struct headers *);
    /* Asked when the whole body of a PUT is on the disks, before it is committed: adds to what is stored with it, or says false with a fault
     * whose status is the answer. NULL: nothing. */
    bool (*footers)(struct ctx *, void *data, struct headers *);
    void *footers_data;
    struct swift_env *env;           /* shared with those made for its sake */
    /* A backend's: */
    const char *device;
    uint32_t partition;
    struct disk_digest *digest;      /* of the body of an upload that goes to several devices: made once; NULL: each its own */
};

/* What the pipeline has learned of a client's request (the original's WSGI environment). Copied when a request is made for
 * another's sake; a middleware that changes it for its own requests changes the copy. */
struct swift_env {
    const char *trans_id;
    const char *remote;              /* the client's address */
    const char *scheme_host;
    const char *agent;               /* the User-Agent of requests to storage nodes; NULL: the proxy's own */
    const char *source;              /* "SLO", "S3": who made it, for the log; NULL: the client */
    const char *user;                /* who asks, as the access log names them; NULL: nobody known */
    const char *const *groups;       /* tempauth's */
    const struct identity *who;      /* keystone's; NULL where another middleware judges */
    /* Asked by the controllers once the ACL is known. True: may. False: the response is filled. NULL: everybody may. */
    bool (*authorize)(struct ctx *, struct swift_request *, struct swift_response *);
    const void *authorize_data;
    bool authorize_override;         /* somebody has authorized it: the auth middlewares do not judge */
    bool synced;                     /* another cluster has sent it: manifests and links are taken as they are */
    /* Says an ACL in its normal form, or NULL with a 400 in the response; NULL: kept as sent. */
    const char *(*clean_acl)(struct ctx *, const char *header, const char *value, struct swift_response *);
    const char *acl;                 /* what authorize() judges by: of the container or account at hand */
    bool swift_owner;                /* may see and set privileged headers (ACLs, keys) */
    bool reseller_request;           /* may set quotas and delete accounts */
    bool allow_reserved;             /* may name what begins with NUL */
    bool content_type_overridden;    /* a middleware has put swift_ parameters into Content-Type */
    int depth;                       /* of requests made for requests; a loop ends here */
    struct request_pause *pause;     /* who has to wait leaves word there; NULL: it waits where it is */
    const char *storage_policy;      /* for the log */
    const char *backend_path;        /* the path of a middleware that has rewritten it (s3api), for the log */
    void *middleware[32];            /* what a middleware keeps for itself, by its enum middleware_slot (proxy/pipeline.h) */
};

/* A client's request that has to wait comes again, from the first step of the pipeline: no thread waits with it. */
struct request_pause {
    int64_t began;                   /* clock_us() */
    int64_t until;                   /* clock_mono_us(); 0: it does not wait. The response does not count. */
    int passed, at;                  /* waits that are over; those it has come to this time */
};
/* To be called before its body is read. True: that time has passed. False: the response is filled, and to be handed on as it is. */
bool request_wait(struct ctx *, struct swift_request *, double seconds, struct swift_response *);
/* Is the next wait one that is over? Then nobody asks again whether it is needed. */
bool request_has_waited(struct swift_request *);

struct swift_response {
    int status;
    struct headers headers;          /* no Content-Length: length says it */
    /* The body: one of bytes, a file or a stream. All zero (fd -1): none. */
    struct buf body;
    int fd; int64_t offset;          /* length bytes from offset; closed with the response */
    body_reader *read; void *read_data;
    bool (*seek)(struct ctx *, void *read_data, int64_t from, int64_t to);       /* a stream that can begin anywhere; NULL: it cannot */
    void (*close)(void *read_data);
    int64_t length;                  /* of the body, also of one that HEAD leaves out; -1: not known before its end */
    bool plain_listing;              /* the body is a listing that hides nothing: no parameters in its hashes, no reserved names */
    bool disconnect;                 /* the connection is closed after it; of a storage server's: the request's body is read with the answer */
};
#define RESPONSE_EMPTY { .fd = -1 }

/* --- requests ------------------------------------------------------------------------------------------------ */

const char *request_get(const struct swift_request *, const char *header);
const char *request_param(const struct swift_request *, const char *name);           /* the last; NULL; "" when without '=' */
void request_set_query(struct ctx *, struct swift_request *, const char *query_text);
/* The query with these values first, and the others but those of the names without (ends with NULL; may be NULL), quoted as the original does. */
const char *request_query_with(struct ctx *, const struct swift_request *, const char *const *without, const struct pair *with);
/* Sets version, account, container, object from the path. False: it is none of the API's. */
bool request_split(struct ctx *, struct swift_request *);
void request_set_path(struct ctx *, struct swift_request *, const char *account, const char *container, const char *object);
/* A request of its own for another's sake: same env (a copy), no headers, no body. source as in the env, or NULL. */
struct swift_request *request_sub(struct ctx *, const struct swift_request *for_the_sake_of, const char *method, const char *account,
                                  const char *container, const char *object, const char *source);
/* The same, for which nobody is asked whether it may. */
struct swift_request *request_sub_authorized(struct ctx *, const struct swift_request *, const char *method, const char *account,
                                             const char *container, const char *object, const char *source);
/* The request itself, for what is done of it when its handler has returned: of the ctx, with its own env. Its body has been read, and it waits
 * where it is. */
struct swift_request *request_kept(struct ctx *, const struct swift_request *);
void request_set_body(struct swift_request *, const void *bytes, size_t n);          /* borrowed */
ssize_t request_take(struct ctx *, struct swift_request *, void *bytes, size_t n);   /* reads more of its body */
/* The whole body, at most max bytes: NULL with the response filled (413, 499, 408). NUL after it. */
char *request_take_all(struct ctx *, struct swift_request *, size_t max, size_t *ret_n, struct swift_response *);

/* --- responses ----------------------------------------------------------------------------------------------- */

/* What the original says with that status: its HTML page, or message as text if one is given. Headers that were set stay. */
void response_error(struct ctx *, struct swift_response *, int status, const char *message);
void response_text(struct ctx *, struct swift_response *, int status, const char *content_type, const char *text);
void response_bytes(struct ctx *, struct swift_response *, const char *content_type, struct buf *bytes);      /* steals; type NULL: as it was */
void response_chunked(struct ctx *, struct swift_response *);         /* its bytes are sent without their length: an answer that took its time */
const char *response_get(const struct swift_response *, const char *header);
/* Reads the body in whatever form it is, without the client seeing it; as a body_reader. */
ssize_t response_take(struct ctx *, struct swift_response *, void *bytes, size_t n);
/* The whole body as text that stays the response's, for who may leave it as it is. NULL: longer than max bytes, or broken: the body is gone. */
const char *response_hold(struct ctx *, struct swift_response *, size_t max, size_t *ret_n);
/* The whole body as text of the ctx, at most max bytes. NULL: longer, or broken. The response is closed. */
char *response_take_all(struct ctx *, struct swift_response *, size_t max, size_t *ret_n);
void response_close(struct swift_response *);                /* drops the body; the headers stay */
void response_clear(struct swift_response *);                /* drops all: as RESPONSE_EMPTY */
/* "201 Created" */
const char *status_line(struct ctx *, int status);
const char *status_reason(int status);
const char *status_words(struct ctx *, int status);          /* "Conflict\nThere was a conflict ...": reason and explanation, without a page's marks */

/* "bytes=a-b,..." against a length: how many ranges (half open, of the ctx), 0: none can be satisfied, -1: to be ignored. */
struct byte_range { int64_t from, to; };
int ranges_read(struct ctx *, const char *header, int64_t length, struct byte_range **ret);
/* Is the tag among those of an If-Match header ("*" is any)? */
bool etag_listed(const char *header, const char *etag);
const char *etag_plain(struct ctx *, const char *etag);      /* without the quotes around it; NULL of NULL */
/* Conditions and ranges of a response with a body (200) whose ETag, Last-Modified and length are set: makes it a 304, 412, 206
 * (one part, or multipart/byteranges) or 416, as the request asks. etag NULL: the response's own. */
void response_conditional(struct ctx *, const struct swift_request *, struct swift_response *, const char *etag);

/* --- the door ------------------------------------------------------------------------------------------------ */

/* A request as it came over the socket. False: the response says what is wrong with it (412: bad UTF-8, ...). */
bool request_from_http(struct ctx *, struct request *, struct swift_request *, struct swift_response *);
/* Hands the response over to the socket: takes what it holds. */
void response_to_http(struct ctx *, const struct swift_request *, struct swift_response *, struct reply *);

#endif
