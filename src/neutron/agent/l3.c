/* The L3 agent: a namespace a router, with its ports, addresses, routes, translation, and the metadata proxy's door.
 *
 * A round asks the plugin for the routers that changed, whole (sync_routers), makes each namespace fit, and tells the plugin
 * which floating IPs are in force.
 */
#include <string.h>

#include "neutron/agent/agent.h"
#include "neutron/agent/nat.h"
#include "neutron/rpc/l3.h"

enum { METADATA_PROXY_PORT = 9697, ROUTERS_A_CALL = 64 };

static struct id_set changed, gone;
/* The worker's own. */
static GHashTable *routers;          /* id -> GHashTable: ids of the floating IPs told to be ACTIVE */
static struct resync resync;

static bool sync_all(struct ctx *);
static bool sync_routers(struct ctx *, char *const *ids, size_t n);
static bool apply(struct ctx *, const json_t *router);
static bool withdraw(struct ctx *, const char *router_id);
static bool tell_statuses(struct ctx *, const json_t *router, bool in_force);

static bool l3_round(struct ctx *c)
{
    bool ok = true;
    size_t n = 0;

    if (!routers)
        routers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)(void *)g_hash_table_unref);
    for (char **id = ids_take(c, &gone); *id; id++)
        ok = withdraw(c, *id) && ok;
    if (resync_due(&resync, NULL)) {
        ids_take(c, &changed);
        ok = sync_all(c) && ok;
    }
    char **ids = ids_take(c, &changed);
    while (ids[n])
        n++;
    ok = sync_routers(c, ids, n) && ok;
    if (!ok)
        resync_missed(&resync);
    agent_counts.routers = (int)g_hash_table_size(routers);
    return ok;
}

const struct worker l3_agent_worker = { .name = "l3-agent", .role = "network", .run = l3_round, .every_us = 5000000 };

static bool sync_all(struct ctx *c)
{
    const json_t *list = plugin_call(c, TOPIC_L3_PLUGIN, L3_PLUGIN_VERSION, L3_GET_ROUTER_IDS, json_pack("{s:s}", "host", agent_host()));
    char **ids;
    bool ok;
    size_t i, n = json_array_size(list);

    if (!list)
        return false;
    ids = ctx_new_n(c, char *, n + 1);
    for (i = 0; i < n; i++)
        ids[i] = ctx_strdup(c, json_string_value(json_array_get(list, i)) ?: "");
    ok = sync_routers(c, ids, n);
    for (char **name = datapath()->namespaces(c); *name; name++)
        if (g_str_has_prefix(*name, "qrouter-") && !text_in(*name + strlen("qrouter-"), (const char *const *)ids))
            ok = withdraw(c, *name + strlen("qrouter-")) && ok;
    return ok;
}

/* Those asked for and not answered are no longer this host's. */
static bool sync_routers(struct ctx *c, char *const *ids, size_t n)
{
    bool ok = true;

    for (size_t from = 0; from < n; from += ROUTERS_A_CALL) {
        size_t to = MIN(from + ROUTERS_A_CALL, n), k;
        json_t *some = json_array();
        const json_t *list, *router;

        for (k = from; k < to; k++)
            json_array_append_new(some, json_string(ids[k]));
        list = plugin_call(c, TOPIC_L3_PLUGIN, L3_PLUGIN_VERSION, L3_SYNC_ROUTERS, json_pack("{s:s, s:o}", "host", agent_host(), "router_ids", some));
        if (!list)
            return false;
        for (size_t i = from; i < to; i++) {
            bool answered = false;

            json_array_foreach(list, k, router)
                answered = answered || text_equal(json_get_string(router, "id"), ids[i]);
            if (!answered)
                ok = withdraw(c, ids[i]) && ok;
        }
        json_array_foreach(list, k, router)
            ok = apply(c, router) && ok;
    }
    return ok;
}

/* ---- one router ---------------------------------------------------------------------------------------------- */

