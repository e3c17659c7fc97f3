/* Which of several media types a client wants most. */
#ifndef SWIFT_ACCEPT_H
#define SWIFT_ACCEPT_H

#include "oslo/base/ctx.h"

/* The best of types (ends with NULL) for an Accept header, the first of equals; NULL: none is wanted. accept NULL or "": the first.
 * *ret_malformed: the header is none. */
const char *accept_best(struct ctx *, const char *accept, const char *const *types, bool *ret_malformed);
/* text/plain, application/json, application/xml, text/xml: what Swift's own answers may be in. */
extern const char *const accept_listing_types[];

#endif
