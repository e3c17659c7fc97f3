/* Flavors of services and the profiles behind them. */
#include "neutron/model/fill.h"
#include "neutron/neutron.h"

struct flavor {
    char *id, *name, *description, *service_type;
    bool enabled;
    raw_json service_profiles;
};
struct service_profile {
    char *id, *description, *driver, *metainfo;
    bool enabled;
};

static const struct attr flavor_attrs[] = {
    ATTR(struct flavor, id,               FILTER | SORT),
    ATTR(struct flavor, name,             CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct flavor, description,      CREATE | UPDATE | FILTER | SORT | NULLABLE, .max = 1024, .unset = ""),
    ATTR(struct flavor, service_type,     CREATE | REQUIRED | FILTER | SORT),
    ATTR(struct flavor, service_profiles, DERIVED),
    ATTR(struct flavor, enabled,          CREATE | UPDATE | FILTER | SORT, .unset = "true"),
    {}
};
static const struct attr service_profile_attrs[] = {
    ATTR(struct service_profile, id,          FILTER | SORT),
    ATTR(struct service_profile, description, CREATE | UPDATE | FILTER | SORT | NULLABLE, .max = 1024, .unset = ""),
    ATTR(struct service_profile, driver,      CREATE | UPDATE | FILTER | SORT, .max = 1024, .unset = ""),
    ATTR(struct service_profile, metainfo,    CREATE | UPDATE | SORT, .unset = ""),
    ATTR(struct service_profile, enabled,     CREATE | UPDATE | FILTER | SORT, .unset = "true"),
    {}
};

static bool flavor_judge(struct ctx *c, struct change *ch)
{
    static const char *const types[] = { "L3_ROUTER_NAT", "FLAVORS", "CORE", "DUMMY", NULL };
    const struct flavor *flavor = ch->now;

    return text_in(flavor->service_type, types) ||
        fail(c, 400, "InvalidServiceType", "Invalid service type: %s.", flavor->service_type);
}

static bool flavor_deleting(struct ctx *c, void *record)
{
    const struct flavor *flavor = record;

    if (db_count(c, "SELECT count(*) FROM routers WHERE flavor_id = $1", T(flavor->id)))
        return fail(c, FLAVOR_IN_USE, flavor->id);
    return !failed(c);
}

static bool flavor_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill profiles = {
        .select = "SELECT flavor_id, service_profile_id FROM flavor_service_profiles WHERE flavor_id", .key = offsetof(struct flavor, id),
    };

    return fill_lists(c, page, n, &profiles, offsetof(struct flavor, service_profiles), fill_string);
}

const struct resource flavor_resource = {
    .name = "flavor", .plural = "flavors", .size = sizeof(struct flavor), .attrs = flavor_attrs,
    .judge = flavor_judge, .deleting = flavor_deleting, .fill = flavor_fill,
};

/* --- profiles ------------------------------------------------------------------------------------------------- */

static bool profile_judge(struct ctx *c, struct change *ch)
{
    const struct service_profile *profile = ch->now;

    if (!*profile->driver && !*profile->metainfo)
        return fail(c, PROFILE_EMPTY);
    return !asked(ch, "driver") || !*profile->driver || fail(c, PROFILE_DRIVER_NOT_FOUND, profile->driver);
}

static bool profile_deleting(struct ctx *c, void *record)
{
    const struct service_profile *profile = record;

    if (db_count(c, "SELECT count(*) FROM flavor_service_profiles WHERE service_profile_id = $1", T(profile->id)))
        return fail(c, PROFILE_IN_USE, profile->id);
    return !failed(c);
}

static bool admins_only(struct ctx *c, struct sql *s)
{
    sql_add(s, " AND 1 = 0");
    return true;
}

const struct resource service_profile_resource = {
    .name = "service_profile", .plural = "service_profiles", .size = sizeof(struct service_profile), .attrs = service_profile_attrs,
    .judge = profile_judge, .deleting = profile_deleting, .visible = admins_only,
};

/* --- a flavor's profiles -------------------------------------------------------------------------------------- */

static bool in_transaction(struct ctx *c, bool ok)
{
    if (ok)
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool flavor_associate(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *flavor_id = request_arg(request, "id"), *id = json_get_string(json_object_get(request_json(c, request), "service_profile"), "id");

    if (failed(c) || !policy_check(c, "create_flavor_service_profile", NULL))
        return false;
    if (!id)
        return fail(c, HTTP_BAD_REQUEST, "Unable to find 'service_profile' in request body");
    if (!rest_find_any(c, &flavor_resource, flavor_id) || !rest_find_any(c, &service_profile_resource, id))
        return false;
    if (db_count(c, "SELECT count(*) FROM flavor_service_profiles WHERE flavor_id = $1 AND service_profile_id = $2", T(flavor_id), T(id)))
        return fail(c, PROFILE_BOUND, id, flavor_id);
    if (!db_begin(c) || !in_transaction(c, db_exec(c, "INSERT INTO flavor_service_profiles (flavor_id, service_profile_id) VALUES ($1, $2)", T(flavor_id), T(id))))
        return false;
    reply_json(reply, ctx_json(c, json_pack("{s:{s:s}}", "service_profile", "id", id)));
    return true;
}

static bool flavor_dissociate(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *flavor_id = request_arg(request, "id"), *id = request_arg(request, "profile_id");
    int64_t gone = 0;

    if (!policy_check(c, "delete_flavor_service_profile", NULL) || !rest_find_any(c, &flavor_resource, flavor_id) || !db_begin(c) ||
        !in_transaction(c, db_changed(c, &gone, "DELETE FROM flavor_service_profiles WHERE flavor_id = $1 AND service_profile_id = $2", T(flavor_id), T(id))))
        return false;
    return gone || fail(c, PROFILE_NOT_BOUND, id, flavor_id);
}

const struct route flavor_routes[] = {
    { "POST", "/v2.0/flavors/{id}/service_profiles", flavor_associate, 201, ROUTE_NO_POLICY },
    { "DELETE", "/v2.0/flavors/{id}/service_profiles/{profile_id}", flavor_dissociate, 204, ROUTE_NO_POLICY },
    {}
};
