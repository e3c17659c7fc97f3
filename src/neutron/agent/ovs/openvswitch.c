/* The data path of Open vSwitch: all ports on the integration bridge, a local VLAN a network, patches to the provider bridges and to
 * the tunnel bridge, security groups as flows.
 *
 * wire() only notes where ports belong; filter(), which knows all of a round, writes down the flows of every bridge, sends what
 * differs, and only then puts ports into their VLANs: none is reachable before it is guarded. Local VLANs are noted in the database
 * beside the ports, where the next process finds them.
 */
#include <inttypes.h>
#include <string.h>

#include "neutron/agent/agent.h"
#include "neutron/agent/host/host.h"
#include "neutron/agent/ovs/ovsdb.h"
#include "neutron/agent/ovs/switch.h"
#include "neutron/agent/ovs/tunnels.h"
#include "neutron/rpc/topics.h"
#include "oslo/base/log.h"

#define PATCH_TO_TUNNELS "patch-tun"
#define PATCH_TO_INTEGRATION "patch-int"

enum { VLANS = 4095, LOOK_US = 10000000 };

struct local_network {
    char *id, *type, *physical_network;
    int64_t segmentation_id;
    int tag;
    bool used;                       /* by a port of this round */
};

struct provider { char *physical_network, *inner, *outer; struct flow_bridge bridge; };

/* All of the L2 agent's worker, once started. */
static struct ovs_state {
    const char *datapath_type, *rundir;
    struct flow_bridge integration, tunnel;
    GPtrArray *providers;
    GHashTable *networks;            /* id -> struct local_network */
    GHashTable *wired;               /* port id -> struct wired */
    bool tags[VLANS + 1];
    struct conjunctions conjunctions;
    int64_t next_look;               /* for whether the switch has lost its flows */
} ovs;

struct wired { struct local_network *network; bool up; };

static const char *integration_bridge(void)
{
    return agent_options()->integration_bridge;
}

static bool tunnels_wanted(void)
{
    return agent_options()->local_ip && *agent_options()->local_ip;
}

/* ---- local VLANs --------------------------------------------------------------------------------------------- */

static void network_free(void *data)
{
    struct local_network *n = data;

    ovs.tags[n->tag] = false;
    g_free(n->id);
    g_free(n->type);
    g_free(n->physical_network);
    g_free(n);
}

static struct local_network *network_new(const char *id, int tag)
{
    struct local_network *n = g_new0(struct local_network, 1);

    n->id = g_strdup(id);
    n->tag = tag;
    ovs.tags[tag] = true;
    g_hash_table_insert(ovs.networks, n->id, n);
    return n;
}

static int free_tag(void)
{
    for (int tag = 1; tag < VLANS; tag++)
        if (!ovs.tags[tag])
            return tag;
    return 0;
}

static struct local_network *network_of(struct ctx *c, const struct segment *s)
{
    struct local_network *n = g_hash_table_lookup(ovs.networks, s->network_id);
    int tag = n ? n->tag : free_tag();

    if (!tag) {
        fail(c, INTERNAL_ERROR, "No local VLAN is left for another network");
        return NULL;
    }
    n = n ?: network_new(s->network_id, tag);
    g_free(n->type);
    g_free(n->physical_network);
    n->type = g_strdup(s->network_type ?: "local");
    n->physical_network = g_strdup(s->physical_network);
    n->segmentation_id = s->segmentation_id;
    n->used = true;
    return n;
}

/* What an earlier process noted. */
static void networks_recover(struct ctx *c)
{
    size_t n;
    const struct switch_port *list = switch_ports(c, &n);

    for (size_t i = 0; i < n; i++)
        if (list[i].net_uuid && list[i].noted_tag > 0 && list[i].noted_tag < VLANS && strcmp(list[i].bridge, integration_bridge()) == 0 &&
            !g_hash_table_contains(ovs.networks, list[i].net_uuid) && !ovs.tags[list[i].noted_tag])
            network_new(list[i].net_uuid, list[i].noted_tag);
}

