/* network_data.json: the instance's interfaces and what is on them. Subnets with DHCP say no more than that. */
#include "nova/metadata/metadata.h"

#include "oslo/client/client.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static json_t *subnets_read(struct ctx *c, json_t *vifs)
{
    struct call call = { .type = "network", .method = "GET", .as_service = true };
    struct buf query = {};
    json_t *vif, *ip;
    size_t i, j;

    json_array_foreach(vifs, i, vif)
        json_array_foreach(json_object_get(vif, "ips"), j, ip)
            if (json_get_string(ip, "subnet_id"))
                buf_printf(&query, "%sid=%s", query.len ? "&" : "/v2.0/subnets?", json_get_string(ip, "subnet_id"));
    call.path = query.data ? ctx_strdup(c, query.data) : NULL;
    buf_clear(&query);
    if (!call.path)
        return ctx_json(c, json_array());
    return client_call(c, &call) ? json_object_get(call.reply, "subnets") : NULL;
}

json_t *metadata_network(struct ctx *c, json_t *vifs)
{
    json_t *subnets = subnets_read(c, vifs);

    return subnets ? network_data(c, vifs, subnets) : NULL;
}

static json_t *subnet_find(json_t *subnets, const char *id)
{
    json_t *subnet;
    size_t i;

    json_array_foreach(subnets, i, subnet)
        if (text_equal(json_get_string(subnet, "id"), id))
            return subnet;
    return NULL;
}

/* "255.255.255.0" or "ffff:ffff::" of "10.0.0.0/24". */
static char *netmask_of(struct ctx *c, const char *cidr)
{
    const char *slash = cidr ? strchr(cidr, '/') : NULL;
    unsigned char bytes[16] = {};
    int family = cidr && strchr(cidr, ':') ? AF_INET6 : AF_INET, bits = slash ? atoi(slash + 1) : family == AF_INET ? 32 : 128;
    char *text = ctx_alloc(c, INET6_ADDRSTRLEN);

    for (int i = 0; i < bits && i < 128; i++)
        bytes[i / 8] |= (unsigned char)(0x80 >> (i % 8));
    inet_ntop(family, bytes, text, INET6_ADDRSTRLEN);
    return text;
}

static json_t *dns_services(json_t *subnet)
{
    json_t *resolvers = json_array(), *address;
    size_t i;

    json_array_foreach(json_object_get(subnet, "dns_nameservers"), i, address)
        json_array_append_new(resolvers, json_pack("{s:s, s:s?}", "type", "dns", "address", json_string_value(address)));
    return resolvers;
}

static json_t *routes_of(struct ctx *c, json_t *subnet, bool v6)
{
    const char *gateway = json_get_string(subnet, "gateway_ip");
    json_t *routes = json_array(), *route;
    size_t i;

    if (gateway)
        json_array_append_new(routes, json_pack("{s:s, s:s, s:s}", "network", v6 ? "::" : "0.0.0.0", "netmask", v6 ? "::" : "0.0.0.0", "gateway", gateway));
    json_array_foreach(json_object_get(subnet, "host_routes"), i, route) {
        const char *to = json_get_string(route, "destination");

        json_array_append_new(routes, json_pack("{s:s, s:s, s:s?}", "network", ctx_strndup(c, to ? to : "", strcspn(to ? to : "", "/")),
                                                "netmask", netmask_of(c, to), "gateway", json_get_string(route, "nexthop")));
    }
    return routes;
}

static json_t *network_of(struct ctx *c, json_t *vif, json_t *ip, json_t *subnet, size_t n)
{
    const char *link = json_get_string(vif, "devname"), *network = json_get_string(json_object_get(vif, "network"), "id");
    const char *mode = json_get_string(subnet, "ipv6_address_mode");
    bool v6 = json_get_int(ip, "version", 4) == 6;

    if (!mode && json_get_bool(subnet, "enable_dhcp", false))
        return json_pack("{s:s, s:s, s:s?, s:s?}", "id", ctx_printf(c, "network%zu", n), "type", v6 ? "ipv6_dhcp" : "ipv4_dhcp", "link", link,
                         "network_id", network);
    return json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:o, s:s?, s:o}", "id", ctx_printf(c, "network%zu", n),
                     "type", mode ? ctx_printf(c, "ipv%d_%s", v6 ? 6 : 4, mode) : v6 ? "ipv6" : "ipv4", "link", link,
                     "ip_address", json_get_string(ip, "address"), "netmask", netmask_of(c, json_get_string(subnet, "cidr")),
                     "routes", routes_of(c, subnet, v6), "network_id", network, "services", dns_services(subnet));
}

static void add_services(json_t *resolvers, json_t *subnet)
{
    json_t *own = dns_services(subnet), *one, *other;
    size_t i, j;

    json_array_foreach(own, i, one) {
        bool known = false;

        json_array_foreach(resolvers, j, other)
            known = known || json_equal(one, other);
        if (!known)
            json_array_append(resolvers, one);
    }
    json_decref(own);
}

/* The interface itself; with DHCP on its network the MTU comes that way. */
static json_t *link_of(json_t *vif, bool dhcp)
{
    static const char *const exposed[] = { "bridge", "ovs", "tap", "vhostuser", "hw_veb", NULL };
    const char *type = json_get_string(vif, "type");
    json_t *mtu = dhcp ? NULL : json_object_get(vif, "mtu");

    return json_pack("{s:s?, s:s?, s:s, s:O?, s:s?}", "id", json_get_string(vif, "devname"), "vif_id", json_get_string(vif, "id"),
                     "type", type && text_in(type, exposed) ? type : "phy", "mtu", mtu, "ethernet_mac_address", json_get_string(vif, "address"));
}

json_t *network_data(struct ctx *c, json_t *vifs, json_t *subnets)
{
    json_t *links = json_array(), *networks = json_array(), *resolvers = json_array(), *vif, *ip;
    size_t i, j;

    if (json_array_size(vifs) == 0)
        return json_decref(links), json_decref(networks), json_decref(resolvers), ctx_json(c, json_object());
    json_array_foreach(vifs, i, vif) {
        bool seen[2] = { false, false }, dhcp = false;

        /* The first subnet of each version, as templates of guests know no more. */
        json_array_foreach(json_object_get(vif, "ips"), j, ip) {
            json_t *subnet = subnet_find(subnets, json_get_string(ip, "subnet_id"));
            int v6 = json_get_int(ip, "version", 4) == 6;

            dhcp = dhcp || json_get_bool(subnet, "enable_dhcp", false);
            if (!subnet || seen[v6])
                continue;
            seen[v6] = true;
            json_array_append_new(networks, network_of(c, vif, ip, subnet, json_array_size(networks)));
            add_services(resolvers, subnet);
        }
        if (seen[0] || seen[1])
            json_array_append_new(links, link_of(vif, dhcp));
    }
    return ctx_json(c, json_pack("{s:o, s:o, s:o}", "links", links, "networks", networks, "services", resolvers));
}
