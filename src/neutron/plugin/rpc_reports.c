/* Agents report that they live. See rpc/reports.h. */
#include "neutron/plugin/objects/objects.h"
#include "neutron/plugin/schedule.h"
#include "neutron/rpc/reports.h"
#include "neutron/rpc/servers.h"

/* What was sent before this server started is older than what it knows. */
static int64_t reports_since;

void reports_start(void)
{
    reports_since = clock_us();
}

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

/* Only DHCP agents say how much they do. */
static int64_t load_of(const json_t *state)
{
    return text_equal(json_get_string(state, "agent_type"), AGENT_TYPE_DHCP) ? json_get_int(json_object_get(state, "configurations"), "networks", 0) : 0;
}

static bool agent_write(struct ctx *c, const json_t *state, int64_t now)
{
    json_t *configurations = json_object_get(state, "configurations"), *versions = json_object_get(state, "resource_versions");
    raw_json conf = configurations ? json_text(c, configurations) : (raw_json){ ctx_strdup(c, "{}") };
    raw_json vers = json_object_size(versions) ? json_text(c, versions) : (raw_json){ ctx_strdup(c, "{}") };
    bool start = json_get_bool(state, "start_flag", false);

    return db_exec(c, "INSERT INTO agents (id, agent_type, program, topic, host, admin_state_up, created_at, started_at, heartbeat_timestamp,"
                   " availability_zone, configurations, resource_versions, load) VALUES ($1, $2, $3, $4, $5, TRUE, $6, $6, $6, $7, $8, $9, $11)"
                   " ON CONFLICT (agent_type, host) DO UPDATE SET heartbeat_timestamp = excluded.heartbeat_timestamp, topic = excluded.topic,"
                   " program = excluded.program, availability_zone = excluded.availability_zone, configurations = excluded.configurations,"
                   " started_at = CASE WHEN $10 THEN excluded.started_at ELSE agents.started_at END, load = excluded.load,"
                   " resource_versions = CASE WHEN excluded.resource_versions = '{}' THEN agents.resource_versions ELSE excluded.resource_versions END",
                   T(uuid_new(c)), T(text_or(state, "agent_type", "")), T(text_or(state, "binary", "")), T(text_or(state, "topic", "N/A")),
                   T(text_or(state, "host", "")), I(now), T(json_get_string(state, "availability_zone")), T(conf.text), T(vers.text), B(start),
                   I(load_of(state)));
}

/* What agents copy of objects, told to the other servers too. */
static void versions_spread(struct ctx *c, const json_t *state)
{
    struct target servers = { .exchange = NEUTRON_EXCHANGE, .topic = TOPIC_RESOURCE_VERSIONS, .version = RESOURCE_VERSIONS_VERSION, .fanout = true };
    json_t *versions = json_object_get(state, "resource_versions");

    if (!json_object_size(versions))
        return;
    versions_reported(json_get_string(state, "agent_type"), json_get_string(state, "host"), versions);
    if (!rpc_cast(c, &servers, REPORTS_AGENT_RESOURCE_VERSIONS,
                  ctx_json(c, json_pack("{s:O, s:O, s:O}", "agent_type", json_object_get(state, "agent_type"), "agent_host", json_object_get(state, "host"),
                                        "version_map", versions))))
        fault_clear(c);
}

static bool is_stale(const json_t *args)
{
    utc_time said;

    return time_parse(json_get_string(args, "time") ? json_get_string(args, "time") : "", &said) && said.us < reports_since;
}

static bool report_take(struct ctx *c, const json_t *state, const char **ret_status)
{
    int64_t before = 0;
    struct rows *rows = db_query(c, "SELECT heartbeat_timestamp FROM agents WHERE agent_type = $1 AND host = $2", T(json_get_string(state, "agent_type")),
                                 T(json_get_string(state, "host")));
    bool known = db_next(rows);

    if (known)
        before = db_int(rows, 0);
    db_rows_end(rows);
    *ret_status = !known ? "new" : before > agents_alive_since() ? "alive" : "revived";
    return !failed(c) && agent_write(c, state, clock_us());
}

static bool report_state(struct ctx *c, json_t *args, json_t **ret_result)
{
    const json_t *state = json_object_get(json_object_get(args, "agent_state"), "agent_state");
    const char *status;

    if (!json_get_string(state, "agent_type") || !json_get_string(state, "host"))
        return fail(c, BAD_REQUEST, "agent_state needs agent_type and host");
    if (is_stale(args))
        return true;
    if (!db_begin(c))
        return false;
    db_relaxed(c);
    if (!report_take(c, state, &status)) {
        db_rollback(c);
        return false;
    }
    *ret_result = json_string(status);
    if (!db_commit(c))
        return false;
    versions_spread(c, state);
    return true;
}

const struct rpc_method report_methods[] = {
    { REPORTS_HAS_ALIVE_NEUTRON_SERVER, has_alive_neutron_server },
    { REPORTS_REPORT_STATE, report_state },
    {}
};

/* --- server to servers ------------------------------------------------------------------------------------------ */

static bool report_agent_resource_versions(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *agent_type = json_get_string(args, "agent_type"), *host = json_get_string(args, "agent_host");

    if (!agent_type || !host || !json_is_object(json_object_get(args, "version_map")))
        return fail(c, BAD_REQUEST, "a report of versions needs agent_type, agent_host and version_map");
    versions_reported(agent_type, host, json_object_get(args, "version_map"));
    return true;
}

const struct rpc_method resource_version_methods[] = {
    { REPORTS_AGENT_RESOURCE_VERSIONS, report_agent_resource_versions },
    {}
};
