/* The DHCP agent: for each network given to this host its own port, a namespace that holds it, and what the responder answers
 * from: the network as the plugin tells it and its ports by MAC. Changes of ports are taken from the messages themselves.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "neutron/agent/agent.h"
#include "neutron/agent/dhcp/dhcp.h"
#include "neutron/rpc/dhcp.h"

#define METADATA_CIDR "169.254.169.254/32"

struct dhcp_network {
    json_t *info;                    /* immutable; its ports are only those of its first moment */
    GHashTable *ports;               /* MAC -> json_t of the port, immutable */
    GHashTable *macs;                /* port id -> MAC in ports */
    struct dhcp_server server;
    char *port_id;                   /* our own port */
    char *own_ips;                   /* its fixed_ips as text */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards networks, touched */
static GHashTable *networks;         /* id -> struct dhcp_network */
static GHashTable *touched;          /* ids of networks of which a port's message came since they were last asked for */
static struct id_set changed, gone;
static struct resync resync;

static void asks(const char *network_id);
static bool sync_all(struct ctx *);
static bool refresh(struct ctx *, const char *network_id);
static bool configure(struct ctx *, json_t *info);
static json_t *own_port(struct ctx *, const json_t *info);
static bool plug(struct ctx *, const json_t *info, const json_t *port);
static void remember(struct ctx *, json_t *info, const json_t *port);
static bool withdraw(struct ctx *, const char *network_id, bool release);
static bool tell_ready(struct ctx *, const json_t *ports);
static void count(void);

static void note(struct ctx *, struct id_set *, const char *network_id);

static bool dhcp_round(struct ctx *c)
{
    bool ok = true;

    for (char **id = ids_take(c, &gone); *id; id++)
        ok = withdraw(c, *id, false) && ok;
    if (resync_due(&resync, NULL)) {
        ids_take(c, &changed);
        ok = sync_all(c) && ok;
    }
    for (char **id = ids_take(c, &changed); *id; id++)
        ok = refresh(c, *id) && ok;
    if (!ok)
        resync_missed(&resync);
    count();
    return ok;
}

const struct worker dhcp_agent_worker = { .name = "dhcp-agent", .role = "network", .run = dhcp_round, .every_us = 5000000 };

void dhcp_agent_stop(void)
{
    responder_stop();
    pthread_mutex_lock(&lock);
    g_clear_pointer(&networks, g_hash_table_unref);
    g_clear_pointer(&touched, g_hash_table_unref);
    pthread_mutex_unlock(&lock);
}

bool dhcp_network_answer(struct ctx *c, const char *network_id, const struct dhcp_request *request, struct dhcp_reply *ret_reply)
{
    const json_t *info = NULL, *port = NULL;
    struct dhcp_server server = {};
    struct dhcp_network *n;
    char mac[18];

    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", request->mac[0], request->mac[1], request->mac[2], request->mac[3],
             request->mac[4], request->mac[5]);
    pthread_mutex_lock(&lock);
    n = networks ? g_hash_table_lookup(networks, network_id) : NULL;
    if (n && (port = g_hash_table_lookup(n->ports, mac))) {
        server = n->server;
        info = ctx_json(c, json_incref(n->info));
        port = ctx_json(c, json_incref((json_t *)(uintptr_t)port));
    }
    pthread_mutex_unlock(&lock);
    return port && dhcp_answer(c, &server, info, port, request, ret_reply);
}

/* The plugin's answer to what is asked now knows all that its messages said until now. */
static void asks(const char *network_id)
{
    pthread_mutex_lock(&lock);
    if (!touched)
        touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (network_id)
        g_hash_table_remove(touched, network_id);
    else
        g_hash_table_remove_all(touched);
    pthread_mutex_unlock(&lock);
}

/* A port's message of that network came; the lock is held. */
static void touch(const char *network_id)
{
    if (touched && network_id)
        g_hash_table_add(touched, g_strdup(network_id));
}

/* ---- networks ------------------------------------------------------------------------------------------------ */

