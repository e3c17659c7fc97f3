/* Domains: the roots that projects, users and groups belong to. A domain is a project that acts as one. */
#include "keystone/api/api.h"
#include "keystone/api/projects.h"

#include <string.h>

static const struct attr domain_attrs[] = {
    ATTR(struct project, id,          CREATE | FILTER | SORT),
    ATTR(struct project, name,        CREATE | UPDATE | REQUIRED | FILTER | SORT, .min = 1, .max = 64, .format = &format_not_blank),
    ATTR(struct project, description, CREATE | UPDATE | NULLABLE, .unset = ""),
    ATTR(struct project, enabled,     CREATE | UPDATE | FILTER, .unset = "true"),
    ATTR(struct project, tags,        CREATE | UPDATE | DERIVED),
    ATTR(struct project, options,     CREATE | UPDATE, .unset = "{}"),
    ATTR(struct project, is_domain,   CREATE | HIDDEN, .unset = "true"),
    ATTR(struct project, extra,       CREATE | UPDATE | HIDDEN),
    {}
};

/* A domain goes only when it is disabled, and takes all that belongs to it along. */
bool domain_deleting(struct ctx *c, void *record)
{
    const struct project *domain = record;
    static const char *const statements[] = {
        ("DELETE FROM assignments WHERE target_id IN (SELECT id FROM projects WHERE id = $1 OR domain_id = $1)"
         " OR actor_id IN (SELECT id FROM users WHERE domain_id = $1 UNION SELECT id FROM user_groups WHERE domain_id = $1)"
         " OR role_id IN (SELECT id FROM roles WHERE domain_id = $1)"),
        "DELETE FROM credentials WHERE user_id IN (SELECT id FROM users WHERE domain_id = $1)",
        ("DELETE FROM trusts WHERE trustor_user_id IN (SELECT id FROM users WHERE domain_id = $1)"
         " OR trustee_user_id IN (SELECT id FROM users WHERE domain_id = $1)"),
        "DELETE FROM user_groups WHERE domain_id = $1",
        "DELETE FROM users WHERE domain_id = $1",
        "DELETE FROM roles WHERE domain_id = $1",
        "DELETE FROM limits WHERE domain_id = $1 OR project_id IN (SELECT id FROM projects WHERE domain_id = $1)",
        "UPDATE projects SET parent_id = NULL WHERE domain_id = $1",
        "DELETE FROM projects WHERE domain_id = $1",
    };

    if (domain->enabled)
        return fail(c, DENIED, "Cannot delete a domain that is enabled, please disable it first.");
    for (size_t i = 0; i < G_N_ELEMENTS(statements); i++)
        if (!db_exec(c, statements[i], T(domain->id)))
            return false;
    return true;
}

static void domain_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct project *domain = record;

    write_extra(c, o, domain->extra);
    write_self(c, o, "domains", domain->id);
}

/* The table holds projects too. */
static bool domain_list(struct ctx *c, struct request *request, struct reply *reply)
{
    return rule_check(c, "identity:list_domains", NULL) && keystone_list_where(c, &domain_resource, request, reply, domains_only, NULL);
}

static bool is_hex_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* The id may be chosen: any UUID as 32 hex digits. */
static bool domain_create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *asked = json_object_get(request_json(c, request), "domain"), *id = json_object_get(asked, "explicit_domain_id");
    json_t *object = keystone_body(c, &domain_resource, request, NULL);

    if (!object)
        return false;
    if (id && !json_is_null(id)) {
        if (!json_is_string(id) || !is_hex_id(json_string_value(id)))
            return fail(c, VALIDATION, "Domain ID does not conform to required UUID format.");
        json_object_set(object, "id", id);
    }
    json_object_set_new(object, "is_domain", json_true());
    return keystone_insert(c, &domain_resource, request, object, reply);
}

/* An id that is a project's, not a domain's, is no domain. */
static bool is_domain(struct ctx *c, struct request *request)
{
    const char *id = request_arg(request, "id");

    if (!db_count(c, "SELECT count(*) FROM projects WHERE id = $1 AND is_domain = $2", T(id), B(false)))
        return !failed(c);
    return fail(c, NO_SUCH, "domain", id);
}

static bool domain_show(struct ctx *c, struct request *request, struct reply *reply)
{
    return is_domain(c, request) && keystone_show(c, request, reply);
}

static bool domain_update(struct ctx *c, struct request *request, struct reply *reply)
{
    return is_domain(c, request) && keystone_update(c, request, reply);
}

static bool domain_remove(struct ctx *c, struct request *request, struct reply *reply)
{
    return is_domain(c, request) && keystone_remove(c, request, reply);
}

const struct resource domain_resource = {
    .name = "domain", .plural = "domains", .table = "projects", .size = sizeof(struct project), .attrs = domain_attrs, .flags = NO_BULK,
    .create = domain_create, .show = domain_show, .list = domain_list, .update = domain_update, .remove = domain_remove,
    .check = project_check, .stored = project_stored, .deleting = domain_deleting, .fill = project_fill, .write = domain_write,
};
