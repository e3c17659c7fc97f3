/* Effective roles. An assignment counts for a user if the user or a group of the user holds it; an inherited one counts on
 * every project below its target, not on the target itself; each role brings those it implies, however far.
 */
#include "keystone/model/model.h"

#include <string.h>

/* $1 the user, $2 the target, $3 the time. */
#define ACTORS "actors (id) AS (SELECT CAST($1 AS TEXT) UNION SELECT group_id FROM memberships WHERE user_id = $1" \
    " UNION SELECT group_id FROM expiring_memberships WHERE user_id = $1 AND expires_at > $3)"
#define ABOVE "above (id) AS (SELECT parent_id FROM projects WHERE id = $2 AND parent_id IS NOT NULL" \
    " UNION SELECT p.parent_id FROM projects p JOIN above ON p.id = above.id WHERE p.parent_id IS NOT NULL)"
#define EFFECTIVE "effective (id) AS (SELECT id FROM granted" \
    " UNION SELECT i.implied_role_id FROM implied_roles i JOIN effective e ON i.prior_role_id = e.id)"
#define ROLES " SELECT r.id, r.name FROM roles r JOIN effective e ON e.id = r.id WHERE r.domain_id IS NULL ORDER BY r.name"
#define GRANTED(where) "granted (id) AS (SELECT a.role_id FROM assignments a JOIN actors ON a.actor_id = actors.id WHERE " where ")"

const char *const target_kind_names[] = { "project", "domain", "system" };

static const char *const roles_sql[] = {
    [ON_PROJECT] = "WITH RECURSIVE " ACTORS ", " ABOVE ", "
        GRANTED("(a.target_id = $2 AND a.target_kind = 'project' AND NOT a.inherited)"
                " OR (a.inherited AND a.target_id IN (SELECT id FROM above))") ", " EFFECTIVE ROLES,
    [ON_DOMAIN] = "WITH RECURSIVE " ACTORS ", "
        GRANTED("a.target_id = $2 AND a.target_kind = 'domain' AND NOT a.inherited") ", " EFFECTIVE ROLES,
    [ON_SYSTEM] = "WITH RECURSIVE " ACTORS ", "
        GRANTED("a.target_id = $2 AND a.target_kind = 'system'") ", " EFFECTIVE ROLES,
};

static const struct role_ref *roles_read(struct ctx *c, struct rows *rows)
{
    g_autoptr(GArray) roles = g_array_new(true, false, sizeof(struct role_ref));

    while (db_next(rows)) {
        struct role_ref role = { db_text(rows, 0), db_text(rows, 1) };

        g_array_append_val(roles, role);
    }
    if (failed(c))
        return NULL;
    struct role_ref *copy = ctx_new_n(c, struct role_ref, roles->len + 1);
    memcpy(copy, roles->data, roles->len * sizeof *copy);
    return copy;
}

const struct role_ref *roles_of_user(struct ctx *c, const char *user_id, enum target_kind kind, const char *target_id)
{
    return roles_read(c, db_query(c, roles_sql[kind], T(user_id), T(target_id), I(clock_us())));
}

const struct role_ref *roles_with_implied(struct ctx *c, const char *const *ids)
{
    struct sql *s = sql_new(c);

    sql_add(s, "WITH RECURSIVE granted (id) AS (SELECT id FROM roles WHERE id IN ");
    sql_in(s, ids);
    sql_add(s, "), " EFFECTIVE ROLES);
    return roles_read(c, sql_query(s));
}

bool role_in(const struct role_ref *roles, const char *id)
{
    for (; roles->id; roles++)
        if (!strcmp(roles->id, id))
            return true;
    return false;
}

/* " FROM assignments a WHERE ...": those of the user, the user's groups and these groups. */
static void held_add(struct sql *s, const char *user_id, const char *const *group_ids)
{
    sql_add(s, " FROM assignments a WHERE (a.actor_id IN (SELECT CAST(? AS TEXT) UNION SELECT group_id FROM memberships WHERE user_id = ?"
            " UNION SELECT group_id FROM expiring_memberships WHERE user_id = ? AND expires_at > ?)", T(user_id), T(user_id), T(user_id), I(clock_us()));
    if (group_ids && *group_ids) {
        sql_add(s, " OR a.actor_id IN ");
        sql_in(s, group_ids);
    }
    sql_add(s, ")");
}

void projects_of_user_add(struct sql *s, const char *user_id, const char *const *group_ids)
{
    sql_add(s, " AND t.is_domain = ? AND t.id IN (WITH RECURSIVE below (id) AS (SELECT p.id FROM projects p WHERE p.parent_id IN (SELECT a.target_id",
            B(false));
    held_add(s, user_id, group_ids);
    sql_add(s, " AND a.inherited) UNION SELECT p.id FROM projects p JOIN below ON p.parent_id = below.id) SELECT id FROM below UNION SELECT a.target_id");
    held_add(s, user_id, group_ids);
    sql_add(s, " AND a.target_kind = 'project' AND NOT a.inherited)");
}

void domains_of_user_add(struct sql *s, const char *user_id, const char *const *group_ids)
{
    sql_add(s, " AND t.is_domain = ? AND t.id IN (SELECT a.target_id", B(true));
    held_add(s, user_id, group_ids);
    sql_add(s, " AND a.target_kind = 'domain' AND NOT a.inherited)");
}