static bool sync_all(struct ctx *c)
{
    json_t *list, *info;
    GHashTable *active;
    bool ok = true;
    size_t i;

    asks(NULL);
    list = plugin_call(c, TOPIC_PLUGIN, DHCP_PLUGIN_VERSION, DHCP_GET_ACTIVE_NETWORKS_INFO,
                       json_pack("{s:s, s:b}", "host", agent_host(), "enable_dhcp_filter", 0));
    if (!list)
        return false;
    active = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))(void *)g_hash_table_unref);
    json_array_foreach(list, i, info) {
        g_hash_table_add(active, (void *)(uintptr_t)json_get_string(info, "id"));
        ok = configure(c, info) && ok;
    }
    for (char **name = datapath()->namespaces(c); *name; name++)
        if (g_str_has_prefix(*name, "qdhcp-") && !g_hash_table_contains(active, *name + strlen("qdhcp-")))
            ok = withdraw(c, *name + strlen("qdhcp-"), false) && ok;
    return ok;
}

static bool refresh(struct ctx *c, const char *network_id)
{
    json_t *info;

    asks(network_id);
    info = plugin_call(c, TOPIC_PLUGIN, DHCP_PLUGIN_VERSION, DHCP_GET_NETWORK_INFO,
                       json_pack("{s:s, s:s}", "host", agent_host(), "network_id", network_id));
    if (!info)
        return false;
    return json_is_null(info) ? withdraw(c, network_id, false) : configure(c, info);
}

static bool serves(const json_t *subnet)
{
    return json_get_bool(subnet, "enable_dhcp", true) && json_get_int(subnet, "ip_version", 4) == 4;
}

static size_t count_served(const json_t *info)
{
    const json_t *subnet;
    size_t i, n = 0;

    json_array_foreach(json_object_get(info, "subnets"), i, subnet)
        n += serves(subnet);
    return n;
}

static bool configure(struct ctx *c, json_t *info)
{
    json_t *port;

    if (!json_get_bool(info, "admin_state_up", true) || count_served(info) == 0)
        return withdraw(c, json_get_string(info, "id"), true);
    if (!(port = own_port(c, info)))
        return false;
    if (json_is_null(port))              /* the network went meanwhile: its deletion is on the way */
        return true;
    if (!plug(c, info, port))
        return false;
    remember(c, info, port);
    return tell_ready(c, json_object_get(info, "ports"));
}

/* "dhcp<uuid5 of the host's name>-<network>": what an agent's port is known by. */
static char *device_id(struct ctx *c, const char *network_id)
{
    const char *name = ctx_strndup(c, agent_host(), strcspn(agent_host(), "."));

    return ctx_printf(c, "dhcp%s-%s", uuid_named(c, name), network_id);
}

static const json_t *find_port(const json_t *info, const char *device)
{
    const json_t *port;
    size_t i;

    json_array_foreach(json_object_get(info, "ports"), i, port)
        if (text_equal(json_get_string(port, "device_id"), device))
            return port;
    return NULL;
}

static const char *address_on(const json_t *port, const char *subnet_id)
{
    const json_t *fixed;
    size_t i;

    json_array_foreach(json_object_get(port, "fixed_ips"), i, fixed)
        if (text_equal(json_get_string(fixed, "subnet_id"), subnet_id))
            return json_get_string(fixed, "ip_address");
    return NULL;
}

/* The addresses the port should have: one on each served subnet, those it has kept. ret_fits: it has exactly these. */
static json_t *wanted_ips(const json_t *info, const json_t *port, bool *ret_fits)
{
    json_t *list = json_array();
    const json_t *subnet;
    size_t i;

    *ret_fits = port != NULL;
    json_array_foreach(json_object_get(info, "subnets"), i, subnet) {
        const char *id = json_get_string(subnet, "id"), *address = port ? address_on(port, id) : NULL;

        if (!serves(subnet))
            continue;
        json_array_append_new(list, address ? json_pack("{s:s, s:s}", "subnet_id", id, "ip_address", address) : json_pack("{s:s}", "subnet_id", id));
        *ret_fits = *ret_fits && address;
    }
    *ret_fits = *ret_fits && json_array_size(list) == json_array_size(json_object_get(port, "fixed_ips"));
    return list;
}

