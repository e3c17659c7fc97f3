/* What a password must be, when it may be changed, and how long it lasts: the rules of accounts. */
#include "keystone/auth/account.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

#define UNLIKE_THE_RULES 400, "PasswordRequirementsValidationError", "The password does not match the requirements: %s."
#define RULES_BROKEN 400, "PasswordValidationError", "Password validation error: %s."
#define USED_BEFORE 400, "PasswordHistoryValidationError", "The new password cannot be identical to a previous password." \
    " The total number which includes the new password must be unique is %" G_GINT64_FORMAT "."
#define TOO_YOUNG 400, "PasswordAgeValidationError", "You cannot change your password at this time due to the minimum password age." \
    " Once you change your password, it must be used for %" G_GINT64_FORMAT " day(s) before it can be changed. Please try again in" \
    " %" G_GINT64_FORMAT " day(s) or contact your administrator to reset your password."
#define CHANGES_OFF 400, "PasswordSelfServiceDisabled", "You cannot change your password at this time due to password policy disallowing" \
    " password changes. Please contact your administrator to reset your password."

bool password_judge(struct ctx *c, const char *password)
{
    const struct keystone_options *o = keystone_options();
    g_autoptr(GRegex) regex = NULL;

    if (!o->password_regex || !*o->password_regex)
        return true;
    regex = g_regex_new(o->password_regex, 0, G_REGEX_MATCH_ANCHORED, NULL);
    if (!regex)
        return fail(c, RULES_BROKEN, "Unable to validate password due to invalid configuration");
    return g_regex_match(regex, password, G_REGEX_MATCH_ANCHORED, NULL) ||
        fail(c, UNLIKE_THE_RULES, o->password_regex_description ? o->password_regex_description : "");
}

/* None of the last ones, the one of now among them. */
static bool history_judge(struct ctx *c, const struct user *u, const char *password)
{
    int64_t most = keystone_options()->unique_last_password_count;
    struct rows *rows;
    bool used = most > 0 && u->password_hash && password_verify(c, password, u->password_hash);

    if (most <= 0 || used || failed(c))
        return !failed(c) && (!used || fail(c, USED_BEFORE, most));
    rows = db_query(c, "SELECT hash FROM old_passwords WHERE user_id = $1 ORDER BY created_at DESC LIMIT $2", T(u->id), I(most - 1));
    g_autoptr(GPtrArray) hashes = g_ptr_array_new();
    while (db_next(rows))
        g_ptr_array_add(hashes, db_text(rows, 0));
    for (guint i = 0; i < hashes->len && !used && !failed(c); i++)
        used = password_verify(c, password, hashes->pdata[i]);
    return !failed(c) && (!used || fail(c, USED_BEFORE, most));
}

bool password_change_judge(struct ctx *c, const struct user *u, const char *password)
{
    int64_t days = keystone_options()->minimum_password_age, until = u->password_created_at.us + days * DAY_US, now = clock_us();

    if (option_is(c, u->options, "lock_password"))
        return password_judge(c, password) && fail(c, CHANGES_OFF);
    if (!password_judge(c, password))
        return false;
    if (u->password_self_service && now < until)
        return fail(c, TOO_YOUNG, days, (until - now) / DAY_US);
    return history_judge(c, u, password);
}

utc_time password_end(struct ctx *c, raw_json options, bool by_admin)
{
    const struct keystone_options *o = keystone_options();
    int64_t now = clock_us() / 1000000 * 1000000;

    if (by_admin && o->change_password_upon_first_use && !option_is(c, options, "ignore_change_password_upon_first_use"))
        return (utc_time){ now };
    if (!o->password_expires_days || option_is(c, options, "ignore_password_expiry"))
        return (utc_time){ 0 };
    return (utc_time){ now + o->password_expires_days * DAY_US };
}

bool password_remember(struct ctx *c, const char *user_id, const char *hash)
{
    int64_t most = MAX(keystone_options()->unique_last_password_count, 1) - 1;

    if (hash && most && !db_exec(c, "INSERT INTO old_passwords (user_id, created_at, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", T(user_id),
                                 I(clock_us()), T(hash)))
        return false;
    return db_exec(c, "DELETE FROM old_passwords WHERE user_id = $1 AND created_at NOT IN (SELECT created_at FROM old_passwords WHERE user_id = $1"
                   " ORDER BY created_at DESC LIMIT $2)", T(user_id), I(most));
}
