/* Answers that take their time: what is sent before, between and behind the pieces. */
#include "oslo/base/text.h"
#include "swift/slow.h"

struct work { int pieces, done, ended; bool begun; };

static bool more(struct ctx *c, void *data)
{
    struct work *w = data;

    if (w->done == w->pieces)
        return false;
    for (int64_t now = clock_mono_us(); clock_mono_us() < now + 2;)
        ;
    w->done++;
    return true;
}

static void end(struct ctx *c, void *data, bool begun, struct swift_response *response)
{
    struct work *w = data;

    w->ended++;
    w->begun = begun;
    response_text(c, response, 418, "text/x-end", "all of it");
}

/* How the response reads, with its status before it; read n bytes at a time. */
static void check(struct slow slow, int pieces, size_t n, const char *wanted)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct work w = { .pieces = pieces };
    struct buf text = {};
    char bytes[64];
    struct ctx c;
    ssize_t got;

    ctx_init(&c, NULL, NULL);
    slow.more = more;
    slow.end = end;
    slow.data = &w;
    response_slowly(&c, &response, &slow);
    buf_printf(&text, "%d %s: ", response.status, response_get(&response, "Content-Type"));
    while ((got = response_take(&c, &response, bytes, n)) > 0)
        buf_add(&text, bytes, (size_t)got);
    g_assert_cmpint(got, ==, 0);
    g_assert_cmpint(w.done, ==, pieces);
    g_assert_cmpint(w.ended, ==, 1);
    g_assert_cmpstr(text.data, ==, wanted);
    g_assert_cmpint(w.begun, ==, response.status != 418);
    response_close(&response);
    buf_clear(&text);
    ctx_clear(&c);
}

static void test_in_time(void)
{
    check((struct slow){ .every_us = INT64_MAX, .status = 202, .type = "text/x-slow", .between = "|" }, 3, 64, "418 text/x-end: all of it");
    check((struct slow){ .every_us = 0, .status = 202, .type = "text/x-slow", .between = "|" }, 0, 64, "418 text/x-end: all of it");
}

static void test_blanks(void)
{
    check((struct slow){ .every_us = 0, .status = 202, .type = "text/x-slow", .between = "|" }, 3, 64, "202 text/x-slow:    |all of it");
    check((struct slow){ .every_us = 0, .status = 202, .type = "text/x-slow", .between = "|", .first = "<?xml?>" }, 3, 2, "202 text/x-slow: <?xml?>  |all of it");
    check((struct slow){ .every_us = INT64_MAX, .at_once = true, .status = 202, .type = "text/x-slow", .between = "\r\n\r\n" }, 3, 64,
          "202 text/x-slow:  \r\n\r\nall of it");
    check((struct slow){ .every_us = 0, .at_once = true, .status = 202, .type = "text/x-slow", .between = "" }, 2, 1, "202 text/x-slow:    all of it");
}

/* Who goes in the middle leaves nothing behind, and what was to be done after that is not done. */
static void test_left(void)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct work w = { .pieces = 100 };
    char byte;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    response_slowly(&c, &response, &(struct slow){ more, end, &w, .status = 200, .type = "text/x-slow", .between = "" });
    g_assert_cmpint(response_take(&c, &response, &byte, 1), ==, 1);
    g_assert_cmpint(w.done, <, 100);
    g_assert_cmpint(w.ended, ==, 0);
    response_close(&response);
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/slow/in-time", test_in_time);
    g_test_add_func("/slow/blanks", test_blanks);
    g_test_add_func("/slow/left", test_left);
    return g_test_run();
}
