/* Listening and draining. One thread accepts for all servers of the process, waits for the last bytes of closed connections
 * and cuts late ones; accepted connections go round to the polling threads, each one daemon of the library.
 */
#include "oslo/http/door.h"
#include "oslo/http/park.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/http/sharers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_US (30 * G_USEC_PER_SEC)
#define LINGER_IDLE_US (2 * G_USEC_PER_SEC)
#define LIBRARY_HEADER_ROOM 24576            /* what a connection's memory holds beside the header */
#define POLLERS_MAX 16

struct pool *call_pool, *stream_pool;
struct counters counters;

/* The polling threads of one certificate (NULL: plain) and one patience. */
struct poll_set {
    char *certificate, *key;
    int64_t timeout_s;
    struct MHD_Daemon *daemons[POLLERS_MAX];
    int n, next;
    struct poll_set *before;
};

/* What the accepting thread watches. */
struct watched {
    int fd;
    struct http_server *server;              /* a listener; NULL: a connection that lingers */
    int64_t until, idle_until;
    struct watched *before;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* of all below */
static pthread_cond_t closed = PTHREAD_COND_INITIALIZER;
static int n_servers;
static struct poll_set *sets;
static struct watched *lingering;
static struct watched *closing;              /* a listener that is to be closed */
static bool ending;
static int epoll_fd = -1, event_fd = -1;     /* fixed while a server runs */
static pthread_t porter;

void server_wake(void)
{
    uint64_t one = 1;

    if (write(event_fd, &one, sizeof(one)) < 0)
        log_error(NULL, "http: eventfd: %s", g_strerror(errno));
}

/* The accepting thread. */

static void watch(struct watched *w)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = w };

    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &event);
}

/* Closing alone would not do: the library's descriptor of the same connection may still be open. */
static void unwatch(struct watched *w)
{
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    close(w->fd);
}

static void peer_name(const struct sockaddr_storage *peer, char *text, size_t n)
{
    if (getnameinfo((const struct sockaddr *)peer, sizeof(*peer), text, (socklen_t)n, NULL, 0, NI_NUMERICHOST) != 0)
        g_strlcpy(text, "-", n);
}

/* False: there is nobody waiting. */
static bool accept_one(struct http_server *server)
{
    struct sockaddr_storage peer = {};
    socklen_t size = sizeof(peer);
    struct poll_set *set = server->polls;
    char name[48];
    int one = 1, fd = accept4(server->listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            g_usleep(10000);
        return errno == EINTR || errno == ECONNABORTED;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    peer_name(&peer, name, sizeof(name));
    connection_add(server, fd, name);
    if (MHD_add_connection(set->daemons[set->next++ % set->n], fd, (struct sockaddr *)&peer, size) != MHD_YES)
        connection_forget(fd);
    return true;
}

/* Reads and drops what the peer still sends. False: it has ended, or time is up. */
static bool drop_bytes(struct watched *w, int64_t now)
{
    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(w->fd, NULL, 1 << 20, MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return now < w->until && now < w->idle_until;
        if (n <= 0)
            return false;
        w->idle_until = now + LINGER_IDLE_US;
    }
    return now < w->until;
}

static void sweep_lingering(void)
{
    int64_t now = clock_mono_us();

    pthread_mutex_lock(&lock);
    for (struct watched **p = &lingering; *p;) {
        struct watched *w = *p;

        if (drop_bytes(w, now)) {
            p = &w->before;
            continue;
        }
        *p = w->before;
        unwatch(w);
        g_free(w);
    }
    pthread_mutex_unlock(&lock);
}

/* Those who are in the queue of the kernel are let in first: they believe to be connected. */
static void close_listener(void)
{
    struct watched *w;

    pthread_mutex_lock(&lock);
    w = closing;
    pthread_mutex_unlock(&lock);
    if (!w)
        return;
    while (accept_one(w->server))
        ;
    unwatch(w);
    pthread_mutex_lock(&lock);
    closing = NULL;
    pthread_cond_broadcast(&closed);
    pthread_mutex_unlock(&lock);
}

static bool porter_ends(void)
{
    bool ends;

    pthread_mutex_lock(&lock);
    ends = ending;
    pthread_mutex_unlock(&lock);
    return ends;
}

static void *porter_thread(void *data)
{
    struct epoll_event events[32];
    int64_t next_check = 0;

    pthread_setname_np(pthread_self(), "http-accept");
    while (!porter_ends()) {
        int n = epoll_wait(epoll_fd, events, G_N_ELEMENTS(events), park_release(false, 1000));
        bool linger = false;

        for (int i = 0; i < n; i++) {
            struct watched *w = events[i].data.ptr;
            uint64_t count;

            if (!w)
                (void)!read(event_fd, &count, sizeof(count));
            else if (w->server)
                for (int k = 0; k < 64 && accept_one(w->server); k++)
                    ;
            else
                linger = true;
        }
        close_listener();
        if (linger || clock_mono_us() > next_check)
            sweep_lingering();
        if (clock_mono_us() > next_check) {
            connections_cut_late();
            next_check = clock_mono_us() + G_USEC_PER_SEC;
        }
    }
    return NULL;
}

void server_linger(int fd)
{
    struct watched *w;
    int64_t now = clock_mono_us();

    if (fd < 0)
        return;
    w = g_new0(struct watched, 1);
    w->fd = fd;
    w->until = now + LINGER_US;
    w->idle_until = now + LINGER_IDLE_US;
    pthread_mutex_lock(&lock);
    w->before = lingering;
    lingering = w;
    watch(w);
    pthread_mutex_unlock(&lock);
}

/* Starting. */

static int port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);

    getsockname(fd, (struct sockaddr *)&at, &size);
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port : ((struct sockaddr_in *)&at)->sin_port);
}

