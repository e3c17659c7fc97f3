/* The parts of the door: server.c (listening, draining), connections.c (what is open), exchange.c (one request), answer.c
 * (its reply). Only these know the library. */
#ifndef OSLO_HTTP_DOOR_H
#define OSLO_HTTP_DOOR_H

#include "oslo/http/body.h"
#include "oslo/http/pool.h"
#include "oslo/http/server.h"

#include <microhttpd.h>
#include <stdatomic.h>

struct http_server {
    const struct http_app *app;
    struct http_server_options options;
    struct poll_set *polls;
    struct watched *watched;         /* its listener, as the accepting thread sees it */
    int listener, port, sharer;      /* sharer: what sharers_join() gave, or -1 */
    _Atomic bool draining;
    _Atomic int64_t connections, exchanges;
};

/* Pools every server of the process shares: short calls, and work that waits for a peer (bodies both ways). */
extern struct pool *call_pool, *stream_pool;

struct counters { _Atomic int64_t requests, active, refused, connections; };
extern struct counters counters;

/* One connection. whole_by: when its request must have arrived whole, clock_mono_us(); 0 while one is worked on. */
struct connection {
    int fd;
    struct http_server *server;
    char remote[48];
    _Atomic int64_t whole_by;
    _Atomic bool busy, upgraded;
};
bool connection_add(struct http_server *, int fd, const char *remote);       /* before the library has it */
struct connection *connection_of(struct MHD_Connection *);
void connection_notify(void *cls, struct MHD_Connection *, void **socket_context, enum MHD_ConnectionNotificationCode);
void connection_forget(int fd);
void connections_cut(struct http_server *, bool idle_only);
void connections_cut_late(void);

/* Takes a descriptor whose peer may still be sending: its reply is to arrive before the connection is reset. */
void server_linger(int fd);
void server_wake(void);              /* the thread that accepts looks at what is to be done */

/* One request on its way. Owned by its connection, its worker and its reply's stream: freed with the last. */
enum phase {
    PHASE_HEAD,                      /* nothing but the request line is known */
    PHASE_ASKING,                    /* a worker has the head; the body is not wanted yet */
    PHASE_STREAM,                    /* the body goes to the worker as it comes */
    PHASE_BODY,                      /* the body is gathered */
    PHASE_WHOLE,                     /* it is all there */
    PHASE_STREAMED,                  /* the worker has been given the end of the body */
    PHASE_ANSWER,                    /* the reply is ready, or its maker will resume the connection */
};
struct exchange {
    struct work work;
    _Atomic int owners;
    enum phase phase;
    struct http_server *server;
    struct connection *connection;
    struct MHD_Connection *mhd;
    char *target;
    bool has_body, too_large;
    struct buf body;
    int64_t discard_by;
    struct ctx ctx;
    struct request request;
    struct reply reply;
};
void *exchange_new(void *cls, const char *target, struct MHD_Connection *);
enum MHD_Result exchange_step(void *cls, struct MHD_Connection *, const char *url, const char *method, const char *version,
                              const char *data, size_t *n, void **exchange);
void exchange_completed(void *cls, struct MHD_Connection *, void **exchange, enum MHD_RequestTerminationCode);
void exchange_release(struct exchange *);

/* Queues the exchange's reply; takes what the reply holds. */
enum MHD_Result exchange_answer(struct exchange *);
/* The same to a client whose body is late. On any thread, while the connection is there. */
void exchange_answer_late(void *exchange);

#endif
