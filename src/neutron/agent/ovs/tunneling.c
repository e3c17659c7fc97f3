/* The tunnel bridge: what leaves the host is sent to the tunnel that its receiver is known to be behind, else to all of its network's;
 * ARP requests are answered here where the answer is known.
 */
#include "neutron/agent/ovs/pipeline.h"

#include <inttypes.h>

enum { PRESENT = 0x1000 };

static void common(struct flows *f, const struct pipe_tunnels *t)
{
    flow(f, "table=0,priority=1,in_port=%d actions=resubmit(,%d)", t->patch, PATCH_TO_TUNNEL);
    flow(f, "table=0,priority=0 actions=drop");
    flow(f, "table=%d,priority=0,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,%d)", PATCH_TO_TUNNEL, UNICAST_TO_TUNNEL);
    flow(f, "table=%d,priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,%d)", PATCH_TO_TUNNEL, FLOOD_TO_TUNNEL);
    flow(f, "table=%d,priority=0 actions=drop", VXLAN_TO_LOCAL);
    flow(f, "table=%d,priority=1 actions=learn(table=%d,cookie=" FLOW_COOKIE ",priority=1,hard_timeout=300,NXM_OF_VLAN_TCI[0..11],"
            "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:OXM_OF_IN_PORT[]),output:%d",
         LEARN, UNICAST_TO_TUNNEL, t->patch);
    flow(f, "table=%d,priority=0 actions=resubmit(,%d)", UNICAST_TO_TUNNEL, FLOOD_TO_TUNNEL);
    flow(f, "table=%d,priority=0 actions=drop", FLOOD_TO_TUNNEL);
    if (!t->arp_responder)
        return;
    flow(f, "table=%d,priority=1,arp,dl_dst=ff:ff:ff:ff:ff:ff actions=resubmit(,%d)", PATCH_TO_TUNNEL, ARP_RESPONDER);
    flow(f, "table=%d,priority=0 actions=resubmit(,%d)", ARP_RESPONDER, FLOOD_TO_TUNNEL);
}

static void flood(struct flows *f, const struct pipe_tunneled *n)
{
    struct buf outputs = {};

    for (size_t i = 0; i < n->n_flood; i++)
        buf_printf(&outputs, ",output:%d", n->flood[i]);
    if (outputs.len > 0)
        flow(f, "table=%d,priority=1,dl_vlan=%d actions=pop_vlan,set_field:0x%" PRIx64 "->tun_id%s", FLOOD_TO_TUNNEL, n->tag, (uint64_t)n->vni, outputs.data);
    buf_clear(&outputs);
}

static void remote(struct flows *f, const struct pipe_tunneled *n, const struct pipe_remote *r, bool arp_responder)
{
    flow(f, "table=%d,priority=2,dl_vlan=%d,dl_dst=%s actions=pop_vlan,set_field:0x%" PRIx64 "->tun_id,output:%d", UNICAST_TO_TUNNEL, n->tag, r->mac,
         (uint64_t)n->vni, r->ofport);
    if (arp_responder && r->ip && address_is(r->ip, 4))
        flow(f, "table=%d,priority=1,arp,dl_vlan=%d,arp_tpa=%s,arp_op=1 actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:%s->eth_src,"
                "set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:%s->arp_sha,"
                "set_field:%s->arp_spa,IN_PORT", ARP_RESPONDER, n->tag, r->ip, r->mac, r->mac, r->ip);
}

void tunnel_flows(struct flows *f, const struct pipe_tunnels *t)
{
    common(f, t);
    for (size_t i = 0; i < t->n_tunnels; i++)
        flow(f, "table=0,priority=1,in_port=%d actions=resubmit(,%d)", t->tunnels[i], VXLAN_TO_LOCAL);
    for (size_t i = 0; i < t->n_networks; i++) {
        const struct pipe_tunneled *n = &t->networks[i];

        flow(f, "table=%d,priority=1,tun_id=0x%" PRIx64 " actions=push_vlan:0x8100,set_field:%d->vlan_vid,resubmit(,%d)", VXLAN_TO_LOCAL, (uint64_t)n->vni,
             n->tag | PRESENT, LEARN);
        flood(f, n);
        for (size_t k = 0; k < n->n_remotes; k++)
            remote(f, n, &n->remotes[k], t->arp_responder);
    }
}
