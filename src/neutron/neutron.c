/* Everything Neutron is. */
#include "neutron/neutron.h"

#include "neutron/agent/agent.h"
#include "neutron/agent/ovs/tunnels.h"
#include "neutron/plugin/nova.h"
#include "neutron/plugin/objects/objects.h"
#include "neutron/rpc/servers.h"

#define OPTION(field, ...) ATTR(struct neutron_options, field, 0, __VA_ARGS__)
const struct attr neutron_option_attrs[] = {
    OPTION(tenant_network_types, .unset = "vxlan", .help = "Types tried in order for a project's network: local, vlan, vxlan."),
    OPTION(flat_networks, .unset = "public", .help = "Physical networks that flat networks may use; * for all."),
    OPTION(network_vlan_ranges, .unset = "", .help = "physnet:first:last, ...: VLANs given to projects; a physnet alone is for providers."),
    OPTION(vni_ranges, .unset = "1:4000", .help = "first:last VXLAN network identifier given to projects."),
    OPTION(global_physnet_mtu, .unset = "1500", .help = "MTU of the physical networks."),
    OPTION(agent_down_time, .unset = "75", .help = "Seconds without a report after which an agent counts as down."),
    OPTION(max_nameservers, .unset = "5", .help = "Most DNS servers of a subnet."),
    OPTION(max_host_routes, .unset = "20", .help = "Most host routes of a subnet."),
    OPTION(max_routes, .unset = "30", .help = "Most extra routes of a router."),
    OPTION(max_allowed_address_pairs, .unset = "10", .help = "Most allowed address pairs of a port."),
    OPTION(notify_nova, .unset = "true", .help = "Tell Nova when ports become active, change or go."),
    OPTION(quota_network, .unset = "100", .help = "Networks a project may have; -1 for no limit."),
    OPTION(quota_subnet, .unset = "100", .help = "Subnets a project may have."),
    OPTION(quota_port, .unset = "500", .help = "Ports a project may have."),
    OPTION(quota_router, .unset = "10", .help = "Routers a project may have."),
    OPTION(quota_floatingip, .unset = "50", .help = "Floating IPs a project may have."),
    OPTION(quota_security_group, .unset = "10", .help = "Security groups a project may have."),
    OPTION(quota_security_group_rule, .unset = "100", .help = "Security group rules a project may have."),
    OPTION(quota_rbac_policy, .unset = "10", .help = "RBAC policies a project may have."),
    OPTION(quota_subnetpool, .unset = "-1", .help = "Subnet pools a project may have."),
    OPTION(bridge_mappings, .unset = "public:br-ex", .help = "physnet:bridge, ...: where flat networks are on this host; a bridge that is missing is made."),
    OPTION(dns_domain, .unset = "openstacklocal.", .help = "Domain that guests get by DHCP."),
    OPTION(dns_servers, .help = "Name servers for subnets that name none, with commas between; those of the host when not set."),
    OPTION(dhcp_lease_duration, .min = -1, .unset = "86400", .help = "Seconds of a DHCP lease; -1 for ever."),
    OPTION(external_gateway_on_host, .unset = "true", .help = "Give the mapped bridge the gateway address of its network, so that this host reaches floating IPs."),
    OPTION(external_masquerade, .unset = "false", .help = "Let what leaves a mapped bridge's network through this host bear the host's address."),
    OPTION(datapath, .unset = "linuxbridge", ONE_OF("linuxbridge", "openvswitch"), .help = "What carries this host's networks; every host of a tunneled network needs openvswitch."),
    OPTION(ovsdb_connection, .unset = "unix:/run/openvswitch/db.sock", .help = "Open vSwitch's database: unix:PATH or tcp:HOST:PORT."),
    OPTION(integration_bridge, .unset = "br-int", .help = "Open vSwitch: the bridge that all ports are on."),
    OPTION(tunnel_bridge, .unset = "br-tun", .help = "Open vSwitch: the bridge that tunnels are on."),
    OPTION(local_ip, .help = "Open vSwitch: this host's address for VXLAN; without one there are no tunnels."),
    OPTION(datapath_type, .unset = "auto", ONE_OF("auto", "system", "netdev"), .help = "Open vSwitch: the kernel's datapath (system) or the userspace one; auto is the kernel's where it has one."),
    OPTION(l2_population, .unset = "true", .help = "Open vSwitch: the plugin says which host a MAC is on; else it is learned from flooding."),
    OPTION(arp_responder, .unset = "true", .help = "Open vSwitch: ARP for ports on other hosts is answered on this one."),
    {}
};

const struct neutron_options *neutron_options(void)
{
    return service_options(&neutron);
}

static const struct resource *const resources[] = {
    &network_resource, &subnet_resource, &port_resource, &subnetpool_resource, &security_group_resource, &security_group_rule_resource,
    &address_scope_resource, &address_group_resource, &rbac_policy_resource, &router_resource, &floatingip_resource, &agent_resource,
    &flavor_resource, &service_profile_resource,
    NULL
};
static const struct route *const routes[] = {
    neutron_version_routes, extension_routes, quota_routes, subnetpool_routes, address_group_routes, router_routes, binding_routes,
    scheduler_routes, availability_routes, flavor_routes, auto_allocate_routes, neutron_tag_routes,
    NULL
};
static const struct rpc_server *const rpc[] = {
    &plugin_rpc_server, &reports_rpc_server, &l3_rpc_server, &resource_versions_rpc_server,
    &l2_port_update_server, &l2_port_delete_server, &l2_network_update_server, &l2_network_delete_server, &l2_security_group_server,
    &dhcp_agent_server, &l3_agent_server, &tunnel_update_server, &tunnel_delete_server, &l2population_server,
    NULL
};

/* The agents' workers stand with the agents: their rows are copied here before any worker runs. */
static struct worker workers[] = {
    { .name = "nova-notifier", .role = "api,neutron-rpc", .run = nova_events_send, .every_us = 1000000 },
    {}, {}, {}, {}, {}, {}, {}
};

static bool neutron_start(struct ctx *c)
{
    const struct neutron_options *o = neutron_options();
    const struct worker *const others[] = { &object_push_worker, &agent_report_worker, &l2_agent_worker, &dhcp_agent_worker, &l3_agent_worker,
                                             &sim_hosts_worker };

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        workers[1 + i] = *others[i];
    reports_start();
    agents_configure(&(struct agent_options){
        .bridge_mappings = o->bridge_mappings, .dns_domain = o->dns_domain, .dns_servers = o->dns_servers, .dhcp_lease_duration = o->dhcp_lease_duration,
        .external_gateway_on_host = o->external_gateway_on_host, .external_masquerade = o->external_masquerade,
        .datapath = o->datapath, .ovsdb_connection = o->ovsdb_connection, .integration_bridge = o->integration_bridge, .tunnel_bridge = o->tunnel_bridge,
        .local_ip = o->local_ip, .datapath_type = o->datapath_type, .l2_population = o->l2_population, .arp_responder = o->arp_responder,
    });
    return !service_runs("network") || agents_start(c);
}

const struct service neutron = {
    .name = "neutron", .type = "network", .title = "OpenStack Networking", .port = 9696, .endpoint = "", .base = "/v2.0",
    .style = &neutron_style, .resources = resources, .routes = routes, .policies = neutron_policies, .migrations = neutron_migrations,
    .options = neutron_option_attrs, .options_size = sizeof(struct neutron_options), .workers = workers,
    .rpc = rpc, .start = neutron_start, .stop = agents_stop, .leave = agents_leave,
};
