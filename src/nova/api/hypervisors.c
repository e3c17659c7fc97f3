/* /os-hypervisors: compute nodes, what they have and what of it is used. */
#include "nova/api/api.h"

#include "nova/model/host.h"
#include "nova/model/instance.h"
#include "nova/rpc/compute.h"

#include <string.h>

static const struct service_row *service_of(struct ctx *c, const struct compute_node *node)
{
    return service_find_by_host(c, node->host, "nova-compute");
}

/* --- showing ------------------------------------------------------------------------------------------------------ */

static void write_servers(struct ctx *c, struct out *o, const struct compute_node *node, bool even_none)
{
    struct rows *r = db_query(c, "SELECT number, uuid FROM instances WHERE host = $1 AND NOT deleted ORDER BY number", T(node->host));
    bool any = db_next(r);

    if (!any && !even_none)
        return;
    out_array(o, "servers");
    for (; any; any = db_next(r)) {
        const struct instance inst = { .number = db_int(r, 0) };

        out_object(o, NULL);
        out_string(o, "name", instance_domain_name(c, &inst));
        out_string(o, "uuid", db_text(r, 1));
        out_end_object(o);
    }
    out_end_array(o);
}

static void write_usage(struct out *o, const struct compute_node *n)
{
    out_int(o, "vcpus", n->vcpus);
    out_int(o, "memory_mb", n->memory_mb);
    out_int(o, "local_gb", n->local_gb);
    out_int(o, "vcpus_used", n->vcpus_used);
    out_int(o, "memory_mb_used", n->memory_mb_used);
    out_int(o, "local_gb_used", n->local_gb_used);
    out_int(o, "free_ram_mb", n->memory_mb - n->memory_mb_used);
    out_int(o, "free_disk_gb", n->local_gb - n->local_gb_used);
    out_int(o, "current_workload", n->current_workload);
    out_int(o, "running_vms", n->running_vms);
    if (n->disk_available_least.set)
        out_int(o, "disk_available_least", n->disk_available_least.value);
    else
        out_null(o, "disk_available_least");
}

static void write_uptime(struct ctx *c, struct out *o, const struct compute_node *node, const struct service_row *s)
{
    out_string(o, "uptime", service_is_up(s) ? compute_host_uptime(c, node->host) : NULL);
    fault_clear(c);
}

static void write_id(struct ctx *c, struct out *o, int64_t id, const char *uuid)
{
    if (c->version >= V(2, 53))
        out_string(o, "id", uuid);
    else
        out_int(o, "id", id);
}

static void write_brief(struct ctx *c, struct out *o, const struct compute_node *node, const struct service_row *s)
{
    write_id(c, o, node->id, node->uuid);
    out_string(o, "hypervisor_hostname", node->hypervisor_hostname);
    out_string(o, "state", service_is_up(s) ? "up" : "down");
    out_string(o, "status", s->disabled ? "disabled" : "enabled");
}

