/* GET /v3/role_assignments: all assignments that fit the filters, as stored or (effective) as they work out: groups resolved
 * to their users, inherited ones to the projects below, roles to all they imply.
 */
#include "keystone/api/projects.h"

#include <string.h>

struct question {
    const char *user_id, *group_id, *role_id, *project_id, *domain_id, *system, *inherited;
    bool effective, names, subtree;
};

/* The columns of both forms: actor_kind, actor_id, target_kind, target_id, role_id, inherited, and what it comes from:
 * via_group, via_role, via_target (NULL: nothing). */
#define STORED "SELECT a.actor_kind, a.actor_id, a.target_kind, a.target_id, a.role_id, a.inherited," \
    " CAST(NULL AS TEXT) AS via_group, CAST(NULL AS TEXT) AS via_role, CAST(NULL AS TEXT) AS via_target, CAST(NULL AS TEXT) AS via_kind" \
    " FROM assignments a"

/* Implied roles first, then groups, then inheritance; domain roles do not count beyond implying. */
#define EFFECTIVE \
    "WITH RECURSIVE implied (prior, id) AS (SELECT id, id FROM roles" \
    "  UNION SELECT i.prior, r.implied_role_id FROM implied_roles r JOIN implied i ON r.prior_role_id = i.id)," \
    " below (top, id) AS (SELECT parent_id, id FROM projects WHERE parent_id IS NOT NULL" \
    "  UNION SELECT b.top, p.id FROM projects p JOIN below b ON p.parent_id = b.id)," \
    " held AS (SELECT 'user' AS actor_kind, COALESCE(m.user_id, a.actor_id) AS actor_id, a.target_kind, a.target_id, a.role_id, a.inherited," \
    "   CASE WHEN a.actor_kind = 'group' THEN a.actor_id END AS via_group" \
    "  FROM assignments a LEFT JOIN memberships m ON a.actor_kind = 'group' AND m.group_id = a.actor_id" \
    "  WHERE a.actor_kind = 'user' OR m.user_id IS NOT NULL)," \
    " placed AS (SELECT actor_kind, actor_id, target_kind, target_id, role_id, via_group, CAST(NULL AS TEXT) AS via_target," \
    "   CAST(NULL AS TEXT) AS via_kind FROM held WHERE NOT inherited" \
    "  UNION ALL SELECT h.actor_kind, h.actor_id, 'project', b.id, h.role_id, h.via_group, h.target_id, h.target_kind" \
    "   FROM held h JOIN below b ON b.top = h.target_id WHERE h.inherited)," \
    " worked AS (SELECT p.actor_kind, p.actor_id, p.target_kind, p.target_id, i.id AS role_id, p.via_target IS NOT NULL AS inherited," \
    "   p.via_group, CASE WHEN i.id <> p.role_id THEN p.role_id END AS via_role, p.via_target, p.via_kind" \
    "  FROM placed p JOIN implied i ON i.prior = p.role_id)" \
    " SELECT a.actor_kind, a.actor_id, a.target_kind, a.target_id, a.role_id, a.inherited, a.via_group, a.via_role, a.via_target, a.via_kind" \
    " FROM worked a JOIN roles r ON r.id = a.role_id AND r.domain_id IS NULL"

static bool flag(const struct request *request, const char *name)
{
    const char *value = request_query(request, name);

    return value && strcmp(value, "0") && g_ascii_strcasecmp(value, "false");
}

static bool question_read(struct ctx *c, const struct request *request, struct question *q)
{
    *q = (struct question){
        .user_id = request_query(request, "user.id"), .group_id = request_query(request, "group.id"), .role_id = request_query(request, "role.id"),
        .project_id = request_query(request, "scope.project.id"), .domain_id = request_query(request, "scope.domain.id"),
        .system = request_query(request, "scope.system"), .inherited = request_query(request, "scope.OS-INHERIT:inherited_to"),
        .effective = flag(request, "effective"), .names = flag(request, "include_names"), .subtree = flag(request, "include_subtree"),
    };
    if (q->system && (q->project_id || q->domain_id))
        return fail(c, VALIDATION, "Specify system scope or a project or domain, not both.");
    if (q->project_id && q->domain_id)
        return fail(c, VALIDATION, "Specify a domain or project, not both");
    if (q->user_id && q->group_id)
        return fail(c, VALIDATION, "Specify a user or group, not both");
    if (q->effective && q->group_id)
        return fail(c, VALIDATION, "Combining effective and group filter will always result in an empty list.");
    if (q->effective && q->domain_id && q->inherited)
        return fail(c, VALIDATION, "Combining effective, domain and inherited filters will always result in an empty list.");
    if (q->subtree && !q->project_id)
        return fail(c, VALIDATION, "scope.project.id must be specified if include_subtree is also specified");
    return true;
}

static struct rows *ask(struct ctx *c, const struct question *q)
{
    struct sql *s = sql_new(c);

