/* oslo.messaging over local://: URLs, dispatch, contexts, failures, fanout, time-outs, notifications; and what bodies look like. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oslo/messaging/envelope.h"
#include "oslo/messaging/internal.h"
#include "oslo/record/record.h"

static const struct target service_target = { .exchange = "test", .topic = "service", .version = "1.2" };
static int fanned, casts;

static bool echo(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_incref(json_object_get(args, "payload"));
    return true;
}

static bool context(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_pack("{s:s, s:s?, s:b, s:s, s:O?}", "request_id", c->request_id, "project_id", c->who.project_id, "is_admin",
                     c->who.is_admin, "role", c->who.roles[0] ?: "", "odd", json_object_get(c->rpc_context, "odd"));
    return true;
}

static bool boom(struct ctx *c, json_t *args, json_t **ret)
{
    return fail(c, 409, "NetworkInUse", "Unable to complete operation on network %s.", json_get_string(args, "id"));
}

static bool slow(struct ctx *c, json_t *args, json_t **ret)
{
    usleep(2000000);
    return true;
}

static bool slow_monitored(struct ctx *c, json_t *args, json_t **ret)
{
    usleep(8000000);
    return true;
}

static bool nested(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_incref(rpc_call(c, &service_target, "context", NULL, NULL));
    return true;
}

static bool count_fanout(struct ctx *c, json_t *args, json_t **ret)
{
    __atomic_add_fetch(&fanned, 1, __ATOMIC_SEQ_CST);
    return true;
}

static bool count_cast(struct ctx *c, json_t *args, json_t **ret)
{
    __atomic_add_fetch(&casts, 1, __ATOMIC_SEQ_CST);
    return true;
}

static bool new_echo(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_string("2.3");
    return true;
}

static const struct rpc_method methods[] = {
    { "echo", echo }, { "context", context }, { "boom", boom }, { "slow", slow }, { "nested", nested },
    { "count_fanout", count_fanout }, { "count_cast", count_cast }, { "_hidden", echo }, {}
};
static const struct rpc_method spaced_methods[] = { { "spaced", echo }, {} };
static const struct rpc_method new_methods[] = { { "echo", new_echo }, {} };
static const struct rpc_endpoint endpoints[] = {
    { .version = "1.5", .methods = methods },
    { .rpc_namespace = "space", .version = "1.0", .methods = spaced_methods },
    { .version = "2.3", .methods = new_methods },
    {}
};
static const struct rpc_server server = { .exchange = "test", .topic = "service", .endpoints = endpoints,
                                          .fault_module = "neutron_lib.exceptions" };

static void wait_for(const int *counter, int value)
{
    for (int i = 0; i < 2000 && __atomic_load_n(counter, __ATOMIC_SEQ_CST) < value; i++)
        usleep(1000);
    g_assert_cmpint(__atomic_load_n(counter, __ATOMIC_SEQ_CST), ==, value);
}

static void test_url(void)
{
    struct transport *t;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(transport_parse(&c, "rabbit://u%40x:p%3Aw@h1:5673,u2:p2@[::1]:5674,h3/v%2Fh?ssl=1&heartbeat=5", &t));
    g_assert_cmpuint(t->hosts->len, ==, 3);
    struct transport_host *h = (struct transport_host *)(void *)t->hosts->data;
    g_assert_cmpstr(h[0].user, ==, "u@x");
    g_assert_cmpstr(h[0].password, ==, "p:w");
    g_assert_cmpstr(h[0].host, ==, "h1");
    g_assert_cmpint(h[0].port, ==, 5673);
    g_assert_cmpstr(h[1].host, ==, "::1");
    g_assert_cmpint(h[1].port, ==, 5674);
    g_assert_cmpstr(h[2].host, ==, "h3");
    g_assert_cmpint(h[2].port, ==, 0);
    g_assert_cmpstr(t->virtual_host, ==, "v/h");
    g_assert_cmpuint(t->options->len, ==, 2);
    transport_parse_free(t);

    for (const char *const *bad = (const char *const[]){ "local", "://x", "rabbit://h:port", "rabbit://h:99999", NULL }; *bad; bad++) {
        fault_clear(&c);
        g_assert_false(transport_parse(&c, *bad, &t));
        g_assert_cmpint(c.fault.status, ==, 400);
    }
    fault_clear(&c);
    g_assert_false(transport_parse(&c, "kafka://h", &t));
    g_assert_cmpstr(c.fault.type, ==, "DriverLoadFailure");
    fault_clear(&c);
    g_assert_null(transport_get(&c, "rabbit://guest:secret@h/?rabbit_quorum_queue=1&rabbit_ha_queues=1"));
    g_assert_null(strstr(c.fault.message, "secret"));
    ctx_clear(&c);
}

static void test_versions(void)
{
    g_assert_true(version_compatible("1.5", "1.5"));
    g_assert_true(version_compatible("1.5", "1.0"));
    g_assert_true(version_compatible("1.10", "1.9"));
    g_assert_false(version_compatible("1.5", "1.6"));
    g_assert_false(version_compatible("2.0", "1.0"));
}

static void test_call(void)
{
    struct rpc_listener *l;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    l = rpc_listen(&c, &server, NULL, "host1");
    json_t *args = ctx_json(&c, json_pack("{s:[i,s]}", "payload", 1, "two"));
    json_t *result = rpc_call(&c, &service_target, "echo", args, NULL);
    g_assert_true(json_equal(result, json_object_get(args, "payload")));
    g_assert_true(json_is_null(rpc_call(&c, &service_target, "count_cast", NULL, NULL)));
    casts = 0;

    struct target one = service_target;
    one.server = "host1";
    g_assert_nonnull(rpc_call(&c, &one, "echo", args, NULL));
    struct target spaced = { .exchange = "test", .topic = "service", .rpc_namespace = "space" };
    g_assert_nonnull(rpc_call(&c, &spaced, "spaced", args, NULL));
    struct target newer = { .exchange = "test", .topic = "service", .version = "2.1" };
    g_assert_cmpstr(json_string_value(rpc_call(&c, &newer, "echo", args, NULL)), ==, "2.3");
    rpc_stop(l);
    ctx_clear(&c);
}

static void expect_fault(const struct target *t, const char *method, const struct rpc_options *o, int status, const char *type,
                         const char *message)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    json_t *args = ctx_json(&c, json_pack("{s:s}", "id", "net-1"));
    g_assert_null(rpc_call(&c, t, method, args, o));
    g_assert_cmpint(c.fault.status, ==, status);
    g_assert_cmpstr(c.fault.type, ==, type);
    if (message)
        g_assert_cmpstr(c.fault.message, ==, message);
    ctx_clear(&c);
}

static void test_failures(void)
{
    struct rpc_listener *l;
    struct ctx c;
    struct target t = service_target;

    ctx_init(&c, NULL, NULL);
    l = rpc_listen(&c, &server, NULL, "host1");
    expect_fault(&t, "boom", NULL, 409, "NetworkInUse", "Unable to complete operation on network net-1.");
    expect_fault(&t, "nope", NULL, 500, "NoSuchMethod", "Endpoint does not support RPC method nope");
    expect_fault(&t, "_hidden", NULL, 500, "NoSuchMethod", NULL);
    expect_fault(&t, "slow", &(struct rpc_options){ .timeout_us = 50000 }, 504, "MessagingTimeout", NULL);
    expect_fault(&t, "echo", &(struct rpc_options){ .version_cap = "1.1" }, 500, "RPCVersionCapError", NULL);
    t.version = "3.0";
    expect_fault(&t, "echo", NULL, 500, "UnsupportedVersion",
                 "Endpoint does not support RPC version 3.0. Attempted method: echo");
    t = (struct target){ .exchange = "test", .topic = "nobody" };
    expect_fault(&t, "echo", &(struct rpc_options){ .timeout_us = 20000 }, 504, "MessagingTimeout", NULL);
    rpc_stop(l);
    ctx_clear(&c);
}

static void test_context(void)
{
    static const char *const roles[] = { "member", NULL };
    struct rpc_listener *l;
    struct ctx c;

    ctx_init(&c, NULL, "req-1");
    c.who = (struct identity){ .project_id = "p1", .roles = roles, .is_admin = true };
    c.rpc_context = ctx_json(&c, json_pack("{s:i}", "odd", 7));
    l = rpc_listen(&c, &server, NULL, "host1");
    for (int i = 0; i < 2; i++) {        /* the second time through a method that calls on */
        json_t *seen = rpc_call(&c, &service_target, i ? "nested" : "context", NULL, NULL);

        g_assert_cmpstr(json_get_string(seen, "request_id"), ==, "req-1");
        g_assert_cmpstr(json_get_string(seen, "project_id"), ==, "p1");
        g_assert_cmpstr(json_get_string(seen, "role"), ==, "member");
        g_assert_true(json_get_bool(seen, "is_admin", false));
        g_assert_cmpint(json_get_int(seen, "odd", 0), ==, 7);
    }
    rpc_stop(l);
    ctx_clear(&c);
}

