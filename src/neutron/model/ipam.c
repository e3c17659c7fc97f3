/* Addresses of ports.
 *
 * A row of ip_allocations is an address in use; host is its distance from the subnet's start, so that the first gap after a random
 * point of a pool is one indexed query, whatever the size of the subnet.
 */
#include "neutron/model/ipam.h"

#include <string.h>

#include "neutron/model/networks.h"

enum { ADDRESSES_MOST = 64, TRIES = 32 };    /* addresses of one port; choices of one address */

struct lease {
    const struct subnet *subnet;
    struct ip ip;
    bool any;                        /* another address of the subnet would do */
};

struct leasing {
    struct ctx *c;
    struct port *port;
    struct subnet **subnets;
    size_t n_subnets;
    struct lease leases[ADDRESSES_MOST];
    size_t n;
};

/* --- shape ---------------------------------------------------------------------------------------------------- */

bool fixed_ips_judge(struct ctx *c, const json_t *fixed_ips)
{
    json_t *entry, *value, *seen = ctx_json(c, json_object());
    const char *key;
    size_t i;

    if (!json_is_array(fixed_ips))
        return invalid_member(c, "fixed_ips", "Invalid data format for fixed IP: '%s'", python_text(c, fixed_ips));
    json_array_foreach(fixed_ips, i, entry) {
        const char *address = json_get_string(entry, "ip_address");
        struct ip ip;

        if (!json_is_object(entry))
            return invalid_member(c, "fixed_ips", "Invalid data format for fixed IP: '%s'", python_text(c, entry));
        if (json_object_get(entry, "ip_address")) {
            if (address && json_object_get(seen, address))
                return invalid_member(c, "fixed_ips", "Duplicate IP address '%s'", address);
            if (!ip_read(address, &ip))
                return invalid_member(c, "fixed_ips", "'%s' is not a valid IP address", python_text(c, json_object_get(entry, "ip_address")));
            json_object_set_new(seen, address, json_true());
        }
        if ((value = json_object_get(entry, "subnet_id")) && (!json_is_string(value) || !uuid_is(json_string_value(value))))
            return invalid_member(c, "fixed_ips", "'%s' is not a valid UUID", python_text(c, value));
        json_object_foreach(entry, key, value)
            if (strcmp(key, "subnet_id") && strcmp(key, "ip_address") && strcmp(key, "delete_subnet"))
                return invalid_member(c, "fixed_ips", "Unexpected keys supplied: %s", key);
    }
    return true;
}

/* --- choosing ------------------------------------------------------------------------------------------------- */

static int64_t host_of(const struct subnet *s, struct ip ip)
{
    return (int64_t)((uint64_t)(ip.n - cidr_first(subnet_cidr(s))) & INT64_MAX);
}

static bool host_taken(struct leasing *l, const struct subnet *s, int64_t host)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->leases[i].subnet == s && host_of(s, l->leases[i].ip) == host)
            return true;
    return db_count(l->c, "SELECT count(*) FROM ip_allocations WHERE subnet_id = $1 AND host = $2", T(s->id), I(host)) > 0;
}

/* The first free host in first..last: first itself, or what follows a taken one whose neighbour is free. -1: none. */
static int64_t gap_find(struct leasing *l, const struct subnet *s, int64_t first, int64_t last)
{
    struct rows *rows;
    int64_t host = -1;

    if (first > last)
        return -1;
    if (!host_taken(l, s, first))
        return first;
    rows = db_query(l->c, "SELECT a.host + 1 FROM ip_allocations a WHERE a.subnet_id = $1 AND a.host >= $2 AND a.host < $3 AND NOT EXISTS"
                    " (SELECT 1 FROM ip_allocations b WHERE b.subnet_id = $1 AND b.host = a.host + 1) ORDER BY a.host LIMIT 1",
                    T(s->id), I(first), I(last));
    if (db_next(rows))
        host = db_int(rows, 0);
    db_rows_end(rows);
    /* what this port just took is not in the table yet */
    return host >= 0 && host_taken(l, s, host) ? gap_find(l, s, host + 1, last) : host;
}

