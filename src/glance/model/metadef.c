/* Metadata definitions: their rows and who may see them. An item's body is kept as JSON. */
#include "glance/model/metadef.h"

#include "oslo/record/python.h"

#include <string.h>

const struct attr namespace_attrs[] = {
    ATTR(struct namespace, namespace, 0),
    ATTR(struct namespace, display_name, 0),
    ATTR(struct namespace, description, 0),
    ATTR(struct namespace, visibility, 0, .unset = "private"),
    ATTR(struct namespace, protected, 0),
    ATTR(struct namespace, owner, 0),
    ATTR(struct namespace, created_at, 0),
    ATTR(struct namespace, updated_at, 0),
    {}
};

const struct attr association_attrs[] = {
    ATTR(struct association, name, 0),
    ATTR(struct association, prefix, 0),
    ATTR(struct association, properties_target, 0),
    ATTR(struct association, created_at, 0),
    ATTR(struct association, updated_at, 0),
    {}
};

const struct item_kind object_kind = { "object", "objects", "metadata object", "definition object", "", "delete", false };
const struct item_kind property_kind = { "property", "properties", "property", "definition property", "", "remove", false };
const struct item_kind tag_kind = { "tag", "tags", "metadata tag", "tag", " (Please note that metadata tag names are case insensitive).",
                                    "delete", true };

const char unknown_long[] = "Metadata definition namespace=%s was not found.";
const char unknown_short[] = "Namespace %s not found";

/* Namespaces. */

bool namespace_visible(struct ctx *c, const struct namespace *n)
{
    return c->who.is_admin || strcmp(n->visibility, "public") == 0 || (n->owner && text_equal(n->owner, c->who.project_id));
}

bool metadef_allowed(struct ctx *c, const struct namespace *n, const char *rule)
{
    const char *owner = n ? n->owner : c->who.project_id;

    return policy_allows(c, rule, TARGET("project_id", owner, "visibility", n ? n->visibility : "")) || fail(c, RULE_FORBIDS, rule);
}

struct namespace *namespace_lookup(struct ctx *c, const char *name, const char *rule, const char *unknown)
{
    struct namespace *n = record_new(c, namespace_attrs, sizeof(*n));
    bool found = record_find(c, "metadef_namespaces", namespace_attrs, n, "namespace", name);

    if (failed(c))
        return NULL;
    if (!found)
        return unknown == unknown_long ? fail_null(c, NAMESPACE_UNKNOWN, name) : fail_null(c, NAMESPACE_NOT_FOUND, name);
    if (!namespace_visible(c, n))
        return fail_null(c, NAMESPACE_NOT_FOUND, name);
    return metadef_allowed(c, n, rule) ? n : NULL;
}

void namespace_write(struct ctx *c, struct out *out, const struct namespace *n)
{
    out_string(out, "namespace", n->namespace);
    if (n->display_name)
        out_string(out, "display_name", n->display_name);
    if (n->description)
        out_string(out, "description", n->description);
    out_string(out, "visibility", n->visibility);
    out_bool(out, "protected", n->protected);
    out_string(out, "owner", n->owner);
    out_time(out, "created_at", n->created_at);
    out_time(out, "updated_at", n->updated_at);
}

bool metadef_transaction(struct ctx *c, bool (*run)(struct ctx *, void *data), void *data)
{
    if (!db_begin(c))
        return false;
    if (run(c, data))
        return db_commit(c);
    db_rollback(c);
    return false;
}

/* Items. */

static const char *folded(struct ctx *c, const struct item_kind *kind, const char *name)
{
    g_autofree char *text = kind->folds_case ? g_utf8_strdown(name, -1) : g_strdup(name);

    return ctx_strdup(c, text);
}

static int64_t has_item(struct ctx *c, const char *namespace, const struct item_kind *kind, const char *name)
{
    return db_count(c, "SELECT count(*) FROM metadef_items WHERE namespace = $1 AND kind = $2 AND folded = $3", T(namespace), T(kind->name),
                    T(folded(c, kind, name)));
}

bool item_insert(struct ctx *c, const char *namespace, const struct item_kind *kind, const char *name, const json_t *body)
{
    int64_t now = clock_us();

    if (has_item(c, namespace, kind, name) > 0)
        return fail(c, ITEM_EXISTS, kind->duplicate, name, namespace, kind->hint);
    return db_exec(c, "INSERT INTO metadef_items (namespace, kind, name, folded, body, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)",
                   T(namespace), T(kind->name), T(name), T(folded(c, kind, name)), T(json_text(c, body).text), I(now));
}