/* What a router's description becomes, piece by piece. */
struct plan {
    struct namespace_plan space;
    struct plug *plugs;
    struct ip_route *routes;
    const char **inside, **networks;
    size_t n_inside, n_networks;
    struct nat_router nat;
};

static bool plan_ports(struct ctx *, struct plan *, const json_t *router);
static bool plan_gateway(struct ctx *, struct plan *, const json_t *router, const json_t *port);
static void plan_extra_routes(struct ctx *, struct plan *, const json_t *router);
static bool host_is_gateway(struct ctx *, const json_t *port);

static bool apply(struct ctx *c, const json_t *router)
{
    const char *id = json_get_string(router, "id");
    const json_t *gw_port = json_object_get(router, "gw_port");
    bool has_gateway = json_is_object(gw_port) && json_get_string(gw_port, "id");
    struct plan plan = { .space = { .name = ctx_printf(c, "qrouter-%s", id), .forwards = true } };
    struct buf ruleset = {};
    bool ok;

    if (!json_get_bool(router, "admin_state_up", true))
        return withdraw(c, id) && tell_statuses(c, router, false);
    if (!plan_ports(c, &plan, router) || (has_gateway && !plan_gateway(c, &plan, router, gw_port)))
        return false;
    plan_extra_routes(c, &plan, router);
    plan.nat.inside = plan.inside;
    plan.nat.metadata_port = METADATA_PROXY_PORT;
    plan.space.plugs = plan.plugs;
    plan.space.routes = plan.routes;
    nat_write(&ruleset, &plan.nat);
    plan.space.ruleset = ruleset.data;
    ok = datapath()->namespace_apply(c, &plan.space);
    buf_clear(&ruleset);
    if (ok && datapath()->opens_sockets)
        ok = metadata_serve(c, plan.space.name, plan.networks);
    if (ok && !g_hash_table_contains(routers, id))
        g_hash_table_insert(routers, g_strdup(id), g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL));
    return ok && tell_statuses(c, router, has_gateway);
}

static bool withdraw(struct ctx *c, const char *router_id)
{
    const char *name = ctx_printf(c, "qrouter-%s", router_id);

    metadata_withdraw(name);
    g_hash_table_remove(routers, router_id);
    return datapath()->namespace_remove(c, name);
}

static bool plug_of(struct ctx *c, const json_t *port, const char *prefix, size_t more, struct plug *ret)
{
    const json_t *fixed_ips = json_object_get(port, "fixed_ips"), *fixed;
    const char **addresses = ctx_new_n(c, const char *, json_array_size(fixed_ips) + more + 1);
    const char *id = json_get_string(port, "id");
    size_t i;

    json_array_foreach(fixed_ips, i, fixed)
        addresses[i] = ctx_printf(c, "%s/%d", json_get_string(fixed, "ip_address"), (int)json_get_int(fixed, "prefixlen", 32));
    *ret = (struct plug){ .port_id = id, .mac = json_get_string(port, "mac_address"), .inner = port_device(c, prefix, id), .addresses = addresses };
    ret->mtu = json_get_int(port, "mtu", 0) ?: 1500;
    ret->bridge = network_bridge(c, json_get_string(port, "network_id"));
    return ret->bridge != NULL;
}

static bool plan_ports(struct ctx *c, struct plan *plan, const json_t *router)
{
    const json_t *list = json_object_get(router, "_interfaces"), *port, *subnet;
    size_t n = json_array_size(list), n_subnets = 0, i, k;

    json_array_foreach(list, i, port)
        n_subnets += json_array_size(json_object_get(port, "subnets"));
    plan->plugs = ctx_new_n(c, struct plug, n + 2);
    plan->networks = ctx_new_n(c, const char *, n + 1);
    plan->inside = ctx_new_n(c, const char *, n_subnets + 1);
    json_array_foreach(list, i, port) {
        if (!json_get_bool(port, "admin_state_up", true))
            continue;
        if (!plug_of(c, port, "qr-", 0, &plan->plugs[plan->space.n_plugs++]))
            return false;
        plan->networks[plan->n_networks++] = json_get_string(port, "network_id");
        json_array_foreach(json_object_get(port, "subnets"), k, subnet)
            plan->inside[plan->n_inside++] = json_get_string(subnet, "cidr");
    }
    return true;
}

