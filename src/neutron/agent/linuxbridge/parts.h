/* What the files of the Linux bridge data path tell each other. */
#ifndef NEUTRON_AGENT_LINUXBRIDGE_PARTS_H
#define NEUTRON_AGENT_LINUXBRIDGE_PARTS_H

#include "neutron/agent/datapath.h"
#include "oslo/privsep/privsep.h"

/* ledger.c: names of all that was made, written down before it is made, so that a later process knows what is ours. */
enum made { MADE_BRIDGE, MADE_NAMESPACE };
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

/* namespace.c */
bool linuxbridge_namespace_apply(struct ctx *, const struct namespace_plan *);
bool linuxbridge_namespace_remove(struct ctx *, const char *name);
char **linuxbridge_namespaces(struct ctx *);
void namespaces_forget(void);

/* announce.c: tells the neighbours of a device where an address lives now (gratuitous ARP). Best effort. */
void address_announce(struct ctx *, const char *netns, const char *device, const char *mac, const char *address);

#endif
