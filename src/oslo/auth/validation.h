/* What Keystone said about a token: an identity, or that the token is no good; kept in a token_cache. */
#ifndef OSLO_AUTH_VALIDATION_H
#define OSLO_AUTH_VALIDATION_H

#include "oslo/auth/cache.h"

struct validation;
/* Keeps copies of who's strings. who NULL: the token is no good. Times as in struct cached. */
struct validation *validation_new(const struct identity *who, int64_t expires_us, int64_t stale_us);
const struct identity *validation_who(const struct validation *);    /* NULL: the token is no good */

#endif
