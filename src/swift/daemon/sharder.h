/* Containers that have become large are kept in parts: the container-sharder, in several files.
 *
 * sharder.c          the round: which databases there are, what state each is in
 * sharder_tell.c     what it asks and tells other nodes: ranges
 * sharder_move.c     rows that lie in the wrong database
 * sharder_cleave.c   a database's rows taken into its shards'
 * sharder_stats.c    what recon shows of it
 */
#ifndef SWIFT_DAEMON_SHARDER_H
#define SWIFT_DAEMON_SHARDER_H

#include "swift/daemon/replicator.h"
#include "swift/shard/context.h"
#include "swift/shard/paths.h"

#define SHARDS_PREFIX ".shards_"

struct sharder_options {
    int64_t shard_container_threshold, max_shrinking, max_expanding, shard_scanner_batch_size, cleave_batch_size, cleave_row_batch_size;
    int64_t recon_candidates_limit, recon_sharded_timeout, request_tries;
    double stats_interval;
    bool auto_shard;
    char *shard_shrink_point, *shard_shrink_merge_point;     /* per cent of the threshold */
    char *shrink_threshold, *expansion_limit, *rows_per_shard, *minimum_shard_size;  /* "": derived */
    char *shard_replication_quorum, *existing_shard_replication_quorum;      /* "auto" */
    char *rsync_module;
};

/* What they come to. Also for `nacre swift manage-shard-ranges`. */
struct sharder_limits { int64_t threshold, shrink_threshold, expansion_limit, rows_per_shard, minimum_shard_size; };
bool sharder_limits(struct ctx *, const struct sharder_options *, struct sharder_limits *ret);
bool sharder_limits_find(struct ctx *, const struct sharder_limits *);       /* can ranges be found by them? */
const struct sharder_options *sharder_options_load(struct ctx *, const struct conf *);       /* of a file's [container-sharder]; NULL with a fault */

struct sharder {
    const struct round *round;
    const struct sharder_options *o;
    struct sharder_limits limits;
    struct shard_compacting compacting;
    struct replicator replicator;
    struct replicator_options replicating;
    int64_t quorum, existing_quorum;         /* of shards that are made, and that are there, when they are cleaved */
    time_t begun;
    json_t *stats;                           /* category -> name -> number */
    json_t *sharding_candidates, *shrinking_candidates, *in_progress;
    bool all_plain;                          /* no database of the round so far has shards */
};

/* One database of the round. */
struct sharding {
    struct sharder *all;
    const struct ring_device *device;
    int index;                               /* among the primaries; -1: a handoff */
    uint32_t partition;
    struct broker *broker;                   /* the one that counts */
    bool is_root;
};

/* --- sharder_stats.c --- */
void stat_add(struct sharder *, const char *category, const char *name, int64_t);
void stat_span(struct sharder *, const char *category, double seconds);      /* min_time, max_time */
bool stats_candidates(struct ctx *, struct sharding *);              /* is it to be sharded? */
bool stats_shrinking(struct ctx *, struct sharding *);
bool stats_progress(struct ctx *, struct sharding *, const char *error);
void stats_report(struct ctx *, struct sharder *);

/* --- sharder_tell.c --- */
/* Ranges of the root, as query asks for them. False (without a fault): it does not answer. */
bool sharder_ask_root(struct ctx *, struct sharding *, const char *query, bool deleted_too, struct shard_list *ret);
/* Ranges to a container's nodes; headers may be NULL. True: a quorum of them has them. */
bool sharder_tell(struct ctx *, struct sharder *, const char *name, const struct shard_list *, const struct headers *);
bool sharder_tell_root(struct ctx *, struct sharding *);             /* what the shard has and is */
bool sharder_create_shards(struct ctx *, struct sharding *, size_t *ret_n);  /* those that were found */
/* The database of a shard on this node, made if it is not there. *ret_fresh: when it was made (none: it was there). */
struct shard_place { uint32_t partition; int device_id; struct broker *broker; struct timestamp made; };
bool sharder_open_shard(struct ctx *, struct sharding *, const struct shard_range *, struct shard_place *ret);
/* Brings a database to its nodes. True: to all; else ret_well says to how many. The handle is given back before. */
bool sharder_replicate(struct ctx *, struct sharder *, struct broker *, uint32_t partition, int device_id, size_t *ret_well, size_t *ret_n);

/* --- sharder_move.c --- */
struct bounds { const char *lower, *upper; };
size_t sharder_own_bounds(struct ctx *, struct sharding *, struct bounds ret[2]);    /* what lies outside of its own range */
/* Rows of source between bounds to the shards they belong to. *ret_well: all of them. False with a fault. */
bool sharder_move(struct ctx *, struct sharding *, struct broker *source, const struct bounds *, size_t n, bool *ret_well);
bool sharder_move_misplaced(struct ctx *, struct sharding *);

/* --- sharder_cleave.c --- */
bool sharder_cleave(struct ctx *, struct sharding *, bool *ret_complete);
bool sharder_complete(struct ctx *, struct sharding *, bool *ret_sharded);

extern const struct daemon container_sharder;

#endif
