/* POST /reshaper: inventories and allocations of several providers and consumers move at once, all or none.
 *
 * First every provider gets what it shall have beside what it has, then the allocations move, then what is left over goes.
 */
#include "placement/api/allocations.h"

struct shape { struct provider provider; struct inventory *inventories; size_t n; };

static bool in_use(struct ctx *c, const struct provider *p, const char *classes)
{
    return fail(c, INVENTORY_IN_USE, classes, p->uuid);
}

static bool no_class(struct ctx *c, const struct provider *p, const char *resource_class)
{
    return fail(c, RESHAPE_NO_CLASS, resource_class);
}

static const struct inventory_faults faults = { in_use, no_class };

static bool shape_parse(struct ctx *c, const char *uuid, const json_t *body, struct shape *s)
{
    int64_t generation = json_whole(json_object_get(body, "resource_provider_generation"));

    if (!provider_find(c, uuid, &s->provider))
        return fail(c, RESHAPE_NO_PROVIDER, uuid, uuid);
    if (s->provider.generation != generation)
        return fail(c, RESHAPE_GENERATION, uuid, s->provider.generation, generation);
    return inventories_parse(c, &s->provider, json_object_get(body, "inventories"), &s->inventories, &s->n);
}

static bool set(struct ctx *c, struct shape *s, bool keep)
{
    return provider_get(c, s->provider.uuid, &s->provider) && inventories_set(c, &s->provider, s->inventories, s->n, keep, &faults) &&
           provider_bump(c, &s->provider);
}

static bool reshape_all(struct ctx *c, json_t *body)
{
    json_t *inventories = json_object_get(body, "inventories"), *one;
    struct shape *shapes = ctx_new_n(c, struct shape, json_object_size(inventories) + 1);
    struct claim *claims;
    size_t n = 0, n_claims;
    const char *uuid;

    json_object_foreach(inventories, uuid, one)
        if (!shape_parse(c, uuid, one, &shapes[n++]))
            return false;
    for (size_t i = 0; i < n; i++)
        if (shapes[i].n && !set(c, &shapes[i], true))
            return false;
    claims = claims_parse(c, json_object_get(body, "allocations"), &n_claims);
    if (!claims_store(c, claims, n_claims, "malformed reshaper data: "))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!set(c, &shapes[i], false))
            return false;
    return true;
}

static bool reshape(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = body_read(c, request, "reshape");

    return body && db_begin(c) && settle(c, reshape_all(c, body));
}

const struct route reshaper_routes[] = {
    { "POST", "/reshaper", reshape, 204, .policy = "placement:reshaper:reshape", .since = V(1, 30) },
    {}
};