/* Our port on the network: as it is, brought up to date, taken over, or made. JSON null: the plugin has no such network. */
static json_t *own_port(struct ctx *c, const json_t *info)
{
    const char *network_id = json_get_string(info, "id"), *own = device_id(c, network_id);
    const json_t *port = find_port(info, own), *spare = port ?: find_port(info, DHCP_DEVICE_ID_RESERVED);
    bool fits;
    json_t *ips = wanted_ips(info, spare, &fits), *body;

    if (port && fits) {
        json_decref(ips);
        return (json_t *)(uintptr_t)port;
    }
    body = json_pack("{s:{s:s, s:s, s:o, s:b, s:s, s:s}}", "port", "network_id", network_id, "device_id", own, "fixed_ips", ips,
                     "admin_state_up", 1, "name", "", "tenant_id", json_get_string(info, "tenant_id") ?: "");
    if (!spare)
        return plugin_call(c, TOPIC_PLUGIN, DHCP_PLUGIN_VERSION, DHCP_CREATE_PORT, json_pack("{s:s, s:o}", "host", agent_host(), "port", body));
    return plugin_call(c, TOPIC_PLUGIN, DHCP_PLUGIN_VERSION, DHCP_UPDATE_PORT,
                       json_pack("{s:s, s:s, s:o}", "host", agent_host(), "port_id", json_get_string(spare, "id"), "port", body));
}

static const char *with_prefix(struct ctx *c, const json_t *info, const json_t *fixed)
{
    const json_t *subnet;
    size_t i;

    json_array_foreach(json_object_get(info, "subnets"), i, subnet)
        if (text_equal(json_get_string(subnet, "id"), json_get_string(fixed, "subnet_id")))
            return ctx_printf(c, "%s%s", json_get_string(fixed, "ip_address"), strchr(json_get_string(subnet, "cidr") ?: "/32", '/'));
    return NULL;
}

static bool plug(struct ctx *c, const json_t *info, const json_t *port)
{
    const char *network_id = json_get_string(info, "id"), *id = json_get_string(port, "id"), *netns = ctx_printf(c, "qdhcp-%s", network_id);
    const json_t *fixed_ips = json_object_get(port, "fixed_ips"), *fixed;
    const char **addresses = ctx_new_n(c, const char *, json_array_size(fixed_ips) + 2);
    struct plug p = { .port_id = id, .mac = json_get_string(port, "mac_address"), .inner = port_device(c, "ns-", id), .addresses = addresses };
    struct namespace_plan plan = { .name = netns, .plugs = &p, .n_plugs = 1 };
    size_t i, n = 0;

    json_array_foreach(fixed_ips, i, fixed)
        if ((addresses[n] = with_prefix(c, info, fixed)))
            n++;
    addresses[n] = METADATA_CIDR;
    p.mtu = json_get_int(info, "mtu", 0) ?: 1500;
    if (!(p.bridge = network_bridge(c, network_id)) || !datapath()->namespace_apply(c, &plan))
        return false;
    return !datapath()->opens_sockets || (responder_serve(c, network_id, netns, p.inner) &&
                                          metadata_serve(c, netns, (const char *const[]){ network_id, NULL }));
}

static void network_free(void *network)
{
    struct dhcp_network *n = network;

    json_decref(n->info);
    g_hash_table_unref(n->ports);
    g_hash_table_unref(n->macs);
    g_free(n->port_id);
    g_free(n->own_ips);
    g_free(n);
}

static void unref_json(void *json)
{
    json_decref(json);
}

