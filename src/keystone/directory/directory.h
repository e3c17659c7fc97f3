/* Domains whose users and groups live in a directory (LDAP), which is only read.
 *
 * What is asked of a directory is kept as rows beside those made here (origin 'directory', the id the original's generator makes of
 * domain, kind and local id), so that roles, trusts and credentials hold on to them like on any other; each question that is about them
 * asks the directory first and brings the rows up to date. No transaction may be open.
 */
#ifndef KEYSTONE_DIRECTORY_DIRECTORY_H
#define KEYSTONE_DIRECTORY_DIRECTORY_H

#include "keystone/directory/options.h"

/* The directory a user ("user") or group ("group") of that id is in, and its id there; NULL where it is of no directory, or with a fault. */
const struct directory *directory_of_id(struct ctx *, const char *entity_type, const char *public_id, const char **ret_local_id);

/* Asks the directory about it, if it is of one. False with 404 where the directory no longer has it. */
bool directory_user_fresh(struct ctx *, const char *public_id);
bool directory_group_fresh(struct ctx *, const char *public_id);
/* The groups of a user; the users of a group. */
bool directory_memberships_fresh(struct ctx *, const char *user_id);
bool directory_members_fresh(struct ctx *, const char *group_id);
/* All users or groups of a directory, or those of that name (NULL: all); rows that are there have seen_at >= *ret_stamp. */
bool directory_users_fresh(struct ctx *, const struct directory *, const char *name, int64_t *ret_stamp);
bool directory_groups_fresh(struct ctx *, const struct directory *, const char *name, int64_t *ret_stamp);

/* The id of who goes by that name in a directory, brought up to date with the groups; NULL where there is none, or with a fault. */
const char *directory_user_by_name(struct ctx *, const struct directory *, const char *name);
/* Is that the user's password? */
bool directory_password_fits(struct ctx *, const char *user_id, const char *password);

/* Fails with 403, as directories are only read, if the domain, or the user or group, is of one. */
bool directory_domain_writable(struct ctx *, const char *domain_id);
bool directory_writable(struct ctx *, const char *entity_type, const char *public_id);

/* For a list that a directory has answered: appends " AND t.domain_id = ... AND t.seen_at >= ..." */
struct directory_seen { const char *domain_id; int64_t stamp; };
bool directory_seen_add(struct ctx *, struct sql *, const void *directory_seen);

#endif
