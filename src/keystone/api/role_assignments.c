/* GET /v3/role_assignments: all assignments that fit the filters, as stored or (effective) as they work out: groups resolved
 * to their users, inherited ones to the projects below, roles to all they imply.
 */
#include "keystone/api/projects.h"

#include <string.h>

struct question {
    const char *user_id, *group_id, *role_id, *project_id, *domain_id;
    bool system, effective, names, subtree;
    bool inherited_asked, inherited;
};

/* What an answer's row is made of; via_...: what it comes from, NULL for nothing. */
struct assignment {
    const char *actor_kind, *actor_id, *target_kind, *target_id, *role_id;
    bool inherited;
    const char *via_group, *via_role, *via_target, *via_kind;
};

/* Whatever is not "0" is yes, "false" too. */
static bool flag(const struct request *request, const char *name)
{
    const char *value = request_query(request, name);

    return value && strcmp(value, "0");
}

static const char *given(const struct request *request, const char *name)
{
    const char *value = request_query(request, name);

    return value && *value ? value : NULL;
}

static bool question_read(struct ctx *c, const struct request *request, struct question *q)
{
    const char *system = given(request, "scope.system"), *inherited = request_query(request, "scope.OS-INHERIT:inherited_to");

    *q = (struct question){
        .user_id = given(request, "user.id"), .group_id = given(request, "group.id"), .role_id = given(request, "role.id"),
        .project_id = given(request, "scope.project.id"), .domain_id = given(request, "scope.domain.id"),
        .system = system && !strcmp(system, "all"), .inherited_asked = inherited, .inherited = inherited && !strcmp(inherited, "projects"),
        .effective = flag(request, "effective"), .names = flag(request, "include_names"), .subtree = flag(request, "include_subtree"),
    };
    if (q->subtree && !q->project_id)
        return fail(c, VALIDATION, "scope.project.id must be specified if include_subtree is also specified");
    if (q->domain_id && q->project_id)
        return fail(c, VALIDATION, "Specify a domain or project, not both");
    if (system && q->domain_id)
        return fail(c, VALIDATION, "Specify system or domain, not both");
    if (system && q->project_id)
        return fail(c, VALIDATION, "Specify system or project, not both");
    if (q->user_id && q->group_id)
        return fail(c, VALIDATION, "Specify a user or group, not both");
    if (q->effective && q->group_id)
        return fail(c, VALIDATION, "Combining effective and group filter will always result in an empty list.");
    if (q->effective && q->domain_id && q->inherited)
        return fail(c, VALIDATION, "Combining effective, domain and inherited filters will always result in an empty list.");
    return true;
}

/* -- as stored ----------------------------------------------------------------------------------------------------- */

#define TREE "WITH RECURSIVE tree (id) AS (SELECT CAST(? AS TEXT) UNION SELECT p.id FROM projects p JOIN tree ON p.parent_id = tree.id) SELECT id FROM tree"

/* Those on the system are among them unless a project or a domain is asked about, inherited or not. */
static void stored_add(struct sql *s, const struct question *q)
{
    sql_add(s, "SELECT a.actor_kind, a.actor_id, a.target_kind, a.target_id, a.role_id, a.inherited, NULL, NULL, NULL, NULL"
            " FROM assignments a WHERE 1 = 1");
    if (q->user_id)
        sql_add(s, " AND a.actor_kind = 'user' AND a.actor_id = ?", T(q->user_id));
    if (q->group_id)
        sql_add(s, " AND a.actor_kind = 'group' AND a.actor_id = ?", T(q->group_id));
    if (q->role_id)
        sql_add(s, " AND a.role_id = ?", T(q->role_id));
    if (q->project_id && q->subtree)
        sql_add(s, " AND a.target_kind = 'project' AND a.target_id IN (" TREE ")", T(q->project_id));
    else if (q->project_id)
        sql_add(s, " AND a.target_kind = 'project' AND a.target_id = ?", T(q->project_id));
    if (q->domain_id)
        sql_add(s, " AND a.target_kind = 'domain' AND a.target_id = ?", T(q->domain_id));
    if (q->system)
        sql_add(s, " AND a.target_kind = 'system'");
    if (q->inherited_asked)
        sql_add(s, " AND (a.inherited = ? OR a.target_kind = 'system')", B(q->inherited));
}

