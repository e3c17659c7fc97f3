/* An address scope: subnet pools whose addresses do not overlap and may be routed to each other. */
#include <string.h>

#include "neutron/model/rbac.h"
#include "neutron/neutron.h"

struct address_scope {
    char *id, *name, *project_id;
    bool shared;
    int64_t ip_version;
};

static const struct attr address_scope_attrs[] = {
    ATTR(struct address_scope, id,         FILTER | SORT),
    ATTR(struct address_scope, name,       CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct address_scope, project_id, CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct address_scope, shared,     CREATE | UPDATE | POLICY | DERIVED, .unset = "false"),
    ATTR(struct address_scope, ip_version, CREATE | REQUIRED | FILTER | SORT),
    {}
};

static bool scope_judge(struct ctx *c, struct change *ch)
{
    const struct address_scope *scope = ch->now;

    return scope->ip_version == 4 || scope->ip_version == 6 ||
        invalid_member(c, "ip_version", "%" G_GINT64_FORMAT " is not in valid_values", scope->ip_version);
}

static bool scope_check(struct ctx *c, struct change *ch)
{
    const struct address_scope *scope = ch->now, *old = ch->old;

    return !old || !old->shared || scope->shared ||
        fail(c, ADDRESS_SCOPE_UPDATE, scope->id, "Shared address scope can't be unshared");
}

static bool scope_stored(struct ctx *c, struct change *ch)
{
    const struct address_scope *scope = ch->now, *old = ch->old;

    return !scope->shared || (old && old->shared) || rbac_open(c, "address_scope", scope->id, scope->project_id, SHARED);
}

static bool scope_deleting(struct ctx *c, void *record)
{
    const struct address_scope *scope = record;

    if (db_count(c, "SELECT count(*) FROM subnetpools WHERE address_scope_id = $1", T(scope->id)))
        return fail(c, ADDRESS_SCOPE_IN_USE, scope->id);
    return !failed(c) && rbac_forget(c, "address_scope", scope->id);
}

static bool scope_fill(struct ctx *c, void *const *page, size_t n)
{
    return rbac_fill_shared(c, page, n, "address_scope", offsetof(struct address_scope, id), offsetof(struct address_scope, shared));
}

static bool scope_visible(struct ctx *c, struct sql *s)
{
    rbac_visible(c, s, "address_scope");
    return true;
}

static bool scope_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    return rbac_filter(c, "address_scope", name, values, s, ret_taken);
}

const struct resource address_scope_resource = {
    .name = "address_scope", .plural = "address_scopes", .path = "/address-scopes", .size = sizeof(struct address_scope),
    .attrs = address_scope_attrs, .judge = scope_judge, .check = scope_check, .stored = scope_stored, .deleting = scope_deleting,
    .fill = scope_fill, .visible = scope_visible, .filter = scope_filter,
};
