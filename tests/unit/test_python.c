/* Values as Python writes them. */
#include "oslo/record/python.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/python/pprint", test_pprint);
    return g_test_run();
}
