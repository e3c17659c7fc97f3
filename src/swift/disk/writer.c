/* The write sequence: an unnamed file in the hash directory, its metadata, its sync, its name, the directory's sync. Nothing can be seen
 * of it before it is whole, and it is on the disk before anybody is told. */
#include "swift/disk/parts.h"

#include "swift/disk/io.h"
#include "swift/name.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BYTES_PER_SYNC (512ll * 1024 * 1024)
#define BYTES_BEHIND (8ll * 1024 * 1024)     /* so much is left to the disk at once, while more is coming */

struct disk_writer {
    struct disk_place place;
    char *dir, *tmp_path;            /* tmp_path: where there are no unnamed files */
    int dirs_made;                   /* how many levels up have a new directory */
    int fd;
    int64_t size, synced, behind;
    struct disk_digest *digest;
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
        w->digest = disk_digest_new(c);
        return w;
    }
    error = errno;
    disk_writer_free(w);
    errno = error;
    return NULL;
}

void disk_writer_share(struct disk_writer *w, struct disk_digest *digest)
{
    w->digest = digest;
}

bool disk_writer_write(struct disk_writer *w, const void *bytes, size_t n)
{
    if (w->failed)
        return false;
    digest_add(w->digest, w->size, bytes, n);
    w->failed = disk.write(w->fd, bytes, n) < 0;
    w->size += (int64_t)n;
    if (!w->failed && w->size - w->behind >= BYTES_BEHIND) {
        disk.write_behind(w->fd, w->behind, w->size - w->behind);
        w->behind = w->size;
    }
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
    return digest_end(w->digest);
}

/* --- the commit ------------------------------------------------------------------------------------------------------------- */

static bool seal(struct ctx *c, struct disk_commit *d)
{
    struct headers all = {};

    errno = EIO;
    if (d->writer->failed)
        return false;
    headers_copy(c, &all, d->metadata);
    headers_set(c, &all, "name", d->writer->place.name);
    return disk_metadata_write(c, d->writer->fd, &all);
}

/* The directory may have been tidied away since it was made. */
static bool give_name(struct ctx *c, struct disk_commit *d)
{
    struct disk_writer *w = d->writer;
    const char *path = ctx_printf(c, "%s/%s", w->dir, d->file_name);

    if (!hashes_invalidate(c, &w->place))
        return false;
    for (int i = 0; i < 3; i++) {
        if (!(w->tmp_path ? disk.rename(w->tmp_path, path) : disk.linkat(w->fd, path))) {
            g_clear_pointer(&w->tmp_path, g_free);
            return true;
        }
        if (errno != ENOENT || !count_dirs(w->dir, &w->dirs_made))
            return false;
    }
    return false;
}

/* What another writer has put there before. A directory that is new holds nothing else. */
static bool tidy(struct ctx *c, struct disk_commit *d)
{
    const struct disk_writer *w = d->writer;
    struct disk_files files;

    if (!w->dirs_made)
        disk_files_tidy(c, &files, w->dir, w->place.policy, NULL, (struct timestamp){});
    disk_tidy_twin(c, &w->place);
    return true;
}

static bool link_twin(struct ctx *c, struct disk_commit *d)
{
    disk_link_twin(c, &d->writer->place, d->file_name);
    return true;
}

static void each(struct ctx *c, struct disk_commit *d, size_t n, bool (*step)(struct ctx *, struct disk_commit *))
{
    for (size_t i = 0; i < n; i++)
        if (!d[i].error && !step(c, &d[i]))
            d[i].error = errno ? errno : EIO;
}

static void sync_files(struct ctx *c, struct disk_commit *d, size_t n)
{
    struct disk_sync *syncs = ctx_new_n(c, struct disk_sync, n);

    for (size_t i = 0; i < n; i++)
        syncs[i] = (struct disk_sync){ .fds = { d[i].writer->fd }, .n = 1, .error = d[i].error };
    disk_sync_together(syncs, n);
    for (size_t i = 0; i < n; i++)
        d[i].error = syncs[i].error;
}

/* The hash directory, and every parent that has a new directory. */
static void open_dirs(const struct disk_writer *w, struct disk_sync *s)
{
    g_autofree char *path = g_strdup(w->dir);

    for (int level = 0; level <= w->dirs_made && s->n < G_N_ELEMENTS(s->fds); level++) {
        s->fds[s->n] = disk.open(path, O_RDONLY | O_DIRECTORY, 0);
        if (s->fds[s->n] < 0) {
            s->error = errno;
            return;
        }
        s->n++;
        *strrchr(path, '/') = '\0';
    }
}

static void sync_dirs(struct ctx *c, struct disk_commit *d, size_t n)
{
    struct disk_sync *syncs = ctx_new_n(c, struct disk_sync, n);

    for (size_t i = 0; i < n; i++) {
        syncs[i].error = d[i].error;
        if (!d[i].error)
            open_dirs(d[i].writer, &syncs[i]);
    }
    disk_sync_together(syncs, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < syncs[i].n; k++)
            close(syncs[i].fds[k]);
        d[i].error = syncs[i].error;
    }
}

void disk_writers_commit(struct ctx *c, struct disk_commit *d, size_t n)
{
    each(c, d, n, seal);
    sync_files(c, d, n);
    each(c, d, n, give_name);
    sync_dirs(c, d, n);
    each(c, d, n, link_twin);
    each(c, d, n, tidy);
}

bool disk_writer_commit(struct ctx *c, struct disk_writer *w, const struct headers *metadata, const char *file_name)
{
    struct disk_commit d = { w, metadata, file_name, 0 };

    disk_writers_commit(c, &d, 1);
    errno = d.error;
    return !d.error;
}

void disk_writer_free(struct disk_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    if (w->tmp_path)
        unlink(w->tmp_path);
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
