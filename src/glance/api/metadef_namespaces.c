/* Metadata definition namespaces, with all that is in them. */
#include "glance/api/metadefs.h"
#include "glance/api/patch.h"
#include "glance/model/schema.h"

#include <string.h>

/* Showing. */

static void write_links(struct out *out, const struct namespace *n)
{
    out_printf(out, "self", "/v2/metadefs/namespaces/%s", n->namespace);
    out_string(out, "schema", "/v2/schemas/metadefs/namespace");
}

static char *prefixed(struct ctx *c, const char *prefix, const char *name)
{
    return ctx_printf(c, "%s%s", prefix ? prefix : "", name);
}

/* The properties of an object or namespace, by name, each name with the prefix. */
static json_t *properties_view(struct ctx *c, const json_t *properties, const char *prefix)
{
    json_t *view = ctx_json(c, json_object()), *value;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)properties, name, value)
        json_object_set(view, prefixed(c, prefix, name), property_view(c, value));
    return view;
}

void metadef_object_write(struct ctx *c, struct out *out, const char *namespace, const struct item *item, const char *prefix, bool defaults)
{
    const json_t *required = json_object_get(item->body, "required"), *properties = json_object_get(item->body, "properties");

    out_object(out, NULL);
    out_string(out, "name", item->name);
    if (required || defaults) {
        const json_t *name;
        size_t i;

        out_array(out, "required");
        json_array_foreach(required, i, name)
            out_string(out, NULL, prefixed(c, prefix, json_string_value(name)));
        out_end_array(out);
    }
    if (json_object_get(item->body, "description"))
        out_json(out, "description", json_object_get(item->body, "description"));
    if (properties || defaults)
        out_json(out, "properties", properties_view(c, properties, prefix));
    out_time(out, "created_at", item->created_at);
    out_time(out, "updated_at", item->updated_at);
    out_printf(out, "self", "/v2/metadefs/namespaces/%s/objects/%s", namespace, item->name);
    out_string(out, "schema", "/v2/schemas/metadefs/object");
    out_end_object(out);
}

static void write_objects(struct ctx *c, struct out *out, const struct namespace *n, const char *prefix)
{
    struct rows *rows = items_query(c, n->namespace, &object_kind, "created_at, name");
    bool any = false;

    while (db_next(rows)) {
        struct item item = {};

        if (!any)
            out_array(out, "objects");
        any = true;
        item_from_row(c, rows, &item);
        metadef_object_write(c, out, n->namespace, &item, prefix, true);
    }
    if (any)
        out_end_array(out);
}

static void write_properties(struct ctx *c, struct out *out, const struct namespace *n, const char *prefix)
{
    struct rows *rows = items_query(c, n->namespace, &property_kind, "created_at, name");
    json_t *all = ctx_json(c, json_object());

    while (db_next(rows)) {
        struct item item = {};

        item_from_row(c, rows, &item);
        json_object_set(all, prefixed(c, prefix, item.name), property_view(c, item.body));
    }
    if (json_object_size(all))
        out_json(out, "properties", all);
}

static void write_tags(struct ctx *c, struct out *out, const struct namespace *n)
{
    struct rows *rows = items_query(c, n->namespace, &tag_kind, "created_at, name");
    bool any = false;

    while (db_next(rows)) {
        struct item item = {};

        if (!any)
            out_array(out, "tags");
        any = true;
        item_from_row(c, rows, &item);
        out_object(out, NULL);
        out_string(out, "name", item.name);
        out_end_object(out);
    }
    if (any)
        out_end_array(out);
}

