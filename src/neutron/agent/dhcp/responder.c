/* Where DHCP requests come in: a socket a network, each opened in that network's namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "neutron/agent/dhcp/dhcp.h"
#include "neutron/agent/doors.h"
#include "oslo/base/log.h"
#include "oslo/trace/trace.h"

static void answer(struct door *);

static struct doors doors = { .thread = "dhcp", .knock = answer };      /* named by network */

bool responder_serve(struct ctx *c, const char *network_id, const char *netns, const char *device)
{
    struct privsep_socket want = { .netns = netns, .family = AF_INET, .type = SOCK_DGRAM, .port = 67, .device = device, .broadcast = true };

    return doors_open(c, &doors, network_id, NULL, &want);
}

void responder_withdraw(const char *network_id)
{
    doors_close(&doors, network_id);
}

void responder_stop(void)
{
    doors_end(&doors);
}

/* To a relay, to a client that has its address already, else to all: it cannot answer ARP yet. */
static struct sockaddr_in answer_to(const struct dhcp_request *request, const struct dhcp_reply *reply)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(request->relay ? 67 : 68) };

    if (request->relay)
        to.sin_addr.s_addr = htonl(request->relay);
    else if (request->client && reply->type != DHCP_NAK)
        to.sin_addr.s_addr = htonl(request->client);
    else
        to.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    return to;
}

static void answer(struct door *door)
{
    uint8_t bytes[1500], packet[DHCP_PACKET_MOST];
    ssize_t n = recv(door->fd, bytes, sizeof(bytes), 0);
    struct dhcp_request request;
    struct dhcp_reply reply;
    struct sockaddr_in to;
    struct ctx c;
    size_t size;

    ctx_init(&c, NULL, NULL);
    if (n > 0 && dhcp_request_read(&request, bytes, (size_t)n)) {
        struct span *span = span_begin(&c, SPAN_DRIVER, "DHCP %d from %02x:%02x:%02x:%02x:%02x:%02x", (int)request.type, request.mac[0],
                                       request.mac[1], request.mac[2], request.mac[3], request.mac[4], request.mac[5]);
        span_resource(&c, door->name);
        if (dhcp_network_answer(&c, door->name, &request, &reply) && (size = dhcp_reply_write(packet, &request, &reply)) > 0) {
            to = answer_to(&request, &reply);
            if (sendto(door->fd, packet, size, 0, (void *)&to, sizeof(to)) < 0)
                log_warning(&c, "DHCP answer on network %s is not sent: %s", door->name, g_strerror(errno));
        }
        span_end(&c, span, 0);
    }
    ctx_clear(&c);
    door_free(door);
}
