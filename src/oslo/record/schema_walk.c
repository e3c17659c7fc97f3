/* A value held against a schema, keyword by keyword, in the order of the schema. */
#include "oslo/record/schema_walk.h"

#include "oslo/base/text.h"
#include "oslo/record/python.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct ctx *c;
    const struct schema_dialect *dialect;
    bool quiet, all;                 /* only whether it fits is asked; errors behind the first are told, too */
    bool found;
    struct schema_path in_schema, in_value;
    struct schema_error *errors, **end;
};

static pthread_mutex_t patterns_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *patterns;         /* under patterns_lock: text -> GRegex, kept for the process */

static void walk_schema(struct walk *, const json_t *schema, const json_t *value);

bool schema_matches(const char *pattern, const char *text)
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

/* --- errors --------------------------------------------------------------------------------------------------------- */

static void step(struct schema_path *path, const char *key, size_t index)
{
    if (path->n < SCHEMA_DEPTH)
        path->at[path->n] = (struct schema_place){ key, index };
    path->n++;
}

/* To be given its message; NULL: nobody wants to know. */
static struct schema_error *wrong(struct walk *w, const char *keyword, const json_t *schema, const json_t *value)
{
    struct schema_error *e;

    if (w->quiet || (w->found && !w->all)) {
        w->found = true;
        return NULL;
    }
    e = ctx_new(w->c, struct schema_error);
    *e = (struct schema_error){ .keyword = keyword, .schema = schema, .value = value, .in_schema = w->in_schema, .in_value = w->in_value };
    *w->end = e;
    w->end = &e->next;
    w->found = true;
    return e;
}

static const char *repr(struct walk *w, const json_t *value)
{
    struct buf text = { 0 };
    const char *copy;

    python_repr(&text, value);
    copy = ctx_strdup(w->c, text.data);
    buf_clear(&text);
    return copy;
}

/* The value, the words, the rule (may be NULL). */
static void told(struct walk *w, const char *keyword, const json_t *schema, const json_t *value, const char *words, const json_t *rule)
{
    struct schema_error *e = wrong(w, keyword, schema, value);

    if (e)
        e->message = ctx_printf(w->c, "%s%s%s", repr(w, value), words, rule ? repr(w, rule) : "");
}

static const char *reprs(struct walk *w, json_t *const *values, size_t n)
{
    const char *text = "";

    for (size_t i = 0; i < n; i++)
        text = ctx_printf(w->c, "%s%s%s", text, i ? ", " : "", repr(w, values[i]));
    return text;
}

/* --- keywords ------------------------------------------------------------------------------------------------------- */

/* Each is called with the rule that the schema has for it; what is of another type than the keyword is about fits. */

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
        return json_is_integer(value) || (w->dialect->tells == SCHEMA_BEST && json_is_real(value) &&
                                          json_real_value(value) == trunc(json_real_value(value)));
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

static void check_type(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    struct schema_error *e = has_type(w, value, rule) ? NULL : wrong(w, "type", schema, value);
    const char *types = "";
    json_t *one;
    size_t i;

    if (!e)
        return;
    json_array_foreach((json_t *)(uintptr_t)rule, i, one)
        types = ctx_printf(w->c, "%s%s%s", types, i ? ", " : "", repr(w, one));
    e->message = ctx_printf(w->c, "%s is not of type %s", repr(w, value), json_is_string(rule) ? repr(w, rule) : types);
}

/* 1 and 1.0 are the same. */
static bool same(const json_t *a, const json_t *b)
{
    return json_equal(a, b) || (json_is_number(a) && json_is_number(b) && json_number_value(a) == json_number_value(b));
}

static void check_enum(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *one;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, one)
        if (same(one, value))
            return;
    told(w, "enum", schema, value, " is not one of ", rule);
}

