/* What a search for candidates is done on: all providers, in memory. */
#ifndef PLACEMENT_MODEL_WORLD_H
#define PLACEMENT_MODEL_WORLD_H

#include "placement/model/candidates.h"

struct world {
    struct ctx *c;
    const struct search *search;
    GPtrArray *nodes;                /* struct node, the oldest first */
    GHashTable *by_uuid;
    bool any_nested, any_sharing;
};

/* c and search are set. False with a fault. */
bool world_read(struct world *);

/* Does the node have as much to give now? */
bool can_give(const struct node *, const struct amount *);
const struct stock *stock_of(const struct node *, const char *resource_class);       /* NULL: it has none of that class */
bool has_any(const GPtrArray *names, const char *const *of);
bool has_of_each(const GPtrArray *names, const char *const **lists);                 /* one at least of each list */
/* May the tree below that root be an answer? */
bool is_anchor(const struct world *, const struct node *root);
/* Is it in the tree that the group asks for, if it does? */
bool in_tree(const struct world *, const struct group *, const struct node *);
/* The roots of all trees a sharing provider shares with. */
GPtrArray *anchors_of(struct world *, const struct node *sharing);

/* Of the ctx. */
GPtrArray *array_new(struct ctx *);
GHashTable *table_new(struct ctx *, GHashFunc, GEqualFunc);

#endif
