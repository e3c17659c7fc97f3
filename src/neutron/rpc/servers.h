/* The server's ends of the interfaces in this folder, and what their methods share. */
#ifndef NEUTRON_RPC_SERVERS_H
#define NEUTRON_RPC_SERVERS_H

#include "neutron/neutron.h"
#include "oslo/messaging/messaging.h"

extern const struct rpc_server plugin_rpc_server, reports_rpc_server, l3_rpc_server, resource_versions_rpc_server;

/* Tables of methods, one file each in plugin/. */
extern const struct rpc_method l2_methods[], security_group_methods[], dhcp_methods[], metadata_methods[], report_methods[], l3_methods[],
    resource_methods[], resource_version_methods[], tunnel_methods[], dvr_methods[];
/* From now on: reports sent before are stale. */
void reports_start(void);

/* Records by filters as the plugin's callers give them: {attr: [values], fixed_ips: {ip_address: [..], subnet_id: [..]}}. A JSON array
 * of the ctx, as the API shows them to an administrator; NULL with a fault. */
json_t *rpc_ports(struct ctx *, const json_t *filters);
json_t *rpc_networks(struct ctx *, const json_t *filters);
/* The method get_networks {filters, fields} of several interfaces. */
bool rpc_get_networks(struct ctx *, json_t *args, json_t **ret_result);
/* " AND t.<column> IN (values)"; and values as texts, NULL-terminated. values: a list, or one. */
void rpc_filter_add(struct ctx *, struct sql *, const struct attr *, const json_t *values);
const char *const *rpc_texts(struct ctx *, const json_t *values);
/* The port a device names: its id, the start of one behind "tap", a MAC, or [mac, slot]. NULL with or without a fault. */
char *rpc_device_port(struct ctx *, const json_t *device);

#endif
