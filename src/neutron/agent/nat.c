/* Writing a router's translation. The order of the chains' rules is the order of their weight: metadata before floating IPs, floating
 * IPs before the shared address. */
#include "neutron/agent/nat.h"

#include <string.h>

static void map_write(struct buf *to, const char *name, const struct nat_router *r, bool inward)
{
    buf_printf(to, "  map %s {\n    type ipv4_addr : ipv4_addr\n", name);
    for (size_t i = 0; i < r->n_floating; i++)
        buf_printf(to, "%s%s : %s", i ? ", " : "    elements = { ", inward ? r->floating[i].external : r->floating[i].internal,
                   inward ? r->floating[i].internal : r->floating[i].external);
    buf_puts(to, r->n_floating ? " }\n  }\n" : "  }\n");
}

static void inside_set(struct buf *to, const struct nat_router *r)
{
    buf_puts(to, "  set inside {\n    type ipv4_addr\n    flags interval\n    auto-merge\n");
    for (int i = 0, n = 0; r->inside && r->inside[i]; i++) {
        if (strchr(r->inside[i], ':'))
            continue;
        buf_printf(to, "%s%s", n++ ? ", " : "    elements = { ", r->inside[i]);
    }
    for (int i = 0; r->inside && r->inside[i]; i++)
        if (!strchr(r->inside[i], ':')) {
            buf_puts(to, " }\n");
            break;
        }
    buf_puts(to, "  }\n");
}

static void prerouting_write(struct buf *to, const struct nat_router *r)
{
    buf_puts(to, "  chain prerouting {\n    type nat hook prerouting priority dstnat; policy accept;\n");
    if (r->metadata_port)
        buf_printf(to, "    iifname \"qr-*\" ip daddr 169.254.169.254 tcp dport 80 redirect to :%d\n", r->metadata_port);
    buf_puts(to, "    dnat to ip daddr map @floating_in\n  }\n"
                 "  chain output {\n    type nat hook output priority -100; policy accept;\n    dnat to ip daddr map @floating_in\n  }\n");
}

/* A guest that reaches a floating IP of a neighbour must be seen from outside its own subnet, else the reply goes past the router. */
static void postrouting_write(struct buf *to, const struct nat_router *r)
{
    buf_puts(to, "  chain postrouting {\n    type nat hook postrouting priority srcnat; policy accept;\n");
    if (r->gateway) {
        buf_puts(to, "    ct status dnat ip saddr @inside ip daddr @inside snat to ip saddr map @floating_out\n");
        if (r->snat)
            buf_printf(to, "    ct status dnat ip saddr @inside ip daddr @inside snat to %s\n", r->snat);
        buf_printf(to, "    oifname \"%s\" snat to ip saddr map @floating_out\n", r->gateway);
        if (r->snat)
            buf_printf(to, "    oifname \"%s\" ip saddr @inside snat to %s\n", r->gateway, r->snat);
    }
    buf_puts(to, "  }\n");
}

void nat_write(struct buf *to, const struct nat_router *r)
{
    buf_puts(to, "add table ip nacre_router\ndelete table ip nacre_router\ntable ip nacre_router {\n");
    map_write(to, "floating_in", r, true);
    map_write(to, "floating_out", r, false);
    inside_set(to, r);
    prerouting_write(to, r);
    postrouting_write(to, r);
    buf_puts(to, "}\n");
}
