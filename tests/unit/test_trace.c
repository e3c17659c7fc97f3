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
#include "oslo/trace/batch.h"
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

/* What is to be sent, as text of the ctx; NULL: nothing. */
static const char *taken(struct ctx *c, size_t most)
{
    struct buf b = {};
    size_t n = trace_take(&b, most);
    const char *text = n ? ctx_strdup(c, b.data) : NULL;

    g_assert_cmpuint(n, <=, most);
    g_assert_true(n || !b.len);
    buf_clear(&b);
    return text;
}

static bool put(struct ctx *c, const char *batch)
{
    return trace_put(c, batch, strlen(batch));
}

/* Spans of another process, whose clock is ten seconds behind, hang below the span that caused them, and not before it. */
static void test_collect(void)
{
    struct ctx c;
    struct buf b = {};

    ctx_init(&c, NULL, "req-cccccccc-0000-0000-0000-000000000003");
    struct span *request = span_begin(&c, SPAN_REQUEST, "POST /here"), *open = span_begin(&c, SPAN_STEP, "still open");
    const char *batch = taken(&c, 100000);
    g_assert_null(batch ? strstr(batch, "|POST /here|") : NULL);
    span_end(&c, open, 0);
    uint64_t cause = span_id(&c);
    span_end(&c, request, 0);
    batch = taken(&c, 100000);
    g_assert_nonnull(strstr(batch, "|POST /here|"));
    g_assert_nonnull(strstr(batch, "|still open|"));
    g_assert_null(taken(&c, 100000));

    int64_t began = clock_us() - 10000000;
    const char *parent = ctx_printf(&c, "%016" PRIx64, cause);
    g_assert_true(put(&c, ctx_printf(&c, "2|80000001|7|compute|far|100001|%s|%" PRIx64 "|1388|0|2|%s|^|^|compute spawn|^|"
                                         "100002|100001|%" PRIx64 "|7d0|0|6|^|^|^|sim spawn|^|", parent, began, c.request_id, began + 1000)));
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
    ctx_clear(&c);
}

/* A batch is handed out in parts, and says all that a span says, whatever bytes are in it. */
static void test_batch(void)
{
    struct ctx c;
    struct slot spans[3] = {}, read = {};
    struct buf all = {};
    struct batch batch;
    size_t n = 0, parts = 0;

    ctx_init(&c, NULL, "req-batch");
    taken(&c, 100000);
    for (size_t i = 0; i < 3; i++) {
        struct slot *s = &spans[i];

        *s = (struct slot){ .id = (uint64_t)0x80000002 << 32 | (i + 1), .began_us = 1700000000000000 + (int64_t)i, .kind = SPAN_STEP };
        slot_text(s->request_id, sizeof(s->request_id), "req-^|%22");
        slot_text(s->name, sizeof(s->name), i ? "a \"name\" with \\, | ^ % \xc3\xa9 \x01 \x7f" : "");
    }
    spans[1].parent = spans[0].id;
    spans[2].parent = ((uint64_t)1 << 63) + 5;
    spans[1].took_us = SPAN_OPEN;
    spans[2].took_us = INT32_MAX;
    spans[2].status = -9;
    memset(spans[2].fault, '"', sizeof(spans[2].fault) - 1);
    batch_begin(&all, &(struct ring_process){ .tag = 0x80000002, .pid = 77, .name = "a|b", .host = "h" });
    for (size_t i = 0; i < 3; i++)
        batch_add(&all, &spans[i], i ? &spans[i - 1] : &(struct slot){});
    for (size_t i = 0; i < all.len; i++)
        g_assert_true(all.data[i] >= ' ' && all.data[i] < 127 && all.data[i] != '"' && all.data[i] != '\\');
    g_assert_true(batch_open(&c, &batch, all.data, all.len));
    g_assert_cmpuint(batch.process.pid, ==, 77);
    g_assert_cmpstr(batch.process.name, ==, "a|b");
    for (; !batch_is_read(&batch); n++) {
        g_assert_true(batch_next(&c, &batch, &read));
        g_assert_cmpmem(&read, sizeof(read), &spans[n], sizeof(read));
    }
    g_assert_cmpuint(n, ==, 3);

    for (int i = 0; i < 10; i++)
        span_end(&c, span_begin(&c, SPAN_COMMAND, "part %d", i), 0);
    for (const char *part; (part = taken(&c, 4)); parts++) {
        g_assert_true(batch_open(&c, &batch, part, strlen(part)));
        g_assert_cmpuint(batch.process.tag, ==, ring_tag());
        memset(&read, 0, sizeof(read));
        g_assert_true(batch_next(&c, &batch, &read));
        g_assert_cmpstr(read.name, ==, ctx_printf(&c, "part %zu", 4 * parts));
        g_assert_cmpstr(read.request_id, ==, "req-batch");
    }
    g_assert_cmpuint(parts, ==, 3);
    buf_clear(&all);
    ctx_clear(&c);
}

