/* What the server tells others after a commit: one function a kind of record. */
#include "neutron/plugin/notify.h"

#include <string.h>

#include "neutron/model/ports.h"
#include "neutron/plugin/l2pop.h"
#include "neutron/plugin/nova.h"
#include "neutron/plugin/objects/objects.h"
#include "neutron/plugin/schedule.h"
#include "neutron/rpc/dhcp.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/l3.h"
#include "oslo/base/log.h"
#include "oslo/messaging/messaging.h"

/* --- casts ---------------------------------------------------------------------------------------------------- */

static void fanout(struct ctx *c, const char *topic, const char *version, const char *method, json_t *args)
{
    struct target to = { .exchange = NEUTRON_EXCHANGE, .topic = topic, .version = version, .fanout = true };

    rpc_cast(c, &to, method, ctx_json(c, args));
}

static void cast_host(struct ctx *c, const char *topic, const char *host, const char *version, const char *method, json_t *args)
{
    struct target to = { .exchange = NEUTRON_EXCHANGE, .topic = topic, .server = host, .version = version };

    rpc_cast(c, &to, method, ctx_json(c, args));
}

/* The DHCP agents of a network; one that has just got it hears of the network instead. payload is stolen. */
static void tell_dhcp(struct ctx *c, const char *network_id, const char *method, json_t *payload)
{
    bool fresh;
    const char *const *hosts = network_hosts(c, network_id, &fresh);

    ctx_json(c, payload);
    if (fresh) {
        method = DHCP_NETWORK_CREATE_END;
        payload = ctx_json(c, json_pack("{s:{s:s}, s:i}", "network", "id", network_id, "priority", PRIORITY_NETWORK_CREATE));
    }
    for (; *hosts; hosts++)
        cast_host(c, TOPIC_DHCP_AGENT, *hosts, DHCP_AGENT_VERSION, method, json_pack("{s:O}", "payload", payload));
}

void notify_router(struct ctx *c, const char *router_id)
{
    bool fresh;

    for (const char *const *host = router_hosts(c, router_id, &fresh); *host; host++)
        cast_host(c, TOPIC_L3_AGENT, *host, L3_AGENT_VERSION, L3_ROUTERS_UPDATED, json_pack("{s:[s]}", "routers", router_id));
}

void notify_router_deleted(struct ctx *c, const char *router_id)
{
    fanout(c, TOPIC_L3_AGENT, L3_AGENT_VERSION, L3_ROUTER_DELETED, json_pack("{s:s}", "router_id", router_id));
}

void notify_groups(struct ctx *c, const char *method, json_t *groups)
{
    if (json_array_size(groups))
        fanout(c, TOPIC_SECURITY_GROUP_UPDATE, SG_NOTIFIER_VERSION, method, json_pack("{s:O}", "security_groups", groups));
}

void notify_tunnel(struct ctx *c, const char *method, const char *tunnel_ip, const char *tunnel_type)
{
    fanout(c, strcmp(method, L2_TUNNEL_DELETE) ? TOPIC_TUNNEL_UPDATE : TOPIC_TUNNEL_DELETE, L2_NOTIFIER_VERSION, method,
           json_pack("{s:s, s:s}", "tunnel_ip", tunnel_ip, "tunnel_type", tunnel_type));
}

/* --- ports ---------------------------------------------------------------------------------------------------- */

void notify_port_deleted(struct ctx *c, const struct port *port)
{
    objects_wake();
    fanout(c, TOPIC_PORT_DELETE, L2_NOTIFIER_VERSION, L2_PORT_DELETE, json_pack("{s:s}", "port_id", port->id));
    tell_dhcp(c, port->network_id, DHCP_PORT_DELETE_END, json_pack("{s:s, s:s, s:O, s:i}", "port_id", port->id, "network_id", port->network_id,
                                                                   "fixed_ips", json_of(c, port->fixed_ips), "priority", PRIORITY_PORT_DELETE));
    l2pop_port_gone(c, port);
}

