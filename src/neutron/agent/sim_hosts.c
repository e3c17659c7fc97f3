/* The L2 agents of the hosts that a simulating process pretends to be beside its own: what is bound to one of them counts as plugged,
 * and is told to be up in that host's name. agent.c reports their state.
 */
#include "neutron/agent/agent.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/metadata.h"

static bool round_of_hosts(struct ctx *);
static bool wire_host(struct ctx *, const char *host, json_t *devices);

const struct worker sim_hosts_worker = { .name = "sim-hosts", .role = "network", .run = round_of_hosts, .every_us = 2000000 };

bool sim_host_is(const char *host)
{
    return text_in(host, host_names() + 1);
}

/* One question for all of them; then each host has its own say. */
static bool round_of_hosts(struct ctx *c)
{
    json_t *hosts = json_array(), *of_host = ctx_json(c, json_object()), *port, *devices;
    const json_t *ports;
    const char *name;
    bool ok = true;
    size_t i;

    for (const char *const *host = host_names() + 1; *host; host++)
        json_array_append_new(hosts, json_string(*host));
    if (!json_array_size(hosts)) {
        json_decref(hosts);
        return true;
    }
    ports = plugin_call(c, TOPIC_PLUGIN, METADATA_VERSION, METADATA_GET_PORTS,
                        json_pack("{s:{s:o, s:[s,s], s:[b]}}", "filters", "binding:host_id", hosts, "status", "DOWN", "BUILD", "admin_state_up", 1));
    if (!ports)
        return false;
    json_array_foreach(ports, i, port) {
        const char *host = json_get_string(port, "binding:host_id");

        if (!json_object_get(of_host, host))
            json_object_set_new(of_host, host, json_array());
        json_array_append(json_object_get(of_host, host), json_object_get(port, "id"));
    }
    json_object_foreach(of_host, name, devices)
        ok = wire_host(c, name, devices) && ok;
    return ok;
}

/* Only what is bound there is up. */
static bool wire_host(struct ctx *c, const char *host, json_t *devices)
{
    const char *agent = ctx_printf(c, "%s%s", datapath()->agent->agent_id, host);
    const json_t *list = plugin_call(c, TOPIC_PLUGIN, L2_PLUGIN_VERSION, L2_GET_DEVICES_DETAILS_LIST,
                                     json_pack("{s:O, s:s, s:s}", "devices", devices, "agent_id", agent, "host", host));
    json_t *up = json_array(), *details;
    size_t i;

    json_array_foreach(list, i, details)
        if (json_get_string(details, "port_id") && json_get_bool(details, "admin_state_up", true))
            json_array_append(up, json_object_get(details, "port_id"));
    return plugin_call(c, TOPIC_PLUGIN, L2_PLUGIN_VERSION, L2_UPDATE_DEVICE_LIST,
                       json_pack("{s:o, s:[], s:s, s:s, s:b}", "devices_up", up, "devices_down", "agent_id", agent, "host", host,
                                 "refresh_tunnels", 0)) != NULL;
}
