/* See account.h. A user who is not there, is disabled, is locked out or has another password is one and the same answer, after the
 * same time. */
#include "keystone/auth/account.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

bool account_inactive(struct ctx *c, raw_json options, utc_time created_at, utc_time last_active_at)
{
    int64_t days = keystone_options()->disable_user_account_days_inactive, last = last_active_at.us ? last_active_at.us : created_at.us;

    return days && last && clock_us() / DAY_US - last / DAY_US >= days && !option_is(c, options, "ignore_user_inactivity");
}

bool account_find(struct ctx *c, const json_t *user, struct account *ret_account)
{
    const char *name = json_get_string(user, "name"), *id = json_get_string(user, "id");
    const json_t *domain = json_object_get(user, "domain");
    struct rows *rows;

#define ACCOUNT "SELECT u.id, u.password_hash, u.password_expires_at, u.options, u.failed_auth_count, u.failed_auth_at, u.created_at," \
    " u.last_active_at, u.enabled, d.enabled FROM users u JOIN projects d ON d.id = u.domain_id"
    if (!name)
        rows = db_query(c, ACCOUNT " WHERE u.id = $1", T(id));
    else if (json_get_string(domain, "name"))
        rows = db_query(c, ACCOUNT " WHERE u.name = $1 AND d.name = $2 AND d.domain_id IS NULL", T(name), T(json_get_string(domain, "name")));
    else
        rows = db_query(c, ACCOUNT " WHERE u.name = $1 AND u.domain_id = $2", T(name), T(json_get_string(domain, "id")));
    if (!db_next(rows))
        return false;
    struct account account = {
        .id = db_text(rows, 0), .password_hash = db_text(rows, 1), .password_expires_us = db_int(rows, 2), .options = { db_text(rows, 3) },
        .failures = db_int(rows, 4), .failed_us = db_int(rows, 5), .enabled = db_bool(rows, 8) && db_bool(rows, 9),
    };
    account.enabled = account.enabled &&
        !account_inactive(c, account.options, (utc_time){ db_int(rows, 6) }, (utc_time){ db_int(rows, 7) });
    db_rows_end(rows);
    *ret_account = account;
    return true;
}

/* Were so many passwords wrong in a row that none is taken for a while (or until an administrator says so)? */
static bool locked_out(struct ctx *c, const struct account *a)
{
    const struct keystone_options *o = keystone_options();

    if (!o->lockout_failure_attempts || a->failures < o->lockout_failure_attempts || option_is(c, a->options, "ignore_lockout_failure_attempts"))
        return false;
    return !o->lockout_duration || clock_us() < a->failed_us + o->lockout_duration * SECOND_US;
}

/* One more; after a lock-out that is over, the first again. */
static bool failure_count(struct ctx *c, const struct account *a)
{
    const struct keystone_options *o = keystone_options();
    int64_t now = clock_us(), over = o->lockout_duration ? now - o->lockout_duration * SECOND_US : INT64_MIN;

    return keystone_exec(c, "UPDATE users SET failed_auth_count = CASE WHEN failed_auth_count >= $1 AND failed_auth_at <= $2 THEN 1"
                         " ELSE failed_auth_count + 1 END, failed_auth_at = $3 WHERE id = $4", I(o->lockout_failure_attempts), I(over), I(now),
                         T(a->id));
}

bool account_prove(struct ctx *c, const struct account *a, const char *password)
{
    bool counts = keystone_options()->lockout_failure_attempts > 0, locked = a && locked_out(c, a);
    bool right = password_verify(c, password ? password : "", a ? a->password_hash : NULL);

    if (failed(c))
        return false;
    if (!right && a && counts && !locked && !failure_count(c, a))
        return false;
    if (!right || !password || locked || !a->enabled)
        return fail(c, UNAUTHORIZED);
    if (a->password_expires_us && clock_us() >= a->password_expires_us && !option_is(c, a->options, "ignore_password_expiry"))
        return fail(c, PASSWORD_EXPIRED, a->id);
    return !a->failures || keystone_exec(c, "UPDATE users SET failed_auth_count = 0, failed_auth_at = NULL WHERE id = $1", T(a->id));
}

bool account_seen(struct ctx *c, const char *user_id)
{
    int64_t today = clock_us() / DAY_US * DAY_US;

    if (!keystone_options()->disable_user_account_days_inactive ||
        db_count(c, "SELECT count(*) FROM users WHERE id = $1 AND last_active_at = $2", T(user_id), I(today)) || failed(c))
        return !failed(c);
    return keystone_exec(c, "UPDATE users SET last_active_at = $1 WHERE id = $2", I(today), T(user_id));
}
