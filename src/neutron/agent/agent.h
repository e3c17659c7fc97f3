/* Neutron's agents: L2 (bridges, security groups), DHCP, L3 (routers) and the metadata proxy.
 *
 * They know the plugin only by RPC (neutron/rpc/) and the host only by the data path (datapath.h). Each is a worker that makes
 * what is there equal to what should be, a change at a time; an RPC handler only notes what changed and wakes it. What nobody
 * announced is found by the next full comparison: at the start, and every few minutes.
 */
#ifndef NEUTRON_AGENT_AGENT_H
#define NEUTRON_AGENT_AGENT_H

#include <stdatomic.h>

#include "neutron/agent/datapath.h"
#include "oslo/service/service.h"

/* For the service's table. */
extern const struct rpc_server l2_port_update_server, l2_port_delete_server, l2_network_update_server, l2_network_delete_server,
    l2_security_group_server, dhcp_agent_server, l3_agent_server;
extern const struct worker agent_report_worker, l2_agent_worker, dhcp_agent_worker, l3_agent_worker, sim_hosts_worker;
bool agents_start(struct ctx *);     /* struct service.start: the data path, and a first report, so that ports can be bound */
void agents_stop(void);
bool agents_leave(struct ctx *);     /* struct service.leave: nothing of ours stays on the host */

/* ---- what the agents share ---------------------------------------------------------------------------------- */

enum { DEVICE_ID = 11, RESYNC_US = 300000000 };      /* characters of an id in a device's name; from one full comparison to the next */

struct agent_options {               /* as struct neutron_options has them */
    const char *bridge_mappings, *dns_domain;
    const char *dns_servers;         /* never NULL once configured: the host's where the operator names none */
    int64_t dhcp_lease_duration;
    bool external_gateway_on_host, external_masquerade;
    const char *datapath;            /* the name of one of datapaths[] */
    /* Of Open vSwitch: */
    const char *ovsdb_connection, *integration_bridge, *tunnel_bridge, *local_ip, *datapath_type;
    bool l2_population, arp_responder;
};
void agents_configure(const struct agent_options *);         /* before agents_start() */
const struct agent_options *agent_options(void);
int metadata_api_port(void);                                 /* of Nova's metadata API on this host */
const char *agent_host(void);

/* A call to the plugin, as the administrator that an agent is. args is consumed. NULL with a fault. */
json_t *plugin_call(struct ctx *, const char *topic, const char *version, const char *method, json_t *args);

/* "tap" and the first characters of the port's id: the device on the bridge. */
char *port_device(struct ctx *, const char *prefix, const char *port_id);
/* The bridge that ports of a network are on: brq..., the mapped one, or the integration bridge. Asks the plugin once a network.
 * NULL with a fault. */
const char *network_bridge(struct ctx *, const char *network_id);
/* The mapped bridge of a flat network; NULL where it has none. False with a fault. */
bool network_mapped_bridge(struct ctx *, const char *network_id, const char **ret_bridge);
json_t *bridge_mappings(struct ctx *);                       /* option bridge_mappings as an object; a new reference */

/* A set of ids that handlers add to and a worker takes whole. The round that takes them goes on under the request that was
 * noted first, so that its trace leads here. */
struct id_set { GHashTable *ids; char *request_id, *global_request_id; uint64_t span; };
void ids_note(struct ctx *, struct id_set *, const char *id);        /* any thread; NULL is no id */
char **ids_take(struct ctx *, struct id_set *);                      /* NULL-terminated, empty afterwards */

/* When a worker compares all there is: at its start, every few minutes, and once something may have been missed. */
struct resync { int64_t at; atomic_bool missed; };
bool resync_due(struct resync *, bool *ret_missed);      /* and if so, not again for a while; ret_missed may be NULL */
void resync_missed(struct resync *);                     /* a round failed, or messages were lost. Any thread */

/* How many there are, for the reports. */
struct agent_counts { atomic_int networks, subnets, dhcp_ports, routers, ex_gw_ports, interfaces, floating_ips, devices; };
extern struct agent_counts agent_counts;     /* written by each agent's worker, read by the report: stale by a round */

/* dhcp/agent.c and l3.c tell the metadata proxy where guests reach it. */
bool metadata_serve(struct ctx *, const char *netns, const char *const *network_ids);        /* idempotent */
void metadata_withdraw(const char *netns);
void metadata_stop(void);
void dhcp_agent_stop(void);

bool sim_host_is(const char *host);  /* one that this process pretends to be beside its own */

#endif
