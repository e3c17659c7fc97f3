/* Port binding: which mechanism plugs a port on its host, and how. Drivers stand in one array in binding.c. */
#ifndef NEUTRON_PLUGIN_BINDING_H
#define NEUTRON_PLUGIN_BINDING_H

#include "neutron/neutron.h"

struct binding {
    const char *host, *vnic_type;
    raw_json profile;
    char *vif_type;                  /* "unbound" without a host; "binding_failed" where no driver binds; else the driver's */
    raw_json vif_details;
};
struct mechanism {
    const char *name, *agent_type, *vif_type, *vif_details;
    const char *const *vnic_types;
    bool (*takes)(struct ctx *, const struct binding *);         /* what the types do not say; NULL: all */
    /* Says more of the binding, from the agent's configurations; NULL: vif_details is all. */
    void (*details)(struct ctx *, const struct port *, const json_t *configurations, struct binding *);
};
/* The name of the mechanism that binds with that vif_type; NULL: none. */
const char *mechanism_of(const char *vif_type);
/* Fills vif_type and vif_details. The transaction may be open. */
bool port_bind(struct ctx *, const struct port *, const struct network *, struct binding *);

#endif
