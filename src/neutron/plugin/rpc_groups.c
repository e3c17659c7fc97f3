/* What L2 agents ask about security: devices, the rules of their groups, the members those rules name. See rpc/l2.h. */
#include <string.h>

#include "neutron/model/ip.h"
#include "neutron/model/ports.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/servers.h"

enum { CHUNK = 200 };

struct security {
    struct ctx *c;
    json_t *devices, *groups, *members;      /* of the answer */
};

/* Runs a query whose " IN (...)" is the keys of an object, some at a time. */
static void each_row(struct ctx *c, const json_t *keys, const char *select, void (*row)(struct security *, struct rows *), struct security *s)
{
    void *at = json_object_iter((json_t *)(uintptr_t)keys);

    while (at && !failed(c)) {
        struct sql *sql = sql_new(c);
        const char **some = ctx_new_n(c, const char *, CHUNK + 1);

        for (size_t i = 0; at && i < CHUNK; at = json_object_iter_next((json_t *)(uintptr_t)keys, at))
            some[i++] = json_object_iter_key(at);
        sql_add(sql, select);
        sql_add(sql, " IN ");
        sql_in(sql, some);
        for (struct rows *rows = sql_query(sql); db_next(rows);)
            row(s, rows);
    }
}

/* --- devices -------------------------------------------------------------------------------------------------- */

static json_t *device_json(struct ctx *c, const struct port *port)
{
    json_t *addresses = json_array(), *entry;
    size_t i;

    json_t *parsed = json_of(c, port->fixed_ips);

    json_array_foreach(parsed, i, entry)
        json_array_append(addresses, json_object_get(entry, "ip_address"));
    return json_pack("{s:s, s:s, s:s, s:o, s:O, s:O, s:[], s:b, s:s}", "device", port->id, "network_id", port->network_id, "mac_address", port->mac_address,
                     "fixed_ips", addresses, "allowed_address_pairs", json_of(c, port->allowed_address_pairs), "security_groups",
                     json_of(c, port->security_groups), "security_group_source_groups", "port_security_enabled", port->port_security_enabled,
                     "device_owner", port->device_owner);
}

static bool devices_read(struct security *s, const json_t *names)
{
    struct ctx *c = s->c;
    size_t total = json_array_size(names), n;

    for (size_t from = 0; from < total; from += CHUNK) {
        struct sql *sql = ports_select(c);
        const char **ids = ctx_new_n(c, const char *, CHUNK + 1);
        struct port **ports;

        for (size_t i = from, k = 0; i < MIN(from + CHUNK, total); i++)
            if ((ids[k] = rpc_device_port(c, json_array_get(names, i))))
                k++;
        sql_add(sql, " AND t.id IN ");
        sql_in(sql, ids);
        if (!(ports = ports_fetch(c, sql, &n)))
            return false;
        for (size_t i = 0; i < n; i++) {
            json_t *group;
            size_t k;

            json_object_set_new(s->devices, ports[i]->id, device_json(c, ports[i]));
            json_t *parsed = json_of(c, ports[i]->security_groups);

            json_array_foreach(parsed, k, group)
                if (!json_object_get(s->groups, json_string_value(group)))
                    json_object_set_new(s->groups, json_string_value(group), json_array());
        }
    }
    return true;
}

/* --- rules ---------------------------------------------------------------------------------------------------- */

static void set_text(json_t *object, const char *key, const char *value)
{
    if (value)
        json_object_set_new(object, key, json_string(value));
}

static void rule_row(struct security *s, struct rows *rows)
{
    const char *direction = db_text(rows, 1), *group = db_text(rows, 7), *addresses = db_text(rows, 8);
    json_t *rule = json_pack("{s:s, s:s, s:b, s:s}", "direction", direction, "ethertype", db_text(rows, 2), "stateful", db_bool(rows, 9),
                             "security_group_id", db_text(rows, 0));

    set_text(rule, "protocol", db_text(rows, 3));
    if (!db_is_null(rows, 4))
        json_object_set_new(rule, "port_range_min", json_integer(db_int(rows, 4)));
    if (!db_is_null(rows, 5))
        json_object_set_new(rule, "port_range_max", json_integer(db_int(rows, 5)));
    set_text(rule, strcmp(direction, "ingress") ? "dest_ip_prefix" : "source_ip_prefix", db_text(rows, 6));
    set_text(rule, "remote_group_id", group);
    set_text(rule, "remote_address_group_id", addresses);
    if (group || addresses)
        json_object_set_new(s->members, group ? group : addresses, json_pack("{s:[], s:[]}", "IPv4", "IPv6"));
    json_array_append_new(json_object_get(s->groups, db_text(rows, 0)), rule);
}

