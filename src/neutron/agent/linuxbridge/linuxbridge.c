/* The data path of Linux bridges: a bridge a network, a device a port, nftables by way of br_netfilter, a namespace a router and
 * a DHCP server. All changes go through the privileged helper, many in one command.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "neutron/agent/firewall.h"
#include "neutron/agent/host/host.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"

#define NO_BR_NETFILTER 500, "DataPathUnavailable", "This kernel does not filter bridged packets (%s): security groups cannot be enforced."

static struct { pthread_t thread; int stop; void (*changed)(void); bool running; } watch = { .stop = -1 };

static char *loaded;                 /* the ruleset in force; of the L2 agent's worker */

static bool watch_start(struct ctx *, void (*changed)(void));
static void *watch_links(void *);
static bool has_devices_of(const char *message, size_t n);

static bool linuxbridge_start(struct ctx *c, void (*changed)(void))
{
    if (!privsep_available())
        return fail(c, 500, "DataPathUnavailable", "The Linux bridge data path needs root; start the program as root, or with --sim.");
    for (const char *const *name = firewall_sysctls; *name; name++)
        if (!PRIV(c, "sysctl", "-w", ctx_printf(c, "%s=1", *name))) {
            fault_clear(c);
            return fail(c, NO_BR_NETFILTER, *name);
        }
    return watch_start(c, changed);
}

static void linuxbridge_stop(void)
{
    if (watch.running) {
        if (eventfd_write(watch.stop, 1) == 0)
            pthread_join(watch.thread, NULL);
        close(watch.stop);
        watch.running = false;
    }
    namespaces_forget();
    g_clear_pointer(&loaded, g_free);
}

static char **linuxbridge_devices(struct ctx *c)
{
    char **all = links_named(c, "tap");
    size_t n = 0;

    for (size_t i = 0; all[i]; i++)
        if (strlen(all[i]) == strlen("tap01234567-89"))
            all[n++] = all[i];
    all[n] = NULL;
    return all;
}

static bool linuxbridge_wire(struct ctx *c, const struct wiring *wirings, size_t n)
{
    struct buf batch = {};
    struct run run = { .quiet = true };
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        const struct wiring *w = &wirings[i];

        if (!link_there(w->device))
            continue;
        if (w->bridge && !bridge_make(c, w->bridge)) {
            buf_clear(&batch);
            return false;
        }
        if (w->mtu && link_mtu(w->device) != w->mtu)
            buf_printf(&batch, "link set %s mtu %" G_GINT64_FORMAT "\n", w->device, w->mtu);
        if (!link_on_bridge(w->device, w->bridge))
            buf_printf(&batch, w->bridge ? "link set %s master %s\n" : "link set %s nomaster\n", w->device, w->bridge);
        if (link_up(w->device) != w->up)
            buf_printf(&batch, "link set %s %s\n", w->device, w->up ? "up" : "down");
    }
    run.input = batch.data;
    run.input_size = batch.len;
    if (batch.len > 0)
        ok = privsep_run(c, &run, NULL, (const char *const[]){ "ip", "-force", "-batch", "-", NULL });
    buf_clear(&batch);
    /* A device that went meanwhile is no fault, and holds up no other. */
    for (size_t i = 0; i < n && ok; i++)
        if (link_there(wirings[i].device) && !link_on_bridge(wirings[i].device, wirings[i].bridge) && link_there(wirings[i].device))
            ok = fail(c, INTERNAL_ERROR, ctx_printf(c, "%s is not put on %s: %s", wirings[i].device, wirings[i].bridge ?: "no bridge", run.error ?: ""));
    return ok;
}

static bool linuxbridge_bridge_remove(struct ctx *c, const char *bridge, bool *ret_gone)
{
    *ret_gone = !link_there(bridge) || bridge_empty(bridge);
    if (!*ret_gone)
        return true;
    if (link_there(bridge) && !PRIV(c, "ip", "link", "del", bridge))
        return false;
    ledger_strike(c, MADE_BRIDGE, bridge);
    return true;
}

/* The ruleset of all ports, once it differs from the one in force. */
static bool linuxbridge_filter(struct ctx *c, const struct firewall *wanted, bool try)
{
    struct buf text = {};
    struct run run = {};
    bool ok = true;

    firewall_write(&text, wanted->ports, wanted->n_ports, wanted->groups, wanted->n_groups);
    run.input = text.data;
    if (try)
        ok = privsep_run(c, &run, NULL, (const char *const[]){ "nft", "-c", "-f", "-", NULL });
    else if (!text_equal(loaded, text.data) && (ok = privsep_run(c, &run, NULL, (const char *const[]){ "nft", "-f", "-", NULL }))) {
        g_free(loaded);
        loaded = g_strdup(text.data);
    }
    buf_clear(&text);
    return ok;
}

