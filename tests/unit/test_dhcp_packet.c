/* DHCP packets: a request as a client sends it, the reply byte by byte, and bytes that are no request. */
#include "neutron/agent/dhcp/packet.h"

#include <glib.h>
#include <string.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static size_t request_make(uint8_t packet[600], uint8_t type)
{
    static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 0, 50, 4, 10, 9, 0, 11, 55, 3, 1, 3, 121, 61, 3, 1, 2, 3, 255 };

    memset(packet, 0, 600);
    packet[0] = packet[1] = 1;
    packet[2] = 6;
    memcpy(packet + 4, "\x12\x34\x56\x78", 4);
    packet[10] = 0x80;
    memcpy(packet + 28, "\xfa\x16\x3e\x00\x00\x11", 6);
    memcpy(packet + 236, options, sizeof(options));
    packet[236 + 6] = type;
    return 236 + sizeof(options);
}

static const uint8_t *option_of(const uint8_t *packet, size_t n, uint8_t code)
{
    for (size_t i = 240; i < n && packet[i] != 255; i += 2 + (size_t)packet[i + 1])
        if (packet[i] == code)
            return packet + i + 1;
    return NULL;
}

static void test_lease(void)
{
    const uint32_t dns[] = { IP(8, 8, 8, 8), IP(9, 9, 9, 9) };
    const struct dhcp_route routes[] = { { IP(169, 254, 169, 254), 32, IP(10, 9, 0, 2) }, { IP(10, 0, 0, 0), 9, IP(10, 9, 0, 1) }, { 0, 0, IP(10, 9, 0, 1) } };
    const struct dhcp_option more = { 26, 2, { 0x05, 0x78 } };
    const struct dhcp_reply reply = {
        .type = DHCP_ACK, .address = IP(10, 9, 0, 11), .server = IP(10, 9, 0, 2), .bits = 24, .lease_s = 86400, .router = IP(10, 9, 0, 1),
        .dns = dns, .n_dns = 2, .mtu = 1500, .hostname = "host-10-9-0-11", .routes = routes, .n_routes = 3, .more = &more, .n_more = 1,
    };
    uint8_t in[600], packet[DHCP_PACKET_MOST];
    struct dhcp_request r;
    size_t n;

    g_assert_true(dhcp_request_read(&r, in, request_make(in, DHCP_REQUEST)));
    g_assert_cmphex(r.xid, ==, 0x12345678);
    g_assert_cmphex(r.requested, ==, IP(10, 9, 0, 11));
    g_assert_true(r.broadcast);
    g_assert_cmpmem(r.client_id, r.client_id_size, "\1\2\3", 3);
    g_assert_cmpmem(r.wanted, r.n_wanted, "\1\3\x79", 3);
    n = dhcp_reply_write(packet, &r, &reply);
    g_assert_cmpuint(n, >=, 300);
    g_assert_cmpmem(packet + 16, 4, "\x0a\x09\x00\x0b", 4);
    g_assert_cmpmem(packet + 28, 6, "\xfa\x16\x3e\x00\x00\x11", 6);
    g_assert_cmpmem(option_of(packet, n, 53), 2, "\1\5", 2);
    g_assert_cmpmem(option_of(packet, n, 1), 5, "\4\xff\xff\xff\0", 5);
    g_assert_cmpmem(option_of(packet, n, 28), 5, "\4\x0a\x09\0\xff", 5);
    g_assert_cmpmem(option_of(packet, n, 6), 9, "\x08\x08\x08\x08\x08\x09\x09\x09\x09", 9);
    g_assert_cmpmem(option_of(packet, n, 26), 3, "\2\x05\x78", 3);
    g_assert_cmpmem(option_of(packet, n, 51), 5, "\4\0\1\x51\x80", 5);
    g_assert_cmpmem(option_of(packet, n, 61), 4, "\3\1\2\3", 4);
    g_assert_cmpmem(option_of(packet, n, 121), 1 + 9 + 7 + 5,
                    "\x15\x20\xa9\xfe\xa9\xfe\x0a\x09\0\2\x09\x0a\0\x0a\x09\0\1\0\x0a\x09\0\1", 1 + 9 + 7 + 5);
}

static void test_nak(void)
{
    uint8_t in[600], packet[DHCP_PACKET_MOST];
    struct dhcp_request r;
    size_t n;

    g_assert_true(dhcp_request_read(&r, in, request_make(in, DHCP_REQUEST)));
    n = dhcp_reply_write(packet, &r, &(struct dhcp_reply){ .type = DHCP_NAK, .server = IP(10, 9, 0, 2), .address = IP(1, 1, 1, 1) });
    g_assert_cmpmem(packet + 16, 4, "\0\0\0\0", 4);
    g_assert_null(option_of(packet, n, 51));
    g_assert_nonnull(option_of(packet, n, 54));
}

/* Every beginning of a good packet, and every byte of it spoiled: never a read past the end (the sanitizer watches). */
static void test_spoiled(void)
{
    uint8_t in[600], *exact;
    size_t n = request_make(in, DHCP_DISCOVER);
    struct dhcp_request r;

    for (size_t cut = 0; cut < n; cut++) {
        exact = g_memdup2(in, cut);
        g_assert_false(cut < 243 && dhcp_request_read(&r, exact, cut));
        if (cut >= 243)
            dhcp_request_read(&r, exact, cut);
        g_free(exact);
    }
    for (size_t at = 0; at < n; at++)
        for (int value = 0; value < 256; value += 5) {
            exact = g_memdup2(in, n);
            exact[at] = (uint8_t)value;
            dhcp_request_read(&r, exact, n);
            g_free(exact);
        }
    in[236 + 6] = 9;
    g_assert_false(dhcp_request_read(&r, in, n));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dhcp/lease", test_lease);
    g_test_add_func("/dhcp/nak", test_nak);
    g_test_add_func("/dhcp/spoiled", test_spoiled);
    return g_test_run();
}
