/* Containers in parts: the shard ranges a container's database holds, and the database's life while it is sharded.
 *
 * A container that is to be sharded gets a fresh database beside the retiring one, named by the epoch of its own shard range. Objects are
 * listed from the retiring one until all of it was cleaved into the shards' databases; then it goes.
 */
#ifndef SWIFT_BROKER_SHARDS_H
#define SWIFT_BROKER_SHARDS_H

#include "swift/broker/broker.h"
#include "swift/shard/range.h"

enum broker_state { BROKER_UNSHARDED, BROKER_SHARDING, BROKER_SHARDED, BROKER_COLLAPSED };
bool broker_state(struct ctx *, struct broker *, enum broker_state *ret);
const char *broker_state_name(enum broker_state);

/* The database of the directory that counts: the one of the newest epoch. path: any of them. NULL as broker_open(). */
struct broker *broker_open_newest(struct ctx *, enum broker_kind, const char *path);
bool broker_is_newest(struct ctx *, const char *path);
/* The database that is being cleaved; NULL (without a fault) when the container is not sharding. */
struct broker *broker_retiring(struct ctx *, struct broker *);
const char *broker_epoch(const struct broker *);             /* of the file's name; NULL: none */

/* "account/container" of it, and of the container that it is a shard of (its own when it is none). NULL with a fault. */
const char *broker_name(struct ctx *, struct broker *);
const char *broker_root(struct ctx *, struct broker *);
bool broker_is_root(struct ctx *, struct broker *, bool *ret);

struct shard_query {
    const char *marker, *end_marker;                         /* NULL or "": not asked */
    const char *includes;            /* NULL: not asked; the markers are ignored then. No range includes "" */
    bool reverse, deleted_too;
    bool own_too, own_only;
    bool fill_gaps;                  /* what no range reaches behind the last is the container's own */
    unsigned states;                 /* 0: any */
};
/* Sorted. */
bool broker_shards(struct ctx *, struct broker *, const struct shard_query *, struct shard_list *ret);
/* Its own range, as it is stored, or as it is by default. ret_stored may be NULL. */
bool broker_own_shard(struct ctx *, struct broker *, struct shard_range *ret, bool *ret_stored);
/* The same, with the counts of now. */
bool broker_own_shard_now(struct ctx *, struct broker *, struct shard_range *ret, bool *ret_stored);
bool broker_merge_shards(struct ctx *, struct broker *, const struct shard_range *, size_t n);
bool broker_shard_usage(struct ctx *, struct broker *, int64_t *ret_objects, int64_t *ret_bytes);
int64_t broker_shard_max_row(struct ctx *, struct broker *);
/* Is it, or was it, to be sharded, and into what? */
bool broker_sharding_initiated(struct ctx *, struct broker *, bool *ret);
bool broker_sharding_required(struct ctx *, struct broker *, bool *ret);
/* Metadata X-Container-Sysmeta-Shard-<name>. Values are of the ctx; NULL when unset, or with a fault. */
const char *broker_shard_meta(struct ctx *, struct broker *, const char *name);
bool broker_set_shard_meta(struct ctx *, struct broker *, const char *name, const char *value);

/* Makes the fresh database (false without a fault: it is not to be). The broker stays that of the retiring one: done with it, open anew. */
bool broker_set_sharding(struct ctx *, struct broker *);
/* The retiring database goes. b: of the fresh one. */
bool broker_set_sharded(struct ctx *, struct broker *);

/* Rows of all policies, deleted ones too, in the order of their names: above lower (or from it), below end_marker, after that row. */
bool broker_rows_between(struct ctx *, struct broker *, const char *lower, bool from_it, const char *end_marker, int64_t since_row, int64_t limit,
                         struct broker_row **ret, size_t *ret_n);
/* Rows above lower up to upper, no newer than max_row, are taken out. */
bool broker_remove_rows(struct ctx *, struct broker *, const char *lower, const char *upper, int64_t max_row);
int64_t broker_tombstones(struct ctx *, struct broker *);

/* Where ranges of size objects end, behind those that are known; at most limit (-1: all). *ret_last: the namespace's end was reached. */
struct found_shard { int64_t index, object_count; const char *lower, *upper; };
bool broker_find_shards(struct ctx *, struct broker *, int64_t size, int64_t limit, const struct shard_list *known, int64_t minimum,
                        struct found_shard **ret, size_t *ret_n, bool *ret_last);

#endif
