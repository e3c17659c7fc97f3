/* Security groups as ports need them. */
#include "neutron/model/groups.h"

#include "neutron/model/rbac.h"
#include "neutron/plugin/objects/objects.h"

static bool rule_add(struct ctx *c, const char *group_id, const char *project_id, const char *direction, const char *ethertype, const char *remote)
{
    int64_t now = clock_us();

    return db_exec(c, "INSERT INTO security_group_rules (id, project_id, security_group_id, ethertype, direction, remote_group_id, created_at,"
                   " updated_at, revision_number) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)",
                   T(uuid_new(c)), T(project_id), T(group_id), T(ethertype), T(direction), T(remote), I(now));
}

bool group_egress_rules(struct ctx *c, const char *group_id, const char *project_id)
{
    return rule_add(c, group_id, project_id, "egress", "IPv4", NULL) && rule_add(c, group_id, project_id, "egress", "IPv6", NULL);
}

static char *default_find(struct ctx *c, const char *project_id)
{
    return db_get_text(c, "SELECT id FROM security_groups WHERE project_id = $1 AND is_default", T(project_id));
}

char *default_group(struct ctx *c, const char *project_id)
{
    char *id = default_find(c, project_id);
    int64_t now = clock_us();

    if (id || failed(c))
        return id;
    id = uuid_new(c);
    if (db_exec(c, "INSERT INTO security_groups (id, project_id, name, stateful, is_default, description, tags, created_at, updated_at, revision_number)"
                " VALUES ($1, $2, 'default', TRUE, TRUE, 'Default security group', '[]', $3, $3, 1)", T(id), T(project_id), I(now)) &&
        group_egress_rules(c, id, project_id) && rule_add(c, id, project_id, "ingress", "IPv4", id) &&
        rule_add(c, id, project_id, "ingress", "IPv6", id) && object_changed(c, OBJECT_SECURITY_GROUP, id))
        return id;
    return NULL;
}

bool default_group_ensure(struct ctx *c, const char *project_id)
{
    if (!project_id || !*project_id || default_find(c, project_id) || failed(c))
        return !failed(c);
    if (!db_begin(c))
        return false;
    if (default_group(c, project_id))
        return db_commit(c);
    db_rollback(c);
    return false;
}

bool port_groups_check(struct ctx *c, const json_t *groups, const char *project_id)
{
    json_t *group;
    size_t i;

    json_array_foreach(groups, i, group) {
        const char *id = json_string_value(group);
        char *owner = db_get_text(c, "SELECT project_id FROM security_groups WHERE id = $1", T(id));

        if (failed(c))
            return false;
        if (!owner || (!text_equal(owner, project_id) && !text_equal(owner, c->who.project_id) && !c->who.is_admin &&
                       !rbac_allows(c, "security_group", id, project_id, SHARED)))
            return failed(c) ? false : fail(c, SECURITY_GROUP_NOT_FOUND, id);
    }
    return true;
}

bool port_groups_set(struct ctx *c, const char *port_id, const json_t *groups)
{
    json_t *group;
    size_t i;

    if (!db_exec(c, "DELETE FROM port_security_groups WHERE port_id = $1", T(port_id)))
        return false;
    json_array_foreach(groups, i, group)
        if (!db_exec(c, "INSERT INTO port_security_groups (port_id, security_group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                     T(port_id), T(json_string_value(group))))
            return false;
    return true;
}
