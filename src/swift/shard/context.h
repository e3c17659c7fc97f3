/* How far a container's database is cleaved: kept as JSON in the metadata of the fresh one, by the id of the retiring one. */
#ifndef SWIFT_SHARD_CONTEXT_H
#define SWIFT_SHARD_CONTEXT_H

#include "swift/broker/shards.h"

struct cleaving {
    const char *ref;                 /* the retiring database's id */
    const char *cursor;              /* cleaved up to there */
    int64_t max_row, cleave_to_row, last_cleave_to_row;      /* CLEAVING_NONE: not set */
    bool cleaving_done, misplaced_done;
    int64_t ranges_done, ranges_todo;
};
#define CLEAVING_NONE (INT64_MIN)

/* b: the database that counts. */
bool cleaving_load(struct ctx *, struct broker *b, struct cleaving *ret);
bool cleaving_store(struct ctx *, struct broker *b, const struct cleaving *);
/* All that are there, and when each was stored. */
struct cleaving_stored { struct cleaving context; struct timestamp when; };
bool cleaving_load_all(struct ctx *, struct broker *b, struct cleaving_stored **ret, size_t *ret_n);
bool cleaving_remove(struct ctx *, struct broker *b, const struct cleaving *);

void cleaving_start(struct cleaving *);
void cleaving_reset(struct cleaving *);
bool cleaving_is_done(const struct cleaving *);
void cleaving_read(struct ctx *, const char *text, struct cleaving *);       /* what of it makes no sense is as if it were not there */
const char *cleaving_write(struct ctx *, const struct cleaving *);

#endif
