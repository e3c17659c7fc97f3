/* The generic verbs over a small service of the test's own: what is stored, who sees it, how lists filter, sort and page. */
#include "oslo/http/request.h"
#include "oslo/rest/resource.h"
#include "oslo/registry/registry.h"

#include <string.h>
#include <unistd.h>

struct thing {
    char *id, *name, *project_id;
    bool up;
    opt_int vlan;
    int64_t size, revision_number;
    char *secret;
};

static const struct attr thing_attrs[] = {
    ATTR(struct thing, id, FILTER | SORT),
    ATTR(struct thing, name, CREATE | UPDATE | FILTER | SORT, .max = 20, .unset = ""),
    ATTR(struct thing, project_id, CREATE | FILTER | SORT | OWNER),
    ATTR(struct thing, up, CREATE | UPDATE | FILTER | SORT, .unset = "true"),
    ATTR(struct thing, vlan, CREATE | UPDATE | NULLABLE | FILTER | SORT | POLICY, .json = "provider:vlan"),
    ATTR(struct thing, size, CREATE | SORT, .max = 100),
    ATTR(struct thing, revision_number, REVISION),
    ATTR(struct thing, secret, HIDDEN, .unset = "s"),
    {}
};

static bool thing_check(struct ctx *c, struct change *ch)
{
    return strcmp(((struct thing *)ch->now)->name, "forbidden") || fail(c, 409, "ThingInUse", "no");
}

static const struct resource thing_resource = {
    .name = "thing", .plural = "things", .size = sizeof(struct thing), .attrs = thing_attrs, .check = thing_check,
};

static bool thing_invalid(struct ctx *c, const struct resource *r, const struct invalid *invalid)
{
    return fail(c, 400, "Invalid", "%d %s", invalid->why, invalid->name ? invalid->name : "");
}

static bool thing_not_found(struct ctx *c, const struct resource *r, const char *id)
{
    return fail(c, 404, "NotFound", "%s", id);
}

static const struct rest_style style = {
    .envelope = true, .fields_param = true, .owner_scoped = true, .owner_alias = "tenant_id", .max_limit = 50,
    .invalid = thing_invalid, .not_found = thing_not_found,
};
static const struct policy policies[] = {
    { "create_thing", "rule:owner", NULL, "make" }, { "get_thing", "rule:owner", NULL, "see" }, { "update_thing", "rule:owner", NULL, "change" },
    { "delete_thing", "role:admin", NULL, "remove" }, { "create_thing:provider:vlan", "role:admin", NULL, "choose" },
    { "update_thing:provider:vlan", "role:admin", NULL, "choose" }, { "get_thing:provider:vlan", "role:admin", NULL, "see" },
    { "owner", "role:admin or project_id:%(project_id)s", NULL, "whose" }, {}
};
static const struct migration migrations[] = {
    { 1, "initial", "CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT NOT NULL, project_id TEXT, up BOOLEAN NOT NULL, vlan BIGINT, "
      "size BIGINT NOT NULL, revision_number BIGINT NOT NULL, secret TEXT)" },
    {}
};
static const struct service service = { .name = "things", .style = &style, .policies = policies, .migrations = migrations };
static const char *const roles_of_member[] = { "member", NULL }, *const roles_of_admin[] = { "admin", NULL };

static void as(struct ctx *c, const char *project, bool admin)
{
    ctx_init(c, &service, NULL);
    c->db = service_state(&service)->db;
    c->who = (struct identity){ .user_id = "u", .project_id = project, .roles = admin ? roles_of_admin : roles_of_member, .is_admin = admin };
}

/* Runs a handler as the router would; the answer's body (to be freed), or NULL with *ret_status of the fault. */
static char *ask(const char *project, bool admin, handler *run, const char *target, const char *id, const char *body, int *ret_status)
{
    struct route route = { .data = &thing_resource };
    struct pair args[] = { { "id", id }, { NULL, NULL } };
    struct request request = { .method = "X", .route = &route, .args = args, .body = body, .body_size = body ? strlen(body) : 0 };
    struct reply reply = { .fd = -1 };
    struct ctx c;
    bool well;

    as(&c, project, admin);
    request_set_target(&c, &request, target);
    well = run(&c, &request, &reply);
    *ret_status = well ? (reply.status ? reply.status : 200) : c.fault.status;
    if (!well)
        buf_clear(&reply.body);
    ctx_clear(&c);
    return well ? buf_steal(&reply.body) : NULL;
}

