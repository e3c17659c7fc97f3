/* A round: wire() notes where ports belong; filter(), which knows all of it, writes down the flows of every bridge, sends what differs,
 * and only then puts ports into their VLANs: none is reachable before it is guarded.
 */
#include <inttypes.h>
#include <string.h>

#include "neutron/agent/ovs/parts.h"
#include "neutron/agent/ovs/switch.h"
#include "neutron/agent/ovs/tunnels.h"
#include "oslo/base/log.h"

enum { LOOK_US = 10000000 };

bool ovs_wire(struct ctx *c, const struct wiring *wirings, size_t n)
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
        if (!(port->network = local_network_of(c, &w->segment))) {
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
bool ovs_filter(struct ctx *c, const struct firewall *wanted, bool try)
{
    struct round r = {};

    if (try)
        return true;
    if (!look_for_loss(c))
        return false;
    collect(c, &r, wanted);
    if (!push_tunnels(c, &r) || !push_providers(c, &r) || !push_integration(c, &r, wanted) || !switch_wire(c, r.wirings, r.n_wirings))
        return false;
    local_networks_release();
    return true;
}
