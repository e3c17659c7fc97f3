/* The connections that are open: whose they are, whether they are busy, by when their request must be whole. */
#include "oslo/base/text.h"
#include "oslo/http/door.h"

#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection **by_fd;            /* guarded by lock; indexed by descriptor */
static int n_fds;                            /* guarded by lock */

bool connection_add(struct http_server *server, int fd, const char *remote)
{
    struct connection *connection = g_new0(struct connection, 1);

    connection->fd = fd;
    connection->server = server;
    connection->whole_by = clock_mono_us() + server->options.timeout_s * G_USEC_PER_SEC;
    g_strlcpy(connection->remote, remote, sizeof(connection->remote));
    server->connections++;
    counters.connections++;
    pthread_mutex_lock(&lock);
    if (fd >= n_fds) {
        by_fd = g_renew(struct connection *, by_fd, fd + 64);
        memset(by_fd + n_fds, 0, sizeof(*by_fd) * (size_t)(fd + 64 - n_fds));
        n_fds = fd + 64;
    }
    by_fd[fd] = connection;
    pthread_mutex_unlock(&lock);
    return true;
}

static int fd_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

struct connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void connection_forget(int fd)
{
    struct connection *connection;

    pthread_mutex_lock(&lock);
    connection = by_fd[fd];
    by_fd[fd] = NULL;
    pthread_mutex_unlock(&lock);
    connection->server->connections--;
    counters.connections--;
    g_free(connection);
}

void connection_notify(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    int fd = fd_of(mhd);
    char byte;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        pthread_mutex_lock(&lock);
        *socket_context = by_fd[fd];
        pthread_mutex_unlock(&lock);
        return;
    }
    /* Unless the peer has ended too, closing now could reset the connection under a reply that is still on its way. */
    if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
        server_linger(dup(fd));
    connection_forget(fd);
}

static bool is_idle(struct connection *connection)
{
    int unread = 0;

    return !connection->busy && ioctl(connection->fd, FIONREAD, &unread) == 0 && unread == 0;
}

void connections_cut(struct http_server *server, bool idle_only)
{
    pthread_mutex_lock(&lock);
    for (int fd = 0; fd < n_fds; fd++) {
        struct connection *connection = by_fd[fd];

        if (!connection || connection->server != server)
            continue;
        if (!idle_only || connection->upgraded)
            shutdown(fd, SHUT_RDWR);
        else if (is_idle(connection))
            shutdown(fd, SHUT_RD);
    }
    pthread_mutex_unlock(&lock);
}

void connections_cut_late(void)
{
    int64_t now = clock_mono_us();

    pthread_mutex_lock(&lock);
    for (int fd = 0; fd < n_fds; fd++)
        if (by_fd[fd] && by_fd[fd]->whole_by && by_fd[fd]->whole_by < now)
            shutdown(fd, SHUT_RDWR);
    pthread_mutex_unlock(&lock);
}
