/* Security groups as flows, in the original's tables: 60 tells whose a packet is, 71 holds a port to its own addresses, 72 and 82 to its
 * rules for what leaves and what comes, 73 finds out whether what leaves stays on this host. Register 5 is the port, 6 the local VLAN,
 * which is also the zone that connections are tracked in.
 *
 * A rule lets the first packet of a connection and the following ones of the same direction pass; answers pass by their connection. One
 * that no rule allows any more is marked (ct_mark 1) and so are its answers stopped; where a rule allows it again, table 92 takes the
 * mark off. Rules with a group on the other side are conjunctions: (address in the group) and (protocol and port of the rule).
 */
#include "neutron/agent/ovs/pipeline.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "neutron/agent/ovs/masks.h"

#define ZONE "zone=NXM_NX_REG6[0..15]"
#define TO_PORT "set_field:%d->reg5,set_field:%d->reg6"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132 };
enum { CONJUNCTIONS_A_BASE = 8 };    /* two for each of four priorities */

static const char *const dl_types[] = { "dl_type=0x0800", "dl_type=0x86dd" };

static const char *dl_type(int family)
{
    return dl_types[family == 6];
}

bool address_is(const char *text, int family)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    const char *slash;
    char *end;

    if (!text)
        return false;
    slash = strchr(text, '/');
    g_strlcpy(address, text, MIN(sizeof(address), (slash ? (size_t)(slash - text) : strlen(text)) + 1));
    if (slash) {
        long bits = strtol(slash + 1, &end, 10);

        if (end == slash + 1 || *end || bits < 0 || bits > (family == 6 ? 128 : 32))
            return false;
    }
    return inet_pton(family == 6 ? AF_INET6 : AF_INET, address, bytes) == 1;
}

static bool is_any(const char *cidr)
{
    const char *slash = strchr(cidr, '/');

    return slash && strcmp(slash, "/0") == 0;
}

/* The link-local address that a MAC gives (RFC 4291, modified EUI-64). */
static void link_local(char to[INET6_ADDRSTRLEN], const char *mac)
{
    unsigned b[6] = { 0 };

    for (size_t i = 0; i < 6 && strlen(mac) == 17; i++)
        b[i] = (unsigned)(g_ascii_xdigit_value(mac[3 * i]) << 4 | g_ascii_xdigit_value(mac[3 * i + 1]));
    snprintf(to, INET6_ADDRSTRLEN, "fe80::%x:%x:%x:%x", (b[0] ^ 2) << 8 | b[1], b[2] << 8 | 0xff, 0xfe00 | b[3], b[4] << 8 | b[5]);
}

/* ---- the same for all ports ---------------------------------------------------------------------------------- */

void guard_common(struct flows *f)
{
    static const int closed[] = { BASE_EGRESS, RULES_EGRESS, ACCEPT_OR_INGRESS, BASE_INGRESS, RULES_INGRESS, ACCEPTED_INGRESS, DROPPED };

    for (size_t i = 0; i < G_N_ELEMENTS(closed); i++)
        flow(f, "table=%d,priority=0 actions=drop", closed[i]);
    flow(f, "table=%d,priority=110,ct_state=+trk actions=ct_clear,resubmit(,%d)", BASE_EGRESS, BASE_EGRESS);
    flow(f, "table=%d,priority=1 actions=resubmit(,%d)", ACCEPTED_EGRESS, ACCEPTED_NORMAL);
    flow(f, "table=%d,priority=1 actions=NORMAL", ACCEPTED_NORMAL);
    for (size_t i = 0; i < G_N_ELEMENTS(dl_types); i++)
        flow(f, "table=%d,priority=10,ct_state=+est-rel-rpl,ct_mark=0x1,%s actions=ct(commit," ZONE ",exec(set_field:0x0->ct_mark))", ACCEPTED_INGRESS,
             dl_types[i]);
}

/* ---- whose a packet is, and whose it may say it is ----------------------------------------------------------- */

static const char *own_mac(const struct firewall_port *g)
{
    return g->n_addresses > 0 && g->addresses[0].mac ? g->addresses[0].mac : "00:00:00:00:00:00";
}

static void identify(struct flows *f, const struct pipe_port *p, int table)
{
    flow(f, "table=%d,priority=100,in_port=%d actions=" TO_PORT ",resubmit(,%d)", TRANSIENT, p->ofport, p->ofport, p->tag, table);
}

