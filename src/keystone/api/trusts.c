/* OS-TRUST: a trustor lets a trustee act with some of the trustor's roles on a project, as itself or as the trustor. */
#include "keystone/api/projects.h"
#include "keystone/token/token.h"

#include <string.h>

struct trust {
    char *id, *trustor_user_id, *trustee_user_id, *project_id, *redelegated_trust_id;
    bool impersonation;
    utc_time deleted_at, expires_at;
    opt_int remaining_uses;
    int64_t redelegation_count;
    raw_json roles, extra;
};
static const struct attr trust_attrs[] = {
    ATTR(struct trust, id,                   SORT),
    ATTR(struct trust, trustor_user_id,      CREATE | REQUIRED | FILTER, .min = 1, .max = 64),
    ATTR(struct trust, trustee_user_id,      CREATE | REQUIRED | FILTER, .min = 1, .max = 64),
    ATTR(struct trust, project_id,           CREATE | NULLABLE),
    ATTR(struct trust, impersonation,        CREATE | REQUIRED),
    ATTR(struct trust, deleted_at,           0),
    ATTR(struct trust, expires_at,           CREATE | NULLABLE),
    ATTR(struct trust, remaining_uses,       CREATE | NULLABLE, .min = 1, .max = INT32_MAX),
    ATTR(struct trust, redelegated_trust_id, HIDDEN),
    ATTR(struct trust, redelegation_count,   CREATE),
    ATTR(struct trust, roles,                CREATE | DERIVED | HIDDEN),
    ATTR(struct trust, extra,                CREATE | HIDDEN),
    {}
};

/* -- writing ------------------------------------------------------------------------------------------------------- */

static void roles_write(struct ctx *c, struct out *o, const char *trust_id)
{
    struct rows *rows = db_query(c, "SELECT r.id, r.name, r.domain_id, r.description, r.options FROM trust_roles t JOIN roles r ON r.id = t.role_id"
                                 " WHERE t.trust_id = $1 ORDER BY r.name", T(trust_id));

    out_array(o, "roles");
    while (db_next(rows)) {
        out_object(o, NULL);
        out_string(o, "id", db_text(rows, 0));
        out_string(o, "name", db_text(rows, 1));
        out_string(o, "domain_id", db_text(rows, 2));
        out_string(o, "description", db_text(rows, 3));
        out_raw(o, "options", db_text(rows, 4) ? db_text(rows, 4) : "{}");
        write_self(c, o, "roles", db_text(rows, 0));
        out_end_object(o);
    }
    out_end_array(o);
}

static void roles_links_write(struct ctx *c, struct out *o, const char *key, const char *trust_id)
{
    out_object(o, key);
    out_printf(o, "self", "%s/v3/%s/roles", c->base_url, trust_id);          /* as the original says it */
    out_null(o, "next");
    out_null(o, "previous");
    out_end_object(o);
}

static void trust_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct trust *t = record;

    out_string(o, "redelegated_trust_id", t->redelegated_trust_id);
    if (!in_list) {
        roles_write(c, o, t->id);
        roles_links_write(c, o, "roles_links", t->id);
    }
    write_extra(c, o, t->extra);
    write_self(c, o, "OS-TRUST/trusts", t->id);
}

/* -- judging ------------------------------------------------------------------------------------------------------- */

static bool not_delegated(struct ctx *c, const struct request *request)
{
    const struct token *token = token_of_request(c, request);

    return token && (!token_is_delegated(token) || fail(c, NOT_AUTHORIZED, "Delegated tokens cannot manage trusts."));
}

