/* Objects from sources by their class's table, in any of its versions; and the sources from the database. */
#include "neutron/plugin/objects/object.h"

#include <stdlib.h>
#include <string.h>

#include "neutron/rpc/servers.h"

static const struct object_class *const classes[] = {
    &port_class, &network_class, &subnet_class, &security_group_class, &security_group_rule_class, &address_group_class,
};

const struct object_class *object_class_find(const char *type)
{
    for (size_t i = 0; type && i < G_N_ELEMENTS(classes); i++)
        if (!strcmp(classes[i]->name, type))
            return classes[i];
    return NULL;
}

/* A version newer than ours is given what we know: its readers take older ones. */
int object_minor(const struct object_class *class, const char *version)
{
    int64_t minor;

    if (!version || strncmp(version, "1.", 2) || !text_to_int(version + 2, &minor) || minor < 0)
        return -1;
    return (int)MIN(minor, class->minor);
}

/* --- primitives ----------------------------------------------------------------------------------------------- */

static json_t *primitive_new(const struct object_class *class, int minor, json_t *data)
{
    char version[24];

    g_snprintf(version, sizeof(version), "1.%d", minor);
    return json_pack("{s:s, s:s, s:s, s:o}", "versioned_object.name", class->name, "versioned_object.namespace", "versionedobjects",
                     "versioned_object.version", version, "versioned_object.data", data);
}

static bool field_known(const struct object_field *f, int minor)
{
    return minor >= f->since && (!f->until || minor <= f->until);
}

static json_t *field_value(const struct object_field *f, json_t *value)
{
    json_t *list, *entry;
    size_t i;

    if (f->object && json_is_object(value))
        return object_primitive(f->object, f->minor, value);
    if (!f->list)
        return json_incref(value);
    list = json_array();
    json_array_foreach(value, i, entry)
        json_array_append_new(list, object_primitive(f->list, f->minor, entry));
    return list;
}

json_t *object_primitive(const struct object_class *class, int minor, const json_t *source)
{
    json_t *data = json_object();

    for (const struct object_field *f = class->fields; f->name; f++) {
        json_t *value = json_object_get(source, f->from ? f->from : f->name);

        if (!field_known(f, minor))
            continue;
        if ((value && !json_is_null(value)) || f->list)
            json_object_set_new(data, f->name, field_value(f, value));
        else if (f->null)
            json_object_set_new(data, f->name, json_null());
    }
    return primitive_new(class, minor, data);
}

json_t *object_gone(const struct object_class *class, int minor, const char *id)
{
    json_t *data = json_pack("{s:s}", "id", id), *changes = json_pack("[s]", "id"), *whole;

    for (const struct object_field *f = class->fields; f->name; f++)
        if (f->born && field_known(f, minor)) {
            json_object_set_new(data, f->name, json_loads(f->born, JSON_DECODE_ANY, NULL));
            json_array_append_new(changes, json_string(f->name));
        }
    whole = primitive_new(class, minor, data);
    json_object_set_new(whole, "versioned_object.changes", changes);
    return whole;
}

/* --- sources -------------------------------------------------------------------------------------------------- */

static bool filter_add(struct ctx *c, const struct object_class *class, struct sql *s, const char *name, const json_t *values)
{
    const struct attr *a = attr_find(class->resource->attrs, name);

    if (a && !(a->flags & DERIVED)) {
        rpc_filter_add(c, s, a, values);
        return true;
    }
    return (class->filter && class->filter(c, s, name, rpc_texts(c, values))) || (!failed(c) && invalid_input(c, "'%s' is not supported for filtering", name));
}

static struct sql *select_new(struct ctx *c, const struct object_class *class, const json_t *filters)
{
    struct sql *s = sql_new(c);
    struct buf columns = { 0 };
    const char *name;
    json_t *values;

    record_columns(&columns, class->resource->attrs, "t.");
    sql_add(s, ctx_printf(c, "SELECT %s FROM %s t WHERE 1 = 1", columns.data, class->resource->plural));
    buf_clear(&columns);
    json_object_foreach((json_t *)(uintptr_t)filters, name, values)
        if (!filter_add(c, class, s, name, values))
            return NULL;
    return s;
}

json_t *object_sources(struct ctx *c, const struct object_class *class, const json_t *filters)
{
    const struct resource *r = class->resource;
    GPtrArray *found = g_ptr_array_new();
    json_t *list = ctx_json(c, json_array());
    struct sql *s = select_new(c, class, filters);
    json_t **sources;

    for (struct rows *rows = s ? sql_query(s) : NULL; rows && db_next(rows);) {
        void *record = ctx_alloc(c, r->size);

        record_from_row(rows, r->attrs, record, 0);
        g_ptr_array_add(found, record);
    }
    if (!failed(c) && rest_fill(c, r, found->pdata, found->len)) {
        sources = ctx_new_n(c, json_t *, found->len + 1);
        for (guint i = 0; i < found->len; i++)
            json_array_append(list, sources[i] = record_to_json(c, r->attrs, found->pdata[i]));
        if (found->len && class->complete)
            class->complete(c, sources, found->len);
    }
    g_ptr_array_free(found, TRUE);
    return failed(c) ? NULL : list;
}

bool object_rows(struct ctx *c, json_t *const *sources, size_t n, const char *select, void (*row)(struct ctx *, json_t *source, struct rows *))
{
    enum { CHUNK = 200 };
    GHashTable *by_id = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; i < n; i++)
        g_hash_table_insert(by_id, (gpointer)(uintptr_t)json_get_string(sources[i], "id"), sources[i]);
    for (size_t from = 0; from < n && !failed(c); from += CHUNK) {
        const char **ids = ctx_new_n(c, const char *, CHUNK + 1);
        struct sql *s = sql_new(c);

        for (size_t i = from; i < MIN(from + CHUNK, n); i++)
            ids[i - from] = json_get_string(sources[i], "id");
        sql_add(s, select);
        sql_add(s, " IN ");
        sql_in(s, ids);
        for (struct rows *rows = sql_query(s); db_next(rows);)
            row(c, g_hash_table_lookup(by_id, db_text(rows, 0)), rows);
    }
    g_hash_table_destroy(by_id);
    return !failed(c);
}

json_t *objects_read(struct ctx *c, const char *type, const char *version, const json_t *filters)
{
    const struct object_class *class = object_class_find(type);
    json_t *list, *sources, *source;
    size_t i;
    int minor;

    if (!class)
        return fail_null(c, INVALID_RESOURCE_TYPE, type ? type : "None");
    if ((minor = object_minor(class, version)) < 0)
        return fail_null(c, INVALID_TARGET_VERSION, version ? version : "None");
    if (!(sources = object_sources(c, class, filters)))
        return NULL;
    list = json_array();
    json_array_foreach(sources, i, source)
        json_array_append_new(list, object_primitive(class, minor, source));
    return list;
}
