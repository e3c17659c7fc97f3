/* What the agents ask of the host, and the drivers that do it: "linuxbridge", and "sim", which keeps its promises in memory.
 *
 * Every function makes what is there fit what is asked, and does nothing where it fits already.
 */
#ifndef NEUTRON_AGENT_DATAPATH_H
#define NEUTRON_AGENT_DATAPATH_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

/* Who the L2 agent of a data path is, for the plugin. */
struct l2_identity {
    const char *binary, *agent_type;
    const char *agent_id;            /* what precedes the host's name in its calls: "lb-agent-" */
    const char *interface_driver;    /* what the L3 agent reports */
    bool by_port_id;                 /* a device is named by its port's id; else by "tap" and the start of it */
    json_t *(*configurations)(struct ctx *);
};
extern const struct l2_identity agent_linuxbridge, agent_openvswitch;

struct segment {
    const char *network_id, *network_type, *physical_network;
    int64_t segmentation_id;         /* -1: none */
};

/* A device of a port on the bridge of its network. */
struct wiring {
    const char *device;              /* "tap0123456789a", or the port's id */
    const char *bridge;              /* NULL: on none, cut off */
    struct segment segment;          /* of its network; not said where it is cut off */
    int64_t mtu;
    bool up;
};

/* A port the host itself plugs: a device on the bridge, its other end in a namespace. */
struct plug {
    const char *port_id, *mac, *bridge;
    const char *inner;               /* "qr-0123456789a" */
    int64_t mtu;
    const char *const *addresses;    /* "10.0.0.1/24": these and (link-local aside) no others; NULL-terminated */
};

struct ip_route { const char *destination, *via, *device; };    /* via or device may be NULL; "default" or a CIDR */

/* All that a namespace holds. Plugs that are not named go. */
struct namespace_plan {
    const char *name;                /* "qrouter-<id>", "qdhcp-<id>" */
    const struct plug *plugs; size_t n_plugs;
    const struct ip_route *routes; size_t n_routes;
    bool forwards;                   /* is a router */
    const char *ruleset;             /* of nft, replaced when it changed; NULL: none */
};

struct firewall;

struct datapath {
    const char *name;
    const struct l2_identity *agent;
    const char *(*integration_bridge)(void);     /* the one bridge that all ports are on; NULL: a bridge a network */
    /* Once, before anything else: looks what the host can do. changed() is called when a device came or went, from any thread. */
    bool (*start)(struct ctx *, void (*changed)(void));
    void (*stop)(void);
    /* Names of the ports' devices there are ("tap..."), NULL-terminated; NULL where every bound port counts as plugged. */
    char **(*devices)(struct ctx *);
    bool (*wire)(struct ctx *, const struct wiring *, size_t n);
    bool (*tunnels)(struct ctx *);   /* the other hosts, once a round, before the ports; may be NULL */
    bool (*bridge_remove)(struct ctx *, const char *bridge, bool *ret_gone);     /* unless something is on it still; may be NULL */
    /* Security groups of all wired ports at once; try: only whether they would load. NULL: not enforced, and nobody needs to
     * work it out. */
    bool (*filter)(struct ctx *, const struct firewall *, bool try);
    bool (*namespace_apply)(struct ctx *, const struct namespace_plan *);
    bool (*namespace_remove)(struct ctx *, const char *name);
    char **(*namespaces)(struct ctx *);                              /* ours */
    /* The host's own address on a mapped bridge ("203.0.113.1/24"); masquerade: what leaves the bridge's network through it. */
    bool (*host_gateway)(struct ctx *, const char *bridge, const char *address, bool masquerade);
    bool opens_sockets;              /* namespaces are real: DHCP and metadata are served in them */
    bool (*leave)(struct ctx *);     /* removes all that was ever made for this cloud */
};

extern const struct datapath datapath_linuxbridge, datapath_openvswitch, datapath_sim;
extern const struct datapath *const datapaths[];                     /* all of them; ends with NULL */
const struct datapath *datapath(void);                               /* the one in use: sim where the program runs with --sim */

#endif