static bool namespace_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *name = request_arg(request, "namespace"), *type = request_query(request, "resource_type"), *prefix = NULL;
    struct namespace *n = namespace_lookup(c, name, "get_metadef_namespace", unknown_long);
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };

    if (!n) {
        if (c->fault.status == 404 && g_str_has_suffix(c->fault.message, "not found")) {
            fault_clear(c);
            fail(c, IMAGE_HIDDEN, "The resource could not be found.");
        }
        return false;
    }
    if (!metadef_allowed(c, n, "list_metadef_resource_types") || !metadef_allowed(c, n, "get_metadef_objects") ||
        !metadef_allowed(c, n, "get_metadef_properties") || !metadef_allowed(c, n, "get_metadef_tags"))
        return false;
    if (type) {
        struct association *a = association_find(c, name, type);

        if (!a)
            return failed(c) ? false : fail(c, ASSOCIATION_NOT_FOUND, type, name);
        prefix = a->prefix;
    }
    out_object(&out, NULL);
    namespace_write(c, &out, n);
    associations_write(c, &out, name);
    write_properties(c, &out, n, prefix);
    write_objects(c, &out, n, prefix);
    write_tags(c, &out, n);
    write_links(&out, n);
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

/* Creating, with whatever stands in the body. */

struct creation {
    struct namespace *namespace;
    json_t *body;
};

static json_t *without(struct ctx *c, json_t *body, const char *name)
{
    json_t *copy = ctx_json(c, json_copy(body));

    json_object_del(copy, name);
    return copy;
}

static bool create_parts(struct ctx *c, const char *namespace, json_t *body)
{
    json_t *part;
    const char *name;
    size_t i;

    json_array_foreach(json_object_get(body, "resource_type_associations"), i, part)
        if (!association_insert(c, namespace, part))
            return false;
    json_array_foreach(json_object_get(body, "objects"), i, part)
        if (!item_insert(c, namespace, &object_kind, json_get_string(part, "name"), without(c, part, "name")))
            return false;
    json_array_foreach(json_object_get(body, "tags"), i, part)
        if (!item_insert(c, namespace, &tag_kind, json_get_string(part, "name"), ctx_json(c, json_object())))
            return false;
    json_object_foreach(json_object_get(body, "properties"), name, part)
        if (!item_insert(c, namespace, &property_kind, name, part))
            return false;
    return true;
}

static bool create(struct ctx *c, void *data)
{
    struct creation *creation = data;
    struct namespace *n = creation->namespace;

    if (db_count(c, "SELECT count(*) FROM metadef_namespaces WHERE namespace = $1", T(n->namespace)) > 0)
        return fail(c, NAMESPACE_EXISTS, n->namespace);
    return !failed(c) && record_insert(c, "metadef_namespaces", namespace_attrs, n) && create_parts(c, n->namespace, creation->body);
}

/* What a body says of the namespace itself. */
static void namespace_read(struct ctx *c, struct namespace *n, const json_t *body)
{
    const char *visibility = json_get_string(body, "visibility"), *owner = json_get_string(body, "owner");

    n->namespace = ctx_strdup(c, json_get_string(body, "namespace"));
    n->display_name = ctx_strdup(c, json_get_string(body, "display_name"));
    n->description = ctx_strdup(c, json_get_string(body, "description"));
    n->visibility = ctx_strdup(c, visibility ? visibility : "private");
    n->protected = json_get_bool(body, "protected", false);
    n->owner = ctx_strdup(c, owner ? owner : c->who.project_id);
    n->updated_at = utc_now();
}

static bool may_create(struct ctx *c, const json_t *body)
{
    static const struct { const char *member, *rule; } parts[] = {
        { "resource_type_associations", "add_metadef_resource_type_association" }, { "objects", "add_metadef_object" },
        { "properties", "add_metadef_property" }, { "tags", "add_metadef_tag" },
    };

    if (!metadef_allowed(c, NULL, "add_metadef_namespace"))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (json_object_get(body, parts[i].member) && !metadef_allowed(c, NULL, parts[i].rule))
            return false;
    return true;
}

static void echo_parts(struct out *out, const json_t *body)
{
    static const char *const parts[] = { "resource_type_associations", "properties", "objects", "tags", NULL };

    for (const char *const *part = parts; *part; part++)
        if (json_object_get(body, *part))
            out_json(out, *part, json_object_get(body, *part));
}

