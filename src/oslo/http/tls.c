/* libcurl connects and encrypts, and leaves it at that. */
#include "oslo/http/tls.h"

#include "oslo/base/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

struct tls { CURL *handle; int fd; };

static void set_options(CURL *handle, const char *url, const struct tls_options *o)
{
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)MAX(o->connect_us / 1000, 1));
    if (o->any_name)
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    if (o->ca_file)
        curl_easy_setopt(handle, CURLOPT_CAINFO, o->ca_file);
    if (o->certificate)
        curl_easy_setopt(handle, CURLOPT_SSLCERT, o->certificate);
    if (o->key)
        curl_easy_setopt(handle, CURLOPT_SSLKEY, o->key);
}

struct tls *tls_connect(struct ctx *c, const char *host, int64_t port, const struct tls_options *o)
{
    bool v6 = strchr(host, ':') != NULL;
    const char *url = ctx_printf(c, "https://%s%s%s:%" G_GINT64_FORMAT, v6 ? "[" : "", host, v6 ? "]" : "", port);
    CURL *handle = curl_easy_init();
    curl_socket_t fd = CURL_SOCKET_BAD;
    struct tls *tls;
    CURLcode code;

    if (!handle)
        return fail_null(c, 503, "TLSFailed", "%s: no memory", url);
    set_options(handle, url, o);
    code = curl_easy_perform(handle);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &fd);
    if (code != CURLE_OK || fd == CURL_SOCKET_BAD) {
        curl_easy_cleanup(handle);
        return fail_null(c, 503, "TLSFailed", "%s: %s", url, curl_easy_strerror(code));
    }
    tls = g_new(struct tls, 1);
    *tls = (struct tls){ handle, fd };
    return tls;
}

static bool await(const struct tls *tls, short events, int64_t until)
{
    struct pollfd p = { .fd = tls->fd, .events = events };
    int said;

    do
        said = poll(&p, 1, (int)(MAX(until - clock_mono_us(), 0) / 1000));
    while (said < 0 && errno == EINTR);
    return said > 0;
}

bool tls_write(struct tls *tls, const void *bytes, size_t n, int64_t timeout_us)
{
    int64_t until = clock_mono_us() + timeout_us;
    const char *at = bytes;

    while (n) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(tls->handle, at, n, &sent);

        if (code == CURLE_AGAIN ? !await(tls, POLLOUT, until) : code != CURLE_OK)
            return false;
        at += sent;
        n -= sent;
    }
    return true;
}

ssize_t tls_read(struct tls *tls, void *bytes, size_t n, int64_t timeout_us)
{
    int64_t until = clock_mono_us() + timeout_us;

    for (;;) {
        size_t got = 0;
        CURLcode code = curl_easy_recv(tls->handle, bytes, n, &got);

        if (code == CURLE_OK)
            return (ssize_t)got;
        if (code != CURLE_AGAIN || !await(tls, POLLIN, until))
            return -1;
    }
}

void tls_close(struct tls *tls)
{
    curl_easy_cleanup(tls->handle);
    g_free(tls);
}
