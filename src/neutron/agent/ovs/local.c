/* Local VLANs: which number a network has on this host. It is noted beside each port of it in the switch's database. */
#include <string.h>

#include "neutron/agent/ovs/parts.h"
#include "neutron/agent/ovs/switch.h"
#include "neutron/agent/ovs/tunnels.h"

void local_network_free(void *data)
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

struct local_network *local_network_of(struct ctx *c, const struct segment *s)
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

void local_networks_recover(struct ctx *c)
{
    size_t n;
    const struct switch_port *list = switch_ports(c, &n);

    for (size_t i = 0; i < n; i++)
        if (list[i].net_uuid && list[i].noted_tag > 0 && list[i].noted_tag < VLANS && strcmp(list[i].bridge, integration_bridge()) == 0 &&
            !g_hash_table_contains(ovs.networks, list[i].net_uuid) && !ovs.tags[list[i].noted_tag])
            network_new(list[i].net_uuid, list[i].noted_tag);
}

void local_networks_release(void)
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