/* The number that a bound judges, a new reference; NULL: none. Where text counts, all is read as Python's int() reads it, and then as float(). */
static json_t *number_of(const struct walk *w, const json_t *value)
{
    const char *text = json_string_value(value);
    int64_t n;
    double d;
    char *end;

    if (!w->dialect->numbers_in_text)
        return json_is_number(value) ? json_incref((json_t *)(uintptr_t)value) : NULL;
    if (json_is_boolean(value))
        return json_integer(json_is_true(value));
    if (json_is_real(value) && json_real_value(value) > -1e18 && json_real_value(value) < 1e18)
        return json_integer((json_int_t)json_real_value(value));
    if (!text)
        return json_is_number(value) ? json_incref((json_t *)(uintptr_t)value) : NULL;
    if (text_to_int(text, &n))
        return json_integer(n);
    d = g_ascii_strtod(text, &end);
    return *text && !*end ? json_real(d) : NULL;
}

/* sign: 1 for a least value, -1 for a greatest. */
static void check_bound(struct walk *w, const char *keyword, const char *exclusive, int sign, const json_t *schema, const json_t *rule,
                        const json_t *value, const char *than)
{
    bool open = json_is_true(json_object_get(schema, exclusive));
    json_t *number = number_of(w, value);
    double above = number ? sign * (json_number_value(number) - json_number_value(rule)) : 1;
    struct schema_error *e = above < 0 || (open && above <= 0) ? wrong(w, keyword, schema, value) : NULL;

    if (e)
        e->message = ctx_printf(w->c, "%s is %s than %sthe %s of %s", repr(w, number), than, open ? "or equal to " : "", keyword, repr(w, rule));
    json_decref(number);
}

static void check_minimum(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_bound(w, "minimum", "exclusiveMinimum", 1, schema, rule, value, "less");
}

static void check_maximum(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    check_bound(w, "maximum", "exclusiveMaximum", -1, schema, rule, value, "greater");
}

static void check_pattern(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    if (json_is_string(value) && !schema_matches(json_string_value(rule), json_string_value(value)))
        told(w, "pattern", schema, value, " does not match ", rule);
}

static const struct schema_format standard_formats[] = { { "uuid", uuid_is, .strings_only = true }, {} };

static void check_format(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    const struct schema_format *format = w->dialect->formats ? w->dialect->formats : standard_formats;
    struct schema_error *e;

    while (format->name && strcmp(format->name, json_string_value(rule)))
        format++;
    if (!format->name || (json_is_string(value) ? format->check(json_string_value(value)) : format->strings_only))
        return;
    e = wrong(w, "format", schema, value);
    if (e) {
        e->message = ctx_printf(w->c, "%s is not a %s", repr(w, value), repr(w, rule));
        e->reason = format->reason;
    }
}

/* What counts in a value of one type. */
static const struct limit { const char *name; json_type type; bool least; const char *words; } limits[] = {
    { "minLength", JSON_STRING, true, " is too short" }, { "maxLength", JSON_STRING, false, " is too long" },
    { "minItems", JSON_ARRAY, true, " is too short" }, { "maxItems", JSON_ARRAY, false, " is too long" },
    { "minProperties", JSON_OBJECT, true, " does not have enough properties" }, { "maxProperties", JSON_OBJECT, false, " has too many properties" },
};

static json_int_t length_of(const json_t *value)
{
    if (json_is_string(value))
        return (json_int_t)text_length(json_string_value(value));
    return (json_int_t)(json_is_array(value) ? json_array_size(value) : json_object_size(value));
}

static void check_limit(struct walk *w, const struct limit *limit, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_int_t over = json_typeof(value) == limit->type ? length_of(value) - json_integer_value(rule) : 0;

    if (limit->least ? over < 0 : over > 0)
        told(w, limit->name, schema, value, limit->words, NULL);
}

static void check_unique(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    for (size_t i = 0; json_is_true(rule) && i < json_array_size(value); i++)
        for (size_t j = 0; j < i; j++)
            if (same(json_array_get(value, i), json_array_get(value, j))) {
                told(w, "uniqueItems", schema, value, " has non-unique elements", NULL);
                return;
            }
}

