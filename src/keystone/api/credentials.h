/* What signed requests (ec2tokens.c) need of the credentials that credentials.c keeps. */
#ifndef KEYSTONE_API_CREDENTIALS_H
#define KEYSTONE_API_CREDENTIALS_H

#include "oslo/base/ctx.h"

/* An EC2 key, opened. The last three say on whose behalf it was made; one at most is there. */
struct ec2_key { const char *user_id, *project_id, *secret, *trust_id, *app_cred_id, *access_token_id; };
/* By its access key; false with a fault if there is none. */
bool ec2_key_get(struct ctx *, const char *access, struct ec2_key *ret_key);

/* The seeds of the user's credentials of that type, opened; NULL-terminated. NULL with a fault. */
const char *const *credential_blobs(struct ctx *, const char *user_id, const char *type);

#endif
