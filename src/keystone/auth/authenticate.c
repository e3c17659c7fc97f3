/* Who asks is proved by one or more methods (identity.methods); what for is said by scope, or is the user's default project.
 *
 * A user that is not there, is disabled or has another password is one and the same answer, after the same time.
 */
#include "keystone/auth/authenticate.h"
#include "keystone/auth/attempt.h"
#include "keystone/auth/receipt.h"

#include <string.h>

bool unauthorized(struct ctx *c)
{
    if (c->fault.status >= 500)
        return false;
    fault_clear(c);
    return fail(c, UNAUTHORIZED);
}

/* -- what the body asks for ---------------------------------------------------------------------------------------- */

/* {"id"} or {"name"}; path names it in the fault. NULL is fine. */
static bool has_id_or_name(struct ctx *c, const json_t *value, const char *path)
{
    return !value || json_object_get(value, "id") || json_object_get(value, "name") ||
        fail(c, SCHEMA, ctx_printf(c, "Invalid input for field %s: id or name must be present.", path));
}

static bool body_judge(struct ctx *c, const json_t *auth, struct attempt *a)
{
    const json_t *user, *project;

    if (!keystone_schema_judge(c, "token_issue", auth))
        return false;
    a->identity = json_object_get(auth, "identity");
    a->scope = json_object_get(auth, "scope");
    user = json_object_get(json_object_get(a->identity, "password"), "user");
    project = json_object_get(a->scope, "project");
    return has_id_or_name(c, user, "identity/password/user") &&
        has_id_or_name(c, json_object_get(user, "domain"), "identity/password/user/domain") && has_id_or_name(c, project, "scope/project") &&
        has_id_or_name(c, json_object_get(project, "domain"), "scope/project/domain") &&
        has_id_or_name(c, json_object_get(a->scope, "domain"), "scope/domain");
}

static const struct { const char *name; auth_method *run; } methods[] = {
    { "password", auth_by_password }, { "token", auth_by_token }, { "application_credential", auth_by_application_credential },
    { "oauth1", auth_by_oauth1 }, { "totp", auth_by_totp },
    { "mapped", auth_by_mapped }, { "saml2", auth_by_mapped }, { "openid", auth_by_mapped },
};

static auth_method *method_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
        if (!strcmp(methods[i].name, name))
            return auth_method_on(name) ? methods[i].run : NULL;
    return NULL;
}

static bool methods_judge(struct ctx *c, const struct attempt *a)
{
    const json_t *asked_for = json_object_get(a->identity, "methods"), *method;
    size_t i;

    json_array_foreach(asked_for, i, method)
        if (!json_object_get(a->identity, json_string_value(method)))
            return fail(c, EXPECTING, json_string_value(method), "identity");
    json_array_foreach(asked_for, i, method)
        if (!method_find(json_string_value(method)))
            return fail(c, AUTH_METHOD);
    return true;
}

/* -- looking things up --------------------------------------------------------------------------------------------- */

/* The id of an enabled domain named by id or name; NULL with a fault 401. */
static const char *domain_lookup(struct ctx *c, const json_t *domain)
{
    const char *name = json_get_string(domain, "name"), *id = json_get_string(domain, "id");
    const char *found = name
        ? db_get_text(c, "SELECT id FROM projects WHERE is_domain = $1 AND enabled = $1 AND domain_id IS NULL AND name = $2", B(true), T(name))
        : db_get_text(c, "SELECT id FROM projects WHERE is_domain = $1 AND enabled = $1 AND id = $2", B(true), T(id));

    if (!found)
        unauthorized(c);
    return found;
}

static bool project_lookup(struct ctx *c, const json_t *project, const char **ret_id)
{
    const char *name = json_get_string(project, "name"), *id = json_get_string(project, "id"), *domain_id;

    if (name) {
        if (!json_object_get(project, "domain"))
            return fail(c, EXPECTING, "domain", "project");
        domain_id = domain_lookup(c, json_object_get(project, "domain"));
        if (!domain_id)
            return false;
        *ret_id = db_get_text(c, "SELECT id FROM projects WHERE domain_id = $1 AND name = $2 AND enabled = $3", T(domain_id), T(name), B(true));
    } else {
        *ret_id = db_get_text(c, "SELECT id FROM projects WHERE id = $1 AND enabled = $2 AND domain_id IS NOT NULL", T(id), B(true));
    }
    return *ret_id || unauthorized(c);
}

static bool trust_lookup(struct ctx *c, const json_t *trust, struct attempt *a)
{
    const char *id = json_get_string(trust, "id");
    struct rows *rows;

    if (!id)
        return fail(c, EXPECTING, "trust_id", "trust");
    rows = db_query(c, "SELECT trustee_user_id, project_id, expires_at, remaining_uses FROM trusts WHERE id = $1 AND deleted_at IS NULL"
                    " AND (expires_at IS NULL OR expires_at > $2)", T(id), I(clock_us()));
    if (!db_next(rows))
        return unauthorized(c);
    a->trust_user_id = db_text(rows, 0);
    a->payload.version = PAYLOAD_TRUST;
    a->payload.trust_id = ctx_strdup(c, id);
    a->payload.project_id = db_text(rows, 1);
    if (!db_is_null(rows, 2))
        a->payload.expires_s = MIN(a->payload.expires_s, db_int(rows, 2) / SECOND_US);
    bool used_up = !db_is_null(rows, 3) && db_int(rows, 3) <= 0;
    db_rows_end(rows);
    return !used_up || unauthorized(c);
}

