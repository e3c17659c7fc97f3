/* Resource types, and which namespaces apply to them. */
#include "glance/api/metadefs.h"
#include "glance/model/schema.h"

static bool type_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    struct rows *rows = db_query(c, "SELECT name, created_at, updated_at FROM metadef_resource_types ORDER BY name");

    out_object(&out, NULL);
    out_array(&out, "resource_types");
    while (db_next(rows)) {
        out_object(&out, NULL);
        out_string(&out, "name", db_text(rows, 0));
        out_time(&out, "created_at", (utc_time){ db_int(rows, 1) });
        out_time(&out, "updated_at", (utc_time){ db_int(rows, 2) });
        out_end_object(&out);
    }
    out_end_array(&out);
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

static bool association_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    const char *namespace = request_arg(request, "namespace");

    if (!namespace_lookup(c, namespace, "get_metadef_resource_type", unknown_short))
        return false;
    out_object(&out, NULL);
    if (db_count(c, "SELECT count(*) FROM metadef_associations WHERE namespace = $1", T(namespace)) > 0) {
        associations_write(c, &out, namespace);
    } else {
        out_array(&out, "resource_type_associations");
        out_end_array(&out);
    }
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

struct association_change {
    const char *namespace, *name;
    json_t *body;
};

static bool add(struct ctx *c, void *data)
{
    struct association_change *change = data;

    return namespace_lookup(c, change->namespace, "add_metadef_resource_type_association", unknown_short) &&
        association_insert(c, change->namespace, change->body);
}

static bool association_create(struct ctx *c, struct request *request, struct reply *reply)
{
    struct association_change change = { .namespace = request_arg(request, "namespace"), .body = glance_body(c, request) };
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    struct association *a;

    if (!change.body || !glance_schema_check(c, "metadef_resource_type", change.body) || !metadef_transaction(c, add, &change))
        return false;
    a = association_find(c, change.namespace, json_get_string(change.body, "name"));
    if (!a)
        return failed(c) ? false : fail(c, ASSOCIATION_NOT_FOUND, json_get_string(change.body, "name"), change.namespace);
    association_write(&out, a);
    reply->has_body = true;
    return true;
}

static bool take_away(struct ctx *c, void *data)
{
    struct association_change *change = data;

    if (!namespace_lookup(c, change->namespace, "remove_metadef_resource_type_association", unknown_short))
        return false;
    if (!association_find(c, change->namespace, change->name))
        return failed(c) ? false : fail(c, ASSOCIATION_NOT_DELETED, change->name);
    return db_exec(c, "DELETE FROM metadef_associations WHERE namespace = $1 AND name = $2", T(change->namespace), T(change->name));
}

static bool association_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    struct association_change change = { .namespace = request_arg(request, "namespace"), .name = request_arg(request, "name") };

    return metadef_transaction(c, take_away, &change);
}

#define NS "metadefs/namespaces/{namespace}/resource_types"
const struct route glance_resource_type_routes[] = {
    { "GET", "metadefs/resource_types", type_list, .policy = "list_metadef_resource_types" },
    { "GET", NS, association_list, .flags = ROUTE_NO_POLICY },
    { "POST", NS, association_create, .status = 201, .flags = ROUTE_NO_POLICY },
    { "DELETE", NS "/{name}", association_delete, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
