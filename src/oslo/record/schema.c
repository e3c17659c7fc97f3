/* Files of schemas: one tree a schema and microversion, made when first asked for; what is said of values that do not fit. */
#include "oslo/record/schema_walk.h"

#include "oslo/base/text.h"
#include "oslo/record/python.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct schemas {
    json_t *files;                   /* as they stand; immutable */
    const struct schema_dialect *dialect;
    pthread_mutex_t lock;
    GHashTable *made;                /* under lock: "name version" -> json_t, immutable */
};

/* --- one schema at one microversion --------------------------------------------------------------------------------- */

static int version_of(const json_t *text, int otherwise)
{
    const char *s = json_string_value(text), *dot = s ? strchr(s, '.') : NULL;

    return dot ? V(atoi(s), atoi(dot + 1)) : otherwise;
}

static bool known(const json_t *schema, int version)
{
    return version >= version_of(json_object_get(schema, "since"), 0) && version <= version_of(json_object_get(schema, "until"), V(99, 0));
}

static json_t *made_for(const json_t *files, const json_t *schema, int version);

static json_t *members_for(const json_t *files, const json_t *members, int version)
{
    json_t *result = json_object(), *schema;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)members, name, schema) {
        json_t *one = made_for(files, schema, version);

        if (one)
            json_object_set_new(result, name, one);
    }
    return result;
}

static json_t *required_for(const json_t *schema, int version)
{
    json_t *result = json_deep_copy(json_object_get(schema, "required")), *since;
    const char *name;

    json_object_foreach(json_object_get(schema, "required_since"), name, since)
        if (version >= version_of(since, 0) && version <= version_of(json_object_get(json_object_get(schema, "required_until"), name), V(99, 0)))
            json_array_append_new(result, json_string(name));
    return result;
}

static json_t *branches_for(const json_t *files, const json_t *branches, int version)
{
    json_t *result = json_array(), *one;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)branches, i, one)
        json_array_append_new(result, made_for(files, one, version));
    return result;
}

static const char *const of_members[] = { "properties", "patternProperties", NULL };
static const char *const of_one[] = { "items", "not", "additionalProperties", NULL };
static const char *const of_branches[] = { "oneOf", "anyOf", "allOf", NULL };
static const char *const of_versions[] = { "since", "until", "required_since", "required_until", NULL };

static json_t *object_for(const json_t *files, const json_t *schema, int version)
{
    json_t *result = json_object(), *item;
    const char *key;

    json_object_foreach((json_t *)(uintptr_t)schema, key, item) {
        if (text_in(key, of_members))
            json_object_set_new(result, key, members_for(files, item, version));
        else if (!strcmp(key, "required"))
            json_object_set_new(result, key, required_for(schema, version));
        else if (text_in(key, of_one) && json_is_object(item))
            json_object_set_new(result, key, made_for(files, item, version));
        else if (text_in(key, of_branches))
            json_object_set_new(result, key, branches_for(files, item, version));
        else if (!strcmp(key, "$ref"))
            json_object_update_new(result, made_for(files, json_object_get(files, json_string_value(item)), version));
        else if (!text_in(key, of_versions))
            json_object_set_new(result, key, json_deep_copy(item));
    }
    return result;
}

/* A new reference; NULL where that version does not know it. */
static json_t *made_for(const json_t *files, const json_t *schema, int version)
{
    json_t *one;
    size_t i;

    if (!json_is_array(schema))
        return known(schema, version) ? object_for(files, schema, version) : NULL;
    json_array_foreach((json_t *)(uintptr_t)schema, i, one)
        if (known(one, version))
            return object_for(files, one, version);
    return NULL;
}

const json_t *schema_at(struct schemas *schemas, const char *name, int version)
{
    const json_t *source = json_object_get(schemas->files, name);
    char key[128];
    json_t *schema;

    if (!source)
        return NULL;
    g_snprintf(key, sizeof(key), "%d %s", version, name);
    pthread_mutex_lock(&schemas->lock);
    schema = g_hash_table_lookup(schemas->made, key);
    if (!schema) {
        schema = made_for(schemas->files, source, version);
        g_hash_table_insert(schemas->made, g_strdup(key), schema);
    }
    pthread_mutex_unlock(&schemas->lock);
    return schema;
}

