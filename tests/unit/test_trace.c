/* Spans: written cheaply, read back as a tree, kept when their process is killed. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <time.h>

#include "oslo/base/text.h"
#include "oslo/record/record.h"
#include "oslo/trace/ring.h"
#include "oslo/trace/trace.h"

static char path[64];

static char *text_of(struct ctx *c, const char *id)
{
    struct buf b = {};
    char *text;

    g_assert_true(trace_print(c, path, id, TRACE_TEXT, &b));
    text = ctx_strdup(c, b.data);
    buf_clear(&b);
    return text;
}

static void test_tree(void)
{
    struct ctx c, callee, reader;

    ctx_init(&c, NULL, "req-aaaaaaaa-0000-0000-0000-000000000001");
    struct span *request = span_begin(&c, SPAN_REQUEST, "POST /servers");
    span_resource(&c, "5e41d1f0-0000-0000-0000-000000000001");
    struct span *step = span_begin(&c, SPAN_STEP, "build:networking");

    ctx_init_child(&callee, &c, NULL);
    callee.request_id = "req-bbbbbbbb-0000-0000-0000-000000000002";
    callee.global_request_id = c.request_id;
    struct span *inner = span_begin(&callee, SPAN_REQUEST, "GET /v2.0/ports/%s", "0a0a0a0a-1111-2222-3333-444444444444");
    fail(&callee, 404, "PortNotFound", "Port could not be found.");
    span_end(&callee, inner, 404);
    ctx_clear(&callee);

    span_end(&c, step, 0);
    span_end(&c, request, 0);

    ctx_init(&reader, NULL, NULL);
    const char *by_request = text_of(&reader, c.request_id);
    g_assert_nonnull(strstr(by_request, "request POST /servers [5e41d1f0-0000-0000-0000-000000000001]"));
    g_assert_nonnull(strstr(by_request, "   step build:networking"));
    g_assert_nonnull(strstr(by_request, "-> 404  ! PortNotFound: Port could not be found."));
    g_assert_cmpstr(text_of(&reader, "5e41d1f0-0000-0000-0000-000000000001"), ==, by_request);   /* by its resource */
    g_assert_cmpstr(text_of(&reader, "0a0a0a0a-1111-2222-3333-444444444444"), ==, by_request);   /* by a path that names one */

    struct buf b = {};
    g_assert_true(trace_print(&reader, path, c.request_id, TRACE_JSON, &b));
    json_t *tree = json_loads(b.data, 0, NULL);
    json_t *root = json_array_get(tree, 0), *child = json_array_get(json_object_get(root, "children"), 0);
    g_assert_cmpuint(json_array_size(tree), ==, 1);
    g_assert_cmpstr(json_get_string(child, "name"), ==, "build:networking");
    g_assert_cmpint(json_get_int(json_array_get(json_object_get(child, "children"), 0), "status", 0), ==, 404);
    json_decref(tree);
    buf_clear(&b);
    g_assert_false(trace_print(&reader, path, "req-nobody", TRACE_TEXT, &b));
    g_assert_cmpint(reader.fault.status, ==, 404);
    ctx_clear(&reader);
    ctx_clear(&c);
}

