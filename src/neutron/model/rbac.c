/* Who else may use what. */
#include "neutron/model/rbac.h"

#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/neutron.h"

void rbac_visible(struct ctx *c, struct sql *s, const char *object_type)
{
    sql_add(s, " AND (t.project_id = ? OR t.id IN (SELECT object_id FROM rbac_policies WHERE object_type = ? AND target_tenant IN (?, '*')))",
            T(c->who.project_id), T(object_type), T(c->who.project_id));
}

void rbac_filter_shared(struct ctx *c, struct sql *s, const char *object_type, bool shared)
{
    sql_add(s, shared ? " AND t.id IN" : " AND t.id NOT IN");
    sql_add(s, " (SELECT object_id FROM rbac_policies WHERE object_type = ? AND action = 'access_as_shared' AND target_tenant IN (?, '*'))",
            T(object_type), T(c->who.project_id));
}

bool rbac_filter(struct ctx *c, const char *object_type, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    bool shared;

    if (strcmp(name, "shared"))
        return true;
    *ret_taken = true;
    if (!text_to_bool(values[0], &shared))
        return invalid_input(c, "'%s' cannot be converted to boolean", values[0]);
    rbac_filter_shared(c, s, object_type, shared);
    return true;
}

static void shared_row(void *record, struct rows *rows, void *data)
{
    *(bool *)((char *)record + *(size_t *)data) = true;
}

bool rbac_fill_shared(struct ctx *c, void *const *page, size_t n, const char *object_type, size_t id, size_t shared)
{
    const struct fill fill = {
        .select = "SELECT object_id FROM rbac_policies WHERE object_type = ? AND action = 'access_as_shared' AND target_tenant IN (?, '*')"
                  " AND object_id",
        .key = id, .values = VALUES(T(object_type), T(c->who.project_id)),
    };

    for (size_t i = 0; i < n; i++)
        *(bool *)((char *)page[i] + shared) = false;
    return fill_rows(c, page, n, &fill, shared_row, &shared);
}

bool rbac_open(struct ctx *c, const char *object_type, const char *id, const char *project_id, const char *action)
{
    return db_exec(c, "INSERT INTO rbac_policies (id, project_id, object_type, object_id, target_tenant, action)"
                   " VALUES ($1, $2, $3, $4, '*', $5) ON CONFLICT DO NOTHING",
                   T(uuid_new(c)), T(project_id), T(object_type), T(id), T(action));
}

bool rbac_close(struct ctx *c, const char *object_type, const char *id, const char *action)
{
    return db_exec(c, "DELETE FROM rbac_policies WHERE object_type = $1 AND object_id = $2 AND action = $3 AND target_tenant = '*'",
                   T(object_type), T(id), T(action));
}

bool rbac_forget(struct ctx *c, const char *object_type, const char *id)
{
    return db_exec(c, "DELETE FROM rbac_policies WHERE object_type = $1 AND object_id = $2", T(object_type), T(id));
}

bool rbac_allows(struct ctx *c, const char *object_type, const char *id, const char *project_id, const char *action)
{
    return db_count(c, "SELECT count(*) FROM rbac_policies WHERE object_type = $1 AND object_id = $2 AND action = $3 AND target_tenant IN ($4, '*')",
                    T(object_type), T(id), T(action), T(project_id)) > 0;
}
