/* What the files of the object reconstructor share. */
#ifndef SWIFT_DAEMON_RECONSTRUCTOR_H
#define SWIFT_DAEMON_RECONSTRUCTOR_H

#include "swift/daemon/daemon.h"
#include "swift/daemon/progress.h"
#include "swift/disk/diskfile.h"
#include "swift/ssync/ssync.h"

#include <pthread.h>

struct reconstructor_options {
    int64_t http_timeout, rebuild_handoff_node_count, quarantine_threshold, max_objects_per_revert;
    char *quarantine_age, *request_node_count;       /* quarantine_age "": reclaim_age */
    bool handoffs_only, handoffs_first;
    int64_t reconstructor_workers;
    double stats_interval;
};

/* A round. */
struct reconstruction {
    const struct round *round;
    const struct reconstructor_options *options;
    struct progress progress;
    pthread_mutex_t lock;            /* guards handoffs_remaining */
    int64_t handoffs_remaining;
};

/* One partition of one of this node's devices. */
struct reconstructed {
    struct reconstruction *all;
    const struct storage_policy *policy;
    const struct ring *ring;
    const struct ring_device *own;
    uint32_t partition;
    const char *dir;
    const struct ring_device *primaries[MOST_REPLICAS]; size_t n_primaries;
    int index;                       /* of own among them; -1: a handoff */
    struct suffix_hash *hashes; size_t n_hashes;
};

/* rebuild.c: ssync's build: the fragment that a node lacks, out of those of the others. data is this. */
struct rebuild {
    const struct reconstructed *partition;
    const struct ring_device *to;
    int fragment;                    /* the one it is to have */
};
bool rebuild_fragment(struct ctx *, void *data, const struct disk_place *, const struct disk_object *, struct ssync_source *ret);

#endif
