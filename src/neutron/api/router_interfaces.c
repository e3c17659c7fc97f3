/* A router's interfaces and extra routes: PUT /routers/{id}/add_router_interface and its like. */
#include <string.h>

#include "neutron/model/ipam.h"
#include "neutron/model/networks.h"
#include "neutron/model/ports.h"
#include "neutron/model/routers.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/objects/objects.h"

#define BAD_ROUTER(c, text) fail(c, BAD_RESOURCE_REQUEST, "router", text)

struct interface {
    struct router *router;
    struct port *port;
    json_t *subnet_ids;              /* of the answer */
    const char *subnet_id;
};

static json_t *subnet_ids(struct ctx *c, const struct port *port)
{
    json_t *ids = ctx_json(c, json_array()), *entry;
    size_t i;

    json_t *parsed = json_of(c, port->fixed_ips);

    json_array_foreach(parsed, i, entry)
        json_array_append(ids, json_object_get(entry, "subnet_id"));
    return ids;
}

static bool interface_write(struct ctx *c, const struct interface *it, struct reply *reply)
{
    reply_json(reply, ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "id", it->router->id, "tenant_id", it->port->project_id,
                                            "port_id", it->port->id, "network_id", it->port->network_id, "subnet_id", it->subnet_id,
                                            "subnet_ids", it->subnet_ids)));
    return true;
}

/* --- adding --------------------------------------------------------------------------------------------------- */

static bool port_take(struct ctx *c, struct port *port, const char *device_id, const char *device_owner)
{
    port->device_id = ctx_strdup(c, device_id);
    port->device_owner = ctx_strdup(c, device_owner);
    return db_exec(c, "UPDATE ports SET device_id = $2, device_owner = $3, revision_number = revision_number + 1, updated_at = $4 WHERE id = $1",
                   T(port->id), T(device_id), T(device_owner), I(clock_us())) && object_changed(c, OBJECT_PORT, port->id);
}

static bool add_by_port(struct ctx *c, struct interface *it, const char *port_id)
{
    json_t *entry;
    size_t i, v4 = 0;

    if (!(it->port = rest_find(c, &port_resource, port_id)))
        return false;
    if (*it->port->device_id)
        return fail(c, PORT_IN_USE, port_id, it->port->network_id, it->port->device_id);
    it->subnet_ids = subnet_ids(c, it->port);
    json_array_foreach(it->subnet_ids, i, entry) {
        struct subnet *s = rest_find_any(c, &subnet_resource, json_string_value(entry));

        if (!s || !legs_check(c, it->router->id, s->id, s->cidr))
            return false;
        v4 += s->ip_version == 4;
        it->subnet_id = s->id;
    }
    if (!it->subnet_id)
        return BAD_ROUTER(c, "Router port must have at least one fixed IP");
    if (v4 > 1)
        return BAD_ROUTER(c, "Cannot have multiple IPv4 subnets on router port");
    return port_take(c, it->port, it->router->id, "network:router_interface");
}

/* IPv6 subnets of one network share an interface. */
static struct port *port_shared(struct ctx *c, const struct router *router, const struct subnet *s)
{
    char *id = s->ip_version == 6 ? db_get_text(c, "SELECT p.id FROM ports p JOIN ip_allocations a ON a.port_id = p.id JOIN subnets s ON s.id = a.subnet_id"
                                                " WHERE p.device_id = $1 AND p.network_id = $2 AND s.ip_version = 6 AND p.device_owner IN " ROUTER_OWNERS
                                                " LIMIT 1", T(router->id), T(s->network_id)) : NULL;

    return id ? port_get(c, id) : NULL;
}

static bool add_by_subnet(struct ctx *c, struct interface *it, const char *subnet_id)
{
    const struct subnet *s = rest_find(c, &subnet_resource, subnet_id);
    json_t *address;

    if (!s)
        return false;
    if (!s->gateway_ip)
        return BAD_ROUTER(c, "Subnet for router interface must have a gateway IP");
    if (s->ip_version == 6 && !s->ipv6_ra_mode && s->ipv6_address_mode)
        return BAD_ROUTER(c, ctx_printf(c, "IPv6 subnet %s configured to receive RAs from an external router cannot be added to Neutron Router.", s->id));
    if (!legs_check(c, it->router->id, s->id, s->cidr))
        return false;
    address = ctx_json(c, json_pack("{s:s, s:s}", "subnet_id", s->id, "ip_address", s->gateway_ip));
    it->subnet_id = s->id;
    if ((it->port = port_shared(c, it->router, s))) {
        json_t *all = json_of(c, it->port->fixed_ips);

        json_array_append(all, address);
        if (!ipam_change(c, it->port, all) || !revision_bump(c, "ports", it->port->id))
            return false;
        it->subnet_ids = subnet_ids(c, it->port);
        return true;
    }
    if (failed(c))
        return false;
    it->port = port_make(c, ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:b, s:[O]}", "network_id", s->network_id, "project_id", it->router->project_id,
                                                  "device_id", it->router->id, "device_owner", "network:router_interface", "admin_state_up", 1,
                                                  "fixed_ips", address)));
    it->subnet_ids = ctx_json(c, json_pack("[s]", s->id));
    return it->port != NULL;
}

