/* Ports that several processes of one cloud listen on, and no other cloud. */
#ifndef OSLO_HTTP_SHARERS_H
#define OSLO_HTTP_SHARERS_H

#include "oslo/base/ctx.h"

/* A descriptor to be kept as long as the port is listened on; -1 with a fault where another group's are there. group: short, no slash. */
int sharers_join(struct ctx *, const char *address, int port, const char *group);

#endif
