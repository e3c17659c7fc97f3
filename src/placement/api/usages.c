/* Usages: what of a provider is taken, and what a project has taken. */
#include "placement/api/api.h"
#include "oslo/auth/policy.h"

#include <string.h>

static bool of_provider(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "uuid");
    struct inventory *all;
    struct provider p;
    struct out out;
    size_t n;

    if (!accepts_json(c, request))
        return false;
    if (!provider_find(c, uuid, &p))
        return fail(c, PROVIDER_NOT_FOUND_IN, uuid, "", uuid);
    all = inventories_of(c, uuid, &n);
    out = answer_begin(reply);
    out_int(&out, "resource_provider_generation", p.generation);
    out_object(&out, "usages");
    for (size_t i = 0; i < n; i++)
        out_int(&out, all[i].resource_class, all[i].used);
    out_end_object(&out);
    answer_end(c, reply, &out, (utc_time){ 0 });
    return !failed(c);
}

/* Appends FROM and WHERE: the allocations of the project, of the user and the type of consumer where they are said. */
static void add_consumers(struct sql *s, const struct request *request, const char *type)
{
    const char *user = request_query(request, "user_id");

    sql_add(s, " FROM allocations AS a JOIN consumers AS c ON c.uuid = a.consumer_uuid WHERE c.project_id = ?", T(request_query(request, "project_id")));
    if (user)
        sql_add(s, " AND c.user_id = ?", T(user));
    if (type && !strcmp(type, "unknown"))
        sql_add(s, " AND c.consumer_type IS NULL");
    else if (type && strcmp(type, "all"))
        sql_add(s, " AND c.consumer_type = ?", T(type));
}

static void by_class(struct ctx *c, const struct request *request, struct out *out)
{
    struct sql *s = sql_new(c);

    sql_add(s, "SELECT a.resource_class, sum(a.used)");
    add_consumers(s, request, NULL);
    sql_add(s, " GROUP BY a.resource_class ORDER BY a.resource_class");
    for (struct rows *rows = sql_query(s); db_next(rows);)
        out_int(out, db_text(rows, 0), db_int(rows, 1));
}

/* All under the one name that was asked for, "all" or "unknown". */
static void under_one_name(struct ctx *c, const struct request *request, struct out *out, const char *type)
{
    struct sql *s = sql_new(c), *count = sql_new(c);
    struct rows *rows;
    bool any = false;

    sql_add(s, "SELECT a.resource_class, sum(a.used)");
    add_consumers(s, request, type);
    sql_add(s, " GROUP BY a.resource_class ORDER BY a.resource_class");
    for (rows = sql_query(s); db_next(rows); any = true) {
        if (!any)
            out_object(out, type);
        out_int(out, db_text(rows, 0), db_int(rows, 1));
    }
    if (!any)
        return;
    sql_add(count, "SELECT count(DISTINCT a.consumer_uuid)");
    add_consumers(count, request, type);
    out_int(out, "consumer_count", db_count_values(c, count->text.data, count->values));
    out_end_object(out);
}

static void by_type(struct ctx *c, const struct request *request, struct out *out, const char *type)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    struct sql *s = sql_new(c), *count = sql_new(c);
    char *last = NULL;
    struct rows *rows;

    sql_add(count, "SELECT coalesce(c.consumer_type, 'unknown'), count(DISTINCT a.consumer_uuid)");
    add_consumers(count, request, type);
    sql_add(count, " GROUP BY c.consumer_type");
    for (rows = sql_query(count); db_next(rows);)
        g_hash_table_insert(counts, db_text(rows, 0), GINT_TO_POINTER((int)db_int(rows, 1)));
    sql_add(s, "SELECT coalesce(c.consumer_type, 'unknown'), a.resource_class, sum(a.used)");
    add_consumers(s, request, type);
    sql_add(s, " GROUP BY c.consumer_type, a.resource_class ORDER BY 1, a.resource_class");
    for (rows = sql_query(s); db_next(rows); last = db_text(rows, 0)) {
        if (!last || strcmp(last, db_text(rows, 0))) {
            if (last)
                out_end_object(out);
            out_object(out, db_text(rows, 0));
            out_int(out, "consumer_count", GPOINTER_TO_INT(g_hash_table_lookup(counts, db_text(rows, 0))));
        }
        out_int(out, db_text(rows, 1), db_int(rows, 2));
    }
    if (last)
        out_end_object(out);
}

/* Asks its rule itself: it is about the project in the query. */
static bool of_project(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *type = request_query(request, "consumer_type");
    struct out out;

    if (!accepts_json(c, request) || !policy_check(c, "placement:usages", TARGET("project_id", request_query(request, "project_id"))) ||
        !query_read(c, request, "usages_query"))
        return false;
    out = answer_begin(reply);
    out_object(&out, "usages");
    if (c->version < V(1, 38))
        by_class(c, request, &out);
    else if (type && (!strcmp(type, "all") || !strcmp(type, "unknown")))
        under_one_name(c, request, &out, type);
    else
        by_type(c, request, &out, type);
    out_end_object(&out);
    answer_end(c, reply, &out, (utc_time){ 0 });
    return !failed(c);
}

const struct route usage_routes[] = {
    { "GET", "/resource_providers/{uuid}/usages", of_provider, .policy = "placement:resource_providers:usages" },
    { "GET", "/usages", of_project, .flags = ROUTE_NO_POLICY, .since = V(1, 9) },
    {}
};
