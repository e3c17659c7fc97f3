/* An object's other place while the part power is being increased: before the increase what is written is linked to where it will be; after it, what
 * is obsolete goes from where it was. */
#include "swift/disk/diskfile.h"

#include "oslo/base/log.h"
#include "swift/disk/io.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

uint32_t disk_partition(const uint8_t digest[16], int part_power)
{
    uint64_t first = (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 | (uint64_t)digest[2] << 8 | digest[3];

    return (uint32_t)(first >> (32 - CLAMP(part_power, 0, 32)));
}

enum disk_twin disk_twin(const struct disk_place *p, struct disk_place *ret)
{
    *ret = *p;
    ret->next_part_power = 0;
    if (p->next_part_power <= 0)
        return TWIN_NONE;
    ret->partition = disk_partition(p->digest, p->next_part_power);
    if (ret->partition != p->partition)
        return TWIN_NEXT;
    ret->partition = disk_partition(p->digest, p->next_part_power - 1);
    return ret->partition != p->partition ? TWIN_PREVIOUS : TWIN_NONE;   /* partition 0 stays what it is */
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return !stat(a, &x) && !stat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

enum disk_linked disk_link(const char *from, const char *to)
{
    g_autofree char *dir = g_path_get_dirname(to);
    int error;

    if (!disk_make_dirs(dir))
        return LINK_FAILED;
    if (!disk.link(from, to))
        return disk_sync_dir(dir) ? LINK_MADE : LINK_FAILED;
    error = errno;
    if ((error == EEXIST && same_file(from, to)) || (access(from, F_OK) && errno == ENOENT))
        return LINK_KEPT;
    errno = error;
    return LINK_FAILED;
}

void disk_link_twin(struct ctx *c, const struct disk_place *p, const char *file_name)
{
    const char *from = ctx_printf(c, "%s/%s", disk_place_dir(c, p), file_name), *to;
    struct disk_place twin;

    if (disk_twin(p, &twin) != TWIN_NEXT)
        return;
    to = ctx_printf(c, "%s/%s", disk_place_dir(c, &twin), file_name);
    if (disk_link(from, to) == LINK_FAILED)
        log_error(c, "swift: relinking %s to %s failed: %s", from, to, g_strerror(errno));
    else
        hashes_invalidate(c, &twin);
}

void disk_tidy_twin(struct ctx *c, const struct disk_place *p)
{
    struct disk_files files;
    struct disk_place twin;

    if (disk_twin(p, &twin) != TWIN_NONE)
        disk_files_tidy(c, &files, disk_place_dir(c, &twin), p->policy, NULL, (struct timestamp){});
}

void disk_rename_twin(struct ctx *c, const struct disk_place *p, const char *from, const char *to)
{
    struct disk_place twin;
    const char *dir;

    if (disk_twin(p, &twin) != TWIN_NEXT)
        return;
    dir = disk_place_dir(c, &twin);
    if (disk.rename(ctx_printf(c, "%s/%s", dir, from), ctx_printf(c, "%s/%s", dir, to)) || !disk_sync_dir(dir))
        log_error(c, "swift: renaming %s in %s to %s failed: %s", from, dir, to, g_strerror(errno));
    else
        hashes_invalidate(c, &twin);
}
