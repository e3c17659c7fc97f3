/* Identity providers and their protocols, as signing in needs them. */
#ifndef KEYSTONE_FEDERATION_PROVIDER_H
#define KEYSTONE_FEDERATION_PROVIDER_H

#include "keystone/keystone.h"

struct idp {
    const char *id, *domain_id;
    const json_t *remote_ids;        /* by what the provider calls itself; an array */
    int64_t ttl_us;                  /* how long a membership that its mapping gave stays good */
    bool enabled;
};
struct protocol {
    const char *id, *mapping_id, *remote_id_attribute;       /* the attribute of the assertion that names the provider, or NULL */
    const json_t *rules;
};

/* Each 404 where it is not there; idp_use() 403 where it is disabled. */
bool idp_get(struct ctx *, const char *id, struct idp *ret_idp);
bool idp_use(struct ctx *, const char *id, struct idp *ret_idp);
bool protocol_get(struct ctx *, const char *idp_id, const char *id, struct protocol *ret_protocol);
/* Its mapping is there; else 404. */
bool protocol_mapped(struct ctx *, const struct protocol *);
/* The provider that goes by that name; NULL with 404. */
const char *idp_by_remote_id(struct ctx *, const char *remote_id);
bool idp_has_remote_id(const struct idp *, const char *remote_id);
/* A group of each id is there; else 500, as a mapping that names one that is not is broken. */
bool mapped_groups_judge(struct ctx *, const char *mapping_id, const char *const *group_ids);

#endif
