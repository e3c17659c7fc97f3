/* What DHCP and metadata agents ask. See rpc/dhcp.h and rpc/metadata.h. */
#include <string.h>

#include "neutron/model/ports.h"
#include "neutron/model/subnets.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/provisioning.h"
#include "neutron/plugin/schedule.h"
#include "neutron/rpc/dhcp.h"
#include "neutron/rpc/metadata.h"
#include "neutron/rpc/servers.h"

/* --- networks ------------------------------------------------------------------------------------------------- */

static json_t *network_info(struct ctx *c, const struct network *net, bool only_dhcp)
{
    json_t *subnets = json_array(), *ports = rpc_ports(c, ctx_json(c, json_pack("{s:[s]}", "network_id", net->id)));
    size_t n;
    struct subnet **list = subnets_of(c, net->id, &n);

    for (size_t i = 0; list && i < n; i++)
        if (list[i]->enable_dhcp || !only_dhcp) {
            json_t *json = record_to_json(c, subnet_attrs, list[i]);

            json_object_set(json, "tenant_id", json_object_get(json, "project_id"));
            json_array_append(subnets, json);
        }
    return json_pack("{s:s, s:s, s:s, s:b, s:o, s:[], s:O, s:I}", "id", net->id, "project_id", net->project_id, "tenant_id", net->project_id,
                     "admin_state_up", net->admin_state_up, "subnets", subnets, "non_local_subnets", "ports", ports ? ports : json_null(),
                     "mtu", (json_int_t)net->mtu);
}

static bool only_dhcp(const json_t *args, const char *key)
{
    json_t *value = json_object_get(args, key);

    return !value || json_is_true(value);
}

static bool get_network_info(struct ctx *c, json_t *args, json_t **ret_result)
{
    const struct network *net = rest_find_any(c, &network_resource, json_get_string(args, "network_id"));

    if (!net && c->fault.status == 404) {
        fault_clear(c);
        return true;
    }
    if (net)
        *ret_result = network_info(c, net, only_dhcp(args, "enable_dhcp"));
    return !failed(c);
}

static bool get_active_networks_info(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *host = json_get_string(args, "host");
    GPtrArray *ids = g_ptr_array_new();
    struct rows *rows;

    if (!schedule_networks(c, host)) {
        g_ptr_array_free(ids, TRUE);
        return false;
    }
    for (rows = db_query(c, "SELECT b.network_id FROM network_dhcp_agents b JOIN agents a ON a.id = b.agent_id JOIN networks n ON n.id = b.network_id"
                         " WHERE a.host = $1 AND a.agent_type = 'DHCP agent' AND a.admin_state_up AND n.admin_state_up", T(host)); db_next(rows);)
        g_ptr_array_add(ids, db_text(rows, 0));
    *ret_result = json_array();
    for (guint i = 0; i < ids->len && !failed(c); i++) {
        const struct network *net = rest_find_any(c, &network_resource, ids->pdata[i]);

        if (net)
            json_array_append_new(*ret_result, network_info(c, net, only_dhcp(args, "enable_dhcp_filter")));
        else if (c->fault.status == 404)
            fault_clear(c);
    }
    g_ptr_array_free(ids, TRUE);
    return !failed(c);
}

/* --- the agent's port ----------------------------------------------------------------------------------------- */

/* Ends the transaction of a port that was made or changed, and tells who cares. */
static bool port_finish(struct ctx *c, struct port *port, json_t **ret_result)
{
    if (!port) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    *ret_result = json_incref(port_json(c, port));
    return notify_change(c, &(struct change){ .resource = &port_resource, .now = port, .asked = *ret_result });
}

/* What went while the agent was asking is no failure: the answer is null. */
static bool is_gone(struct ctx *c)
{
    static const char *const gone[] = { "NetworkNotFound", "SubnetNotFound", "PortNotFound", "InvalidInput", "DBReferenceError", NULL };

    if (text_in(c->fault.type, gone))
        fault_clear(c);
    return !failed(c);
}

static bool create_dhcp_port(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *given = json_object_get(json_object_get(args, "port"), "port"), *body = ctx_json(c, json_object()), *value;
    static const char *const taken[] = { "network_id", "device_id", "fixed_ips", "admin_state_up", "tenant_id", "name", "mac_address" };

    for (size_t i = 0; i < G_N_ELEMENTS(taken); i++)
        if ((value = json_object_get(given, taken[i])))
            json_object_set(body, strcmp(taken[i], "tenant_id") ? taken[i] : "project_id", value);
    json_object_set_new(body, "device_owner", json_string("network:dhcp"));
    json_object_set(body, "binding:host_id", json_object_get(args, "host"));
    if (!json_get_string(body, "network_id") || !json_get_string(args, "host"))
        return fail(c, BAD_REQUEST, "create_dhcp_port needs host and the port's network_id");
    return (db_begin(c) && port_finish(c, port_make(c, body), ret_result)) || is_gone(c);
}

