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

enum { REPORT_US = 30000000 };

struct agent_counts agent_counts;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards bridges and every id_set */
static GHashTable *places;           /* network id -> struct place */

/* Where a network is on this host: its ports' bridge, and the mapped one, which may be another or none (NULL). */
struct place { char *bridge, *mapped; };

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
    bool ok = true;

    for (const struct datapath *const *d = datapaths; *d; d++)
        ok = (*d)->leave(c) && ok;
    return ok;
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
    static const struct rpc_options now = { .at_least_once = true };     /* where there is none yet, another try is better than a wait */
    struct target target = { .exchange = NEUTRON_EXCHANGE, .topic = topic, .version = version };

    c->who.is_admin = true;
    return rpc_call(c, &target, method, ctx_json(c, args), &now);
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

static void place_free(void *data)
{
    struct place *p = data;

    g_free(p->bridge);
    g_free(p->mapped);
    g_free(p);
}

static bool place_known(struct ctx *c, const char *network_id, struct place *ret)
{
    const struct place *known;

    pthread_mutex_lock(&lock);
    if ((known = places ? g_hash_table_lookup(places, network_id) : NULL))
        *ret = (struct place){ ctx_strdup(c, known->bridge), ctx_strdup(c, known->mapped) };
    pthread_mutex_unlock(&lock);
    return known != NULL;
}

/* Asks the plugin once a network. */
static bool place_find(struct ctx *c, const char *network_id, struct place *ret)
{
    struct place *p;
    const char *physical, *mapped;
    json_t *network;

    if (place_known(c, network_id, ret))
        return true;
    network = plugin_call(c, TOPIC_PLUGIN, L2_PLUGIN_VERSION, L2_GET_NETWORK_DETAILS,
                          json_pack("{s:s, s:s, s:s}", "network", network_id, "agent_id",
                                    ctx_printf(c, "%s%s", datapath()->agent->agent_id, agent_host()), "host", agent_host()));
    if (!network)
        return false;
    physical = json_get_string(network, "provider:physical_network");
    mapped = text_equal(json_get_string(network, "provider:network_type"), "flat") && physical ? mapped_bridge(c, physical) : NULL;
    p = g_new0(struct place, 1);
    p->bridge = g_strdup(datapath()->integration_bridge ? datapath()->integration_bridge() : mapped ?: port_device(c, "brq", network_id));
    p->mapped = g_strdup(mapped);
    *ret = (struct place){ ctx_strdup(c, p->bridge), ctx_strdup(c, p->mapped) };
    pthread_mutex_lock(&lock);
    if (!places)
        places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, place_free);
    g_hash_table_insert(places, g_strdup(network_id), p);
    pthread_mutex_unlock(&lock);
    return true;
}

const char *network_bridge(struct ctx *c, const char *network_id)
{
    struct place place;

    if (datapath()->integration_bridge)
        return datapath()->integration_bridge();
    return place_find(c, network_id, &place) ? place.bridge : NULL;
}

bool network_mapped_bridge(struct ctx *c, const char *network_id, const char **ret_bridge)
{
    struct place place = {};

    if (!place_find(c, network_id, &place))
        return false;
    *ret_bridge = place.mapped;
    return true;
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

bool resync_due(struct resync *r, bool *ret_missed)
{
    int64_t now = clock_mono_us();
    bool missed = atomic_exchange(&r->missed, false), due = missed || now >= r->at;

    if (due)
        r->at = now + RESYNC_US;
    if (ret_missed)
        *ret_missed = missed;
    return due;
}

void resync_missed(struct resync *r)
{
    atomic_store(&r->missed, true);
}

/* ---- reports ------------------------------------------------------------------------------------------------- */

json_t *bridge_mappings(struct ctx *c)
{
    json_t *mappings = json_object();

    for (char **pair = text_split(c, agent_options()->bridge_mappings ?: "", ','); *pair; pair++)
        if (strchr(*pair, ':'))
            json_object_set_new(mappings, ctx_strndup(c, *pair, strcspn(*pair, ":")), json_string(strchr(*pair, ':') + 1));
    return mappings;
}

static json_t *l2_configurations(struct ctx *c)
{
    return json_pack("{s:o, s:{}, s:i, s:[s], s:s, s:[], s:b, s:b}", "bridge_mappings", bridge_mappings(c), "interface_mappings", "devices",
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
                     "interface_driver", datapath()->agent->interface_driver, "extensions", "log_agent_heartbeats", 0, "routers", agent_counts.routers,
                     "ex_gw_ports", agent_counts.ex_gw_ports, "interfaces", agent_counts.interfaces, "floating_ips", agent_counts.floating_ips);
}

static json_t *metadata_configurations(struct ctx *c)
{
    return json_pack("{s:s, s:s, s:i, s:b}", "metadata_proxy_socket", "", "nova_metadata_host", "127.0.0.1", "nova_metadata_port",
                     metadata_api_port(), "log_agent_heartbeats", 0);
}

const struct l2_identity agent_linuxbridge = {
    .binary = "neutron-linuxbridge-agent", .agent_type = AGENT_TYPE_LINUXBRIDGE, .agent_id = "lb-agent-", .interface_driver = "linuxbridge",
    .configurations = l2_configurations,
};

static const struct reporter {
    const char *binary, *agent_type, *topic;
    bool zoned;                      /* has an availability zone */
    json_t *(*configurations)(struct ctx *);
} reporters[] = {
    { NULL, NULL, "N/A", false, NULL },          /* the data path's */
    { "neutron-dhcp-agent", AGENT_TYPE_DHCP, TOPIC_DHCP_AGENT, true, dhcp_configurations },
    { "neutron-l3-agent", AGENT_TYPE_L3, TOPIC_L3_AGENT, true, l3_configurations },
    { "neutron-metadata-agent", AGENT_TYPE_METADATA, "N/A", true, metadata_configurations },
};

static bool report_one(struct ctx *c, const struct reporter *r, const char *host, bool first)
{
    const struct l2_identity *l2 = datapath()->agent;
    json_t *state = json_pack("{s:s, s:s, s:s, s:s, s:o}", "binary", r->binary ?: l2->binary, "host", host, "topic", r->topic,
                              "agent_type", r->agent_type ?: l2->agent_type, "configurations", (r->configurations ?: l2->configurations)(c));
    char time[TIME_TEXT_SIZE];

    if (r->zoned)
        json_object_set_new(state, "availability_zone", json_string("nova"));
    if (first)
        json_object_set_new(state, "start_flag", json_true());
    return plugin_call(c, TOPIC_REPORTS, REPORTS_VERSION, REPORTS_REPORT_STATE,
                       json_pack("{s:{s:o}, s:s}", "agent_state", "agent_state", state, "time", time_write(time, utc_now(), TIME_ISO_MICRO))) != NULL;
}

/* One that failed is tried again with the next round. A simulated host has an L2 agent alone. */
static bool report_all(struct ctx *c)
{
    static bool started;
    static int64_t due;
    bool ok = true;

    if (clock_mono_us() < due)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(reporters) && ok; i++)
        ok = report_one(c, &reporters[i], agent_host(), !started);
    for (const char *const *host = host_names() + 1; *host && ok; host++)
        ok = report_one(c, &reporters[0], *host, !started);
    started = started || ok;
    if (ok)
        due = clock_mono_us() + REPORT_US;
    return ok;
}

const struct worker agent_report_worker = { .name = "agent-reports", .role = "network", .run = report_all, .every_us = 2000000 };
