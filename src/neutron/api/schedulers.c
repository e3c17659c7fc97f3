/* Which agent serves what, as administrators see and change it: /agents/{id}/dhcp-networks, /agents/{id}/l3-routers, and from the other
 * side /networks/{id}/dhcp-agents, /routers/{id}/l3-agents.
 */
#include <string.h>

#include "neutron/plugin/notify.h"
#include "neutron/rpc/dhcp.h"
#include "neutron/rpc/l3.h"
#include "oslo/messaging/messaging.h"

static const struct scheduled {
    const char *agent_type, *table, *column;
    const char *member, *list_rule, *add_rule, *remove_rule, *agents_rule;
    const struct resource *resource;
} networks = {
    AGENT_TYPE_DHCP, "network_dhcp_agents", "network_id", "network_id", "get_dhcp-networks", "create_dhcp-network", "delete_dhcp-network",
    "get_dhcp-agents", &network_resource,
}, routers = {
    AGENT_TYPE_L3, "router_l3_agents", "router_id", "router_id", "get_l3-routers", "create_l3-router", "delete_l3-router", "get_l3-agents", &router_resource,
};

static const struct scheduled *of(struct request *request)
{
    return request->route->data;
}

/* The agent, if it does that kind of work. */
static struct agent *agent_of(struct ctx *c, struct request *request)
{
    const struct scheduled *s = of(request);
    struct agent *agent = rest_find_any(c, &agent_resource, request_arg(request, "id"));

    if (agent && strcmp(agent->agent_type, s->agent_type)) {
        if (s == &networks)
            fail(c, INVALID_DHCP_AGENT, agent->id);
        else
            fail(c, INVALID_L3_AGENT, agent->id);
        return NULL;
    }
    return agent;
}

/* Rows whose id the table pairs with that of the request's path. */
struct pairing { const char *column, *table, *by, *id; };

static bool paired(struct ctx *c, struct sql *s, const void *data)
{
    const struct pairing *p = data;

    sql_add(s, ctx_printf(c, " AND t.id IN (SELECT %s FROM %s WHERE %s = ?)", p->column, p->table, p->by), T(p->id));
    return true;
}

static bool page_of(struct ctx *c, struct request *request, struct reply *reply, const struct resource *r, struct pairing *pairing)
{
    struct page page;

    pairing->id = request_arg(request, "id");
    if (!rest_page_where(c, r, request, paired, pairing, &page))
        return false;
    rest_write_page(c, &page, reply);
    return true;
}

static bool scheduled_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct scheduled *s = of(request);

    return policy_check(c, s->list_rule, NULL) && page_of(c, request, reply, s->resource, &(struct pairing){ s->column, s->table, "agent_id" });
}

static bool agents_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct scheduled *s = of(request);

    return policy_check(c, s->agents_rule, NULL) && (s == &networks || rest_find_any(c, s->resource, request_arg(request, "id"))) &&
        page_of(c, request, reply, &agent_resource, &(struct pairing){ "agent_id", s->table, s->column });
}

static void tell(struct ctx *c, const char *topic, const char *host, const char *method, json_t *payload)
{
    struct target to = { .exchange = NEUTRON_EXCHANGE, .topic = topic, .server = host, .version = "1.0" };

    rpc_cast(c, &to, method, ctx_json(c, json_pack("{s:o}", "payload", payload)));
    fault_clear(c);
}

/* --- adding --------------------------------------------------------------------------------------------------- */

static bool hosted_elsewhere(struct ctx *c, const struct scheduled *s, const char *id, const struct agent *agent)
{
    char *other = db_get_text(c, ctx_printf(c, "SELECT agent_id FROM %s WHERE %s = $1 AND (agent_id = $2 OR $3)", s->table, s->column),
                              T(id), T(agent->id), B(s == &routers));

    if (!other)
        return failed(c);
    if (s == &networks)
        fail(c, NETWORK_HOSTED, id, other);
    else if (strcmp(other, agent->id))
        fail(c, ROUTER_HOSTED, id, other);
    return failed(c);
}

static bool scheduled_add(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct scheduled *s = of(request);
    const char *id = json_get_string(request_json(c, request), s->member);
    const struct agent *agent;

    if (failed(c) || !policy_check(c, s->add_rule, NULL) || !(agent = agent_of(c, request)))
        return false;
    if (!id)
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Unable to find '%s' in request body", s->member));
    if (!rest_find_any(c, s->resource, id) || hosted_elsewhere(c, s, id, agent) || !db_begin(c))
        return false;
    if (!db_exec(c, ctx_printf(c, "INSERT INTO %s (%s, agent_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", s->table, s->column), T(id), T(agent->id))) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    if (s == &networks)
        tell(c, TOPIC_DHCP_AGENT, agent->host, DHCP_NETWORK_CREATE_END, json_pack("{s:{s:s}, s:i}", "network", "id", id, "priority", PRIORITY_NETWORK_CREATE));
    else
        tell(c, TOPIC_L3_AGENT, agent->host, L3_ROUTER_ADDED_TO_AGENT, json_pack("[s]", id));
    reply_text(reply, NULL, "null");
    return true;
}

/* --- removing ------------------------------------------------------------------------------------------------- */

static bool scheduled_remove(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct scheduled *s = of(request);
    const char *id = request_arg(request, "member");
    const struct agent *agent;
    int64_t gone = 0;

    if (!policy_check(c, s->remove_rule, NULL) || !(agent = agent_of(c, request)) || !rest_find_any(c, s->resource, id) || !db_begin(c))
        return false;
    if (!db_changed(c, &gone, ctx_printf(c, "DELETE FROM %s WHERE %s = $1 AND agent_id = $2", s->table, s->column), T(id), T(agent->id))) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    if (!gone)
        return s == &networks ? fail(c, NETWORK_NOT_HOSTED, id, agent->id) : fail(c, ROUTER_NOT_HOSTED, id, agent->id);
    if (s == &networks)
        tell(c, TOPIC_DHCP_AGENT, agent->host, DHCP_NETWORK_DELETE_END, json_pack("{s:s, s:i}", "network_id", id, "priority", PRIORITY_NETWORK_DELETE));
    else
        tell(c, TOPIC_L3_AGENT, agent->host, L3_ROUTER_REMOVED_FROM_AGENT, json_pack("{s:s}", "router_id", id));
    return true;
}

const struct route scheduler_routes[] = {
    { "GET", "/v2.0/agents/{id}/dhcp-networks", scheduled_list, 200, ROUTE_NO_POLICY, .data = &networks },
    { "POST", "/v2.0/agents/{id}/dhcp-networks", scheduled_add, 201, ROUTE_NO_POLICY, .data = &networks },
    { "DELETE", "/v2.0/agents/{id}/dhcp-networks/{member}", scheduled_remove, 204, ROUTE_NO_POLICY, .data = &networks },
    { "GET", "/v2.0/networks/{id}/dhcp-agents", agents_list, 200, ROUTE_NO_POLICY, .data = &networks },
    { "GET", "/v2.0/agents/{id}/l3-routers", scheduled_list, 200, ROUTE_NO_POLICY, .data = &routers },
    { "POST", "/v2.0/agents/{id}/l3-routers", scheduled_add, 201, ROUTE_NO_POLICY, .data = &routers },
    { "DELETE", "/v2.0/agents/{id}/l3-routers/{member}", scheduled_remove, 204, ROUTE_NO_POLICY, .data = &routers },
    { "GET", "/v2.0/routers/{id}/l3-agents", agents_list, 200, ROUTE_NO_POLICY, .data = &routers },
    {}
};
