/* Plain JSON is read as jansson reads it; what is not plain, and what is wrong, is not read at all. */
#include "oslo/record/plain.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static json_t *read_all(const char *text)
{
    struct plain p = { text, text + strlen(text) };
    json_t *tree = plain_tree(&p);

    if (tree && !plain_over(&p))
        g_clear_pointer(&tree, json_decref);
    return tree;
}

static void test_plain(void)
{
    static const char *const texts[] = {
        "{}", "[]", " \n\t\r{ } ", "\"\"", "\"a b'/~\"", "0", "-0", "7", "-17", "999999999999999999", "true", "false", "null", "[1, \"a\", [], {}]",
        "{\"b\": 1, \"a\": {\"n\": null}, \"b\": [true, false]}", "{\"\": \"\"}", NULL
    };

    for (const char *const *text = texts; *text; text++) {
        json_t *plain = read_all(*text), *tree = json_loads(*text, JSON_DECODE_ANY, NULL);

        g_assert_nonnull(plain);
        char *a = json_dumps(plain, JSON_ENCODE_ANY), *b = json_dumps(tree, JSON_ENCODE_ANY);
        g_assert_cmpstr(a, ==, b);
        free(a);
        free(b);
        json_decref(plain);
        json_decref(tree);
    }
}

static void test_not_plain(void)
{
    static const char *const texts[] = {
        "", " ", "{", "}", "[", "[1", "[1,", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\": 1,}", "{a: 1}", "{1: 1}", "{} {}", "1 1", "\"a", "\"a\nb\"", "\"a\n1",
        "\"\\n\"", "\"\\u0041\"", "\"h\xc3\xa9\"", "\"\xff\"", "\"\x7f\"", "01", "-", "-01", "+1", "1.5", "1e3", ".5", "1000000000000000000", "truex", "nul", "True",
        "NaN", "'a'", NULL
    };

    for (const char *const *text = texts; *text; text++) {
        json_t *tree = read_all(*text);

        g_assert_null(tree);
    }
}

/* So deep that whoever reads it by calls of itself would run out of stack. */
static void test_deep(void)
{
    g_autofree char *text = g_strnfill(1000000, '[');

    g_assert_null(read_all(text));
}

static void test_text(void)
{
    const char *line = " \"a\" : \"b\\\"\"", *text;
    struct plain p = { line, line + strlen(line) };
    size_t n;

    g_assert_true(plain_text(&p, &text, &n));
    g_assert_cmpmem(text, n, "a", 1);
    g_assert_false(plain_at(&p, '"'));
    g_assert_true(plain_at(&p, ':'));
    g_assert_true(plain_is(&p, ':'));
    g_assert_true(plain_at(&p, '"'));
    g_assert_false(plain_text(&p, &text, &n));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plain/plain", test_plain);
    g_test_add_func("/plain/not_plain", test_not_plain);
    g_test_add_func("/plain/deep", test_deep);
    g_test_add_func("/plain/text", test_text);
    return g_test_run();
}