/* --- removing ------------------------------------------------------------------------------------------------- */

static bool subnet_unused(struct ctx *c, const struct router *router, const struct leg *leg)
{
    json_t *route;
    size_t i;
    struct cidr cidr = { 0 };
    struct ip ip;

    if (db_count(c, "SELECT count(*) FROM floatingips f JOIN ip_allocations a ON a.port_id = f.port_id AND a.ip_address = f.fixed_ip_address"
                 " WHERE f.router_id = $1 AND a.subnet_id = $2", T(router->id), T(leg->subnet_id)))
        return fail(c, ROUTER_INTERFACE_FIP, leg->subnet_id, router->id);
    cidr_read(leg->cidr, &cidr);
    json_t *parsed = json_of(c, router->routes);

    json_array_foreach(parsed, i, route)
        if (ip_read(json_get_string(route, "nexthop"), &ip) && cidr_has(cidr, ip))
            return fail(c, ROUTER_INTERFACE_ROUTE, leg->subnet_id, router->id);
    return !failed(c);
}

static bool interface_drop(struct ctx *c, struct interface *it, const char *only_subnet)
{
    json_t *all = json_of(c, it->port->fixed_ips), *rest = ctx_json(c, json_array()), *entry;
    size_t i;

    json_array_foreach(all, i, entry)
        if (only_subnet && !text_equal(json_get_string(entry, "subnet_id"), only_subnet))
            json_array_append(rest, entry);
    if (json_array_size(rest))
        return ipam_change(c, it->port, rest) && revision_bump(c, "ports", it->port->id);
    return port_drop(c, it->port->id);
}

static bool remove_interface(struct ctx *c, struct interface *it, const char *port_id, const char *subnet_id)
{
    size_t n;
    struct leg *legs = router_legs(c, it->router->id, &n);
    const char *found = NULL;

    it->subnet_ids = ctx_json(c, json_array());
    for (size_t i = 0; i < n; i++) {
        if (!owner_is_router_interface(legs[i].device_owner) || (port_id ? strcmp(legs[i].port_id, port_id) : strcmp(legs[i].subnet_id, subnet_id)))
            continue;
        found = legs[i].port_id;
        if (!subnet_unused(c, it->router, &legs[i]))
            return false;
        it->subnet_id = it->subnet_id ? it->subnet_id : legs[i].subnet_id;
        json_array_append_new(it->subnet_ids, json_string(legs[i].subnet_id));
    }
    if (failed(c))
        return false;
    if (!found)
        return port_id ? fail(c, ROUTER_NO_INTERFACE, it->router->id, port_id) : fail(c, ROUTER_NO_SUBNET, it->router->id, subnet_id);
    if (!(it->port = port_get(c, found)))
        return false;
    if (port_id && subnet_id && !strstr(it->port->fixed_ips.text, subnet_id))
        return fail(c, SUBNET_MISMATCH, port_id, subnet_id);
    return interface_drop(c, it, port_id ? NULL : subnet_id);
}

/* --- the routes ----------------------------------------------------------------------------------------------- */

static bool ids_judge(struct ctx *c, const char *port_id, const char *subnet_id, bool remove)
{
    if (!port_id && !subnet_id)
        return BAD_ROUTER(c, "Either subnet_id or port_id must be specified");
    if (port_id && subnet_id && !remove)
        return BAD_ROUTER(c, "Cannot specify both subnet-id and port-id");
    if (port_id && !uuid_is(port_id))
        return BAD_ROUTER(c, ctx_printf(c, "'%s' is not a valid UUID", port_id));
    return !subnet_id || uuid_is(subnet_id) || BAD_ROUTER(c, ctx_printf(c, "'%s' is not a valid UUID", subnet_id));
}

