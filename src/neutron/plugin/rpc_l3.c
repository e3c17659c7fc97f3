/* What L3 agents ask. See rpc/l3.h. */
#include <string.h>

#include "neutron/model/ports.h"
#include "neutron/model/routers.h"
#include "neutron/model/subnets.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/provisioning.h"
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
    /* a router is served by one agent as a whole, whatever it is shown as */
    json_object_set_new(json, "ha", json_false());
    json_object_set_new(json, "distributed", json_false());
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

static bool get_ports_by_subnet(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = rpc_ports(c, ctx_json(c, json_pack("{s:{s:[O]}}", "fixed_ips", "subnet_id", json_object_get(args, "subnet_id"))));

    *ret_result = json_incref(list);
    return list != NULL;
}

static bool get_host_ha_router_count(struct ctx *c, json_t *args, json_t **ret_result)
{
    *ret_result = json_integer(0);
    return true;
}

/* No router has replicas here, so there is no state of one to keep. */
static bool update_ha_routers_states(struct ctx *c, json_t *args, json_t **ret_result)
{
    return json_is_object(json_object_get(args, "states")) || fail(c, BAD_REQUEST, "update_ha_routers_states needs states");
}

static bool update_all_ha_network_port_statuses(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char **ids = NULL;
    size_t n = 0;
    bool exists;
    struct rows *rows = db_query(c, "SELECT id FROM ports WHERE device_owner = 'network:router_ha_interface' AND status = 'ACTIVE' AND host = $1",
                                 T(json_get_string(args, "host")));

    for (; db_next(rows); n++) {
        const char **more = ctx_new_n(c, const char *, n + 1);

        if (n)
            memcpy(more, ids, n * sizeof(*ids));
        more[n] = db_text(rows, 0);
        ids = more;
    }
    for (size_t i = 0; i < n; i++)
        if (!port_status_set(c, ids[i], "DOWN", &exists))
            return false;
    return !failed(c);
}

/* Prefixes are not delegated here: a subnet that has the prefix already is as wanted. */
static bool process_prefix_update(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *subnets = json_object_get(args, "subnets"), *prefix;
    const char *id;

    *ret_result = json_array();
    json_object_foreach(subnets, id, prefix) {
        struct subnet *subnet = rest_find_any(c, &subnet_resource, id);

        if (!subnet)
            return false;
        if (!text_equal(subnet->cidr, json_string_value(prefix)))
            return fail(c, BAD_RESOURCE_REQUEST, "subnets", ctx_printf(c, "the prefix of subnet %s is not delegated", id));
        json_array_append(*ret_result, record_to_json(c, subnet_attrs, subnet));
    }
    return true;
}

/* --- a host's own gateway to floating IPs ----------------------------------------------------------------------- */

static char *gateway_port_of(struct ctx *c, const char *network_id, const char *agent_id)
{
    return db_get_text(c, "SELECT id FROM ports WHERE network_id = $1 AND device_id = $2 AND device_owner = 'network:floatingip_agent_gateway'",
                       T(network_id), T(agent_id));
}

static bool gateway_asked(struct ctx *c, const json_t *args, char **ret_agent_id, char **ret_port_id)
{
    const char *network_id = json_get_string(args, "network_id"), *host = json_get_string(args, "host");

    if (!network_id || !host)
        return fail(c, BAD_REQUEST, "an agent's gateway port needs network_id and host");
    *ret_agent_id = db_get_text(c, "SELECT id FROM agents WHERE agent_type = 'L3 agent' AND host = $1", T(host));
    *ret_port_id = *ret_agent_id ? gateway_port_of(c, network_id, *ret_agent_id) : NULL;
    return !failed(c);
}

static struct port *gateway_make(struct ctx *c, const char *network_id, const char *host, const char *agent_id)
{
    struct port *port;

    if (!db_begin(c))
        return NULL;
    port = port_make(c, ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:s}", "network_id", network_id, "device_id", agent_id, "device_owner",
                                              "network:floatingip_agent_gateway", "binding:host_id", host, "project_id", "")));
    if (!port) {
        db_rollback(c);
        return NULL;
    }
    if (!db_commit(c))
        return NULL;
    notify_change(c, &(struct change){ .resource = &port_resource, .now = port, .asked = ctx_json(c, json_object()) });
    return port;
}

static bool get_agent_gateway_port(struct ctx *c, json_t *args, json_t **ret_result)
{
    char *agent_id, *port_id;
    struct port *port;

    if (!gateway_asked(c, args, &agent_id, &port_id))
        return false;
    if (!agent_id)
        return true;
    port = port_id ? port_get(c, port_id) : gateway_make(c, json_get_string(args, "network_id"), json_get_string(args, "host"), agent_id);
    if (port)
        *ret_result = port_for_agent(c, port);
    return port != NULL;
}

static bool delete_agent_gateway_port(struct ctx *c, json_t *args, json_t **ret_result)
{
    char *agent_id, *port_id;
    struct port *port;

    if (!gateway_asked(c, args, &agent_id, &port_id) || !port_id)
        return !failed(c);
    if (!(port = port_get(c, port_id)) || !db_begin(c))
        return false;
    if (!port_drop(c, port_id)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    notify_port_deleted(c, port);
    return !failed(c);
}

const struct rpc_method l3_methods[] = {
    { L3_GET_ROUTER_IDS, get_router_ids },
    { L3_SYNC_ROUTERS, sync_routers },
    { L3_UPDATE_FLOATINGIP_STATUSES, update_floatingip_statuses },
    { L3_GET_SERVICE_PLUGIN_LIST, get_service_plugin_list },
    { L3_GET_NETWORKS, rpc_get_networks },
    { L3_GET_PORTS_BY_SUBNET, get_ports_by_subnet },
    { L3_GET_HOST_HA_ROUTER_COUNT, get_host_ha_router_count },
    { L3_UPDATE_HA_ROUTERS_STATES, update_ha_routers_states },
    { L3_UPDATE_ALL_HA_NETWORK_PORT_STATUSES, update_all_ha_network_port_statuses },
    { L3_PROCESS_PREFIX_UPDATE, process_prefix_update },
    { L3_GET_AGENT_GATEWAY_PORT, get_agent_gateway_port },
    { L3_DELETE_AGENT_GATEWAY_PORT, delete_agent_gateway_port },
    {}
};
