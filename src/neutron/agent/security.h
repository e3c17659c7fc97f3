/* Security groups as the plugin tells them (security_group_info_for_devices), kept for the ports of this host, and turned into
 * the firewall's ports and rules. Belongs to the L2 agent's worker.
 */
#ifndef NEUTRON_AGENT_SECURITY_H
#define NEUTRON_AGENT_SECURITY_H

#include "oslo/base/ctx.h"

struct firewall;
struct security;                     /* what the answers said so far */
struct security *security_new(void);
void security_free(struct security *);

/* One port as the ruleset needs it. */
struct security_port {
    const char *port_id, *device;
    unsigned index, zone;
    bool guarded;                    /* false: no rules (router and DHCP ports) */
    bool closed;                     /* nothing passes: its rules do not load */
};

/* Takes an answer of security_group_info_for_devices in: its devices, groups and members replace those known. */
void security_learn(struct security *, const json_t *answer);
/* Does the port use, or name as the other side, one of the groups? */
bool security_concerns(const struct security *, const char *port_id, char *const *groups);
/* What these ports are to be held to, of the ctx. */
struct firewall *security_firewall(struct ctx *, const struct security *, const struct security_port *, size_t n);

#endif
