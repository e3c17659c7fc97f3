/* What Placement keeps, and the questions asked of it. All functions that write want an open transaction. */
#ifndef PLACEMENT_MODEL_MODEL_H
#define PLACEMENT_MODEL_MODEL_H

#include "oslo/db/db.h"

struct provider {
    char *uuid, *name, *parent_uuid, *root_uuid;
    int64_t generation;
    utc_time created_at, updated_at;
};
extern const struct attr provider_attrs[];

bool provider_find(struct ctx *, const char *uuid, struct provider *ret_provider);     /* false without a fault: there is none */
bool provider_get(struct ctx *, const char *uuid, struct provider *ret_provider);      /* 404 */
/* One generation more; 409 if it is not the one we know. */
bool provider_bump(struct ctx *, struct provider *);

struct inventory {
    char *provider_uuid, *resource_class;
    int64_t total, reserved, min_unit, max_unit, step_size;
    double allocation_ratio;
    int64_t used;
    utc_time created_at, updated_at;
};
extern const struct attr inventory_attrs[];

/* All of a provider's, in the order they were made. */
struct inventory *inventories_of(struct ctx *, const char *provider_uuid, size_t *ret_n);
static inline double inventory_capacity(const struct inventory *i) { return (double)(i->total - i->reserved) * i->allocation_ratio; }
/* Makes the provider's inventories those of the list; those not in it go (unless keep), which fails with the fault of
 * in_use where they are allocated. no_class says what an unknown class is. The generation is not touched. */
struct inventory_faults {
    bool (*in_use)(struct ctx *, const struct provider *, const char *classes);
    bool (*no_class)(struct ctx *, const struct provider *, const char *resource_class);
};
bool inventories_set(struct ctx *, const struct provider *, struct inventory *, size_t n, bool keep, const struct inventory_faults *);
bool inventory_insert(struct ctx *, struct inventory *);
bool inventory_change(struct ctx *, const struct inventory *, int64_t *ret_changed);

/* A number that the schema calls an integer. */
static inline int64_t json_whole(const json_t *n) { return json_is_integer(n) ? json_integer_value(n) : (int64_t)json_real_value(n); }

bool class_exists(struct ctx *, const char *name);
/* The first name that no trait has; NULL when all are known. */
const char *traits_unknown(struct ctx *, const char *const *names);
bool standard_names_store(struct ctx *);             /* the standard traits and resource classes; run at each start */
bool is_custom(const char *name);

/* --- allocations --- */

struct claim {                       /* what one consumer shall have: all of it and nothing else */
    const char *consumer_uuid, *project_id, *user_id, *consumer_type;
    bool has_generation;             /* the client says which generation it knows (from 1.28 on) */
    opt_int generation;              /* unset: it expects that there is no such consumer */
    json_t *allocations;             /* {"<provider uuid>": {"resources": {"<class>": amount}}}; {} takes all away */
};
/* One transaction's worth: all or none. what: how the fault of an unknown class begins. */
bool claims_store(struct ctx *, const struct claim *, size_t n, const char *what);
/* Takes all a consumer has; false without a fault if that was nothing. */
bool consumer_clear(struct ctx *, const char *consumer_uuid);

#endif
