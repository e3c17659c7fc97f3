/* WebSocket proxy: the handshake, then one thread that copies between the client's frames and a plain socket. */
#include "oslo/http/websocket.h"
#include "oslo/base/text.h"
#include "oslo/http/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WAITING_MAX ((size_t)256 * 1024)     /* bytes one side may be behind before the other is not read */
#define GOING_AWAY 1001

struct proxy {
    int client, target;
    struct frames frames;
    struct buf to_client, to_target;
};

static void run(void *data, int client, const void *early, size_t n);

static bool list_has(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit(list ? list : "", ",", -1);

    for (char **w = words; *w; w++)
        if (strcasecmp(g_strstrip(*w), word) == 0)
            return true;
    return false;
}

static char *accept_key(struct ctx *c, const char *key)
{
    char *text = ctx_printf(c, "%s" KEY_SUFFIX, key);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    EVP_Digest(text, strlen(text), digest, &size, EVP_sha1(), NULL);
    return base64_write(c, digest, size);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(at.sun_path, path, sizeof(at.sun_path));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int connect_tcp(struct ctx *c, const char *to)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    const char *colon = strrchr(to, ':');
    int fd = -1;

    if (!colon || getaddrinfo(ctx_strndup(c, to, (size_t)(colon - to)), colon + 1, &hints, &found) != 0)
        return -1;
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* It goes with the request's ctx, which outlives run(). */
static void proxy_free(void *data)
{
    struct proxy *p = data;

    if (p->target >= 0)
        close(p->target);
    frames_clear(&p->frames);
    buf_clear(&p->to_client);
    buf_clear(&p->to_target);
    g_free(p);
}

bool websocket_proxy(struct ctx *c, const struct request *request, struct reply *reply, const char *to, const char *subprotocol)
{
    const char *key = request_header(request, "Sec-WebSocket-Key"), *version = request_header(request, "Sec-WebSocket-Version");
    struct proxy *proxy;
    void *nonce;
    size_t n;

    if (!list_has(request_header(request, "Upgrade"), "websocket") || !list_has(request_header(request, "Connection"), "upgrade"))
        return fail(c, 426, "UpgradeRequired", "This is a WebSocket endpoint.");
    if (!key || !base64_read(c, key, &nonce, &n) || n != 16)
        return fail(c, BAD_REQUEST, "Sec-WebSocket-Key is missing or malformed.");
    if (!version || strcmp(version, "13") != 0) {
        reply_header(c, reply, "Sec-WebSocket-Version", "13");
        return fail(c, 426, "UpgradeRequired", "Only version 13 of the WebSocket protocol is spoken here.");
    }
    proxy = ctx_own(c, g_new0(struct proxy, 1), proxy_free);
    proxy->target = g_str_has_prefix(to, "unix:") ? connect_unix(to + 5) : connect_tcp(c, to);
    if (proxy->target < 0)
        return fail(c, 503, "ServiceUnavailable", "%s cannot be reached.", to);
    reply->status = 101;
    reply_header(c, reply, "Upgrade", "websocket");
    reply_header(c, reply, "Connection", "Upgrade");
    reply_header(c, reply, "Sec-WebSocket-Accept", accept_key(c, key));
    if (subprotocol && list_has(request_header(request, "Sec-WebSocket-Protocol"), subprotocol))
        reply_header(c, reply, "Sec-WebSocket-Protocol", subprotocol);
    reply->upgrade = run;
    reply->upgrade_data = proxy;
    return true;
}

/* The copying. Both sockets are non-blocking from here on. */

static bool flush(int fd, struct buf *b)
{
    ssize_t n = send(fd, b->data, b->len, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    b->len -= (size_t)n;
    memmove(b->data, b->data + n, b->len);
    return true;
}

/* False: the client is gone or is to go. */
static bool read_client(struct proxy *p)
{
    char bytes[16384];
    ssize_t n = recv(p->client, bytes, sizeof(bytes), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    return n > 0 && frames_read(&p->frames, bytes, (size_t)n, &p->to_target, &p->to_client) && !p->frames.closed;
}

static bool read_target(struct proxy *p)
{
    char bytes[16384];
    ssize_t n = recv(p->target, bytes, sizeof(bytes), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        frame_write_close(&p->to_client, GOING_AWAY);
        return false;
    }
    frame_write(&p->to_client, FRAME_BINARY, bytes, (size_t)n);
    return true;
}

static bool copy_once(struct proxy *p)
{
    struct pollfd fds[2] = {
        { .fd = p->client, .events = (p->to_target.len < WAITING_MAX ? POLLIN : 0) | (p->to_client.len ? POLLOUT : 0) },
        { .fd = p->target, .events = (p->to_client.len < WAITING_MAX ? POLLIN : 0) | (p->to_target.len ? POLLOUT : 0) },
    };

    if (poll(fds, 2, -1) < 0)
        return errno == EINTR;
    if ((fds[0].revents & POLLOUT) && !flush(p->client, &p->to_client))
        return false;
    if ((fds[1].revents & POLLOUT) && !flush(p->target, &p->to_target))
        return false;
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) && !read_client(p))
        return false;
    return !(fds[1].revents & (POLLIN | POLLHUP | POLLERR)) || read_target(p);
}

/* The last words: a close frame, if the client will still take it. */
static void finish(struct proxy *p)
{
    struct pollfd fd = { .fd = p->client, .events = POLLOUT };

    while (p->to_client.len && poll(&fd, 1, 1000) > 0 && !(fd.revents & (POLLHUP | POLLERR)) && flush(p->client, &p->to_client))
        ;
    shutdown(p->target, SHUT_RDWR);
}

static void run(void *data, int client, const void *early, size_t n)
{
    struct proxy *p = data;

    p->client = client;
    fcntl(client, F_SETFL, fcntl(client, F_GETFL) | O_NONBLOCK);
    fcntl(p->target, F_SETFL, fcntl(p->target, F_GETFL) | O_NONBLOCK);
    if (frames_read(&p->frames, early, n, &p->to_target, &p->to_client))
        while (copy_once(p))
            ;
    finish(p);
}
