/* What the files of the Open vSwitch data path share: its state, of the L2 agent's worker once started. */
#ifndef NEUTRON_AGENT_OVS_PARTS_H
#define NEUTRON_AGENT_OVS_PARTS_H

#include "neutron/agent/agent.h"
#include "neutron/agent/ovs/pipeline.h"

#define PATCH_TO_TUNNELS "patch-tun"
#define PATCH_TO_INTEGRATION "patch-int"

enum { VLANS = 4095 };

struct local_network {
    char *id, *type, *physical_network;
    int64_t segmentation_id;
    int tag;
    bool used;                       /* by a port of this round */
};

struct wired { struct local_network *network; bool up; };

struct provider { char *physical_network, *inner, *outer; struct flow_bridge bridge; };

extern struct ovs_state {
    const char *datapath_type, *rundir;
    struct flow_bridge integration, tunnel;
    GPtrArray *providers;
    GHashTable *networks;            /* id -> struct local_network */
    GHashTable *wired;               /* port id -> struct wired */
    bool tags[VLANS + 1];
    struct conjunctions conjunctions;
    int64_t next_look;               /* for whether the switch has lost its flows */
} ovs;

const char *integration_bridge(void);
bool tunnels_wanted(void);

/* local.c: a local VLAN a network, as long as a port of it is here. */
struct local_network *local_network_of(struct ctx *, const struct segment *);        /* NULL with a fault */
void local_networks_recover(struct ctx *);           /* what an earlier process noted */
void local_networks_release(void);                   /* those no longer used */
void local_network_free(void *);

/* round.c: struct datapath.wire and .filter. */
bool ovs_wire(struct ctx *, const struct wiring *, size_t n);
bool ovs_filter(struct ctx *, const struct firewall *, bool try);

#endif
