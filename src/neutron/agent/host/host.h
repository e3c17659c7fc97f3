/* What data paths that touch a real host share: its links, namespaces, and the ledger of what was made. */
#ifndef NEUTRON_AGENT_HOST_HOST_H
#define NEUTRON_AGENT_HOST_HOST_H

#include "neutron/agent/datapath.h"
#include "oslo/privsep/privsep.h"

/* ledger.c: names of all that was made, written down before it is made, so that a later process knows what is ours. */
enum made { MADE_BRIDGE, MADE_NAMESPACE, MADE_SWITCH /* a bridge of Open vSwitch */, MADE_OVSDB /* where its database is, with | for / */ };
bool ledger_note(struct ctx *, enum made, const char *name);
void ledger_strike(struct ctx *, enum made, const char *name);
char **ledger_list(struct ctx *, enum made);

/* links.c: what the host's interfaces are like (from /sys, no command). */
bool link_there(const char *name);
bool link_up(const char *name);
int64_t link_mtu(const char *name);
bool link_on_bridge(const char *name, const char *bridge);   /* bridge NULL: on none */
bool bridge_empty(const char *bridge);
char **links_named(struct ctx *, const char *prefix);
/* Makes the bridge be there and up, and notes it. */
bool bridge_make(struct ctx *, const char *bridge);
/* Runs a batch; an empty one is nothing to do. */
bool batch_run(struct ctx *, const char *netns, struct buf *batch);

/* namespace.c: a port of the host is a pair, one end (device) on the bridge. How it gets there and leaves is the data path's: */
struct plugging {
    bool (*prepare)(struct ctx *, const struct plug *);                          /* the bridge is there; may be NULL */
    /* The device is on the bridge: as lines of the batch that makes it, or after that. Either may be NULL. */
    void (*join)(struct buf *batch, const struct plug *, const char *device);
    bool (*joined)(struct ctx *, const char *netns, const struct plug *, const char *device);
    bool (*part)(struct ctx *, const char *device);                              /* before the pair is removed; may be NULL */
};
bool namespace_fit(struct ctx *, const struct namespace_plan *, const struct plugging *);
bool namespace_end(struct ctx *, const char *name, const struct plugging *);
char **namespaces_ours(struct ctx *);
void namespaces_forget(void);

/* gateway.c: struct datapath.host_gateway, on a bridge that is there. */
bool host_gateway_set(struct ctx *, const char *bridge, const char *address, bool masquerade);
bool host_gateway_clear(struct ctx *, const char *bridge);

/* announce.c: tells the neighbours of a device where an address lives now (gratuitous ARP). Best effort. */
void address_announce(struct ctx *, const char *netns, const char *device, const char *mac, const char *address);

#endif
