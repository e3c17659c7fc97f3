/* The L2 agent: each port's device on the bridge of its network, its security groups in force, its state told to the plugin.
 *
 * A round looks at what changed (devices that came or went, ports and groups that the plugin named), asks for their details in
 * one call, wires them by one batch, loads one ruleset, and reports. On a data path without devices of its own (sim) every port
 * bound to this host counts as plugged.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "neutron/agent/agent.h"
#include "neutron/agent/firewall.h"
#include "neutron/agent/security.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/metadata.h"
#include "oslo/base/log.h"

struct l2_port {
    char *port_id, *network_id, *device, *bridge;
    int64_t mtu;
    unsigned index, zone;
    bool guarded, up;
    bool closed;                     /* its rules do not load */
};

/* Noted by handlers, taken by the worker. */
static struct id_set changed_ports, gone_ports, gone_networks, changed_groups;

/* The worker's own. */
static GHashTable *ports;            /* device -> struct l2_port */
static GHashTable *strangers;        /* devices the plugin does not know, until it names a port */
static GHashTable *leaving;          /* bridges of networks that are gone, until nothing is on them */
static struct security *security;
static bool used_indexes[65536];     /* by ports */
static struct resync resync;
static bool compared;                /* everything was compared since the start, or since something was missed */

static const char *device_of(struct ctx *, const char *port_id);
static const char *agent_id(struct ctx *);
static void forget_gone(struct ctx *, GHashTable *ask, GPtrArray *down);
static void find_new(struct ctx *, GHashTable *ask, GPtrArray *down);
static bool find_bound(struct ctx *, GHashTable *ask);
static bool learn_details(struct ctx *, GHashTable *ask, GPtrArray *up, GPtrArray *down);
static bool enforce(struct ctx *, const GPtrArray *fresh);
static bool report(struct ctx *, GPtrArray *up, GPtrArray *down);
static void remove_networks(struct ctx *);

static void port_free(void *port)
{
    struct l2_port *p = port;

    used_indexes[p->index] = false;
    g_free(p->port_id);
    g_free(p->network_id);
    g_free(p->device);
    g_free(p->bridge);
    g_free(p);
}

static bool l2_round(struct ctx *c)
{
    GHashTable *ask = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))(void *)g_hash_table_unref);
    GPtrArray *up = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    GPtrArray *down = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    bool missed, full = resync_due(&resync, &missed), ok;

    if (!ports) {
        ports = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, port_free);
        strangers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        leaving = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        security = security_new();
    }
    compared = compared && !missed;
    if (full)
        g_hash_table_remove_all(strangers);
    forget_gone(c, ask, down);
    find_new(c, ask, down);
    ok = (!datapath()->tunnels || datapath()->tunnels(c)) && (!full || find_bound(c, ask)) && learn_details(c, ask, up, down) && enforce(c, up) && report(c, up, down);
    if (ok)
        remove_networks(c);
    else
        resync_missed(&resync);          /* what was noted is lost */
    compared = ok && (compared || full);
    agent_counts.devices = (int)g_hash_table_size(ports);
    return ok;
}

const struct worker l2_agent_worker = { .name = "l2-agent", .role = "network", .run = l2_round, .every_us = 2000000 };

/* What the data path calls the port; a device's own name is left alone. */
static const char *device_of(struct ctx *c, const char *port_id)
{
    return datapath()->agent->by_port_id || g_str_has_prefix(port_id, "tap") ? port_id : port_device(c, "tap", port_id);
}

static const char *agent_id(struct ctx *c)
{
    return ctx_printf(c, "%s%s", datapath()->agent->agent_id, agent_host());
}

/* ---- what changed -------------------------------------------------------------------------------------------- */

/* A port that was deleted loses its device's place on the bridge at once: no rule guards it any more. */
static void cut_off(struct ctx *c, const char *device)
{
    struct wiring cut = { .device = device };

    if (!datapath()->wire(c, &cut, 1))
        fault_clear(c);
    g_hash_table_remove(ports, device);
    g_hash_table_add(strangers, g_strdup(device));
}

