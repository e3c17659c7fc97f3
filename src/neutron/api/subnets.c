/* A range of addresses on a network, with what DHCP tells about it. */
#include "neutron/model/subnets.h"

#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/ipam.h"
#include "neutron/model/networks.h"
#include "neutron/model/rbac.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/objects/objects.h"

#define IPV6_MODES ONE_OF("dhcpv6-stateful", "dhcpv6-stateless", "slaac")

const struct attr subnet_attrs[] = {
    ATTR(struct subnet, id,                     FILTER | SORT),
    ATTR(struct subnet, name,                   CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct subnet, project_id,             CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct subnet, ip_version,             CREATE | REQUIRED | FILTER | SORT),
    ATTR(struct subnet, network_id,             CREATE | REQUIRED | FILTER | SORT, .format = &format_uuid),
    ATTR(struct subnet, subnetpool_id,          CREATE | FILTER | SORT | NULLABLE, .format = &format_uuid),
    ATTR(struct subnet, enable_dhcp,            CREATE | UPDATE | FILTER | SORT, .unset = "true"),
    ATTR(struct subnet, ipv6_ra_mode,           CREATE | FILTER | SORT, IPV6_MODES),
    ATTR(struct subnet, ipv6_address_mode,      CREATE | FILTER | SORT, IPV6_MODES),
    ATTR(struct subnet, gateway_ip,             CREATE | UPDATE | FILTER | SORT | NULLABLE, .format = &format_ip),
    ATTR(struct subnet, cidr,                   CREATE | FILTER | SORT | NULLABLE),
    ATTR(struct subnet, allocation_pools,       CREATE | UPDATE, .unset = "[]"),
    ATTR(struct subnet, host_routes,            CREATE | UPDATE | NULLABLE, .unset = "[]"),
    ATTR(struct subnet, dns_nameservers,        CREATE | UPDATE | NULLABLE, .unset = "[]"),
    ATTR(struct subnet, service_types,          CREATE | UPDATE | POLICY, .unset = "[]"),
    ATTR(struct subnet, segment_id,             FILTER | HIDDEN),
    ATTR(struct subnet, prefixlen,              CREATE | HIDDEN | DERIVED, .max = 128),
    ATTR(struct subnet, use_default_subnetpool, CREATE | HIDDEN | DERIVED, .unset = "false"),
    ATTR(struct subnet, shared,                 HIDDEN | DERIVED, .unset = "false"),
    ATTR(struct subnet, network_owner,          HIDDEN | DERIVED, .json = "network:tenant_id"),
    STANDARD_ATTRS(struct subnet, "-1"),
    {}
};

/* --- members the table cannot judge ------------------------------------------------------------------------------ */

static bool pools_judge(struct ctx *c, const json_t *pools)
{
    static const char *const ends[] = { "start", "end" };
    json_t *pool;
    size_t i;
    struct ip ip;

    if (!json_is_array(pools))
        return invalid_member(c, "allocation_pools", "Invalid data format for IP pool: '%s'", python_text(c, pools));
    json_array_foreach(pools, i, pool) {
        if (!json_is_object(pool))
            return invalid_member(c, "allocation_pools", "Invalid data format for IP pool: '%s'", python_text(c, pools));
        if (json_object_size(pool) != 2 || !json_object_get(pool, "start") || !json_object_get(pool, "end"))
            return invalid_member(c, "allocation_pools", "Validation of dictionary's keys failed. Expected keys: {'end', 'start'} Provided keys: %s",
                                  python_keys(c, pool));
        for (size_t k = 0; k < 2; k++)
            if (!ip_read(json_get_string(pool, ends[k]), &ip))
                return invalid_member(c, "allocation_pools", "'%s' is not a valid IP address", python_text(c, json_object_get(pool, ends[k])));
    }
    return true;
}

static bool nameservers_judge(struct ctx *c, const json_t *hosts, int64_t version)
{
    json_t *host, *other;
    size_t i, k;
    struct ip ip;

    if (json_is_string(hosts))
        return invalid_member(c, "dns_nameservers", "'%.1s' is not a valid nameserver. '%.1s' is not a valid IP address",
                              json_string_value(hosts), json_string_value(hosts));
    if (!json_is_array(hosts))
        return invalid_member(c, "dns_nameservers", "Invalid data format for nameserver: '%s'", python_text(c, hosts));
    json_array_foreach(hosts, i, host) {
        if (!ip_read(json_string_value(host), &ip))
            return invalid_member(c, "dns_nameservers", "'%s' is not a valid nameserver. '%s' is not a valid IP address",
                                  python_text(c, host), python_text(c, host));
        json_array_foreach(hosts, k, other)
            if (k < i && json_equal(host, other))
                return invalid_member(c, "dns_nameservers", "Duplicate nameserver '%s'", python_text(c, host));
        if (ip.version != version)
            return invalid_input(c, "dns_nameserver '%s' does not match the ip_version '%" G_GINT64_FORMAT "'", python_text(c, host), version);
    }
    if ((int64_t)json_array_size(hosts) > neutron_options()->max_nameservers)
        return fail(c, DNS_SERVERS_EXHAUSTED, "new subnet", (long long)neutron_options()->max_nameservers);
    return true;
}

