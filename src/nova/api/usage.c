/* /os-simple-tenant-usage: what projects used of the cloud in a span of time; /os-instance_usage_audit_log. */
#include "nova/api/servers.h"

#include <string.h>

#define HOUR_US (3600 * 1000000.0)

struct window {
    int64_t start, stop;
    bool detailed;
};

struct sum {
    double local_gb, vcpus, memory_mb, hours;
};

static bool read_time(struct ctx *c, const char *text, int64_t *ret_us)
{
    utc_time at = utc_now();

    if (text && (strchr(text, 'Z') || strchr(text, '+') || !time_parse(text, &at)))
        return fail(c, BAD_REQUEST, "Invalid datetime string: Datetime is in invalid format");
    *ret_us = at.us;
    return true;
}

static bool read_window(struct ctx *c, const json_t *query, struct window *w)
{
    const char *detailed = json_string_value(json_array_get(json_object_get(query, "detailed"), 0));
    int64_t now = clock_us();

    w->detailed = detailed && strcmp(detailed, "1") == 0;
    if (!read_time(c, json_string_value(json_array_get(json_object_get(query, "start"), 0)), &w->start) ||
        !read_time(c, json_string_value(json_array_get(json_object_get(query, "end"), 0)), &w->stop))
        return false;
    if (w->start >= w->stop)
        return fail(c, BAD_REQUEST, "Invalid start time. The start time cannot occur after the end time.");
    w->stop = MIN(w->stop, now);
    return true;
}

static double hours_of(const struct instance *inst, const struct window *w)
{
    int64_t from = MAX(inst->launched_at.us, w->start), to = inst->terminated_at.us ? MIN(inst->terminated_at.us, w->stop) : w->stop;

    return inst->launched_at.us && to > from ? (double)(to - from) / HOUR_US : 0;
}

static void write_time(struct out *o, const char *key, int64_t us)
{
    char text[TIME_TEXT_SIZE];

    out_string(o, key, us ? time_write(text, (utc_time){ us }, TIME_ISO_MICRO) : NULL);
}

static void write_server(struct out *o, const struct instance *inst, const struct window *w)
{
    int64_t end = inst->terminated_at.us;

    out_object(o, NULL);
    out_real(o, "hours", hours_of(inst, w));
    out_string(o, "flavor", inst->flavor_name);
    out_string(o, "instance_id", inst->uuid);
    out_string(o, "name", inst->name);
    out_string(o, "tenant_id", inst->project_id);
    out_int(o, "memory_mb", inst->memory_mb);
    out_int(o, "local_gb", inst->root_gb + inst->ephemeral_gb);
    out_int(o, "vcpus", inst->vcpus);
    write_time(o, "started_at", inst->launched_at.us / 1000000 * 1000000);
    write_time(o, "ended_at", end / 1000000 * 1000000);
    out_string(o, "state", end ? "terminated" : inst->vm_state);
    out_int(o, "uptime", ((end ? end : clock_us()) - inst->launched_at.us) / 1000000);
    out_end_object(o);
}

/* One project's part of a page: its servers are beside each other. */
static void write_project(struct out *o, struct instance *const *page, size_t n, const struct window *w, bool detailed)
{
    struct sum sum = {};

    out_string(o, "tenant_id", page[0]->project_id);
    if (detailed) {
        out_array(o, "server_usages");
        for (size_t i = 0; i < n; i++)
            write_server(o, page[i], w);
        out_end_array(o);
    }
    for (size_t i = 0; i < n; i++) {
        double hours = hours_of(page[i], w);

        sum.local_gb += (double)(page[i]->root_gb + page[i]->ephemeral_gb) * hours;
        sum.vcpus += (double)page[i]->vcpus * hours;
        sum.memory_mb += (double)page[i]->memory_mb * hours;
        sum.hours += hours;
    }
    out_real(o, "total_local_gb_usage", sum.local_gb);
    out_real(o, "total_vcpus_usage", sum.vcpus);
    out_real(o, "total_memory_mb_usage", sum.memory_mb);
    out_real(o, "total_hours", sum.hours);
    write_time(o, "start", w->start);
    write_time(o, "stop", w->stop);
}

static struct instance **servers_in(struct ctx *c, const struct window *w, const char *project, const json_t *query, size_t *ret_n)
{
    struct sql *s = sql_new(c);
    const char *marker = c->version >= V(2, 40) ? query_last(query, "marker") : NULL;
    int64_t limit = c->version >= V(2, 40) ? page_limit(query) : MAX_LIMIT;
    struct instance **page = ctx_new_n(c, struct instance *, limit + 1);

