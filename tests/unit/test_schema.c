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
    " \"list\": {\"type\": \"array\", \"items\": {\"$ref\": \"name\"}, \"minItems\": 1, \"maxItems\": 2, \"uniqueItems\": true}}";

static struct schemas *schemas;

/* The first line of what is wrong, "" if nothing is, with where before it. */
static char *says(const char *name, const char *json, enum schema_tells tells, int version)
{
    struct ctx c;
    const char *path = "";

    ctx_init(&c, NULL, NULL);
    c.version = version;
    json_t *value = ctx_json(&c, json_loads(json, JSON_DECODE_ANY, NULL));
    const char *wrong = schema_wrong(&c, schemas, name, value, tells, &path);
    char *line = wrong ? g_strdup_printf("%s|%.*s", path, (int)strcspn(wrong, "\n"), wrong) : g_strdup("");
    ctx_clear(&c);
    return line;
}

static void check(const char *name, const char *json, const char *wanted)
{
    g_autofree char *line = says(name, json, SCHEMA_FIRST, 0);

    g_assert_cmpstr(line, ==, wanted);
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
    check("either", "{\"a\": 1, \"b\": 1}", "|{'a': 1, 'b': 1} is valid under each of {'required': ['b']}");
    check("either", "{\"b\": 1}", "");
    check("neither", "{\"a\": 1}", "|{'a': 1} should not be valid under {'required': ['a']}");
    check("list", "[]", "|[] is too short");
    check("list", "[\"a\", \"b\", \"c\"]", "|['a', 'b', 'c'] is too long");
    check("list", "[\"a\", \"a\"]", "|['a', 'a'] has non-unique elements");
    check("list", "[\"a\", 2]", "1|2 is not of type 'string'");
    check("nowhere", "{}", "");
}

static void test_ways(void)
{
    g_autofree char *first = says("thing", "{\"name\": 1, \"age\": 1}", SCHEMA_FIRST, 0), *best = says("thing", "{\"name\": 1, \"age\": 1}", SCHEMA_BEST, 0);
    g_autofree char *four = says("thing", "{\"name\": \"oak\", \"size\": 1.0}", SCHEMA_FIRST, 0), *newer = says("thing", "{\"name\": \"oak\", \"size\": 1.0}", SCHEMA_BEST, 0);

    g_assert_cmpstr(first, ==, "name|1 is not of type 'string'");
    g_assert_cmpstr(best, ==, "|Additional properties are not allowed ('age' was unexpected)");
    g_assert_cmpstr(four, ==, "size|1.0 is not of type 'integer', 'null'");
    g_assert_cmpstr(newer, ==, "");
}

static void test_versions(void)
{
    g_autofree char *early = says("thing", "{\"name\": \"oak\", \"late\": \"x\"}", SCHEMA_BEST, V(1, 4));
    g_autofree char *late = says("thing", "{\"name\": \"oak\", \"late\": \"x\"}", SCHEMA_BEST, V(1, 5));

    g_assert_cmpstr(early, ==, "|Additional properties are not allowed ('late' was unexpected)");
    g_assert_cmpstr(late, ==, "");
}

static void test_whole(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    json_t *value = ctx_json(&c, json_loads("{\"name\": \"\"}", 0, NULL));
    g_assert_cmpstr(schema_wrong(&c, schemas, "thing", value, SCHEMA_FIRST, NULL), ==,
                    "'' is too short\n\nFailed validating 'minLength' in schema['properties']['name']:\n"
                    "    {'maxLength': 4,\n     'minLength': 1,\n     'pattern': '^[a-z]+$',\n     'type': 'string'}\n\nOn instance['name']:\n    ''");
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    struct ctx c;

    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    schemas = schemas_new(&c, text);
    g_assert_nonnull(schemas);
    g_assert_null(schemas_new(&c, "{"));
    ctx_clear(&c);
    g_test_add_func("/schema/words", test_words);
    g_test_add_func("/schema/ways", test_ways);
    g_test_add_func("/schema/versions", test_versions);
    g_test_add_func("/schema/whole", test_whole);
    return g_test_run();
}
