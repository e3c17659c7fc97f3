/* The schema engine: loads the files of schemas/ once, walks them for each request. */
#include "nova/api/schema.h"

#include "nova/api/formats.h"
#include "nova/faults.h"
#include "oslo/record/record.h"

#include <pthread.h>
#include <string.h>

struct schema_file {
    const char *name, *text;
};
extern const struct schema_file nova_schemas[];

/* One check: where it is, and what was wrong first. */
#define DEPTH 64
struct place {
    const char *key;                 /* NULL: the index */
    size_t index;
};
struct checking {
    int version;
    struct place path[DEPTH];        /* the names and indexes that lead to the value in hand */
    int depth;
    const json_t *bad;               /* the value that does not fit, NULL while all is well */
    struct buf message;
    bool named;                      /* the message stands alone: a name with a bad character */
    int bad_depth;                   /* how deep it lies; its path stays when the walk ends */
};

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static json_t *all;                  /* file -> schemas by name; immutable once loaded */
static GHashTable *patterns;         /* text -> GRegex; immutable once loaded */

static bool fits(struct checking *, const json_t *schema, const json_t *value);

/* --- loading ------------------------------------------------------------------------------------------------------ */

static int version_of(const json_t *text)
{
    const char *dot = text ? strchr(json_string_value(text), '.') : NULL;

    return dot ? V(atoi(json_string_value(text)), atoi(dot + 1)) : 0;
}

static void keep_pattern(const char *text)
{
    if (!g_hash_table_contains(patterns, text))
        g_hash_table_insert(patterns, g_strdup(text), g_regex_new(text, 0, 0, NULL));
}

static json_t *resolved(const json_t *common, json_t *schema);

/* {"$in": "server", ...}: the object with that one member. Takes content. */
static json_t *enveloped(const char *name, json_t *content)
{
    return json_pack("{s:s, s:{s:o}, s:[s], s:b}", "type", "object", "properties", name, content, "required", name,
                     "additionalProperties", 0);
}

/* {"$query": {...}}: each parameter is a list of values; since and until belong to the parameter. */
static json_t *query_schema(const json_t *common, json_t *parameters, const char *pattern, const json_t *strict)
{
    json_t *properties = json_object(), *schema, *result;
    const char *key;

    json_object_foreach(parameters, key, schema) {
        json_t *item = resolved(common, schema), *list = json_pack("{s:s, s:o}", "type", "array", "items", item);

        for (const char *const *bound = (const char *const[]){ "since", "until", NULL }; *bound; bound++)
            if (json_object_get(item, *bound))
                json_object_set(list, *bound, json_object_get(item, *bound));
        json_object_set_new(properties, key, list);
    }
    result = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    if (pattern) {
        keep_pattern(pattern);
        json_object_set_new(result, "patternProperties", json_pack("{s:{}}", pattern));
    }
    if (strict)
        json_object_set_new(result, "noAdditionalProperties", json_pack("{s:i}", "since", version_of(strict)));
    return result;
}

static void keep_patterns(json_t *schema)
{
    const char *key;
    json_t *item;

    if (json_get_string(schema, "pattern"))
        keep_pattern(json_get_string(schema, "pattern"));
    json_object_foreach(json_object_get(schema, "patternProperties"), key, item)
        keep_pattern(key);
}

static json_t *resolved_object(const json_t *common, json_t *schema)
{
    const char *reference = json_get_string(schema, "$ref"), *key;
    json_t *result, *item, *base = reference ? resolved(common, json_object_get(common, reference)) : NULL;

    result = base ? json_copy(base) : json_object();
    json_decref(base);
    json_object_foreach(schema, key, item) {
        if (strcmp(key, "since") == 0 || strcmp(key, "until") == 0)
            json_object_set_new(result, key, json_integer(version_of(item)));
        else if (*key != '$')
            json_object_set_new(result, key, resolved(common, item));
    }
    keep_patterns(result);
    return result;
}

/* The schema with definitions in the place of references, versions as numbers, patterns compiled. A new reference. */
static json_t *resolved(const json_t *common, json_t *schema)
{
    json_t *result, *item;
    size_t i;

    if (json_is_array(schema)) {
        result = json_array();
        json_array_foreach(schema, i, item)
            json_array_append_new(result, resolved(common, item));
        return result;
    }
    if (!json_is_object(schema))
        return json_incref(schema);
    if (json_object_get(schema, "$query"))
        return query_schema(common, json_object_get(schema, "$query"), json_get_string(schema, "pattern"), json_object_get(schema, "strict"));
    result = resolved_object(common, schema);
    return json_get_string(schema, "$in") ? enveloped(json_get_string(schema, "$in"), result) : result;
}

