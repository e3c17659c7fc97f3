/* Spans: written cheaply, read back as a tree, kept when their process is killed. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oslo/base/text.h"
#include "oslo/record/record.h"
#include "oslo/trace/trace.h"

static char path[64];

static char *text_of(struct ctx *c, const char *id)
{
    struct buf b = {};
    char *text;

    g_assert_true(trace_print(c, path, id, false, &b));
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
    g_assert_true(trace_print(&reader, path, c.request_id, true, &b));
    json_t *tree = json_loads(b.data, 0, NULL);
    json_t *root = json_array_get(tree, 0), *child = json_array_get(json_object_get(root, "children"), 0);
    g_assert_cmpuint(json_array_size(tree), ==, 1);
    g_assert_cmpstr(json_get_string(child, "name"), ==, "build:networking");
    g_assert_cmpint(json_get_int(json_array_get(json_object_get(child, "children"), 0), "status", 0), ==, 404);
    json_decref(tree);
    buf_clear(&b);
    g_assert_false(trace_print(&reader, path, "req-nobody", false, &b));
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
    g_assert_false(trace_print(&reader, path, "req-old", false, &b));
    fault_clear(&reader);
    g_assert_nonnull(strstr(text_of(&reader, "req-new"), "new 4999"));
    ctx_clear(&reader);
    ctx_clear(&c);
}

static void test_cost(void)
{
    enum { SPANS = 200000 };
    int64_t began = clock_mono_us();

    for (int i = 0; i < SPANS / 20; i++) {
        struct ctx c;

        ctx_init(&c, NULL, "req-cost");
        for (int j = 0; j < 20; j++)
            span_end(&c, span_begin(&c, SPAN_SQL, "%s %s", "SELECT", "ports"), 0);
        ctx_clear(&c);
    }
    g_test_message("%.0f ns a span", (double)(clock_mono_us() - began) * 1000 / SPANS);
    g_assert_cmpint(clock_mono_us() - began, <, SPANS * 20);     /* a sanitizer's 20 us is still a bound */
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
    g_test_add_func("/trace/wraps", test_wraps);
    g_test_add_func("/trace/cost", test_cost);
    status = g_test_run();
    trace_close();
    unlink(path);
    ctx_clear(&c);
    return status;
}
