/* What the agents share: how they call the plugin, the names of devices and bridges, what was noted; and their reports. */
#include "neutron/agent/agent.h"

#include <pthread.h>
#include <string.h>

#include "neutron/rpc/dhcp.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/l3.h"
#include "neutron/rpc/reports.h"
#include "oslo/base/log.h"
#include "oslo/trace/trace.h"

struct agent_counts agent_counts;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards bridges and every id_set */
static GHashTable *bridges;          /* network id -> bridge */

static bool report_all(struct ctx *);
static void links_changed(void);

bool agents_start(struct ctx *c)
{
    if (!datapath()->start(c, links_changed))
        return false;
    if (!report_all(c)) {
        log_warning(c, "the agents' first report failed: %s", c->fault.message);
        fault_clear(c);
    }
    return true;
}

void agents_stop(void)
{
    metadata_stop();
    dhcp_agent_stop();
    datapath()->stop();
}

bool agents_leave(struct ctx *c)
{
    return datapath_linuxbridge.leave(c);
}

static void links_changed(void)
{
    worker_wake(&l2_agent_worker);
}

const char *agent_host(void)
{
    return common_options->host;
}

/* ---- calling the plugin -------------------------------------------------------------------------------------- */

json_t *plugin_call(struct ctx *c, const char *topic, const char *version, const char *method, json_t *args)
{
    struct target target = { .exchange = NEUTRON_EXCHANGE, .topic = topic, .version = version };

    c->who.is_admin = true;
    return rpc_call(c, &target, method, ctx_json(c, args), NULL);
}

char *port_device(struct ctx *c, const char *prefix, const char *port_id)
{
    return ctx_printf(c, "%s%.*s", prefix, DEVICE_ID, port_id);
}

/* The bridge of a physical network, from "physnet1:br-ex,physnet2:br2"; NULL if it has none. */
static const char *mapped_bridge(struct ctx *c, const char *physical_network)
{
    for (char **pair = text_split(c, agent_options()->bridge_mappings ?: "", ','); *pair; pair++) {
        const char *colon = strchr(*pair, ':');

        if (colon && (size_t)(colon - *pair) == strlen(physical_network) && strncmp(*pair, physical_network, strlen(physical_network)) == 0)
            return colon + 1;
    }
    return NULL;
}

const char *network_bridge(struct ctx *c, const char *network_id)
{
    const char *bridge, *physical;
    json_t *network;

    pthread_mutex_lock(&lock);
    bridge = bridges ? ctx_strdup(c, g_hash_table_lookup(bridges, network_id)) : NULL;
    pthread_mutex_unlock(&lock);
    if (bridge)
        return bridge;
    network = plugin_call(c, TOPIC_PLUGIN, L2_PLUGIN_VERSION, L2_GET_NETWORK_DETAILS,
                          json_pack("{s:s, s:s, s:s}", "network", network_id, "agent_id", ctx_printf(c, "lb-agent-%s", agent_host()), "host", agent_host()));
    if (!network)
        return NULL;
    physical = json_get_string(network, "provider:physical_network");
    bridge = text_equal(json_get_string(network, "provider:network_type"), "flat") && physical ? mapped_bridge(c, physical) : NULL;
    bridge = bridge ?: port_device(c, "brq", network_id);
    pthread_mutex_lock(&lock);
    if (!bridges)
        bridges = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(bridges, g_strdup(network_id), g_strdup(bridge));
    pthread_mutex_unlock(&lock);
    return bridge;
}

void ids_note(struct ctx *c, struct id_set *set, const char *id)
{
    if (!id)
        return;
    pthread_mutex_lock(&lock);
    if (!set->ids) {
        set->ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        set->request_id = g_strdup(c->request_id);
        set->global_request_id = g_strdup(c->global_request_id);
        set->span = span_id(c);
    }
    g_hash_table_add(set->ids, g_strdup(id));
    pthread_mutex_unlock(&lock);
}

char **ids_take(struct ctx *c, struct id_set *set)
{
    GHashTableIter i;
    char **list;
    void *id;
    int n = 0;

    pthread_mutex_lock(&lock);
    list = ctx_new_n(c, char *, (set->ids ? g_hash_table_size(set->ids) : 0) + 1);
    if (set->ids) {
        g_hash_table_iter_init(&i, set->ids);
        while (g_hash_table_iter_next(&i, &id, NULL))
            list[n++] = ctx_strdup(c, id);
        g_clear_pointer(&set->ids, g_hash_table_unref);
        if (!c->span && set->request_id) {
            c->request_id = ctx_strdup(c, set->request_id);
            c->global_request_id = ctx_strdup(c, set->global_request_id);
            span_continue(c, set->span);
        }
        g_clear_pointer(&set->request_id, g_free);
        g_clear_pointer(&set->global_request_id, g_free);
    }
    pthread_mutex_unlock(&lock);
    return list;
}