static void reply_namespace(struct ctx *c, const struct namespace *n, const json_t *parts, struct reply *reply)
{
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };

    out_object(&out, NULL);
    namespace_write(c, &out, n);
    echo_parts(&out, parts);
    write_links(&out, n);
    out_end_object(&out);
    reply->has_body = true;
}

static bool namespace_create(struct ctx *c, struct request *request, struct reply *reply)
{
    struct creation creation = { .body = glance_body(c, request), .namespace = record_new(c, namespace_attrs, sizeof(struct namespace)) };
    struct namespace *n = creation.namespace;

    if (!creation.body || !glance_schema_check(c, "metadef_namespace", creation.body) || !may_create(c, creation.body))
        return false;
    namespace_read(c, n, creation.body);
    n->created_at = n->updated_at;
    if (!metadef_transaction(c, create, &creation))
        return false;
    reply_header(c, reply, "Location", ctx_printf(c, "%s/v2/metadefs/namespaces/%s", c->base_url, n->namespace));
    reply_namespace(c, n, creation.body, reply);
    return true;
}

/* Changing and deleting. */

struct namespace_change {
    const char *name;
    json_t *body;
    struct namespace *namespace;
};

static bool update(struct ctx *c, void *data)
{
    struct namespace_change *change = data;
    struct namespace *n = change->namespace = namespace_lookup(c, change->name, "modify_metadef_namespace", unknown_short);

    if (!n)
        return false;
    namespace_read(c, n, change->body);
    if (strcmp(n->namespace, change->name) != 0 &&
        db_count(c, "SELECT count(*) FROM metadef_namespaces WHERE namespace = $1", T(n->namespace)) > 0)
        return fail(c, NAMESPACE_RENAME, n->namespace);
    return !failed(c) && db_exec(c, "UPDATE metadef_namespaces SET namespace = $1 WHERE namespace = $2", T(n->namespace), T(change->name)) &&
        record_update(c, "metadef_namespaces", namespace_attrs, n, "namespace");
}

static bool namespace_update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct namespace_change change = { .name = request_arg(request, "namespace"), .body = glance_body(c, request) };

    if (!change.body || !glance_schema_check(c, "metadef_namespace", change.body) || !metadef_transaction(c, update, &change))
        return false;
    reply_namespace(c, change.namespace, NULL, reply);
    return true;
}

static bool remove_namespace(struct ctx *c, void *name)
{
    struct namespace *n = namespace_lookup(c, name, "delete_metadef_namespace", unknown_short);

    if (!n)
        return false;
    return n->protected ? fail(c, NAMESPACE_PROTECTED, n->namespace)
                        : db_exec(c, "DELETE FROM metadef_namespaces WHERE namespace = $1", T(n->namespace));
}

static bool namespace_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    return metadef_transaction(c, remove_namespace, (void *)(uintptr_t)request_arg(request, "namespace"));
}

/* Listing. */

static bool add_filters(struct ctx *c, struct sql *s, const struct request *request)
{
    const char *visibility = request_query(request, "visibility"), *types = request_query(request, "resource_types");

    if (visibility && strcmp(visibility, "public") != 0 && strcmp(visibility, "private") != 0)
        return fail(c, VISIBILITY_INVALID, visibility);
    if (visibility)
        sql_add(s, " AND visibility = ?", T(visibility));
    if (types) {
        sql_add(s, " AND namespace IN (SELECT namespace FROM metadef_associations WHERE name IN ");
        sql_in(s, (const char *const *)text_split(c, types, ','));
        sql_add(s, ")");
    }
    if (!c->who.is_admin)
        sql_add(s, " AND (visibility = 'public' OR owner = ?)", T(c->who.project_id));
    return true;
}