static bool snat_enabled(const json_t *router)
{
    const json_t *info = json_object_get(router, "external_gateway_info");

    return json_get_bool(info, "enable_snat", json_get_bool(router, "enable_snat", true));
}

static void add_route(struct plan *plan, const char *destination, const char *via, const char *device)
{
    plan->routes[plan->space.n_routes++] = (struct ip_route){ destination, via, device };
}

/* The outer port with the floating addresses; the default route, and those to the network's other subnets. */
static bool plan_gateway(struct ctx *c, struct plan *plan, const json_t *router, const json_t *port)
{
    const json_t *floating = json_object_get(router, "_floatingips"), *subnets = json_object_get(port, "subnets"),
                 *others = json_object_get(port, "extra_subnets"), *one;
    struct plug *p = &plan->plugs[plan->space.n_plugs++];
    struct nat_floating *pairs = ctx_new_n(c, struct nat_floating, json_array_size(floating) + 1);
    const char **addresses;
    size_t i, n;

    if (!plug_of(c, port, "qg-", json_array_size(floating), p))
        return false;
    plan->routes = ctx_new_n(c, struct ip_route, json_array_size(subnets) + json_array_size(others) + json_array_size(json_object_get(router, "routes")) + 1);
    addresses = (const char **)(uintptr_t)p->addresses;
    plan->nat.gateway = p->inner;
    for (n = 0; addresses[n]; n++)
        if (!plan->nat.snat && snat_enabled(router) && !strchr(addresses[n], ':'))
            plan->nat.snat = ctx_strndup(c, addresses[n], strcspn(addresses[n], "/"));
    json_array_foreach(floating, i, one) {
        const char *external = json_get_string(one, "floating_ip_address"), *internal = json_get_string(one, "fixed_ip_address");

        if (!external || !internal || strchr(external, ':'))
            continue;
        pairs[plan->nat.n_floating++] = (struct nat_floating){ external, internal };
        addresses[n++] = ctx_printf(c, "%s/32", external);
    }
    plan->nat.floating = pairs;
    json_array_foreach(others, i, one)
        add_route(plan, json_get_string(one, "cidr"), NULL, p->inner);
    json_array_foreach(subnets, i, one)
        if (json_get_string(one, "gateway_ip"))
            add_route(plan, "default", json_get_string(one, "gateway_ip"), p->inner);
    return host_is_gateway(c, port);
}

static void plan_extra_routes(struct ctx *c, struct plan *plan, const json_t *router)
{
    const json_t *list = json_object_get(router, "routes"), *one;
    size_t i;

    if (!plan->routes)
        plan->routes = ctx_new_n(c, struct ip_route, json_array_size(list) + 1);
    json_array_foreach(list, i, one)
        add_route(plan, json_get_string(one, "destination"), json_get_string(one, "nexthop"), NULL);
}

/* On a mapped bridge the host itself may be the gateway of the provider's network: then floating IPs are reachable from here. */
static bool host_is_gateway(struct ctx *c, const json_t *port)
{
    const json_t *subnet;
    const char *bridge;
    size_t i;

    if (!network_mapped_bridge(c, json_get_string(port, "network_id"), &bridge))
        return false;
    if (!agent_options()->external_gateway_on_host || !bridge)
        return true;
    json_array_foreach(json_object_get(port, "subnets"), i, subnet) {
        const char *gateway = json_get_string(subnet, "gateway_ip"), *cidr = json_get_string(subnet, "cidr");

        if (gateway && cidr && !strchr(cidr, ':') &&
            !datapath()->host_gateway(c, bridge, ctx_printf(c, "%s%s", gateway, strchr(cidr, '/')), agent_options()->external_masquerade))
            return false;
    }
    return true;
}

