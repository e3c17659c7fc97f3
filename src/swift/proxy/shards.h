/* Containers in parts, as the proxy sees them: their ranges are kept for a while, listings gathered from the shards, rows sent to them. */
#ifndef SWIFT_PROXY_SHARDS_H
#define SWIFT_PROXY_SHARDS_H

#include "swift/proxy/proxy.h"
#include "swift/shard/range.h"

/* GET and HEAD of a container from its nodes (or, ranges of a sharded container, from what is kept); without authorization. */
void container_fetch(struct ctx *, struct swift_request *, struct swift_response *);
/* Is it a list of ranges that its listing is to be gathered from? */
bool shards_answered(const struct swift_request *, const struct swift_response *);
/* Makes a listing of objects of that. 503 where a shard does not answer. */
void shards_gather(struct ctx *, struct swift_request *, struct swift_response *);
/* Which shard the row of that object is kept in ("account/container"); NULL: the container itself. */
const char *shards_of_update(struct ctx *, const struct swift_request *, const char *account, const char *container, const char *object);
void shards_forget(const char *account, const char *container);       /* those that listings are gathered from */
void shards_close(void);             /* at the end of the process */

#endif
