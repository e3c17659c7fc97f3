/* What is known of accounts and containers as the original's proxies keep it in memcached: an object of what a node's headers said. */
#ifndef SWIFT_PROXY_INFO_SHARED_H
#define SWIFT_PROXY_INFO_SHARED_H

#include "swift/message.h"

/* container NULL: of the account. */
void info_share(struct ctx *, const char *account, const char *container, const struct swift_response *, int64_t seconds);
/* Status and headers as the node said them. False: nothing is known. */
bool info_recall(struct ctx *, const char *account, const char *container, struct swift_response *ret);
void info_unshare(const char *account, const char *container);

#endif