/* Any free address of the subnet's pools: after a random point, else from the start. */
static bool address_any(struct leasing *l, const struct subnet *s, struct ip *ret_ip)
{
    struct cidr cidr = subnet_cidr(s);
    size_t n;
    const struct range *pools = pools_read(l->c, s, &n);

    for (size_t i = 0; i < n; i++) {
        ip_number size = pools[i].last - pools[i].first;
        int64_t first = (int64_t)(pools[i].first - cidr_first(cidr)), last, middle, host;

        size = MIN(size, (ip_number)INT64_MAX / 2);
        last = first + (int64_t)size;
        middle = first + (int64_t)random_below((uint64_t)size + 1);
        host = gap_find(l, s, middle, last);
        if (host < 0 && !failed(l->c))
            host = gap_find(l, s, first, middle - 1);
        if (host >= 0) {
            *ret_ip = cidr_ip(cidr, (ip_number)host);
            return true;
        }
    }
    return false;
}

static bool lease_add(struct leasing *l, const struct subnet *s, struct ip ip, bool any)
{
    if (l->n == ADDRESSES_MOST)
        return invalid_input(l->c, "Exceeded maximum amount of fixed ips per port");
    l->leases[l->n++] = (struct lease){ s, ip, any };
    return true;
}

static bool is_leased(const struct leasing *l, const struct subnet *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->leases[i].subnet == s)
            return true;
    return false;
}

/* Subnets kept for kinds of devices serve those; others serve whom no such subnet serves. */
static bool serves(struct leasing *l, const struct subnet *s, bool special)
{
    json_t *types = json_of(l->c, s->service_types), *type;
    size_t i;

    if (!special)
        return json_array_size(types) == 0;
    json_array_foreach(types, i, type)
        if (text_equal(json_string_value(type), l->port->device_owner))
            return true;
    return false;
}

static bool any_serves(struct leasing *l, bool special)
{
    for (size_t i = 0; i < l->n_subnets; i++)
        if (serves(l, l->subnets[i], special))
            return true;
    return false;
}

/* --- what is wanted ------------------------------------------------------------------------------------------- */

static bool router_port(const struct port *port)
{
    return owner_is_router_interface(port->device_owner) || !strcmp(port->device_owner, "network:router_gateway");
}

static bool auto_add(struct leasing *l)
{
    if (owner_is_router_interface(l->port->device_owner))
        return true;
    for (size_t i = 0; i < l->n_subnets; i++)
        if (subnet_is_auto(l->subnets[i]) && !is_leased(l, l->subnets[i]) &&
            !lease_add(l, l->subnets[i], eui64(subnet_cidr(l->subnets[i]), l->port->mac_address), false))
            return false;
    return true;
}

static bool version_add(struct leasing *l, int version, bool special)
{
    bool tried = false;

    for (size_t i = 0; i < l->n_subnets; i++) {
        const struct subnet *s = l->subnets[i];
        struct ip ip;

        if (s->ip_version != version || !serves(l, s, special) || (subnet_is_auto(s) && !router_port(l->port)))
            continue;
        tried = true;
        if (address_any(l, s, &ip))
            return lease_add(l, s, ip, true);
        if (failed(l->c))
            return false;
    }
    return !tried || fail(l->c, NO_MORE_IPS, l->port->network_id);
}

static bool want_any(struct leasing *l)
{
    bool special = any_serves(l, true);

    if (!l->n_subnets)
        return true;
    if (!special && !any_serves(l, false))
        return fail(l->c, NO_MATCHING_SUBNET, l->port->network_id, l->port->device_owner);
    return version_add(l, 4, special) && version_add(l, 6, special);
}

static bool want_address(struct leasing *l, const struct subnet *s, const char *text)
{
    struct ip ip = { 0 };

    ip_read(text, &ip);
    if (subnet_is_auto(s) && !router_port(l->port)) {
        struct ip own = eui64(subnet_cidr(s), l->port->mac_address);

        return own.n == ip.n ? lease_add(l, s, ip, false) : fail(l->c, IP_ON_AUTO_SUBNET, ip_text(l->c, ip), s->id);
    }
    return lease_add(l, s, ip, false);
}

