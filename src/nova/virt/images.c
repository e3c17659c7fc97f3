/* Images of Glance on this host. A cached image is a file named by the image's id, whole or not there: it is read beside its
 * place and renamed. Images never change, so nobody asks again. */
#include "nova/virt/images.h"

#include "nova/options.h"
#include "oslo/client/client.h"
#include "oslo/service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;         /* guards reading */
static pthread_cond_t read_ended = PTHREAD_COND_INITIALIZER;
static GHashTable *reading;                                      /* ids of the images that are being read now */

static bool write_all(void *data, const void *bytes, size_t n)
{
    const int fd = *(const int *)data;

    for (const char *at = bytes; n;) {
        ssize_t wrote = write(fd, at, n);

        if (wrote < 0)
            return false;
        at += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

static bool image_read(struct ctx *c, const char *image_id, const char *path)
{
    const char *part = ctx_printf(c, "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok;

    if (fd < 0)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", part, g_strerror(errno)));
    ok = client_download(c, "image", ctx_printf(c, "/v2/images/%s/file", image_id), write_all, &fd);
    if (close(fd) && ok)
        ok = fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", part, g_strerror(errno)));
    if (ok && rename(part, path))
        ok = fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
    if (!ok)
        unlink(part);
    return ok;
}

/* Ten builds of one image read it once. */
static bool reading_begin(const char *image_id, const char *path)
{
    bool mine;

    pthread_mutex_lock(&lock);
    if (!reading)
        reading = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    while (g_hash_table_contains(reading, image_id))
        pthread_cond_wait(&read_ended, &lock);
    mine = access(path, R_OK) != 0;
    if (mine)
        g_hash_table_add(reading, g_strdup(image_id));
    pthread_mutex_unlock(&lock);
    return mine;
}

static void reading_end(const char *image_id)
{
    pthread_mutex_lock(&lock);
    g_hash_table_remove(reading, image_id);
    pthread_cond_broadcast(&read_ended);
    pthread_mutex_unlock(&lock);
}

char *image_cached(struct ctx *c, const char *image_id)
{
    const struct instance base = { .uuid = (char *)(uintptr_t)"_base" };
    char *path = instance_path(c, &base, image_id);
    bool ok = true;

    if (g_mkdir_with_parents(instance_path(c, &base, NULL), 0711))
        return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
    if (reading_begin(image_id, path)) {
        ok = image_read(c, image_id, path);
        reading_end(image_id);
    } else {
        utimensat(AT_FDCWD, path, NULL, 0);      /* used now, says the cleaning of the cache */
    }
    return ok ? path : NULL;
}

bool image_upload_bytes(struct ctx *c, const char *image_id, const void *bytes, size_t size)
{
    const struct pair headers[] = { { "Content-Type", "application/octet-stream" }, {} };
    struct call call = { .type = "image", .method = "PUT", .headers = headers, .as_service = true, .bytes = bytes, .size = size };

    call.path = ctx_printf(c, "/v2/images/%s/file", image_id);
    return client_call(c, &call);
}

bool image_upload_file(struct ctx *c, const char *image_id, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *bytes = MAP_FAILED;
    bool ok;

    if (fd >= 0 && !fstat(fd, &st))
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (bytes == MAP_FAILED)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
    ok = image_upload_bytes(c, image_id, bytes, (size_t)st.st_size);
    munmap(bytes, (size_t)st.st_size);
    return ok;
}
