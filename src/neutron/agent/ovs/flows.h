/* OpenFlow flows as facts: what should be in a bridge's tables is written down as a whole, each time, by pure functions; what goes to
 * the switch is the difference, in one bundle that takes effect at once. So no packet meets half of a change, and a new process, which
 * begins with the switch's own flows, touches none that fits.
 */
#ifndef NEUTRON_AGENT_OVS_FLOWS_H
#define NEUTRON_AGENT_OVS_FLOWS_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

/* Tables, numbered as the original agent numbers them. */
enum {
    LOCAL_SWITCHING = 0, CANARY = 23, ARP_SPOOF = 24, LOCAL_EGRESS = 30, LOCAL_IP = 31, RATE_LIMIT = 59, TRANSIENT = 60, TRANSIENT_EGRESS = 62,
    BASE_EGRESS = 71, RULES_EGRESS = 72, ACCEPT_OR_INGRESS = 73, BASE_INGRESS = 81, RULES_INGRESS = 82, ACCEPTED_EGRESS = 91,
    ACCEPTED_INGRESS = 92, DROPPED = 93, ACCEPTED_NORMAL = 94,
    /* of the tunnel bridge */
    PATCH_TO_TUNNEL = 2, VXLAN_TO_LOCAL = 4, LEARN = 10, UNICAST_TO_TUNNEL = 20, ARP_RESPONDER = 21, FLOOD_TO_TUNNEL = 22,
};

#define FLOW_COOKIE "0x6e61637265"

struct flows { GHashTable *actions; };       /* match (with table and priority) -> actions */
void flows_init(struct flows *);
void flows_clear(struct flows *);
/* "table=60,priority=100,in_port=5 actions=output:6". Of two with the same match the later stays, but conjunctions add up. */
void flow(struct flows *, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* What turns old into now, as lines for `ovs-ofctl --bundle add-flows`; old NULL: all of now. */
void flows_difference(struct buf *to, const struct flows *old, const struct flows *now);

/* A bridge and what this process knows to be in it. */
struct flow_bridge {
    char *name;
    struct flows loaded;             /* actions NULL: not known */
    struct buf more;                 /* lines that go with the next difference: of flows that the switch makes itself (learned ones) */
};
/* Not known and whole: all that is there and not wanted goes. Not known and not whole: only adds, and what is there is still not known. */
bool flows_push(struct ctx *, struct flow_bridge *, const char *rundir, struct flows *wanted, bool whole);
void flow_bridge_forget(struct flow_bridge *);       /* what is in it is not known any more */
void flow_bridge_clear(struct flow_bridge *);
/* Has the switch lost its flows (it was started anew)? */
bool flow_bridge_lost(struct ctx *, const struct flow_bridge *, const char *rundir, int canary_table, bool *ret_lost);

#endif