static void forget_gone(struct ctx *c, GHashTable *ask, GPtrArray *down)
{
    for (char **id = ids_take(c, &gone_ports); *id; id++) {
        const char *device = device_of(c, *id);

        if (g_hash_table_contains(ports, device))
            cut_off(c, device);
    }
    for (char **id = ids_take(c, &changed_ports); *id; id++) {
        g_hash_table_remove(strangers, device_of(c, *id));
        g_hash_table_add(ask, *id);
    }
}

static void find_new(struct ctx *c, GHashTable *ask, GPtrArray *down)
{
    char **devices = datapath()->devices ? datapath()->devices(c) : NULL;
    GHashTableIter i;
    void *device, *port, *id;

    if (!devices)
        return;
    /* Of the ports that were named, those whose device is here; then devices nobody named. */
    g_hash_table_iter_init(&i, ask);
    while (g_hash_table_iter_next(&i, &id, NULL))
        if (!text_in(device_of(c, id), (const char *const *)devices))
            g_hash_table_iter_remove(&i);
    for (char **d = devices; *d; d++)
        if (!g_hash_table_contains(ports, *d) && !g_hash_table_contains(strangers, *d))
            g_hash_table_add(ask, *d);
    g_hash_table_iter_init(&i, ports);
    while (g_hash_table_iter_next(&i, &device, &port))
        if (!text_in(device, (const char *const *)devices)) {
            g_ptr_array_add(down, ctx_strdup(c, ((struct l2_port *)port)->port_id));
            g_hash_table_iter_remove(&i);
        }
}

/* The ports that are known already, where their last change may have been missed; and without devices to look at, those the
 * plugin has bound here and not yet up. */
static bool find_bound(struct ctx *c, GHashTable *ask)
{
    const json_t *list, *port;
    GHashTableIter i;
    void *known;
    size_t k;

    g_hash_table_iter_init(&i, ports);
    while (!compared && g_hash_table_iter_next(&i, NULL, &known))
        g_hash_table_add(ask, ctx_strdup(c, ((struct l2_port *)known)->port_id));
    if (datapath()->devices)
        return true;
    list = plugin_call(c, TOPIC_PLUGIN, METADATA_VERSION, METADATA_GET_PORTS,
                       json_pack("{s:{s:[s], s:[s,s]}}", "filters", "binding:host_id", agent_host(), "status", "DOWN", "BUILD"));
    if (!list)
        return false;
    json_array_foreach(list, k, port)
        g_hash_table_add(ask, (void *)(uintptr_t)json_get_string(port, "id"));
    return true;
}

/* ---- details and wiring -------------------------------------------------------------------------------------- */

/* Marks live no longer than a packet: any number nobody uses will do. */
static unsigned free_index(void)
{
    static unsigned last;

    do
        last = last % 65535 + 1;
    while (used_indexes[last]);
    used_indexes[last] = true;
    return last;
}

/* A network's connections are tracked in a zone of its own, which must be the same after a restart: it comes from the id. What
 * crosses a mapped bridge is also seen by the host's own stack, which knows no zones. */
static unsigned zone_of(const char *network_id, const char *bridge)
{
    unsigned wanted = (unsigned)strtoul((char[]){ network_id[0], network_id[1], network_id[2], network_id[3], 0 }, NULL, 16) % 65535 + 1;
    GHashTableIter i;
    void *port;

    if (!g_str_has_prefix(bridge, "brq"))
        return 0;
    g_hash_table_iter_init(&i, ports);
    while (g_hash_table_iter_next(&i, NULL, &port)) {
        const struct l2_port *p = port;

        if (strcmp(p->network_id, network_id) == 0)
            return p->zone;
        if (p->zone == wanted) {
            wanted = wanted % 65535 + 1;
            g_hash_table_iter_init(&i, ports);
        }
    }
    return wanted;
}

static bool is_trusted(const char *owner)
{
    return owner && g_str_has_prefix(owner, "network:");
}

static struct l2_port *port_of(struct ctx *c, const json_t *details)
{
    const char *id = json_get_string(details, "port_id"), *network = json_get_string(details, "network_id");
    const char *device = device_of(c, id), *bridge = network_bridge(c, network);
    struct l2_port *p = g_hash_table_lookup(ports, device);

