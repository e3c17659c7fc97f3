/* The long operations on instances, as the API starts them.
 *
 * Each adds a durable job in the caller's open transaction, in which the caller has stored the instance with its new task_state
 * and begun its action (model/action.h). After commit the caller calls jobs_wake(c->service). The job ends the action, clears
 * task_state, and on failure leaves vm_state and fault as the original does.
 */
#ifndef NOVA_JOBS_JOBS_H
#define NOVA_JOBS_JOBS_H

#include "nova/model/instance.h"
#include "oslo/jobs/jobs.h"

extern const struct job_kind *const nova_jobs[];

/* A new instance (vm_state building, task_state scheduling), with what it asked for in instance->request. */
bool instance_build_start(struct ctx *, struct instance *);
/* Deletes it, whatever it is doing: an unfinished job of it is cancelled first. */
bool instance_delete_start(struct ctx *, struct instance *);

/* Anything else, by name, with the arguments beside it:
 *   start stop pause unpause suspend resume reset_network      {}
 *   reboot            {"type": "SOFT" | "HARD"}
 *   snapshot          {"image_id": made in Glance by the API, queued}     backup adds {"backup_type", "rotation"}
 *   rebuild           {"image_ref", "files", "preserve_ephemeral"}        the record has its new key, user data, metadata already
 *   resize migrate    {"flavor": flavor_to_json() or absent, "host": asked for or absent}
 *   confirm_resize revert_resize shelve shelve_offload unrescue restore   {}
 *   unshelve          {"availability_zone", "host"}
 *   rescue            {"image_ref", "password_hash"}
 *   evacuate live_migrate      {"host": asked for or absent, "force_host": the same where no filter is to be asked}
 *   change_password   {"password"} (a secret), trigger_crash_dump {}
 */
bool instance_action_start(struct ctx *, struct instance *, const char *action, const json_t *args);
/* Whether there is such a job here; where not the API answers as the original does for a driver that cannot. */
bool instance_action_exists(const char *action);

/* Could it go, to host (or any: NULL), to forced without a filter? What is answered while a user waits. */
bool live_migration_check(struct ctx *, const struct instance *, const char *host, const char *forced);
/* A host is back: where an instance was evacuated from it, what it held there is given back. No transaction is open. */
bool evacuations_end(struct ctx *, const char *host);

/* Something outside happened to an instance: "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted",
 * "network-changed", "power-update", ... tag is the port's id. Wakes who waits for it; network events re-read the ports. No
 * transaction is open. */
bool instance_external_event(struct ctx *, const char *instance_uuid, const char *name, const char *status, const char *tag);
/* Reads the instance's ports from Neutron again and stores network_info, addresses, security_groups. No transaction is open. */
bool instance_network_refresh(struct ctx *, const char *instance_uuid);

#endif