static void check_items(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)value, i, item) {
        step(&w->in_schema, "items", 0);
        step(&w->in_value, NULL, i);
        walk_schema(w, rule, item);
        w->in_schema.n--;
        w->in_value.n--;
    }
}

/* rule NULL: the schema stands right below the keyword. */
static void walk_member(struct walk *w, const char *keyword, const char *rule, const json_t *schema, const char *name, const json_t *value)
{
    int n = w->in_schema.n;

    step(&w->in_schema, keyword, 0);
    if (rule)
        step(&w->in_schema, rule, 0);
    step(&w->in_value, name, 0);
    walk_schema(w, schema, value);
    w->in_schema.n = n;
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
            if (schema_matches(pattern, name))
                walk_member(w, "patternProperties", pattern, one, name, item);
}

static void check_required(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    struct schema_error *e;
    json_t *one;
    size_t i;

    if (!json_is_object(value))
        return;
    json_array_foreach((json_t *)(uintptr_t)rule, i, one)
        if (!json_object_get(value, json_string_value(one)) && (e = wrong(w, "required", schema, value)))
            e->message = ctx_printf(w->c, "%s is a required property", repr(w, one));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

/* The names of an object's members, of the ctx. */
static json_t **names_of(struct walk *w, const json_t *object)
{
    json_t **names = ctx_new_n(w->c, json_t *, json_object_size(object)), *item;
    const char *name;
    size_t n = 0;

    json_object_foreach((json_t *)(uintptr_t)object, name, item)
        names[n++] = ctx_json(w->c, json_string(name));
    return names;
}

static const char *extras_words(struct walk *w, const json_t *schema, json_t **extras, size_t n)
{
    const json_t *rules = json_object_get(schema, "patternProperties");
    json_t **expressions;

    qsort(extras, n, sizeof(*extras), by_text);
    if (!rules)
        return ctx_printf(w->c, "Additional properties are not allowed (%s %s unexpected)", reprs(w, extras, n), n == 1 ? "was" : "were");
    expressions = names_of(w, rules);
    if (json_object_size(rules))
        qsort(expressions, json_object_size(rules), sizeof(*expressions), by_text);
    return ctx_printf(w->c, "%s %s not match any of the regexes: %s", reprs(w, extras, n), n == 1 ? "does" : "do",
                      reprs(w, expressions, json_object_size(rules)));
}

static void check_additional(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    struct schema_error *e = NULL;
    const char *name;
    json_t **extras, *item;
    size_t n = 0;

    json_object_foreach((json_t *)(uintptr_t)value, name, item) {
        if (schema_knows(schema, name))
            continue;
        n++;
        if (json_is_object(rule))
            walk_member(w, "additionalProperties", NULL, rule, name, item);
    }
    if (!n || !json_is_false(rule) || !(e = wrong(w, "additionalProperties", schema, value)))
        return;
    extras = ctx_new_n(w->c, json_t *, n);
    n = 0;
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
        if (!schema_knows(schema, name))
            extras[n++] = ctx_json(w->c, json_string(name));
    e->message = extras_words(w, schema, extras, n);
}

static bool fits(const struct walk *w, const json_t *schema, const json_t *value)
{
    struct walk inner = { .c = w->c, .dialect = w->dialect, .quiet = true };

    walk_schema(&inner, schema, value);
    return !inner.found;
}

/* Why no branch fits, where that may be told in its stead. */
static void told_none(struct walk *w, const char *keyword, const json_t *schema, const json_t *rule, const json_t *value)
{
    struct schema_error *e = wrong(w, keyword, schema, value);
    struct walk inner = { .c = w->c, .dialect = w->dialect, .all = true };
    json_t *branch;
    size_t i;

    if (!e)
        return;
    e->message = ctx_printf(w->c, "%s is not valid under any of the given schemas", repr(w, value));
    inner.end = &inner.errors;
    json_array_foreach(w->all ? (json_t *)(uintptr_t)rule : NULL, i, branch) {
        step(&inner.in_schema, NULL, i);
        walk_schema(&inner, branch, value);
        inner.in_schema.n--;
    }
    e->context = inner.errors;
}

static void check_any_of(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    json_t *branch;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)rule, i, branch)
        if (fits(w, branch, value))
            return;
    told_none(w, "anyOf", schema, rule, value);
}

