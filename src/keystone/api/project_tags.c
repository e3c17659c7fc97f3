/* /v3/projects/{project_id}/tags: all at once, or one by one. */
#include "keystone/api/projects.h"

static bool run(struct ctx *c, bool (*change)(struct ctx *, const char *, void *), const char *project_id, void *data)
{
    if (!db_begin(c))
        return false;
    if (change(c, project_id, data))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool replace(struct ctx *c, const char *project_id, void *tags)
{
    return tags_store(c, project_id, tags);
}

static struct project *subject(struct ctx *c, const struct request *request, const char *rule)
{
    const char *id = request_arg(request, "project_id");
    struct project *p = rest_find_any(c, &project_resource, id);

    if (!p && c->fault.status != 404)
        return NULL;
    struct fault missing = c->fault;
    fault_clear(c);
    if (!policy_check(c, rule, p ? TARGET_RECORD(project_resource.attrs, p) : TARGET("target.project.id", id)))
        return NULL;
    if (!p)
        c->fault = missing;
    else if (!project_fill(c, (void *const *)&p, 1))
        return NULL;
    return p;
}

static void tags_write(struct ctx *c, const struct request *request, const char *tags, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    out_raw(&o, "tags", tags);
    out_object(&o, "links");
    out_printf(&o, "self", "%s/v3", c->base_url);
    out_end_object(&o);
    out_end_object(&o);
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct project *p = subject(c, request, "identity:list_project_tags");

    if (p)
        tags_write(c, request, p->tags.text, reply);
    return p != NULL;
}

static bool replace_all(struct ctx *c, struct request *request, struct reply *reply)
{
    struct project *p = subject(c, request, "identity:update_project_tags");
    json_t *body = p ? request_json(c, request) : NULL, *tags = json_object_get(body, "tags");

    if (body && !tags)
        tags = ctx_json(c, json_object());
    if (!body || !keystone_schema_judge(c, "project_tags_update", tags) || !run(c, replace, p->id, tags) || !project_fill(c, (void *const *)&p, 1))
        return false;
    tags_write(c, request, p->tags.text, reply);
    return true;
}

static bool remove_all(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct project *p = subject(c, request, "identity:delete_project_tags");

    return p && run(c, replace, p->id, NULL);
}

static bool has_tag(struct ctx *c, const struct project *p, const char *tag)
{
    const json_t *tags = json_of(c, p->tags), *one;
    size_t i;

    json_array_foreach(tags, i, one)
        if (text_equal(json_string_value(one), tag))
            return true;
    return false;
}

static bool check(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct project *p = subject(c, request, "identity:get_project_tag");

    return p && (has_tag(c, p, request_arg(request, "tag")) || fail(c, NO_SUCH, "project tag", request_arg(request, "tag")));
}

static bool add(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct project *p = subject(c, request, "identity:create_project_tag");
    const char *tag = request_arg(request, "tag");
    json_t *tags = p ? json_of(c, p->tags) : NULL;

    if (!p)
        return false;
    if (!keystone_schema_judge(c, "project_tag_create", ctx_json(c, json_string(tag))))
        return false;
    json_array_append_new(tags, json_string(tag));
    if (!keystone_schema_judge(c, "project_tags_update", tags) || !run(c, replace, p->id, tags))
        return false;
    reply_header(c, reply, "Location", ctx_printf(c, "%s%s", c->base_url, request->raw_path));
    return true;
}

static bool remove_one(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct project *p = subject(c, request, "identity:delete_project_tag");
    const char *tag = request_arg(request, "tag");
    json_t *tags = p ? json_of(c, p->tags) : NULL, *one;
    size_t i;

    if (!p)
        return false;
    json_array_foreach(tags, i, one)
        if (text_equal(json_string_value(one), tag)) {
            json_array_remove(tags, i);
            return run(c, replace, p->id, tags);
        }
    return fail(c, NO_SUCH, "project tag", tag);
}

const struct route project_routes[] = {
    { "GET",    "/v3/projects/{project_id}/tags", list, .flags = ROUTE_NO_POLICY },            /* each asks with the project at hand */
    { "PUT",    "/v3/projects/{project_id}/tags", replace_all, .flags = ROUTE_NO_POLICY },
    { "DELETE", "/v3/projects/{project_id}/tags", remove_all, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "GET",    "/v3/projects/{project_id}/tags/{tag}", check, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "PUT",    "/v3/projects/{project_id}/tags/{tag}", add, .status = 201, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "DELETE", "/v3/projects/{project_id}/tags/{tag}", remove_one, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