bool host_routes_judge(struct ctx *c, const char *name, const json_t *routes)
{
    json_t *route, *other;
    size_t i, k;

    if (!json_is_array(routes))
        return invalid_member(c, name, "Invalid data format for hostroute: '%s'", python_text(c, routes));
    json_array_foreach(routes, i, route) {
        const char *destination = json_get_string(route, "destination"), *nexthop = json_get_string(route, "nexthop");
        struct cidr cidr;
        struct ip ip;

        if (!json_is_object(route) || json_object_size(route) != 2 || !json_object_get(route, "destination") || !json_object_get(route, "nexthop"))
            return json_is_object(route) ?
                invalid_member(c, name, "Validation of dictionary's keys failed. Expected keys: {'destination', 'nexthop'} Provided keys: %s",
                               python_keys(c, route)) :
                invalid_member(c, name, "Invalid input. '%s' must be a dictionary with keys: ['destination', 'nexthop']", python_text(c, route));
        if (!destination || !strchr(destination, '/') || !cidr_read(destination, &cidr))
            return invalid_member(c, name, "'%s' is not a valid CIDR", python_text(c, json_object_get(route, "destination")));
        if (!cidr_is_canonical(destination))
            return invalid_member(c, name, "'%s' is not a recognized CIDR, '%s' is recommended", destination, cidr_text(c, cidr));
        if (!ip_read(nexthop, &ip))
            return invalid_member(c, name, "'%s' is not a valid IP address", python_text(c, json_object_get(route, "nexthop")));
        json_array_foreach(routes, k, other)
            if (k < i && json_equal(route, other))
                return invalid_member(c, name, "Duplicate hostroute '%s'", python_text(c, route));
    }
    return true;
}

static bool service_types_judge(struct ctx *c, const json_t *types)
{
    json_t *type;
    size_t i;

    if (!json_is_array(types))
        return invalid_member(c, "service_types", "Subnet service types must be a list");
    json_array_foreach(types, i, type) {
        if (!json_is_string(type))
            return fail(c, 400, "InvalidInputSubnetServiceType", "Subnet service type %s is not a string.", python_text(c, type));
        /* the original means "compute:" too, but takes what starts with any of its letters */
        if (!g_str_has_prefix(json_string_value(type), "network:") && !g_str_has_prefix(json_string_value(type), "neutron:") &&
            (!*json_string_value(type) || !strchr("compute:", *json_string_value(type))))
            return fail(c, INVALID_SERVICE_TYPE, json_string_value(type));
    }
    return true;
}

static bool cidr_judge(struct ctx *c, struct subnet *s)
{
    struct cidr cidr;

    if (!s->cidr)
        return true;
    if (!cidr_read(s->cidr, &cidr))
        return fail(c, INVALID_INPUT, ctx_printf(c, "%s is not in a CIDR format", s->cidr));
    s->cidr = cidr_text(c, cidr);
    return true;
}

static bool subnet_judge(struct ctx *c, struct change *ch)
{
    struct subnet *s = ch->now;
    const struct network *net;

    if (!ch->old && s->ip_version != 4 && s->ip_version != 6)
        return invalid_member(c, "ip_version", "%" G_GINT64_FORMAT " is not in valid_values", s->ip_version);
    if ((asked(ch, "allocation_pools") && !pools_judge(c, json_object_get(ch->asked, "allocation_pools"))) ||
        (asked(ch, "service_types") && !service_types_judge(c, json_object_get(ch->asked, "service_types"))))
        return false;
    if (!s->host_routes.text)
        s->host_routes.text = ctx_strdup(c, "[]");
    if (!s->dns_nameservers.text)
        s->dns_nameservers.text = ctx_strdup(c, "[]");
    if ((asked(ch, "dns_nameservers") && !nameservers_judge(c, json_of(c, s->dns_nameservers), s->ip_version)) ||
        (asked(ch, "host_routes") && !host_routes_judge(c, "host_routes", json_of(c, s->host_routes))))
        return false;
    if (ch->old)
        return true;
    if (!cidr_judge(c, s) || !(net = network_get(c, s->network_id)))
        return false;
    s->network_owner = net->project_id;
    s->shared = net->shared;
    return true;
}