static const struct subnet *subnet_wanted(struct leasing *l, const json_t *entry)
{
    const char *id = json_get_string(entry, "subnet_id"), *address = json_get_string(entry, "ip_address");
    const struct subnet *s = id ? subnet_find(l->subnets, id) : NULL;
    struct ip ip = { 0 };

    if (address)
        ip_read(address, &ip);
    if (!l->n_subnets) {
        invalid_input(l->c, "IP allocation requires subnets for network");
    } else if (id && !s) {
        if (rest_find_any(l->c, &subnet_resource, id))
            invalid_input(l->c, "Failed to create port on network %s, because fixed_ips included invalid subnet %s", l->port->network_id, id);
    } else if (id) {
        if (address && !subnet_has_host(s, ip, router_port(l->port))) {
            fail(l->c, INVALID_IP_FOR_SUBNET, address);
            return NULL;
        }
        return s;
    } else if (!address) {
        invalid_input(l->c, "IP allocation requires subnet_id or ip_address");
    } else {
        for (size_t i = 0; i < l->n_subnets; i++)
            if (subnet_has_host(l->subnets[i], ip, router_port(l->port)))
                return l->subnets[i];
        fail(l->c, INVALID_IP_FOR_NETWORK, address);
    }
    return NULL;
}

static bool want_entry(struct leasing *l, const json_t *entry)
{
    const char *address = json_get_string(entry, "ip_address");
    const struct subnet *s = subnet_wanted(l, entry);
    struct ip ip;

    if (!s)
        return false;
    if (address)
        return want_address(l, s, address);
    if (subnet_is_auto(s) && !router_port(l->port))
        return is_leased(l, s) || lease_add(l, s, eui64(subnet_cidr(s), l->port->mac_address), false);
    if (!address_any(l, s, &ip))
        return failed(l->c) ? false : fail(l->c, NO_MORE_IPS, l->port->network_id);
    return lease_add(l, s, ip, true);
}

/* --- rows ----------------------------------------------------------------------------------------------------- */

/* The row that is there first has the address: who was free to choose chooses again. */
static bool lease_store(struct leasing *l, struct lease *lease, size_t position)
{
    for (int tries = 0; tries < TRIES; tries++) {
        const char *text = ip_text(l->c, lease->ip);
        int64_t stored = 0;

        if (!db_changed(l->c, &stored, "INSERT INTO ip_allocations (subnet_id, ip_address, host, network_id, port_id, position)"
                        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING", T(lease->subnet->id), T(text), I(host_of(lease->subnet, lease->ip)),
                        T(l->port->network_id), T(l->port->id), I((int64_t)position)))
            return false;
        if (stored)
            return true;
        if (!lease->any)
            return fail(l->c, IP_IN_USE, text, lease->subnet->id);
        if (!address_any(l, lease->subnet, &lease->ip))
            break;
    }
    return failed(l->c) ? false : fail(l->c, NO_MORE_IPS, l->port->network_id);
}

static void fixed_ips_set(struct leasing *l)
{
    json_t *list = ctx_json(l->c, json_array());

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "subnet_id", l->leases[i].subnet->id, "ip_address", ip_text(l->c, l->leases[i].ip)));
    l->port->fixed_ips = json_text(l->c, list);
}

static bool leasing_start(struct leasing *l, struct ctx *c, struct port *port)
{
    memset(l, 0, sizeof(*l));
    l->c = c;
    l->port = port;
    l->subnets = subnets_of(c, port->network_id, &l->n_subnets);
    return l->subnets != NULL;
}

bool ipam_give(struct ctx *c, struct port *port, const json_t *wanted)
{
    struct leasing l;
    json_t *entry;
    size_t i;

    if (!leasing_start(&l, c, port))
        return false;
    if (!wanted && !want_any(&l))
        return false;
    json_array_foreach(wanted, i, entry)
        if (!want_entry(&l, entry))
            return false;
    if ((!wanted || json_array_size(wanted)) && !auto_add(&l))
        return false;
    for (i = 0; i < l.n; i++)
        if (!lease_store(&l, &l.leases[i], i))
            return false;
    fixed_ips_set(&l);
    return true;
}

/* --- changes -------------------------------------------------------------------------------------------------- */

struct kept { const char *subnet_id, *ip_address; bool used; };

static struct kept *kept_find(struct kept *kept, size_t n, const char *subnet_id, const char *ip_address)
{
    for (size_t i = 0; i < n; i++)
        if (!kept[i].used && (!subnet_id || text_equal(kept[i].subnet_id, subnet_id)) && (!ip_address || text_equal(kept[i].ip_address, ip_address)))
            return &kept[i];
    return NULL;
}

