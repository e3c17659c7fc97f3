/* The schema engine: one tree a schema and microversion, made when first asked for; walked for each value. */
#include "oslo/record/schema.h"

#include "oslo/base/text.h"
#include "oslo/record/python.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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
    enum schema_tells tells;
    struct path in_schema, in_value;
    struct finding best;
};

struct schemas {
    json_t *file;                    /* as it stands; immutable */
    pthread_mutex_t lock;
    GHashTable *made;                /* under lock: "name version" -> json_t, immutable */
};

static pthread_mutex_t patterns_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *patterns;         /* under patterns_lock: text -> GRegex, kept for the process */

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

static json_t *made_for(const json_t *file, const json_t *schema, int version);

static json_t *members_for(const json_t *file, const json_t *members, int version)
{
    json_t *result = json_object(), *schema;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)members, name, schema) {
        json_t *one = made_for(file, schema, version);

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

static json_t *branches_for(const json_t *file, const json_t *branches, int version)
{
    json_t *result = json_array(), *one;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)branches, i, one)
        json_array_append_new(result, made_for(file, one, version));
    return result;
}

static json_t *object_for(const json_t *file, const json_t *schema, int version)
{
    json_t *result = json_object(), *item;
    const char *key;

    json_object_foreach((json_t *)(uintptr_t)schema, key, item) {
        if (!strcmp(key, "properties") || !strcmp(key, "patternProperties"))
            json_object_set_new(result, key, members_for(file, item, version));
        else if (!strcmp(key, "required"))
            json_object_set_new(result, key, required_for(schema, version));
        else if (!strcmp(key, "items") || !strcmp(key, "not"))
            json_object_set_new(result, key, made_for(file, item, version));
        else if (!strcmp(key, "oneOf") || !strcmp(key, "anyOf") || !strcmp(key, "allOf"))
            json_object_set_new(result, key, branches_for(file, item, version));
        else if (!strcmp(key, "$ref"))
            json_object_update_new(result, made_for(file, json_object_get(file, json_string_value(item)), version));
        else if (strcmp(key, "since") && strcmp(key, "until") && strcmp(key, "required_since"))
            json_object_set_new(result, key, json_deep_copy(item));
    }
    return result;
}

/* A new reference; NULL where that version does not know it. */
static json_t *made_for(const json_t *file, const json_t *schema, int version)
{
    json_t *one;
    size_t i;

    if (!json_is_array(schema))
        return known(schema, version) ? object_for(file, schema, version) : NULL;
    json_array_foreach((json_t *)(uintptr_t)schema, i, one)
        if (known(one, version))
            return object_for(file, one, version);
    return NULL;
}

static const json_t *schema_at(struct schemas *schemas, const char *name, int version)
{
    g_autofree char *key = g_strdup_printf("%s %d", name, version);
    json_t *schema;

    pthread_mutex_lock(&schemas->lock);
    schema = g_hash_table_lookup(schemas->made, key);
    if (!schema) {
        schema = made_for(schemas->file, json_object_get(schemas->file, name), version);
        g_hash_table_insert(schemas->made, g_steal_pointer(&key), schema);
    }
    pthread_mutex_unlock(&schemas->lock);
    return schema;
}

struct schemas *schemas_new(struct ctx *c, const char *text)
{
    json_error_t error;
    json_t *file = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    if (!file)
        return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "schemas, line %d: %s", error.line, error.text));
    struct schemas *schemas = g_new0(struct schemas, 1);
    *schemas = (struct schemas){ .file = file, .made = g_hash_table_new(g_str_hash, g_str_equal) };
    pthread_mutex_init(&schemas->lock, NULL);
    return schemas;
}

static bool matches(const char *pattern, const char *text)
{
    GRegex *regex;

    pthread_mutex_lock(&patterns_lock);
    if (!patterns)
        patterns = g_hash_table_new(g_str_hash, g_str_equal);
    regex = g_hash_table_lookup(patterns, pattern);
    if (!regex) {
        regex = g_regex_new(pattern, G_REGEX_OPTIMIZE, 0, NULL);
        g_hash_table_insert(patterns, g_strdup(pattern), regex);
    }
    pthread_mutex_unlock(&patterns_lock);
    return g_regex_match(regex, text, 0, NULL);
}

/* --- findings ------------------------------------------------------------------------------------------------------- */

static void step(struct path *path, const char *key, size_t index)
{
    if (path->n < DEPTH)
        path->at[path->n] = (struct place){ key, index };
    path->n++;
}

/* 1.0 is an integer but in draft 4. */
static bool is_type(const struct walk *w, const json_t *value, const char *type)
{
    if (!strcmp(type, "object"))
        return json_is_object(value);
    if (!strcmp(type, "array"))
        return json_is_array(value);
    if (!strcmp(type, "string"))
        return json_is_string(value);
    if (!strcmp(type, "integer"))
        return json_is_integer(value) || (w->tells == SCHEMA_BEST && json_is_real(value) && json_real_value(value) == (double)(int64_t)json_real_value(value));
    if (!strcmp(type, "number"))
        return json_is_number(value);
    if (!strcmp(type, "null"))
        return json_is_null(value);
    return json_is_boolean(value);
}

