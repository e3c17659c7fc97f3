/* Which bridges and namespaces of this host are ours: a file each, under state_dir/network/<kind>. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "neutron/agent/host/host.h"
#include "oslo/registry/registry.h"

static const char *const kinds[] = { [MADE_BRIDGE] = "bridges", [MADE_NAMESPACE] = "namespaces", [MADE_SWITCH] = "switches", [MADE_OVSDB] = "ovsdb" };

static char *place(struct ctx *c, enum made kind, const char *name)
{
    return ctx_printf(c, "%s/network/%s/%s", common_options->state_dir, kinds[kind], name);
}

bool ledger_note(struct ctx *c, enum made kind, const char *name)
{
    const char *path = place(c, kind, name);
    int fd;

    if (g_mkdir_with_parents(place(c, kind, ""), 0711) < 0 || (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
    close(fd);
    return true;
}

void ledger_strike(struct ctx *c, enum made kind, const char *name)
{
    unlink(place(c, kind, name));
}

char **ledger_list(struct ctx *c, enum made kind)
{
    GDir *dir = g_dir_open(place(c, kind, ""), 0, NULL);
    GPtrArray *list = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(list, ctx_strdup(c, name));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_add(list, NULL);
    return (char **)list->pdata;
}
