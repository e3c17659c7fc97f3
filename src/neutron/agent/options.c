/* The agents' options; until the service's table has them, their defaults. */
#include "neutron/agent/agent.h"

const struct agent_options *agent_options(void)
{
    static struct agent_options o = {
        .bridge_mappings = "public:br-ex", .dns_domain = "openstacklocal.", .dhcp_lease_duration = 86400, .report_interval = 30,
        .external_gateway_on_host = true,
    };

    o.metadata_port = 8775 + common_options->port_offset;
    return &o;
}