static bool bind_to(struct ctx *c, int fd, const struct addrinfo *at, const struct http_server_options *o)
{
    int one = 1;

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd >= 0 && o->share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    return (fd >= 0 && bind(fd, at->ai_addr, at->ai_addrlen) == 0) ||
           fail(c, 500, "ListenFailed", "cannot listen on %s:%d: %s", o->address, o->port, g_strerror(errno));
}

static bool share_port(struct ctx *c, int fd, const struct http_server_options *o, int *ret_sharer)
{
    return !o->share || (*ret_sharer = sharers_join(c, o->address, port_of(fd), o->share)) >= 0;
}

static bool begin_to_listen(struct ctx *c, int fd, const struct http_server_options *o)
{
    return listen(fd, 4096) == 0 || fail(c, 500, "ListenFailed", "cannot listen on %s:%d: %s", o->address, o->port, g_strerror(errno));
}

static int listen_on(struct ctx *c, const struct http_server_options *o, int *ret_sharer)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *found = NULL;
    char service[16];
    int fd, error;

    *ret_sharer = -1;
    snprintf(service, sizeof(service), "%d", o->port);
    error = getaddrinfo(o->address, service, &hints, &found);
    if (error) {
        fail(c, 500, "ListenFailed", "cannot listen on %s: %s", o->address, gai_strerror(error));
        return -1;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (!bind_to(c, fd, found, o) || !share_port(c, fd, o, ret_sharer) || !begin_to_listen(c, fd, o)) {
        if (*ret_sharer >= 0)
            close(*ret_sharer);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static void library_log(void *cls, const char *format, va_list args)
{
    g_autofree char *text = g_strchomp(g_strdup_vprintf(format, args));

    log_debug(NULL, "http: %s", text);
}

static size_t leave_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    return strlen(text);
}

static struct MHD_Daemon *daemon_start(struct poll_set *set, const struct http_server_options *o)
{
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, set->certificate }, { MHD_OPTION_HTTPS_MEM_KEY, 0, set->key }, { MHD_OPTION_END, 0, NULL }
    };
    unsigned flags = MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_ALLOW_UPGRADE | MHD_USE_ITC | MHD_USE_ERROR_LOG | (set->certificate ? MHD_USE_TLS : 0);

    return MHD_start_daemon(flags, 0, NULL, NULL, exchange_step, NULL, MHD_OPTION_EXTERNAL_LOGGER, library_log, NULL,
                            MHD_OPTION_URI_LOG_CALLBACK, exchange_new, NULL, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
                            connection_notify, NULL, MHD_OPTION_CONNECTION_LIMIT, 60000u, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)o->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)o->max_header + LIBRARY_HEADER_ROOM, MHD_OPTION_ARRAY, set->certificate ? tls : tls + 2,
                            MHD_OPTION_END);
}

static void poll_set_free(struct poll_set *set)
{
    for (int i = 0; i < set->n; i++)
        MHD_stop_daemon(set->daemons[i]);
    g_free(set->certificate);
    g_free(set->key);
    g_free(set);
}

static bool read_pem(struct ctx *c, const char *path, char **ret_text)
{
    GError *error = NULL;

    if (g_file_get_contents(path, ret_text, NULL, &error))
        return true;
    fail(c, 500, "TLSFailed", "%s", error->message);
    g_error_free(error);
    return false;
}

static struct poll_set *poll_set_new(struct ctx *c, const struct http_server_options *o)
{
    struct poll_set *set = g_new0(struct poll_set, 1);
    int n = CLAMP(o->pollers, 1, POLLERS_MAX);

