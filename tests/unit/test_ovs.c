/* Open vSwitch's data path where it is text: ranges of ports as masks, flows of the pipeline (which ovs-ofctl itself must take), their
 * difference, and the cutting of JSON out of a stream.
 */
#include "neutron/agent/ovs/masks.h"
#include "neutron/agent/ovs/pipeline.h"
#include "neutron/agent/ovs/stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ONE "aaaaaaaa-0000-0000-0000-000000000001"
#define TWO "bbbbbbbb-0000-0000-0000-000000000001"

/* ---- masks --------------------------------------------------------------------------------------------------- */

static bool in_masks(const struct port_mask *masks, size_t n, unsigned port)
{
    for (size_t i = 0; i < n; i++)
        if ((port & masks[i].mask) == masks[i].value)
            return true;
    return false;
}

static void test_masks(void)
{
    static const struct { unsigned low, high; size_t n; } ranges[] = {
        { 80, 80, 1 }, { 0, 65535, 1 }, { 1, 65535, 16 }, { 1, 65534, 30 }, { 1000, 1999, 7 }, { 32768, 65535, 1 }, { 65535, 65535, 1 }, { 5, 12, 4 },
    };
    struct port_mask masks[PORT_MASKS_MAX];

    for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
        size_t n = port_masks(ranges[i].low, ranges[i].high, masks);

        g_assert_cmpuint(n, ==, ranges[i].n);
        for (unsigned port = 0; port < 65536; port++)
            g_assert_cmpint(in_masks(masks, n, port), ==, port >= ranges[i].low && port <= ranges[i].high);
    }
}

/* ---- flows --------------------------------------------------------------------------------------------------- */

static const struct firewall_rule rules[] = {
    { true, 4, -1, -1, -1, NULL, NULL }, { true, 6, -1, -1, -1, NULL, NULL }, { false, 4, 6, 22, 22, NULL, NULL },
    { false, 4, 6, 1000, 1999, "10.9.0.0/24", NULL }, { false, 4, 1, 8, 0, NULL, NULL }, { false, 6, 58, 128, -1, NULL, NULL },
    { false, 4, 17, -1, -1, NULL, ONE }, { false, 4, 17, 53, 53, NULL, TWO }, { false, 6, -1, -1, -1, NULL, ONE }, { false, 4, 47, -1, -1, NULL, NULL },
    { false, 4, 132, 7, 9, "0.0.0.0/0", NULL }, { true, 4, 6, 443, 443, "not-an-address", NULL },
};
static const struct firewall_address addresses[] = {
    { "fa:16:3e:00:00:11", "10.9.0.11" }, { "fa:16:3e:00:00:11", "fd00::11" }, { "fa:16:3e:00:00:99", "10.9.0.64/26" }, { "fa:16:3e:00:00:11", "not-an-address" },
};
static const char *const members[] = { "10.9.0.11", "fd00::11", "10.9.0.12", "nobody", NULL }, *const others[] = { "10.9.0.12", NULL };
static const struct firewall_group groups[] = { { ONE, members }, { TWO, others } };
static const struct firewall_port guards[] = {
    { "tap1", 1, 1, true, addresses, G_N_ELEMENTS(addresses), rules, G_N_ELEMENTS(rules), "p1", false },
    { "tap2", 2, 1, true, addresses, 1, rules, G_N_ELEMENTS(rules), "p2", true },
    { "tap3", 3, 1, false, NULL, 0, NULL, 0, "p3", false },
};
static const struct pipe_port ports[] = {
    { 11, 5, true, &guards[0] }, { 12, 5, true, &guards[1] }, { 13, 6, true, &guards[2] }, { 14, 4095, false, NULL },
};
static const struct pipe_network networks[] = { { 5, 105, 1, 1, "br-ex" }, { 6, -1, 1, 1, "br-ex" } };

/* ovs-ofctl reads and understands all of them. */
static void ofctl_takes(const struct flows *f)
{
    struct buf lines = {};
    g_autofree char *path = NULL, *error = NULL;
    int status, fd = g_file_open_tmp("nacre-XXXXXX.flows", &path, NULL);

    flows_difference(&lines, NULL, f);
    g_assert_cmpint(write(fd, lines.data, lines.len), ==, (ssize_t)lines.len);
    close(fd);
    if (access("/usr/bin/ovs-ofctl", X_OK) == 0) {
        g_assert_true(g_spawn_sync(NULL, (char *[]){ (char[]){ "/usr/bin/ovs-ofctl" }, (char[]){ "-O" }, (char[]){ "OpenFlow15" }, (char[]){ "parse-flows" },
                                   path, NULL }, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &error, &status, NULL));
        if (status)
            g_test_message("%s\n%s", error, lines.data);
        g_assert_cmpint(status, ==, 0);
    }
    unlink(path);
    buf_clear(&lines);
}

static const char *actions(const struct flows *f, const char *match)
{
    const char *found = g_hash_table_lookup(f->actions, match);

    if (!found)
        g_test_message("no flow %s", match);
    return found;
}

