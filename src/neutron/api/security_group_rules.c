/* One rule of a security group. */
#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/groups.h"
#include "neutron/model/ip.h"
#include "neutron/model/networks.h"
#include "neutron/model/protocols.h"
#include "neutron/model/rbac.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/objects/objects.h"

const struct attr security_group_rule_attrs[] = {
    ATTR(struct security_group_rule, id,                      FILTER | SORT),
    ATTR(struct security_group_rule, project_id,              CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct security_group_rule, security_group_id,       CREATE | REQUIRED | FILTER | SORT, .max = 36),
    ATTR(struct security_group_rule, ethertype,               CREATE | FILTER | SORT, .unset = "IPv4", ONE_OF("IPv4", "IPv6")),
    ATTR(struct security_group_rule, direction,               CREATE | REQUIRED | FILTER | SORT, ONE_OF("ingress", "egress")),
    ATTR(struct security_group_rule, protocol,                CREATE | FILTER | SORT | NULLABLE),
    ATTR(struct security_group_rule, port_range_min,          CREATE | FILTER | SORT | NULLABLE),
    ATTR(struct security_group_rule, port_range_max,          CREATE | FILTER | SORT | NULLABLE),
    ATTR(struct security_group_rule, remote_ip_prefix,        CREATE | FILTER | SORT | NULLABLE),
    ATTR(struct security_group_rule, remote_address_group_id, CREATE | FILTER | SORT | NULLABLE),
    ATTR(struct security_group_rule, normalized_cidr,         FILTER | SORT),
    ATTR(struct security_group_rule, remote_group_id,         CREATE | FILTER | SORT | NULLABLE),
    ATTR(struct security_group_rule, group_owner,             HIDDEN | DERIVED, .json = "security_group:tenant_id"),
    ATTR(struct security_group_rule, description,             CREATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct security_group_rule, created_at,              FILTER | SORT | CREATED_AT),
    ATTR(struct security_group_rule, updated_at,              FILTER | SORT | UPDATED_AT | CREATED_AT),
    ATTR(struct security_group_rule, revision_number,         FILTER | SORT | REVISION, .unset = "-1"),
    {}
};

/* --- the body in the shape the table knows ------------------------------------------------------------------------- */

static bool protocol_read(struct ctx *c, json_t *rule)
{
    json_t *given = json_object_get(rule, "protocol");
    char *text;

    if (!given || json_is_null(given))
        return true;
    text = g_ascii_strdown(python_text(c, given), -1);
    if ((!json_is_string(given) && !json_is_integer(given)) || protocol_number(text) < 0) {
        g_free(text);
        return fail(c, SG_PROTOCOL, python_text(c, given), protocol_names);
    }
    json_object_set_new(rule, "protocol", json_string(text));
    g_free(text);
    return true;
}

static bool port_read(struct ctx *c, json_t *rule, const char *name)
{
    json_t *given = json_object_get(rule, name);
    int64_t port;

    if (!given || json_is_null(given))
        return true;
    if (!text_to_int(python_text(c, given), &port) || port < 0 || port > 65535)
        return fail(c, SG_PORT_VALUE, python_text(c, given));
    json_object_set_new(rule, name, json_integer(port));
    return true;
}

static bool ethertype_read(struct ctx *c, json_t *rule)
{
    json_t *given = json_object_get(rule, "ethertype");
    const char *text = json_string_value(given);

    if (!given)
        return true;
    if (!text || (g_ascii_strcasecmp(text, "IPv4") && g_ascii_strcasecmp(text, "IPv6")))
        return fail(c, SG_ETHERTYPE, python_text(c, given), "['IPv4', 'IPv6']");
    json_object_set_new(rule, "ethertype", json_string(g_ascii_strcasecmp(text, "IPv4") ? "IPv6" : "IPv4"));
    return true;
}

static bool prefix_read(struct ctx *c, json_t *rule)
{
    json_t *given = json_object_get(rule, "remote_ip_prefix");
    const char *text = json_string_value(given);
    struct cidr cidr;

    if (!given || json_is_null(given) || (text && !*text)) {
        json_object_del(rule, "remote_ip_prefix");
        return true;
    }
    if (!text || !cidr_read(text, &cidr))
        return fail(c, INVALID_CIDR, python_text(c, given));
    if (!strchr(text, '/'))
        json_object_set_new(rule, "remote_ip_prefix", json_string(cidr_text(c, cidr)));
    return true;
}

