/* What the files of the DHCP agent tell each other. */
#ifndef NEUTRON_AGENT_DHCP_DHCP_H
#define NEUTRON_AGENT_DHCP_DHCP_H

#include "neutron/agent/dhcp/packet.h"
#include "oslo/base/ctx.h"

/* answer.c: what to say to a request that came in on a network; a pure function of what the plugin told. */
struct dhcp_server {                 /* the network's own DHCP port */
    uint32_t addresses[16]; size_t n_addresses;
    int64_t lease_s;
    const char *domain;              /* "openstacklocal", or "" */
    const char *dns_servers;         /* where a subnet names none; commas between; NULL: none */
};
/* network: as get_network_info tells it (its subnets and mtu); port: the one with the request's MAC. False: say nothing. */
bool dhcp_answer(struct ctx *, const struct dhcp_server *, const json_t *network, const json_t *port, const struct dhcp_request *,
                 struct dhcp_reply *ret_reply);
uint32_t ipv4_number(const char *text);                      /* host order; 0 for what is none */

/* responder.c: one thread with a socket in each network's namespace. */
bool responder_serve(struct ctx *, const char *network_id, const char *netns, const char *device);        /* idempotent */
void responder_withdraw(const char *network_id);
void responder_stop(void);

/* agent.c, asked by the responder: the answer for a request that came in on a network. False: none. */
bool dhcp_network_answer(struct ctx *, const char *network_id, const struct dhcp_request *, struct dhcp_reply *ret_reply);

#endif
