/* Sockets and TLS. Addresses of a name are tried in their order; the chain of the broker's certificate is checked where an
 * authority is named, its name where that is asked for, as the original does.
 */
#include "oslo/messaging/drivers/rabbit/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "oslo/base/text.h"
#include "oslo/messaging/drivers/rabbit/rabbit.h"

struct link {
    int fd;
    SSL *tls;                        /* NULL: plain */
};

static int connect_to(const struct addrinfo *, const struct rabbit_options *, int64_t deadline);
static bool tls_begin(struct link *, const struct rabbit_options *, const char *host, int64_t deadline, char why[WHY_SIZE]);

struct link *link_open(const struct rabbit_options *options, const char *host, int port, int64_t timeout_us, char why[WHY_SIZE])
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    int64_t deadline = clock_mono_us() + timeout_us;
    char service[8];
    struct link *l;
    int error, fd = -1;

    snprintf(service, sizeof(service), "%d", port);
    error = getaddrinfo(host, service, &hints, &found);
    if (error) {
        snprintf(why, WHY_SIZE, "%s", gai_strerror(error));
        return NULL;
    }
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = connect_to(a, options, deadline);
    freeaddrinfo(found);
    if (fd < 0) {
        snprintf(why, WHY_SIZE, "%s", g_strerror(errno));
        return NULL;
    }
    l = g_new0(struct link, 1);
    l->fd = fd;
    if (options->ssl && !tls_begin(l, options, host, deadline, why)) {
        link_close(l);
        return NULL;
    }
    return l;
}

void link_close(struct link *l)
{
    if (!l)
        return;
    if (l->tls)
        SSL_free(l->tls);
    close(l->fd);
    g_free(l);
}

int link_fd(const struct link *l)
{
    return l->fd;
}

bool link_is_shared(const struct link *l)
{
    return !l->tls;
}

static ssize_t tls_moved(struct link *l, int n)
{
    int error;

    if (n > 0)
        return n;
    error = SSL_get_error(l->tls, n);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 0;
    if (error == SSL_ERROR_ZERO_RETURN)
        errno = 0;
    else if (error == SSL_ERROR_SSL)
        errno = EPROTO;
    ERR_clear_error();
    return -1;
}

static ssize_t plain_moved(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

ssize_t link_read(struct link *l, void *to, size_t n)
{
    ssize_t got;

    if (l->tls)
        return tls_moved(l, SSL_read(l->tls, to, (int)MIN(n, INT32_MAX)));
    got = recv(l->fd, to, n, MSG_DONTWAIT);
    if (got == 0)
        errno = 0;
    return got == 0 ? -1 : plain_moved(got);
}

ssize_t link_write(struct link *l, const void *from, size_t n)
{
    if (l->tls)
        return tls_moved(l, SSL_write(l->tls, from, (int)MIN(n, INT32_MAX)));
    return plain_moved(send(l->fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL));
}

bool link_wait(struct link *l, bool to_write, int64_t deadline)
{
    struct pollfd p = { .fd = l->fd, .events = to_write ? POLLOUT : POLLIN };
    int64_t left;

    if (!to_write && l->tls && SSL_pending(l->tls))
        return true;
    do
        left = deadline - clock_mono_us();
    while (left > 0 && poll(&p, 1, (int)(left / 1000) + 1) < 0 && errno == EINTR);
    if (left <= 0 || !p.revents)
        errno = ETIMEDOUT;
    return left > 0 && p.revents;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static void tune(int fd, const struct rabbit_options *options)
{
    int on = 1, milliseconds = (int)(options->heartbeat_timeout_threshold * 1000);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (milliseconds > 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
}

static int connect_to(const struct addrinfo *a, const struct rabbit_options *options, int64_t deadline)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol), error = 0;
    socklen_t size = sizeof(error);
    struct link waiting = { .fd = fd };

    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        if (errno != EINPROGRESS)
            error = errno;
        else if (!link_wait(&waiting, true, deadline))
            error = ETIMEDOUT;
        else
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error) {
        close(fd);
        errno = error;
        return -1;
    }
    tune(fd, options);
    return fd;
}

/* A context serves one connection; connections are few. */
static SSL_CTX *tls_context(const struct rabbit_options *o)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool well = context != NULL;

    if (well && o->ssl_version && text_in(o->ssl_version, (const char *const[]){ "TLSv1_3", NULL }))
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (well && o->ssl_version && strcmp(o->ssl_version, "TLSv1_2") == 0)
        well = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) && SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    if (well && o->ssl_ca_file && *o->ssl_ca_file) {
        well = SSL_CTX_load_verify_locations(context, o->ssl_ca_file, NULL);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    }
    if (well && o->ssl_cert_file && *o->ssl_cert_file)
        well = SSL_CTX_use_certificate_chain_file(context, o->ssl_cert_file) &&
               SSL_CTX_use_PrivateKey_file(context, o->ssl_key_file && *o->ssl_key_file ? o->ssl_key_file : o->ssl_cert_file,
                                           SSL_FILETYPE_PEM);
    if (well)
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    else
        g_clear_pointer(&context, SSL_CTX_free);
    return context;
}

static void tls_why(struct link *l, char why[WHY_SIZE])
{
    unsigned long error = ERR_peek_last_error();
    long verified = l->tls ? SSL_get_verify_result(l->tls) : X509_V_OK;

    snprintf(why, WHY_SIZE, "TLS: %s", verified != X509_V_OK ? X509_verify_cert_error_string(verified)
             : error && ERR_reason_error_string(error) ? ERR_reason_error_string(error) : "the handshake was not finished");
    ERR_clear_error();
}

static bool tls_begin(struct link *l, const struct rabbit_options *o, const char *host, int64_t deadline, char why[WHY_SIZE])
{
    SSL_CTX *context = tls_context(o);
    int done = 0;

    l->tls = context ? SSL_new(context) : NULL;
    SSL_CTX_free(context);
    if (!l->tls) {
        tls_why(l, why);
        return false;
    }
    SSL_set_fd(l->tls, l->fd);
    SSL_set_tlsext_host_name(l->tls, host);
    if (o->ssl_enforce_hostname_verification && !SSL_set1_host(l->tls, host)) {
        tls_why(l, why);
        return false;
    }
    while ((done = SSL_connect(l->tls)) != 1) {
        int want = SSL_get_error(l->tls, done);

        if ((want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) || !link_wait(l, want == SSL_ERROR_WANT_WRITE, deadline)) {
            tls_why(l, why);
            return false;
        }
    }
    return true;
}