static void integrate(struct flows *f, size_t n_ports, struct conjunctions *all)
{
    const struct pipe_integration in = { ports, n_ports, networks, G_N_ELEMENTS(networks), (const int[]){ 1 }, 1, groups, G_N_ELEMENTS(groups) };

    flows_init(f);
    integration_flows(f, &in, all);
}

static void test_integration(void)
{
    struct conjunctions all = {};
    GHashTableIter i;
    struct flows f;
    void *match;

    integrate(&f, G_N_ELEMENTS(ports), &all);
    ofctl_takes(&f);
    g_assert_cmpstr(actions(&f, "table=0,priority=2,in_port=14"), ==, "drop");
    g_assert_cmpstr(actions(&f, "table=0,priority=2,in_port=1"), ==, "drop");
    g_assert_cmpstr(actions(&f, "table=0,priority=3,in_port=1,dl_vlan=105"), ==, "set_field:4101->vlan_vid,goto_table:59");
    g_assert_cmpstr(actions(&f, "table=0,priority=3,in_port=1,vlan_tci=0x0000/0x1fff"), ==, "push_vlan:0x8100,set_field:4102->vlan_vid,goto_table:59");
    g_assert_cmpstr(actions(&f, "table=60,priority=100,in_port=11"), ==, "set_field:11->reg5,set_field:5->reg6,resubmit(,71)");
    g_assert_cmpstr(actions(&f, "table=60,priority=100,in_port=13"), ==, "set_field:13->reg5,set_field:6->reg6,resubmit(,73)");
    /* Its own addresses, in no other's name. */
    g_assert_cmpstr(actions(&f, "table=71,priority=95,in_port=11,reg5=11,dl_src=fa:16:3e:00:00:11,arp,arp_spa=10.9.0.11"), ==, "resubmit(,94)");
    g_assert_nonnull(actions(&f, "table=71,priority=65,in_port=11,reg5=11,dl_src=fa:16:3e:00:00:99,ip,nw_src=10.9.0.64/26"));
    g_assert_nonnull(actions(&f, "table=71,priority=65,in_port=11,reg5=11,dl_src=fa:16:3e:00:00:11,ipv6,ipv6_src=fe80::f816:3eff:fe00:11"));
    g_assert_cmpstr(actions(&f, "table=71,priority=70,in_port=11,reg5=11,udp,tp_src=67,tp_dst=68"), ==, "resubmit(,93)");
    /* A rule, and where it says nothing of connections. */
    g_assert_cmpstr(actions(&f, "table=82,priority=77,ct_state=+new-est,reg5=11,dl_type=0x0800,nw_proto=6,tp_dst=0x16/0xffff"), ==,
                    "ct(commit,zone=NXM_NX_REG6[0..15]),output:11,resubmit(,92)");
    g_assert_nonnull(actions(&f, "table=82,priority=77,ct_state=+est-rel-rpl,reg5=11,dl_type=0x0800,nw_proto=6,nw_src=10.9.0.0/24,tp_dst=0x400/0xfe00"));
    g_assert_nonnull(actions(&f, "table=82,priority=77,ct_state=-trk,reg5=12,dl_type=0x0800,nw_proto=6,tp_dst=0x16/0xffff"));
    g_assert_nonnull(actions(&f, "table=82,priority=76,ct_state=+new-est,reg5=11,dl_type=0x86dd,nw_proto=58,icmpv6_type=128"));
    g_hash_table_iter_init(&i, f.actions);
    while (g_hash_table_iter_next(&i, &match, NULL)) {
        g_assert_null(strstr(match, "not-an-address"));
        g_assert_null(strstr(match, "nobody"));
        g_assert_false(strstr(match, "reg5=12") && strstr(match, "ct_state=+est"));
    }
    flows_clear(&f);
    conjunctions_clear(&all);
}

/* Each rule has its number; a member of both groups stands for both. */
static void test_conjunctions(void)
{
    struct conjunctions all = {};
    struct flows f, again;
    struct buf lines = {};
    unsigned one, two, first, second;

    integrate(&f, 1, &all);
    g_assert_cmpint(sscanf(actions(&f, "table=82,priority=73,ct_state=+new-est,reg5=11,dl_type=0x0800,nw_proto=17"), "conjunction(%u,2/2)", &one), ==, 1);
    g_assert_cmpint(sscanf(actions(&f, "table=82,priority=73,ct_state=+new-est,reg5=11,dl_type=0x0800,nw_proto=17,tp_dst=0x35/0xffff"),
                           "conjunction(%u,2/2)", &two), ==, 1);
    g_assert_cmpuint(one % 8, ==, 7);                /* of the highest of four heights, the second way */
    g_assert_cmpuint(two % 8, ==, 7);
    g_assert_cmpuint(one, !=, two);
    g_assert_cmpint(sscanf(actions(&f, "table=82,priority=73,ct_state=+new-est,dl_type=0x0800,reg6=5,nw_src=10.9.0.12"),
                           "conjunction(%u,1/2),conjunction(%u,1/2)", &first, &second), ==, 2);
    g_assert_true((first == one && second == two) || (first == two && second == one));
    g_assert_cmpint(sscanf(actions(&f, "table=82,priority=73,ct_state=+new-est,dl_type=0x0800,reg6=5,nw_src=10.9.0.11"),
                           "conjunction(%u,1/2),conjunction(%u,1/2)", &first, &second), ==, 1);
    g_assert_cmpuint(first, ==, one);
    /* Numbers are kept: the same again is no difference. */
    integrate(&again, 1, &all);
    flows_difference(&lines, &f, &again);
    g_assert_cmpuint(lines.len, ==, 0);
    flows_clear(&f);
    flows_clear(&again);
    conjunctions_clear(&all);
}

