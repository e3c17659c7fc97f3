/* Composite rings: rings whose replicas are those of several builders, each with regions of its own, one behind the other. What a composite is
 * made of stands in a file of its own, the original's JSON: which builders, in which order, and how they were when it was made.
 */
#ifndef SWIFT_RING_COMPOSITE_H
#define SWIFT_RING_COMPOSITE_H

#include "swift/ring/builder.h"

struct composite;
struct composite *composite_new(void);
struct composite *composite_load(struct ctx *, const char *path);    /* NULL with a fault */
bool composite_save(struct ctx *, const struct composite *, const char *path);
void composite_free(struct composite *);
json_t *composite_json(struct ctx *, const struct composite *);      /* what is shown of it; of the ctx */

/* The ring of the builders in these files (ends with NULL; none: those of last time). Unless forced they must be those of last time, in that
 * order, and one of them must have changed. The caller's reference; NULL with a fault. */
struct ring *composite_compose(struct ctx *, struct composite *, char **files, bool force);
/* All its builders, and their files: a partition moves in one of them only if it might move in each. said: told of each, in their order. */
bool composite_rebalance(struct ctx *, struct composite *, int64_t now, uint64_t seed,
                         void (*said)(const char *file, const struct builder *, const struct rebalanced *));

#endif
