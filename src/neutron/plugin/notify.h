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
/* A port record in its API form, for RPC. */
void notify_port_deleted(struct ctx *, const struct port *);
/* Nova hears of it, batched, off this path. Safe to call with no Nova. */
void notify_nova(struct ctx *, const char *event, const char *server_id, const char *tag, const char *status);

#endif
