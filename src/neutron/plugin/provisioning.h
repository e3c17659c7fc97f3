/* Provisioning: a bound port is DOWN until every entity that works on it (L2 agent, DHCP) has said it is ready. */
#ifndef NEUTRON_PLUGIN_PROVISIONING_H
#define NEUTRON_PLUGIN_PROVISIONING_H

#include "neutron/neutron.h"

#define BLOCK_L2   "L2"
#define BLOCK_DHCP "DHCP"

/* In the transaction that binds the port. */
bool provisioning_block(struct ctx *, const char *port_id, const char *entity);
/* The entity is ready; without blocks left the port becomes ACTIVE, and Nova and the agents are told. A transaction of its own. */
bool provisioning_complete(struct ctx *, const char *port_id, const char *entity);
/* Sets a port's status (BUILD, DOWN, ACTIVE, ERROR) and tells who cares if it changed. A transaction of its own. */
bool port_status_set(struct ctx *, const char *port_id, const char *status, bool *ret_exists);

#endif
