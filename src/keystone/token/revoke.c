/* Revocation events: rules about tokens issued before a time, kept as long as such a token could live.
 *
 * Tokens know the second they were issued in. One that is issued after an event of the same second gets the next (revoked_until()), so an
 * event reaches as far as any token before it may have got.
 */
#include "keystone/token/token.h"

#define SECOND_US INT64_C(1000000)

static int64_t this_second(void)
{
    return clock_us() / SECOND_US * SECOND_US;
}

static bool event_add(struct ctx *c, const char *column, const char *value, int64_t issued_before)
{
    int64_t now = this_second();

    return db_exec(c, ctx_printf(c, "INSERT INTO revocation_events (id, %s, issued_before, revoked_at) VALUES ($1, $2, $3, $4)", column),
                   T(uuid_new_hex(c)), T(value), I(MAX(issued_before, now)), I(now));
}

bool revoke_token(struct ctx *c, const struct token *token)
{
    return event_add(c, "audit_id", token->audit_id, token->issued_s * SECOND_US);
}

int64_t revoked_until(struct ctx *c, const char *user_id)
{
    return db_count(c, "SELECT COALESCE(max(issued_before), 0) FROM revocation_events WHERE user_id = $1", T(user_id)) / SECOND_US;
}

bool revoke_user(struct ctx *c, const char *user_id)
{
    int64_t until = revoked_until(c, user_id);

    return !failed(c) && event_add(c, "user_id", user_id, until >= this_second() / SECOND_US ? (until + 1) * SECOND_US : 0);
}

bool revoke_trust(struct ctx *c, const char *trust_id)
{
    return event_add(c, "trust_id", trust_id, 0);
}

/* Each event names a token, a user or a trust, which is how it is found; what else it names must agree. */
bool revocation_holds(struct ctx *c, const struct payload *p, int64_t issued_s, bool *ret_revoked)
{
    const char *chain = p->audit_ids[1] ? p->audit_ids[1] : p->audit_ids[0];

    *ret_revoked = db_count(c,
        "SELECT count(*) FROM revocation_events WHERE issued_before >= $1"
        " AND (audit_id = $2 OR audit_chain_id = $3 OR user_id = $4 OR trust_id = $7)"
        " AND (audit_id IS NULL OR audit_id = $2) AND (audit_chain_id IS NULL OR audit_chain_id = $3) AND (user_id IS NULL OR user_id = $4)"
        " AND (project_id IS NULL OR project_id = $5) AND (domain_id IS NULL OR domain_id = $6)"
        " AND (trust_id IS NULL OR trust_id = $7) AND (expires_at IS NULL OR expires_at = $8)",
        I(issued_s * SECOND_US), T(p->audit_ids[0]), T(chain), T(p->user_id), T(p->project_id), T(p->domain_id), T(p->trust_id),
        I(p->expires_s * SECOND_US)) > 0;
    return !failed(c);
}

bool revocations_prune(struct ctx *c)
{
    const struct keystone_options *o = keystone_options();
    int64_t oldest = clock_us() - (o->token_expiration + o->allow_expired_window + 60) * SECOND_US;

    if (!db_count(c, "SELECT count(*) FROM revocation_events WHERE revoked_at < $1", I(oldest)) || failed(c))
        return !failed(c);
    if (!db_begin(c))
        return false;
    if (!db_exec(c, "DELETE FROM revocation_events WHERE revoked_at < $1", I(oldest))) {
        db_rollback(c);
        return false;
    }
    return db_commit(c);
}
