/* DHCPv4 packets (RFC 2131, 2132, 3442): a request read with care, a reply written. No sockets here.
 *
 * The parser takes any bytes: it never reads past them, and refuses what is no well-formed BOOTREQUEST.
 */
#ifndef NEUTRON_AGENT_DHCP_PACKET_H
#define NEUTRON_AGENT_DHCP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dhcp_type {
    DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK, DHCP_RELEASE, DHCP_INFORM,
};

/* Addresses are IPv4 in host order; 0 is "not said". */
struct dhcp_request {
    enum dhcp_type type;
    uint32_t xid;
    bool broadcast;                  /* the client cannot take unicast yet */
    uint32_t client;                 /* ciaddr */
    uint32_t relay;                  /* giaddr */
    uint8_t mac[6];
    uint32_t requested;              /* option 50 */
    uint32_t server;                 /* option 54 */
    uint8_t client_id[255], client_id_size;          /* option 61, echoed (RFC 6842) */
    uint8_t wanted[255], n_wanted;                   /* option 55 */
};
bool dhcp_request_read(struct dhcp_request *, const void *bytes, size_t n);

struct dhcp_route { uint32_t network; uint8_t bits; uint32_t via; };

/* What a reply says. Arrays may be NULL when their count is 0; texts may be NULL. */
struct dhcp_reply {
    enum dhcp_type type;             /* DHCP_OFFER, DHCP_ACK or DHCP_NAK (which carries only the server) */
    uint32_t address, server, next_server;
    uint8_t bits;                    /* of the subnet */
    uint32_t lease_s;
    uint32_t router;
    const uint32_t *dns; size_t n_dns;
    const uint32_t *ntp; size_t n_ntp;
    const char *domain, *hostname, *boot_file, *tftp_server;
    uint16_t mtu;
    const struct dhcp_route *routes; size_t n_routes;            /* option 121; with any, clients ignore router: the caller adds the default route */
    const struct dhcp_option { uint8_t code; uint8_t size; uint8_t value[255]; } *more; size_t n_more;   /* these win over the ones above */
};

#define DHCP_PACKET_MOST 1400
/* Writes the reply into packet; its size, or 0 if it does not fit. */
size_t dhcp_reply_write(uint8_t packet[DHCP_PACKET_MOST], const struct dhcp_request *, const struct dhcp_reply *);

#endif
