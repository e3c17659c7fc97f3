/* A request of the backend protocol to one node, as the original's direct_client makes it. */
#ifndef SWIFT_TOOLS_DIRECT_H
#define SWIFT_TOOLS_DIRECT_H

#include "swift/ring/ring.h"
#include "swift/wire.h"

/* "/device/partition/path", quoted. path begins with '/'. */
const char *direct_target(struct ctx *, const struct ring_device *, uint32_t partition, const char *path);
/* Asks over that connection, without a body, and reads the answer's head; its body may be read then. h: what is sent beside Host and Connection,
 * and then the answer's. False: errno (ETIMEDOUT: it did not answer in time; 0: it closed the connection). */
bool direct_ask(struct ctx *, struct wire *, const struct ring_device *, const char *method, const char *target, struct headers *h,
                const char **ret_line, int *ret_status);

#endif