/* The roles named, as ids, each held by the trustor there. */
static bool roles_judge(struct ctx *c, json_t *object)
{
    json_t *asked_for = json_object_get(object, "roles"), *role, *ids = ctx_json(c, json_array());
    const char *project_id = json_get_string(object, "project_id");
    const struct role_ref *held;
    size_t i;

    if (project_id && !json_array_size(asked_for))
        return fail(c, NOT_AUTHORIZED, "At least one role should be specified");
    held = project_id ? roles_of_user(c, c->who.user_id, ON_PROJECT, project_id) : ctx_new(c, struct role_ref);
    if (!held)
        return false;
    json_array_foreach(asked_for, i, role) {
        const char *id = json_get_string(role, "id"), *name = json_get_string(role, "name");

        if (!id && name)
            id = db_get_text(c, "SELECT id FROM roles WHERE name = $1 AND domain_id IS NULL", T(name));
        if (failed(c))
            return false;
        if (!id && name)
            return fail(c, NO_ROLE_NAMED, name);
        if (!id || !role_in(held, id))
            return fail(c, NO_SUCH, "role", id ? id : name ? name : "None");
        json_array_append_new(ids, json_string(id));
    }
    json_object_set(object, "roles", ids);
    return true;
}

static bool uses_judge(struct ctx *c, json_t *object)
{
    const json_t *count = json_object_get(object, "redelegation_count"), *uses = json_object_get(object, "remaining_uses");
    int64_t most = keystone_options()->max_redelegation_count, wanted = json_is_integer(count) ? json_integer_value(count) : most;
    bool redelegable = json_is_true(json_object_get(object, "allow_redelegation")) && wanted != 0;

    if (redelegable && wanted > most)
        return fail(c, DENIED, ctx_printf(c, "Requested redelegation depth of %" G_GINT64_FORMAT " is greater than allowed %" G_GINT64_FORMAT,
                                          wanted, most));
    if (redelegable && uses && !json_is_null(uses))
        return fail(c, VALIDATION, "remaining_uses must not be set if redelegation is allowed");
    if (json_is_integer(uses) && json_integer_value(uses) <= 0)
        return fail(c, VALIDATION, "remaining_uses must be a positive integer or null.");
    json_object_set_new(object, "redelegation_count", json_integer(redelegable ? wanted : 0));
    json_object_del(object, "allow_redelegation");
    return true;
}

static bool expiry_judge(struct ctx *c, const json_t *object)
{
    const json_t *value = json_object_get(object, "expires_at");
    utc_time t;

    if (!value || json_is_null(value))
        return true;
    if (!json_is_string(value) || !time_parse(json_string_value(value), &t))
        return fail(c, TIMESTAMP_FORMAT);
    return t.us > clock_us() || fail(c, EXPIRATION_PAST);
}

