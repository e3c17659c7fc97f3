/* From the plugin's words (groups, members, devices) to the firewall's (ports, rules, sets). */
#include "neutron/agent/security.h"

#include <string.h>

#include "neutron/agent/firewall.h"
#include "oslo/record/record.h"

struct security {
    json_t *groups;                  /* id -> [rule] */
    json_t *members;                 /* id -> {"IPv4": [[ip, mac]], "IPv6": [...]} */
    json_t *devices;                 /* port id -> what the answer says of it */
};

static const struct { const char *name; int number; } protocols[] = {
    { "ah", 51 }, { "dccp", 33 }, { "egp", 8 }, { "esp", 50 }, { "gre", 47 }, { "icmp", 1 }, { "icmpv6", 58 }, { "igmp", 2 },
    { "ipip", 4 }, { "ipv6-encap", 41 }, { "ipv6-frag", 44 }, { "ipv6-icmp", 58 }, { "ipv6-nonxt", 59 }, { "ipv6-opts", 60 },
    { "ipv6-route", 43 }, { "ospf", 89 }, { "pgm", 113 }, { "rsvp", 46 }, { "sctp", 132 }, { "tcp", 6 }, { "udp", 17 },
    { "udplite", 136 }, { "vrrp", 112 },
};

static void fill_addresses(struct ctx *, struct firewall_port *, const json_t *device);
static void fill_rules(struct ctx *, const struct security *, struct firewall_port *, const json_t *device, GHashTable *named);

struct security *security_new(void)
{
    struct security *s = g_new0(struct security, 1);

    s->groups = json_object();
    s->members = json_object();
    s->devices = json_object();
    return s;
}

void security_free(struct security *s)
{
    if (!s)
        return;
    json_decref(s->groups);
    json_decref(s->members);
    json_decref(s->devices);
    g_free(s);
}

void security_learn(struct security *s, const json_t *answer)
{
    json_object_update(s->groups, json_object_get(answer, "security_groups"));
    json_object_update(s->members, json_object_get(answer, "sg_member_ips"));
    json_object_update(s->devices, json_object_get(answer, "devices"));
}

bool security_concerns(const struct security *s, const char *port_id, char *const *groups)
{
    const json_t *device = json_object_get(s->devices, port_id), *id;
    size_t i;

    for (const char *const *list = (const char *const[]){ "security_groups", "security_group_source_groups", NULL }; *list; list++)
        json_array_foreach(json_object_get(device, *list), i, id)
            if (text_in(json_string_value(id), (const char *const *)groups))
                return true;
    return false;
}

struct firewall *security_firewall(struct ctx *c, const struct security *s, const struct security_port *from, size_t n)
{
    struct firewall_port *ports = ctx_new_n(c, struct firewall_port, n + 1);
    GHashTable *named = g_hash_table_new(g_str_hash, g_str_equal);
    struct firewall *all = ctx_new(c, struct firewall);
    struct firewall_group *groups;
    GHashTableIter i;
    void *id;
    size_t n_groups = 0;

    for (size_t k = 0; k < n; k++) {
        const json_t *device = json_object_get(s->devices, from[k].port_id);

        ports[k] = (struct firewall_port){ .device = from[k].device, .index = from[k].index, .zone = from[k].zone, .port_id = from[k].port_id };
        ports[k].guarded = from[k].closed || (from[k].guarded && json_get_bool(device, "port_security_enabled", true));
        if (from[k].closed) {
            fill_addresses(c, &ports[k], NULL);
        } else if (ports[k].guarded) {
            fill_addresses(c, &ports[k], device);
            fill_rules(c, s, &ports[k], device, named);
        }
    }
    groups = ctx_new_n(c, struct firewall_group, g_hash_table_size(named) + 1);
    g_hash_table_iter_init(&i, named);
    while (g_hash_table_iter_next(&i, &id, NULL)) {
        const json_t *members = json_object_get(s->members, id), *pair;
        const json_t *v4 = json_object_get(members, "IPv4"), *v6 = json_object_get(members, "IPv6");
        const char **ips = ctx_new_n(c, const char *, json_array_size(v4) + json_array_size(v6) + 1);
        size_t k, m = 0;

        json_array_foreach(v4, k, pair)
            ips[m++] = json_string_value(json_is_array(pair) ? json_array_get(pair, 0) : pair);
        json_array_foreach(v6, k, pair)
            ips[m++] = json_string_value(json_is_array(pair) ? json_array_get(pair, 0) : pair);
        groups[n_groups++] = (struct firewall_group){ .id = id, .ips = ips };
    }
    g_hash_table_unref(named);
    *all = (struct firewall){ ports, n, groups, n_groups };
    return all;
}

