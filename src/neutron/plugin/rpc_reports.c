/* Agents report that they live. See rpc/reports.h. */
#include "neutron/plugin/schedule.h"
#include "neutron/rpc/reports.h"
#include "neutron/rpc/servers.h"

static bool has_alive_neutron_server(struct ctx *c, json_t *args, json_t **ret_result)
{
    *ret_result = json_true();
    return true;
}

static const char *text_or(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_get_string(object, key);

    return text ? text : otherwise;
}

static bool agent_write(struct ctx *c, const json_t *state, int64_t now)
{
    json_t *configurations = json_object_get(state, "configurations"), *versions = json_object_get(state, "resource_versions");
    raw_json conf = configurations ? json_text(c, configurations) : (raw_json){ ctx_strdup(c, "{}") };
    raw_json vers = versions ? json_text(c, versions) : (raw_json){ ctx_strdup(c, "{}") };
    bool start = json_get_bool(state, "start_flag", false);

    return db_exec(c, "INSERT INTO agents (id, agent_type, program, topic, host, admin_state_up, created_at, started_at, heartbeat_timestamp,"
                   " availability_zone, configurations, resource_versions, load) VALUES ($1, $2, $3, $4, $5, TRUE, $6, $6, $6, $7, $8, $9, 0)"
                   " ON CONFLICT (agent_type, host) DO UPDATE SET heartbeat_timestamp = excluded.heartbeat_timestamp, topic = excluded.topic,"
                   " program = excluded.program, availability_zone = excluded.availability_zone, configurations = excluded.configurations,"
                   " started_at = CASE WHEN $10 THEN excluded.started_at ELSE agents.started_at END,"
                   " resource_versions = CASE WHEN excluded.resource_versions = '{}' THEN agents.resource_versions ELSE excluded.resource_versions END",
                   T(uuid_new(c)), T(text_or(state, "agent_type", "")), T(text_or(state, "binary", "")), T(text_or(state, "topic", "N/A")),
                   T(text_or(state, "host", "")), I(now), T(json_get_string(state, "availability_zone")), T(conf.text), T(vers.text), B(start));
}

static bool report_state(struct ctx *c, json_t *args, json_t **ret_result)
{
    const json_t *state = json_object_get(json_object_get(args, "agent_state"), "agent_state");
    int64_t now = clock_us(), before = 0;
    struct rows *rows;
    bool known;

    if (!json_get_string(state, "agent_type") || !json_get_string(state, "host"))
        return fail(c, BAD_REQUEST, "agent_state needs agent_type and host");
    if (!db_begin(c))
        return false;
    db_relaxed(c);
    rows = db_query(c, "SELECT heartbeat_timestamp FROM agents WHERE agent_type = $1 AND host = $2", T(json_get_string(state, "agent_type")),
                    T(json_get_string(state, "host")));
    if ((known = db_next(rows)))
        before = db_int(rows, 0);
    db_rows_end(rows);
    if (failed(c) || !agent_write(c, state, now)) {
        db_rollback(c);
        return false;
    }
    *ret_result = json_string(!known ? "new" : before > agents_alive_since() ? "alive" : "revived");
    return db_commit(c);
}

const struct rpc_method report_methods[] = {
    { REPORTS_HAS_ALIVE_NEUTRON_SERVER, has_alive_neutron_server },
    { REPORTS_REPORT_STATE, report_state },
    {}
};
