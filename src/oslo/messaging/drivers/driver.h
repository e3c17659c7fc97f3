/* For those who write a driver: what moves messages between those who send and those who listen.
 *
 * A message is handed over as a struct; a driver that leaves the process encodes it (the body and the _context_ members of
 * spec oslo-messaging 2.0) and decodes what comes. Whoever listens polls from several threads; a driver with a connection
 * of its own serves it from one thread and lets poll() wait for what that thread has read.
 */
#ifndef OSLO_MESSAGING_DRIVERS_DRIVER_H
#define OSLO_MESSAGING_DRIVERS_DRIVER_H

#include "oslo/messaging/messaging.h"

struct transport_host { char *host, *user, *password; int port; };   /* port 0: the driver's usual one */
struct transport_option { char *name, *value; };                      /* from the URL's query */

struct transport {
    char *url;
    const struct driver *driver;
    GArray *hosts;                   /* of struct transport_host */
    GArray *options;                 /* of struct transport_option */
    char *virtual_host;              /* "" when the URL has none */
    void *state;                     /* the driver's own */
};

/* An RPC request, or a notification (then method is the event type and args the payload). */
struct message {
    char *method, *rpc_namespace, *version;
    char *publisher, *priority;      /* of a notification */
    json_t *args;                    /* owned; unless the driver is by_text, shared with nobody who might change it */
    json_t *context;                 /* likewise; without the _context_ prefix. Never NULL */
};
struct message *message_new(const char *method, json_t *args, json_t *context);
void message_free(struct message *);

/* What a call brought: the result, or the failure as oslo.messaging writes it ({"class", "module", "message", "args", "kwargs", "tb"}). */
struct rpc_reply { json_t *result, *failure; };

/* One message received. */
struct incoming {
    struct message *message;
    bool wants_reply;
    int64_t monitor_us;              /* its caller wants to hear at least this often that the method runs; 0: it does not */
};

/* What a listener takes from: the queues of an RPC server (topic, topic.server, fanout), or of notifications. */
struct listen_on {
    const char *exchange, *topic, *server;
    bool notifications;              /* every <topic>.<priority>, on the queue called pool if there is one */
    const char *pool;
    /* Serves what came on the driver's thread, where one of those who poll would have to be waked; NULL: they do it all. */
    void (*serve)(void *data, struct incoming *);
    void *data;
    bool quick;                      /* it does not wait: a driver that has both in one process may use the caller's thread */
    void (*resumed)(void);           /* as in struct rpc_server; NULL: need not be said */
};

struct notify_options {
    bool wrapped;                    /* in the envelope (format 2.0), else bare (1.0) */
    int retry;                       /* -1 for ever */
};

struct driver {
    const char *scheme;              /* of its URLs */
    bool by_text;                    /* a message is text before send() returns: its trees are only read */
    bool (*open)(struct ctx *, struct transport *);
    void (*close)(struct transport *);
    /* Takes the message over, whether it succeeds or not. With reply it waits for it until the deadline (monotonic us):
     * 504 MessagingTimeout, 503 MessageDeliveryFailure. */
    bool (*send)(struct ctx *, struct transport *, const struct target *, struct message *, const struct rpc_options *,
                 int64_t deadline, struct rpc_reply *reply);
    /* To the queue <topic>.<priority>; takes the message over. */
    bool (*notify)(struct ctx *, struct transport *, const char *exchange, const char *topic, struct message *,
                   const struct notify_options *);
    void *(*listen)(struct ctx *, struct transport *, const struct listen_on *);
    struct incoming *(*poll)(void *listener);        /* waits; NULL once stopped. From any number of threads */
    /* False: it is not ours any more, and will be delivered again. */
    bool (*acknowledge)(void *listener, struct incoming *);
    void (*requeue)(void *listener, struct incoming *);
    /* Takes the references over. Nothing happens where no reply is wanted. */
    void (*reply)(void *listener, struct incoming *, struct rpc_reply);
    void (*keep_alive)(void *listener, struct incoming *);   /* says that the method still runs */
    void (*done)(void *listener, struct incoming *); /* frees it */
    void (*stop)(void *listener);                    /* poll gives NULL from here on */
    void (*free)(void *listener);                    /* when nobody polls any more */
};

/* Who waits for another process until a deadline (0: for ever) does so in steps, and looks between them whether it is over: by its
 * deadline, or because this process ends (transports_end_by). */
int64_t wait_step(int64_t deadline);
bool wait_is_over(int64_t deadline);

extern const struct driver *const drivers[];         /* drivers.c: all of them; ends with NULL */
extern const struct driver driver_local, driver_rabbit;

#endif
