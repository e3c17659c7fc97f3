/* The schema engine: one tree a schema and microversion, made when first asked for; walked for each request. */
#include "placement/schema.h"

#include "oslo/base/text.h"
#include "oslo/record/python.h"
#include "placement/faults.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct schema_file { const char *name, *text; };
extern const struct schema_file placement_schemas[];

#define DEPTH 32
struct place { const char *key; size_t index; };      /* key NULL: the index */
struct path { struct place at[DEPTH]; int n; };

/* What is wrong, as jsonschema ranks it: nearest to the top, then not an anyOf, then a value of the wrong type. */
struct finding {
    const json_t *schema, *value;
    const char *keyword;
    struct path in_schema, in_value;
    struct buf message;
    bool found;
};
struct walk {
    struct path in_schema, in_value;
    struct finding best;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *file;                 /* as it stands; immutable once loaded */
static GHashTable *made;             /* "name version" -> json_t, kept for the process */
static GHashTable *patterns;         /* text -> GRegex, kept for the process */

static void walk_schema(struct walk *, const json_t *schema, const json_t *value);

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

static json_t *made_for(const json_t *schema, int version);

static json_t *members_for(const json_t *members, int version)
{
    json_t *result = json_object(), *schema;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)members, name, schema) {
        json_t *one = made_for(schema, version);

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
        if (version >= version_of(since, 0))
            json_array_append_new(result, json_string(name));
    return result;
}

static json_t *object_for(const json_t *schema, int version)
{
    json_t *result = json_object(), *item;
    const char *key;

    json_object_foreach((json_t *)(uintptr_t)schema, key, item) {
        if (!strcmp(key, "properties") || !strcmp(key, "patternProperties"))
            json_object_set_new(result, key, members_for(item, version));
        else if (!strcmp(key, "required"))
            json_object_set_new(result, key, required_for(schema, version));
        else if (!strcmp(key, "items"))
            json_object_set_new(result, key, made_for(item, version));
        else if (!strcmp(key, "$ref"))
            json_object_update_new(result, made_for(json_object_get(file, json_string_value(item)), version));
        else if (strcmp(key, "since") && strcmp(key, "until") && strcmp(key, "required_since"))
            json_object_set_new(result, key, json_deep_copy(item));
    }
    return result;
}

/* A new reference; NULL where that version does not know it. */
static json_t *made_for(const json_t *schema, int version)
{
    json_t *one;
    size_t i;

    if (!json_is_array(schema))
        return known(schema, version) ? object_for(schema, version) : NULL;
    json_array_foreach((json_t *)(uintptr_t)schema, i, one)
        if (known(one, version))
            return object_for(one, version);
    return NULL;
}

static const json_t *schema_at(const char *name, int version)
{
    g_autofree char *key = g_strdup_printf("%s %d", name, version);
    json_t *schema;

    pthread_mutex_lock(&lock);
    schema = g_hash_table_lookup(made, key);
    if (!schema) {
        schema = made_for(json_object_get(file, name), version);
        g_hash_table_insert(made, g_steal_pointer(&key), schema);
    }
    pthread_mutex_unlock(&lock);
    return schema;
}

bool placement_schemas_load(struct ctx *c)
{
    json_error_t error;

    if (file)
        return true;
    made = g_hash_table_new(g_str_hash, g_str_equal);
    patterns = g_hash_table_new(g_str_hash, g_str_equal);
    file = json_loads(placement_schemas[0].text, JSON_REJECT_DUPLICATES, &error);
    return file || fail(c, INTERNAL_ERROR, ctx_printf(c, "schemas.json, line %d: %s", error.line, error.text));
}

static bool matches(const char *pattern, const char *text)
{
    GRegex *regex;

    pthread_mutex_lock(&lock);
    regex = g_hash_table_lookup(patterns, pattern);
    if (!regex) {
        regex = g_regex_new(pattern, G_REGEX_OPTIMIZE, 0, NULL);
        g_hash_table_insert(patterns, g_strdup(pattern), regex);
    }
    pthread_mutex_unlock(&lock);
    return g_regex_match(regex, text, 0, NULL);
}

/* --- findings ------------------------------------------------------------------------------------------------------- */

static void step(struct path *path, const char *key, size_t index)
{
    if (path->n < DEPTH)
        path->at[path->n] = (struct place){ key, index };
    path->n++;
}

static bool is_type(const json_t *value, const char *type)
{
    if (!strcmp(type, "object"))
        return json_is_object(value);
    if (!strcmp(type, "array"))
        return json_is_array(value);
    if (!strcmp(type, "string"))
        return json_is_string(value);
    if (!strcmp(type, "integer"))
        return json_is_integer(value) || (json_is_real(value) && json_real_value(value) == (double)(int64_t)json_real_value(value));
    if (!strcmp(type, "number"))
        return json_is_number(value);
    if (!strcmp(type, "null"))
        return json_is_null(value);
    return json_is_boolean(value);
}

static bool has_type(const json_t *value, const json_t *type)
{
    json_t *one;
    size_t i;

    if (json_is_string(type))
        return is_type(value, json_string_value(type));
    json_array_foreach((json_t *)(uintptr_t)type, i, one)
        if (is_type(value, json_string_value(one)))
            return true;
    return false;
}

