/* A ring read back: the spans of a call as a tree. Private to trace/. */
#ifndef OSLO_TRACE_READ_H
#define OSLO_TRACE_READ_H

#include "oslo/base/ctx.h"
#include "oslo/trace/ring.h"

struct tree {
    GArray *slots;                   /* all that was read */
    struct ring_process processes[RING_PROCESSES];
    GPtrArray *spans;                /* struct slot *: those of the call, in the order of causes */
    GHashTable *by_id;               /* &slot->id -> slot */
    GHashTable *children;            /* &parent id -> GPtrArray of slots */
    GPtrArray *roots;
};

/* False with a fault where there is no ring. A call is all spans under a request id; a resource is all calls that name it. */
bool tree_read(struct ctx *, const char *path, const char *id, struct tree *);
void tree_clear(struct tree *);
const GPtrArray *tree_children(const struct tree *, const struct slot *);    /* NULL: none */
const struct ring_process *tree_process(const struct tree *, const struct slot *);      /* NULL: not known */
const char *span_kind_name(const struct slot *);

#endif
