/* Values against JSON schemas: the keywords Glance's schemas use, judged in the schema's order; the first thing wrong is told as
 * Python's jsonschema tells it.
 */
#include "glance/model/schema.h"

#include "oslo/record/python.h"

#include <string.h>

struct glance_schema { const char *name, *text; };
extern const struct glance_schema glance_schema_files[];

static GHashTable *schemas;          /* name -> json_t; written once, at the start */

bool glance_schemas_load(struct ctx *c)
{
    json_error_t error;

    if (schemas)
        return true;
    schemas = g_hash_table_new(g_str_hash, g_str_equal);
    for (const struct glance_schema *f = glance_schema_files; f->name; f++) {
        json_t *tree = json_loads(f->text, 0, &error);

        if (!tree)
            return fail(c, INTERNAL_ERROR, ctx_printf(c, "schema %s: %s", f->name, error.text));
        g_hash_table_insert(schemas, (void *)(uintptr_t)f->name, tree);
    }
    return true;
}

const char *glance_schema_text(const char *name)
{
    for (const struct glance_schema *f = glance_schema_files; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f->text;
    return NULL;
}

/* One check: where it stands in schema and value, and the first thing wrong. */
struct check {
    struct buf schema_path, value_path;
    struct buf why;                  /* empty: nothing is wrong */
    const char *keyword;
    const json_t *schema, *value;
};

static void path_add(struct buf *path, const char *key)
{
    json_t *text = json_string(key);

    buf_putc(path, '[');
    python_repr(path, text);
    buf_putc(path, ']');
    json_decref(text);
}

static void path_cut(struct buf *path, size_t length)
{
    path->len = length;
    if (path->data)
        path->data[length] = '\0';
}

static bool wrong(struct check *k, const char *keyword, const json_t *schema, const json_t *value)
{
    k->keyword = keyword;
    k->schema = schema;
    k->value = value;
    return false;
}

static bool is_type(const json_t *value, const char *type)
{
    if (strcmp(type, "string") == 0)
        return json_is_string(value);
    if (strcmp(type, "integer") == 0)
        return json_is_integer(value);
    if (strcmp(type, "number") == 0)
        return json_is_number(value);
    if (strcmp(type, "boolean") == 0)
        return json_is_boolean(value);
    if (strcmp(type, "null") == 0)
        return json_is_null(value);
    if (strcmp(type, "array") == 0)
        return json_is_array(value);
    return json_is_object(value);
}

static bool check_type(struct check *k, const json_t *types, const json_t *value)
{
    const json_t *type;
    size_t i;

    if (json_is_string(types) && is_type(value, json_string_value(types)))
        return true;
    json_array_foreach(types, i, type)
        if (is_type(value, json_string_value(type)))
            return true;
    python_repr(&k->why, value);
    buf_puts(&k->why, " is not of type ");
    if (json_is_string(types))
        python_repr(&k->why, types);
    json_array_foreach(types, i, type) {
        if (i)
            buf_puts(&k->why, ", ");
        python_repr(&k->why, type);
    }
    return false;
}

static bool check_enum(struct check *k, const json_t *choices, const json_t *value)
{
    const json_t *choice;
    size_t i;

    json_array_foreach(choices, i, choice)
        if (json_equal(choice, value))
            return true;
    python_repr(&k->why, value);
    buf_puts(&k->why, " is not one of ");
    python_repr(&k->why, choices);
    return false;
}

static bool check_length(struct check *k, const json_t *limit, const json_t *value, bool is_max)
{
    int64_t n = json_is_string(value) ? (int64_t)text_length(json_string_value(value)) : 0, bound = json_integer_value(limit);

    if (!json_is_string(value) || (is_max ? n <= bound : n >= bound))
        return true;
    python_repr(&k->why, value);
    buf_puts(&k->why, is_max ? " is too long" : " is too short");
    return false;
}

static bool check_pattern(struct check *k, const json_t *pattern, const json_t *value)
{
    if (!json_is_string(value) || g_regex_match_simple(json_string_value(pattern), json_string_value(value), 0, 0))
        return true;
    python_repr(&k->why, value);
    buf_puts(&k->why, " does not match ");
    python_repr(&k->why, pattern);
    return false;
}

static bool check_minimum(struct check *k, const json_t *minimum, const json_t *value)
{
    if (!json_is_number(value) || json_number_value(value) >= json_number_value(minimum))
        return true;
    python_repr(&k->why, value);
    buf_puts(&k->why, " is less than the minimum of ");
    python_repr(&k->why, minimum);
    return false;
}

static bool check_required(struct check *k, const json_t *names, const json_t *value)
{
    const json_t *name;
    size_t i;

    if (!json_is_object(value))
        return true;
    json_array_foreach(names, i, name) {
        if (json_object_get(value, json_string_value(name)))
            continue;
        python_repr(&k->why, name);
        buf_puts(&k->why, " is a required property");
        return false;
    }
    return true;
}

static bool check_unexpected(struct check *k, const json_t *schema, json_t *value)
{
    const json_t *properties = json_object_get(schema, "properties");
    const char *name;
    json_t *member;
    int n = 0;

    json_object_foreach(value, name, member) {
        json_t *text;

        if (json_object_get(properties, name))
            continue;
        text = json_string(name);
        buf_puts(&k->why, n++ ? ", " : "Additional properties are not allowed (");
        python_repr(&k->why, text);
        json_decref(text);
    }
    if (n)
        buf_puts(&k->why, n == 1 ? " was unexpected)" : " were unexpected)");
    return n == 0;
}

static bool check_value(struct check *, const json_t *root, const json_t *schema, json_t *value);

/* Follows one step down in schema and value; what is under it is judged. */
static bool check_below(struct check *k, const json_t *root, const json_t *schema, json_t *value, const char *const *schema_steps,
                        const char *value_step)
{
    size_t schema_length = k->schema_path.len, value_length = k->value_path.len;

    for (; *schema_steps; schema_steps++)
        path_add(&k->schema_path, *schema_steps);
    buf_puts(&k->value_path, value_step);
    if (!check_value(k, root, schema, value))
        return false;
    path_cut(&k->schema_path, schema_length);
    path_cut(&k->value_path, value_length);
    return true;
}

static bool check_member(struct check *k, const json_t *root, const json_t *schema, json_t *value, const char *const *steps, const char *name)
{
    struct buf step = {};
    bool ok;

    path_add(&step, name);
    ok = check_below(k, root, schema, value, steps, step.data);
    buf_clear(&step);
    return ok;
}

static bool check_members(struct check *k, const json_t *root, json_t *properties, json_t *value)
{
    const char *name;
    json_t *schema;

    if (json_is_object(value))
        json_object_foreach(properties, name, schema)
            if (json_object_get(value, name) &&
                !check_member(k, root, schema, json_object_get(value, name), (const char *const[]){ "properties", name, NULL }, name))
                return false;
    return true;
}

static bool check_others(struct check *k, const json_t *root, const json_t *schema, json_t *others, json_t *value)
{
    const char *name;
    json_t *member;

    if (json_is_object(value))
        json_object_foreach(value, name, member)
            if (!json_object_get(json_object_get(schema, "properties"), name) &&
                !check_member(k, root, others, member, (const char *const[]){ "additionalProperties", NULL }, name))
                return false;
    return true;
}

static bool check_items(struct check *k, const json_t *root, json_t *items, json_t *value)
{
    json_t *item;
    size_t i;

    json_array_foreach(value, i, item) {
        char step[32];

        g_snprintf(step, sizeof(step), "[%zu]", i);
        if (!check_below(k, root, items, item, (const char *const[]){ "items", NULL }, step))
            return false;
    }
    return true;
}

/* One keyword of a schema. */
static bool check_keyword(struct check *k, const json_t *root, const json_t *schema, const char *keyword, json_t *argument, json_t *value)
{
    bool ok = true;

    if (strcmp(keyword, "properties") == 0)
        return check_members(k, root, argument, value);
    if (strcmp(keyword, "items") == 0)
        return check_items(k, root, argument, value);
    if (strcmp(keyword, "additionalProperties") == 0 && json_is_object(argument))
        return check_others(k, root, schema, argument, value);
    if (strcmp(keyword, "type") == 0)
        ok = check_type(k, argument, value);
    else if (strcmp(keyword, "enum") == 0)
        ok = check_enum(k, argument, value);
    else if (strcmp(keyword, "maxLength") == 0 || strcmp(keyword, "minLength") == 0)
        ok = check_length(k, argument, value, keyword[1] == 'a');
    else if (strcmp(keyword, "pattern") == 0)
        ok = check_pattern(k, argument, value);
    else if (strcmp(keyword, "minimum") == 0)
        ok = check_minimum(k, argument, value);
    else if (strcmp(keyword, "required") == 0)
        ok = check_required(k, argument, value);
    else if (strcmp(keyword, "additionalProperties") == 0 && json_is_false(argument))
        ok = check_unexpected(k, schema, value);
    return ok || wrong(k, keyword, schema, value);
}

/* "#/definitions/positiveInteger" within root. */
static const json_t *resolve(const json_t *root, const json_t *schema)
{
    const char *ref = json_get_string(schema, "$ref");

    if (!ref || !g_str_has_prefix(ref, "#/definitions/"))
        return schema;
    return json_object_get(json_object_get(root, "definitions"), ref + strlen("#/definitions/"));
}

static bool check_value(struct check *k, const json_t *root, const json_t *schema, json_t *value)
{
    const char *keyword;
    json_t *argument, *all;
    size_t i;

    schema = resolve(root, schema);
    json_object_foreach((json_t *)(uintptr_t)schema, keyword, argument)
        if (!check_keyword(k, root, schema, keyword, argument, value))
            return false;
    json_array_foreach(json_object_get(schema, "allOf"), i, all)
        if (!check_value(k, root, all, value))
            return false;
    return true;
}

static void add_indented(struct buf *to, const char *text)
{
    for (; *text; text++) {
        buf_putc(to, *text);
        if (*text == '\n')
            buf_puts(to, "    ");
    }
}

static void add_value(struct buf *to, const json_t *value)
{
    struct buf text = {};

    python_pprint(&text, value);
    buf_puts(to, ":\n    ");
    add_indented(to, text.data ? text.data : "");
    buf_clear(&text);
}

static bool tell(struct ctx *c, const char *name, struct check *k)
{
    struct buf *b = &k->why;

    buf_printf(b, "\n\nFailed validating '%s' in schema%s", k->keyword, k->schema_path.data ? k->schema_path.data : "");
    add_value(b, k->schema);
    buf_printf(b, "\n\nOn instance%s", k->value_path.data ? k->value_path.data : "");
    add_value(b, k->value);
    return fail(c, SCHEMA_MISMATCH, name ? name : "", b->data);
}

bool glance_schema_check(struct ctx *c, const char *name, json_t *value)
{
    json_t *schema = g_hash_table_lookup(schemas, name);
    struct check k = {};
    bool ok = check_value(&k, schema, schema, value);

    if (ok && !json_object_get(schema, "additionalProperties") && !check_unexpected(&k, schema, value))
        ok = wrong(&k, "additionalProperties", schema, value);
    if (!ok)
        tell(c, json_get_string(schema, "name"), &k);
    buf_clear(&k.schema_path);
    buf_clear(&k.value_path);
    buf_clear(&k.why);
    return ok;
}

json_t *glance_body(struct ctx *c, struct request *request)
{
    json_t *body;

    if (!request->body || !request->body_size)
        return fail_null(c, BODY_EXPECTED);
    body = json_read(c, request->body, request->body_size);
    if (!body) {
        fault_clear(c);
        return fail_null(c, BODY_MALFORMED);
    }
    if (!json_is_object(body) && !json_is_array(body))
        return fail_null(c, BODY_NOT_CONTAINER);
    return body;
}
