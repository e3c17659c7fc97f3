/* The proxy: which nodes are asked for an account, a container, an object, and what their answers come to. The last step of the
 * pipeline.
 */
#ifndef SWIFT_PROXY_PROXY_H
#define SWIFT_PROXY_PROXY_H

#include "swift/constraints.h"
#include "swift/proxy/backend.h"
#include "swift/proxy/pipeline.h"

extern const struct middleware proxy_server;

struct proxy_options {
    bool allow_account_management, account_autocreate, strict_cors_mode, expose_info;
    double client_timeout, conn_timeout, node_timeout, recoverable_node_timeout, post_quorum_timeout, error_suppression_interval;    /* seconds */
    int64_t error_suppression_limit, recheck_account_existence, recheck_container_existence, max_containers_per_account;
    int64_t recheck_listing_shard_ranges, recheck_updating_shard_ranges, timing_expiry;
    char *request_node_count, *max_containers_whitelist, *swift_owner_headers, *cors_allow_origin, *cors_expose_headers;
    char *container_listing_shard_ranges_skip_cache, *container_updating_shard_ranges_skip_cache;    /* per cent */
    char *deny_host_headers, *admin_key, *trans_id_suffix, *write_legacy_ec_crc;
};
extern const struct proxy_options *proxy_options;                    /* set once while the process starts */
int64_t proxy_recoverable_us(void);                                  /* how long an answer is waited for where another node can be asked */

/* One file each: account.c, container.c, object.c. The request's path is split, its method one of theirs. */
void account_controller(struct ctx *, struct swift_request *, struct swift_response *);
void container_controller(struct ctx *, struct swift_request *, struct swift_response *);
void object_controller(struct ctx *, struct swift_request *, struct swift_response *);

/* May who asks do that? env->authorize with env->acl set to acl. False: the response is filled. */
bool proxy_authorized(struct ctx *, struct swift_request *, const char *acl, struct swift_response *);
/* Takes those headers away that only an account's owner may see or set. */
void proxy_hide_owner_headers(struct headers *);

/* --- reading (get.c) ------------------------------------------------------------------------------------------------ */

/* GET or HEAD: nodes in turn until one has it; the newest of all with X-Newest. A body that breaks off is continued from another
 * node. account, container, object: the backend's path; query: as it is to be sent. */
void proxy_get(struct ctx *, struct swift_request *, struct swift_response *, struct nodes *, const char *query);

/* --- writing (write.c) ---------------------------------------------------------------------------------------------- */

/* One request to each primary, with headers[i]; others instead of those that fail. body NULL: none. not_found: the status that
 * counts for a 404 where there is no quorum without it; 0: none. The best of the answers. */
void proxy_to_all(struct ctx *, struct swift_request *, struct swift_response *, struct nodes *, const char *method,
                  const struct headers *headers, size_t n, const void *body, size_t body_size, int not_found);
/* What a write's answers come to: the class of statuses that has a quorum, 503 without one. Takes one of the responses. */
struct answer { int status; struct swift_response response; };
void proxy_best(struct ctx *, struct answer *, size_t n, int quorum, int not_found, struct swift_response *);

/* The headers a request to a backend carries: X-Timestamp (unless it has one), X-Trans-Id, Referer, User-Agent; and of the client's all
 * (kind NULL), or metadata of that kind ("container") and what pass names. */
void proxy_backend_headers(struct ctx *, const struct swift_request *, struct headers *, const char *kind, const char *const *pass);
/* Appends a node to the lists X-<kind>-Host and X-<kind>-Device, and sets X-<kind>-Partition. */
void proxy_add_host(struct ctx *, struct headers *, const char *kind, const struct ring_device *, uint32_t partition);

/* --- what is known of accounts and containers (info.c) ---------------------------------------------------------------- */

struct account_info {
    int status;                      /* 2xx, 404, 410; 0: nobody knows */
    const char *container_count, *total_object_count, *bytes;
    struct headers meta, sysmeta;    /* without X-Account-Meta-, X-Account-Sysmeta- */
    bool really_exists;              /* false: it will be made when something is put into it */
};
struct container_info {
    int status;
    const char *read_acl, *write_acl, *sync_key, *sync_to, *sharding_state;
    const char *cors_origin, *cors_expose, *cors_max_age;
    const char *object_count, *bytes;
    int policy_index;
    struct headers meta, sysmeta;    /* without X-Container-Meta-, X-Container-Sysmeta- */
    struct headers all;              /* as they were answered, where it is sharded */
};
/* Never NULL. Kept for a while; of the ctx. */
const struct account_info *account_info(struct ctx *, const struct swift_request *, const char *account);
const struct container_info *container_info(struct ctx *, const struct swift_request *, const char *account, const char *container);
/* What a container's objects come to, with their hidden versions. */
int64_t container_bytes(struct ctx *, const struct swift_request *, const struct container_info *);
const struct container_info *container_info_known(struct ctx *, const char *account, const char *container); /* NULL: nobody has asked yet */
/* What a node has just said of it is kept (container NULL: the account). */
void info_learn(struct ctx *, const char *account, const char *container, const struct swift_response *);
void info_forget(const char *account, const char *container);
/* Makes the account if it is to be made by its first use. */
bool account_autocreate(struct ctx *, struct swift_request *, const char *account);

/* --- CORS (cors.c) ------------------------------------------------------------------------------------------------------ */

void cors_options(struct ctx *, struct swift_request *, struct swift_response *, const char *methods);
void cors_expose(struct ctx *, struct swift_request *, struct swift_response *);      /* after the answer */

/* --- /info (discovery.c) ------------------------------------------------------------------------------------------------- */

/* What /info says: a middleware adds itself. admin: only shown with a signature. */
void info_register(const char *name, json_t *members /* stolen */, bool admin);
void info_clear(void);                                        /* at the end of the process */
bool info_has(const char *name);                             /* has somebody registered under it? */
void info_serve(struct ctx *, struct swift_request *, struct swift_response *);

#endif
