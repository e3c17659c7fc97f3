/* The config drive: the metadata of an instance as a small file system, for guests that have no network yet. */
#include "nova/virt/config_drive.h"

#include "nova/metadata/metadata.h"
#include "nova/options.h"
#include "oslo/privsep/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct tree {
    struct ctx *c;
    const char *root;
};

static void write_file(void *data, const char *path, const char *bytes, size_t size)
{
    struct tree *tree = data;
    const char *file = ctx_printf(tree->c, "%s/%s", tree->root, path);
    g_autofree char *directory = g_path_get_dirname(file);
    g_autoptr(GError) error = NULL;

    if (failed(tree->c))
        return;
    if (g_mkdir_with_parents(directory, 0700) || !g_file_set_contents(file, bytes, (gssize)size, &error))
        fail(tree->c, INTERNAL_ERROR, error ? error->message : g_strerror(errno));
}

static bool pack_iso9660(struct ctx *c, const char *root, const char *path)
{
    return RUN(c, "genisoimage", "-quiet", "-o", path, "-ldots", "-allow-lowercase", "-allow-multidot", "-l", "-publisher", "Nacre", "-J", "-r",
               "-V", "config-2", root);
}

static bool pack_vfat(struct ctx *c, const char *root, const char *path)
{
    return RUN(c, "truncate", "-s", "64M", path) && RUN(c, "mformat", "-i", path, "-h", "64", "-s", "32", "-T", "131072", "-v", "config-2", "::") &&
           RUN(c, "mcopy", "-s", "-i", path, ctx_printf(c, "%s/ec2", root), ctx_printf(c, "%s/openstack", root), "::");
}

bool config_drive_make(struct ctx *c, const struct instance *inst, const char *path)
{
    struct tree tree = { .c = c, .root = ctx_printf(c, "%s.tree", path) };
    const char *part = ctx_printf(c, "%s.part", path);
    struct metadata *m = metadata_of(c, inst, NULL);
    bool ok;

    if (!m)
        return false;
    metadata_each_file(c, m, write_file, &tree);
    ok = !failed(c) && (strcmp(nova_options()->config_drive_format, "vfat") ? pack_iso9660(c, tree.root, part) : pack_vfat(c, tree.root, part));
    if (ok && rename(part, path))
        ok = fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
    return RUN(c, "rm", "-rf", "--", tree.root) && ok;
}