static bool load(struct ctx *c)
{
    json_t *files = ctx_json(c, json_object()), *common = NULL, *result = json_object();

    patterns = g_hash_table_new(g_str_hash, g_str_equal);
    for (const struct schema_file *f = nova_schemas; f->name; f++) {
        json_error_t error;
        json_t *file = json_loads(f->text, JSON_REJECT_DUPLICATES, &error);

        if (!file)
            return fail(c, INTERNAL_ERROR, ctx_printf(c, "schema %s, line %d: %s", f->name, error.line, error.text));
        json_object_set_new(files, f->name, file);
    }
    common = json_object_get(files, "common");
    for (const struct schema_file *f = nova_schemas; f->name; f++)
        json_object_set_new(result, f->name, resolved(common, json_object_get(files, f->name)));
    all = result;
    return true;
}

bool schemas_load(struct ctx *c)
{
    bool ok;

    pthread_mutex_lock(&loading);
    ok = all || load(c);
    pthread_mutex_unlock(&loading);
    return ok;
}

static const json_t *schema_of(struct ctx *c, const char *name)
{
    char **parts = text_split(c, name, '.');

    return schemas_load(c) ? json_object_get(json_object_get(all, parts[0]), parts[1]) : NULL;
}

/* --- one value ---------------------------------------------------------------------------------------------------- */

static struct buf *wrong(struct checking *k, const json_t *value)
{
    k->bad = value ? value : json_null();
    k->bad_depth = k->depth;
    return &k->message;
}

static bool wrong_value(struct checking *k, const json_t *value, const char *what)
{
    python_repr(wrong(k, value), value);
    buf_puts(&k->message, what);
    return false;
}

static bool wrong_against(struct checking *k, const json_t *value, const char *what, const json_t *rule)
{
    wrong_value(k, value, what);
    python_repr(&k->message, rule);
    return false;
}

static bool below(struct checking *k, struct place place, const json_t *schema, const json_t *value)
{
    bool ok;

    if (k->depth == DEPTH)
        return wrong_value(k, value, " is nested too deeply");
    k->path[k->depth++] = place;
    ok = fits(k, schema, value);
    k->depth--;
    return ok;
}

static struct place named(const char *key)
{
    return (struct place){ .key = key };
}

static bool is_of_type(const json_t *value, const char *type)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING: return strcmp(type, "string") == 0;
    case JSON_INTEGER: return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case JSON_REAL: return strcmp(type, "number") == 0;
    case JSON_TRUE:
    case JSON_FALSE: return strcmp(type, "boolean") == 0;
    case JSON_NULL: return strcmp(type, "null") == 0;
    case JSON_OBJECT: return strcmp(type, "object") == 0;
    case JSON_ARRAY: return strcmp(type, "array") == 0;
    }
    return false;
}

static bool fits_type(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    json_t *type;
    size_t i;

    if (json_is_string(rule))
        return is_of_type(value, json_string_value(rule)) || wrong_against(k, value, " is not of type ", rule);
    json_array_foreach((json_t *)(uintptr_t)rule, i, type)
        if (is_of_type(value, json_string_value(type)))
            return true;
    wrong_value(k, value, " is not of type ");
    json_array_foreach((json_t *)(uintptr_t)rule, i, type) {
        if (i)
            buf_puts(&k->message, ", ");
        python_repr(&k->message, type);
    }
    return false;
}

static bool is_known(const struct checking *k, const json_t *property)
{
    int since = (int)json_get_int(property, "since", 0), until = (int)json_get_int(property, "until", 0);

    return property && (!since || k->version >= since) && (!until || k->version <= until);
}

static bool fits_properties(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    const char *key;
    json_t *property;

    if (json_is_object(value))
        json_object_foreach((json_t *)(uintptr_t)rule, key, property) {
            json_t *member = json_object_get(value, key);

            if (member && is_known(k, property) && !below(k, named(key), property, member))
                return false;
        }
    return true;
}

