/* Routes: which row answers a path, with which parameters, and what is said when none does. */
#include "oslo/http/http.h"

#include <string.h>

static bool nothing(struct ctx *c, struct request *request, struct reply *reply)
{
    return true;
}

static const struct route routes[] = {
    { "GET", "/", nothing, .data = "root" },
    { "GET", "/servers", nothing, .data = "list" },
    { "POST", "/servers", nothing, .data = "create" },
    { "GET", "/servers/detail", nothing, .data = "detail" },
    { "GET", "/servers/{id}", nothing, .data = "show" },
    { "DELETE", "/servers/{id}", nothing, .data = "delete" },
    { "GET", "/servers/{server_id}/metadata/{key}", nothing, .data = "meta" },
    { "POST", "/servers/{id}/action", nothing, .data = "start", .action = "os-start" },
    { "POST", "/servers/{id}/action", nothing, .data = "stop-old", .action = "os-stop", .until = V(2, 9) },
    { "POST", "/servers/{id}/action", nothing, .data = "stop-new", .action = "os-stop", .since = V(2, 10) },
    { "GET", "/keypairs", nothing, .data = "new", .since = V(2, 5) },
    { "HEAD", "/own", nothing, .data = "own-head" },
    { "GET", "/own", nothing, .data = "own-get" },
    { "GET", "/files/{name*}", nothing, .data = "file" },
    { "GET", "/v2/", nothing, .data = "slash" },
    {}
};

struct asked {
    struct ctx c;
    struct router *router;
    struct request request;
    const char *allow;
};

/* The data of the row that answers, or NULL. */
static const char *ask(struct asked *a, const char *method, const char *path, int version)
{
    a->request = (struct request){ .method = method, .path = path };
    a->allow = NULL;
    return router_find(&a->c, a->router, &a->request, version, &a->allow) ? a->request.route->data : NULL;
}

static void setup(struct asked *a)
{
    ctx_init(&a->c, NULL, NULL);
    a->router = router_new();
    router_add(a->router, routes);
}

static void teardown(struct asked *a)
{
    router_free(a->router);
    ctx_clear(&a->c);
}

static void test_find(void)
{
    struct asked a;

    setup(&a);
    g_assert_cmpstr(ask(&a, "GET", "/", 0), ==, "root");
    g_assert_cmpstr(ask(&a, "GET", "/servers", 0), ==, "list");
    g_assert_cmpstr(ask(&a, "GET", "/servers/detail", 0), ==, "detail");
    g_assert_cmpstr(ask(&a, "GET", "/servers/1", 0), ==, "show");
    g_assert_cmpstr(request_arg(&a.request, "id"), ==, "1");
    g_assert_cmpstr(ask(&a, "DELETE", "/servers/detail", 0), ==, "delete");
    g_assert_cmpstr(request_arg(&a.request, "id"), ==, "detail");
    g_assert_cmpstr(ask(&a, "GET", "/servers/1/metadata/k", 0), ==, "meta");
    g_assert_cmpstr(request_arg(&a.request, "server_id"), ==, "1");
    g_assert_cmpstr(request_arg(&a.request, "key"), ==, "k");
    g_assert_cmpstr(ask(&a, "GET", "/files/a/b/c", 0), ==, "file");
    g_assert_cmpstr(request_arg(&a.request, "name"), ==, "a/b/c");
    g_assert_cmpstr(ask(&a, "GET", "/v2/", 0), ==, "slash");
    teardown(&a);
}

static void test_not_found(void)
{
    struct asked a;
    struct buf deep = {};

    setup(&a);
    g_assert_null(ask(&a, "GET", "/nothing", 0));
    g_assert_null(a.allow);
    g_assert_null(ask(&a, "GET", "/servers/", 0));
    g_assert_null(ask(&a, "GET", "/servers//metadata/k", 0));
    g_assert_null(ask(&a, "PUT", "/servers", 0));
    g_assert_cmpstr(a.allow, ==, "GET, POST");
    g_assert_null(ask(&a, "PUT", "/servers/detail", 0));
    g_assert_cmpstr(a.allow, ==, "GET, DELETE");
    for (int i = 0; i < 1000; i++)
        buf_puts(&deep, "/x");
    g_assert_null(ask(&a, "GET", deep.data, 0));
    buf_clear(&deep);
    teardown(&a);
}

static void test_versions(void)
{
    struct asked a;

    setup(&a);
    g_assert_null(ask(&a, "GET", "/keypairs", V(2, 4)));
    g_assert_null(a.allow);
    g_assert_cmpstr(ask(&a, "GET", "/keypairs", V(2, 5)), ==, "new");
    teardown(&a);
}

static void test_head(void)
{
    struct asked a;

    setup(&a);
    g_assert_cmpstr(ask(&a, "HEAD", "/servers/7", 0), ==, "show");
    g_assert_cmpstr(request_arg(&a.request, "id"), ==, "7");
    g_assert_cmpstr(ask(&a, "HEAD", "/own", 0), ==, "own-head");
    teardown(&a);
}

static void test_actions(void)
{
    struct asked a;

    setup(&a);
    g_assert_cmpstr(ask(&a, "POST", "/servers/7/action", V(2, 20)), ==, "start");
    g_assert_true(router_find_action(&a.c, a.router, &a.request, V(2, 20), "os-stop"));
    g_assert_cmpstr(a.request.route->data, ==, "stop-new");
    g_assert_true(router_find_action(&a.c, a.router, &a.request, V(2, 1), "os-stop"));
    g_assert_cmpstr(a.request.route->data, ==, "stop-old");
    g_assert_cmpstr(request_arg(&a.request, "id"), ==, "7");
    g_assert_false(router_find_action(&a.c, a.router, &a.request, V(2, 1), "os-dance"));
    teardown(&a);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/router/find", test_find);
    g_test_add_func("/router/not_found", test_not_found);
    g_test_add_func("/router/versions", test_versions);
    g_test_add_func("/router/head", test_head);
    g_test_add_func("/router/actions", test_actions);
    return g_test_run();
}
