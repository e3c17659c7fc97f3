/* oslo.messaging: remote procedure calls and notifications between processes.
 *
 * Shaped as the original: a transport (from a URL) has a driver; a Target says where; a client calls, casts and fans out; a
 * server dispatches to endpoints by namespace, version and method; a notifier emits; a listener takes. Arguments and results are
 * JSON trees. "local://" hands messages to threads of the same process; "rabbit://" speaks the original's own wire.
 */
#ifndef OSLO_MESSAGING_MESSAGING_H
#define OSLO_MESSAGING_MESSAGING_H

#include "oslo/record/attr.h"

struct transport;

/* Where a message goes, or what a server answers to. NULL members are not said. */
struct target {
    const char *exchange;            /* control_exchange: "neutron", "nova"; NULL: "openstack" */
    const char *topic;               /* "q-plugin" */
    const char *server;              /* one host's server */
    const char *rpc_namespace;       /* NULL: the null namespace */
    const char *version;             /* "1.5"; NULL: "1.0" */
    bool fanout;
};

/* The options of [DEFAULT] and [oslo_messaging_notifications] that concern messages; said once, before anything is sent.
 * Without it: local://, 60 s, no notifications. */
struct rabbit_options;
struct messaging_options {
    const char *transport_url;
    int64_t rpc_response_timeout;            /* seconds */
    const char *notification_drivers;        /* "messagingv2", "log", "noop", several with commas between */
    const char *notification_topics;         /* "notifications" */
    const char *notification_transport_url;  /* NULL: transport_url */
    int64_t notification_retry;              /* of one that cannot be delivered: -1 for ever */
    const struct rabbit_options *rabbit;     /* [oslo_messaging_rabbit]; NULL: defaults */
    int64_t executor_thread_pool_size;       /* threads of a server that does not say how many */
    bool rpc_ping_enabled;                   /* every server answers oslo_rpc_server_ping */
};
extern const struct attr rabbit_option_attrs[];
extern const size_t rabbit_options_size;
void messaging_configure(const struct messaging_options *);
/* Do all messages stay in this process? Then nobody else has to be told what everybody here knows. */
bool messaging_local(void);

/* url NULL: option transport_url. The transport is kept for the process: same URL, same transport. */
struct transport *transport_get(struct ctx *, const char *url);
void transports_close(void);
/* The process ends: whom it asks has until then (clock_mono_us) to answer, whatever a call's own deadline is. */
void transports_end_by(int64_t at);

/* --- calling ------------------------------------------------------------------------------------------------- */
struct rpc_options {
    int64_t timeout_us;              /* 0: rpc_response_timeout, 60 s, within the ctx's deadline */
    int retry;                       /* of a call or cast that cannot be delivered: -1 for ever, 0 never */
    int64_t monitor_us;              /* call monitor interval; 0: none */
    const char *version_cap;
    bool at_least_once;              /* 503 MessageUndeliverable where no queue takes it */
};
/* The result (of the ctx; JSON null for none), or NULL with a fault: 504 MessagingTimeout, 503 MessageDeliveryFailure, or the remote
 * failure with its class as the type. options may be NULL; args is borrowed, an object. */
json_t *rpc_call(struct ctx *, const struct target *, const char *method, const json_t *args, const struct rpc_options *);
/* True once the broker (or the local queue) has it, which is waited for until the ctx's deadline. target->fanout: to every server of
 * the topic. */
bool rpc_cast(struct ctx *, const struct target *, const char *method, const json_t *args);

/* --- answering ----------------------------------------------------------------------------------------------- */
struct rpc_method {                  /* an array of them ends with {} */
    const char *name;
    /* ret_result: a new reference to a tree nobody changes afterwards, or left NULL for null. On false the ctx's fault is
     * the failure. */
    bool (*run)(struct ctx *, json_t *args, json_t **ret_result);
};
struct rpc_endpoint {                /* an array of them ends with {} */
    const char *rpc_namespace, *version;
    const struct rpc_method *methods;
};
struct rpc_server {
    const char *exchange;            /* NULL: "openstack" */
    const char *topic;
    const char *fault_module;        /* where the other end finds the classes of our faults: "neutron_lib.exceptions" */
    const char *role;                /* the role of `nacre <role>` that serves it, or several: "api,neutron-rpc" */
    const struct rpc_endpoint *endpoints;
    int threads;                     /* 0: option executor_thread_pool_size */
    bool quick;                      /* its methods do not wait: local:// runs a call to them on the caller's thread */
    bool per_host;                   /* answers also to topic.<host>; always so with fanout */
    /* It was cut off from the broker and listens again: what was cast to it meanwhile may be lost. Must not wait. */
    void (*resumed)(void);
};
struct rpc_listener;
/* The methods run in ctxs of the service, with the database of the ctx given here. */
struct rpc_listener *rpc_listen(struct ctx *, const struct rpc_server *, const struct service *, const char *host);
void rpc_stop(struct rpc_listener *);                /* takes no more, lets running methods end */

/* --- notifications ------------------------------------------------------------------------------------------- */
/* "port.create.end", publisher "network.<host>", priority "info". What cannot be sent is logged, and no fault of the ctx. */
bool notify(struct ctx *, const char *exchange, const char *publisher, const char *event_type, const char *priority, const json_t *payload);
/* Does anybody want them? A payload that is costly to make need not be made where not. */
bool notifications_wanted(void);
/* To that one topic, whatever the options say of notifications: what parts of the program tell each other. */
bool notify_topic(struct ctx *, const char *exchange, const char *topic, const char *publisher, const char *event_type, const char *priority,
                  const json_t *payload);
typedef bool notification_handler(struct ctx *, const char *publisher, const char *event_type, const char *priority, json_t *payload);
struct notification_listener;
/* handler true: acknowledged; false: requeued. pool NULL: the shared queue; a pool has its own copy of every message. */
struct notification_listener *notification_listen(struct ctx *, const char *exchange, const char *topic, const char *pool,
                                                  notification_handler *);
void notification_stop(struct notification_listener *);

/* --- for drivers: drivers/driver.h ---------------------------------------------------------------------------- */

#endif