static int rank(const struct path *in_value, const char *keyword, const json_t *schema, const json_t *value)
{
    return -4 * in_value->n + (strcmp(keyword, "anyOf") ? 2 : 0) + (has_type(value, json_object_get(schema, "type")) ? 0 : 1);
}

/* Is this worth telling? Then the message is to be written into best.message. */
static bool finding(struct walk *w, const char *keyword, const json_t *schema, const json_t *value)
{
    struct finding *best = &w->best;

    if (best->found && rank(&w->in_value, keyword, schema, value) <= rank(&best->in_value, best->keyword, best->schema, best->value))
        return false;
    best->found = true;
    best->schema = schema;
    best->value = value;
    best->keyword = keyword;
    best->in_schema = w->in_schema;
    best->in_value = w->in_value;
    best->message.len = 0;
    return true;
}

static void told(struct walk *w, const char *keyword, const json_t *schema, const json_t *value, const char *middle, const json_t *rule)
{
    struct buf *to = &w->best.message;

    if (!finding(w, keyword, schema, value))
        return;
    python_repr(to, value);
    buf_puts(to, middle);
    if (rule)
        python_repr(to, rule);
}

/* --- keywords ------------------------------------------------------------------------------------------------------- */

static void check_type(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *one;
    size_t i;

    if (has_type(value, rule) || !finding(w, "type", schema, value))
        return;
    python_repr(&w->best.message, value);
    buf_puts(&w->best.message, " is not of type ");
    if (json_is_string(rule))
        python_repr(&w->best.message, rule);
    json_array_foreach((json_t *)(uintptr_t)rule, i, one) {
        buf_puts(&w->best.message, i ? ", " : "");
        python_repr(&w->best.message, one);
    }
}

static void check_number(struct walk *w, const json_t *schema, const json_t *value)
{
    const json_t *least = json_object_get(schema, "minimum"), *most = json_object_get(schema, "maximum");

    if (least && json_number_value(value) < json_number_value(least))
        told(w, "minimum", schema, value, " is less than the minimum of ", least);
    if (most && json_number_value(value) > json_number_value(most))
        told(w, "maximum", schema, value, " is greater than the maximum of ", most);
}

static void check_string(struct walk *w, const json_t *schema, const json_t *value)
{
    const char *text = json_string_value(value), *pattern = json_string_value(json_object_get(schema, "pattern"));
    const json_t *least = json_object_get(schema, "minLength"), *most = json_object_get(schema, "maxLength");
    const json_t *format = json_object_get(schema, "format");

    if (pattern && !matches(pattern, text))
        told(w, "pattern", schema, value, " does not match ", json_object_get(schema, "pattern"));
    if (format && !uuid_is(text))
        told(w, "format", schema, value, " is not a ", format);
    if (least && (json_int_t)text_length(text) < json_integer_value(least))
        told(w, "minLength", schema, value, " is too short", NULL);
    if (most && (json_int_t)text_length(text) > json_integer_value(most))
        told(w, "maxLength", schema, value, " is too long", NULL);
}

static void check_array(struct walk *w, const json_t *schema, const json_t *value)
{
    const json_t *items = json_object_get(schema, "items"), *least = json_object_get(schema, "minItems");
    json_t *item;
    size_t i, j;

    if (least && (json_int_t)json_array_size(value) < json_integer_value(least))
        told(w, "minItems", schema, value, " is too short", NULL);
    for (i = 0; json_is_true(json_object_get(schema, "uniqueItems")) && i < json_array_size(value); i++)
        for (j = 0; j < i; j++)
            if (json_equal(json_array_get(value, i), json_array_get(value, j))) {
                told(w, "uniqueItems", schema, value, " has non-unique elements", NULL);
                i = json_array_size(value);
            }
    json_array_foreach((json_t *)(uintptr_t)value, i, item) {
        if (!items)
            break;
        step(&w->in_schema, "items", 0);
        step(&w->in_value, NULL, i);
        walk_schema(w, items, item);
        w->in_schema.n--;
        w->in_value.n--;
    }
}

static void walk_member(struct walk *w, const char *keyword, const char *rule, const json_t *schema, const char *name, const json_t *value)
{
    step(&w->in_schema, keyword, 0);
    step(&w->in_schema, rule, 0);
    step(&w->in_value, name, 0);
    walk_schema(w, schema, value);
    w->in_schema.n -= 2;
    w->in_value.n--;
}

static bool is_known_member(const json_t *schema, const char *name)
{
    json_t *rule;
    const char *pattern;

    if (json_object_get(json_object_get(schema, "properties"), name))
        return true;
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, rule)
        if (matches(pattern, name))
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

static void list_names(struct buf *to, json_t *names, bool sorted)
{
    size_t n = json_array_size(names);
    json_t **all = g_new(json_t *, n);

    for (size_t i = 0; i < n; i++)
        all[i] = json_array_get(names, i);
    if (sorted)
        qsort(all, n, sizeof(*all), by_text);
    for (size_t i = 0; i < n; i++) {
        buf_puts(to, i ? ", " : "");
        python_repr(to, all[i]);
    }
    g_free(all);
}