/* What a terminal or JSON cannot hold: shown as ?. */
static void test_printable(void)
{
    struct ctx c;
    struct buf b = {};

    ctx_init(&c, NULL, "req-printable");
    span_end(&c, span_begin(&c, SPAN_CALL, "\033[2J bell \a, caf\xc3\xa9, half \xc3"), 0);
    g_assert_nonnull(strstr(text_of(&c, c.request_id), "call ?[2J bell ?, caf\xc3\xa9, half ?\n"));
    g_assert_true(trace_print(&c, path, c.request_id, TRACE_JSON, &b));
    json_t *tree = json_loads(b.data, 0, NULL);
    g_assert_cmpstr(json_get_string(json_array_get(tree, 0), "name"), ==, "?[2J bell ?, caf\xc3\xa9, half ?");
    json_decref(tree);
    buf_clear(&b);
    ctx_clear(&c);
}

/* What is no batch, or one of another format, is refused with the reason; whole spans before the fault stay. */
static void test_refused(void)
{
    static const struct { const char *batch, *why; } wrong[] = {
        { "", "That is no batch of spans." },
        { "2", "That is no batch of spans." },
        { "x|", "That is no batch of spans." },
        { "1|80000001|7|compute|far|", "Batches of spans of format 1 are not known here." },
        { "3|what that one says", "Batches of spans of format 3 are not known here." },
        { "2|0|7|compute|far|", "That batch of spans does not say whose it is." },
        { "2|180000001|7|compute|far|", "That batch of spans does not say whose it is." },
        { "2|80000001|7|compute", "That batch of spans does not say whose it is." },
        { "2|80000001|7|compute|far|7", "That is no span." },
        { "2|80000001|7|compute|far|1||1|1|0|2|req-refused|^|^|no parent|^|", "That is no span." },
        { "2|80000001|7|compute|far|1|0|1|1|0|100|req-refused|^|^|a kind of two bytes|^|", "That is no span." },
        { "2|80000001|7|compute|far|1|0|ffffffffffffffff|1|0|1|req-refused|^|^|long ago|^|", "That is no span." },
        { "2|80000001|7|compute|far|1|0|1|1|0|1|req-refused|^|^|half an escape %4|^|", "That is no span." },
        { "2|80000001|7|compute|far|1|0|1|1|0|1|req-refused|^|^|NUL %00|^|", "That is no span." },
        { "2|80000001|7|compute|far|1|0|1|1|0|1|req-refused|^|^|bare \x01|^|", "That is no span." },
        { "2|80000001|7|compute|far|1|0|1|1|0|1|req-refused|^|^|cut", "That is no span." },
    };
    struct ctx c;
    struct buf b = {};

    ctx_init(&c, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(put(&c, wrong[i].batch));
        g_assert_cmpint(c.fault.status, ==, 400);
        g_assert_cmpstr(c.fault.message, ==, wrong[i].why);
        fault_clear(&c);
    }
    g_assert_false(trace_print(&c, path, "req-refused", TRACE_TEXT, &b));
    fault_clear(&c);
    g_assert_false(put(&c, "2|80000001|7|compute|far|1|0|1|1|0|1|req-refused|^|^|whole|^|2|zzz"));
    g_assert_nonnull(strstr(text_of(&c, "req-refused"), "call whole"));
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

/* Paused by another process that has mapped the file too: what was open is ended, nothing begins, nothing is
 * handed out. */
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
    g_assert_null(taken(&c, 100));
    ring->paused = 0;
    g_assert_nonnull(strstr(taken(&c, 100000), "|before|"));
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
    g_test_add_func("/trace/batch", test_batch);
    g_test_add_func("/trace/refused", test_refused);
    g_test_add_func("/trace/printable", test_printable);
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
