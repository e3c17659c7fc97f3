/* The stored structs of the service. Their attr tables stand with their resources in api/; what is asked of several of them
 * stands in the other headers of this folder.
 */
#ifndef NEUTRON_MODEL_RECORDS_H
#define NEUTRON_MODEL_RECORDS_H

#include "oslo/record/record.h"

/* What most resources have besides their own. */
#define STANDARD_FIELDS char *description; raw_json tags; utc_time created_at, updated_at; int64_t revision_number
/* born is the revision number before the first change: a new row shows one more. */
#define STANDARD_ATTRS(type, born) \
    ATTR(type, description,     CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""), \
    ATTR(type, tags,            0, .unset = "[]"), \
    ATTR(type, created_at,      FILTER | SORT | CREATED_AT), \
    ATTR(type, updated_at,      FILTER | SORT | UPDATED_AT | CREATED_AT), \
    ATTR(type, revision_number, FILTER | SORT | REVISION, .unset = born)

struct network {
    char *id, *name, *project_id, *status;
    bool admin_state_up, shared, external, is_default, port_security_enabled;
    int64_t mtu;
    char *network_type, *physical_network, *qos_policy_id;
    opt_int segmentation_id;
    raw_json availability_zone_hints, subnets, availability_zones;
    char *ipv4_address_scope, *ipv6_address_scope;
    STANDARD_FIELDS;
};

struct subnet {
    char *id, *name, *project_id, *network_id, *subnetpool_id, *cidr, *gateway_ip, *ipv6_ra_mode, *ipv6_address_mode, *segment_id;
    char *network_owner;
    bool enable_dhcp, use_default_subnetpool, shared;
    int64_t ip_version;
    opt_int prefixlen;
    raw_json allocation_pools, host_routes, dns_nameservers, service_types;
    STANDARD_FIELDS;
};

struct port {
    char *id, *name, *project_id, *network_id, *mac_address, *status, *device_id, *device_owner, *network_owner;
    char *vnic_type, *host, *vif_type, *qos_policy_id, *qos_network_policy_id, *numa_affinity_policy, *device_profile;
    bool admin_state_up, port_security_enabled, network_shared;
    raw_json fixed_ips, security_groups, allowed_address_pairs, extra_dhcp_opts, profile, vif_details, resource_request;
    STANDARD_FIELDS;
};

struct security_group {
    char *id, *name, *project_id;
    bool stateful, is_default, shared;
    raw_json rules;
    STANDARD_FIELDS;
};

struct security_group_rule {
    char *id, *project_id, *security_group_id, *ethertype, *direction, *protocol, *remote_ip_prefix, *normalized_cidr;
    char *remote_group_id, *remote_address_group_id, *description, *group_owner;
    opt_int port_range_min, port_range_max;
    utc_time created_at, updated_at;
    int64_t revision_number;
};

struct router {
    char *id, *name, *project_id, *status, *gw_port_id, *flavor_id;
    bool admin_state_up, distributed, ha, enable_snat;
    raw_json external_gateway_info, routes, availability_zones, availability_zone_hints;
    char *qos_policy_id;
    STANDARD_FIELDS;
};

struct floatingip {
    char *id, *project_id, *floating_ip_address, *floating_network_id, *floating_port_id, *port_id, *fixed_ip_address;
    char *router_id, *last_known_router_id, *status, *qos_policy_id, *subnet_id;
    raw_json port_details;
    STANDARD_FIELDS;
};

struct agent {
    char *id, *agent_type, *binary, *topic, *host, *description, *availability_zone;
    bool admin_state_up, alive;
    utc_time created_at, started_at, heartbeat_timestamp;
    opt_bool resources_synced;
    raw_json configurations, resource_versions;
    int64_t load;
};

extern const struct attr network_attrs[], subnet_attrs[], port_attrs[], security_group_attrs[], security_group_rule_attrs[],
    router_attrs[], floatingip_attrs[], agent_attrs[];

#endif
