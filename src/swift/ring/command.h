/* nacre ring FILE COMMAND ...: a ring's builder from the command line, as swift-ring-builder. */
#ifndef SWIFT_RING_COMMAND_H
#define SWIFT_RING_COMMAND_H

#include "oslo/service/commands.h"

/* The exit status: 0; 1 when there was nothing to do; 2 when it failed. */
int command_ring(struct ctx *, const struct arguments *);

#endif
