/* The file store. Hashes are taken as bytes pass; the first bytes tell the virtual size. */
#include "glance/model/store.h"

#include "oslo/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 * 1024)
#define TEMPORARY ".part-"
#define HEAD_SIZE 512

/* What is being written. */
struct writing {
    int fd;
    char *path;                      /* of the temporary file */
    int64_t size;
    EVP_MD_CTX *md5, *sha512;        /* NULL: not hashed */
    unsigned char head[HEAD_SIZE];
};

const char *store_directory(struct ctx *c)
{
    return ctx_printf(c, "%s/images", common_options->state_dir);
}

static const char *staging_directory(struct ctx *c)
{
    return ctx_printf(c, "%s/images/staging", common_options->state_dir);
}

bool store_open(struct ctx *c)
{
    if (g_mkdir_with_parents(staging_directory(c), 0711) == 0)
        return true;
    return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", staging_directory(c), g_strerror(errno)));
}

/* The virtual size a disk format tells in its first bytes; 0: it does not, or the data are of another format. */
static int64_t virtual_size(const struct writing *w, const char *format)
{
    const unsigned char *h = w->head;
    uint64_t size = 0;

    if (strcmp(format, "raw") == 0)
        return w->size;
    if (w->size < HEAD_SIZE)
        return 0;
    if (strcmp(format, "qcow2") == 0 && memcmp(h, "QFI\xfb", 4) == 0)
        for (int i = 24; i < 32; i++)
            size = size << 8 | h[i];
    else if (strcmp(format, "vdi") == 0 && memcmp(h + 0x40, "\x7f\x10\xda\xbe", 4) == 0)
        for (int i = 0x177; i >= 0x170; i--)
            size = size << 8 | h[i];
    else if (strcmp(format, "vhd") == 0 && memcmp(h, "conectix", 8) == 0)
        for (int i = 48; i < 56; i++)
            size = size << 8 | h[i];
    return size <= INT64_MAX ? (int64_t)size : 0;
}

static bool storage_fault(struct ctx *c)
{
    log_error(c, "image store: %s", g_strerror(errno));
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? fail(c, STORAGE_FULL) : fail(c, STORAGE_FAILED);
}

static bool write_all(struct ctx *c, int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t written = write(fd, bytes, n);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return storage_fault(c);
        bytes += written;
        n -= (size_t)written;
    }
    return true;
}

static bool take(struct ctx *c, struct writing *w, const char *bytes, size_t n)
{
    if (w->size < HEAD_SIZE)
        memcpy(w->head + w->size, bytes, MIN(n, (size_t)(HEAD_SIZE - w->size)));
    w->size += (int64_t)n;
    if (w->size > glance_options()->image_size_cap)
        return fail(c, IMAGE_TOO_LARGE);
    if (w->md5) {
        EVP_DigestUpdate(w->md5, bytes, n);
        EVP_DigestUpdate(w->sha512, bytes, n);
    }
    return write_all(c, w->fd, bytes, n);
}

static bool copy(struct ctx *c, struct writing *w, store_reader *reader, void *data)
{
    g_autofree char *bytes = g_malloc(CHUNK);
    ssize_t n;

    while ((n = reader(c, data, bytes, CHUNK)) > 0)
        if (!take(c, w, bytes, (size_t)n))
            return false;
    return n == 0;
}