static void tell_l2(struct ctx *c, const struct port *port, json_t *json)
{
    struct rows *rows = db_query(c, "SELECT network_type, segmentation_id, physical_network FROM networks WHERE id = $1", T(port->network_id));

    if (db_next(rows))
        fanout(c, TOPIC_PORT_UPDATE, L2_NOTIFIER_VERSION, L2_PORT_UPDATE,
               json_pack("{s:O, s:s, s:o, s:s?}", "port", json, "network_type", db_text(rows, 0), "segmentation_id",
                         db_is_null(rows, 1) ? json_null() : json_integer(db_int(rows, 1)), "physical_network", db_text(rows, 2)));
    db_rows_end(rows);
}

void notify_port_bound(struct ctx *c, const struct port *port)
{
    objects_wake();
    tell_l2(c, port, port_json(c, port));
}

static bool binds(const struct port *port)
{
    return port && *port->host;
}

static void port_changed(struct ctx *c, const struct change *ch)
{
    const struct port *port = ch->now, *old = ch->old;
    bool addresses = old && port && !text_equal(old->fixed_ips.text, port->fixed_ips.text);
    bool pairs = old && port && !text_equal(old->allowed_address_pairs.text, port->allowed_address_pairs.text);
    bool groups = old && port && !text_equal(old->security_groups.text, port->security_groups.text);
    json_t *json;

    if (!port) {
        notify_port_deleted(c, old);
        notify_groups(c, SG_MEMBER_UPDATED, json_of(c, old->security_groups));
        return;
    }
    json = port_json(c, port);
    tell_dhcp(c, port->network_id, old ? DHCP_PORT_UPDATE_END : DHCP_PORT_CREATE_END,
              json_pack("{s:O, s:i}", "port", json, "priority", old ? PRIORITY_PORT_UPDATE : PRIORITY_PORT_CREATE));
    if (old && !strcmp(old->status, "ACTIVE") && strcmp(old->host, port->host))
        l2pop_port_gone(c, old);
    else if (addresses)
        l2pop_addresses_changed(c, old, port);
    if (binds(port) || binds(old))
        tell_l2(c, port, json);
    if (!old || groups || addresses || pairs)
        notify_groups(c, SG_MEMBER_UPDATED, json_of(c, port->security_groups));
    if (groups)
        notify_groups(c, SG_MEMBER_UPDATED, json_of(c, old->security_groups));
    if (*port->device_id && g_str_has_prefix(port->device_owner, "network:router"))
        notify_router(c, port->device_id);
}

/* --- the others ----------------------------------------------------------------------------------------------- */

static json_t *record_json(struct ctx *c, const struct change *ch, const void *record)
{
    json_t *json = record_to_json(c, ch->resource->attrs, record);

    json_object_set(json, "tenant_id", json_object_get(json, "project_id"));
    return json;
}

static void network_changed(struct ctx *c, const struct change *ch)
{
    const struct network *net = ch->now, *old = ch->old;

    if (!net) {
        fanout(c, TOPIC_NETWORK_DELETE, L2_NOTIFIER_VERSION, L2_NETWORK_DELETE, json_pack("{s:s}", "network_id", old->id));
        fanout(c, TOPIC_DHCP_AGENT, DHCP_AGENT_VERSION, DHCP_NETWORK_DELETE_END, json_pack("{s:{s:s, s:i}}", "payload", "network_id", old->id, "priority",
                                                                                              PRIORITY_NETWORK_DELETE));
        return;
    }
    if (!old)
        return;
    fanout(c, TOPIC_NETWORK_UPDATE, L2_NETWORK_UPDATE_VERSION, L2_NETWORK_UPDATE, json_pack("{s:O}", "network", record_json(c, ch, net)));
    tell_dhcp(c, net->id, DHCP_NETWORK_UPDATE_END, json_pack("{s:O, s:i}", "network", record_json(c, ch, net), "priority", PRIORITY_NETWORK_UPDATE));
}

