/* Unified limits: registered limits (what a service may be limited in, and how much by default) and limits (of one project or
 * domain). Nacre's model is flat: a limit stands for itself.
 */
#include "keystone/api/projects.h"

#include <string.h>

#define LARGEST 0x7FFFFFFF

struct registered_limit {
    char *id, *service_id, *region_id, *resource_name, *description;
    int64_t default_limit;
};
static const struct attr registered_limit_attrs[] = {
    ATTR(struct registered_limit, id,            SORT),
    ATTR(struct registered_limit, service_id,    CREATE | UPDATE | REQUIRED | FILTER, .min = 1, .max = 64),
    ATTR(struct registered_limit, region_id,     CREATE | UPDATE | NULLABLE | FILTER),
    ATTR(struct registered_limit, resource_name, CREATE | UPDATE | REQUIRED | FILTER, .min = 1, .max = 255),
    ATTR(struct registered_limit, default_limit, CREATE | UPDATE | REQUIRED, .min = -1, .max = LARGEST),
    ATTR(struct registered_limit, description,   CREATE | UPDATE | NULLABLE),
    {}
};

struct limit {
    char *id, *registered_limit_id, *project_id, *domain_id, *service_id, *region_id, *resource_name, *description;
    int64_t resource_limit;
};
static const struct attr limit_attrs[] = {
    ATTR(struct limit, id,                  SORT),
    ATTR(struct limit, registered_limit_id, HIDDEN),
    ATTR(struct limit, project_id,          CREATE | FILTER, .min = 1, .max = 64),
    ATTR(struct limit, domain_id,           CREATE | FILTER, .min = 1, .max = 64),
    ATTR(struct limit, service_id,          CREATE | REQUIRED | FILTER, .min = 1, .max = 64),
    ATTR(struct limit, region_id,           CREATE | NULLABLE | FILTER),
    ATTR(struct limit, resource_name,       CREATE | REQUIRED | FILTER, .min = 1, .max = 255),
    ATTR(struct limit, resource_limit,      CREATE | UPDATE | REQUIRED, .min = -1, .max = LARGEST),
    ATTR(struct limit, description,         CREATE | UPDATE | NULLABLE),
    {}
};

/* -- judging ------------------------------------------------------------------------------------------------------- */

/* A member that names something that is not there is a wrong member. */
static bool named(struct ctx *c, const struct resource *r, const char *id, const char *member, const char *of)
{
    if (!id || rest_find_any(c, r, id))
        return true;
    if (c->fault.status != 404)
        return false;
    fault_clear(c);
    return fail(c, EXPECTING, member, of);
}

static bool integer_judge(struct ctx *c, const struct change *ch, const char *name)
{
    json_t *value = json_object_get(ch->asked, name);

    return !value || json_is_integer(value) ||
        keystone_style.invalid(c, ch->resource, &(struct invalid){ WRONG_TYPE, attr_find(ch->resource->attrs, name), name, value });
}

static bool registered_limit_check(struct ctx *c, struct change *ch)
{
    const struct registered_limit *l = ch->now;

    if (!integer_judge(c, ch, "default_limit"))
        return false;
    if (ch->old && (asked(ch, "service_id") || asked(ch, "region_id") || asked(ch, "resource_name")) &&
        db_count(c, "SELECT count(*) FROM limits WHERE registered_limit_id = $1", T(l->id)))
        return fail(c, REGISTERED_LIMIT_IN_USE, l->id);
    return named(c, &service_resource, l->service_id, "service_id", "registered_limit") &&
        named(c, &region_resource, l->region_id, "region_id", "registered_limit");
}

static bool registered_limit_deleting(struct ctx *c, void *record)
{
    const struct registered_limit *l = record;

    if (db_count(c, "SELECT count(*) FROM limits WHERE registered_limit_id = $1", T(l->id)))
        return fail(c, REGISTERED_LIMIT_IN_USE, l->id);
    return !failed(c);
}

static bool limit_check(struct ctx *c, struct change *ch)
{
    struct limit *l = ch->now;

    if (!integer_judge(c, ch, "resource_limit"))
        return false;
    if (ch->old)
        return true;
    if (!l->project_id == !l->domain_id)
        return fail(c, SCHEMA, "a limit is of a project or of a domain");
    if (!named(c, &service_resource, l->service_id, "service_id", "limit") || !named(c, &region_resource, l->region_id, "region_id", "limit") ||
        !named(c, &project_resource, l->project_id, "project_id", "limit") || !named(c, &domain_resource, l->domain_id, "domain_id", "limit"))
        return false;
    l->registered_limit_id = db_get_text(c, "SELECT id FROM registered_limits WHERE service_id = $1 AND region_id IS NOT DISTINCT FROM $2"
                                         " AND resource_name = $3", T(l->service_id), T(l->region_id), T(l->resource_name));
    return l->registered_limit_id || (!failed(c) && fail(c, NO_LIMIT_REFERENCE));
}

