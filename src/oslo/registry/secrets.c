/* Secrets of this cloud: a file each in state_dir/secrets, made once with random bytes, readable by nobody else. */
#include "oslo/registry/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_FAILED 500, "SecretUnavailable", "%s: %s"

static bool secret_create(struct ctx *, const char *path);

char *service_secrets_dir(struct ctx *c)
{
    char *dir = ctx_printf(c, "%s/secrets", common_options->state_dir);

    if (mkdir(dir, 0700) && errno != EEXIST)
        return fail_null(c, SECRET_FAILED, dir, g_strerror(errno));
    return dir;
}

const char *service_secret(struct ctx *c, const char *name)
{
    const char *dir = service_secrets_dir(c), *path = dir ? ctx_printf(c, "%s/%s", dir, name) : NULL;
    g_autofree char *text = NULL;

    if (!path || (access(path, F_OK) && !secret_create(c, path)))
        return NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return fail_null(c, SECRET_FAILED, path, g_strerror(errno));
    return ctx_strdup(c, g_strstrip(text));
}

const char *service_password(struct ctx *c, const char *user)
{
    if (!strcmp(user, "admin") && common_options->admin_password)
        return common_options->admin_password;
    if (!strcmp(user, "admin") && common_options->sim)
        return "nacre";
    return service_secret(c, ctx_printf(c, "%s.password", user));
}

/* Written aside and linked into place: whole or not there, and the first of two makers wins. */
static bool secret_create(struct ctx *c, const char *path)
{
    char bytes[24], *aside = ctx_printf(c, "%s.XXXXXX", path);
    int fd;

    random_bytes(bytes, sizeof(bytes));
    const char *text = ctx_printf(c, "%s\n", hex_write(c, bytes, sizeof(bytes)));
    if ((fd = mkostemp(aside, O_CLOEXEC)) < 0)
        return fail(c, SECRET_FAILED, aside, g_strerror(errno));
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !fsync(fd);
    close(fd);
    bool linked = written && (!link(aside, path) || errno == EEXIST);
    int why = errno;
    unlink(aside);
    return linked || fail(c, SECRET_FAILED, path, g_strerror(why));
}
