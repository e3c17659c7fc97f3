/* The files of an instance, in its own directory:
 *   disk          the root, a qcow2 over the cached image         disk.eph0, disk.swap    as the flavor has them
 *   disk.config   the config drive                                disk.rescue             while rescued, over the rescue image
 *   disk.before   the root as it was before a resize              console.log, serial
 *   host          which host has them, and from which it took them over: hosts may share the directory
 * All are made beside their place and renamed: what is there is whole.
 */
#include "nova/virt/libvirt/libvirt.h"

#include "nova/faults_compute.h"
#include "nova/options.h"
#include "nova/virt/config_drive.h"
#include "nova/virt/images.h"
#include "oslo/client/client.h"
#include "oslo/privsep/run.h"
#include "oslo/service/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GIB INT64_C(1073741824)

struct base {
    const char *path, *format;
    int64_t size;                    /* as the guest sees it */
};

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool move(struct ctx *c, const char *from, const char *to)
{
    return !rename(from, to) || fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", to, g_strerror(errno)));
}

/* --- images --------------------------------------------------------------------------------------------------- */

/* What the file is by the format Glance says, never by its own looks; one that leads to other files is refused. */
static bool inspect(struct ctx *c, const char *image_id, struct base *base)
{
    struct run run = {};
    json_t *info;

    if (!run_argv(c, &run, (const char *const[]){ "qemu-img", "info", "-f", base->format, "--output=json", base->path, NULL }))
        return false;
    if (!(info = json_read(c, run.output, strlen(run.output))))
        return false;
    if (json_object_get(info, "backing-filename") || json_object_get(json_object_get(json_object_get(info, "format-specific"), "data"), "data-file"))
        return fail(c, IMAGE_UNACCEPTABLE, image_id, "it leads to other files");
    base->size = json_get_int(info, "virtual-size", 0);
    return true;
}

/* Formats that are no fit base for an overlay are turned into qcow2 once. */
static bool convert(struct ctx *c, struct base *base)
{
    const char *path = ctx_printf(c, "%s.qcow2", base->path), *part = ctx_printf(c, "%s.part.%d", path, (int)random_below(1000000));
    struct run run = { .timeout_us = 1800 * 1000000LL };

    if (!there(path)) {
        if (!run_argv(c, &run, (const char *const[]){ "qemu-img", "convert", "-f", base->format, "-O", "qcow2", base->path, part, NULL }) ||
            !move(c, part, path))
            return false;
    }
    base->path = path;
    base->format = "qcow2";
    return true;
}

static bool base_get(struct ctx *c, const char *image_id, struct base *base)
{
    static const struct { const char *glance, *qemu; } formats[] = {
        { "raw", "raw" }, { "ami", "raw" }, { "iso", "raw" }, { "qcow2", "qcow2" }, { "vmdk", "vmdk" }, { "vdi", "vdi" }, { "vhd", "vpc" }, { "vhdx", "vhdx" },
    };
    struct call show = { .type = "image", .method = "GET", .as_service = true };
    const char *format;

    show.path = ctx_printf(c, "/v2/images/%s", image_id);
    if (!client_call(c, &show))
        return false;
    format = json_get_string(show.reply, "disk_format");
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (text_equal(format, formats[i].glance))
            base->format = formats[i].qemu;
    if (!base->format)
        return fail(c, IMAGE_UNACCEPTABLE, image_id, ctx_printf(c, "its format %s cannot be booted", format ? format : "(none)"));
    base->path = image_cached(c, image_id);
    if (!base->path || !inspect(c, image_id, base))
        return false;
    return !strcmp(base->format, "raw") || !strcmp(base->format, "qcow2") || convert(c, base);
}

/* --- making --------------------------------------------------------------------------------------------------- */

static bool overlay_make(struct ctx *c, const char *path, const struct base *base, int64_t size)
{
    const char *part = ctx_printf(c, "%s.part", path);

    if (there(path))
        return true;
    return RUN(c, "qemu-img", "create", "-q", "-f", "qcow2", "-F", base->format, "-b", base->path, part, ctx_printf(c, "%" PRId64, MAX(size, base->size))) &&
           move(c, part, path);
}

static bool root_make(struct ctx *c, const struct instance *inst)
{
    const char *path = instance_path(c, inst, "disk");
    struct base base = {};

    if (there(path))
        return true;
    if (!base_get(c, inst->image_ref, &base))
        return false;
    if (inst->root_gb && inst->root_gb * GIB < base.size)
        return fail(c, FLAVOR_DISK_SMALLER, inst->root_gb * GIB, base.size);
    return overlay_make(c, path, &base, inst->root_gb * GIB);
}

/* An empty disk with a file system (or swap space) on it. */
static bool blank_make(struct ctx *c, const char *path, int64_t mib, bool swap)
{
    const char *part = ctx_printf(c, "%s.part", path);

    if (there(path))
        return true;
    if (!RUN(c, "qemu-img", "create", "-q", "-f", "raw", part, ctx_printf(c, "%" PRId64 "M", mib)))
        return false;
    if (swap ? !RUN(c, "mkswap", "-L", "swap1", part) : !RUN(c, "mkfs.ext4", "-q", "-F", "-L", "ephemeral0", part))
        return false;
    return move(c, part, path);
}

static struct domain_disk disk_at(struct ctx *c, const struct instance *inst, const char *file, const char *format, int place)
{
    return (struct domain_disk){ .path = instance_path(c, inst, file), .format = format, .target = ctx_printf(c, "vd%c", 'a' + place) };
}

