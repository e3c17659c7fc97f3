/* POST /v3/auth/tokens: from the body's "auth" to a new token. */
#ifndef KEYSTONE_AUTH_AUTHENTICATE_H
#define KEYSTONE_AUTH_AUTHENTICATE_H

#include "keystone/token/token.h"

/* NULL with the fault the original answers; who fails to authenticate learns nothing of why. NULL without a fault when more methods
 * are asked of the user: then the reply is a receipt for those that were good. */
const struct token *authenticate(struct ctx *, struct request *, json_t *body, struct reply *);

#endif
