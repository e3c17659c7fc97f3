/* The fixed table of what the helper runs, and what it refuses of it: anything that would run another program or read a file
 * of the caller's choosing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "oslo/privsep/wire.h"

static bool ip_allowed(const char *const *argv);
static bool nft_allowed(const char *const *argv);

static const struct command {
    const char *name, *path;
    bool (*allowed)(const char *const *argv);        /* NULL: any arguments */
} commands[] = {
    { "ip", "/sbin/ip", ip_allowed },
    { "bridge", "/sbin/bridge", ip_allowed },
    { "tc", "/sbin/tc", ip_allowed },
    { "nft", "/usr/sbin/nft", nft_allowed },
    { "conntrack", "/usr/sbin/conntrack", NULL },
    { "ethtool", "/sbin/ethtool", NULL },
    { "sysctl", "", NULL },                          /* command_sysctl() */
    {}
};

const char *command_allowed(const char *const *argv)
{
    for (const struct command *c = commands; c->name && argv[0]; c++)
        if (strcmp(c->name, argv[0]) == 0)
            return !c->allowed || c->allowed(argv) ? c->path : NULL;
    return NULL;
}

/* No "netns exec", "vrf exec", and batches from standard input only. (A batch cannot exec: it would replace the batch itself,
 * which is why the word is refused there by helper.c too.) */
static bool ip_allowed(const char *const *argv)
{
    for (int i = 1; argv[i]; i++) {
        if (strncmp(argv[i], "exec", 4) == 0 || (argv[i][0] == 'e' && strncmp("exec", argv[i], strlen(argv[i])) == 0))
            return false;
        if (argv[i][0] == '-' && strncmp("-batch", argv[i], strlen(argv[i])) == 0 && strlen(argv[i]) > 1 &&
            (!argv[i + 1] || strcmp(argv[i + 1], "-") != 0))
            return false;
    }
    return true;
}

static bool nft_allowed(const char *const *argv)
{
    for (int i = 1; argv[i]; i++)
        if ((strcmp(argv[i], "-f") == 0 || strcmp(argv[i], "--file") == 0) && (!argv[i + 1] || strcmp(argv[i + 1], "-") != 0))
            return false;
    return true;
}

int command_sysctl(const char *const *argv)
{
    for (int i = 1; argv[i]; i++) {
        char path[256];
        const char *equals = strchr(argv[i], '=');
        int fd;

        if (strcmp(argv[i], "-w") == 0)
            continue;
        if (!equals || strncmp(argv[i], "net.", 4) != 0 || memchr(argv[i], '/', (size_t)(equals - argv[i])) || strstr(argv[i], ".."))
            return EPERM;
        snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)(equals - argv[i]), argv[i]);
        for (char *p = path + strlen("/proc/sys/"); *p; p++)
            if (*p == '.')
                *p = '/';
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
            return errno;
        ssize_t n = write(fd, equals + 1, strlen(equals + 1));
        int code = n < 0 ? errno : 0;
        close(fd);
        if (code)
            return code;
    }
    return 0;
}
