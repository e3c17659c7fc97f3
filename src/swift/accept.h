/* Which of several media types a client wants most. */
#ifndef SWIFT_ACCEPT_H
#define SWIFT_ACCEPT_H

#include "swift/message.h"

/* The best of types (ends with NULL) for an Accept header, the first of equals; NULL: none is wanted. accept NULL or "": the first.
 * *ret_malformed: the header is none. */
const char *accept_best(struct ctx *, const char *accept, const char *const *types, bool *ret_malformed);
/* What a listing is to be in, by ?format= or Accept: one of those below. NULL: 400 or 406 in the response. */
const char *accept_listing_type(struct ctx *, const struct swift_request *, struct swift_response *);
/* text/plain, application/json, application/xml, text/xml: what Swift's own answers may be in. */
extern const char *const accept_listing_types[];

#endif