static void test_fanout_and_casts(void)
{
    struct rpc_listener *l[3];
    struct target all = service_target;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    for (int i = 0; i < 3; i++)
        l[i] = rpc_listen(&c, &server, NULL, (const char *[]){ "host1", "host2", "host3" }[i]);
    all.fanout = true;
    fanned = casts = 0;
    g_assert_true(rpc_cast(&c, &all, "count_fanout", NULL));
    wait_for(&fanned, 3);
    for (int i = 0; i < 100; i++)
        g_assert_true(rpc_cast(&c, &service_target, "count_cast", NULL));
    wait_for(&casts, 100);
    g_assert_cmpint(fanned, ==, 3);
    for (int i = 0; i < 3; i++)
        rpc_stop(l[i]);
    /* What is cast while no server runs waits for the next one. */
    g_assert_true(rpc_cast(&c, &service_target, "count_cast", NULL));
    l[0] = rpc_listen(&c, &server, NULL, "host1");
    wait_for(&casts, 101);
    rpc_stop(l[0]);
    ctx_clear(&c);
}

static void *caller(void *data)
{
    for (int i = 0; i < 2000; i++) {
        struct ctx c;

        ctx_init(&c, NULL, NULL);
        json_t *args = ctx_json(&c, json_pack("{s:i}", "payload", i));
        g_assert_cmpint(json_integer_value(rpc_call(&c, &service_target, "echo", args, NULL)), ==, i);
        ctx_clear(&c);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    return *(const int64_t *)a < *(const int64_t *)b ? -1 : 1;
}

/* Many callers at once, each with its own answers; quick or not. Prints what one call takes. */
static void many(const struct rpc_server *one)
{
    static int64_t took[5000];
    struct rpc_listener *l;
    pthread_t threads[4];
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    l = rpc_listen(&c, one, NULL, "host1");
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, caller, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(took); i++) {
        struct ctx each;
        int64_t began = clock_mono_us();

        ctx_init(&each, NULL, NULL);
        rpc_call(&each, &service_target, "echo", NULL, NULL);
        took[i] = clock_mono_us() - began;
        ctx_clear(&each);
    }
    qsort(took, G_N_ELEMENTS(took), sizeof(took[0]), by_value);
    g_test_message("call p50 %d us, p99 %d us", (int)took[2500], (int)took[4950]);
    rpc_stop(l);
    ctx_clear(&c);
}

