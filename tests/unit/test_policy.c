/* The rule language of oslo.policy, as its users write it. */
#include <glib/gstdio.h>
#include <string.h>

#include "oslo/auth/policy.h"

static const char *const reader_roles[] = { "reader", "Member", NULL };

static const struct identity alice = {
    .user_id = "alice", .project_id = "p1", .user_domain_id = "default", .roles = reader_roles,
};

static bool says(const char *rule, const struct policy_target *target)
{
    struct ctx c;
    bool allowed = false;

    ctx_init(&c, NULL, NULL);
    c.who = alice;
    g_assert_true(policies_evaluate(&c, NULL, rule, target, &allowed));
    ctx_clear(&c);
    return allowed;
}

static void test_words(void)
{
    g_assert_true(says("", NULL));
    g_assert_true(says("@", NULL));
    g_assert_false(says("!", NULL));
    g_assert_true(says("not !", NULL));
    g_assert_true(says("role:READER and role:member", NULL));
    g_assert_false(says("role:admin", NULL));
    g_assert_true(says("role:admin or role:reader and role:member", NULL));
    g_assert_false(says("(role:admin or role:reader) and role:admin", NULL));
    g_assert_true(says("((role:reader) AND (not role:admin))", NULL));
    g_assert_true(says("not not role:reader", NULL));
    g_assert_false(says("unheard_of:x", NULL));
}

static void test_targets(void)
{
    g_assert_true(says("project_id:%(project_id)s", NULL));
    g_assert_true(says("user_id:%(target.user.id)s", TARGET("target.user.id", "alice")));
    g_assert_false(says("user_id:%(target.user.id)s", TARGET("target.user.id", "bob")));
    g_assert_false(says("user_id:%(target.user.id)s", TARGET("other", "alice")));
    g_assert_true(says("'public':%(visibility)s", TARGET("visibility", "public")));
    g_assert_true(says("None:%(domain_id)s", TARGET("domain_id", NULL)));
    g_assert_true(says("domain_id:%(domain_id)s", TARGET("domain_id", NULL)));
    g_assert_false(says("system_scope:all", NULL));
    g_assert_true(says("role:re%(x)sr", TARGET("x", "ade")));
    g_assert_false(says("role:re%(x)s", TARGET("x", "ade")));
    g_assert_true(says("is_admin:False", NULL));
    g_assert_true(says("roles:reader", NULL));
}

struct thing {
    char *project_id;
    bool shared;
    int64_t size;
    char *device_owner;
};
static const struct attr thing_attrs[] = {
    ATTR(struct thing, project_id, OWNER),
    ATTR(struct thing, shared, CREATE),
    ATTR(struct thing, size, CREATE),
    ATTR(struct thing, device_owner, CREATE),
    {}
};

static void test_records(void)
{
    char project[] = "p1", owner[] = "network:dhcp";
    struct thing thing = { .project_id = project, .shared = true, .size = 7, .device_owner = owner };
    const struct policy_target *target = TARGET_RECORD(thing_attrs, &thing);

    g_assert_true(says("tenant_id:%(tenant_id)s", target));
    g_assert_true(says("True:%(shared)s", target));
    g_assert_true(says("project_id:%(target.thing.project_id)s", target));
    g_assert_false(says("project_id:%(target.thing.domain.project_id)s", target));
    g_assert_true(says("7:%(size)s", target));
    g_assert_true(says("field:things:shared=True", target));
    g_assert_false(says("field:things:shared=False", target));
    g_assert_false(says("field:things:missing=True", target));
    g_assert_true(says("field:port:device_owner=~^network:", target));
    g_assert_false(says("field:port:device_owner=~^compute:", target));
}

static void test_unreadable(void)
{
    static const char *const bad[] = { "role:a role:b", "(role:a", "role:a)", "and", "not", "role:a or", "word", "field:x", NULL };
    struct ctx c;
    bool allowed;

    for (const char *const *rule = bad; *rule; rule++) {
        ctx_init(&c, NULL, NULL);
        g_assert_false(policies_evaluate(&c, NULL, *rule, NULL, &allowed));
        g_assert_cmpint(c.fault.status, ==, 500);
        g_assert_nonnull(strstr(c.fault.message, *rule));
        ctx_clear(&c);
    }
    g_autofree char *deep = g_strnfill(100000, '(');
    ctx_init(&c, NULL, NULL);
    g_assert_false(policies_evaluate(&c, NULL, deep, NULL, &allowed));
    ctx_clear(&c);
}

static const struct policy defaults[] = {
    { "admin_required", "role:admin" },
    { "owner", "user_id:%(user_id)s" },
    { "admin_or_owner", "rule:admin_required or rule:owner" },
    { "list_things", "rule:admin_or_owner", "system,project" },
    { "make_things", "rule:admin_required" },
    { "broken_link", "rule:nowhere" },
    {}
};

static void test_load(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct policies *policies = policies_load(&c, defaults, NULL);
    g_assert_nonnull(policies);
    g_assert_true(policies_allow(policies, "list_things", &alice, NULL));
    g_assert_false(policies_allow(policies, "list_things", &alice, TARGET("user_id", "bob")));
    g_assert_false(policies_allow(policies, "make_things", &alice, NULL));
    g_assert_false(policies_allow(policies, "broken_link", &alice, NULL));
    g_assert_false(policies_allow(policies, "unknown", &alice, NULL));
    g_assert_false(policies_know(policies, "unknown"));
    policies_free(policies);
    ctx_clear(&c);
}

/* Loads the defaults with a file of that text over them. */
static struct policies *load_with(struct ctx *c, const char *text)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("policy-XXXXXX", &path, NULL);

    g_assert_true(fd >= 0 && g_file_set_contents(path, text, -1, NULL));
    struct policies *policies = policies_load(c, defaults, path);
    g_unlink(path);
    g_close(fd, NULL);
    return policies;
}

static void test_overrides(void)
{
    static const char *const files[] = {
        "# a comment\nmake_things: \"role:reader\"\nnew: '@'\ndefault: rule:make_things\n",
        "{\"make_things\": \"role:reader\", \"new\": [], \"default\": [[\"role:reader\", \"role:member\"], [\"role:x\"]]}",
    };
    struct ctx c;

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        ctx_init(&c, NULL, NULL);
        struct policies *policies = load_with(&c, files[i]);
        g_assert_nonnull(policies);
        g_assert_true(policies_allow(policies, "make_things", &alice, NULL));
        g_assert_true(policies_allow(policies, "new", &alice, NULL));
        g_assert_true(policies_allow(policies, "unknown", &alice, NULL));
        g_assert_true(policies_allow(policies, "broken_link", &alice, NULL));
        policies_free(policies);
        ctx_clear(&c);
    }
}

static void test_bad_files(void)
{
    static const char *const files[] = { "- a\n- b\n", "a: {b: c}\n", "a: \"b", "a: rule:b\nb: rule:a\n", "a: role:x role:y\n" };
    struct ctx c;

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        ctx_init(&c, NULL, NULL);
        g_assert_null(load_with(&c, files[i]));
        g_assert_cmpint(c.fault.status, ==, 500);
        ctx_clear(&c);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy/words", test_words);
    g_test_add_func("/policy/targets", test_targets);
    g_test_add_func("/policy/records", test_records);
    g_test_add_func("/policy/unreadable", test_unreadable);
    g_test_add_func("/policy/load", test_load);
    g_test_add_func("/policy/overrides", test_overrides);
    g_test_add_func("/policy/bad-files", test_bad_files);
    return g_test_run();
}
