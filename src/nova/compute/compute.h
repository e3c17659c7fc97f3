/* The compute agent: what it answers, and what it does by itself. */
#ifndef NOVA_COMPUTE_COMPUTE_H
#define NOVA_COMPUTE_COMPUTE_H

#include "oslo/service/service.h"

extern const struct rpc_server compute_rpc_server;
extern const struct worker nova_workers[];

/* Opens a hypervisor that answers at once, and reports its hosts; one that takes long is left to the worker. */
bool compute_start(struct ctx *);
void compute_stop(void);
/* Something was built, deleted or resized: the hosts' usage is counted again soon. */
void compute_usage_changed(void);
/* The hypervisor said that a guest changed by itself. */
void compute_guest_changed(void);

#endif
