/* Users and groups of a domain that has a directory, shown and listed: the directory is asked, then the rows tell. */
#include "keystone/api/api.h"
#include "keystone/directory/directory.h"

#include <string.h>

static bool is_user(const struct resource *r)
{
    return !strcmp(r->name, "user");
}

bool directory_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "id");

    return (is_user(request->route->data) ? directory_user_fresh(c, id) : directory_group_fresh(c, id)) && keystone_show(c, request, reply);
}

/* Whose domain's list that is: of the query, or of a token of a domain. */
static const char *domain_asked(struct ctx *c, const struct request *request)
{
    return c->who.domain_id ? c->who.domain_id : request_query(request, "domain_id");
}

bool directory_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    const char *domain_id = domain_asked(c, request), *name = request_query(request, "name");
    const struct directory *d = domain_id ? directory_of_domain(c, domain_id) : NULL;
    struct directory_seen seen = { .domain_id = domain_id };

    if (!d)
        return !failed(c) && keystone_list(c, request, reply);
    return rule_check(c, ctx_printf(c, "identity:list_%s", r->plural), "target.domain_id", domain_id,
                      ctx_printf(c, "target.%s.domain_id", r->name), domain_id, NULL) &&
        (is_user(r) ? directory_users_fresh(c, d, name, &seen.stamp) : directory_groups_fresh(c, d, name, &seen.stamp)) &&
        keystone_list_where(c, r, request, reply, directory_seen_add, &seen);
}
