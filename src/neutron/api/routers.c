/* A router: forwards between the subnets it has interfaces on, and through its gateway to an external network. */
#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/ipam.h"
#include "neutron/model/networks.h"
#include "neutron/model/ports.h"
#include "neutron/model/routers.h"
#include "neutron/model/zones.h"
#include "neutron/plugin/notify.h"

const struct attr router_attrs[] = {
    ATTR(struct router, id,                      FILTER | SORT),
    ATTR(struct router, name,                    CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct router, project_id,              CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct router, admin_state_up,          CREATE | UPDATE | FILTER | SORT, .unset = "true"),
    ATTR(struct router, status,                  FILTER | SORT, .unset = "ACTIVE"),
    ATTR(struct router, external_gateway_info,   CREATE | UPDATE | POLICY | NULLABLE | DERIVED),
    ATTR(struct router, gw_port_id,              FILTER | HIDDEN),
    ATTR(struct router, enable_snat,             HIDDEN, .unset = "true"),
    ATTR(struct router, distributed,             CREATE | UPDATE | FILTER | POLICY | NULLABLE, .unset = "false"),
    ATTR(struct router, ha,                      CREATE | UPDATE | FILTER | POLICY | NULLABLE, .unset = "false"),
    ATTR(struct router, routes,                  UPDATE | NULLABLE, .unset = "[]"),
    ATTR(struct router, flavor_id,               CREATE | SORT | NULLABLE),
    ATTR(struct router, availability_zone_hints, CREATE | NULLABLE, .unset = "[]"),
    ATTR(struct router, availability_zones,      DERIVED),
    ATTR(struct router, qos_policy_id,           HIDDEN),
    STANDARD_ATTRS(struct router, "0"),
    {}
};

/* --- members the table cannot judge ------------------------------------------------------------------------------ */

static bool info_judge(struct ctx *c, const json_t *info)
{
    static const char *const known[] = { "network_id", "enable_snat", "external_fixed_ips", "qos_policy_id", NULL };
    const char *key, *network_id = json_get_string(info, "network_id");
    json_t *value;
    bool boolean;

    if (!info || json_is_null(info) || (json_is_object(info) && !json_object_size(info)))
        return true;
    if (!json_is_object(info))
        return invalid_member(c, "external_gateway_info", "'%s' is not a dictionary", python_text(c, info));
    if (!json_object_get(info, "network_id"))
        return invalid_member(c, "external_gateway_info", "Validation of dictionary's keys failed. Expected keys: {'network_id'} Provided keys: %s",
                              python_keys(c, info));
    json_object_foreach((json_t *)(uintptr_t)info, key, value)
        if (!text_in(key, known))
            return invalid_member(c, "external_gateway_info", "Unexpected keys supplied: %s", key);
    if (!network_id || !uuid_is(network_id))
        return invalid_member(c, "external_gateway_info", "'%s' is not a valid UUID", python_text(c, json_object_get(info, "network_id")));
    value = json_object_get(info, "enable_snat");
    if (value && !json_is_boolean(value) && !text_to_bool(python_text(c, value), &boolean))
        return invalid_input(c, "'%s' cannot be converted to boolean", python_text(c, value));
    value = json_object_get(info, "external_fixed_ips");
    return !value || json_is_null(value) || fixed_ips_judge(c, value);
}

static bool info_allowed(struct ctx *c, const struct router *router, const json_t *info, const char *verb)
{
    static const char *const members[] = { "network_id", "enable_snat", "external_fixed_ips" };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        if (json_object_get(info, members[i]) &&
            !policy_check(c, ctx_printf(c, "%s_router:external_gateway_info:%s", verb, members[i]), TARGET_RECORD(router_attrs, router)))
            return false;
    return true;
}

static bool router_judge(struct ctx *c, struct change *ch)
{
    struct router *router = ch->now;
    json_t *info = json_object_get(ch->asked, "external_gateway_info"), *snat = json_object_get(info, "enable_snat");

    if (!router->routes.text)
        router->routes.text = ctx_strdup(c, "[]");
    if (!info_judge(c, info) || !info_allowed(c, router, info, ch->old ? "update" : "create"))
        return false;
    if (info)
        router->enable_snat = true;
    if (snat)
        text_to_bool(python_text(c, snat), &router->enable_snat);
    if (asked(ch, "routes") && !host_routes_judge(c, "routes", json_of(c, router->routes)))
        return false;
    return ch->old || zones_check(c, router->availability_zone_hints, "router");
}

