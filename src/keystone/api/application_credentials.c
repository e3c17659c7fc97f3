/* Application credentials: a secret with which a program acts as its user on one project, with some of the user's roles and,
 * by access rules, on some of the APIs alone.
 */
#include "keystone/api/projects.h"
#include "keystone/token/token.h"

#include <string.h>

struct application_credential {
    char *id, *name, *description, *user_id, *project_id, *secret_hash;
    opt_bool unrestricted;
    utc_time expires_at;
    raw_json access_rules, roles, extra;
};

static const struct attr app_cred_attrs[] = {
    ATTR(struct application_credential, id,           SORT),
    ATTR(struct application_credential, name,         CREATE | REQUIRED | FILTER | SORT, .min = 1, .max = 255, .format = &format_not_blank),
    ATTR(struct application_credential, description,  CREATE | NULLABLE),
    ATTR(struct application_credential, user_id,      CREATE),
    ATTR(struct application_credential, project_id,   CREATE),
    ATTR(struct application_credential, secret_hash,  CREATE | HIDDEN | SECRET),
    ATTR(struct application_credential, unrestricted, CREATE | HIDDEN),
    ATTR(struct application_credential, expires_at,   CREATE | NULLABLE | HIDDEN),
    ATTR(struct application_credential, access_rules, CREATE | HIDDEN),
    ATTR(struct application_credential, roles,        CREATE | DERIVED | HIDDEN),
    ATTR(struct application_credential, extra,        CREATE | HIDDEN),
    {}
};

/* -- who may ------------------------------------------------------------------------------------------------------- */

/* A delegated token manages nothing, but that of an unrestricted application credential. */
static bool token_allowed(struct ctx *c, const struct request *request, bool changes)
{
    const struct token *token = token_of_request(c, request);

    if (!token)
        return false;
    if (token->version == PAYLOAD_TRUST || token->version == PAYLOAD_OAUTH)
        return fail(c, NOT_AUTHORIZED_PLAIN);
    if (changes && token->app_cred_restricted)
        return fail(c, NOT_AUTHORIZED, "Using method 'application_credential' is not allowed for managing additional application credentials.");
    return true;
}

static bool allowed(struct ctx *c, const struct request *request, const char *rule, const char *user_id)
{
    return rule_check(c, rule, "user_id", user_id, "target.user.id", user_id, NULL);
}

/* -- what a body asks for ------------------------------------------------------------------------------------------ */

/* The roles asked for, of those the token has; all of them if none are named. Sets the body's "roles" to their ids. */
static bool roles_judge(struct ctx *c, const struct token *token, json_t *object)
{
    json_t *asked_for = json_object_get(object, "roles"), *role, *ids = ctx_json(c, json_array());
    size_t i;

    json_array_foreach(asked_for, i, role) {
        const char *id = json_get_string(role, "id"), *name = json_get_string(role, "name");

        if (name)
            id = db_get_text(c, "SELECT id FROM roles WHERE name = $1 AND domain_id IS NULL", T(name));
        if (name && !id)
            return failed(c) ? false : fail(c, NO_ROLE_NAMED, name);
        if (!text_in(id, token->role_ids))
            return fail(c, INVALID_APP_CRED, "Cannot create an application credential with unassigned role");
        json_array_append_new(ids, json_string(id));
    }
    for (const char *const *id = token->role_ids; !json_array_size(asked_for) && *id; id++)
        json_array_append_new(ids, json_string(*id));
    json_object_set(object, "roles", ids);
    return true;
}

/* Rules that are there already are found again, so that one id stands for one rule of a user. */
static bool rules_judge(struct ctx *c, const char *user_id, json_t *object)
{
    json_t *rules = json_object_get(object, "access_rules"), *rule;
    size_t i;

    json_array_foreach(rules, i, rule) {
        const char *path = json_get_string(rule, "path"), *method = json_get_string(rule, "method"), *service = json_get_string(rule, "service");
        const char *given = json_get_string(rule, "id"), *id;

        if (given) {
            struct rows *rows = db_query(c, "SELECT service, path, method FROM access_rules WHERE id = $1 AND user_id = $2", T(given), T(user_id));

            if (!db_next(rows))
                return failed(c) ? false : fail(c, NO_SUCH, "Access Rule", given);
            json_object_set_new(rule, "service", json_string(db_text(rows, 0)));
            json_object_set_new(rule, "path", json_string(db_text(rows, 1)));
            json_object_set_new(rule, "method", json_string(db_text(rows, 2)));
            db_rows_end(rows);
            continue;
        }
        id = db_get_text(c, "SELECT id FROM access_rules WHERE user_id = $1 AND service IS NOT DISTINCT FROM $2 AND path IS NOT DISTINCT FROM $3"
                         " AND method IS NOT DISTINCT FROM $4", T(user_id), T(service), T(path), T(method));
        json_object_set_new(rule, "id", json_string(id ? id : uuid_new_hex(c)));
    }
    return !failed(c);
}

