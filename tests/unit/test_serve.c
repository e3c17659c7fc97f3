/* Serving a request: the order in which it is refused, microversions, actions, faults. A toy service of its own. */
#include "oslo/http/request.h"
#include "oslo/service/parts.h"

#include <string.h>

static bool hello(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_text(reply, "text/plain", c->version ? ctx_printf(c, "hello %d", c->version) : "hello");
    return true;
}

static bool refuse(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_text(reply, "text/plain", "half an answer");
    reply_header(c, reply, "X-Half", "1");
    return fail(c, CONFLICT, "taken");
}

static bool speechless(struct ctx *c, struct request *request, struct reply *reply)
{
    return false;
}

static const struct route rows[] = {
    { "GET", "/", hello, .flags = ROUTE_OPEN | ROUTE_NO_POLICY },
    { "GET", "open", hello, .flags = ROUTE_OPEN | ROUTE_NO_POLICY },
    { "GET", "closed", hello, .flags = ROUTE_NO_POLICY },
    { "GET", "newer", hello, .flags = ROUTE_OPEN | ROUTE_NO_POLICY, .since = V(2, 20) },
    { "POST", "open", refuse, .flags = ROUTE_OPEN | ROUTE_NO_POLICY, .status = 201 },
    { "PUT", "open", speechless, .flags = ROUTE_OPEN | ROUTE_NO_POLICY },
    { "DELETE", "open", hello, .status = 204, .flags = ROUTE_OPEN | ROUTE_NO_POLICY },
    { "POST", "things/{id}/action", hello, .flags = ROUTE_OPEN | ROUTE_NO_POLICY, .action = "go" },
    { "POST", "things/{id}/action", hello, .flags = ROUTE_OPEN | ROUTE_NO_POLICY, .action = "fly", .since = V(2, 20) },
    {}
};
static const struct rest_style style = {
    .min_version = V(2, 1), .max_version = V(2, 93), .version_name = "compute", .legacy_version_header = "X-Old-Version",
};
static const struct service toy = {
    .name = "toy", .base = "/v2.1", .style = &style, .routes = (const struct route *const[]){ rows, NULL },
};
const struct service *const services[] = { &toy, NULL };

/* One request; what is answered stays until the next. */
static struct ctx c;
static struct reply reply = { .fd = -1 };

static int ask(const char *method, const char *path, const char *header, const char *value, const char *body)
{
    struct pair headers[] = { { header, value }, {} };
    struct request request = { .method = method, .headers = headers, .scheme_host = "http://h", .body = body, .body_size = body ? strlen(body) : 0 };

    reply_clear(&reply);
    ctx_clear(&c);
    ctx_init(&c, NULL, NULL);
    request_set_target(&c, &request, path);
    service_serve(&toy, &c, &request, &reply);
    return reply.status;
}

static const char *header(const char *name)
{
    for (int i = 0; i < reply.n_headers; i++)
        if (!g_ascii_strcasecmp(reply.headers[i].name, name))
            return reply.headers[i].value;
    return NULL;
}

static bool says(const char *text)
{
    return reply.body.data && strstr(reply.body.data, text);
}

static void test_order(void)
{
    g_assert_cmpint(ask("GET", "/v2.1/open", NULL, NULL, NULL), ==, 200);
    g_assert_cmpint(ask("HEAD", "/v2.1/open", NULL, NULL, NULL), ==, 200);
    g_assert_cmpint(ask("DELETE", "/v2.1/open", NULL, NULL, NULL), ==, 204);
    g_assert_cmpint(ask("GET", "/", NULL, NULL, NULL), ==, 200);
    g_assert_cmpint(ask("GET", "/nowhere", NULL, NULL, NULL), ==, 404);            /* outside the base: nobody is asked who he is */
    g_assert_cmpint(ask("GET", "/v2.1/nowhere", NULL, NULL, NULL), ==, 401);       /* inside: 401 hides what exists */
    g_assert_nonnull(header("WWW-Authenticate"));
    g_assert_cmpint(ask("PATCH", "/v2.1/open", NULL, NULL, NULL), ==, 401);
    g_assert_cmpint(ask("GET", "/v2.1/closed", NULL, NULL, NULL), ==, 401);
    g_assert_cmpint(ask("GET", "/v2.1/closed", "OpenStack-API-Version", "compute x", NULL), ==, 401);
}