    if (!bridge)
        return NULL;
    if (!p) {
        p = g_new0(struct l2_port, 1);
        p->port_id = g_strdup(id);
        p->network_id = g_strdup(network);
        p->device = g_strdup(device);
        p->bridge = g_strdup(bridge);
        p->index = free_index();
        p->zone = zone_of(network, bridge);
        g_hash_table_insert(ports, p->device, p);
    }
    p->closed = false;
    p->mtu = json_get_int(details, "mtu", 0);
    p->up = json_get_bool(details, "admin_state_up", true);
    p->guarded = !is_trusted(json_get_string(details, "device_owner")) && json_get_bool(details, "port_security_enabled", true);
    return p;
}

/* up: the struct l2_port * to be reported up; down: ids of those that went. */
static bool learn_details(struct ctx *c, GHashTable *ask, GPtrArray *up, GPtrArray *down)
{
    json_t *devices = json_array();
    struct wiring *wirings = ctx_new_n(c, struct wiring, g_hash_table_size(ask) + 1);
    const json_t *list, *details;
    GHashTableIter i;
    size_t k, n = 0;
    void *id;

    g_hash_table_iter_init(&i, ask);
    while (g_hash_table_iter_next(&i, &id, NULL))
        json_array_append_new(devices, json_string(id));
    if (json_array_size(devices) == 0) {
        json_decref(devices);
        return true;
    }
    list = plugin_call(c, TOPIC_PLUGIN, L2_PLUGIN_VERSION, L2_GET_DEVICES_DETAILS_LIST,
                       json_pack("{s:o, s:s, s:s}", "devices", devices, "agent_id", agent_id(c), "host", agent_host()));
    if (!list)
        return false;
    json_array_foreach(list, k, details) {
        const char *device = json_get_string(details, "device");
        struct l2_port *p;

        if (!json_get_string(details, "port_id") || json_get_bool(details, "no_active_binding", false)) {
            device = device_of(c, device);
            if (g_hash_table_contains(ports, device))
                cut_off(c, device);
            else
                g_hash_table_add(strangers, g_strdup(device));
            continue;
        }
        if (!(p = port_of(c, details)))
            return false;
        wirings[n++] = (struct wiring){ .device = p->device, .bridge = p->bridge, .mtu = p->mtu, .up = p->up, .segment = {
            p->network_id, json_get_string(details, "network_type"), json_get_string(details, "physical_network"),
            json_get_int(details, "segmentation_id", -1) } };
        if (p->up)
            g_ptr_array_add(up, p);
        else
            g_ptr_array_add(down, p->port_id);
    }
    return datapath()->wire(c, wirings, n);
}

/* ---- security groups ----------------------------------------------------------------------------------------- */

/* Asks for what is not known: fresh ports, and those that a changed group concerns. */
static bool learn_security(struct ctx *c, const GPtrArray *fresh)
{
    char **groups = ids_take(c, &changed_groups);
    json_t *devices = json_array();
    const json_t *answer;
    GHashTableIter i;
    void *port;

    for (guint k = 0; k < fresh->len; k++)
        if (((struct l2_port *)fresh->pdata[k])->guarded)
            json_array_append_new(devices, json_string(((struct l2_port *)fresh->pdata[k])->port_id));
    g_hash_table_iter_init(&i, ports);
    while (*groups && g_hash_table_iter_next(&i, NULL, &port)) {
        struct l2_port *p = port;

        if (!p->guarded || g_ptr_array_find((GPtrArray *)(uintptr_t)fresh, p, NULL) || !security_concerns(security, p->port_id, groups))
            continue;
        p->closed = false;               /* it may load now */
        json_array_append_new(devices, json_string(p->port_id));
    }
    if (json_array_size(devices) == 0) {
        json_decref(devices);
        return true;
    }
    answer = plugin_call(c, TOPIC_PLUGIN, SG_PLUGIN_VERSION, SG_INFO_FOR_DEVICES, json_pack("{s:o, s:s}", "devices", devices, "call_version", SG_PLUGIN_VERSION));
    if (answer)
        security_learn(security, answer);
    return answer != NULL;
}

