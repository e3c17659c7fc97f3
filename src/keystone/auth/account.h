/* Accounts: who is meant, whether the password is theirs, and the rules of passwords ([keystone] lockout_*, password_*, ...). */
#ifndef KEYSTONE_AUTH_ACCOUNT_H
#define KEYSTONE_AUTH_ACCOUNT_H

#include "keystone/model/model.h"

struct account {
    const char *id, *password_hash;
    int64_t password_expires_us;
    raw_json options;
    int64_t failures, failed_us;     /* wrong passwords in a row, and when the last was */
    bool enabled;                    /* and its domain, and not for too long unused */
};
/* Who is meant by {"id"} or {"name", "domain"}; false without a fault where there is none. */
bool account_find(struct ctx *, const json_t *user, struct account *ret_account);

/* Is that the account's password? Account NULL: of nobody, after the same time. 401 where it is not, or is not taken: too many
 * were wrong, the account is off; 401 PasswordExpired where it is, but has ended. */
bool account_prove(struct ctx *, const struct account *, const char *password);

/* Remembers that the user was here, where that counts. */
bool account_seen(struct ctx *, const char *user_id);
/* Has the user not been here for so long that the account is off? */
bool account_inactive(struct ctx *, raw_json options, utc_time created_at, utc_time last_active_at);

/* Is the password what the rules ask for? */
bool password_judge(struct ctx *, const char *password);
/* May the user change the own password to that one today? */
bool password_change_judge(struct ctx *, const struct user *, const char *password);
/* When a password set now ends; none: never. */
utc_time password_end(struct ctx *, raw_json options, bool by_admin);
/* Keeps a password's hash that is replaced, as far back as the rules look. Transaction open. */
bool password_remember(struct ctx *, const char *user_id, const char *hash);

#endif
