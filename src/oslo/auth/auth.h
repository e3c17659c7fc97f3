/* Who asks: a token becomes an identity. The middleware of every service but Keystone's own open routes.
 *
 * The token is validated by Keystone's public API through client/ (GET /v3/auth/tokens); answers are cached by a hash of
 * the token for a bounded time. Keystone flushes the cache of its process when anything revokes.
 */
#ifndef OSLO_AUTH_AUTH_H
#define OSLO_AUTH_AUTH_H

#include "oslo/http/http.h"

/* Fills c->who from X-Auth-Token and X-Service-Token. False: 401, and auth_challenge() is the header to send with it. */
bool auth_request(struct ctx *, const struct request *);
/* The same from a token at hand. */
bool auth_token(struct ctx *, const char *token, struct identity *ret_who);
/* Fills an identity from a token as GET /v3/auth/tokens shows it; strings stay the tree's. */
void auth_identity_read(struct ctx *, const json_t *token, struct identity *ret_who);
/* Answers a request whose auth_request() failed as keystonemiddleware does: 401 with its body and challenge, or 503. */
void auth_refuse(struct ctx *, struct reply *);
/* "Keystone uri=\"http://...\"" */
const char *auth_challenge(struct ctx *);

/* Forgets cached validations: of one token, or of all (NULL). Cheap; called on every revocation, disable, role change. */
void auth_forget(const char *token);

/* A token of the service's own user (project "service"), kept and renewed before it ends; for work that no user waits for.
 * NULL with a fault. */
const char *auth_service_token(struct ctx *);
/* Acts as the service from here on: c->who becomes the service user's identity, is_admin. */
bool auth_as_service(struct ctx *);

/* Says how one service judges tokens itself, beside the cache: Keystone, which has nobody to ask. Before requests come. */
void auth_judge(const struct service *, bool (*validate)(struct ctx *, const char *token, struct identity *ret_who));

#endif
