/* What agents ask about distributed routers. See rpc/dvr.h. */
#include "neutron/rpc/dvr.h"

#include "neutron/model/ip.h"
#include "neutron/model/ports.h"
#include "neutron/rpc/servers.h"

static json_t *macs_list(struct ctx *c)
{
    json_t *list = json_array();

    for (struct rows *rows = db_query(c, "SELECT host, mac_address FROM dvr_host_macs ORDER BY host"); db_next(rows);)
        json_array_append_new(list, json_pack("{s:s, s:s}", "host", db_text(rows, 0), "mac_address", db_text(rows, 1)));
    return list;
}

/* Another host's address is not taken: two tries in four billion. ret_new: it was made now. */
static bool mac_ensure(struct ctx *c, const char *host, bool *ret_new)
{
    int64_t made = 0;
    const char *mac = ctx_printf(c, "fa:16:3f:%02x:%02x:%02x", (unsigned)random_below(256), (unsigned)random_below(256), (unsigned)random_below(256));

    if (!db_begin(c))
        return false;
    if (!db_changed(c, &made, "INSERT INTO dvr_host_macs (host, mac_address) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(host), T(mac))) {
        db_rollback(c);
        return false;
    }
    *ret_new = made > 0;
    return db_commit(c);
}

static bool get_dvr_mac_address_by_host(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *host = json_get_string(args, "host");
    struct target agents = { .exchange = NEUTRON_EXCHANGE, .topic = TOPIC_DVR_UPDATE, .version = DVR_NOTIFIER_VERSION, .fanout = true };
    char *mac = NULL;
    bool fresh = false;

    if (!host || !*host)
        return true;
    for (int tries = 0; !mac && tries < 8 && !failed(c); tries++) {
        mac = db_get_text(c, "SELECT mac_address FROM dvr_host_macs WHERE host = $1", T(host));
        if (!mac && !failed(c) && !mac_ensure(c, host, &fresh))
            return false;
    }
    if (failed(c))
        return false;
    if (!mac)
        return fail(c, HOST_MAC_FAILURE, host);
    if (fresh)
        rpc_cast(c, &agents, DVR_MAC_UPDATE, ctx_json(c, json_pack("{s:o}", "dvr_macs", macs_list(c))));
    *ret_result = json_pack("{s:s, s:s}", "host", host, "mac_address", mac);
    return !failed(c);
}

static bool get_dvr_mac_address_list(struct ctx *c, json_t *args, json_t **ret_result)
{
    *ret_result = macs_list(c);
    return !failed(c);
}

static bool get_ports_on_host_by_subnet(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct sql *s = ports_select(c);
    struct port **ports;
    size_t n;

    sql_add(s, " AND t.host = ? AND t.id IN (SELECT port_id FROM ip_allocations WHERE subnet_id = ?) AND (t.device_owner LIKE 'compute:%' OR"
            " t.device_owner IN ('neutron:LOADBALANCER', 'neutron:LOADBALANCERV2', 'network:dhcp'))",
            T(json_get_string(args, "host")), T(json_get_string(args, "subnet")));
    if (!(ports = ports_fetch(c, s, &n)))
        return false;
    *ret_result = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append(*ret_result, port_json(c, ports[i]));
    return true;
}

static bool get_subnet_for_dvr(struct ctx *c, json_t *args, json_t **ret_result)
{
    const json_t *fixed = json_array_get(json_object_get(args, "fixed_ips"), 0);
    const char *id = json_get_string(fixed ? fixed : args, fixed ? "subnet_id" : "subnet");
    const struct subnet *subnet = rest_find_any(c, &subnet_resource, id ? id : "");
    const char *address, *mac;

    *ret_result = json_object();
    if (!subnet) {
        if (c->fault.status == 404)
            fault_clear(c);
        return !failed(c);
    }
    address = fixed ? json_get_string(fixed, "ip_address") : subnet->gateway_ip;
    mac = db_get_text(c, "SELECT p.mac_address FROM ports p JOIN ip_allocations a ON a.port_id = p.id WHERE a.subnet_id = $1 AND a.ip_address = $2",
                      T(subnet->id), T(address));
    if (mac) {
        json_object_update(*ret_result, record_to_json(c, subnet_attrs, subnet));
        json_object_set_new(*ret_result, "tenant_id", json_string(subnet->project_id));
        json_object_set_new(*ret_result, "gateway_mac", json_string(mac));
    }
    return !failed(c);
}

const struct rpc_method dvr_methods[] = {
    { DVR_GET_MAC_BY_HOST, get_dvr_mac_address_by_host },
    { DVR_GET_MAC_LIST, get_dvr_mac_address_list },
    { DVR_GET_PORTS_ON_HOST, get_ports_on_host_by_subnet },
    { DVR_GET_SUBNET, get_subnet_for_dvr },
    {}
};
