/* Availability zones: those of the agents. */
#ifndef NEUTRON_MODEL_ZONES_H
#define NEUTRON_MODEL_ZONES_H

#include "neutron/neutron.h"

/* Hints (a JSON array of names) must name zones of agents of that resource ("network": DHCP, "router": L3). */
bool zones_check(struct ctx *, raw_json hints, const char *resource);

#endif
