/* Nova's schemas: its files read once, and what is said of bodies and queries that do not fit. */
#include "nova/api/schema.h"

#include "nova/api/formats.h"
#include "nova/faults.h"
#include "oslo/record/record.h"
#include "oslo/record/schema.h"

#include <pthread.h>
#include <string.h>

struct schema_file { const char *name, *text; };
extern const struct schema_file nova_schemas[];

static const struct schema_dialect dialect = { .tells = SCHEMA_FIRST, .formats = nova_formats, .numbers_in_text = true };

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static struct schemas *schemas;      /* under loading; for the process once made */

/* --- loading ------------------------------------------------------------------------------------------------------ */

static json_t *plain(json_t *schema);

/* {"$in": "server", ...}: the object with that one member. Takes content. */
static json_t *enveloped(const char *name, json_t *content)
{
    return json_pack("{s:s, s:{s:o}, s:[s], s:b}", "type", "object", "properties", name, content, "required", name,
                     "additionalProperties", 0);
}

/* Each parameter is a list of values; since and until belong to the parameter. */
static json_t *parameters_of(json_t *parameters)
{
    json_t *properties = json_object(), *schema;
    const char *key;

    json_object_foreach(parameters, key, schema) {
        json_t *list = json_pack("{s:s, s:o}", "type", "array", "items", plain(schema));

        for (const char *const *bound = (const char *const[]){ "since", "until", NULL }; *bound; bound++)
            if (json_object_get(schema, *bound))
                json_object_set(list, *bound, json_object_get(schema, *bound));
        json_object_set_new(properties, key, list);
    }
    return properties;
}

/* {"$query": {...}}; where it is strict from a microversion on, a schema for those and one for the others. */
static json_t *query_of(const json_t *schema)
{
    json_t *query = json_pack("{s:s, s:o}", "type", "object", "properties", parameters_of(json_object_get(schema, "$query"))), *strict;
    const char *pattern = json_get_string(schema, "pattern"), *since = json_get_string(schema, "strict");

    if (pattern)
        json_object_set_new(query, "patternProperties", json_pack("{s:{}}", pattern));
    if (!since)
        return query;
    strict = json_copy(query);
    json_object_set_new(strict, "since", json_string(since));
    json_object_set_new(strict, "additionalProperties", json_false());
    return json_pack("[o, o]", strict, query);
}

/* The schema without the keywords that are Nova's alone. A new reference. */
static json_t *plain(json_t *schema)
{
    json_t *result, *item;
    const char *key;
    size_t i;

    if (json_is_array(schema)) {
        result = json_array();
        json_array_foreach(schema, i, item)
            json_array_append_new(result, plain(item));
        return result;
    }
    if (!json_is_object(schema))
        return json_incref(schema);
    if (json_object_get(schema, "$query"))
        return query_of(schema);
    result = json_object();
    json_object_foreach(schema, key, item)
        if (strcmp(key, "$in"))
            json_object_set_new(result, key, plain(item));
    return json_get_string(schema, "$in") ? enveloped(json_get_string(schema, "$in"), result) : result;
}

/* One file's, as "flavors.create"; those of common.json by their name alone. */
static bool load_file(struct ctx *c, const struct schema_file *f, json_t *to)
{
    json_error_t error;
    json_t *file = ctx_json(c, json_loads(f->text, JSON_REJECT_DUPLICATES, &error)), *schema;
    bool common = !strcmp(f->name, "common");
    const char *name;

    if (!file)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "schema %s, line %d: %s", f->name, error.line, error.text));
    json_object_foreach(file, name, schema)
        json_object_set_new(to, common ? name : ctx_printf(c, "%s.%s", f->name, name), plain(schema));
    return true;
}

static bool load(struct ctx *c)
{
    json_t *all = json_object();

    for (const struct schema_file *f = nova_schemas; f->name; f++)
        if (!load_file(c, f, all)) {
            json_decref(all);
            return false;
        }
    schemas = schemas_of(all, &dialect);
    return true;
}

bool schemas_load(struct ctx *c)
{
    bool ok;

    pthread_mutex_lock(&loading);
    ok = schemas || load(c);
    pthread_mutex_unlock(&loading);
    return ok;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* A name that is none is told alone. */
static bool told(struct ctx *c, const struct schema_fault *fault, const char *where, const char *at)
{
    struct buf text = {};

    if (fault->reason) {
        buf_printf(&text, "An invalid 'name' value was provided. The name must be: %s", fault->reason);
    } else if (at) {
        buf_printf(&text, "Invalid input for %s %s. Value: ", where, at);
        python_str(&text, fault->value);
        buf_printf(&text, ". %s", fault->message);
    } else {
        buf_puts(&text, fault->message);
    }
    fail(c, VALIDATION_ERROR, text.data);
    buf_clear(&text);
    return false;
}

/* False with a fault, *ret unset. */
static bool find(struct ctx *c, const char *name, const json_t **ret)
{
    return schemas_load(c) && ((*ret = schema_at(schemas, name, c->version)) || fail(c, INTERNAL_ERROR, ctx_printf(c, "no schema %s", name)));
}

/* A body's fault names the innermost member. */
bool schema_check(struct ctx *c, const char *name, json_t *value)
{
    const json_t *schema;
    struct schema_fault fault;

    return find(c, name, &schema) && (schema_fits(c, schemas, name, value, &fault) || told(c, &fault, "field/attribute", fault.last));
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

/* A query's fault names the parameter. */
json_t *schema_query(struct ctx *c, struct request *rq, const char *name)
{
    json_t *query = ctx_json(c, json_object()), *kept, *values;
    struct schema_fault fault;
    const json_t *schema;
    const char *key;

    for (const struct pair *p = rq->query; p && p->name; p++) {
        if (!json_object_get(query, p->name))
            json_object_set_new(query, p->name, json_array());
        json_array_append_new(json_object_get(query, p->name), json_string(p->value));
    }
    if (!find(c, name, &schema))
        return NULL;
    if (!schema_fits(c, schemas, name, query, &fault)) {
        told(c, &fault, "query parameters", fault.first);
        return NULL;
    }
    kept = ctx_json(c, json_object());
    json_object_foreach(query, key, values)
        if (schema_knows(schema, key))
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
