/* By an application credential: its secret, its project, some of its user's roles. */
#include "keystone/auth/account.h"
#include "keystone/auth/attempt.h"

/* Is it named by id, or by name and user? */
static bool named(struct ctx *c, const json_t *method)
{
    const json_t *user = json_object_get(method, "user");

    if (json_get_string(method, "id"))
        return true;
    if (!json_get_string(method, "name"))
        return fail(c, EXPECTING, "name or ID", "application credential");
    if (!json_object_size(user))
        return fail(c, EXPECTING, "user", "application credential");
    return json_get_string(user, "id") || json_object_get(user, "domain") || fail(c, EXPECTING, "domain", "user");
}

/* The credential's facts. A user who is not there has none. */
static struct rows *app_cred_query(struct ctx *c, const json_t *method)
{
    struct account owner;

#define APP_CRED "SELECT a.id, a.user_id, a.project_id, a.secret_hash, a.expires_at, u.enabled, d.enabled FROM application_credentials a" \
    " JOIN users u ON u.id = a.user_id JOIN projects d ON d.id = u.domain_id"
    if (json_get_string(method, "id"))
        return db_query(c, APP_CRED " WHERE a.id = $1", T(json_get_string(method, "id")));
    if (!account_find(c, json_object_get(method, "user"), &owner))
        return NULL;
    return db_query(c, APP_CRED " WHERE a.name = $1 AND a.user_id = $2", T(json_get_string(method, "name")), T(owner.id));
}

bool auth_by_application_credential(struct ctx *c, struct attempt *a, const json_t *method)
{
    const char *secret = json_get_string(method, "secret"), *id = json_get_string(method, "id"), *hash = NULL;

    if (a->scope)
        return fail(c, APP_CRED_AUTH, "Application credentials cannot request a scope.");
    if (!named(c, method))
        return false;
    struct rows *rows = app_cred_query(c, method);
    if (id && !db_next(rows))
        return failed(c) ? false : fail(c, NO_SUCH, "Application Credential", id);
    if (id || (rows && db_next(rows))) {
        bool ended = !db_is_null(rows, 4) && db_int(rows, 4) <= clock_us();

        a->payload.app_cred_id = db_text(rows, 0);
        a->payload.project_id = db_text(rows, 2);
        hash = !ended && db_bool(rows, 5) && db_bool(rows, 6) ? db_text(rows, 3) : NULL;
        if (!db_is_null(rows, 4))
            a->payload.expires_s = MIN(a->payload.expires_s, db_int(rows, 4) / SECOND_US);
        if (!attempt_user(c, a, db_text(rows, 1)))
            return false;
        db_rows_end(rows);
    }
    if (failed(c) || !secret_verify(c, secret ? secret : "", hash))
        return failed(c) ? false : unauthorized(c);
    a->payload.version = PAYLOAD_APPLICATION_CREDENTIAL;
    return true;
}
