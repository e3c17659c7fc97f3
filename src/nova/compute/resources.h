#ifndef NOVA_COMPUTE_RESOURCES_H
#define NOVA_COMPUTE_RESOURCES_H

#include "nova/model/host.h"

/* All of a host: its row, its provider in Placement with inventories and traits. */
bool host_report(struct ctx *, const char *host);
/* Only what is taken of it, which changes with every build and delete; Placement knows that by the claims. */
bool host_usage_report(struct ctx *, const char *host);

#endif
