/* Ends of tunnels and forwarding entries, as the plugin's answers and fanouts tell them. */
#include "neutron/agent/ovs/tunnels.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

#include "neutron/agent/agent.h"
#include "neutron/rpc/l2.h"
#include "oslo/base/log.h"

#define FLOODING_MAC "00:00:00:00:00:00"

enum { SETTLING_US = 15000000 };     /* from the first look around to when the plugin has told all of the networks here */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards ends, entries, own */
static json_t *ends;                 /* address -> true */
static json_t *entries;              /* network -> {address of an end: {"mac ip": [mac, ip]}} */
static char *own;                    /* this host's address */
static struct resync resync;
static int64_t settled_at;           /* the worker's own */

static json_t *object_in(json_t **object)
{
    return *object ? *object : (*object = json_object());
}

static json_t *member(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!value)
        json_object_set_new(object, key, value = json_object());
    return value;
}

static bool is_address(const char *text)
{
    return !strchr(text ?: "/", '/') && (address_is(text, 4) || address_is(text, 6));
}

/* ---- asked --------------------------------------------------------------------------------------------------- */

bool tunnels_sync(struct ctx *c, const char *local_ip)
{
    const json_t *answer, *one;
    size_t i;

    if (!resync_due(&resync, NULL))
        return true;
    answer = plugin_call(c, TOPIC_PLUGIN, "1.4", L2_TUNNEL_SYNC,
                         json_pack("{s:s, s:s, s:s}", "tunnel_ip", local_ip, "tunnel_type", "vxlan", "host", agent_host()));
    if (!answer) {
        resync_missed(&resync);
        return false;
    }
    pthread_mutex_lock(&lock);
    g_free(own);
    own = g_strdup(local_ip);
    json_decref(ends);
    ends = json_object();
    json_array_foreach(json_object_get(answer, "tunnels"), i, one)
        if (is_address(json_get_string(one, "ip_address")) && !text_equal(json_get_string(one, "ip_address"), local_ip))
            json_object_set_new(ends, json_get_string(one, "ip_address"), json_true());
    pthread_mutex_unlock(&lock);
    if (!settled_at)
        settled_at = clock_mono_us() + SETTLING_US;
    return true;
}

bool tunnels_settled(bool population)
{
    return settled_at && (!population || clock_mono_us() >= settled_at);
}

void tunnels_unsettle(void)
{
    settled_at = 0;
    resync_missed(&resync);
    pthread_mutex_lock(&lock);
    g_clear_pointer(&ends, json_decref);
    g_clear_pointer(&entries, json_decref);
    g_clear_pointer(&own, g_free);
    pthread_mutex_unlock(&lock);
}

/* ---- used ---------------------------------------------------------------------------------------------------- */

char *tunnel_name(struct ctx *c, const char *remote_ip)
{
    struct in_addr ip;
    g_autofree char *digest = NULL;

    if (inet_pton(AF_INET, remote_ip, &ip) == 1)
        return ctx_printf(c, "vxlan-%08x", ntohl(ip.s_addr));
    digest = g_compute_checksum_for_string(G_CHECKSUM_SHA1, remote_ip, -1);
    return ctx_printf(c, "vxlan-%.9s", digest);
}

char **tunnels_remotes(struct ctx *c, bool population, const struct tunnel_network *networks, size_t n)
{
    json_t *all = ctx_json(c, json_object()), *value;
    const char *ip;
    char **list;
    size_t k = 0;

    pthread_mutex_lock(&lock);
    if (!population)
        json_object_update(all, ends);
    for (size_t i = 0; population && i < n; i++)
        json_object_foreach(json_object_get(entries, networks[i].network_id), ip, value)
            json_object_set_new(all, ip, json_true());
    pthread_mutex_unlock(&lock);
    list = ctx_new_n(c, char *, json_object_size(all) + 1);
    json_object_foreach(all, ip, value)
        list[k++] = ctx_strdup(c, ip);
    return list;
}

/* With population: what the entries say. Else every end may have anything, and the rest is learned. */
static void fill(struct ctx *c, json_t *behind, struct pipe_tunneled *to, int (*ofport_of)(const char *, void *), void *data)
{
    size_t n = 0;
    json_t *known, *pair;
    const char *ip, *key;
    struct pipe_remote *remotes;
    int *flood = ctx_new_n(c, int, json_object_size(behind) + 1);

    json_object_foreach(behind, ip, known)
        n += json_object_size(known);
    remotes = ctx_new_n(c, struct pipe_remote, n + 1);
    json_object_foreach(behind, ip, known) {
        int ofport = ofport_of(ip, data);

        if (ofport <= 0)
            continue;
        if (!json_is_object(known))
            flood[to->n_flood++] = ofport;
        json_object_foreach(known, key, pair) {
            const char *mac = json_string_value(json_array_get(pair, 0)), *address = json_string_value(json_array_get(pair, 1));

            if (strcmp(mac, FLOODING_MAC) == 0)
                flood[to->n_flood++] = ofport;
            else
                remotes[to->n_remotes++] = (struct pipe_remote){ ctx_strdup(c, mac), ctx_strdup(c, address), ofport };
        }
    }
    to->flood = flood;
    to->remotes = remotes;
}

