/* OpenID Connect without a web server in front: bearer tokens judged by what their provider publishes. */
#ifndef KEYSTONE_FEDERATION_OIDC_H
#define KEYSTONE_FEDERATION_OIDC_H

#include "keystone/federation/provider.h"

/* The claims of a token that the provider made for us: a signed one by its keys, any other by asking the provider (RFC 7662). Its
 * issuer is one of the provider's remote ids, its audience ours, its time now. NULL with fault 401, or 503 where the provider does not
 * answer. */
const json_t *oidc_claims(struct ctx *, const struct idp *, const char *token);

#endif
