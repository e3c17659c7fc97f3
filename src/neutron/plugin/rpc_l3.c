/* What L3 agents ask. See rpc/l3.h. */
#include <string.h>

#include "neutron/model/ports.h"
#include "neutron/model/routers.h"
#include "neutron/model/subnets.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/schedule.h"
#include "neutron/rpc/l3.h"
#include "neutron/rpc/servers.h"

static bool get_router_ids(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *host = json_get_string(args, "host");
    struct rows *rows;

    if (!schedule_routers(c, host))
        return false;
    *ret_result = json_array();
    for (rows = db_query(c, "SELECT b.router_id FROM router_l3_agents b JOIN agents a ON a.id = b.agent_id WHERE a.host = $1 AND a.agent_type = 'L3 agent'"
                         " AND a.admin_state_up", T(host)); db_next(rows);)
        json_array_append_new(*ret_result, json_string(db_text(rows, 0)));
    return !failed(c);
}

/* --- a router with all that its agent needs --------------------------------------------------------------------- */

static json_t *subnet_short(struct ctx *c, const struct subnet *s)
{
    return json_pack("{s:s, s:s, s:s?, s:O, s:s?, s:s?}", "id", s->id, "cidr", s->cidr, "gateway_ip", s->gateway_ip, "dns_nameservers",
                     json_of(c, s->dns_nameservers), "ipv6_ra_mode", s->ipv6_ra_mode, "subnetpool_id", s->subnetpool_id);
}

/* The entry of fixed_ips on that subnet, or NULL. */
static json_t *fixed_ip_on(json_t *fixed_ips, const char *subnet_id)
{
    json_t *entry;
    size_t i;

    json_array_foreach(fixed_ips, i, entry)
        if (text_equal(json_get_string(entry, "subnet_id"), subnet_id))
            return entry;
    return NULL;
}

/* A port as the API shows it, with its network's subnets, scopes and MTU. */
static json_t *port_for_agent(struct ctx *c, const struct port *port)
{
    json_t *json = json_incref(port_json(c, port)), *fixed_ips = json_of(c, port->fixed_ips), *entry;
    json_t *scopes = json_pack("{s:n, s:n}", "4", "6"), *own = json_array(), *extra = json_array();
    size_t n;
    struct subnet **subnets = subnets_of(c, port->network_id, &n);

    for (size_t i = 0; subnets && i < n; i++) {
        const char *scope = subnets[i]->subnetpool_id ?
            db_get_text(c, "SELECT address_scope_id FROM subnetpools WHERE id = $1", T(subnets[i]->subnetpool_id)) : NULL;

        json_object_set_new(scopes, subnets[i]->ip_version == 4 ? "4" : "6", scope ? json_string(scope) : json_null());
        entry = fixed_ip_on(fixed_ips, subnets[i]->id);
        if (entry)
            json_object_set_new(entry, "prefixlen", json_integer(subnet_cidr(subnets[i]).prefixlen));
        json_array_append_new(entry ? own : extra, subnet_short(c, subnets[i]));
    }
    json_object_set(json, "fixed_ips", fixed_ips);
    json_object_set_new(json, "subnets", own);
    json_object_set_new(json, "extra_subnets", extra);
    json_object_set_new(json, "address_scopes", scopes);
    json_object_set_new(json, "mtu", json_integer(db_count(c, "SELECT mtu FROM networks WHERE id = $1", T(port->network_id))));
    return json;
}

static json_t *floatingips_of(struct ctx *c, const char *router_id)
{
    json_t *list = json_array();
    struct buf columns = { 0 };
    struct rows *rows;

    record_columns(&columns, floatingip_attrs, "");
    rows = db_query(c, ctx_printf(c, "SELECT %s FROM floatingips WHERE router_id = $1", columns.data), T(router_id));
    buf_clear(&columns);
    while (db_next(rows)) {
        struct floatingip fip = { 0 };
        json_t *json;

        record_from_row(rows, floatingip_attrs, &fip, 0);
        json = record_to_json(c, floatingip_attrs, &fip);
        json_object_set(json, "tenant_id", json_object_get(json, "project_id"));
        json_object_set_new(json, "fixed_ip_address_scope", json_null());
        json_array_append(list, json);
    }
    return list;
}

static bool is_elsewhere(const struct port *port, const char *host)
{
    return !text_equal(port->host, host) || !strcmp(port->vif_type, "binding_failed") || !strcmp(port->vif_type, "unbound");
}

/* The ports of a router are where the router is. */
static bool ports_move(struct ctx *c, struct port **ports, size_t n, const char *host)
{
    struct port **moved = ctx_new_n(c, struct port *, n + 1);
    size_t n_moved = 0;

    for (size_t i = 0; host && i < n; i++)
        if (is_elsewhere(ports[i], host))
            moved[n_moved++] = ports[i];
    if (!n_moved)
        return true;
    if (!db_begin(c))
        return false;
    for (size_t i = 0; i < n_moved; i++)
        if (!port_set_host(c, moved[i], host)) {
            db_rollback(c);
            return false;
        }
    if (!db_commit(c))
        return false;
    for (size_t i = 0; i < n_moved; i++)
        notify_port_bound(c, moved[i]);
    return true;
}

