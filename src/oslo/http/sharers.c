/* Who listens on a port together. The kernel lets any two programs of one user that ask for it; here those of one group may. Each
 * says for whom it listens by the name of an abstract socket: seen as far as the port is, and gone with whoever holds it.
 */
#include "oslo/http/sharers.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int name_hold(const char *prefix, const char *group)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "%s%s/%d/%d", prefix, group, (int)getpid(), fd);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name.sun_path + 1))) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Has somebody a name with the prefix, and without the group behind it? */
static bool others_are_there(const char *prefix, const char *group)
{
    FILE *names = fopen("/proc/net/unix", "re");
    char line[512];
    bool found = false;

    while (names && !found && fgets(line, sizeof(line), names)) {
        const char *name = strchr(line, '@');
        size_t n = strlen(prefix), m = strlen(group);

        found = name && !strncmp(name + 1, prefix, n) && (strncmp(name + 1 + n, group, m) || name[1 + n + m] != '/');
    }
    if (names)
        fclose(names);
    return found;
}

/* Held first and looked for then: of two that come at once, one at least sees the other. */
int sharers_join(struct ctx *c, const char *address, int port, const char *group)
{
    char prefix[64];
    int fd;

    g_snprintf(prefix, sizeof(prefix), "nacre/%s:%d/", address, port);
    fd = name_hold(prefix, group);
    if (fd < 0) {
        fail(c, 500, "ListenFailed", "cannot listen on %s:%d: %s", address, port, g_strerror(errno));
    } else if (others_are_there(prefix, group)) {
        fail(c, 500, "ListenFailed", "cannot listen on %s:%d: another cloud does", address, port);
        close(fd);
        fd = -1;
    }
    return fd;
}
