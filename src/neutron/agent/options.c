/* The agents' options, as the service's table gave them. */
#include <stdio.h>
#include <string.h>

#include "neutron/agent/agent.h"

static struct agent_options options = {
    .bridge_mappings = "public:br-ex", .dns_domain = "openstacklocal.", .dns_servers = "", .dhcp_lease_duration = 86400,
    .external_gateway_on_host = true, .datapath = "linuxbridge", .ovsdb_connection = "unix:/run/openvswitch/db.sock", .integration_bridge = "br-int",
    .tunnel_bridge = "br-tun", .datapath_type = "auto", .l2_population = true, .arp_responder = true,
};
static char host_servers[256];

/* Those a guest can reach: not the host's own stub. */
static const char *read_host_servers(void)
{
    FILE *f = fopen("/etc/resolv.conf", "re");
    char line[256], address[64];

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "nameserver %63[0-9.]", address) == 1 && strncmp(address, "127.", 4) != 0)
            g_snprintf(host_servers + strlen(host_servers), sizeof(host_servers) - strlen(host_servers), "%s%s", *host_servers ? "," : "", address);
    if (f)
        fclose(f);
    return host_servers;
}

void agents_configure(const struct agent_options *said)
{
    options = *said;
    options.dns_servers = said->dns_servers ?: read_host_servers();
}

const struct agent_options *agent_options(void)
{
    return &options;
}

int metadata_api_port(void)
{
    return 8775 + (int)common_options->port_offset;
}
