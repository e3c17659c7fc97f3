/* L2 population: agents are told which MAC and address is behind which tunnel end, so that nothing is flooded and ARP is answered
 * on the spot. Concerns networks of a tunnel type, and hosts whose L2 agent reports l2_population. To be called after the commit;
 * nothing here fails the caller.
 */
#ifndef NEUTRON_PLUGIN_L2POP_H
#define NEUTRON_PLUGIN_L2POP_H

#include "neutron/neutron.h"

/* The port is wired on the host. refresh: the agent starts anew and wants to hear of the whole network. */
void l2pop_port_up(struct ctx *, const char *port_id, const char *host, bool refresh);
/* It is not any more. */
void l2pop_port_down(struct ctx *, const char *port_id, const char *host);
/* The port as it was is gone from its host: deleted, or bound elsewhere. */
void l2pop_port_gone(struct ctx *, const struct port *);
/* An active port's addresses are others now. */
void l2pop_addresses_changed(struct ctx *, const struct port *old, const struct port *now);

#endif
