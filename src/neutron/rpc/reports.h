/* Agents report that they live: topic q-reports-plugin (and q-plugin). Both ends include this.
 *
 * has_alive_neutron_server {} -> true
 * report_state {agent_state: {agent_state: {binary, host, topic, agent_type, configurations: {}, start_flag?, availability_zone?,
 *     resource_versions?}}, time: "2026-11-22T08:45:01.180183"} -> "new" | "alive" | "revived"; null: older than the server's start
 *
 * A server that heard resource_versions tells the others (fanout, TOPIC_RESOURCE_VERSIONS):
 * report_agent_resource_versions {agent_type, agent_host, version_map}
 *
 * An agent is down when its last report is older than agent_down_time (75 s). configurations of an L2 agent should tell
 * bridge_mappings {physical network: bridge or interface}, tunnel_types, tunneling_ip; of an L3 agent agent_mode, routers, ...
 */
#ifndef NEUTRON_RPC_REPORTS_H
#define NEUTRON_RPC_REPORTS_H

#include "neutron/rpc/topics.h"

#define REPORTS_VERSION             "1.2"
#define RESOURCE_VERSIONS_VERSION   "1.0"
#define REPORTS_AGENT_RESOURCE_VERSIONS "report_agent_resource_versions"
#define REPORTS_HAS_ALIVE_NEUTRON_SERVER "has_alive_neutron_server"
#define REPORTS_REPORT_STATE        "report_state"

#endif