static json_t *ask_json(const char *project, bool admin, handler *run, const char *target, const char *id, const char *body)
{
    int status;
    g_autofree char *text = ask(project, admin, run, target, id, body, &status);
    json_t *tree = text ? json_loads(text, 0, NULL) : NULL;

    g_assert_nonnull(tree);
    return tree;
}

static int ask_status(const char *project, bool admin, handler *run, const char *id, const char *body)
{
    int status;

    g_free(ask(project, admin, run, "/things", id, body, &status));
    return status;
}

/* The names of a list, joined. */
static char *names(const char *project, bool admin, const char *target)
{
    json_t *tree = ask_json(project, admin, rest_list, target, NULL, NULL), *thing;
    GString *joined = g_string_new(NULL);
    size_t i;

    json_array_foreach(json_object_get(tree, "things"), i, thing)
        g_string_append(joined, json_string_value(json_object_get(thing, "name")));
    json_decref(tree);
    return g_string_free(joined, FALSE);
}

#define assert_names(project, admin, target, expected) do { \
        g_autofree char *found_ = names(project, admin, target); \
        g_assert_cmpstr(found_, ==, expected); \
    } while (0)

static void test_life(void)
{
    json_t *tree = ask_json("p1", false, rest_create, "/things", NULL, "{\"thing\": {\"name\": \"one\", \"size\": 3}}");
    json_t *thing = json_object_get(tree, "thing");
    g_autofree char *id = g_strdup(json_string_value(json_object_get(thing, "id")));

    g_assert_cmpstr(json_string_value(json_object_get(thing, "project_id")), ==, "p1");
    g_assert_cmpstr(json_string_value(json_object_get(thing, "tenant_id")), ==, "p1");
    g_assert_null(json_object_get(thing, "provider:vlan"));
    g_assert_null(json_object_get(thing, "secret"));
    json_decref(tree);
    g_assert_cmpint(ask_status("p2", false, rest_show, id, NULL), ==, 404);
    g_assert_cmpint(ask_status("p2", true, rest_show, id, NULL), ==, 200);
    g_assert_cmpint(ask_status("p1", false, rest_update, id, "{\"thing\": {\"provider:vlan\": 3}}"), ==, 403);
    g_assert_cmpint(ask_status("p1", false, rest_update, id, "{\"thing\": {\"size\": 4}}"), ==, 400);
    g_assert_cmpint(ask_status("p1", false, rest_update, id, "{\"thing\": {\"name\": \"forbidden\"}}"), ==, 409);
    tree = ask_json("p1", true, rest_update, "/things", id, "{\"thing\": {\"name\": \"uno\", \"provider:vlan\": 7}}");
    thing = json_object_get(tree, "thing");
    g_assert_cmpint(json_integer_value(json_object_get(thing, "provider:vlan")), ==, 7);
    g_assert_cmpint(json_integer_value(json_object_get(thing, "size")), ==, 3);
    g_assert_cmpint(json_integer_value(json_object_get(thing, "revision_number")), ==, 2);
    json_decref(tree);
    g_assert_cmpint(ask_status("p1", false, rest_delete, id, NULL), ==, 403);
    g_assert_cmpint(ask_status("p1", true, rest_delete, id, NULL), ==, 204);
    g_assert_cmpint(ask_status("p1", true, rest_show, id, NULL), ==, 404);
}

static void test_refusals(void)
{
    g_assert_cmpint(ask_status("p1", false, rest_create, NULL, "{\"thing\": {\"name\": \"a\", \"provider:vlan\": 3}}"), ==, 403);
    g_assert_cmpint(ask_status("p1", false, rest_create, NULL, "{\"thing\": {\"name\": \"a\", \"project_id\": \"p2\"}}"), ==, 400);
    g_assert_cmpint(ask_status("p1", false, rest_create, NULL, "{\"thing\": {\"project_id\": \"p1\", \"tenant_id\": \"p2\"}}"), ==, 400);
    g_assert_cmpint(ask_status("p1", false, rest_create, NULL, "{\"things\": [{\"name\": \"a\"}, {\"name\": \"forbidden\"}]}"), ==, 409);
    g_assert_cmpint(ask_status("p1", false, rest_create, NULL, "{\"things\": []}"), ==, 400);
    g_assert_cmpint(ask_status("p1", false, rest_create, NULL, "{\"thing\": 3}"), ==, 400);
    g_assert_cmpint(ask_status("p1", false, rest_create, NULL, "{"), ==, 400);
    assert_names("p1", true, "/things", "");
}

