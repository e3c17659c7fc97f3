/* Versioned objects: what agents keep a copy of. A change of one is noted in the transaction that makes it and pushed after
 * the commit, in every version that some agent has reported; an agent that missed it pulls.
 */
#ifndef NEUTRON_PLUGIN_OBJECTS_H
#define NEUTRON_PLUGIN_OBJECTS_H

#include "neutron/neutron.h"

#define OBJECT_PORT                "Port"
#define OBJECT_NETWORK             "Network"
#define OBJECT_SUBNET              "Subnet"
#define OBJECT_SECURITY_GROUP      "SecurityGroup"
#define OBJECT_SECURITY_GROUP_RULE "SecurityGroupRule"
#define OBJECT_ADDRESS_GROUP       "AddressGroup"

/* In the open transaction: the object is made, changed or gone. Does nothing where no agent wants the type. */
bool object_changed(struct ctx *, const char *type, const char *id);
/* The same for every id a query finds: "SELECT id FROM ports WHERE network_id = $1", with $1 = key. */
bool objects_changed(struct ctx *, const char *type, const char *select, const char *key);
/* After the commit: the pusher looks at once. */
void objects_wake(void);
extern const struct worker object_push_worker;

/* The primitives of the objects of a type that the filters {field: [values]} let through, in a version. A new array; NULL with
 * a fault (an unknown type, a field that is no filter, an impossible version). */
json_t *objects_read(struct ctx *, const char *type, const char *version, const json_t *filters);

/* Which versions of a type do agents have? An agent's report replaces what was known of it. */
void versions_reported(const char *agent_type, const char *host, const json_t *version_map);
void versions_asked(const char *type, const char *version);          /* by a pull: whoever pulls wants pushes too */

#endif