static void routers_of_subnet(struct ctx *c, const char *network_id)
{
    const char *routers[64];
    size_t n = 0;
    struct rows *rows = db_query(c, "SELECT DISTINCT device_id FROM ports WHERE network_id = $1 AND device_owner LIKE 'network:router%'", T(network_id));

    while (db_next(rows))
        if (n < G_N_ELEMENTS(routers))
            routers[n++] = db_text(rows, 0);
    for (size_t i = 0; i < n; i++)
        notify_router(c, routers[i]);
}

static void subnet_changed(struct ctx *c, const struct change *ch)
{
    const struct subnet *s = ch->now, *old = ch->old;

    if (s)
        tell_dhcp(c, s->network_id, old ? DHCP_SUBNET_UPDATE_END : DHCP_SUBNET_CREATE_END,
                  json_pack("{s:O, s:i}", "subnet", record_json(c, ch, s), "priority", PRIORITY_SUBNET_UPDATE));
    else
        tell_dhcp(c, old->network_id, DHCP_SUBNET_DELETE_END, json_pack("{s:s, s:s, s:i}", "subnet_id", old->id, "network_id", old->network_id, "priority",
                                                                                   PRIORITY_SUBNET_DELETE));
    routers_of_subnet(c, s ? s->network_id : old->network_id);
}

static void rule_changed(struct ctx *c, const struct change *ch)
{
    const struct security_group_rule *rule = ch->now ? ch->now : ch->old;

    notify_groups(c, SG_RULE_UPDATED, ctx_json(c, json_pack("[s]", rule->security_group_id)));
}

static void group_changed(struct ctx *c, const struct change *ch)
{
    const struct security_group *group = ch->now ? ch->now : ch->old;

    if (ch->old)
        notify_groups(c, SG_RULE_UPDATED, ctx_json(c, json_pack("[s]", group->id)));
}

static void router_changed(struct ctx *c, const struct change *ch)
{
    if (ch->now)
        notify_router(c, ((const struct router *)ch->now)->id);
    else
        notify_router_deleted(c, ((const struct router *)ch->old)->id);
}

static void floatingip_changed(struct ctx *c, const struct change *ch)
{
    const struct floatingip *now = ch->now, *old = ch->old;

    if (old && old->router_id && !(now && text_equal(now->router_id, old->router_id)))
        notify_router(c, old->router_id);
    if (now && now->router_id)
        notify_router(c, now->router_id);
}

static const struct { const char *name; void (*changed)(struct ctx *, const struct change *); } kinds[] = {
    { "port", port_changed }, { "network", network_changed }, { "subnet", subnet_changed }, { "security_group_rule", rule_changed },
    { "security_group", group_changed }, { "router", router_changed }, { "floatingip", floatingip_changed }, {}
};

/* "port.create.end" with {"port": {...}}; "port.delete.end" with {"port_id": ..., "port": {...}}. */
static void tell_bus(struct ctx *c, const struct change *ch)
{
    const char *name = ch->resource->name, *verb = !ch->now ? "delete" : ch->old ? "update" : "create";
    json_t *payload = ctx_json(c, json_pack("{s:O}", name, record_json(c, ch, ch->now ? ch->now : ch->old)));

    if (!ch->now)
        json_object_set(payload, ctx_printf(c, "%s_id", name), json_object_get(json_object_get(payload, name), "id"));
    notify(c, NEUTRON_EXCHANGE, ctx_printf(c, "network.%s", common_options->host), ctx_printf(c, "%s.%s.end", name, verb), "info", payload);
}

bool notify_change(struct ctx *c, const struct change *ch)
{
    if (notifications_wanted())
        tell_bus(c, ch);
    for (size_t i = 0; kinds[i].name; i++)
        if (!strcmp(kinds[i].name, ch->resource->name))
            kinds[i].changed(c, ch);
    nova_events_wake();
    objects_wake();
    if (failed(c)) {
        log_warning(c, "agents were not told of a %s: %s", ch->resource->name, c->fault.message);
        fault_clear(c);
    }
    return true;
}
