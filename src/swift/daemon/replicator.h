/* One round of a replicator of databases: what its files share.
 *
 * replicator.c  the round: which databases there are, what becomes of each
 * peer.c        one database and one other node that is to have it
 * misplaced.c   rows under another policy than their container's, put into the reconciler's queue
 */
#ifndef SWIFT_DAEMON_REPLICATOR_H
#define SWIFT_DAEMON_REPLICATOR_H

#include "swift/broker/broker.h"
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"

#include <pthread.h>

#define MISPLACED_ACCOUNT ".misplaced_objects"

struct replicator_options {
    int64_t per_diff, max_diffs;
    double databases_per_second;
    bool rsync_compress, handoffs_only;
    char *rsync_module, *handoff_delete;
};

/* As recon shows them. */
struct replicator_stats {
    int64_t attempted, success, failure, no_change, hashmatch, rsync, diff, removed, empty, remote_merge, diff_capped, deferred, ts_repl;
};

struct replicator {
    const struct round *round;
    enum storage_kind kind;
    enum broker_kind broker;
    const struct replicator_options *options;
    const struct ring *ring;
    struct crew *crew;
    struct pace pace;
    time_t changed_since;            /* databases that nobody else has are left alone when they have not changed since */
    pthread_mutex_t lock;            /* guards all below */
    struct replicator_stats stats;
    json_t *failure_nodes;
    GHashTable *late;                /* databases of the reconciler's queue, by path: they are replicated when all others have fed them */
    bool is_late;
    bool feeds;                      /* misplaced rows go into the queue */
};
/* For another daemon that brings single databases: round, kind, broker and options are set. */
void replicator_begin(struct ctx *, struct replicator *);
void replicator_end(struct replicator *);
json_t *replicator_stats_json(const struct replicator *, time_t begun);      /* as recon shows them; a new reference */
/* One database, now. *ret_well: how many of the nodes that are to have it (*ret_n, with this one if it is one of them) do. False with a fault. */
bool replicate_database(struct ctx *, struct replicator *, const char *path, uint32_t partition, int device_id, size_t *ret_well, size_t *ret_n);

bool replicator_is_own(const struct round *, enum storage_kind, const struct ring_device *);         /* a drive of this round */
void replicator_count(struct replicator *, int64_t *counter);        /* one more */

/* One database of this node that is to be at other nodes as well. */
struct replicated {
    struct replicator *all;
    struct broker *broker;
    struct broker_info info;         /* as it was when this began */
    const char *hash;                /* its directory's name */
    uint32_t partition;
    size_t well, n;                  /* nodes that have it in the end, and that are to have it */
};

enum peer_answer { PEER_FAILED, PEER_WELL, PEER_NOT_MOUNTED };
/* Brings all that this database knows to that node. other_region: it is far away. */
enum peer_answer replicate_to(struct ctx *, struct replicated *, const struct ring_device *, bool other_region);

/* Rows of a container that lie under another policy go into the queue, and with a majority of nodes (well) the mark behind which they are
 * looked for moves on. */
void misplaced_feed(struct ctx *, struct replicated *, bool well);
/* A database that is to be replicated when all others have been. */
void replicator_add_late(struct replicator *, const char *path, uint32_t partition, int device_id);

#endif
