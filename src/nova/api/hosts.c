/* /os-hosts, until 2.42: hosts by name, what they have and who uses it. */
#include "nova/api/api.h"

#include "nova/model/host.h"

#include <string.h>

static bool hosts_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *zone = request_query(rq, "zone"), *of;
    struct zones *zones = zones_load(c);
    size_t n;
    struct service_row **all = services_all(c, &n);
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_array(&o, "hosts");
    for (size_t i = 0; i < n; i++) {
        of = strcmp(all[i]->binary, "nova-compute") == 0 ? zone_of_host(zones, all[i]->host) : INTERNAL_AVAILABILITY_ZONE;
        if (zone && *zone && strcmp(zone, of) != 0)
            continue;
        out_object(&o, NULL);
        out_string(&o, "host_name", all[i]->host);
        out_string(&o, "service", all[i]->topic);
        out_string(&o, "zone", of);
        out_end_object(&o);
    }
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

static void write_part(struct out *o, const char *host, const char *project, int64_t cpu, int64_t memory_mb, int64_t disk_gb)
{
    out_object(o, NULL);
    out_object(o, "resource");
    out_string(o, "host", host);
    out_string(o, "project", project);
    out_int(o, "cpu", cpu);
    out_int(o, "memory_mb", memory_mb);
    out_int(o, "disk_gb", disk_gb);
    out_end_object(o);
    out_end_object(o);
}

static bool host_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *host = request_arg(rq, "id");
    const struct compute_node *node = compute_node_find(c, host, NULL);
    struct rows *r;
    struct out o;

    if (!node)
        return failed(c) ? false : fail(c, HOST_MAPPING_NOT_FOUND, host);
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "host");
    write_part(&o, host, "(total)", node->vcpus, node->memory_mb, node->local_gb);
    write_part(&o, host, "(used_now)", node->vcpus_used, node->memory_mb_used, node->local_gb_used);
    r = db_query(c, "SELECT coalesce(sum(vcpus), 0), coalesce(sum(memory_mb), 0), coalesce(sum(root_gb + ephemeral_gb), 0) FROM instances"
                 " WHERE host = $1 AND NOT deleted", T(host));
    if (db_next(r))
        write_part(&o, host, "(used_max)", db_int(r, 0), db_int(r, 1), db_int(r, 2));
    db_rows_end(r);
    for (r = db_query(c, "SELECT project_id, sum(vcpus), sum(memory_mb), sum(root_gb + ephemeral_gb) FROM instances WHERE host = $1"
                      " AND NOT deleted GROUP BY project_id", T(host)); db_next(r);)
        write_part(&o, host, db_text(r, 0), db_int(r, 1), db_int(r, 2), db_int(r, 3));
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

/* Turning a host itself on or off is more than a hypervisor here can do. */
static bool host_power(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *host = request_arg(rq, "id");

    if (!service_find_by_host(c, host, "nova-compute"))
        return failed(c) ? false : fail(c, HOST_MAPPING_NOT_FOUND, host);
    return fail(c, NOT_IMPLEMENTED, "Virt driver does not implement host power management.");
}

static bool host_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.host_update");
    const char *host = request_arg(rq, "id"), *status = json_get_string(body, "status");
    struct out o;

    if (!body)
        return false;
    if (!service_find_by_host(c, host, "nova-compute"))
        return failed(c) ? false : fail(c, HOST_MAPPING_NOT_FOUND, host);
    if (json_object_get(body, "maintenance_mode"))
        return fail(c, NOT_IMPLEMENTED, "Virt driver does not implement host maintenance mode.");
    if (!status)
        return fail(c, NOT_IMPLEMENTED, "Virt driver does not implement host disabled status.");
    if (!db_begin(c) || !tx_done(c, db_exec(c, "UPDATE services SET disabled = $1 WHERE host = $2 AND \"binary\" = 'nova-compute'",
                                            B(g_ascii_strcasecmp(status, "disable") == 0), T(host))))
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_string(&o, "host", host);
    out_string(&o, "status", g_ascii_strcasecmp(status, "disable") == 0 ? "disabled" : "enabled");
    out_end_object(&o);
    return true;
}

const struct route nova_host_routes[] = {
    { "GET", "os-hosts", hosts_list, .policy = RULE("os-hosts:list"), .until = V(2, 42) },
    { "GET", "os-hosts/{id}", host_show, .policy = RULE("os-hosts:show"), .until = V(2, 42) },
    { "PUT", "os-hosts/{id}", host_update, .policy = RULE("os-hosts:update"), .until = V(2, 42) },
    { "GET", "os-hosts/{id}/reboot", host_power, .policy = RULE("os-hosts:reboot"), .until = V(2, 42) },
    { "GET", "os-hosts/{id}/shutdown", host_power, .policy = RULE("os-hosts:shutdown"), .until = V(2, 42) },
    { "GET", "os-hosts/{id}/startup", host_power, .policy = RULE("os-hosts:start"), .until = V(2, 42) },
    {}
};
