/* Inventories of a provider: all at once, or one class. */
#include "placement/api/api.h"

#include <string.h>

#define RULE(verb) "placement:resource_providers:inventories:" verb
#define INVENTORIES "/resource_providers/{uuid}/inventories"

/* --- writing -------------------------------------------------------------------------------------------------------- */

static void write_members(struct out *out, const struct inventory *i)
{
    out_int(out, "total", i->total);
    out_int(out, "reserved", i->reserved);
    out_int(out, "min_unit", i->min_unit);
    out_int(out, "max_unit", i->max_unit);
    out_int(out, "step_size", i->step_size);
    out_real(out, "allocation_ratio", i->allocation_ratio);
}

static void write_all(struct ctx *c, struct reply *reply, const struct provider *p, const struct inventory *list, size_t n)
{
    struct out out = answer_begin(reply);
    utc_time last = { n ? 0 : -1 };

    out_int(&out, "resource_provider_generation", p->generation);
    out_object(&out, "inventories");
    for (size_t i = 0; i < n; i++) {
        out_object(&out, list[i].resource_class);
        write_members(&out, &list[i]);
        out_end_object(&out);
        later(&last, list[i].created_at, list[i].updated_at);
    }
    out_end_object(&out);
    answer_end(c, reply, &out, last);
}

static void write_one(struct ctx *c, struct reply *reply, const struct provider *p, const struct inventory *i)
{
    struct out out = answer_begin(reply);
    utc_time last = { 0 };

    write_members(&out, i);
    if (p->generation)
        out_int(&out, "resource_provider_generation", p->generation);
    later(&last, i->created_at, i->updated_at);
    answer_end(c, reply, &out, last);
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static struct inventory from_json(struct ctx *c, const char *resource_class, const json_t *o)
{
    struct inventory i = { .resource_class = ctx_strdup(c, resource_class), .min_unit = 1, .max_unit = 0x7fffffff, .step_size = 1,
                           .allocation_ratio = 1.0 };
    const struct { const char *name; int64_t *to; } whole[] = {
        { "total", &i.total }, { "reserved", &i.reserved }, { "min_unit", &i.min_unit }, { "max_unit", &i.max_unit }, { "step_size", &i.step_size },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(whole); n++)
        if (json_object_get(o, whole[n].name))
            *whole[n].to = json_whole(json_object_get(o, whole[n].name));
    if (json_object_get(o, "allocation_ratio"))
        i.allocation_ratio = json_number_value(json_object_get(o, "allocation_ratio"));
    return i;
}

bool inventories_parse(struct ctx *c, const struct provider *p, json_t *inventories, struct inventory **ret_list, size_t *ret_n)
{
    struct inventory *list = ctx_new_n(c, struct inventory, json_object_size(inventories) + 1);
    const char *resource_class;
    size_t n = 0;
    json_t *o;

    json_object_foreach(inventories, resource_class, o) {
        list[n] = from_json(c, resource_class, o);
        list[n++].provider_uuid = p->uuid;
    }
    *ret_list = list;
    *ret_n = n;
    return true;
}

/* What is wrong with the capacity, or NULL. From 1.26 on all of it may be reserved. */
static const char *bad_capacity(struct ctx *c, const struct inventory *i)
{
    int64_t capacity = (int64_t)inventory_capacity(i);

    if (c->version < V(1, 26) ? capacity > 0 : capacity >= 0)
        return NULL;
    return ctx_printf(c, "Invalid inventory for '%s' on resource provider '%s'. The reserved value is greater than %stotal.", i->resource_class,
                      i->provider_uuid, c->version < V(1, 26) ? "or equal to " : "");
}

static bool in_use(struct ctx *c, const struct provider *p, const char *classes)
{
    return fail(c, INVENTORY_IN_USE, classes, p->uuid);
}

static bool in_use_of_all(struct ctx *c, const struct provider *p, const char *classes)
{
    return fail(c, INVENTORIES_IN_USE, classes, p->uuid);
}

static bool no_class(struct ctx *c, const struct provider *p, const char *resource_class)
{
    return fail(c, INVENTORY_NO_CLASS, p->uuid, resource_class);
}

static const struct inventory_faults set_faults = { in_use, no_class }, delete_faults = { in_use_of_all, no_class };

/* --- all of them ---------------------------------------------------------------------------------------------------- */

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "uuid");
    struct inventory *all;
    struct provider p;
    size_t n;

    if (!accepts_json(c, request))
        return false;
    if (!provider_find(c, uuid, &p))
        return fail(c, PROVIDER_NOT_FOUND_IN, uuid, " ", uuid);
    all = inventories_of(c, uuid, &n);
    write_all(c, reply, &p, all, n);
    return !failed(c);
}

static bool replace(struct ctx *c, struct provider *p, struct inventory *all, size_t n, int64_t generation)
{
    if (!provider_get(c, p->uuid, p))
        return false;
    if (p->generation != generation)
        return fail(c, GENERATION_CONFLICT);
    for (size_t i = 0; i < n; i++)
        if (bad_capacity(c, &all[i]))
            return fail(c, INVENTORY_NOT_UPDATED, p->uuid, bad_capacity(c, &all[i]));
    return inventories_set(c, p, all, n, false, &set_faults) && provider_bump(c, p);
}

static bool set(struct ctx *c, struct request *request, struct reply *reply)
{
    struct provider p;
    struct inventory *all;
    json_t *body;
    size_t n;

    body = body_of_provider(c, request, "inventories_update", &p);
    if (!body || !inventories_parse(c, &p, json_object_get(body, "inventories"), &all, &n) || !db_begin(c) ||
        !settle(c, replace(c, &p, all, n, json_whole(json_object_get(body, "resource_provider_generation")))))
        return false;
    write_all(c, reply, &p, all, n);
    return true;
}

