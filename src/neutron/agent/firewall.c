/* Writing the ruleset: bridge table (marks, anti-spoofing), inet table (zones, security groups). */
#include "neutron/agent/firewall.h"

#include <string.h>

const char *const firewall_sysctls[] = { "net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables", NULL };

static bool is_ipv6(const char *ip)
{
    return strchr(ip, ':') != NULL;
}

static bool is_family(const char *ip, int family)
{
    return is_ipv6(ip) == (family == 6);
}

/* The addresses of one family, each once, as "{ a, b }"; false if there are none. */
static bool address_set(struct buf *to, const struct firewall_port *p, int family)
{
    bool any = false;

    for (size_t i = 0; i < p->n_addresses; i++) {
        const char *ip = p->addresses[i].ip;
        bool seen = !ip || !is_family(ip, family);

        for (size_t k = 0; !seen && k < i; k++)
            seen = p->addresses[k].ip && !strcmp(p->addresses[k].ip, ip);
        if (seen)
            continue;
        buf_printf(to, "%s%s", any ? ", " : "{ ", ip);
        any = true;
    }
    if (any)
        buf_puts(to, " }");
    return any;
}

static void mac_set(struct buf *to, const struct firewall_port *p)
{
    const char *comma = "";

    buf_puts(to, "{ ");
    for (size_t i = 0; i < p->n_addresses; i++) {
        bool seen = false;

        for (size_t k = 0; !seen && k < i; k++)
            seen = !g_ascii_strcasecmp(p->addresses[k].mac, p->addresses[i].mac);
        if (seen)
            continue;
        buf_printf(to, "%s%s", comma, p->addresses[i].mac);
        comma = ", ";
    }
    buf_puts(to, " }");
}

/* The link-local address that a MAC gives (RFC 4291, modified EUI-64): a guest may always speak as that. */
static void link_local(struct buf *to, const char *mac)
{
    unsigned b[6] = { 0 };

    for (int i = 0; i < 6; i++)
        b[i] = (unsigned)(g_ascii_xdigit_value(mac[3 * i]) << 4 | g_ascii_xdigit_value(mac[3 * i + 1]));
    buf_printf(to, "fe80::%x:%x:%x:%x", (b[0] ^ 2) << 8 | b[1], b[2] << 8 | 0xff, 0xfe00 | b[3], b[4] << 8 | b[5]);
}

/* --- the bridge table ----------------------------------------------------------------------------------------- */

static void spoof_ipv6(struct buf *to, const struct firewall_port *p)
{
    buf_puts(to, "    icmpv6 type nd-router-advert drop\n"
                 "    udp sport 547 udp dport 546 drop\n"
                 "    ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report, nd-neighbor-solicit, nd-router-solicit } return\n");
    for (size_t i = 0; i < p->n_addresses; i++) {
        buf_puts(to, "    ip6 saddr ");
        link_local(to, p->addresses[i].mac);
        buf_puts(to, " return\n");
    }
    buf_puts(to, "    ip6 saddr ");
    if (address_set(to, p, 6))
        buf_puts(to, " return\n    ether type ip6 drop\n");
    else
        buf_puts(to, "::/0 drop\n");
}

static void spoof_chain(struct buf *to, const struct firewall_port *p)
{
    struct buf ips = { 0 };
    bool any = address_set(&ips, p, 4);

    buf_printf(to, "  chain spoof_%u {\n    ether saddr != ", p->index);
    mac_set(to, p);
    buf_puts(to, " drop\n    ether type arp arp saddr ip != ");
    buf_puts(to, any ? ips.data : "0.0.0.0");
    buf_puts(to, " drop\n    ether type arp return\n"
                 "    ip saddr 0.0.0.0 udp sport 68 udp dport 67 return\n"
                 "    udp sport 67 udp dport 68 drop\n    ip saddr ");
    if (any)
        buf_printf(to, "%s return\n    ether type ip drop\n", ips.data);
    else
        buf_puts(to, "0.0.0.0/0 drop\n");
    spoof_ipv6(to, p);
    buf_puts(to, "  }\n");
    buf_clear(&ips);
}

static void bridge_table(struct buf *to, const struct firewall_port *ports, size_t n)
{
    buf_puts(to, "table bridge nacre_ports {\n");
    for (size_t i = 0; i < n; i++) {
        if (ports[i].guarded)
            spoof_chain(to, &ports[i]);
        buf_printf(to, "  chain to_%u {\n    meta mark set meta mark and 0x0000ffff\n    meta mark set meta mark or 0x%08x\n  }\n",
                   ports[i].index, ports[i].index << 16);
    }
    buf_puts(to, "  chain prerouting {\n    type filter hook prerouting priority -300; policy accept;\n    meta mark set iifname map { ");
    for (size_t i = 0; i < n; i++)
        buf_printf(to, "%s\"%s\" : 0x%08x", i ? ", " : "", ports[i].device, ports[i].index);
    buf_puts(to, " }\n    iifname vmap { ");
    for (size_t i = 0; i < n; i++)
        buf_printf(to, ports[i].guarded ? "%s\"%s\" : jump spoof_%u" : "%s\"%s\" : accept", i ? ", " : "", ports[i].device, ports[i].index);
    buf_puts(to, " }\n  }\n  chain forward {\n    type filter hook forward priority -200; policy accept;\n    oifname vmap { ");
    for (size_t i = 0; i < n; i++)
        buf_printf(to, "%s\"%s\" : jump to_%u", i ? ", " : "", ports[i].device, ports[i].index);
    buf_puts(to, " }\n  }\n}\n");
}

/* --- the inet table ------------------------------------------------------------------------------------------- */

