/* /os-quota-sets, /os-quota-class-sets and /limits: what projects may have. */
#include "nova/api/api.h"

#include "nova/model/quota.h"

#include <string.h>

static bool in_sets(struct ctx *c, int kind)
{
    return !quota_kinds[kind].until || c->version <= quota_kinds[kind].until;
}

static bool in_classes(struct ctx *c, int kind)
{
    const struct quota_kind *k = &quota_kinds[kind];

    return (!k->class_since || c->version >= k->class_since) && (!k->class_until || c->version <= k->class_until);
}

static void write_limits(struct ctx *c, struct out *o, const struct quota_set *set, bool (*has)(struct ctx *, int))
{
    for (int i = 0; i < QUOTAS; i++)
        if (has(c, i))
            out_int(o, quota_kinds[i].name, set->limit[i]);
}

static void write_detail(struct ctx *c, struct out *o, const struct quota_set *set)
{
    for (int i = 0; i < QUOTAS; i++) {
        if (!in_sets(c, i))
            continue;
        out_object(o, quota_kinds[i].name);
        out_int(o, "limit", set->limit[i]);
        out_int(o, "in_use", set->used[i]);
        out_int(o, "reserved", 0);
        out_end_object(o);
    }
}

/* --- quota sets --------------------------------------------------------------------------------------------------- */

/* What all of them begin with: the query, the rule about that project, the project itself. */
static json_t *begun(struct ctx *c, struct request *rq, const char *rule)
{
    json_t *query = schema_query(c, rq, "quotas.query");
    const char *project = request_arg(rq, "id");

    return query && policy_check(c, rule, PROJECT_TARGET(project)) && project_verify(c, project) ? query : NULL;
}

static bool answer_set(struct ctx *c, struct reply *rp, const char *id, const struct quota_set *set, bool detail)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_object(&o, "quota_set");
    if (id)
        out_string(&o, "id", id);
    if (detail)
        write_detail(c, &o, set);
    else
        write_limits(c, &o, set, in_sets);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static bool quota_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = begun(c, rq, RULE("os-quota-sets:show"));
    struct quota_set set;

    return query && quota_limits(c, request_arg(rq, "id"), query_last(query, "user_id"), &set) &&
           answer_set(c, rp, request_arg(rq, "id"), &set, false);
}

static bool quota_detail(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = begun(c, rq, RULE("os-quota-sets:detail"));
    const char *project = request_arg(rq, "id"), *user = query_last(query, "user_id");
    struct quota_set set;

    return query && quota_limits(c, project, user, &set) && quota_usage(c, project, user, &set) && answer_set(c, rp, project, &set, true);
}

static bool quota_defaults(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct quota_set set;

    return begun(c, rq, RULE("os-quota-sets:defaults")) && quota_limits(c, NULL, NULL, &set) &&
           answer_set(c, rp, request_arg(rq, "id"), &set, false);
}

/* Unless forced a limit is not below what is used, nor a user's above the project's. */
static bool limit_fits(struct ctx *c, int kind, int64_t limit, const struct quota_set *project, const struct quota_set *user, bool of_user)
{
    int64_t used = of_user ? user->used[kind] : project->used[kind], most = of_user ? project->limit[kind] : -1;

    if (limit >= 0 && limit < used)
        return fail(c, QUOTA_BELOW_USE, limit, quota_kinds[kind].name, used);
    return most < 0 || (limit >= 0 && limit <= most) || fail(c, QUOTA_ABOVE_PROJECT, limit, quota_kinds[kind].name, most);
}

static bool limits_fit(struct ctx *c, json_t *asked, const char *project, const char *user)
{
    struct quota_set of_project, of_user;
    const char *name;
    json_t *value;

    if (!quota_limits(c, project, NULL, &of_project) || !quota_usage(c, project, NULL, &of_project) ||
        !quota_limits(c, project, user, &of_user) || !quota_usage(c, project, user, &of_user))
        return false;
    json_object_foreach(asked, name, value) {
        int kind = quota_find(name);

        if (kind >= 0 && !limit_fits(c, kind, loose_int(value, -1), &of_project, &of_user, user != NULL))
            return false;
    }
    return true;
}

static bool limits_store(struct ctx *c, json_t *asked, const char *project, const char *user)
{
    const char *name;
    json_t *value;

    json_object_foreach(asked, name, value)
        if (quota_find(name) >= 0 &&
            !db_exec(c, "INSERT INTO quotas (project_id, user_id, resource, hard_limit) VALUES ($1, $2, $3, $4)"
                     " ON CONFLICT (project_id, user_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit",
                     T(project), T(user ? user : ""), T(name), I(loose_int(value, -1))))
            return false;
    return true;
}

static bool quota_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "quotas.update"), *asked = json_object_get(body, "quota_set");
    json_t *query = body ? begun(c, rq, RULE("os-quota-sets:update")) : NULL;
    const char *project = request_arg(rq, "id"), *user = query_last(query, "user_id");
    struct quota_set set;

    if (!query)
        return false;
    if (json_object_get(asked, "networks"))
        return fail(c, BAD_REQUEST, "The networks quota has been removed");
    if (!loose_bool(json_object_get(asked, "force"), false) && !limits_fit(c, asked, project, user))
        return false;
    return db_begin(c) && tx_done(c, limits_store(c, asked, project, user)) && quota_limits(c, project, user, &set) &&
           answer_set(c, rp, NULL, &set, false);
}

