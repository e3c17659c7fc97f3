/* What is said of who signs in, and by whom: a front web server that did the SAML or OpenID Connect, or a bearer token. */
#ifndef KEYSTONE_FEDERATION_ASSERTION_H
#define KEYSTONE_FEDERATION_ASSERTION_H

#include "keystone/federation/provider.h"

/* Attributes by their names in the environment of a WSGI application behind Apache, so that mappings need not change:
 *   of a trusted proxy, every header as HTTP_<NAME>, and those with the configured prefix also by the name after it,
 *     as it came and in capitals;
 *   of a verified bearer token, each claim as OIDC-<claim> and HTTP_OIDC_<CLAIM>.
 * Of two that go by one name the first holds: a claim before a header.
 * Empty where nobody who is trusted said anything. NULL with a fault: 401 for a bearer token that is no good. */
const struct pair *assertion_read(struct ctx *, const struct request *, const struct idp *);
/* The same without a provider at hand: what the proxy alone says. */
const struct pair *assertion_of_proxy(struct ctx *, const struct request *);
const char *assertion_get(const struct pair *assertion, const char *name);       /* NULL: not there */

#endif
