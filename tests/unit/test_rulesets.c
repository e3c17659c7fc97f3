/* The agents' rulesets: nft itself must take them, and the lines that matter must be in them. */
#include "neutron/agent/firewall.h"
#include "neutron/agent/nat.h"

#include <string.h>
#include <unistd.h>

static const struct firewall_rule web_rules[] = {
    { true, 4, -1, -1, -1, NULL, NULL }, { true, 6, -1, -1, -1, NULL, NULL },
    { false, 4, 6, 22, 22, NULL, NULL }, { false, 4, 1, -1, -1, "10.9.0.0/24", NULL }, { false, 4, 1, 8, 0, NULL, NULL },
    { false, 4, 17, 100, 200, NULL, "aaaaaaaa-0000-0000-0000-000000000001" }, { false, 6, 58, 128, 0, NULL, NULL },
    { false, 4, 47, -1, -1, NULL, NULL }, { false, 6, 132, 7, 9, "fd00::/8", NULL },
};
static const struct firewall_address web_addresses[] = {
    { "fa:16:3e:00:00:11", "10.9.0.11" }, { "fa:16:3e:00:00:11", "fd00::11" }, { "fa:16:3e:00:00:11", "10.9.0.64/26" },
};
static const struct firewall_port ports[] = {
    { "tap1", 1, 100, true, web_addresses, 3, web_rules, G_N_ELEMENTS(web_rules) },
    { "tap2", 2, 100, true, web_addresses, 1, NULL, 0 },
    { "tap3", 3, 101, false, NULL, 0, NULL, 0 },
};
static const char *const members[] = { "10.9.0.11", "fd00::11", NULL }, *const nobody[] = { NULL };
static const struct firewall_group groups[] = { { "aaaaaaaa-0000-0000-0000-000000000001", members }, { "bbbbbbbb-0000-0000-0000-000000000001", nobody } };

/* In a network namespace of its own (and a user namespace, for who is not root): nothing of the host is touched. */
static void nft_takes(const char *ruleset)
{
    const char *argv[] = { "unshare", geteuid() == 0 ? "-n" : "-rn", "/usr/sbin/nft", "-f", NULL, NULL };
    g_autofree char *path = NULL, *error = NULL;
    int status, fd = g_file_open_tmp("nacre-XXXXXX.nft", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, ruleset, strlen(ruleset)), ==, strlen(ruleset));
    close(fd);
    argv[4] = path;
    g_assert_true(g_spawn_sync(NULL, (char **)(void *)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &error, &status, NULL));
    if (status)
        g_test_message("%s\n%s", error, ruleset);
    g_assert_cmpint(status, ==, 0);
    unlink(path);
}

static void test_ruleset(void)
{
    struct buf text = { 0 };

    firewall_write(&text, ports, G_N_ELEMENTS(ports), groups, G_N_ELEMENTS(groups));
    g_assert_nonnull(strstr(text.data, "ether saddr != { fa:16:3e:00:00:11 } drop"));
    g_assert_nonnull(strstr(text.data, "arp saddr ip != { 10.9.0.11, 10.9.0.64/26 } drop"));
    g_assert_nonnull(strstr(text.data, "ip6 saddr fe80::f816:3eff:fe00:11 return"));
    g_assert_nonnull(strstr(text.data, "meta nfproto ipv4 ip saddr @gaaaaaaaa000000000000000000000001_4 meta l4proto 17 th dport 100-200 return"));
    g_assert_null(strstr(text.data, "from_3"));
    nft_takes(text.data);
    buf_clear(&text);
}

static void test_nothing(void)
{
    struct buf text = { 0 };

    firewall_write(&text, NULL, 0, NULL, 0);
    g_assert_null(strstr(text.data, "chain"));
    nft_takes(text.data);
    buf_clear(&text);
}

static void test_router(void)
{
    static const char *const inside[] = { "10.9.0.0/24", "fd00::/64", NULL };
    static const struct nat_floating floating[] = { { "172.31.9.50", "10.9.0.11" }, { "172.31.9.51", "10.9.0.12" } };
    struct buf text = { 0 };

    nat_write(&text, &(struct nat_router){ "qg-0123456789a", "172.31.9.2", inside, floating, 2, 9697 });
    g_assert_nonnull(strstr(text.data, "elements = { 172.31.9.50 : 10.9.0.11, 172.31.9.51 : 10.9.0.12 }"));
    g_assert_nonnull(strstr(text.data, "oifname \"qg-0123456789a\" ip saddr @inside snat to 172.31.9.2"));
    nft_takes(text.data);
    buf_clear(&text);
    nat_write(&text, &(struct nat_router){ "qg-0123456789a", NULL, inside, NULL, 0, 0 });
    g_assert_null(strstr(text.data, "@inside snat to 1"));
    nft_takes(text.data);
    buf_clear(&text);
    nat_write(&text, &(struct nat_router){ 0 });
    nft_takes(text.data);
    buf_clear(&text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/firewall/ruleset", test_ruleset);
    g_test_add_func("/firewall/nothing", test_nothing);
    g_test_add_func("/nat/router", test_router);
    return g_test_run();
}
