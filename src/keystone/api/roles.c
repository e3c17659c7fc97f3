/* Roles: names that rules ask about; of the whole cloud or of one domain. A role may imply others. */
#include "keystone/api/projects.h"

#include <string.h>

static const struct attr role_attrs[] = {
    ATTR(struct role, id,          FILTER | SORT),
    ATTR(struct role, name,        CREATE | UPDATE | REQUIRED | FILTER | SORT, .min = 1, .max = 255, .format = &format_not_blank),
    ATTR(struct role, domain_id,   CREATE | NULLABLE | FILTER, .min = 1, .max = 64),
    ATTR(struct role, description, CREATE | UPDATE | NULLABLE),
    ATTR(struct role, options,     CREATE | UPDATE, .unset = "{}"),
    ATTR(struct role, extra,       CREATE | UPDATE | HIDDEN),
    {}
};

static bool role_check(struct ctx *c, struct change *ch)
{
    struct role *r = ch->now;
    const struct role *old = ch->old;

    if (asked(ch, "options"))
        r->options = options_merge(c, old ? old->options : (raw_json){}, json_object_get(ch->asked, "options"));
    if (!old && r->domain_id && !db_count(c, "SELECT count(*) FROM projects WHERE id = $1 AND is_domain = $2", T(r->domain_id), B(true)))
        return fail(c, NO_SUCH, "domain", r->domain_id);
    return !failed(c);
}

static void role_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct role *r = record;

    write_extra(c, o, r->extra);
    write_self(c, o, "roles", r->id);
}

static bool of_no_domain(struct ctx *c, struct sql *s, const void *data)
{
    sql_add(s, " AND t.domain_id IS NULL");
    return true;
}

/* Roles of a domain are listed only when asked for. */
static bool role_list(struct ctx *c, struct request *request, struct reply *reply)
{
    bool of_domain = request_query(request, "domain_id") != NULL;

    return rule_check(c, of_domain ? "identity:list_domain_roles" : "identity:list_roles", NULL) &&
        keystone_list_where(c, &role_resource, request, reply, of_domain ? NULL : of_no_domain, NULL);
}

const struct resource role_resource = {
    .name = "role", .plural = "roles", .size = sizeof(struct role), .attrs = role_attrs, .flags = NO_BULK,
    .create = keystone_create, .show = keystone_show, .list = role_list, .update = keystone_update, .remove = keystone_remove,
    .check = role_check, .write = role_write,
};

/* -- what roles imply ---------------------------------------------------------------------------------------------- */

static void role_brief(struct ctx *c, struct out *o, const char *key, const char *id, const char *name)
{
    out_object(o, key);
    out_string(o, "id", id);
    out_string(o, "name", name);
    write_self(c, o, "roles", id);
    out_end_object(o);
}

static bool pair_of(struct ctx *c, const struct request *request, struct role **ret_prior, struct role **ret_implied)
{
    *ret_prior = rest_find_any(c, &role_resource, request_arg(request, "prior_role_id"));
    *ret_implied = *ret_prior ? rest_find_any(c, &role_resource, request_arg(request, "implied_role_id")) : NULL;
    return *ret_implied != NULL;
}

static bool implies(struct ctx *c, const char *prior, const char *implied)
{
    return db_count(c, "SELECT count(*) FROM implied_roles WHERE prior_role_id = $1 AND implied_role_id = $2", T(prior), T(implied)) > 0 ||
        (!failed(c) && fail(c, IMPLIED_ROLE_NOT_FOUND, prior, implied));
}

static void inference_write(struct ctx *c, const struct request *request, const struct role *prior, const struct role *implied, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    out_object(&o, "role_inference");
    role_brief(c, &o, "prior_role", prior->id, prior->name);
    role_brief(c, &o, "implies", implied->id, implied->name);
    out_end_object(&o);
    out_object(&o, "links");
    out_printf(&o, "self", "%s%s", c->base_url, request->raw_path);
    out_end_object(&o);
    out_end_object(&o);
}

static bool show_implied(struct ctx *c, struct request *request, struct reply *reply)
{
    struct role *prior, *implied;

    if (!pair_of(c, request, &prior, &implied) || !implies(c, prior->id, implied->id))
        return false;
    inference_write(c, request, prior, implied, reply);
    return true;
}

