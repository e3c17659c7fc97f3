/* Gratuitous ARP (RFC 826, RFC 5227): a request and a reply for the own address, so that caches of either habit are mended. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "neutron/agent/host/host.h"

struct __attribute__((packed)) arp_frame {
    uint8_t to[6], from[6];
    uint16_t type, hardware, protocol;
    uint8_t hardware_size, protocol_size;
    uint16_t operation;
    uint8_t sender_mac[6]; uint32_t sender;
    uint8_t target_mac[6]; uint32_t target;
};

void address_announce(struct ctx *c, const char *netns, const char *device, const char *mac, const char *address)
{
    struct privsep_socket want = { .netns = netns, .family = AF_PACKET, .type = SOCK_RAW, .protocol = ETH_P_ARP, .device = device };
    struct arp_frame f = { .type = htons(ETH_P_ARP), .hardware = htons(1), .protocol = htons(ETH_P_IP), .hardware_size = 6, .protocol_size = 4 };
    char ip[INET_ADDRSTRLEN];
    unsigned m[6];
    int fd;

    snprintf(ip, sizeof(ip), "%.*s", (int)MIN(strcspn(address, "/"), sizeof(ip) - 1), address);
    if (inet_pton(AF_INET, ip, &f.sender) != 1 ||
        sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
        return;
    if ((fd = privsep_socket(c, &want)) < 0) {
        fault_clear(c);
        return;
    }
    for (int i = 0; i < 6; i++)
        f.from[i] = f.sender_mac[i] = (uint8_t)m[i];
    memset(f.to, 0xff, sizeof(f.to));
    memset(f.target_mac, 0xff, sizeof(f.target_mac));
    f.target = f.sender;
    for (int operation = 1; operation <= 2; operation++) {
        f.operation = htons((uint16_t)operation);
        if (send(fd, &f, sizeof(f), 0) < 0)
            break;
    }
    close(fd);
}
