/* [ldap] of a domain's configuration whose [identity] driver is ldap: where its users and groups are. */
#ifndef KEYSTONE_DIRECTORY_OPTIONS_H
#define KEYSTONE_DIRECTORY_OPTIONS_H

#include "keystone/keystone.h"

struct directory {
    const char *domain_id;
    char *url, *user, *password, *suffix, *query_scope, *alias_dereferencing;
    char *user_tree_dn, *user_filter, *user_objectclass, *user_id_attribute, *user_name_attribute, *user_mail_attribute,
        *user_description_attribute, *user_enabled_attribute, *user_enabled_default, *user_default_project_id_attribute,
        *user_attribute_ignore, *user_enabled_emulation_dn;
    char *group_tree_dn, *group_filter, *group_objectclass, *group_id_attribute, *group_name_attribute, *group_member_attribute,
        *group_desc_attribute, *group_attribute_ignore;
    char *tls_cacertfile, *tls_cacertdir, *tls_req_cert;
    bool user_enabled_invert, user_enabled_emulation, user_enabled_emulation_use_group_config, group_members_are_ids, group_ad_nesting, use_tls,
        use_pool, chase_referrals;
    int64_t page_size, user_enabled_mask, pool_size, pool_connection_lifetime, connection_timeout;
};

/* The directory of a domain; NULL where it has none, or with a fault. */
const struct directory *directory_of_domain(struct ctx *, const char *domain_id);
/* Is any option of those in the attribute's "ignore" list? */
bool directory_ignores(struct ctx *, const char *list, const char *name);

#endif