static bool matches(const char *pattern, const char *text)
{
    GRegex *regex = g_hash_table_lookup(patterns, pattern);

    return regex && g_regex_match(regex, text, 0, NULL);
}

static bool fits_pattern_properties(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    const char *pattern, *key;
    json_t *property, *member;

    if (json_is_object(value))
        json_object_foreach((json_t *)(uintptr_t)rule, pattern, property)
            json_object_foreach((json_t *)(uintptr_t)value, key, member)
                if (matches(pattern, key) && !below(k, named(key), property, member))
                    return false;
    return true;
}

static bool is_extra(struct checking *k, const json_t *schema, const char *key)
{
    const char *pattern;
    json_t *property;

    if (is_known(k, json_object_get(json_object_get(schema, "properties"), key)))
        return false;
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, property)
        if (matches(pattern, key))
            return false;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_joined(struct buf *to, GPtrArray *names)
{
    for (guint i = 0; i < names->len; i++) {
        json_t *name = json_string(names->pdata[i]);

        buf_puts(to, i ? ", " : "");
        python_repr(to, name);
        json_decref(name);
    }
}

static bool extras_told(struct checking *k, const json_t *schema, const json_t *value, GPtrArray *extras)
{
    json_t *by_pattern = json_object_get(schema, "patternProperties"), *property;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *pattern;

    wrong(k, value);
    if (!by_pattern) {
        buf_puts(&k->message, "Additional properties are not allowed (");
        names_joined(&k->message, extras);
        buf_puts(&k->message, extras->len == 1 ? " was unexpected)" : " were unexpected)");
        return false;
    }
    g_ptr_array_sort(extras, by_text);
    names_joined(&k->message, extras);
    buf_puts(&k->message, extras->len == 1 ? " does not match any of the regexes: " : " do not match any of the regexes: ");
    json_object_foreach(by_pattern, pattern, property)
        g_ptr_array_add(names, (char *)(uintptr_t)pattern);
    g_ptr_array_sort(names, by_text);
    names_joined(&k->message, names);
    return false;
}

static bool fits_additional(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    g_autoptr(GPtrArray) extras = g_ptr_array_new();
    const char *key;
    json_t *member;

    if (!json_is_object(value))
        return true;
    json_object_foreach((json_t *)(uintptr_t)value, key, member) {
        if (!is_extra(k, schema, key))
            continue;
        if (json_is_object(rule) && !below(k, named(key), rule, member))
            return false;
        g_ptr_array_add(extras, (char *)(uintptr_t)key);
    }
    return !json_is_false(rule) || !extras->len || extras_told(k, schema, value, extras);
}

/* "additionalProperties": {"since": "2.75"}: refused from there on. */
static bool fits_additional_since(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return k->version < (int)json_get_int(rule, "since", 0) || fits_additional(k, json_false(), schema, value);
}

static bool fits_items(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)value, i, item)
        if (!below(k, (struct place){ .index = i }, rule, item))
            return false;
    return true;
}

static bool has_required(struct checking *k, const json_t *value, const char *name)
{
    json_t *text;

    if (!json_is_object(value) || json_object_get(value, name))
        return true;
    text = json_string(name);
    wrong(k, value);
    python_repr(&k->message, text);
    buf_puts(&k->message, " is a required property");
    json_decref(text);
    return false;
}

static bool is_after(const struct checking *k, const json_t *until)
{
    return until && k->version > version_of(until);
}

static bool fits_required(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    const char *key;
    json_t *name;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, name)
        if (!has_required(k, value, json_string_value(name)))
            return false;
    json_object_foreach(json_object_get(schema, "required_since"), key, name)
        if (k->version >= version_of(name) && !is_after(k, json_object_get(json_object_get(schema, "required_until"), key)) &&
            !has_required(k, value, key))
            return false;
    return true;
}

static bool fits_enum(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    json_t *choice;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, choice)
        if (json_equal(choice, value))
            return true;
    return wrong_against(k, value, " is not one of ", rule);
}

static bool fits_pattern(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return !json_is_string(value) || matches(json_string_value(rule), json_string_value(value)) ||
           wrong_against(k, value, " does not match ", rule);
}

