/* Quotas: how much of what a project may have. Rows are kept only for projects that differ from the defaults. */
#include "neutron/neutron.h"

#include <string.h>

/* Names of quotas, the table whose rows they count, and where their default stands. */
struct quota_kind {
    const char *name, *table;
    size_t option;
};
#define KIND(name, table) { #name, table, offsetof(struct neutron_options, quota_##name) }
static const struct quota_kind quota_kinds[] = {
    KIND(network, "networks"), KIND(subnet, "subnets"), KIND(subnetpool, "subnetpools"), KIND(port, "ports"), KIND(router, "routers"),
    KIND(floatingip, "floatingips"), KIND(rbac_policy, "rbac_policies"), KIND(security_group, "security_groups"),
    KIND(security_group_rule, "security_group_rules"), {}
};

static int64_t kind_default(const struct quota_kind *kind)
{
    return *(const int64_t *)(const void *)((const char *)neutron_options() + kind->option);
}

static const struct quota_kind *kind_find(const char *name)
{
    for (const struct quota_kind *kind = quota_kinds; kind->name; kind++)
        if (!strcmp(kind->name, name))
            return kind;
    return NULL;
}

static int64_t quota_of(struct ctx *c, const struct quota_kind *kind, const char *project_id)
{
    struct rows *rows = db_query(c, "SELECT value FROM quotas WHERE project_id = $1 AND resource = $2", T(project_id), T(kind->name));
    int64_t value = db_next(rows) ? db_int(rows, 0) : kind_default(kind);

    db_rows_end(rows);
    return value;
}

static int64_t quota_used(struct ctx *c, const struct quota_kind *kind, const char *project_id)
{
    return db_count(c, ctx_printf(c, "SELECT count(*) FROM %s WHERE project_id = $1", kind->table), T(project_id));
}

bool quota_check(struct ctx *c, const char *name, const char *project_id, int64_t more)
{
    const struct quota_kind *kind = kind_find(name);
    int64_t limit = kind && project_id && *project_id ? quota_of(c, kind, project_id) : -1;

    if (failed(c) || limit < 0)
        return !failed(c);
    if (quota_used(c, kind, project_id) + more > limit)
        return failed(c) ? false : fail(c, OVER_QUOTA, name);
    return !failed(c);
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static void quota_write(struct ctx *c, struct out *o, const char *key, const char *project_id, bool named, bool defaults)
{
    out_object(o, key);
    if (named) {
        out_string(o, "project_id", project_id);
        out_string(o, "tenant_id", project_id);
    }
    for (const struct quota_kind *kind = quota_kinds; kind->name; kind++)
        out_int(o, kind->name, defaults ? kind_default(kind) : quota_of(c, kind, project_id));
    out_end_object(o);
}

static bool admin_needed(struct ctx *c, const char *project_id)
{
    return c->who.is_admin || (project_id && text_equal(project_id, c->who.project_id)) ||
        fail(c, ADMIN_REQUIRED, "Only admin can view or configure quota");
}

static bool quota_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *project_id = request_arg(request, "project_id");
    struct out o = { .to = &reply->body };

    if (!admin_needed(c, project_id))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    quota_write(c, &o, "quota", project_id, false, request->route->data != NULL);
    out_end_object(&o);
    return !failed(c);
}

static bool quota_details(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *project_id = request_arg(request, "project_id");
    struct out o = { .to = &reply->body };

    if (!admin_needed(c, project_id))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    out_object(&o, "quota");
    for (const struct quota_kind *kind = quota_kinds; kind->name; kind++) {
        out_object(&o, kind->name);
        out_int(&o, "limit", quota_of(c, kind, project_id));
        out_int(&o, "used", quota_used(c, kind, project_id));
        out_int(&o, "reserved", 0);
        out_end_object(&o);
    }
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool quota_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };
    GPtrArray *projects = g_ptr_array_new();
    struct rows *rows;

    if (!admin_needed(c, NULL)) {
        g_ptr_array_free(projects, TRUE);
        return false;
    }
    for (rows = db_query(c, "SELECT DISTINCT project_id FROM quotas ORDER BY project_id"); db_next(rows);)
        g_ptr_array_add(projects, db_text(rows, 0));
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "quotas");
    for (guint i = 0; i < projects->len; i++)
        quota_write(c, &o, NULL, projects->pdata[i], true, false);
    out_end_array(&o);
    out_end_object(&o);
    g_ptr_array_free(projects, TRUE);
    return !failed(c);
}

