/* What is asked of routers. */
#include "neutron/model/routers.h"

#include <string.h>

#include "neutron/model/ipam.h"
#include "neutron/model/networks.h"
#include "neutron/model/ports.h"

struct leg *router_legs(struct ctx *c, const char *router_id, size_t *ret_n)
{
    size_t n = 0, cap = 8;
    struct leg *legs = ctx_new_n(c, struct leg, cap);
    struct rows *rows = db_query(c, "SELECT p.id, p.network_id, a.subnet_id, a.ip_address, s.cidr, p.device_owner FROM ports p"
                                 " JOIN ip_allocations a ON a.port_id = p.id JOIN subnets s ON s.id = a.subnet_id"
                                 " WHERE p.device_id = $1 AND p.device_owner LIKE 'network:%' ORDER BY p.created_at, a.position", T(router_id));

    while (db_next(rows)) {
        if (n == cap) {
            struct leg *more = ctx_new_n(c, struct leg, cap * 2);

            memcpy(more, legs, cap * sizeof(*legs));
            legs = more;
            cap *= 2;
        }
        legs[n++] = (struct leg){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3), db_text(rows, 4), db_text(rows, 5) };
    }
    *ret_n = n;
    return legs;
}

bool legs_check(struct ctx *c, const char *router_id, const char *subnet_id, const char *cidr)
{
    size_t n;
    struct leg *legs = router_legs(c, router_id, &n);
    struct cidr mine = { 0 }, other = { 0 };

    cidr_read(cidr, &mine);
    for (size_t i = 0; i < n && !failed(c); i++) {
        if (!strcmp(legs[i].subnet_id, subnet_id))
            return fail(c, BAD_RESOURCE_REQUEST, "router", ctx_printf(c, "Router already has a port on subnet %s", subnet_id));
        if (cidr_read(legs[i].cidr, &other) && cidr_overlaps(mine, other))
            return fail(c, BAD_RESOURCE_REQUEST, "router", ctx_printf(c, "Cidr %s of subnet %s overlaps with cidr %s of subnet %s",
                                                                      cidr, subnet_id, legs[i].cidr, legs[i].subnet_id));
    }
    return !failed(c);
}

/* --- routes --------------------------------------------------------------------------------------------------- */

bool routes_check(struct ctx *c, const struct router *router, raw_json routes)
{
    json_t *list = json_of(c, routes), *route;
    size_t i, n;
    struct leg *legs = router_legs(c, router->id, &n);

    if ((int64_t)json_array_size(list) > neutron_options()->max_routes)
        return fail(c, ROUTES_EXHAUSTED, router->id, (long long)neutron_options()->max_routes);
    json_array_foreach(list, i, route) {
        const char *nexthop = json_get_string(route, "nexthop");
        bool connected = false, own = false;
        struct ip ip = { 0 };

        ip_read(nexthop, &ip);
        for (size_t k = 0; k < n; k++) {
            struct cidr cidr = { 0 };

            cidr_read(legs[k].cidr, &cidr);
            connected = connected || cidr_has(cidr, ip);
            own = own || !strcmp(legs[k].ip_address, ip_text(c, ip));
        }
        if (!connected)
            return fail(c, INVALID_ROUTES, python_text(c, list), "the nexthop is not connected with router");
        if (own)
            return fail(c, INVALID_ROUTES, python_text(c, list), "the nexthop is used by router");
    }
    return !failed(c);
}

/* --- gateway -------------------------------------------------------------------------------------------------- */

static bool gateway_unused(struct ctx *c, const struct router *router, const char *network_id)
{
    if (db_count(c, "SELECT count(*) FROM floatingips WHERE router_id = $1 AND floating_network_id = $2", T(router->id), T(network_id)))
        return fail(c, ROUTER_GATEWAY_FIP, router->id, network_id);
    return !failed(c);
}

static bool gateway_write(struct ctx *c, struct router *router, char *port_id)
{
    router->gw_port_id = port_id;
    return db_exec(c, "UPDATE routers SET gw_port_id = $2 WHERE id = $1", T(router->id), T(port_id));
}

static bool gateway_drop(struct ctx *c, struct router *router, const struct port *port)
{
    return gateway_unused(c, router, port->network_id) && gateway_write(c, router, NULL) && port_drop(c, port->id);
}

static bool network_is_external(struct ctx *c, const char *network_id)
{
    const struct network *net = network_get(c, network_id);

    if (!net)
        return false;
    return net->external || fail(c, BAD_RESOURCE_REQUEST, "router", ctx_printf(c, "Network %s is not an external network", network_id));
}

static bool gateway_fits(struct ctx *c, const struct router *router, const char *network_id, const json_t *fixed_ips)
{
    size_t n, i;
    struct subnet **subnets = subnets_of(c, network_id, &n);
    json_t *entry;

    for (i = 0; subnets && i < n; i++)
        if (!legs_check(c, router->id, subnets[i]->id, subnets[i]->cidr))
            return false;
    json_array_foreach(fixed_ips, i, entry)
        for (size_t k = 0; subnets && k < n; k++)
            if (json_get_string(entry, "ip_address") && text_equal(json_get_string(entry, "ip_address"), subnets[k]->gateway_ip))
                return fail(c, BAD_RESOURCE_REQUEST, "router", ctx_printf(c, "External IP %s is the same as the gateway IP", subnets[k]->gateway_ip));
    return !failed(c);
}

static bool gateway_make(struct ctx *c, struct router *router, const char *network_id, json_t *fixed_ips)
{
    json_t *body = ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:b}", "network_id", network_id, "project_id", "", "device_id", router->id,
                                         "device_owner", "network:router_gateway", "admin_state_up", 1));
    struct port *port;

    if (json_array_size(fixed_ips))
        json_object_set(body, "fixed_ips", fixed_ips);
    if (!(port = port_make(c, body)))
        return false;
    return gateway_write(c, router, port->id);
}

static bool addresses_differ(struct ctx *c, const struct port *port, const json_t *wanted)
{
    json_t *now = json_of(c, port->fixed_ips), *entry, *other;
    size_t i, k;

    if (!json_array_size(wanted))
        return false;
    if (json_array_size(now) != json_array_size(wanted))
        return true;
    json_array_foreach(wanted, i, entry) {
        bool there = false;

        json_array_foreach(now, k, other)
            there = there || ((!json_object_get(entry, "subnet_id") || json_equal(json_object_get(entry, "subnet_id"), json_object_get(other, "subnet_id"))) &&
                              (!json_object_get(entry, "ip_address") || json_equal(json_object_get(entry, "ip_address"), json_object_get(other, "ip_address"))));
        if (!there)
            return true;
    }
    return false;
}

bool gateway_set(struct ctx *c, struct router *router, const json_t *info, const struct router *old)
{
    const char *network_id = json_get_string(info, "network_id");
    json_t *fixed_ips = json_object_get(info, "external_fixed_ips");
    struct port *port = old && old->gw_port_id ? port_get(c, old->gw_port_id) : NULL;

    if (failed(c))
        return false;
    router->gw_port_id = port ? port->id : NULL;
    if (!network_id)
        return !port || gateway_drop(c, router, port);
    if (!network_is_external(c, network_id))
        return false;
    if (port && !strcmp(port->network_id, network_id)) {
        if (!addresses_differ(c, port, fixed_ips))
            return true;
        return ipam_change(c, port, fixed_ips) && revision_bump(c, "ports", port->id);
    }
    if (port && !gateway_drop(c, router, port))
        return false;
    return gateway_fits(c, router, network_id, fixed_ips) && gateway_make(c, router, network_id, fixed_ips);
}
