/* Groups of users, which may hold roles as users do. */
#include "keystone/api/projects.h"
#include "keystone/directory/directory.h"

static const struct attr group_attrs[] = {
    ATTR(struct group, id,          FILTER | SORT),
    ATTR(struct group, name,        CREATE | UPDATE | REQUIRED | FILTER | SORT, .min = 1, .max = 64, .format = &format_not_blank),
    ATTR(struct group, domain_id,   CREATE | FILTER, .min = 1, .max = 64),
    ATTR(struct group, description, CREATE | UPDATE | NULLABLE, .unset = ""),
    ATTR(struct group, extra,       CREATE | UPDATE | HIDDEN),
    {}
};

static bool group_check(struct ctx *c, struct change *ch)
{
    struct group *g = ch->now;

    if (!directory_domain_writable(c, g->domain_id))
        return false;
    if (asked(ch, "name"))
        g->name = g_strstrip(ctx_strdup(c, g->name));
    if (!ch->old && !db_count(c, "SELECT count(*) FROM projects WHERE id = $1 AND is_domain = $2", T(g->domain_id), B(true)))
        return fail(c, NO_SUCH, "domain", g->domain_id);
    return !failed(c);
}

static bool group_deleting(struct ctx *c, void *record)
{
    const struct group *g = record;

    return directory_writable(c, "group", g->id) && db_exec(c, "DELETE FROM assignments WHERE actor_id = $1", T(g->id));
}

static void group_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct group *g = record;

    write_extra(c, o, g->extra);
    write_self(c, o, "groups", g->id);
}

const struct resource group_resource = {
    .name = "group", .plural = "groups", .table = "user_groups", .size = sizeof(struct group), .attrs = group_attrs, .flags = NO_BULK,
    .create = keystone_create, .show = directory_show, .list = directory_list, .update = keystone_update, .remove = keystone_remove,
    .check = group_check, .deleting = group_deleting, .write = group_write,
};

/* A group as one that a user is in. */
static void membership_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    out_null(o, "membership_expires_at");
    group_write(c, o, record, in_list);
}

const struct resource membership_resource = {
    .name = "group", .plural = "groups", .table = "user_groups", .size = sizeof(struct group), .attrs = group_attrs, .write = membership_write,
};

/* -- members ------------------------------------------------------------------------------------------------------- */

/* Asks the rule about the group and the user of the path (if it names one); both must be there. */
static bool members_asked(struct ctx *c, struct request *request, const char *rule, bool with_user)
{
    const char *group_id = request_arg(request, "group_id"), *user_id = with_user ? request_arg(request, "user_id") : NULL;
    struct group *g = rest_find_any(c, &group_resource, group_id);
    struct user *u = g && user_id ? rest_find_any(c, &user_resource, user_id) : NULL;
    struct fault missing = c->fault;

    if (failed(c) && c->fault.status != 404)
        return false;
    fault_clear(c);
    const char *pairs[] = { "group_id", group_id, "target.group.domain_id", g ? g->domain_id : "", "target.user.domain_id", u ? u->domain_id : "", NULL };
    if (!policy_check(c, rule, &(struct policy_target){ .pairs = pairs }))
        return false;
    c->fault = missing;
    return !failed(c);
}

static bool users_of_group(struct ctx *c, struct sql *s, const void *group_id)
{
    sql_add(s, " AND t.id IN (SELECT user_id FROM memberships WHERE group_id = ?)", T(group_id));
    if (c->who.domain_id)
        sql_add(s, " AND t.domain_id = ?", T(c->who.domain_id));
    return true;
}

static bool list_users(struct ctx *c, struct request *request, struct reply *reply)
{
    return members_asked(c, request, "identity:list_users_in_group", false) && directory_members_fresh(c, request_arg(request, "group_id")) &&
        keystone_list_where(c, &user_resource, request, reply, users_of_group, request_arg(request, "group_id"));
}

static bool is_member(struct ctx *c, const struct request *request)
{
    return db_count(c, "SELECT (SELECT count(*) FROM memberships WHERE group_id = $1 AND user_id = $2) + (SELECT count(*)"
                    " FROM expiring_memberships WHERE group_id = $1 AND user_id = $2 AND expires_at > $3)", T(request_arg(request, "group_id")),
                    T(request_arg(request, "user_id")), I(clock_us())) > 0;
}

static bool no_member(struct ctx *c, const struct request *request)
{
    return failed(c) ? false : fail(c, NOT_FOUND, ctx_printf(c, "User '%s' not found in group '%s'", request_arg(request, "user_id"),
                                                             request_arg(request, "group_id")));
}

static bool check_user(struct ctx *c, struct request *request, struct reply *reply)
{
    return members_asked(c, request, "identity:check_user_in_group", true) && directory_members_fresh(c, request_arg(request, "group_id")) &&
        (is_member(c, request) || no_member(c, request));
}

static bool add_user(struct ctx *c, struct request *request, struct reply *reply)
{
    return members_asked(c, request, "identity:add_user_to_group", true) && directory_writable(c, "group", request_arg(request, "group_id")) &&
        directory_writable(c, "user", request_arg(request, "user_id")) &&
        keystone_exec(c, "INSERT INTO memberships (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(request_arg(request, "group_id")),
                      T(request_arg(request, "user_id")));
}

static bool remove_user(struct ctx *c, struct request *request, struct reply *reply)
{
    if (!members_asked(c, request, "identity:remove_user_from_group", true) ||
        !directory_writable(c, "group", request_arg(request, "group_id")))
        return false;
    int64_t removed = keystone_changed(c, "DELETE FROM memberships WHERE group_id = $1 AND user_id = $2", T(request_arg(request, "group_id")),
                                       T(request_arg(request, "user_id")));
    return removed > 0 || no_member(c, request);
}

const struct route group_routes[] = {
    { "GET",    "/v3/groups/{group_id}/users", list_users, .flags = ROUTE_NO_POLICY },         /* each asks with group and user at hand */
    { "GET",    "/v3/groups/{group_id}/users/{user_id}", check_user, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "PUT",    "/v3/groups/{group_id}/users/{user_id}", add_user, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "DELETE", "/v3/groups/{group_id}/users/{user_id}", remove_user, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
