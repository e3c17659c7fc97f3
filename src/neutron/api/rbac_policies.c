/* An RBAC policy: an object of one project opened to another, or to all. */
#include <string.h>

#include "neutron/model/networks.h"
#include "neutron/model/rbac.h"

struct rbac_policy {
    char *id, *project_id, *object_type, *object_id, *target_tenant, *action;
};

static const struct attr rbac_policy_attrs[] = {
    ATTR(struct rbac_policy, id,            FILTER | SORT),
    ATTR(struct rbac_policy, project_id,    CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct rbac_policy, object_id,     CREATE | REQUIRED | FILTER | SORT, .max = 255),
    ATTR(struct rbac_policy, object_type,   CREATE | REQUIRED | FILTER | SORT),
    ATTR(struct rbac_policy, target_tenant, CREATE | REQUIRED | UPDATE | FILTER | SORT | POLICY, .max = 255),
    ATTR(struct rbac_policy, action,        CREATE | REQUIRED | FILTER | SORT, .max = 255),
    {}
};

static const struct object_type { const char *name, *table, *actions; } object_types[] = {
    { "network", "networks", "('access_as_shared', 'access_as_external')" }, { "security_group", "security_groups", "('access_as_shared',)" },
    { "address_scope", "address_scopes", "('access_as_shared',)" }, { "subnetpool", "subnetpools", "('access_as_shared',)" },
    { "address_group", "address_groups", "('access_as_shared',)" }, {}
};

static const struct object_type *type_find(const char *name)
{
    for (const struct object_type *type = object_types; type->name; type++)
        if (!strcmp(type->name, name))
            return type;
    return NULL;
}

static bool policy_judge(struct ctx *c, struct change *ch)
{
    const struct rbac_policy *policy = ch->now;
    const struct object_type *type = type_find(policy->object_type);
    char *owner;

    if (!type)
        return invalid_input(c, "'%s' is not a valid RBAC object type", policy->object_type);
    if (!strstr(type->actions, ctx_printf(c, "'%s'", policy->action)))
        return fail(c, RBAC_ACTION, policy->action, policy->object_type, type->actions);
    owner = db_get_text(c, ctx_printf(c, "SELECT project_id FROM %s WHERE id = $1", type->table), T(policy->object_id));
    if (failed(c))
        return false;
    if (!owner || (!c->who.is_admin && !text_equal(owner, c->who.project_id)))
        return owner ? invalid_input(c, "Only admins can manipulate policies on objects they do not own") :
            fail(c, 404, "HTTPNotFound", "The resource could not be found.");
    return true;
}

/* Which projects use the object, by the kind of object and action: "SELECT project_id ..." with $1 the object's id. */
static const char *uses_of(const struct rbac_policy *policy)
{
    if (!strcmp(policy->object_type, "network") && !strcmp(policy->action, SHARED))
        return "SELECT project_id FROM ports WHERE network_id = $1 AND device_owner NOT LIKE 'network:%' AND project_id <> ''"
            " UNION SELECT project_id FROM subnets WHERE network_id = $1";
    if (!strcmp(policy->object_type, "network"))
        return "SELECT r.project_id FROM routers r JOIN ports p ON p.id = r.gw_port_id WHERE p.network_id = $1";
    if (!strcmp(policy->object_type, "security_group"))
        return "SELECT p.project_id FROM port_security_groups g JOIN ports p ON p.id = g.port_id WHERE g.security_group_id = $1";
    if (!strcmp(policy->object_type, "subnetpool"))
        return "SELECT project_id FROM subnets WHERE subnetpool_id = $1";
    if (!strcmp(policy->object_type, "address_scope"))
        return "SELECT project_id FROM subnetpools WHERE address_scope_id = $1";
    return "SELECT project_id FROM security_group_rules WHERE remote_address_group_id = $1";
}

/* Does a project other than the owner use the object by this policy alone, and not by what it becomes (target; NULL: nothing)? */
static bool in_use(struct ctx *c, const struct rbac_policy *policy, const char *target)
{
    const struct object_type *type = type_find(policy->object_type);
    bool all = !strcmp(policy->target_tenant, "*");

    return db_count(c, ctx_printf(c, "SELECT count(*) FROM (%s) AS uses WHERE project_id NOT IN (SELECT project_id FROM %s WHERE id = $1)"
                                  " AND ($2 OR project_id = $3) AND NOT EXISTS (SELECT 1 FROM rbac_policies o WHERE o.object_id = $1 AND o.id <> $4"
                                  " AND o.action = $5 AND o.target_tenant IN ('*', uses.project_id))"
                                  " AND $6 <> '*' AND $6 <> uses.project_id", uses_of(policy), type->table),
                    T(policy->object_id), B(all), T(policy->target_tenant), T(policy->id), T(policy->action), T(target ? target : "")) > 0;
}

static bool policy_unused(struct ctx *c, const struct rbac_policy *policy, const char *target)
{
    if (!strcmp(policy->action, EXTERNAL) && !strcmp(policy->target_tenant, "*") &&
        db_count(c, "SELECT count(*) FROM networks WHERE id = $1 AND is_default AND external", T(policy->object_id)))
        return fail(c, RBAC_IN_USE, policy->object_id, "Default external networks must be shared to everyone.");
    if (in_use(c, policy, target))
        return fail(c, RBAC_IN_USE, policy->object_id, ctx_printf(c, "Callback failed: %s %s is in use by other projects", policy->object_type, policy->object_id));
    return !failed(c);
}

static bool policy_row_check(struct ctx *c, struct change *ch)
{
    const struct rbac_policy *policy = ch->now;

    if (db_count(c, "SELECT count(*) FROM rbac_policies WHERE object_id = $1 AND action = $2 AND target_tenant = $3 AND object_type = $4 AND id <> $5",
                 T(policy->object_id), T(policy->action), T(policy->target_tenant), T(policy->object_type), T(policy->id)))
        return fail(c, RBAC_DUPLICATE);
    return !failed(c) && (!ch->old || policy_unused(c, ch->old, policy->target_tenant));
}

/* A network with such a policy is external; without any it is not. Either way the object has changed. */
static bool object_settle(struct ctx *c, const struct rbac_policy *policy, int64_t gone)
{
    const struct object_type *type = type_find(policy->object_type);

    if (strcmp(policy->object_type, "address_scope") && !revision_bump(c, type->table, policy->object_id))
        return false;
    if (strcmp(policy->object_type, "network") || strcmp(policy->action, EXTERNAL))
        return true;
    return db_exec(c, "UPDATE networks SET external = (SELECT count(*) > $2 FROM rbac_policies WHERE object_id = $1 AND action = 'access_as_external')"
                   " WHERE id = $1", T(policy->object_id), I(gone));
}

static bool policy_stored(struct ctx *c, struct change *ch)
{
    return object_settle(c, ch->now, 0);
}

static bool policy_deleting(struct ctx *c, void *record)
{
    return policy_unused(c, record, NULL) && object_settle(c, record, 1);
}

const struct resource rbac_policy_resource = {
    .name = "rbac_policy", .plural = "rbac_policies", .path = "/rbac-policies", .size = sizeof(struct rbac_policy), .attrs = rbac_policy_attrs,
    .quota = "rbac_policy", .judge = policy_judge, .check = policy_row_check, .stored = policy_stored, .deleting = policy_deleting,
};
