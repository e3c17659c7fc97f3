/* Quotas: how much of each resource a project may have, and has. */
#ifndef NOVA_MODEL_QUOTA_H
#define NOVA_MODEL_QUOTA_H

#include "nova/model/instance.h"

/* In the order of their names. */
enum quota {
    QUOTA_CORES, QUOTA_FIXED_IPS, QUOTA_FLOATING_IPS, QUOTA_FILE_CONTENT_BYTES, QUOTA_FILE_PATH_BYTES, QUOTA_FILES, QUOTA_INSTANCES,
    QUOTA_KEY_PAIRS, QUOTA_METADATA_ITEMS, QUOTA_RAM, QUOTA_SECURITY_GROUP_RULES, QUOTA_SECURITY_GROUPS, QUOTA_SERVER_GROUP_MEMBERS,
    QUOTA_SERVER_GROUPS, QUOTAS
};

struct quota_kind {
    const char *name;
    int until;                       /* the last microversion whose quota sets have it; 0: all */
    int class_since, class_until;    /* the same of quota classes */
};
extern const struct quota_kind quota_kinds[QUOTAS];
int quota_find(const char *name);                            /* -1: none */

struct quota_set {
    int64_t limit[QUOTAS], used[QUOTAS];                     /* limit -1: none */
};

/* The limits of a project, or with user_id of that user in it; project_id NULL: everybody's defaults. */
bool quota_limits(struct ctx *, const char *project_id, const char *user_id, struct quota_set *ret_set);
/* What the project has of instances, cores, ram and server groups, now. */
bool quota_usage(struct ctx *, const char *project_id, const char *user_id, struct quota_set *ret_set);

/* In the transaction that adds them: how many of min..max instances of that size fit. Fault 403 where fewer than min do; the
 * count asked for, or less, in *ret_count. */
bool quota_instances(struct ctx *, const char *project_id, int64_t vcpus, int64_t memory_mb, int64_t min_count, int64_t max_count,
                     int64_t *ret_count);

#endif
