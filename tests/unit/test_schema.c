/* JSON schemas, in the words of Python's jsonschema: what str(ValidationError) says there. */
#include <string.h>

#include "oslo/record/record.h"
#include "oslo/record/schema.h"

static const char text[] =
    "{\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 4, \"pattern\": \"^[a-z]+$\"},"
    " \"thing\": {\"type\": \"object\", \"properties\": {\"name\": {\"$ref\": \"name\"}, \"size\": {\"type\": [\"integer\", \"null\"], \"minimum\": 1},"
    "   \"late\": {\"since\": \"1.5\", \"type\": \"string\"}}, \"required\": [\"name\"], \"maxProperties\": 2, \"additionalProperties\": false},"
    " \"either\": {\"oneOf\": [{\"required\": [\"a\"]}, {\"required\": [\"b\"]}]},"
    " \"neither\": {\"not\": {\"required\": [\"a\"]}},"
    " \"parent\": {\"anyOf\": [{\"type\": \"string\", \"format\": \"uuid\"}, {\"type\": \"null\"}]},"
    " \"share\": {\"minimum\": 0, \"exclusiveMinimum\": true, \"maximum\": 10},"
    " \"tags\": {\"additionalProperties\": {\"$ref\": \"name\"}},"
    " \"metadata\": {\"patternProperties\": {\"^[a-z]+$\": {\"type\": \"string\"}}, \"additionalProperties\": false},"
    " \"ways\": {\"required\": [], \"required_since\": {\"old\": \"1.2\", \"new\": \"1.4\"}, \"required_until\": {\"old\": \"1.3\"}},"
    " \"list\": {\"type\": \"array\", \"items\": {\"$ref\": \"name\"}, \"minItems\": 1, \"maxItems\": 2, \"uniqueItems\": true}}";

static bool is_short(const char *value)
{
    return strlen(value) < 3;
}

static const struct schema_format formats[] = { { "uuid", is_short, .reason = "short" }, {} };
static const struct schema_dialect first_told = { .tells = SCHEMA_FIRST }, best_told = { .tells = SCHEMA_BEST };
static const struct schema_dialect loose = { .tells = SCHEMA_FIRST, .formats = formats, .numbers_in_text = true };
static struct schemas *first, *best, *loosely;       /* never freed */

static struct schemas *schemas_in(const struct schema_dialect *dialect)
{
    struct schemas *schemas;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    schemas = schemas_new(&c, text, dialect);
    ctx_clear(&c);
    return schemas;
}

/* The first line of what is wrong, "" if nothing is, with where before it. */
static char *says(struct schemas *schemas, const char *name, const char *json, int version)
{
    struct ctx c;
    const char *path = "";

    ctx_init(&c, NULL, NULL);
    c.version = version;
    json_t *value = ctx_json(&c, json_loads(json, JSON_DECODE_ANY, NULL));
    const char *wrong = schema_wrong(&c, schemas, name, value, &path);
    char *line = wrong ? g_strdup_printf("%s|%.*s", path, (int)strcspn(wrong, "\n"), wrong) : g_strdup("");
    ctx_clear(&c);
    return line;
}

static void check_in(struct schemas *schemas, const char *name, const char *json, const char *wanted)
{
    g_autofree char *line = says(schemas, name, json, 0);

    g_assert_cmpstr(line, ==, wanted);
}

static void check(const char *name, const char *json, const char *wanted)
{
    check_in(first, name, json, wanted);
}

static void test_words(void)
{
    check("thing", "{\"name\": \"oak\"}", "");
    check("thing", "[]", "|[] is not of type 'object'");
    check("thing", "{}", "|'name' is a required property");
    check("thing", "{\"name\": \"\"}", "name|'' is too short");
    check("thing", "{\"name\": \"maples\"}", "name|'maples' is too long");
    check("thing", "{\"name\": \"OAK\"}", "name|'OAK' does not match '^[a-z]+$'");
    check("thing", "{\"name\": \"oak\", \"size\": 0}", "size|0 is less than the minimum of 1");
    check("thing", "{\"name\": \"oak\", \"size\": true}", "size|True is not of type 'integer', 'null'");
    check("thing", "{\"name\": \"oak\", \"age\": 1}", "|Additional properties are not allowed ('age' was unexpected)");
    check("thing", "{\"name\": \"oak\", \"a\": 1, \"b\": 2}", "|{'name': 'oak', 'a': 1, 'b': 2} has too many properties");
    check("either", "{}", "|{} is not valid under any of the given schemas");
    check("either", "{\"a\": 1, \"b\": 1}", "|{'a': 1, 'b': 1} is valid under each of {'required': ['b']}, {'required': ['a']}");
    check("either", "{\"b\": 1}", "");
    check("neither", "{\"a\": 1}", "|{'a': 1} should not be valid under {'required': ['a']}");
    check("list", "[]", "|[] is too short");
    check("list", "[\"a\", \"b\", \"c\"]", "|['a', 'b', 'c'] is too long");
    check("list", "[\"a\", \"a\"]", "|['a', 'a'] has non-unique elements");
    check("list", "[\"a\", 2]", "1|2 is not of type 'string'");
    check("nowhere", "{}", "");
    check("share", "0", "|0 is less than or equal to the minimum of 0");
    check("share", "\"0\"", "");
    check("share", "11", "|11 is greater than the maximum of 10");
    check("tags", "{\"a\": \"oak\", \"b\": 1}", "b|1 is not of type 'string'");
    check("metadata", "{\"a\": \"\", \"B\": \"\", \"A\": \"\"}", "|'A', 'B' do not match any of the regexes: '^[a-z]+$'");
}

