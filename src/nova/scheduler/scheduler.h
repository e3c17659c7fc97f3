/* The scheduler: which host an instance goes to.
 *
 * Placement says where the resources are (allocation candidates); the filters of [nova] enabled_filters each ask one question
 * of each host; the weighers put the rest in order. Nothing is written: the caller claims the first of them that lets him.
 */
#ifndef NOVA_SCHEDULER_SCHEDULER_H
#define NOVA_SCHEDULER_SCHEDULER_H

#include "nova/model/host.h"
#include "nova/model/instance.h"

/* What is looked for. */
struct request_spec {
    const struct instance *inst;
    json_t *resources;               /* {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 1} */
    const char *zone;                /* asked for, or NULL */
    const char *force_host, *force_node;     /* this one and no filter; or NULL */
    const char *only_host;           /* this one, filtered too (requested_host, resize to a host); or NULL */
    const char *not_host;            /* any but this; or NULL */
    json_t *tried;                   /* nor any of these keys; or NULL */
    json_t *hints, *image, *extra_specs;     /* objects */
    const char *group_policy;        /* of its server group, or NULL */
    int64_t max_server_per_host;
    GHashTable *group_hosts;         /* host -> number of the group's members there; NULL without a group */
};

struct host_state {
    const struct compute_node *node;
    const struct service_row *service;       /* NULL: never reported */
    const char *zone;
    json_t *aggregates;              /* read when first asked for: host_aggregates() */
    int64_t free_vcpus, free_memory_mb, free_disk_gb;        /* after overcommit and what is taken */
    int64_t instances, io_ops;
    json_t *allocations;             /* what Placement says to allocate: {provider: {"resources": {}}} */
    double weight;
};

/* The resources a flavor takes, with resources:X of the extra specs; of the ctx. */
json_t *request_resources(struct ctx *, const struct instance *);
/* Fills the rest of the spec from what the instance asked for; reads its group. */
bool request_spec_init(struct ctx *, struct request_spec *, const struct instance *);

/* The hosts that fit, best first. NULL with NO_VALID_HOST, which says which filter removed which hosts. */
struct host_state **scheduler_select(struct ctx *, const struct request_spec *, size_t *ret_n);

/* --- its parts ------------------------------------------------------------------------------------------------ */
struct filter {
    const char *name;
    bool (*passes)(struct ctx *, const struct request_spec *, struct host_state *);
};
extern const struct filter filters[];                        /* ends with {} */
json_t *host_aggregates(struct ctx *, struct host_state *);

/* Sets the weights and sorts; n > 1. */
void hosts_weigh(const struct request_spec *, struct host_state **hosts, size_t n);

/* Does a value meet an extra spec's requirement: "= 4", "s== x", "<in> a", "<or> a <or> b", or plain text? */
bool extra_spec_match(const char *value, const char *requirement);

#endif
