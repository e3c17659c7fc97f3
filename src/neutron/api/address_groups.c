/* An address group: a named list of prefixes that security group rules may point to. */
#include <string.h>

#include "neutron/model/pools.h"
#include "neutron/model/rbac.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/objects/objects.h"
#include "neutron/rpc/l2.h"

struct address_group {
    char *id, *name, *project_id, *description;
    bool shared;
    raw_json addresses;
    utc_time created_at, updated_at;
    int64_t revision_number;
};

static const struct attr address_group_attrs[] = {
    ATTR(struct address_group, id,              FILTER | SORT),
    ATTR(struct address_group, name,            CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct address_group, description,     CREATE | UPDATE | FILTER | SORT, .max = 1024, .unset = ""),
    ATTR(struct address_group, project_id,      CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct address_group, shared,          DERIVED | HIDDEN, .unset = "false"),
    ATTR(struct address_group, addresses,       CREATE | NULLABLE, .unset = "[]"),
    ATTR(struct address_group, created_at,      FILTER | SORT | HIDDEN | CREATED_AT),
    ATTR(struct address_group, updated_at,      FILTER | SORT | HIDDEN | UPDATED_AT | CREATED_AT),
    ATTR(struct address_group, revision_number, FILTER | SORT | HIDDEN | REVISION),
    {}
};

/* Each once, in canonical form. */
static json_t *addresses_normal(struct ctx *c, const json_t *list)
{
    json_t *normal = ctx_json(c, json_array()), *entry, *other;
    size_t i, k;

    json_array_foreach(list, i, entry) {
        struct cidr cidr = { 0 };
        json_t *text;
        bool seen = false;

        cidr_read(json_string_value(entry), &cidr);
        text = ctx_json(c, json_string(cidr_text(c, cidr)));
        json_array_foreach(normal, k, other)
            seen = seen || json_equal(text, other);
        if (!seen)
            json_array_append(normal, text);
    }
    return normal;
}

static bool group_judge(struct ctx *c, struct change *ch)
{
    struct address_group *group = ch->now;
    json_t *list = json_of(c, group->addresses);

    if (ch->old)
        return true;
    if (!json_is_null(list) && !prefixes_judge(c, "addresses", list))
        return false;
    group->addresses = json_text(c, addresses_normal(c, list));
    return true;
}

static bool group_deleting(struct ctx *c, void *record)
{
    const struct address_group *group = record;

    if (db_count(c, "SELECT count(*) FROM security_group_rules WHERE remote_address_group_id = $1", T(group->id)))
        return fail(c, ADDRESS_GROUP_IN_USE, group->id);
    return !failed(c) && rbac_forget(c, "address_group", group->id) && object_changed(c, OBJECT_ADDRESS_GROUP, group->id);
}

static bool group_stored(struct ctx *c, struct change *ch)
{
    return object_changed(c, OBJECT_ADDRESS_GROUP, ((const struct address_group *)ch->now)->id);
}

static bool group_committed(struct ctx *c, const struct change *ch)
{
    objects_wake();
    return true;
}

static bool group_fill(struct ctx *c, void *const *page, size_t n)
{
    return rbac_fill_shared(c, page, n, "address_group", offsetof(struct address_group, id), offsetof(struct address_group, shared));
}

static bool group_visible(struct ctx *c, struct sql *s)
{
    rbac_visible(c, s, "address_group");
    return true;
}

static bool group_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    return rbac_filter(c, "address_group", name, values, s, ret_taken);
}

/* A group that is only shared is shown, but not there to be changed. */
static bool group_update(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct address_group *group = rest_find(c, &address_group_resource, request_arg(request, "id"));

    if (!group)
        return false;
    if (!policy_allows(c, "update_address_group", TARGET_RECORD(address_group_attrs, group)))
        return fail(c, ADDRESS_GROUP_NOT_FOUND, group->id);
    return rest_update(c, request, reply);
}

const struct resource address_group_resource = {
    .name = "address_group", .plural = "address_groups", .path = "/address-groups", .size = sizeof(struct address_group),
    .attrs = address_group_attrs, .update = group_update, .judge = group_judge, .stored = group_stored, .deleting = group_deleting, .committed = group_committed,
    .fill = group_fill, .visible = group_visible, .filter = group_filter,
};

/* --- add_addresses, remove_addresses ---------------------------------------------------------------------------- */

static size_t index_of(const json_t *list, const json_t *value)
{
    json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
        if (json_equal(entry, value))
            return i;
    return SIZE_MAX;
}

static bool addresses_apply(struct ctx *c, struct address_group *group, const json_t *asked_list, bool add)
{
    json_t *list = json_of(c, group->addresses), *normal = addresses_normal(c, asked_list), *wrong = ctx_json(c, json_array()), *entry;
    size_t i;

    json_array_foreach(normal, i, entry) {
        size_t at = index_of(list, entry);

        if ((at != SIZE_MAX) == add)
            json_array_append(wrong, entry);
        else if (add)
            json_array_append(list, entry);
        else
            json_array_remove(list, at);
    }
    if (json_array_size(wrong))
        return add ? fail(c, ADDRESSES_EXIST, python_text(c, wrong), group->id) : fail(c, ADDRESSES_NOT_FOUND, python_text(c, wrong), group->id);
    group->addresses = json_text(c, list);
    group->updated_at = utc_now();
    group->revision_number++;
    return record_update(c, "address_groups", address_group_attrs, group, "id") && object_changed(c, OBJECT_ADDRESS_GROUP, group->id);
}

static void tell_groups(struct ctx *c, const char *id)
{
    json_t *groups = ctx_json(c, json_array());
    struct rows *rows = db_query(c, "SELECT DISTINCT security_group_id FROM security_group_rules WHERE remote_address_group_id = $1", T(id));

    while (db_next(rows))
        json_array_append_new(groups, json_string(db_text(rows, 0)));
    objects_wake();
    notify_groups(c, SG_RULE_UPDATED, groups);
    fault_clear(c);
}

static bool addresses_change(struct ctx *c, struct request *request, struct reply *reply)
{
    bool add = !strcmp(request->route->data, "add");
    json_t *body = request_json(c, request), *inner = json_object_get(body, "address_group"), *list = json_object_get(inner ? inner : body, "addresses");
    struct address_group *group;
    void *filled;

    if (!body || !prefixes_judge(c, "addresses", list) || !db_begin(c))
        return false;
    filled = group = rest_find(c, &address_group_resource, request_arg(request, "id"));
    if (!group || !rest_allowed(c, &address_group_resource, "update", group) || !addresses_apply(c, group, list, add)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    tell_groups(c, group->id);
    rest_write(c, &address_group_resource, request, filled, reply);
    return true;
}

const struct route address_group_routes[] = {
    { "PUT", "/v2.0/address-groups/{id}/add_addresses", addresses_change, 200, ROUTE_NO_POLICY, .data = "add" },
    { "PUT", "/v2.0/address-groups/{id}/remove_addresses", addresses_change, 200, ROUTE_NO_POLICY, .data = "remove" },
    {}
};
