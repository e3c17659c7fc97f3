/* Tags: words that users stick to resources: GET, PUT, DELETE /<resources>/{id}/tags[/{tag}]. A row keeps its own as a JSON list. */
#include <string.h>

#include "neutron/neutron.h"

enum { TAG_MOST = 60 };              /* characters of a tag */

/* The route's resource, and its record if the asker may do that to it. */
struct tagged {
    const struct resource *resource;
    void *record;
    json_t *tags;
};

static bool tagged_find(struct ctx *c, struct request *request, bool change, struct tagged *t)
{
    t->resource = request->route->data;
    t->record = rest_find(c, t->resource, request_arg(request, "id"));
    if (!t->record && c->fault.status == 404) {
        fault_clear(c);
        return fail(c, TAG_RESOURCE_NOT_FOUND, t->resource->plural, request_arg(request, "id"));
    }
    if (!t->record || (change && !rest_allowed(c, t->resource, "update", t->record)))
        return false;
    t->tags = json_of(c, *FIELD(raw_json, t->record, attr_find(t->resource->attrs, "tags")));
    return true;
}

static size_t tag_index(const json_t *tags, const char *tag)
{
    json_t *value;
    size_t i;

    json_array_foreach(tags, i, value)
        if (!strcmp(json_string_value(value), tag))
            return i;
    return SIZE_MAX;
}

static bool tag_judge(struct ctx *c, const json_t *tag)
{
    const char *text = json_string_value(tag);

    if (!text)
        return invalid_input(c, "'%s' is not a valid string", python_text(c, tag));
    if (!*text)
        return invalid_input(c, "'%s' Blank strings are not permitted", text);
    return text_length(text) <= TAG_MOST || invalid_input(c, "'%s' exceeds maximum length of %d", text, TAG_MOST);
}

static bool tags_judge(struct ctx *c, const json_t *body, json_t **ret_tags)
{
    json_t *tags = json_object_get(body, "tags"), *tag;
    size_t i;

    if (json_object_size(body) != 1 || !tags)
        return invalid_input(c, "Invalid tags body");
    if (!json_is_array(tags))
        return invalid_input(c, "'%s' is not a list", python_text(c, tags));
    *ret_tags = ctx_json(c, json_array());
    json_array_foreach(tags, i, tag) {
        if (!tag_judge(c, tag))
            return false;
        if (tag_index(*ret_tags, json_string_value(tag)) != SIZE_MAX)
            return invalid_input(c, "Duplicate items in the list: '%s'", json_string_value(tag));
        json_array_append(*ret_tags, tag);
    }
    return true;
}

static bool tags_store(struct ctx *c, const struct tagged *t, const char *id)
{
    return db_exec(c, ctx_printf(c, "UPDATE %s SET tags = $2, revision_number = revision_number + 1, updated_at = $3 WHERE id = $1",
                                 t->resource->table ? t->resource->table : t->resource->plural), T(id), T(json_text(c, t->tags).text), I(clock_us()));
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static bool tags_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct tagged t;

    if (!tagged_find(c, request, false, &t))
        return false;
    reply_json(reply, ctx_json(c, json_pack("{s:O}", "tags", t.tags)));
    return true;
}

static bool tag_show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct tagged t;

    if (!tagged_find(c, request, false, &t))
        return false;
    return tag_index(t.tags, request_arg(request, "tag")) != SIZE_MAX || fail(c, TAG_NOT_FOUND, request_arg(request, "tag"));
}

/* --- changing: what to do with the list, within a transaction ----------------------------------------------------- */

typedef bool change_tags(struct ctx *, struct tagged *, const char *tag, json_t *tags);

static bool add_one(struct ctx *c, struct tagged *t, const char *tag, json_t *tags)
{
    if (!tag_judge(c, ctx_json(c, json_string(tag))))
        return false;
    if (tag_index(t->tags, tag) == SIZE_MAX)
        json_array_append_new(t->tags, json_string(tag));
    return true;
}

static bool remove_one(struct ctx *c, struct tagged *t, const char *tag, json_t *tags)
{
    size_t i = tag_index(t->tags, tag);

    if (i == SIZE_MAX)
        return fail(c, TAG_NOT_FOUND, tag);
    json_array_remove(t->tags, i);
    return true;
}

static bool replace_all(struct ctx *c, struct tagged *t, const char *tag, json_t *tags)
{
    t->tags = tags;
    return true;
}

static bool remove_all(struct ctx *c, struct tagged *t, const char *tag, json_t *tags)
{
    json_array_clear(t->tags);
    return true;
}

static bool change_run(struct ctx *c, struct request *request, change_tags *change, const char *tag, json_t *tags, struct tagged *t)
{
    if (!db_begin(c))
        return false;
    if (tagged_find(c, request, true, t) && change(c, t, tag, tags) && tags_store(c, t, request_arg(request, "id")))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool tags_update(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = request_json(c, request), *tags = NULL;
    struct tagged t;

    if (!body || !tags_judge(c, body, &tags) || !change_run(c, request, replace_all, NULL, tags, &t))
        return false;
    reply_json(reply, ctx_json(c, json_pack("{s:O}", "tags", tags)));
    return true;
}

static bool tags_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    return change_run(c, request, remove_all, NULL, NULL, &(struct tagged){ 0 });
}

static bool tag_add(struct ctx *c, struct request *request, struct reply *reply)
{
    if (!change_run(c, request, add_one, request_arg(request, "tag"), NULL, &(struct tagged){ 0 }))
        return false;
    reply_text(reply, NULL, "null");
    return true;
}

static bool tag_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    return change_run(c, request, remove_one, request_arg(request, "tag"), NULL, &(struct tagged){ 0 });
}

#define TAGS(path, resource) \
    { "GET", "/v2.0/" path "/{id}/tags", tags_list, 200, ROUTE_NO_POLICY, .data = &resource }, \
    { "PUT", "/v2.0/" path "/{id}/tags", tags_update, 200, ROUTE_NO_POLICY, .data = &resource }, \
    { "DELETE", "/v2.0/" path "/{id}/tags", tags_delete, 204, ROUTE_NO_POLICY, .data = &resource }, \
    { "GET", "/v2.0/" path "/{id}/tags/{tag}", tag_show, 204, ROUTE_NO_POLICY, .data = &resource }, \
    { "PUT", "/v2.0/" path "/{id}/tags/{tag}", tag_add, 201, ROUTE_NO_POLICY, .data = &resource }, \
    { "DELETE", "/v2.0/" path "/{id}/tags/{tag}", tag_delete, 204, ROUTE_NO_POLICY, .data = &resource }
const struct route neutron_tag_routes[] = {
    TAGS("networks", network_resource), TAGS("subnets", subnet_resource), TAGS("ports", port_resource), TAGS("subnetpools", subnetpool_resource),
    TAGS("routers", router_resource), TAGS("floatingips", floatingip_resource), TAGS("security-groups", security_group_resource),
    {}
};
