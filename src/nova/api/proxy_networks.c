/* /os-networks, /os-tenant-networks, /os-floating-ip-pools and /os-floating-ips, until 2.35: Neutron's in Nova's words. */
#include "nova/api/servers.h"

#include "nova/jobs/jobs.h"

#include "oslo/client/client.h"

#include <string.h>

/* Nova knew networks by these members; of a network of Neutron's only two mean anything. */
static const char *const nothing_of[] = {
    "cidr", "netmask", "gateway", "broadcast", "dns1", "dns2", "cidr_v6", "gateway_v6", "netmask_v6", "created_at", "updated_at",
    "deleted_at", "deleted", "injected", "bridge", "vlan", "vpn_public_address", "vpn_public_port", "vpn_private_address", "dhcp_start",
    "project_id", "host", "bridge_interface", "multi_host", "priority", "rxtx_base", "mtu", "dhcp_server", "enable_dhcp", "share_address", NULL
};

static void write_network(struct out *o, const char *key, const json_t *network)
{
    out_object(o, key);
    out_string(o, "id", json_get_string(network, "id"));
    out_string(o, "label", json_get_string(network, "name"));
    for (const char *const *name = nothing_of; *name; name++)
        out_null(o, *name);
    out_end_object(o);
}

static void write_tenant_network(struct out *o, const char *key, const json_t *network)
{
    out_object(o, key);
    out_string(o, "id", json_get_string(network, "id"));
    out_string(o, "cidr", "None");
    out_string(o, "label", json_get_string(network, "name"));
    out_end_object(o);
}

typedef void network_writer(struct out *, const char *key, const json_t *network);

static bool answer_networks(struct ctx *c, struct reply *rp, network_writer *write)
{
    json_t *reply = client_get(c, "network", "/v2.0/networks"), *network;
    struct out o;
    size_t i;

    if (!reply)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "networks");
    json_array_foreach(json_object_get(reply, "networks"), i, network)
        write(&o, NULL, network);
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static bool answer_network(struct ctx *c, struct request *rq, struct reply *rp, network_writer *write)
{
    struct call call = { .type = "network", .method = "GET", .accept_404 = "yes",
                         .path = ctx_printf(c, "/v2.0/networks/%s", client_quote(c, request_arg(rq, "id"))) };
    struct out o;

    if (!client_call(c, &call))
        return false;
    if (call.status == 404)
        return fail(c, NOT_FOUND_TEXT, "Network not found");
    o = answer(rp);
    out_object(&o, NULL);
    write(&o, "network", json_object_get(call.reply, "network"));
    out_end_object(&o);
    return true;
}

static bool networks_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    return answer_networks(c, rp, write_network);
}

static bool network_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    return answer_network(c, rq, rp, write_network);
}

static bool tenant_networks_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    return answer_networks(c, rp, write_tenant_network);
}

static bool tenant_network_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    return answer_network(c, rq, rp, write_tenant_network);
}

/* --- floating IPs ------------------------------------------------------------------------------------------------- */

static json_t *pools(struct ctx *c)
{
    json_t *reply = client_get(c, "network", "/v2.0/networks?router:external=true&fields=id&fields=name");

    return reply ? json_object_get(reply, "networks") : NULL;
}

static bool pools_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *networks = pools(c), *network;
    struct out o;
    size_t i;

    if (!networks)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "floating_ip_pools");
    json_array_foreach(networks, i, network) {
        out_object(&o, NULL);
        out_string(&o, "name", json_get_string(network, "name"));
        out_end_object(&o);
    }
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static json_t *of_id(json_t *list, const char *id)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
        if (text_equal(json_get_string(item, "id"), id))
            return item;
    return NULL;
}

