/* HTTP/1.1 on a socket. */
#include "swift/wire.h"

#include "oslo/base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADERS_MOST 256
#define LINE_MOST 16384

/* --- the socket --------------------------------------------------------------------------------------------------------------- */

struct wire *wire_new(int fd, int64_t timeout_us)
{
    struct wire *w = g_malloc(sizeof(*w));
    int one = 1;

    memset(w, 0, offsetof(struct wire, in));
    w->fd = fd;
    w->timeout_us = timeout_us;
    w->ended = true;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return w;
}

void wire_free(struct wire *w)
{
    if (!w)
        return;
    close(w->fd);
    g_free(w);
}

static bool await(int fd, short events, int64_t timeout_us)
{
    struct pollfd p = { .fd = fd, .events = events };
    int said;

    do
        said = poll(&p, 1, (int)MAX(timeout_us / 1000, 1));
    while (said < 0 && errno == EINTR);
    if (said == 0)
        errno = ETIMEDOUT;
    return said > 0;
}

static bool connect_in_time(int fd, const struct sockaddr *to, socklen_t n, int64_t timeout_us)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (!connect(fd, to, n))
        return true;
    if (errno != EINPROGRESS || !await(fd, POLLOUT, timeout_us))
        return false;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    return !error;
}

struct wire *wire_connect(const char *ip, int port, int64_t timeout_us)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    bool is_v6 = inet_pton(AF_INET, ip, &v4.sin_addr) != 1;
    int fd, error;

    if (is_v6 && inet_pton(AF_INET6, ip, &v6.sin6_addr) != 1) {
        errno = EADDRNOTAVAIL;
        return NULL;
    }
    fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    if (connect_in_time(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, is_v6 ? sizeof(v6) : sizeof(v4), timeout_us))
        return wire_new(fd, timeout_us);
    error = errno;
    close(fd);
    errno = error;
    return NULL;
}

