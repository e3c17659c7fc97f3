/* Running commands: output, input, exit codes, deadlines, what is left behind. */
#include <signal.h>
#include <string.h>

#include "oslo/privsep/run.h"
#include "oslo/base/text.h"

static void test_output(void)
{
    struct run run = {};
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(run_argv(&c, &run, (const char *const[]){ "sh", "-c", "echo out; echo err >&2", NULL }));
    g_assert_cmpstr(run.output, ==, "out\n");
    g_assert_cmpstr(run.error, ==, "err\n");
    g_assert_cmpint(run.exit_code, ==, 0);
    ctx_clear(&c);
}

static void test_large_input(void)
{
    g_autofree char *text = g_strnfill(3 << 20, 'x');
    struct run run = { .input = text };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(run_argv(&c, &run, (const char *const[]){ "cat", NULL }));
    g_assert_cmpuint(strlen(run.output), ==, 3 << 20);
    run = (struct run){ .input = text };
    g_assert_true(run_argv(&c, &run, (const char *const[]){ "true", NULL }));    /* does not read it */
    ctx_clear(&c);
}

static void test_exit_codes(void)
{
    struct run run = { .quiet = true };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(run_argv(&c, &run, (const char *const[]){ "sh", "-c", "exit 3", NULL }));
    g_assert_cmpint(run.exit_code, ==, 3);
    g_assert_true(run_argv(&c, &run, (const char *const[]){ "sh", "-c", "kill -9 $$", NULL }));
    g_assert_cmpint(run.exit_code, ==, 128 + 9);
    g_assert_false(RUN(&c, "sh", "-c", "echo why >&2; exit 2"));
    g_assert_cmpstr(c.fault.type, ==, "ProcessExecutionError");
    g_assert_cmpstr(c.fault.detail, ==, "why\n");
    fault_clear(&c);
    g_assert_false(RUN(&c, "/no/such/program"));
    g_assert_nonnull(strstr(c.fault.message, "/no/such/program"));
    ctx_clear(&c);
}

static void test_deadline(void)
{
    struct run run = { .timeout_us = 100000 };
    int64_t began = clock_mono_us();
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_false(run_argv(&c, &run, (const char *const[]){ "sh", "-c", "sleep 300 & sleep 300", NULL }));
    g_assert_cmpint(c.fault.status, ==, 504);
    g_assert_cmpint(clock_mono_us() - began, <, 200000000);
    ctx_clear(&c);
}

/* A daemon keeps the streams open; the command has ended all the same. */
static void test_background(void)
{
    int64_t began = clock_mono_us();
    struct run run = {};
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(run_argv(&c, &run, (const char *const[]){ "sh", "-c", "sleep 60 & echo started", NULL }));
    g_assert_cmpstr(run.output, ==, "started\n");
    g_assert_cmpint(clock_mono_us() - began, <, 50000000);
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/run/output", test_output);
    g_test_add_func("/run/large_input", test_large_input);
    g_test_add_func("/run/exit_codes", test_exit_codes);
    g_test_add_func("/run/deadline", test_deadline);
    g_test_add_func("/run/background", test_background);
    return g_test_run();
}