/* ---- namespaces ---------------------------------------------------------------------------------------------- */

static bool prepare(struct ctx *c, const struct plug *p)
{
    return bridge_make(c, p->bridge);
}

static void join(struct buf *batch, const struct plug *p, const char *device)
{
    if (!link_on_bridge(device, p->bridge))
        buf_printf(batch, "link set %s master %s\n", device, p->bridge);
}

static const struct plugging plugging = { .prepare = prepare, .join = join };

static bool linuxbridge_namespace_apply(struct ctx *c, const struct namespace_plan *plan)
{
    return namespace_fit(c, plan, &plugging);
}

static bool linuxbridge_namespace_remove(struct ctx *c, const char *name)
{
    return namespace_end(c, name, &plugging);
}

static bool linuxbridge_host_gateway(struct ctx *c, const char *bridge, const char *address, bool masquerade)
{
    return bridge_make(c, bridge) && host_gateway_set(c, bridge, address, masquerade);
}

/* All by name from the ledger, then what the bridges still hold (taps of guests that are gone), then the rules. */
static bool linuxbridge_leave(struct ctx *c)
{
    bool ok = true;

    for (char **name = ledger_list(c, MADE_NAMESPACE); *name; name++)
        ok = linuxbridge_namespace_remove(c, *name) && ok;
    for (char **name = ledger_list(c, MADE_BRIDGE); *name; name++) {
        char **taps = links_named(c, "tap");

        for (char **tap = taps; *tap; tap++)
            if (link_on_bridge(*tap, *name))
                ok = PRIV(c, "ip", "link", "del", *tap) && ok;
        if (link_there(*name))
            ok = PRIV(c, "ip", "link", "del", *name) && ok;
        ok = host_gateway_clear(c, *name) && ok;
        ledger_strike(c, MADE_BRIDGE, *name);
    }
    return linuxbridge_filter(c, &(struct firewall){}, false) && ok;
}

const struct datapath datapath_linuxbridge = {
    .name = "linuxbridge", .agent = &agent_linuxbridge, .start = linuxbridge_start, .stop = linuxbridge_stop, .devices = linuxbridge_devices,
    .wire = linuxbridge_wire, .bridge_remove = linuxbridge_bridge_remove, .filter = linuxbridge_filter,
    .namespace_apply = linuxbridge_namespace_apply, .namespace_remove = linuxbridge_namespace_remove,
    .namespaces = namespaces_ours, .host_gateway = linuxbridge_host_gateway, .opens_sockets = true, .leave = linuxbridge_leave,
};

/* ---- devices that come and go: the kernel's link messages --------------------------------------------------- */

static bool watch_start(struct ctx *c, void (*changed)(void))
{
    watch.changed = changed;
    watch.stop = eventfd(0, EFD_CLOEXEC);
    watch.running = pthread_create(&watch.thread, NULL, watch_links, NULL) == 0;
    return watch.running || fail(c, UNAVAILABLE, "cannot start a thread");
}

static void *watch_links(void *data)
{
    struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct pollfd polled[] = { { fd, POLLIN, 0 }, { watch.stop, POLLIN, 0 } };
    char message[8192];

    pthread_setname_np(pthread_self(), "links");
    if (fd < 0 || bind(fd, (void *)&to, sizeof(to)) < 0)
        log_warning(NULL, "link messages are not heard (%s): devices are found by polling", g_strerror(errno));
    else
        while (poll(polled, 2, -1) >= 0 && !polled[1].revents) {
            ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT);

            if (n > 0 ? has_devices_of(message, (size_t)n) : errno == ENOBUFS)
                watch.changed();
        }
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* Is one of the messages about a port's device? */
static bool has_devices_of(const char *message, size_t n)
{
    int left = (int)n;

    for (struct nlmsghdr *h = (void *)(uintptr_t)message; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
        struct ifinfomsg *info = NLMSG_DATA(h);
        int size = (int)IFLA_PAYLOAD(h);

        if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
            continue;
        for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, size); a = RTA_NEXT(a, size))
            if (a->rta_type == IFLA_IFNAME && strncmp(RTA_DATA(a), "tap", 3) == 0)
                return true;
    }
    return false;
}