static void test_killed(void)
{
    struct ctx reader;
    pid_t pid = fork();

    if (pid == 0) {
        struct ctx c;

        ctx_init(&c, NULL, "req-killed");
        span_end(&c, span_begin(&c, SPAN_COMMAND, "first"), 0);
        span_begin(&c, SPAN_COMMAND, "second");
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
    ctx_init(&reader, NULL, NULL);
    const char *text = text_of(&reader, "req-killed");
    g_assert_nonnull(strstr(text, "command first"));
    g_assert_nonnull(strstr(text, "not ended"));
    ctx_clear(&reader);
}

/* Others filled the ring meanwhile: a process goes on behind them, not among what they wrote. */
static void test_idle(void)
{
    struct ctx c;

    ctx_init(&c, NULL, "req-idle");
    span_end(&c, span_begin(&c, SPAN_COMMAND, "before"), 0);
    uint64_t before = ring_own_turn();
    span_end(&c, span_begin(&c, SPAN_COMMAND, "at once"), 0);
    g_assert_cmpuint(ring_own_turn(), <=, ring->next);
    uint64_t others = atomic_fetch_add(&ring->next, ring->slots / 2) + ring->slots / 2;
    span_end(&c, span_begin(&c, SPAN_COMMAND, "after"), 0);
    g_assert_cmpuint(before, <, others);
    g_assert_cmpuint(ring_own_turn(), ==, others + 1);
    const char *text = text_of(&c, "req-idle");
    g_assert_nonnull(strstr(text, "before"));
    g_assert_nonnull(strstr(text, "after"));
    ctx_clear(&c);
}

/* The ring is bounded, and old spans make room. */
static void test_wraps(void)
{
    struct ctx c, reader;
    struct buf b = {};

    ctx_init(&c, NULL, "req-old");
    struct span *open = span_begin(&c, SPAN_COMMAND, "old");
    c.request_id = "req-new";
    for (int i = 0; i < 5000; i++)
        span_end(&c, span_begin(&c, SPAN_COMMAND, "new %d", i), 0);
    span_end(&c, open, 1);               /* its slot has gone to another: it is left alone */
    ctx_init(&reader, NULL, NULL);
    g_assert_false(trace_print(&reader, path, "req-old", TRACE_TEXT, &b));
    fault_clear(&reader);
    g_assert_nonnull(strstr(text_of(&reader, "req-new"), "new 4999"));
    ctx_clear(&reader);
    ctx_clear(&c);
}

static json_t *spans_named(json_t *batch, const char *name)
{
    json_t *span;
    size_t i;

    json_array_foreach(json_object_get(batch, "spans"), i, span)
        if (!g_strcmp0(json_string_value(json_array_get(span, 9)), name))
            return span;
    return NULL;
}

/* Spans of another process, whose clock is ten seconds behind, hang below the span that caused them, and not before it. */
static void test_collect(void)
{
    struct ctx c;
    struct buf b = {};

    ctx_init(&c, NULL, "req-cccccccc-0000-0000-0000-000000000003");
    struct span *request = span_begin(&c, SPAN_REQUEST, "POST /here"), *open = span_begin(&c, SPAN_STEP, "still open");
    json_t *batch = trace_take(&c, 100000);
    g_assert_null(spans_named(batch, "POST /here"));
    span_end(&c, open, 0);
    uint64_t cause = span_id(&c);
    span_end(&c, request, 0);
    batch = trace_take(&c, 100000);
    g_assert_nonnull(spans_named(batch, "POST /here"));
    g_assert_nonnull(spans_named(batch, "still open"));
    g_assert_null(trace_take(&c, 100000));

    json_int_t began = clock_us() - 10000000;
    const char *parent = ctx_printf(&c, "%016" PRIx64, cause);
    batch = ctx_json(&c, json_pack("{s:[I,i,s,s], s:[[s,s,I,i,i,i,s,s,s,s,s],[s,s,I,i,i,i,s,s,s,s,s]]}", "process", (json_int_t)0x80000001, 7, "compute", "far",
        "spans", "8000000100000001", parent, began, 5000, 0, SPAN_RPC, c.request_id, "", "", "compute spawn", "",
        "8000000100000002", "8000000100000001", began + 1000, 2000, 0, SPAN_DRIVER, c.request_id, "", "", "sim spawn", ""));
    g_assert_true(trace_put(&c, batch));
    const char *text = text_of(&c, c.request_id);
    g_assert_nonnull(strstr(text, "+0.000 ms      5.000 ms    rpc compute spawn  <compute 7 on far>"));
    g_assert_nonnull(strstr(text, "+1.000 ms      2.000 ms      driver sim spawn\n"));

    g_assert_true(trace_print(&c, path, c.request_id, TRACE_OTLP, &b));
    json_t *otlp = json_loads(b.data, 0, NULL), *of_process = json_array_get(json_object_get(otlp, "resourceSpans"), 1);
    json_t *spans = json_object_get(json_array_get(json_object_get(of_process, "scopeSpans"), 0), "spans");
    g_assert_cmpuint(json_array_size(json_object_get(otlp, "resourceSpans")), ==, 2);
    g_assert_cmpstr(json_get_string(json_array_get(spans, 0), "traceId"), ==, "cccccccc000000000000000000000003");
    g_assert_cmpstr(json_get_string(json_array_get(spans, 0), "parentSpanId"), ==, parent);
    json_decref(otlp);
    buf_clear(&b);

    g_assert_false(trace_put(&c, ctx_json(&c, json_pack("{s:[I,i,s,s], s:[[s]]}", "process", (json_int_t)3, 7, "x", "y", "spans", "zzz"))));
    fault_clear(&c);
    g_assert_false(trace_put(&c, ctx_json(&c, json_string("no batch"))));
    ctx_clear(&c);
}

/* The span goes on over HTTP. */
static void test_header(void)
{
    struct ctx c, callee;

    ctx_init(&c, NULL, "req-dddddddd-0000-0000-0000-000000000004");
    ctx_init(&callee, NULL, NULL);
    g_assert_null(span_header(&c));
    struct span *call = span_begin(&c, SPAN_CALL, "GET /there");
    const char *header = span_header(&c);
    g_assert_true(g_str_has_prefix(header, "00-dddddddd000000000000000000000004-"));
    span_continue_header(&callee, "00-nothing");
    g_assert_cmpint((gint64)span_id(&callee), ==, 0);
    span_continue_header(&callee, header);
    g_assert_cmpint((gint64)span_id(&callee), ==, (gint64)span_id(&c));
    span_end(&c, call, 0);
    ctx_clear(&callee);
    ctx_clear(&c);
}

/* What printf would make of it, cut where the slot ends. */
static void test_names(void)
{
    struct ctx c;
    char longest[sizeof(((struct slot *)NULL)->name)], longer[200];

    memset(longest, 'y', sizeof(longest) - 1);
    memset(longer, 'y', sizeof(longer) - 1);
    longest[sizeof(longest) - 1] = longer[sizeof(longer) - 1] = 0;
    memcpy(longest, "x ", 2);
    ctx_init(&c, NULL, "req-names");
    span_end(&c, span_begin(&c, SPAN_DRIVER, "%s%s: %s", "ip", "", "link"), 0);
    span_end(&c, span_begin(&c, SPAN_DRIVER, "DHCP %d from %02x, %s 100%%", 3, 10, "all"), 0);
    span_end(&c, span_begin(&c, SPAN_DRIVER, "x %s%s %d", longer, "z", 7), 0);
    span_end(&c, span_begin(&c, SPAN_DRIVER, "x %d%s", 7, longer), 0);
    const char *text = text_of(&c, "req-names");
    g_assert_nonnull(strstr(text, "driver ip: link\n"));
    g_assert_nonnull(strstr(text, "driver DHCP 3 from 0a, all 100%\n"));
    g_assert_nonnull(strstr(text, ctx_printf(&c, "driver %s\n", longest)));
    longest[2] = '7';
    g_assert_nonnull(strstr(text, ctx_printf(&c, "driver %s\n", longest)));
    ctx_clear(&c);
}

/* Paused by another process that has mapped the file too: what was open is ended, nothing begins. */
static void test_paused(void)
{
    struct ctx c;

    ctx_init(&c, NULL, "req-paused");
    struct span *before = span_begin(&c, SPAN_REQUEST, "before");
    ring->paused = 1;
    struct span *none = span_begin(&c, SPAN_STEP, "meanwhile");
    g_assert_null(none);
    span_resource(&c, "5e41d1f0-0000-0000-0000-000000000009");
    span_end(&c, none, 0);
    span_end(&c, before, 0);
    g_assert_cmpint((gint64)span_id(&c), ==, 0);
    ring->paused = 0;
    span_end(&c, span_begin(&c, SPAN_REQUEST, "after"), 0);
    const char *text = text_of(&c, "req-paused");
    g_assert_nonnull(strstr(text, "request before"));
    g_assert_nonnull(strstr(text, "request after"));
    g_assert_null(strstr(text, "meanwhile"));
    g_assert_null(strstr(text, "not ended"));
    ctx_clear(&c);
}

static void test_cost(void)
{
    enum { SPANS = 200000 };
    clock_t began = clock();
    double took;

    for (int i = 0; i < SPANS / 20; i++) {
        struct ctx c;

        ctx_init(&c, NULL, "req-cost");
        for (int j = 0; j < 20; j++)
            span_end(&c, span_begin(&c, SPAN_SQL, "%s %s", "SELECT", "ports"), 0);
        ctx_clear(&c);
    }
    took = (double)(clock() - began) / CLOCKS_PER_SEC / SPANS;
    g_test_message("%.0f ns of CPU a span", took * 1e9);
    g_assert_cmpfloat(took, <, 20e-6);       /* a sanitizer's 20 us is still a bound */
}

int main(int argc, char **argv)
{
    struct ctx c;
    int status;

    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    g_snprintf(path, sizeof(path), "/tmp/nacre-trace-%d", (int)getpid());
    g_assert_true(trace_open(&c, path, 4096));
    g_test_add_func("/trace/tree", test_tree);
    g_test_add_func("/trace/killed", test_killed);
    g_test_add_func("/trace/idle", test_idle);
    g_test_add_func("/trace/wraps", test_wraps);
    g_test_add_func("/trace/collect", test_collect);
    g_test_add_func("/trace/header", test_header);
    g_test_add_func("/trace/names", test_names);
    g_test_add_func("/trace/paused", test_paused);
    g_test_add_func("/trace/cost", test_cost);
    status = g_test_run();
    trace_close();
    unlink(path);
    ctx_clear(&c);
    return status;
}