static void write_whole(struct ctx *c, struct out *o, const struct compute_node *node, const struct service_row *s)
{
    write_brief(c, o, node, s);
    out_string(o, "hypervisor_type", node->hypervisor_type);
    out_int(o, "hypervisor_version", node->hypervisor_version);
    out_string(o, "host_ip", node->host_ip);
    out_object(o, "service");
    write_id(c, o, s->id, s->uuid);
    out_string(o, "host", node->host);
    out_string(o, "disabled_reason", s->disabled_reason);
    out_end_object(o);
    if (c->version >= V(2, 88)) {
        write_uptime(c, o, node, s);
        return;
    }
    write_usage(o, node);
    if (c->version < V(2, 28))
        out_string(o, "cpu_info", node->cpu_info.text ? node->cpu_info.text : "");
    else
        out_raw(o, "cpu_info", node->cpu_info.text ? node->cpu_info.text : "{}");
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static bool matches(const struct compute_node *node, const char *pattern)
{
    g_autofree char *name = g_ascii_strdown(node->hypervisor_hostname, -1), *part = g_ascii_strdown(pattern, -1);

    return strstr(name, part) != NULL;
}

/* The nodes of a page: narrowed by name, or from a marker on. NULL with a fault. */
static struct compute_node **nodes_of_query(struct ctx *c, const json_t *query, const char *pattern, size_t *ret_n)
{
    const char *marker = query_last(query, "marker");
    size_t n, kept = 0;
    struct compute_node **all = compute_nodes_all(c, &n);
    bool begun = !marker;

    for (size_t i = 0; i < n; i++) {
        if (begun && (!pattern || matches(all[i], pattern)) && (pattern || (int64_t)kept < page_limit(query)))
            all[kept++] = all[i];
        begun |= marker && (c->version >= V(2, 53) ? strcmp(all[i]->uuid, marker) == 0
                                                   : strcmp(ctx_printf(c, "%" PRId64, all[i]->id), marker) == 0);
    }
    *ret_n = kept;
    if (!begun)
        return fail_null(c, MARKER_NOT_FOUND_SHORT, marker);
    return pattern && !kept ? fail_null(c, NO_HYPERVISOR_MATCHES, pattern) : all;
}

static bool answer_nodes(struct ctx *c, struct request *rq, struct reply *rp, const json_t *query, const char *pattern, bool detail, bool servers)
{
    size_t n;
    struct compute_node **page = nodes_of_query(c, query, pattern, &n);
    struct out o;

    if (!page)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "hypervisors");
    for (size_t i = 0; i < n; i++) {
        const struct service_row *s = service_of(c, page[i]);

        if (!s)
            continue;
        out_object(&o, NULL);
        if (detail)
            write_whole(c, &o, page[i], s);
        else
            write_brief(c, &o, page[i], s);
        if (servers)
            write_servers(c, &o, page[i], c->version >= V(2, 75));
        out_end_object(&o);
    }
    out_end_array(&o);
    if (c->version >= V(2, 33) && !pattern)
        write_next(c, rq, &o, "hypervisors_links", detail ? "os-hypervisors/detail" : "os-hypervisors", query, n,
                   n ? (c->version >= V(2, 53) ? page[n - 1]->uuid : ctx_printf(c, "%" PRId64, page[n - 1]->id)) : NULL);
    out_end_object(&o);
    return !failed(c);
}

static bool query_flag(const json_t *query, const char *name)
{
    const char *text = query_last(query, name);
    bool flag = false;

    return text && text_to_bool(text, &flag) && flag;
}

static bool list(struct ctx *c, struct request *rq, struct reply *rp, bool detail)
{
    json_t *query = schema_query(c, rq, "hosts.hypervisors_query");
    const char *pattern = query_last(query, "hypervisor_hostname_pattern");

    if (!query)
        return false;
    if (pattern && (query_last(query, "limit") || query_last(query, "marker")))
        return fail(c, BAD_REQUEST, "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.");
    return answer_nodes(c, rq, rp, query, pattern, detail, query_flag(query, "with_servers"));
}

static bool hypervisors_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    return list(c, rq, rp, false);
}

static bool hypervisors_detail(struct ctx *c, struct request *rq, struct reply *rp)
{
    return list(c, rq, rp, true);
}

/* --- one ---------------------------------------------------------------------------------------------------------- */

static struct compute_node *node_get(struct ctx *c, const char *id)
{
    size_t n;
    struct compute_node **all = compute_nodes_all(c, &n);

    if (c->version >= V(2, 53) && !uuid_is(id))
        return fail_null(c, INVALID_UUID, id);
    for (size_t i = 0; i < n; i++)
        if (strcmp(c->version >= V(2, 53) ? all[i]->uuid : ctx_printf(c, "%" PRId64, all[i]->id), id) == 0)
            return all[i];
    return fail_null(c, HYPERVISOR_NOT_FOUND, id);
}

