/* /os-security-groups and /os-security-group-rules, until 2.35: Neutron's groups in Nova's words. */
#include "nova/api/proxy_groups.h"

#include "oslo/client/client.h"

#include <string.h>

/* --- showing ------------------------------------------------------------------------------------------------------ */

static const json_t *group_of(json_t *groups, const char *id)
{
    json_t *group;
    size_t i;

    json_array_foreach(groups, i, group)
        if (id && text_equal(json_get_string(group, "id"), id))
            return group;
    return NULL;
}

/* Ports nobody gave are every port of that protocol. */
static void write_ports(struct out *o, const json_t *rule)
{
    const char *protocol = json_get_string(rule, "protocol");
    bool icmp = protocol && strstr(protocol, "icmp");

    if (protocol && !json_is_integer(json_object_get(rule, "port_range_min"))) {
        out_int(o, "from_port", icmp ? -1 : 1);
        out_int(o, "to_port", icmp ? -1 : 65535);
        return;
    }
    out_json(o, "from_port", json_object_get(rule, "port_range_min"));
    out_json(o, "to_port", json_object_get(rule, "port_range_max"));
}

static void write_rule(struct out *o, const char *key, const json_t *rule, json_t *groups)
{
    const char *remote = json_get_string(rule, "remote_group_id"), *prefix = json_get_string(rule, "remote_ip_prefix");
    const json_t *source = group_of(groups, remote);

    out_object(o, key);
    out_string(o, "id", json_get_string(rule, "id"));
    out_string(o, "parent_group_id", json_get_string(rule, "security_group_id"));
    out_string(o, "ip_protocol", json_get_string(rule, "protocol"));
    write_ports(o, rule);
    out_object(o, "group");
    if (source) {
        out_string(o, "name", json_get_string(source, "name"));
        out_string(o, "tenant_id", json_get_string(source, "tenant_id"));
    }
    out_end_object(o);
    out_object(o, "ip_range");
    if (!remote)
        out_string(o, "cidr", prefix ? prefix : text_equal(json_get_string(rule, "ethertype"), "IPv6") ? "::/0" : "0.0.0.0/0");
    out_end_object(o);
    out_end_object(o);
}

void security_group_write(struct out *o, const char *key, const json_t *group, json_t *groups)
{
    json_t *rules = json_object_get(group, "security_group_rules"), *rule;
    size_t i;

    out_object(o, key);
    out_string(o, "id", json_get_string(group, "id"));
    out_string(o, "description", json_get_string(group, "description"));
    out_string(o, "name", json_get_string(group, "name"));
    out_string(o, "tenant_id", json_get_string(group, "tenant_id"));
    out_array(o, "rules");
    json_array_foreach(rules, i, rule)
        if (text_equal(json_get_string(rule, "direction"), "ingress"))
            write_rule(o, NULL, rule, groups);
    out_end_array(o);
    out_end_object(o);
}

static json_t *groups_of_project(struct ctx *c, bool all)
{
    json_t *reply = all ? client_get(c, "network", "/v2.0/security-groups?sort_key=name")
                        : client_get(c, "network", "/v2.0/security-groups?sort_key=name&tenant_id=%s", c->who.project_id);

    return reply ? json_object_get(reply, "security_groups") : NULL;
}

static bool groups_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *all_text = request_query(rq, "all_tenants"), *limit_text = request_query(rq, "limit"), *offset_text = request_query(rq, "offset");
    bool all = false;
    int64_t limit = MAX_LIMIT, offset = 0;
    json_t *groups, *group;
    struct out o;
    size_t i;

    if (all_text)
        text_to_bool(all_text, &all);
    if ((limit_text && !text_to_int(limit_text, &limit)) || (offset_text && !text_to_int(offset_text, &offset)))
        return fail(c, BAD_REQUEST, "limit and offset must be integers");
    groups = groups_of_project(c, all && c->who.is_admin);
    if (!groups)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "security_groups");
    json_array_foreach(groups, i, group)
        if ((int64_t)i >= offset && (int64_t)i < offset + limit)
            security_group_write(&o, NULL, group, groups);
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static bool answer_group(struct ctx *c, struct reply *rp, const json_t *group)
{
    json_t *groups = groups_of_project(c, false);
    struct out o;

    if (!groups)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    security_group_write(&o, "security_group", group, groups);
    out_end_object(&o);
    return true;
}

/* --- asking Neutron ----------------------------------------------------------------------------------------------- */

static bool id_valid(struct ctx *c, const char *id)
{
    return (id && uuid_is(id)) || fail(c, BAD_REQUEST, "Security group id should be uuid");
}

