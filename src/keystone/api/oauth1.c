/* OS-OAUTH1: request tokens, their authorization by a user, access tokens. Consumers are in consumers.c, signatures in auth/oauth1.c. */
#include "keystone/api/api.h"
#include "keystone/auth/oauth1.h"
#include "keystone/token/token.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)
#define VERIFIER_CHARACTERS "abcdefghkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
enum { VERIFIER_LENGTH = 8 };

/* -- tokens, answered as forms --------------------------------------------------------------------------------------- */

static int64_t end_of(int64_t duration_s)
{
    return duration_s ? (clock_us() / SECOND_US + duration_s) * SECOND_US : 0;
}

static bool form_answer(struct ctx *c, struct reply *reply, const char *id, const char *secret, int64_t expires_us)
{
    char time[TIME_TEXT_SIZE];
    char *text = ctx_printf(c, "oauth_token=%s&oauth_token_secret=%s", id, secret);

    if (expires_us)
        text = ctx_printf(c, "%s&oauth_expires_at=%s", text, time_write(time, (utc_time){ expires_us }, TIME_ISO_MICRO_Z));
    reply_text(reply, "application/x-www-form-urlencoded", text);
    return true;
}

static bool needed(struct ctx *c, const char *value, const char *name)
{
    return (value && *value) || fail(c, EXPECTING, name, "request");
}

static bool create_request_token(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *project_id = request_header(request, "Requested-Project-Id"), *id = uuid_new_hex(c), *secret = uuid_new_hex(c);
    int64_t expires = end_of(keystone_options()->request_token_duration);
    struct oauth1 o;

    if (!oauth1_of_request(c, request, &o) || !needed(c, o.consumer_key, "oauth_consumer_key") || !needed(c, project_id, "Requested-Project-Id") ||
        !rest_find_any(c, &project_resource, project_id) || !rest_find_any(c, &consumer_resource, o.consumer_key) ||
        !oauth1_judge(c, &o, OAUTH1_CALLBACK))
        return false;
    if (!oauth1_by_consumer(c, &o, request, request->query, NULL))
        return failed(c) ? false : fail(c, UNAUTHORIZED);
    return keystone_exec(c, "INSERT INTO request_tokens (id, secret, requested_project_id, consumer_id, expires_at) VALUES ($1, $2, $3, $4, $5)",
                         T(id), T(secret), T(project_id), T(o.consumer_key), expires ? I(expires) : SQL_NULL) &&
        form_answer(c, reply, id, secret, expires);
}

struct request_token { const char *id, *secret, *verifier, *user_id, *project_id, *role_ids, *consumer_id; };

/* 404 where there is none, 401 when its time is over. */
static bool request_token_get(struct ctx *c, const char *id, struct request_token *ret_token)
{
    struct rows *rows = db_query(c, "SELECT id, secret, verifier, authorizing_user_id, requested_project_id, role_ids, consumer_id, expires_at"
                                 " FROM request_tokens WHERE id = $1", T(id));

    if (!db_next(rows))
        return failed(c) ? false : fail(c, NOT_FOUND, "Request token not found");
    *ret_token = (struct request_token){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3), db_text(rows, 4),
                                         db_text(rows, 5), db_text(rows, 6) };
    bool ended = !db_is_null(rows, 7) && clock_us() > db_int(rows, 7);
    db_rows_end(rows);
    return !ended || fail(c, UNAUTHORIZED);
}

/* The request token becomes an access token; who comes second finds none. */
static bool exchange(struct ctx *c, const struct request_token *t, const char *id, const char *secret, int64_t expires)
{
    int64_t gone;

    return db_changed(c, &gone, "DELETE FROM request_tokens WHERE id = $1", T(t->id)) && (gone || fail(c, NOT_FOUND, "Request token not found")) &&
        db_exec(c, "INSERT INTO access_tokens (id, secret, authorizing_user_id, project_id, role_ids, consumer_id, expires_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)", T(id), T(secret), T(t->user_id), T(t->project_id), T(t->role_ids), T(t->consumer_id),
                expires ? I(expires) : SQL_NULL);
}

