/* By password. Who is not there, is disabled or has another password is one and the same answer, after the same time. */
#include "keystone/auth/attempt.h"

bool auth_by_password(struct ctx *c, struct attempt *a, const json_t *method)
{
    const json_t *user = json_object_get(method, "user");
    const char *password = json_get_string(user, "password");
    struct account account = {};

    if (!user)
        return fail(c, EXPECTING, "user", "password");
    if (!json_get_string(user, "id") && !json_object_get(user, "domain"))
        return fail(c, EXPECTING, "domain", "user");
    bool found = account_find(c, user, &account);
    if (found && !account.password_hash) {
        keystone_bootstrap_wait();
        found = account_find(c, user, &account);
    }
    if (failed(c))
        return false;
    bool right = password_verify(c, password ? password : "", found ? account.password_hash : NULL);
    if (!right || !password || !account.enabled)
        return failed(c) ? false : unauthorized(c);
    if (account.password_expires_us && clock_us() >= account.password_expires_us)
        return fail(c, PASSWORD_EXPIRED, account.id);
    return attempt_user(c, a, account.id);
}