static void test_difference(void)
{
    struct flows old, now;
    struct buf lines = {};

    flows_init(&old);
    flows_init(&now);
    flow(&old, "table=0,priority=1,in_port=%d actions=drop", 1);
    flow(&old, "table=0,priority=1,in_port=%d actions=drop", 2);
    flow(&now, "table=0,priority=1,in_port=%d actions=NORMAL", 2);
    flows_difference(&lines, &old, &now);
    g_assert_cmpstr(lines.data, ==, "cookie=" FLOW_COOKIE ",table=0,priority=1,in_port=2 actions=NORMAL\ndelete_strict table=0,priority=1,in_port=1\n");
    buf_clear(&lines);
    flows_clear(&old);
    flows_clear(&now);
}

static void test_tunnels(void)
{
    static const struct pipe_remote remotes[] = { { "fa:16:3e:00:00:21", "10.9.0.21", 7 }, { "fa:16:3e:00:00:22", "fd00::22", 8 } };
    const struct pipe_tunneled tunneled[] = { { 5, 42, (const int[]){ 7, 8 }, 2, remotes, 2 } };
    const struct pipe_tunnels t = { 1, (const int[]){ 7, 8 }, 2, tunneled, 1, true };
    struct flows f;

    flows_init(&f);
    tunnel_flows(&f, &t);
    provider_flows(&f, "br-ex", 9, networks, G_N_ELEMENTS(networks));
    ofctl_takes(&f);
    g_assert_cmpstr(actions(&f, "table=4,priority=1,tun_id=0x2a"), ==, "push_vlan:0x8100,set_field:4101->vlan_vid,resubmit(,10)");
    g_assert_cmpstr(actions(&f, "table=22,priority=1,dl_vlan=5"), ==, "pop_vlan,set_field:0x2a->tun_id,output:7,output:8");
    g_assert_cmpstr(actions(&f, "table=20,priority=2,dl_vlan=5,dl_dst=fa:16:3e:00:00:22"), ==, "pop_vlan,set_field:0x2a->tun_id,output:8");
    g_assert_nonnull(actions(&f, "table=21,priority=1,arp,dl_vlan=5,arp_tpa=10.9.0.21,arp_op=1"));
    g_assert_cmpstr(actions(&f, "table=0,priority=4,in_port=9,dl_vlan=5"), ==, "set_field:4201->vlan_vid,NORMAL");
    g_assert_cmpstr(actions(&f, "table=0,priority=4,in_port=9,dl_vlan=6"), ==, "pop_vlan,NORMAL");
    flows_clear(&f);
}

/* ---- stream -------------------------------------------------------------------------------------------------- */

static void take(json_t *message, void *data)
{
    g_string_append_printf(data, "%d;", (int)json_integer_value(json_object_get(message, "n")));
}

static void test_stream(void)
{
    static const char text[] = "{\"n\": 1, \"s\": \"}\\\"{\"}{\"n\":2}\n [{\"n\":3}] {\"n\":[4]}{\"n\":5";

    for (size_t piece = 1; piece < sizeof(text); piece++) {
        struct json_stream s = {};
        GString *got = g_string_new("");

        for (size_t at = 0; at < strlen(text); at += piece)
            g_assert_true(json_stream_feed(&s, text + at, MIN(piece, strlen(text) - at), take, got));
        g_assert_cmpstr(got->str, ==, "1;2;0;0;");
        g_assert_true(json_stream_feed(&s, "}", 1, take, got));
        g_assert_cmpstr(got->str, ==, "1;2;0;0;5;");
        json_stream_clear(&s);
        g_string_free(got, TRUE);
    }
    for (const char *const *bad = (const char *const[]){ "}", "x", "\"s\"", "{]", "{x}", NULL }; *bad; bad++) {
        struct json_stream s = {};
        GString *got = g_string_new("");

        g_assert_false(json_stream_feed(&s, *bad, strlen(*bad), take, got));
        json_stream_clear(&s);
        g_string_free(got, TRUE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ovs/masks", test_masks);
    g_test_add_func("/ovs/integration", test_integration);
    g_test_add_func("/ovs/conjunctions", test_conjunctions);
    g_test_add_func("/ovs/difference", test_difference);
    g_test_add_func("/ovs/tunnels", test_tunnels);
    g_test_add_func("/ovs/stream", test_stream);
    return g_test_run();
}
