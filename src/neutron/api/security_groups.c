/* A security group: rules that say what may reach the ports in it, and what they may reach. */
#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/groups.h"
#include "neutron/model/rbac.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/objects/objects.h"

const struct attr security_group_attrs[] = {
    ATTR(struct security_group, id,         FILTER | SORT),
    ATTR(struct security_group, name,       CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct security_group, stateful,   CREATE | UPDATE, .unset = "true"),
    ATTR(struct security_group, project_id, CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct security_group, is_default, HIDDEN, .unset = "false"),
    ATTR(struct security_group, shared,     DERIVED, .unset = "false"),
    ATTR(struct security_group, rules,      DERIVED, .json = "security_group_rules"),
    STANDARD_ATTRS(struct security_group, "0"),
    {}
};

static bool group_judge(struct ctx *c, struct change *ch)
{
    const struct security_group *group = ch->now;

    if (asked(ch, "name") && !g_ascii_strcasecmp(group->name, "default") && !(ch->old && ((const struct security_group *)ch->old)->is_default))
        return fail(c, DEFAULT_GROUP_EXISTS);
    return true;
}

static bool group_check(struct ctx *c, struct change *ch)
{
    const struct security_group *old = ch->old, *group = ch->now;

    if (!old)
        return default_group(c, group->project_id) != NULL;
    if (old->is_default && !text_equal(old->name, group->name))
        return fail(c, DEFAULT_GROUP_UPDATE);
    if (old->stateful != group->stateful &&
        db_count(c, "SELECT count(*) FROM port_security_groups WHERE security_group_id = $1", T(group->id)))
        return fail(c, SECURITY_GROUP_IN_USE, group->id, "cannot be updated. stateful attribute may not be changed when group is in use by ports");
    return !failed(c);
}

static bool group_stored(struct ctx *c, struct change *ch)
{
    const struct security_group *group = ch->now;

    return (ch->old || group_egress_rules(c, group->id, group->project_id)) && object_changed(c, OBJECT_SECURITY_GROUP, group->id);
}

static bool group_deleting(struct ctx *c, void *record)
{
    const struct security_group *group = record;

    if (group->is_default && !c->who.is_admin)
        return fail(c, DEFAULT_GROUP_REMOVE);
    if (db_count(c, "SELECT count(*) FROM port_security_groups WHERE security_group_id = $1", T(group->id)))
        return fail(c, SECURITY_GROUP_IN_USE, group->id, "in use");
    return !failed(c) && rbac_forget(c, "security_group", group->id) && object_changed(c, OBJECT_SECURITY_GROUP, group->id);
}

static void opt_int_write(struct out *o, const char *key, struct rows *rows, int column)
{
    if (db_is_null(rows, column))
        out_null(o, key);
    else
        out_int(o, key, db_int(rows, column));
}

static void rule_element(struct out *o, struct rows *rows)
{
    static const char *const texts[] = { "id", "tenant_id", "security_group_id", "ethertype", "direction", "protocol", "remote_ip_prefix",
        "remote_address_group_id", "normalized_cidr", "remote_group_id", "description" };
    int column = 1;

    out_object(o, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        out_string(o, texts[i], db_text(rows, column++));
    opt_int_write(o, "port_range_min", rows, column++);
    opt_int_write(o, "port_range_max", rows, column++);
    out_array(o, "tags");
    out_end_array(o);
    out_time(o, "created_at", (utc_time){ db_int(rows, column++) });
    out_time(o, "updated_at", (utc_time){ db_int(rows, column++) });
    out_int(o, "revision_number", db_int(rows, column++));
    out_string(o, "project_id", db_text(rows, 2));
    out_end_object(o);
}

static bool group_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill rules = {
        .select = "SELECT security_group_id, id, project_id, security_group_id, ethertype, direction, protocol, remote_ip_prefix,"
                  " remote_address_group_id, normalized_cidr, remote_group_id, description, port_range_min, port_range_max, created_at, updated_at,"
                  " revision_number FROM security_group_rules WHERE security_group_id",
        .order = " ORDER BY security_group_id, created_at, id", .key = offsetof(struct security_group, id),
    };

    return rbac_fill_shared(c, page, n, "security_group", offsetof(struct security_group, id), offsetof(struct security_group, shared)) &&
        fill_lists(c, page, n, &rules, offsetof(struct security_group, rules), rule_element);
}

static bool group_visible(struct ctx *c, struct sql *s)
{
    rbac_visible(c, s, "security_group");
    return true;
}

static bool group_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    return rbac_filter(c, "security_group", name, values, s, ret_taken);
}

/* A project has a default group from its first look on. */
static bool group_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *asked_for = request_query(request, "project_id") ? request_query(request, "project_id") : request_query(request, "tenant_id");

    return default_group_ensure(c, c->who.project_id) && (!asked_for || !c->who.is_admin || default_group_ensure(c, asked_for)) &&
        rest_list(c, request, reply);
}

const struct resource security_group_resource = {
    .name = "security_group", .plural = "security_groups", .path = "/security-groups", .size = sizeof(struct security_group),
    .attrs = security_group_attrs, .quota = "security_group", .list = group_list,
    .judge = group_judge, .check = group_check, .stored = group_stored, .deleting = group_deleting, .committed = notify_change,
    .fill = group_fill, .visible = group_visible, .filter = group_filter,
};