static char *ips_text(const json_t *port)
{
    return json_dumps(json_object_get(port, "fixed_ips"), JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

static char *mac_of(const json_t *port)
{
    return g_ascii_strdown(json_get_string(port, "mac_address") ?: "", -1);
}

static void put_port(struct dhcp_network *n, json_t *port)
{
    g_hash_table_insert(n->macs, g_strdup(json_get_string(port, "id")), mac_of(port));
    g_hash_table_insert(n->ports, mac_of(port), json_incref(port));
}

static void drop_port(struct dhcp_network *n, const char *id)
{
    const char *mac = id ? g_hash_table_lookup(n->macs, id) : NULL;

    if (!mac)
        return;
    if (text_equal(json_get_string(g_hash_table_lookup(n->ports, mac), "id"), id))
        g_hash_table_remove(n->ports, mac);
    g_hash_table_remove(n->macs, id);
}

static void remember(struct ctx *c, json_t *info, const json_t *own)
{
    struct dhcp_network *n = g_new0(struct dhcp_network, 1);
    const json_t *fixed;
    json_t *port;
    char *text = ips_text(own);
    bool late;
    size_t i;

    n->info = json_incref(info);
    n->ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_json);
    n->macs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    n->port_id = g_strdup(json_get_string(own, "id"));
    n->own_ips = g_strdup(text);
    free(text);
    n->server.lease_s = agent_options()->dhcp_lease_duration;
    n->server.domain = agent_options()->dns_domain;
    n->server.dns_servers = agent_options()->dns_servers;
    json_array_foreach(json_object_get(own, "fixed_ips"), i, fixed)
        if (n->server.n_addresses < G_N_ELEMENTS(n->server.addresses))
            n->server.addresses[n->server.n_addresses++] = ipv4_number(json_get_string(fixed, "ip_address"));
    json_array_foreach(json_object_get(info, "ports"), i, port)
        put_port(n, port);
    pthread_mutex_lock(&lock);
    if (!networks)
        networks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, network_free);
    g_hash_table_insert(networks, g_strdup(json_get_string(info, "id")), n);
    late = touched && g_hash_table_contains(touched, json_get_string(info, "id"));
    pthread_mutex_unlock(&lock);
    /* What came while the answer was on its way, or was worked on, may not be in it: asked again. */
    if (late)
        note(c, &changed, json_get_string(info, "id"));
}

/* release: our port goes back to the plugin (the network stays, but not its DHCP). */
static bool withdraw(struct ctx *c, const char *network_id, bool release)
{
    const char *netns = ctx_printf(c, "qdhcp-%s", network_id);
    bool known;

    responder_withdraw(network_id);
    metadata_withdraw(netns);
    pthread_mutex_lock(&lock);
    known = networks && g_hash_table_remove(networks, network_id);
    pthread_mutex_unlock(&lock);
    if (!datapath()->namespace_remove(c, netns))
        return false;
    return !release || !known ||
           plugin_call(c, TOPIC_PLUGIN, DHCP_PLUGIN_VERSION, DHCP_RELEASE_PORT,
                       json_pack("{s:s, s:s, s:s}", "host", agent_host(), "network_id", network_id, "device_id", device_id(c, network_id))) != NULL;
}

/* The plugin waits for this before it says that a port is ACTIVE. */
static bool tell_ready(struct ctx *c, const json_t *ports)
{
    json_t *ids = json_array();
    const json_t *port;
    size_t i;

    json_array_foreach(ports, i, port)
        if (!text_equal(json_get_string(port, "status"), "ACTIVE"))
            json_array_append(ids, json_object_get(port, "id"));
    if (json_array_size(ids) == 0) {
        json_decref(ids);
        return true;
    }
    return plugin_call(c, TOPIC_PLUGIN, DHCP_PLUGIN_VERSION, DHCP_READY_ON_PORTS, json_pack("{s:o}", "port_ids", ids)) != NULL;
}

static void count(void)
{
    GHashTableIter i;
    void *network;
    struct agent_counts sum = {};

    pthread_mutex_lock(&lock);
    if (networks) {
        g_hash_table_iter_init(&i, networks);
        while (g_hash_table_iter_next(&i, NULL, &network)) {
            sum.networks++;
            sum.subnets += (int)json_array_size(json_object_get(((struct dhcp_network *)network)->info, "subnets"));
            sum.dhcp_ports += (int)g_hash_table_size(((struct dhcp_network *)network)->ports);
        }
    }
    pthread_mutex_unlock(&lock);
    agent_counts.networks = sum.networks;
    agent_counts.subnets = sum.subnets;
    agent_counts.dhcp_ports = sum.dhcp_ports;
}