/* A call about one group or rule: what is not there is said in Nova's words, what is wrong in Neutron's. */
static bool ask(struct ctx *c, struct call *call, const char *what, const char *id)
{
    call->type = "network";
    call->accept_404 = "yes";
    if (!client_call(c, call))
        return false;
    return call->status != 404 || fail(c, NOT_FOUND_TEXT, ctx_printf(c, "%s %s not found.", what, id));
}

static json_t *group_get(struct ctx *c, const char *id)
{
    struct call call = { .method = "GET", .path = ctx_printf(c, "/v2.0/security-groups/%s", id) };

    return id_valid(c, id) && ask(c, &call, "Security group", id) ? json_object_get(call.reply, "security_group") : NULL;
}

static json_t *asked_member(struct ctx *c, struct request *rq, const char *key)
{
    json_t *body = rq->body_size ? request_json(c, rq) : NULL, *asked = json_object_get(body, key);

    if (failed(c))
        return NULL;
    if (!json_object_size(body))
        return fail_null(c, UNPROCESSABLE, "The request body can't be empty");
    return json_is_object(asked) ? asked : fail_null(c, BAD_REQUEST, ctx_printf(c, "Missing parameter %s", key));
}

static bool text_valid(struct ctx *c, const json_t *asked, const char *name)
{
    const json_t *value = json_object_get(asked, name);
    size_t n;

    if (!json_is_string(value))
        return fail(c, INVALID_INPUT, ctx_printf(c, "%s is not a string or unicode", name));
    n = text_length(json_string_value(value));
    return n <= 255 || fail(c, INVALID_INPUT, ctx_printf(c, "%s has %zu characters, more than 255.", name, n));
}

static bool group_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const json_t *group = group_get(c, request_arg(rq, "id"));

    return group && answer_group(c, rp, group);
}

static bool group_store(struct ctx *c, struct request *rq, struct reply *rp)
{
    bool creating = strcmp(rq->method, "POST") == 0;
    struct call call = { .method = rq->method, .path = "/v2.0/security-groups" };
    const char *id = creating ? "" : request_arg(rq, "id");
    json_t *asked;

    if (!creating && !group_get(c, id))
        return false;
    asked = asked_member(c, rq, "security_group");
    if (!asked || !text_valid(c, asked, "name") || !text_valid(c, asked, "description"))
        return false;
    if (!creating)
        call.path = ctx_printf(c, "/v2.0/security-groups/%s", id);
    call.body = ctx_json(c, json_pack("{s:{s:O, s:O}}", "security_group", "name", json_object_get(asked, "name"), "description",
                                      json_object_get(asked, "description")));
    return ask(c, &call, "Security group", id) && answer_group(c, rp, json_object_get(call.reply, "security_group"));
}

static bool group_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *id = request_arg(rq, "id");
    struct call call = { .method = "DELETE", .path = ctx_printf(c, "/v2.0/security-groups/%s", id) };

    if (!id_valid(c, id))
        return false;
    if (ask(c, &call, "Security group", id))
        return true;
    if (c->fault.status != 409)
        return false;
    const char *message = c->fault.message;
    fault_clear(c);
    return fail(c, BAD_REQUEST, message);
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static bool ports_valid(struct ctx *c, const char *protocol, int64_t from, int64_t to)
{
    bool icmp = g_ascii_strcasecmp(protocol, "icmp") == 0;

    if (!icmp && g_ascii_strcasecmp(protocol, "tcp") != 0 && g_ascii_strcasecmp(protocol, "udp") != 0)
        return fail(c, BAD_REQUEST, ctx_printf(c, "Invalid IP protocol %s", protocol));
    if (!icmp && from > to)
        return fail(c, INVALID_PORT_RANGE, from, to, "Former value cannot be greater than the later");
    if (!icmp && (from < 1 || to > 65535))
        return fail(c, INVALID_PORT_RANGE, from, to,
                    ctx_printf(c, "Valid %s ports should be between 1-65535", g_ascii_strcasecmp(protocol, "tcp") == 0 ? "TCP" : "UDP"));
    return !icmp || (from >= -1 && from <= 255 && to >= -1 && to <= 255) ||
           fail(c, INVALID_PORT_RANGE, from, to, "For ICMP, the type:code must be valid");
}

