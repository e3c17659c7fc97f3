/* The L3 agent and the plugin: topic q-l3-plugin. Both ends include this.
 *
 * get_router_ids {host} -> [router id]: routers not yet hosted are scheduled to this host first
 * sync_routers {host, router_ids?} -> [router]; the ports of these routers are bound to the host first
 *     router: as the API shows it, and
 *         gw_port: port with {subnets, extra_subnets, address_scopes, mtu}, or absent; gw_port_host, enable_snat
 *         _interfaces: [port with the same]
 *         _floatingips: [floating ip as the API shows it, with fixed_ip_address_scope and qos_policy_id]
 *     a port's fixed_ips are [{subnet_id, ip_address, prefixlen}]; its subnets [{id, cidr, gateway_ip, dns_nameservers, ipv6_ra_mode,
 *     subnetpool_id}]; extra_subnets: those of its network that it has no address on; address_scopes {"4": id or null, "6": ...}
 * update_floatingip_statuses {router_id, fip_statuses: {id: "ACTIVE" | "DOWN" | "ERROR"}} -> null
 * get_service_plugin_list {} -> ["CORE", "L3_ROUTER_NAT", ...]
 * get_networks {filters, fields} -> [network]; get_ports_by_subnet {subnet_id} -> [port]
 * get_agent_gateway_port {network_id, host} -> port; delete_agent_gateway_port {network_id, host} -> null
 * update_ha_routers_states {host, states} -> null; update_all_ha_network_port_statuses {host} -> null
 * get_host_ha_router_count {host} -> int; process_prefix_update {subnets: {id: prefix}} -> [subnet]
 *
 * Casts from the server to topic l3_agent, server HOST:
 *     routers_updated {routers: [id]} (1.1)      router_deleted {router_id} (fanout)
 *     router_added_to_agent {payload: [id]}      router_removed_from_agent {payload: {router_id}}      agent_updated {payload: {admin_state_up}}
 */
#ifndef NEUTRON_RPC_L3_H
#define NEUTRON_RPC_L3_H

#include "neutron/rpc/topics.h"

#define L3_PLUGIN_VERSION           "1.12"
#define L3_GET_ROUTER_IDS           "get_router_ids"
#define L3_SYNC_ROUTERS             "sync_routers"
#define L3_UPDATE_FLOATINGIP_STATUSES "update_floatingip_statuses"
#define L3_GET_SERVICE_PLUGIN_LIST  "get_service_plugin_list"
#define L3_GET_NETWORKS             "get_networks"
#define L3_GET_PORTS_BY_SUBNET      "get_ports_by_subnet"
#define L3_GET_AGENT_GATEWAY_PORT   "get_agent_gateway_port"
#define L3_DELETE_AGENT_GATEWAY_PORT "delete_agent_gateway_port"
#define L3_UPDATE_HA_ROUTERS_STATES "update_ha_routers_states"
#define L3_UPDATE_ALL_HA_NETWORK_PORT_STATUSES "update_all_ha_network_port_statuses"
#define L3_GET_HOST_HA_ROUTER_COUNT "get_host_ha_router_count"
#define L3_PROCESS_PREFIX_UPDATE    "process_prefix_update"

#define L3_AGENT_VERSION            "1.1"
#define L3_ROUTERS_UPDATED          "routers_updated"
#define L3_ROUTER_DELETED           "router_deleted"
#define L3_ROUTER_ADDED_TO_AGENT    "router_added_to_agent"
#define L3_ROUTER_REMOVED_FROM_AGENT "router_removed_from_agent"
#define L3_AGENT_UPDATED            "agent_updated"

#endif
