/* The rule language of oslo.policy, as its users write it. */
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    policies_unref(policies);
    ctx_clear(&c);
}

/* Loads the defaults with a file of that text over them. */
static struct policies *load_with(struct ctx *c, const char *text)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("policy-XXXXXX", &path, NULL);

    g_assert_true(fd >= 0 && g_file_set_contents(path, text, -1, NULL));
    struct policy_settings *settings = ctx_new(c, struct policy_settings);

    settings->policy_file = path;
    struct policies *policies = policies_load(c, defaults, settings);
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
        policies_unref(policies);
        ctx_clear(&c);
    }
}

static const struct policy personas[] = {
    { "admin_required", "role:admin" },
    { "read", "rule:admin_required or (role:reader and system_scope:all)", "system,project", .was = "role:member" },
    { "system_only", "role:reader", "system" },
    {}
};

static bool persona_may(const struct policy_settings *settings, const char *rule, const struct identity *who)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct policies *policies = policies_load(&c, personas, settings);
    g_assert_nonnull(policies);
    bool allowed = policies_allow(policies, rule, who, NULL);
    policies_unref(policies);
    ctx_clear(&c);
    return allowed;
}

static void test_new_defaults(void)
{
    const struct policy_settings strict = { .enforce_new_defaults = true };
    struct identity system = alice;

    system.system = true;
    g_assert_true(persona_may(NULL, "read", &alice));
    g_assert_false(persona_may(&strict, "read", &alice));
    g_assert_true(persona_may(&strict, "read", &system));
}

static void test_scopes(void)
{
    const struct policy_settings strict = { .enforce_scope = true };
    struct identity system = alice, domain = alice;

    system.system = true;
    domain.domain_id = "d1";
    g_assert_true(persona_may(NULL, "system_only", &alice));
    g_assert_false(persona_may(&strict, "system_only", &alice));
    g_assert_true(persona_may(&strict, "system_only", &system));
    g_assert_true(persona_may(&strict, "read", &alice));
    g_assert_false(persona_may(&strict, "read", &domain));
}

/* Files of a directory come after the policy file, in the order of their names; hidden ones do not count. */
static void test_directories(void)
{
    g_autofree char *directory = g_dir_make_tmp("policy-XXXXXX", NULL), *first = g_build_filename(directory, "1.yaml", NULL);
    g_autofree char *second = g_build_filename(directory, "2.json", NULL), *hidden = g_build_filename(directory, ".3.yaml", NULL);
    struct policy_settings settings = { .policy_dirs = directory };

    g_assert_true(g_file_set_contents(first, "admin_required: '!'\nsystem_only: '!'\n", -1, NULL));
    g_assert_true(g_file_set_contents(second, "{\"system_only\": \"role:member\"}", -1, NULL));
    g_assert_true(g_file_set_contents(hidden, "system_only: '!'\n", -1, NULL));
    g_assert_true(persona_may(&settings, "system_only", &alice));
    g_unlink(second);
    g_assert_false(persona_may(&settings, "system_only", &alice));
    g_unlink(first);
    g_unlink(hidden);
    g_rmdir(directory);
}

static bool book_says(struct rulebook *book, const char *rule)
{
    struct policies *policies = rulebook_get(book);
    bool allowed = policies_allow(policies, rule, &alice, NULL);

    policies_unref(policies);
    return allowed;
}

/* Waits until the rules say what the file says. */
static void book_awaits(struct rulebook *book, const char *rule, bool allowed)
{
    while (book_says(book, rule) != allowed)
        g_usleep(10000);
}

static void test_reload(void)
{
    g_autofree char *directory = g_dir_make_tmp("policy-XXXXXX", NULL), *file = g_build_filename(directory, "policy.yaml", NULL);
    struct policy_settings settings = { .policy_file = file };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct rulebook *book = rulebook_open(&c, personas, &settings);
    g_assert_nonnull(book);
    g_assert_false(book_says(book, "admin_required"));
    g_assert_true(g_file_set_contents(file, "admin_required: role:reader\n", -1, NULL));
    book_awaits(book, "admin_required", true);
    g_assert_true(g_file_set_contents(file, "admin_required: role:a role:b\nsystem_only: '!'\n", -1, NULL));
    g_assert_true(book_says(book, "admin_required"));            /* what cannot be understood changes nothing */
    g_assert_true(g_file_set_contents(file, "admin_required: '!'\n", -1, NULL));
    book_awaits(book, "admin_required", false);
    rulebook_close(book);
    ctx_clear(&c);
    g_unlink(file);
    g_rmdir(directory);
}

static void test_same(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(rules_same(&c, "role:a  or (role:b)", "(role:a or role:b)"));
    g_assert_false(rules_same(&c, "role:a or role:b", "role:b or role:a"));
    g_assert_false(rules_same(&c, "role:a", "role:%(a)s"));
    g_assert_false(rules_same(&c, "role:a or", "role:a or"));
    ctx_clear(&c);
}

/* A server that answers one request after the other with the next of these bodies, and keeps what it was asked. */
static struct {
    int socket;
    const char *const *answers;
    char asked[8192];
} remote;

static void *remote_run(void *unused)
{
    for (const char *const *answer = remote.answers; *answer; answer++) {
        int client = accept(remote.socket, NULL, NULL);
        size_t n = 0, body = 0;
        const char *end = NULL;

        memset(remote.asked, 0, sizeof remote.asked);
        while (!end || strlen(end + 4) < body) {
            ssize_t got = read(client, remote.asked + n, sizeof remote.asked - 1 - n);

            g_assert_cmpint(got, >, 0);
            n += (size_t)got;
            end = strstr(remote.asked, "\r\n\r\n");
            if (strstr(remote.asked, "Content-Length: "))
                body = (size_t)atoi(strstr(remote.asked, "Content-Length: ") + 16);
        }
        g_autofree char *reply = g_strdup_printf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", strlen(*answer), *answer);
        g_assert_cmpint(write(client, reply, strlen(reply)), ==, strlen(reply));
        close(client);
    }
    return NULL;
}

static void test_remote(void)
{
    static const char *const answers[] = { "True", "\"True\"", "False", NULL };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    pthread_t thread;

    remote.answers = answers;
    remote.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(remote.socket, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(remote.socket, 4), ==, 0);
    g_assert_cmpint(getsockname(remote.socket, (struct sockaddr *)&address, &size), ==, 0);
    g_assert_cmpint(pthread_create(&thread, NULL, remote_run, NULL), ==, 0);
    g_autofree char *rule = g_strdup_printf("http://127.0.0.1:%d/ask/%%(name)s", ntohs(address.sin_port));
    g_assert_true(says(rule, TARGET("name", "one")));
    g_assert_nonnull(strstr(remote.asked, "POST /ask/one "));
    g_assert_nonnull(strstr(remote.asked, "%22user_id%22"));
    g_assert_true(says(rule, TARGET("name", "two")));
    g_assert_false(says(rule, TARGET("name", "three")));
    g_assert_false(says(rule, TARGET("other", "four")));             /* the address is not known: nobody is asked */
    pthread_join(thread, NULL);
    close(remote.socket);
    g_assert_false(says(rule, TARGET("name", "five")));              /* nobody answers: no */
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
    g_test_add_func("/policy/new-defaults", test_new_defaults);
    g_test_add_func("/policy/scopes", test_scopes);
    g_test_add_func("/policy/directories", test_directories);
    g_test_add_func("/policy/reload", test_reload);
    g_test_add_func("/policy/same", test_same);
    g_test_add_func("/policy/remote", test_remote);
    return g_test_run();
}
