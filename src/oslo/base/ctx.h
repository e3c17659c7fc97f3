/* The unit of work: one request, RPC message, job step or periodic run.
 *
 * It carries memory (an arena that goes when the work is done), who asks, the request id, the microversion, the open
 * transaction and the fault. It belongs to one thread. A function that can fail takes it first and returns bool or a
 * pointer; on failure it has set the fault once, where the cause is known. Whoever made the ctx answers the fault.
 */
#ifndef OSLO_BASE_CTX_H
#define OSLO_BASE_CTX_H

#include <glib.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microversions compare as integers: V(2, 93). 0 is "no microversions here". */
#define V(major, minor) ((major) * 1000 + (minor))

/* Who asks: what the token (or the RPC context) said. Strings live as long as the ctx. NULL is "not known". */
struct identity {
    const char *user_id, *user_name, *user_domain_id, *user_domain_name;
    const char *project_id, *project_name, *project_domain_id, *project_domain_name;
    const char *domain_id, *domain_name;     /* of a domain-scoped token */
    const char *token;                       /* the token itself, to call other services as this user; a secret */
    const char *const *roles;                /* role names, NULL-terminated; never NULL once authenticated */
    const char *const *service_roles;        /* of X-Service-Token, or NULL */
    const char *access_rules;                /* what alone the token may be used for, a list in JSON; NULL: anything */
    bool system;                             /* system scope "all" */
    bool is_admin;                           /* has the role admin (the service's own context_is_admin rule) */
};

/* What went wrong, said once. status 0 is "all is well". */
struct fault {
    int status;                  /* the HTTP status */
    const char *type;            /* the original's exception class: "NetworkInUse", "InstanceNotFound" */
    const char *message;         /* what the user reads */
    const char *detail;          /* for the log and the trace only, or NULL */
};

struct db;
struct db_tx;
struct span;
struct service;
struct arena_chunk;

struct ctx {
    struct arena_chunk *arena;
    struct owned *owned;             /* what is not memory: released with the ctx, last first */
    struct identity who;
    struct fault fault;
    const char *request_id;          /* "req-<uuid4>", never NULL */
    const char *global_request_id;   /* as sent by the caller, or NULL */
    int version;                     /* the microversion asked for, as V(2, 90); 0 where there are none */
    const struct service *service;   /* on whose behalf; its database, options and error body */
    struct db *db;                   /* that service's database, or NULL */
    struct db_tx *tx;                /* the open write transaction, or NULL */
    const char *at_commit;           /* a statement that each of its write transactions ends with (db_at_commit), or NULL */
    struct span *span;               /* the innermost open span, or NULL */
    json_t *rpc_context;             /* what the RPC's context said, to be handed on with calls made for it; NULL outside RPC */
    const char *base_url;            /* scheme://host:port the client used, for links; "" outside HTTP */
    int64_t deadline;                /* clock_mono_us() at which the work is given up; 0 is never */
};

/* Makes the ctx of a new unit of work; request_id NULL makes a fresh one. */
void ctx_init(struct ctx *, const struct service *, const char *request_id);

/* Makes a ctx for work done on behalf of another unit: same identity, request ids, span and deadline; own memory. */
void ctx_init_child(struct ctx *, const struct ctx *parent, const struct service *);

/* Releases all that came from the ctx. An open transaction is rolled back. The fault's strings go too. */
void ctx_clear(struct ctx *);

/* Memory of the unit of work: zeroed, never freed by hand, never NULL (out of memory aborts). */
void *ctx_alloc(struct ctx *, size_t size) G_GNUC_MALLOC;
char *ctx_strdup(struct ctx *, const char *text);                      /* NULL gives NULL */
char *ctx_strndup(struct ctx *, const char *text, size_t n);
char *ctx_printf(struct ctx *, const char *format, ...) G_GNUC_PRINTF(2, 3);
char *ctx_vprintf(struct ctx *, const char *format, va_list) G_GNUC_PRINTF(2, 0);
#define ctx_new(c, type) ((type *)ctx_alloc((c), sizeof(type)))
#define ctx_new_n(c, type, n) ((type *)ctx_alloc((c), sizeof(type) * (size_t)(n)))

/* Hands an object to the ctx, which calls release(object) when it goes. Returns the object. */
void *ctx_own(struct ctx *, void *object, void (*release)(void *));
json_t *ctx_json(struct ctx *, json_t *owned);      /* ctx_own with json_decref; NULL is fine */

/* Sets the fault and returns false. The first fault stays: a later fail() of the same unit changes nothing.
 * Faults are macros that expand to status, type and format, one line each in <service>/faults.h:
 *     #define NETWORK_IN_USE 409, "NetworkInUse", "... %s"
 *     return fail(c, NETWORK_IN_USE, net->id);
 */
bool fail(struct ctx *, int status, const char *type, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* As fail(), for a function that returns a pointer. */
void *fail_null(struct ctx *, int status, const char *type, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* Carries on after a fault that has been dealt with. */
void fault_clear(struct ctx *);
static inline bool failed(const struct ctx *c) { return c->fault.status != 0; }

/* Faults every floor may give. */
#define BAD_REQUEST         400, "HTTPBadRequest", "%s"
#define UNAUTHORIZED        401, "Unauthorized", "The request you have made requires authentication."
#define FORBIDDEN           403, "PolicyNotAuthorized", "%s"
#define CONFLICT            409, "HTTPConflict", "%s"
#define INTERNAL_ERROR      500, "InternalError", "%s"
#define UNAVAILABLE         503, "ServiceUnavailable", "%s"
#define TIMED_OUT           504, "Timeout", "%s"

bool identity_has_role(const struct identity *, const char *role);

#endif
