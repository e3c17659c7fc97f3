/* Namespaces of DHCP servers and routers: what is there is read back (as JSON from ip), compared with the plan, and changed by
 * one batch on the host (pairs of devices) and one inside (addresses, routes).
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "neutron/agent/agent.h"
#include "neutron/agent/host/host.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards rulesets */
static GHashTable *rulesets;         /* namespaces this process has set up -> the ruleset last loaded, or "" */

static bool namespace_there(const char *name);
static bool make(struct ctx *, const struct namespace_plan *);
static json_t *read_back(struct ctx *, const char *name, const char *what);
static bool unplug(struct ctx *, const struct plugging *, const char *inner, struct buf *batch);
static bool plug_all(struct ctx *, const struct namespace_plan *, const struct plugging *, const json_t *links);
static void plan_addresses(struct ctx *, struct buf *, const struct plug *, const json_t *link, GPtrArray *fresh);
static void plan_routes(struct ctx *, struct buf *, const struct namespace_plan *, const json_t *routes);
static bool load_ruleset(struct ctx *, const struct namespace_plan *);

bool namespace_fit(struct ctx *c, const struct namespace_plan *plan, const struct plugging *how)
{
    struct buf inside = {};
    GPtrArray *fresh = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);      /* plug, address, ... */
    json_t *links, *routes;

    if (!make(c, plan) || !(links = read_back(c, plan->name, "addr")) || !plug_all(c, plan, how, links))
        return false;
    for (size_t i = 0; i < plan->n_plugs; i++) {
        const json_t *link = NULL, *one;
        size_t k;

        json_array_foreach(links, k, one)
            if (text_equal(json_get_string(one, "ifname"), plan->plugs[i].inner))
                link = one;
        plan_addresses(c, &inside, &plan->plugs[i], link, fresh);
    }
    if (!batch_run(c, plan->name, &inside))
        return false;
    if (plan->n_routes || plan->forwards) {
        if (!(routes = read_back(c, plan->name, "route")))
            return false;
        plan_routes(c, &inside, plan, routes);
        if (!batch_run(c, plan->name, &inside))
            return false;
    }
    if (!load_ruleset(c, plan))
        return false;
    for (guint i = 0; i + 1 < fresh->len; i += 2) {
        const struct plug *p = fresh->pdata[i];

        address_announce(c, plan->name, p->inner, p->mac, fresh->pdata[i + 1]);
    }
    return true;
}

/* Pairs first: a namespace that a socket still holds would keep them. */
bool namespace_end(struct ctx *c, const char *name, const struct plugging *how)
{
    struct buf host = {};
    const json_t *links, *link;
    size_t i;

    if (namespace_there(name)) {
        if (!(links = read_back(c, name, "addr")))
            return false;
        json_array_foreach(links, i, link) {
            if (!unplug(c, how, json_get_string(link, "ifname"), &host)) {
                buf_clear(&host);
                return false;
            }
        }
        buf_printf(&host, "netns del %s\n", name);
        if (!batch_run(c, NULL, &host))
            return false;
    }
    ledger_strike(c, MADE_NAMESPACE, name);
    pthread_mutex_lock(&lock);
    if (rulesets)
        g_hash_table_remove(rulesets, name);
    pthread_mutex_unlock(&lock);
    return true;
}

char **namespaces_ours(struct ctx *c)
{
    return ledger_list(c, MADE_NAMESPACE);
}

void namespaces_forget(void)
{
    pthread_mutex_lock(&lock);
    g_clear_pointer(&rulesets, g_hash_table_unref);
    pthread_mutex_unlock(&lock);
}

static bool namespace_there(const char *name)
{
    char path[128];

    g_snprintf(path, sizeof(path), "/run/netns/%s", name);
    return access(path, F_OK) == 0;
}

static bool set_up_before(const char *name)
{
    bool known;

    pthread_mutex_lock(&lock);
    if (!rulesets)
        rulesets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    known = g_hash_table_contains(rulesets, name);
    pthread_mutex_unlock(&lock);
    return known;
}