    set->timeout_s = o->timeout_s;
    if (o->certificate && (!read_pem(c, o->certificate, &set->certificate) || !read_pem(c, o->key, &set->key))) {
        poll_set_free(set);
        return NULL;
    }
    while (set->n < n && (set->daemons[set->n] = daemon_start(set, o)))
        set->n++;
    if (set->n == n)
        return set;
    poll_set_free(set);
    return fail_null(c, 500, "ListenFailed", "the polling threads cannot start");
}

/* With the lock held: the polling threads that speak as these options want. */
static struct poll_set *poll_set_get(struct ctx *c, const struct http_server_options *o)
{
    g_autofree char *certificate = NULL;
    struct poll_set *set;

    if (o->certificate && !read_pem(c, o->certificate, &certificate))
        return NULL;
    for (set = sets; set; set = set->before)
        if (g_strcmp0(set->certificate, certificate) == 0 && set->timeout_s == o->timeout_s)
            return set;
    set = poll_set_new(c, o);
    if (set) {
        set->before = sets;
        sets = set;
    }
    return set;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = MIN(limit.rlim_max, 65536);
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* With the lock held. */
static void door_open(const struct http_server_options *o)
{
    struct epoll_event event = { .events = EPOLLIN };

    if (n_servers++ > 0)
        return;
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    call_pool = pool_new(o->workers, o->queue);
    stream_pool = pool_new(o->streams ? o->streams : o->workers, o->queue);
    park_open();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event);
    ending = false;
    pthread_create(&porter, NULL, porter_thread, NULL);
}

/* After the last server: nothing is left that could still call for any of this. */
static void door_close(void)
{
    struct poll_set *set;
    struct watched *w;

    pthread_mutex_lock(&lock);
    ending = true;
    pthread_mutex_unlock(&lock);
    server_wake();
    pthread_join(porter, NULL);
    while ((set = sets)) {
        sets = set->before;
        poll_set_free(set);
    }
    park_close();
    pool_free(call_pool);
    pool_free(stream_pool);
    while ((w = lingering)) {
        lingering = w->before;
        unwatch(w);
        g_free(w);
    }
    close(epoll_fd);
    close(event_fd);
}

struct http_server *http_server_start(struct ctx *c, const struct http_app *app, const struct http_server_options *options)
{
    struct http_server *server;
    struct watched *w;
    int sharer, fd = listen_on(c, options, &sharer);

    if (fd < 0)
        return NULL;
    server = g_new0(struct http_server, 1);
    server->app = app;
    server->options = *options;
    server->listener = fd;
    server->sharer = sharer;
    server->port = port_of(fd);
    pthread_mutex_lock(&lock);
    door_open(options);
    server->polls = poll_set_get(c, options);
    if (server->polls) {
        w = g_new0(struct watched, 1);
        *w = (struct watched){ .fd = fd, .server = server };
        server->watched = w;
        watch(w);
    }
    pthread_mutex_unlock(&lock);
    if (server->polls)
        return server;
    http_server_stop(server, 0);
    return NULL;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

/* Stopping. */

static void stop_accepting(struct http_server *server)
{
    pthread_mutex_lock(&lock);
    while (closing)
        pthread_cond_wait(&closed, &lock);
    closing = server->watched;
    server_wake();
    while (closing == server->watched)
        pthread_cond_wait(&closed, &lock);
    pthread_mutex_unlock(&lock);
    g_free(server->watched);
}

static bool wait_until_empty(struct http_server *server, int64_t until, bool idle_only)
{
    while ((server->connections > 0 || server->exchanges > 0) && clock_mono_us() < until) {
        connections_cut(server, idle_only);
        park_release(true, 0);
        g_usleep(2000);
    }
    return server->connections == 0 && server->exchanges == 0;
}

void http_server_stop(struct http_server *server, int64_t drain_s)
{
    bool empty, last;

    server->draining = true;
    if (server->watched)
        stop_accepting(server);
    else
        close(server->listener);
    if (server->sharer >= 0)
        close(server->sharer);
    empty = wait_until_empty(server, clock_mono_us() + drain_s * G_USEC_PER_SEC, true) ||
            wait_until_empty(server, clock_mono_us() + G_USEC_PER_SEC, false);
    pthread_mutex_lock(&lock);
    last = empty && --n_servers == 0;
    pthread_mutex_unlock(&lock);
    if (last)
        door_close();
    if (empty)
        g_free(server);
}

struct http_stats http_stats(void)
{
    return (struct http_stats){ .requests = counters.requests, .active = counters.active, .refused = counters.refused,
                                .connections = counters.connections,
                                .queued = call_pool ? pool_waiting(call_pool) + pool_waiting(stream_pool) : 0 };
}