static void test_many(void)
{
    many(&server);
}

static void test_many_quick(void)
{
    struct rpc_server quick = server;

    quick.quick = true;
    many(&quick);
}

static int noted, refused;

static bool on_note(struct ctx *c, const char *publisher, const char *event, const char *priority, json_t *payload)
{
    g_assert_cmpstr(publisher, ==, "network.host1");
    g_assert_cmpstr(event, ==, "port.create.end");
    g_assert_cmpstr(priority, ==, "info");
    if (!refused++)
        return false;                    /* the first time: it must come again */
    __atomic_add_fetch(&noted, 1, __ATOMIC_SEQ_CST);
    return true;
}

static int pooled;

static bool on_pool(struct ctx *c, const char *publisher, const char *event, const char *priority, json_t *payload)
{
    __atomic_add_fetch(&pooled, (int)json_get_int(payload, "n", 0), __ATOMIC_SEQ_CST);
    return true;
}

static void test_notifications(void)
{
    struct notification_listener *l, *pool;
    struct ctx c;
    json_t *payload;

    ctx_init(&c, NULL, NULL);
    payload = ctx_json(&c, json_pack("{s:i}", "n", 5));
    g_assert_true(notify(&c, "neutron", "network.host1", "port.create.end", "info", payload));    /* no driver: nowhere */
    messaging_configure(&(struct messaging_options){ .notification_drivers = "noop, messagingv2" });
    l = notification_listen(&c, "neutron", "notifications", NULL, on_note);
    pool = notification_listen(&c, "neutron", "notifications", "audit", on_pool);
    g_assert_true(notify(&c, "neutron", "network.host1", "port.create.end", "info", payload));
    wait_for(&noted, 1);
    wait_for(&pooled, 5);
    notification_stop(l);
    notification_stop(pool);
    messaging_configure(&(struct messaging_options){ .notification_drivers = "" });
    ctx_clear(&c);
}

