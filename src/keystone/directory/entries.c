/* See entries.h. */
#include "keystone/directory/entries.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IN_CHAIN "1.2.840.113556.1.4.1941"       /* the matching rule by which Active Directory follows groups in groups */

static bool is_blank(const char *text)
{
    return !text || !text[strspn(text, " \t")];
}

/* -- users --------------------------------------------------------------------------------------------------------- */

/* Who is enabled, where a group says so: its members. NULL where none does. */
static const struct entry *enabled_members(struct ctx *c, const struct directory *d)
{
    const char *attribute = d->user_enabled_emulation_use_group_config ? d->group_member_attribute : "member";

    if (!d->user_enabled_emulation || directory_ignores(c, d->user_attribute_ignore, "enabled"))
        return NULL;
    return directory_search(c, d, d->user_enabled_emulation_dn, SCOPE_ITSELF, "(objectClass=*)", (const char *const[]){ attribute, NULL });
}

static bool is_member(const struct directory *d, const struct entry *group, const struct directory_user *u)
{
    bool ids = d->user_enabled_emulation_use_group_config && d->group_members_are_ids;

    for (const struct pair *p = group->dn ? group->values : NULL; p && p->name; p++)
        if (!strcasecmp(p->value, ids ? u->id : u->dn))
            return true;
    return false;
}

static bool is_enabled(struct ctx *c, const struct directory *d, const struct entry *e)
{
    const char *value = entry_get(e, d->user_enabled_attribute);

    if (d->user_enabled_mask)
        return (strtoll(value ? value : d->user_enabled_default, NULL, 10) & d->user_enabled_mask) != d->user_enabled_mask;
    if (directory_ignores(c, d->user_attribute_ignore, "enabled"))
        return true;
    return (strcasecmp(value ? value : d->user_enabled_default, "true") == 0) != d->user_enabled_invert;
}

static const char *taken(struct ctx *c, const char *ignored, const char *name, const struct entry *e, const char *attribute)
{
    return directory_ignores(c, ignored, name) ? NULL : entry_get(e, attribute);
}

static struct directory_user user_of(struct ctx *c, const struct directory *d, const struct entry *e)
{
    const char *ignored = d->user_attribute_ignore;

    return (struct directory_user){
        .dn = e->dn, .id = entry_get(e, d->user_id_attribute), .name = entry_get(e, d->user_name_attribute),
        .email = taken(c, ignored, "email", e, d->user_mail_attribute),
        .description = taken(c, ignored, "description", e, d->user_description_attribute),
        .default_project_id = taken(c, ignored, "default_project_id", e, d->user_default_project_id_attribute),
        .enabled = is_enabled(c, d, e),
    };
}

/* The entries that are users: those with an id and a name. */
static const struct directory_user *users_of(struct ctx *c, const struct directory *d, const struct entry *entries)
{
    const struct entry *enabled = entries ? enabled_members(c, d) : NULL;
    size_t n = 0;

    if (failed(c))
        return NULL;
    while (entries[n].dn)
        n++;
    struct directory_user *users = ctx_new_n(c, struct directory_user, n + 1);
    n = 0;
    for (; entries->dn; entries++) {
        struct directory_user u = user_of(c, d, entries);

        if (is_blank(u.id) || is_blank(u.name) || !strcasecmp(u.dn, d->user_enabled_emulation_dn))
            continue;
        if (enabled)
            u.enabled = is_member(d, enabled, &u);
        users[n++] = u;
    }
    users[n] = (struct directory_user){};
    return users;
}

static const struct entry *user_entries(struct ctx *c, const struct directory *d, const char *base, enum scope scope, const char *filter)
{
    const char *all = ctx_printf(c, "(&%s%s(objectClass=%s)(%s=*))", d->user_filter ? d->user_filter : "", filter ? filter : "",
                                 d->user_objectclass, d->user_id_attribute);
    const char *attributes[] = { d->user_id_attribute, d->user_name_attribute, d->user_enabled_attribute, d->user_mail_attribute,
                                 d->user_description_attribute, d->user_default_project_id_attribute, NULL };

    return directory_search(c, d, base, scope, all, attributes);
}

