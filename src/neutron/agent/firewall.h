/* Security groups and anti-spoofing: the facts of all ports; and as one nftables ruleset (Linux bridge with br_netfilter).
 *
 * The ruleset is a pure function: what should be in force for all ports of this host, as the text of one `nft -f -` transaction, which replaces the
 * one before. Connections that are tracked stay so. Bridges have no tracking of their own on many kernels: the bridge tables mark
 * each packet with the port it came from (low half) and the one it goes to (high half); the inet table, which br_netfilter calls for
 * bridged packets, tracks it in the zone of its network and judges by those marks.
 */
#ifndef NEUTRON_AGENT_FIREWALL_H
#define NEUTRON_AGENT_FIREWALL_H

#include "oslo/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct firewall_rule {
    bool egress;                     /* from the guest; else to it */
    int family;                      /* 4 or 6 */
    int protocol;                    /* IP protocol number; -1: any */
    int low, high;                   /* port range; or ICMP type and code; -1: any */
    const char *prefix;              /* the other side's CIDR, or NULL */
    const char *group;               /* the other side's security group id (in groups below), or NULL */
};

struct firewall_address { const char *mac, *ip; };       /* ip may be a CIDR; families mixed */

struct firewall_port {
    const char *device;              /* the bridge port: "tap0123456789a" */
    unsigned index;                  /* 1 .. 65535, this port's alone while it is there */
    unsigned zone;                   /* 1 .. 65535, its network's alone on this host; 0: that of the host's own stack */
    bool guarded;                    /* false: no filter at all (router and DHCP ports, port security off) */
    const struct firewall_address *addresses; size_t n_addresses;   /* what it may speak as */
    const struct firewall_rule *rules; size_t n_rules;
    const char *port_id;
    bool stateless;                  /* its groups do not follow connections; nftables follows them all the same */
};

struct firewall_group {              /* the members of a group that some rule names */
    const char *id;
    const char *const *ips;          /* NULL-terminated, families mixed */
};

/* All that a host's ports are to be held to. */
struct firewall {
    const struct firewall_port *ports; size_t n_ports;
    const struct firewall_group *groups; size_t n_groups;
};

/* Appends the whole ruleset; with no ports, the one that removes it. */
void firewall_write(struct buf *to, const struct firewall_port *ports, size_t n_ports, const struct firewall_group *groups, size_t n_groups);

/* What the ruleset needs of the host: these sysctls set to 1. NULL-terminated. */
extern const char *const firewall_sysctls[];

#endif
