/* One service calls another of the same process: what goes there, what comes back. Two toy services. */
#include "oslo/client/client.h"
#include "oslo/service/parts.h"

#include <string.h>

static bool echo(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = request->body ? request_json(c, request) : NULL;

    if (request->body && !body)
        return false;
    reply_json(reply, ctx_json(c, json_pack("{s:s, s:s, s:O*, s:s, s:s*, s:s*}", "path", request->path, "query", request->query_text,
                                            "body", body, "global", c->global_request_id, "version",
                                            request_header(request, "OpenStack-API-Version"), "user", c->who.user_id)));
    reply_header(c, reply, "X-Echo", "yes");
    return true;
}

static bool taken(struct ctx *c, struct request *request, struct reply *reply)
{
    return fail(c, 409, "NameTaken", "the name %s is taken", request_arg(request, "name"));
}

static bool not_json(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_text(reply, "text/html", "<html>");
    return true;
}

static const struct route rows[] = {
    { "GET", "echo/{id}", echo, .flags = ROUTE_OPEN | ROUTE_NO_POLICY }, { "POST", "echo/{id}", echo, .status = 201, .flags = ROUTE_OPEN | ROUTE_NO_POLICY },
    { "PUT", "names/{name}", taken, .flags = ROUTE_OPEN | ROUTE_NO_POLICY },
    { "GET", "page", not_json, .flags = ROUTE_OPEN | ROUTE_NO_POLICY }, {}
};
static const struct rest_style style = { .open_errors = true };
static const struct service callee = {
    .name = "callee", .type = "called", .endpoint = "/v1", .base = "/v1", .style = &style, .routes = (const struct route *const[]){ rows, NULL },
};
static const struct service caller = { .name = "caller" };
const struct service *const services[] = { &callee, &caller, NULL };

static void test_call(void)
{
    struct ctx c;

    ctx_init(&c, &caller, NULL);
    c.who.user_id = "u1";
    struct call call = { .type = "called", .method = "POST", .path = "/echo/a%20b?x=1&y=2", .body = ctx_json(&c, json_pack("{s:i}", "n", 7)),
                         .version = "called 1.5", .no_auth = true };
    g_assert_true(client_call(&c, &call));
    g_assert_cmpint(call.status, ==, 201);
    g_assert_cmpstr(json_get_string(call.reply, "path"), ==, "/v1/echo/a b");
    g_assert_cmpstr(json_get_string(call.reply, "query"), ==, "x=1&y=2");
    g_assert_cmpint(json_get_int(json_object_get(call.reply, "body"), "n", 0), ==, 7);
    g_assert_cmpstr(json_get_string(call.reply, "version"), ==, "called 1.5");
    g_assert_cmpstr(json_get_string(call.reply, "global"), ==, c.request_id);
    g_assert_null(json_get_string(call.reply, "user"));          /* who asks is not told by the back door */
    bool echoed = false;
    for (const struct pair *h = call.reply_headers; h->name; h++)
        echoed |= !strcmp(h->name, "X-Echo") && !strcmp(h->value, "yes");
    g_assert_true(echoed);
    ctx_clear(&c);
}

static void test_faults(void)
{
    struct ctx c;

    ctx_init(&c, &caller, NULL);
    struct call call = { .type = "called", .method = "PUT", .path = "/names/joe", .no_auth = true };
    g_assert_false(client_call(&c, &call));
    g_assert_cmpint(c.fault.status, ==, 409);
    g_assert_cmpstr(c.fault.type, ==, "NameTaken");
    g_assert_cmpstr(c.fault.message, ==, "the name joe is taken");
    ctx_clear(&c);

    ctx_init(&c, &caller, NULL);
    call = (struct call){ .type = "called", .method = "GET", .path = "/nowhere", .no_auth = true, .accept_404 = "x" };
    g_assert_true(client_call(&c, &call));
    g_assert_cmpint(call.status, ==, 404);
    call.accept_404 = NULL;
    g_assert_false(client_call(&c, &call));
    g_assert_cmpint(c.fault.status, ==, 404);
    ctx_clear(&c);

    ctx_init(&c, &caller, NULL);
    call = (struct call){ .type = "called", .method = "GET", .path = "/page", .no_auth = true };
    g_assert_false(client_call(&c, &call));
    g_assert_cmpint(c.fault.status, ==, 502);
    ctx_clear(&c);
}

static void test_in_transaction(void)
{
    struct ctx c;

    ctx_init(&c, &caller, NULL);
    c.tx = (struct db_tx *)&c;
    struct call call = { .type = "called", .method = "GET", .path = "/echo/1", .no_auth = true };
    g_assert_false(client_call(&c, &call));
    g_assert_cmpstr(c.fault.type, ==, "CallInTransaction");
    c.tx = NULL;
    ctx_clear(&c);
}

static void test_quote(void)
{
    struct ctx c;

    ctx_init(&c, &caller, NULL);
    g_assert_cmpstr(client_quote(&c, "a b/c?d&é~"), ==, "a%20b%2Fc%3Fd%26%C3%A9~");
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    static char host[] = "h";
    static const struct common_options options = { .public_host = host };
    static const struct shared_options shared;

    g_test_init(&argc, &argv, NULL);
    common_options = &options;
    for (size_t i = 0; services[i]; i++) {
        struct service_state *state = service_state_add(services[i]);

        state->router = routes_build(services[i]);
        state->shared = &shared;
        state->serve = service_serve;
    }
    g_test_add_func("/client/call", test_call);
    g_test_add_func("/client/faults", test_faults);
    g_test_add_func("/client/in-transaction", test_in_transaction);
    g_test_add_func("/client/quote", test_quote);
    int status = g_test_run();
    for (size_t i = 0; services[i]; i++)
        router_free(service_state(services[i])->router);
    return status;
}
