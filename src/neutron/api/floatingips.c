/* A floating IP: an address of an external network that a router maps to a port's own. */
#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/ip.h"
#include "neutron/model/networks.h"
#include "neutron/model/ports.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/nova.h"

#define BAD_FLOATINGIP(c, ...) fail(c, BAD_RESOURCE_REQUEST, "floatingip", ctx_printf(c, __VA_ARGS__))

const struct attr floatingip_attrs[] = {
    ATTR(struct floatingip, id,                   FILTER | SORT),
    ATTR(struct floatingip, project_id,           CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct floatingip, floating_ip_address,  CREATE | FILTER | SORT | POLICY | NULLABLE, .format = &format_ip),
    ATTR(struct floatingip, floating_network_id,  CREATE | REQUIRED | FILTER | SORT, .format = &format_uuid),
    ATTR(struct floatingip, router_id,            FILTER | SORT),
    ATTR(struct floatingip, port_id,              CREATE | UPDATE | FILTER | SORT | NULLABLE, .format = &format_uuid),
    ATTR(struct floatingip, fixed_ip_address,     CREATE | UPDATE | FILTER | SORT | NULLABLE, .format = &format_ip),
    ATTR(struct floatingip, status,               FILTER | SORT, .unset = "DOWN"),
    ATTR(struct floatingip, qos_policy_id,        CREATE | UPDATE | NULLABLE, .format = &format_uuid),
    ATTR(struct floatingip, port_details,         DERIVED),
    ATTR(struct floatingip, floating_port_id,     HIDDEN),
    ATTR(struct floatingip, last_known_router_id, HIDDEN),
    ATTR(struct floatingip, subnet_id,            CREATE | HIDDEN | DERIVED | NULLABLE, .format = &format_uuid),
    STANDARD_ATTRS(struct floatingip, "-1"),
    {}
};

/* --- association ---------------------------------------------------------------------------------------------- */

/* Which of the port's IPv4 addresses: the one named, or the only one. */
static bool address_choose(struct ctx *c, struct floatingip *fip, const struct port *port, bool named, const char **ret_subnet_id)
{
    json_t *entry;
    size_t i, v4 = 0;
    struct ip ip;

    if (named && ip_read(fip->fixed_ip_address, &ip) && ip.version != 4)
        return BAD_FLOATINGIP(c, "Cannot process floating IP association with %s, since that is not an IPv4 address", fip->fixed_ip_address);
    *ret_subnet_id = NULL;
    json_t *parsed = json_of(c, port->fixed_ips);

    json_array_foreach(parsed, i, entry) {
        const char *address = json_get_string(entry, "ip_address");

        if (strchr(address, ':') || (named && strcmp(address, fip->fixed_ip_address)))
            continue;
        v4++;
        *ret_subnet_id = json_get_string(entry, "subnet_id");
        fip->fixed_ip_address = ctx_strdup(c, address);
    }
    if (named)
        return v4 || BAD_FLOATINGIP(c, "Port %s does not have fixed ip %s", port->id, fip->fixed_ip_address);
    if (!v4)
        return BAD_FLOATINGIP(c, "Cannot add floating IP to port %s that has no fixed IPv4 addresses", port->id);
    return v4 == 1 || BAD_FLOATINGIP(c, "Port %s has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP",
                                     port->id);
}

/* The router between the port's subnet and the external network; the one that is the subnet's gateway before others. */
static bool router_choose(struct ctx *c, struct floatingip *fip, const struct port *port, const char *subnet_id)
{
    fip->router_id = db_get_text(c, "SELECT r.id FROM ip_allocations a JOIN ports i ON i.id = a.port_id JOIN routers r ON r.id = i.device_id"
                                 " JOIN ports g ON g.id = r.gw_port_id JOIN subnets s ON s.id = a.subnet_id WHERE a.subnet_id = $1 AND g.network_id = $2"
                                 " AND i.device_owner IN " ROUTER_OWNERS " ORDER BY CASE WHEN a.ip_address = s.gateway_ip THEN 0 ELSE 1 END, r.id LIMIT 1",
                                 T(subnet_id), T(fip->floating_network_id));
    if (failed(c))
        return false;
    return fip->router_id || fail(c, FLOATING_IP_UNREACHABLE, fip->floating_network_id, subnet_id, port->id);
}

static bool associate(struct ctx *c, struct floatingip *fip, bool named)
{
    const struct port *port = rest_find(c, &port_resource, fip->port_id);
    const char *subnet_id = NULL;

    if (!port)
        return false;
    if (!c->who.is_admin && !text_equal(port->project_id, fip->project_id))
        return BAD_FLOATINGIP(c, "Cannot process floating IP association with Port %s, since that port is owned by a different tenant", port->id);
    if (g_str_has_prefix(port->device_owner, "network:"))
        return BAD_FLOATINGIP(c, "Port %s is unable to be assigned a floating IP", port->id);
    if (!address_choose(c, fip, port, named, &subnet_id) || !router_choose(c, fip, port, subnet_id))
        return false;
    if (db_count(c, "SELECT count(*) FROM floatingips WHERE port_id = $1 AND floating_network_id = $2 AND fixed_ip_address = $3 AND id <> $4",
                 T(fip->port_id), T(fip->floating_network_id), T(fip->fixed_ip_address), T(fip->id)))
        return fail(c, FLOATING_IP_ASSOCIATED, fip->floating_ip_address, fip->id, fip->port_id, fip->fixed_ip_address, fip->floating_network_id);
    return !failed(c);
}