static bool fits_format(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    const struct named_format *format = named_format_find(json_string_value(rule));

    if (!format || (json_is_string(value) && format->check(json_string_value(value))) ||
        (!json_is_string(value) && strncmp(format->name, "ipv", 3) == 0) ||
        (json_is_null(value) && strcmp(format->name, "description") == 0))       /* a pattern there: it asks strings alone */
        return true;
    if (!format->reason)
        return wrong_against(k, value, " is not a ", rule);
    k->named = true;
    buf_printf(wrong(k, value), "An invalid 'name' value was provided. The name must be: %s", format->reason);
    return false;
}

static bool fits_min_length(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return !json_is_string(value) || (json_int_t)text_length(json_string_value(value)) >= json_integer_value(rule) ||
           wrong_value(k, value, " is too short");
}

static bool fits_max_length(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return !json_is_string(value) || (json_int_t)text_length(json_string_value(value)) <= json_integer_value(rule) ||
           wrong_value(k, value, " is too long");
}

static bool fits_min_items(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return !json_is_array(value) || (json_int_t)json_array_size(value) >= json_integer_value(rule) ||
           wrong_value(k, value, " is too short");
}

static bool fits_max_items(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return !json_is_array(value) || (json_int_t)json_array_size(value) <= json_integer_value(rule) ||
           wrong_value(k, value, " is too long");
}

static bool fits_min_properties(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return !json_is_object(value) || (json_int_t)json_object_size(value) >= json_integer_value(rule) ||
           wrong_value(k, value, " does not have enough properties");
}

static bool fits_max_properties(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return !json_is_object(value) || (json_int_t)json_object_size(value) <= json_integer_value(rule) ||
           wrong_value(k, value, " has too many properties");
}

static bool fits_unique(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    size_t n = json_is_true(rule) ? json_array_size(value) : 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (json_equal(json_array_get(value, i), json_array_get(value, j)))
                return wrong_value(k, value, " has non-unique elements");
    return true;
}

/* Numbers given as text are judged, and told, as numbers. NULL: not a number. A new reference. */
static json_t *as_number(const json_t *value)
{
    int64_t n;

    if (json_is_number(value))
        return json_incref((json_t *)(uintptr_t)value);
    if (json_is_boolean(value))
        return json_integer(json_is_true(value));
    if (json_is_string(value) && text_to_int(json_string_value(value), &n))
        return json_integer(n);
    return NULL;
}

static bool in_bound(struct checking *k, const json_t *rule, const json_t *value, int sign, const char *what)
{
    json_t *number = as_number(value);
    bool ok = !number || sign * json_number_value(number) >= sign * json_number_value(rule);

    if (!ok) {
        wrong_against(k, number, what, rule);
        k->bad = value ? value : json_null();
    }
    json_decref(number);
    return ok;
}

static bool fits_minimum(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return in_bound(k, rule, value, 1, " is less than the minimum of ");
}

static bool fits_maximum(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return in_bound(k, rule, value, -1, " is greater than the maximum of ");
}

static bool fits_quietly(const struct checking *k, const json_t *schema, const json_t *value)
{
    struct checking trial = { .version = k->version };
    bool ok = fits(&trial, schema, value);

    buf_clear(&trial.message);
    return ok;
}

static size_t fitting(const struct checking *k, const json_t *rules, const json_t *value)
{
    json_t *rule;
    size_t i, n = 0;

    json_array_foreach((json_t *)(uintptr_t)rules, i, rule)
        n += is_known(k, rule) && fits_quietly(k, rule, value);
    return n;
}

static bool fits_one_of(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    size_t n = fitting(k, rule, value);

    return n == 1 || wrong_value(k, value, n ? " is valid under each of the given schemas" : " is not valid under any of the given schemas");
}

static bool fits_any_of(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return fitting(k, rule, value) || wrong_value(k, value, " is not valid under any of the given schemas");
}

static bool fits_all_of(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    json_t *each;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, each)
        if (is_known(k, each) && !fits(k, each, value))
            return false;
    return true;
}

static bool fits_exclusive_minimum(struct checking *k, const json_t *rule, const json_t *schema, const json_t *value)
{
    return json_number_value(value) > json_number_value(rule) || !json_is_number(value) ||
           wrong_against(k, value, " is less than or equal to the minimum of ", rule);
}