static bool clear(struct ctx *c, const char *uuid)
{
    struct provider p;

    return provider_get(c, uuid, &p) && inventories_set(c, &p, NULL, 0, false, &delete_faults) && provider_bump(c, &p);
}

static bool delete_all(struct ctx *c, struct request *request, struct reply *reply)
{
    return db_begin(c) && settle(c, clear(c, request_arg(request, "uuid")));
}

/* --- one class ------------------------------------------------------------------------------------------------------ */

static struct inventory *find(struct inventory *all, size_t n, const char *resource_class)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].resource_class, resource_class))
            return &all[i];
    return NULL;
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "uuid"), *resource_class = request_arg(request, "resource_class");
    struct inventory *all, *one;
    struct provider p;
    size_t n;

    if (!accepts_json(c, request))
        return false;
    if (!provider_find(c, uuid, &p))
        return fail(c, PROVIDER_NOT_FOUND_IN, uuid, " ", uuid);
    all = inventories_of(c, uuid, &n);
    one = find(all, n, resource_class);
    if (!one)
        return fail(c, INVENTORY_NOT_FOUND, resource_class, uuid);
    write_one(c, reply, &p, one);
    return true;
}

static bool add(struct ctx *c, struct provider *p, struct inventory *i)
{
    if (!provider_get(c, p->uuid, p))
        return false;
    if (bad_capacity(c, i))
        return fail(c, INVENTORY_NOT_CREATED, p->uuid, bad_capacity(c, i));
    if (!class_exists(c, i->resource_class))
        return fail(c, INVENTORY_NOT_CREATED, p->uuid, ctx_printf(c, "No such resource class %s.", i->resource_class));
    if (db_count(c, "SELECT count(*) FROM inventories WHERE provider_uuid = $1 AND resource_class = $2", T(p->uuid), T(i->resource_class)))
        return fail(c, INVENTORY_EXISTS, i->resource_class);
    return inventory_insert(c, i) && provider_bump(c, p);
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    struct inventory i;
    struct provider p;
    json_t *body = body_of_provider(c, request, "inventory_create", &p);

    if (!body)
        return false;
    i = from_json(c, json_get_string(body, "resource_class"), body);
    i.provider_uuid = p.uuid;
    if (!db_begin(c) || !settle(c, add(c, &p, &i)))
        return false;
    answer_empty(c, reply, 201, ctx_printf(c, "/resource_providers/%s/inventories/%s", p.uuid, i.resource_class));
    write_one(c, reply, &p, &i);
    return true;
}

static bool change(struct ctx *c, struct provider *p, const struct inventory *i, int64_t generation)
{
    int64_t changed;

    if (!provider_get(c, p->uuid, p))
        return false;
    if (p->generation != generation)
        return fail(c, GENERATION_CONFLICT);
    if (bad_capacity(c, i))
        return fail(c, INVENTORY_NOT_UPDATED, p->uuid, bad_capacity(c, i));
    if (!inventory_change(c, i, &changed))
        return false;
    if (!changed)
        return class_exists(c, i->resource_class) ? fail(c, INVENTORY_NO_RECORD, p->uuid, i->resource_class)
                                                  : fail(c, CLASS_NOT_FOUND, i->resource_class);
    return provider_bump(c, p);
}

static bool update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct inventory i;
    struct provider p;
    json_t *body = body_of_provider(c, request, "inventory_update", &p);

    if (!body)
        return false;
    i = from_json(c, request_arg(request, "resource_class"), body);
    i.provider_uuid = p.uuid;
    if (!db_begin(c) || !settle(c, change(c, &p, &i, json_whole(json_object_get(body, "resource_provider_generation")))))
        return false;
    write_one(c, reply, &p, &i);
    return true;
}

static bool drop(struct ctx *c, const char *uuid, const char *resource_class)
{
    struct provider p;
    int64_t n;

    if (!provider_get(c, uuid, &p))
        return false;
    if (!class_exists(c, resource_class))
        return fail(c, INVENTORY_NOT_DELETED, resource_class, ctx_printf(c, "No such resource class %s.", resource_class));
    if (db_count(c, "SELECT count(*) FROM allocations WHERE provider_uuid = $1 AND resource_class = $2", T(uuid), T(resource_class)))
        return fail(c, INVENTORY_NOT_DELETABLE, resource_class, resource_class, uuid);
    if (!db_changed(c, &n, "DELETE FROM inventories WHERE provider_uuid = $1 AND resource_class = $2", T(uuid), T(resource_class)))
        return false;
    if (!n)
        return fail(c, INVENTORY_NOT_DELETED, resource_class, ctx_printf(c, "No inventory of class %s found for delete", resource_class));
    return provider_bump(c, &p);
}

static bool delete(struct ctx *c, struct request *request, struct reply *reply)
{
    return db_begin(c) && settle(c, drop(c, request_arg(request, "uuid"), request_arg(request, "resource_class")));
}

const struct route inventory_routes[] = {
    { "GET", INVENTORIES, list, .policy = RULE("list") },
    { "POST", INVENTORIES, create, 201, .policy = RULE("create") },
    { "PUT", INVENTORIES, set, .policy = RULE("update") },
    { "DELETE", INVENTORIES, delete_all, 204, .policy = RULE("delete"), .since = V(1, 5) },
    { "GET", INVENTORIES "/{resource_class}", show, .policy = RULE("show") },
    { "PUT", INVENTORIES "/{resource_class}", update, .policy = RULE("update") },
    { "DELETE", INVENTORIES "/{resource_class}", delete, 204, .policy = RULE("delete") },
    {}
};