/* A request's body, read again: what was said, and nothing else. */
static void test_envelope_request(void)
{
    struct message *m = message_new("echo", json_pack("{s:s}", "payload", "h\xc3\xa9 \"q\" \\"), json_pack("{s:s, s:{s:i}}", "user", "u1", "odd", "n", 7));
    struct delivery_facts facts = { .reply_queue = "reply_1", .monitor = 2 };
    struct envelope_request in;
    char why[ENVELOPE_WHY];
    struct envelope e;
    size_t n;

    m->version = g_strdup("1.2");
    char *body = envelope_request(m, &facts, &n);
    g_assert_true(g_str_has_prefix(body, "{\"oslo.version\": \"2.0\", \"oslo.message\": \"{\\\"method\\\": \\\"echo\\\", \\\"args\\\": {\\\"payload\\\": "
                                        "\\\"h\\\\u00E9 \\\\\\\"q\\\\\\\" \\\\\\\\\\\"}, \\\"version\\\": \\\"1.2\\\", \\\"_msg_id\\\": "));
    g_assert_true(envelope_open(&e, body, n, why));
    g_assert_true(envelope_read_request(&e, &in, why));
    g_assert_cmpstr(in.message->method, ==, "echo");
    g_assert_cmpstr(in.message->version, ==, "1.2");
    g_assert_null(in.message->rpc_namespace);
    g_assert_true(json_equal(in.message->args, m->args));
    g_assert_true(json_equal(in.message->context, m->context));
    g_assert_cmpstr(in.message_id, ==, facts.message_id);
    g_assert_cmpstr(in.reply_queue, ==, "reply_1");
    g_assert_cmpint(in.monitor, ==, 2);
    g_assert_cmpuint(strlen(in.unique_id), ==, 32);
    message_free(in.message);
    message_free(m);
    envelope_close(&e);
    free(body);
}

static void test_envelope_reply(void)
{
    const struct fault fault = { .status = 409, .type = "NetworkInUse", .message = "in use" };
    struct rpc_reply reply = { .failure = failure_from_fault(&fault, "neutron_lib.exceptions") };
    struct envelope_reply in;
    char why[ENVELOPE_WHY];
    struct ctx c;
    size_t n;
    char *body = envelope_reply("id1", &reply, true, &n);
    struct envelope e;

    g_assert_nonnull(strstr(body, "{\\\"result\\\": null, \\\"failure\\\": \\\"{\\\\\\\"class\\\\\\\""));      /* JSON within JSON within JSON */
    g_assert_true(envelope_open(&e, body, n, why));
    g_assert_true(envelope_read_reply(&e, &in, why));
    g_assert_true(json_is_null(in.result));
    g_assert_cmpstr(in.message_id, ==, "id1");
    g_assert_true(in.ending);
    ctx_init(&c, NULL, NULL);
    failure_to_fault(&c, in.failure);
    g_assert_cmpint(c.fault.status, ==, 409);
    g_assert_cmpstr(c.fault.type, ==, "NetworkInUse");
    g_assert_cmpstr(c.fault.message, ==, "in use");
    g_assert_cmpstr(c.fault.detail, ==, "Traceback (most recent call last):\nNetworkInUse: in use\n");
    ctx_clear(&c);
    envelope_reply_clear(&in);
    envelope_close(&e);
    json_decref(reply.failure);
    free(body);
}

