/* nacre swift WHAT ...: what is done to a storage node by hand, as the original's swift-* programs. */
#ifndef SWIFT_DAEMON_COMMAND_H
#define SWIFT_DAEMON_COMMAND_H

#include "oslo/service/commands.h"

/* WHAT is a daemon (one round over this node's drives). The exit status: 0; 1 when it failed. */
int command_swift(struct ctx *, const struct arguments *);

#endif
