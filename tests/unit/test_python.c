/* Values as Python writes them. */
#include "oslo/record/python.h"

#include <string.h>

static const struct { const char *json, *printed; } printed[] = {
    { "{\"type\": \"integer\", \"a\": [1, 2.0, null, true]}", "{'a': [1, 2.0, None, True], 'type': 'integer'}" },
    { "{\"description\": \"Amount of disk space (in GB) required to boot image. And more words to fill the line\", \"type\": \"integer\"}",
      "{'description': 'Amount of disk space (in GB) required to boot image. '\n"
      "                'And more words to fill the line',\n"
      " 'type': 'integer'}" },
    { "\"word word word word word word word word word word word word word word word word word word\"",
      "('word word word word word word word word word word word word word '\n"
      " 'word word word word word')" },
    { "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
      "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'" },
    { "{}", "{}" },
    { "\"it's\"", "\"it's\"" },
};

static void test_pprint(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(printed); i++) {
        json_t *value = json_loads(printed[i].json, JSON_DECODE_ANY, NULL);
        struct buf text = { 0 };

        python_pprint(&text, value);
        g_assert_cmpstr(text.data, ==, printed[i].printed);
        buf_clear(&text);
        json_decref(value);
    }
}

static void complaints_name_the_place(void)
{
    static const struct { const char *text, *message; } cases[] = {
        { "", "Expecting value: line 1 column 1 (char 0)" },
        { "{\"nam", "Unterminated string starting at: line 1 column 2 (char 1)" },
        { "{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)" },
        { "[1,", "Expecting value: line 1 column 4 (char 3)" },
        { "[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)" },
        { "{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)" },
        { "{\"a\": }", "Expecting value: line 1 column 7 (char 6)" },
        { "{a: 1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)" },
        { "{\"a\": 1,}", "Expecting property name enclosed in double quotes: line 1 column 9 (char 8)" },
        { "[1,]", "Expecting value: line 1 column 4 (char 3)" },
        { "nul", "Expecting value: line 1 column 1 (char 0)" },
        { "{\"a\": 1} x", "Extra data: line 1 column 10 (char 9)" },
        { "\"a\\x\"", "Invalid \\escape: line 1 column 3 (char 2)" },
        { "\"\\u12\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)" },
        { "\"a\tb\"", "Invalid control character at: line 1 column 3 (char 2)" },
        { "-", "Expecting value: line 1 column 1 (char 0)" },
        { "01", "Extra data: line 1 column 2 (char 1)" },
        { "{\"a\":\n {\"b\": [1,\n 2 3]}}", "Expecting ',' delimiter: line 3 column 4 (char 20)" },
        { "[1.]", "Expecting ',' delimiter: line 1 column 3 (char 2)" },
        { "{\"a\": 1", "Expecting ',' delimiter: line 1 column 8 (char 7)" },
        { "é", "Expecting value: line 1 column 1 (char 0)" },
        { "[\"é\" x]", "Expecting ',' delimiter: line 1 column 6 (char 5)" },
        { "1e", "Extra data: line 1 column 2 (char 1)" },
        { "tru", "Expecting value: line 1 column 1 (char 0)" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct buf to = { 0 };

        python_json_error(&to, cases[i].text, strlen(cases[i].text));
        g_assert_cmpstr(to.data, ==, cases[i].message);
        buf_clear(&to);
    }
}

static void assert_written(void (*write)(struct buf *, const json_t *), const char *json, const char *python)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    struct buf to = { 0 };

    g_assert_nonnull(value);
    write(&to, value);
    g_assert_cmpstr(to.data, ==, python);
    buf_clear(&to);
    json_decref(value);
}

static void values_as_repr(void)
{
    assert_written(python_repr, "{\"a\": [1, 1.5, true, null, \"it's\"], \"b\": {}}", "{'a': [1, 1.5, True, None, \"it's\"], 'b': {}}");
    assert_written(python_repr, "\"a\\n\\u0001\\u00e9\"", "'a\\n\\x01\xc3\xa9'");
    assert_written(python_repr, "2.0", "2.0");
    assert_written(python_str, "\"plain\"", "plain");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/python/pprint", test_pprint);
    g_test_add_func("/python/repr", values_as_repr);
    g_test_add_func("/python/complaints", complaints_name_the_place);
    return g_test_run();
}