/* --- create and update ---------------------------------------------------------------------------------------- */

static bool version_check(struct ctx *c, const struct subnet *s, struct ip ip, const char *name, const char *text)
{
    return ip.version == s->ip_version ||
        invalid_input(c, "%s '%s' does not match the ip_version '%" G_GINT64_FORMAT "'", name, text, s->ip_version);
}

static bool dhcp_check(struct ctx *c, const struct subnet *s, struct cidr cidr)
{
    if (cidr.prefixlen > (s->ip_version == 4 ? 30 : 126))
        return invalid_input(c, "Subnet has a prefix length that is incompatible with DHCP service enabled");
    if (s->ip_version == 4 ? cidr.base.n >> 28 == 14 : cidr.base.n >> 120 == 0xff)
        return invalid_input(c, "Multicast IP subnet is not supported if enable_dhcp is True");
    if (s->ip_version == 4 ? cidr.base.n >> 24 == 127 : cidr.base.n == 1)
        return invalid_input(c, "Loopback IP subnet is not supported if enable_dhcp is True");
    if (s->ip_version == 4 && cidr.base.n == 0)
        return invalid_input(c, "First IP '0.0.0.0' of network is not supported if enable_dhcp is True.");
    return true;
}

static bool gateway_check(struct ctx *c, const struct subnet *s, const struct subnet *old, struct cidr cidr)
{
    struct ip gateway;
    char *holder;

    if (!s->gateway_ip || !ip_read(s->gateway_ip, &gateway))
        return true;
    if (!version_check(c, s, gateway, "gateway_ip", s->gateway_ip))
        return false;
    if (cidr_has(cidr, gateway) && s->ip_version == 4 && cidr.prefixlen <= 30 &&
        (gateway.n == cidr_first(cidr) || gateway.n == cidr_last(cidr)))
        return invalid_input(c, "Gateway is not valid on subnet");
    if (!old || !old->gateway_ip || text_equal(old->gateway_ip, s->gateway_ip))
        return true;
    holder = db_get_text(c, "SELECT p.id FROM ip_allocations a JOIN ports p ON p.id = a.port_id WHERE a.subnet_id = $1 AND a.ip_address = $2"
                         " AND p.device_owner IN " ROUTER_OWNERS, T(s->id), T(old->gateway_ip));
    return holder ? fail(c, GATEWAY_IN_USE, old->gateway_ip, holder) : !failed(c);
}

static bool modes_check(struct ctx *c, const struct subnet *s, const struct subnet *old, struct cidr cidr)
{
    if (s->ip_version == 4 && s->ipv6_ra_mode)
        return invalid_input(c, "ipv6_ra_mode is not valid when ip_version is 4");
    if (s->ip_version == 4 && s->ipv6_address_mode)
        return invalid_input(c, "ipv6_address_mode is not valid when ip_version is 4");
    if (!s->ipv6_ra_mode && !s->ipv6_address_mode)
        return true;
    if (!s->enable_dhcp)
        return invalid_input(c, old ? "Cannot disable enable_dhcp with ipv6 attributes set" :
                             "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False");
    if (s->ipv6_ra_mode && s->ipv6_address_mode && strcmp(s->ipv6_ra_mode, s->ipv6_address_mode))
        return invalid_input(c, "ipv6_ra_mode set to '%s' with ipv6_address_mode set to '%s' is not valid. If both attributes are set, they must be"
                             " the same value", s->ipv6_ra_mode, s->ipv6_address_mode);
    if (subnet_is_auto(s) && cidr.prefixlen != 64)
        return invalid_input(c, "Invalid CIDR %s for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64",
                             s->cidr);
    return true;
}

static bool routes_check(struct ctx *c, const struct subnet *s)
{
    json_t *routes = json_of(c, s->host_routes), *route;
    size_t i;

    if ((int64_t)json_array_size(routes) > neutron_options()->max_host_routes)
        return fail(c, HOST_ROUTES_EXHAUSTED, s->id, (long long)neutron_options()->max_host_routes);
    json_array_foreach(routes, i, route) {
        const char *destination = json_get_string(route, "destination"), *nexthop = json_get_string(route, "nexthop");
        struct cidr cidr;
        struct ip ip;

        if (cidr_read(destination, &cidr) && !version_check(c, s, cidr.base, "destination", destination))
            return false;
        if (ip_read(nexthop, &ip) && !version_check(c, s, ip, "nexthop", nexthop))
            return false;
    }
    return true;
}

