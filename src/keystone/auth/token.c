/* By a token one has: to another scope, never for longer, and never by a token that somebody else lent. */
#include "keystone/auth/attempt.h"

bool auth_by_token(struct ctx *c, struct attempt *a, const json_t *method)
{
    const char *text = json_get_string(method, "id");
    const struct token *token;

    if (!text)
        return fail(c, EXPECTING, "id", "token");
    token = token_get(c, text, 0);
    if (!token)
        return false;
    if (token->version == PAYLOAD_OAUTH)
        return fail(c, NOT_AUTHORIZED, "Using OAuth-scoped token to create another token. Create a new OAuth-scoped token instead");
    if (token->version == PAYLOAD_TRUST)
        return fail(c, NOT_AUTHORIZED, "Using trust-scoped token to create another token. Create a new trust-scoped token instead");
    if (token->version == PAYLOAD_SYSTEM && (a->payload.version == PAYLOAD_PROJECT || a->payload.version == PAYLOAD_DOMAIN))
        return fail(c, NOT_AUTHORIZED,
                    "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.");
    if (token_is_delegated(token))
        return fail(c, NOT_AUTHORIZED, "Using a delegated token to create another token is not allowed.");
    if (!keystone_options()->allow_rescope_scoped_token && (token->who.project_id || token->who.domain_id))
        return fail(c, NOT_AUTHORIZED, "rescope a scoped token");
    a->payload.methods |= token->methods;
    if (token->idp_id)
        return attempt_federated_token(c, a, token);
    a->payload.expires_s = MIN(a->payload.expires_s, token->expires_s);
    a->chain_id = token->audit_chain_id;
    return attempt_user(c, a, token->who.user_id);
}