/* The secret given, or a new one; its hash goes into the body. */
static const char *secret_take(struct ctx *c, json_t *object)
{
    const json_t *given = json_object_get(object, "secret");
    const char *secret = json_string_value(given), *hash;
    bool chosen = secret && *secret;
    char random[64];

    if (!chosen) {
        random_bytes(random, sizeof random);
        char *text = base64url_write(c, random, sizeof random);
        text[strcspn(text, "=")] = '\0';
        secret = text;
    }
    secret = ctx_strdup(c, secret);
    hash = password_hash(c, secret, chosen ? 0 : 4);
    if (!hash)
        return NULL;
    json_object_del(object, "secret");
    json_object_set_new(object, "secret_hash", json_string(hash));
    return secret;
}

/* -- hooks --------------------------------------------------------------------------------------------------------- */

static bool app_cred_check(struct ctx *c, struct change *ch)
{
    const struct application_credential *a = ch->now;
    int64_t most = keystone_options()->user_limit_application_credentials;

    if (most >= 0 && db_count(c, "SELECT count(*) FROM application_credentials WHERE user_id = $1", T(a->user_id)) >= most)
        return fail(c, DENIED, ctx_printf(c, "Unable to create additional application credentials, maximum of %" G_GINT64_FORMAT
                                          " already exceeded for user.", most));
    return !failed(c);
}

static bool app_cred_stored(struct ctx *c, struct change *ch)
{
    const struct application_credential *a = ch->now;
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(ch->asked, "roles"), i, one)
        if (!db_exec(c, "INSERT INTO application_credential_roles (application_credential_id, role_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                     T(a->id), T(json_string_value(one))))
            return false;
    json_array_foreach(json_object_get(ch->asked, "access_rules"), i, one)
        if (!db_exec(c, "INSERT INTO access_rules (id, user_id, service, path, method) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                     T(json_get_string(one, "id")), T(a->user_id), T(json_get_string(one, "service")), T(json_get_string(one, "path")),
                     T(json_get_string(one, "method"))) ||
            !db_exec(c, "INSERT INTO application_credential_access_rules (application_credential_id, access_rule_id) VALUES ($1, $2)",
                     T(a->id), T(json_get_string(one, "id"))))
            return false;
    return true;
}

/* Their roles, a page in one query. */
static bool app_cred_fill(struct ctx *c, void *const *page, size_t n)
{
    const char **ids = ctx_new_n(c, const char *, n + 1);
    struct sql *s = sql_new(c);

    for (size_t i = 0; i < n; i++) {
        struct application_credential *a = page[i];

        ids[i] = a->id;
        a->roles.text = NULL;
    }
    sql_add(s, "SELECT a.application_credential_id, r.id, r.name, r.domain_id, r.description, r.options FROM application_credential_roles a"
            " JOIN roles r ON r.id = a.role_id WHERE a.application_credential_id IN ");
    sql_in(s, ids);
    g_autoptr(GHashTable) lists = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)json_decref);
    struct rows *rows = sql_query(s);
    while (db_next(rows)) {
        char *id = db_text(rows, 0);
        json_t *list = g_hash_table_lookup(lists, id);

        if (!list)
            g_hash_table_insert(lists, id, list = json_array());
        json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s?, s:o}", "id", db_text(rows, 1), "name", db_text(rows, 2), "domain_id",
                                              db_text(rows, 3), "description", db_text(rows, 4), "options",
                                              json_deep_copy(json_of(c, (raw_json){ db_text(rows, 5) }))));
    }
    for (size_t i = 0; i < n; i++) {
        struct application_credential *a = page[i];
        const json_t *list = g_hash_table_lookup(lists, a->id);

        a->roles = list ? json_text(c, list) : (raw_json){ ctx_strdup(c, "[]") };
    }
    return !failed(c);
}