static char *range_text(struct ctx *c, int version, struct range r)
{
    return ctx_printf(c, "%s-%s", ip_text(c, (struct ip){ r.first, version }), ip_text(c, (struct ip){ r.last, version }));
}

static bool pools_check(struct ctx *c, struct subnet *s, struct cidr cidr)
{
    json_t *list = json_of(c, s->allocation_pools), *pool;
    struct range *ranges = ctx_new_n(c, struct range, json_array_size(list) + 1);
    bool edges = s->ip_version == 6 || cidr.prefixlen <= 30;
    ip_number low = cidr_first(cidr) + edges, high = cidr_last(cidr) - (edges && s->ip_version == 4);
    int version = (int)s->ip_version;
    size_t i, k;

    json_array_foreach(list, i, pool) {
        struct ip first, last;

        ip_read(json_get_string(pool, "start"), &first);
        ip_read(json_get_string(pool, "end"), &last);
        ranges[i] = (struct range){ first.n, last.n };
        if (first.version != version || last.version != version || first.n > last.n)
            return fail(c, INVALID_ALLOCATION_POOL, python_text(c, pool));
        if (first.n < low || last.n > high)
            return fail(c, POOL_OUT_OF_BOUNDS, range_text(c, version, ranges[i]), s->cidr);
        for (k = 0; k < i; k++)
            if (ranges[k].first <= last.n && first.n <= ranges[k].last)
                return fail(c, POOLS_OVERLAP, range_text(c, version, ranges[k]), range_text(c, version, ranges[i]), s->cidr);
    }
    s->allocation_pools = pools_write(c, version, ranges, json_array_size(list));
    return true;
}

static bool gateway_out_of_pools(struct ctx *c, const struct subnet *s)
{
    size_t n;
    const struct range *ranges = pools_read(c, s, &n);
    struct ip gateway;

    if (!s->gateway_ip || !ip_read(s->gateway_ip, &gateway))
        return true;
    for (size_t i = 0; i < n; i++)
        if (gateway.n >= ranges[i].first && gateway.n <= ranges[i].last)
            return fail(c, GATEWAY_IN_POOL, s->gateway_ip, range_text(c, (int)s->ip_version, ranges[i]));
    return true;
}

static bool overlap_check(struct ctx *c, const struct subnet *s, struct cidr cidr)
{
    size_t n;
    struct subnet **others = subnets_of(c, s->network_id, &n);

    if (!others)
        return false;
    if (!cidr.prefixlen)
        return invalid_input(c, "0 is not allowed as CIDR prefix length");
    for (size_t i = 0; i < n; i++)
        if (cidr_overlaps(cidr, subnet_cidr(others[i])))
            return invalid_input(c, "Requested subnet with cidr: %s for network: %s overlaps with another subnet", s->cidr, s->network_id);
    return true;
}

/* Where the addresses come from: a cidr given, or a prefix of a pool. */
static bool prefix_choose(struct ctx *c, struct subnet *s, const struct change *ch)
{
    bool pool = s->subnetpool_id || s->use_default_subnetpool;

    if (s->cidr && s->prefixlen.set)
        return fail(c, BAD_RESOURCE_REQUEST, "subnets", "cidr and prefixlen must not be supplied together");
    if (!pool && !s->cidr)
        return fail(c, BAD_RESOURCE_REQUEST, "subnets", "a subnetpool must be specified in the absence of a cidr");
    return !pool || subnetpool_allocate(c, s, ch);
}

static bool subnet_creating(struct ctx *c, struct subnet *s, const struct change *ch)
{
    struct cidr cidr;
    struct ip gateway;
    size_t n;

    if (!prefix_choose(c, s, ch))
        return false;
    cidr = subnet_cidr(s);
    if (!version_check(c, s, cidr.base, "cidr", s->cidr) || (s->enable_dhcp && !dhcp_check(c, s, cidr)))
        return false;
    if (!asked(ch, "gateway_ip") && cidr.prefixlen < ip_bits(cidr.base.version))
        s->gateway_ip = ip_text(c, cidr_ip(cidr, s->ip_version == 4));
    if (!gateway_check(c, s, NULL, cidr) || !modes_check(c, s, NULL, cidr) || !routes_check(c, s) || !overlap_check(c, s, cidr))
        return false;
    if (asked(ch, "allocation_pools"))
        return pools_check(c, s, cidr) && gateway_out_of_pools(c, s);
    struct range *ranges = pools_default(c, cidr, s->gateway_ip && ip_read(s->gateway_ip, &gateway) ? &gateway : NULL, &n);
    s->allocation_pools = pools_write(c, (int)s->ip_version, ranges, n);
    return true;
}

