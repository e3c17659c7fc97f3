/* /servers/{id}/os-interface: the ports of a server, as Neutron has them; and its security groups. */
#include "nova/api/action.h"
#include "nova/api/proxy_groups.h"
#include "nova/jobs/jobs.h"
#include "nova/model/action.h"
#include "nova/rpc/compute.h"

#include "oslo/client/client.h"

#include <string.h>

#define ATTACHABLE IN(VM_ACTIVE, VM_PAUSED, VM_STOPPED)
static const struct server_action attach = { .name = "attach_interface", .states = ATTACHABLE };
static const struct server_action detach = { .name = "detach_interface", .states = ATTACHABLE };

/* --- showing ------------------------------------------------------------------------------------------------------ */

static const char *tag_of(struct ctx *c, const struct instance *inst, const char *port)
{
    json_t *vif;
    size_t i;

    json_t *parsed = json_of(c, inst->network_info);

    json_array_foreach(parsed, i, vif)
        if (text_equal(json_get_string(vif, "id"), port))
            return json_get_string(vif, "tag");
    return NULL;
}

static void write_port(struct ctx *c, struct out *o, const char *key, const struct instance *inst, const json_t *port)
{
    out_object(o, key);
    out_string(o, "net_id", json_get_string(port, "network_id"));
    out_string(o, "port_id", json_get_string(port, "id"));
    out_string(o, "mac_addr", json_get_string(port, "mac_address"));
    out_string(o, "port_state", json_get_string(port, "status"));
    out_json(o, "fixed_ips", json_object_get(port, "fixed_ips"));
    if (c->version >= V(2, 70))
        out_string(o, "tag", tag_of(c, inst, json_get_string(port, "id")));
    out_end_object(o);
}

static bool interfaces_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    json_t *reply = inst ? client_get(c, "network", "/v2.0/ports?device_id=%s", inst->uuid) : NULL, *port;
    struct out o;
    size_t i;

    if (!reply)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "interfaceAttachments");
    json_array_foreach(json_object_get(reply, "ports"), i, port)
        write_port(c, &o, NULL, inst, port);
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static json_t *port_get(struct ctx *c, const char *id)
{
    struct call call = { .type = "network", .method = "GET", .path = ctx_printf(c, "/v2.0/ports/%s", client_quote(c, id)), .accept_404 = "yes" };

    if (!client_call(c, &call))
        return NULL;
    return call.status == 404 ? fail_null(c, PORT_NOT_FOUND, id) : json_object_get(call.reply, "port");
}

static bool answer_port(struct ctx *c, struct reply *rp, const struct instance *inst, const char *id)
{
    json_t *port = port_get(c, id);
    struct out o;

    if (!port)
        return false;
    if (!text_equal(json_get_string(port, "device_id"), inst->uuid))
        return fail(c, PORT_NOT_OF_SERVER, inst->uuid, id);
    o = answer(rp);
    out_object(&o, NULL);
    write_port(c, &o, "interfaceAttachment", inst, port);
    out_end_object(&o);
    return true;
}

static bool interface_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && answer_port(c, rp, inst, request_arg(rq, "port_id"));
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

/* The action is written down before and after; what lies between asks others, with no transaction open. */
static json_t *recorded_call(struct ctx *c, const struct instance *inst, const char *name, const char *method, json_t *args)
{
    json_t *result;

    if (!db_begin(c) || !tx_done(c, action_begin(c, inst->uuid, name) && event_begin(c, inst->uuid, ctx_printf(c, "compute_%s", name), inst->host))) {
        json_decref(args);
        return NULL;
    }
    result = compute_call(c, inst, method, args);
    const struct fault fault = c->fault;
    fault_clear(c);
    if (db_begin(c))
        tx_done(c, event_end(c, inst->uuid, ctx_printf(c, "compute_%s", name), fault.status ? fault.message : NULL) &&
                   (fault.status ? true : action_end(c, inst->uuid, NULL)));
    if (fault.status)
        c->fault = fault;
    return result;
}

static bool check_network(struct ctx *c, const char *id)
{
    struct call call = { .type = "network", .method = "GET", .path = ctx_printf(c, "/v2.0/networks/%s", id), .accept_404 = "yes" };

    return client_call(c, &call) && (call.status != 404 || fail(c, ATTACHED_NETWORK_NOT_FOUND, id));
}

static json_t *or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static bool interface_attach(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.interface"), *asked = json_object_get(body, "interfaceAttachment"), *vif;
    const char *network = json_get_string(asked, "net_id"), *port = json_get_string(asked, "port_id");
    const char *ip = json_get_string(json_array_get(json_object_get(asked, "fixed_ips"), 0), "ip_address");
    const struct instance *inst = body ? server_get(c, rq) : NULL;
    json_t *found;

    if (!inst)
        return false;
    if (network && port)
        return fail(c, BAD_REQUEST, "Must not input both network_id and port_id");
    if (ip && !network)
        return fail(c, BAD_REQUEST, "Must input network_id when request IP address");
    if (!action_allowed(c, inst, &attach) || (network && !check_network(c, network)))
        return false;
    if (port) {
        found = port_get(c, port);
        if (!found)
            return false;
        if (json_get_string(found, "device_id") && *json_get_string(found, "device_id"))
            return fail(c, PORT_IN_USE, port);
    }
    vif = recorded_call(c, inst, "attach_interface", RPC_ATTACH_INTERFACE,
                        json_pack("{s:o, s:o, s:o, s:o}", "network_id", or_null(network), "port_id", or_null(port), "requested_ip",
                                  or_null(ip), "tag", or_null(json_get_string(asked, "tag"))));
    if (!vif)
        return false;
    inst = instance_get(c, inst->uuid);
    return inst && answer_port(c, rp, inst, json_get_string(vif, "id"));
}

