/* Every call that reaches a storage node's disks goes through this table, so that a test can let one fail: NACRE_FAULT="disk:37"
 * lets the 37th call that changes the disk fail with EIO, "disk-full:37" each from there on with ENOSPC, "disk:37:kill" ends the process before it.
 * As the system's calls: -1 and errno. */
#ifndef SWIFT_DISK_IO_H
#define SWIFT_DISK_IO_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct disk_calls {
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*write)(int fd, const void *bytes, size_t n);           /* all of it, or -1 */
    ssize_t (*pread)(int fd, void *bytes, size_t n, off_t offset);
    int (*fallocate)(int fd, off_t size);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    void (*write_behind)(int fd, off_t from, off_t n);               /* begins to write that part to the disk, and waits for nothing */
    int (*linkat)(int fd, const char *path);                         /* gives an O_TMPFILE its name; replaces what has it */
    int (*link)(const char *from, const char *to);                   /* a second name; EEXIST where it is taken */
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*rmdir)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*setxattr)(int fd, const char *name, const void *value, size_t n);
    ssize_t (*getxattr)(int fd, const char *name, void *value, size_t n);
};
extern const struct disk_calls disk;

/* mkdir -p below an existing base; each directory that was made is synced in its parent. */
bool disk_make_dirs(const char *path);
bool disk_sync_dir(const char *path);                                /* fsync of a directory; calls that wait for the same one share it */
/* Files and directories that are open, synced in this order; error: errno of the first that failed, 0 before. What has an error is left alone. */
struct disk_sync { int fds[8]; size_t n; int error; };
void disk_sync_together(struct disk_sync *, size_t n);               /* several, side by side (sync.c) */
void disk_syncs_close(void);                                         /* at the end of the process */
/* The whole file; NULL: errno says why. Freed by free(). */
char *disk_read_file(const char *path, size_t *ret_n);
/* Beside in tmp_dir, synced, renamed to path; durable: and the directory synced. */
bool disk_replace_file(const char *path, const char *tmp_dir, const void *bytes, size_t n, bool durable);
/* A lock on a file (flock) that is made if need be; waits at most timeout_us. -1: not got. Closed to let go. */
int disk_lock(const char *path, int64_t timeout_us);
#define DISK_LOCK_ALWAYS (INT64_MAX / 2)                             /* a timeout: for as long as it takes */

#endif