/* ACTIVE what is in force and was not told yet, DOWN what was told and is no more. */
static bool tell_statuses(struct ctx *c, const json_t *router, bool in_force)
{
    GHashTable *told = g_hash_table_lookup(routers, json_get_string(router, "id"));
    const json_t *floating;
    json_t *statuses = json_object();
    GHashTableIter i;
    void *id;
    size_t k;

    if (told && in_force) {
        g_hash_table_iter_init(&i, told);
        while (g_hash_table_iter_next(&i, &id, NULL))
            json_object_set_new(statuses, id, json_string("DOWN"));
        json_array_foreach(json_object_get(router, "_floatingips"), k, floating) {
            const char *one = json_get_string(floating, "id");

            if (json_object_get(statuses, one) && text_equal(json_get_string(floating, "status"), "ACTIVE"))
                json_object_del(statuses, one);
            else
                json_object_set_new(statuses, one, json_string("ACTIVE"));
            g_hash_table_add(told, g_strdup(one));
        }
    }
    if (json_object_size(statuses) == 0) {
        json_decref(statuses);
        return true;
    }
    const char *one;
    json_t *status;
    json_object_foreach(statuses, one, status)
        if (strcmp(json_string_value(status), "DOWN") == 0)
            g_hash_table_remove(told, one);
    return plugin_call(c, TOPIC_L3_PLUGIN, L3_PLUGIN_VERSION, L3_UPDATE_FLOATINGIP_STATUSES,
                       json_pack("{s:s, s:o}", "router_id", json_get_string(router, "id"), "fip_statuses", statuses)) != NULL;
}

/* ---- what the plugin tells ----------------------------------------------------------------------------------- */

static bool note_list(struct ctx *c, struct id_set *set, const json_t *ids)
{
    const json_t *id;
    size_t i;

    json_array_foreach(ids, i, id)
        ids_note(c, set, json_string_value(id) ?: json_get_string(id, "id"));
    worker_wake(&l3_agent_worker);
    return true;
}

static bool note_one(struct ctx *c, struct id_set *set, const char *id)
{
    ids_note(c, set, id);
    worker_wake(&l3_agent_worker);
    return true;
}

static bool on_updated(struct ctx *c, json_t *args, json_t **ret)
{
    return note_list(c, &changed, json_object_get(args, "routers"));
}

static bool on_deleted(struct ctx *c, json_t *args, json_t **ret)
{
    return note_one(c, &gone, json_get_string(args, "router_id"));
}

static bool on_added(struct ctx *c, json_t *args, json_t **ret)
{
    return note_list(c, &changed, json_object_get(args, "payload"));
}

static bool on_removed(struct ctx *c, json_t *args, json_t **ret)
{
    return note_one(c, &gone, json_get_string(json_object_get(args, "payload"), "router_id"));
}

static bool on_agent_updated(struct ctx *c, json_t *args, json_t **ret)
{
    return true;                         /* routers move by casts of their own */
}

static void on_resumed(void)
{
    resync_missed(&resync);
    worker_wake(&l3_agent_worker);
}

static const struct rpc_method l3_methods[] = {
    { L3_ROUTERS_UPDATED, on_updated }, { L3_ROUTER_DELETED, on_deleted }, { L3_ROUTER_ADDED_TO_AGENT, on_added },
    { L3_ROUTER_REMOVED_FROM_AGENT, on_removed }, { L3_AGENT_UPDATED, on_agent_updated }, {}
};

const struct rpc_server l3_agent_server = {
    .exchange = NEUTRON_EXCHANGE, .topic = TOPIC_L3_AGENT, .role = "network", .threads = 1, .per_host = true, .resumed = on_resumed,
    .endpoints = (const struct rpc_endpoint[]){ { .version = L3_AGENT_VERSION, .methods = l3_methods }, {} },
};
