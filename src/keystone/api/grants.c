/* Who is given which role on what: users and groups; on a project, a domain or the system; direct or inherited to projects.
 *
 * One set of handlers serves all addresses: which actor and target a route is about is said by its row's data.
 */
#include "keystone/api/projects.h"

#include <string.h>

struct grant_place {
    const char *actor;               /* "user" or "group" */
    enum target_kind target;
    bool inherited;
};

/* A grant as its address names it, with what rules may ask about. */
struct grant {
    const struct grant_place *place;
    const char *actor_id, *target_id, *role_id;
    const char *actor_domain_id, *target_domain_id, *role_domain_id;
};

static bool actor_read(struct ctx *c, struct grant *g)
{
    bool user = !strcmp(g->place->actor, "user");
    void *actor = rest_find_any(c, user ? &user_resource : &group_resource, g->actor_id);

    if (actor)
        g->actor_domain_id = user ? ((struct user *)actor)->domain_id : ((struct group *)actor)->domain_id;
    return actor != NULL;
}

static bool target_read(struct ctx *c, struct grant *g)
{
    struct project *p;

    if (g->place->target == ON_SYSTEM)
        return true;
    p = rest_find_any(c, g->place->target == ON_PROJECT ? &project_resource : &domain_resource, g->target_id);
    if (p && g->place->target == ON_DOMAIN && !p->is_domain)
        return fail(c, NO_SUCH, "domain", g->target_id);
    if (p)
        g->target_domain_id = p->domain_id ? p->domain_id : p->id;
    return p != NULL;
}

static bool role_read(struct ctx *c, struct grant *g)
{
    const struct role *r = g->role_id ? rest_find_any(c, &role_resource, g->role_id) : NULL;

    if (r)
        g->role_domain_id = r->domain_id;
    return r || !g->role_id;
}

static const char *rule_of(struct ctx *c, const struct grant *g, const char *verb)
{
    bool list = !strcmp(verb, "list");

    if (g->place->target == ON_SYSTEM)
        return ctx_printf(c, "identity:%s_system_grant%s_for_%s", verb, list ? "s" : "", g->place->actor);
    return ctx_printf(c, "identity:%s_grant%s", verb, list ? "s" : "");
}

static bool allowed(struct ctx *c, const struct grant *g, const char *verb)
{
    const char *pairs[16];
    size_t n = 0;

#define PAIR(name, value) (pairs[n++] = (name), pairs[n++] = (value))
    if (g->actor_domain_id)
        PAIR(!strcmp(g->place->actor, "user") ? "target.user.domain_id" : "target.group.domain_id", g->actor_domain_id);
    if (g->target_domain_id && g->place->target == ON_PROJECT)
        PAIR("target.project.domain_id", g->target_domain_id);
    if (g->target_domain_id && g->place->target == ON_DOMAIN)
        PAIR("target.domain.id", g->target_id);
    if (g->role_id)
        PAIR("target.role.domain_id", g->role_domain_id);
#undef PAIR
    pairs[n] = NULL;
    return policy_check(c, rule_of(c, g, verb), &(struct policy_target){ .pairs = pairs });
}

/* Reads what the address names and asks the rule. With forget an actor that is gone is all right: its grants may still go. */
static bool grant_read(struct ctx *c, const struct request *request, const char *verb, bool forget, struct grant *g)
{
    static const char *const target_args[] = { "project_id", "domain_id", NULL };
    const struct grant_place *place = request->route->data;

    *g = (struct grant){
        .place = place, .actor_id = request_arg(request, !strcmp(place->actor, "user") ? "user_id" : "group_id"),
        .target_id = place->target == ON_SYSTEM ? "system" : request_arg(request, target_args[place->target]),
        .role_id = strcmp(verb, "list") ? request_arg(request, "role_id") : NULL,
    };
    bool found = role_read(c, g);
    if (found && !actor_read(c, g) && forget && c->fault.status == 404)
        fault_clear(c);
    found = found && !failed(c) && target_read(c, g);
    struct fault missing = c->fault;
    if (!found && missing.status != 404)
        return false;
    fault_clear(c);
    if (!allowed(c, g, verb))
        return false;
    c->fault = missing;
    return found;
}

static bool is_given(struct ctx *c, const struct grant *g)
{
    return db_count(c, "SELECT count(*) FROM assignments WHERE actor_id = $1 AND actor_kind = $2 AND target_id = $3 AND target_kind = $4"
                    " AND role_id = $5 AND inherited = $6", T(g->actor_id), T(g->place->actor), T(g->target_id),
                    T(target_kind_names[g->place->target]), T(g->role_id), B(g->place->inherited)) > 0 ||
        (!failed(c) && fail(c, ASSIGNMENT_NOT_FOUND, g->role_id, g->actor_id, g->target_id));
}