struct schemas *schemas_of(json_t *files, const struct schema_dialect *dialect)
{
    struct schemas *schemas = g_new0(struct schemas, 1);

    *schemas = (struct schemas){ .files = files, .dialect = dialect, .made = g_hash_table_new(g_str_hash, g_str_equal) };
    pthread_mutex_init(&schemas->lock, NULL);
    return schemas;
}

struct schemas *schemas_new(struct ctx *c, const char *text, const struct schema_dialect *dialect)
{
    json_error_t error;
    json_t *files = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    if (!files)
        return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "schemas, line %d: %s", error.line, error.text));
    return schemas_of(files, dialect);
}

bool schema_knows(const json_t *schema, const char *name)
{
    const char *pattern;
    json_t *rule;

    if (json_object_get(json_object_get(schema, "properties"), name))
        return true;
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, rule)
        if (schema_matches(pattern, name))
            return true;
    return false;
}

/* --- what is said --------------------------------------------------------------------------------------------------- */

static const char *place_text(struct ctx *c, const struct schema_place *place)
{
    return place->key ? place->key : ctx_printf(c, "%zu", place->index);
}

bool schema_fits(struct ctx *c, struct schemas *schemas, const char *name, const json_t *value, struct schema_fault *ret)
{
    const struct schema_error *e = schema_walk(c, schemas->dialect, schema_at(schemas, name, c->version), value);
    int n = e ? MIN(e->in_value.n, SCHEMA_DEPTH) : 0;

    if (e)
        *ret = (struct schema_fault){ e->message, e->reason, e->value, n ? place_text(c, &e->in_value.at[0]) : NULL,
                                      n ? place_text(c, &e->in_value.at[n - 1]) : NULL };
    return !e;
}

static void write_path(struct buf *to, const char *start, const struct schema_path *path)
{
    buf_puts(to, start);
    for (int i = 0; i < MIN(path->n, SCHEMA_DEPTH); i++)
        if (path->at[i].key) {
            json_t *key = json_string(path->at[i].key);

            buf_putc(to, '[');
            python_repr(to, key);
            buf_putc(to, ']');
            json_decref(key);
        } else {
            buf_printf(to, "[%zu]", path->at[i].index);
        }
}

/* pprint's text, each line four columns in. */
static void write_indented(struct buf *to, const json_t *value)
{
    struct buf text = { 0 };

    python_pprint(&text, value);
    for (const char *at = text.data; at;) {
        size_t n = strcspn(at, "\n");

        buf_puts(to, "\n    ");
        buf_add(to, at, n);
        at = at[n] ? at + n + 1 : NULL;
    }
    buf_clear(&text);
}

static const char *path_text(struct ctx *c, const struct schema_path *path)
{
    const char *text = "";

    for (int i = 0; i < MIN(path->n, SCHEMA_DEPTH); i++)
        text = ctx_printf(c, "%s%s%s", text, i ? "/" : "", place_text(c, &path->at[i]));
    return text;
}

const char *schema_wrong(struct ctx *c, struct schemas *schemas, const char *name, const json_t *value, const char **ret_path)
{
    const struct schema_error *e = schema_walk(c, schemas->dialect, schema_at(schemas, name, c->version), value);
    struct buf text = { 0 };
    const char *said;

    if (!e)
        return NULL;
    buf_printf(&text, "%s\n\nFailed validating '%s' in ", e->message, e->keyword);
    write_path(&text, "schema", &e->in_schema);
    buf_putc(&text, ':');
    write_indented(&text, e->schema);
    buf_puts(&text, "\n\nOn ");
    write_path(&text, "instance", &e->in_value);
    buf_putc(&text, ':');
    write_indented(&text, e->value);
    said = ctx_strdup(c, text.data);
    buf_clear(&text);
    if (ret_path)
        *ret_path = path_text(c, &e->in_value);
    return said;
}
