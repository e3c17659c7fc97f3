/* What a host's networks and ports become as flows: pure functions from facts to the tables of the integration bridge (switching,
 * security groups), of the tunnel bridge and of provider bridges.
 */
#ifndef NEUTRON_AGENT_OVS_PIPELINE_H
#define NEUTRON_AGENT_OVS_PIPELINE_H

#include "neutron/agent/firewall.h"
#include "neutron/agent/ovs/flows.h"

struct pipe_port {
    int ofport, tag;
    bool wired;                      /* known to the plugin, and up; else nothing of it passes */
    const struct firewall_port *guard;
};

struct pipe_network {
    int tag;
    int64_t segmentation_id;         /* -1: none (flat) */
    int inner, outer;                /* the patch to its provider bridge, seen from either end; 0: has none */
    const char *provider;            /* that bridge, or NULL */
};

struct pipe_remote { const char *mac, *ip; int ofport; };        /* a port on another host, behind that tunnel; ip NULL: not said */
struct pipe_tunneled {
    int tag;
    int64_t vni;
    const int *flood; size_t n_flood;                            /* the tunnels that all its hosts are behind */
    const struct pipe_remote *remotes; size_t n_remotes;
};

/* Numbers of conjunctions, given once to each pair of the other side's group and a direction, and kept. */
struct conjunctions {
    GHashTable *bases; unsigned last;
    GHashTable *written;             /* of this time: networks and numbers whose members are written */
};
void conjunctions_clear(struct conjunctions *);

struct pipe_integration {
    const struct pipe_port *ports; size_t n_ports;
    const struct pipe_network *networks; size_t n_networks;
    const int *patches; size_t n_patches;                        /* all patches to provider bridges, used or not */
    const struct firewall_group *groups; size_t n_groups;
};
void integration_flows(struct flows *, const struct pipe_integration *, struct conjunctions *);
void provider_flows(struct flows *, const char *bridge, int outer, const struct pipe_network *, size_t n);

struct pipe_tunnels {
    int patch;                       /* to the integration bridge */
    const int *tunnels; size_t n_tunnels;
    const struct pipe_tunneled *networks; size_t n_networks;
    bool arp_responder;
};
void tunnel_flows(struct flows *, const struct pipe_tunnels *);

/* guard.c, for integration.c: what is the same for all ports; one port; and the members of the groups that rules on a network name. */
void guard_common(struct flows *);
void guard_port(struct flows *, const struct pipe_port *, const struct firewall_group *, size_t n_groups, struct conjunctions *);

bool address_is(const char *text, int family);       /* an address, or a CIDR, of that family? What is none is in no flow. */

#endif