static bool interface_run(struct ctx *c, struct interface *it, const char *router_id, bool remove, const char *port_id, const char *subnet_id)
{
    if (!(it->router = rest_find(c, &router_resource, router_id)) ||
        !policy_check(c, remove ? "remove_router_interface" : "add_router_interface", TARGET_RECORD(router_attrs, it->router)))
        return false;
    if (remove ? !remove_interface(c, it, port_id, subnet_id) : port_id ? !add_by_port(c, it, port_id) : !add_by_subnet(c, it, subnet_id))
        return false;
    return revision_bump(c, "routers", it->router->id);
}

static bool interface_change(struct ctx *c, struct interface *it, const char *router_id, bool remove, const char *port_id, const char *subnet_id)
{
    if (!db_begin(c))
        return false;
    if (!interface_run(c, it, router_id, remove, port_id, subnet_id)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    notify_router(c, it->router->id);
    if (remove)
        notify_port_deleted(c, it->port);
    else
        notify_change(c, &(struct change){ .resource = &port_resource, .now = it->port, .asked = ctx_json(c, json_object()) });
    fault_clear(c);
    return true;
}

bool router_join(struct ctx *c, const char *router_id, const char *subnet_id)
{
    return interface_change(c, &(struct interface){ 0 }, router_id, false, NULL, subnet_id);
}

bool router_leave(struct ctx *c, const char *router_id, const char *subnet_id)
{
    return interface_change(c, &(struct interface){ 0 }, router_id, true, NULL, subnet_id);
}

static bool interface_action(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = request_json(c, request);
    const char *port_id = json_get_string(body, "port_id"), *subnet_id = json_get_string(body, "subnet_id");
    bool remove = !strcmp(request->route->data, "remove_router_interface");
    struct interface it = { 0 };

    return body && ids_judge(c, port_id, subnet_id, remove) && interface_change(c, &it, request_arg(request, "id"), remove, port_id, subnet_id) &&
        interface_write(c, &it, reply);
}

static bool same_route(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "destination"), json_object_get(b, "destination")) &&
        json_equal(json_object_get(a, "nexthop"), json_object_get(b, "nexthop"));
}

static void routes_apply(json_t *routes, const json_t *asked_routes, bool remove)
{
    json_t *route, *other;
    size_t i, k;

    json_array_foreach(asked_routes, i, route) {
        bool there = false;

        json_array_foreach(routes, k, other)
            if (same_route(route, other)) {
                there = true;
                break;
            }
        if (there && remove)
            json_array_remove(routes, k);
        else if (!there && !remove)
            json_array_append(routes, route);
    }
}

static bool extraroutes_run(struct ctx *c, struct request *request, const json_t *asked_routes, struct router **ret_router)
{
    const char *action = request->route->data;
    struct router *router = rest_find(c, &router_resource, request_arg(request, "id"));
    json_t *routes;

    if (!router || !policy_check(c, action, TARGET_RECORD(router_attrs, router)))
        return false;
    routes = json_of(c, router->routes);
    routes_apply(routes, asked_routes, !strcmp(action, "remove_extraroutes"));
    router->routes = json_text(c, routes);
    router->revision_number++;
    router->updated_at = utc_now();
    *ret_router = router;
    return routes_check(c, router, router->routes) && record_update(c, "routers", router_attrs, router, "id");
}

static bool extraroutes_action(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = request_json(c, request), *asked_routes = json_object_get(json_object_get(body, "router"), "routes");
    struct router *router = NULL;

    if (!body)
        return false;
    if (!json_is_object(json_object_get(body, "router")))
        return fail(c, HTTP_BAD_REQUEST, "Invalid input for operation: no router in the body");
    if (!host_routes_judge(c, "routes", asked_routes) || !db_begin(c))
        return false;
    if (!extraroutes_run(c, request, asked_routes, &router)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    notify_router(c, router->id);
    fault_clear(c);
    rest_write(c, &router_resource, request, router, reply);
    return true;
}

const struct route router_routes[] = {
    { "PUT", "/v2.0/routers/{id}/add_router_interface", interface_action, 200, ROUTE_NO_POLICY, .data = "add_router_interface" },
    { "PUT", "/v2.0/routers/{id}/remove_router_interface", interface_action, 200, ROUTE_NO_POLICY, .data = "remove_router_interface" },
    { "PUT", "/v2.0/routers/{id}/add_extraroutes", extraroutes_action, 200, ROUTE_NO_POLICY, .data = "add_extraroutes" },
    { "PUT", "/v2.0/routers/{id}/remove_extraroutes", extraroutes_action, 200, ROUTE_NO_POLICY, .data = "remove_extraroutes" },
    {}
};
