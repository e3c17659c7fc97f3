/* Neutron's security groups in Nova's words. */
#ifndef NOVA_API_PROXY_GROUPS_H
#define NOVA_API_PROXY_GROUPS_H

#include "nova/api/api.h"

/* One group with its ingress rules; groups: where the names of the groups its rules speak of are looked up. */
void security_group_write(struct out *, const char *key, const json_t *group, json_t *groups);

#endif
