/* What is in a metadata definition namespace: objects, properties and tags, three kinds of one thing; and resource types. */
#include "glance/api/metadefs.h"
#include "glance/model/schema.h"

#include <string.h>

static const char *rule_of(struct ctx *c, const char *verb, const char *noun)
{
    return ctx_printf(c, "%s_metadef_%s", verb, noun);
}

/* Showing, a kind at a time. */

static void write_item(struct ctx *c, struct out *out, const char *namespace, const struct item_kind *kind, const struct item *item, bool defaults)
{
    if (kind == &object_kind) {
        metadef_object_write(c, out, namespace, item, NULL, defaults);
    } else if (kind == &property_kind) {
        json_t *named = ctx_json(c, json_copy(item->body));

        json_object_set_new(named, "name", json_string(item->name));
        out_json(out, NULL, property_view(c, named));
    } else {
        out_object(out, NULL);
        out_string(out, "name", item->name);
        out_time(out, "created_at", item->created_at);
        out_time(out, "updated_at", item->updated_at);
        out_end_object(out);
    }
}

static void reply_item(struct ctx *c, const char *namespace, const struct item_kind *kind, const struct item *item, bool defaults, struct reply *reply)
{
    write_item(c, &(struct out){ .to = &reply->body, .times = TIME_ISO_Z }, namespace, kind, item, defaults);
    reply->has_body = true;
}

/* With ?resource_type= a property is asked for by its prefixed name. */
static const char *strip_prefix(struct ctx *c, const struct request *request, const char *namespace, const char *name, const char **ret_prefix)
{
    const char *type = request_query(request, "resource_type");
    struct association *a = type ? association_find(c, namespace, type) : NULL;

    *ret_prefix = NULL;
    if (type && !a)
        return failed(c) ? NULL : fail_null(c, ASSOCIATION_NOT_FOUND, type, namespace);
    if (!a || !a->prefix)
        return name;
    if (!g_str_has_prefix(name, a->prefix))
        return fail_null(c, ITEM_NOT_FOUND, "property", name);
    *ret_prefix = a->prefix;
    return name + strlen(a->prefix);
}

static bool item_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct item_kind *kind = request->route->data;
    const char *namespace = request_arg(request, "namespace"), *name = request_arg(request, "name"), *prefix = NULL;
    struct item *item;

    if (!namespace_lookup(c, namespace, rule_of(c, "get", kind->name), unknown_long))
        return false;
    if (kind == &property_kind && !(name = strip_prefix(c, request, namespace, name, &prefix)))
        return false;
    item = item_find(c, namespace, kind, name);
    if (!item)
        return false;
    if (prefix)
        item->name = ctx_printf(c, "%s%s", prefix, item->name);
    reply_item(c, namespace, kind, item, true, reply);
    return true;
}

/* Listing. */

static bool items_limit(struct ctx *c, const struct request *request, int64_t *ret_limit)
{
    const char *limit = request_query(request, "limit");

    *ret_limit = INT64_MAX;
    if (limit && !text_to_int(limit, ret_limit))
        return fail(c, LIMIT_NOT_INTEGER);
    return *ret_limit >= 0 || fail(c, LIMIT_NEGATIVE);
}

static const char *items_order(struct ctx *c, const struct request *request)
{
    static const char *const keys[] = { "created_at", "updated_at", "name", NULL };
    const char *key = request_query(request, "sort_key"), *dir = request_query(request, "sort_dir");

    key = key ? key : "created_at";
    if (!text_in(key, keys))
        return fail_null(c, 400, "InvalidSortKey", "Sort key supplied was not valid.");
    if (dir && strcmp(dir, "asc") != 0 && strcmp(dir, "desc") != 0)
        return fail_null(c, SORT_DIR_INVALID, dir);
    return ctx_printf(c, dir && strcmp(dir, "asc") == 0 ? "%s ASC, name ASC" : "%s DESC, name DESC", key);
}

