/* The data path of Open vSwitch: all ports on the integration bridge, a local VLAN a network, patches to the provider bridges and to
 * the tunnel bridge, security groups as flows. Its start and end, namespaces, and what it reports; what a round does is in round.c.
 */
#include <string.h>

#include "neutron/agent/host/host.h"
#include "neutron/agent/ovs/ovsdb.h"
#include "neutron/agent/ovs/parts.h"
#include "neutron/agent/ovs/switch.h"
#include "neutron/agent/ovs/tunnels.h"
#include "neutron/rpc/topics.h"

struct ovs_state ovs;

const char *integration_bridge(void)
{
    return agent_options()->integration_bridge;
}

bool tunnels_wanted(void)
{
    return agent_options()->local_ip && *agent_options()->local_ip;
}

/* ---- start and stop ------------------------------------------------------------------------------------------ */

/* "int-br-ex"; a name that is too long is cut and told apart by a digest, as the original does. */
static char *patch_name(const char *prefix, const char *bridge)
{
    enum { NAME_MAX_LEN = 15, DIGEST = 6 };
    g_autofree char *digest = NULL;

    if (strlen(prefix) + strlen(bridge) <= NAME_MAX_LEN)
        return g_strconcat(prefix, bridge, NULL);
    digest = g_compute_checksum_for_string(G_CHECKSUM_SHA1, bridge, -1);
    return g_strdup_printf("%s%.*s%.*s", prefix, (int)(NAME_MAX_LEN - DIGEST - strlen(prefix)), bridge, DIGEST, digest);
}

static bool patch_make(struct ctx *c, const char *from, const char *name, const char *peer)
{
    return switch_port_make(c, &(struct switch_plan){ .bridge = from, .name = name, .type = "patch", .options = (const char *const[]){ "peer", peer, NULL } });
}

static bool bridge_there(struct ctx *c, const char *name)
{
    if (!switch_bridge_there(name) && (!ledger_note(c, MADE_SWITCH, name) || !switch_bridge_make(c, name, ovs.datapath_type)))
        return false;
    return link_up(name) || PRIV(c, "ip", "link", "set", name, "up");
}

static void provider_free(void *data)
{
    struct provider *p = data;

    g_free(p->physical_network);
    g_free(p->inner);
    g_free(p->outer);
    flow_bridge_clear(&p->bridge);
    g_free(p);
}

static bool providers_make(struct ctx *c)
{
    json_t *mappings = ctx_json(c, bridge_mappings(c)), *bridge;
    const char *physical_network;

    json_object_foreach(mappings, physical_network, bridge) {
        struct provider *p = g_new0(struct provider, 1);

        g_ptr_array_add(ovs.providers, p);
        p->physical_network = g_strdup(physical_network);
        p->bridge.name = g_strdup(json_string_value(bridge));
        p->inner = patch_name("int-", p->bridge.name);
        p->outer = patch_name("phy-", p->bridge.name);
        if (!bridge_there(c, p->bridge.name) || !patch_make(c, integration_bridge(), p->inner, p->outer) ||
            !patch_make(c, p->bridge.name, p->outer, p->inner))
            return false;
    }
    return true;
}

static bool bridges_make(struct ctx *c)
{
    const struct agent_options *o = agent_options();

    ovs.integration.name = g_strdup(o->integration_bridge);
    if (!bridge_there(c, o->integration_bridge) || !providers_make(c))
        return false;
    if (!tunnels_wanted())
        return true;
    ovs.tunnel.name = g_strdup(o->tunnel_bridge);
    return bridge_there(c, o->tunnel_bridge) && patch_make(c, o->integration_bridge, PATCH_TO_TUNNELS, PATCH_TO_INTEGRATION) &&
           patch_make(c, o->tunnel_bridge, PATCH_TO_INTEGRATION, PATCH_TO_TUNNELS);
}

/* Where the bridges' management sockets are: beside the database's. */
static char *rundir_of(struct ctx *c, const char *connection)
{
    const char *path = g_str_has_prefix(connection, "unix:") ? connection + strlen("unix:") : "/run/openvswitch/db.sock", *slash = strrchr(path, '/');

    return ctx_strndup(c, path, slash ? (size_t)(slash - path) : 0);
}

static bool ovs_start(struct ctx *c, void (*changed)(void))
{
    const struct agent_options *o = agent_options();

    if (!privsep_available())
        return fail(c, 500, "DataPathUnavailable", "The Open vSwitch data path needs root; start the program as root, or with --sim.");
    if (!ovsdb_start(c, o->ovsdb_connection, changed))
        return false;
    if (!ledger_note(c, MADE_OVSDB, g_strdelimit(ctx_strdup(c, o->ovsdb_connection), "/", '|')))
        return false;
    ovs.rundir = g_intern_string(rundir_of(c, o->ovsdb_connection));
    ovs.datapath_type = strcmp(o->datapath_type, "auto") != 0 ? o->datapath_type :
                        kernel_has_datapath() ? "system" : "netdev";
    ovs.providers = g_ptr_array_new_with_free_func(provider_free);
    ovs.networks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, local_network_free);
    ovs.wired = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    local_networks_recover(c);
    return bridges_make(c);
}

static void ovs_stop(void)
{
    ovsdb_stop();
    namespaces_forget();
    tunnels_unsettle();
    g_clear_pointer(&ovs.wired, g_hash_table_unref);
    g_clear_pointer(&ovs.networks, g_hash_table_unref);
    g_clear_pointer(&ovs.providers, g_ptr_array_unref);
    conjunctions_clear(&ovs.conjunctions);
    flow_bridge_clear(&ovs.integration);
    flow_bridge_clear(&ovs.tunnel);
    ovs = (struct ovs_state){};
}

