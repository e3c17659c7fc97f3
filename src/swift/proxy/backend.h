/* One request to one storage node: called directly where this process serves the device, else over a kept HTTP connection.
 *
 *     struct backend *b = backend_open(c, &call);       the head is sent
 *     backend_continue(c, b)                            100, or the status that came instead (an upload)
 *     backend_write(b, bytes, n)                        the body, where there is one
 *     backend_answer(c, b, &response)                   status, headers; the body is read as it is wanted
 *     backend_close(b)
 *
 * Several may be open at once: their nodes work side by side, one thread waits for them in turn.
 */
#ifndef SWIFT_PROXY_BACKEND_H
#define SWIFT_PROXY_BACKEND_H

#include "swift/proxy/policy_options.h"
#include "swift/storage.h"

struct node {
    const struct ring_device *device;
    int index;                       /* among the primaries; -1: a handoff */
    int handoff_index;
    bool replication;                /* to its replication address; X-Backend-Use-Replication-Network of a call says so as well */
};

struct backend_call {
    enum storage_kind kind;
    struct node node;
    uint32_t partition;
    const char *method;
    const char *account, *container, *object;        /* NULL: not in the path */
    const char *query;               /* as it is to be sent; NULL: none */
    const struct headers *headers;
    int64_t length;                  /* of the body to come: -1 chunked, 0 none */
    bool footers;                    /* of an upload: headers will follow its body (its length is -1) */
    bool phases;                     /* and it is to count only after backends_commit() */
    const void *bytes;               /* or the whole body; NULL: written piece by piece */
    const struct swift_request *for_request;         /* whose trans id and referer it carries */
    struct disk_digest *digest;      /* of an upload's body, where other nodes get the same; NULL: none is shared */
    int64_t connect_timeout_us, timeout_us;          /* 0: the configured ones */
};

struct backend;
struct backend *backend_open(struct ctx *, const struct backend_call *);     /* never NULL: what failed shows as status 0 */
int backend_continue(struct ctx *, struct backend *);        /* 100: the body is wanted; else the final status (0: the node is lost) */
bool backend_write(struct backend *, const void *bytes, size_t n);
/* What follows the body of an upload whose call says so. */
void backend_footers(struct backend *, const struct headers *);
/* The bodies of several uploads have ended: what their nodes do then they do side by side. Their answers are asked for as ever. NULLs are passed over. */
void backends_end_body(struct ctx *, struct backend *const *, size_t n);
/* Of an upload in two phases, after that: 100: it is on that node's disk; else the final status (0: the node is lost). */
int backend_staged(struct ctx *, struct backend *);
/* Enough of them are: they count from now on. Their answers are asked for as ever. */
void backends_commit(struct ctx *, struct backend *const *, size_t n);
/* False: no answer (the node counts one error); the response's status is 0. */
bool backend_answer(struct ctx *, struct backend *, struct swift_response *);
void backend_close(struct backend *);
void backend_hurry(struct backend *, int64_t timeout_us);     /* waits no longer than that from now on */
/* Whose answer can be asked for now: it has begun to come, or its time is up. Waits at most timeout_us (below 0: until there is one). -1: nobody's. */
int backends_wait(struct backend *const *, size_t n, int64_t timeout_us);

void backends_close(void);                                   /* kept connections; at the end of the process */

/* Open, answer, close; the response lives on. */
bool backend_do(struct ctx *, const struct backend_call *, struct swift_response *);

/* --- nodes (nodes.c) ------------------------------------------------------------------------------------------ */

enum nodes_use {
    NODES_WRITE,                     /* as the ring has them */
    NODES_READ,                      /* as sorting_method has it */
    NODES_READ_FRAGMENTS,            /* the same, but that it does not shuffle: the first fragments are the data's */
};

/* Those to be asked, best first: primaries in the order of their use, then handoffs, without those that fail too often; at most
 * request_node_count. */
struct nodes {
    enum storage_kind kind;
    const struct policy_options *options;
    const struct ring *ring;
    uint32_t partition;
    size_t replicas, n_primaries, n_first;
    size_t at, limit;
    const struct ring_device *last;                  /* who was asked last: does not count if it has failed too often by now */
    size_t at_once;                                  /* how many may be asked at the same time */
    struct ring_walk walk;
    bool walking;
    int handoffs;
    /* Not cleared: as many as there are. */
    const struct ring_device *primaries[64];
    struct node first[128];                          /* in the order they are asked: the primaries, maybe some handoffs */
};
/* policy NULL: of accounts and containers. */
void nodes_init(struct ctx *, struct nodes *, enum storage_kind, struct ring_file *, const char *account, const char *container,
                const char *object, const struct storage_policy *, enum nodes_use);
/* An upload: those first that write_affinity names, handoffs too. */
void nodes_local_first(struct ctx *, struct nodes *);
/* A deletion: handoffs that write_affinity names are behind the primaries, as uploads may have gone to them. How many. */
size_t nodes_add_local_handoffs(struct ctx *, struct nodes *);
bool nodes_next(struct ctx *, struct nodes *, struct node *ret);     /* false: there are no more */
void node_failed(const struct node *);                               /* counted: error_suppression */
void node_took(const struct ring_device *, int64_t us);              /* how long it took to answer: sorting_method = timing */
void node_is_full(const struct node *);                              /* 507: left alone for a while */

#endif
