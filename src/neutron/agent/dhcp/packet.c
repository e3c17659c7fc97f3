/* DHCPv4 packets: reading requests, writing replies. */
#include "neutron/agent/dhcp/packet.h"

#include <string.h>

#define FIXED_SIZE 236           /* op .. file */
#define MAGIC 0x63825363u
#define BOOTP_LEAST 300          /* clients of old drop shorter ones */

enum option {
    PAD = 0, MASK = 1, ROUTER = 3, DNS = 6, HOSTNAME = 12, DOMAIN = 15, MTU = 26, BROADCAST = 28, NTP = 42, REQUESTED = 50, LEASE = 51,
    OVERLOAD = 52, TYPE = 53, SERVER = 54, WANTED = 55, RENEWAL = 58, REBINDING = 59, CLIENT_ID = 61, TFTP_SERVER = 66, BOOT_FILE = 67,
    CLASSLESS_ROUTES = 121, END = 255,
};

static uint32_t read32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write32(uint8_t *p, uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        p[i] = (uint8_t)value;
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static bool option_read(struct dhcp_request *r, uint8_t code, const uint8_t *value, uint8_t size, uint8_t *ret_overload)
{
    switch (code) {
    case TYPE:
        if (size != 1 || value[0] < DHCP_DISCOVER || value[0] > DHCP_INFORM)
            return false;
        r->type = value[0];
        return true;
    case REQUESTED: case SERVER:
        if (size != 4)
            return false;
        *(code == SERVER ? &r->server : &r->requested) = read32(value);
        return true;
    case WANTED:
        memcpy(r->wanted, value, size);
        r->n_wanted = size;
        return true;
    case CLIENT_ID:
        memcpy(r->client_id, value, size);
        r->client_id_size = size;
        return true;
    case OVERLOAD:
        if (size != 1 || !value[0] || value[0] > 3)
            return false;
        *ret_overload = value[0];
        return true;
    default:
        return true;
    }
}

static bool options_read(struct dhcp_request *r, const uint8_t *p, size_t n, uint8_t *ret_overload)
{
    size_t i = 0;

    while (i < n && p[i] != END) {
        uint8_t code = p[i++];

        if (code == PAD)
            continue;
        if (i >= n || (size_t)p[i] > n - i - 1)
            return false;
        if (!option_read(r, code, p + i + 1, p[i], ret_overload))
            return false;
        i += 1 + (size_t)p[i];
    }
    return true;
}

bool dhcp_request_read(struct dhcp_request *r, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint8_t overload = 0, nested = 0;

    memset(r, 0, sizeof(*r));
    if (n < FIXED_SIZE + 4 || p[0] != 1 || p[1] != 1 || p[2] != 6 || read32(p + FIXED_SIZE) != MAGIC)
        return false;
    r->xid = read32(p + 4);
    r->broadcast = (p[10] & 0x80) != 0;
    r->client = read32(p + 12);
    r->relay = read32(p + 24);
    memcpy(r->mac, p + 28, 6);
    return options_read(r, p + FIXED_SIZE + 4, n - FIXED_SIZE - 4, &overload) &&
        (!(overload & 1) || options_read(r, p + 108, 128, &nested)) &&
        (!(overload & 2) || options_read(r, p + 44, 64, &nested)) && r->type != 0;
}

/* --- writing -------------------------------------------------------------------------------------------------- */

struct writer {
    uint8_t *packet;
    size_t used;
    bool full;
    const struct dhcp_reply *reply;
};

static void raw_add(struct writer *w, uint8_t code, const void *value, size_t size)
{
    if (size > 255 || w->used + 2 + size >= DHCP_PACKET_MOST) {
        w->full = true;
        return;
    }
    w->packet[w->used++] = code;
    w->packet[w->used++] = (uint8_t)size;
    memcpy(w->packet + w->used, value, size);
    w->used += size;
}

/* An option, unless one of reply->more has its code. */
static void option_add(struct writer *w, uint8_t code, const void *value, size_t size)
{
    for (size_t i = 0; i < w->reply->n_more; i++)
        if (w->reply->more[i].code == code)
            return;
    raw_add(w, code, value, size);
}

static void int_add(struct writer *w, uint8_t code, uint32_t value)
{
    uint8_t bytes[4];

    write32(bytes, value);
    option_add(w, code, bytes, 4);
}

static void list_add(struct writer *w, uint8_t code, const uint32_t *list, size_t n)
{
    uint8_t bytes[252];

    if (!n)
        return;
    if (n > sizeof(bytes) / 4)
        n = sizeof(bytes) / 4;
    for (size_t i = 0; i < n; i++)
        write32(bytes + 4 * i, list[i]);
    option_add(w, code, bytes, 4 * n);
}

static void text_add(struct writer *w, uint8_t code, const char *text)
{
    if (text && *text)
        option_add(w, code, text, strlen(text));
}

/* RFC 3442: the significant bytes of each network, then its gateway. An option holds 255 bytes; more are split (RFC 3396). */
static void routes_add(struct writer *w)
{
    const struct dhcp_reply *reply = w->reply;
    uint8_t bytes[255];
    size_t n = 0;

    for (size_t i = 0; i < reply->n_routes; i++) {
        const struct dhcp_route *route = &reply->routes[i];
        size_t significant = (size_t)(route->bits + 7) / 8;
        uint8_t network[4];

        if (n + 1 + significant + 4 > sizeof(bytes)) {
            option_add(w, CLASSLESS_ROUTES, bytes, n);
            n = 0;
        }
        write32(network, route->network);
        bytes[n++] = route->bits;
        memcpy(bytes + n, network, significant);
        n += significant;
        write32(bytes + n, route->via);
        n += 4;
    }
    if (n)
        option_add(w, CLASSLESS_ROUTES, bytes, n);
}

static void lease_add(struct writer *w)
{
    const struct dhcp_reply *reply = w->reply;
    uint32_t mask = reply->bits ? 0xffffffffu << (32 - reply->bits) : 0;

    if (reply->lease_s) {
        int_add(w, LEASE, reply->lease_s);
        int_add(w, RENEWAL, reply->lease_s / 2);
        int_add(w, REBINDING, (uint32_t)((uint64_t)reply->lease_s * 7 / 8));
    }
    int_add(w, MASK, mask);
    int_add(w, BROADCAST, reply->address | ~mask);
    if (reply->router)
        int_add(w, ROUTER, reply->router);
    list_add(w, DNS, reply->dns, reply->n_dns);
    text_add(w, DOMAIN, reply->domain);
    text_add(w, HOSTNAME, reply->hostname);
    if (reply->mtu)
        option_add(w, MTU, (const uint8_t[]){ (uint8_t)(reply->mtu >> 8), (uint8_t)reply->mtu }, 2);
    list_add(w, NTP, reply->ntp, reply->n_ntp);
    text_add(w, TFTP_SERVER, reply->tftp_server);
    text_add(w, BOOT_FILE, reply->boot_file);
    routes_add(w);
    for (size_t i = 0; i < reply->n_more; i++)
        raw_add(w, reply->more[i].code, reply->more[i].value, reply->more[i].size);
}

size_t dhcp_reply_write(uint8_t packet[DHCP_PACKET_MOST], const struct dhcp_request *r, const struct dhcp_reply *reply)
{
    struct writer w = { .packet = packet, .used = FIXED_SIZE + 4, .reply = reply };

    memset(packet, 0, DHCP_PACKET_MOST);
    packet[0] = 2;
    packet[1] = 1;
    packet[2] = 6;
    write32(packet + 4, r->xid);
    packet[10] = r->broadcast || reply->type == DHCP_NAK ? 0x80 : 0;
    write32(packet + 12, reply->type == DHCP_NAK ? 0 : r->client);
    write32(packet + 16, reply->type == DHCP_NAK ? 0 : reply->address);
    write32(packet + 20, reply->type == DHCP_NAK ? 0 : reply->next_server);
    write32(packet + 24, r->relay);
    memcpy(packet + 28, r->mac, 6);
    write32(packet + FIXED_SIZE, MAGIC);
    raw_add(&w, TYPE, &(const uint8_t){ (uint8_t)reply->type }, 1);
    raw_add(&w, SERVER, (const uint8_t[]){ (uint8_t)(reply->server >> 24), (uint8_t)(reply->server >> 16),
                                           (uint8_t)(reply->server >> 8), (uint8_t)reply->server }, 4);
    if (r->client_id_size)
        raw_add(&w, CLIENT_ID, r->client_id, r->client_id_size);
    if (reply->type != DHCP_NAK)
        lease_add(&w);
    if (w.full)
        return 0;
    packet[w.used++] = END;
    return w.used < BOOTP_LEAST ? BOOTP_LEAST : w.used;
}
