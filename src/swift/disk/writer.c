/* The write sequence: an unnamed file in the hash directory, its metadata, its sync, its name, the directory's sync. Nothing can be seen
 * of it before it is whole, and it is on the disk before anybody is told. */
#include "swift/disk/diskfile.h"

#include "swift/disk/io.h"
#include "swift/name.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BYTES_PER_SYNC (512ll * 1024 * 1024)

struct disk_writer {
    struct disk_place place;
    char *dir, *tmp_path;            /* tmp_path: where there are no unnamed files */
    int dirs_made;                   /* how many levels up have a new directory */
    int fd;
    int64_t size, synced;
    struct md5 *md5;
    char etag[33];
    bool failed;
};

static bool count_dirs(const char *path, int *made)
{
    g_autofree char *parent = NULL;

    if (!disk.mkdir(path, 0755)) {
        ++*made;
        return true;
    }
    if (errno == EEXIST)
        return true;
    if (errno != ENOENT)
        return false;
    parent = g_path_get_dirname(path);
    if (!count_dirs(parent, made))
        return false;
    if (disk.mkdir(path, 0755))
        return errno == EEXIST;
    ++*made;
    return true;
}

static bool open_named(struct ctx *c, struct disk_writer *w)
{
    const char *tmp = ctx_printf(c, "%s/%s", w->place.device_path, policy_dir(c, "tmp", w->place.policy));

    if (!disk_make_dirs(tmp))
        return false;
    w->tmp_path = g_strdup_printf("%s/XXXXXX", tmp);
    w->fd = g_mkstemp_full(w->tmp_path, O_WRONLY | O_CLOEXEC, 0600);
    return w->fd >= 0;
}

struct disk_writer *disk_writer_open(struct ctx *c, const struct disk_place *p, int64_t size)
{
    struct disk_writer *w = g_new0(struct disk_writer, 1);
    int error;

    w->place = *p;
    w->fd = -1;
    w->dir = g_strdup(disk_place_dir(c, p));
    if (count_dirs(w->dir, &w->dirs_made))
        w->fd = disk.open(w->dir, O_TMPFILE | O_WRONLY, 0600);
    if (w->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        open_named(c, w);
    if (w->fd >= 0 && size > 65536 && disk.fallocate(w->fd, size) && errno != EOPNOTSUPP) {
        error = errno;
        disk_writer_free(w);
        errno = error;
        return NULL;
    }
    if (w->fd >= 0) {
        w->md5 = md5_new();
        return w;
    }
    error = errno;
    disk_writer_free(w);
    errno = error;
    return NULL;
}

bool disk_writer_write(struct disk_writer *w, const void *bytes, size_t n)
{
    if (w->failed)
        return false;
    md5_add(w->md5, bytes, n);
    w->failed = disk.write(w->fd, bytes, n) < 0;
    w->size += (int64_t)n;
    if (!w->failed && w->size - w->synced >= BYTES_PER_SYNC) {
        w->failed = disk.fdatasync(w->fd) != 0;
        w->synced = w->size;
    }
    return !w->failed;
}

int64_t disk_writer_size(const struct disk_writer *w)
{
    return w->size;
}

const char *disk_writer_etag(struct disk_writer *w)
{
    if (w->md5)
        md5_end_hex(w->md5, w->etag);
    w->md5 = NULL;
    return w->etag;
}

/* The hash directory, and every parent that has a new directory. */
static bool sync_dirs(const struct disk_writer *w)
{
    g_autofree char *path = g_strdup(w->dir);

    for (int level = 0; level <= w->dirs_made; level++) {
        if (!disk_sync_dir(path))
            return false;
        *strrchr(path, '/') = '\0';
    }
    return true;
}

/* The directory may have been tidied away since it was made. */
static bool give_name(struct disk_writer *w, const char *path)
{
    for (int i = 0; i < 3; i++) {
        if (!(w->tmp_path ? disk.rename(w->tmp_path, path) : disk.linkat(w->fd, path)))
            return true;
        if (errno != ENOENT || !count_dirs(w->dir, &w->dirs_made))
            return false;
    }
    return false;
}

static void tidy(struct ctx *c, const struct disk_writer *w)
{
    struct disk_files files;

    if (!disk_files_list(c, &files, w->dir, (struct timestamp){}))
        return;
    for (size_t i = 0; i < files.n_obsolete; i++)
        disk.unlink(ctx_printf(c, "%s/%s", w->dir, files.obsolete[i]));
}

bool disk_writer_commit(struct ctx *c, struct disk_writer *w, const struct headers *metadata, const char *file_name)
{
    struct headers all = {};

    if (w->failed)
        return false;
    headers_copy(c, &all, metadata);
    headers_set(c, &all, "name", w->place.name);
    if (!disk_metadata_write(c, w->fd, &all) || disk.fsync(w->fd) || !hashes_invalidate(c, &w->place) ||
        !give_name(w, ctx_printf(c, "%s/%s", w->dir, file_name)))
        return false;
    g_clear_pointer(&w->tmp_path, g_free);
    if (!sync_dirs(w))
        return false;
    tidy(c, w);
    return true;
}

void disk_writer_free(struct disk_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    if (w->tmp_path)
        unlink(w->tmp_path);
    md5_free(w->md5);
    g_free(w->tmp_path);
    g_free(w->dir);
    g_free(w);
}

/* --- files without data --------------------------------------------------------------------------------------------------- */

static bool write_empty(struct ctx *c, const struct disk_place *p, const struct headers *metadata, const char *file_name)
{
    struct disk_writer *w = disk_writer_open(c, p, 0);
    bool well = w && disk_writer_commit(c, w, metadata, file_name);
    int error = errno;

    disk_writer_free(w);
    errno = error;
    return well;
}

bool disk_write_tombstone(struct ctx *c, const struct disk_place *p, struct timestamp when)
{
    struct headers metadata = {};

    headers_set(c, &metadata, "X-Timestamp", timestamp_text(c, when));
    return write_empty(c, p, &metadata, ctx_printf(c, "%s.ts", timestamp_text(c, when)));
}

bool disk_write_meta(struct ctx *c, const struct disk_place *p, struct timestamp when, struct timestamp content_type, const struct headers *metadata)
{
    const char *stem = timestamp_text(c, when);

    if (timestamp_set(content_type))
        stem = timestamps_encode(c, (struct timestamps){ .data = when, .content_type = content_type }, true);
    return write_empty(c, p, metadata, ctx_printf(c, "%s.meta", stem));
}
