/* Distributed routers: agents and the plugin, topic q-plugin. Both ends include this.
 *
 * get_dvr_mac_address_by_host {host} -> {host, mac_address}; the address is made at the first question, and all are told
 * get_dvr_mac_address_list {} -> [{host, mac_address}]
 * get_ports_on_host_by_subnet {host, subnet} -> [port]: those a distributed router serves
 * get_subnet_for_dvr {subnet, fixed_ips?} -> subnet with gateway_mac; {} where it or its gateway is not there
 *
 * Cast from the server (fanout, TOPIC_DVR_UPDATE): dvr_mac_address_update {dvr_macs: [{host, mac_address}]}
 */
#ifndef NEUTRON_RPC_DVR_H
#define NEUTRON_RPC_DVR_H

#include "neutron/rpc/topics.h"

#define DVR_PLUGIN_VERSION          "1.1"
#define DVR_GET_MAC_BY_HOST         "get_dvr_mac_address_by_host"
#define DVR_GET_MAC_LIST            "get_dvr_mac_address_list"
#define DVR_GET_PORTS_ON_HOST       "get_ports_on_host_by_subnet"
#define DVR_GET_SUBNET              "get_subnet_for_dvr"
#define DVR_NOTIFIER_VERSION        "1.0"
#define DVR_MAC_UPDATE              "dvr_mac_address_update"

#endif