static void addressed(struct flows *f, const struct pipe_port *p, const char *mac)
{
    flow(f, "table=%d,priority=90,dl_vlan=%d,dl_dst=%s actions=" TO_PORT ",pop_vlan,resubmit(,%d)", TRANSIENT, p->tag, mac, p->ofport, p->tag, BASE_INGRESS);
    flow(f, "table=%d,priority=100,reg6=%d,dl_dst=%s actions=set_field:%d->reg5,resubmit(,%d)", ACCEPT_OR_INGRESS, p->tag, mac, p->ofport, BASE_INGRESS);
}

/* What a port may say before any rule is asked: its own ARP and neighbour discovery, DHCP requests. */
static void speak_ipv4(struct flows *f, const struct pipe_port *p, const char *mac, const char *ip, const char *track)
{
    flow(f, "table=%d,priority=95,in_port=%d,reg5=%d,dl_src=%s,arp,arp_spa=%s actions=resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport, mac, ip, ACCEPTED_NORMAL);
    flow(f, "table=%d,priority=65,in_port=%d,reg5=%d,dl_src=%s,ip,nw_src=%s actions=%s", BASE_EGRESS, p->ofport, p->ofport, mac, ip, track);
    flow(f, "table=%d,priority=80,in_port=%d,reg5=%d,dl_src=%s,udp,nw_src=%s,tp_src=68,tp_dst=67 actions=resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport,
         mac, ip, ACCEPT_OR_INGRESS);
}

static void speak_ipv6(struct flows *f, const struct pipe_port *p, const char *mac, const char *ip, const char *track)
{
    static const int allowed[] = { 130, 133, 135 };  /* MLD query, router and neighbour solicitation */

    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++)
        flow(f, "table=%d,priority=95,in_port=%d,reg5=%d,dl_src=%s,icmp6,ipv6_src=%s,icmpv6_type=%d actions=resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport,
             mac, ip, allowed[i], ACCEPTED_NORMAL);
    flow(f, "table=%d,priority=95,in_port=%d,reg5=%d,icmp6,icmpv6_type=136,nd_target=%s actions=resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport, ip,
         ACCEPTED_NORMAL);
    flow(f, "table=%d,priority=65,in_port=%d,reg5=%d,dl_src=%s,ipv6,ipv6_src=%s actions=%s", BASE_EGRESS, p->ofport, p->ofport, mac, ip, track);
    flow(f, "table=%d,priority=80,in_port=%d,reg5=%d,dl_src=%s,udp6,ipv6_src=%s,tp_src=546,tp_dst=547 actions=resubmit(,%d)", BASE_EGRESS, p->ofport,
         p->ofport, mac, ip, ACCEPT_OR_INGRESS);
}