static bool create_access_token(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = uuid_new_hex(c), *secret = uuid_new_hex(c);
    int64_t expires = end_of(keystone_options()->access_token_duration);
    struct request_token t;
    struct oauth1 o;

    if (!oauth1_of_request(c, request, &o) || !needed(c, o.consumer_key, "oauth_consumer_key") || !needed(c, o.token, "oauth_token") ||
        !needed(c, o.verifier, "oauth_verifier") || !request_token_get(c, o.token, &t) || !oauth1_judge(c, &o, OAUTH1_VERIFIER))
        return false;
    bool by_consumer = oauth1_by_consumer(c, &o, request, request->query, t.secret);
    if (!by_consumer || strcmp(t.consumer_id, o.consumer_key) || !t.verifier || strcmp(t.verifier, o.verifier) || !t.user_id)
        return failed(c) ? false : fail(c, UNAUTHORIZED);
    if (!db_begin(c))
        return false;
    if (exchange(c, &t, id, secret, expires))
        return db_commit(c) && form_answer(c, reply, id, secret, expires);
    db_rollback(c);
    return false;
}

/* -- what a user says to it ------------------------------------------------------------------------------------------ */

/* A token that was lent cannot lend. */
static bool not_delegated(struct ctx *c, const struct request *request)
{
    const struct token *token = token_of_request(c, request);

    return token && (!token_is_delegated(token) || fail(c, NOT_AUTHORIZED_PLAIN));
}

/* The ids of the roles named, each held by the user on the project. */
static json_t *roles_judge(struct ctx *c, const json_t *roles, const char *project_id)
{
    const struct role_ref *held = roles_of_user(c, c->who.user_id, ON_PROJECT, project_id);
    json_t *ids = ctx_json(c, json_array()), *role;
    size_t i;

    json_array_foreach(roles, i, role) {
        const char *id = json_get_string(role, "id"), *name = json_get_string(role, "name");

        if (!json_is_object(role) || json_object_size(role) != 1 || (!id && !name))
            return fail_null(c, INVALID_FIELD, ctx_printf(c, "%zu", i), "a role is named by id or by name");
        if (!id)
            id = db_get_text(c, "SELECT id FROM roles WHERE name = $1 AND domain_id IS NULL", T(name));
        if (!id)
            return failed(c) ? NULL : fail_null(c, NO_ROLE_NAMED, name);
        if (!held || !role_in(held, id))
            return failed(c) ? NULL : fail_null(c, UNAUTHORIZED);
        json_array_append_new(ids, json_string(id));
    }
    return held ? ids : NULL;
}

static bool authorize(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = request_json(c, request), *roles = json_object_get(body, "roles"), *ids;
    char verifier[VERIFIER_LENGTH + 1] = "";
    struct out o = { .to = &reply->body };
    struct request_token t;

    if (!body)
        return false;
    if (roles && !json_is_array(roles))
        return fail(c, INVALID_FIELD, "roles", "it is not of type 'array'");
    if (!not_delegated(c, request) || !request_token_get(c, request_arg(request, "request_token_id"), &t) ||
        !(ids = roles_judge(c, roles, t.project_id)))
        return false;
    for (int i = 0; i < VERIFIER_LENGTH; i++)
        verifier[i] = VERIFIER_CHARACTERS[random_below(sizeof VERIFIER_CHARACTERS - 1)];
    if (!keystone_exec(c, "UPDATE request_tokens SET verifier = $1, authorizing_user_id = $2, role_ids = $3 WHERE id = $4", T(verifier),
                       T(c->who.user_id), T(json_text(c, ids).text), T(t.id)))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    out_object(&o, "token");
    out_string(&o, "oauth_verifier", verifier);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

/* -- access tokens of a user ------------------------------------------------------------------------------------------ */

struct access_token {
    char *id, *consumer_id, *authorizing_user_id, *project_id;
    utc_time expires_at;
    raw_json role_ids;
};
static const struct attr access_token_attrs[] = {
    ATTR(struct access_token, id,                  SORT),
    ATTR(struct access_token, consumer_id,         0),
    ATTR(struct access_token, authorizing_user_id, 0),
    ATTR(struct access_token, project_id,          0),
    ATTR(struct access_token, expires_at,          0),
    ATTR(struct access_token, role_ids,            HIDDEN),
    {}
};

static void access_token_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct access_token *t = record;
    const char *self = ctx_printf(c, "%s/v3/users/%s/OS-OAUTH1/access_tokens/%s", c->base_url, t->authorizing_user_id, t->id);

    out_object(o, "links");
    out_printf(o, "roles", "%s/roles", self);
    out_string(o, "self", self);
    out_end_object(o);
}

