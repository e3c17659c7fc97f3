/* Where things run: services (binaries on hosts), compute nodes (hypervisors), and the aggregates and zones of hosts. */
#ifndef NOVA_MODEL_HOST_H
#define NOVA_MODEL_HOST_H

#include "oslo/db/db.h"

#define DEFAULT_AVAILABILITY_ZONE "nova"
#define INTERNAL_AVAILABILITY_ZONE "internal"
#define SERVICE_DOWN_TIME_US (60 * 1000000LL)

struct service_row {
    int64_t id;
    char *uuid, *host, *binary, *topic;              /* "nova-compute", "compute" */
    bool disabled, forced_down;
    char *disabled_reason;
    utc_time last_seen_up, created_at, updated_at;
};
extern const struct attr service_attrs[];
bool service_is_up(const struct service_row *);

struct compute_node {
    int64_t id;
    char *uuid;                      /* also the resource provider's in Placement */
    char *host, *hypervisor_hostname, *hypervisor_type, *host_ip;
    int64_t hypervisor_version;      /* 7002000 is 7.2.0 */
    int64_t vcpus, memory_mb, local_gb, vcpus_used, memory_mb_used, local_gb_used;
    opt_int disk_available_least;
    int64_t running_vms, current_workload;
    int64_t failed_builds;           /* since the last that went well; not the agent's to report */
    raw_json cpu_info;               /* {"arch", "model", "vendor", "topology": {"cells", "sockets", "cores", "threads"}, "features": []} */
    raw_json supported_instances;    /* [["x86_64", "kvm", "hvm"]] */
    double cpu_allocation_ratio, ram_allocation_ratio, disk_allocation_ratio;
    utc_time created_at, updated_at;
};
extern const struct attr compute_node_attrs[];

/* Heartbeat of a binary on a host: makes the row (enabled) or moves last_seen_up on. Own, relaxed transaction. */
bool service_report(struct ctx *, const char *host, const char *binary, const char *topic);
/* The agent's own node: makes or overwrites the row of host + hypervisor_hostname; keeps id, uuid (given back in the record) and
 * created_at of an existing one. Own, relaxed transaction. */
bool compute_node_report(struct ctx *, struct compute_node *);
/* How a build on a host ended. In a transaction. */
bool host_note_build(struct ctx *, const char *host, bool well);
struct service_row *service_find_by_host(struct ctx *, const char *host, const char *binary);        /* NULL: none */
struct compute_node *compute_node_find(struct ctx *, const char *host, const char *hypervisor_hostname);     /* NULL host: any; NULL: none */
/* All of them, in id order. */
struct compute_node **compute_nodes_all(struct ctx *, size_t *ret_n);
struct service_row **services_all(struct ctx *, size_t *ret_n);

/* The availability zone of a host: that of its aggregates, else "nova". zones_load() reads all once, for lists. */
struct zones;                        /* host -> zone */
struct zones *zones_load(struct ctx *);
const char *zone_of_host(const struct zones *, const char *host);
/* Aggregates of a host as [{"id", "uuid", "name", "metadata": {}}], for the scheduler. */
json_t *aggregates_of_host(struct ctx *, const char *host);

#endif
