/* What storage nodes do beside answering: rounds over their drives. */
#ifndef SWIFT_DAEMON_DAEMON_H
#define SWIFT_DAEMON_DAEMON_H

#include "swift/swift.h"

bool updater_run(struct ctx *);      /* the original's container-updater and object-updater */

#endif