/* Its own addresses, and its allowed address pairs. A port without an address may still speak from its MAC. */
static void fill_addresses(struct ctx *c, struct firewall_port *p, const json_t *device)
{
    const json_t *fixed = json_object_get(device, "fixed_ips"), *pairs = json_object_get(device, "allowed_address_pairs"), *one;
    struct firewall_address *list = ctx_new_n(c, struct firewall_address, json_array_size(fixed) + json_array_size(pairs) + 1);
    const char *mac = json_get_string(device, "mac_address") ?: "00:00:00:00:00:00";
    size_t i, n = 0;

    json_array_foreach(fixed, i, one)
        list[n++] = (struct firewall_address){ mac, json_string_value(one) ?: json_get_string(one, "ip_address") };
    if (n == 0)
        list[n++] = (struct firewall_address){ mac, NULL };
    json_array_foreach(pairs, i, one)
        list[n++] = (struct firewall_address){ json_get_string(one, "mac_address") ?: mac, json_get_string(one, "ip_address") };
    p->addresses = list;
    p->n_addresses = n;
}

static int protocol_number(const char *name, int family)
{
    int64_t number;

    if (!name || strcmp(name, "any") == 0)
        return -1;
    if (family == 6 && strcmp(name, "icmp") == 0)
        return 58;
    if (text_to_int(name, &number))
        return family == 6 && number == 1 ? 58 : (int)number;
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (strcmp(protocols[i].name, name) == 0)
            return protocols[i].number;
    return 255;                          /* reserved: matches no packet */
}

static const char *protocol_text(struct ctx *c, const json_t *rule)
{
    const json_t *protocol = json_object_get(rule, "protocol");

    return json_is_integer(protocol) ? ctx_printf(c, "%d", (int)json_integer_value(protocol)) : json_string_value(protocol);
}

static struct firewall_rule rule_of(struct ctx *c, const json_t *rule)
{
    struct firewall_rule r = { .egress = text_equal(json_get_string(rule, "direction"), "egress") };

    r.family = text_equal(json_get_string(rule, "ethertype"), "IPv6") ? 6 : 4;
    r.protocol = protocol_number(protocol_text(c, rule), r.family);
    r.low = (int)json_get_int(rule, "port_range_min", -1);
    r.high = (int)json_get_int(rule, "port_range_max", -1);
    r.group = json_get_string(rule, "remote_group_id") ?: json_get_string(rule, "remote_address_group_id");
    r.prefix = r.group ? NULL : json_get_string(rule, r.egress ? "dest_ip_prefix" : "source_ip_prefix");
    return r;
}

static void fill_rules(struct ctx *c, const struct security *s, struct firewall_port *p, const json_t *device, GHashTable *named)
{
    const json_t *ids = json_object_get(device, "security_groups"), *id, *rule;
    struct firewall_rule *list;
    size_t i, k, n = 0, n_stateless = 0;

    json_array_foreach(ids, i, id)
        n += json_array_size(json_object_get(s->groups, json_string_value(id)));
    list = ctx_new_n(c, struct firewall_rule, n + 1);
    n = 0;
    json_array_foreach(ids, i, id)
        json_array_foreach(json_object_get(s->groups, json_string_value(id)), k, rule) {
            list[n] = rule_of(c, rule);
            n_stateless += !json_get_bool(rule, "stateful", true);
            if (list[n].group)
                g_hash_table_add(named, (void *)(uintptr_t)list[n].group);
            n++;
        }
    p->rules = list;
    p->n_rules = n;
    p->stateless = n > 0 && n_stateless == n;
}