bool wire_is_idle(const struct wire *w)
{
    char byte;

    return !w->broken && w->start == w->end && recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* --- writing ------------------------------------------------------------------------------------------------------------------- */

bool wire_put(struct wire *w, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n && !w->broken) {
        ssize_t some = send(w->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (some > 0) {
            at += some;
            n -= (size_t)some;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            w->broken = !await(w->fd, POLLOUT, w->timeout_us);
        } else if (errno != EINTR) {
            w->broken = true;
        }
    }
    return !w->broken;
}

bool wire_put_chunk(struct wire *w, const void *bytes, size_t n)
{
    char head[24];
    int size = g_snprintf(head, sizeof(head), "%zx\r\n", n);

    return wire_put(w, head, (size_t)size) && wire_put(w, bytes, n) && wire_put(w, "\r\n", 2);
}

bool wire_send_file(struct wire *w, int fd, int64_t offset, int64_t n)
{
    off_t at = offset;

    while (n > 0 && !w->broken) {
        ssize_t some = sendfile(w->fd, fd, &at, (size_t)MIN(n, 1 << 30));

        if (some > 0)
            n -= some;
        else if (some < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            w->broken = !await(w->fd, POLLOUT, w->timeout_us);
        else if (some == 0 || errno != EINTR)
            w->broken = true;
    }
    return !w->broken;
}

void wire_put_headers(struct buf *to, const struct headers *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (strpbrk(h->pairs[i].value, "\r\n"))
            continue;
        buf_puts(to, h->pairs[i].name);
        buf_puts(to, ": ");
        buf_puts(to, h->pairs[i].value);
        buf_puts(to, "\r\n");
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

/* False: nothing has come in time. */
static bool await_bytes(struct wire *w)
{
    int64_t began;

    if (!w->patience_us) {
        w->late = !await(w->fd, POLLIN, w->timeout_us);
        return !w->late;
    }
    began = clock_mono_us();
    w->late = !await(w->fd, POLLIN, w->patience_us);
    w->patience_us = MAX(w->patience_us - (clock_mono_us() - began), 1);
    return !w->late;
}

/* More bytes into the buffer. False: the end, or broken. */
static bool fill(struct wire *w)
{
    if (w->start == w->end)
        w->start = w->end = 0;
    if (w->end == sizeof(w->in) && w->start) {
        memmove(w->in, w->in + w->start, w->end - w->start);
        w->end -= w->start;
        w->start = 0;
    }
    while (!w->broken && w->end < sizeof(w->in)) {
        ssize_t n = recv(w->fd, w->in + w->end, sizeof(w->in) - w->end, MSG_DONTWAIT);

        if (n > 0) {
            w->end += (size_t)n;
            return true;
        }
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) || !await_bytes(w))
            w->broken = true;
    }
    return false;
}

char *wire_read_line(struct ctx *c, struct wire *w)
{
    for (size_t looked = 0;;) {
        char *newline = memchr(w->in + w->start + looked, '\n', w->end - w->start - looked);

        if (newline) {
            size_t n = (size_t)(newline - (w->in + w->start));
            char *text = ctx_strndup(c, w->in + w->start, n && newline[-1] == '\r' ? n - 1 : n);

            w->start += n + 1;
            return text;
        }
        looked = w->end - w->start;
        if (looked > LINE_MOST || !fill(w)) {
            w->broken = true;
            return NULL;
        }
    }
}

static bool take_header(struct ctx *c, char *line, struct headers *h)
{
    char *colon = strchr(line, ':');

    if (!colon || colon == line)
        return false;
    *colon++ = '\0';
    headers_add(c, h, line, g_strstrip(colon));
    return true;
}

bool wire_read_head(struct ctx *c, struct wire *w, char **ret_line, struct headers *h)
{
    char *line = wire_read_line(c, w);

    if (!line || !*line)
        return false;
    *ret_line = line;
    while ((line = wire_read_line(c, w)) && *line)
        if (h->n > HEADERS_MOST || !take_header(c, line, h))
            w->broken = true;
    return line && !w->broken;
}

/* Lengths that differ, or a length beside a coding. */
static bool is_framed_twice(const struct headers *h, const char *length, const char *coding)
{
    for (size_t i = 0; length && i < h->n; i++)
        if (!strcasecmp(h->pairs[i].name, "Content-Length") && strcmp(h->pairs[i].value, length))
            return true;
    return length && coding;
}

void wire_begin_body(struct wire *w, const struct headers *h, int status, bool head_request)
{
    const char *length = headers_get(h, "Content-Length"), *coding = headers_get(h, "Transfer-Encoding");

    w->chunked = coding && !strcasecmp(coding, "chunked");
    w->left = 0;
    w->ended = head_request || status / 100 == 1 || status == 204 || status == 304;
    if (!status && is_framed_twice(h, length, coding)) {
        w->broken = true;
        return;
    }
    if (w->ended || w->chunked)
        return;
    if (length && (!text_to_int(length, &w->left) || w->left < 0))
        w->broken = true;
    else if (!length && status)
        w->left = -1;
    w->ended = w->left == 0;
}

ssize_t wire_read_some(struct wire *w, void *bytes, size_t n)
{
    if (w->start == w->end && n >= sizeof(w->in) / 2) {      /* past the buffer */
        for (;;) {
            ssize_t got = recv(w->fd, bytes, n, MSG_DONTWAIT);

            if (got > 0)
                return got;
            if (got == 0)
                return 0;
            if ((errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) || !await_bytes(w)) {
                w->broken = true;
                return -1;
            }
        }
    }
    if (w->start == w->end && !fill(w))
        return w->end == w->start ? 0 : -1;
    n = MIN(n, w->end - w->start);
    memcpy(bytes, w->in + w->start, n);
    w->start += n;
    return (ssize_t)n;
}

/* The next chunk's size, or the end of them. False: malformed. */
static bool next_chunk(struct wire *w)
{
    struct ctx c;
    char *line, *end;
    bool well;

    ctx_init(&c, NULL, "");
    line = wire_read_line(&c, w);
    w->left = line && g_ascii_isxdigit(*line) ? (int64_t)g_ascii_strtoull(line, &end, 16) : -1;
    well = w->left >= 0 && (!*end || *end == ';' || *end == ' ');
    if (well && !w->left) {
        while ((line = wire_read_line(&c, w)) && *line)
            ;
        well = line != NULL;
        w->ended = true;
    }
    ctx_clear(&c);
    w->broken = w->broken || !well;
    return well;
}

static bool end_chunk(struct wire *w)
{
    char two[2];

    for (int i = 0; i < 2; i++)
        if (wire_read_some(w, two + i, 1) != 1)
            return false;
    w->broken = w->broken || two[0] != '\r' || two[1] != '\n';
    return !w->broken;
}

ssize_t wire_read_body(struct wire *w, void *bytes, size_t n)
{
    ssize_t got;

    if (w->ended)
        return 0;
    if (w->broken || (w->chunked && !w->left && !next_chunk(w)))
        return -1;
    if (w->ended)
        return 0;
    got = wire_read_some(w, bytes, w->left > 0 ? (size_t)MIN((int64_t)n, w->left) : n);
    if (got <= 0) {
        w->ended = w->left < 0 && got == 0;
        w->broken = true;
        return w->ended ? 0 : -1;
    }
    if (w->left > 0)
        w->left -= got;
    if (!w->left && w->chunked && !end_chunk(w))
        return -1;
    if (!w->left && !w->chunked)
        w->ended = true;
    return got;
}

bool wire_drain(struct wire *w, int64_t most)
{
    char block[8192];
    ssize_t got = 1;

    while (most > 0 && got > 0) {
        got = wire_read_body(w, block, sizeof(block));
        most -= got;
    }
    return got == 0;
}