static const struct resource access_token_resource = {
    .name = "access_token", .plural = "access_tokens", .size = sizeof(struct access_token), .attrs = access_token_attrs,
    .write = access_token_write,
};

static bool of_user(struct ctx *c, struct sql *s, const void *user_id)
{
    sql_add(s, " AND t.authorizing_user_id = ?", T(user_id));
    return true;
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    return not_delegated(c, request) &&
        keystone_list_where(c, &access_token_resource, request, reply, of_user, request_arg(request, "user_id"));
}

/* The access token of the path; another user's is answered as the caller says. */
static struct access_token *subject(struct ctx *c, const struct request *request, bool found_for_all)
{
    struct access_token *t = rest_find_any(c, &access_token_resource, request_arg(request, "id"));

    if (t && strcmp(t->authorizing_user_id, request_arg(request, "user_id")))
        return found_for_all ? fail_null(c, UNAUTHORIZED) : fail_null(c, NOT_FOUND, "Could not find: %(target)s.");
    return t;
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct access_token *t = not_delegated(c, request) ? subject(c, request, false) : NULL;

    if (t)
        rest_write(c, &access_token_resource, request, t, reply);
    return t != NULL;
}

static bool remove_one(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *user_id = request_arg(request, "user_id");
    const struct access_token *t;

    if (!rule_check(c, "identity:ec2_delete_credential", "user_id", user_id, "target.credential.user_id", user_id, NULL) || !not_delegated(c, request))
        return false;
    t = subject(c, request, true);
    return t && keystone_exec(c, "DELETE FROM access_tokens WHERE id = $1", T(t->id));
}

static void role_write(struct ctx *c, struct out *o, const char *key, const struct role *role)
{
    out_object(o, key);
    out_string(o, "id", role->id);
    out_string(o, "name", role->name);
    out_string(o, "domain_id", role->domain_id);
    out_raw(o, "options", role->options.text ? role->options.text : "{}");
    write_self(c, o, "roles", role->id);
    out_end_object(o);
}

static bool list_roles(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct access_token *t = subject(c, request, false);
    struct out o = { .to = &reply->body };
    json_t *ids, *id;
    size_t i;

    if (!t)
        return false;
    ids = json_of(c, t->role_ids);
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "roles");
    json_array_foreach(ids, i, id) {
        const struct role *role = rest_find_any(c, &role_resource, json_string_value(id));

        if (!role)
            return false;
        role_write(c, &o, NULL, role);
    }
    out_end_array(&o);
    write_list_links(c, &o, request);
    out_end_object(&o);
    return true;
}

static bool show_role(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct access_token *t = subject(c, request, true);
    const char *role_id = request_arg(request, "role_id");
    const struct role *role = NULL;
    struct out o = { .to = &reply->body };
    json_t *ids, *id;
    size_t i;

    if (!t)
        return false;
    ids = json_of(c, t->role_ids);
    json_array_foreach(ids, i, id)
        if (!strcmp(json_string_value(id), role_id) && !(role = rest_find_any(c, &role_resource, role_id)))
            return false;
    if (!role)
        return fail(c, NO_SUCH, "role", role_id);
    reply->has_body = true;
    out_object(&o, NULL);
    role_write(c, &o, "role", role);
    out_end_object(&o);
    return true;
}

/* Tokens are asked for by those who have none, and signed; the removal asks a rule about the user of the path. */
#define ACCESS_TOKENS "/v3/users/{user_id}/OS-OAUTH1/access_tokens"
const struct route oauth1_routes[] = {
    { "POST",   "/v3/OS-OAUTH1/request_token", create_request_token, .status = 201, .flags = ROUTE_OPEN },
    { "POST",   "/v3/OS-OAUTH1/access_token", create_access_token, .status = 201, .flags = ROUTE_OPEN },
    { "PUT",    "/v3/OS-OAUTH1/authorize/{request_token_id}", authorize, .policy = "identity:authorize_request_token" },
    { "GET",    ACCESS_TOKENS, list, .policy = "identity:list_access_tokens" },
    { "GET",    ACCESS_TOKENS "/{id}", show, .policy = "identity:get_access_token" },
    { "DELETE", ACCESS_TOKENS "/{id}", remove_one, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "GET",    ACCESS_TOKENS "/{id}/roles", list_roles, .policy = "identity:list_access_token_roles" },
    { "GET",    ACCESS_TOKENS "/{id}/roles/{role_id}", show_role, .policy = "identity:get_access_token_role" },
    {}
};