static char *part_file(struct ctx *c, const char *image_id)
{
    return image_id && *image_id ? image_cached(c, image_id) : NULL;
}

/* --- whose they are --------------------------------------------------------------------------------------------- */

/* {the host that has the files, the one it took them over from}, either may be missing. */
static char **owners(struct ctx *c, const struct instance *inst)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents(instance_path(c, inst, "host"), &text, NULL, NULL))
        return ctx_new_n(c, char *, 2);
    return text_split(c, text, '\n');
}

static bool set_owners(struct ctx *c, const struct instance *inst, const char *host, const char *before)
{
    const char *path = instance_path(c, inst, "host"), *text = before ? ctx_printf(c, "%s\n%s", host, before) : host;

    return g_file_set_contents(path, text, -1, NULL) || fail(c, INTERNAL_ERROR, ctx_printf(c, "%s cannot be written", path));
}

static bool take(struct ctx *c, const struct instance *inst)
{
    char **was = owners(c, inst);

    if (text_equal(was[0], common_options->host))
        return true;
    return set_owners(c, inst, common_options->host, was[0] ? was[0] : there(instance_path(c, inst, "disk")) ? "?" : NULL);
}

bool disks_make(struct ctx *c, const struct instance *inst, const char *rescue_image, struct domain *d)
{
    struct domain_disk *disks = ctx_new_n(c, struct domain_disk, 8);
    struct base rescue = {};
    int n = 0;

    d->disks = disks;
    if (g_mkdir_with_parents(instance_path(c, inst, NULL), 0711))
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", instance_path(c, inst, NULL), g_strerror(errno)));
    if (!take(c, inst))
        return false;
    if (rescue_image) {
        if (!base_get(c, rescue_image, &rescue) || !overlay_make(c, instance_path(c, inst, "disk.rescue"), &rescue, 0))
            return false;
        disks[n] = disk_at(c, inst, "disk.rescue", "qcow2", n);
        n++;
    }
    if (!root_make(c, inst))
        return false;
    disks[n] = disk_at(c, inst, "disk", "qcow2", n);
    n++;
    if (inst->ephemeral_gb) {
        disks[n] = disk_at(c, inst, "disk.eph0", "raw", n);
        if (!blank_make(c, disks[n++].path, inst->ephemeral_gb * 1024, false))
            return false;
    }
    if (inst->swap_mb) {
        disks[n] = disk_at(c, inst, "disk.swap", "raw", n);
        if (!blank_make(c, disks[n++].path, inst->swap_mb, true))
            return false;
    }
    if (inst->config_drive || nova_options()->force_config_drive) {
        disks[n] = disk_at(c, inst, "disk.config", "raw", n);
        disks[n].readonly = true;
        if (!there(disks[n].path) && !config_drive_make(c, inst, disks[n].path))
            return false;
        n++;
    }
    d->kernel = part_file(c, inst->kernel_id);
    d->ramdisk = part_file(c, inst->ramdisk_id);
    return !failed(c);
}

/* --- resizing, rescuing, going --------------------------------------------------------------------------------- */

bool disks_keep(struct ctx *c, const struct instance *inst)
{
    const char *kept = instance_path(c, inst, "disk.before"), *part = ctx_printf(c, "%s.part", kept);

    return there(kept) || (RUN(c, "cp", "--sparse=always", "--reflink=auto", instance_path(c, inst, "disk"), part) && move(c, part, kept));
}

bool disks_revert(struct ctx *c, const struct instance *inst)
{
    const char *kept = instance_path(c, inst, "disk.before");

    return !there(kept) || move(c, kept, instance_path(c, inst, "disk"));
}

bool disks_forget(struct ctx *c, const struct instance *inst)
{
    unlink(instance_path(c, inst, "disk.before"));
    return true;
}

bool disks_grow(struct ctx *c, const struct instance *inst)
{
    const char *path = instance_path(c, inst, "disk");
    struct run run = {};
    json_t *info;

    if (!run_argv(c, &run, (const char *const[]){ "qemu-img", "info", "-f", "qcow2", "--output=json", path, NULL }) ||
        !(info = json_read(c, run.output, strlen(run.output))))
        return false;
    if (json_get_int(info, "virtual-size", 0) >= inst->root_gb * GIB)
        return true;
    return RUN(c, "qemu-img", "resize", "-q", "-f", "qcow2", path, ctx_printf(c, "%" PRId64 "G", inst->root_gb));
}

bool disks_remove(struct ctx *c, const struct instance *inst)
{
    const char *directory = instance_path(c, inst, NULL);
    char **has = owners(c, inst);

    if (has[0] && strcmp(has[0], common_options->host))
        return true;
    if (has[0] && has[1] && inst->host && strcmp(inst->host, common_options->host))
        return set_owners(c, inst, has[1], NULL);
    return !there(directory) || RUN(c, "rm", "-rf", "--", directory);
}

bool disks_rescued(struct ctx *c, const struct instance *inst)
{
    unlink(instance_path(c, inst, "disk.rescue"));
    return true;
}

char *disks_flatten(struct ctx *c, const struct instance *inst)
{
    char *path = instance_path(c, inst, "snapshot.part");
    struct run run = { .timeout_us = 1800 * 1000000LL };

    return run_argv(c, &run, (const char *const[]){ "qemu-img", "convert", "-U", "-c", "-f", "qcow2", "-O", "qcow2", instance_path(c, inst, "disk"), path, NULL })
               ? path : NULL;
}