static bool hypervisor_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "hosts.hypervisor_query");
    const struct compute_node *node = query ? node_get(c, request_arg(rq, "id")) : NULL;
    const struct service_row *s = node ? service_of(c, node) : NULL;
    struct out o;

    if (!s)
        return failed(c) ? false : fail(c, HYPERVISOR_NOT_FOUND, request_arg(rq, "id"));
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "hypervisor");
    write_whole(c, &o, node, s);
    if (query_flag(query, "with_servers"))
        write_servers(c, &o, node, c->version >= V(2, 75));
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool hypervisor_uptime(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct compute_node *node = node_get(c, request_arg(rq, "id"));
    const struct service_row *s = node ? service_of(c, node) : NULL;
    const char *uptime;
    struct out o;

    if (!s)
        return failed(c) ? false : fail(c, HYPERVISOR_NOT_FOUND, request_arg(rq, "id"));
    if (!service_is_up(s))
        return fail(c, BAD_REQUEST, ctx_printf(c, "Compute service of %s is unavailable at this time.", node->host));
    uptime = compute_host_uptime(c, node->host);
    if (!uptime) {
        fault_clear(c);
        return fail(c, NOT_IMPLEMENTED, "The requested functionality is not supported.");
    }
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "hypervisor");
    write_brief(c, &o, node, s);
    out_string(&o, "uptime", uptime);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static bool hypervisors_search(struct ctx *c, struct request *rq, struct reply *rp)
{
    return answer_nodes(c, rq, rp, ctx_json(c, json_object()), request_arg(rq, "id"), false, false);
}

static bool hypervisors_servers(struct ctx *c, struct request *rq, struct reply *rp)
{
    return answer_nodes(c, rq, rp, ctx_json(c, json_object()), request_arg(rq, "id"), false, true);
}

static bool statistics(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct compute_node sum = { .disk_available_least = { .set = true } };
    size_t n, counted = 0;
    struct compute_node **all = compute_nodes_all(c, &n);
    struct out o;

    for (size_t i = 0; i < n; i++) {
        const struct service_row *s = service_of(c, all[i]);

        if (!s || s->disabled)
            continue;
        counted++;
        sum.vcpus += all[i]->vcpus;
        sum.memory_mb += all[i]->memory_mb;
        sum.local_gb += all[i]->local_gb;
        sum.vcpus_used += all[i]->vcpus_used;
        sum.memory_mb_used += all[i]->memory_mb_used;
        sum.local_gb_used += all[i]->local_gb_used;
        sum.current_workload += all[i]->current_workload;
        sum.running_vms += all[i]->running_vms;
        sum.disk_available_least.value += all[i]->disk_available_least.value;
    }
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "hypervisor_statistics");
    out_int(&o, "count", (int64_t)counted);
    write_usage(&o, &sum);
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

/* Else the word would be taken for an id. */
static bool statistics_gone(struct ctx *c, struct request *rq, struct reply *rp)
{
    return fail(c, NOT_FOUND_TEXT, "The resource could not be found.");
}

const struct route nova_hypervisor_routes[] = {
    { "GET", "os-hypervisors", hypervisors_list, .policy = RULE("os-hypervisors:list") },
    { "GET", "os-hypervisors/detail", hypervisors_detail, .policy = RULE("os-hypervisors:list-detail") },
    { "GET", "os-hypervisors/statistics", statistics, .policy = RULE("os-hypervisors:statistics"), .until = V(2, 87) },
    { "GET", "os-hypervisors/statistics", statistics_gone, .flags = ROUTE_NO_POLICY, .since = V(2, 88) },
    { "GET", "os-hypervisors/{id}", hypervisor_show, .policy = RULE("os-hypervisors:show") },
    { "GET", "os-hypervisors/{id}/uptime", hypervisor_uptime, .policy = RULE("os-hypervisors:uptime"), .until = V(2, 87) },
    { "GET", "os-hypervisors/{id}/search", hypervisors_search, .policy = RULE("os-hypervisors:search"), .until = V(2, 52) },
    { "GET", "os-hypervisors/{id}/servers", hypervisors_servers, .policy = RULE("os-hypervisors:servers"), .until = V(2, 52) },
    {}
};
