/* DHCP requests from guests. What is taken must be answerable. */
#include "neutron/agent/dhcp/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dhcp_request request;
    uint8_t packet[DHCP_PACKET_MOST];

    if (dhcp_request_read(&request, data, size) && !dhcp_reply_write(packet, &request, &(struct dhcp_reply){ .type = DHCP_ACK, .address = 1 }))
        abort();
    return 0;
}
