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
    ATTR(struct trust, redelegated_trust_id, CREATE),
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

/* With a trust's own token one may pass it on; with any other that was lent, nothing. */
static bool not_delegated(struct ctx *c, const struct request *request)
{
    const struct token *token = token_of_request(c, request);

    return token && (!token_is_lent(token) || fail(c, NOT_AUTHORIZED, "Delegated tokens cannot manage trusts."));
}

/* The ids of the roles named. NULL with a fault. */
static json_t *roles_read(struct ctx *c, const json_t *asked_for)
{
    json_t *ids = ctx_json(c, json_array()), *role;
    size_t i;

    json_array_foreach(asked_for, i, role) {
        const char *id = json_get_string(role, "id"), *name = json_get_string(role, "name");

        if (!id && name)
            id = db_get_text(c, "SELECT id FROM roles WHERE name = $1 AND domain_id IS NULL", T(name));
        if (!id)
            return failed(c) ? NULL : name ? fail_null(c, NO_ROLE_NAMED, name) : fail_null(c, NO_SUCH, "role", "None");
        json_array_append_new(ids, json_string(id));
    }
    return ids;
}

/* Each role must be held by the trustor there: of a trust that is passed on, by who made the first. */
static bool roles_judge(struct ctx *c, json_t *object, const char *trustor_id)
{
    const json_t *asked_for = json_object_get(object, "roles"), *id;
    const char *project_id = json_get_string(object, "project_id");
    const struct role_ref *held;
    json_t *ids;
    size_t i;

    if (project_id && !json_array_size(asked_for))
        return fail(c, NOT_AUTHORIZED, "At least one role should be specified");
    if (!(ids = roles_read(c, asked_for)) || (project_id && !rest_find_any(c, &project_resource, project_id)))
        return false;
    held = project_id ? roles_of_user(c, trustor_id, ON_PROJECT, project_id) : ctx_new(c, struct role_ref);
    if (!held)
        return false;
    json_array_foreach(ids, i, id)
        if (!role_in(held, json_string_value(id)))
            return fail(c, NO_SUCH, "role", json_string_value(id));
    json_object_set(object, "roles", ids);
    return true;
}

static bool uses_judge(struct ctx *c, json_t *object, const struct trust *parent)
{
    const json_t *count = json_object_get(object, "redelegation_count"), *uses = json_object_get(object, "remaining_uses");
    int64_t most = keystone_options()->max_redelegation_count, left = parent ? parent->redelegation_count - 1 : most;
    int64_t wanted = json_is_integer(count) ? json_integer_value(count) : left;
    bool redelegable = json_is_true(json_object_get(object, "allow_redelegation")) && (!json_is_integer(count) || wanted != 0);

    if (redelegable && wanted > most)
        return fail(c, NOT_AUTHORIZED_PLAIN);
    if (redelegable && uses && !json_is_null(uses))
        return fail(c, VALIDATION, "remaining_uses must not be set if redelegation is allowed");
    if (json_is_integer(uses) && json_integer_value(uses) <= 0)
        return fail(c, VALIDATION, "remaining_uses must be a positive integer or null.");
    if (redelegable && parent && wanted != left)
        return fail(c, NOT_AUTHORIZED_PLAIN);
    json_object_set_new(object, "redelegation_count", json_integer(redelegable ? wanted : 0));
    json_object_del(object, "allow_redelegation");
    return true;
}

/* -- passing on ---------------------------------------------------------------------------------------------------- */

