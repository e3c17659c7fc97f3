/* What L2 agents ask: devices' details, and what they report of them. See rpc/l2.h. */
#include <string.h>

#include "neutron/model/ports.h"
#include "neutron/plugin/l2pop.h"
#include "neutron/plugin/provisioning.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/servers.h"

/* --- details -------------------------------------------------------------------------------------------------- */

static json_t *details(struct ctx *c, const json_t *device, const struct port *port, const struct network *net, const char *host)
{
    json_t *d;

    if (!port || !net || !strcmp(port->vif_type, "unbound") || !strcmp(port->vif_type, "binding_failed"))
        return json_pack("{s:O}", "device", device);
    if (device_owner_is_compute(port->device_owner) && host && strcmp(port->host, host))
        return json_pack("{s:O, s:b}", "device", device, "no_active_binding", 1);
    d = json_pack("{s:O, s:s, s:s, s:s, s:b, s:s, s:s?, s:I, s:O, s:s, s:O, s:b, s:s?, s:s?, s:O, s:b}", "device", device, "network_id", port->network_id,
                  "port_id", port->id, "mac_address", port->mac_address, "admin_state_up", port->admin_state_up, "network_type", net->network_type,
                  "physical_network", net->physical_network, "mtu", (json_int_t)net->mtu, "fixed_ips", json_of(c, port->fixed_ips),
                  "device_owner", port->device_owner, "allowed_address_pairs", json_of(c, port->allowed_address_pairs), "port_security_enabled",
                  port->port_security_enabled, "qos_policy_id", port->qos_policy_id, "qos_network_policy_id", net->qos_policy_id,
                  "profile", json_of(c, port->profile), "propagate_uplink_status", 0);
    json_object_set_new(d, "segmentation_id", net->segmentation_id.set ? json_integer(net->segmentation_id.value) : json_null());
    return d;
}

