/* HTTP: one request and its reply, as every handler sees them, whether they came over a socket or from the same process.
 *
 * server.h listens, router.h finds the handler, client.h (fetch) talks to other servers. Only this folder knows the library.
 */
#ifndef OSLO_HTTP_HTTP_H
#define OSLO_HTTP_HTTP_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

struct pair { const char *name, *value; };           /* arrays of them end with { NULL, NULL } */

struct body_source;                                  /* the unread rest of a streamed body */

struct request {
    const char *method;              /* "GET"; HEAD is served by the GET route and its body dropped */
    const char *path;                /* percent-decoded, no query, starts with '/' */
    const char *raw_path;            /* as sent, no query */
    const char *query_text;          /* as sent, without '?'; "" when there is none */
    const struct pair *query;        /* decoded, in order, repeats kept */
    const struct pair *headers;      /* names as sent */
    const char *remote;              /* the peer's address, for logs */
    const char *scheme_host;         /* "http://127.0.0.1:9696", from Host (and X-Forwarded-Proto where configured) */
    const struct route *route;       /* set by the router */
    const struct pair *args;         /* path parameters: "/servers/{id}" gives id */
    const char *body;                /* the whole body, NUL after it; NULL when there is none or the route streams */
    size_t body_size;
    int64_t content_length;          /* -1 when not said (chunked) */
    struct body_source *source;      /* of a ROUTE_STREAM route over a socket, else NULL */
    size_t body_read;                /* how much of body request_read() has given */
    json_t *json;                    /* the parsed body; set by request_json() */
    bool parks;                      /* its handler may set reply->again_at; what it has kept is there then, NULL the first time */
    void *kept;
};

const char *request_header(const struct request *, const char *name);        /* case-insensitive; the first; NULL */
const char *request_query(const struct request *, const char *name);         /* the last; NULL */
const char *request_arg(const struct request *, const char *name);           /* never NULL for a name in the route's path */
/* Parses the body once as a JSON object. NULL with fault 400 (the service's own words) if it is none. */
json_t *request_json(struct ctx *, struct request *);

/* Reads more of a streamed body: > 0 bytes, 0 at the end, -1 with a fault (client gone, deadline, bad chunk). */
ssize_t request_read(struct ctx *, struct request *, void *bytes, size_t n);

/* What is answered. Exactly one kind of body. A handler that fails leaves it alone: the fault is written instead. */
struct reply {
    int status;                      /* the route's own unless set */
    int64_t again_at;                /* not answered yet: the handler is to be called again, from its beginning, at that time (clock_mono_us()),
                                      * or before if the process ends. No thread waits for it. Only if request->parks, before the body is read. */
    struct pair headers[192];        /* an object's metadata may be a hundred of them */
    int n_headers;
    const char *content_type;        /* "application/json" when NULL and there is a body */
    struct buf body;                 /* the body, when it is in memory */
    bool has_body;                   /* false: no body at all (204, 304, 202 without) */
    /* or a file: n bytes from offset; the fd is closed afterwards */
    int fd;                          /* -1 when there is none */
    int64_t offset, size;
    /* or a stream: pull fills up to n bytes and returns how many, 0 at the end, -1 to cut the connection; size -1: chunked */
    ssize_t (*pull)(void *data, void *bytes, size_t n);
    void (*pull_done)(void *data);
    void *pull_data;
    /* or the connection itself, after 101: upgrade uses the socket (blocking, non-TLS side) on a thread of its own until it
     * returns; early is what the client sent before it was told */
    void (*upgrade)(void *data, int socket, const void *early, size_t n);
    void *upgrade_data;
};
void reply_header(struct ctx *, struct reply *, const char *name, const char *value);       /* copies; replaces same name */
void reply_add_header(struct ctx *, struct reply *, const char *name, const char *value);   /* copies; keeps same name */
void reply_json(struct reply *, const json_t *);                             /* body from a tree */
void reply_text(struct reply *, const char *content_type, const char *text);
void reply_file(struct reply *, const char *content_type, int fd, int64_t offset, int64_t size);
void reply_clear(struct reply *);                                            /* releases what it holds; empty again (fd -1) */

/* Routes. Path segments in braces are parameters; "{name*}" at the end takes the rest with its slashes. */
typedef bool handler(struct ctx *, struct request *, struct reply *);

enum route_flags {
    ROUTE_OPEN = 1,                  /* no token needed (version documents, POST /v3/auth/tokens) */
    ROUTE_STREAM = 2,                /* the handler reads the body itself: request_read() */
    ROUTE_QUICK = 4,                 /* never blocks: answered on the thread that read it */
    ROUTE_NO_POLICY = 8,             /* the handler asks its own rules (said so in its comment) */
    ROUTE_EMPTY = 16,                /* answers without a body */
};
struct route {
    const char *method, *path;
    handler *run;
    int status;                      /* on success; 0 is 200 */
    unsigned flags;
    const char *policy;              /* the rule asked before run; with none, ROUTE_OPEN or ROUTE_NO_POLICY must be said */
    int since, until;                /* microversions; outside of them the route does not exist (404) */
    const void *data;                /* for run: the struct resource of a generic verb, an action table, ... */
    const char *action;              /* the body's single key that selects among rows of one path ("os-start"), or NULL */
};

struct router;
struct router *router_new(void);
void router_free(struct router *);
void router_add(struct router *, const struct route *routes);                /* until a row without a method */
/* Finds the row for the request and sets its route and args. False: no such path (*ret_allow NULL) or no such method on
 * that path (*ret_allow the "GET, POST" of those there are). With HEAD and no HEAD row the GET row is taken. */
bool router_find(struct ctx *, const struct router *, struct request *, int version, const char **ret_allow);
/* The same among the rows of that path and method whose action is key. False: there is none. */
bool router_find_action(struct ctx *, const struct router *, struct request *, int version, const char *key);
/* Calls visit for each row, in the order added. */
void router_each(const struct router *, void (*visit)(void *data, const struct route *), void *data);

#endif
