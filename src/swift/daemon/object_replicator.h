/* What the files of the object replicator share. */
#ifndef SWIFT_DAEMON_OBJECT_REPLICATOR_H
#define SWIFT_DAEMON_OBJECT_REPLICATOR_H

#include "swift/daemon/daemon.h"
#include "swift/daemon/progress.h"

#include <pthread.h>

#define REPLICAS_MOST 64

struct object_replicator_options {
    char *sync_method;               /* "rsync", "ssync" */
    int64_t rsync_timeout;           /* seconds for all of it */
    char *rsync_io_timeout, *rsync_bwlimit, *rsync_module;
    bool rsync_compress, handoffs_first, log_rsync_transfers;
    char *handoff_delete;            /* "auto", or how many nodes must have taken what a handoff gives up */
    int64_t http_timeout, replicator_workers, rsync_error_log_line_length;
    double stats_interval;
};

/* What a pass has done on one device, as recon knows it. */
struct object_replicator_stats {
    int64_t attempted, failure, hashmatch, remove, rsync, success, suffix_count, suffix_hash, suffix_sync;
    json_t *failure_nodes;           /* {ip: {device: how often}} */
};

struct pass {
    const struct round *round;
    const struct object_replicator_options *options;
    int cycle;                       /* partitions whose number fits it are listed */
    int64_t began_us;
    struct progress progress;
    pthread_mutex_t lock;            /* guards what follows */
    GHashTable *devices;             /* name -> struct object_replicator_stats */
    GArray *times;                   /* double: seconds that a partition took */
    int64_t handoffs_remaining;
    _Atomic bool ring_changed;
};

/* One partition of one of this node's devices. */
struct replication {
    struct pass *pass;
    struct object_replicator_stats *stats;   /* of own */
    const struct storage_policy *policy;
    const struct ring *ring;
    const struct ring_device *own;
    uint32_t partition;
    const char *dir;
    const struct ring_device *nodes[REPLICAS_MOST]; size_t n_nodes;          /* primaries other than own */
    bool handoff;                    /* own is none of the primaries */
};

/* Sends those suffixes. in_sync (NULL: not of interest): hash -> what the other has now; where the method does not tell, empty. only: as in
 * struct ssync_job. False: logged. */
bool replicate_suffixes(struct ctx *, const struct replication *, const struct ring_device *to, const char *const *suffixes, const GHashTable *only,
                        GHashTable **ret_in_sync);
bool replicates_by_ssync(const struct replication *, const struct ring_device *to);

/* Asks a node's REPLICATE, of suffixes (NULL: none). The status; 0: no answer. Its body, when ret_body is not NULL. */
int replicate_ask(struct ctx *, const struct replication *, const struct ring_device *, const char *const *suffixes, char **ret_body, size_t *ret_n);

/* object_rsync.c: the binary, without a shell. False: logged. */
bool rsync_push(struct ctx *, const struct replication *, const struct ring_device *to, const char *const *suffixes);

/* object_handoff.c: gives a partition that is not this device's to those whose it is, and removes it. */
void replicate_handoff(struct ctx *, struct replication *);
/* Suffix directories of a partition, of the ctx; ends with NULL. */
const char *const *partition_suffixes(struct ctx *, const char *dir);

/* One node that did not take what it should have. */
struct failed_nodes { const struct ring_device *nodes[REPLICAS_MOST * 2]; size_t n; };
void failed_add(struct failed_nodes *, const struct ring_device *);

/* --- object_replicator_stats.c ------------------------------------------------------------------------------------ */

void pass_init(struct pass *);
void pass_clear(struct pass *);
struct object_replicator_stats *pass_stats(struct pass *, const char *device);       /* before any work begins */
void pass_count(struct pass *, int64_t *what, int64_t n);
void pass_count_time(struct pass *, int64_t us);
void pass_count_failures(struct pass *, struct object_replicator_stats *, const struct failed_nodes *, int64_t successes);
void pass_say(struct ctx *, struct pass *);          /* in the log */
void pass_tell_recon(struct ctx *, struct pass *);

#endif
