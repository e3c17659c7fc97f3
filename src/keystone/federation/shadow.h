/* Users an identity provider vouches for have a row here: made at their first login, kept in step at each later one. */
#ifndef KEYSTONE_FEDERATION_SHADOW_H
#define KEYSTONE_FEDERATION_SHADOW_H

#include "keystone/federation/mapping.h"
#include "keystone/federation/provider.h"

/* The id of the user: its row, its memberships and the projects and roles the mapping promises are written. NULL with a fault: 404 for a
 * role that is not there, 403 for one of another domain. */
const char *shadow_user(struct ctx *, const struct idp *, const struct protocol *, const struct mapped *, const char *const *group_ids);

/* The id of a user or group that lives elsewhere, as the original's default generator makes it. */
char *public_id(struct ctx *, const char *domain_id, const char *entity_type, const char *local_id);

#endif
