/* Switching: the integration bridge's common tables, and the translation between local VLANs and those of provider bridges. */
#include "neutron/agent/ovs/pipeline.h"

#include <inttypes.h>

enum { PRESENT = 0x1000 };           /* of a VLAN's number in set_field */

static void common(struct flows *f)
{
    flow(f, "table=%d,priority=65535,dl_vlan=4095 actions=drop", LOCAL_SWITCHING);
    flow(f, "table=%d,priority=0 actions=goto_table:%d", LOCAL_SWITCHING, RATE_LIMIT);
    flow(f, "table=%d,priority=0 actions=drop", CANARY);
    flow(f, "table=%d,priority=0 actions=drop", ARP_SPOOF);
    flow(f, "table=%d,priority=0 actions=goto_table:%d", LOCAL_EGRESS, RATE_LIMIT);
    flow(f, "table=%d,priority=0 actions=goto_table:%d", LOCAL_IP, RATE_LIMIT);
    flow(f, "table=%d,priority=0 actions=goto_table:%d", RATE_LIMIT, TRANSIENT);
    flow(f, "table=%d,priority=3 actions=NORMAL", TRANSIENT);
    flow(f, "table=%d,priority=3 actions=NORMAL", TRANSIENT_EGRESS);
}

/* What comes from the provider's bridge in the network's VLAN, or untagged, is the network's. */
static void inward(struct flows *f, const struct pipe_network *n)
{
    if (n->segmentation_id >= 0)
        flow(f, "table=%d,priority=3,in_port=%d,dl_vlan=%" PRId64 " actions=set_field:%d->vlan_vid,goto_table:%d", LOCAL_SWITCHING, n->inner,
             n->segmentation_id, n->tag | PRESENT, RATE_LIMIT);
    else
        flow(f, "table=%d,priority=3,in_port=%d,vlan_tci=0x0000/0x1fff actions=push_vlan:0x8100,set_field:%d->vlan_vid,goto_table:%d", LOCAL_SWITCHING,
             n->inner, n->tag | PRESENT, RATE_LIMIT);
}

void integration_flows(struct flows *f, const struct pipe_integration *in, struct conjunctions *conjunctions)
{
    g_clear_pointer(&conjunctions->written, g_hash_table_unref);
    conjunctions->written = g_hash_table_new(NULL, NULL);
    common(f);
    guard_common(f);
    for (size_t i = 0; i < in->n_patches; i++)
        flow(f, "table=%d,priority=2,in_port=%d actions=drop", LOCAL_SWITCHING, in->patches[i]);
    for (size_t i = 0; i < in->n_networks; i++)
        if (in->networks[i].inner > 0)
            inward(f, &in->networks[i]);
    for (size_t i = 0; i < in->n_ports; i++) {
        if (in->ports[i].wired)
            guard_port(f, &in->ports[i], in->groups, in->n_groups, conjunctions);
        else
            flow(f, "table=%d,priority=2,in_port=%d actions=drop", LOCAL_SWITCHING, in->ports[i].ofport);
    }
}

void provider_flows(struct flows *f, const char *bridge, int outer, const struct pipe_network *networks, size_t n)
{
    flow(f, "table=0,priority=0 actions=NORMAL");
    flow(f, "table=0,priority=2,in_port=%d actions=drop", outer);
    for (size_t i = 0; i < n; i++) {
        const struct pipe_network *net = &networks[i];

        if (!net->provider || g_strcmp0(net->provider, bridge) != 0)
            continue;
        if (net->segmentation_id >= 0)
            flow(f, "table=0,priority=4,in_port=%d,dl_vlan=%d actions=set_field:%" PRId64 "->vlan_vid,NORMAL", outer, net->tag, net->segmentation_id | PRESENT);
        else
            flow(f, "table=0,priority=4,in_port=%d,dl_vlan=%d actions=pop_vlan,NORMAL", outer, net->tag);
    }
}