/* An agent at work on a port: BUILD. */
static bool build_set(struct ctx *c, struct port **ports, size_t n, const char *host)
{
    struct sql *s = sql_new(c);
    const char **ids = ctx_new_n(c, const char *, n + 1);
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        if (!strcmp(ports[i]->status, "DOWN") && ports[i]->admin_state_up && text_equal(ports[i]->host, host))
            ids[used++] = ports[i]->id;
    if (!used)
        return true;
    sql_add(s, "UPDATE ports SET status = 'BUILD' WHERE status = 'DOWN' AND id IN ");
    sql_in(s, ids);
    if (!db_begin(c))
        return false;
    db_relaxed(c);
    if (sql_exec(s, NULL))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static struct network *network_of(struct ctx *c, GHashTable *networks, const char *id)
{
    struct network *net = g_hash_table_lookup(networks, id);

    if (!net && (net = rest_find_any(c, &network_resource, id)))
        g_hash_table_insert(networks, net->id, net);
    return net;
}

/* The details of devices, in their order; at most 200 at a time are read from the database. */
static json_t *details_list(struct ctx *c, const json_t *devices, const char *host)
{
    json_t *list = json_array(), *device;
    GHashTable *networks = g_hash_table_new(g_str_hash, g_str_equal);
    size_t total = json_array_size(devices), n;

    for (size_t from = 0; from < total && !failed(c); from += 200) {
        const char **ids = ctx_new_n(c, const char *, 201);
        struct sql *s = ports_select(c);
        struct port **ports;
        size_t until = MIN(from + 200, total), i, k = 0;

        for (i = from; i < until; i++)
            if ((ids[k] = rpc_device_port(c, json_array_get(devices, i))))
                k++;
        sql_add(s, " AND t.id IN ");
        sql_in(s, ids);
        ports = ports_fetch(c, s, &n);
        for (i = from; ports && i < until; i++) {
            const char *id = rpc_device_port(c, device = json_array_get(devices, i));
            struct port *port = NULL;

            for (k = 0; k < n && !port; k++)
                port = text_equal(ports[k]->id, id) ? ports[k] : NULL;
            json_array_append_new(list, details(c, device, port, port ? network_of(c, networks, port->network_id) : NULL, host));
        }
        if (ports && host && !build_set(c, ports, n, host))
            break;
    }
    g_hash_table_destroy(networks);
    if (!failed(c))
        return list;
    json_decref(list);
    return NULL;
}

static bool get_device_details(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *devices = ctx_json(c, json_pack("[O]", json_object_get(args, "device"))), *list = details_list(c, devices, json_get_string(args, "host"));

    if (!list)
        return false;
    *ret_result = json_incref(json_array_get(list, 0));
    json_decref(list);
    return true;
}

static bool get_devices_details_list(struct ctx *c, json_t *args, json_t **ret_result)
{
    return (*ret_result = details_list(c, json_object_get(args, "devices"), json_get_string(args, "host"))) != NULL;
}

static bool get_devices_details_list_and_failed_devices(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = details_list(c, json_object_get(args, "devices"), json_get_string(args, "host"));

    if (!list)
        return false;
    *ret_result = json_pack("{s:o, s:[]}", "devices", list, "failed_devices");
    return true;
}

/* --- what they report ----------------------------------------------------------------------------------------- */

static bool device_up(struct ctx *c, const json_t *device, const char *host, bool refresh)
{
    char *id = rpc_device_port(c, device), *bound;

    if (!id || failed(c))
        return !failed(c);
    bound = db_get_text(c, "SELECT host FROM ports WHERE id = $1", T(id));
    if (failed(c) || !bound || (host && *bound && strcmp(bound, host)))
        return !failed(c);
    if (!provisioning_complete(c, id, BLOCK_L2))
        return false;
    l2pop_port_up(c, id, host, refresh);
    return true;
}

static bool device_down(struct ctx *c, const json_t *device, const char *host, bool *ret_exists)
{
    char *id = rpc_device_port(c, device), *bound;

    *ret_exists = false;
    if (!id || failed(c))
        return !failed(c);
    bound = db_get_text(c, "SELECT host FROM ports WHERE id = $1", T(id));
    if (failed(c) || !bound)
        return !failed(c);
    *ret_exists = true;
    if (host && strcmp(bound, host))
        return true;
    if (!port_status_set(c, id, "DOWN", ret_exists))
        return false;
    l2pop_port_down(c, id, host);
    return true;
}

/* An agent that has just started, under the name of either age. */
static bool wants_tunnels(const json_t *args)
{
    return json_get_bool(args, "refresh_tunnels", false) || json_get_bool(args, "agent_restarted", false);
}

static bool update_device_up(struct ctx *c, json_t *args, json_t **ret_result)
{
    return device_up(c, json_object_get(args, "device"), json_get_string(args, "host"), wants_tunnels(args));
}

static bool update_device_down(struct ctx *c, json_t *args, json_t **ret_result)
{
    bool exists;

    if (!device_down(c, json_object_get(args, "device"), json_get_string(args, "host"), &exists))
        return false;
    *ret_result = json_pack("{s:O, s:b}", "device", json_object_get(args, "device"), "exists", exists);
    return true;
}

static bool update_device_list(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *host = json_get_string(args, "host");
    json_t *up = json_array(), *failed_up = json_array(), *down = json_array(), *failed_down = json_array(), *device;
    size_t i;

    json_array_foreach(json_object_get(args, "devices_up"), i, device) {
        bool ok = device_up(c, device, host, wants_tunnels(args));

        json_array_append(ok ? up : failed_up, device);
        fault_clear(c);
    }
    json_array_foreach(json_object_get(args, "devices_down"), i, device) {
        bool exists, ok = device_down(c, device, host, &exists);

        json_array_append_new(ok ? down : failed_down, ok ? json_pack("{s:O, s:b}", "device", device, "exists", exists) : json_incref(device));
        fault_clear(c);
    }
    *ret_result = json_pack("{s:o, s:o, s:o, s:o}", "devices_up", up, "failed_devices_up", failed_up, "devices_down", down, "failed_devices_down", failed_down);
    return true;
}

/* --- others --------------------------------------------------------------------------------------------------- */

static bool get_network_details(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = rpc_networks(c, ctx_json(c, json_pack("{s:[O]}", "id", json_object_get(args, "network"))));

    if (list && json_array_size(list))
        *ret_result = json_incref(json_array_get(list, 0));
    return list != NULL;
}

static bool get_ports_by_vnic_type_and_host(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = rpc_ports(c, ctx_json(c, json_pack("{s:[O], s:[O]}", "binding:vnic_type", json_object_get(args, "vnic_type"),
                                                      "binding:host_id", json_object_get(args, "host"))));

    *ret_result = json_incref(list);
    return list != NULL;
}

const struct rpc_method l2_methods[] = {
    { L2_GET_DEVICE_DETAILS, get_device_details },
    { L2_GET_DEVICES_DETAILS_LIST, get_devices_details_list },
    { L2_GET_DEVICES_DETAILS_LIST_AND_FAILED_DEVICES, get_devices_details_list_and_failed_devices },
    { L2_UPDATE_DEVICE_UP, update_device_up },
    { L2_UPDATE_DEVICE_DOWN, update_device_down },
    { L2_UPDATE_DEVICE_LIST, update_device_list },
    { L2_GET_NETWORK_DETAILS, get_network_details },
    { L2_GET_PORTS_BY_VNIC_TYPE_AND_HOST, get_ports_by_vnic_type_and_host },
    {}
};
