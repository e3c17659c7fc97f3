/* What the host's interfaces are like, read from /sys; and batches of ip(8) that change them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "neutron/agent/host/host.h"

static bool read_text(const char *link, const char *what, char *text, size_t size)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "/sys/class/net/%s/%s", link, what);
    if (!(f = fopen(path, "re")))
        return false;
    bool ok = fgets(text, (int)size, f) != NULL;
    fclose(f);
    return ok;
}

bool link_there(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "/sys/class/net/%s", name);
    return access(path, F_OK) == 0;
}

bool link_up(const char *name)
{
    char text[32];

    return read_text(name, "flags", text, sizeof(text)) && (strtol(text, NULL, 16) & 1);
}

int64_t link_mtu(const char *name)
{
    char text[32];

    return read_text(name, "mtu", text, sizeof(text)) ? strtol(text, NULL, 10) : 0;
}

bool link_on_bridge(const char *name, const char *bridge)
{
    char path[128], target[256];
    ssize_t n;

    snprintf(path, sizeof(path), "/sys/class/net/%s/master", name);
    n = readlink(path, target, sizeof(target) - 1);
    if (n < 0)
        return bridge == NULL;
    target[n] = 0;
    return bridge && strcmp(strrchr(target, '/') ? strrchr(target, '/') + 1 : target, bridge) == 0;
}

bool bridge_empty(const char *bridge)
{
    char path[128];
    GDir *dir;

    snprintf(path, sizeof(path), "/sys/class/net/%s/brif", bridge);
    dir = g_dir_open(path, 0, NULL);
    bool empty = !dir || !g_dir_read_name(dir);
    if (dir)
        g_dir_close(dir);
    return empty;
}

char **links_named(struct ctx *c, const char *prefix)
{
    GDir *dir = g_dir_open("/sys/class/net", 0, NULL);
    GPtrArray *list = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_prefix(name, prefix))
            g_ptr_array_add(list, ctx_strdup(c, name));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_add(list, NULL);
    return (char **)list->pdata;
}

/* No spanning tree, no forwarding delay, no multicast snooping: a guest's first packet passes. A mapped bridge that is there
 * already is the administrator's; a brq bridge may have been made by Nova (perhaps this very moment), and is ours all the same. */
bool bridge_make(struct ctx *c, const char *bridge)
{
    struct run run = { .quiet = true };

    if ((!link_there(bridge) || g_str_has_prefix(bridge, "brq")) && !ledger_note(c, MADE_BRIDGE, bridge))
        return false;
    if (link_there(bridge) && link_up(bridge))
        return true;
    run.input = ctx_printf(c, "link add %s type bridge stp_state 0 forward_delay 0 mcast_snooping 0\nlink set %s up\n", bridge, bridge);
    if (!privsep_run(c, &run, NULL, (const char *const[]){ "ip", "-force", "-batch", "-", NULL }))
        return false;
    return link_up(bridge) || fail(c, INTERNAL_ERROR, ctx_printf(c, "bridge %s cannot be made: %s", bridge, run.error));
}

bool batch_run(struct ctx *c, const char *netns, struct buf *batch)
{
    struct run run = { .input = batch->data, .input_size = batch->len };
    bool ok = batch->len == 0 || privsep_run(c, &run, netns, (const char *const[]){ "ip", "-batch", "-", NULL });

    buf_clear(batch);
    return ok;
}