static void test_envelope_refused(void)
{
    static const char *const bad[] = { "", "{", "[]", "7", "{\"oslo.version\": \"3.0\", \"oslo.message\": \"{}\"}",
                                       "{\"oslo.version\": \"2.1\", \"oslo.message\": \"{}\"}", "{\"oslo.version\": \"2.0\", \"oslo.message\": \"[]\"}",
                                       "{\"oslo.version\": \"2.0\", \"oslo.message\": {}}", NULL };
    struct envelope_request in;
    char why[ENVELOPE_WHY];
    struct envelope e;

    for (const char *const *b = bad; *b; b++) {
        why[0] = 0;
        g_assert_false(envelope_open(&e, *b, strlen(*b), why));
        g_assert_cmpuint(strlen(why), >, 0);
    }
    g_assert_true(envelope_open(&e, "{\"method\": \"m\"}", 15, why));           /* without the envelope: the message itself */
    g_assert_true(envelope_read_request(&e, &in, why));
    g_assert_cmpuint(json_object_size(in.message->args), ==, 0);
    g_assert_null(in.reply_queue);
    message_free(in.message);
    g_assert_false(envelope_read_notification(&e, &in, why));
    envelope_close(&e);
}

/* What many read holds no token. */
static void test_context_told(void)
{
    struct ctx c;

    ctx_init(&c, NULL, "req-1");
    c.who = (struct identity){ .user_id = "u1", .token = "secret" };
    c.rpc_context = ctx_json(&c, json_pack("{s:s}", "odd", "unknown"));
    json_t *told = context_to_notification(&c);
    g_assert_cmpstr(json_get_string(told, "user_id"), ==, "u1");
    g_assert_cmpstr(json_get_string(told, "request_id"), ==, "req-1");
    g_assert_null(json_object_get(told, "auth_token"));
    g_assert_null(json_object_get(told, "odd"));
    json_decref(told);
    ctx_clear(&c);
}

/* A method that runs longer than its caller's patience, but says that it runs. */
static void test_monitor(void)
{
    static const struct rpc_method slow_methods[] = { { "slow", slow_monitored }, {} };
    static const struct rpc_endpoint slow_endpoints[] = { { .methods = slow_methods }, {} };
    static const struct rpc_server slow_server = { .exchange = "test", .topic = "slow", .endpoints = slow_endpoints };
    struct target t = { .exchange = "test", .topic = "slow" };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct rpc_listener *l = rpc_listen(&c, &slow_server, NULL, "host1");
    g_assert_nonnull(rpc_call(&c, &t, "slow", NULL, &(struct rpc_options){ .timeout_us = 60000000, .monitor_us = 6000000 }));
    rpc_stop(l);
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/messaging/url", test_url);
    g_test_add_func("/messaging/versions", test_versions);
    g_test_add_func("/messaging/call", test_call);
    g_test_add_func("/messaging/failures", test_failures);
    g_test_add_func("/messaging/context", test_context);
    g_test_add_func("/messaging/fanout_and_casts", test_fanout_and_casts);
    g_test_add_func("/messaging/many", test_many);
    g_test_add_func("/messaging/many_quick", test_many_quick);
    g_test_add_func("/messaging/notifications", test_notifications);
    g_test_add_func("/messaging/envelope/request", test_envelope_request);
    g_test_add_func("/messaging/envelope/reply", test_envelope_reply);
    g_test_add_func("/messaging/envelope/refused", test_envelope_refused);
    g_test_add_func("/messaging/context_told", test_context_told);
    g_test_add_func("/messaging/monitor", test_monitor);
    status = g_test_run();
    transports_close();
    return status;
}
