/* The DHCP agent and the plugin: topic q-plugin. Both ends include this.
 *
 * Calls carry {"host": HOST} but for dhcp_ready_on_ports, get_dhcp_port and get_networks, which take no more than is said here.
 * network and port are as the API shows them to an administrator.
 *
 * get_active_networks_info {enable_dhcp_filter} -> [network info]; networks not yet hosted are scheduled to this host first
 * get_network_info {network_id} -> network info, or null
 *     network info: {id, project_id, tenant_id, admin_state_up, mtu, subnets: [subnet with dhcp], non_local_subnets: [], ports: [port]}
 * create_dhcp_port {port: {port: {network_id, device_id, fixed_ips: [{subnet_id}], admin_state_up, tenant_id, name}}} -> port, or null
 * update_dhcp_port {port_id, port: {port: {network_id, fixed_ips, device_id}}} -> port, or null
 * get_dhcp_port {port_id} -> port
 * release_dhcp_port {network_id, device_id} -> null
 * dhcp_ready_on_ports {port_ids} -> null: the DHCP block of these ports is done
 * get_networks {filters, fields} -> [network]
 *
 * The device_id of an agent's port is dhcp_device_id(): "dhcp" <uuid5 of host> "-" <network id>; one freed for another agent to
 * take is "reserved_dhcp_port".
 *
 * Casts from the server to topic dhcp_agent, server HOST (network_create_end to the one agent chosen, the rest to those that
 * host the network), each as {payload: {...}}:
 *     network_create_end {network: {id}, priority}       network_update_end {network, priority}     network_delete_end {network_id, priority}
 *     subnet_create_end {subnet, priority}               subnet_update_end {subnet, priority}       subnet_delete_end {subnet_id, network_id, priority}
 *     port_create_end {port, priority}                   port_update_end {port, priority}
 *     port_delete_end {port_id, network_id, fixed_ips, priority}                        agent_updated {admin_state_up}
 */
#ifndef NEUTRON_RPC_DHCP_H
#define NEUTRON_RPC_DHCP_H

#include "neutron/rpc/topics.h"

#define DHCP_PLUGIN_VERSION         "1.10"
#define DHCP_GET_ACTIVE_NETWORKS_INFO "get_active_networks_info"
#define DHCP_GET_NETWORK_INFO       "get_network_info"
#define DHCP_CREATE_PORT            "create_dhcp_port"
#define DHCP_UPDATE_PORT            "update_dhcp_port"
#define DHCP_GET_PORT               "get_dhcp_port"
#define DHCP_RELEASE_PORT           "release_dhcp_port"
#define DHCP_READY_ON_PORTS         "dhcp_ready_on_ports"
#define DHCP_GET_NETWORKS           "get_networks"

#define DHCP_AGENT_VERSION          "1.0"
#define DHCP_NETWORK_CREATE_END     "network_create_end"
#define DHCP_NETWORK_UPDATE_END     "network_update_end"
#define DHCP_NETWORK_DELETE_END     "network_delete_end"
#define DHCP_SUBNET_CREATE_END      "subnet_create_end"
#define DHCP_SUBNET_UPDATE_END      "subnet_update_end"
#define DHCP_SUBNET_DELETE_END      "subnet_delete_end"
#define DHCP_PORT_CREATE_END        "port_create_end"
#define DHCP_PORT_UPDATE_END        "port_update_end"
#define DHCP_PORT_DELETE_END        "port_delete_end"
#define DHCP_AGENT_UPDATED          "agent_updated"

/* The agent does what has the lower number first. */
enum {
    PRIORITY_NETWORK_CREATE, PRIORITY_NETWORK_UPDATE, PRIORITY_NETWORK_DELETE, PRIORITY_SUBNET_UPDATE, PRIORITY_SUBNET_DELETE,
    PRIORITY_PORT_CREATE, PRIORITY_PORT_UPDATE, PRIORITY_PORT_DELETE = PRIORITY_PORT_UPDATE
};

#define DHCP_DEVICE_ID_RESERVED     "reserved_dhcp_port"

#endif