static void networks_release(void)
{
    GHashTableIter i;
    void *network;

    g_hash_table_iter_init(&i, ovs.networks);
    while (g_hash_table_iter_next(&i, NULL, &network)) {
        struct local_network *n = network;

        if (n->used)
            continue;
        tunnels_forget(n->id);
        buf_printf(&ovs.tunnel.more, "delete table=%d,vlan_tci=0x%04x/0x0fff\n", UNICAST_TO_TUNNEL, n->tag);
        g_hash_table_iter_remove(&i);
    }
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
    ovs.networks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, network_free);
    ovs.wired = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    networks_recover(c);
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

static bool ovs_wire(struct ctx *c, const struct wiring *wirings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct wiring *w = &wirings[i];
        struct wired *port;

        if (!w->bridge) {
            g_hash_table_remove(ovs.wired, w->device);
            continue;
        }
        port = g_new0(struct wired, 1);
        port->up = w->up;
        if (!(port->network = network_of(c, &w->segment))) {
            g_free(port);
            return false;
        }
        g_hash_table_insert(ovs.wired, g_strdup(w->device), port);
    }
    return true;
}

/* What a round works on. */
struct round {
    struct switch_port *ports; size_t n_ports;
    struct pipe_network *networks; size_t n_networks;
    struct tunnel_network *tunneled; size_t n_tunneled;
    struct pipe_port *pipes; size_t n_pipes;
    struct switch_wiring *wirings; size_t n_wirings;
};

static int ofport_named(const struct round *r, const char *name)
{
    const struct switch_port *p = switch_port_find(r->ports, r->n_ports, name);

    return p ? MAX(p->ofport, 0) : 0;
}

static const struct provider *provider_of(const char *physical_network)
{
    for (guint i = 0; physical_network && i < ovs.providers->len; i++)
        if (strcmp(((struct provider *)ovs.providers->pdata[i])->physical_network, physical_network) == 0)
            return ovs.providers->pdata[i];
    return NULL;
}

static void collect_networks(struct ctx *c, struct round *r)
{
    GHashTableIter i;
    void *network;

    r->networks = ctx_new_n(c, struct pipe_network, g_hash_table_size(ovs.networks) + 1);
    r->tunneled = ctx_new_n(c, struct tunnel_network, g_hash_table_size(ovs.networks) + 1);
    g_hash_table_iter_init(&i, ovs.networks);
    while (g_hash_table_iter_next(&i, NULL, &network)) {
        const struct local_network *n = network;
        const struct provider *p = provider_of(n->physical_network);
        bool vlan = text_equal(n->type, "vlan");

        if (!n->used)
            continue;
        if (p && (vlan || text_equal(n->type, "flat")))
            r->networks[r->n_networks++] = (struct pipe_network){ .tag = n->tag, .segmentation_id = vlan ? n->segmentation_id : -1,
                .inner = ofport_named(r, p->inner), .outer = ofport_named(r, p->outer), .provider = p->bridge.name };
        else if (text_equal(n->type, "vxlan") && n->segmentation_id >= 0)
            r->tunneled[r->n_tunneled++] = (struct tunnel_network){ n->id, n->tag, n->segmentation_id };
    }
}

static const struct firewall_port *guard_of(const struct firewall *wanted, const char *port_id)
{
    for (size_t i = 0; i < wanted->n_ports; i++)
        if (strcmp(wanted->ports[i].port_id, port_id) == 0)
            return &wanted->ports[i];
    return NULL;
}

