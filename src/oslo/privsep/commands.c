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
static bool ofctl_allowed(const char *const *argv);
static bool vsctl_allowed(const char *const *argv);

static const struct command {
    const char *name, *path;
    bool (*allowed)(const char *const *argv);        /* NULL: any arguments */
} commands[] = {
    { "ip", "/sbin/ip", ip_allowed },
    { "bridge", "/sbin/bridge", ip_allowed },
    { "tc", "/sbin/tc", ip_allowed },
    { "nft", "/usr/sbin/nft", nft_allowed },
    { "ovs-ofctl", "/usr/bin/ovs-ofctl", ofctl_allowed },
    { "ovs-vsctl", "/usr/bin/ovs-vsctl", vsctl_allowed },
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

/* Flows from standard input, or counted. */
static bool ofctl_allowed(const char *const *argv)
{
    static const char *const options[] = { "-O", "OpenFlow15", "--bundle" }, *const verbs[] = { "add-flows", "replace-flows", "dump-aggregate" };
    int at = 1;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && argv[at]; i++)
        if (strcmp(argv[at], options[i]) == 0)
            at++;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && argv[at]; i++)
        if (strcmp(argv[at], verbs[i]) == 0 && argv[at + 1] && argv[at + 1][0] != '-' && argv[at + 2] && !argv[at + 3])
            return strcmp(verbs[i], "dump-aggregate") == 0 || strcmp(argv[at + 2], "-") == 0;
    return false;
}

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

/* "--db=WHERE COMMAND [-- COMMAND ...]": ports added, removed and described. */
static bool vsctl_allowed(const char *const *argv)
{
    static const char *const options[] = { "--if-exists", "--may-exist", NULL }, *const verbs[] = { "add-port", "del-port", "set", NULL };
    bool at_verb = true;

    if (!argv[1] || strncmp(argv[1], "--db=", 5) != 0)
        return false;
    for (int i = 2; argv[i]; i++) {
        if (at_verb && is_one_of(argv[i], options))
            continue;
        if (at_verb ? !is_one_of(argv[i], verbs) : argv[i][0] == '-' && strcmp(argv[i], "--") != 0)
            return false;
        at_verb = strcmp(argv[i], "--") == 0;
    }
    return !at_verb;
}

bool command_input_allowed(const char *name, const char *input)
{
    return (strcmp(name, "ip") != 0 && strcmp(name, "bridge") != 0 && strcmp(name, "tc") != 0) || !strstr(input, "exec");
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