/* ---- what the plugin tells ----------------------------------------------------------------------------------- */

static void note(struct ctx *c, struct id_set *set, const char *network_id)
{
    ids_note(c, set, network_id);
    worker_wake(&dhcp_agent_worker);
}

/* Network and own port aside, a port's change is one entry of the table. False: the network is not served (yet). */
static bool take_port(json_t *port, bool *ret_own_changed)
{
    const char *id = json_get_string(port, "id"), *network_id = json_get_string(port, "network_id");
    struct dhcp_network *n;

    pthread_mutex_lock(&lock);
    touch(network_id);
    n = networks && network_id ? g_hash_table_lookup(networks, network_id) : NULL;
    if (n && text_equal(n->port_id, id)) {
        char *text = ips_text(port);

        *ret_own_changed = !text_equal(text, n->own_ips);
        free(text);
    } else if (n) {
        drop_port(n, id);
        put_port(n, port);
    }
    pthread_mutex_unlock(&lock);
    return n != NULL;
}

static bool on_port(struct ctx *c, json_t *args, json_t **ret)
{
    json_t *port = json_object_get(json_object_get(args, "payload"), "port"), *list;
    bool own_changed = false;

    if (!take_port(port, &own_changed) || own_changed) {
        note(c, &changed, json_get_string(port, "network_id"));
        return true;
    }
    list = ctx_json(c, json_pack("[O]", port));
    return tell_ready(c, list);
}

static bool on_port_delete(struct ctx *c, json_t *args, json_t **ret)
{
    const json_t *payload = json_object_get(args, "payload");
    const char *network_id = json_get_string(payload, "network_id"), *id = json_get_string(payload, "port_id");
    struct dhcp_network *n;
    bool own = false;

    pthread_mutex_lock(&lock);
    touch(network_id);
    n = networks && network_id ? g_hash_table_lookup(networks, network_id) : NULL;
    if (n) {
        own = text_equal(n->port_id, id);
        drop_port(n, id);
    }
    pthread_mutex_unlock(&lock);
    if (own)
        note(c, &changed, network_id);
    return true;
}

static bool on_network(struct ctx *c, json_t *args, json_t **ret)
{
    note(c, &changed, json_get_string(json_object_get(json_object_get(args, "payload"), "network"), "id"));
    return true;
}

static bool on_network_delete(struct ctx *c, json_t *args, json_t **ret)
{
    note(c, &gone, json_get_string(json_object_get(args, "payload"), "network_id"));
    return true;
}

static bool on_subnet(struct ctx *c, json_t *args, json_t **ret)
{
    const json_t *payload = json_object_get(args, "payload");

    note(c, &changed, json_get_string(json_object_get(payload, "subnet"), "network_id") ?: json_get_string(payload, "network_id"));
    return true;
}

static bool on_agent_updated(struct ctx *c, json_t *args, json_t **ret)
{
    return true;                         /* networks move by casts of their own */
}

static void on_resumed(void)
{
    resync_missed(&resync);
    worker_wake(&dhcp_agent_worker);
}

static const struct rpc_method dhcp_methods[] = {
    { DHCP_NETWORK_CREATE_END, on_network }, { DHCP_NETWORK_UPDATE_END, on_network }, { DHCP_NETWORK_DELETE_END, on_network_delete },
    { DHCP_SUBNET_CREATE_END, on_subnet }, { DHCP_SUBNET_UPDATE_END, on_subnet }, { DHCP_SUBNET_DELETE_END, on_subnet },
    { DHCP_PORT_CREATE_END, on_port }, { DHCP_PORT_UPDATE_END, on_port }, { DHCP_PORT_DELETE_END, on_port_delete },
    { DHCP_AGENT_UPDATED, on_agent_updated }, {}
};

const struct rpc_server dhcp_agent_server = {
    .exchange = NEUTRON_EXCHANGE, .topic = TOPIC_DHCP_AGENT, .role = "network", .threads = 2, .per_host = true, .resumed = on_resumed,
    .endpoints = (const struct rpc_endpoint[]){ { .version = DHCP_AGENT_VERSION, .methods = dhcp_methods }, {} },
};