static const struct keyword {
    const char *name;
    bool (*fits)(struct checking *, const json_t *rule, const json_t *schema, const json_t *value);
} keywords[] = {
    { "type", fits_type }, { "properties", fits_properties }, { "patternProperties", fits_pattern_properties },
    { "additionalProperties", fits_additional }, { "noAdditionalProperties", fits_additional_since },
    { "items", fits_items }, { "required", fits_required }, { "enum", fits_enum }, { "pattern", fits_pattern },
    { "format", fits_format }, { "minLength", fits_min_length }, { "maxLength", fits_max_length },
    { "minItems", fits_min_items }, { "maxItems", fits_max_items }, { "minProperties", fits_min_properties },
    { "maxProperties", fits_max_properties }, { "uniqueItems", fits_unique }, { "minimum", fits_minimum },
    { "maximum", fits_maximum }, { "exclusiveMinimum", fits_exclusive_minimum }, { "oneOf", fits_one_of }, { "anyOf", fits_any_of }, { "allOf", fits_all_of },
};

static bool fits(struct checking *k, const json_t *schema, const json_t *value)
{
    const char *key;
    json_t *rule;

    json_object_foreach((json_t *)(uintptr_t)schema, key, rule)
        for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++)
            if (strcmp(keywords[i].name, key) == 0 && !keywords[i].fits(k, rule, schema, value))
                return false;
    return true;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* A body's fault names the innermost member, a query's the parameter. */
static bool told(struct ctx *c, struct checking *k, const char *where, const struct place *at)
{
    struct buf text = {};

    if (k->bad_depth && !k->named) {
        buf_printf(&text, "Invalid input for %s ", where);
        at->key ? buf_puts(&text, at->key) : buf_int(&text, (long long)at->index);
        buf_puts(&text, ". Value: ");
        python_str(&text, k->bad);
        buf_puts(&text, ". ");
    }
    buf_puts(&text, k->message.data);
    fail(c, VALIDATION_ERROR, text.data);
    buf_clear(&text);
    return false;
}

static bool check(struct ctx *c, const char *name, const json_t *value, bool is_body)
{
    struct checking k = { .version = c->version };
    const json_t *schema = schema_of(c, name);
    bool ok;

    if (!schema)
        return failed(c) ? false : fail(c, INTERNAL_ERROR, ctx_printf(c, "no schema %s", name));
    ok = fits(&k, schema, value);
    if (!ok)
        told(c, &k, is_body ? "field/attribute" : "query parameters", &k.path[is_body && k.bad_depth ? k.bad_depth - 1 : 0]);
    buf_clear(&k.message);
    return ok;
}

bool schema_check(struct ctx *c, const char *name, json_t *value)
{
    return check(c, name, value, true);
}

json_t *schema_body(struct ctx *c, struct request *rq, const char *name)
{
    json_t *body = rq->body_size ? request_json(c, rq) : NULL;

    if (failed(c)) {
        body = ctx_json(c, json_loadb(rq->body, rq->body_size, JSON_DECODE_ANY, NULL));
        if (!body)
            return NULL;
        fault_clear(c);
    }
    return schema_check(c, name, body) ? body : NULL;
}

json_t *schema_query(struct ctx *c, struct request *rq, const char *name)
{
    json_t *query = ctx_json(c, json_object()), *kept, *values;
    struct checking k = { .version = c->version };
    const json_t *schema = schema_of(c, name);
    const char *key;

    for (const struct pair *p = rq->query; p && p->name; p++) {
        if (!json_object_get(query, p->name))
            json_object_set_new(query, p->name, json_array());
        json_array_append_new(json_object_get(query, p->name), json_string(p->value));
    }
    if (!check(c, name, query, false))
        return NULL;
    kept = ctx_json(c, json_object());
    json_object_foreach(query, key, values)
        if (!is_extra(&k, schema, key))
            json_object_set(kept, key, values);
    return kept;
}

const char *query_last(const json_t *query, const char *name)
{
    json_t *values = json_object_get(query, name);

    return json_array_size(values) ? json_string_value(json_array_get(values, json_array_size(values) - 1)) : NULL;
}

bool loose_bool(const json_t *value, bool otherwise)
{
    bool result;

    if (json_is_boolean(value))
        return json_is_true(value);
    return json_is_string(value) && text_to_bool(json_string_value(value), &result) ? result : otherwise;
}

int64_t loose_int(const json_t *value, int64_t otherwise)
{
    int64_t result;

    if (json_is_integer(value))
        return json_integer_value(value);
    return json_is_string(value) && text_to_int(json_string_value(value), &result) ? result : otherwise;
}