static gint by_index(const void *a, const void *b)
{
    const struct security_port *x = a, *y = b;

    return x->index < y->index ? -1 : x->index > y->index;
}

static struct security_port security_port_of(const struct l2_port *p)
{
    return (struct security_port){ .port_id = p->port_id, .device = p->device, .index = p->index, .zone = p->zone, .guarded = p->guarded, .closed = p->closed };
}

/* What all ports are to be held to, of the ctx. */
static struct firewall *firewall_of_all(struct ctx *c)
{
    struct security_port *list = ctx_new_n(c, struct security_port, g_hash_table_size(ports) + 1);
    GHashTableIter i;
    size_t n = 0;
    void *port;

    g_hash_table_iter_init(&i, ports);
    while (g_hash_table_iter_next(&i, NULL, &port))
        list[n++] = security_port_of(port);
    qsort(list, n, sizeof(list[0]), by_index);
    return security_firewall(c, security, list, n);
}

/* Rules that do not load close their own port, and hold up no other's. */
static void close_culprits(struct ctx *c)
{
    GHashTableIter i;
    void *port;

    g_hash_table_iter_init(&i, ports);
    while (g_hash_table_iter_next(&i, NULL, &port)) {
        struct l2_port *p = port;
        struct security_port alone = security_port_of(p);

        if (p->guarded && !p->closed && !datapath()->filter(c, security_firewall(c, security, &alone, 1), true)) {
            log_error(c, "port %s is closed, its rules do not load: %s", p->port_id, c->fault.detail ?: c->fault.message);
            fault_clear(c);
            p->closed = true;
        }
    }
}

static bool enforce(struct ctx *c, const GPtrArray *fresh)
{
    if (!datapath()->filter) {
        ids_take(c, &changed_groups);
        return true;
    }
    if (!learn_security(c, fresh))
        return false;
    if (datapath()->filter(c, firewall_of_all(c), false))
        return true;
    fault_clear(c);
    close_culprits(c);
    return datapath()->filter(c, firewall_of_all(c), false);
}

/* ---- reporting ----------------------------------------------------------------------------------------------- */

static bool report(struct ctx *c, GPtrArray *up, GPtrArray *down)
{
    json_t *ups, *downs;

    if (up->len == 0 && down->len == 0)
        return true;
    ups = json_array();
    downs = json_array();
    for (guint i = 0; i < up->len; i++)
        json_array_append_new(ups, json_string(((struct l2_port *)up->pdata[i])->port_id));
    for (guint i = 0; i < down->len; i++)
        json_array_append_new(downs, json_string(down->pdata[i]));
    return plugin_call(c, TOPIC_PLUGIN, L2_PLUGIN_VERSION, L2_UPDATE_DEVICE_LIST,
                       json_pack("{s:o, s:o, s:s, s:s, s:b}", "devices_up", ups, "devices_down", downs, "agent_id",
                                 agent_id(c), "host", agent_host(), "refresh_tunnels", !compared)) != NULL;
}

/* A bridge goes with its network, once nothing is on it any more. */
static void remove_networks(struct ctx *c)
{
    GHashTableIter i;
    void *bridge;

    for (char **id = ids_take(c, &gone_networks); *id && datapath()->bridge_remove; id++)
        g_hash_table_add(leaving, g_strdup(port_device(c, "brq", *id)));
    g_hash_table_iter_init(&i, leaving);
    while (g_hash_table_iter_next(&i, &bridge, NULL)) {
        bool gone = false;

        if (!datapath()->bridge_remove(c, bridge, &gone))
            fault_clear(c);
        if (gone)
            g_hash_table_iter_remove(&i);
    }
}

/* ---- what the plugin tells (fanouts) ------------------------------------------------------------------------- */

/* What of a port matters here, as text. An update that changes none of it for a port that is up (a new name, the status this
 * agent has just reported) is none of its business. */
