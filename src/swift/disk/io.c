/* The system's calls, with faults on purpose before them. */
#include "swift/disk/io.h"

#include "oslo/base/inject.h"
#include "oslo/base/text.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Does a test mean this file? path NULL: that of fd. */
static bool meant(const char *path, int fd)
{
    char self[40], found[PATH_MAX];
    ssize_t n;

    if (!inject_where)
        return true;
    if (path)
        return strstr(path, inject_where) != NULL;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    n = readlink(self, found, sizeof(found) - 1);
    found[MAX(n, 0)] = '\0';
    return strstr(found, inject_where) != NULL;
}

static bool hit(enum inject_point point)
{
    struct ctx c;
    bool is_hit;

    ctx_init(&c, NULL, "");
    errno = EIO;
    is_hit = inject(&c, point);
    ctx_clear(&c);
    return is_hit;
}

/* True, with errno set, where a test lets this call fail. */
static bool faulty(const char *path, int fd)
{
    bool fails;

    if (!inject_armed || !meant(path, fd))
        return false;
    fails = hit(INJECT_DISK);
    errno = EIO;
    if (!fails && hit(INJECT_DISK_FULL)) {
        fails = true;
        errno = ENOSPC;
    }
    return fails;
}

static int call_open(const char *path, int flags, mode_t mode)
{
    int fd;

    if ((flags & (O_CREAT | O_TMPFILE)) && faulty(path, -1))
        return -1;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Where a test wants it, the process ends when some of it is written. */
static void cut(int fd, const void *bytes, size_t n)
{
    if (!inject_armed || !meant(NULL, fd) || !hit(INJECT_DISK_CUT))
        return;
    if (write(fd, bytes, random_below(n + 1)) >= 0)
        raise(SIGKILL);
}

static ssize_t call_write(int fd, const void *bytes, size_t n)
{
    size_t written = 0;

    if (faulty(NULL, fd))
        return -1;
    cut(fd, bytes, n);
    while (written < n) {
        ssize_t some = write(fd, (const char *)bytes + written, n - written);

        if (some < 0 && errno != EINTR)
            return -1;
        written += some > 0 ? (size_t)some : 0;
    }
    return (ssize_t)n;
}

static ssize_t call_pread(int fd, void *bytes, size_t n, off_t offset)
{
    ssize_t got;

    do
        got = pread(fd, bytes, n, offset);
    while (got < 0 && errno == EINTR);
    return got;
}

static int call_fallocate(int fd, off_t size)
{
    return faulty(NULL, fd) ? -1 : fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size);
}

static int call_fsync(int fd)
{
    if (faulty(NULL, fd) || (inject_armed && hit(INJECT_DISK_SYNC)))
        return -1;
    return fsync(fd);
}

static int call_fdatasync(int fd) { return faulty(NULL, fd) ? -1 : fdatasync(fd); }
static void call_write_behind(int fd, off_t from, off_t n) { (void)sync_file_range(fd, from, n, SYNC_FILE_RANGE_WRITE); }
static int call_rename(const char *from, const char *to) { return faulty(to, -1) ? -1 : rename(from, to); }
static int call_link(const char *from, const char *to) { return faulty(to, -1) ? -1 : link(from, to); }
static int call_unlink(const char *path) { return faulty(path, -1) ? -1 : unlink(path); }
static int call_rmdir(const char *path) { return faulty(path, -1) ? -1 : rmdir(path); }
static int call_mkdir(const char *path, mode_t mode) { return faulty(path, -1) ? -1 : mkdir(path, mode); }

static int call_linkat(int fd, const char *path)
{
    char self[40];

    if (faulty(path, -1))
        return -1;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    for (int i = 0; i < 3; i++) {
        if (!linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
            return 0;
        if (errno != EEXIST || (unlink(path) && errno != ENOENT))
            return -1;
    }
    return -1;
}

static int call_setxattr(int fd, const char *name, const void *value, size_t n)
{
    return faulty(NULL, fd) ? -1 : fsetxattr(fd, name, value, n, 0);
}

static ssize_t call_getxattr(int fd, const char *name, void *value, size_t n)
{
    return fgetxattr(fd, name, value, n);
}

const struct disk_calls disk = {
    .open = call_open, .write = call_write, .pread = call_pread, .fallocate = call_fallocate, .fsync = call_fsync, .fdatasync = call_fdatasync,
    .write_behind = call_write_behind, .linkat = call_linkat, .link = call_link, .rename = call_rename, .unlink = call_unlink, .rmdir = call_rmdir,
    .mkdir = call_mkdir, .setxattr = call_setxattr, .getxattr = call_getxattr,
};

/* --- directories ---------------------------------------------------------------------------------------------------- */

bool disk_sync_dir(const char *path)
{
    int fd = disk.open(path, O_RDONLY | O_DIRECTORY, 0);
    bool well = fd >= 0 && !disk.fsync(fd);
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return well;
}

static bool sync_parent(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);

    return disk_sync_dir(parent);
}

bool disk_make_dirs(const char *path)
{
    if (!disk.mkdir(path, 0755))
        return sync_parent(path);
    if (errno == EEXIST)
        return true;
    if (errno != ENOENT)
        return false;
    g_autofree char *parent = g_path_get_dirname(path);
    return disk_make_dirs(parent) && ((!disk.mkdir(path, 0755) && sync_parent(path)) || errno == EEXIST);
}

/* --- files ---------------------------------------------------------------------------------------------------------- */

char *disk_read_file(const char *path, size_t *ret_n)
{
    int fd = disk.open(path, O_RDONLY, 0);
    struct stat st = {};
    char *bytes = NULL;
    size_t used = 0;
    ssize_t got = 1;

    if (fd < 0)
        return NULL;
    if (!fstat(fd, &st)) {
        bytes = malloc((size_t)st.st_size + 1);
        while (bytes && used < (size_t)st.st_size && got > 0) {
            got = disk.pread(fd, bytes + used, (size_t)st.st_size - used, (off_t)used);
            used += got > 0 ? (size_t)got : 0;
        }
    }
    if (bytes)
        bytes[used] = '\0';
    close(fd);
    *ret_n = used;
    return bytes;
}

bool disk_replace_file(const char *path, const char *tmp_dir, const void *bytes, size_t n, bool durable)
{
    g_autofree char *beside = g_strdup_printf("%s/.nacre.XXXXXX", tmp_dir);
    int fd = g_mkstemp_full(beside, O_WRONLY | O_CLOEXEC, 0600), error;
    bool well;

    if (fd < 0)
        return false;
    well = disk.write(fd, bytes, n) >= 0 && (!durable || !disk.fsync(fd)) && !disk.rename(beside, path) && (!durable || sync_parent(path));
    error = errno;
    close(fd);
    if (!well)
        unlink(beside);
    errno = error;
    return well;
}

int disk_lock(const char *path, int64_t timeout_us)
{
    int64_t until = clock_mono_us() + timeout_us;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return -1;
    for (useconds_t wait = 200; flock(fd, LOCK_EX | LOCK_NB); wait = MIN(wait * 2, 20000)) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || clock_mono_us() > until) {
            close(fd);
            errno = ETIMEDOUT;
            return -1;
        }
        usleep(wait);
    }
    return fd;
}
