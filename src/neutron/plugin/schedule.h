/* Which agent serves which network (DHCP) and router (L3): the alive one with the least to do. */
#ifndef NEUTRON_PLUGIN_SCHEDULE_H
#define NEUTRON_PLUGIN_SCHEDULE_H

#include "neutron/neutron.h"

/* The hosts that serve it; schedules it first if none does and it needs one. NULL-terminated, never NULL; not within a transaction. */
const char *const *network_hosts(struct ctx *, const char *network_id, bool *ret_new);
const char *const *router_hosts(struct ctx *, const char *router_id, bool *ret_new);
/* All networks or routers without an alive agent that the agent on that host can serve; for an agent that starts. */
bool schedule_networks(struct ctx *, const char *host);
bool schedule_routers(struct ctx *, const char *host);
int64_t agents_alive_since(void);

#endif
