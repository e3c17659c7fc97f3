/* Records: defaults, what a body may say, how members are written. */
#include "oslo/record/record.h"

#include <locale.h>

struct thing {
    char *id, *name, *kind;
    bool up;
    int64_t mtu;
    opt_int vlan;
    raw_json tags;
    utc_time created_at;
};

static const struct attr thing_attrs[] = {
    ATTR(struct thing, id, FILTER),
    ATTR(struct thing, name, CREATE | UPDATE | REQUIRED, .max = 5),
    ATTR(struct thing, kind, CREATE, ONE_OF("flat", "vlan"), .json = "thing:kind", .unset = "flat"),
    ATTR(struct thing, up, CREATE | UPDATE, .unset = "true"),
    ATTR(struct thing, mtu, CREATE, .min = 68, .max = 9000, .unset = "1500", .since = V(2, 5)),
    ATTR(struct thing, vlan, CREATE | NULLABLE),
    ATTR(struct thing, tags, UPDATE, .unset = "[]"),
    ATTR(struct thing, created_at, 0),
    {}
};

static enum invalid_why judged(const char *body, int version, const char **ret_name)
{
    struct ctx c;
    struct invalid invalid = { 0 };
    static char name[64];

    ctx_init(&c, NULL, NULL);
    c.version = version;
    if (record_read_json(&c, thing_attrs, record_new(&c, thing_attrs, sizeof(struct thing)),
                         json_read(&c, body, strlen(body)), VERB_CREATE, &invalid))
        invalid.why = NOT_WRONG;
    g_strlcpy(name, invalid.name ? invalid.name : "", sizeof(name));
    if (ret_name)
        *ret_name = name;
    ctx_clear(&c);
    return invalid.why;
}

static void test_judging(void)
{
    const char *name;

    g_assert_cmpint(judged("{\"name\": \"a\"}", 0, NULL), ==, NOT_WRONG);
    g_assert_cmpint(judged("{}", 0, &name), ==, IS_MISSING);
    g_assert_cmpstr(name, ==, "name");
    g_assert_cmpint(judged("{\"name\": \"\u00e9\u00e9\u00e9\u00e9\u00e9\"}", 0, NULL), ==, NOT_WRONG);
    g_assert_cmpint(judged("{\"name\": \"sechse\"}", 0, NULL), ==, TOO_LONG);
    g_assert_cmpint(judged("{\"name\": 3}", 0, NULL), ==, WRONG_TYPE);
    g_assert_cmpint(judged("{\"name\": null}", 0, NULL), ==, IS_NULL);
    g_assert_cmpint(judged("{\"name\": \"a\", \"id\": \"x\"}", 0, &name), ==, IS_READ_ONLY);
    g_assert_cmpstr(name, ==, "id");
    g_assert_cmpint(judged("{\"name\": \"a\", \"thing:kind\": \"vxlan\"}", 0, &name), ==, NOT_A_CHOICE);
    g_assert_cmpstr(name, ==, "thing:kind");
    g_assert_cmpint(judged("{\"name\": \"a\", \"kind\": \"flat\"}", 0, NULL), ==, IS_UNKNOWN);
    g_assert_cmpint(judged("{\"name\": \"a\", \"mtu\": 1500}", V(2, 4), NULL), ==, IS_UNKNOWN);
    g_assert_cmpint(judged("{\"name\": \"a\", \"mtu\": 67}", V(2, 5), NULL), ==, TOO_SMALL);
    g_assert_cmpint(judged("{\"name\": \"a\", \"mtu\": \"9001\"}", V(2, 5), NULL), ==, TOO_LARGE);
    g_assert_cmpint(judged("{\"name\": \"a\", \"vlan\": null}", 0, NULL), ==, NOT_WRONG);
}