/* ---- reports ------------------------------------------------------------------------------------------------- */

static json_t *l2_configurations(struct ctx *c)
{
    json_t *mappings = json_object();

    for (char **pair = text_split(c, agent_options()->bridge_mappings ?: "", ','); *pair; pair++)
        if (strchr(*pair, ':'))
            json_object_set_new(mappings, ctx_strndup(c, *pair, strcspn(*pair, ":")), json_string(strchr(*pair, ':') + 1));
    return json_pack("{s:o, s:{}, s:i, s:[s], s:s, s:[], s:b, s:b}", "bridge_mappings", mappings, "interface_mappings", "devices",
                     agent_counts.devices, "tunnel_types", "vxlan", "tunneling_ip", "", "extensions", "l2_population", 0, "log_agent_heartbeats", 0);
}

static json_t *dhcp_configurations(struct ctx *c)
{
    return json_pack("{s:s, s:I, s:b, s:i, s:i, s:i}", "dhcp_driver", "nacre", "dhcp_lease_duration", (json_int_t)agent_options()->dhcp_lease_duration,
                     "log_agent_heartbeats", 0, "networks", agent_counts.networks, "ports", agent_counts.dhcp_ports, "subnets", agent_counts.subnets);
}

static json_t *l3_configurations(struct ctx *c)
{
    return json_pack("{s:s, s:b, s:s, s:[], s:b, s:i, s:i, s:i, s:i}", "agent_mode", "legacy", "handle_internal_only_routers", 1,
                     "interface_driver", "linuxbridge", "extensions", "log_agent_heartbeats", 0, "routers", agent_counts.routers,
                     "ex_gw_ports", agent_counts.ex_gw_ports, "interfaces", agent_counts.interfaces, "floating_ips", agent_counts.floating_ips);
}

static json_t *metadata_configurations(struct ctx *c)
{
    return json_pack("{s:s, s:s, s:i, s:b}", "metadata_proxy_socket", "", "nova_metadata_host", "127.0.0.1", "nova_metadata_port",
                     metadata_api_port(), "log_agent_heartbeats", 0);
}

static const struct reporter {
    const char *binary, *agent_type, *topic;
    bool zoned;                      /* has an availability zone */
    json_t *(*configurations)(struct ctx *);
} reporters[] = {
    { "neutron-linuxbridge-agent", AGENT_TYPE_LINUXBRIDGE, "N/A", false, l2_configurations },
    { "neutron-dhcp-agent", AGENT_TYPE_DHCP, TOPIC_DHCP_AGENT, true, dhcp_configurations },
    { "neutron-l3-agent", AGENT_TYPE_L3, TOPIC_L3_AGENT, true, l3_configurations },
    { "neutron-metadata-agent", AGENT_TYPE_METADATA, "N/A", true, metadata_configurations },
};

static bool report_all(struct ctx *c)
{
    static bool started;
    bool ok = true;

    for (size_t i = 0; i < G_N_ELEMENTS(reporters) && ok; i++) {
        const struct reporter *r = &reporters[i];
        json_t *state = json_pack("{s:s, s:s, s:s, s:s, s:o}", "binary", r->binary, "host", agent_host(), "topic", r->topic,
                                  "agent_type", r->agent_type, "configurations", r->configurations(c));
        char time[TIME_TEXT_SIZE];

        if (r->zoned)
            json_object_set_new(state, "availability_zone", json_string("nova"));
        if (!started)
            json_object_set_new(state, "start_flag", json_true());
        ok = plugin_call(c, TOPIC_REPORTS, REPORTS_VERSION, REPORTS_REPORT_STATE,
                         json_pack("{s:{s:o}, s:s}", "agent_state", "agent_state", state, "time", time_write(time, utc_now(), TIME_ISO_MICRO))) != NULL;
    }
    started = started || ok;
    return ok;
}

const struct worker agent_report_worker = { .name = "agent-reports", .role = "network", .run = report_all, .every_us = 30000000 };
