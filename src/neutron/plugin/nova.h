/* Telling Nova about its ports: rows of nova_events, sent by a worker in batches and kept until Nova has them. */
#ifndef NEUTRON_PLUGIN_NOVA_H
#define NEUTRON_PLUGIN_NOVA_H

#include "neutron/neutron.h"

/* "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted", "network-changed". In the open transaction. */
bool nova_event_add(struct ctx *, const char *name, const char *server_id, const char *port_id);
/* After the commit: now rather than in a second. */
void nova_events_wake(void);
/* The worker's round. */
bool nova_events_send(struct ctx *);

#endif
