/* See options.h. Options that no reading of a directory needs are kept by the API and not read here. */
#include "keystone/directory/options.h"
#include "keystone/api/api.h"

#include <string.h>

static const struct attr directory_attrs[] = {
    ATTR(struct directory, url, 0, .unset = "ldap://localhost"),
    ATTR(struct directory, user, 0),
    ATTR(struct directory, password, SECRET),
    ATTR(struct directory, suffix, 0, .unset = "cn=example,cn=com"),
    ATTR(struct directory, query_scope, 0, .unset = "one", ONE_OF("one", "sub")),
    ATTR(struct directory, alias_dereferencing, 0, .unset = "default", ONE_OF("never", "searching", "always", "finding", "default")),
    ATTR(struct directory, page_size, 0),
    ATTR(struct directory, chase_referrals, 0),
    ATTR(struct directory, connection_timeout, 0, .unset = "-1"),
    ATTR(struct directory, user_tree_dn, 0),
    ATTR(struct directory, user_filter, 0),
    ATTR(struct directory, user_objectclass, 0, .unset = "inetOrgPerson"),
    ATTR(struct directory, user_id_attribute, 0, .unset = "cn"),
    ATTR(struct directory, user_name_attribute, 0, .unset = "sn"),
    ATTR(struct directory, user_mail_attribute, 0, .unset = "mail"),
    ATTR(struct directory, user_description_attribute, 0, .unset = "description"),
    ATTR(struct directory, user_enabled_attribute, 0, .unset = "enabled"),
    ATTR(struct directory, user_enabled_invert, 0),
    ATTR(struct directory, user_enabled_mask, 0),
    ATTR(struct directory, user_enabled_default, 0, .unset = "True"),
    ATTR(struct directory, user_attribute_ignore, 0, .unset = "default_project_id"),
    ATTR(struct directory, user_default_project_id_attribute, 0),
    ATTR(struct directory, user_enabled_emulation, 0),
    ATTR(struct directory, user_enabled_emulation_dn, 0),
    ATTR(struct directory, user_enabled_emulation_use_group_config, 0),
    ATTR(struct directory, group_tree_dn, 0),
    ATTR(struct directory, group_filter, 0),
    ATTR(struct directory, group_objectclass, 0, .unset = "groupOfNames"),
    ATTR(struct directory, group_id_attribute, 0, .unset = "cn"),
    ATTR(struct directory, group_name_attribute, 0, .unset = "ou"),
    ATTR(struct directory, group_member_attribute, 0, .unset = "member"),
    ATTR(struct directory, group_members_are_ids, 0),
    ATTR(struct directory, group_desc_attribute, 0, .unset = "description"),
    ATTR(struct directory, group_attribute_ignore, 0, .unset = ""),
    ATTR(struct directory, group_ad_nesting, 0),
    ATTR(struct directory, tls_cacertfile, 0),
    ATTR(struct directory, tls_cacertdir, 0),
    ATTR(struct directory, tls_req_cert, 0, .unset = "demand", ONE_OF("demand", "never", "allow")),
    ATTR(struct directory, use_tls, 0),
    ATTR(struct directory, use_pool, 0, .unset = "true"),
    ATTR(struct directory, pool_size, 0, .unset = "10"),
    ATTR(struct directory, pool_connection_lifetime, 0, .unset = "600"),
    {}
};

/* The API takes any JSON; a list is a text with commas. */
static bool option_set(struct ctx *c, struct directory *d, const char *name, const json_t *value)
{
    const struct attr *a = attr_find(directory_attrs, name);
    const char *text = a ? json_joined(c, value, ",") : NULL;

    return !text || record_set_text(c, a, d, text) ||
        fail(c, INTERNAL_ERROR, ctx_printf(c, "the configuration of domain %s: %s is no value of %s", d->domain_id, text, name));
}

static bool tree_default(struct ctx *c, struct directory *d)
{
    if (!d->user_tree_dn)
        d->user_tree_dn = ctx_printf(c, "ou=Users,%s", d->suffix);
    if (!d->group_tree_dn)
        d->group_tree_dn = ctx_printf(c, "ou=UserGroups,%s", d->suffix);
    if (!d->user_enabled_emulation_dn)
        d->user_enabled_emulation_dn = ctx_printf(c, "cn=enabled_users,%s", d->user_tree_dn);
    return true;
}

const struct directory *directory_of_domain(struct ctx *c, const char *domain_id)
{
    json_t *config, *value;
    const char *name;

    if (!db_count(c, "SELECT count(*) FROM domain_options WHERE domain_id = $1 AND group_name = 'identity' AND name = 'driver' AND value = '\"ldap\"'",
                  T(domain_id)))
        return NULL;
    config = json_object_get(domain_config_effective(c, domain_id), "ldap");
    struct directory *d = record_new(c, directory_attrs, sizeof *d);
    d->domain_id = ctx_strdup(c, domain_id);
    json_object_foreach(config, name, value)
        if (!option_set(c, d, name, value))
            return NULL;
    return !failed(c) && tree_default(c, d) ? d : NULL;
}

bool directory_ignores(struct ctx *c, const char *list, const char *name)
{
    return list && text_in(name, (const char *const *)text_split(c, list, ','));
}
