/* The door: listens, reads requests, hands them to an application, writes replies.
 *
 * Connections are served by a few polling threads. A request is handed to a bounded pool of workers, which may block;
 * quick ones (app->quick says so) are answered on the polling thread. Limits, malformed framing and deadlines are dealt
 * with here, before anything else sees the request. See README.md for the table of what is refused and how.
 */
#ifndef OSLO_HTTP_SERVER_H
#define OSLO_HTTP_SERVER_H

#include "oslo/http/http.h"

struct http_app {
    const char *name;                                /* for logs and metrics */
    void *data;
    /* Is this request one that never blocks? Called with method, path and headers known; may be NULL. */
    bool (*quick)(void *data, const struct request *);
    /* Does the handler read the body itself? Called before the body is read; may be NULL. Then max_body does not apply. */
    bool (*streams)(void *data, const struct request *);
    /* Answers: always fills the reply. memory is an arena-carrying ctx made by the server, of this request alone. */
    void (*serve)(void *data, struct ctx *, struct request *, struct reply *);
    /* Writes the reply for what never reached the application (400, 413, 414, 431, 501, 503 ...). */
    void (*refuse)(void *data, struct ctx *, int status, const char *why, struct reply *);
};

struct http_server_options {
    const char *address;             /* "127.0.0.1" */
    int port;                        /* 0: any; see http_server_port() */
    const char *share;               /* processes that say the same word may listen there too, the kernel spreads connections over them; NULL: none may */
    const char *certificate, *key;   /* PEM files: TLS; both NULL for plain */
    int64_t max_header;              /* bytes of request line and headers; 431 / 414 */
    int64_t max_body;                /* bytes of a body that is not streamed; 413 */
    int64_t timeout_s;               /* a connection idle, or a request not whole, after that */
    int64_t pace;                    /* of a streamed body: bytes that must come in each timeout_s of waiting for it; 0: any */
    int64_t request_timeout_s;       /* the deadline of the work */
    int pollers, workers, streams;   /* polling threads; worker threads at most, and those for bodies (0: as many) */
    int queue;                       /* requests waiting at most (then 503) */
};

/* Workers and pollers are shared by all servers of a process: the first http_server_start makes them. */
struct http_server *http_server_start(struct ctx *, const struct http_app *, const struct http_server_options *);
int http_server_port(const struct http_server *);
/* Stops accepting, lets what is under way finish (at most drain_s), closes. No request that was read is lost. */
void http_server_stop(struct http_server *, int64_t drain_s);

struct http_stats { int64_t requests, active, queued, refused, connections; };
struct http_stats http_stats(void);

#endif
