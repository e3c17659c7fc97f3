/* The key repository of keystone-manage: see fernet.h. Files are written beside and renamed, so that a reader sees whole keys. */
#include "keystone/token/fernet.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oslo/base/log.h"
#include "oslo/base/text.h"

#define KEY_REPOSITORY 500, "KeysNotFound", "Key repository %s: %s"

/* The numbers of the keys there are, highest first. */
static GArray *numbers_read(const char *directory)
{
    GArray *numbers = g_array_new(false, false, sizeof(int64_t));
    DIR *dir = opendir(directory);
    int64_t number;

    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name) && text_to_int(entry->d_name, &number)) {
            guint at = 0;

            while (at < numbers->len && g_array_index(numbers, int64_t, at) > number)
                at++;
            g_array_insert_val(numbers, at, number);
        }
    if (dir)
        closedir(dir);
    return numbers;
}

static char *key_path(struct ctx *c, const char *directory, int64_t number)
{
    return ctx_printf(c, "%s/%lld", directory, (long long)number);
}

static bool key_read(struct ctx *c, const char *path, struct fernet_key *ret_key)
{
    g_autofree char *text = NULL;
    void *bytes;
    size_t n;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !base64_read(c, g_strstrip(text), &bytes, &n) || n != sizeof *ret_key)
        return false;
    memcpy(ret_key, bytes, n);
    return true;
}

static bool key_write(struct ctx *c, const char *directory, int64_t number)
{
    char *path = key_path(c, directory, number), *fresh = ctx_printf(c, "%s/new-%lld", directory, (long long)number);
    struct fernet_key key;

    random_bytes(&key, sizeof key);
    char *text = base64url_write(c, &key, sizeof key);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    explicit_bzero(&key, sizeof key);
    if (ok && rename(fresh, path) == 0)
        return true;
    return fail(c, KEY_REPOSITORY, path, g_strerror(errno));
}

static void directory_sync(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

bool fernet_keys_read(struct ctx *c, const char *directory, struct fernet_keys *ret_keys)
{
    g_autoptr(GArray) numbers = numbers_read(directory);

    ret_keys->n = 0;
    for (guint i = 0; i < numbers->len && ret_keys->n < FERNET_KEYS_MOST; i++) {
        char *path = key_path(c, directory, g_array_index(numbers, int64_t, i));

        if (key_read(c, path, &ret_keys->keys[ret_keys->n]))
            ret_keys->n++;
        else
            log_warning(c, "%s is no Fernet key", path);
    }
    return ret_keys->n > 0 || fail(c, KEY_REPOSITORY, directory, "there is no key");
}

bool fernet_setup(struct ctx *c, const char *directory)
{
    g_autoptr(GArray) numbers = numbers_read(directory);

    if (numbers->len)
        return true;
    if (g_mkdir_with_parents(directory, 0700) != 0)
        return fail(c, KEY_REPOSITORY, directory, g_strerror(errno));
    if (!key_write(c, directory, 0) || !key_write(c, directory, 1))
        return false;
    directory_sync(directory);
    return true;
}

bool fernet_rotate(struct ctx *c, const char *directory, int most)
{
    g_autoptr(GArray) numbers = numbers_read(directory);

    if (!numbers->len)
        return fernet_setup(c, directory);
    int64_t primary = g_array_index(numbers, int64_t, 0) + 1;
    if (rename(key_path(c, directory, 0), key_path(c, directory, primary)) != 0)
        return fail(c, KEY_REPOSITORY, directory, g_strerror(errno));
    if (!key_write(c, directory, 0))
        return false;
    /* Now there are the new primary, the old ones, and the staged key. Those beyond `most` go. */
    for (guint i = 0; i < numbers->len; i++) {
        int64_t number = g_array_index(numbers, int64_t, i);

        if (number && (int)i + 2 >= MAX(most, 1))
            unlink(key_path(c, directory, number));
    }
    directory_sync(directory);
    return true;
}

int64_t fernet_age(const char *directory)
{
    g_autofree char *staged = g_strconcat(directory, "/0", NULL);
    struct stat st;

    return stat(staged, &st) == 0 ? clock_us() / 1000000 - st.st_mtim.tv_sec : 0;
}