const struct pipe_tunneled *tunnels_fill(struct ctx *c, bool population, const struct tunnel_network *networks, size_t n,
                                         int (*ofport_of)(const char *, void *), void *data)
{
    struct pipe_tunneled *list = ctx_new_n(c, struct pipe_tunneled, n + 1);

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct pipe_tunneled){ .tag = networks[i].tag, .vni = networks[i].vni };
        fill(c, population ? json_object_get(entries, networks[i].network_id) : ends, &list[i], ofport_of, data);
    }
    pthread_mutex_unlock(&lock);
    return list;
}

void tunnels_forget(const char *network_id)
{
    pthread_mutex_lock(&lock);
    json_object_del(entries, network_id);
    pthread_mutex_unlock(&lock);
}

/* ---- told ---------------------------------------------------------------------------------------------------- */

static bool on_tunnel(json_t *args, bool there)
{
    const char *ip = json_get_string(args, "tunnel_ip");

    if (!is_address(ip) || !text_equal(json_get_string(args, "tunnel_type"), "vxlan"))
        return true;
    pthread_mutex_lock(&lock);
    if (!there)
        json_object_del(ends, ip);
    else if (!text_equal(ip, own))
        json_object_set_new(object_in(&ends), ip, json_true());
    pthread_mutex_unlock(&lock);
    worker_wake(&l2_agent_worker);
    return true;
}

static bool on_update(struct ctx *c, json_t *args, json_t **ret)
{
    return on_tunnel(args, true);
}

static bool on_delete(struct ctx *c, json_t *args, json_t **ret)
{
    return on_tunnel(args, false);
}

/* What is behind one end now is behind no other, even where nobody said that it left. */
static void left_others(json_t *behind, const char *end, const char *key)
{
    const char *other;
    json_t *known;

    json_object_foreach(behind, other, known)
        if (strcmp(other, end) != 0)
            json_object_del(known, key);
}

/* [[mac, ip], ...] behind an end, there from now on or no more. The lock is held. */
static void entries_change(const char *network, const char *end, const json_t *pairs, bool there)
{
    json_t *behind, *known;
    const json_t *pair;
    size_t i;

    if (!is_address(end) || text_equal(end, own))
        return;
    behind = member(object_in(&entries), network);
    known = member(behind, end);
    json_array_foreach(pairs, i, pair) {
        const char *mac = json_string_value(json_array_get(pair, 0)), *ip = json_string_value(json_array_get(pair, 1));
        g_autofree char *key = mac && ip ? g_strdup_printf("%s %s", mac, ip) : NULL;

        if (!key || !format_mac.check(mac))
            continue;
        if (there && strcmp(mac, FLOODING_MAC) != 0)
            left_others(behind, end, key);
        if (there)
            json_object_set_new(known, key, json_pack("[s, s]", mac, ip));
        else
            json_object_del(known, key);
    }
    if (json_object_size(known) == 0)
        json_object_del(behind, end);
    if (json_object_size(behind) == 0)
        json_object_del(entries, network);
}

static bool change_all(json_t *args, bool there)
{
    const char *network, *end;
    json_t *entry, *pairs;

    pthread_mutex_lock(&lock);
    json_object_foreach(json_object_get(args, "fdb_entries"), network, entry)
        json_object_foreach(json_object_get(entry, "ports"), end, pairs)
            entries_change(network, end, pairs, there);
    pthread_mutex_unlock(&lock);
    worker_wake(&l2_agent_worker);
    return true;
}

static bool on_add(struct ctx *c, json_t *args, json_t **ret)
{
    return change_all(args, true);
}

static bool on_remove(struct ctx *c, json_t *args, json_t **ret)
{
    return change_all(args, false);
}

static bool on_change(struct ctx *c, json_t *args, json_t **ret)
{
    json_t *networks = json_object_get(json_object_get(args, "fdb_entries"), "chg_ip"), *ways, *change;
    const char *network, *end;

    pthread_mutex_lock(&lock);
    json_object_foreach(networks, network, ways)
        json_object_foreach(ways, end, change) {
            entries_change(network, end, json_object_get(change, "after"), true);
            entries_change(network, end, json_object_get(change, "before"), false);
        }
    pthread_mutex_unlock(&lock);
    worker_wake(&l2_agent_worker);
    return true;
}

static void on_resumed(void)
{
    resync_missed(&resync);
    worker_wake(&l2_agent_worker);
}

#define ENDPOINT(v, ...) ((const struct rpc_endpoint[]){ { .version = v, .methods = (const struct rpc_method[]){ __VA_ARGS__, {} } }, {} })
#define SERVER(t, v, ...) { .exchange = NEUTRON_EXCHANGE, .topic = t, .role = "network", .threads = 1, .per_host = true, .resumed = on_resumed, \
                       .endpoints = ENDPOINT(v, __VA_ARGS__) }

const struct rpc_server tunnel_update_server = SERVER(TOPIC_TUNNEL_UPDATE, L2_NOTIFIER_VERSION, { L2_TUNNEL_UPDATE, on_update });
const struct rpc_server tunnel_delete_server = SERVER(TOPIC_TUNNEL_DELETE, L2_NOTIFIER_VERSION, { L2_TUNNEL_DELETE, on_delete });
const struct rpc_server l2population_server = SERVER(TOPIC_L2POPULATION_UPDATE, L2POP_VERSION, { L2POP_ADD, on_add }, { L2POP_REMOVE, on_remove },
                                                     { L2POP_UPDATE, on_change });