bool item_change(struct ctx *c, const char *namespace, const struct item_kind *kind, const char *name, const char *new_name, const json_t *body)
{
    if (strcmp(folded(c, kind, name), folded(c, kind, new_name)) != 0 && has_item(c, namespace, kind, new_name) > 0)
        return fail(c, ITEM_RENAME, kind->name, new_name, namespace);
    return db_exec(c, "UPDATE metadef_items SET name = $1, folded = $2, body = $3, updated_at = $4 WHERE namespace = $5 AND kind = $6 AND folded = $7",
                   T(new_name), T(folded(c, kind, new_name)), T(json_text(c, body).text), I(clock_us()), T(namespace), T(kind->name),
                   T(folded(c, kind, name)));
}

#define ITEM_COLUMNS "SELECT name, body, created_at, updated_at FROM metadef_items WHERE namespace = $1 AND kind = $2"

void item_from_row(struct ctx *c, struct rows *rows, struct item *item)
{
    item->name = db_text(rows, 0);
    item->body = json_of(c, (raw_json){ db_text(rows, 1) });
    item->created_at.us = db_int(rows, 2);
    item->updated_at.us = db_int(rows, 3);
}

struct item *item_find(struct ctx *c, const char *namespace, const struct item_kind *kind, const char *name)
{
    struct rows *rows = db_query(c, ITEM_COLUMNS " AND folded = $3", T(namespace), T(kind->name), T(folded(c, kind, name)));
    struct item *item = ctx_new(c, struct item);

    if (db_next(rows)) {
        item_from_row(c, rows, item);
        db_rows_end(rows);
        return item;
    }
    return failed(c) ? NULL : fail_null(c, ITEM_NOT_FOUND, kind->words, name);
}

struct rows *items_query(struct ctx *c, const char *namespace, const struct item_kind *kind, const char *order)
{
    return db_query(c, ctx_printf(c, ITEM_COLUMNS " ORDER BY %s", order), T(namespace), T(kind->name));
}

/* A default is text, whatever the type. */
json_t *property_view(struct ctx *c, const json_t *body)
{
    static const char *const order[] = {
        "name", "type", "title", "description", "operators", "default", "readonly", "minimum", "maximum", "enum", "pattern", "minLength",
        "maxLength", "confidential", "items", "uniqueItems", "minItems", "maxItems", "additionalItems", NULL
    };
    json_t *view = ctx_json(c, json_object());

    for (const char *const *name = order; *name; name++) {
        json_t *value = json_object_get(body, *name);
        struct buf text = {};

        if (!value)
            continue;
        if (strcmp(*name, "default") == 0 && !json_is_string(value)) {
            python_str(&text, value);
            json_object_set_new(view, *name, json_string(text.data));
            buf_clear(&text);
        } else {
            json_object_set(view, *name, value);
        }
    }
    return view;
}

/* Resource types. */

struct association *association_find(struct ctx *c, const char *namespace, const char *name)
{
    struct buf columns = {};
    struct association *a = NULL;
    struct rows *rows;

    record_columns(&columns, association_attrs, "");
    rows = db_query(c, ctx_printf(c, "SELECT %s FROM metadef_associations WHERE namespace = $1 AND name = $2", columns.data), T(namespace), T(name));
    buf_clear(&columns);
    if (db_next(rows)) {
        a = ctx_new(c, struct association);
        record_from_row(rows, association_attrs, a, 0);
        db_rows_end(rows);
    }
    return a;
}

bool association_insert(struct ctx *c, const char *namespace, const json_t *asked)
{
    const char *name = json_get_string(asked, "name");
    int64_t now = clock_us();

    if (association_find(c, namespace, name))
        return fail(c, ASSOCIATION_EXISTS, name, namespace);
    return !failed(c) &&
        db_exec(c, "INSERT INTO metadef_resource_types (name, created_at, updated_at) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING", T(name), I(now)) &&
        db_exec(c, "INSERT INTO metadef_associations (namespace, name, prefix, properties_target, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
                T(namespace), T(name), T(json_get_string(asked, "prefix")), T(json_get_string(asked, "properties_target")), I(now));
}

void association_write(struct out *out, const struct association *a)
{
    out_object(out, NULL);
    out_string(out, "name", a->name);
    if (a->prefix)
        out_string(out, "prefix", a->prefix);
    if (a->properties_target)
        out_string(out, "properties_target", a->properties_target);
    out_time(out, "created_at", a->created_at);
    out_time(out, "updated_at", a->updated_at);
    out_end_object(out);
}

void associations_write(struct ctx *c, struct out *out, const char *namespace)
{
    struct buf columns = {};
    struct rows *rows;
    bool any = false;

    record_columns(&columns, association_attrs, "");
    rows = db_query(c, ctx_printf(c, "SELECT %s FROM metadef_associations WHERE namespace = $1 ORDER BY created_at, name", columns.data), T(namespace));
    buf_clear(&columns);
    while (db_next(rows)) {
        struct association a = {};

        if (!any)
            out_array(out, "resource_type_associations");
        any = true;
        record_from_row(rows, association_attrs, &a, 0);
        association_write(out, &a);
    }
    if (any)
        out_end_array(out);
}
