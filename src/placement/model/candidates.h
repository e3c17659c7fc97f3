/* The search for allocation candidates: which providers could together give what groups of a request ask for. */
#ifndef PLACEMENT_MODEL_CANDIDATES_H
#define PLACEMENT_MODEL_CANDIDATES_H

#include "placement/model/model.h"

struct amount { const char *resource_class; int64_t n; };

/* One group of a request. A list of lists means: of each inner list at least one. All NULL-terminated; NULL: none. */
struct group {
    const char *suffix;              /* "": the group without one, whose resources may come from several providers */
    struct amount *resources;
    size_t n_resources;
    const char *const **required;    /* traits */
    const char *const *forbidden;
    const char *const **member_of;   /* aggregates */
    const char *const *forbidden_aggregates;
    const char *in_tree;
};

struct search {
    struct group *groups;
    size_t n_groups;
    bool isolate;                    /* each group with a suffix has a provider of its own */
    const char *const *root_required, *const *root_forbidden;
    const char *const **same_subtree;                /* lists of suffixes */
    int64_t limit;                   /* 0: none */
    bool nested;                     /* several providers of one tree may serve one candidate */
};

/* What is found. Nodes are the providers. */
struct stock { char *resource_class; int64_t total, reserved, min_unit, max_unit, step_size, used, capacity; double allocation_ratio; };
struct node {
    char *uuid, *parent_uuid, *root_uuid;
    int64_t generation, created_at;
    struct node *parent, *root;
    struct stock *stocks;
    size_t n_stocks;
    GPtrArray *traits;               /* those the search asks about */
    GPtrArray *aggregates;           /* likewise */
    bool sharing;
    const char *traits_json;         /* all of them, once nodes_load_traits() has been called */
};
struct part { struct node *node; const char *resource_class; int64_t amount; };
struct candidate {
    struct node *anchor;             /* the root of its tree */
    struct part *parts;
    size_t n_parts;
    struct node *const **mappings;   /* for each group, in the search's order: its providers, NULL-terminated */
};
struct found {
    GPtrArray *candidates;           /* struct candidate */
    GPtrArray *nodes;                /* struct node: the providers of their trees */
};

/* False with a fault only where the database fails; nothing found is an empty answer. */
bool candidates_search(struct ctx *, const struct search *, struct found *ret_found);
/* All traits of the nodes given; what is known of their generations costs no query. */
bool nodes_load_traits(struct ctx *, GPtrArray *nodes);

#endif
