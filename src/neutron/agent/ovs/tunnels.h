/* The other hosts: which tunnels lead to them, and what the plugin says is behind each (l2 population). */
#ifndef NEUTRON_AGENT_OVS_TUNNELS_H
#define NEUTRON_AGENT_OVS_TUNNELS_H

#include "neutron/agent/ovs/pipeline.h"
#include "oslo/messaging/messaging.h"

extern const struct rpc_server tunnel_update_server, tunnel_delete_server, l2population_server;

/* Makes this host known as an end of tunnels, and learns the others: when due. Of the L2 agent's worker, as all below. */
bool tunnels_sync(struct ctx *, const char *local_ip);
/* Is all known that a process learns at its start? Until then nothing that is in the switch is taken for stale. */
bool tunnels_settled(bool population);
void tunnels_unsettle(void);

struct tunnel_network { const char *network_id; int tag; int64_t vni; };
/* Addresses of the hosts that these networks' traffic may go to, NULL-terminated. */
char **tunnels_remotes(struct ctx *, bool population, const struct tunnel_network *, size_t n);
/* The networks as the tunnel bridge needs them; ofport_of() knows the tunnel of an address, 0 where it has none. */
const struct pipe_tunneled *tunnels_fill(struct ctx *, bool population, const struct tunnel_network *, size_t n, int (*ofport_of)(const char *ip, void *data),
                                         void *data);
void tunnels_forget(const char *network_id);         /* no port of it is here any more */
/* "vxlan-ac1f0102" */
char *tunnel_name(struct ctx *, const char *remote_ip);

#endif
