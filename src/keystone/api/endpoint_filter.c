/* OS-EP-FILTER: which endpoints a project sees in its catalog, one by one or by groups of them. */
#include "keystone/api/projects.h"

#include <string.h>

struct endpoint_group {
    char *id, *name, *description;
    raw_json filters;
};
static const struct attr group_attrs[] = {
    ATTR(struct endpoint_group, id,          SORT),
    ATTR(struct endpoint_group, name,        CREATE | UPDATE | REQUIRED | FILTER, .min = 1, .max = 255, .format = &format_not_blank),
    ATTR(struct endpoint_group, description, CREATE | UPDATE | NULLABLE),
    ATTR(struct endpoint_group, filters,     CREATE | UPDATE | REQUIRED),
    {}
};

static bool group_check(struct ctx *c, struct change *ch)
{
    static const char *const names[] = { "service_id", "region_id", "interface", NULL };
    const json_t *filters = json_object_get(ch->asked, "filters");
    json_t *value;
    const char *name;

    if (!filters)
        return true;
    if (!json_is_object(filters))
        return fail(c, INVALID_FIELD, "filters", "it is not of type 'object'");
    if (!json_object_size(filters))
        return fail(c, VALIDATION, "filters field is required and cannot be empty");
    json_object_foreach((json_t *)filters, name, value)
        if (!text_in(name, names))
            return fail(c, EXPECTING, "service_id or region_id or interface", "endpoint_group");
    return true;
}

static void group_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    write_self(c, o, "OS-EP-FILTER/endpoint_groups", ((const struct endpoint_group *)record)->id);
}

const struct resource endpoint_group_resource = {
    .name = "endpoint_group", .plural = "endpoint_groups", .path = "/OS-EP-FILTER/endpoint_groups", .size = sizeof(struct endpoint_group),
    .attrs = group_attrs, .flags = NO_BULK, KEYSTONE_VERBS, .check = group_check, .write = group_write,
};

/* -- associations -------------------------------------------------------------------------------------------------- */

/* What is associated with a project: an endpoint or a group. */
struct side {
    const struct resource *resource;
    const char *arg, *insert, *remove, *count;
};
static const struct side endpoint_side = {
    &endpoint_resource, "endpoint_id", "INSERT INTO project_endpoints (project_id, endpoint_id) VALUES ($1, $2)",
    "DELETE FROM project_endpoints WHERE project_id = $1 AND endpoint_id = $2",
    "SELECT count(*) FROM project_endpoints WHERE project_id = $1 AND endpoint_id = $2",
};
static const struct side group_side = {
    &endpoint_group_resource, "endpoint_group_id", "INSERT INTO project_endpoint_groups (project_id, endpoint_group_id) VALUES ($1, $2)",
    "DELETE FROM project_endpoint_groups WHERE project_id = $1 AND endpoint_group_id = $2",
    "SELECT count(*) FROM project_endpoint_groups WHERE project_id = $1 AND endpoint_group_id = $2",
};

static bool both_there(struct ctx *c, const struct request *request, const struct side *side)
{
    return rest_find_any(c, side->resource, request_arg(request, side->arg)) &&
        rest_find_any(c, &project_resource, request_arg(request, "project_id"));
}

static bool associated(struct ctx *c, const struct request *request, const struct side *side)
{
    const char *id = request_arg(request, side->arg), *project_id = request_arg(request, "project_id");

    if (db_count(c, side->count, T(project_id), T(id)) > 0 || failed(c))
        return !failed(c);
    if (side == &group_side)
        return fail(c, NOT_FOUND, "Endpoint Group Project Association not found");
    return fail(c, NOT_FOUND, ctx_printf(c, "Endpoint %s not found in project %s", id, project_id));
}

static bool check(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct side *side = request->route->data;

    return both_there(c, request, side) && associated(c, request, side);
}

static bool add(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct side *side = request->route->data;

    if (!both_there(c, request, side))
        return false;
    if (keystone_exec(c, side->insert, T(request_arg(request, "project_id")), T(request_arg(request, side->arg))))
        return true;
    if (!strcmp(c->fault.type, "DBDuplicateEntry")) {
        fault_clear(c);
        return fail(c, STORE_CONFLICT, side == &group_side ? "project_endpoint_group" : "project_endpoint", "Duplicate entry");
    }
    return false;
}

static bool take_away(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct side *side = request->route->data;

    return (side == &endpoint_side || both_there(c, request, side)) && associated(c, request, side) &&
        keystone_exec(c, side->remove, T(request_arg(request, "project_id")), T(request_arg(request, side->arg)));
}

/* GET of a group's association answers with it; HEAD is check(). */
static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "endpoint_group_id"), *project_id = request_arg(request, "project_id");
    struct out o = { .to = &reply->body };

    if (!check(c, request, reply))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    out_object(&o, "project_endpoint_group");
    out_string(&o, "endpoint_group_id", id);
    out_string(&o, "project_id", project_id);
    out_object(&o, "links");
    out_printf(&o, "self", "/OS-EP-FILTER/endpoint_groups/%s/projects/%s", id, project_id);
    out_end_object(&o);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