static void collect_port(struct ctx *c, struct round *r, const struct switch_port *p, const struct firewall *wanted)
{
    const struct wired *w = g_hash_table_lookup(ovs.wired, p->iface_id);
    const struct firewall_port *guard = guard_of(wanted, p->iface_id);
    const struct local_network *n = w && w->up && guard ? w->network : NULL;
    struct switch_wiring wiring = { .port = p->name, .tag = n ? n->tag : DEAD_VLAN };

    if (p->ofport > 0)
        r->pipes[r->n_pipes++] = (struct pipe_port){ .ofport = p->ofport, .tag = wiring.tag, .wired = n != NULL, .guard = guard };
    if (n) {
        wiring.net_uuid = n->id;
        wiring.network_type = n->type;
        wiring.physical_network = n->physical_network;
        wiring.segmentation_id = n->segmentation_id >= 0 ? ctx_printf(c, "%" PRId64, n->segmentation_id) : NULL;
    }
    if (p->tag != wiring.tag || !text_equal(p->net_uuid, wiring.net_uuid) || (n && p->noted_tag != wiring.tag))
        r->wirings[r->n_wirings++] = wiring;
}

/* A network is in use as long as a port of it is. */
static void mark_used(struct round *r)
{
    GHashTableIter i;
    void *value, *id;

    g_hash_table_iter_init(&i, ovs.networks);
    while (g_hash_table_iter_next(&i, NULL, &value))
        ((struct local_network *)value)->used = false;
    g_hash_table_iter_init(&i, ovs.wired);
    while (g_hash_table_iter_next(&i, &id, &value)) {
        bool there = false;

        for (size_t k = 0; k < r->n_ports && !there; k++)
            there = text_equal(r->ports[k].iface_id, id);
        if (there)
            ((struct wired *)value)->network->used = true;
        else
            g_hash_table_iter_remove(&i);
    }
}

static void collect(struct ctx *c, struct round *r, const struct firewall *wanted)
{
    r->ports = switch_ports(c, &r->n_ports);
    mark_used(r);
    collect_networks(c, r);
    r->pipes = ctx_new_n(c, struct pipe_port, r->n_ports + 1);
    r->wirings = ctx_new_n(c, struct switch_wiring, r->n_ports + 1);
    for (size_t i = 0; i < r->n_ports; i++)
        if (r->ports[i].iface_id && strcmp(r->ports[i].bridge, integration_bridge()) == 0)
            collect_port(c, r, &r->ports[i], wanted);
}

/* ---- a round's flows ----------------------------------------------------------------------------------------- */

static bool push(struct ctx *c, struct flow_bridge *bridge, struct flows *f, bool whole)
{
    bool ok = flows_push(c, bridge, ovs.rundir, f, whole);

    flows_clear(f);
    return ok;
}

static bool push_integration(struct ctx *c, const struct round *r, const struct firewall *wanted)
{
    int *patches = ctx_new_n(c, int, ovs.providers->len + 1);
    struct pipe_integration in = { r->pipes, r->n_pipes, r->networks, r->n_networks, patches, 0, wanted->groups, wanted->n_groups };
    struct flows f;

    for (guint i = 0; i < ovs.providers->len; i++)
        if ((patches[in.n_patches] = ofport_named(r, ((struct provider *)ovs.providers->pdata[i])->inner)) > 0)
            in.n_patches++;
    flows_init(&f);
    integration_flows(&f, &in, &ovs.conjunctions);
    return push(c, &ovs.integration, &f, true);
}

static bool push_providers(struct ctx *c, const struct round *r)
{
    bool ok = true;

    for (guint i = 0; ok && i < ovs.providers->len; i++) {
        struct provider *p = ovs.providers->pdata[i];
        struct flows f;

        flows_init(&f);
        provider_flows(&f, p->bridge.name, ofport_named(r, p->outer), r->networks, r->n_networks);
        ok = push(c, &p->bridge, &f, true);
    }
    return ok;
}

static int tunnel_to(const char *ip, void *data)
{
    const struct round *r = data;
    struct ctx c;
    int ofport;

    ctx_init(&c, NULL, "");
    ofport = ofport_named(r, tunnel_name(&c, ip));
    ctx_clear(&c);
    return ofport;
}