static bool subnet_updating(struct ctx *c, struct subnet *s, const struct subnet *old, const struct change *ch)
{
    struct cidr cidr = subnet_cidr(s);

    if (s->enable_dhcp && !old->enable_dhcp && !dhcp_check(c, s, cidr))
        return false;
    if (!gateway_check(c, s, old, cidr) || !modes_check(c, s, old, cidr) || !routes_check(c, s))
        return false;
    if (asked(ch, "allocation_pools") && !pools_check(c, s, cidr))
        return false;
    return !(asked(ch, "allocation_pools") || !text_equal(s->gateway_ip, old->gateway_ip)) || gateway_out_of_pools(c, s);
}

static bool subnet_check(struct ctx *c, struct change *ch)
{
    struct subnet *s = ch->now;
    struct ip gateway;

    if (s->gateway_ip && ip_read(s->gateway_ip, &gateway))
        s->gateway_ip = ip_text(c, gateway);
    return ch->old ? subnet_updating(c, s, ch->old, ch) : subnet_creating(c, s, ch);
}

static bool subnet_stored(struct ctx *c, struct change *ch)
{
    const struct subnet *s = ch->now;

    if (!ch->old && subnet_is_auto(s) && !ipam_join_auto(c, s))
        return false;
    return revision_bump(c, "networks", s->network_id) && object_changed(c, OBJECT_SUBNET, s->id);
}

/* --- delete --------------------------------------------------------------------------------------------------- */

static bool subnet_deleting(struct ctx *c, void *record)
{
    const struct subnet *s = record;
    const char *spare = subnet_is_auto(s) ? " AND (p.device_owner IN " ROUTER_OWNERS ")" : "";

    if (db_count(c, ctx_printf(c, "SELECT count(*) FROM ip_allocations a JOIN ports p ON p.id = a.port_id WHERE a.subnet_id = $1"
                               " AND p.device_owner NOT IN " AUTO_OWNERS "%s", spare), T(s->id)))
        return fail(c, SUBNET_IN_USE, s->id, "One or more ports have an IP allocation from this subnet");
    return !failed(c) && db_exec(c, "DELETE FROM ip_allocations WHERE subnet_id = $1", T(s->id)) && revision_bump(c, "networks", s->network_id) &&
        object_changed(c, OBJECT_SUBNET, s->id);
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static void owner_row(void *record, struct rows *rows, void *data)
{
    ((struct subnet *)record)->network_owner = db_text(rows, 1);
}

static bool subnet_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill owners = { .select = "SELECT id, project_id FROM networks WHERE id", .key = offsetof(struct subnet, network_id) };

    return c->who.is_admin || (fill_rows(c, page, n, &owners, owner_row, NULL) &&
        rbac_fill_shared(c, page, n, "network", offsetof(struct subnet, network_id), offsetof(struct subnet, shared)));
}

static bool subnet_visible(struct ctx *c, struct sql *s)
{
    sql_add(s, " AND (t.project_id = ? OR t.network_id IN (SELECT id FROM networks WHERE project_id = ?) OR t.network_id IN"
            " (SELECT object_id FROM rbac_policies WHERE object_type = 'network' AND action = 'access_as_shared' AND target_tenant IN (?, '*')))",
            T(c->who.project_id), T(c->who.project_id), T(c->who.project_id));
    return true;
}

static bool subnet_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    bool shared;

    if (strcmp(name, "shared"))
        return true;
    *ret_taken = true;
    if (!text_to_bool(values[0], &shared))
        return invalid_input(c, "'%s' cannot be converted to boolean", values[0]);
    sql_add(s, shared ? " AND t.network_id IN" : " AND t.network_id NOT IN");
    sql_add(s, " (SELECT object_id FROM rbac_policies WHERE object_type = 'network' AND action = 'access_as_shared' AND target_tenant IN (?, '*'))",
            T(c->who.project_id));
    return true;
}

const struct resource subnet_resource = {
    .name = "subnet", .plural = "subnets", .size = sizeof(struct subnet), .attrs = subnet_attrs, .quota = "subnet",
    .judge = subnet_judge, .check = subnet_check, .stored = subnet_stored, .deleting = subnet_deleting, .committed = notify_change,
    .fill = subnet_fill, .visible = subnet_visible, .filter = subnet_filter,
};