#define IN_GROUP " COALESCE(g.filters ->> 'interface', e.interface) = e.interface" \
    " AND COALESCE(g.filters ->> 'service_id', e.service_id) = e.service_id" \
    " AND COALESCE(g.filters ->> 'region_id', e.region_id, '') = COALESCE(e.region_id, '')"

static bool endpoints_of_group(struct ctx *c, struct sql *s, const void *id)
{
    sql_add(s, " AND t.id IN (SELECT e.id FROM endpoints e JOIN endpoint_groups g ON g.id = ? AND" IN_GROUP ")", T(id));
    return true;
}

static bool endpoints_of_project(struct ctx *c, struct sql *s, const void *id)
{
    sql_add(s, " AND (t.id IN (SELECT endpoint_id FROM project_endpoints WHERE project_id = ?) OR t.id IN (SELECT e.id FROM endpoints e"
            " JOIN project_endpoint_groups p ON p.project_id = ? JOIN endpoint_groups g ON g.id = p.endpoint_group_id AND" IN_GROUP "))", T(id), T(id));
    return true;
}

static bool projects_of_endpoint(struct ctx *c, struct sql *s, const void *id)
{
    sql_add(s, " AND t.id IN (SELECT project_id FROM project_endpoints WHERE endpoint_id = ?)", T(id));
    return true;
}

static bool projects_of_group(struct ctx *c, struct sql *s, const void *id)
{
    sql_add(s, " AND t.id IN (SELECT project_id FROM project_endpoint_groups WHERE endpoint_group_id = ?)", T(id));
    return true;
}

static bool groups_of_project(struct ctx *c, struct sql *s, const void *id)
{
    sql_add(s, " AND t.id IN (SELECT endpoint_group_id FROM project_endpoint_groups WHERE project_id = ?)", T(id));
    return true;
}

/* A list of one kind that belongs to a thing of another. */
struct list {
    const struct resource *of;       /* what the path names, by */
    const char *arg;
    const struct resource *list;
    bool (*where)(struct ctx *, struct sql *, const void *id);
};

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct list *l = request->route->data;
    const char *id = request_arg(request, l->arg);

    return rest_find_any(c, l->of, id) && keystone_list_where(c, l->list, request, reply, l->where, id);
}

static const struct list
    group_endpoints = { &endpoint_group_resource, "endpoint_group_id", &endpoint_resource, endpoints_of_group },
    group_projects = { &endpoint_group_resource, "endpoint_group_id", &project_resource, projects_of_group },
    project_endpoints = { &project_resource, "project_id", &endpoint_resource, endpoints_of_project },
    project_groups = { &project_resource, "project_id", &endpoint_group_resource, groups_of_project },
    endpoint_projects = { &endpoint_resource, "endpoint_id", &project_resource, projects_of_endpoint };

#define FILTER_BASE "/v3/OS-EP-FILTER"
#define PROJECT_ENDPOINT FILTER_BASE "/projects/{project_id}/endpoints/{endpoint_id}"
#define GROUP_PROJECT FILTER_BASE "/endpoint_groups/{endpoint_group_id}/projects/{project_id}"
const struct route endpoint_filter_routes[] = {
    { "GET",    FILTER_BASE "/projects/{project_id}/endpoints", list, .data = &project_endpoints, .policy = "identity:list_endpoints_for_project" },
    { "GET",    FILTER_BASE "/projects/{project_id}/endpoint_groups", list, .data = &project_groups,
      .policy = "identity:list_endpoint_groups_for_project" },
    { "GET",    FILTER_BASE "/endpoints/{endpoint_id}/projects", list, .data = &endpoint_projects, .policy = "identity:list_projects_for_endpoint" },
    { "GET",    FILTER_BASE "/endpoint_groups/{endpoint_group_id}/endpoints", list, .data = &group_endpoints,
      .policy = "identity:list_endpoints_associated_with_endpoint_group" },
    { "GET",    FILTER_BASE "/endpoint_groups/{endpoint_group_id}/projects", list, .data = &group_projects,
      .policy = "identity:list_projects_associated_with_endpoint_group" },
    { "GET",    PROJECT_ENDPOINT, check, .status = 204, .data = &endpoint_side, .flags = ROUTE_EMPTY, .policy = "identity:check_endpoint_in_project" },
    { "PUT",    PROJECT_ENDPOINT, add, .status = 204, .data = &endpoint_side, .flags = ROUTE_EMPTY, .policy = "identity:add_endpoint_to_project" },
    { "DELETE", PROJECT_ENDPOINT, take_away, .status = 204, .data = &endpoint_side, .flags = ROUTE_EMPTY,
      .policy = "identity:remove_endpoint_from_project" },
    { "GET",    GROUP_PROJECT, show, .data = &group_side, .policy = "identity:get_endpoint_group_in_project" },
    { "PUT",    GROUP_PROJECT, add, .status = 204, .data = &group_side, .flags = ROUTE_EMPTY, .policy = "identity:add_endpoint_group_to_project" },
    { "DELETE", GROUP_PROJECT, take_away, .status = 204, .data = &group_side, .flags = ROUTE_EMPTY,
      .policy = "identity:remove_endpoint_group_from_project" },
    {}
};
