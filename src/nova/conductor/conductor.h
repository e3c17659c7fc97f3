/* The conductor: what compute agents, which open no database, ask of Nova's; and its own sign of life. */
#ifndef NOVA_CONDUCTOR_CONDUCTOR_H
#define NOVA_CONDUCTOR_CONDUCTOR_H

#include "oslo/service/service.h"

extern const struct rpc_server conductor_rpc_server;

/* Rows of the binaries that this process is. */
bool conductor_report(struct ctx *);

#endif