static json_t *router_for_agent(struct ctx *c, const char *id, const char *host)
{
    void *record = rest_find_any(c, &router_resource, id);
    struct router *router = record;
    json_t *json, *interfaces = json_array();
    struct sql *s = ports_select(c);
    struct port **ports;
    size_t n;

    sql_add(s, " AND t.device_id = ? AND t.device_owner LIKE 'network:router%' ORDER BY t.created_at", T(id));
    if (!router || !rest_fill(c, &router_resource, &record, 1) || !(ports = ports_fetch(c, s, &n)) || !ports_move(c, ports, n, host)) {
        json_decref(interfaces);
        return NULL;
    }
    json = json_incref(record_to_json(c, router_attrs, router));
    json_object_set(json, "tenant_id", json_object_get(json, "project_id"));
    for (size_t i = 0; i < n; i++)
        if (text_equal(ports[i]->id, router->gw_port_id))
            json_object_set_new(json, "gw_port", port_for_agent(c, ports[i]));
        else
            json_array_append_new(interfaces, port_for_agent(c, ports[i]));
    json_object_set_new(json, "gw_port_host", host ? json_string(host) : json_null());
    json_object_set_new(json, "_interfaces", interfaces);
    json_object_set_new(json, "_floatingips", floatingips_of(c, id));
    return json;
}

static bool sync_routers(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *host = json_get_string(args, "host");
    json_t *wanted = json_object_get(args, "router_ids"), *all = NULL, *id;
    size_t i;

    if (!json_is_array(wanted) && !get_router_ids(c, args, &all))
        return false;
    ctx_json(c, all);
    *ret_result = json_array();
    json_array_foreach(all ? all : wanted, i, id) {
        /* only those this host serves */
        if (!db_count(c, "SELECT count(*) FROM router_l3_agents b JOIN agents a ON a.id = b.agent_id WHERE a.host = $1 AND b.router_id = $2 AND a.admin_state_up",
                      T(host), T(json_string_value(id))))
            continue;
        json_t *router = router_for_agent(c, json_string_value(id), host);
        if (router)
            json_array_append_new(*ret_result, router);
        else if (c->fault.status == 404)
            fault_clear(c);
        else
            return false;
    }
    return !failed(c);
}

/* --- what they report ----------------------------------------------------------------------------------------- */

static bool statuses_write(struct ctx *c, const char *router_id, json_t *statuses)
{
    const char *id;
    json_t *status;

    json_object_foreach(statuses, id, status)
        if (!db_exec(c, "UPDATE floatingips SET status = $2 WHERE id = $1", T(id), T(json_string_value(status))))
            return false;
    return db_exec(c, "UPDATE floatingips SET status = 'DOWN' WHERE last_known_router_id = $1 AND router_id IS NULL AND status <> 'DOWN'", T(router_id));
}

static bool update_floatingip_statuses(struct ctx *c, json_t *args, json_t **ret_result)
{
    if (!db_begin(c))
        return false;
    db_relaxed(c);
    if (statuses_write(c, json_get_string(args, "router_id"), json_object_get(args, "fip_statuses")))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool get_service_plugin_list(struct ctx *c, json_t *args, json_t **ret_result)
{
    *ret_result = json_pack("[s, s]", "CORE", "L3_ROUTER_NAT");
    return true;
}

static bool get_networks(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = rpc_networks(c, json_object_get(args, "filters"));

    *ret_result = json_incref(list);
    return list != NULL;
}

static bool get_ports_by_subnet(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = rpc_ports(c, ctx_json(c, json_pack("{s:{s:[O]}}", "fixed_ips", "subnet_id", json_object_get(args, "subnet_id"))));

    *ret_result = json_incref(list);
    return list != NULL;
}

static bool get_host_ha_router_count(struct ctx *c, json_t *args, json_t **ret_result)
{
    *ret_result = json_integer(db_count(c, "SELECT count(*) FROM router_l3_agents b JOIN agents a ON a.id = b.agent_id JOIN routers r ON r.id = b.router_id"
                                        " WHERE a.host = $1 AND r.ha", T(json_get_string(args, "host"))));
    return !failed(c);
}

const struct rpc_method l3_methods[] = {
    { L3_GET_ROUTER_IDS, get_router_ids },
    { L3_SYNC_ROUTERS, sync_routers },
    { L3_UPDATE_FLOATINGIP_STATUSES, update_floatingip_statuses },
    { L3_GET_SERVICE_PLUGIN_LIST, get_service_plugin_list },
    { L3_GET_NETWORKS, get_networks },
    { L3_GET_PORTS_BY_SUBNET, get_ports_by_subnet },
    { L3_GET_HOST_HA_ROUTER_COUNT, get_host_ha_router_count },
    {}
};