static bool rule_read(struct ctx *c, json_t *rule)
{
    return !json_is_object(rule) || (protocol_read(c, rule) && port_read(c, rule, "port_range_min") && port_read(c, rule, "port_range_max") &&
        ethertype_read(c, rule) && prefix_read(c, rule));
}

static bool rule_create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = request_json(c, request), *rules = json_object_get(body, "security_group_rules"), *rule, *first = NULL, *other;
    size_t i, k;

    if (!body || !rule_read(c, json_object_get(body, "security_group_rule")))
        return false;
    json_array_foreach(rules, i, rule) {
        if (!rule_read(c, rule))
            return false;
        first = first ? first : rule;
        if (!json_equal(json_object_get(rule, "security_group_id"), json_object_get(first, "security_group_id")))
            return fail(c, SG_RULES_MANY_GROUPS);
        json_array_foreach(rules, k, other)
            if (k < i && json_equal(rule, other))
                return fail(c, SG_RULE_DUPLICATE);
    }
    return rest_create(c, request, reply);
}

/* --- judging -------------------------------------------------------------------------------------------------- */

static bool range_judge(struct ctx *c, struct security_group_rule *rule)
{
    bool min = rule->port_range_min.set, max = rule->port_range_max.set;
    int64_t low = rule->port_range_min.value, high = rule->port_range_max.value;
    int number;

    if (!min && !max)
        return true;
    if (!rule->protocol)
        return fail(c, SG_PROTOCOL_REQUIRED);
    number = protocol_number(rule->protocol);
    switch (number) {
    case 6: case 17: case 33: case 132: case 136:
        if ((min && !low) || (max && !high))
            return fail(c, SG_PORT_VALUE, "0");
        return (min && max && low <= high) || fail(c, SG_PORT_RANGE);
    case 1: case 58:
        if (min && low > 255)
            return fail(c, SG_ICMP_VALUE, "type", "port_range_min", (long long)low);
        if (max && high > 255)
            return fail(c, SG_ICMP_VALUE, "code", "port_range_max", (long long)high);
        return min || fail(c, SG_ICMP_TYPE_MISSING, (long long)high);
    default:
        return fail(c, SG_NO_PORTS, ctx_printf(c, "%d", number), "DCCP, SCTP, TCP, UDP, UDPLITE");
    }
}

static bool families_judge(struct ctx *c, struct security_group_rule *rule)
{
    static const int only_ipv6[] = { 41, 44, 58, 59, 60, 43 };
    struct cidr cidr;
    int number = rule->protocol ? protocol_number(rule->protocol) : -1;

    if (rule->remote_ip_prefix && cidr_read(rule->remote_ip_prefix, &cidr)) {
        if (cidr.base.version != (strcmp(rule->ethertype, "IPv4") ? 6 : 4))
            return fail(c, SG_CIDR_ETHERTYPE, rule->ethertype, rule->remote_ip_prefix);
        rule->normalized_cidr = cidr_text(c, cidr);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(only_ipv6); i++)
        if (number == only_ipv6[i] && !strcmp(rule->ethertype, "IPv4"))
            return fail(c, SG_PROTOCOL_ETHERTYPE, rule->ethertype, rule->protocol);
    return true;
}

static bool rule_judge(struct ctx *c, struct change *ch)
{
    static const char *const legacy[] = { "icmp", "icmpv6", NULL };
    struct security_group_rule *rule = ch->now;
    char *owner;

    if (!strcmp(rule->ethertype, "IPv6") && rule->protocol) {
        if (text_in(rule->protocol, legacy))
            rule->protocol = ctx_strdup(c, "ipv6-icmp");
        else if (!strcmp(rule->protocol, "1"))
            rule->protocol = ctx_strdup(c, "58");
    }
    if (rule->port_range_min.set && rule->port_range_max.set && rule->port_range_min.value == 1 && rule->port_range_max.value == 65535)
        rule->port_range_min.set = rule->port_range_max.set = false;
    if (!range_judge(c, rule) || !families_judge(c, rule))
        return false;
    if ((rule->remote_ip_prefix != NULL) + (rule->remote_group_id != NULL) + (rule->remote_address_group_id != NULL) > 1)
        return fail(c, SG_MANY_REMOTES);
    owner = db_get_text(c, "SELECT project_id FROM security_groups WHERE id = $1", T(rule->security_group_id));
    if (failed(c))
        return false;
    if (!owner || (!c->who.is_admin && !text_equal(owner, c->who.project_id)))
        return fail(c, SECURITY_GROUP_NOT_FOUND, rule->security_group_id);
    rule->group_owner = owner;
    return true;
}