static void check_additional(struct walk *w, const json_t *schema, const json_t *value)
{
    json_t *extras = json_array(), *names = json_array(), *item;
    struct buf *to = &w->best.message;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)value, name, item)
        if (!is_known_member(schema, name))
            json_array_append_new(extras, json_string(name));
    json_object_foreach(json_object_get(schema, "patternProperties"), name, item)
        json_array_append_new(names, json_string(name));
    if (json_array_size(extras) && finding(w, "additionalProperties", schema, value)) {
        bool one = json_array_size(extras) == 1;

        if (json_array_size(names)) {
            list_names(to, extras, true);
            buf_printf(to, " %s not match any of the regexes: ", one ? "does" : "do");
            list_names(to, names, true);
        } else {
            buf_puts(to, "Additional properties are not allowed (");
            list_names(to, extras, false);
            buf_puts(to, one ? " was unexpected)" : " were unexpected)");
        }
    }
    json_decref(extras);
    json_decref(names);
}

static void check_object(struct walk *w, const json_t *schema, const json_t *value)
{
    const json_t *least = json_object_get(schema, "minProperties");
    json_t *rule, *item;
    const char *name, *member;
    size_t i;

    if (least && (json_int_t)json_object_size(value) < json_integer_value(least))
        told(w, "minProperties", schema, value, " does not have enough properties", NULL);
    json_object_foreach(json_object_get(schema, "properties"), name, rule)
        if ((item = json_object_get(value, name)))
            walk_member(w, "properties", name, rule, name, item);
    json_object_foreach(json_object_get(schema, "patternProperties"), name, rule)
        json_object_foreach((json_t *)(uintptr_t)value, member, item)
            if (matches(name, member))
                walk_member(w, "patternProperties", name, rule, member, item);
    json_array_foreach(json_object_get(schema, "required"), i, rule)
        if (!json_object_get(value, json_string_value(rule)) && finding(w, "required", schema, value)) {
            python_repr(&w->best.message, rule);
            buf_puts(&w->best.message, " is a required property");
        }
    if (json_is_false(json_object_get(schema, "additionalProperties")))
        check_additional(w, schema, value);
}

static void check_enum(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *one;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, one)
        if (json_equal(one, value))
            return;
    told(w, "enum", schema, value, " is not one of ", rule);
}

/* Where a branch is of the value's type, what that branch says, from its own point of view; else that none fits. */
static void check_any_of(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    struct finding likely = { 0 };
    json_t *branch;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, branch) {
        struct walk inner = { 0 };

        step(&inner.in_schema, NULL, i);
        walk_schema(&inner, branch, value);
        if (!inner.best.found) {
            buf_clear(&likely.message);
            return;
        }
        if (has_type(value, json_object_get(branch, "type")))
            likely = inner.best;
        else
            buf_clear(&inner.best.message);
    }
    if (!likely.found) {
        told(w, "anyOf", schema, value, " is not valid under any of the given schemas", NULL);
    } else if (finding(w, "anyOf", schema, value)) {
        buf_clear(&w->best.message);
        w->best = likely;
    } else {
        buf_clear(&likely.message);
    }
}

static void walk_schema(struct walk *w, const json_t *schema, const json_t *value)
{
    const json_t *type = json_object_get(schema, "type"), *choices = json_object_get(schema, "enum"), *any = json_object_get(schema, "anyOf");

    if (type)
        check_type(w, schema, type, value);
    if (choices)
        check_enum(w, schema, choices, value);
    if (any)
        check_any_of(w, schema, any, value);
    if (json_is_object(value))
        check_object(w, schema, value);
    else if (json_is_array(value))
        check_array(w, schema, value);
    else if (json_is_string(value))
        check_string(w, schema, value);
    else if (json_is_number(value))
        check_number(w, schema, value);
}

/* --- the whole message ---------------------------------------------------------------------------------------------- */

static void write_path(struct buf *to, const char *start, const struct path *path, int n)
{
    buf_puts(to, start);
    for (int i = 0; i < MIN(n, DEPTH); i++)
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

bool placement_check(struct ctx *c, const char *name, const json_t *value, const char *prefix)
{
    struct walk w = { 0 };
    struct buf text = { 0 };

    walk_schema(&w, schema_at(name, c->version), value);
    if (w.best.found) {
        buf_printf(&text, "%s%s\n\nFailed validating '%s' in ", prefix, w.best.message.data, w.best.keyword);
        write_path(&text, "schema", &w.best.in_schema, w.best.in_schema.n);
        buf_putc(&text, ':');
        write_indented(&text, w.best.schema);
        buf_puts(&text, "\n\nOn ");
        write_path(&text, "instance", &w.best.in_value, w.best.in_value.n);
        buf_putc(&text, ':');
        write_indented(&text, w.best.value);
        fail(c, INVALID, text.data);
        buf_clear(&text);
    }
    buf_clear(&w.best.message);
    return !w.best.found;
}
