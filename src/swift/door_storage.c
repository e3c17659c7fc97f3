/* The doors of the storage servers: one accepting thread, a thread a connection, HTTP/1.1 on blocking sockets (wire.h). Only other nodes
 * knock here; nothing is asked about identity, so they are open only where [swift] storage_listen says so. */
#include "swift/storage.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/recon.h"
#include "swift/swift.h"
#include "swift/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MOST 1024
#define PACE 65536                           /* bytes of an upload, in each client_timeout */
#define DRAIN_MOST (1 << 20)

struct door { int fd; enum storage_kind kind; };
static struct door doors[STORAGE_KINDS];
static int n_doors, wake[2] = { -1, -1 };
static pthread_t porter;
static atomic_int n_connections;
static _Atomic bool stopping;

/* --- one request ---------------------------------------------------------------------------------------------------------------- */

struct incoming {
    struct wire *wire;
    enum storage_kind kind;
    struct swift_request request;
    bool expects, continued, keep;
    bool paced; size_t came;         /* of an upload: since it was last in time */
};

static int64_t patience_us(enum storage_kind kind)
{
    return (int64_t)(storage_settings(kind)->client_timeout * 1e6);
}

/* The body is wanted now. */
static ssize_t read_incoming(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct incoming *i = data;
    ssize_t got;

    if (i->expects && !i->continued) {
        i->continued = true;
        if (!wire_put(i->wire, "HTTP/1.1 100 Continue\r\n\r\n", 25))
            return -1;
    }
    if (i->paced && (!i->came || i->came >= PACE)) {
        i->wire->patience_us = patience_us(i->kind);
        i->came = 0;
    }
    got = wire_read_body(i->wire, bytes, n);
    i->came += got > 0 ? (size_t)got : 0;
    if (got < 0 && i->wire->late)
        fail(c, 408, "RequestTimeout", "The request body did not arrive in time.");
    return got;
}

/* As the original does it: a body that is sent in pieces ends, and after another 100 there come more. */
static bool go_on(struct ctx *c, void *data, const struct headers *headers)
{
    struct incoming *i = data;
    struct buf text = {};
    bool well;

    i->continued = true;
    i->came = 0;
    buf_puts(&text, "HTTP/1.1 100 Continue\r\n");
    wire_put_headers(&text, headers);
    buf_puts(&text, "\r\n");
    well = wire_put(i->wire, text.data, text.len);
    buf_clear(&text);
    if (i->wire->chunked)
        i->wire->ended = false;
    return well;
}

static bool parse_line(struct ctx *c, char *line, struct swift_request *r)
{
    char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL, *query;

    if (!version || !g_str_has_prefix(version + 1, "HTTP/1."))
        return false;
    *target++ = '\0';
    *version = '\0';
    query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    r->method = line;
    r->path = name_decode(c, target, strlen(target), false);
    request_set_query(c, r, query ? query : "");
    return r->path && *r->path == '/';
}

static bool read_request(struct ctx *c, struct incoming *i)
{
    const char *expect, *connection;
    char *line;

    i->wire->patience_us = patience_us(i->kind);
    if (!wire_read_head(c, i->wire, &line, &i->request.headers) || !parse_line(c, line, &i->request))
        return false;
    i->wire->patience_us = 0;
    i->paced = i->kind == STORAGE_OBJECT && !strcmp(i->request.method, "PUT");
    i->request.env = ctx_new(c, struct swift_env);
    i->request.env->trans_id = request_get(&i->request, "X-Trans-Id");
    expect = request_get(&i->request, "Expect");
    connection = request_get(&i->request, "Connection");
    i->expects = expect && !strcasecmp(expect, "100-continue");
    i->keep = !connection || strcasecmp(connection, "close");
    wire_begin_body(i->wire, &i->request.headers, 0, false);
    i->request.length = i->wire->chunked ? -1 : i->wire->left;
    i->request.read = read_incoming;
    i->request.read_data = i;
    i->request.go_on = go_on;
    return !i->wire->broken;
}

