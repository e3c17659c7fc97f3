/* Which answer a DHCP request gets: from the port with its MAC, the subnet of that port's address, and the port's own options. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "neutron/agent/dhcp/dhcp.h"
#include "oslo/record/record.h"

#define METADATA_ADDRESS 0xa9fea9feu         /* 169.254.169.254 */

static const json_t *subnet_of(const json_t *network, const json_t *port, uint32_t *ret_address);
static void fill(struct ctx *, const struct dhcp_server *, const json_t *network, const json_t *port, const json_t *subnet,
                 uint32_t address, struct dhcp_reply *);
static void fill_routes(struct ctx *, const struct dhcp_server *, const json_t *subnet, struct dhcp_reply *);
static void fill_more(struct ctx *, const json_t *port, struct dhcp_reply *);

uint32_t ipv4_number(const char *text)
{
    struct in_addr a;

    return text && inet_pton(AF_INET, text, &a) == 1 ? ntohl(a.s_addr) : 0;
}

/* The server's address that stands on that subnet. */
static uint32_t server_on(const struct dhcp_server *server, uint32_t address, int bits)
{
    for (size_t i = 0; i < server->n_addresses; i++)
        if (bits > 0 && (server->addresses[i] ^ address) >> (32 - bits) == 0)
            return server->addresses[i];
    return server->n_addresses ? server->addresses[0] : 0;
}

static int bits_of(const json_t *subnet)
{
    const char *slash = strchr(json_get_string(subnet, "cidr") ?: "", '/');

    return slash ? atoi(slash + 1) : 32;
}

bool dhcp_answer(struct ctx *c, const struct dhcp_server *server, const json_t *network, const json_t *port,
                 const struct dhcp_request *request, struct dhcp_reply *ret)
{
    uint32_t address = 0;
    const json_t *subnet = subnet_of(network, port, &address);
    struct dhcp_reply reply = {};

    if (!subnet)
        return false;
    reply.server = server_on(server, address, bits_of(subnet));
    if (request->server && request->server != reply.server)
        return false;                    /* it has chosen another server */
    switch (request->type) {
    case DHCP_DISCOVER:
        reply.type = DHCP_OFFER;
        break;
    case DHCP_REQUEST:
        reply.type = (request->requested ?: request->client) == address ? DHCP_ACK : DHCP_NAK;
        break;
    case DHCP_INFORM:
        reply.type = DHCP_ACK;
        break;
    default:                             /* addresses are the ports' own: nothing to decline or release */
        return false;
    }
    if (reply.type != DHCP_NAK)
        fill(c, server, network, port, subnet, request->type == DHCP_INFORM ? 0 : address, &reply);
    *ret = reply;
    return true;
}

static const json_t *subnet_of(const json_t *network, const json_t *port, uint32_t *ret_address)
{
    const json_t *fixed, *subnet;
    size_t i, k;

    json_array_foreach(json_object_get(port, "fixed_ips"), i, fixed) {
        uint32_t address = ipv4_number(json_get_string(fixed, "ip_address"));

        json_array_foreach(json_object_get(network, "subnets"), k, subnet)
            if (address && text_equal(json_get_string(subnet, "id"), json_get_string(fixed, "subnet_id")) &&
                json_get_bool(subnet, "enable_dhcp", true)) {
                *ret_address = address;
                return subnet;
            }
    }
    return NULL;
}

