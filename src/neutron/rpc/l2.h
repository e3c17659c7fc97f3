/* L2 agents and the plugin: topic q-plugin. Both ends include this.
 *
 * Every call carries {"agent_id": "lb1a2b...", "host": HOST} beside what is said here. A device is a port id, or the first 11
 * characters of one behind "tap", or a MAC address, or [mac, pci_slot].
 *
 * get_device_details {device} -> details; get_devices_details_list {devices} -> [details]
 *     details: {device, network_id, port_id, mac_address, admin_state_up, network_type, segmentation_id, physical_network, mtu,
 *     fixed_ips: [{subnet_id, ip_address}], device_owner, allowed_address_pairs: [{mac_address, ip_address}],
 *     port_security_enabled, qos_policy_id, qos_network_policy_id, profile, propagate_uplink_status}
 *     An unknown or unbound port: {device}. Bound to another host: {device, no_active_binding: true}.
 *     The port's status becomes BUILD (DOWN where admin_state_up is false).
 * get_devices_details_list_and_failed_devices {devices} -> {devices: [details], failed_devices: []}
 * update_device_up {device} -> null: the L2 block is done; with all blocks done the port is ACTIVE and Nova is told
 * update_device_down {device} -> {device, exists}
 * update_device_list {devices_up, devices_down, refresh_tunnels} ->
 *     {devices_up: [device], failed_devices_up: [], devices_down: [{device, exists}], failed_devices_down: []}
 * get_network_details {network} -> the network as the API shows it to an administrator, or null
 * get_ports_by_vnic_type_and_host {vnic_type, host} -> [port]
 * tunnel_sync {tunnel_ip, tunnel_type, host} -> {tunnels: [{ip_address, host, udp_port}]}; fans out tunnel_update
 * security_group_rules_for_devices {devices} -> {device: {..., security_group_rules: [rule]}} (rules with remote groups expanded)
 * security_group_info_for_devices {devices} -> {
 *     security_groups: {group id: [{direction, ethertype, protocol, port_range_min, port_range_max, remote_group_id,
 *                       remote_address_group_id, source_ip_prefix | dest_ip_prefix, stateful}]}   (absent members are absent)
 *     sg_member_ips: {group id: {"IPv4": [[ip, mac]], "IPv6": [[ip, mac]]}}    (of the remote groups that rules name)
 *     devices: {device: {device, network_id, mac_address, fixed_ips: [ip], allowed_address_pairs, security_groups: [id],
 *               security_group_source_groups: [id], port_security_enabled, device_owner}}}
 *
 * Casts from the server (all fanout):
 *     port_update {port: <port>, network_type, segmentation_id, physical_network}      TOPIC_PORT_UPDATE
 *     port_delete {port_id}                                                            TOPIC_PORT_DELETE
 *     network_update {network}                                                         TOPIC_NETWORK_UPDATE
 *     network_delete {network_id}                                                      TOPIC_NETWORK_DELETE
 *     security_groups_rule_updated {security_groups: [id]}                             TOPIC_SECURITY_GROUP_UPDATE
 *     security_groups_member_updated {security_groups: [id]}                           TOPIC_SECURITY_GROUP_UPDATE
 *     binding_activate {port_id, host}, binding_deactivate {port_id, host, network_id} TOPIC_BINDING_*
 *     tunnel_update {tunnel_ip, tunnel_type}, tunnel_delete {tunnel_ip, tunnel_type}   TOPIC_TUNNEL_*
 *     add_fdb_entries, remove_fdb_entries {fdb_entries: {network id: {segment_id, network_type, ports: {tunnel ip: [[mac, ip]]}}}}
 *         (also to one host), update_fdb_entries {fdb_entries: {chg_ip: {network id: {tunnel ip: {before: [[mac, ip]], after: [..]}}}}}
 *                                                                                      TOPIC_L2POPULATION_UPDATE
 *         ["00:00:00:00:00:00", "0.0.0.0"] stands for all that is not known: flooding goes to that end
 */
#ifndef NEUTRON_RPC_L2_H
#define NEUTRON_RPC_L2_H

#include "neutron/rpc/topics.h"

#define L2_PLUGIN_VERSION           "1.9"
#define L2_GET_DEVICE_DETAILS       "get_device_details"
#define L2_GET_DEVICES_DETAILS_LIST "get_devices_details_list"
#define L2_GET_DEVICES_DETAILS_LIST_AND_FAILED_DEVICES "get_devices_details_list_and_failed_devices"
#define L2_UPDATE_DEVICE_UP         "update_device_up"
#define L2_UPDATE_DEVICE_DOWN       "update_device_down"
#define L2_UPDATE_DEVICE_LIST       "update_device_list"
#define L2_GET_NETWORK_DETAILS      "get_network_details"
#define L2_GET_PORTS_BY_VNIC_TYPE_AND_HOST "get_ports_by_vnic_type_and_host"
#define L2_TUNNEL_SYNC              "tunnel_sync"

#define SG_PLUGIN_VERSION           "1.3"
#define SG_RULES_FOR_DEVICES        "security_group_rules_for_devices"
#define SG_INFO_FOR_DEVICES         "security_group_info_for_devices"

#define L2_NOTIFIER_VERSION         "1.0"        /* port_*, network_delete, tunnel_* */
#define L2_NETWORK_UPDATE_VERSION   "1.4"
#define L2_BINDING_VERSION          "1.5"
#define SG_NOTIFIER_VERSION         "1.1"
#define L2_PORT_UPDATE              "port_update"
#define L2_PORT_DELETE              "port_delete"
#define L2_NETWORK_UPDATE           "network_update"
#define L2_NETWORK_DELETE           "network_delete"
#define L2_BINDING_ACTIVATE         "binding_activate"
#define L2_BINDING_DEACTIVATE       "binding_deactivate"
#define L2_TUNNEL_UPDATE            "tunnel_update"
#define L2_TUNNEL_DELETE            "tunnel_delete"
#define L2POP_VERSION               "1.0"
#define L2POP_ADD                   "add_fdb_entries"
#define L2POP_REMOVE                "remove_fdb_entries"
#define L2POP_UPDATE                "update_fdb_entries"
#define SG_RULE_UPDATED             "security_groups_rule_updated"
#define SG_MEMBER_UPDATED           "security_groups_member_updated"

#endif