static void app_cred_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct application_credential *a = record;
    char expires[TIME_TEXT_SIZE];

    out_null(o, "system");
    if (a->expires_at.us)
        out_string(o, "expires_at", time_write(expires, a->expires_at, TIME_ISO_MICRO));
    else
        out_null(o, "expires_at");
    if (a->unrestricted.set)
        out_bool(o, "unrestricted", a->unrestricted.value);
    else
        out_null(o, "unrestricted");
    out_raw(o, "roles", a->roles.text);
    if (a->access_rules.text && strcmp(a->access_rules.text, "[]"))
        out_raw(o, "access_rules", a->access_rules.text);
    write_extra(c, o, a->extra);
    out_object(o, "links");
    out_printf(o, "self", "%s/v3/application_credentials/%s", c->base_url, a->id);
    out_end_object(o);
}

static const struct resource app_cred_resource = {
    .name = "application_credential", .plural = "application_credentials", .size = sizeof(struct application_credential), .attrs = app_cred_attrs,
    .flags = NO_BULK, .check = app_cred_check, .stored = app_cred_stored, .fill = app_cred_fill, .write = app_cred_write,
};

/* -- verbs --------------------------------------------------------------------------------------------------------- */

/* The answer of create is the only one with the secret in it. */
static void created_write(struct ctx *c, const struct application_credential *a, const char *secret, struct reply *reply)
{
    struct out o = { .to = &reply->body, .times = keystone_style.times };
    struct record_view view = {};

    reply->has_body = true;
    out_object(&o, NULL);
    out_object(&o, "application_credential");
    record_write(&o, app_cred_attrs, a, &view);
    out_string(&o, "secret", secret);
    app_cred_write(c, &o, a, false);
    out_end_object(&o);
    out_end_object(&o);
}

/* The schema lets further members through, the store of the original does not. */
static bool members_judge(struct ctx *c, json_t *object)
{
    static const char *const known[] = { "name", "description", "secret", "unrestricted", "expires_at", "access_rules", "roles", NULL };
    static const char *const set_here[] = { "id", "user_id", "project_id", "secret_hash", NULL };
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, name, value) {
        if (text_in(name, set_here))
            json_object_del(object, name);
        else if (!text_in(name, known))
            return fail(c, VALIDATION, ctx_printf(c, "'%s' is an invalid keyword argument for ApplicationCredentialModel", name));
    }
    return true;
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *user_id = request_arg(request, "user_id"), *secret;
    const struct token *token = token_of_request(c, request);
    json_t *body, *object;

    if (!token || !allowed(c, request, "identity:create_application_credential", user_id) || !(body = request_json(c, request)))
        return false;
    object = json_object_get(body, "application_credential");
    if (!object)
        object = ctx_json(c, json_object());
    if (!keystone_schema_judge(c, "application_credential_create", object) || !members_judge(c, object))
        return false;
    if (!token_allowed(c, request, true))
        return false;
    if (!c->who.project_id)
        return fail(c, NOT_AUTHORIZED_PLAIN);
    /* What the caller may not set is set here; the table's rows that take these members take them from nobody else. */
    json_object_set_new(object, "user_id", json_string(user_id));
    json_object_set_new(object, "project_id", json_string(c->who.project_id));
    if (!roles_judge(c, token, object) || !rules_judge(c, user_id, object) || !expiry_judge(c, object) || !(secret = secret_take(c, object)))
        return false;
    struct application_credential *a = rest_insert(c, &app_cred_resource, object);
    if (!a) {
        if (strcmp(c->fault.type, "DBDuplicateEntry"))
            return false;
        fault_clear(c);
        return fail(c, STORE_CONFLICT, "application_credential", ctx_printf(c, "Duplicate entry found with name %s", json_get_string(object, "name")));
    }
    created_write(c, a, secret, reply);
    return true;
}

static bool of_user(struct ctx *c, struct sql *s, const void *user_id)
{
    sql_add(s, " AND t.user_id = ?", T(user_id));
    return true;
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *user_id = request_arg(request, "user_id");

    return allowed(c, request, "identity:list_application_credentials", user_id) && token_allowed(c, request, false) &&
        keystone_list_where(c, &app_cred_resource, request, reply, of_user, user_id);
}

