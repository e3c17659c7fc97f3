/* What is asked of routers by more than their own API. */
#ifndef NEUTRON_MODEL_ROUTERS_H
#define NEUTRON_MODEL_ROUTERS_H

#include "neutron/model/ip.h"
#include "neutron/neutron.h"

/* Takes the gateway asked for (external_gateway_info as given, null: none) instead of the one there is. Within the open transaction. */
bool gateway_set(struct ctx *, struct router *, const json_t *info, const struct router *old);
/* Judges routes against the router's interfaces. */
bool routes_check(struct ctx *, const struct router *, raw_json routes);
/* An interface on that subnet comes or goes, as by the API; each with a transaction of its own (see api/router_interfaces.c). */
bool router_join(struct ctx *, const char *router_id, const char *subnet_id);
bool router_leave(struct ctx *, const char *router_id, const char *subnet_id);
/* Ports of the router with their subnets: its interfaces, and its gateway if asked. */
struct leg { char *port_id, *network_id, *subnet_id, *ip_address, *cidr, *device_owner; };
struct leg *router_legs(struct ctx *, const char *router_id, size_t *ret_n);
/* Would a subnet with that prefix be on the router twice? Fault BadRequest. */
bool legs_check(struct ctx *, const char *router_id, const char *subnet_id, const char *cidr);

#endif
