/* HTTP client: one request to another server, over pooled connections (libcurl). */
#ifndef OSLO_HTTP_FETCH_H
#define OSLO_HTTP_FETCH_H

#include "oslo/http/http.h"

struct fetch {
    const char *method, *url;
    const struct pair *headers;      /* NULL for none */
    const char *body; size_t body_size;
    ssize_t (*read)(void *data, void *bytes, size_t n);          /* or the body as a stream */
    bool (*write)(void *data, const void *bytes, size_t n);      /* takes the reply's body as it comes, or NULL: kept */
    void *data;
    int64_t timeout_us;              /* 0: what the ctx's deadline leaves, at most a minute */
    const char *ca_file; bool insecure;
    const char *certificate, *key;   /* PEM files of the client's own; NULL: none */
    const char *proxy;               /* "http://host:port": asks in this one's stead; NULL: nobody does */
    const char *address;             /* an IP address to connect to, whatever the URL's host resolves to; NULL: resolved */
    /* filled in */
    int status;
    struct pair *reply_headers;      /* of the ctx */
    char *reply; size_t reply_size;  /* of the ctx */
};
/* False with a fault (503 connection, 504 time-out) when there was no answer; any status is an answer. */
bool fetch(struct ctx *, struct fetch *);

#endif
