/* Shard ranges as a whole: where they leave gaps or overlap, which of them are too large or too small, which ways lead through them. */
#ifndef SWIFT_SHARD_PATHS_H
#define SWIFT_SHARD_PATHS_H

#include "swift/shard/range.h"

struct shard_lists { struct shard_list *at; size_t n, room; };
void shard_lists_add(struct ctx *, struct shard_lists *, const struct shard_list *);

/* What no way from the begin leads over. Those that shrink are not counted. */
struct shard_gap { const char *from, *lower, *upper; };      /* from: where the way begins that ends at lower; NULL: there is none */
struct shard_gaps { struct shard_gap *at; size_t n; };
void shard_gaps(struct ctx *, const struct shard_list *, struct shard_gaps *ret);
/* Of each range that overlaps others behind it: it and those. */
void shard_overlaps_find(struct ctx *, const struct shard_list *, struct shard_lists *ret);
/* All ways over ranges that follow each other, in the original's order; no more than a few thousand. */
void shard_paths(struct ctx *, const struct shard_list *, struct shard_lists *ret);
const struct shard_list *shard_path_furthest(const struct shard_lists *paths, const char *lower);    /* of those that begin there; NULL: none does */
/* The best first: one that spans all, then the one that is cleaved furthest, has most objects, was made at fewest times, was made last. */
void shard_paths_rank(struct shard_lists *, const struct shard_range *to_span);
const char *shard_list_lower(const struct shard_list *);
const char *shard_list_upper(const struct shard_list *);
int64_t shard_list_objects(const struct shard_list *);
int64_t shard_list_rows(const struct shard_list *);
bool shard_list_includes(const struct shard_list *, const struct shard_range *);

bool shard_is_large(const struct shard_range *, int64_t threshold);
/* Neighbours that are small enough to become one: donors, and the acceptor last. own: the root's own range, into which all may shrink. */
struct shard_compacting { int64_t shrink_threshold, expansion_limit, max_shrinking, max_expanding; bool shrinking_too; };
void shard_compactible(struct ctx *, const struct shard_list *, const struct shard_range *own, const struct shard_compacting *, struct shard_lists *ret);
/* The acceptors grow and the donors begin to shrink: what is to be merged into the root. */
void shard_compact(struct ctx *, struct shard_lists *sequences, struct shard_list *ret_changed);

#endif