static void put_head(struct buf *to, const struct swift_response *r, bool keep, bool bare)
{
    buf_printf(to, "HTTP/1.1 %d %s\r\n", r->status, status_reason(r->status));
    wire_put_headers(to, &r->headers);
    if (!headers_get(&r->headers, "Content-Type"))
        buf_puts(to, "Content-Type: text/html; charset=UTF-8\r\n");
    if (r->length < 0 && !bare)
        buf_puts(to, "Transfer-Encoding: chunked\r\n");
    else
        buf_printf(to, "Content-Length: %" G_GINT64_FORMAT "\r\n", MAX(r->length, 0));
    buf_puts(to, keep ? "\r\n" : "Connection: close\r\n\r\n");
}

static bool send_stream(struct ctx *c, struct wire *w, struct swift_response *r)
{
    char *block = g_malloc(65536);
    ssize_t n;
    bool well = true;

    while (well && (n = response_take(c, r, block, 65536)) != 0)
        well = n > 0 && (r->length < 0 ? wire_put_chunk(w, block, (size_t)n) : wire_put(w, block, (size_t)n));
    g_free(block);
    return well && (r->length >= 0 || wire_put_chunk(w, "", 0));
}

static bool send_response(struct ctx *c, struct incoming *i, struct swift_response *r)
{
    bool head = !strcmp(i->request.method, "HEAD"), bare = head || r->status == 204 || r->status == 304;
    struct buf text = {};
    bool well;

    /* of a connection that is said to end, a peer sends its own half no more: that is said of none whose body is still read */
    put_head(&text, r, i->keep || r->disconnect, bare);
    if (!bare && r->fd < 0 && !r->read && r->body.len)
        buf_add(&text, r->body.data, r->body.len);
    well = wire_put(i->wire, text.data, text.len);
    buf_clear(&text);
    if (well && !bare && r->fd >= 0)
        well = wire_send_file(i->wire, r->fd, r->offset, r->length);
    else if (well && !bare && r->read)
        well = send_stream(c, i->wire, r);
    return well;
}

/* What little is left of a body that was not wanted is dropped after the answer: the original's proxy asks with the length of an upload and
 * sends nothing. Else the connection ends. */
static bool rest_is_little(const struct incoming *i)
{
    return i->wire->ended || (!(i->expects && !i->continued) && (i->wire->chunked || i->wire->left <= DRAIN_MOST));
}

/* A head that is one, of a body that cannot be. */
static void refuse(struct ctx *c, struct incoming *i)
{
    struct swift_response r = RESPONSE_EMPTY;

    i->wire->broken = i->keep = false;
    response_text(c, &r, 400, "text/plain", "Invalid Content-Length\n");
    send_response(c, i, &r);
    response_clear(&r);
}

/* False: the connection ends here. */
static bool serve_one(struct wire *w, enum storage_kind kind)
{
    struct incoming i = { .wire = w, .kind = kind };
    struct swift_response r = RESPONSE_EMPTY;
    struct ctx c;
    bool well;

    ctx_init(&c, &swift, "");
    well = read_request(&c, &i);
    if (well) {
        if (!strcmp(i.request.path, "/healthcheck"))
            response_text(&c, &r, 200, "text/plain", "OK");
        else if (g_str_has_prefix(i.request.path, "/recon/"))
            recon_serve(&c, kind, &i.request, &r);
        else if (storage_split(&c, &i.request, &r))
            storage_server(kind)->serve(&c, &i.request, &r);
        i.keep = i.keep && !r.disconnect && !w->late && rest_is_little(&i) && !stopping;
        w->broken = w->broken && !w->late;               /* who is late is told so */
        w->patience_us = 0;
        well = send_response(&c, &i, &r) && i.keep && (w->ended || wire_drain(w, DRAIN_MOST));
    } else if (i.request.env) {
        refuse(&c, &i);
    }
    response_clear(&r);
    ctx_clear(&c);
    return well;
}

/* --- connections ----------------------------------------------------------------------------------------------------------------- */

struct connection { int fd; enum storage_kind kind; };

static bool wait_for_request(struct wire *w, enum storage_kind kind)
{
    struct pollfd p[2] = { { .fd = w->fd, .events = POLLIN }, { .fd = wake[0], .events = POLLIN } };

    return w->start < w->end || (poll(p, 2, (int)(patience_us(kind) / 1000)) > 0 && !p[1].revents);
}