/* Neutron's rule of what was asked. NULL with a fault. */
static json_t *rule_wanted(struct ctx *c, const json_t *asked)
{
    const char *protocol = json_get_string(asked, "ip_protocol"), *group = json_get_string(asked, "group_id");
    const char *cidr = json_get_string(asked, "cidr") ? json_get_string(asked, "cidr") : "0.0.0.0/0";
    json_t *from_json = json_object_get(asked, "from_port"), *to_json = json_object_get(asked, "to_port"), *rule = ctx_json(c, json_object());
    bool ports = from_json && to_json && !json_is_null(from_json) && !json_is_null(to_json);
    int64_t from = loose_int(from_json, INT64_MIN), to = loose_int(to_json, INT64_MIN);

    if (!group && !format_cidr.check(cidr))
        return fail_null(c, BAD_REQUEST, ctx_printf(c, "%s is not a valid IP network.", cidr));
    if (ports && protocol && (from == INT64_MIN || to == INT64_MIN))
        return fail_null(c, INVALID_INPUT, g_ascii_strcasecmp(protocol, "icmp") == 0
                         ? "Type and Code must be integers for ICMP protocol type" : "To and From ports must be integers");
    if (!group && !(protocol && ports))
        return fail_null(c, BAD_REQUEST, "Not enough parameters to build a valid rule.");
    if (protocol && ports && !ports_valid(c, protocol, from, to))
        return NULL;
    json_object_set_new(rule, "direction", json_string("ingress"));
    json_object_set(rule, "security_group_id", json_object_get(asked, "parent_group_id"));
    json_object_set_new(rule, "ethertype", json_string(!group && strchr(cidr, ':') ? "IPv6" : "IPv4"));
    if (protocol)
        json_object_set_new(rule, "protocol", json_string(ctx_own(c, g_ascii_strdown(protocol, -1), g_free)));
    if (protocol && ports && from != -1)
        json_object_set_new(rule, "port_range_min", json_integer(from));
    if (protocol && ports && to != -1)
        json_object_set_new(rule, "port_range_max", json_integer(to));
    json_object_set_new(rule, group ? "remote_group_id" : "remote_ip_prefix", json_string(group ? group : cidr));
    return rule;
}

static bool rule_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *asked = asked_member(c, rq, "security_group_rule"), *rule, *groups;
    struct call call = { .method = "POST", .path = "/v2.0/security-group-rules" };
    struct out o;

    if (!asked || !group_get(c, json_get_string(asked, "parent_group_id")))
        return false;
    if (json_get_string(asked, "group_id") && !group_get(c, json_get_string(asked, "group_id")))
        return false;
    rule = rule_wanted(c, asked);
    if (!rule)
        return false;
    call.body = ctx_json(c, json_pack("{s:O}", "security_group_rule", rule));
    if (!ask(c, &call, "Security group", json_get_string(asked, "parent_group_id"))) {
        const char *message = c->fault.message;

        if (c->fault.status != 409)
            return false;
        fault_clear(c);
        return fail(c, BAD_REQUEST, strstr(message, "already exists") ? ctx_printf(c, "This rule already exists in group %s",
                                                                                   json_get_string(asked, "parent_group_id")) : message);
    }
    groups = groups_of_project(c, false);
    if (!groups)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    write_rule(&o, "security_group_rule", json_object_get(call.reply, "security_group_rule"), groups);
    out_end_object(&o);
    return true;
}

static bool rule_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *id = request_arg(rq, "id");
    struct call call = { .method = "DELETE", .path = ctx_printf(c, "/v2.0/security-group-rules/%s", id) };

    return id_valid(c, id) && ask(c, &call, "Security group with rule", id);
}

const struct route nova_proxy_group_routes[] = {
    { "GET", "os-security-groups", groups_list, .policy = RULE("os-security-groups:get"), .until = V(2, 35) },
    { "POST", "os-security-groups", group_store, .policy = RULE("os-security-groups:create"), .until = V(2, 35) },
    { "GET", "os-security-groups/{id}", group_show, .policy = RULE("os-security-groups:show"), .until = V(2, 35) },
    { "PUT", "os-security-groups/{id}", group_store, .policy = RULE("os-security-groups:update"), .until = V(2, 35) },
    { "DELETE", "os-security-groups/{id}", group_delete, 202, ROUTE_EMPTY, RULE("os-security-groups:delete"), .until = V(2, 35) },
    { "POST", "os-security-group-rules", rule_create, .policy = RULE("os-security-groups:rule:create"), .until = V(2, 35) },
    { "DELETE", "os-security-group-rules/{id}", rule_delete, 202, ROUTE_EMPTY, RULE("os-security-groups:rule:delete"), .until = V(2, 35) },
    {}
};