static void test_ways(void)
{
    check_in(first, "thing", "{\"name\": 1, \"age\": 1}", "name|1 is not of type 'string'");
    check_in(best, "thing", "{\"name\": 1, \"age\": 1}", "|Additional properties are not allowed ('age' was unexpected)");
    check_in(first, "thing", "{\"name\": \"oak\", \"size\": 1.0}", "size|1.0 is not of type 'integer', 'null'");
    check_in(best, "thing", "{\"name\": \"oak\", \"size\": 1.0}", "");
    check_in(first, "parent", "\"x\"", "|'x' is not valid under any of the given schemas");
    check_in(best, "parent", "\"x\"", "|'x' is not a 'uuid'");
    check_in(best, "parent", "5", "|5 is not valid under any of the given schemas");      /* no branch tells more than the other */
    check_in(best, "parent", "null", "");
}

/* What a dialect allows: its own formats, and numbers in text. */
static void test_dialect(void)
{
    struct schemas *schemas = loosely;
    struct schema_fault fault;
    struct ctx c;

    check_in(schemas, "share", "\"0\"", "|0 is less than or equal to the minimum of 0");
    check_in(schemas, "share", "\"0.5\"", "");
    check_in(schemas, "share", "\"10.5\"", "|10.5 is greater than the maximum of 10");
    check_in(schemas, "share", "10.5", "");              /* int() of it is 10 */
    check_in(schemas, "share", "\"many\"", "");
    check_in(schemas, "parent", "\"x\"", "");
    ctx_init(&c, NULL, NULL);
    g_assert_false(schema_fits(&c, schemas, "parent", ctx_json(&c, json_string("long")), &fault));
    g_assert_null(fault.reason);                         /* of a branch nobody is told */
    g_assert_true(schema_fits(&c, schemas, "parent", NULL, &fault));
    g_assert_false(schema_fits(&c, schemas, "list", ctx_json(&c, json_pack("[s, i]", "a", 5)), &fault));
    g_assert_cmpstr(fault.message, ==, "5 is not of type 'string'");
    g_assert_cmpstr(fault.first, ==, "1");
    g_assert_cmpstr(fault.last, ==, "1");
    ctx_clear(&c);
}

static void test_versions(void)
{
    static const struct { const char *name, *json, *wanted; int version; } rows[] = {
        { "thing", "{\"name\": \"oak\", \"late\": \"x\"}", "|Additional properties are not allowed ('late' was unexpected)", V(1, 4) },
        { "thing", "{\"name\": \"oak\", \"late\": \"x\"}", "", V(1, 5) },
        { "ways", "{}", "", V(1, 1) },
        { "ways", "{}", "|'old' is a required property", V(1, 3) },
        { "ways", "{}", "|'new' is a required property", V(1, 4) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = says(best, rows[i].name, rows[i].json, rows[i].version);

        g_assert_cmpstr(line, ==, rows[i].wanted);
    }
    g_assert_true(schema_knows(schema_at(best, "thing", V(1, 5)), "late"));
    g_assert_false(schema_knows(schema_at(best, "thing", V(1, 4)), "late"));
    g_assert_true(schema_knows(schema_at(best, "metadata", 0), "a"));
    g_assert_null(schema_at(best, "nowhere", 0));
}

static void test_whole(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    json_t *value = ctx_json(&c, json_loads("{\"name\": \"\"}", 0, NULL));
    g_assert_cmpstr(schema_wrong(&c, first, "thing", value, NULL), ==,
                    "'' is too short\n\nFailed validating 'minLength' in schema['properties']['name']:\n"
                    "    {'maxLength': 4,\n     'minLength': 1,\n     'pattern': '^[a-z]+$',\n     'type': 'string'}\n\nOn instance['name']:\n    ''");
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    struct ctx c;

    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    g_assert_null(schemas_new(&c, "{", &first_told));
    ctx_clear(&c);
    first = schemas_in(&first_told);
    best = schemas_in(&best_told);
    loosely = schemas_in(&loose);
    g_test_add_func("/schema/words", test_words);
    g_test_add_func("/schema/ways", test_ways);
    g_test_add_func("/schema/dialect", test_dialect);
    g_test_add_func("/schema/versions", test_versions);
    g_test_add_func("/schema/whole", test_whole);
    return g_test_run();
}
