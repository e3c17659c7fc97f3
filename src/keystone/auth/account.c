/* Accounts as those who authenticate name them. */
#include "keystone/auth/attempt.h"

bool account_find(struct ctx *c, const json_t *user, struct account *ret_account)
{
    const char *name = json_get_string(user, "name"), *id = json_get_string(user, "id");
    const json_t *domain = json_object_get(user, "domain");
    struct rows *rows;

#define ACCOUNT "SELECT u.id, u.password_hash, u.default_project_id, u.password_expires_at, u.enabled, d.enabled" \
    " FROM users u JOIN projects d ON d.id = u.domain_id"
    if (!name)
        rows = db_query(c, ACCOUNT " WHERE u.id = $1", T(id));
    else if (json_get_string(domain, "name"))
        rows = db_query(c, ACCOUNT " WHERE u.name = $1 AND d.name = $2 AND d.domain_id IS NULL", T(name), T(json_get_string(domain, "name")));
    else
        rows = db_query(c, ACCOUNT " WHERE u.name = $1 AND u.domain_id = $2", T(name), T(json_get_string(domain, "id")));
    if (!db_next(rows))
        return false;
    *ret_account = (struct account){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_int(rows, 3), db_bool(rows, 4) && db_bool(rows, 5) };
    db_rows_end(rows);
    return true;
}