static bool add_marker(struct ctx *c, struct sql *s, const char *marker, const char *key, bool desc)
{
    struct namespace *n = marker ? namespace_lookup(c, marker, "get_metadef_namespace", unknown_long) : NULL;
    const struct attr *a = attr_find(namespace_attrs, key);

    if (n)
        sql_add(s, ctx_printf(c, " AND (%s, namespace) %s (?, ?)", key, desc ? "<" : ">"),
                a->kind == KIND_TIME ? I(FIELD(utc_time, n, a)->us) : T(*FIELD(char *, n, a)), T(marker));
    return !failed(c);
}

static bool read_order(struct ctx *c, const struct request *request, const char **ret_key, bool *ret_desc, int64_t *ret_limit)
{
    static const char *const keys[] = { "created_at", "updated_at", "namespace", "visibility", "owner", NULL };
    const char *key = request_query(request, "sort_key"), *dir = request_query(request, "sort_dir"), *limit = request_query(request, "limit");

    *ret_key = key ? key : "created_at";
    *ret_desc = !dir || strcmp(dir, "desc") == 0;
    *ret_limit = glance_options()->api_limit_max;
    if (dir && strcmp(dir, "asc") != 0 && !*ret_desc)
        return fail(c, SORT_DIR_INVALID, dir);
    if (limit && !text_to_int(limit, ret_limit))
        return fail(c, LIMIT_NOT_INTEGER);
    if (*ret_limit < 0)
        return fail(c, LIMIT_NEGATIVE);
    return text_in(*ret_key, keys) || fail(c, 400, "InvalidSortKey", "Sort key supplied was not valid.");
}

static void write_listed(struct ctx *c, struct out *out, const struct namespace *n)
{
    out_object(out, NULL);
    namespace_write(c, out, n);
    associations_write(c, out, n->namespace);
    write_links(out, n);
    out_end_object(out);
}

static bool namespace_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    struct sql *s = sql_new(c);
    struct namespace n = {};
    struct buf columns = {};
    struct rows *rows;
    const char *key;
    int64_t limit, found = 0;
    bool desc;

    if (!metadef_allowed(c, NULL, "get_metadef_namespaces") || !metadef_allowed(c, NULL, "list_metadef_resource_types") ||
        !read_order(c, request, &key, &desc, &limit))
        return false;
    record_columns(&columns, namespace_attrs, "");
    sql_add(s, ctx_printf(c, "SELECT %s FROM metadef_namespaces WHERE 1 = 1", columns.data));
    buf_clear(&columns);
    if (!add_filters(c, s, request) || !add_marker(c, s, request_query(request, "marker"), key, desc))
        return false;
    sql_add(s, ctx_printf(c, " ORDER BY %s %s, namespace %s LIMIT ?", key, desc ? "DESC" : "ASC", desc ? "DESC" : "ASC"), I(limit));
    rows = sql_query(s);
    out_object(&out, NULL);
    out_array(&out, "namespaces");
    for (; db_next(rows); found++) {
        record_from_row(rows, namespace_attrs, &n, 0);
        write_listed(c, &out, &n);
    }
    out_end_array(&out);
    if (found && request_query(request, "limit") && found == limit)
        out_printf(&out, "next", "/v2/metadefs/namespaces?%s", query_again(c, request, n.namespace));
    out_string(&out, "schema", "/v2/schemas/metadefs/namespaces");
    out_printf(&out, "first", "/v2/metadefs/namespaces%s%s", *query_again(c, request, NULL) ? "?" : "", query_again(c, request, NULL));
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

#define NS "metadefs/namespaces"
const struct route glance_namespace_routes[] = {
    { "GET", NS, namespace_list, .flags = ROUTE_NO_POLICY },
    { "POST", NS, namespace_create, .status = 201, .flags = ROUTE_NO_POLICY },
    { "GET", NS "/{namespace}", namespace_show, .flags = ROUTE_NO_POLICY },
    { "PUT", NS "/{namespace}", namespace_update, .flags = ROUTE_NO_POLICY },
    { "DELETE", NS "/{namespace}", namespace_delete, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
