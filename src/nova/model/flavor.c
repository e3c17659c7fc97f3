/* The stored flavor, and the copy of it that an instance keeps. */
#include "nova/model/flavor.h"

#include "nova/faults.h"

const struct attr flavor_attrs[] = {
    ATTR(struct flavor, number,      0),
    ATTR(struct flavor, id,          0),
    ATTR(struct flavor, name,        0),
    ATTR(struct flavor, ram,         0),
    ATTR(struct flavor, disk,        0),
    ATTR(struct flavor, vcpus,       0),
    ATTR(struct flavor, swap,        0),
    ATTR(struct flavor, ephemeral,   0),
    ATTR(struct flavor, rxtx_factor, 0, .unset = "1.0"),
    ATTR(struct flavor, is_public,   0, .unset = "true"),
    ATTR(struct flavor, disabled,    0),
    ATTR(struct flavor, description, 0),
    ATTR(struct flavor, extra_specs, 0, .unset = "{}"),
    ATTR(struct flavor, created_at,  0),
    ATTR(struct flavor, updated_at,  0),
    {}
};

struct flavor *flavor_find(struct ctx *c, const char *id)
{
    struct flavor *f = record_new(c, flavor_attrs, sizeof *f);

    return record_find(c, "flavors", flavor_attrs, f, "id", id) ? f : NULL;
}

struct flavor *flavor_get(struct ctx *c, const char *id)
{
    struct flavor *f = flavor_find(c, id);

    if (f && !f->is_public && !c->who.is_admin &&
        !db_count(c, "SELECT count(*) FROM flavor_access WHERE flavor_id = $1 AND tenant_id = $2", T(id), T(c->who.project_id)))
        f = NULL;
    return f || failed(c) ? f : fail_null(c, FLAVOR_NOT_FOUND, id);
}

json_t *flavor_to_json(struct ctx *c, const struct flavor *f)
{
    return ctx_json(c, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:O}", "id", f->id, "name", f->name, "ram", (json_int_t)f->ram,
                                 "vcpus", (json_int_t)f->vcpus, "disk", (json_int_t)f->disk, "ephemeral", (json_int_t)f->ephemeral,
                                 "swap", (json_int_t)f->swap, "rxtx_factor", f->rxtx_factor, "extra_specs", json_of(c, f->extra_specs)));
}

struct flavor *flavor_from_json(struct ctx *c, const json_t *json)
{
    struct flavor *f = record_new(c, flavor_attrs, sizeof *f);

    f->id = ctx_strdup(c, json_get_string(json, "id"));
    f->name = ctx_strdup(c, json_get_string(json, "name"));
    f->ram = json_get_int(json, "ram", 0);
    f->vcpus = json_get_int(json, "vcpus", 0);
    f->disk = json_get_int(json, "disk", 0);
    f->ephemeral = json_get_int(json, "ephemeral", 0);
    f->swap = json_get_int(json, "swap", 0);
    f->rxtx_factor = json_number_value(json_object_get(json, "rxtx_factor"));
    f->extra_specs = json_text(c, json_object_get(json, "extra_specs"));
    return f;
}

void instance_set_flavor(struct ctx *c, struct instance *inst, const struct flavor *f)
{
    inst->flavor_id = f->id;
    inst->flavor_name = f->name;
    inst->memory_mb = f->ram;
    inst->vcpus = f->vcpus;
    inst->root_gb = f->disk;
    inst->ephemeral_gb = f->ephemeral;
    inst->swap_mb = f->swap;
    inst->rxtx_factor = f->rxtx_factor;
    inst->extra_specs = f->extra_specs;
}

struct flavor *instance_flavor(struct ctx *c, const struct instance *inst)
{
    struct flavor *f = record_new(c, flavor_attrs, sizeof *f);

    f->id = inst->flavor_id;
    f->name = inst->flavor_name;
    f->ram = inst->memory_mb;
    f->vcpus = inst->vcpus;
    f->disk = inst->root_gb;
    f->ephemeral = inst->ephemeral_gb;
    f->swap = inst->swap_mb;
    f->rxtx_factor = inst->rxtx_factor;
    f->extra_specs = inst->extra_specs;
    return f;
}