static void write_floating_ip(struct ctx *c, struct out *o, const char *key, const json_t *ip, json_t *networks)
{
    const char *port = json_get_string(ip, "port_id");
    json_t *reply = port ? client_get(c, "network", "/v2.0/ports/%s?fields=device_id", port) : NULL;

    fault_clear(c);
    out_object(o, key);
    out_string(o, "fixed_ip", json_get_string(ip, "fixed_ip_address"));
    out_string(o, "id", json_get_string(ip, "id"));
    out_string(o, "instance_id", json_get_string(json_object_get(reply, "port"), "device_id"));
    out_string(o, "ip", json_get_string(ip, "floating_ip_address"));
    out_string(o, "pool", json_get_string(of_id(networks, json_get_string(ip, "floating_network_id")), "name"));
    out_end_object(o);
}

static bool answer_floating_ip(struct ctx *c, struct reply *rp, const json_t *ip)
{
    json_t *networks = pools(c);
    struct out o;

    if (!networks)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    write_floating_ip(c, &o, "floating_ip", ip, networks);
    out_end_object(&o);
    return true;
}

static bool floating_ips_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *reply = client_get(c, "network", "/v2.0/floatingips?tenant_id=%s", c->who.project_id), *networks = reply ? pools(c) : NULL, *ip;
    struct out o;
    size_t i;

    if (!networks)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "floating_ips");
    json_array_foreach(json_object_get(reply, "floatingips"), i, ip)
        write_floating_ip(c, &o, NULL, ip, networks);
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static bool floating_ip_call(struct ctx *c, struct call *call, const char *id)
{
    call->type = "network";
    call->accept_404 = "yes";
    call->path = ctx_printf(c, "/v2.0/floatingips/%s", client_quote(c, id));
    if (!client_call(c, call))
        return false;
    return call->status != 404 || fail(c, NOT_FOUND_TEXT, ctx_printf(c, "Floating IP not found for ID %s", id));
}

static bool floating_ip_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct call call = { .method = "GET" };

    return floating_ip_call(c, &call, request_arg(rq, "id")) && answer_floating_ip(c, rp, json_object_get(call.reply, "floatingip"));
}

static bool floating_ip_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct call call = { .method = "DELETE" };

    return floating_ip_call(c, &call, request_arg(rq, "id"));
}

static bool floating_ip_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = rq->body_size ? request_json(c, rq) : NULL, *networks = failed(c) ? NULL : pools(c), *network;
    const char *pool = json_get_string(body, "pool"), *id = NULL;
    struct call call = { .type = "network", .method = "POST", .path = "/v2.0/floatingips" };
    size_t i;

    if (!networks)
        return false;
    json_array_foreach(networks, i, network)
        if (!id && (!pool || text_equal(json_get_string(network, "name"), pool) || text_equal(json_get_string(network, "id"), pool)))
            id = json_get_string(network, "id");
    if (!id)
        return fail(c, NOT_FOUND_TEXT, pool ? "Floating IP pool not found." : "No more floating IPs available.");
    call.body = ctx_json(c, json_pack("{s:{s:s, s:s}}", "floatingip", "floating_network_id", id, "tenant_id", c->who.project_id));
    if (!client_call(c, &call))
        return false;
    return answer_floating_ip(c, rp, json_object_get(call.reply, "floatingip"));
}

/* --- floating IPs of a server, until 2.43 -------------------------------------------------------------------------- */

static json_t *floating_ip_of(struct ctx *c, const char *address)
{
    json_t *reply = client_get(c, "network", "/v2.0/floatingips?floating_ip_address=%s", client_quote(c, address));
    json_t *ip = json_array_get(json_object_get(reply, "floatingips"), 0);

    return ip || failed(c) ? ip : fail_null(c, NOT_FOUND_TEXT, "floating IP not found");
}

static bool floating_ip_put(struct ctx *c, const json_t *ip, const char *port, const char *fixed)
{
    struct call call = { .type = "network", .method = "PUT", .path = ctx_printf(c, "/v2.0/floatingips/%s", json_get_string(ip, "id")) };

    call.body = ctx_json(c, port ? json_pack("{s:{s:s, s:s}}", "floatingip", "port_id", port, "fixed_ip_address", fixed)
                                 : json_pack("{s:{s:n}}", "floatingip", "port_id"));
    return client_call(c, &call);
}

