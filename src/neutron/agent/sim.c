/* The data path that keeps its promises in memory: nothing of the host is touched, every bound port counts as plugged. */
#include <pthread.h>
#include <string.h>

#include "neutron/agent/datapath.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards namespaces */
static GHashTable *names;

static bool sim_start(struct ctx *c, void (*changed)(void))
{
    pthread_mutex_lock(&lock);
    if (!names)
        names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    pthread_mutex_unlock(&lock);
    return true;
}

static void sim_stop(void)
{
    pthread_mutex_lock(&lock);
    g_clear_pointer(&names, g_hash_table_unref);
    pthread_mutex_unlock(&lock);
}

static bool sim_wire(struct ctx *c, const struct wiring *wirings, size_t n)
{
    return true;
}

static bool sim_bridge_remove(struct ctx *c, const char *bridge, bool *ret_gone)
{
    *ret_gone = true;
    return true;
}

static bool sim_namespace_apply(struct ctx *c, const struct namespace_plan *plan)
{
    pthread_mutex_lock(&lock);
    g_hash_table_add(names, g_strdup(plan->name));
    pthread_mutex_unlock(&lock);
    return true;
}

static bool sim_namespace_remove(struct ctx *c, const char *name)
{
    pthread_mutex_lock(&lock);
    g_hash_table_remove(names, name);
    pthread_mutex_unlock(&lock);
    return true;
}

static char **sim_namespaces(struct ctx *c)
{
    GHashTableIter i;
    void *name;
    char **list;
    int n = 0;

    pthread_mutex_lock(&lock);
    list = ctx_new_n(c, char *, g_hash_table_size(names) + 1);
    g_hash_table_iter_init(&i, names);
    while (g_hash_table_iter_next(&i, &name, NULL))
        list[n++] = ctx_strdup(c, name);
    pthread_mutex_unlock(&lock);
    return list;
}

static bool sim_host_gateway(struct ctx *c, const char *bridge, const char *address, bool masquerade)
{
    return true;
}

static bool sim_leave(struct ctx *c)
{
    return true;
}

const struct datapath datapath_sim = {
    .name = "sim", .agent = &agent_linuxbridge, .start = sim_start, .stop = sim_stop, .wire = sim_wire, .bridge_remove = sim_bridge_remove,
    .namespace_apply = sim_namespace_apply, .namespace_remove = sim_namespace_remove, .namespaces = sim_namespaces,
    .host_gateway = sim_host_gateway, .leave = sim_leave,
};
