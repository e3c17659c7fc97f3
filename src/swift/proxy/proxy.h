/* The proxy: which nodes are asked for an account, a container, an object, and what their answers come to. The last step of the
 * pipeline.
 */
#ifndef SWIFT_PROXY_PROXY_H
#define SWIFT_PROXY_PROXY_H

#include "swift/proxy/backend.h"
#include "swift/proxy/pipeline.h"

extern const struct middleware proxy_server;

struct proxy_options {
    bool allow_account_management, account_autocreate;
    int64_t conn_timeout_us, node_timeout_us;        /* read from seconds, fractions allowed */
    char *conn_timeout, *node_timeout, *recoverable_node_timeout, *post_quorum_timeout, *error_suppression_interval;
    int64_t error_suppression_limit, recheck_account_existence, recheck_container_existence;
    int64_t max_containers_per_account;
    char *request_node_count, *sorting_method, *max_containers_whitelist, *swift_owner_headers, *cors_allow_origin, *cors_expose_headers;
    bool strict_cors_mode;
    char *deny_host_headers, *admin_key;
};
extern const struct proxy_options *proxy_options;

/* One file each: account.c, container.c, object.c. The request's path is split. */
void account_controller(struct ctx *, struct swift_request *, struct swift_response *);
void container_controller(struct ctx *, struct swift_request *, struct swift_response *);
void object_controller(struct ctx *, struct swift_request *, struct swift_response *);

struct ring_file *proxy_ring(enum storage_kind);                     /* account or container */

/* GET or HEAD of whatever kind: nodes in turn until one has it; the newest of all with X-Newest. A body that breaks off is
 * continued from another node. */
void proxy_get(struct ctx *, struct swift_request *, struct swift_response *, struct nodes *, const char *server_type);
/* The same request to every primary (handoffs instead of those that fail), headers[i] beyond the common ones; the best of the answers. */
void proxy_to_all(struct ctx *, struct swift_request *, struct swift_response *, struct nodes *, const char *method,
                  const struct headers *headers, size_t n_headers, const char *query, const void *body, size_t body_size);

/* What a write's answers come to: the quorum's status class, 503 without one. */
struct answer { int status; struct swift_response response; };
void proxy_best(struct ctx *, struct answer *, size_t n, int quorum, const char *server_type, const char *method, struct swift_response *);

/* The headers a request to a backend carries beside its own. */
void proxy_backend_headers(struct ctx *, const struct swift_request *, struct headers *, bool transfer_all);

/* --- what is known of accounts and containers (info.c) ---------------------------------------------------------- */

struct account_info {
    int status;                      /* 200, 404, 503 ... */
    const char *container_count, *total_object_count, *bytes;
    struct headers meta, sysmeta;    /* without X-Account-Meta-, X-Account-Sysmeta-; lower case */
    bool really_exists;
};
struct container_info {
    int status;
    const char *read_acl, *write_acl, *sync_key, *sync_to, *object_count, *bytes, *versions, *sharding_state;
    const char *cors_origin, *cors_expose, *cors_max_age;
    int policy_index;
    struct headers meta, sysmeta;
};
/* Never NULL: status 404 when there is none (0 or 503: nobody knows). Kept for a while, and in the request's env. Of the ctx. */
const struct account_info *account_info(struct ctx *, const struct swift_request *, const char *account);
const struct container_info *container_info(struct ctx *, const struct swift_request *, const char *account, const char *container);
void info_forget(const struct swift_request *, const char *account, const char *container);  /* container NULL: the account */
/* ETag, length and metadata of an object by a HEAD through the whole pipeline. */
void object_head(struct ctx *, const struct swift_request *, const char *account, const char *container, const char *object, struct swift_response *);

bool account_autocreate(struct ctx *, struct swift_request *, const char *account);

/* --- limits (constraints.c) -------------------------------------------------------------------------------------- */

struct constraints {
    int64_t max_file_size, max_meta_name_length, max_meta_value_length, max_meta_count, max_meta_overall_size, max_header_size,
            max_object_name_length, container_listing_limit, account_listing_limit, max_account_name_length, max_container_name_length, extra_header_count;
    char *valid_api_versions;
    bool auto_create_account_prefix_set;
};
extern const struct constraints *constraints;
/* False: the response says what is wrong (400). kind: "object", "container", "account". */
bool check_metadata(struct ctx *, const struct swift_request *, const char *kind, struct swift_response *);
bool check_object_creation(struct ctx *, struct swift_request *, const char *object, struct swift_response *);
/* X-Delete-After becomes X-Delete-At. */
bool check_delete_headers(struct ctx *, struct swift_request *, struct swift_response *);
bool check_name_format(struct ctx *, const char *name, const char *what, struct swift_response *);

/* What /info says: a middleware adds itself. admin: only shown with a signature. */
void info_register(const char *name, json_t *members /* stolen */, bool admin);
bool info_has(const char *name);                             /* has somebody registered under it? */
void info_serve(struct ctx *, struct swift_request *, struct swift_response *);

#endif
