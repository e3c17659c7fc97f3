/* The rule language of mappings: what each condition and substitution makes of an assertion, and what a body has wrong. */
#include "keystone/federation/mapping.h"

#include <string.h>

static struct ctx c;

static json_t *tree(const char *text)
{
    json_t *json = ctx_json(&c, json_loads(text, JSON_DECODE_ANY, NULL));

    g_assert_nonnull(json);
    return json;
}

static bool apply(const char *rules, const struct pair *assertion, struct mapped *ret_mapped)
{
    json_t *body = ctx_json(&c, json_pack("{s:O}", "rules", tree(rules)));

    fault_clear(&c);
    g_assert_true(mapping_judge(&c, body));
    return mapping_apply(&c, "m", json_object_get(body, "rules"), assertion, ret_mapped);
}

#define PAIRS(...) ((const struct pair[]){ __VA_ARGS__, {} })

/* "name id,id name@domain" of what the rules make of the assertion; "400" or "500" for a fault. */
static const char *said(const char *rules, const struct pair *assertion)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct mapped m;

    if (!apply(rules, assertion, &m))
        return ctx_printf(&c, "%d", c.fault.status);
    g_string_append_printf(text, "%s%s%s", m.local ? "local:" : "", m.name ? m.name : "-", m.id ? ctx_printf(&c, "#%s", m.id) : "");
    for (const char *const *id = m.group_ids; *id; id++)
        g_string_append_printf(text, " %s", *id);
    for (const struct mapped_group *g = m.groups; g->name; g++)
        g_string_append_printf(text, " %s@%s", g->name, g->domain_name ? g->domain_name : g->domain_id);
    return ctx_strdup(&c, text->str);
}

#define USER "{\"user\": {\"name\": \"{0}\"}}"
#define RULE(local, remote) "[{\"local\": [" local "], \"remote\": [" remote "]}]"