static bool has_type(const struct walk *w, const json_t *value, const json_t *type)
{
    json_t *one;
    size_t i;

    if (json_is_string(type))
        return is_type(w, value, json_string_value(type));
    json_array_foreach((json_t *)(uintptr_t)type, i, one)
        if (is_type(w, value, json_string_value(one)))
            return true;
    return false;
}

static int rank(const struct walk *w, const struct path *in_value, const char *keyword, const json_t *schema, const json_t *value)
{
    return -4 * in_value->n + (strcmp(keyword, "anyOf") ? 2 : 0) + (has_type(w, value, json_object_get(schema, "type")) ? 0 : 1);
}

/* Is this worth telling? Then the message is to be written into best.message. */
static bool finding(struct walk *w, const char *keyword, const json_t *schema, const json_t *value)
{
    struct finding *best = &w->best;

    if (best->found && (w->tells == SCHEMA_FIRST || rank(w, &w->in_value, keyword, schema, value) <=
                        rank(w, &best->in_value, best->keyword, best->schema, best->value)))
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

/* Each is called with the rule that the schema has for it; what is of another type than the keyword is about fits. */

static void check_type(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *one;
    size_t i;

    if (has_type(w, value, rule) || !finding(w, "type", schema, value))
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

static void check_enum(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *one;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, one)
        if (json_equal(one, value))
            return;
    told(w, "enum", schema, value, " is not one of ", rule);
}

static void check_minimum(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    if (json_is_number(value) && json_number_value(value) < json_number_value(rule))
        told(w, "minimum", schema, value, " is less than the minimum of ", rule);
}

static void check_maximum(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    if (json_is_number(value) && json_number_value(value) > json_number_value(rule))
        told(w, "maximum", schema, value, " is greater than the maximum of ", rule);
}

static void check_pattern(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    if (json_is_string(value) && !matches(json_string_value(rule), json_string_value(value)))
        told(w, "pattern", schema, value, " does not match ", rule);
}

static void check_format(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    if (json_is_string(value) && !uuid_is(json_string_value(value)))
        told(w, "format", schema, value, " is not a ", rule);
}

/* How long a value is for minLength and its like; -1: it is of another type. */
static json_int_t length_of(const json_t *value, json_type type)
{
    if (json_typeof(value) != type)
        return -1;
    return type == JSON_STRING ? (json_int_t)text_length(json_string_value(value))
        : type == JSON_ARRAY ? (json_int_t)json_array_size(value) : (json_int_t)json_object_size(value);
}

static void check_least(struct walk *w, const char *keyword, json_type type, const json_t *schema, const json_t *value, const char *middle)
{
    json_int_t length = length_of(value, type);

    if (length >= 0 && length < json_integer_value(json_object_get(schema, keyword)))
        told(w, keyword, schema, value, middle, NULL);
}

static void check_most(struct walk *w, const char *keyword, json_type type, const json_t *schema, const json_t *value, const char *middle)
{
    if (length_of(value, type) > json_integer_value(json_object_get(schema, keyword)))
        told(w, keyword, schema, value, middle, NULL);
}

static void check_min_length(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_least(w, "minLength", JSON_STRING, schema, value, " is too short");
}

static void check_max_length(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_most(w, "maxLength", JSON_STRING, schema, value, " is too long");
}

static void check_min_items(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_least(w, "minItems", JSON_ARRAY, schema, value, " is too short");
}

static void check_max_items(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_most(w, "maxItems", JSON_ARRAY, schema, value, " is too long");
}

static void check_min_properties(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_least(w, "minProperties", JSON_OBJECT, schema, value, " does not have enough properties");
}

static void check_max_properties(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_most(w, "maxProperties", JSON_OBJECT, schema, value, " has too many properties");
}

static void check_unique(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    for (size_t i = 0; json_is_true(rule) && i < json_array_size(value); i++)
        for (size_t j = 0; j < i; j++)
            if (json_equal(json_array_get(value, i), json_array_get(value, j))) {
                told(w, "uniqueItems", schema, value, " has non-unique elements", NULL);
                return;
            }
}

static void check_items(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *item;
    size_t i;

    if (!json_is_array(value))
        return;
    json_array_foreach((json_t *)(uintptr_t)value, i, item) {
        step(&w->in_schema, "items", 0);
        step(&w->in_value, NULL, i);
        walk_schema(w, rule, item);
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

static void check_properties(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *one, *item;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)rule, name, one)
        if ((item = json_object_get(value, name)))
            walk_member(w, "properties", name, one, name, item);
}

static void check_pattern_properties(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    const char *pattern, *name;
    json_t *one, *item;

    json_object_foreach((json_t *)(uintptr_t)rule, pattern, one)
        json_object_foreach((json_t *)(uintptr_t)value, name, item)
            if (matches(pattern, name))
                walk_member(w, "patternProperties", pattern, one, name, item);
}

static void check_required(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *one;
    size_t i;

    if (!json_is_object(value))
        return;
    json_array_foreach((json_t *)(uintptr_t)rule, i, one)
        if (!json_object_get(value, json_string_value(one)) && finding(w, "required", schema, value)) {
            python_repr(&w->best.message, one);
            buf_puts(&w->best.message, " is a required property");
        }
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

static void check_additional(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *extras = json_array(), *names = json_array(), *item;
    struct buf *to = &w->best.message;
    const char *name;

    json_object_foreach(json_is_false(rule) ? (json_t *)(uintptr_t)value : NULL, name, item)
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

/* Where a branch is of the value's type, what that branch says, from its own point of view; else that none fits. */
static void check_any_of(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    struct finding likely = { 0 };
    json_t *branch;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, branch) {
        struct walk inner = { .tells = w->tells };

        step(&inner.in_schema, NULL, i);
        walk_schema(&inner, branch, value);
        if (!inner.best.found) {
            buf_clear(&likely.message);
            return;
        }
        if (has_type(w, value, json_object_get(branch, "type")))
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

static bool fits(const struct walk *w, const json_t *schema, const json_t *value)
{
    struct walk inner = { .tells = w->tells };

    walk_schema(&inner, schema, value);
    buf_clear(&inner.best.message);
    return !inner.best.found;
}

static void check_one_of(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    const json_t *also = NULL;
    size_t i, n = 0;
    json_t *branch;

    json_array_foreach((json_t *)(uintptr_t)rule, i, branch)
        if (fits(w, branch, value) && n++ == 1)
            also = branch;
    if (!n)
        told(w, "oneOf", schema, value, " is not valid under any of the given schemas", NULL);
    else if (n > 1)
        told(w, "oneOf", schema, value, " is valid under each of ", also);
}

static void check_all_of(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *branch;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, branch) {
        step(&w->in_schema, "allOf", 0);
        step(&w->in_schema, NULL, i);
        walk_schema(w, branch, value);
        w->in_schema.n -= 2;
    }
}

static void check_not(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    if (fits(w, rule, value))
        told(w, "not", schema, value, " should not be valid under ", rule);
}

static const struct keyword {
    const char *name;
    void (*check)(struct walk *, const json_t *schema, const json_t *rule, const json_t *value);
} keywords[] = {
    { "type", check_type }, { "enum", check_enum }, { "anyOf", check_any_of }, { "oneOf", check_one_of }, { "allOf", check_all_of },
    { "not", check_not }, { "minProperties", check_min_properties }, { "maxProperties", check_max_properties },
    { "properties", check_properties }, { "patternProperties", check_pattern_properties }, { "required", check_required },
    { "additionalProperties", check_additional }, { "minItems", check_min_items }, { "maxItems", check_max_items },
    { "uniqueItems", check_unique }, { "items", check_items }, { "pattern", check_pattern }, { "format", check_format },
    { "minLength", check_min_length }, { "maxLength", check_max_length }, { "minimum", check_minimum }, { "maximum", check_maximum },
};

/* In the schema's order. */
static void walk_schema(struct walk *w, const json_t *schema, const json_t *value)
{
    const char *name;
    json_t *rule;

    json_object_foreach((json_t *)(uintptr_t)schema, name, rule)
        for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++)
            if (!strcmp(keywords[i].name, name))
                keywords[i].check(w, schema, rule, value);
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

static const char *path_text(struct ctx *c, const struct path *path)
{
    const char *text = "";

    for (int i = 0; i < MIN(path->n, DEPTH); i++)
        text = path->at[i].key ? ctx_printf(c, "%s%s%s", text, i ? "/" : "", path->at[i].key)
            : ctx_printf(c, "%s%s%zu", text, i ? "/" : "", path->at[i].index);
    return text;
}

const char *schema_wrong(struct ctx *c, struct schemas *schemas, const char *name, const json_t *value, enum schema_tells tells,
                         const char **ret_path)
{
    struct walk w = { .tells = tells };
    struct buf text = { 0 };
    const char *said = NULL;

    if (!json_object_get(schemas->file, name))
        return NULL;
    walk_schema(&w, schema_at(schemas, name, c->version), value);
    if (w.best.found) {
        buf_printf(&text, "%s\n\nFailed validating '%s' in ", w.best.message.data, w.best.keyword);
        write_path(&text, "schema", &w.best.in_schema, w.best.in_schema.n);
        buf_putc(&text, ':');
        write_indented(&text, w.best.schema);
        buf_puts(&text, "\n\nOn ");
        write_path(&text, "instance", &w.best.in_value, w.best.in_value.n);
        buf_putc(&text, ':');
        write_indented(&text, w.best.value);
        said = ctx_strdup(c, text.data);
        buf_clear(&text);
        if (ret_path)
            *ret_path = path_text(c, &w.best.in_value);
    }
    buf_clear(&w.best.message);
    return said;
}