static void member_add(struct security *s, const char *group, const char *address, const char *mac)
{
    json_array_append_new(json_object_get(json_object_get(s->members, group), strchr(address, ':') ? "IPv6" : "IPv4"),
                          json_pack("[s, s?]", address, mac));
}

static void member_row(struct security *s, struct rows *rows)
{
    member_add(s, db_text(rows, 0), db_text(rows, 1), db_text(rows, 2));
}

static void pairs_row(struct security *s, struct rows *rows)
{
    json_t *pair;
    size_t i;

    json_array_foreach(json_of(s->c, (raw_json){ db_text(rows, 1) }), i, pair)
        if (json_get_string(pair, "ip_address"))
            member_add(s, db_text(rows, 0), json_get_string(pair, "ip_address"), json_get_string(pair, "mac_address"));
}

static void addresses_row(struct security *s, struct rows *rows)
{
    json_t *address;
    size_t i;

    json_array_foreach(json_of(s->c, (raw_json){ db_text(rows, 1) }), i, address)
        member_add(s, db_text(rows, 0), json_string_value(address), NULL);
}

/* The groups that a device's rules name. */
static void sources_set(struct security *s)
{
    const char *id;
    json_t *device, *group, *rule;
    size_t i, k;

    json_object_foreach(s->devices, id, device)
        json_array_foreach(json_object_get(device, "security_groups"), i, group)
            json_array_foreach(json_object_get(s->groups, json_string_value(group)), k, rule)
                if (json_object_get(rule, "remote_group_id"))
                    json_array_append(json_object_get(device, "security_group_source_groups"), json_object_get(rule, "remote_group_id"));
}

static bool security_read(struct security *s, const json_t *names)
{
    if (!devices_read(s, names))
        return false;
    each_row(s->c, s->groups, "SELECT r.security_group_id, r.direction, r.ethertype, r.protocol, r.port_range_min, r.port_range_max, r.remote_ip_prefix,"
             " r.remote_group_id, r.remote_address_group_id, g.stateful FROM security_group_rules r JOIN security_groups g ON g.id = r.security_group_id"
             " WHERE r.security_group_id", rule_row, s);
    each_row(s->c, s->members, "SELECT g.security_group_id, a.ip_address, p.mac_address FROM port_security_groups g JOIN ports p ON p.id = g.port_id"
             " JOIN ip_allocations a ON a.port_id = p.id WHERE g.security_group_id", member_row, s);
    each_row(s->c, s->members, "SELECT g.security_group_id, p.allowed_address_pairs FROM port_security_groups g JOIN ports p ON p.id = g.port_id"
             " WHERE p.allowed_address_pairs <> '[]' AND g.security_group_id", pairs_row, s);
    each_row(s->c, s->members, "SELECT id, addresses FROM address_groups WHERE id", addresses_row, s);
    sources_set(s);
    return !failed(s->c);
}

static bool security_group_info_for_devices(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct security s = { c, json_object(), json_object(), json_object() };
    bool ok = security_read(&s, json_object_get(args, "devices"));

    *ret_result = json_pack("{s:o, s:o, s:o}", "security_groups", s.groups, "sg_member_ips", s.members, "devices", s.devices);
    return ok;
}

/* Rules by device, each with its group's members in place of the group. */
static bool security_group_rules_for_devices(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct security s = { c, json_object(), json_object(), json_object() };
    bool ok = security_read(&s, json_object_get(args, "devices"));
    const char *id;
    json_t *device, *group, *rule;
    size_t i, k;

    json_object_foreach(s.devices, id, device) {
        json_t *rules = json_array();

        json_array_foreach(json_object_get(device, "security_groups"), i, group)
            json_array_foreach(json_object_get(s.groups, json_string_value(group)), k, rule)
                json_array_append(rules, rule);
        json_object_set_new(device, "security_group_rules", rules);
    }
    json_decref(s.groups);
    json_decref(s.members);
    *ret_result = s.devices;
    return ok;
}

const struct rpc_method security_group_methods[] = {
    { SG_INFO_FOR_DEVICES, security_group_info_for_devices },
    { SG_RULES_FOR_DEVICES, security_group_rules_for_devices },
    {}
};
