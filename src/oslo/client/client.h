/* How one service calls another: at its public API, by type, never by its functions.
 *
 * Where the callee lives in this process the request goes straight to its router (no socket, no HTTP text); otherwise
 * over HTTP to the endpoint in the catalog ([<service>] endpoint_override first). No transaction may be open.
 */
#ifndef OSLO_CLIENT_CLIENT_H
#define OSLO_CLIENT_CLIENT_H

#include "oslo/http/http.h"

struct call {
    const char *type;                /* "network", "image", "placement", "identity", "compute" */
    const char *method;
    const char *path;                /* after the endpoint: "/v2.0/ports/<id>", query included, already quoted */
    json_t *body;                    /* borrowed; NULL for none */
    const void *bytes; size_t size;  /* or a body of bytes (an image), borrowed; Content-Type stands in headers */
    const char *version;             /* "placement 1.36": OpenStack-API-Version; NULL for none */
    const struct pair *headers;      /* more; NULL for none */
    bool as_service;                 /* with the service's own token; else the token of c->who, with the service's beside it */
    bool no_auth;                    /* with no token at all */
    const char *accept_404;          /* not NULL: a 404 is an answer, not a fault */
    /* filled in */
    int status;
    json_t *reply;                   /* of the ctx; NULL if there was none */
    const struct pair *reply_headers;
};

/* True for 2xx. Else false with a fault that carries the callee's status, type and message (status 502 / 503 / 504 when
 * there was no answer). */
bool client_call(struct ctx *, struct call *);

/* The short forms: reply tree or NULL with a fault. path is printf-style with values already quoted. */
json_t *client_get(struct ctx *, const char *type, const char *format, ...) G_GNUC_PRINTF(3, 4);
char *client_quote(struct ctx *, const char *text);          /* percent-encoded for a path or query */

/* Streams the body of a GET (an image) to write(). */
bool client_download(struct ctx *, const char *type, const char *path, bool (*write)(void *, const void *, size_t), void *data);

#endif