/* The name given to the port, else host-10-0-0-5. */
static const char *host_name(struct ctx *c, const json_t *port, uint32_t address)
{
    const char *name = json_get_string(json_array_get(json_object_get(port, "dns_assignment"), 0), "hostname") ?: json_get_string(port, "dns_name");

    if (name && *name)
        return name;
    return ctx_printf(c, "host-%u-%u-%u-%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

static void fill(struct ctx *c, const struct dhcp_server *server, const json_t *network, const json_t *port, const json_t *subnet,
                 uint32_t address, struct dhcp_reply *r)
{
    const json_t *names = json_object_get(subnet, "dns_nameservers"), *name;
    char **fallback = text_split(c, server->dns_servers ?: "", ',');
    uint32_t *dns;
    size_t i, n = 0;

    r->address = address;
    r->bits = (uint8_t)bits_of(subnet);
    r->lease_s = server->lease_s < 0 ? UINT32_MAX : (uint32_t)server->lease_s;
    r->router = ipv4_number(json_get_string(subnet, "gateway_ip"));
    r->mtu = (uint16_t)json_get_int(network, "mtu", 0);
    r->domain = server->domain && *server->domain ? server->domain : NULL;
    r->hostname = address ? host_name(c, port, address) : NULL;
    for (i = 0; fallback[i]; i++)
        ;
    dns = ctx_new_n(c, uint32_t, json_array_size(names) + i + 1);
    json_array_foreach(names, i, name)
        if (ipv4_number(json_string_value(name)))
            dns[n++] = ipv4_number(json_string_value(name));
    for (i = 0; n == 0 && fallback[i]; i++)
        if (ipv4_number(fallback[i]))
            dns[n++] = ipv4_number(fallback[i]);
    r->dns = dns;
    r->n_dns = n == 1 && dns[0] == 0 ? 0 : n;
    fill_routes(c, server, subnet, r);
    fill_more(c, port, r);
}

/* The subnet's routes, the metadata service (which the DHCP port has), and the default route, which a client that knows this
 * option takes from here only. */
static void fill_routes(struct ctx *c, const struct dhcp_server *server, const json_t *subnet, struct dhcp_reply *r)
{
    const json_t *list = json_object_get(subnet, "host_routes"), *one;
    struct dhcp_route *routes = ctx_new_n(c, struct dhcp_route, json_array_size(list) + 2);
    bool defaulted = false;
    size_t i, n = 0;

    json_array_foreach(list, i, one) {
        const char *destination = json_get_string(one, "destination") ?: "", *slash = strchr(destination, '/');
        uint32_t network = ipv4_number(ctx_strndup(c, destination, strcspn(destination, "/")));

        if (strchr(destination, ':') || !slash)
            continue;
        routes[n++] = (struct dhcp_route){ network, (uint8_t)atoi(slash + 1), ipv4_number(json_get_string(one, "nexthop")) };
        defaulted = defaulted || atoi(slash + 1) == 0;
    }
    if (r->server)
        routes[n++] = (struct dhcp_route){ METADATA_ADDRESS, 32, r->server };
    if (r->router && !defaulted)
        routes[n++] = (struct dhcp_route){ 0, 0, r->router };
    r->routes = routes;
    r->n_routes = n;
}

/* ---- extra_dhcp_opts ----------------------------------------------------------------------------------------- */

enum shape { SHAPE_TEXT, SHAPE_ADDRESSES, SHAPE_U8, SHAPE_U16, SHAPE_U32 };

static const struct { const char *name; uint8_t code; enum shape shape; } option_names[] = {
    { "netmask", 1, SHAPE_ADDRESSES }, { "time-offset", 2, SHAPE_U32 }, { "router", 3, SHAPE_ADDRESSES }, { "dns-server", 6, SHAPE_ADDRESSES },
    { "log-server", 7, SHAPE_ADDRESSES }, { "hostname", 12, SHAPE_TEXT }, { "boot-file-size", 13, SHAPE_U16 }, { "domain-name", 15, SHAPE_TEXT },
    { "root-path", 17, SHAPE_TEXT }, { "ip-forward-enable", 19, SHAPE_U8 }, { "default-ttl", 23, SHAPE_U8 }, { "mtu", 26, SHAPE_U16 },
    { "broadcast", 28, SHAPE_ADDRESSES }, { "nis-domain", 40, SHAPE_TEXT }, { "nis-server", 41, SHAPE_ADDRESSES }, { "ntp-server", 42, SHAPE_ADDRESSES },
    { "vendor-encap", 43, SHAPE_TEXT }, { "netbios-ns", 44, SHAPE_ADDRESSES }, { "T1", 58, SHAPE_U32 }, { "T2", 59, SHAPE_U32 },
    { "vendor-class", 60, SHAPE_TEXT }, { "tftp-server", 66, SHAPE_TEXT }, { "bootfile-name", 67, SHAPE_TEXT }, { "smtp-server", 69, SHAPE_ADDRESSES },
    { "domain-search", 119, SHAPE_TEXT }, { "tftp-server-address", 150, SHAPE_ADDRESSES }, { "server-ip-address", 255, SHAPE_ADDRESSES },
};

static bool is_addresses(struct ctx *c, const char *text)
{
    for (char **one = text_split(c, text, ','); *one; one++)
        if (!ipv4_number(*one))
            return false;
    return *text != 0;
}

/* False for an option nobody knows. A number without a name is text, unless it reads as addresses. */
static bool option_find(struct ctx *c, const char *name, const char *value, uint8_t *ret_code, enum shape *ret_shape)
{
    int64_t code;

    name = g_str_has_prefix(name, "option:") ? name + strlen("option:") : name;
    for (size_t i = 0; i < G_N_ELEMENTS(option_names); i++)
        if (strcmp(option_names[i].name, name) == 0 || (text_to_int(name, &code) && code == option_names[i].code && code < 255)) {
            *ret_code = option_names[i].code;
            *ret_shape = option_names[i].shape;
            return true;
        }
    if (!text_to_int(name, &code) || code < 1 || code > 254)
        return false;
    *ret_code = (uint8_t)code;
    *ret_shape = is_addresses(c, value) ? SHAPE_ADDRESSES : SHAPE_TEXT;
    return true;
}

static bool option_write(struct ctx *c, struct dhcp_option *o, enum shape shape, const char *value)
{
    size_t n = strlen(value);
    int64_t number;

    if (shape == SHAPE_TEXT) {
        o->size = (uint8_t)MIN(n, sizeof(o->value));
        memcpy(o->value, value, o->size);
        return o->size > 0;
    }
    if (shape == SHAPE_ADDRESSES) {
        for (char **one = text_split(c, value, ','); *one && o->size + 4 <= (int)sizeof(o->value); one++) {
            uint32_t address = htonl(ipv4_number(*one));

            memcpy(o->value + o->size, &address, 4);
            o->size = (uint8_t)(o->size + 4);
        }
        return o->size > 0;
    }
    o->size = shape == SHAPE_U8 ? 1 : shape == SHAPE_U16 ? 2 : 4;
    if (!text_to_int(value, &number))
        return false;
    for (int i = 0; i < o->size; i++)
        o->value[i] = (uint8_t)(number >> (8 * (o->size - 1 - i)));
    return true;
}

static void fill_more(struct ctx *c, const json_t *port, struct dhcp_reply *r)
{
    const json_t *list = json_object_get(port, "extra_dhcp_opts"), *one;
    struct dhcp_option *more = ctx_new_n(c, struct dhcp_option, json_array_size(list) + 1);
    size_t i, n = 0;

    json_array_foreach(list, i, one) {
        const char *name = json_get_string(one, "opt_name"), *value = json_get_string(one, "opt_value");
        enum shape shape;

        if (!name || !value || json_get_int(one, "ip_version", 4) != 4 || !option_find(c, name, value, &more[n].code, &shape))
            continue;
        if (more[n].code == 255)
            r->next_server = ipv4_number(value);
        else if (option_write(c, &more[n], shape, value))
            n++;
        if (n < json_array_size(list))
            more[n] = (struct dhcp_option){};
    }
    r->more = more;
    r->n_more = n;
}