static void write_listed(struct ctx *c, struct out *out, const char *namespace, const struct item_kind *kind, const struct item *item)
{
    if (kind == &property_kind) {
        out_json(out, item->name, property_view(c, item->body));
    } else if (kind == &tag_kind) {
        out_object(out, NULL);
        out_string(out, "name", item->name);
        out_end_object(out);
    } else {
        write_item(c, out, namespace, kind, item, true);
    }
}

/* Properties are an object by name, the others arrays. A page begins after ?marker=. */
static bool item_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct item_kind *kind = request->route->data;
    const char *namespace = request_arg(request, "namespace"), *marker = request_query(request, "marker"), *order = items_order(c, request);
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    struct rows *rows;
    int64_t limit;

    if (!order || !items_limit(c, request, &limit) || !namespace_lookup(c, namespace, rule_of(c, "get", kind->plural), unknown_long) ||
        (marker && !item_find(c, namespace, kind, marker)))
        return false;
    rows = items_query(c, namespace, kind, kind == &property_kind ? "created_at, name" : order);
    out_object(&out, NULL);
    (kind == &property_kind ? out_object : out_array)(&out, kind->plural);
    while (db_next(rows)) {
        struct item item = {};

        item_from_row(c, rows, &item);
        if (marker) {
            marker = strcmp(marker, item.name) == 0 ? NULL : marker;
        } else if (limit-- > 0) {
            write_listed(c, &out, namespace, kind, &item);
        }
    }
    (kind == &property_kind ? out_end_object : out_end_array)(&out);
    if (kind == &object_kind)
        out_string(&out, "schema", "v2/schemas/metadefs/objects");
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

/* Creating and changing. */

struct item_change {
    const struct item_kind *kind;
    const char *namespace, *name, *verb;
    const char *new_name;
    json_t *body;
};

static bool create(struct ctx *c, void *data)
{
    struct item_change *change = data;

    return namespace_lookup(c, change->namespace, rule_of(c, change->verb, change->kind->name), unknown_long) &&
        item_insert(c, change->namespace, change->kind, change->new_name, change->body);
}

static bool update(struct ctx *c, void *data)
{
    struct item_change *change = data;

    return namespace_lookup(c, change->namespace, rule_of(c, change->verb, change->kind->name), unknown_long) &&
        item_find(c, change->namespace, change->kind, change->name) &&
        item_change(c, change->namespace, change->kind, change->name, change->new_name, change->body);
}

static bool remove_item(struct ctx *c, void *data)
{
    struct item_change *change = data;

    return namespace_lookup(c, change->namespace, rule_of(c, change->verb, change->kind->name), unknown_long) &&
        item_find(c, change->namespace, change->kind, change->name) &&
        db_exec(c, "DELETE FROM metadef_items WHERE namespace = $1 AND kind = $2 AND name = $3", T(change->namespace), T(change->kind->name),
                T(item_find(c, change->namespace, change->kind, change->name)->name));
}

/* The body, judged; an object is kept without its name, a property with it. */
static bool read_change(struct ctx *c, struct request *request, struct item_change *change)
{
    json_t *body = glance_body(c, request);

    if (!body || !glance_schema_check(c, ctx_printf(c, "metadef_%s", change->kind->name), body))
        return false;
    change->new_name = json_get_string(body, "name");
    change->body = ctx_json(c, json_copy(body));
    if (change->kind != &property_kind)
        json_object_del(change->body, "name");
    return true;
}

static struct item_change change_of(const struct request *request, const char *verb)
{
    return (struct item_change){ .kind = request->route->data, .namespace = request_arg(request, "namespace"), .verb = verb,
                                 .name = request_arg(request, "name") };
}

static bool answer(struct ctx *c, const struct item_change *change, struct reply *reply)
{
    struct item *item = item_find(c, change->namespace, change->kind, change->new_name);

    if (item)
        reply_item(c, change->namespace, change->kind, item, false, reply);
    return item != NULL;
}

static bool item_create(struct ctx *c, struct request *request, struct reply *reply)
{
    struct item_change change = change_of(request, "add");

    return read_change(c, request, &change) && metadef_transaction(c, create, &change) && answer(c, &change, reply);
}

static bool item_update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct item_change change = change_of(request, "modify");

    return read_change(c, request, &change) && metadef_transaction(c, update, &change) && answer(c, &change, reply);
}

