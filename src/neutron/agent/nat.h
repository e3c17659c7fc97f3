/* Address translation of one router, as one nftables ruleset for its namespace: SNAT, floating IPs, metadata, hairpin.
 *
 * A pure function, as firewall.h: the text of one `nft -f -` transaction that replaces the one before.
 */
#ifndef NEUTRON_AGENT_NAT_H
#define NEUTRON_AGENT_NAT_H

#include "oslo/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct nat_floating { const char *external, *internal; };    /* IPv4 addresses, one to one */

struct nat_router {
    const char *gateway;             /* the outer device ("qg-0123456789a"), or NULL while there is none */
    const char *snat;                /* the outer address that others share, or NULL: enable_snat is off */
    const char *const *inside;       /* CIDRs of the inner subnets, NULL-terminated */
    const struct nat_floating *floating; size_t n_floating;
    int metadata_port;               /* of the metadata proxy in this namespace; 0: none */
};

void nat_write(struct buf *to, const struct nat_router *);

#endif