/* -- verbs --------------------------------------------------------------------------------------------------------- */

static void registered_limit_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    write_self(c, o, "registered_limits", ((const struct registered_limit *)record)->id);
}

static void limit_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    write_self(c, o, "limits", ((const struct limit *)record)->id);
}

/* Both are made by lists, all or none, and answered as a list without links. */
static bool create_all(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    json_t *body, *array;
    void **records;
    size_t n;

    if (!rule_check(c, ctx_printf(c, "identity:create_%s", r->plural), NULL) || !(body = request_json(c, request)))
        return false;
    array = json_object_get(body, r->plural);
    if (!json_is_array(array))
        return fail(c, SCHEMA, "{} is not of type 'array'");
    if (!json_array_size(array))
        return fail(c, SCHEMA, "[] is too short");
    records = rest_insert_bulk(c, r, array, &n);
    if (!records) {
        if (strcmp(c->fault.type, "DBDuplicateEntry"))
            return false;
        fault_clear(c);
        return fail(c, STORE_CONFLICT, r->name, "Duplicate entry");
    }
    struct out o = { .to = &reply->body, .times = keystone_style.times };
    struct record_view view = {};
    reply->has_body = true;
    reply->status = 201;
    out_object(&o, NULL);
    out_array(&o, r->plural);
    for (size_t i = 0; i < n; i++) {
        out_object(&o, NULL);
        record_write(&o, r->attrs, records[i], &view);
        r->write(c, &o, records[i], true);
        out_end_object(&o);
    }
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

/* A limit is seen by its project and its domain, whatever the domain of the project. */
static bool limit_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    struct limit *l = rest_find_any(c, r, request_arg(request, "id"));
    struct fault missing = c->fault;
    bool allowed;

    if (!l && missing.status != 404)
        return false;
    fault_clear(c);
    const char *domain = l && l->project_id ? db_get_text(c, "SELECT domain_id FROM projects WHERE id = $1", T(l->project_id)) : NULL;
    if (!l)
        allowed = rule_check(c, "identity:get_limit", NULL);
    else if (l->project_id)
        allowed = rule_check(c, "identity:get_limit", "target.limit.project_id", l->project_id, "target.limit.project.domain_id", domain, NULL);
    else
        allowed = rule_check(c, "identity:get_limit", "target.limit.project_id", NULL, "target.limit.domain.id", l->domain_id, NULL);
    if (!allowed)
        return false;
    c->fault = missing;
    if (l)
        rest_write(c, r, request, l, reply);
    return l != NULL;
}

/* With system scope all, with a domain's those in it, with a project's its own. */
static bool limits_seen(struct ctx *c, struct sql *s, const void *data)
{
    if (c->who.system)
        return true;
    if (c->who.domain_id)
        sql_add(s, " AND (t.domain_id = ? OR t.project_id IN (SELECT id FROM projects WHERE domain_id = ?))", T(c->who.domain_id),
                T(c->who.domain_id));
    else
        sql_add(s, " AND t.project_id = ?", T(c->who.project_id));
    return true;
}

static bool limit_list(struct ctx *c, struct request *request, struct reply *reply)
{
    return rule_check(c, "identity:list_limits", NULL) && keystone_list_where(c, request->route->data, request, reply, limits_seen, NULL);
}

static bool show_model(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_text(reply, "application/json", "{\"model\": {\"name\": \"flat\", \"description\": \"Limit enforcement and validation does not take"
               " project hierarchy into consideration.\"}}\n");
    return true;
}

const struct resource registered_limit_resource = {
    .name = "registered_limit", .plural = "registered_limits", .size = sizeof(struct registered_limit), .attrs = registered_limit_attrs,
    .create = create_all, .show = keystone_show, .list = keystone_list, .update = keystone_update, .remove = keystone_remove,
    .check = registered_limit_check, .deleting = registered_limit_deleting, .write = registered_limit_write,
};
const struct resource limit_resource = {
    .name = "limit", .plural = "limits", .size = sizeof(struct limit), .attrs = limit_attrs,
    .create = create_all, .show = limit_show, .list = limit_list, .update = keystone_update, .remove = keystone_remove,
    .check = limit_check, .write = limit_write,
};

const struct route limit_routes[] = {
    { "GET", "/v3/limits/model", show_model, .policy = "identity:get_limit_model" },
    {}
};
