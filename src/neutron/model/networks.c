/* What is asked of networks. */
#include "neutron/model/networks.h"

#include <string.h>

#include "neutron/model/rbac.h"
#include "neutron/plugin/objects/objects.h"

struct network *network_get(struct ctx *c, const char *id)
{
    struct network *net = rest_find_any(c, &network_resource, id);

    if (!net)
        return NULL;
    if (c->who.is_admin)
        return net;
    net->shared = rbac_allows(c, "network", id, c->who.project_id, SHARED);
    if (!net->shared && !text_equal(net->project_id, c->who.project_id) && !rbac_allows(c, "network", id, c->who.project_id, EXTERNAL))
        return fail_null(c, NETWORK_NOT_FOUND, id);
    return failed(c) ? NULL : net;
}

bool revision_bump(struct ctx *c, const char *table, const char *id)
{
    return db_exec(c, ctx_printf(c, "UPDATE %s SET revision_number = revision_number + 1, updated_at = $2 WHERE id = $1", table),
                   T(id), I(clock_us()));
}

const char *ids_of(struct ctx *c, const char *sql, const char *id, const char *separator)
{
    const char *joined = "";

    for (struct rows *rows = db_query(c, sql, T(id)); db_next(rows);)
        joined = ctx_printf(c, "%s%s%s", joined, *joined ? separator : "", db_text(rows, 0));
    return joined;
}

bool auto_ports_delete(struct ctx *c, const char *network_id)
{
    return objects_changed(c, OBJECT_PORT, "SELECT id FROM ports WHERE network_id = $1 AND device_owner IN " AUTO_OWNERS, network_id) &&
        db_exec(c, "DELETE FROM ports WHERE network_id = $1 AND device_owner IN " AUTO_OWNERS, T(network_id));
}

bool owner_is_router_interface(const char *device_owner)
{
    static const char *const owners[] = { "network:router_interface", "network:router_interface_distributed",
        "network:ha_router_replicated_interface", "network:router_centralized_snat", NULL };

    return text_in(device_owner, owners);
}
