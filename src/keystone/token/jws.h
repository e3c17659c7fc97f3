/* Tokens as signed JSON (ES256), the original's other provider: readable by all, made by who has the private key. */
#ifndef KEYSTONE_TOKEN_JWS_H
#define KEYSTONE_TOKEN_JWS_H

#include "keystone/token/payload.h"

/* The token of that payload, signed with <jws_private_keys>/private.pem; NULL with a fault. */
char *jws_seal(struct ctx *, const struct payload *, int64_t issued_s);
/* False with a fault where keys cannot be read; *ret_good: a token that one of <jws_public_keys> verifies. */
bool jws_open(struct ctx *, const char *text, struct payload *ret_payload, int64_t *ret_issued_s, bool *ret_good);

/* private.pem and public.pem, in those directories; files that are there stay. */
bool jws_keypair_create(struct ctx *, const char *private_directory, const char *public_directory);

#endif
