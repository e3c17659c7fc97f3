/* A layer 2 network, which subnets and ports hang on. */
#include "neutron/model/networks.h"

#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/rbac.h"
#include "neutron/model/zones.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/objects/objects.h"

const struct attr network_attrs[] = {
    ATTR(struct network, id,                      FILTER | SORT),
    ATTR(struct network, name,                    CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct network, project_id,              CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct network, admin_state_up,          CREATE | UPDATE | FILTER | SORT, .unset = "true"),
    ATTR(struct network, mtu,                     CREATE | UPDATE | FILTER | SORT, .max = INT32_MAX, .unset = "0"),
    ATTR(struct network, status,                  FILTER | SORT, .unset = "ACTIVE"),
    ATTR(struct network, subnets,                 DERIVED),
    ATTR(struct network, shared,                  CREATE | UPDATE | POLICY | DERIVED, .unset = "false"),
    ATTR(struct network, port_security_enabled,   CREATE | UPDATE | POLICY, .unset = "true"),
    ATTR(struct network, external,                CREATE | UPDATE | FILTER | POLICY, .unset = "false", .json = "router:external"),
    ATTR(struct network, network_type,            CREATE | UPDATE | FILTER | POLICY | NULLABLE, .max = 32, .json = "provider:network_type"),
    ATTR(struct network, physical_network,        CREATE | UPDATE | FILTER | POLICY | NULLABLE, .max = 64, .json = "provider:physical_network"),
    ATTR(struct network, segmentation_id,         CREATE | UPDATE | FILTER | POLICY | NULLABLE, .json = "provider:segmentation_id"),
    ATTR(struct network, is_default,              CREATE | UPDATE | FILTER | POLICY, .unset = "false"),
    ATTR(struct network, qos_policy_id,           CREATE | UPDATE | NULLABLE, .format = &format_uuid),
    ATTR(struct network, availability_zone_hints, CREATE | SORT, .unset = "[]"),
    ATTR(struct network, availability_zones,      DERIVED),
    ATTR(struct network, ipv4_address_scope,      DERIVED),
    ATTR(struct network, ipv6_address_scope,      DERIVED),
    STANDARD_ATTRS(struct network, "0"),
    {}
};

/* --- create and update ---------------------------------------------------------------------------------------- */

static bool network_judge(struct ctx *c, struct change *ch)
{
    const struct network *net = ch->now;

    return ch->old || zones_check(c, net->availability_zone_hints, "network");
}

static bool default_is_alone(struct ctx *c, const struct network *net)
{
    const char *other = db_get_text(c, "SELECT id FROM networks WHERE is_default AND external AND id <> $1", T(net->id));

    return !other && !failed(c) ? true : failed(c) ? false : fail(c, DEFAULT_EXTERNAL_EXISTS, other);
}

/* Sharing is taken back only where no other project uses it. */
static bool unshare_check(struct ctx *c, const struct network *net)
{
    if (db_count(c, "SELECT (SELECT count(*) FROM ports WHERE network_id = $1 AND project_id NOT IN ($2, '')"
                 " AND device_owner NOT LIKE 'network:%') + (SELECT count(*) FROM subnets WHERE network_id = $1 AND project_id <> $2)",
                 T(net->id), T(net->project_id)))
        return fail(c, INVALID_SHARED_SETTING, net->id);
    return !failed(c);
}

static bool network_updating(struct ctx *c, struct network *net, const struct network *old, const struct change *ch)
{
    static const char *const provider[] = { "provider:network_type", "provider:physical_network", "provider:segmentation_id", NULL };

    for (size_t i = 0; provider[i]; i++)
        if (asked(ch, provider[i]) && (!text_equal(net->network_type, old->network_type) || !text_equal(net->physical_network, old->physical_network) ||
                                       net->segmentation_id.value != old->segmentation_id.value))
            return invalid_input(c, "Plugin does not support updating the following provider network attributes: %s", provider[i]);
    if (old->shared && !net->shared && !unshare_check(c, net))
        return false;
    if (old->external && !net->external &&
        db_count(c, "SELECT count(*) FROM ports WHERE network_id = $1 AND device_owner IN ('network:router_gateway', 'network:floatingip')", T(net->id)))
        return fail(c, EXTERNAL_NETWORK_IN_USE, net->id);
    if (asked(ch, "mtu") && net->mtu > network_mtu_max(net->network_type))
        return invalid_input(c, "Requested MTU is too big, maximum is %" G_GINT64_FORMAT, network_mtu_max(net->network_type));
    return !failed(c);
}