/* -- as they work out ---------------------------------------------------------------------------------------------- */

/* Which assignments can matter to the places asked about; those on the system never do. */
static void place_add(struct sql *s, const struct question *q)
{
    sql_add(s, " AND a.target_kind <> 'system'");
    if (q->project_id)
        sql_add(s, " AND ((NOT a.inherited AND a.target_id IN (SELECT id FROM interest)) OR (a.inherited AND a.target_id IN (SELECT id FROM sources)))"
                " AND a.target_id IN (SELECT id FROM interest UNION SELECT id FROM sources)");
    if (q->domain_id)
        sql_add(s, " AND a.target_kind = 'domain' AND a.target_id = ? AND NOT a.inherited", T(q->domain_id));
    if (q->inherited_asked)
        sql_add(s, " AND a.inherited = ?", B(q->inherited));
}

/* The assignments of each group, as its members': of one user's groups, or of all. */
static void of_members_add(struct sql *s, const struct question *q, const char *from)
{
    sql_add(s, " UNION ALL SELECT m.user_id, a.target_kind, a.target_id, a.role_id, a.inherited, a.actor_id FROM ");
    sql_add(s, from);
    sql_add(s, " m JOIN assignments a ON a.actor_id = m.group_id AND a.actor_kind = 'group' WHERE 1 = 1");
    if (q->user_id)
        sql_add(s, " AND m.user_id = ?", T(q->user_id));
    if (!strcmp(from, "expiring_memberships"))
        sql_add(s, " AND m.expires_at > ?", I(clock_us()));
    place_add(s, q);
}

/* What is held where and through which group, then placed on the projects below, then all that the roles imply; domain roles
 * count for nothing but what they imply. Everything starts from the actor or the place asked about. */
static void effective_add(struct sql *s, const struct question *q)
{
    sql_add(s, "WITH RECURSIVE ");
    if (q->project_id) {
        sql_add(s, "interest (id) AS (SELECT CAST(? AS TEXT)", T(q->project_id));
        if (q->subtree)
            sql_add(s, " UNION SELECT p.id FROM projects p JOIN interest i ON p.parent_id = i.id");
        sql_add(s, "), above (id) AS (SELECT parent_id FROM projects WHERE id = ? UNION SELECT p.parent_id FROM projects p JOIN above b ON p.id = b.id"
                " WHERE p.parent_id IS NOT NULL), sources (id) AS (SELECT id FROM above", T(q->project_id));
        sql_add(s, q->subtree ? " UNION SELECT id FROM interest), " : "), ");
    }
    sql_add(s, "held (actor_id, target_kind, target_id, role_id, inherited, via_group) AS (SELECT a.actor_id, a.target_kind, a.target_id, a.role_id,"
            " a.inherited, NULL FROM assignments a WHERE a.actor_kind = 'user'");
    if (q->user_id)
        sql_add(s, " AND a.actor_id = ?", T(q->user_id));
    place_add(s, q);
    of_members_add(s, q, "memberships");
    of_members_add(s, q, "expiring_memberships");
    sql_add(s, "), below (top, id) AS (SELECT h.target_id, p.id FROM held h JOIN projects p ON p.parent_id = h.target_id WHERE h.inherited"
            " UNION SELECT b.top, p.id FROM projects p JOIN below b ON p.parent_id = b.id),"
            " placed AS (SELECT actor_id, target_kind, target_id, role_id, via_group, NULL AS via_target, NULL AS via_kind FROM held WHERE NOT inherited"
            " UNION ALL SELECT h.actor_id, 'project', b.id, h.role_id, h.via_group, h.target_id, h.target_kind FROM held h"
            " JOIN below b ON b.top = h.target_id WHERE h.inherited");
    if (q->project_id)
        sql_add(s, " AND b.id IN (SELECT id FROM interest)");
    sql_add(s, "), implied (root, via, id) AS (SELECT DISTINCT role_id, CAST(NULL AS TEXT), role_id FROM held"
            " UNION SELECT i.root, i.id, r.implied_role_id FROM implied_roles r JOIN implied i ON r.prior_role_id = i.id)"
            " SELECT 'user', a.actor_id, a.target_kind, a.target_id, i.id AS role_id, a.via_target IS NOT NULL, a.via_group, i.via, a.via_target,"
            " a.via_kind FROM placed a JOIN implied i ON i.root = a.role_id JOIN roles r ON r.id = i.id AND r.domain_id IS NULL WHERE 1 = 1");
    if (q->role_id)
        sql_add(s, " AND i.id = ?", T(q->role_id));
}