static bool quota_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "quotas.query");
    const char *project = request_arg(rq, "id"), *user = query_last(query, "user_id");

    if (!query || !policy_check(c, RULE("os-quota-sets:delete"), PROJECT_TARGET(project)) || !db_begin(c))
        return false;
    return tx_done(c, user ? db_exec(c, "DELETE FROM quotas WHERE project_id = $1 AND user_id = $2", T(project), T(user))
                           : db_exec(c, "DELETE FROM quotas WHERE project_id = $1", T(project)));
}

/* --- quota classes ------------------------------------------------------------------------------------------------ */

static bool answer_class(struct ctx *c, struct reply *rp, const char *id, const char *class)
{
    const char *project = ctx_printf(c, "class:%s", class);
    struct quota_set set;
    struct out o;

    if (!quota_limits(c, project, NULL, &set))
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "quota_class_set");
    if (id)
        out_string(&o, "id", id);
    write_limits(c, &o, &set, in_classes);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static bool class_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    return answer_class(c, rp, request_arg(rq, "id"), request_arg(rq, "id"));
}

static bool class_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "quotas.class_update");
    const char *project = ctx_printf(c, "class:%s", request_arg(rq, "id"));

    return body && db_begin(c) && tx_done(c, limits_store(c, json_object_get(body, "quota_class_set"), project, NULL)) &&
           answer_class(c, rp, NULL, request_arg(rq, "id"));
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum quota kind;
    int until;
} limit_names[] = {
    { "maxTotalInstances", QUOTA_INSTANCES, 0 }, { "maxTotalCores", QUOTA_CORES, 0 }, { "maxTotalRAMSize", QUOTA_RAM, 0 },
    { "maxServerMeta", QUOTA_METADATA_ITEMS, 0 }, { "maxImageMeta", QUOTA_METADATA_ITEMS, V(2, 38) },
    { "maxPersonality", QUOTA_FILES, V(2, 56) }, { "maxPersonalitySize", QUOTA_FILE_CONTENT_BYTES, V(2, 56) },
    { "maxTotalKeypairs", QUOTA_KEY_PAIRS, 0 }, { "maxServerGroups", QUOTA_SERVER_GROUPS, 0 },
    { "maxServerGroupMembers", QUOTA_SERVER_GROUP_MEMBERS, 0 }, { "maxTotalFloatingIps", QUOTA_FLOATING_IPS, V(2, 35) },
    { "maxSecurityGroups", QUOTA_SECURITY_GROUPS, V(2, 35) }, { "maxSecurityGroupRules", QUOTA_SECURITY_GROUP_RULES, V(2, 35) },
}, used_names[] = {
    { "totalRAMUsed", QUOTA_RAM, 0 }, { "totalCoresUsed", QUOTA_CORES, 0 }, { "totalInstancesUsed", QUOTA_INSTANCES, 0 },
    { "totalFloatingIpsUsed", QUOTA_FLOATING_IPS, V(2, 35) }, { "totalSecurityGroupsUsed", QUOTA_SECURITY_GROUPS, V(2, 35) },
    { "totalServerGroupsUsed", QUOTA_SERVER_GROUPS, 0 },
};

static bool limits_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "quotas.limits_query");
    const char *project = query_last(query, "tenant_id");
    struct quota_set set;
    struct out o;

    if (!query || (project && !policy_check(c, RULE("limits:other_project"), NULL)))
        return false;
    project = project ? project : c->who.project_id;
    if (!quota_limits(c, project, NULL, &set) || !quota_usage(c, project, NULL, &set))
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "limits");
    out_raw(&o, "rate", "[]");
    out_object(&o, "absolute");
    for (size_t i = 0; i < G_N_ELEMENTS(limit_names); i++)
        if (!limit_names[i].until || c->version <= limit_names[i].until)
            out_int(&o, limit_names[i].name, set.limit[limit_names[i].kind]);
    for (size_t i = 0; i < G_N_ELEMENTS(used_names); i++)
        if (!used_names[i].until || c->version <= used_names[i].until)
            out_int(&o, used_names[i].name, set.used[used_names[i].kind]);
    out_end_object(&o);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

const struct route nova_limit_routes[] = {
    { "GET", "limits", limits_show, .policy = RULE("limits") },
    {}
};

/* The rules of quota sets are about the project in the path: the handlers ask them. */
const struct route nova_quota_routes[] = {
    { "GET", "os-quota-sets/{id}", quota_show, .flags = ROUTE_NO_POLICY },
    { "GET", "os-quota-sets/{id}/detail", quota_detail, .flags = ROUTE_NO_POLICY },
    { "GET", "os-quota-sets/{id}/defaults", quota_defaults, .flags = ROUTE_NO_POLICY },
    { "PUT", "os-quota-sets/{id}", quota_update, .flags = ROUTE_NO_POLICY },
    { "DELETE", "os-quota-sets/{id}", quota_delete, 202, ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "GET", "os-quota-class-sets/{id}", class_show, .policy = RULE("os-quota-class-sets:show") },
    { "PUT", "os-quota-class-sets/{id}", class_update, .policy = RULE("os-quota-class-sets:update") },
    {}
};