static bool network_check(struct ctx *c, struct change *ch)
{
    struct network *net = ch->now;

    if (ch->old ? !network_updating(c, net, ch->old, ch) : !segment_allocate(c, net))
        return false;
    if (!ch->old && net->mtu > network_mtu_max(net->network_type))
        return invalid_input(c, "Requested MTU is too big, maximum is %" G_GINT64_FORMAT, network_mtu_max(net->network_type));
    return !net->is_default || !net->external || default_is_alone(c, net);
}

/* Openness to all is a row of rbac_policies. */
static bool opened(struct ctx *c, const struct network *net, bool before, bool now, const char *action)
{
    if (before == now)
        return true;
    return now ? rbac_open(c, "network", net->id, net->project_id, action) : rbac_close(c, "network", net->id, action);
}

static bool network_stored(struct ctx *c, struct change *ch)
{
    const struct network *net = ch->now, *old = ch->old;

    return opened(c, net, old && old->shared, net->shared, SHARED) && opened(c, net, old && old->external, net->external, EXTERNAL) &&
        object_changed(c, OBJECT_NETWORK, net->id);
}

static bool network_deleting(struct ctx *c, void *record)
{
    const struct network *net = record;
    const char *ports;

    /* floating IPs that nothing uses go with their network */
    if (!db_exec(c, "DELETE FROM ports WHERE id IN (SELECT floating_port_id FROM floatingips WHERE floating_network_id = $1 AND port_id IS NULL)", T(net->id)) ||
        !db_exec(c, "DELETE FROM floatingips WHERE floating_network_id = $1 AND port_id IS NULL", T(net->id)))
        return false;
    ports = ids_of(c, "SELECT id FROM ports WHERE network_id = $1 AND device_owner NOT IN " AUTO_OWNERS " ORDER BY created_at LIMIT 100", net->id, ",");
    if (*ports)
        return fail(c, NETWORK_IN_USE, net->id, ctx_printf(c, "There are one or more ports still in use on the network, id for these ports is: %s", ports));
    return !failed(c) && auto_ports_delete(c, net->id) && object_changed(c, OBJECT_NETWORK, net->id) &&
        objects_changed(c, OBJECT_SUBNET, "SELECT id FROM subnets WHERE network_id = $1", net->id) &&
        db_exec(c, "DELETE FROM subnets WHERE network_id = $1", T(net->id)) &&
        rbac_forget(c, "network", net->id);
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static void scope_row(void *record, struct rows *rows, void *data)
{
    struct network *net = record;

    *(db_int(rows, 1) == 4 ? &net->ipv4_address_scope : &net->ipv6_address_scope) = db_text(rows, 2);
}

static bool network_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill subnets = {
        .select = "SELECT network_id, id FROM subnets WHERE network_id", .order = " ORDER BY created_at, id", .key = offsetof(struct network, id),
    };
    static const struct fill scopes = {
        .select = "SELECT s.network_id, s.ip_version, p.address_scope_id FROM subnets s JOIN subnetpools p ON p.id = s.subnetpool_id"
                  " WHERE p.address_scope_id IS NOT NULL AND s.network_id",
        .key = offsetof(struct network, id),
    };
    static const struct fill zones = {
        .select = "SELECT DISTINCT n.network_id, a.availability_zone FROM network_dhcp_agents n JOIN agents a ON a.id = n.agent_id"
                  " WHERE a.availability_zone IS NOT NULL AND n.network_id",
        .key = offsetof(struct network, id),
    };

    return rbac_fill_shared(c, page, n, "network", offsetof(struct network, id), offsetof(struct network, shared)) &&
        fill_lists(c, page, n, &subnets, offsetof(struct network, subnets), fill_string) &&
        fill_lists(c, page, n, &zones, offsetof(struct network, availability_zones), fill_string) && fill_rows(c, page, n, &scopes, scope_row, NULL);
}

static bool network_visible(struct ctx *c, struct sql *s)
{
    rbac_visible(c, s, "network");
    return true;
}

static bool network_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    return rbac_filter(c, "network", name, values, s, ret_taken);
}

const struct resource network_resource = {
    .name = "network", .plural = "networks", .size = sizeof(struct network), .attrs = network_attrs, .quota = "network",
    .judge = network_judge, .check = network_check, .stored = network_stored, .deleting = network_deleting, .committed = notify_change,
    .fill = network_fill, .visible = network_visible, .filter = network_filter,
};
