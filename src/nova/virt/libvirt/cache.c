/* The cache of images is cleaned by what stands on it: each disk names the image under it. */
#include "nova/virt/libvirt/libvirt.h"

#include "nova/options.h"
#include "oslo/base/log.h"
#include "oslo/privsep/run.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The image under a disk, by its name in the cache; an unreadable disk fails, so that nothing is taken from under it. */
static bool note_base(struct ctx *c, const char *disk, GHashTable *used)
{
    struct run run = {};
    const char *base;
    json_t *info;

    if (access(disk, F_OK))
        return true;
    if (!run_argv(c, &run, (const char *const[]){ "qemu-img", "info", "-U", "-f", "qcow2", "--output=json", disk, NULL }) ||
        !(info = json_read(c, run.output, strlen(run.output))))
        return false;
    base = json_get_string(info, "backing-filename");
    if (base && strrchr(base, '/'))
        g_hash_table_add(used, ctx_strdup(c, strrchr(base, '/') + 1));
    return true;
}

static bool note_instance(struct ctx *c, char *uuid, GHashTable *used)
{
    static const char *const disks[] = { "disk", "disk.before", "disk.rescue" };
    const struct instance inst = { .uuid = uuid };
    bool ok = true;

    for (size_t i = 0; ok && i < G_N_ELEMENTS(disks); i++)
        ok = note_base(c, instance_path(c, &inst, disks[i]), used);
    return ok;
}

static bool each_entry(struct ctx *c, const char *path, bool (*visit)(struct ctx *, char *name, GHashTable *), GHashTable *used)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool ok = true;

    while (ok && directory && (entry = readdir(directory)))
        ok = *entry->d_name == '.' || visit(c, entry->d_name, used);
    if (directory)
        closedir(directory);
    return ok;
}

/* A converted image keeps the one it was made of: both go together. */
static bool drop_unused(struct ctx *c, char *name, GHashTable *used)
{
    const struct instance base = { .uuid = (char *)(uintptr_t)"_base" };
    const char *path = instance_path(c, &base, name), *converted = ctx_printf(c, "%s.qcow2", name);
    struct stat st;

    if (g_hash_table_contains(used, name) || g_hash_table_contains(used, converted) || stat(path, &st) ||
        time(NULL) - st.st_mtime < nova_options()->image_cache_keep_s)
        return true;
    log_info(c, "cached image %s was not used for long and goes", name);
    unlink(path);
    return true;
}

bool disks_clean(struct ctx *c)
{
    const struct instance all = { .uuid = (char *)(uintptr_t)"" }, base = { .uuid = (char *)(uintptr_t)"_base" };
    g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);

    return each_entry(c, instance_path(c, &all, NULL), note_instance, used) && each_entry(c, instance_path(c, &base, NULL), drop_unused, used);
}
