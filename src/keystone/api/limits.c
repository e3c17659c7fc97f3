/* Unified limits: registered limits (what a service may be limited in, and how much by default) and limits (of one project or
 * domain). In the model flat a limit stands for itself; in strict_two_level none of a project is above its domain's.
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

static bool registered_limit_check(struct ctx *c, struct change *ch)
{
    const struct registered_limit *l = ch->now;

    if (ch->old && db_count(c, "SELECT count(*) FROM limits WHERE registered_limit_id = $1", T(l->id)))
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

static bool hierarchy_judge(struct ctx *, const struct limit *);

static bool limit_check(struct ctx *c, struct change *ch)
{
    struct limit *l = ch->now;

    if (ch->old)
        return !strict_limits() || hierarchy_judge(c, l);
    if (l->project_id && db_count(c, "SELECT count(*) FROM projects WHERE id = $1 AND is_domain = $2", T(l->project_id), B(true))) {
        l->domain_id = l->project_id;            /* a domain is limited as such */
        l->project_id = NULL;
    }
    if (!named(c, &service_resource, l->service_id, "service_id", "limit") || !named(c, &region_resource, l->region_id, "region_id", "limit") ||
        !named(c, &project_resource, l->project_id, "project_id", "limit") || !named(c, &domain_resource, l->domain_id, "domain_id", "limit"))
        return false;
    l->registered_limit_id = db_get_text(c, "SELECT id FROM registered_limits WHERE service_id = $1 AND region_id IS NOT DISTINCT FROM $2"
                                         " AND resource_name = $3", T(l->service_id), T(l->region_id), T(l->resource_name));
    return l->registered_limit_id || (!failed(c) && fail(c, NO_LIMIT_REFERENCE));
}

/* -- strict_two_level ---------------------------------------------------------------------------------------------- */

bool strict_limits(void)
{
    return !strcmp(keystone_options()->enforcement_model, "strict_two_level");
}

static bool breaks_hierarchy(struct ctx *c, const struct limit *l)
{
    return fail(c, INVALID_LIMIT, ctx_printf(c, "The resource limit (%s: %s, resource_name: %s, resource_limit: %" G_GINT64_FORMAT
                                             ", service_id: %s, region_id: %s) doesn't satisfy current hierarchy model.",
                                             l->project_id ? "project_id" : "domain_id", l->project_id ? l->project_id : l->domain_id, l->resource_name,
                                             l->resource_limit, l->service_id, l->region_id ? l->region_id : "None"));
}

#define SAME_LIMIT " AND l.service_id = $2 AND l.resource_name = $3 AND l.region_id IS NOT DISTINCT FROM $4"

/* Against what is stored: a project's is not above its domain's (or the registered one), a domain's not below its projects'. */
static bool hierarchy_judge(struct ctx *c, const struct limit *l)
{
    const char *most = l->project_id
        ? db_get_text(c, "SELECT CAST(COALESCE((SELECT l.resource_limit FROM limits l JOIN projects p ON p.parent_id = l.domain_id WHERE p.id = $1"
                      SAME_LIMIT "), (SELECT l.default_limit FROM registered_limits l WHERE $1 = $1" SAME_LIMIT ")) AS TEXT)",
                      T(l->project_id), T(l->service_id), T(l->resource_name), T(l->region_id)) : NULL;
    int64_t above = most ? g_ascii_strtoll(most, NULL, 10) : 0;

    if (above && l->resource_limit > above)
        return breaks_hierarchy(c, l);
    if (l->domain_id && db_count(c, "SELECT count(*) FROM limits l JOIN projects p ON p.id = l.project_id WHERE p.domain_id = $1" SAME_LIMIT
                                 " AND l.resource_limit <> 0 AND l.resource_limit > $5", T(l->domain_id), T(l->service_id), T(l->resource_name),
                                 T(l->region_id), I(l->resource_limit)))
        return breaks_hierarchy(c, l);
    return !failed(c);
}

static struct limit limit_of(const json_t *one)
{
    return (struct limit){
        .project_id = (char *)json_get_string(one, "project_id"), .domain_id = (char *)json_get_string(one, "domain_id"),
        .service_id = (char *)json_get_string(one, "service_id"), .region_id = (char *)json_get_string(one, "region_id"),
        .resource_name = (char *)json_get_string(one, "resource_name"), .resource_limit = json_get_int(one, "resource_limit", 0),
    };
}

/* Limits that are made together are judged against each other first. */
static bool hierarchy_judge_all(struct ctx *c, const json_t *all)
{
    const json_t *one, *other;
    size_t i, k;

    json_array_foreach(all, i, one) {
        const struct limit l = limit_of(one);
        const char *parent = strict_limits() && l.project_id ? db_get_text(c, "SELECT parent_id FROM projects WHERE id = $1", T(l.project_id)) : NULL;
        bool with_parent = false;

        if (!strict_limits() || (l.project_id && !parent))
            continue;                /* a project that is not there is told of later */
        json_array_foreach(all, k, other) {
            const struct limit p = limit_of(other);

            if (!parent || !text_equal(p.domain_id, parent) || !text_equal(p.service_id, l.service_id) ||
                !text_equal(p.resource_name, l.resource_name) || !text_equal(p.region_id ? p.region_id : "", l.region_id ? l.region_id : ""))
                continue;
            if (l.resource_limit > p.resource_limit)
                return breaks_hierarchy(c, &l);
            with_parent = true;
        }
        if (!with_parent && !hierarchy_judge(c, &l))
            return false;
    }
    return !failed(c);
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
    if (!array)
        array = ctx_json(c, json_object());
    if (!keystone_schema_judge(c, ctx_printf(c, "%s_create", r->name), array) || (r == &limit_resource && !hierarchy_judge_all(c, array)))
        return false;
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
    if (strict_limits())
        reply_text(reply, "application/json", "{\"model\": {\"name\": \"strict_two_level\", \"description\": \"This model requires project hierarchy"
                   " never exceeds a depth of two\"}}\n");
    else
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