    sql_add(s, q->effective ? EFFECTIVE " WHERE 1 = 1" : STORED " WHERE 1 = 1");
    if (q->user_id)
        sql_add(s, " AND a.actor_kind = 'user' AND a.actor_id = ?", T(q->user_id));
    if (q->group_id)
        sql_add(s, " AND a.actor_kind = 'group' AND a.actor_id = ?", T(q->group_id));
    if (q->role_id)
        sql_add(s, " AND a.role_id = ?", T(q->role_id));
    if (q->project_id && q->subtree)
        sql_add(s, " AND a.target_kind = 'project' AND a.target_id IN (WITH RECURSIVE tree (id) AS (SELECT CAST(? AS TEXT)"
                " UNION SELECT p.id FROM projects p JOIN tree ON p.parent_id = tree.id) SELECT id FROM tree)", T(q->project_id));
    else if (q->project_id)
        sql_add(s, " AND a.target_kind = 'project' AND a.target_id = ?", T(q->project_id));
    if (q->domain_id)
        sql_add(s, " AND a.target_kind = 'domain' AND a.target_id = ?", T(q->domain_id));
    if (q->system)
        sql_add(s, " AND a.target_kind = 'system'");
    if (q->inherited)
        sql_add(s, " AND a.inherited = ?", B(true));
    if (c->who.domain_id)
        sql_add(s, " AND (a.target_id = ? OR a.target_id IN (SELECT id FROM projects WHERE domain_id = ?))", T(c->who.domain_id),
                T(c->who.domain_id));
    sql_add(s, " ORDER BY a.actor_id, a.target_id, a.role_id");
    return sql_query(s);
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

/* Names are read once a list, not once a row. */
struct names {
    GHashTable *by_id;               /* id -> struct name */
};
struct name { const char *name, *domain_id; };

static void names_read(struct ctx *c, struct names *names)
{
    struct rows *rows = db_query(c, "SELECT id, name, domain_id FROM users UNION ALL SELECT id, name, domain_id FROM user_groups"
                                 " UNION ALL SELECT id, name, domain_id FROM projects UNION ALL SELECT id, name, domain_id FROM roles");

    names->by_id = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_unref);
    while (db_next(rows)) {
        struct name *name = ctx_new(c, struct name);

        *name = (struct name){ db_text(rows, 1), db_text(rows, 2) };
        g_hash_table_insert(names->by_id, db_text(rows, 0), name);
    }
}

/* "user": {"id": ...}, with names also {"name": ..., "domain": {...}} */
static void entity_write(struct out *o, const char *key, const char *id, const struct names *names)
{
    const struct name *name = names->by_id ? g_hash_table_lookup(names->by_id, id) : NULL;

    out_object(o, key);
    out_string(o, "id", id);
    if (names->by_id) {
        out_string(o, "name", name ? name->name : "");
        if (name && name->domain_id) {
            const struct name *domain = g_hash_table_lookup(names->by_id, name->domain_id);

            out_object(o, "domain");
            out_string(o, "id", name->domain_id);
            out_string(o, "name", domain ? domain->name : "");
            out_end_object(o);
        }
    }
    out_end_object(o);
}

static void links_write(struct ctx *c, struct out *o, struct rows *rows)
{
    const char *via_group = db_text(rows, 6), *via_role = db_text(rows, 7), *via_target = db_text(rows, 8), *via_kind = db_text(rows, 9);
    const char *kind = via_kind ? via_kind : db_text(rows, 2), *target = via_target ? via_target : db_text(rows, 3);
    const char *actor_kind = via_group ? "group" : db_text(rows, 0), *actor = via_group ? via_group : db_text(rows, 1);
    const char *role = via_role ? via_role : db_text(rows, 4);
    bool inherited = db_bool(rows, 5), system = !strcmp(kind, "system");

    out_object(o, "links");
    if (system)
        out_printf(o, "assignment", "%s/v3/system/%ss/%s/roles/%s", c->base_url, actor_kind, actor, role);
    else
        out_printf(o, "assignment", "%s/v3/%s%ss/%s/%ss/%s/roles/%s%s", c->base_url, inherited ? "OS-INHERIT/" : "", kind, target, actor_kind,
                   actor, role, inherited ? "/inherited_to_projects" : "");
    if (via_role)
        out_printf(o, "prior_role", "%s/v3/prior_role/%s/implies/%s", c->base_url, via_role, db_text(rows, 4));
    if (via_group)
        out_printf(o, "membership", "%s/v3/groups/%s/users/%s", c->base_url, via_group, db_text(rows, 1));
    out_end_object(o);
}

static void assignment_write(struct ctx *c, struct out *o, struct rows *rows, const struct question *q, const struct names *names)
{
    const char *kind = db_text(rows, 2);

    out_object(o, NULL);
    links_write(c, o, rows);
    out_object(o, "scope");
    if (!strcmp(kind, "system"))
        out_raw(o, "system", "{\"all\": true}");
    else
        entity_write(o, kind, db_text(rows, 3), names);
    if (db_bool(rows, 5) && !q->effective)
        out_string(o, "OS-INHERIT:inherited_to", "projects");
    out_end_object(o);
    entity_write(o, db_text(rows, 0), db_text(rows, 1), names);
    entity_write(o, "role", db_text(rows, 4), names);
    out_end_object(o);
}

/* The project's domain, where one is asked about: a domain's reader may ask for the tree. */
static bool allowed(struct ctx *c, const struct question *q)
{
    const char *domain = q->subtree ? db_get_text(c, "SELECT domain_id FROM projects WHERE id = $1", T(q->project_id)) : c->who.domain_id;

    if (failed(c))
        return false;
    return rule_check(c, q->subtree ? "identity:list_role_assignments_for_tree" : "identity:list_role_assignments", "target.domain_id", domain,
                      "target.project.domain_id", domain, NULL);
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };
    struct names names = {};
    struct question q;

    if (!question_read(c, request, &q) || !allowed(c, &q))
        return false;
    if (q.names)
        names_read(c, &names);
    struct rows *rows = ask(c, &q);
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "role_assignments");
    while (db_next(rows))
        assignment_write(c, &o, rows, &q, &names);
    out_end_array(&o);
    write_list_links(c, &o, request);
    out_end_object(&o);
    return !failed(c);
}

const struct route role_assignment_routes[] = {
    { "GET", "/v3/role_assignments", list, .flags = ROUTE_NO_POLICY },         /* asks one of two rules */
    {}
};
