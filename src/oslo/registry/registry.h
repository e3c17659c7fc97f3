/* What exists: the table of everything a service is, and what each has in this process.
 *
 * Every floor that serves services reads it (who is asked, whose words, whose database); service/ fills it in at the start.
 */
#ifndef OSLO_REGISTRY_REGISTRY_H
#define OSLO_REGISTRY_REGISTRY_H

#include "oslo/record/attr.h"

struct db;
struct http_server;
struct http_server_options;
struct job_kind;
struct migration;
struct policy;
struct policy_settings;
struct reply;
struct request;
struct resource;
struct rest_style;
struct route;
struct router;
struct rpc_server;
struct rulebook;

struct worker {                      /* something that runs beside the API; an array of them ends with {} */
    const char *name;
    const char *role;                /* the role of `nacre <role>` it belongs to, or several: "compute", "api,neutron-rpc" */
    bool (*run)(struct ctx *);       /* one round; a fault is logged once */
    int64_t every_us;                /* from the end of one round to the next; worker_wake() cuts it short */
};

struct service {
    const char *name;                /* "nova": folder, section of nacre.conf, database, service user */
    const char *type;                /* "compute": the catalog's */
    const char *title;               /* "Compute": the catalog's description */
    int64_t port;                    /* the port its API has by default */
    const char *endpoint;            /* what follows host:port in the catalog: "", "/v2.1", "/v3" */
    const char *base;                /* what precedes every resource's and route's path unless it starts with '/': "/v2.0" */
    const struct rest_style *style;  /* how its bodies, lists and errors look */
    const struct resource *const *resources;         /* NULL-terminated, or NULL */
    const struct route *const *routes;               /* tables of further rows, NULL-terminated, or NULL */
    const struct policy *policies;
    const struct attr *options; size_t options_size; /* its section of nacre.conf, as a struct */
    const struct migration *migrations;
    const struct service *rows_of;                   /* another service whose database its API reads; NULL: none */
    const struct job_kind *const *jobs;              /* NULL-terminated, or NULL */
    const char *jobs_role;                           /* who runs them; NULL: "conductor" */
    const struct rpc_server *const *rpc;             /* NULL-terminated, or NULL */
    const struct worker *workers;
    const char *role;                /* a role in which start() has work beside the API and these rows; NULL: none */
    /* Answers every request of its door itself, instead of rows: whatever its method and path, identity and rules included. Bodies
     * stream. NULL: routes and resources. */
    void (*answer)(struct ctx *, struct request *, struct reply *);
    /* How its door is to be, where that is not as [DEFAULT] has it: client timeouts. After start(). NULL: as it is. */
    void (*door)(struct http_server_options *);
    bool (*quick)(const struct request *);           /* can this ROUTE_QUICK request be answered without waiting? NULL: always */
    bool (*bootstrap)(struct ctx *);                 /* where its API runs, every start: rows that must be there; may run twice */
    bool (*start)(struct ctx *);                     /* where anything of it runs; after bootstrap of all services, before workers */
    void (*stop)(void);
    /* `nacre down`, after the process has ended: takes off this host what the service left running on it (guests, bridges,
     * namespaces). Finds it by name and by state_dir; no database is open. May run twice. */
    bool (*leave)(struct ctx *);
};

/* All of them, in the order they start: src/nacre.c. */
extern const struct service *const services[];
const struct service *service_find(const char *name_or_type);        /* NULL if there is none */

/* The options every service has in its own section, beside those of its table. */
struct shared_options {
    char *connection;                /* of its database; NULL: sqlite:///<state_dir>/<name>.db */
    char *endpoint_override;         /* where client/ finds it instead of this process or the catalog; NULL: nowhere */
    int64_t port;                    /* 0: the service's own + port_offset */
    int64_t job_workers;             /* threads that run its jobs */
};
extern const struct attr shared_option_attrs[], policy_option_attrs[], common_option_attrs[];

/* What a running service has; written while the process starts (one thread), only read afterwards. */
struct service_state {
    const struct service *service;
    const void *options;             /* its options_size struct, immutable */
    const struct shared_options *shared;
    struct db *db;
    const struct policy_settings *policy_settings;
    struct rulebook *rules;          /* NULL: it has none */
    struct router *router;
    struct http_server *server;
    int port;
    /* Says no in the service's words (its style's forbidden); NULL: nova's words. */
    bool (*forbidden)(struct ctx *, const char *rule);
    /* Serves one request: service_serve(), for who calls the service from below. */
    void (*serve)(const struct service *, struct ctx *, struct request *, struct reply *);
};
struct service_state *service_state(const struct service *);          /* NULL where this process does not run it */
struct service_state *service_state_add(const struct service *);      /* while the process starts */
const void *service_options(const struct service *);                 /* never NULL once running */

/* ctx_init() with the service's database: for work that does not come from another ctx (workers, jobs, messages). */
void service_ctx_init(struct ctx *, const struct service *, const char *request_id);

/* The options every part shares: section [DEFAULT]. */
struct common_options {
    char *state_dir;                 /* where everything this cloud keeps lives */
    char *listen, *public_host, *region, *host, *transport_url, *log_file;
    bool debug, sim, share_ports, rpc_ping_enabled;
    int64_t sim_hosts, port_offset, http_workers, http_streams, http_pollers, http_queue, max_body, max_header, request_timeout, keepalive_timeout, drain_timeout, trace_slots, token_cache_time, rpc_response_timeout;
    char *tls_certificate, *tls_key;
    char *admin_password;            /* SECRET */
};
extern const struct common_options *common_options;
/* The hosts that this process is: [DEFAULT] host and, with --sim, those it pretends to be beside it, "<host>-2" and so on. NULL-terminated. */
const char *const *host_names(void);
/* A random secret of this cloud, made when first asked for and kept in state_dir/secrets/<name> (0600). NULL with a fault. */
const char *service_secret(struct ctx *, const char *name);
const char *service_password(struct ctx *, const char *user);        /* of a service user, or of admin_user; likewise */
char *service_secrets_dir(struct ctx *);                             /* state_dir/secrets (0700) */
/* "http://127.0.0.1:9696/v2.0": its endpoint as the catalog has it. */
char *service_url(struct ctx *, const struct service *);

#endif
