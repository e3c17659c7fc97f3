/* The auto-allocated topology: a network, subnets of the default pools and a router to the default external network, made for a
 * project when it first asks.
 */
#include <string.h>

#include "neutron/model/routers.h"
#include "neutron/plugin/notify.h"

static bool answer(struct ctx *c, struct reply *reply, const char *id, const char *project_id)
{
    reply_json(reply, ctx_json(c, json_pack("{s:{s:s, s:s, s:s}}", "auto_allocated_topology", "id", id, "tenant_id", project_id, "project_id", project_id)));
    return true;
}

static const char *project_of(struct ctx *c, struct request *request)
{
    const char *project_id = request_arg(request, "project_id");

    if (!strcmp(project_id, "None"))
        return c->who.project_id;
    if (!c->who.is_admin && !text_equal(project_id, c->who.project_id))
        return fail_null(c, 403, "NotAuthorized", "Not authorized.");
    return project_id;
}

static char *external_network(struct ctx *c)
{
    char *id = db_get_text(c, "SELECT id FROM networks WHERE is_default AND external ORDER BY created_at LIMIT 1");

    return id || failed(c) ? id : fail_null(c, AUTO_ALLOCATION_FAILED, "No default router:external network");
}

static bool pools_exist(struct ctx *c)
{
    return db_count(c, "SELECT count(*) FROM subnetpools WHERE is_default") > 0 || (!failed(c) && fail(c, AUTO_ALLOCATION_FAILED, "No default subnetpools defined"));
}

/* --- building: by the same functions the API uses; what a failure leaves behind is taken away again ---------------- */

struct topology {
    struct network *net;
    struct router *router;
};

static struct subnet *subnet_make(struct ctx *c, const struct topology *t, const char *project_id, int version)
{
    return rest_insert(c, &subnet_resource, ctx_json(c, json_pack("{s:s, s:s, s:i, s:s, s:b}", "name", version == 4 ? "auto_allocated_subnet_v4" : "auto_allocated_subnet_v6",
                                                                  "network_id", t->net->id, "ip_version", version, "project_id", project_id,
                                                                  "use_default_subnetpool", 1)));
}

static bool build(struct ctx *c, struct topology *t, const char *project_id, const char *external)
{
    t->net = rest_insert(c, &network_resource, ctx_json(c, json_pack("{s:s, s:s, s:b}", "name", "auto_allocated_network", "project_id", project_id,
                                                                     "admin_state_up", 1)));
    t->router = t->net ? rest_insert(c, &router_resource, ctx_json(c, json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", "auto_allocated_router", "project_id", project_id,
                                                                                "admin_state_up", 1, "external_gateway_info", "network_id", external))) : NULL;
    if (!t->router)
        return false;
    for (int version = 4; version <= 6; version += 2) {
        struct subnet *s;

        if (!db_count(c, "SELECT count(*) FROM subnetpools WHERE is_default AND ip_version = $1", I(version)))
            continue;
        if (!(s = subnet_make(c, t, project_id, version)) || !router_join(c, t->router->id, s->id))
            return false;
    }
    return !failed(c);
}

static bool save(struct ctx *c, const struct topology *t, const char *project_id)
{
    if (!db_begin(c))
        return false;
    if (db_exec(c, "INSERT INTO auto_allocated_topologies (project_id, network_id, router_id) VALUES ($1, $2, $3)", T(project_id), T(t->net->id), T(t->router->id)))
        return db_commit(c);
    db_rollback(c);
    return false;
}

/* Takes a topology apart; faults on the way do not stop it. */
static void take_apart(struct ctx *c, const char *network_id, const char *router_id)
{
    size_t n = 0;
    struct leg *legs = router_id ? router_legs(c, router_id, &n) : NULL;

    for (size_t i = 0; i < n; i++)
        if (strcmp(legs[i].device_owner, "network:router_gateway")) {
            router_leave(c, router_id, legs[i].subnet_id);
            fault_clear(c);
        }
    if (router_id) {
        rest_remove(c, &router_resource, router_id);
        fault_clear(c);
    }
    if (network_id) {
        rest_remove(c, &network_resource, network_id);
        fault_clear(c);
    }
}

/* --- routes --------------------------------------------------------------------------------------------------- */

static bool topology_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *project_id = project_of(c, request), *dry_run = request_query(request, "fields");
    struct topology t = { 0 };
    char *id, *external;

    if (!project_id)
        return false;
    if (dry_run && !strcmp(dry_run, "dry-run"))
        return external_network(c) && pools_exist(c) && answer(c, reply, "dry-run=pass", project_id);
    if (dry_run)
        return fail(c, BAD_RESOURCE_REQUEST, "auto_allocate", "Unrecognized field");
    id = db_get_text(c, "SELECT network_id FROM auto_allocated_topologies WHERE project_id = $1", T(project_id));
    if (id || failed(c))
        return id && answer(c, reply, id, project_id);
    if (!(external = external_network(c)) || !pools_exist(c))
        return false;
    if (!build(c, &t, project_id, external) || !save(c, &t, project_id)) {
        struct fault fault = c->fault;

        take_apart(c, t.net ? t.net->id : NULL, t.router ? t.router->id : NULL);
        c->fault = fault;
        return false;
    }
    return answer(c, reply, t.net->id, project_id);
}

static bool topology_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *project_id = project_of(c, request);
    char *network_id = NULL, *router_id = NULL;
    struct rows *rows;

    if (!project_id)
        return false;
    rows = db_query(c, "SELECT network_id, router_id FROM auto_allocated_topologies WHERE project_id = $1", T(project_id));
    if (db_next(rows)) {
        network_id = db_text(rows, 0);
        router_id = db_text(rows, 1);
    }
    db_rows_end(rows);
    if (!network_id || failed(c))
        return !failed(c);
    take_apart(c, network_id, router_id);
    if (!db_begin(c))
        return false;
    if (db_exec(c, "DELETE FROM auto_allocated_topologies WHERE project_id = $1", T(project_id)))
        return db_commit(c);
    db_rollback(c);
    return false;
}

const struct route auto_allocate_routes[] = {
    { "GET", "/v2.0/auto-allocated-topology/{project_id}", topology_show, 200, ROUTE_NO_POLICY },
    { "DELETE", "/v2.0/auto-allocated-topology/{project_id}", topology_delete, 204, ROUTE_NO_POLICY },
    {}
};
