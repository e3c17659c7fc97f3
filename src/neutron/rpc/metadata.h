/* The metadata agent and the plugin: topic q-plugin. Both ends include this.
 *
 * get_ports {filters: {fixed_ips: {ip_address: [ip]}, network_id: [id], device_id: [id], ...}} -> [port]
 */
#ifndef NEUTRON_RPC_METADATA_H
#define NEUTRON_RPC_METADATA_H

#include "neutron/rpc/topics.h"

#define METADATA_VERSION            "1.0"
#define METADATA_GET_PORTS          "get_ports"

#endif