static bool is_tunnel(const struct switch_port *p)
{
    return strcmp(p->type, "vxlan") == 0 && strcmp(p->bridge, agent_options()->tunnel_bridge) == 0;
}

/* Tunnels to those hosts, made before flows lead there, removed after. */
static bool tunnels_make(struct ctx *c, struct round *r, char **remotes)
{
    const char *own = agent_options()->local_ip;

    for (char **ip = remotes; *ip; ip++)
        if (!switch_port_make(c, &(struct switch_plan){ .bridge = agent_options()->tunnel_bridge, .name = tunnel_name(c, *ip), .type = "vxlan",
                .options = (const char *const[]){ "remote_ip", *ip, "local_ip", own, "in_key", "flow", "out_key", "flow", "df_default", "true",
                                                  "egress_pkt_mark", "0", NULL } }))
            return false;
    r->ports = switch_ports(c, &r->n_ports);
    return true;
}

static bool tunnels_prune(struct ctx *c, const struct round *r, char **remotes)
{
    for (size_t i = 0; i < r->n_ports; i++) {
        bool wanted = !is_tunnel(&r->ports[i]);

        for (char **ip = remotes; *ip && !wanted; ip++)
            wanted = strcmp(tunnel_name(c, *ip), r->ports[i].name) == 0;
        if (!wanted && !switch_port_remove(c, r->ports[i].name))
            return false;
    }
    return true;
}

/* What an earlier process put there stays until all is known again. */
static bool push_tunnels(struct ctx *c, struct round *r)
{
    bool population = agent_options()->l2_population, settled = tunnels_settled(population);
    char **remotes;
    struct pipe_tunnels t = { .arp_responder = agent_options()->arp_responder };
    int *ends;
    struct flows f;

    if (!tunnels_wanted())
        return true;
    remotes = tunnels_remotes(c, population, r->tunneled, r->n_tunneled);
    if (!tunnels_make(c, r, remotes))
        return false;
    ends = ctx_new_n(c, int, r->n_ports + 1);
    for (size_t i = 0; i < r->n_ports; i++)
        if (is_tunnel(&r->ports[i]) && r->ports[i].ofport > 0)
            ends[t.n_tunnels++] = r->ports[i].ofport;
    t.patch = ofport_named(r, PATCH_TO_INTEGRATION);
    t.tunnels = ends;
    t.networks = tunnels_fill(c, population, r->tunneled, r->n_tunneled, tunnel_to, r);
    t.n_networks = r->n_tunneled;
    flows_init(&f);
    tunnel_flows(&f, &t);
    return push(c, &ovs.tunnel, &f, settled) && (!settled || tunnels_prune(c, r, remotes));
}

/* A switch that was started anew has no flows: none of what is known to be there is. */
static bool look_for_loss(struct ctx *c)
{
    bool lost = false;

    if (!ovs.integration.loaded.actions || clock_mono_us() < ovs.next_look)
        return true;
    ovs.next_look = clock_mono_us() + LOOK_US;
    if (!flow_bridge_lost(c, &ovs.integration, ovs.rundir, CANARY, &lost))
        return false;
    if (!lost)
        return true;
    log_warning(c, "Open vSwitch was started anew: all flows are written again");
    flow_bridge_forget(&ovs.integration);
    flow_bridge_forget(&ovs.tunnel);
    for (guint i = 0; i < ovs.providers->len; i++)
        flow_bridge_forget(&((struct provider *)ovs.providers->pdata[i])->bridge);
    return true;
}

/* Addresses that are none are in no flow, so a port's rules always load. */
static bool ovs_filter(struct ctx *c, const struct firewall *wanted, bool try)
{
    struct round r = {};

    if (try)
        return true;
    if (!look_for_loss(c))
        return false;
    collect(c, &r, wanted);
    if (!push_tunnels(c, &r) || !push_providers(c, &r) || !push_integration(c, &r, wanted) || !switch_wire(c, r.wirings, r.n_wirings))
        return false;
    networks_release();
    return true;
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
