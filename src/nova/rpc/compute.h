/* What is asked of the compute agent of a host at once, while a user waits. Topic "compute", server: the instance's host.
 *
 * Both ends include this: the API calls the functions, the agent lists the methods in its rpc_server. The answers' shapes stand
 * beside the method's name.
 */
#ifndef NOVA_RPC_COMPUTE_H
#define NOVA_RPC_COMPUTE_H

#include "nova/model/instance.h"
#include "oslo/messaging/messaging.h"

#define COMPUTE_TOPIC "compute"
#define COMPUTE_RPC_VERSION "6.0"

#define RPC_GET_CONSOLE_OUTPUT "get_console_output"      /* {"instance", "tail_length": int | null} -> text */
#define RPC_GET_VNC_CONSOLE "get_vnc_console"            /* {"instance", "console_type"} -> {"host", "port", "internal_access_path"} */
#define RPC_GET_DIAGNOSTICS "get_instance_diagnostics"   /* {"instance"} -> {"state", "driver", ...}: api-ref 2.48's body */
#define RPC_ATTACH_INTERFACE "attach_interface"          /* {"instance", "network_id", "port_id", "requested_ip", "tag"} (null: not said)
                                                          *  -> one entry of network_info; it is stored already */
#define RPC_DETACH_INTERFACE "detach_interface"          /* {"instance", "port_id"} -> null; stored already; deletes the port it made */
#define RPC_GET_HOST_UPTIME "get_host_uptime"            /* {} -> text of uptime(1) */

/* What the jobs ask. Each may be repeated, and answers once it is so; {"instance"}: its row, in all. -> {"power_state": int} */
#define RPC_SPAWN_GUEST "spawn_guest"                    /* {"waiting": bool, "image_id" | null}: made, not running until changed; of that image */
#define RPC_DESTROY_GUEST "destroy_guest"                /* {"keep_files": bool, "lives_on": host | null}: the row is, or will be, that host's */
#define RPC_CHANGE_GUEST "change_guest"                  /* {"change": enum guest_change} */
#define RPC_SNAPSHOT_GUEST "snapshot_guest"              /* {"image_id"}: the root disk into that image of Glance */
#define RPC_RESIZE_GUEST "resize_guest"                  /* {"revert": bool}: the row's flavor is given to a stopped guest */
#define RPC_CONFIRM_GUEST "confirm_guest"                /* the files kept for a revert go */
#define RPC_PRE_LIVE_MIGRATION "pre_live_migration"      /* the guest is taken in from its host, as it is */
#define RPC_LIVE_MIGRATION "live_migration"              /* {"host_to"}: which has taken it in; it is let go */
#define RPC_RESCUE_GUEST "rescue_guest"                  /* {"image_id"} */
#define RPC_UNRESCUE_GUEST "unrescue_guest"

/* Each calls the method on instance->host; fault 409 InstanceNotReady without a host. NULL or false with a fault. */
json_t *compute_call(struct ctx *, const struct instance *, const char *method, json_t *args);       /* args: owned; the row is added */
/* The same for work that takes as long as it takes (an image comes over the network). */
json_t *compute_work(struct ctx *, const struct instance *, const char *method, json_t *args);
char *compute_host_uptime(struct ctx *, const char *host);

#endif
