/* Links to the databases of containers that sync. */
#include "swift/container/sync_store.h"

#include "oslo/base/log.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DATABASES "/containers/"

/* The last of them in a path: drives may be called anything. */
static const char *last(const char *path, const char *folder)
{
    const char *found = NULL;

    for (const char *at = path; (at = strstr(at, folder)); at++)
        found = at;
    return found;
}

static char *moved(struct ctx *c, const char *path, const char *from, const char *to)
{
    const char *at = last(path, from);

    return at ? ctx_printf(c, "%.*s%s%s", (int)(at - path), path, to, at + strlen(from)) : NULL;
}

char *sync_store_database(struct ctx *c, const char *link)
{
    return moved(c, link, "/" SYNC_STORE "/", DATABASES);
}

static void take_away(const char *link)
{
    g_autofree char *dir = g_strdup(link);

    unlink(link);
    for (int level = 0; level < 3; level++) {            /* hash, suffix, partition: those that are empty now */
        *strrchr(dir, '/') = 0;
        if (rmdir(dir))
            break;
    }
}

static void add(struct ctx *c, const char *link, const char *database)
{
    g_autofree char *dir = g_path_get_dirname(link);

    if (!access(link, F_OK))
        return;
    if (g_mkdir_with_parents(dir, 0755) || (symlink(database, link) && errno != EEXIST))
        log_error(c, "swift: %s: %s", link, g_strerror(errno));
}

void sync_store_update(struct ctx *c, struct broker *b)
{
    const char *database = broker_path(b), *link = moved(c, database, DATABASES, "/" SYNC_STORE "/"), *to = NULL, *key = NULL;
    struct broker_meta *meta;
    size_t n;

    if (!link || !broker_metadata(c, b, &meta, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        to = strcasecmp(meta[i].name, "X-Container-Sync-To") ? to : meta[i].value;
        key = strcasecmp(meta[i].name, "X-Container-Sync-Key") ? key : meta[i].value;
    }
    if (!to && !key)
        return;
    if (to && *to && key && *key && !broker_is_deleted(c, b, NULL))
        add(c, link, database);
    else
        take_away(link);
}
