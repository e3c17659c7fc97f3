/* Shard ranges: parts of a container's namespace, each kept by a container of its own. What is said of one of them, how two compare,
 * and their JSON.
 *
 * A range holds the names that are greater than lower and not greater than upper; "" stands for no bound.
 */
#ifndef SWIFT_SHARD_RANGE_H
#define SWIFT_SHARD_RANGE_H

#include "oslo/base/ctx.h"
#include "swift/timestamp.h"

enum shard_state { SHARD_FOUND = 10, SHARD_CREATED = 20, SHARD_CLEAVED = 30, SHARD_ACTIVE = 40, SHARD_SHRINKING = 50, SHARD_SHARDING = 60,
                   SHARD_SHARDED = 70, SHARD_SHRUNK = 80 };
extern const enum shard_state shard_states[];                /* all of them in order; ends with 0 */

/* Sets of states. */
#define SHARD_IN(state) (1u << ((state) / 10))
#define SHARD_IN_STATS (SHARD_IN(SHARD_ACTIVE) | SHARD_IN(SHARD_SHARDING) | SHARD_IN(SHARD_SHRINKING))
#define SHARD_IN_LISTING (SHARD_IN_STATS | SHARD_IN(SHARD_CLEAVED))
#define SHARD_IN_UPDATING (SHARD_IN(SHARD_CREATED) | SHARD_IN(SHARD_CLEAVED) | SHARD_IN(SHARD_ACTIVE) | SHARD_IN(SHARD_SHARDING))
#define SHARD_IN_AUDITING (SHARD_IN_UPDATING | SHARD_IN(SHARD_SHARDED) | SHARD_IN(SHARD_SHRINKING) | SHARD_IN(SHARD_SHRUNK))

struct shard_range {
    const char *name;                /* "account/container" */
    struct timestamp timestamp, meta_timestamp, state_timestamp;
    struct timestamp epoch;          /* none: it was never to be sharded */
    const char *lower, *upper;
    int64_t object_count, bytes_used, tombstones;    /* tombstones -1: not known */
    bool deleted, reported;
    enum shard_state state;
};
struct shard_list { struct shard_range *at; size_t n, room; };

void shard_add(struct ctx *, struct shard_list *, const struct shard_range *);
/* By upper, state, lower, name. */
void shard_sort(struct shard_list *);
void shard_reverse(struct shard_list *);

/* --- bounds ------------------------------------------------------------------------------------------------------------------- */

int shard_lowers(const char *a, const char *b);              /* how two lower bounds compare */
int shard_uppers(const char *a, const char *b);              /* two upper bounds */
int shard_lower_upper(const char *lower, const char *upper); /* a lower bound with an upper one */
bool shard_holds(const struct shard_range *, const char *name);
bool shard_overlaps(const struct shard_range *, const struct shard_range *);
bool shard_includes(const struct shard_range *, const struct shard_range *inner);
const char *shard_end_marker(struct ctx *, const struct shard_range *);      /* the first name behind it; "": none */
/* Of sorted ranges those that reach above marker and begin below end_marker (NULL or "": not asked), in place. */
void shard_filter(struct shard_list *, const char *marker, const char *end_marker);
const struct shard_range *shard_find(const struct shard_list *, const char *name);   /* of sorted ranges; NULL */

/* --- changes ------------------------------------------------------------------------------------------------------------------- */

void shard_set_counts(struct shard_range *, int64_t object_count, int64_t bytes_used);      /* as of now */
void shard_set_tombstones(struct shard_range *, int64_t);
/* when none: only if the state is another. False: nothing has changed. */
bool shard_set_state(struct shard_range *, enum shard_state, struct timestamp when);
bool shard_expand(struct shard_range *, const struct shard_range *others, size_t n);        /* so that it spans them too; false: it did */
int64_t shard_rows(const struct shard_range *);              /* objects and tombstones */
/* What comes made one with what is there (NULL: nothing): false when nothing of it is newer. */
bool shard_merge(struct shard_range *given, const struct shard_range *old);

/* "account/container" of a shard of root, found in parent at that time, and its number among those. */
const char *shard_name(struct ctx *, const char *shards_account, const char *root_container, const char *parent_container, struct timestamp,
                       const char *index);
void shard_split_name(struct ctx *, const char *name, const char **ret_account, const char **ret_container);

/* --- texts --------------------------------------------------------------------------------------------------------------------- */

const char *shard_state_name(enum shard_state);
bool shard_state_parse(const char *name_or_number, enum shard_state *ret);
/* "listing,40,found": a set; 0: one of them is none. */
unsigned shard_states_parse(struct ctx *, const char *text);
json_t *shard_to_json(struct ctx *, const struct shard_range *);             /* a new reference */
json_t *shards_to_json(struct ctx *, const struct shard_list *);             /* of the ctx */
/* NULL: read; else why not, as the original's exception names it. */
const char *shard_from_json(struct ctx *, json_t *, struct shard_range *ret);
const char *shards_from_json(struct ctx *, json_t *, struct shard_list *ret);

#endif