static void test_conditions(void)
{
    static const struct { const char *condition, *answer; } cases[] = {
        { "{\"type\": \"Team\", \"any_one_of\": [\"b\", \"x\"]}", "jo" },
        { "{\"type\": \"Team\", \"any_one_of\": [\"x\"]}", "400" },
        { "{\"type\": \"Team\", \"not_any_of\": [\"x\"]}", "jo" },
        { "{\"type\": \"Team\", \"not_any_of\": [\"a\"]}", "400" },
        { "{\"type\": \"Team\", \"any_one_of\": [\"^aa*$\"], \"regex\": true}", "jo" },
        { "{\"type\": \"Team\", \"any_one_of\": [\"^aa*$\"], \"regex\": false}", "400" },
        { "{\"type\": \"Team\", \"not_any_of\": [\"c\"], \"regex\": true}", "jo" },
        { "{\"type\": \"Team\", \"any_one_of\": [\"(\"], \"regex\": true}", "500" },
        { "{\"type\": \"Team\", \"any_one_of\": []}", "400" },
        { "{\"type\": \"Team\", \"not_any_of\": []}", "jo" },
        { "{\"type\": \"Nothing\"}", "400" },
        { "{\"type\": \"Nothing\", \"not_any_of\": [\"x\"]}", "400" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *rules = ctx_printf(&c, RULE(USER, "{\"type\": \"User\"}, %s"), cases[i].condition);

        g_assert_cmpstr(said(rules, PAIRS({ "User", "jo" }, { "Team", "a;b" })), ==, cases[i].answer);
    }
}

/* One value stands for itself, several for a list in Python's notation, which "groups" and "group_ids" read. */
static void test_lists(void)
{
    static const struct { const char *condition, *teams, *answer; } cases[] = {
        { "{\"type\": \"Team\"}", "a", "jo a@d" },
        { "{\"type\": \"Team\"}", "a;b;it's", "jo a@d b@d it's@d" },
        { "{\"type\": \"Team\", \"whitelist\": [\"b\", \"c\"]}", "a;b;c;b", "jo b@d c@d" },
        { "{\"type\": \"Team\", \"blacklist\": [\"b\", \"c\"]}", "a;b;c;d", "jo a@d d@d" },
        { "{\"type\": \"Team\", \"whitelist\": [\"^x\"], \"regex\": true}", "xa;b;xc", "jo xa@d xc@d" },
        { "{\"type\": \"Team\", \"blacklist\": [\"^x\"], \"regex\": true}", "xa;b;xc", "jo b@d" },
        { "{\"type\": \"Team\", \"whitelist\": [\"z\"]}", "a", "jo" },
        { "{\"type\": \"Team\"}", "12", "jo 12@d" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *rules = ctx_printf(&c, RULE(USER ", {\"groups\": \"{1}\", \"domain\": {\"name\": \"d\"}}", "{\"type\": \"User\"}, %s"),
                                       cases[i].condition);

        g_assert_cmpstr(said(rules, PAIRS({ "User", "jo" }, { "Team", cases[i].teams })), ==, cases[i].answer);
    }
    g_assert_cmpstr(said(RULE(USER ", {\"group_ids\": \"{1}\"}, {\"group\": {\"id\": \"one\"}}", "{\"type\": \"User\"}, {\"type\": \"Ids\"}"),
                         PAIRS({ "User", "jo" }, { "Ids", "one;two" })), ==, "jo one two");
    g_assert_cmpstr(said(RULE(USER ", {\"groups\": \"{1}\"}", "{\"type\": \"User\"}, {\"type\": \"Team\"}"),
                         PAIRS({ "User", "jo" }, { "Team", "a" })), ==, "400");
    g_assert_cmpstr(said(RULE(USER ", {\"groups\": \"{1}\"}", "{\"type\": \"User\"}, {\"type\": \"openstack_groups\"}"),
                         PAIRS({ "User", "jo" }, { "openstack_groups",
                               "JSON:{\"name\":\"a\",\"domain\":{\"name\":\"D\"}};JSON:{\"name\":\"b\",\"domain\":{\"id\":\"e\"}}" })),
                    ==, "jo a@D b@e");
}

static void test_substitutions(void)
{
    static const struct { const char *name, *answer; } cases[] = {
        { "{0} {1}", "jo doe" }, { "{1}{0}", "doejo" }, { "{} {}", "jo doe" }, { "{{{0}}}", "{jo}" }, { "plain", "plain" },
        { "{2}", "500" }, { "{name}", "500" }, { "{", "500" }, { "}", "500" }, { "{0", "500" }, { "{99999999999999999999999}", "500" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *rules = ctx_printf(&c, RULE("{\"user\": {\"name\": \"%s\"}}", "{\"type\": \"First\"}, {\"type\": \"Last\"}"), cases[i].name);

        g_assert_cmpstr(said(rules, PAIRS({ "First", "jo" }, { "Last", "doe" })), ==, cases[i].answer);
    }
    g_assert_cmpstr(said(RULE(USER, "{\"type\": \"User\"}"), PAIRS({ "User", "a;b" })), ==, "['a', 'b']");
}

static void test_users(void)
{
    struct mapped m;

    g_assert_cmpstr(said(RULE("{\"user\": {\"name\": \"{0}\", \"id\": \"7\", \"type\": \"local\", \"domain\": {\"id\": \"d\"}}}", "{\"type\": \"U\"}"),
                         PAIRS({ "U", "jo" })), ==, "local:jo#7");
    g_assert_true(apply(RULE("{\"user\": {\"name\": \"{0}\", \"email\": \"{1}\"}}, {\"projects\": [{\"name\": \"of {0}\", \"roles\": [{\"name\": \"member\"}]}]}",
                             "{\"type\": \"U\"}, {\"type\": \"E\"}"), PAIRS({ "U", "jo" }, { "E", "jo@x" }), &m));
    g_assert_cmpstr(m.email, ==, "jo@x");
    g_assert_cmpstr(json_get_string(json_array_get(m.projects, 0), "name"), ==, "of jo");
    /* the first rule that names the user is the one; groups add up */
    g_assert_cmpstr(said("[{\"local\": [{\"user\": {\"name\": \"a\"}}, {\"group\": {\"id\": \"1\"}}], \"remote\": [{\"type\": \"U\"}]},"
                         " {\"local\": [{\"user\": {\"name\": \"b\"}}, {\"group\": {\"id\": \"2\"}}], \"remote\": [{\"type\": \"U\"}]}]",
                         PAIRS({ "U", "jo" })), ==, "a 1 2");
}

static void test_bodies(void)
{
    static const struct { const char *body, *message; } cases[] = {
        { "{}", "'rules' is a required property\n" },
        { "[]", "[] is not of type 'object'\n" },
        { "{\"rules\": []}", "[] is too short\n" },
        { "{\"rules\": 3}", "3 is not of type 'array'\n" },
        { "{\"rules\": [{}]}", "'local' is a required property\n'remote' is a required property\n" },
        { "{\"rules\": [{\"local\": [{}], \"remote\": [], \"x\": 1}]}",
          "Additional properties are not allowed ('x' was unexpected)\n[] is too short\n" },
        { "{\"rules\": [{\"local\": [{\"user\": {\"type\": \"odd\", \"a\": 1, \"b\": 2}}], \"remote\": [{\"type\": \"t\"}]}]}",
          "'odd' is not one of ['ephemeral', 'local']\nAdditional properties are not allowed ('a', 'b' were unexpected)\n" },
        { "{\"rules\": [{\"local\": [{\"group\": {\"name\": \"x\"}}], \"remote\": [{\"any_one_of\": []}]}]}",
          "{'any_one_of': []} is not valid under any of the given schemas\n{'name': 'x'} is not valid under any of the given schemas\n" },
        { "{\"rules\": [{\"local\": [{\"projects\": [{\"name\": \"x\"}]}], \"remote\": [{\"type\": \"t\"}]}]}", "'roles' is a required property\n" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        fault_clear(&c);
        g_assert_false(mapping_judge(&c, tree(cases[i].body)));
        g_assert_cmpint(c.fault.status, ==, 400);
        g_assert_cmpstr(c.fault.message, ==, cases[i].message);
    }
    fault_clear(&c);
    g_assert_true(mapping_judge(&c, tree("{\"rules\": [{\"local\": [], \"remote\": [{\"type\": \"t\"}]}], \"schema_version\": \"1.0\"}")));
}

static void test_python_lists(void)
{
    static const struct { const char *text, *items; } cases[] = {
        { "['a', \"b\", 'it\\'s']", "a|b|it's" }, { "[]", "" }, { "[1, -2.5]", "1|-2.5" }, { "['a',]", "a" }, { " [ 'a' ] ", "a" },
        { "['\\x41\\u00e9\\n']", "A\303\251\n" }, { "a", "a" }, { "['a'", "['a'" }, { "['a' 'b']", "['a' 'b']" }, { "[a]", "[a]" },
        { "['a'] x", "['a'] x" }, { "", "" }, { "['\\q']", "['\\q']" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *joined = g_strjoinv("|", (char **)(void *)python_list_read(&c, cases[i].text));

        g_assert_cmpstr(joined, ==, cases[i].items);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    g_test_add_func("/mapping/conditions", test_conditions);
    g_test_add_func("/mapping/lists", test_lists);
    g_test_add_func("/mapping/substitutions", test_substitutions);
    g_test_add_func("/mapping/users", test_users);
    g_test_add_func("/mapping/bodies", test_bodies);
    g_test_add_func("/mapping/python-lists", test_python_lists);
    int failures = g_test_run();
    ctx_clear(&c);
    return failures;
}