static bool quota_own(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    out_object(&o, "tenant");
    out_string(&o, "tenant_id", c->who.project_id);
    out_string(&o, "project_id", c->who.project_id);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

/* --- changes -------------------------------------------------------------------------------------------------- */

static bool limit_read(struct ctx *c, const char *name, const json_t *value, int64_t *ret_limit)
{
    if (json_is_boolean(value) || json_is_null(value) || json_is_real(value) || !text_to_int(python_text(c, value), ret_limit))
        return invalid_input(c, "'%s' is not an integer", python_text(c, value));
    if (*ret_limit < -1)
        return invalid_member(c, name, "'%s' is too small - must be at least '-1'", python_text(c, value));
    if (*ret_limit > INT32_MAX)
        return invalid_member(c, name, "'%s' is too large - must be no larger than '%d'", python_text(c, value), INT32_MAX);
    return true;
}

static bool limit_fits(struct ctx *c, const struct quota_kind *kind, const char *project_id, int64_t limit)
{
    int64_t used = limit < 0 ? -1 : quota_used(c, kind, project_id);

    return !failed(c) && (used <= limit ||
        fail(c, 400, "InvalidQuotaLimit", "Quota limit %" G_GINT64_FORMAT " for %s must be greater than or equal to already used and reserved %"
             G_GINT64_FORMAT, limit, kind->name, used));
}

static bool limits_store(struct ctx *c, const char *project_id, json_t *quota)
{
    bool check = json_get_bool(quota, "check_limit", false);
    const char *name;
    json_t *value;
    int64_t limit;

    json_object_foreach(quota, name, value) {
        const struct quota_kind *kind = kind_find(name);

        if (!kind)
            continue;
        if (!limit_read(c, name, value, &limit) || (check && !limit_fits(c, kind, project_id, limit)) ||
            !db_exec(c, "INSERT INTO quotas (project_id, resource, value) VALUES ($1, $2, $3)"
                     " ON CONFLICT (project_id, resource) DO UPDATE SET value = excluded.value", T(project_id), T(name), I(limit)))
            return false;
    }
    return true;
}

static bool quota_update(struct ctx *c, struct request *request, struct reply *reply)
{
    static const char *const others[] = { "tenant_id", "project_id", "force", "check_limit", NULL };
    json_t *body = request_json(c, request), *quota = json_object_get(body, "quota"), *value;
    const char *project_id = request_arg(request, "project_id"), *name;
    struct out o = { .to = &reply->body };

    if (!body || !policy_check(c, "update_quota", NULL))
        return false;
    if (!json_is_object(quota))
        return fail(c, HTTP_BAD_REQUEST, "Unable to find 'quota' in request body");
    json_object_foreach(quota, name, value)
        if (!kind_find(name) && !text_in(name, others))
            return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Unrecognized attribute(s) '%s'", name));
    if (!db_begin(c))
        return false;
    if (!limits_store(c, project_id, quota)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    quota_write(c, &o, "quota", project_id, false, false);
    out_end_object(&o);
    return !failed(c);
}

static bool quota_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *project_id = request_arg(request, "project_id");
    int64_t changed = 0;

    if (!policy_check(c, "delete_quota", NULL) || !db_begin(c))
        return false;
    if (!db_changed(c, &changed, "DELETE FROM quotas WHERE project_id = $1", T(project_id))) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    return changed || fail(c, QUOTA_PROJECT_NOT_FOUND, project_id);
}

const struct route quota_routes[] = {
    { "GET", "/v2.0/quotas", quota_list, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/quotas/tenant", quota_own, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/quotas/project", quota_own, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/quotas/{project_id}", quota_show, 200, ROUTE_NO_POLICY },
    { "PUT", "/v2.0/quotas/{project_id}", quota_update, 200, ROUTE_NO_POLICY },
    { "DELETE", "/v2.0/quotas/{project_id}", quota_delete, 204, ROUTE_NO_POLICY },
    { "GET", "/v2.0/quotas/{project_id}/default", quota_show, 200, ROUTE_NO_POLICY, .data = "default" },
    { "GET", "/v2.0/quotas/{project_id}/default.json", quota_show, 200, ROUTE_NO_POLICY, .data = "default" },
    { "GET", "/v2.0/quotas/{project_id}/details", quota_details, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/quotas/{project_id}/details.json", quota_details, 200, ROUTE_NO_POLICY },
    {}
};
