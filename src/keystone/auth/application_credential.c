/* By an application credential: its secret, its project, some of its user's roles. */
#include "keystone/auth/attempt.h"

/* The credential's facts by id, or by name and user. */
static struct rows *app_cred_query(struct ctx *c, const json_t *method)
{
    struct account owner;

#define APP_CRED "SELECT a.id, a.user_id, a.project_id, a.secret_hash, a.expires_at FROM application_credentials a" \
    " JOIN users u ON u.id = a.user_id JOIN projects d ON d.id = u.domain_id" \
    " WHERE u.enabled = $1 AND d.enabled = $1 AND (a.expires_at IS NULL OR a.expires_at > $2)"
    if (json_get_string(method, "id"))
        return db_query(c, APP_CRED " AND a.id = $3", B(true), I(clock_us()), T(json_get_string(method, "id")));
    if (!account_find(c, json_object_get(method, "user"), &owner))
        return NULL;
    return db_query(c, APP_CRED " AND a.name = $3 AND a.user_id = $4", B(true), I(clock_us()), T(json_get_string(method, "name")), T(owner.id));
}

bool auth_by_application_credential(struct ctx *c, struct attempt *a, const json_t *method)
{
    const char *secret = json_get_string(method, "secret"), *hash = NULL;

    if (!json_get_string(method, "id") && !json_get_string(method, "name"))
        return fail(c, EXPECTING, "id or name", "application credential");
    if (!json_get_string(method, "id") && !has_id_or_name(c, json_object_get(method, "user"), "identity/application_credential/user"))
        return false;
    if (a->scope)
        return fail(c, VALIDATION, "Application credentials cannot request a scope.");
    struct rows *rows = app_cred_query(c, method);
    if (rows && db_next(rows)) {
        a->payload.app_cred_id = db_text(rows, 0);
        a->payload.project_id = db_text(rows, 2);
        hash = db_text(rows, 3);
        if (!db_is_null(rows, 4))
            a->payload.expires_s = MIN(a->payload.expires_s, db_int(rows, 4) / SECOND_US);
        if (!attempt_user(c, a, db_text(rows, 1)))
            return false;
        db_rows_end(rows);
    }
    if (failed(c) || !password_verify(c, secret ? secret : "", hash))
        return failed(c) ? false : unauthorized(c);
    a->payload.version = PAYLOAD_APPLICATION_CREDENTIAL;
    return true;
}