/* A port is the agent's to change where it is its own or one that was left for another to take, and the network is the agent's. */
static bool may_take(struct ctx *c, const struct port *port, const char *host, bool *ret_may)
{
    const char *own = ctx_printf(c, "dhcp%s-%s", uuid_named(c, ctx_strndup(c, host, strcspn(host, "."))), port->network_id);

    *ret_may = !strcmp(port->device_id, DHCP_DEVICE_ID_RESERVED) || !strcmp(port->device_id, own);
    if (*ret_may && !db_count(c, "SELECT count(*) FROM network_dhcp_agents b JOIN agents a ON a.id = b.agent_id WHERE b.network_id = $1 AND a.host = $2",
                              T(port->network_id), T(host)))
        return !failed(c) && fail(c, NETWORK_NOT_FOUND, port->network_id);
    return !failed(c);
}

static bool update_dhcp_port(struct ctx *c, json_t *args, json_t **ret_result)
{
    static const char *const admin[] = { "admin", NULL };
    const char *host = json_get_string(args, "host"), *id = json_get_string(args, "port_id");
    json_t *given = json_object_get(json_object_get(args, "port"), "port"), *body = ctx_json(c, json_object());
    struct port *port;
    bool may;

    if (!host || !id)
        return fail(c, BAD_REQUEST, "update_dhcp_port needs host and port_id");
    if (!(port = port_get(c, id)))
        return is_gone(c);
    if (!may_take(c, port, host, &may) || !may)
        return !failed(c);
    if (json_object_get(given, "fixed_ips"))
        json_object_set(body, "fixed_ips", json_object_get(given, "fixed_ips"));
    if (json_object_get(given, "device_id"))
        json_object_set(body, "device_id", json_object_get(given, "device_id"));
    json_object_set(body, "binding:host_id", json_object_get(args, "host"));
    c->who.is_admin = true;
    c->who.roles = admin;
    if (!(port = rest_change(c, &port_resource, id, body)))
        return is_gone(c);
    *ret_result = json_incref(port_json(c, port));
    return true;
}

static bool get_dhcp_port(struct ctx *c, json_t *args, json_t **ret_result)
{
    const struct port *port = port_get(c, json_get_string(args, "port_id"));

    *ret_result = port ? json_incref(port_json(c, port)) : NULL;
    return port != NULL;
}

static bool ports_drop(struct ctx *c, const json_t *ports)
{
    json_t *port;
    size_t i;

    json_array_foreach(ports, i, port)
        if (!port_drop(c, json_get_string(port, "id")))
            return false;
    return true;
}

static bool release_dhcp_port(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *network_id = json_get_string(args, "network_id"), *device_id = json_get_string(args, "device_id");
    json_t *ports = rpc_ports(c, ctx_json(c, json_pack("{s:[s], s:[s]}", "network_id", network_id, "device_id", device_id))), *json;
    size_t i;

    if (!ports || !db_begin(c))
        return false;
    if (!ports_drop(c, ports)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    json_array_foreach(ports, i, json) {
        struct port gone = { .id = ctx_strdup(c, json_get_string(json, "id")), .network_id = ctx_strdup(c, network_id),
                             .mac_address = ctx_strdup(c, json_get_string(json, "mac_address")), .host = ctx_strdup(c, json_get_string(json, "binding:host_id")),
                             .fixed_ips = json_text(c, json_object_get(json, "fixed_ips")) };

        notify_port_deleted(c, &gone);
    }
    return true;
}

static bool dhcp_ready_on_ports(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *id;
    size_t i;

    json_array_foreach(json_object_get(args, "port_ids"), i, id)
        if (!provisioning_complete(c, json_string_value(id), BLOCK_DHCP))
            return false;
    return true;
}

const struct rpc_method dhcp_methods[] = {
    { DHCP_GET_ACTIVE_NETWORKS_INFO, get_active_networks_info },
    { DHCP_GET_NETWORK_INFO, get_network_info },
    { DHCP_CREATE_PORT, create_dhcp_port },
    { DHCP_UPDATE_PORT, update_dhcp_port },
    { DHCP_GET_PORT, get_dhcp_port },
    { DHCP_RELEASE_PORT, release_dhcp_port },
    { DHCP_READY_ON_PORTS, dhcp_ready_on_ports },
    { DHCP_GET_NETWORKS, rpc_get_networks },
    {}
};

/* --- metadata ------------------------------------------------------------------------------------------------- */

static bool get_ports(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = rpc_ports(c, json_object_get(args, "filters"));

    *ret_result = json_incref(list);
    return list != NULL;
}

const struct rpc_method metadata_methods[] = {
    { METADATA_GET_PORTS, get_ports },
    {}
};
