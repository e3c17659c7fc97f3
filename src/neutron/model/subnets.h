/* What is asked of subnets: their addresses, pools and modes. */
#ifndef NEUTRON_MODEL_SUBNETS_H
#define NEUTRON_MODEL_SUBNETS_H

#include "neutron/model/ip.h"
#include "neutron/neutron.h"

/* The subnets of a network, oldest first; NULL-terminated. NULL with a fault. */
struct subnet **subnets_of(struct ctx *, const char *network_id, size_t *ret_n);
struct subnet *subnet_find(struct subnet **, const char *id);

struct cidr subnet_cidr(const struct subnet *);
/* Addresses come from the MAC (SLAAC, stateless DHCPv6). */
bool subnet_is_auto(const struct subnet *);
/* May a port have that address? Not the network's own (except an IPv6 router), nor IPv4's broadcast. */
bool subnet_has_host(const struct subnet *, struct ip, bool router);

/* The ranges of allocation_pools; those of a subnet that names none. */
struct range *pools_read(struct ctx *, const struct subnet *, size_t *ret_n);
struct range *pools_default(struct ctx *, struct cidr, const struct ip *gateway, size_t *ret_n);
raw_json pools_write(struct ctx *, int version, const struct range *, size_t n);

/* Judges [{destination, nexthop}] of the member of that name. */
bool host_routes_judge(struct ctx *, const char *name, const json_t *routes);

/* Chooses a prefix from the subnet's pool and sets cidr, ip_version (see subnetpools.c). The network's lock is the transaction. */
bool subnetpool_allocate(struct ctx *, struct subnet *, const struct change *);

#endif
