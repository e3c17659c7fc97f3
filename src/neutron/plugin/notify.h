/* What the server tells others after a commit: the agents (casts), Nova (external events), the bus (notifications). None of it
 * can fail the request; a message is only a nudge.
 */
#ifndef NEUTRON_PLUGIN_NOTIFY_H
#define NEUTRON_PLUGIN_NOTIFY_H

#include "neutron/neutron.h"

/* A change of a record: "network.create.end", the agents that care for it. */
bool notify_change(struct ctx *, const struct change *);
/* The L2 agents: rules or members of these groups (a JSON array of ids) changed. */
void notify_groups(struct ctx *, const char *method, json_t *groups);
/* The L3 agents that host the router; deleted: all. */
void notify_router(struct ctx *, const char *router_id);
void notify_router_deleted(struct ctx *, const char *router_id);
/* All L2 agents: a tunnel's end came (L2_TUNNEL_UPDATE) or went (L2_TUNNEL_DELETE). */
void notify_tunnel(struct ctx *, const char *method, const char *tunnel_ip, const char *tunnel_type);
/* Of a port that is gone without the API. */
void notify_port_deleted(struct ctx *, const struct port *);
/* The L2 agents: the port is bound to a host now. */
void notify_port_bound(struct ctx *, const struct port *);

#endif