const struct directory_user *directory_users(struct ctx *c, const struct directory *d, const char *filter)
{
    return users_of(c, d, user_entries(c, d, d->user_tree_dn, SCOPE_BELOW, filter));
}

const char *user_filter_by(struct ctx *c, const struct directory *d, const char *id, const char *name)
{
    return ctx_printf(c, "(%s=%s)", id ? d->user_id_attribute : d->user_name_attribute, filter_quote(c, id ? id : name));
}

/* -- groups -------------------------------------------------------------------------------------------------------- */

static const struct directory_group *groups_of(struct ctx *c, const struct directory *d, const struct entry *entries)
{
    size_t n = 0;

    if (!entries)
        return NULL;
    while (entries[n].dn)
        n++;
    struct directory_group *groups = ctx_new_n(c, struct directory_group, n + 1);
    n = 0;
    for (; entries->dn; entries++) {
        struct directory_group g = {
            .dn = entries->dn, .id = entry_get(entries, d->group_id_attribute), .name = entry_get(entries, d->group_name_attribute),
            .description = taken(c, d->group_attribute_ignore, "description", entries, d->group_desc_attribute),
        };

        if (!is_blank(g.id) && !is_blank(g.name))
            groups[n++] = g;
    }
    groups[n] = (struct directory_group){};
    return groups;
}

const struct directory_group *directory_groups(struct ctx *c, const struct directory *d, const char *filter)
{
    const char *all = ctx_printf(c, "(&%s%s(objectClass=%s)(%s=*))", d->group_filter ? d->group_filter : "", filter ? filter : "",
                                 d->group_objectclass, d->group_id_attribute);
    const char *attributes[] = { d->group_id_attribute, d->group_name_attribute, d->group_desc_attribute, NULL };

    return groups_of(c, d, directory_search(c, d, d->group_tree_dn, SCOPE_BELOW, all, attributes));
}

const char *group_filter_by(struct ctx *c, const struct directory *d, const char *id, const char *name)
{
    return ctx_printf(c, "(%s=%s)", id ? d->group_id_attribute : d->group_name_attribute, filter_quote(c, id ? id : name));
}

/* -- who is in what ------------------------------------------------------------------------------------------------ */

const struct directory_group *directory_groups_of_user(struct ctx *c, const struct directory *d, const struct directory_user *u)
{
    const char *member = filter_quote(c, d->group_members_are_ids ? u->id : u->dn);

    return directory_groups(c, d, d->group_ad_nesting ? ctx_printf(c, "(member:" IN_CHAIN ":=%s)", member)
                                                      : ctx_printf(c, "(%s=%s)", d->group_member_attribute, member));
}

/* The user a member's value stands for: an id, or a name in the tree; nothing where there is none. */
static const struct directory_user *member_of(struct ctx *c, const struct directory *d, const char *value)
{
    return d->group_members_are_ids ? directory_users(c, d, user_filter_by(c, d, value, NULL))
                                    : users_of(c, d, user_entries(c, d, value, SCOPE_ITSELF, NULL));
}

const struct directory_user *directory_users_of_group(struct ctx *c, const struct directory *d, const struct directory_group *g)
{
    g_autoptr(GArray) users = g_array_new(true, true, sizeof(struct directory_user));

    if (d->group_ad_nesting)
        return directory_users(c, d, ctx_printf(c, "(memberOf:" IN_CHAIN ":=%s)", filter_quote(c, g->dn)));
    const struct entry *group = directory_search(c, d, g->dn, SCOPE_ITSELF, "(objectClass=*)", (const char *const[]){ d->group_member_attribute, NULL });
    if (!group)
        return NULL;
    for (const struct pair *p = group->dn ? group->values : NULL; p && p->name; p++) {
        const struct directory_user *u = member_of(c, d, p->value);

        if (!u)
            return NULL;
        if (u->id)
            g_array_append_vals(users, u, 1);
    }
    struct directory_user *copy = ctx_new_n(c, struct directory_user, users->len + 1);
    if (users->len)
        memcpy(copy, users->data, users->len * sizeof *copy);
    return copy;
}
