/* Security groups as ports need them. */
#ifndef NEUTRON_MODEL_GROUPS_H
#define NEUTRON_MODEL_GROUPS_H

#include "neutron/neutron.h"

/* The default group of a project, made if it has none yet. Within the open transaction. NULL with a fault. */
char *default_group(struct ctx *, const char *project_id);
/* The same before a list is read: in a transaction of its own, and only if there is none. */
bool default_group_ensure(struct ctx *, const char *project_id);
/* The two rules a new group has: all egress. */
bool group_egress_rules(struct ctx *, const char *group_id, const char *project_id);
/* May these groups (a JSON array of ids) be used by a port of the project? Not found where not. */
bool port_groups_check(struct ctx *, const json_t *groups, const char *project_id);
/* Replaces the groups of a port. Within the open transaction. */
bool port_groups_set(struct ctx *, const char *port_id, const json_t *groups);

#endif
