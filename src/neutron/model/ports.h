/* What is asked of ports by more than their own API. */
#ifndef NEUTRON_MODEL_PORTS_H
#define NEUTRON_MODEL_PORTS_H

#include "neutron/neutron.h"
#include "oslo/db/db.h"

/* A port of the service's own (router interface, gateway, floating IP, DHCP): body as the API takes it, within the open
 * transaction, no rules asked, no quota. NULL with a fault. */
struct port *port_make(struct ctx *, json_t *body);
/* Its row and all that hangs on it go; within the open transaction. */
bool port_drop(struct ctx *, const char *id);
/* The port with that id, whoever's, its derived members filled; NULL with PortNotFound. */
struct port *port_get(struct ctx *, const char *id);
/* As the API shows it to an administrator; of the ctx. */
json_t *port_json(struct ctx *, const struct port *);
/* "SELECT ... FROM ports t WHERE 1 = 1", to be carried on; and what it finds, filled. NULL with a fault. */
struct sql *ports_select(struct ctx *);
struct port **ports_fetch(struct ctx *, struct sql *, size_t *ret_n);
/* Moves the port to that host (binds it), in the open transaction. */
bool port_set_host(struct ctx *, struct port *, const char *host);
bool device_owner_is_compute(const char *device_owner);

#endif