static void test_writing(void)
{
    struct ctx c;
    struct buf text = { 0 };
    struct out o = { .to = &text, .times = TIME_ISO_Z };
    struct thing *thing;

    ctx_init(&c, NULL, NULL);
    thing = record_new(&c, thing_attrs, sizeof(*thing));
    thing->name = ctx_strdup(&c, "a\"\\\n\x01\u00e9");
    thing->created_at.us = 86400 * 1000000LL;
    out_object(&o, NULL);
    record_write(&o, thing_attrs, thing, &(struct record_view){ .version = V(2, 4) });
    out_end_object(&o);
    g_assert_cmpstr(text.data, ==, "{\"id\": null, \"name\": \"a\\\"\\\\\\n\\u0001\u00e9\", \"thing:kind\": \"flat\", \"up\": true, "
                    "\"vlan\": null, \"tags\": [], \"created_at\": \"1970-01-02T00:00:00Z\"}");
    buf_clear(&text);
    ctx_clear(&c);
}

static void test_bodies(void)
{
    struct ctx c;
    struct buf deep = { 0 };

    ctx_init(&c, NULL, NULL);
    for (int i = 0; i < 100000; i++)
        buf_putc(&deep, '[');
    g_assert_null(json_read(&c, deep.data, deep.len));
    g_assert_cmpint(c.fault.status, ==, 400);
    fault_clear(&c);
    g_assert_null(json_read(&c, "{\"a\": \"\\u0000\"}", 15));
    fault_clear(&c);
    g_assert_null(json_read(&c, "{\"a\": \"\xff\"}", 10));
    fault_clear(&c);
    g_assert_nonnull(json_read(&c, "{\"a\": \"[[\\\"[\"}", 14));
    buf_clear(&deep);
    ctx_clear(&c);
}

static void test_reals(void)
{
    struct buf text = { 0 };
    struct out o = { .to = &text };

    out_array(&o, NULL);
    out_real(&o, NULL, 0.1);
    out_real(&o, NULL, 4);
    out_real(&o, NULL, 1.0 / 3);
    out_end_array(&o);
    g_assert_cmpstr(text.data, ==, "[0.1, 4.0, 0.3333333333333333]");
    buf_clear(&text);
}

/* Every byte, and kinds of values, in a text of another JSON: what comes out of both is what went in. */
static void test_within(void)
{
    struct buf text = {};
    char bytes[256], *inner;
    json_t *outer, *tree;

    for (int i = 0; i < 255; i++)
        bytes[i] = (char)(i + 1 < 0x80 ? i + 1 : ' ');
    bytes[255] = 0;
    buf_puts(&text, "{\"a\": \"");
    struct out o = { .to = &text, .within = true, .times = TIME_ISO_Z };
    tree = json_pack("{s:[s, {s:n}]}", "k\"ey", bytes, "");
    out_object(&o, NULL);
    out_string(&o, "b\"\\", bytes);
    out_string(&o, "\xc3\xa9", "\xe2\x82\xac\n");
    out_time(&o, "at", (utc_time){ 1 });
    out_raw(&o, "raw", "[\"\\\"\"]");
    out_json(&o, "tree", tree);
    out_end_object(&o);
    buf_puts(&text, "\"}");
    outer = json_loads(text.data, 0, NULL);
    g_assert_nonnull(outer);
    inner = g_strdup(json_string_value(json_object_get(outer, "a")));
    json_decref(outer);
    outer = json_loads(inner, 0, NULL);
    g_assert_nonnull(outer);
    g_assert_cmpstr(json_string_value(json_object_get(outer, "b\"\\")), ==, bytes);
    g_assert_cmpstr(json_string_value(json_object_get(outer, "\xc3\xa9")), ==, "\xe2\x82\xac\n");
    g_assert_cmpstr(json_string_value(json_object_get(outer, "at")), ==, "1970-01-01T00:00:00Z");
    g_assert_cmpstr(json_string_value(json_array_get(json_object_get(outer, "raw"), 0)), ==, "\"");
    g_assert_true(json_equal(json_object_get(outer, "tree"), tree));
    json_decref(outer);
    json_decref(tree);
    g_free(inner);
    buf_clear(&text);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/judging", test_judging);
    g_test_add_func("/record/writing", test_writing);
    g_test_add_func("/record/bodies", test_bodies);
    g_test_add_func("/record/reals", test_reals);
    g_test_add_func("/record/within", test_within);
    return g_test_run();
}