static void base_egress(struct flows *f, const struct pipe_port *p)
{
    const struct firewall_port *g = p->guard;
    g_autofree char *track = g->stateless ? g_strdup_printf("resubmit(,%d)", RULES_EGRESS) : g_strdup_printf("ct(table=%d," ZONE ")", RULES_EGRESS);
    char local[INET6_ADDRSTRLEN];
    const char *mac = own_mac(g);

    for (size_t i = 0; i < g->n_addresses; i++) {
        const struct firewall_address *a = &g->addresses[i];

        addressed(f, p, a->mac);
        if (address_is(a->ip, 4))
            speak_ipv4(f, p, a->mac, a->ip, track);
        else if (address_is(a->ip, 6))
            speak_ipv6(f, p, a->mac, a->ip, track);
    }
    link_local(local, mac);
    speak_ipv6(f, p, mac, local, track);
    flow(f, "table=%d,priority=80,in_port=%d,reg5=%d,dl_src=%s,udp,nw_src=0.0.0.0,tp_src=68,tp_dst=67 actions=resubmit(,%d)", BASE_EGRESS, p->ofport,
         p->ofport, mac, ACCEPT_OR_INGRESS);
    flow(f, "table=%d,priority=70,in_port=%d,reg5=%d,udp,tp_src=67,tp_dst=68 actions=resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport, DROPPED);
    flow(f, "table=%d,priority=70,in_port=%d,reg5=%d,udp6,tp_src=547,tp_dst=546 actions=resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport, DROPPED);
    flow(f, "table=%d,priority=70,in_port=%d,reg5=%d,icmp6,icmpv6_type=134 actions=resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport, DROPPED);
    flow(f, "table=%d,priority=10,in_port=%d,reg5=%d actions=ct_clear,resubmit(,%d)", BASE_EGRESS, p->ofport, p->ofport, DROPPED);
    for (size_t i = 0; i < G_N_ELEMENTS(dl_types); i++)
        flow(f, "table=%d,priority=90,%s,reg5=%d,ct_state=+new-est actions=ct(commit," ZONE "),resubmit(,%d)", ACCEPT_OR_INGRESS, dl_types[i], p->ofport,
             ACCEPTED_EGRESS);
    flow(f, "table=%d,priority=80,reg5=%d actions=resubmit(,%d)", ACCEPT_OR_INGRESS, p->ofport, ACCEPTED_NORMAL);
}

static void base_ingress(struct flows *f, const struct pipe_port *p)
{
    static const int allowed[] = { 130, 134, 135, 136 };     /* MLD query, router advertisement, neighbour discovery */

    flow(f, "table=%d,priority=100,arp,reg5=%d actions=output:%d", BASE_INGRESS, p->ofport, p->ofport);
    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++)
        flow(f, "table=%d,priority=100,reg5=%d,icmp6,icmpv6_type=%d actions=output:%d", BASE_INGRESS, p->ofport, allowed[i], p->ofport);
    flow(f, "table=%d,priority=95,reg5=%d,udp,tp_src=67,tp_dst=68 actions=output:%d", BASE_INGRESS, p->ofport, p->ofport);
    flow(f, "table=%d,priority=95,reg5=%d,udp6,tp_src=547,tp_dst=546 actions=output:%d", BASE_INGRESS, p->ofport, p->ofport);
    if (p->guard->stateless) {
        flow(f, "table=%d,priority=80,reg5=%d actions=ct_clear,resubmit(,%d)", BASE_INGRESS, p->ofport, RULES_INGRESS);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(dl_types); i++)
        flow(f, "table=%d,priority=90,%s,reg5=%d,ct_state=-trk actions=ct(table=%d," ZONE ")", BASE_INGRESS, dl_types[i], p->ofport, RULES_INGRESS);
    flow(f, "table=%d,priority=80,reg5=%d,ct_state=+trk actions=resubmit(,%d)", BASE_INGRESS, p->ofport, RULES_INGRESS);
}

/* ---- rules --------------------------------------------------------------------------------------------------- */

/* How a packet stands to its connection where a rule is asked, and what becomes of one that is let through. */
struct passage { const char *state; bool first; };
static const struct passage following[] = { { "+est-rel-rpl", false }, { "+new-est", true } }, untracked[] = { { "-trk", false } };

static const struct passage *passages(const struct firewall_port *g, size_t *ret_n)
{
    *ret_n = g->stateless ? G_N_ELEMENTS(untracked) : G_N_ELEMENTS(following);
    return g->stateless ? untracked : following;
}

/* Table 92 takes the mark off the connection of a packet that follows others. */
static void accepted(char to[128], const struct pipe_port *p, const struct passage *way, bool egress)
{
    bool stateless = p->guard->stateless;

    if (egress && (way->first || stateless))
        snprintf(to, 128, "resubmit(,%d)", ACCEPT_OR_INGRESS);
    else if (egress)
        snprintf(to, 128, "resubmit(,%d),resubmit(,%d)", ACCEPTED_INGRESS, ACCEPT_OR_INGRESS);
    else if (stateless)
        snprintf(to, 128, "output:%d", p->ofport);
    else
        snprintf(to, 128, "%soutput:%d,resubmit(,%d)", way->first ? "ct(commit," ZONE ")," : "", p->ofport, ACCEPTED_INGRESS);
}

/* Answers of connections that are let through; what is no part of any; and the mark of those that are no longer let through. */
static void connections(struct flows *f, const struct pipe_port *p, bool egress)
{
    int table = egress ? RULES_EGRESS : RULES_INGRESS;
    g_autofree char *pass = egress ? g_strdup_printf("resubmit(,%d)", ACCEPTED_NORMAL) : g_strdup_printf("output:%d", p->ofport);

    flow(f, "table=%d,priority=50,ct_state=+inv+trk actions=resubmit(,%d)", table, DROPPED);
    flow(f, "table=%d,priority=50,ct_mark=0x1,reg5=%d actions=resubmit(,%d)", table, p->ofport, DROPPED);
    flow(f, "table=%d,priority=50,ct_state=+est-rel+rpl,ct_zone=%d,ct_mark=0x0,reg5=%d actions=%s", table, p->tag, p->ofport, pass);
    flow(f, "table=%d,priority=50,ct_state=-new-est+rel-inv,ct_zone=%d,ct_mark=0x0,reg5=%d actions=%s", table, p->tag, p->ofport, pass);
    flow(f, "table=%d,priority=40,ct_state=-est,reg5=%d actions=resubmit(,%d)", table, p->ofport, DROPPED);
    for (size_t i = 0; i < G_N_ELEMENTS(dl_types); i++)
        flow(f, "table=%d,priority=40,ct_state=+est,%s,reg5=%d actions=ct(commit," ZONE ",exec(set_field:0x1->ct_mark))", table, dl_types[i], p->ofport);
}

static bool has_ports(int protocol)
{
    return protocol == TCP || protocol == UDP || protocol == SCTP;
}

/* The more a rule says, the higher it stands, as in the original; all that rules do is let pass, so no order among them matters. */
static int height(const struct firewall_rule *r)
{
    if (r->protocol < 0)
        return 0;
    if (r->protocol == ICMP || r->protocol == ICMPV6)
        return r->low < 0 ? 1 : r->high < 0 ? 2 : 3;
    return 3;
}

/* Appends protocol, and ICMP type and code. */
static void match_protocol(struct buf *to, const struct firewall_rule *r)
{
    const char *icmp = r->family == 6 ? "icmpv6" : "icmp";

    buf_puts(to, dl_type(r->family));
    if (r->protocol >= 0)
        buf_printf(to, ",nw_proto=%d", r->protocol);
    if (r->protocol != ICMP && r->protocol != ICMPV6)
        return;
    if (r->low >= 0)
        buf_printf(to, ",%s_type=%d", icmp, r->low);
    if (r->low >= 0 && r->high >= 0)
        buf_printf(to, ",%s_code=%d", icmp, r->high);
}

/* One flow for each mask of the range (one without where it is every port), each way that a packet may stand to its connection. */
struct spread { int table, priority; const char *match; unsigned low, high; };

static void spread(struct flows *f, const struct pipe_port *p, const struct spread *s, const struct passage *way, const char *actions)
{
    struct port_mask masks[PORT_MASKS_MAX];
    size_t n = s->low == 0 && s->high == 65535 ? 0 : port_masks(s->low, s->high, masks);

    if (n == 0)
        flow(f, "table=%d,priority=%d,ct_state=%s,reg5=%d,%s actions=%s", s->table, s->priority, way->state, p->ofport, s->match, actions);
    for (size_t i = 0; i < n; i++)
        flow(f, "table=%d,priority=%d,ct_state=%s,reg5=%d,%s,tp_dst=0x%x/0x%x actions=%s", s->table, s->priority, way->state, p->ofport, s->match,
             masks[i].value, masks[i].mask, actions);
}

static void range_of(const struct firewall_rule *r, unsigned *ret_low, unsigned *ret_high)
{
    bool said = has_ports(r->protocol) && r->low >= 0;

    *ret_low = said ? (unsigned)r->low & 0xffff : 0;
    *ret_high = !said ? 65535 : r->high >= r->low ? (unsigned)MIN(r->high, 65535) : *ret_low;
}

static void plain_rule(struct flows *f, const struct pipe_port *p, const struct firewall_rule *r)
{
    struct buf match = {};
    struct spread s = { r->egress ? RULES_EGRESS : RULES_INGRESS, 74 + height(r), NULL, 0, 0 };
    const struct passage *ways;
    size_t n;

    if (r->prefix && !address_is(r->prefix, r->family))
        return;
    match_protocol(&match, r);
    if (r->prefix && !is_any(r->prefix))
        buf_printf(&match, ",%s_%s=%s", r->family == 6 ? "ipv6" : "nw", r->egress ? "dst" : "src", r->prefix);
    s.match = match.data;
    range_of(r, &s.low, &s.high);
    ways = passages(p->guard, &n);
    for (size_t i = 0; i < n; i++) {
        char actions[128];

        accepted(actions, p, &ways[i], r->egress);
        spread(f, p, &s, &ways[i], actions);
    }
    buf_clear(&match);
}

/* ---- rules with a group on the other side -------------------------------------------------------------------- */

void conjunctions_clear(struct conjunctions *all)
{
    g_clear_pointer(&all->bases, g_hash_table_unref);
    g_clear_pointer(&all->written, g_hash_table_unref);
}

static unsigned conjunction_of(struct conjunctions *all, const struct firewall_port *g, const struct firewall_rule *r)
{
    g_autofree char *key = g_strdup_printf("%s %d %d %d", r->group, r->egress, r->family, g->stateless);
    unsigned base;

    if (!all->bases)
        all->bases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    base = GPOINTER_TO_UINT(g_hash_table_lookup(all->bases, key));
    if (!base) {
        base = all->last += CONJUNCTIONS_A_BASE;
        g_hash_table_insert(all->bases, g_steal_pointer(&key), GUINT_TO_POINTER(base));
    }
    return base + 2 * (unsigned)height(r);
}

/* The members: first dimension. */
static void members(struct flows *f, const struct pipe_port *p, const struct firewall_rule *r, const struct firewall_group *group, unsigned id)
{
    const struct passage *ways;
    size_t n;

    ways = passages(p->guard, &n);
    for (size_t k = 0; group && group->ips[k]; k++)
        for (size_t i = 0; i < n && address_is(group->ips[k], r->family); i++)
            flow(f, "table=%d,priority=%d,ct_state=%s,%s,reg6=%d,%s_%s=%s actions=conjunction(%u,1/2)", r->egress ? RULES_EGRESS : RULES_INGRESS,
                 70 + height(r), ways[i].state, dl_type(r->family), p->tag, r->family == 6 ? "ipv6" : "nw", r->egress ? "dst" : "src", group->ips[k],
                 id + (unsigned)i);
}

static void both_true(struct flows *f, const struct pipe_port *p, const struct firewall_rule *r, unsigned id)
{
    const struct passage *ways;
    size_t n;

    ways = passages(p->guard, &n);
    for (size_t i = 0; i < n; i++) {
        char actions[128];

        accepted(actions, p, &ways[i], r->egress);
        flow(f, "table=%d,priority=%d,conj_id=%u,%s,reg5=%d actions=set_field:%u->reg7,%s", r->egress ? RULES_EGRESS : RULES_INGRESS, 70 + height(r),
             id + (unsigned)i, dl_type(r->family), p->ofport, id + (unsigned)i, actions);
    }
}

/* Protocol and ports: second dimension. */
static void service(struct flows *f, const struct pipe_port *p, const struct firewall_rule *r, unsigned id)
{
    struct buf match = {};
    struct spread s = { r->egress ? RULES_EGRESS : RULES_INGRESS, 70 + height(r), NULL, 0, 0 };
    const struct passage *ways;
    size_t n;

    match_protocol(&match, r);
    s.match = match.data;
    range_of(r, &s.low, &s.high);
    ways = passages(p->guard, &n);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *actions = g_strdup_printf("conjunction(%u,2/2)", id + (unsigned)i);

        spread(f, p, &s, &ways[i], actions);
    }
    buf_clear(&match);
}

/* Flows of several conjunctions may overlap: all that match a packet count. */
static void group_rule(struct flows *f, const struct pipe_port *p, const struct firewall_rule *r, const struct firewall_group *groups, size_t n,
                       struct conjunctions *all)
{
    const struct firewall_group *group = NULL;
    unsigned id = conjunction_of(all, p->guard, r);

    for (size_t i = 0; i < n && !group; i++)
        group = strcmp(groups[i].id, r->group) == 0 ? &groups[i] : NULL;
    if (g_hash_table_add(all->written, (void *)((uintptr_t)p->tag << 32 | id)))
        members(f, p, r, group, id);
    both_true(f, p, r, id);
    service(f, p, r, id);
}

/* ---- a port -------------------------------------------------------------------------------------------------- */

void guard_port(struct flows *f, const struct pipe_port *p, const struct firewall_group *groups, size_t n_groups, struct conjunctions *all)
{
    const struct firewall_port *g = p->guard;

    if (!g->guarded) {
        identify(f, p, ACCEPT_OR_INGRESS);
        flow(f, "table=%d,priority=80,reg5=%d actions=resubmit(,%d)", ACCEPT_OR_INGRESS, p->ofport, ACCEPTED_NORMAL);
        return;
    }
    identify(f, p, BASE_EGRESS);
    base_egress(f, p);
    base_ingress(f, p);
    for (int egress = 0; egress < 2 && !g->stateless; egress++)
        connections(f, p, egress);
    for (size_t i = 0; i < g->n_rules; i++) {
        if (g->rules[i].group)
            group_rule(f, p, &g->rules[i], groups, n_groups, all);
        else
            plain_rule(f, p, &g->rules[i]);
    }
}