static bool trust_stored(struct ctx *c, struct change *ch)
{
    const struct trust *t = ch->now;
    json_t *role;
    size_t i;

    json_array_foreach(json_object_get(ch->asked, "roles"), i, role)
        if (!db_exec(c, "INSERT INTO trust_roles (trust_id, role_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(t->id), T(json_string_value(role))))
            return false;
    return true;
}

/* -- verbs --------------------------------------------------------------------------------------------------------- */

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    json_t *object = keystone_body(c, r, request, NULL);
    const char *trustor = json_get_string(object, "trustor_user_id"), *trustee = json_get_string(object, "trustee_user_id");
    const char *project_id = json_get_string(object, "project_id");

    if (!object || !not_delegated(c, request))
        return false;
    if (!text_equal(trustor, c->who.user_id))
        return fail(c, NOT_AUTHORIZED, "The authenticated user should match the trustor");
    json_t *extra = json_object_get(object, "extra");
    json_t *allow = json_object_get(extra, "allow_redelegation");
    if (allow) {
        json_object_set(object, "allow_redelegation", allow);
        json_object_del(extra, "allow_redelegation");
    }
    if (!rest_find_any(c, &user_resource, trustee) || (project_id && !rest_find_any(c, &project_resource, project_id)) || !roles_judge(c, object) ||
        !uses_judge(c, object) || !expiry_judge(c, object))
        return false;
    return keystone_insert(c, r, request, object, reply);
}

static bool live(struct ctx *c, struct sql *s, const void *data)
{
    sql_add(s, " AND t.deleted_at IS NULL");
    return true;
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *trustor = request_query(request, "trustor_user_id"), *trustee = request_query(request, "trustee_user_id");
    bool allowed = trustor ? rule_check(c, "identity:list_trusts_for_trustor", "target.trust.trustor_user_id", trustor, NULL)
        : trustee ? rule_check(c, "identity:list_trusts_for_trustee", "target.trust.trustee_user_id", trustee, NULL)
        : rule_check(c, "identity:list_trusts", NULL);

    return allowed && not_delegated(c, request) && keystone_list_where(c, request->route->data, request, reply, live, NULL);
}

/* The trust of the path, not deleted nor ended; who is no party to it and no admin is told it is forbidden. */
static struct trust *subject(struct ctx *c, const struct request *request, const char *rule, const char *arg)
{
    struct trust *t = rest_find_any(c, &trust_resource, request_arg(request, arg));

    if (t && (t->deleted_at.us || (t->expires_at.us && t->expires_at.us < clock_us())))
        return fail_null(c, NO_SUCH, "trust", t->id);
    if (!t || !policy_check(c, rule, TARGET_RECORD(trust_attrs, t)) || !not_delegated(c, request))
        return NULL;
    return t;
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct trust *t = subject(c, request, "identity:get_trust", "id");

    if (t)
        rest_write(c, &trust_resource, request, t, reply);
    return t != NULL;
}

/* With a trust go those that were made from it. */
static bool remove_one(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct trust *t = subject(c, request, "identity:delete_trust", "id");

    if (!t || !db_begin(c))
        return false;
    if (revoke_trust(c, t->id) &&
        db_exec(c, "UPDATE trusts SET deleted_at = $2 WHERE id IN (WITH RECURSIVE made (id) AS (SELECT CAST($1 AS TEXT) UNION"
                " SELECT t.id FROM trusts t JOIN made m ON t.redelegated_trust_id = m.id) SELECT id FROM made)", T(t->id), I(clock_us()))) {
        reply->status = 204;
        return db_commit(c);
    }
    db_rollback(c);
    return false;
}

const struct resource trust_resource = {
    .name = "trust", .plural = "trusts", .path = "/OS-TRUST/trusts", .size = sizeof(struct trust), .attrs = trust_attrs,
    .flags = NO_BULK | NO_UPDATE, .create = create, .show = show, .list = list, .remove = remove_one,
    .stored = trust_stored, .write = trust_write,
};

/* -- roles --------------------------------------------------------------------------------------------------------- */

static bool list_roles(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct trust *t = subject(c, request, "identity:list_roles_for_trust", "trust_id");
    struct out o = { .to = &reply->body };

    if (!t)
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    roles_write(c, &o, t->id);
    roles_links_write(c, &o, "links", t->id);
    out_end_object(&o);
    return !failed(c);
}

static bool show_role(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct trust *t = subject(c, request, "identity:get_role_for_trust", "trust_id");
    const char *role_id = request_arg(request, "role_id");
    struct role *role;

    if (!t)
        return false;
    if (!db_count(c, "SELECT count(*) FROM trust_roles WHERE trust_id = $1 AND role_id = $2", T(t->id), T(role_id)))
        return failed(c) ? false : fail(c, NO_SUCH, "role", role_id);
    role = rest_find_any(c, &role_resource, role_id);
    if (role)
        rest_write(c, &role_resource, request, role, reply);
    return role != NULL;
}

/* Each asks its rule about the trust. */
const struct route trust_routes[] = {
    { "GET", "/v3/OS-TRUST/trusts/{trust_id}/roles", list_roles, .flags = ROUTE_NO_POLICY },
    { "GET", "/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}", show_role, .flags = ROUTE_NO_POLICY },
    {}
};
