/* POST /v3/auth/tokens: from the body's "auth" to a new token. */
#ifndef KEYSTONE_TOKEN_AUTHENTICATE_H
#define KEYSTONE_TOKEN_AUTHENTICATE_H

#include "keystone/token/token.h"

/* NULL with the fault the original answers; who fails to authenticate learns nothing of why. */
const struct token *authenticate(struct ctx *, json_t *body);

#endif