static void *connection_thread(void *data)
{
    struct connection *connection = data;
    enum storage_kind kind = connection->kind;
    struct wire *w = wire_new(connection->fd, patience_us(kind));

    g_free(connection);
    pthread_setname_np(pthread_self(), "swift-node");
    while (!stopping && wait_for_request(w, kind) && serve_one(w, kind))
        ;
    wire_free(w);
    n_connections--;
    return NULL;
}

/* A thread of its own for that connection. False: there are too many, and it is closed. */
static bool serve_connection(int fd, enum storage_kind kind)
{
    struct connection *connection = NULL;
    pthread_attr_t attributes;
    pthread_t thread;
    bool well = n_connections < CONNECTIONS_MOST;

    if (well) {
        connection = g_new(struct connection, 1);
        *connection = (struct connection){ fd, kind };
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, (size_t)512 * 1024);
        n_connections++;
        well = !pthread_create(&thread, &attributes, connection_thread, connection);
        n_connections -= !well;
        pthread_attr_destroy(&attributes);
    }
    if (well)
        return true;
    close(fd);
    g_free(connection);
    errno = EAGAIN;
    return false;
}

static void accept_one(const struct door *door)
{
    int fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        serve_connection(fd, door->kind);
}

struct wire *storage_dial(enum storage_kind kind, const struct ring_device *device, int64_t connect_us)
{
    int pair[2];

    if (!storage_is_local(kind, device))
        return wire_connect(device->replication_ip, device->replication_port, connect_us);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
        return NULL;
    if (serve_connection(pair[1], kind))
        return wire_new(pair[0], connect_us);
    close(pair[0]);
    return NULL;
}

static void *porter_thread(void *data)
{
    struct pollfd p[STORAGE_KINDS + 1] = { { .fd = wake[0], .events = POLLIN } };

    pthread_setname_np(pthread_self(), "swift-accept");
    for (int i = 0; i < n_doors; i++)
        p[i + 1] = (struct pollfd){ .fd = doors[i].fd, .events = POLLIN };
    while (!stopping) {
        if (poll(p, (nfds_t)n_doors + 1, -1) < 0 && errno != EINTR)
            break;
        for (int i = 0; i < n_doors; i++)
            if (p[i + 1].revents)
                accept_one(&doors[i]);
    }
    return NULL;
}

/* --- starting -------------------------------------------------------------------------------------------------------------------- */

static int listen_on(struct ctx *c, const char *address, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int one = 1, fd;

    if (inet_pton(AF_INET, address, &at.sin_addr) != 1) {
        fail(c, 500, "ListenFailed", "[swift] storage_listen: %s is no IPv4 address", address);
        return -1;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, 4096))
        return fd;
    fail(c, 500, "ListenFailed", "cannot listen on %s:%d: %s", address, port, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool storage_start(struct ctx *c)
{
    const char *address = swift_options()->storage_listen;

    if (!address || !*address)
        return true;
    if (pipe(wake))
        return fail(c, INTERNAL_ERROR, g_strerror(errno));
    stopping = false;
    for (int kind = 0; kind < STORAGE_KINDS; kind++) {
        int fd = listen_on(c, address, storage_port((enum storage_kind)kind));

        if (fd < 0)
            return false;
        doors[n_doors++] = (struct door){ fd, (enum storage_kind)kind };
    }
    return !pthread_create(&porter, NULL, porter_thread, NULL) || fail(c, INTERNAL_ERROR, "no thread for the storage doors");
}

void storage_stop(void)
{
    stopping = true;
    if (n_doors) {
        if (write(wake[1], "", 1) < 0)
            log_error(NULL, "swift: %s", g_strerror(errno));
        pthread_join(porter, NULL);
        for (int i = 0; i < n_doors; i++)
            close(doors[i].fd);
        n_doors = 0;
    }
    for (int64_t until = clock_mono_us() + 10 * G_USEC_PER_SEC; n_connections > 0 && clock_mono_us() < until;)
        g_usleep(2000);
}
