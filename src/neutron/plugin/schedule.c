/* Which agent serves which network and router. */
#include "neutron/plugin/schedule.h"

#include "neutron/rpc/topics.h"

static const struct served {
    const char *agent_type, *table, *column;
    const char *needy;               /* may $1 be served? counts */
    const char *all;                 /* ids of all that may be served and have no agent */
} network_kind = {
    AGENT_TYPE_DHCP, "network_dhcp_agents", "network_id",
    "SELECT count(*) FROM subnets s JOIN networks n ON n.id = s.network_id WHERE s.network_id = $1 AND s.enable_dhcp AND n.admin_state_up",
    "SELECT DISTINCT s.network_id FROM subnets s JOIN networks n ON n.id = s.network_id WHERE s.enable_dhcp AND n.admin_state_up"
    " AND s.network_id NOT IN (SELECT network_id FROM network_dhcp_agents)",
}, router_kind = {
    AGENT_TYPE_L3, "router_l3_agents", "router_id",
    "SELECT count(*) FROM routers WHERE id = $1 AND admin_state_up",
    "SELECT id FROM routers WHERE admin_state_up AND id NOT IN (SELECT router_id FROM router_l3_agents)",
};

int64_t agents_alive_since(void)
{
    return clock_us() - neutron_options()->agent_down_time * 1000000;
}

static const char *const *texts_read(struct ctx *c, struct rows *rows)
{
    GPtrArray *list = g_ptr_array_new();
    const char **texts;

    while (db_next(rows))
        g_ptr_array_add(list, db_text(rows, 0));
    texts = ctx_new_n(c, const char *, list->len + 1);
    for (guint i = 0; i < list->len; i++)
        texts[i] = list->pdata[i];
    g_ptr_array_free(list, TRUE);
    return texts;
}

static bool give(struct ctx *c, const struct served *kind, const char *id, const char *agent_id)
{
    return db_exec(c, ctx_printf(c, "INSERT INTO %s (%s, agent_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", kind->table, kind->column),
                   T(id), T(agent_id));
}

static bool in_transaction(struct ctx *c, bool ok)
{
    if (ok && !failed(c))
        return db_commit(c);
    db_rollback(c);
    return false;
}

/* The alive agent with the least to do gets it. */
static bool schedule_one(struct ctx *c, const struct served *kind, const char *id)
{
    char *agent;

    if (!db_begin(c))
        return false;
    agent = db_get_text(c, ctx_printf(c, "SELECT a.id FROM agents a WHERE a.agent_type = $1 AND a.admin_state_up AND a.heartbeat_timestamp > $2"
                                      " ORDER BY (SELECT count(*) FROM %s b WHERE b.agent_id = a.id), a.id LIMIT 1", kind->table),
                        T(kind->agent_type), I(agents_alive_since()));
    return in_transaction(c, !agent || give(c, kind, id, agent));
}

static const char *const *hosts_read(struct ctx *c, const struct served *kind, const char *id)
{
    return texts_read(c, db_query(c, ctx_printf(c, "SELECT a.host FROM agents a JOIN %s b ON b.agent_id = a.id WHERE b.%s = $1 AND a.admin_state_up",
                                                kind->table, kind->column), T(id)));
}

static const char *const *hosts(struct ctx *c, const struct served *kind, const char *id, bool *ret_new)
{
    const char *const *list = hosts_read(c, kind, id);

    *ret_new = false;
    if (*list || failed(c) || !db_count(c, kind->needy, T(id)) || failed(c) || !schedule_one(c, kind, id))
        return list;
    list = hosts_read(c, kind, id);
    *ret_new = *list != NULL;
    return list;
}

const char *const *network_hosts(struct ctx *c, const char *network_id, bool *ret_new)
{
    return hosts(c, &network_kind, network_id, ret_new);
}

const char *const *router_hosts(struct ctx *c, const char *router_id, bool *ret_new)
{
    return hosts(c, &router_kind, router_id, ret_new);
}

static bool schedule_all(struct ctx *c, const struct served *kind, const char *host)
{
    char *agent = db_get_text(c, "SELECT id FROM agents WHERE agent_type = $1 AND host = $2 AND admin_state_up", T(kind->agent_type), T(host));
    const char *const *ids = texts_read(c, db_query(c, kind->all));
    bool ok = true;

    if (!agent || !*ids || failed(c))
        return !failed(c);
    if (!db_begin(c))
        return false;
    for (; ok && *ids; ids++)
        ok = give(c, kind, *ids, agent);
    return in_transaction(c, ok);
}

bool schedule_networks(struct ctx *c, const char *host)
{
    return schedule_all(c, &network_kind, host);
}

bool schedule_routers(struct ctx *c, const char *host)
{
    return schedule_all(c, &router_kind, host);
}