static bool check_implied(struct ctx *c, struct request *request, struct reply *reply)
{
    struct role *prior, *implied;

    return pair_of(c, request, &prior, &implied) && implies(c, prior->id, implied->id);
}

static bool imply(struct ctx *c, struct request *request, struct reply *reply)
{
    struct role *prior, *implied;

    if (!pair_of(c, request, &prior, &implied))
        return false;
    if (!strcmp(implied->name, "admin") || (!prior->domain_id && implied->domain_id))
        return fail(c, INVALID_IMPLIED_ROLE, implied->id);
    int64_t added = keystone_changed(c, "INSERT INTO implied_roles (prior_role_id, implied_role_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                     T(prior->id), T(implied->id));
    if (added <= 0)
        return failed(c) ? false : fail(c, STORE_CONFLICT, "implied_role", "Duplicate entry");
    inference_write(c, request, prior, implied, reply);
    return true;
}

static bool imply_no_more(struct ctx *c, struct request *request, struct reply *reply)
{
    struct role *prior, *implied;

    return pair_of(c, request, &prior, &implied) && implies(c, prior->id, implied->id) &&
        keystone_exec(c, "DELETE FROM implied_roles WHERE prior_role_id = $1 AND implied_role_id = $2", T(prior->id), T(implied->id));
}

#define INFERENCES "SELECT p.id, p.name, i.id, i.name FROM implied_roles r JOIN roles p ON p.id = r.prior_role_id" \
    " JOIN roles i ON i.id = r.implied_role_id"

/* {"prior_role": {...}, "implies": [{...}, ...]} for each run of rows with the same prior role. */
static void inferences_write(struct ctx *c, struct out *o, struct rows *rows, bool many)
{
    const char *prior = NULL;

    while (db_next(rows)) {
        const char *id = db_text(rows, 0);

        if (!prior || strcmp(prior, id)) {
            if (prior) {
                out_end_array(o);
                out_end_object(o);
            }
            out_object(o, many ? NULL : "role_inference");
            role_brief(c, o, "prior_role", id, db_text(rows, 1));
            out_array(o, "implies");
            prior = id;
        }
        role_brief(c, o, NULL, db_text(rows, 2), db_text(rows, 3));
    }
    if (prior) {
        out_end_array(o);
        out_end_object(o);
    }
}

static bool list_implied(struct ctx *c, struct request *request, struct reply *reply)
{
    struct role *prior = rest_find_any(c, &role_resource, request_arg(request, "prior_role_id"));
    struct out o = { .to = &reply->body };

    if (!prior)
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    if (db_count(c, "SELECT count(*) FROM implied_roles WHERE prior_role_id = $1", T(prior->id))) {
        inferences_write(c, &o, db_query(c, INFERENCES " WHERE p.id = $1 ORDER BY i.name", T(prior->id)), false);
    } else {
        out_object(&o, "role_inference");
        role_brief(c, &o, "prior_role", prior->id, prior->name);
        out_array(&o, "implies");
        out_end_array(&o);
        out_end_object(&o);
    }
    out_object(&o, "links");
    out_printf(&o, "self", "%s%s", c->base_url, request->raw_path);
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool list_inferences(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "role_inferences");
    inferences_write(c, &o, db_query(c, INFERENCES " ORDER BY p.id, i.name"), true);
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

#define IMPLIED "/v3/roles/{prior_role_id}/implies/{implied_role_id}"
const struct route role_routes[] = {
    { "GET",    "/v3/roles/{prior_role_id}/implies", list_implied, .policy = "identity:list_implied_roles" },
    { "GET",    IMPLIED, show_implied, .policy = "identity:get_implied_role" },
    { "HEAD",   IMPLIED, check_implied, .status = 204, .policy = "identity:check_implied_role", .flags = ROUTE_EMPTY },
    { "PUT",    IMPLIED, imply, .status = 201, .policy = "identity:create_implied_role" },
    { "DELETE", IMPLIED, imply_no_more, .status = 204, .policy = "identity:delete_implied_role", .flags = ROUTE_EMPTY },
    { "GET",    "/v3/role_inferences", list_inferences, .policy = "identity:list_role_inference_rules" },
    {}
};
