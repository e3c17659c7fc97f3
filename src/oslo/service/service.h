/* The table of everything a service is, and the program around it: options, APIs, workers, signals, health, metrics. */
#ifndef OSLO_SERVICE_SERVICE_H
#define OSLO_SERVICE_SERVICE_H

#include "oslo/auth/policy.h"
#include "oslo/db/db.h"
#include "oslo/http/http.h"
#include "oslo/jobs/jobs.h"
#include "oslo/messaging/messaging.h"
#include "oslo/rest/resource.h"
#include "oslo/service/options.h"

struct worker {                      /* something that runs beside the API; an array of them ends with {} */
    const char *name;
    const char *role;                /* the role of `nacre <role>` it belongs to: "api", "compute", "network", ... */
    bool (*run)(struct ctx *);       /* one round; a fault is logged once */
    int64_t every_us;                /* from the end of one round to the next; worker_wake() cuts it short */
};
void worker_wake(const struct worker *);

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
    const struct job_kind *const *jobs;              /* NULL-terminated, or NULL */
    const struct rpc_server *const *rpc;             /* NULL-terminated, or NULL */
    const struct worker *workers;
    bool (*bootstrap)(struct ctx *);                 /* first start and every start: rows that must be there; may run twice */
    bool (*start)(struct ctx *);                     /* after bootstrap of all services, before workers */
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
    char *policy_file;               /* rules that replace the defaults; NULL: <state_dir>/<name>-policy.yaml if it exists */
    int64_t port;                    /* 0: the service's own + port_offset */
    int64_t job_workers;             /* threads that run its jobs */
};
extern const struct attr shared_option_attrs[], common_option_attrs[];

/* What a running service has; set up before its first request. NULL where this process does not run it. */
struct service_state {
    const struct service *service;
    const void *options;             /* its options_size struct, immutable */
    const struct shared_options *shared;
    struct db *db;
    struct policies *policies;
    struct router *router;
    struct http_server *server;
    int port;
};
struct service_state *service_state(const struct service *);
const void *service_options(const struct service *);                 /* never NULL once running */

/* ctx_init() with the service's database: for work that does not come from another ctx (workers, jobs, messages). */
void service_ctx_init(struct ctx *, const struct service *, const char *request_id);

/* The options every part shares: section [DEFAULT]. */
struct common_options {
    char *state_dir;                 /* where everything this cloud keeps lives */
    char *listen, *public_host, *region, *host, *transport_url, *log_file;
    bool debug, sim;
    int64_t port_offset, http_workers, http_pollers, http_queue, max_body, max_header, request_timeout, keepalive_timeout, drain_timeout, trace_slots, token_cache_time;
    char *tls_certificate, *tls_key;
    char *admin_password;            /* SECRET */
};
extern const struct common_options *common_options;
/* A random secret of this cloud, made when first asked for and kept in state_dir/secrets/<name> (0600). NULL with a fault. */
const char *service_secret(struct ctx *, const char *name);
const char *service_password(struct ctx *, const char *user);        /* of a service user, or of admin_user; likewise */
char *service_secrets_dir(struct ctx *);                             /* state_dir/secrets (0700) */
/* "http://127.0.0.1:9696/v2.0": its endpoint as the catalog has it. */
char *service_url(struct ctx *, const struct service *);

/* Serves one request of a service, over a socket or from client/: version, identity, policy, handler, error body, span. */
void service_serve(const struct service *, struct ctx *, struct request *, struct reply *);

/* Faults of the serving itself; a style's error() may know them by their type to answer in the service's own words. */
#define NO_ROUTE           404, "HTTPNotFound", "The resource could not be found."
#define NO_METHOD          405, "HTTPMethodNotAllowed", "The method %s is not allowed for this resource."
#define NO_ACTION          400, "NoSuchAction", "There is no such action: %s"
#define MALFORMED_ACTION   400, "MalformedRequestBody", "Malformed request body: %s"
#define VERSION_MALFORMED  400, "InvalidAPIVersionString", "API Version String %s is of invalid format. Must be of format MajorNum.MinorNum."
#define VERSION_UNKNOWN    406, "InvalidGlobalAPIVersion", "Version %s is not supported by the API. Minimum is %d.%d and maximum is %d.%d."

/* Reads the options of every section; sets common_options. For commands that look at a cloud without running it. */
bool service_configure(struct ctx *, const char *config_file);
/* Runs the roles (NULL: all) until SIGTERM; ready() is called once every API answers. Exit status of the program. */
int service_main(const char *config_file, const char *const *roles, void (*ready)(void));

#endif