static GArray *ask(struct ctx *c, const struct question *q)
{
    GArray *all = ctx_own(c, g_array_new(false, false, sizeof(struct assignment)), (void (*)(void *))g_array_unref);
    struct sql *s = sql_new(c);

    if (q->effective)
        effective_add(s, q);
    else
        stored_add(s, q);
    if (c->who.domain_id)
        sql_add(s, " AND (a.target_id = ? OR a.target_id IN (SELECT id FROM projects WHERE domain_id = ?))", T(c->who.domain_id),
                T(c->who.domain_id));
    sql_add(s, " ORDER BY 2, 4, 5");
    for (struct rows *rows = sql_query(s); db_next(rows);) {
        struct assignment one = {
            db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3), db_text(rows, 4), db_bool(rows, 5), db_text(rows, 6),
            db_text(rows, 7), db_text(rows, 8), db_text(rows, 9),
        };

        g_array_append_val(all, one);
    }
    return failed(c) ? NULL : all;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

/* The names of what a list speaks of, read for all of it at once. */
struct names {
    GHashTable *by_id;               /* id -> struct name */
};
struct name { const char *name, *domain_id; };

enum { IDS_AT_ONCE = 500 };

static bool names_of(struct ctx *c, struct names *names, const char *table, GHashTable *ids)
{
    const char **some = ctx_new_n(c, const char *, IDS_AT_ONCE + 1);
    GHashTableIter iter;
    size_t n = 0;
    void *id;

    g_hash_table_iter_init(&iter, ids);
    for (bool more = true; more;) {
        if ((more = g_hash_table_iter_next(&iter, &id, NULL)))
            some[n++] = id;
        if (!n || (more && n < IDS_AT_ONCE))
            continue;
        struct sql *s = sql_new(c);

        some[n] = NULL;
        n = 0;
        sql_add(s, ctx_printf(c, "SELECT id, name, domain_id FROM %s WHERE id IN ", table));
        sql_in(s, some);
        for (struct rows *rows = sql_query(s); db_next(rows);) {
            struct name *name = ctx_new(c, struct name);

            *name = (struct name){ db_text(rows, 1), db_text(rows, 2) };
            g_hash_table_insert(names->by_id, db_text(rows, 0), name);
        }
    }
    return !failed(c);
}

static bool names_read(struct ctx *c, struct names *names, const GArray *all)
{
    g_autoptr(GHashTable) users = g_hash_table_new(g_str_hash, g_str_equal), groups = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) places = g_hash_table_new(g_str_hash, g_str_equal), roles = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    void *name;

    names->by_id = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_unref);
    for (guint i = 0; i < all->len; i++) {
        const struct assignment *a = &g_array_index(all, struct assignment, i);

        g_hash_table_add(!strcmp(a->actor_kind, "user") ? users : groups, (char *)a->actor_id);
        g_hash_table_add(places, (char *)a->target_id);
        g_hash_table_add(roles, (char *)a->role_id);
    }
    if (!names_of(c, names, "users", users) || !names_of(c, names, "user_groups", groups) || !names_of(c, names, "roles", roles) ||
        !names_of(c, names, "projects", places))
        return false;
    g_hash_table_remove_all(places);                 /* now: the domains of all these */
    g_hash_table_iter_init(&iter, names->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &name))
        if (((struct name *)name)->domain_id)
            g_hash_table_add(places, (char *)((struct name *)name)->domain_id);
    return names_of(c, names, "projects", places);
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