static void test_versions(void)
{
    static const struct { const char *header, *value; int status, version; } cases[] = {
        { NULL, NULL, 200, V(2, 1) },
        { "OpenStack-API-Version", "compute 2.93", 200, V(2, 93) },
        { "openstack-api-version", "placement 1.1, compute 2.7", 200, V(2, 7) },
        { "OpenStack-API-Version", "placement 1.1", 200, V(2, 1) },
        { "OpenStack-API-Version", "compute latest", 200, V(2, 93) },
        { "X-Old-Version", "2.5", 200, V(2, 5) },
        { "OpenStack-API-Version", "compute 2.94", 406, 0 },
        { "OpenStack-API-Version", "compute 3.0", 406, 0 },
        { "OpenStack-API-Version", "compute 2.99999999", 406, 0 },
        { "OpenStack-API-Version", "compute 2.01", 400, 0 },
        { "OpenStack-API-Version", "compute 2", 400, 0 },
        { "OpenStack-API-Version", "compute two", 400, 0 },
        { "X-Old-Version", "2.1.1", 400, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *hello_text = g_strdup_printf("hello %d", cases[i].version);

        g_assert_cmpint(ask("GET", "/v2.1/open", cases[i].header, cases[i].value, NULL), ==, cases[i].status);
        if (cases[i].version)
            g_assert_cmpstr(reply.body.data, ==, hello_text);
    }
    ask("GET", "/v2.1/open", "OpenStack-API-Version", "compute 2.30", NULL);
    g_assert_cmpstr(header("OpenStack-API-Version"), ==, "compute 2.30");
    g_assert_cmpstr(header("X-Old-Version"), ==, "2.30");
    g_assert_cmpstr(header("Vary"), ==, "OpenStack-API-Version");
    g_assert_cmpint(ask("GET", "/v2.1/newer", "OpenStack-API-Version", "compute 2.30", NULL), ==, 200);
    g_assert_cmpint(ask("GET", "/v2.1/newer", "OpenStack-API-Version", "compute 2.19", NULL), ==, 401);
}

static void test_actions(void)
{
    g_assert_cmpint(ask("POST", "/v2.1/things/1/action", NULL, NULL, "{\"go\": null}"), ==, 200);
    g_assert_cmpint(ask("POST", "/v2.1/things/1/action", NULL, NULL, "{\"fly\": {}}"), ==, 404);
    g_assert_cmpint(ask("POST", "/v2.1/things/1/action", "OpenStack-API-Version", "compute 2.20", "{\"fly\": {}}"), ==, 200);
    g_assert_cmpint(ask("POST", "/v2.1/things/1/action", NULL, NULL, "{\"sing\": {}}"), ==, 400);
    g_assert_true(says("There is no such action: sing"));
    g_assert_cmpint(ask("POST", "/v2.1/things/1/action", NULL, NULL, "{\"go\": 1, \"fly\": 2}"), ==, 400);
    g_assert_true(says("too many body keys"));
    g_assert_cmpint(ask("POST", "/v2.1/things/1/action", NULL, NULL, "{"), ==, 400);
    g_assert_true(says("cannot understand JSON"));
    g_assert_cmpint(ask("POST", "/v2.1/things/1/action", NULL, NULL, NULL), ==, 400);
}

static void test_faults(void)
{
    g_assert_cmpint(ask("POST", "/v2.1/open", NULL, NULL, NULL), ==, 409);
    g_assert_true(says("taken"));
    g_assert_false(says("half an answer"));
    g_assert_cmpint(ask("PUT", "/v2.1/open", NULL, NULL, NULL), ==, 500);
}

static void test_request_ids(void)
{
    const char *id = "req-11111111-2222-4333-8444-555555555555";

    ask("GET", "/v2.1/open", "X-Openstack-Global-Request-Id", id, NULL);
    g_assert_cmpstr(c.global_request_id, ==, id);
    g_assert_cmpstr(header("X-Openstack-Request-Id"), ==, c.request_id);
    ask("GET", "/v2.1/open", "X-Openstack-Global-Request-Id", "req-<script>", NULL);
    g_assert_null(c.global_request_id);
    ask("GET", "/v2.1/open", "X-Openstack-Request-Id", id, NULL);
    g_assert_cmpstr(c.request_id, !=, id);
}

static void test_health(void)
{
    g_assert_cmpint(ask("GET", "/healthcheck", NULL, NULL, NULL), ==, 200);
    g_assert_cmpstr(reply.body.data, ==, "OK");
    ask("GET", "/healthcheck", "Accept", "application/json", NULL);
    g_assert_cmpstr(reply.content_type, ==, "application/json");
    ask("GET", "/v2.1/open", NULL, NULL, NULL);
    g_assert_cmpint(ask("GET", "/metrics", NULL, NULL, NULL), ==, 200);
    g_assert_true(says("nacre_requests_total{service=\"toy\",status=\"200\"}"));
    g_assert_true(says("nacre_request_seconds_bucket{service=\"toy\",le=\"+Inf\"}"));
}

int main(int argc, char **argv)
{
    static char host[] = "h";
    static const struct common_options options = { .public_host = host };
    static const struct shared_options shared;

    g_test_init(&argc, &argv, NULL);
    common_options = &options;
    struct service_state *state = service_state_add(&toy);
    state->router = routes_build(&toy);
    state->shared = &shared;
    g_test_add_func("/serve/order", test_order);
    g_test_add_func("/serve/versions", test_versions);
    g_test_add_func("/serve/actions", test_actions);
    g_test_add_func("/serve/faults", test_faults);
    g_test_add_func("/serve/request-ids", test_request_ids);
    g_test_add_func("/serve/health", test_health);
    int status = g_test_run();
    reply_clear(&reply);
    ctx_clear(&c);
    router_free(state->router);
    return status;
}
