/* OAuth 1.0 as the identity service uses it: a consumer asks for a request token, a user authorizes it, and the consumer
 * changes it for an access token, with which it signs in as that user (api/oauth1.c, auth_by_oauth1). */
#ifndef KEYSTONE_AUTH_OAUTH1_H
#define KEYSTONE_AUTH_OAUTH1_H

#include "keystone/auth/oauth1_signature.h"

/* The request's Authorization header; a fault where there is none or it makes no sense. */
bool oauth1_of_request(struct ctx *, const struct request *, struct oauth1 *ret_oauth);
/* Fails with 400 in oauthlib's words if the request cannot be right. */
bool oauth1_judge(struct ctx *, const struct oauth1 *, unsigned needs);
/* Is it signed by the consumer, with the token's secret (NULL: none)? A consumer that is not there has signed nothing. */
bool oauth1_by_consumer(struct ctx *, const struct oauth1 *, const struct request *, const struct pair *query, const char *token_secret);

#endif
