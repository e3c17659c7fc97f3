/* What rsync is told of another node. */
#ifndef SWIFT_DAEMON_RSYNC_H
#define SWIFT_DAEMON_RSYNC_H

#include "swift/ring/ring.h"

/* rsync_module's {ip}, {port}, {replication_ip}, {replication_port}, {region}, {zone}, {device}, {meta} of that device; addresses of IPv6 in
 * brackets. NULL with a fault: it names something else. */
const char *rsync_module(struct ctx *, const char *pattern, const struct ring_device *);

#endif
