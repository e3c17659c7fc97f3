/* Bridges and ports as Open vSwitch's database has them: read as structs, changed by guarded transactions. Every function makes what
 * is there fit what is asked, and returns once ovs-vswitchd has taken it over.
 */
#ifndef NEUTRON_AGENT_OVS_SWITCH_H
#define NEUTRON_AGENT_OVS_SWITCH_H

#include "oslo/base/ctx.h"

struct switch_port {
    const char *bridge, *name, *type;        /* type "": a device of the host */
    const char *iface_id, *mac, *peer;       /* of external_ids (attached-mac) and options; NULL: none */
    int ofport;                              /* -1: none yet, or refused */
    int tag;                                 /* 0: none */
    /* What the agent noted in other_config when it wired the port; NULL, 0: nothing */
    const char *net_uuid, *network_type, *physical_network, *segmentation_id;
    int noted_tag;
};

/* All ports of all bridges, of the ctx. */
struct switch_port *switch_ports(struct ctx *, size_t *ret_n);
const struct switch_port *switch_port_find(const struct switch_port *, size_t n, const char *name);
bool switch_bridge_there(const char *name);
char **switch_capabilities(struct ctx *, const char *column);        /* "datapath_types", "iface_types"; NULL-terminated */

bool kernel_has_datapath(void);              /* kernel.c: the database says "system" on any Linux */

bool switch_bridge_make(struct ctx *, const char *name, const char *datapath_type);
bool switch_bridge_remove(struct ctx *, const char *name);

struct switch_plan {
    const char *bridge, *name, *type;        /* type NULL: a device of the host */
    const char *const *options, *const *external_ids;        /* key, value, ..., NULL; or NULL */
    int tag;                                 /* 0: none */
};
bool switch_port_make(struct ctx *, const struct switch_plan *);
bool switch_port_remove(struct ctx *, const char *name);

/* Puts ports into their networks' local VLANs, all in one transaction. */
struct switch_wiring { const char *port; int tag; const char *net_uuid, *network_type, *physical_network, *segmentation_id; };
bool switch_wire(struct ctx *, const struct switch_wiring *, size_t n);

enum { DEAD_VLAN = 4095 };                   /* where ports are that belong nowhere (yet) */

#endif