/* A group's set of one family: "g" and the first hex digits of the id, then the family. */
static void set_name(struct buf *to, const char *group, int family)
{
    buf_putc(to, 'g');
    for (; *group; group++)
        if (*group != '-')
            buf_putc(to, *group);
    buf_printf(to, "_%d", family);
}

static void group_set(struct buf *to, const struct firewall_group *g, int family)
{
    const char *comma = "";

    buf_puts(to, "  set ");
    set_name(to, g->id, family);
    buf_printf(to, " {\n    type ipv%d_addr\n    flags interval\n    auto-merge\n", family);
    for (size_t i = 0; g->ips[i]; i++) {
        if (!is_family(g->ips[i], family))
            continue;
        buf_printf(to, "%s%s", *comma ? comma : "    elements = { ", g->ips[i]);
        comma = ", ";
    }
    buf_puts(to, *comma ? " }\n  }\n" : "  }\n");
}

static void rule_match(struct buf *to, const struct firewall_rule *r)
{
    bool icmp = r->protocol == 1 || r->protocol == 58;
    const char *name = r->protocol == 1 ? "icmp" : "icmpv6";

    if (icmp && r->low >= 0) {
        buf_printf(to, " %s type %d", name, r->low);
        if (r->high >= 0)
            buf_printf(to, " %s code %d", name, r->high);
    } else if (r->low >= 0 && (r->protocol == 6 || r->protocol == 17 || r->protocol == 33 || r->protocol == 132 || r->protocol == 136)) {
        buf_printf(to, " meta l4proto %d th dport %d", r->protocol, r->low);
        if (r->high > r->low)
            buf_printf(to, "-%d", r->high);
    } else if (r->protocol >= 0) {
        buf_printf(to, " meta l4proto %d", r->protocol);
    }
}

static void rule_write(struct buf *to, const struct firewall_rule *r)
{
    const char *family = r->family == 6 ? "ip6" : "ip", *side = r->egress ? "daddr" : "saddr";

    buf_printf(to, "    meta nfproto ipv%d", r->family);
    if (r->prefix) {
        buf_printf(to, " %s %s %s", family, side, r->prefix);
    } else if (r->group) {
        buf_printf(to, " %s %s @", family, side);
        set_name(to, r->group, r->family);
    }
    rule_match(to, r);
    buf_puts(to, " return\n");
}

static void rules_write(struct buf *to, const struct firewall_port *p, bool egress)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].egress == egress)
            rule_write(to, &p->rules[i]);
    buf_puts(to, "    drop\n  }\n");
}

static void security_chains(struct buf *to, const struct firewall_port *p)
{
    buf_printf(to, "  chain from_%u {\n    ct state established,related return\n    ct state invalid drop\n"
                   "    udp sport 68 udp dport 67 return\n    udp sport 546 udp dport 547 return\n"
                   "    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, "
                   "mld-listener-done, mld2-listener-report } return\n", p->index);
    rules_write(to, p, true);
    buf_printf(to, "  chain to_%u {\n    ct state established,related return\n    ct state invalid drop\n"
                   "    udp sport 67 udp dport 68 return\n    udp sport 547 udp dport 546 return\n"
                   "    icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } return\n", p->index);
    rules_write(to, p, false);
}

/* "{ 0x1 : jump from_1, ... }" of the guarded ports; false if there are none. */
static bool jumps_write(struct buf *to, const struct firewall_port *ports, size_t n, const char *mask, const char *stem, int shift)
{
    const char *comma = "";

    for (size_t i = 0; i < n; i++) {
        if (!ports[i].guarded)
            continue;
        if (!*comma)
            buf_printf(to, "    meta mark and %s vmap { ", mask);
        buf_printf(to, "%s0x%08x : jump %s_%u", comma, ports[i].index << shift, stem, ports[i].index);
        comma = ", ";
    }
    if (*comma)
        buf_puts(to, " }\n");
    return *comma != '\0';
}

static void zones_write(struct buf *to, const struct firewall_port *ports, size_t n)
{
    const char *comma = "    ct zone set meta mark and 0x0000ffff map { ";

    for (size_t i = 0; i < n; i++) {
        if (!ports[i].zone)
            continue;
        buf_printf(to, "%s0x%08x : %u", comma, ports[i].index, ports[i].zone);
        comma = ", ";
    }
    if (*comma == ',')
        buf_puts(to, " }\n");
}

static void inet_table(struct buf *to, const struct firewall_port *ports, size_t n, const struct firewall_group *groups, size_t n_groups)
{
    buf_puts(to, "table inet nacre_security {\n");
    for (size_t i = 0; i < n_groups; i++) {
        group_set(to, &groups[i], 4);
        group_set(to, &groups[i], 6);
    }
    for (size_t i = 0; i < n; i++)
        if (ports[i].guarded)
            security_chains(to, &ports[i]);
    buf_puts(to, "  chain zones {\n    type filter hook prerouting priority raw; policy accept;\n");
    zones_write(to, ports, n);
    buf_puts(to, "  }\n  chain forward {\n    type filter hook forward priority filter; policy accept;\n");
    jumps_write(to, ports, n, "0x0000ffff", "from", 0);
    jumps_write(to, ports, n, "0xffff0000", "to", 16);
    buf_puts(to, "  }\n}\n");
}

void firewall_write(struct buf *to, const struct firewall_port *ports, size_t n_ports, const struct firewall_group *groups, size_t n_groups)
{
    /* "add" before "delete": so that the transaction does not fail where there was none. */
    buf_puts(to, "add table bridge nacre_ports\ndelete table bridge nacre_ports\nadd table inet nacre_security\ndelete table inet nacre_security\n");
    if (!n_ports)
        return;
    bridge_table(to, ports, n_ports);
    inet_table(to, ports, n_ports, groups, n_groups);
}
