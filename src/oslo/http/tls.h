/* A TLS connection to a server that does not speak HTTP: bytes, both ways (libcurl). One thread at a time. */
#ifndef OSLO_HTTP_TLS_H
#define OSLO_HTTP_TLS_H

#include "oslo/base/ctx.h"

#include <sys/types.h>

struct tls_options {
    const char *ca_file;             /* PEM; NULL: the system's authorities */
    const char *certificate, *key;   /* PEM files of the client's own; NULL: none */
    int64_t connect_us;              /* for the connection and the handshake */
    bool any_name;                   /* the server's certificate may be another host's */
};

struct tls;
struct tls *tls_connect(struct ctx *, const char *host, int64_t port, const struct tls_options *);   /* NULL with a fault; the host's name is checked, unless any_name */
bool tls_write(struct tls *, const void *bytes, size_t n, int64_t timeout_us);
ssize_t tls_read(struct tls *, void *bytes, size_t n, int64_t timeout_us);               /* > 0; 0 the end; -1 broken or too late */
void tls_close(struct tls *);

#endif