/* --- create and delete ---------------------------------------------------------------------------------------- */

static const char *prefix_meaning(const char *prefix)
{
    return prefix && strcmp(prefix, "0.0.0.0/0") && strcmp(prefix, "::/0") ? prefix : NULL;
}

static bool rule_same(const struct security_group_rule *a, const struct security_group_rule *b)
{
    return !strcmp(a->ethertype, b->ethertype) && !strcmp(a->direction, b->direction) && protocol_same(a->protocol, b->protocol) &&
        a->port_range_min.set == b->port_range_min.set && a->port_range_max.set == b->port_range_max.set &&
        (!a->port_range_min.set || a->port_range_min.value == b->port_range_min.value) &&
        (!a->port_range_max.set || a->port_range_max.value == b->port_range_max.value) &&
        text_equal(prefix_meaning(a->normalized_cidr), prefix_meaning(b->normalized_cidr)) &&
        text_equal(a->remote_group_id, b->remote_group_id) && text_equal(a->remote_address_group_id, b->remote_address_group_id);
}

static bool rule_is_new(struct ctx *c, const struct security_group_rule *rule)
{
    struct buf columns = { 0 };
    struct rows *rows;
    const char *same = NULL;

    record_columns(&columns, security_group_rule_attrs, "");
    rows = db_query(c, ctx_printf(c, "SELECT %s FROM security_group_rules WHERE security_group_id = $1 AND direction = $2", columns.data),
                    T(rule->security_group_id), T(rule->direction));
    buf_clear(&columns);
    while (db_next(rows)) {
        struct security_group_rule other = { 0 };

        record_from_row(rows, security_group_rule_attrs, &other, 0);
        if (!same && rule_same(rule, &other))
            same = other.id;
    }
    return !same ? !failed(c) : fail(c, SG_RULE_EXISTS, same);
}

static bool rule_check(struct ctx *c, struct change *ch)
{
    const struct security_group_rule *rule = ch->now;
    json_t *remote = rule->remote_group_id ? ctx_json(c, json_pack("[s]", rule->remote_group_id)) : NULL;

    if (remote && !port_groups_check(c, remote, rule->project_id))
        return false;
    if (rule->remote_address_group_id && !rest_find_any(c, &address_group_resource, rule->remote_address_group_id))
        return false;
    return rule_is_new(c, rule);
}

static bool rule_noted(struct ctx *c, const struct security_group_rule *rule)
{
    return revision_bump(c, "security_groups", rule->security_group_id) && object_changed(c, OBJECT_SECURITY_GROUP_RULE, rule->id);
}

static bool rule_stored(struct ctx *c, struct change *ch)
{
    return rule_noted(c, ch->now);
}

static bool rule_deleting(struct ctx *c, void *record)
{
    return rule_noted(c, record);
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static void owner_row(void *record, struct rows *rows, void *data)
{
    ((struct security_group_rule *)record)->group_owner = db_text(rows, 1);
}

static bool rule_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill owners = {
        .select = "SELECT id, project_id FROM security_groups WHERE id", .key = offsetof(struct security_group_rule, security_group_id),
    };

    return c->who.is_admin || fill_rows(c, page, n, &owners, owner_row, NULL);
}

static bool rule_visible(struct ctx *c, struct sql *s)
{
    sql_add(s, " AND (t.project_id = ? OR t.security_group_id IN (SELECT id FROM security_groups WHERE project_id = ?) OR t.security_group_id IN"
            " (SELECT object_id FROM rbac_policies WHERE object_type = 'security_group' AND target_tenant IN (?, '*')))",
            T(c->who.project_id), T(c->who.project_id), T(c->who.project_id));
    return true;
}

static bool rule_list(struct ctx *c, struct request *request, struct reply *reply)
{
    return default_group_ensure(c, c->who.project_id) && rest_list(c, request, reply);
}

const struct resource security_group_rule_resource = {
    .name = "security_group_rule", .plural = "security_group_rules", .path = "/security-group-rules", .size = sizeof(struct security_group_rule),
    .attrs = security_group_rule_attrs, .quota = "security_group_rule", .create = rule_create, .list = rule_list,
    .judge = rule_judge, .check = rule_check, .stored = rule_stored, .deleting = rule_deleting, .committed = notify_change,
    .fill = rule_fill, .visible = rule_visible,
};
