#ifndef NOVA_COMPUTE_SYNC_H
#define NOVA_COMPUTE_SYNC_H

#include "oslo/base/ctx.h"

/* Compares the guests of these hosts (NULL-terminated) with their instances. first: the agent has just started. */
bool guests_sync(struct ctx *, const char *const *hosts, bool first);

#endif