static void sync_directory(const char *path)
{
    g_autofree char *directory = g_path_get_dirname(path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* A temporary file beside path. */
static bool begin_file(struct ctx *c, const char *path, struct writing *w)
{
    g_autofree char *directory = g_path_get_dirname(path);

    w->path = ctx_printf(c, "%s/" TEMPORARY "XXXXXX", directory);
    w->fd = mkostemp(w->path, O_CLOEXEC);
    return w->fd >= 0 || storage_fault(c);
}

/* Gives it its name once it is on the disk; or it goes. */
static bool end_file(struct ctx *c, const char *path, struct writing *w, bool ok)
{
    ok = ok && ((fchmod(w->fd, 0640) == 0 && fsync(w->fd) == 0 && rename(w->path, path) == 0) || storage_fault(c));
    close(w->fd);
    if (ok)
        sync_directory(path);
    else
        unlink(w->path);
    return ok;
}

static bool write_file(struct ctx *c, const char *path, struct writing *w, store_reader *reader, void *data)
{
    return begin_file(c, path, w) && end_file(c, path, w, copy(c, w, reader, data));
}

static char *digest_end(struct ctx *c, EVP_MD_CTX *md)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    EVP_DigestFinal_ex(md, digest, &n);
    return hex_write(c, digest, n);
}

bool store_write(struct ctx *c, const char *id, const char *format, store_reader *reader, void *data, struct stored *ret_stored)
{
    struct writing w = { .md5 = EVP_MD_CTX_new(), .sha512 = EVP_MD_CTX_new() };
    bool ok;

    EVP_DigestInit_ex(w.md5, EVP_md5(), NULL);
    EVP_DigestInit_ex(w.sha512, EVP_sha512(), NULL);
    ok = write_file(c, ctx_printf(c, "%s/%s", store_directory(c), id), &w, reader, data);
    if (ok)
        *ret_stored = (struct stored){ .size = w.size, .virtual_size = format ? virtual_size(&w, format) : 0,
                                       .checksum = digest_end(c, w.md5), .os_hash_value = digest_end(c, w.sha512) };
    EVP_MD_CTX_free(w.md5);
    EVP_MD_CTX_free(w.sha512);
    return ok;
}

int store_read(struct ctx *c, const char *id, int64_t *ret_size)
{
    int fd = open(ctx_printf(c, "%s/%s", store_directory(c), id), O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0)
        *ret_size = st.st_size;
    return fd;
}

void store_remove(struct ctx *c, const char *id)
{
    unlink(ctx_printf(c, "%s/%s", store_directory(c), id));
    stage_remove(c, id);
}

bool stage_write(struct ctx *c, const char *id, store_reader *reader, void *data, int64_t *ret_size)
{
    struct writing w = { 0 };

    if (!write_file(c, ctx_printf(c, "%s/%s", staging_directory(c), id), &w, reader, data))
        return false;
    *ret_size = w.size;
    return true;
}

struct staging {
    struct writing writing;
    char *path;
};

struct staging *staging_new(struct ctx *c, const char *id)
{
    struct staging *staging = ctx_new(c, struct staging);

    staging->path = ctx_printf(c, "%s/%s", staging_directory(c), id);
    return begin_file(c, staging->path, &staging->writing) ? staging : NULL;
}

bool staging_put(struct ctx *c, struct staging *staging, const void *bytes, size_t n)
{
    return take(c, &staging->writing, bytes, n);
}

bool staging_end(struct ctx *c, struct staging *staging, bool ok)
{
    return end_file(c, staging->path, &staging->writing, ok);
}

int stage_read(struct ctx *c, const char *id)
{
    return open(ctx_printf(c, "%s/%s", staging_directory(c), id), O_RDONLY | O_CLOEXEC);
}

void stage_remove(struct ctx *c, const char *id)
{
    unlink(ctx_printf(c, "%s/%s", staging_directory(c), id));
}

static void sweep_directory(struct ctx *c, const char *directory, bool staged, bool (*keep)(struct ctx *, const char *, bool))
{
    DIR *dir = opendir(directory);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        const char *name = entry->d_name;

        if (entry->d_type != DT_DIR && (g_str_has_prefix(name, TEMPORARY) || (uuid_is(name) && !keep(c, name, staged))))
            unlinkat(dirfd(dir), name, 0);
    }
    if (dir)
        closedir(dir);
}

void store_sweep(struct ctx *c, bool (*keep)(struct ctx *, const char *id, bool staged))
{
    sweep_directory(c, store_directory(c), false, keep);
    sweep_directory(c, staging_directory(c), true, keep);
}