static void remember_ruleset(const char *name, const char *ruleset)
{
    pthread_mutex_lock(&lock);
    g_hash_table_insert(rulesets, g_strdup(name), g_strdup(ruleset));
    pthread_mutex_unlock(&lock);
}

/* One that is there may be the half-made work of a process that was killed: what belongs to it is said again once a process. */
static bool make(struct ctx *c, const struct namespace_plan *plan)
{
    bool there = namespace_there(plan->name), known = set_up_before(plan->name);

    if (there && known)
        return true;
    if (!there && (!ledger_note(c, MADE_NAMESPACE, plan->name) || !PRIV(c, "ip", "netns", "add", plan->name)))
        return false;
    if (!PRIV_IN(c, plan->name, "ip", "link", "set", "lo", "up") ||
        !PRIV_IN(c, plan->name, "sysctl", "-w", "net.ipv6.conf.default.accept_ra=0"))
        return false;
    if (plan->forwards && !PRIV_IN(c, plan->name, "sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                                   "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                                   "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"))
        return false;
    remember_ruleset(plan->name, "");
    return true;
}

static json_t *read_back(struct ctx *c, const char *name, const char *what)
{
    struct run run = {};

    if (!privsep_run(c, &run, name, (const char *const[]){ "ip", "-json", what, "show", NULL }))
        return NULL;
    return ctx_json(c, json_loads(run.output[0] ? run.output : "[]", 0, NULL) ?: json_array());
}

/* The pair whose inner end that is: a line for the batch that removes it. */
static bool unplug(struct ctx *c, const struct plugging *how, const char *inner, struct buf *batch)
{
    const char *dash = inner ? strchr(inner, '-') : NULL, *device = dash ? ctx_printf(c, "tap%s", dash + 1) : NULL;

    if (!device || !link_there(device))
        return true;
    if (how->part && !how->part(c, device))
        return false;
    buf_printf(batch, "link del %s\n", device);
    return true;
}

static bool is_planned(struct ctx *c, const struct namespace_plan *plan, const char *inner)
{
    for (size_t i = 0; i < plan->n_plugs; i++)
        if (strcmp(plan->plugs[i].inner, inner) == 0)
            return true;
    return false;
}

/* The pairs: new ones made, left-over ones removed, all on their bridges and up. */
static bool plug_all(struct ctx *c, const struct namespace_plan *plan, const struct plugging *how, const json_t *links)
{
    struct buf host = {};
    const json_t *link;
    size_t i;

    json_array_foreach(links, i, link) {
        const char *inner = json_get_string(link, "ifname");

        if (inner && !is_planned(c, plan, inner) && !unplug(c, how, inner, &host)) {
            buf_clear(&host);
            return false;
        }
    }
    for (i = 0; i < plan->n_plugs; i++) {
        const struct plug *p = &plan->plugs[i];
        const char *device = port_device(c, "tap", p->port_id);
        bool there = link_there(device);

        if (how->prepare && !how->prepare(c, p)) {
            buf_clear(&host);
            return false;
        }
        if (!there)
            buf_printf(&host, "link add %s mtu %" G_GINT64_FORMAT " type veth peer name %s mtu %" G_GINT64_FORMAT " address %s netns %s\n",
                       device, p->mtu, p->inner, p->mtu, p->mac, plan->name);
        if (how->join)
            how->join(&host, p, device);
        if (!there || !link_up(device))
            buf_printf(&host, "link set %s up\n", device);
        if (there && link_mtu(device) != p->mtu)
            buf_printf(&host, "link set %s mtu %" G_GINT64_FORMAT "\n", device, p->mtu);
    }
    if (!batch_run(c, NULL, &host))
        return false;
    for (i = 0; how->joined && i < plan->n_plugs; i++)
        if (!how->joined(c, plan->name, &plan->plugs[i], port_device(c, "tap", plan->plugs[i].port_id)))
            return false;
    return true;
}

