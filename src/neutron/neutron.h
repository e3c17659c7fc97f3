/* What the files of the service share: its options, style, resources, rules and words. */
#ifndef NEUTRON_NEUTRON_H
#define NEUTRON_NEUTRON_H

#include "neutron/faults.h"
#include "neutron/model/records.h"
#include "oslo/rest/resource.h"
#include "oslo/service/service.h"

struct neutron_options {
    char *tenant_network_types, *flat_networks, *network_vlan_ranges, *vni_ranges;
    int64_t global_physnet_mtu, agent_down_time, max_nameservers, max_host_routes, max_routes, max_allowed_address_pairs;
    bool notify_nova;
    int64_t quota_network, quota_subnet, quota_port, quota_router, quota_floatingip, quota_security_group, quota_security_group_rule;
    int64_t quota_rbac_policy, quota_subnetpool;
    /* Of the agents (agent/agent.h): */
    char *bridge_mappings, *dns_domain, *dns_servers;
    int64_t dhcp_lease_duration;
    bool external_gateway_on_host, external_masquerade;
    char *datapath, *ovsdb_connection, *integration_bridge, *tunnel_bridge, *local_ip, *datapath_type;
    bool l2_population, arp_responder;
};

extern const struct service neutron;
extern const struct rest_style neutron_style;
extern const struct policy neutron_policies[];
extern const struct attr neutron_option_attrs[];
extern const struct migration neutron_migrations[];

const struct neutron_options *neutron_options(void);

/* Resources and tables of routes, one file each in api/. */
extern const struct resource network_resource, subnet_resource, port_resource, subnetpool_resource, address_scope_resource,
    address_group_resource, router_resource, floatingip_resource, security_group_resource, security_group_rule_resource,
    rbac_policy_resource, agent_resource, flavor_resource, service_profile_resource;
extern const struct route neutron_version_routes[], extension_routes[], quota_routes[], neutron_tag_routes[], router_routes[], binding_routes[],
    scheduler_routes[], subnetpool_routes[], address_group_routes[], availability_routes[], flavor_routes[], auto_allocate_routes[];

/* "[{'start': '10.0.0.2'}]": as Python prints the value, for messages. */
char *python_text(struct ctx *, const json_t *);
char *python_keys(struct ctx *, const json_t *object);       /* its keys as a set */
/* The fault of a member's value: "Invalid input for <name>. Reason: <reason>." Always false. */
bool invalid_member(struct ctx *, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The fault InvalidInput with that text. Always false. */
bool invalid_input(struct ctx *, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* In the open transaction: does the project's quota of that name allow so many more? OverQuota where not. */
bool quota_check(struct ctx *, const char *name, const char *project_id, int64_t more);

#endif