static bool scope_read(struct ctx *c, struct attempt *a)
{
    static const char *const kinds[] = { "project", "domain", "OS-TRUST:trust", "unscoped", "system" };
    size_t given = 0;

    a->unscoped = text_equal(json_string_value(a->scope), "unscoped");
    if (!a->scope || a->unscoped)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        given += json_object_get(a->scope, kinds[i]) != NULL;
    if (given != 1)
        return fail(c, EXPECTING, "system, project, domain, OS-TRUST:trust or unscoped", "scope");
    const json_t *domain = json_object_get(a->scope, "domain"), *project = json_object_get(a->scope, "project");
    const json_t *trust = json_object_get(a->scope, "OS-TRUST:trust"), *system = json_object_get(a->scope, "system");
    if (json_object_get(a->scope, "unscoped")) {
        a->unscoped = true;
    } else if (domain) {
        a->payload.version = PAYLOAD_DOMAIN;
        return (a->payload.domain_id = domain_lookup(c, domain)) != NULL;
    } else if (project) {
        a->payload.version = PAYLOAD_PROJECT;
        return project_lookup(c, project, &a->payload.project_id);
    } else if (trust) {
        return trust_lookup(c, trust, a);
    } else if (system) {
        a->payload.version = PAYLOAD_SYSTEM;
        a->payload.system = "all";
    }
    return true;
}

/* -- methods ------------------------------------------------------------------------------------------------------- */

bool attempt_user(struct ctx *c, struct attempt *a, const char *user_id)
{
    if (a->payload.user_id && strcmp(a->payload.user_id, user_id))
        return fail(c, UNAUTHORIZED);
    a->payload.user_id = user_id;
    return true;
}

/* In the order of the body, each once. */
static bool methods_run(struct ctx *c, struct attempt *a)
{
    const json_t *asked_for = json_object_get(a->identity, "methods"), *method;
    unsigned done = 0;
    size_t i;

    json_array_foreach(asked_for, i, method) {
        const char *name = json_string_value(method);

        if (done & auth_method_of(name))
            continue;
        done |= auth_method_of(name);
        if (!method_find(name)(c, a, json_object_get(a->identity, name)))
            return false;
        a->payload.methods |= auth_method_of(name);
    }
    return a->payload.user_id || unauthorized(c);
}

/* -- what it comes to ---------------------------------------------------------------------------------------------- */

/* A user who asks for no scope gets the default project, if it is there and has a role for the user. */
static bool default_scope(struct ctx *c, struct attempt *a)
{
    const char *project_id;
    const struct role_ref *roles;

    if (a->unscoped || a->payload.version != PAYLOAD_UNSCOPED || a->payload.idp_id)
        return true;
    project_id = db_get_text(c, "SELECT p.id FROM users u JOIN projects p ON p.id = u.default_project_id"
                             " JOIN projects d ON d.id = p.domain_id WHERE u.id = $1 AND p.enabled = $2 AND d.enabled = $2",
                             T(a->payload.user_id), B(true));
    if (!project_id)
        return !failed(c);
    roles = roles_of_user(c, a->payload.user_id, ON_PROJECT, project_id);
    if (roles && roles->id) {
        a->payload.version = PAYLOAD_PROJECT;
        a->payload.project_id = project_id;
    }
    return roles != NULL;
}

/* The same scope, in a token that says where its user came from. */
static void federate(struct payload *p)
{
    if (!p->idp_id)
        return;
    if (p->version == PAYLOAD_UNSCOPED)
        p->version = PAYLOAD_FEDERATED_UNSCOPED;
    else if (p->version == PAYLOAD_PROJECT)
        p->version = PAYLOAD_FEDERATED_PROJECT;
    else if (p->version == PAYLOAD_DOMAIN)
        p->version = PAYLOAD_FEDERATED_DOMAIN;
}

static bool trust_use(struct ctx *c, const struct attempt *a)
{
    int64_t used;

    if (a->payload.version != PAYLOAD_TRUST)
        return true;
    if (strcmp(a->trust_user_id, a->payload.user_id))
        return fail(c, NOT_AUTHORIZED_PLAIN);
    if (!db_begin(c))
        return false;
    if (!db_changed(c, &used, "UPDATE trusts SET remaining_uses = remaining_uses - 1 WHERE id = $1 AND"
                    " (remaining_uses IS NULL OR remaining_uses > 0)", T(a->payload.trust_id)) ||
        (!used && !unauthorized(c))) {
        db_rollback(c);
        return false;
    }
    return db_commit(c);
}

/* Reads the scope before the methods run, as bodies are judged; that one may not go there is said to who has proved to be somebody. */
static bool scope_and_methods(struct ctx *c, struct attempt *a)
{
    bool there = scope_read(c, a);

    if (!there && c->fault.status != 401)
        return false;
    fault_clear(c);
    return methods_run(c, a) && (there || unauthorized(c));
}

const struct token *authenticate(struct ctx *c, struct request *request, json_t *body, struct reply *reply)
{
    const json_t *auth = json_object_get(body, "auth");
    struct attempt a = { .request = request, .payload.expires_s = clock_us() / SECOND_US + keystone_options()->token_expiration };
    struct payload *p = &a.payload;

    if (!auth || json_is_null(auth))
        return fail_null(c, EXPECTING, "auth", "request body");
    if (!body_judge(c, auth, &a) || !methods_judge(c, &a) || !scope_and_methods(c, &a) || !default_scope(c, &a) ||
        !receipt_take(c, request, p->user_id, &p->methods) || !methods_suffice(c, p->user_id, p->methods, reply) || !trust_use(c, &a))
        return NULL;
    federate(p);
    p->audit_ids[0] = audit_id_new(c);
    p->audit_ids[1] = a.chain_id;
    return token_issue(c, p);
}
