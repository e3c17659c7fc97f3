/* nacre ring FILE compose|show|rebalance of a composite ring. */
#ifndef SWIFT_RING_COMPOSITE_COMMAND_H
#define SWIFT_RING_COMPOSITE_COMMAND_H

#include "oslo/base/ctx.h"

/* Whether FILE is, or is to be, a composite's and not a builder's. */
bool is_composite(const char *path, const char *command);
int command_composite(struct ctx *, const char *path, const char *command, char **words);    /* the exit status; 2: it failed */

#endif
