/* What the files of Nova share: its service, its rules, its tables of routes. */
#ifndef NOVA_NOVA_H
#define NOVA_NOVA_H

#include "oslo/service/service.h"

extern const struct service nova;
extern const struct policy nova_policies[];
extern const struct rest_style nova_style;
extern const struct migration nova_migrations[];

#define VERSION_MIN V(2, 1)
#define VERSION_MAX V(2, 93)

/* A rule's name without the prefix they all have. */
#define RULE(name) "os_compute_api:" name

#endif
