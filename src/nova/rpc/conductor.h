/* What a compute agent asks of whoever has Nova's database. Topic "conductor", any server.
 *
 * Both ends include this: the agent calls the functions, the conductor lists the methods in its rpc_server.
 */
#ifndef NOVA_RPC_CONDUCTOR_H
#define NOVA_RPC_CONDUCTOR_H

#include "nova/model/host.h"
#include "nova/model/instance.h"
#include "oslo/messaging/messaging.h"

#define CONDUCTOR_TOPIC "conductor"
#define CONDUCTOR_RPC_VERSION "4.0"

#define RPC_REPORT_SERVICE "report_service"              /* {"host", "binary", "topic"} */
#define RPC_REPORT_NODE "report_node"                    /* {"node": compute_node, used_*: what the host keeps for itself} -> {"uuid"} */
#define RPC_REPORT_USAGE "report_usage"                  /* {"node": host and used_* alone} -> true; false: no such node yet */
#define RPC_COMPARE_GUESTS "compare_guests"              /* {"hosts": [], "guests": [uuid]} -> struct guests_compared */
#define RPC_SET_POWER "set_power"                        /* {"instance_uuid", "power_state", "stopped": bool}: unless a task has it */
#define RPC_STORE_VIF "store_vif"                        /* {"instance_uuid", "vif", "add": bool}: one entry of its network_info */

bool conductor_report_service(struct ctx *, const char *host, const char *binary, const char *topic);
/* node's used_* are what the host keeps for itself; what its instances take is added there. Its uuid is filled in. */
bool conductor_report_node(struct ctx *, struct compute_node *);
/* True without *ret_known: the node has to be reported first. */
bool conductor_report_usage(struct ctx *, const struct compute_node *, bool *ret_known);

struct guests_compared {
    struct instance **idle;          /* of these hosts, with no task, that may have a guest; NULL-terminated */
    struct instance **unknown;       /* guests with no instance, a deleted one, or one evacuated to other hosts; NULL-terminated */
};
bool conductor_compare_guests(struct ctx *, const char *const *hosts, const char *const *guests, struct guests_compared *ret);
bool conductor_set_power(struct ctx *, const char *uuid, enum power_state, bool stopped);
bool conductor_store_vif(struct ctx *, const char *uuid, json_t *vif, bool add);

#endif
