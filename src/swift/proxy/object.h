/* What the object controller's files share: object.c (replicas, and what holds for all policies), erasure_put.c and erasure_get.c. */
#ifndef SWIFT_PROXY_OBJECT_H
#define SWIFT_PROXY_OBJECT_H

#include "swift/proxy/proxy.h"

/* One request's object: where it lies, and where its row is. */
struct where {
    const struct container_info *container;
    const struct storage_policy *policy;
    struct nodes nodes, *containers, *expirers;      /* of a write: where its row goes, and that of its end, if it has one */
    size_t backends;                 /* of a write: how many nodes get it */
    const char *shard;               /* of its container, which keeps its row; NULL: the container does */
    const char *delete_at_container;
};

/* An upload to one node. */
struct put {
    struct backend_call call;
    struct backend *backend;
    int status;                      /* before the body: 100, or what came instead */
    int fragment;                    /* of an erasure code: which it gets */
    bool lost;
};

struct upload_all {
    struct swift_request *request;
    struct where *where;
    struct put *puts; size_t n;
    int quorum;
};

/* Opens all of them, each with the call that is set in it but for the node, and waits until they want the body. */
void upload_connect(struct ctx *, struct upload_all *, const struct headers *headers, const struct backend_call *like);
bool upload_wanted(struct ctx *, const struct upload_all *, struct swift_response *);        /* false: the response says why the body is not */
size_t upload_alive(const struct upload_all *);
void upload_send(struct put *, const void *bytes, size_t n);
/* What follows the body, as a middleware has it. False: the response says why it is not stored. */
bool upload_footers(struct ctx *, struct swift_request *, struct headers *footers, struct swift_response *);
/* The best of the nodes' final answers; *ret_etag: what those who have it say of it. False: they do not agree. */
bool upload_answers(struct ctx *, struct upload_all *, struct swift_response *, const char **ret_etag);
struct backend **upload_backends(struct ctx *, const struct upload_all *);   /* those that are not lost, NULL for the others */
/* A piece of the client's body: > 0, 0 at its end. -1: the response says what went wrong. */
ssize_t upload_take(struct ctx *, struct upload_all *, void *bytes, size_t n, struct swift_response *);
void upload_close(struct upload_all *);
struct headers *object_headers(struct ctx *, const struct swift_request *, const struct where *);    /* for each replica */

void erasure_put(struct ctx *, struct swift_request *, struct where *, struct swift_response *);
void erasure_get(struct ctx *, struct swift_request *, struct where *, struct swift_response *);     /* and HEAD */

#endif