/* The credential of the path. The rule is asked about the user who owns it, whatever user the path names. */
static struct application_credential *subject(struct ctx *c, const struct request *request, const char *rule)
{
    struct application_credential *a = rest_find_any(c, &app_cred_resource, request_arg(request, "id"));
    struct fault missing = c->fault;

    if (!a && missing.status != 404)
        return NULL;
    fault_clear(c);
    if (!allowed(c, request, rule, a ? a->user_id : request_arg(request, "user_id")))
        return NULL;
    c->fault = missing;
    return a;
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct application_credential *a = subject(c, request, "identity:get_application_credential");

    if (!a || !token_allowed(c, request, false) || !app_cred_fill(c, (void *const *)&a, 1))
        return false;
    rest_write(c, &app_cred_resource, request, a, reply);
    return true;
}

static bool remove_one(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct application_credential *a = subject(c, request, "identity:delete_application_credential");

    return a && token_allowed(c, request, true) && keystone_exec(c, "DELETE FROM application_credentials WHERE id = $1", T(a->id));
}

/* -- access rules -------------------------------------------------------------------------------------------------- */

struct access_rule {
    char *id, *user_id, *service, *path, *method;
};
static const struct attr rule_attrs[] = {
    ATTR(struct access_rule, id,      SORT),
    ATTR(struct access_rule, user_id, HIDDEN),
    ATTR(struct access_rule, service, FILTER),
    ATTR(struct access_rule, path,    FILTER),
    ATTR(struct access_rule, method,  FILTER),
    {}
};

static void rule_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct access_rule *r = record;

    out_object(o, "links");
    out_printf(o, "self", "%s/v3/access_rules/%s", c->base_url, r->id);
    out_end_object(o);
}

static const struct resource rule_resource = {
    .name = "access_rule", .plural = "access_rules", .size = sizeof(struct access_rule), .attrs = rule_attrs, .write = rule_write,
};

static bool list_rules(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *user_id = request_arg(request, "user_id");

    return allowed(c, request, "identity:list_access_rules", user_id) && token_allowed(c, request, false) &&
        keystone_list_where(c, &rule_resource, request, reply, of_user, user_id);
}

static struct access_rule *rule_of(struct ctx *c, const struct request *request, const char *rule)
{
    const char *user_id = request_arg(request, "user_id");
    struct access_rule *r;

    if (!allowed(c, request, rule, user_id) || !token_allowed(c, request, false))
        return NULL;
    r = rest_find_any(c, &rule_resource, request_arg(request, "id"));
    return !r || !strcmp(r->user_id, user_id) ? r : fail_null(c, NO_SUCH, "Access Rule", r->id);
}

static bool show_rule(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct access_rule *r = rule_of(c, request, "identity:get_access_rule");

    if (r)
        rest_write(c, &rule_resource, request, r, reply);
    return r != NULL;
}

static bool remove_rule(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct access_rule *r = rule_of(c, request, "identity:delete_access_rule");

    if (!r)
        return false;
    if (db_count(c, "SELECT count(*) FROM application_credential_access_rules WHERE access_rule_id = $1", T(r->id)))
        return fail(c, DENIED, "May not delete access rule in use");
    return !failed(c) && keystone_exec(c, "DELETE FROM access_rules WHERE id = $1", T(r->id));
}

/* Each asks its rule about the user the path or the credential names. */
const struct route application_credential_routes[] = {
    { "GET",    "/v3/users/{user_id}/application_credentials", list, .flags = ROUTE_NO_POLICY },
    { "POST",   "/v3/users/{user_id}/application_credentials", create, .status = 201, .flags = ROUTE_NO_POLICY },
    { "GET",    "/v3/users/{user_id}/application_credentials/{id}", show, .flags = ROUTE_NO_POLICY },
    { "DELETE", "/v3/users/{user_id}/application_credentials/{id}", remove_one, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "GET",    "/v3/users/{user_id}/access_rules", list_rules, .flags = ROUTE_NO_POLICY },
    { "GET",    "/v3/users/{user_id}/access_rules/{id}", show_rule, .flags = ROUTE_NO_POLICY },
    { "DELETE", "/v3/users/{user_id}/access_rules/{id}", remove_rule, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
