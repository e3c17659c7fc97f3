/* In a container's listing, what middlewares add to an object's row stands in parameters of its hash: "<md5>; slo_etag=<md5>". */
#ifndef SWIFT_MIDDLEWARE_HASH_PARAMS_H
#define SWIFT_MIDDLEWARE_HASH_PARAMS_H

#include "swift/message.h"

/* What the row of an object is to say instead of the MD5 of its bytes. */
#define OVERRIDE_ETAG "X-Object-Sysmeta-Container-Update-Override-Etag"
#define EMPTY_MD5 "d41d8cd98f00b204e9800998ecf8427e"

/* Takes a parameter out of a row's hash; its value, of the ctx. NULL: it is not there. */
const char *hash_param_take(struct ctx *, json_t *row, const char *name);
/* Calls change for every row of a JSON listing (200) whose text holds `hint`; the response is written anew where any did. */
void listing_change(struct ctx *, struct swift_response *, const char *hint, void (*change)(struct ctx *, void *data, json_t *row), void *data);

#endif