/* What a trust may be passed on as: no longer, with no other roles, as nobody else. Where no end is asked for, it is the trust's. */
static bool redelegation_judge(struct ctx *c, const struct trust *parent, json_t *object)
{
    const char *expires = json_get_string(object, "expires_at");
    const json_t *uses = json_object_get(object, "remaining_uses"), *ids = json_object_get(object, "roles"), *id;
    char text[TIME_TEXT_SIZE];
    utc_time end;
    size_t i;

    if (parent->redelegation_count <= 0 || parent->redelegation_count > keystone_options()->max_redelegation_count ||
        (uses && !json_is_null(uses)) || (!parent->impersonation && json_is_true(json_object_get(object, "impersonation"))))
        return fail(c, NOT_AUTHORIZED_PLAIN);
    if (expires && parent->expires_at.us && time_parse(expires, &end) && end.us > parent->expires_at.us)
        return fail(c, NOT_AUTHORIZED_PLAIN);
    if (!expires && parent->expires_at.us)
        json_object_set_new(object, "expires_at", json_string(time_write(text, parent->expires_at, TIME_ISO_MICRO_Z)));
    json_array_foreach(ids, i, id)
        if (!db_count(c, "SELECT count(*) FROM trust_roles WHERE trust_id = $1 AND role_id = $2", T(parent->id), T(json_string_value(id))))
            return failed(c) ? false : fail(c, NOT_AUTHORIZED_PLAIN);
    return true;
}

/* The trust that the caller's token is of, or NULL without a fault; *ret_trustor: who made the first of its line. */
static struct trust *parent_of(struct ctx *c, const struct request *request, const char **ret_trustor)
{
    const struct token *token = token_of_request(c, request);
    struct trust *parent = token && token->trust_id ? rest_find_any(c, &trust_resource, token->trust_id) : NULL;

    *ret_trustor = c->who.user_id;
    if (parent)
        *ret_trustor = db_get_text(c, "WITH RECURSIVE line (id, trustor, made_from) AS (SELECT id, trustor_user_id, redelegated_trust_id FROM trusts"
                                   " WHERE id = $1 UNION SELECT t.id, t.trustor_user_id, t.redelegated_trust_id FROM trusts t"
                                   " JOIN line ON t.id = line.made_from) SELECT trustor FROM line WHERE made_from IS NULL", T(parent->id));
    return failed(c) ? NULL : parent;
}

bool expiry_judge(struct ctx *c, const json_t *object)
{
    const json_t *value = json_object_get(object, "expires_at");
    utc_time t;

    if (!value || json_is_null(value))
        return true;
    if (!json_is_string(value) || !time_parse(json_string_value(value), &t))
        return fail(c, TIMESTAMP_FORMAT);
    return t.us > clock_us() || fail(c, EXPIRATION_PAST);
}

/* Two of one end, between the same, on the same project, are one too many. */
static bool trust_check(struct ctx *c, struct change *ch)
{
    const struct trust *t = ch->now;

    return !t->expires_at.us || !db_count(c, "SELECT count(*) FROM trusts WHERE trustor_user_id = $1 AND trustee_user_id = $2"
        " AND project_id IS NOT DISTINCT FROM $3 AND impersonation = $4 AND expires_at = $5", T(t->trustor_user_id), T(t->trustee_user_id),
        T(t->project_id), B(t->impersonation), I(t->expires_at.us))
        ? !failed(c) : fail(c, STORE_CONFLICT, "trust", ctx_printf(c, "Duplicate entry found with ID %s", t->id));
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
    const char *first_trustor;

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
    const struct trust *parent = parent_of(c, request, &first_trustor);
    json_object_del(object, "redelegated_trust_id");
    if (failed(c) || !rest_find_any(c, &user_resource, trustee) || !roles_judge(c, object, first_trustor) || !expiry_judge(c, object) ||
        !uses_judge(c, object, parent) || (parent && !redelegation_judge(c, parent, object)))
        return false;
    if (parent)
        json_object_set_new(object, "redelegated_trust_id", json_string(parent->id));
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

    if (t && (t->deleted_at.us || (t->expires_at.us && t->expires_at.us < clock_us()) || (t->remaining_uses.set && t->remaining_uses.value <= 0)))
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
    .check = trust_check, .stored = trust_stored, .write = trust_write,
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