static char *fingerprint(const json_t *port)
{
    json_t *kept = json_object();
    char *text;

    for (const char *const *name = (const char *const[]){ "admin_state_up", "mac_address", "fixed_ips", "security_groups",
             "allowed_address_pairs", "port_security_enabled", "device_owner", "binding:host_id", NULL }; *name; name++)
        json_object_set(kept, *name, json_object_get(port, *name));
    text = json_dumps(kept, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(kept);
    return text;
}

static GHashTable *fingerprints;     /* port id -> text; of the handlers of port_update and port_delete */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards fingerprints */

static bool seen_before(const char *id, const json_t *port)
{
    char *text = fingerprint(port);
    bool same;

    pthread_mutex_lock(&lock);
    if (!fingerprints)
        fingerprints = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free);
    same = text_equal(g_hash_table_lookup(fingerprints, id), text);
    g_hash_table_insert(fingerprints, g_strdup(id), text);
    pthread_mutex_unlock(&lock);
    return same;
}

static bool on_port_update(struct ctx *c, json_t *args, json_t **ret)
{
    const json_t *port = json_object_get(args, "port");
    const char *id = json_get_string(port, "id"), *host = json_get_string(port, "binding:host_id");

    if (host && sim_host_is(host))
        worker_wake(&sim_hosts_worker);
    if (!id || (host && strcmp(host, agent_host()) != 0))
        return true;
    if (seen_before(id, port) && text_equal(json_get_string(port, "status"), "ACTIVE"))
        return true;
    ids_note(c, &changed_ports, id);
    worker_wake(&l2_agent_worker);
    return true;
}

static bool on_port_delete(struct ctx *c, json_t *args, json_t **ret)
{
    const char *id = json_get_string(args, "port_id");

    if (!id)
        return true;
    pthread_mutex_lock(&lock);
    if (fingerprints)
        g_hash_table_remove(fingerprints, id);
    pthread_mutex_unlock(&lock);
    ids_note(c, &gone_ports, id);
    worker_wake(&l2_agent_worker);
    return true;
}

static bool on_network_update(struct ctx *c, json_t *args, json_t **ret)
{
    return true;                         /* a port's details carry all that matters here (MTU) when it is next asked for */
}

static bool on_network_delete(struct ctx *c, json_t *args, json_t **ret)
{
    ids_note(c, &gone_networks, json_get_string(args, "network_id"));
    worker_wake(&l2_agent_worker);
    return true;
}

static bool on_groups(struct ctx *c, json_t *args, json_t **ret)
{
    const json_t *id;
    size_t i;

    json_array_foreach(json_object_get(args, "security_groups"), i, id)
        ids_note(c, &changed_groups, json_string_value(id));
    if (datapath()->filter)
        worker_wake(&l2_agent_worker);
    return true;
}

static void on_resumed(void)
{
    resync_missed(&resync);
    worker_wake(&l2_agent_worker);
}

#define ENDPOINT(v, ...) ((const struct rpc_endpoint[]){ { .version = v, .methods = (const struct rpc_method[]){ __VA_ARGS__, {} } }, {} })
#define SERVER(t, v, ...) { .exchange = NEUTRON_EXCHANGE, .topic = t, .role = "network", .threads = 1, .resumed = on_resumed, .endpoints = ENDPOINT(v, __VA_ARGS__) }

const struct rpc_server l2_port_update_server = SERVER(TOPIC_PORT_UPDATE, L2_BINDING_VERSION, { L2_PORT_UPDATE, on_port_update });
const struct rpc_server l2_port_delete_server = SERVER(TOPIC_PORT_DELETE, L2_BINDING_VERSION, { L2_PORT_DELETE, on_port_delete });
const struct rpc_server l2_network_update_server = SERVER(TOPIC_NETWORK_UPDATE, L2_BINDING_VERSION, { L2_NETWORK_UPDATE, on_network_update });
const struct rpc_server l2_network_delete_server = SERVER(TOPIC_NETWORK_DELETE, L2_BINDING_VERSION, { L2_NETWORK_DELETE, on_network_delete });
const struct rpc_server l2_security_group_server = SERVER(TOPIC_SECURITY_GROUP_UPDATE, L2_BINDING_VERSION, { SG_RULE_UPDATED, on_groups },
                                                          { SG_MEMBER_UPDATED, on_groups });
