/* What the jobs of Nova share: editing the row, the claim in Placement, the ports in Neutron, and the tables of job kinds. */
#ifndef NOVA_JOBS_PARTS_H
#define NOVA_JOBS_PARTS_H

#include "nova/faults_compute.h"
#include "nova/jobs/jobs.h"
#include "nova/model/action.h"
#include "nova/rpc/compute.h"
#include "nova/scheduler/scheduler.h"
#include "nova/virt/driver.h"

extern const struct job_kind build_job, delete_job, start_job, stop_job, reboot_job, pause_job, unpause_job, suspend_job, resume_job,
    crash_dump_job, snapshot_job, backup_job, rebuild_job, resize_job, migrate_job, confirm_resize_job, revert_resize_job, shelve_job,
    shelve_offload_job, unshelve_job, rescue_job, unrescue_job, evacuate_job, live_migrate_job;

/* --- the row -------------------------------------------------------------------------------------------------- */
/* A text of its args, or NULL. */
const char *job_arg(const struct job *, const char *name);
/* The live row; NULL with INSTANCE_NOT_FOUND. */
struct instance *job_instance(struct ctx *, struct job *);
/* Opens a transaction and reads the row in it, so that nothing others wrote is lost. NULL with a fault, nothing open. */
struct instance *instance_edit(struct ctx *, const char *uuid);
/* Ends the open transaction, which need not wait for the disk: a step that a power cut takes back runs again. */
bool tx_end(struct ctx *, bool well);
/* Saves and commits; the row can be written again after a power cut, so it does not wait for the disk. */
bool instance_edited(struct ctx *, struct instance *);
/* The row's task_state, in a transaction of its own. */
bool instance_task(struct ctx *, const char *uuid, const char *task_state);

/* What ends every job, in its last transaction: the event and the action end; on failure the fault is kept, and error says
 * whether the instance is in error now (else it stays what it was). The task ends. */
bool job_ends(struct ctx *, struct job *, struct instance *, bool error);
/* It runs from now on, on the networks the job has made ("vifs", if any). */
void job_launched(struct ctx *, const struct job *, struct instance *);
/* The event a job is, in the list of its action: "compute_stop_instance". */
const char *job_event(const char *job);
/* The message users read of how a job failed; NULL for one that did not. */
const char *job_error(const struct job *);

/* --- Placement ------------------------------------------------------------------------------------------------- */
/* Takes what the host state's candidate says for consumer. False without a fault when it is gone meanwhile (409). */
bool claim_take(struct ctx *, const struct instance *, const char *consumer, json_t *allocations);
json_t *claim_get(struct ctx *, const char *consumer);       /* {provider: {"resources": {}}}, empty for none; NULL with a fault */
bool claim_drop(struct ctx *, const char *consumer);
/* In one go: what consumer from holds goes to consumer to, and from takes allocations instead (none: an empty object). */
bool claim_move(struct ctx *, const struct instance *, const char *from, const char *to, json_t *allocations);
/* Chooses a host for spec and claims it; the row gets host, node and zone. skip: a host not to be taken, or NULL. */
bool instance_place(struct ctx *, struct job *, const struct request_spec *, const char *task_state);
void instance_unplace(struct ctx *, struct job *);           /* the way back */

/* What the instance holds on other nodes than that of the host goes; true too where there is no such node any more, and nothing changes. */
bool claim_only(struct ctx *, const struct instance *, const char *host, const char *node);
/* Allocations more than it holds: it counts on both hosts. */
bool claim_add(struct ctx *, const struct instance *, json_t *allocations);

/* --- to another host (move.c) ---------------------------------------------------------------------------------- */
/* Writes down, durably, under which migration it goes and where from, and makes its row: "accepted". type: "resize", "migration", "evacuation",
 * "live-migration". */
bool move_begin(struct ctx *, struct job *, const struct instance *, const char *type);
/* Chooses and claims the host. holds: what the instance had is the migration's meanwhile; else it keeps it beside the new. */
bool move_choose(struct ctx *, struct job *, struct request_spec *, bool holds);
bool move_give_back(struct ctx *, struct job *, const struct instance *);    /* what the migration holds, to the instance */
/* The row has the host (zone NULL: stays), its ports are bound there. */
bool move_take(struct ctx *, struct job *, const char *host, const char *node, const char *zone);
/* In a transaction: the row says where to. */
bool migration_placed(struct ctx *, const struct job *, const char *status);
bool migration_status(struct ctx *, const char *uuid, const char *status);   /* NULL: none */

/* --- Neutron --------------------------------------------------------------------------------------------------- */
/* The ports the instance asked for, made or taken and bound to its host; found again when the step runs twice. Its network_info. */
json_t *ports_allocate(struct ctx *, const struct instance *, bool again);
/* Made ones go, taken ones are let go. */
bool ports_release(struct ctx *, const struct instance *);
/* All of them to a host; "" unbinds. */
bool ports_bind(struct ctx *, const struct instance *, const char *host);
/* Where its ports go they are not wired yet. */
bool ports_unwired(struct ctx *, const char *instance_uuid);
/* The instance's ports as network_info, in the order of the NICs it has; ret_groups: [{"name"}] of them all. */
json_t *ports_read(struct ctx *, const struct instance *, json_t **ret_groups);
/* One more: of network_id or port_id (one of them NULL), or of the project's network. Its entry of network_info. */
json_t *port_attach(struct ctx *, const struct instance *, const char *network_id, const char *port_id, const char *fixed_ip, const char *tag);
bool port_detach(struct ctx *, json_t *vif);
/* The names of the groups asked for at the build, as shown: [{"name"}]. */
json_t *security_groups_shown(struct ctx *, const struct instance *);

/* Remembers that a port was wired (network-vif-plugged), and wakes who waits. */
void plugged_note(const char *port_id);
/* Marks the vifs that are known to be wired as active, waiting at most so long. True when all are. */
bool plugged_wait(json_t *vifs, int64_t wait_us);
bool vifs_active(json_t *vifs);

/* --- Glance ---------------------------------------------------------------------------------------------------- */
bool image_delete(struct ctx *, const char *image_id);       /* NULL and one that is gone are fine */
/* The root disk of the guest into an image that waits for its bytes, or has them from an earlier run. */
bool image_from_guest(struct ctx *, const struct instance *, const char *image_id, const char *backup_type);

/* Steps that several jobs have. */
bool step_spawn(struct ctx *, struct job *);
bool step_plugged(struct ctx *, struct job *);
void undo_spawn(struct ctx *, struct job *);
/* Of a rebuild, here or elsewhere: the fresh guest; one that was stopped is stopped again; the row says that it is made (job_launched). */
bool step_rebuild_spawn(struct ctx *, struct job *);
bool step_stop_again(struct ctx *, struct job *);
void job_rebuilt(struct ctx *, const struct job *, struct instance *);
bool guest_change(struct ctx *, const struct instance *, enum guest_change);

#endif