static bool interface_detach(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *port = request_arg(rq, "port_id");
    const struct instance *inst = server_get(c, rq);
    bool has = false;
    json_t *vif;
    size_t i;

    if (!inst || !action_allowed(c, inst, &detach))
        return false;
    json_t *parsed = json_of(c, inst->network_info);

    json_array_foreach(parsed, i, vif)
        has |= text_equal(json_get_string(vif, "id"), port);
    if (!has)
        return true;
    return recorded_call(c, inst, "detach_interface", RPC_DETACH_INTERFACE, json_pack("{s:s}", "port_id", port)) != NULL;
}

/* --- security groups ---------------------------------------------------------------------------------------------- */

static json_t *ports_of(struct ctx *c, const struct instance *inst)
{
    json_t *reply = client_get(c, "network", "/v2.0/ports?device_id=%s&fields=id&fields=security_groups&fields=port_security_enabled&fields=fixed_ips",
                               inst->uuid);

    return reply ? json_object_get(reply, "ports") : NULL;
}

static bool groups_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    json_t *ports = inst ? ports_of(c, inst) : NULL, *port, *id, *reply = NULL, *group;
    struct buf path = {};
    struct out o;
    size_t i, j;

    if (!ports)
        return false;
    buf_puts(&path, "/v2.0/security-groups?");
    json_array_foreach(ports, i, port)
        json_array_foreach(json_object_get(port, "security_groups"), j, id)
            buf_printf(&path, "id=%s&", json_string_value(id));
    if (strstr(path.data, "id="))
        reply = client_get(c, "network", "%s", path.data);
    buf_clear(&path);
    if (failed(c))
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "security_groups");
    json_array_foreach(json_object_get(reply, "security_groups"), i, group)
        security_group_write(&o, NULL, group, json_object_get(reply, "security_groups"));
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static const char *group_find(struct ctx *c, const char *name)
{
    const char *key = uuid_is(name) ? "id" : "name";
    json_t *reply = client_get(c, "network", "/v2.0/security-groups?%s=%s&fields=id", key, client_quote(c, name)), *groups;

    if (!reply)
        return NULL;
    groups = json_object_get(reply, "security_groups");
    if (!json_array_size(groups))
        return fail_null(c, GROUP_NOT_FOUND, name, c->who.project_id);
    return json_array_size(groups) > 1 ? fail_null(c, GROUP_NOT_UNIQUE, name) : json_get_string(json_array_get(groups, 0), "id");
}

static bool port_set_groups(struct ctx *c, const char *port, json_t *groups)
{
    struct call call = { .type = "network", .method = "PUT", .path = ctx_printf(c, "/v2.0/ports/%s", port),
                         .body = ctx_json(c, json_pack("{s:{s:O}}", "port", "security_groups", groups)) };

    return client_call(c, &call);
}

static bool has_id(json_t *ids, const char *id, size_t *ret_index)
{
    for (*ret_index = 0; *ret_index < json_array_size(ids); ++*ret_index)
        if (text_equal(json_string_value(json_array_get(ids, *ret_index)), id))
            return true;
    return false;
}

/* addSecurityGroup and removeSecurityGroup, on every port of the server. */
static bool group_change(struct ctx *c, struct request *rq, struct reply *rp)
{
    bool adding = strcmp(rq->route->action, "addSecurityGroup") == 0, changed = false;
    json_t *body = request_json(c, rq), *ports, *port;
    const char *name = json_get_string(json_object_get(body, rq->route->action), "name"), *id;
    const struct instance *inst;
    size_t i, at;

    if (!body)
        return false;
    if (!json_object_size(json_object_get(body, rq->route->action)))
        return fail(c, BAD_REQUEST, "Security group not specified");
    if (!name)
        return fail(c, BAD_REQUEST, "Security group name not specified");
    if (!*g_strstrip(ctx_strdup(c, name)))
        return fail(c, BAD_REQUEST, "Security group name cannot be empty");
    inst = server_get(c, rq);
    id = inst ? group_find(c, name) : NULL;
    ports = id ? ports_of(c, inst) : NULL;
    if (!ports)
        return false;
    json_array_foreach(ports, i, port) {
        json_t *ids = ctx_json(c, json_deep_copy(json_object_get(port, "security_groups")));

        if (has_id(ids, id, &at) == adding)
            continue;
        if (adding)
            json_array_append_new(ids, json_string(id));
        else
            json_array_remove(ids, at);
        if (!port_set_groups(c, json_get_string(port, "id"), ids))
            return false;
        changed = true;
    }
    if (!changed && !adding)
        return fail(c, GROUP_NOT_OF_SERVER, name, inst->uuid);
    return instance_network_refresh(c, inst->uuid);
}

const struct route nova_interface_routes[] = {
    { "GET", "servers/{id}/os-interface", interfaces_list, .policy = RULE("os-attach-interfaces:list") },
    { "POST", "servers/{id}/os-interface", interface_attach, .policy = RULE("os-attach-interfaces:create") },
    { "GET", "servers/{id}/os-interface/{port_id}", interface_show, .policy = RULE("os-attach-interfaces:show") },
    { "DELETE", "servers/{id}/os-interface/{port_id}", interface_detach, 202, ROUTE_EMPTY, RULE("os-attach-interfaces:delete") },
    { "GET", "servers/{id}/os-security-groups", groups_list, .policy = RULE("os-security-groups:list") },
    { "POST", "servers/{id}/action", group_change, 202, 0, RULE("os-security-groups:add"), .action = "addSecurityGroup" },
    { "POST", "servers/{id}/action", group_change, 202, 0, RULE("os-security-groups:remove"), .action = "removeSecurityGroup" },
    {}
};
