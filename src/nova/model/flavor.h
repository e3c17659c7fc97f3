/* A flavor: what a server may have of a host. */
#ifndef NOVA_MODEL_FLAVOR_H
#define NOVA_MODEL_FLAVOR_H

#include "nova/model/instance.h"

struct flavor {
    int64_t number;
    char *id, *name;
    int64_t ram, disk, vcpus, swap, ephemeral;       /* MiB, GiB, MiB, GiB */
    double rxtx_factor;
    bool is_public, disabled;
    char *description;
    raw_json extra_specs;
    utc_time created_at, updated_at;
};
extern const struct attr flavor_attrs[];

/* The flavor with that id, if c->who may see it; NULL with FLAVOR_NOT_FOUND. */
struct flavor *flavor_get(struct ctx *, const char *id);
struct flavor *flavor_find(struct ctx *, const char *id);            /* whoever asks; NULL: none */

/* {"id", "name", "ram", "vcpus", "disk", "ephemeral", "swap", "rxtx_factor", "extra_specs"}, and back. Of the ctx. */
json_t *flavor_to_json(struct ctx *, const struct flavor *);
struct flavor *flavor_from_json(struct ctx *, const json_t *);
/* Gives the instance that flavor, and the flavor it has. */
void instance_set_flavor(struct ctx *, struct instance *, const struct flavor *);
struct flavor *instance_flavor(struct ctx *, const struct instance *);

#endif