static void test_lists(void)
{
    int status;

    json_decref(ask_json("p1", true, rest_create, "/things", NULL,
                         "{\"things\": [{\"name\": \"a\", \"provider:vlan\": 2}, {\"name\": \"b\"}, {\"name\": \"c\", \"provider:vlan\": 1, \"up\": false}, "
                         "{\"name\": \"d\"}, {\"name\": \"e\", \"tenant_id\": \"p2\"}]}"));
    assert_names("p1", false, "/things?sort_key=name", "abcd");
    assert_names("p1", true, "/things?sort_key=name&sort_dir=desc", "edcba");
    assert_names("p1", true, "/things?sort_key=name&tenant_id=p2", "e");
    assert_names("p1", true, "/things?sort_key=name&name=a&name=d&name=z", "ad");
    assert_names("p1", true, "/things?sort_key=name&up=False", "c");
    assert_names("p1", true, "/things?sort_key=provider:vlan&sort_key=name&project_id=p1", "bdca");
    assert_names("p1", true, "/things?sort_key=provider:vlan&sort_dir=desc&sort_key=name&sort_dir=asc&project_id=p1", "acbd");
    g_assert_null(ask("p1", true, rest_list, "/things?sort_key=secret", NULL, NULL, &status));
    g_assert_cmpint(status, ==, 400);
    g_assert_null(ask("p1", true, rest_list, "/things?limit=-1", NULL, NULL, &status));
    g_assert_null(ask("p1", true, rest_list, "/things?marker=gone", NULL, NULL, &status));
    g_assert_null(ask("p1", true, rest_list, "/things?up=perhaps", NULL, NULL, &status));
}

/* Page by page through nulls and mixed directions, both ways: each row once, in order. */
static void test_pages(void)
{
    const char *const orders[][2] = {
        { "sort_key=provider:vlan&sort_dir=asc&sort_key=name&sort_dir=asc", "bdeca" },
        { "sort_key=provider:vlan&sort_dir=desc&sort_key=name&sort_dir=asc", "acbde" },
        { "sort_key=up&sort_dir=asc&sort_key=name&sort_dir=desc", "cedba" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_autofree char *marker = g_strdup("");
        GString *joined = g_string_new(NULL);

        for (;;) {
            g_autofree char *target = g_strdup_printf("/things?limit=2&%s&marker=%s", orders[i][0], marker);
            json_t *tree = ask_json("p1", true, rest_list, target, NULL, NULL), *thing = NULL;
            size_t k, n = json_array_size(json_object_get(tree, "things"));

            json_array_foreach(json_object_get(tree, "things"), k, thing) {
                g_string_append(joined, json_string_value(json_object_get(thing, "name")));
                g_free(marker);
                marker = g_strdup(json_string_value(json_object_get(thing, "id")));
            }
            json_decref(tree);
            if (n < 2)
                break;
        }
        g_assert_cmpstr(joined->str, ==, orders[i][1]);
        g_string_free(joined, TRUE);
    }
    assert_names("p1", true, "/things?limit=2&page_reverse=True&sort_key=name", "de");
}

static void test_fields(void)
{
    json_t *tree = ask_json("p1", true, rest_list, "/things?fields=name&fields=tenant_id&name=a", NULL, NULL);
    json_t *thing = json_array_get(json_object_get(tree, "things"), 0);

    g_assert_cmpuint(json_object_size(thing), ==, 2);
    g_assert_cmpstr(json_string_value(json_object_get(thing, "tenant_id")), ==, "p1");
    json_decref(tree);
}

int main(int argc, char **argv)
{
    g_autofree char *folder = g_dir_make_tmp("nacre-rest-XXXXXX", NULL), *url = g_strdup_printf("sqlite:///%s/things.db", folder);
    struct service_state *state = service_state_add(&service);
    struct ctx c;

    ctx_init(&c, &service, NULL);
    state->db = db_open(&c, url, migrations);
    state->rules = rulebook_open(&c, policies, NULL);
    if (!state->db || !state->rules)
        g_error("%s: %s", c.fault.type, c.fault.message);
    ctx_clear(&c);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/life", test_life);
    g_test_add_func("/rest/refusals", test_refusals);
    g_test_add_func("/rest/lists", test_lists);
    g_test_add_func("/rest/pages", test_pages);
    g_test_add_func("/rest/fields", test_fields);
    int result = g_test_run();
    db_close(state->db);
    rulebook_close(state->rules);
    return result;
}
