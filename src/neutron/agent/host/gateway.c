/* The host as the gateway of a provider's network: its address on the bridge, and the network's way out. */
#include "neutron/agent/host/host.h"

static char *table_of(struct ctx *c, const char *bridge)
{
    return ctx_printf(c, "nacre_%s", g_strdelimit(ctx_strdup(c, bridge), "-.:", '_'));
}

/* What leaves the external network through the host bears the host's address, where the operator wants that. */
static bool masquerade_load(struct ctx *c, const char *bridge, const char *address)
{
    struct run run = {};
    const char *table = table_of(c, bridge);

    run.input = ctx_printf(c, "add table ip %s\ndelete table ip %s\ntable ip %s {\n  chain postrouting {\n"
                              "    type nat hook postrouting priority srcnat; policy accept;\n"
                              "    ip saddr %s ip daddr != %s oifname != \"%s\" masquerade\n  }\n}\n",
                           table, table, table, address, address, bridge);
    return PRIV(c, "sysctl", "-w", "net.ipv4.ip_forward=1") && privsep_run(c, &run, NULL, (const char *const[]){ "nft", "-f", "-", NULL });
}

bool host_gateway_set(struct ctx *c, const char *bridge, const char *address, bool masquerade)
{
    struct buf batch = {};

    buf_printf(&batch, "addr replace %s dev %s\n", address, bridge);
    return batch_run(c, NULL, &batch) && (!masquerade || masquerade_load(c, bridge, address));
}

/* A table that is not there is none to remove. */
bool host_gateway_clear(struct ctx *c, const char *bridge)
{
    struct run quiet = { .quiet = true, .input = ctx_printf(c, "delete table ip %s\n", table_of(c, bridge)) };

    return privsep_run(c, &quiet, NULL, (const char *const[]){ "nft", "-f", "-", NULL });
}
