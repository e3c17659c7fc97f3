/* Forwarding entries: {network: {segment_id, network_type, ports: {tunnel end: [[mac, ip], ...]}}}. See rpc/l2.h. */
#include "neutron/plugin/l2pop.h"

#include "neutron/model/ports.h"
#include "neutron/rpc/l2.h"
#include "oslo/base/log.h"

/* The entry by which all that is not known goes to an end. */
#define FLOODING "00:00:00:00:00:00", "0.0.0.0"

struct end {                         /* a network on a host */
    const char *host, *ip, *network_id, *network_type;
    int64_t segmentation_id;
};

/* --- who and where -------------------------------------------------------------------------------------------- */

static bool has_text(const json_t *list, const char *text)
{
    json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
        if (text_equal(json_string_value(entry), text))
            return true;
    return false;
}

/* The tunnel end an agent's configurations tell of; NULL where it does not take part for that type (NULL: any). */
static const char *tunnel_ip_of(struct ctx *c, char *configurations, const char *network_type)
{
    json_t *conf = json_of(c, (raw_json){ configurations });
    json_t *types = json_object_get(conf, "l2pop_network_types");

    if (!json_get_bool(conf, "l2_population", false) || (network_type && !has_text(types ? types : json_object_get(conf, "tunnel_types"), network_type)))
        return NULL;
    return json_get_string(conf, "tunneling_ip");
}

static bool end_find(struct ctx *c, const char *network_id, const char *host, struct end *ret_end)
{
    struct rows *rows;

    *ret_end = (struct end){ .host = host, .network_id = network_id };
    if (!host || !*host)
        return false;
    for (rows = db_query(c, "SELECT a.configurations, n.network_type, n.segmentation_id FROM agents a JOIN networks n ON n.id = $2 WHERE a.host = $1"
                         " AND a.agent_type IN ('Open vSwitch agent', 'Linux bridge agent') AND n.network_type IN ('vxlan', 'gre', 'geneve')",
                         T(host), T(network_id)); db_next(rows);) {
        ret_end->network_type = db_text(rows, 1);
        ret_end->segmentation_id = db_int(rows, 2);
        ret_end->ip = tunnel_ip_of(c, db_text(rows, 0), ret_end->network_type);
        if (ret_end->ip)
            break;
    }
    db_rows_end(rows);
    return ret_end->ip != NULL && !failed(c);
}

static int64_t active_ports(struct ctx *c, const struct end *e)
{
    return db_count(c, "SELECT count(*) FROM ports WHERE network_id = $1 AND host = $2 AND status = 'ACTIVE'", T(e->network_id), T(e->host));
}

/* --- entries -------------------------------------------------------------------------------------------------- */

static json_t *entries_new(struct ctx *c, const struct end *e, json_t *ports)
{
    return ctx_json(c, json_pack("{s:{s:I, s:s, s:O}}", e->network_id, "segment_id", (json_int_t)e->segmentation_id, "network_type", e->network_type,
                                 "ports", ports));
}

static void addresses_add(json_t *list, const char *mac, const json_t *fixed_ips)
{
    json_t *fixed;
    size_t i;

    json_array_foreach(fixed_ips, i, fixed)
        json_array_append_new(list, json_pack("[s, s]", mac, json_get_string(fixed, "ip_address")));
}

static void tell(struct ctx *c, const char *method, json_t *entries, const char *host)
{
    struct target agents = { .exchange = NEUTRON_EXCHANGE, .topic = TOPIC_L2POPULATION_UPDATE, .version = L2POP_VERSION, .server = host, .fanout = !host };

    rpc_cast(c, &agents, method, ctx_json(c, json_pack("{s:O}", "fdb_entries", entries)));
}

static void log_fault(struct ctx *c, const char *port_id)
{
    if (failed(c))
        log_warning(c, "agents were not told where port %s is: %s", port_id, c->fault.message);
    fault_clear(c);
}

