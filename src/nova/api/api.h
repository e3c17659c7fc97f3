/* What the files of this folder share: answering, links, pages, and the routes of each. */
#ifndef NOVA_API_API_H
#define NOVA_API_API_H

#include "nova/api/schema.h"
#include "nova/faults.h"
#include "nova/nova.h"

extern const struct route nova_version_routes[], nova_flavor_routes[], nova_keypair_routes[], nova_server_routes[], nova_server_part_routes[], nova_server_action_routes[],
    nova_console_routes[], nova_interface_routes[], nova_instance_action_routes[], nova_hypervisor_routes[], nova_service_routes[], nova_zone_routes[],
    nova_aggregate_routes[], nova_limit_routes[], nova_quota_routes[], nova_server_group_routes[], nova_usage_routes[], nova_migration_routes[],
    nova_extension_routes[], nova_external_event_routes[], nova_host_routes[], nova_gone_routes[], nova_proxy_image_routes[], nova_proxy_network_routes[],
    nova_proxy_group_routes[], nova_volume_attachment_routes[];

#define MAX_LIMIT 1000               /* of any page */

/* Begins an answer's body; {"name": {...}} is out_object(NULL), out_object("name"), ... */
struct out answer(struct reply *);
/* The object with that one member. Always true. */
bool answer_member(struct reply *, const char *key, const json_t *value);

/* "links": [{self}, {bookmark}] of /<collection>/<id>. */
void write_links(struct ctx *, struct out *, const char *collection, const char *id);
/* "<name>_links": [{"rel": "next", ...}] of a page that ended with last_id; nothing when n is short of the page asked for. */
void write_next(struct ctx *, struct request *, struct out *, const char *key, const char *collection, const json_t *query, size_t n,
                const char *last_id);
/* How many a page may have, by the checked query's limit; 0 is none at all. */
int64_t page_limit(const json_t *query);

/* Ends the transaction that db_begin() began: commits what went well, rolls the rest back. */
bool tx_done(struct ctx *, bool ok);

/* Does Keystone know the project, as far as the requester may see? False with fault 400. */
bool project_verify(struct ctx *, const char *project_id);

/* The owner's target of a rule: user_id or project_id is somebody else's. */
#define USER_TARGET(user) TARGET("user_id", (user))
#define PROJECT_TARGET(project) TARGET("project_id", (project))

#endif