/* ---- rounds -------------------------------------------------------------------------------------------------- */

/* Port ids of the interfaces that are on the integration bridge and have their number there. */
static char **ovs_devices(struct ctx *c)
{
    size_t n, k = 0;
    const struct switch_port *list = switch_ports(c, &n);
    char **ids = ctx_new_n(c, char *, n + 1);

    for (size_t i = 0; i < n; i++)
        if (list[i].iface_id && list[i].ofport > 0 && strcmp(list[i].bridge, integration_bridge()) == 0)
            ids[k++] = (char *)(uintptr_t)list[i].iface_id;
    return ids;
}

static bool ovs_tunnels(struct ctx *c)
{
    return !tunnels_wanted() || tunnels_sync(c, agent_options()->local_ip);
}

/* ---- namespaces ---------------------------------------------------------------------------------------------- */

/* The device waits in the dead VLAN until the L2 agent has wired it. Without a kernel's help the other end must finish its checksums. */
static bool joined(struct ctx *c, const char *netns, const struct plug *p, const char *device)
{
    return switch_port_make(c, &(struct switch_plan){ .bridge = p->bridge, .name = device, .tag = DEAD_VLAN, .external_ids = (const char *const[]){
               "iface-id", p->port_id, "iface-status", "active", "attached-mac", p->mac, NULL } }) &&
           (strcmp(ovs.datapath_type, "netdev") != 0 || PRIV_IN(c, netns, "ethtool", "-K", p->inner, "tx", "off"));
}

static const struct plugging plugging = { .joined = joined, .part = switch_port_remove };

static bool ovs_namespace_apply(struct ctx *c, const struct namespace_plan *plan)
{
    return namespace_fit(c, plan, &plugging);
}

static bool ovs_namespace_remove(struct ctx *c, const char *name)
{
    return namespace_end(c, name, &plugging);
}

/* ---- leaving ------------------------------------------------------------------------------------------------- */

static void nothing(void)
{
}

static bool ovs_leave(struct ctx *c)
{
    char **connection = ledger_list(c, MADE_OVSDB);
    bool ok = true;

    if (!*connection)
        return true;
    if (!ovsdb_start(c, g_strdelimit(ctx_strdup(c, *connection), "|", '/'), nothing))
        return false;
    for (char **name = ledger_list(c, MADE_NAMESPACE); *name; name++)
        ok = ovs_namespace_remove(c, *name) && ok;
    for (char **name = ledger_list(c, MADE_SWITCH); *name; name++)
        if ((ok = host_gateway_clear(c, *name) && switch_bridge_remove(c, *name) && ok))
            ledger_strike(c, MADE_SWITCH, *name);
    ovsdb_stop();
    if (ok)
        ledger_strike(c, MADE_OVSDB, *connection);
    return ok;
}

/* ---- what the plugin hears ----------------------------------------------------------------------------------- */

static json_t *texts(char **list)
{
    json_t *array = json_array();

    for (; *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *configurations(struct ctx *c)
{
    const struct agent_options *o = agent_options();
    json_t *all = json_pack("{s:o, s:s, s:o, s:s, s:b, s:b, s:b, s:b, s:[], s:s, s:{s:o, s:o}, s:s, s:b, s:b, s:i, s:b}", "bridge_mappings", bridge_mappings(c),
                            "integration_bridge", o->integration_bridge, "tunnel_types", tunnels_wanted() ? json_pack("[s]", "vxlan") : json_array(),
                            "tunneling_ip", o->local_ip ?: "", "l2_population", o->l2_population, "arp_responder_enabled", o->arp_responder,
                            "enable_distributed_routing", 0, "log_agent_heartbeats", 0, "extensions", "datapath_type", ovs.datapath_type, "ovs_capabilities",
                            "datapath_types", texts(switch_capabilities(c, "datapath_types")), "iface_types", texts(switch_capabilities(c, "iface_types")),
                            "vhostuser_socket_dir", "/var/run/openvswitch", "ovs_hybrid_plug", 0, "baremetal_smartnic", 0, "devices", agent_counts.devices,
                            "in_distributed_mode", 0);

    for (const char *const *name = (const char *const[]){ "resource_provider_bandwidths", "resource_provider_inventory_defaults",
             "resource_provider_packet_processing_without_direction", "resource_provider_packet_processing_with_direction",
             "resource_provider_packet_processing_inventory_defaults", "resource_provider_hypervisors", NULL }; *name; name++)
        json_object_set_new(all, *name, json_object());
    return all;
}

const struct l2_identity agent_openvswitch = {
    .binary = "neutron-openvswitch-agent", .agent_type = AGENT_TYPE_OPENVSWITCH, .agent_id = "ovs-agent-", .interface_driver = "openvswitch",
    .by_port_id = true, .configurations = configurations,
};

const struct datapath datapath_openvswitch = {
    .name = "openvswitch", .agent = &agent_openvswitch, .integration_bridge = integration_bridge, .start = ovs_start, .stop = ovs_stop,
    .devices = ovs_devices, .wire = ovs_wire, .tunnels = ovs_tunnels, .filter = ovs_filter, .namespace_apply = ovs_namespace_apply,
    .namespace_remove = ovs_namespace_remove, .namespaces = namespaces_ours, .host_gateway = host_gateway_set, .opens_sockets = true,
    .leave = ovs_leave,
};