/* The other ends of the network with all that is behind them: {ip: [[mac, ip]]}. */
static json_t *network_ports(struct ctx *c, const struct end *e)
{
    json_t *ports = ctx_json(c, json_object()), *ends = ctx_json(c, json_object());
    struct rows *rows;

    for (rows = db_query(c, "SELECT host, configurations FROM agents WHERE agent_type IN ('Open vSwitch agent', 'Linux bridge agent') AND host IN"
                         " (SELECT host FROM ports WHERE network_id = $1 AND status = 'ACTIVE' AND host <> $2)", T(e->network_id), T(e->host)); db_next(rows);) {
        const char *ip = tunnel_ip_of(c, db_text(rows, 1), NULL);

        if (!ip)
            continue;
        json_object_set_new(ends, db_text(rows, 0), json_string(ip));
        json_object_set_new(ports, ip, json_pack("[[s, s]]", FLOODING));
    }
    for (rows = db_query(c, "SELECT p.host, p.mac_address, i.ip_address FROM ports p JOIN ip_allocations i ON i.port_id = p.id WHERE p.network_id = $1"
                         " AND p.status = 'ACTIVE' AND p.host <> $2", T(e->network_id), T(e->host)); db_next(rows);)
        if (json_get_string(ends, db_text(rows, 0)))
            json_array_append_new(json_object_get(ports, json_get_string(ends, db_text(rows, 0))), json_pack("[s, s]", db_text(rows, 1), db_text(rows, 2)));
    return ports;
}

/* --- what happens to ports ------------------------------------------------------------------------------------ */

/* The first ports of a network on a host: the host hears of the others, the others of the host. */
static void up(struct ctx *c, const struct port *port, const struct end *e, bool refresh)
{
    json_t *own = ctx_json(c, json_array()), *others;
    int64_t active = active_ports(c, e);

    if (refresh || active == 1 || active == 2) {
        others = network_ports(c, e);
        if (json_object_size(others))
            tell(c, L2POP_ADD, entries_new(c, e, others), e->host);
        json_array_append_new(own, json_pack("[s, s]", FLOODING));
    }
    addresses_add(own, port->mac_address, json_of(c, port->fixed_ips));
    tell(c, L2POP_ADD, entries_new(c, e, ctx_json(c, json_pack("{s:O}", e->ip, own))), NULL);
}

static void down(struct ctx *c, const struct port *port, const struct end *e)
{
    json_t *own = ctx_json(c, json_array());

    if (!active_ports(c, e))
        json_array_append_new(own, json_pack("[s, s]", FLOODING));
    addresses_add(own, port->mac_address, json_of(c, port->fixed_ips));
    tell(c, L2POP_REMOVE, entries_new(c, e, ctx_json(c, json_pack("{s:O}", e->ip, own))), NULL);
}

void l2pop_port_up(struct ctx *c, const char *port_id, const char *host, bool refresh)
{
    const struct port *port = port_get(c, port_id);
    struct end e;

    if (port && (!host || text_equal(port->host, host)) && end_find(c, port->network_id, port->host, &e))
        up(c, port, &e, refresh);
    log_fault(c, port_id);
}

void l2pop_port_down(struct ctx *c, const char *port_id, const char *host)
{
    const struct port *port = port_get(c, port_id);
    struct end e;

    if (port && end_find(c, port->network_id, host ? host : port->host, &e))
        down(c, port, &e);
    log_fault(c, port_id);
}

void l2pop_port_gone(struct ctx *c, const struct port *port)
{
    struct end e;

    if (end_find(c, port->network_id, port->host, &e))
        down(c, port, &e);
    log_fault(c, port->id);
}

void l2pop_addresses_changed(struct ctx *c, const struct port *old, const struct port *now)
{
    json_t *before = ctx_json(c, json_array()), *after = ctx_json(c, json_array());
    struct end e;

    if (text_equal(now->status, "ACTIVE") && end_find(c, now->network_id, now->host, &e)) {
        addresses_add(before, old->mac_address, json_of(c, old->fixed_ips));
        addresses_add(after, now->mac_address, json_of(c, now->fixed_ips));
        tell(c, L2POP_UPDATE, ctx_json(c, json_pack("{s:{s:{s:{s:O, s:O}}}}", "chg_ip", now->network_id, e.ip, "before", before, "after", after)), NULL);
    }
    log_fault(c, now->id);
}
