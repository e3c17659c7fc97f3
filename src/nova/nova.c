/* Everything Nova is. */
#include "nova/nova.h"

#include "nova/api/api.h"
#include "nova/compute/compute.h"
#include "nova/conductor/conductor.h"
#include "nova/jobs/jobs.h"
#include "nova/model/host.h"
#include "nova/options.h"
#include "nova/virt/virt.h"

static const struct route *const routes[] = {
    nova_version_routes, nova_extension_routes, nova_flavor_routes, nova_keypair_routes,
    nova_server_routes, nova_server_part_routes, nova_server_action_routes, nova_console_routes, nova_interface_routes,
    nova_volume_attachment_routes,
    nova_instance_action_routes, nova_migration_routes, nova_server_group_routes, nova_external_event_routes,
    nova_hypervisor_routes, nova_service_routes, nova_zone_routes, nova_aggregate_routes,
    nova_limit_routes, nova_quota_routes, nova_usage_routes,
    nova_host_routes, nova_proxy_image_routes, nova_proxy_network_routes, nova_proxy_group_routes, nova_gone_routes,
    NULL
};

static const struct rpc_server *const rpc_servers[] = { &conductor_rpc_server, &compute_rpc_server, NULL };

/* The binaries every cloud has come first; the compute agents add their own. */
static bool nova_start(struct ctx *c)
{
    return schemas_load(c) && (!service_runs("conductor") || conductor_report(c)) && compute_start(c);
}

const struct service nova = {
    .name = "nova", .type = "compute", .title = "Compute Service", .port = 8774, .endpoint = "/v2.1", .base = "/v2.1",
    .style = &nova_style, .routes = routes, .policies = nova_policies, .migrations = nova_migrations,
    .options = nova_option_attrs, .options_size = sizeof(struct nova_options),
    .jobs = nova_jobs, .rpc = rpc_servers, .workers = nova_workers,
    .start = nova_start, .stop = compute_stop, .leave = virt_leave,
};
