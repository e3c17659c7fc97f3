/* By password. */
#include "keystone/auth/account.h"
#include "keystone/auth/attempt.h"

/* Names the user as the schema cannot ask for; the fault where it does not. */
bool attempt_user_named(struct ctx *c, const json_t *method)
{
    const json_t *user = json_object_get(method, "user");

    if (!user)
        return fail(c, EXPECTING, "user", "None");
    if (!json_get_string(user, "id") && !json_get_string(user, "name"))
        return fail(c, EXPECTING, "id or name", "user");
    return !json_get_string(user, "name") || json_object_get(user, "domain") || fail(c, EXPECTING, "domain", "user");
}

bool auth_by_password(struct ctx *c, struct attempt *a, const json_t *method)
{
    const json_t *user = json_object_get(method, "user");
    struct account account = {};

    if (!attempt_user_named(c, method))
        return false;
    const struct directory *directory = directory_of_user(c, user);
    if (directory || failed(c))
        return directory && auth_by_directory(c, a, directory, user);
    bool found = account_find(c, user, &account);
    if (found && !account.password_hash) {
        keystone_bootstrap_wait();
        found = account_find(c, user, &account);
    }
    return !failed(c) && account_prove(c, found ? &account : NULL, json_get_string(user, "password")) && account_seen(c, account.id) &&
        attempt_user(c, a, account.id);
}
