/* See directory.h. */
#include "keystone/directory/directory.h"
#include "keystone/directory/entries.h"
#include "keystone/federation/shadow.h"
#include "oslo/base/log.h"

#include <string.h>

/* -- rows ---------------------------------------------------------------------------------------------------------- */

/* One answer of a directory on its way into the rows. */
struct mirror {
    const struct directory *d;
    int64_t stamp;
    bool changed;                    /* somebody may do more or less than before: what is cached of tokens must go */
};

static const char *id_write(struct ctx *c, const struct directory *d, const char *entity_type, const char *local_id)
{
    const char *id = public_id(c, d->domain_id, entity_type, local_id);

    return db_exec(c, "INSERT INTO id_mappings (public_id, domain_id, local_id, entity_type) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                   T(id), T(d->domain_id), T(local_id), T(entity_type)) ? id : NULL;
}

static const char *user_row(struct ctx *c, struct mirror *m, const struct directory_user *u)
{
    json_t *extra = ctx_json(c, json_object());
    const char *id = id_write(c, m->d, "user", u->id);

    if (u->email)
        json_object_set_new(extra, "email", json_string(u->email));
    if (u->description)
        json_object_set_new(extra, "description", json_string(u->description));
    if (id && !u->enabled && db_count(c, "SELECT count(*) FROM users WHERE id = $1 AND enabled = $2", T(id), B(true)))
        m->changed = true;
    return id && db_exec(c, "INSERT INTO users (id, name, domain_id, enabled, default_project_id, options, extra, origin, seen_at)"
                         " VALUES ($1, $2, $3, $4, $5, '{}', $6, 'directory', $7) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                         " enabled = excluded.enabled, default_project_id = excluded.default_project_id, extra = excluded.extra,"
                         " seen_at = excluded.seen_at", T(id), T(u->name), T(m->d->domain_id), B(u->enabled), T(u->default_project_id),
                         T(json_text(c, extra).text), I(m->stamp)) ? id : NULL;
}

static const char *group_row(struct ctx *c, const struct mirror *m, const struct directory_group *g)
{
    const char *id = id_write(c, m->d, "group", g->id);

    return id && db_exec(c, "INSERT INTO user_groups (id, name, domain_id, description, origin, seen_at) VALUES ($1, $2, $3, $4, 'directory', $5)"
                         " ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, seen_at = excluded.seen_at",
                         T(id), T(g->name), T(m->d->domain_id), T(g->description ? g->description : ""), I(m->stamp)) ? id : NULL;
}

static bool finish(struct ctx *c, const struct mirror *m, bool ok)
{
    if (!ok) {
        db_rollback(c);
        return false;
    }
    if (m->changed)
        tokens_will_change(c);
    if (!db_commit(c))
        return false;
    if (m->changed)
        tokens_forget_everywhere(c);
    return true;
}

static bool users_write(struct ctx *c, const struct directory *d, const struct directory_user *users, int64_t stamp)
{
    struct mirror m = { d, stamp };
    bool ok = db_begin(c);

    if (!ok)
        return false;
    for (; ok && users->id; users++)
        ok = user_row(c, &m, users) != NULL;
    return finish(c, &m, ok);
}

static bool groups_write(struct ctx *c, const struct directory *d, const struct directory_group *groups, int64_t stamp)
{
    struct mirror m = { d, stamp };
    bool ok = db_begin(c);

    if (!ok)
        return false;
    for (; ok && groups->id; groups++)
        ok = group_row(c, &m, groups) != NULL;
    return finish(c, &m, ok);
}

static bool member_row(struct ctx *c, struct mirror *m, const char *user_id, const char *group_id)
{
    int64_t added;

    if (!user_id || !group_id ||
        !db_changed(c, &added, "INSERT INTO memberships (user_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(user_id), T(group_id)))
        return false;
    m->changed |= added > 0;
    return true;
}

/* What was read by the query and is not among the ids is taken away by the statement; $1 is the fixed side of the membership, $2 the other. */
static bool members_drop(struct ctx *c, struct mirror *m, const char *query, const char *statement, const char *fixed_id, const GPtrArray *ids)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    struct rows *rows = db_query(c, query, T(fixed_id));

    while (db_next(rows)) {
        char *id = db_text(rows, 0);

        if (!g_ptr_array_find_with_equal_func((GPtrArray *)ids, id, g_str_equal, NULL))
            g_ptr_array_add(gone, id);
    }
    for (guint i = 0; i < gone->len && !failed(c); i++)
        db_exec(c, statement, T(fixed_id), T(gone->pdata[i]));
    m->changed |= gone->len > 0;
    return !failed(c);
}

/* The user, its groups, and that it is in these and no others of directories. */
static bool memberships_write(struct ctx *c, const struct directory *d, const struct directory_user *u, const struct directory_group *groups, int64_t stamp)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    struct mirror m = { d, stamp };

    if (!db_begin(c))
        return false;
    const char *user_id = user_row(c, &m, u), *group_id;
    bool ok = user_id != NULL;
    for (; ok && groups->id; groups++) {
        group_id = group_row(c, &m, groups);
        ok = member_row(c, &m, user_id, group_id);
        g_ptr_array_add(ids, (void *)group_id);
    }
    ok = ok && members_drop(c, &m, "SELECT m.group_id FROM memberships m JOIN user_groups g ON g.id = m.group_id WHERE m.user_id = $1"
                            " AND g.origin = 'directory'", "DELETE FROM memberships WHERE user_id = $1 AND group_id = $2", user_id, ids);
    return finish(c, &m, ok);
}

static bool members_write(struct ctx *c, const struct directory *d, const struct directory_group *g, const struct directory_user *users, int64_t stamp)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    struct mirror m = { d, stamp };

    if (!db_begin(c))
        return false;
    const char *group_id = group_row(c, &m, g), *user_id;
    bool ok = group_id != NULL;
    for (; ok && users->id; users++) {
        user_id = user_row(c, &m, users);
        ok = member_row(c, &m, user_id, group_id);
        g_ptr_array_add(ids, (void *)user_id);
    }
    ok = ok && members_drop(c, &m, "SELECT user_id FROM memberships WHERE group_id = $1",
                            "DELETE FROM memberships WHERE group_id = $1 AND user_id = $2", group_id, ids);
    return finish(c, &m, ok);
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

const struct directory *directory_of_id(struct ctx *c, const char *entity_type, const char *id, const char **ret_local_id)
{
    struct rows *rows = db_query(c, "SELECT domain_id, local_id FROM id_mappings WHERE public_id = $1 AND entity_type = $2", T(id), T(entity_type));
    const char *domain_id;

    if (!db_next(rows))
        return NULL;
    domain_id = db_text(rows, 0);
    *ret_local_id = db_text(rows, 1);
    db_rows_end(rows);
    return directory_of_domain(c, domain_id);
}

/* What the directory no longer has is no longer enabled here; what it is granted waits for its return. */
static bool user_gone(struct ctx *c, const char *id)
{
    tokens_will_change(c);
    if (keystone_changed(c, "UPDATE users SET enabled = $1, seen_at = 0 WHERE id = $2 AND enabled = $3", B(false), T(id), B(true)) > 0)
        tokens_forget_everywhere(c);
    return !failed(c) && fail(c, NO_SUCH, "user", id);
}

/* The user of that id; id NULL where there is none. NULL with a fault. */
static const struct directory_user *user_ask(struct ctx *c, const struct directory *d, const char *local_id)
{
    return directory_users(c, d, user_filter_by(c, d, local_id, NULL));
}

bool directory_user_fresh(struct ctx *c, const char *id)
{
    const char *local_id;
    const struct directory *d = directory_of_id(c, "user", id, &local_id);
    const struct directory_user *users = d ? user_ask(c, d, local_id) : NULL;

    if (!d || !users)
        return !failed(c);
    return users->id ? users_write(c, d, users, clock_us()) : user_gone(c, id);
}

bool directory_group_fresh(struct ctx *c, const char *id)
{
    const char *local_id;
    const struct directory *d = directory_of_id(c, "group", id, &local_id);
    const struct directory_group *groups = d ? directory_groups(c, d, group_filter_by(c, d, local_id, NULL)) : NULL;

    if (!d || !groups)
        return !failed(c);
    return groups->id ? groups_write(c, d, groups, clock_us()) : fail(c, NO_SUCH, "group", id);
}

static bool user_and_groups(struct ctx *c, const struct directory *d, const struct directory_user *u)
{
    const struct directory_group *groups = directory_groups_of_user(c, d, u);

    return groups && memberships_write(c, d, u, groups, clock_us());
}

bool directory_memberships_fresh(struct ctx *c, const char *user_id)
{
    const char *local_id;
    const struct directory *d = directory_of_id(c, "user", user_id, &local_id);
    const struct directory_user *users = d ? user_ask(c, d, local_id) : NULL;

    if (!d || !users)
        return !failed(c);
    return users->id ? user_and_groups(c, d, users) : user_gone(c, user_id);
}

bool directory_members_fresh(struct ctx *c, const char *group_id)
{
    const char *local_id;
    const struct directory *d = directory_of_id(c, "group", group_id, &local_id);
    const struct directory_group *groups = d ? directory_groups(c, d, group_filter_by(c, d, local_id, NULL)) : NULL;

    if (!d || !groups)
        return !failed(c);
    if (!groups->id)
        return fail(c, NO_SUCH, "group", group_id);
    const struct directory_user *users = directory_users_of_group(c, d, groups);
    return users && members_write(c, d, groups, users, clock_us());
}

bool directory_users_fresh(struct ctx *c, const struct directory *d, const char *name, int64_t *ret_stamp)
{
    const struct directory_user *users = directory_users(c, d, name ? user_filter_by(c, d, NULL, name) : NULL);

    *ret_stamp = clock_us();
    return users && users_write(c, d, users, *ret_stamp);
}

bool directory_groups_fresh(struct ctx *c, const struct directory *d, const char *name, int64_t *ret_stamp)
{
    const struct directory_group *groups = directory_groups(c, d, name ? group_filter_by(c, d, NULL, name) : NULL);

    *ret_stamp = clock_us();
    return groups && groups_write(c, d, groups, *ret_stamp);
}

const char *directory_user_by_name(struct ctx *c, const struct directory *d, const char *name)
{
    const struct directory_user *users = directory_users(c, d, user_filter_by(c, d, NULL, name));

    return users && users->id && user_and_groups(c, d, users) ? public_id(c, d->domain_id, "user", users->id) : NULL;
}

bool directory_password_fits(struct ctx *c, const char *user_id, const char *password)
{
    const char *local_id;
    const struct directory *d = directory_of_id(c, "user", user_id, &local_id);
    const struct directory_user *users = d ? user_ask(c, d, local_id) : NULL;

    return users && users->id && directory_bind(c, d, users->dn, password);
}

/* -- what may not be done ------------------------------------------------------------------------------------------ */

bool directory_domain_writable(struct ctx *c, const char *domain_id)
{
    return !directory_of_domain(c, domain_id) ? !failed(c) : fail(c, NOT_AUTHORIZED_PLAIN);
}

bool directory_writable(struct ctx *c, const char *entity_type, const char *id)
{
    const char *local_id;

    return !directory_of_id(c, entity_type, id, &local_id) ? !failed(c) : fail(c, NOT_AUTHORIZED_PLAIN);
}

bool directory_seen_add(struct ctx *c, struct sql *s, const void *data)
{
    const struct directory_seen *seen = data;

    sql_add(s, " AND t.domain_id = ? AND t.seen_at >= ?", T(seen->domain_id), I(seen->stamp));
    return true;
}