/* --- create and update ---------------------------------------------------------------------------------------- */

static bool router_check(struct ctx *c, struct change *ch)
{
    const struct router *router = ch->now, *old = ch->old;

    if (!old)
        return !router->flavor_id || rest_find_any(c, &flavor_resource, router->flavor_id);
    if (router->distributed != old->distributed && (router->admin_state_up && old->admin_state_up))
        return fail(c, BAD_RESOURCE_REQUEST, "router", "Cannot change the 'distributed' attribute of active routers. Please set router admin_state_up to"
                    " False prior to upgrade");
    if (router->ha != old->ha && (router->admin_state_up && old->admin_state_up))
        return fail(c, BAD_RESOURCE_REQUEST, "router", "Cannot change HA attribute of active routers. Please set router admin_state_up to False prior to"
                    " upgrade");
    return !asked(ch, "routes") || routes_check(c, router, router->routes);
}

static bool router_stored(struct ctx *c, struct change *ch)
{
    return !asked(ch, "external_gateway_info") || gateway_set(c, ch->now, json_object_get(ch->asked, "external_gateway_info"), ch->old);
}

static bool router_deleting(struct ctx *c, void *record)
{
    struct router *router = record;

    const char *ports = ids_of(c, "SELECT id FROM ports WHERE device_id = $1 AND device_owner IN " ROUTER_OWNERS " ORDER BY created_at", router->id, ", ");

    if (*ports)
        return fail(c, ROUTER_IN_USE, router->id, ctx_printf(c, "has ports still attached: %s", ports));
    return !failed(c) && gateway_set(c, router, NULL, router);
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static void gateway_element(struct out *o, struct rows *rows)
{
    out_object(o, NULL);
    out_string(o, "network_id", db_text(rows, 1));
    out_string(o, "subnet_id", db_text(rows, 2));
    out_string(o, "ip_address", db_text(rows, 3));
    out_end_object(o);
}

/* The rows of a gateway port, one an address, become its info. */
static void info_write(struct ctx *c, struct router *router)
{
    json_t *rows = json_of(c, router->external_gateway_info), *row, *addresses = json_array();
    const char *network_id = json_get_string(json_array_get(rows, 0), "network_id");
    size_t i;

    json_array_foreach(rows, i, row)
        if (json_is_string(json_object_get(row, "subnet_id")))
            json_array_append_new(addresses, json_pack("{s:O, s:O}", "subnet_id", json_object_get(row, "subnet_id"),
                                                       "ip_address", json_object_get(row, "ip_address")));
    if (network_id)
        router->external_gateway_info = json_text(c, ctx_json(c, json_pack("{s:s, s:O, s:b}", "network_id", network_id, "external_fixed_ips", addresses,
                                                                           "enable_snat", router->enable_snat)));
    else
        router->external_gateway_info.text = NULL;
    json_decref(addresses);
}

static bool router_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill gateways = {
        .select = "SELECT p.id, p.network_id, a.subnet_id, a.ip_address FROM ports p LEFT JOIN ip_allocations a ON a.port_id = p.id WHERE p.id",
        .order = " ORDER BY a.position", .key = offsetof(struct router, gw_port_id),
    };
    static const struct fill zones = {
        .select = "SELECT DISTINCT r.router_id, a.availability_zone FROM router_l3_agents r JOIN agents a ON a.id = r.agent_id"
                  " WHERE a.availability_zone IS NOT NULL AND r.router_id",
        .key = offsetof(struct router, id),
    };

    if (!fill_lists(c, page, n, &gateways, offsetof(struct router, external_gateway_info), gateway_element) ||
        !fill_lists(c, page, n, &zones, offsetof(struct router, availability_zones), fill_string))
        return false;
    for (size_t i = 0; i < n; i++)
        info_write(c, page[i]);
    return true;
}

const struct resource router_resource = {
    .name = "router", .plural = "routers", .size = sizeof(struct router), .attrs = router_attrs, .quota = "router",
    .judge = router_judge, .check = router_check, .stored = router_stored, .deleting = router_deleting, .committed = notify_change,
    .fill = router_fill,
};
