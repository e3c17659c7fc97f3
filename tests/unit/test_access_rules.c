/* The paths that access rules stand for. */
#include "oslo/auth/access_rules.h"

static void test_paths(void)
{
    static const struct { const char *pattern, *path; bool matches; } cases[] = {
        { "/v2.1/servers", "/v2.1/servers", true }, { "/v2.1/servers", "/v2.1/servers/", false }, { "/v2.1/servers", "/v2.1/server", false },
        { "/v2.1/servers", "/v2x1/servers", false }, { "/v2.1/servers/{id}", "/v2.1/servers/1", true },
        { "/v2.1/servers/{id}", "/v2.1/servers/", false }, { "/v2.1/servers/{id}", "/v2.1/servers/1/ips", false },
        { "/v2.1/servers/{server_id}/ips", "/v2.1/servers/1/ips", true }, { "/v2.1/servers/*/ips", "/v2.1/servers/1/ips", true },
        { "/v2.1/servers/*/ips", "/v2.1/servers/1/2/ips", false }, { "/v2.1/**", "/v2.1/servers/1/2/ips", true }, { "/v2.1/**", "/v2.1/", true },
        { "**", "", true }, { "*", "", false }, { "*", "a", true }, { "***", "a/b", true }, { "/**/x/**", "/a/b/x/c", true },
        { "/**/x/**", "/a/b/y/c", false }, { "/a*b", "/aXb", true }, { "/a*b", "/ab", false }, { "/{a", "/a", true }, { "", "", true }, { "", "/", false },
    };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        bool matches = access_path_matches(&c, cases[i].pattern, cases[i].path);

        if (matches != cases[i].matches)
            g_test_message("%s %s", cases[i].pattern, cases[i].path);
        g_assert_cmpint(matches, ==, cases[i].matches);
    }
    ctx_clear(&c);
}

static void test_rules(void)
{
    static const char rules[] = "[{\"id\": \"x\", \"service\": \"compute\", \"method\": \"GET\", \"path\": \"/v2.1/servers\"},"
        " {\"id\": \"y\", \"service\": \"identity\", \"method\": null, \"path\": null}]";
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(access_rules_allow(&c, rules, "compute", "GET", "/v2.1/servers"));
    g_assert_false(access_rules_allow(&c, rules, "compute", "POST", "/v2.1/servers"));
    g_assert_false(access_rules_allow(&c, rules, "network", "GET", "/v2.1/servers"));
    g_assert_false(access_rules_allow(&c, rules, "identity", "GET", "/v3/users"));
    g_assert_true(access_rules_allow(&c, "[]", "identity", "GET", "/v3/auth/tokens"));
    g_assert_false(access_rules_allow(&c, "[]", "identity", "DELETE", "/v3/auth/tokens"));
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/access_rules/paths", test_paths);
    g_test_add_func("/access_rules/rules", test_rules);
    return g_test_run();
}
