/* An agent: a process on some host that does the network's work and reports that it lives. */
#include <string.h>

#include "neutron/neutron.h"
#include "neutron/rpc/dhcp.h"
#include "oslo/messaging/messaging.h"

const struct attr agent_attrs[] = {
    ATTR(struct agent, id,                  FILTER | SORT),
    ATTR(struct agent, agent_type,          FILTER | SORT),
    ATTR(struct agent, binary,              FILTER | SORT, .column = "program"),
    ATTR(struct agent, topic,               FILTER | SORT),
    ATTR(struct agent, host,                FILTER | SORT),
    ATTR(struct agent, admin_state_up,      UPDATE | FILTER | SORT, .unset = "true"),
    ATTR(struct agent, created_at,          SORT | CREATED_AT | HIDDEN),
    ATTR(struct agent, started_at,          SORT | HIDDEN),
    ATTR(struct agent, heartbeat_timestamp, SORT | HIDDEN),
    ATTR(struct agent, description,         UPDATE | FILTER | SORT | NULLABLE, .max = 255),
    ATTR(struct agent, resources_synced,    0),
    ATTR(struct agent, availability_zone,   FILTER),
    ATTR(struct agent, alive,               DERIVED),
    ATTR(struct agent, configurations,      0, .unset = "{}"),
    ATTR(struct agent, resource_versions,   HIDDEN, .unset = "{}"),
    ATTR(struct agent, load,                HIDDEN, .unset = "0"),
    {}
};

static int64_t alive_since(void)
{
    return clock_us() - neutron_options()->agent_down_time * 1000000;
}

static bool agent_fill(struct ctx *c, void *const *page, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct agent *agent = page[i];

        agent->alive = agent->heartbeat_timestamp.us > alive_since();
    }
    return true;
}

/* The original writes these times with a blank and no zone. */
static void time_show(struct out *o, const char *key, utc_time time)
{
    char text[TIME_TEXT_SIZE];

    time_write(text, time, TIME_SPACE_MICRO);
    text[strcspn(text, ".")] = 0;
    out_string(o, key, text);
}

static void agent_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct agent *agent = record;

    time_show(o, "created_at", agent->created_at);
    time_show(o, "started_at", agent->started_at);
    time_show(o, "heartbeat_timestamp", agent->heartbeat_timestamp);
}

/* An agent that is switched on or off is told. */
static bool agent_committed(struct ctx *c, const struct change *ch)
{
    const struct agent *agent = ch->now;
    struct target to = { .exchange = NEUTRON_EXCHANGE, .topic = agent ? agent->topic : NULL, .server = agent ? agent->host : NULL, .version = "1.0" };

    if (!agent || !asked(ch, "admin_state_up") || !strcmp(agent->topic, "N/A"))
        return true;
    rpc_cast(c, &to, DHCP_AGENT_UPDATED, ctx_json(c, json_pack("{s:{s:b}}", "payload", "admin_state_up", agent->admin_state_up)));
    fault_clear(c);
    return true;
}

static bool agent_visible(struct ctx *c, struct sql *s)
{
    sql_add(s, " AND 1 = 0");
    return true;
}

static bool agent_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    bool alive;

    if (strcmp(name, "alive"))
        return true;
    *ret_taken = true;
    if (!text_to_bool(values[0], &alive))
        return invalid_input(c, "'%s' cannot be converted to boolean", values[0]);
    sql_add(s, alive ? " AND t.heartbeat_timestamp > ?" : " AND t.heartbeat_timestamp <= ?", I(alive_since()));
    return true;
}

const struct resource agent_resource = {
    .name = "agent", .plural = "agents", .size = sizeof(struct agent), .attrs = agent_attrs, .flags = NO_CREATE,
    .fill = agent_fill, .write = agent_write, .committed = agent_committed, .visible = agent_visible, .filter = agent_filter,
};