static bool run(struct ctx *c, const char *sql, const struct grant *g)
{
    return keystone_exec(c, sql, T(g->actor_id), T(g->place->actor), T(g->target_id), T(target_kind_names[g->place->target]), T(g->role_id),
                         B(g->place->inherited));
}

static bool check(struct ctx *c, struct request *request, struct reply *reply)
{
    struct grant g;

    return grant_read(c, request, "check", false, &g) && is_given(c, &g);
}

static bool give(struct ctx *c, struct request *request, struct reply *reply)
{
    struct grant g;

    if (!grant_read(c, request, "create", false, &g))
        return false;
    if (g.place->target == ON_PROJECT && g.role_domain_id && strcmp(g.role_domain_id, g.target_domain_id ? g.target_domain_id : ""))
        return fail(c, DENIED, ctx_printf(c, "Project %s must be in the same domain as the role %s being assigned.", g.target_id, g.role_id));
    if (g.place->target == ON_SYSTEM && g.role_domain_id)
        return fail(c, VALIDATION, ctx_printf(c, "Role %s is a domain-specific role. Unable to use a domain-specific role in a system assignment.",
                                              g.role_id));
    return run(c, "INSERT INTO assignments (actor_id, actor_kind, target_id, target_kind, role_id, inherited) VALUES ($1, $2, $3, $4, $5, $6)"
               " ON CONFLICT DO NOTHING", &g);
}

static bool take(struct ctx *c, struct request *request, struct reply *reply)
{
    struct grant g;

    return grant_read(c, request, "revoke", true, &g) && is_given(c, &g) &&
        run(c, "DELETE FROM assignments WHERE actor_id = $1 AND actor_kind = $2 AND target_id = $3 AND target_kind = $4 AND role_id = $5"
            " AND inherited = $6", &g);
}

static bool of_grant(struct ctx *c, struct sql *s, const void *data)
{
    const struct grant *g = data;

    sql_add(s, " AND t.id IN (SELECT role_id FROM assignments WHERE actor_id = ? AND actor_kind = ? AND target_id = ? AND target_kind = ?"
            " AND inherited = ?)", T(g->actor_id), T(g->place->actor), T(g->target_id), T(target_kind_names[g->place->target]),
            B(g->place->inherited));
    return true;
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct grant g;

    return grant_read(c, request, "list", false, &g) && keystone_list_where(c, &role_resource, request, reply, of_grant, &g);
}

static const struct grant_place
    user_on_project = { "user", ON_PROJECT }, group_on_project = { "group", ON_PROJECT },
    user_on_domain = { "user", ON_DOMAIN }, group_on_domain = { "group", ON_DOMAIN },
    user_on_system = { "user", ON_SYSTEM }, group_on_system = { "group", ON_SYSTEM },
    user_below_project = { "user", ON_PROJECT, .inherited = true }, group_below_project = { "group", ON_PROJECT, .inherited = true },
    user_below_domain = { "user", ON_DOMAIN, .inherited = true }, group_below_domain = { "group", ON_DOMAIN, .inherited = true };

/* Each asks its rule with what the address names at hand. */
#define GRANT_ROUTES(base, tail, place) \
    { "GET",    base tail, list, .flags = ROUTE_NO_POLICY, .data = place }, \
    { "GET",    base "/{role_id}" tail, check, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY, .data = place }, \
    { "PUT",    base "/{role_id}" tail, give, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY, .data = place }, \
    { "DELETE", base "/{role_id}" tail, take, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY, .data = place }

const struct route grant_routes[] = {
    GRANT_ROUTES("/v3/projects/{project_id}/users/{user_id}/roles", "", &user_on_project),
    GRANT_ROUTES("/v3/projects/{project_id}/groups/{group_id}/roles", "", &group_on_project),
    GRANT_ROUTES("/v3/domains/{domain_id}/users/{user_id}/roles", "", &user_on_domain),
    GRANT_ROUTES("/v3/domains/{domain_id}/groups/{group_id}/roles", "", &group_on_domain),
    GRANT_ROUTES("/v3/system/users/{user_id}/roles", "", &user_on_system),
    GRANT_ROUTES("/v3/system/groups/{group_id}/roles", "", &group_on_system),
    GRANT_ROUTES("/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles", "/inherited_to_projects", &user_below_project),
    GRANT_ROUTES("/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles", "/inherited_to_projects", &group_below_project),
    GRANT_ROUTES("/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles", "/inherited_to_projects", &user_below_domain),
    GRANT_ROUTES("/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles", "/inherited_to_projects", &group_below_domain),
    {}
};
