/* What tempurl and formpost share: the keys of accounts and containers, and signatures by them. */
#ifndef SWIFT_MIDDLEWARE_TEMPORARY_H
#define SWIFT_MIDDLEWARE_TEMPORARY_H

#include "swift/proxy/pipeline.h"

struct temporary_key { const char *key; bool of_container; };        /* an array ends with {} */
/* X-[Account|Container]-Meta-Temp-URL-Key[-2]; for_container NULL: the account's alone. */
const struct temporary_key *temporary_keys(struct ctx *, const struct swift_request *);
/* "<hex>" or "<algorithm>:<base64>", of one of the allowed algorithms (a list with blanks). *ret_digest: hex. */
bool temporary_signature(struct ctx *, const char *text, const char *allowed, const char **ret_algorithm, const char **ret_digest);
/* Is it the HMAC of the message by that key? In constant time. */
bool temporary_matches(struct ctx *, const char *algorithm, const char *digest, const char *key, const char *message);
/* What /info says of the algorithms; adds to members. */
void temporary_info(json_t *members, const char *allowed);

#endif