static bool link_has(const json_t *link, const char *address)
{
    const json_t *info;
    size_t i;

    json_array_foreach(json_object_get(link, "addr_info"), i, info) {
        char text[80];

        g_snprintf(text, sizeof(text), "%s/%d", json_get_string(info, "local") ?: "", (int)json_get_int(info, "prefixlen", 0));
        if (strcmp(text, address) == 0)
            return true;
    }
    return false;
}

static void plan_addresses(struct ctx *c, struct buf *to, const struct plug *p, const json_t *link, GPtrArray *fresh)
{
    const json_t *info;
    size_t k;

    if (!link || !text_equal(json_get_string(link, "operstate"), "UP"))
        buf_printf(to, "link set %s up\n", p->inner);
    if (link && json_get_int(link, "mtu", 0) != p->mtu)
        buf_printf(to, "link set %s mtu %" G_GINT64_FORMAT "\n", p->inner, p->mtu);
    for (size_t i = 0; p->addresses[i]; i++) {
        if (link && link_has(link, p->addresses[i]))
            continue;
        buf_printf(to, "addr replace %s dev %s%s\n", p->addresses[i], p->inner, strchr(p->addresses[i], ':') ? " nodad" : "");
        if (!strchr(p->addresses[i], ':')) {
            g_ptr_array_add(fresh, (void *)(uintptr_t)p);
            g_ptr_array_add(fresh, (void *)(uintptr_t)p->addresses[i]);
        }
    }
    if (!link)
        return;
    json_array_foreach(json_object_get(link, "addr_info"), k, info) {
        const char *text = ctx_printf(c, "%s/%d", json_get_string(info, "local") ?: "", (int)json_get_int(info, "prefixlen", 0));

        if (!text_equal(json_get_string(info, "scope"), "link") && !text_in(text, p->addresses))
            buf_printf(to, "addr del %s dev %s\n", text, p->inner);
    }
}

/* ip writes a host's route without its /32. */
static bool same_destination(const json_t *have, const struct ip_route *want)
{
    const char *destination = json_get_string(have, "dst") ?: "";
    size_t n = strlen(destination);

    return strncmp(destination, want->destination, n) == 0 && (!want->destination[n] || strcmp(want->destination + n, "/32") == 0);
}

static bool same_route(const json_t *have, const struct ip_route *want)
{
    return same_destination(have, want) && text_equal(json_get_string(have, "gateway"), want->via) &&
           (!want->device || text_equal(json_get_string(have, "dev"), want->device));
}

/* IPv4 and IPv6 routes of the plan; what the kernel made (protocol kernel) is left alone. */
static void plan_routes(struct ctx *c, struct buf *to, const struct namespace_plan *plan, const json_t *routes)
{
    const json_t *have;
    size_t k;

    json_array_foreach(routes, k, have) {
        bool wanted = text_equal(json_get_string(have, "protocol"), "kernel");

        for (size_t i = 0; i < plan->n_routes && !wanted; i++)
            wanted = same_destination(have, &plan->routes[i]);
        if (!wanted)
            buf_printf(to, "route del %s\n", json_get_string(have, "dst"));
    }
    for (size_t i = 0; i < plan->n_routes; i++) {
        const struct ip_route *want = &plan->routes[i];
        bool there = false;

        json_array_foreach(routes, k, have)
            there = there || same_route(have, want);
        if (there)
            continue;
        buf_printf(to, "route replace %s", want->destination);
        if (want->via)
            buf_printf(to, " via %s", want->via);
        if (want->device)
            buf_printf(to, " dev %s", want->device);
        buf_putc(to, '\n');
    }
}

static bool load_ruleset(struct ctx *c, const struct namespace_plan *plan)
{
    struct run run = { .input = plan->ruleset };
    bool same;

    if (!plan->ruleset)
        return true;
    pthread_mutex_lock(&lock);
    same = text_equal(g_hash_table_lookup(rulesets, plan->name), plan->ruleset);
    pthread_mutex_unlock(&lock);
    if (same)
        return true;
    if (!privsep_run(c, &run, plan->name, (const char *const[]){ "nft", "-f", "-", NULL }))
        return false;
    remember_ruleset(plan->name, plan->ruleset);
    return true;
}
