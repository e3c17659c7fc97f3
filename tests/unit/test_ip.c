/* Addresses and prefixes as numbers. */
#include "neutron/model/ip.h"

#include <glib.h>

static struct ctx c;

static void reads(void)
{
    struct ip ip;

    g_assert_true(ip_read("10.0.0.1", &ip));
    g_assert_true(ip.version == 4 && ip.n == 0x0a000001);
    g_assert_true(ip_read("2001:DB8::0:1", &ip));
    g_assert_cmpstr(ip_text(&c, ip), ==, "2001:db8::1");
    g_assert_false(ip_read("10.0.0.256", &ip));
    g_assert_false(ip_read("10.0.0.01", &ip));
    g_assert_false(ip_read("10.0.0.1/24", &ip));
    g_assert_false(ip_read("", &ip));
    g_assert_false(ip_read(NULL, &ip));
}

static void prefixes(void)
{
    struct cidr a, b;

    g_assert_true(cidr_read("10.1.2.3/8", &a));
    g_assert_cmpstr(cidr_text(&c, a), ==, "10.0.0.0/8");
    g_assert_true(cidr_read("10.1.0.0/255.255.0.0", &b));
    g_assert_cmpint(b.prefixlen, ==, 16);
    g_assert_true(cidr_overlaps(a, b) && cidr_contains(a, b) && !cidr_contains(b, a));
    g_assert_false(cidr_read("10.0.0.0/33", &a));
    g_assert_false(cidr_read("10.0.0.0/x", &a));
    g_assert_true(cidr_read("2001:db8::/32", &b));
    g_assert_true(cidr_read("0.0.0.0/0", &a));
    g_assert_false(cidr_overlaps(a, b));
    g_assert_true(cidr_read("::/0", &a));
    g_assert_true(cidr_overlaps(a, b) && cidr_last(a) == ~(ip_number)0);
    g_assert_true(cidr_is_canonical("10.0.0.0/8"));
    g_assert_false(cidr_is_canonical("10.0.0.1/8"));
}

static void merges(void)
{
    static const char *const texts[] = { "10.0.1.0/24", "10.0.0.0/24", "10.0.2.0/23", "10.0.0.7/32", "192.168.0.0/24" };
    struct cidr list[G_N_ELEMENTS(texts)], *out;
    size_t n;

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_true(cidr_read(texts[i], &list[i]));
    out = cidr_merge(&c, list, G_N_ELEMENTS(texts), &n);
    g_assert_cmpuint(n, ==, 2);
    g_assert_cmpstr(cidr_text(&c, out[0]), ==, "10.0.0.0/22");
    g_assert_cmpstr(cidr_text(&c, out[1]), ==, "192.168.0.0/24");
}

static void macs(void)
{
    struct cidr prefix;

    g_assert_true(mac_is("FA-16-3E-00-00-01"));
    g_assert_cmpstr(mac_canonical(&c, "FA-16-3E-00-00-01"), ==, "fa:16:3e:00:00:01");
    g_assert_false(mac_is("fa:16:3e:00:00"));
    g_assert_false(mac_is("00:00:00:00:00:00"));
    g_assert_true(g_str_has_prefix(mac_random(&c), "fa:16:3e:"));
    g_assert_true(cidr_read("2001:db8::/64", &prefix));
    g_assert_cmpstr(ip_text(&c, eui64(prefix, "fa:16:3e:12:34:56")), ==, "2001:db8::f816:3eff:fe12:3456");
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    g_test_add_func("/ip/reads", reads);
    g_test_add_func("/ip/prefixes", prefixes);
    g_test_add_func("/ip/merges", merges);
    g_test_add_func("/ip/macs", macs);
    status = g_test_run();
    ctx_clear(&c);
    return status;
}
