/* What there is: availability zones of agents, addresses of networks, pools of floating IPs, providers of services. All derived. */
#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/rbac.h"
#include "neutron/model/subnets.h"

/* Does the query ask for this value of that name (or not at all)? */
static bool wanted(const struct request *request, const char *name, const char *value)
{
    bool asked_for = false;

    for (const struct pair *q = request->query; q && q->name; q++)
        if (!strcmp(q->name, name)) {
            if (text_equal(q->value, value))
                return true;
            asked_for = true;
        }
    return !asked_for;
}

/* --- zones ---------------------------------------------------------------------------------------------------- */

static bool zones_list(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *list = ctx_json(c, json_array());
    struct rows *rows = db_query(c, "SELECT availability_zone, CASE agent_type WHEN 'DHCP agent' THEN 'network' ELSE 'router' END AS resource,"
                                 " MAX(CASE WHEN admin_state_up THEN 1 ELSE 0 END) FROM agents WHERE availability_zone IS NOT NULL"
                                 " AND agent_type IN ('DHCP agent', 'L3 agent') GROUP BY 1, 2 ORDER BY 1, 2");

    while (db_next(rows)) {
        const char *name = db_text(rows, 0), *resource = db_text(rows, 1), *state = db_int(rows, 2) ? "available" : "unavailable";

        if (wanted(request, "name", name) && wanted(request, "resource", resource) && wanted(request, "state", state))
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "resource", resource, "state", state));
    }
    reply_json(reply, ctx_json(c, json_pack("{s:O}", "availability_zones", list)));
    return !failed(c);
}

/* --- addresses ------------------------------------------------------------------------------------------------ */

static double subnet_total(struct ctx *c, const struct subnet *s)
{
    size_t n;
    const struct range *pools = pools_read(c, s, &n);
    double total = 0;

    for (size_t i = 0; i < n; i++)
        total += (double)(pools[i].last - pools[i].first) + 1;
    return total;
}

/* Numbers of IPv6 pools go beyond 64 bits: exact as long as a real is, as text without a fraction. */
static void total_write(struct out *o, double total)
{
    if (total < 9e15)
        out_int(o, "total_ips", (int64_t)total);
    else
    {
        g_autofree char *text = g_strdup_printf("%.0f", total);

        out_raw(o, "total_ips", text);
    }
}

static bool availability_write(struct ctx *c, struct out *o, const char *key, const struct network *net, const struct request *request)
{
    size_t n;
    struct subnet **subnets = subnets_of(c, net->id, &n);
    double total = 0;
    int64_t used = 0;

    if (!subnets)
        return false;
    out_object(o, key);
    out_string(o, "network_id", net->id);
    out_string(o, "network_name", net->name);
    out_string(o, "tenant_id", net->project_id);
    out_string(o, "project_id", net->project_id);
    out_array(o, "subnet_ip_availability");
    for (size_t i = 0; i < n; i++) {
        int64_t taken = db_count(c, "SELECT count(*) FROM ip_allocations WHERE subnet_id = $1", T(subnets[i]->id));
        double size = subnet_total(c, subnets[i]);

        if (!wanted(request, "ip_version", ctx_printf(c, "%" G_GINT64_FORMAT, subnets[i]->ip_version)))
            continue;
        out_object(o, NULL);
        out_string(o, "subnet_id", subnets[i]->id);
        out_int(o, "ip_version", subnets[i]->ip_version);
        out_string(o, "cidr", subnets[i]->cidr);
        out_string(o, "subnet_name", subnets[i]->name);
        out_int(o, "used_ips", taken);
        total_write(o, size);
        out_end_object(o);
        used += taken;
        total += size;
    }
    out_end_array(o);
    out_int(o, "used_ips", used);
    total_write(o, total);
    out_end_object(o);
    return !failed(c);
}

static bool availabilities_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };
    struct buf columns = { 0 };
    GPtrArray *nets = g_ptr_array_new();
    struct rows *rows;
    bool ok = true;

    record_columns(&columns, network_attrs, "");
    for (rows = db_query(c, ctx_printf(c, "SELECT %s FROM networks WHERE $1 ORDER BY id", columns.data), B(c->who.is_admin)); db_next(rows);) {
        struct network *net = ctx_new(c, struct network);

        record_from_row(rows, network_attrs, net, 0);
        if (wanted(request, "network_id", net->id) && wanted(request, "network_name", net->name) && wanted(request, "tenant_id", net->project_id) &&
            wanted(request, "project_id", net->project_id))
            g_ptr_array_add(nets, net);
    }
    buf_clear(&columns);
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "network_ip_availabilities");
    for (guint i = 0; ok && i < nets->len; i++)
        ok = availability_write(c, &o, NULL, nets->pdata[i], request);
    out_end_array(&o);
    out_end_object(&o);
    g_ptr_array_free(nets, TRUE);
    return ok && !failed(c);
}

static bool availability_show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };
    const struct network *net = rest_find(c, &network_resource, request_arg(request, "id"));

    if (!net || !policy_allows(c, "get_network_ip_availability", TARGET_RECORD(network_attrs, net)))
        return net ? fail(c, HTTP_NOT_FOUND) : false;
    reply->has_body = true;
    out_object(&o, NULL);
    availability_write(c, &o, "network_ip_availability", net, request);
    out_end_object(&o);
    return !failed(c);
}

/* --- pools of floating IPs ------------------------------------------------------------------------------------ */

static bool pools_list(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *list = ctx_json(c, json_array());
    struct rows *rows = db_query(c, "SELECT s.id, s.name, s.project_id, s.network_id, s.cidr FROM subnets s JOIN networks n ON n.id = s.network_id"
                                 " WHERE n.external AND s.ip_version = 4 AND ($1 OR n.project_id = $2 OR n.id IN (SELECT object_id FROM rbac_policies"
                                 " WHERE object_type = 'network' AND target_tenant IN ($2, '*'))) ORDER BY s.created_at",
                                 B(c->who.is_admin), T(c->who.project_id));

    while (db_next(rows))
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "subnet_id", db_text(rows, 0), "subnet_name", db_text(rows, 1),
                                              "tenant_id", db_text(rows, 2), "network_id", db_text(rows, 3), "cidr", db_text(rows, 4),
                                              "project_id", db_text(rows, 2)));
    reply_json(reply, ctx_json(c, json_pack("{s:O}", "floatingip_pools", list)));
    return !failed(c);
}

/* --- providers of services ------------------------------------------------------------------------------------ */

static bool providers_list(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *list = ctx_json(c, json_array());
    static const char *const names[] = { "dvrha", "dvr", "ha", "single_node" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (wanted(request, "name", names[i]) && wanted(request, "service_type", "L3_ROUTER_NAT"))
            json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "service_type", "L3_ROUTER_NAT", "name", names[i], "default", 0));
    reply_json(reply, ctx_json(c, json_pack("{s:O}", "service_providers", list)));
    return true;
}

const struct route availability_routes[] = {
    { "GET", "/v2.0/availability_zones", zones_list, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/availability-zones", zones_list, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/network-ip-availabilities", availabilities_list, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/network-ip-availabilities/{id}", availability_show, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/floatingip_pools", pools_list, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/floatingip-pools", pools_list, 200, ROUTE_NO_POLICY },
    { "GET", "/v2.0/service-providers", providers_list, 200, ROUTE_NO_POLICY },
    {}
};