static struct kept *kept_read(struct ctx *c, raw_json fixed_ips, size_t *ret_n)
{
    json_t *list = json_of(c, fixed_ips), *entry;
    struct kept *kept = ctx_new_n(c, struct kept, json_array_size(list) + 1);
    size_t i;

    json_array_foreach(list, i, entry)
        kept[i] = (struct kept){ json_get_string(entry, "subnet_id"), json_get_string(entry, "ip_address"), false };
    *ret_n = json_array_size(list);
    return kept;
}

static bool keep(struct leasing *l, struct kept *kept)
{
    const struct subnet *s = subnet_find(l->subnets, kept->subnet_id);
    struct ip ip = { 0 };

    kept->used = true;
    ip_read(kept->ip_address, &ip);
    return !s || lease_add(l, s, ip, false);
}

/* Entries with an address first, as one without may keep only what no other names. */
static bool want_changed(struct leasing *l, const json_t *wanted, struct kept *kept, size_t n)
{
    json_t *entry;
    size_t i;

    for (int with_address = 1; with_address >= 0; with_address--)
        json_array_foreach(wanted, i, entry) {
            const char *subnet_id = json_get_string(entry, "subnet_id"), *address = json_get_string(entry, "ip_address");
            struct kept *old;
            struct ip ip;

            if ((address != NULL) != with_address || json_get_bool(entry, "delete_subnet", false))
                continue;
            if (address && ip_read(address, &ip))
                address = ip_text(l->c, ip);
            old = kept_find(kept, n, subnet_id, address);
            if (old ? !keep(l, old) : !want_entry(l, entry))
                return false;
        }
    return true;
}

static bool deletes_subnet(const json_t *wanted, const char *subnet_id)
{
    json_t *entry;
    size_t i;

    json_array_foreach(wanted, i, entry)
        if (json_get_bool(entry, "delete_subnet", false) && text_equal(json_get_string(entry, "subnet_id"), subnet_id))
            return true;
    return false;
}

bool ipam_change(struct ctx *c, struct port *port, const json_t *wanted)
{
    struct leasing l;
    size_t n;
    struct kept *kept = kept_read(c, port->fixed_ips, &n);

    if (!leasing_start(&l, c, port) || !want_changed(&l, wanted, kept, n))
        return false;
    for (size_t i = 0; i < n && !owner_is_router_interface(port->device_owner); i++) {
        const struct subnet *s = kept[i].used ? NULL : subnet_find(l.subnets, kept[i].subnet_id);

        if (s && subnet_is_auto(s) && !is_leased(&l, s) && !deletes_subnet(wanted, s->id) && !keep(&l, &kept[i]))
            return false;
    }
    if (!db_exec(c, "DELETE FROM ip_allocations WHERE port_id = $1", T(port->id)))
        return false;
    for (size_t i = 0; i < l.n; i++)
        if (!lease_store(&l, &l.leases[i], i))
            return false;
    fixed_ips_set(&l);
    return true;
}

bool ipam_join_auto(struct ctx *c, const struct subnet *s)
{
    struct { char *id, *mac; } *ports = NULL;
    size_t n = 0, count = (size_t)db_count(c, "SELECT count(*) FROM ports WHERE network_id = $1", T(s->network_id));
    struct rows *rows = db_query(c, "SELECT id, mac_address FROM ports WHERE network_id = $1 AND device_owner NOT IN " ROUTER_OWNERS
                                 " AND device_owner <> 'network:router_gateway' ORDER BY id", T(s->network_id));

    ports = ctx_alloc(c, sizeof(*ports) * (count + 1));
    while (db_next(rows)) {
        ports[n].id = db_text(rows, 0);
        ports[n++].mac = db_text(rows, 1);
    }
    for (size_t i = 0; i < n && !failed(c); i++) {
        struct ip ip = eui64(subnet_cidr(s), ports[i].mac);

        db_exec(c, "INSERT INTO ip_allocations (subnet_id, ip_address, host, network_id, port_id, position) VALUES ($1, $2, $3, $4, $5, 99)"
                " ON CONFLICT DO NOTHING", T(s->id), T(ip_text(c, ip)), I(host_of(s, ip)), T(s->network_id), T(ports[i].id));
    }
    return !failed(c);
}