static bool association_check(struct ctx *c, struct change *ch)
{
    struct floatingip *fip = ch->now;
    const struct floatingip *old = ch->old;
    bool named = asked(ch, "fixed_ip_address") && fip->fixed_ip_address;

    if (old && !asked(ch, "port_id") && !asked(ch, "fixed_ip_address"))
        return true;
    if (named && !fip->port_id)
        return BAD_FLOATINGIP(c, "fixed_ip_address cannot be specified without a port_id");
    if (fip->port_id)
        return associate(c, fip, named);
    fip->fixed_ip_address = NULL;
    if (old && old->router_id)
        fip->last_known_router_id = old->router_id;
    fip->router_id = NULL;
    return true;
}

/* --- create, update, delete ----------------------------------------------------------------------------------- */

static bool external_check(struct ctx *c, const struct floatingip *fip)
{
    const struct network *net = network_get(c, fip->floating_network_id);

    if (!net)
        return false;
    if (!net->external)
        return BAD_FLOATINGIP(c, "Network %s is not a valid external network", net->id);
    if (!db_count(c, "SELECT count(*) FROM subnets WHERE network_id = $1 AND ip_version = 4", T(net->id)))
        return failed(c) ? false : BAD_FLOATINGIP(c, "Network %s does not contain any IPv4 subnet", net->id);
    return !failed(c);
}

static bool address_take(struct ctx *c, struct floatingip *fip)
{
    json_t *body = ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:b}", "network_id", fip->floating_network_id, "project_id", "", "device_id", fip->id,
                                         "device_owner", "network:floatingip", "admin_state_up", 1));
    json_t *address = json_object(), *entry;
    struct port *port;
    size_t i;

    if (fip->subnet_id)
        json_object_set_new(address, "subnet_id", json_string(fip->subnet_id));
    if (fip->floating_ip_address)
        json_object_set_new(address, "ip_address", json_string(fip->floating_ip_address));
    if (json_object_size(address))
        json_object_set_new(body, "fixed_ips", json_pack("[O]", address));
    json_decref(address);
    if (!(port = port_make(c, body)))
        return false;
    fip->floating_ip_address = NULL;
    json_t *parsed = json_of(c, port->fixed_ips);

    json_array_foreach(parsed, i, entry)
        if (!fip->floating_ip_address && !strchr(json_get_string(entry, "ip_address"), ':'))
            fip->floating_ip_address = ctx_strdup(c, json_get_string(entry, "ip_address"));
    if (!fip->floating_ip_address)
        return fail(c, EXTERNAL_IPS_EXHAUSTED, fip->floating_network_id);
    fip->floating_port_id = port->id;
    return db_exec(c, "UPDATE ports SET status = 'N/A' WHERE id = $1", T(port->id));
}

static bool fip_check(struct ctx *c, struct change *ch)
{
    if (!ch->old && (!external_check(c, ch->now) || !address_take(c, ch->now)))
        return false;
    return association_check(c, ch);
}

/* The guest's cached addresses changed. */
static bool nova_told(struct ctx *c, const char *port_id)
{
    char *server = port_id ? db_get_text(c, "SELECT device_id FROM ports WHERE id = $1 AND device_owner LIKE 'compute:%'", T(port_id)) : NULL;

    return !failed(c) && (!server || nova_event_add(c, "network-changed", server, NULL));
}

static bool fip_stored(struct ctx *c, struct change *ch)
{
    const struct floatingip *fip = ch->now, *old = ch->old;

    if (old && text_equal(old->port_id, fip->port_id))
        return true;
    return nova_told(c, old ? old->port_id : NULL) && nova_told(c, fip->port_id);
}

static bool fip_deleting(struct ctx *c, void *record)
{
    const struct floatingip *fip = record;

    return nova_told(c, fip->port_id) && port_drop(c, fip->floating_port_id);
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static void details_row(void *record, struct rows *rows, void *data)
{
    struct floatingip *fip = record;
    struct ctx *c = data;
    struct buf text = { 0 };
    struct out o = { .to = &text };

    out_object(&o, NULL);
    out_string(&o, "name", db_text(rows, 1));
    out_string(&o, "network_id", db_text(rows, 2));
    out_string(&o, "mac_address", db_text(rows, 3));
    out_bool(&o, "admin_state_up", db_bool(rows, 4));
    out_string(&o, "status", db_text(rows, 5));
    out_string(&o, "device_id", db_text(rows, 6));
    out_string(&o, "device_owner", db_text(rows, 7));
    out_end_object(&o);
    fip->port_details.text = ctx_strdup(c, text.data);
    buf_clear(&text);
}

static bool fip_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill details = {
        .select = "SELECT id, name, network_id, mac_address, admin_state_up, status, device_id, device_owner FROM ports WHERE id",
        .key = offsetof(struct floatingip, port_id),
    };

    for (size_t i = 0; i < n; i++)
        ((struct floatingip *)page[i])->port_details.text = NULL;
    return fill_rows(c, page, n, &details, details_row, c);
}

const struct resource floatingip_resource = {
    .name = "floatingip", .plural = "floatingips", .size = sizeof(struct floatingip), .attrs = floatingip_attrs, .quota = "floatingip",
    .check = fip_check, .stored = fip_stored, .deleting = fip_deleting, .committed = notify_change, .fill = fip_fill,
};
