/* SSYNC: one node tells another what a partition of it holds, is told what is missing there, and sends that; all within one request,
 * whose body and answer go side by side.
 *
 *     sender                                        receiver (the object server's verb SSYNC)
 *     :MISSING_CHECK: START
 *     <hash> <data time>[ m:+d,t:+d,durable:False]  looks what it has
 *     :MISSING_CHECK: END
 *                                                   :MISSING_CHECK: START
 *                                                   <hash> dm
 *                                                   :MISSING_CHECK: END
 *     :UPDATES: START
 *     PUT /a/c/o + headers + body, POST, DELETE ... asks its own object server
 *     :UPDATES: END
 *                                                   :UPDATES: START
 *                                                   :UPDATES: END         or, in place of any of it, :ERROR: <status> '<why>'
 */
#ifndef SWIFT_SSYNC_SSYNC_H
#define SWIFT_SSYNC_SSYNC_H

#include "swift/disk/diskfile.h"
#include "swift/storage.h"

/* One object, as it is offered. */
struct ssync_offer {
    const char *hash;                /* 32 hex digits, when it comes from a disk */
    struct timestamp data;           /* of the .data or the .ts */
    struct timestamp meta, content_type;     /* not set: as data */
    bool durable;
};

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* Data that goes in place of what the disk has: a fragment that was rebuilt. */
struct ssync_source {
    struct headers metadata;         /* of a .data, whole: X-Timestamp, ETag, Content-Length, ... */
    int64_t length;
    body_reader *read; void *data;
    void (*close)(void *data);
};

/* A partition of one of this node's devices, to one other device. */
struct ssync_job {
    const char *device;
    const struct storage_policy *policy;
    uint32_t partition;
    const char *const *suffixes;     /* ends with NULL */
    const struct ring_device *to;
    const GHashTable *only;          /* hashes: only whether these are there is asked, nothing is sent. NULL: all, and sent */
    size_t max_objects;              /* no more than that are offered; 0: all */
    int64_t reclaim_age;             /* seconds: older tombstones are not offered */
    double conn_timeout, node_timeout, http_timeout;         /* seconds */
    const char *user_agent;          /* "object-replicator" */
    /* of an erasure code: */
    int fragment;                    /* the one this device is to send; -1: none */
    int backend_index;               /* the one the other is to hold: X-Backend-Ssync-Frag-Index; -1: not said */
    bool include_non_durable;
    /* What is sent of an object's data. NULL: the file. False: the object is left out. */
    bool (*build)(struct ctx *, void *data, const struct disk_place *, const struct disk_object *, struct ssync_source *ret);
    void *build_data;
};

struct ssync_result {
    GHashTable *in_sync;             /* hash -> const struct ssync_offer *, of the ctx: what the other has after it, as it was offered */
    size_t offered, sent;
    bool limited;                    /* by max_objects: there was more */
};
/* False: logged, and nothing of in_sync may be relied on. */
bool ssync_send(struct ctx *, const struct ssync_job *, struct ssync_result *);

/* --- receiving -------------------------------------------------------------------------------------------------- */

bool ssync_configure(struct ctx *);  /* [app:object-server] and [DEFAULT] of object-server.conf; while the process starts */
/* Takes replication locks as the original does: of a partition directory, made if need be. -1: not got in time. Closed to let go. */
int ssync_lock_partition(struct ctx *, const char *partition_dir, int64_t timeout_us);

/* --- what both say (lines.c) ------------------------------------------------------------------------------------ */

char *ssync_offer_write(struct ctx *, const struct ssync_offer *);
bool ssync_offer_read(struct ctx *, const char *line, struct ssync_offer *ret);      /* false: malformed */

struct ssync_wanted { const char *hash; bool data, meta; };
char *ssync_wanted_write(struct ctx *, const struct ssync_wanted *);
bool ssync_wanted_read(struct ctx *, const char *line, struct ssync_wanted *ret);    /* false: an empty line */
/* What is wanted of an offer by one who has mine (NULL: nothing). False: nothing is. */
bool ssync_compare(const struct ssync_offer *offer, const struct ssync_offer *mine, struct ssync_wanted *ret);

/* Lines and bytes out of a body. */
struct ssync_reader {
    body_reader *read; void *data;
    char *bytes; size_t start, end;  /* SSYNC_LINE_MOST of them */
    bool ended;
    int error;                       /* errno of what broke it; 0: nothing has */
};
#define SSYNC_LINE_MOST 65536
void ssync_reader_init(struct ctx *, struct ssync_reader *, body_reader *, void *data);
/* Without blanks around it. NULL: the end (ended), or broken. */
char *ssync_line(struct ctx *, struct ssync_reader *);
ssize_t ssync_bytes(struct ctx *, struct ssync_reader *, void *bytes, size_t n);

/* The head of a request within the request, whose first line was read: its method, headers, length and path ("/a/c/o"). characters: headers
 * come as they lie in files (header_from_characters()). NULL: well; else what is wrong with it, "" when the reader has no more. */
const char *ssync_subrequest_read(struct ctx *, struct ssync_reader *, char *line, bool characters, struct swift_request *ret);

#endif
