/* Addresses of ports: chosen, kept and given back. All within the caller's transaction, so that no two get the same. */
#ifndef NEUTRON_MODEL_IPAM_H
#define NEUTRON_MODEL_IPAM_H

#include "neutron/model/subnets.h"

/* Judges the shape of fixed_ips: [{subnet_id, ip_address}]. */
bool fixed_ips_judge(struct ctx *, const json_t *fixed_ips);
/* Gives a new port (its row is stored) its addresses and sets port->fixed_ips: those wanted (a JSON array), or, with NULL, one
 * of each version that its network's subnets have; and always those of SLAAC subnets. */
bool ipam_give(struct ctx *, struct port *, const json_t *wanted);
/* Changes a port's addresses to those wanted; an entry with a subnet alone keeps the address there is on it. */
bool ipam_change(struct ctx *, struct port *, const json_t *wanted);
/* A new SLAAC subnet gives an address to each port of its network. */
bool ipam_join_auto(struct ctx *, const struct subnet *);

#endif