/* Of several that fit, the first is named last. */
static void check_one_of(struct walk *w, const json_t *schema, const json_t *rule, const json_t *value)
{
    const char *more = "", *first = NULL;
    struct schema_error *e;
    json_t *branch;
    size_t i, n = 0;

    json_array_foreach((json_t *)(uintptr_t)rule, i, branch)
        n += fits(w, branch, value);
    if (!n)
        told_none(w, "oneOf", schema, rule, value);
    if (n < 2 || !(e = wrong(w, "oneOf", schema, value)))
        return;
    json_array_foreach((json_t *)(uintptr_t)rule, i, branch)
        if (fits(w, branch, value)) {
            if (first)
                more = ctx_printf(w->c, "%s%s, ", more, repr(w, branch));
            else
                first = repr(w, branch);
        }
    e->message = ctx_printf(w->c, "%s is valid under each of %s%s", repr(w, value), more, first);
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
    { "not", check_not }, { "properties", check_properties }, { "patternProperties", check_pattern_properties },
    { "required", check_required }, { "additionalProperties", check_additional }, { "uniqueItems", check_unique },
    { "items", check_items }, { "pattern", check_pattern }, { "format", check_format }, { "minimum", check_minimum },
    { "maximum", check_maximum },
};

/* In the schema's order. */
static void walk_schema(struct walk *w, const json_t *schema, const json_t *value)
{
    const char *name;
    json_t *rule;

    json_object_foreach((json_t *)(uintptr_t)schema, name, rule) {
        for (size_t i = 0; i < G_N_ELEMENTS(keywords) && (w->all || !w->found); i++)
            if (!strcmp(keywords[i].name, name))
                keywords[i].check(w, schema, rule, value);
        for (size_t i = 0; i < G_N_ELEMENTS(limits) && (w->all || !w->found); i++)
            if (!strcmp(limits[i].name, name))
                check_limit(w, &limits[i], schema, rule, value);
    }
}

/* --- the most telling of errors ------------------------------------------------------------------------------------- */

/* Greater: nearer to the top, then not about branches, then a value of the wrong type. */
static int relevance(const struct walk *w, const struct schema_error *e)
{
    bool weak = !strcmp(e->keyword, "anyOf") || !strcmp(e->keyword, "oneOf");

    return -4 * e->in_value.n + (weak ? 0 : 2) + (has_type(w, e->value, json_object_get(e->schema, "type")) ? 0 : 1);
}

/* The least relevant of a context, if it is so alone: there the deepest tells most. */
static const struct schema_error *deepest(const struct walk *w, const struct schema_error *context)
{
    const struct schema_error *least = context;
    bool alone = true;

    for (const struct schema_error *e = context->next; e; e = e->next) {
        if (relevance(w, e) < relevance(w, least)) {
            least = e;
            alone = true;
        } else if (relevance(w, e) == relevance(w, least)) {
            alone = false;
        }
    }
    return alone ? least : NULL;
}

/* As jsonschema's best_match(). */
static const struct schema_error *best(const struct walk *w)
{
    const struct schema_error *best = w->errors, *deeper;

    for (const struct schema_error *e = best; e; e = e->next)
        if (relevance(w, e) > relevance(w, best))
            best = e;
    while (best && best->context && (deeper = deepest(w, best->context)))
        best = deeper;
    return best;
}

const struct schema_error *schema_walk(struct ctx *c, const struct schema_dialect *dialect, const json_t *schema, const json_t *value)
{
    struct walk w = { .c = c, .dialect = dialect, .all = dialect->tells == SCHEMA_BEST };

    w.end = &w.errors;
    walk_schema(&w, schema, value ? value : json_null());
    return w.all ? best(&w) : w.errors;
}
