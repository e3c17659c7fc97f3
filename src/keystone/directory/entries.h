/* Users and groups as a directory has them, read by the options of its domain. */
#ifndef KEYSTONE_DIRECTORY_ENTRIES_H
#define KEYSTONE_DIRECTORY_ENTRIES_H

#include "keystone/directory/connection.h"

struct directory_user {
    const char *dn, *id, *name, *email, *description, *default_project_id;
    bool enabled;
};
struct directory_group { const char *dn, *id, *name, *description; };

/* Those that fit the filter (NULL: all); id NULL ends them. NULL with a fault. */
const struct directory_user *directory_users(struct ctx *, const struct directory *, const char *filter);
const struct directory_group *directory_groups(struct ctx *, const struct directory *, const char *filter);
/* "(attribute=value)" for who has that id or name. */
const char *user_filter_by(struct ctx *, const struct directory *, const char *id, const char *name);
const char *group_filter_by(struct ctx *, const struct directory *, const char *id, const char *name);

const struct directory_group *directory_groups_of_user(struct ctx *, const struct directory *, const struct directory_user *);
const struct directory_user *directory_users_of_group(struct ctx *, const struct directory *, const struct directory_group *);

#endif