static void links_write(struct ctx *c, struct out *o, const struct assignment *a)
{
    const char *kind = a->via_kind ? a->via_kind : a->target_kind, *target = a->via_target ? a->via_target : a->target_id;
    const char *actor_kind = a->via_group ? "group" : a->actor_kind, *actor = a->via_group ? a->via_group : a->actor_id;
    const char *role = a->via_role ? a->via_role : a->role_id;

    out_object(o, "links");
    if (!strcmp(kind, "system"))
        out_printf(o, "assignment", "%s/v3/system/%ss/%s/roles/%s", c->base_url, actor_kind, actor, role);
    else
        out_printf(o, "assignment", "%s/v3/%s%ss/%s/%ss/%s/roles/%s%s", c->base_url, a->inherited ? "OS-INHERIT/" : "", kind, target, actor_kind,
                   actor, role, a->inherited ? "/inherited_to_projects" : "");
    if (a->via_role)                 /* in the original's order: the implied role first */
        out_printf(o, "prior_role", "%s/v3/prior_role/%s/implies/%s", c->base_url, a->role_id, a->via_role);
    if (a->via_group)
        out_printf(o, "membership", "%s/v3/groups/%s/users/%s", c->base_url, a->via_group, a->actor_id);
    out_end_object(o);
}

static void assignment_write(struct ctx *c, struct out *o, const struct assignment *a, const struct names *names)
{
    out_object(o, NULL);
    links_write(c, o, a);
    out_object(o, "scope");
    if (!strcmp(a->target_kind, "system"))
        out_raw(o, "system", "{\"all\": true}");
    else
        entity_write(o, a->target_kind, a->target_id, names);
    if (a->inherited)
        out_string(o, "OS-INHERIT:inherited_to", "projects");
    out_end_object(o);
    entity_write(o, a->actor_kind, a->actor_id, names);
    entity_write(o, "role", a->role_id, names);
    out_end_object(o);
}

/* A domain's reader may ask about the domain, and about the tree of a project in it. */
static bool allowed(struct ctx *c, const struct request *request)
{
    const char *project_id = given(request, "scope.project.id"), *domain = c->who.domain_id;
    const struct project *p;

    if (!flag(request, "include_subtree"))
        return domain ? rule_check(c, "identity:list_role_assignments", "target.domain_id", domain, NULL)
            : rule_check(c, "identity:list_role_assignments", NULL);
    if (!project_id)
        return rule_check(c, "identity:list_role_assignments_for_tree", NULL);
    p = rest_find_any(c, &project_resource, project_id);
    return p && rule_check(c, "identity:list_role_assignments_for_tree", "target.project.id", p->id, "target.project.domain_id", p->domain_id,
                           "target.domain_id", p->domain_id, NULL);
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };
    struct names names = {};
    struct question q;

    if (!allowed(c, request) || !question_read(c, request, &q))
        return false;
    if (q.effective && ((q.user_id && !rest_find_any(c, &user_resource, q.user_id)) ||
                        (q.project_id && !rest_find_any(c, &project_resource, q.project_id))))
        return false;
    const GArray *all = ask(c, &q);
    if (!all || (q.names && !names_read(c, &names, all)))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "role_assignments");
    for (guint i = 0; i < all->len; i++)
        assignment_write(c, &o, &g_array_index(all, struct assignment, i), &names);
    out_end_array(&o);
    write_list_links(c, &o, request);
    out_end_object(&o);
    return !failed(c);
}

const struct route role_assignment_routes[] = {
    { "GET", "/v3/role_assignments", list, .flags = ROUTE_NO_POLICY },         /* asks one of two rules */
    {}
};
