/* The aggregates a provider belongs to: bare UUIDs. From 1.19 on the generation guards them. */
#include "placement/api/api.h"

#define PATH "/resource_providers/{uuid}/aggregates"

static bool write_aggregates(struct ctx *c, struct reply *reply, const struct provider *p)
{
    struct out out = answer_begin(reply);
    struct rows *rows = db_query(c, "SELECT aggregate_uuid FROM provider_aggregates WHERE provider_uuid = $1 ORDER BY aggregate_uuid", T(p->uuid));

    out_array(&out, "aggregates");
    while (db_next(rows))
        out_string(&out, NULL, db_text(rows, 0));
    out_end_array(&out);
    if (c->version >= V(1, 19))
        out_int(&out, "resource_provider_generation", p->generation);
    answer_end(c, reply, &out, (utc_time){ 0 });
    return !failed(c);
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct provider p;

    return accepts_json(c, request) && provider_get(c, request_arg(request, "uuid"), &p) && write_aggregates(c, reply, &p);
}

static bool replace(struct ctx *c, struct provider *p, json_t *uuids, const json_t *generation)
{
    json_t *uuid;
    size_t i;

    if (!provider_get(c, p->uuid, p))
        return false;
    if (generation && json_whole(generation) != p->generation)
        return fail(c, GENERATION_CHANGED);
    if (!db_exec(c, "DELETE FROM provider_aggregates WHERE provider_uuid = $1", T(p->uuid)))
        return false;
    json_array_foreach(uuids, i, uuid)
        if (!db_exec(c, "INSERT INTO provider_aggregates (provider_uuid, aggregate_uuid) VALUES ($1, $2)", T(p->uuid), T(json_string_value(uuid))))
            return false;
    return !generation || provider_bump(c, p);
}

static bool set(struct ctx *c, struct request *request, struct reply *reply)
{
    bool guarded = c->version >= V(1, 19);
    struct provider p;
    json_t *body = body_of_provider(c, request, guarded ? "aggregates_update" : "aggregates_list", &p);

    return body && db_begin(c) &&
           settle(c, replace(c, &p, guarded ? json_object_get(body, "aggregates") : body,
                             guarded ? json_object_get(body, "resource_provider_generation") : NULL)) &&
           write_aggregates(c, reply, &p);
}

const struct route aggregate_routes[] = {
    { "GET", PATH, list, .policy = "placement:resource_providers:aggregates:list", .since = V(1, 1) },
    { "PUT", PATH, set, .policy = "placement:resource_providers:aggregates:update", .since = V(1, 1) },
    {}
};