static bool item_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    struct item_change change = change_of(request, ((const struct item_kind *)request->route->data)->removal);

    return metadef_transaction(c, remove_item, &change);
}

/* All of a kind. */

static bool remove_all(struct ctx *c, void *data)
{
    struct item_change *change = data;
    const char *rule = change->kind == &tag_kind ? "delete_metadef_tags" : "delete_metadef_namespace";

    return namespace_lookup(c, change->namespace, rule, unknown_short) &&
        db_exec(c, "DELETE FROM metadef_items WHERE namespace = $1 AND kind = $2", T(change->namespace), T(change->kind->name));
}

static bool items_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    struct item_change change = change_of(request, "delete");

    return metadef_transaction(c, remove_all, &change);
}

/* Tags: one by its address, or all of them at once, which replaces those there unless told to append. */

static bool tag_create(struct ctx *c, struct request *request, struct reply *reply)
{
    struct item_change change = change_of(request, "add");

    change.new_name = change.name;
    change.body = ctx_json(c, json_object());
    return glance_schema_check(c, "metadef_tag", ctx_json(c, json_pack("{s:s}", "name", change.name))) &&
        metadef_transaction(c, create, &change) && answer(c, &change, reply);
}

struct tags_change {
    const char *namespace;
    json_t *tags;
    bool append;
};

static bool replace_tags(struct ctx *c, void *data)
{
    struct tags_change *change = data;
    json_t *tag;
    size_t i;

    if (!namespace_lookup(c, change->namespace, "add_metadef_tags", unknown_long))
        return false;
    if (!change->append && !db_exec(c, "DELETE FROM metadef_items WHERE namespace = $1 AND kind = 'tag'", T(change->namespace)))
        return false;
    json_array_foreach(change->tags, i, tag)
        if (!item_insert(c, change->namespace, &tag_kind, json_get_string(tag, "name"), ctx_json(c, json_object())))
            return false;
    return true;
}

static bool tags_create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = glance_body(c, request);
    const char *append = request_header(request, "X-Openstack-Append");
    struct tags_change change = { .namespace = request_arg(request, "namespace"), .append = append && g_ascii_strcasecmp(append, "true") == 0 };
    struct out out = { .to = &reply->body };
    json_t *tag;
    size_t i;

    if (!body || !glance_schema_check(c, "metadef_tags", body))
        return false;
    change.tags = json_object_get(body, "tags");
    if (!metadef_transaction(c, replace_tags, &change))
        return false;
    out_object(&out, NULL);
    out_array(&out, "tags");
    json_array_foreach(change.tags, i, tag)
        out_json(&out, NULL, tag);
    out_end_array(&out);
    out_end_object(&out);
    reply->has_body = true;
    return true;
}

#define NS "metadefs/namespaces/{namespace}/"
#define KIND(path, kind, show, update, del) \
    { "GET", NS path, item_list, .flags = ROUTE_NO_POLICY, .data = &kind }, \
    { "DELETE", NS path, items_delete, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY, .data = &kind }, \
    { "GET", NS path "/{name}", show, .flags = ROUTE_NO_POLICY, .data = &kind }, \
    { "PUT", NS path "/{name}", update, .flags = ROUTE_NO_POLICY, .data = &kind }, \
    { "DELETE", NS path "/{name}", del, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY, .data = &kind }
const struct route glance_item_routes[] = {
    KIND("objects", object_kind, item_show, item_update, item_delete),
    KIND("properties", property_kind, item_show, item_update, item_delete),
    KIND("tags", tag_kind, item_show, item_update, item_delete),
    { "POST", NS "objects", item_create, .status = 201, .flags = ROUTE_NO_POLICY, .data = &object_kind },
    { "POST", NS "properties", item_create, .status = 201, .flags = ROUTE_NO_POLICY, .data = &property_kind },
    { "POST", NS "tags", tags_create, .status = 201, .flags = ROUTE_NO_POLICY },
    { "POST", NS "tags/{name}", tag_create, .status = 201, .flags = ROUTE_NO_POLICY, .data = &tag_kind },
    {}
};
