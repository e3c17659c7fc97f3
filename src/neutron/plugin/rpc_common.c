/* What the methods share: records by filters, devices by name; and the servers. */
#include <string.h>

#include "neutron/model/ip.h"
#include "neutron/model/ports.h"
#include "neutron/rpc/dhcp.h"
#include "neutron/rpc/dvr.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/l3.h"
#include "neutron/rpc/metadata.h"
#include "neutron/rpc/reports.h"
#include "neutron/rpc/resources.h"
#include "neutron/rpc/servers.h"

const char *const *rpc_texts(struct ctx *c, const json_t *values)
{
    const char **texts = ctx_new_n(c, const char *, json_array_size(values) + 2);
    json_t *value;
    size_t i, n = 0;

    if (values && !json_is_array(values))
        texts[n++] = python_text(c, values);
    json_array_foreach(values, i, value)
        texts[n++] = python_text(c, value);
    return texts;
}

static void address_filter(struct ctx *c, struct sql *s, const char *key, const json_t *values)
{
    if (!strcmp(key, "ip_address"))
        sql_add(s, " AND t.id IN (SELECT port_id FROM ip_allocations WHERE ip_address IN ");
    else if (!strcmp(key, "subnet_id"))
        sql_add(s, " AND t.id IN (SELECT port_id FROM ip_allocations WHERE subnet_id IN ");
    else
        return;
    sql_in(s, rpc_texts(c, values));
    sql_add(s, ")");
}

void rpc_filter_add(struct ctx *c, struct sql *s, const struct attr *a, const json_t *values)
{
    const char *const *texts = rpc_texts(c, values);
    bool boolean;

    if (a->kind == KIND_BOOL) {
        if (texts[0] && text_to_bool(texts[0], &boolean))
            sql_add(s, ctx_printf(c, " AND t.%s = ?", attr_column(a)), B(boolean));
        return;
    }
    sql_add(s, ctx_printf(c, a->kind == KIND_STRING ? " AND t.%s IN " : " AND CAST(t.%s AS TEXT) IN ", attr_column(a)));
    sql_in(s, texts);
}

static void filters_add(struct ctx *c, struct sql *s, const struct attr *attrs, const json_t *filters)
{
    const char *name, *key;
    json_t *values, *inner;

    json_object_foreach((json_t *)(uintptr_t)filters, name, values) {
        const struct attr *a = attr_find_json(attrs, strcmp(name, "tenant_id") ? name : "project_id");

        if (json_is_object(values))
            json_object_foreach(values, key, inner)
                address_filter(c, s, key, inner);
        else if (a && !(a->flags & DERIVED))
            rpc_filter_add(c, s, a, values);
    }
}

json_t *rpc_ports(struct ctx *c, const json_t *filters)
{
    struct sql *s = ports_select(c);
    json_t *list = ctx_json(c, json_array());
    size_t n;
    struct port **ports;

    filters_add(c, s, port_attrs, filters);
    if (!(ports = ports_fetch(c, s, &n)))
        return NULL;
    for (size_t i = 0; i < n; i++)
        json_array_append(list, port_json(c, ports[i]));
    return list;
}

json_t *rpc_networks(struct ctx *c, const json_t *filters)
{
    struct sql *s = sql_new(c);
    struct buf columns = { 0 };
    json_t *list = ctx_json(c, json_array());
    GPtrArray *found = g_ptr_array_new();
    struct rows *rows;

    record_columns(&columns, network_attrs, "t.");
    sql_add(s, ctx_printf(c, "SELECT %s FROM networks t WHERE 1 = 1", columns.data));
    buf_clear(&columns);
    filters_add(c, s, network_attrs, filters);
    for (rows = sql_query(s); db_next(rows);) {
        struct network *net = ctx_new(c, struct network);

        record_from_row(rows, network_attrs, net, 0);
        g_ptr_array_add(found, net);
    }
    if (rest_fill(c, &network_resource, found->pdata, found->len))
        for (guint i = 0; i < found->len; i++) {
            json_t *json = record_to_json(c, network_attrs, found->pdata[i]);

            json_object_set(json, "tenant_id", json_object_get(json, "project_id"));
            json_array_append(list, json);
        }
    g_ptr_array_free(found, TRUE);
    return failed(c) ? NULL : list;
}

bool rpc_get_networks(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = rpc_networks(c, json_object_get(args, "filters")), *fields = json_object_get(args, "fields"), *network, *field;
    size_t i, k;

    if (!list)
        return false;
    *ret_result = json_array();
    json_array_foreach(list, i, network) {
        json_t *some = json_array_size(fields) ? json_object() : json_incref(network);

        json_array_foreach(fields, k, field)
            if (json_object_get(network, json_string_value(field)))
                json_object_set(some, json_string_value(field), json_object_get(network, json_string_value(field)));
        json_array_append_new(*ret_result, some);
    }
    return true;
}

char *rpc_device_port(struct ctx *c, const json_t *device)
{
    const char *name = json_string_value(json_is_array(device) ? json_array_get(device, 0) : device);

    if (!name)
        return NULL;
    if (uuid_is(name))
        return ctx_strdup(c, name);
    if (mac_is(name))
        return db_get_text(c, "SELECT id FROM ports WHERE mac_address = $1", T(mac_canonical(c, name)));
    if (g_str_has_prefix(name, "tap"))
        name += 3;
    return db_get_text(c, "SELECT id FROM ports WHERE id >= $1 AND id < $2", T(name), T(ctx_printf(c, "%s~", name)));
}

/* --- servers -------------------------------------------------------------------------------------------------- */

static const struct rpc_endpoint plugin_endpoints[] = {
    { NULL, L2_PLUGIN_VERSION, l2_methods }, { NULL, SG_PLUGIN_VERSION, security_group_methods }, { NULL, DHCP_PLUGIN_VERSION, dhcp_methods },
    { NULL, METADATA_VERSION, metadata_methods }, { NULL, REPORTS_VERSION, report_methods }, { NULL, RESOURCES_VERSION, resource_methods },
    { NULL, L2_PLUGIN_VERSION, tunnel_methods }, { NULL, DVR_PLUGIN_VERSION, dvr_methods }, {}
};
static const struct rpc_endpoint reports_endpoints[] = { { NULL, REPORTS_VERSION, report_methods }, {} };
static const struct rpc_endpoint resource_version_endpoints[] = { { NULL, RESOURCE_VERSIONS_VERSION, resource_version_methods }, {} };
static const struct rpc_endpoint l3_endpoints[] = { { NULL, L3_PLUGIN_VERSION, l3_methods }, {} };

#define SERVER(of_topic, of_endpoints, of_role) { .exchange = NEUTRON_EXCHANGE, .topic = of_topic, .fault_module = "neutron_lib.exceptions", \
    .role = of_role, .quick = true, .endpoints = of_endpoints }
const struct rpc_server plugin_rpc_server = SERVER(TOPIC_PLUGIN, plugin_endpoints, "neutron-rpc");
const struct rpc_server reports_rpc_server = SERVER(TOPIC_REPORTS, reports_endpoints, "neutron-rpc");
const struct rpc_server l3_rpc_server = SERVER(TOPIC_L3_PLUGIN, l3_endpoints, "neutron-rpc");
const struct rpc_server resource_versions_rpc_server = SERVER(TOPIC_RESOURCE_VERSIONS, resource_version_endpoints, "api,neutron-rpc");