/* The port that has the address asked for, else the first IPv4 one. */
static const char *port_of(json_t *vifs, const char *asked, const char **ret_fixed)
{
    json_t *vif, *ip;
    size_t i, j;

    json_array_foreach(vifs, i, vif)
        json_array_foreach(json_object_get(vif, "ips"), j, ip)
            if (asked ? text_equal(json_get_string(ip, "address"), asked) : json_get_int(ip, "version", 4) == 4) {
                *ret_fixed = json_get_string(ip, "address");
                return json_get_string(vif, "id");
            }
    return NULL;
}

static bool floating_ip_add(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "actions.addFloatingIp"), *asked = json_object_get(body, "addFloatingIp"), *vifs, *ip;
    const char *fixed_asked = json_get_string(asked, "fixed_address"), *fixed = NULL, *port;
    const struct instance *inst = body ? server_get(c, rq) : NULL;

    if (!inst)
        return false;
    vifs = json_of(c, inst->network_info);
    if (!json_array_size(vifs))
        return fail(c, BAD_REQUEST, "Instance network is not ready yet");
    port = port_of(vifs, fixed_asked, &fixed);
    if (!port)
        return fail(c, BAD_REQUEST, fixed_asked ? "Specified fixed address not assigned to instance"
                                                : "No fixed IPs associated to instance");
    ip = floating_ip_of(c, json_get_string(asked, "address"));
    return ip && floating_ip_put(c, ip, port, fixed) && instance_network_refresh(c, inst->uuid);
}

static bool floating_ip_remove(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "actions.removeFloatingIp"), *reply, *ip;
    const char *address = json_get_string(json_object_get(body, "removeFloatingIp"), "address"), *port;
    const struct instance *inst = body ? server_get(c, rq) : NULL;

    ip = inst ? floating_ip_of(c, address) : NULL;
    if (!ip)
        return false;
    port = json_get_string(ip, "port_id");
    reply = port ? client_get(c, "network", "/v2.0/ports/%s?fields=device_id", port) : NULL;
    if (!text_equal(json_get_string(json_object_get(reply, "port"), "device_id"), inst->uuid))
        return failed(c) ? false : fail(c, CONFLICT, ctx_printf(c, "Floating IP %s is not associated with instance %s.", address, inst->uuid));
    return floating_ip_put(c, ip, NULL, NULL) && instance_network_refresh(c, inst->uuid);
}

const struct route nova_proxy_network_routes[] = {
    { "POST", "servers/{id}/action", floating_ip_add, 202, 0, RULE("os-floating-ips:add"), .until = V(2, 43), .action = "addFloatingIp" },
    { "POST", "servers/{id}/action", floating_ip_remove, 202, 0, RULE("os-floating-ips:remove"), .until = V(2, 43),
      .action = "removeFloatingIp" },
    { "GET", "os-networks", networks_list, .policy = RULE("os-networks:list"), .until = V(2, 35) },
    { "GET", "os-networks/{id}", network_show, .policy = RULE("os-networks:show"), .until = V(2, 35) },
    { "GET", "os-tenant-networks", tenant_networks_list, .policy = RULE("os-tenant-networks:list"), .until = V(2, 35) },
    { "GET", "os-tenant-networks/{id}", tenant_network_show, .policy = RULE("os-tenant-networks:show"), .until = V(2, 35) },
    { "GET", "os-floating-ip-pools", pools_list, .policy = RULE("os-floating-ip-pools"), .until = V(2, 35) },
    { "GET", "os-floating-ips", floating_ips_list, .policy = RULE("os-floating-ips:list"), .until = V(2, 35) },
    { "POST", "os-floating-ips", floating_ip_create, .policy = RULE("os-floating-ips:create"), .until = V(2, 35) },
    { "GET", "os-floating-ips/{id}", floating_ip_show, .policy = RULE("os-floating-ips:show"), .until = V(2, 35) },
    { "DELETE", "os-floating-ips/{id}", floating_ip_delete, 202, ROUTE_EMPTY, RULE("os-floating-ips:delete"), .until = V(2, 35) },
    {}
};
