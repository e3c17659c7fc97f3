/* Where Neutron's server and its agents talk: the topics, on exchange "neutron", all in the null namespace.
 *
 * Agents call the server on the TOPIC_*PLUGIN topics (the method tables stand in l2.h, dhcp.h, l3.h, metadata.h, reports.h and
 * resources.h beside this file). The server casts to agents: to one host (target.server) or to all (target.fanout).
 */
#ifndef NEUTRON_RPC_TOPICS_H
#define NEUTRON_RPC_TOPICS_H

#define NEUTRON_EXCHANGE            "neutron"

/* agent -> server */
#define TOPIC_PLUGIN                "q-plugin"
#define TOPIC_REPORTS               "q-reports-plugin"
#define TOPIC_L3_PLUGIN             "q-l3-plugin"

/* server -> agents */
#define TOPIC_DHCP_AGENT            "dhcp_agent"
#define TOPIC_L3_AGENT              "l3_agent"
#define TOPIC_PORT_UPDATE           "q-agent-notifier-port-update"
#define TOPIC_PORT_DELETE           "q-agent-notifier-port-delete"
#define TOPIC_NETWORK_UPDATE        "q-agent-notifier-network-update"
#define TOPIC_NETWORK_DELETE        "q-agent-notifier-network-delete"
#define TOPIC_SECURITY_GROUP_UPDATE "q-agent-notifier-security_group-update"
#define TOPIC_BINDING_ACTIVATE      "q-agent-notifier-binding-activate"
#define TOPIC_BINDING_DEACTIVATE    "q-agent-notifier-binding-deactivate"
#define TOPIC_TUNNEL_UPDATE         "q-agent-notifier-tunnel-update"
#define TOPIC_TUNNEL_DELETE         "q-agent-notifier-tunnel-delete"

#define TOPIC_DVR_UPDATE            "q-agent-notifier-dvr-update"
#define TOPIC_L2POPULATION_UPDATE   "q-agent-notifier-l2population-update"

/* server -> servers */
#define TOPIC_RESOURCE_VERSIONS     "q-server-resource-versions"

/* agent_type of a report */
#define AGENT_TYPE_LINUXBRIDGE      "Linux bridge agent"
#define AGENT_TYPE_OPENVSWITCH      "Open vSwitch agent"
#define AGENT_TYPE_DHCP             "DHCP agent"
#define AGENT_TYPE_L3               "L3 agent"
#define AGENT_TYPE_METADATA         "Metadata agent"

#endif