    if (marker && !db_count(c, "SELECT count(*) FROM instances WHERE uuid = $1", T(marker)))
        return fail_null(c, MARKER_NOT_FOUND, marker);
    sql_add(s, "SELECT ");
    record_columns(&s->text, instance_list_attrs(), "");
    sql_add(s, " FROM instances WHERE launched_at < ? AND (terminated_at IS NULL OR terminated_at > ?)", I(w->stop), I(w->start));
    if (project)
        sql_add(s, " AND project_id = ?", T(project));
    if (marker)
        sql_add(s, " AND (project_id, uuid) > (SELECT m.project_id, m.uuid FROM instances m WHERE m.uuid = ?)", T(marker));
    sql_add(s, " ORDER BY project_id, uuid LIMIT ?", I(limit));
    *ret_n = 0;
    for (struct rows *r = sql_query(s); db_next(r); ++*ret_n) {
        page[*ret_n] = ctx_new(c, struct instance);
        record_from_row(r, instance_list_attrs(), page[*ret_n], 0);
    }
    return failed(c) ? NULL : page;
}

static bool usage_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "quotas.usage_query");
    struct window w;
    size_t n, from, to;
    struct instance **page = query && read_window(c, query, &w) ? servers_in(c, &w, NULL, query, &n) : NULL;
    struct out o;

    if (!page)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "tenant_usages");
    for (from = 0; from < n; from = to) {
        for (to = from + 1; to < n && strcmp(page[to]->project_id, page[from]->project_id) == 0;)
            to++;
        out_object(&o, NULL);
        write_project(&o, page + from, to - from, &w, w.detailed);
        out_end_object(&o);
    }
    out_end_array(&o);
    if (c->version >= V(2, 40))
        write_next(c, rq, &o, "tenant_usages_links", "os-simple-tenant-usage", query, n, n ? page[n - 1]->uuid : NULL);
    out_end_object(&o);
    return true;
}

static bool usage_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "quotas.usage_one_query");
    const char *project = request_arg(rq, "id");
    struct window w;
    struct instance **page;
    struct out o;
    size_t n;

    if (!query || !policy_check(c, RULE("os-simple-tenant-usage:show"), PROJECT_TARGET(project)) || !read_window(c, query, &w))
        return false;
    page = servers_in(c, &w, project, query, &n);
    if (!page)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "tenant_usage");
    if (n)
        write_project(&o, page, n, &w, true);
    out_end_object(&o);
    if (c->version >= V(2, 40))
        write_next(c, rq, &o, "tenant_usage_links", ctx_printf(c, "os-simple-tenant-usage/%s", project), query, n, n ? page[n - 1]->uuid : NULL);
    out_end_object(&o);
    return true;
}

/* No audit of usage is run here: no host has done any in the month before. */
static bool audit_log(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *before = rq->args && rq->args->name ? request_arg(rq, "before") : NULL;
    char text[TIME_TEXT_SIZE];
    utc_time at = utc_now();
    struct rows *r;
    struct out o;
    int64_t hosts;

    if (before && !time_parse(before, &at))
        return fail(c, BAD_REQUEST, ctx_printf(c, "Invalid timestamp for date %s", before));
    g_autoptr(GDateTime) end = g_date_time_new_from_unix_utc(at.us / 1000000), month = g_date_time_new_utc(g_date_time_get_year(end),
                                                                                                         g_date_time_get_month(end), 1, 0, 0, 0);
    g_autoptr(GDateTime) previous = g_date_time_add_months(month, -1);
    hosts = db_count(c, "SELECT count(*) FROM services WHERE topic = 'compute'");
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, before ? "instance_usage_audit_log" : "instance_usage_audit_logs");
    out_string(&o, "period_beginning", ctx_strndup(c, time_write(text, (utc_time){ g_date_time_to_unix(previous) * 1000000 }, TIME_SPACE_MICRO), 19));
    out_string(&o, "period_ending", ctx_strndup(c, time_write(text, (utc_time){ g_date_time_to_unix(month) * 1000000 }, TIME_SPACE_MICRO), 19));
    out_int(&o, "num_hosts", hosts);
    out_int(&o, "num_hosts_done", 0);
    out_int(&o, "num_hosts_running", 0);
    out_int(&o, "num_hosts_not_run", hosts);
    out_array(&o, "hosts_not_run");
    for (r = db_query(c, "SELECT host FROM services WHERE topic = 'compute'"); db_next(r);)
        out_string(&o, NULL, db_text(r, 0));
    out_end_array(&o);
    out_int(&o, "total_instances", 0);
    out_int(&o, "total_errors", 0);
    out_printf(&o, "overall_status", "0 of %" PRId64 " hosts done. 0 errors.", hosts);
    out_raw(&o, "log", "{}");
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

const struct route nova_usage_routes[] = {
    { "GET", "os-simple-tenant-usage", usage_list, .policy = RULE("os-simple-tenant-usage:list") },
    { "GET", "os-simple-tenant-usage/{id}", usage_show, .flags = ROUTE_NO_POLICY },      /* the rule is about the project in the path */
    { "GET", "os-instance_usage_audit_log", audit_log, .policy = RULE("os-instance-usage-audit-log:list") },
    { "GET", "os-instance_usage_audit_log/{before}", audit_log, .policy = RULE("os-instance-usage-audit-log:show") },
    {}
};
