/* What is asked of networks: their segments, and what those who hang on them need to know. */
#ifndef NEUTRON_MODEL_NETWORKS_H
#define NEUTRON_MODEL_NETWORKS_H

#include "neutron/neutron.h"

/* The network, if c->who may use it (its own, shared, or external): NetworkNotFound otherwise. shared and external are set; other
 * derived members are not. */
struct network *network_get(struct ctx *, const char *id);
/* Gives the network a segment: the provider attributes asked for, or the next free one of the tenant types. Sets mtu where it is 0. */
bool segment_allocate(struct ctx *, struct network *);
/* The most a network of that type can carry. */
int64_t network_mtu_max(const char *network_type);
/* One more revision of a row that did not change itself (a network whose subnets change). */
bool revision_bump(struct ctx *, const char *table, const char *id);
/* What a query with one parameter gives, joined: "a, b"; "" for nothing. */
const char *ids_of(struct ctx *, const char *sql, const char *id, const char *separator);
/* Deletes ports that the service itself put there (DHCP): of a network, or all with that device. */
bool auto_ports_delete(struct ctx *, const char *network_id);
/* ('network:dhcp', ...): owners whose ports go with their network or subnet */
#define AUTO_OWNERS "('network:dhcp', 'network:distributed', 'network:routed')"
#define ROUTER_OWNERS "('network:router_interface', 'network:router_interface_distributed', 'network:ha_router_replicated_interface', " \
    "'network:router_centralized_snat')"
bool owner_is_router_interface(const char *device_owner);

#endif
