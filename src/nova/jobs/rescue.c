/* Rescue: the guest boots another image, with its own disk as the second; unrescue goes back. */
#include "nova/jobs/parts.h"

static bool rescue(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    const char *image = json_get_string(job->args, "image_ref");

    if (!image && inst)
        image = inst->image_ref;
    return inst && compute_work(c, inst, RPC_RESCUE_GUEST, json_pack("{s:s?}", "image_id", image)) != NULL;
}

static bool unrescue(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && compute_work(c, inst, RPC_UNRESCUE_GUEST, json_object()) != NULL;
}

static bool ends_as(struct ctx *c, struct job *job, const char *vm_state)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status) {
        inst->vm_state = ctx_strdup(c, vm_state);
        inst->power_state = POWER_RUNNING;
    }
    return job_ends(c, job, inst, true);
}

static bool rescued(struct ctx *c, struct job *job)
{
    return ends_as(c, job, VM_RESCUED);
}

static bool unrescued(struct ctx *c, struct job *job)
{
    return ends_as(c, job, VM_ACTIVE);
}

static const struct step rescue_steps[] = { { TASK_RESCUING, rescue }, {} };
static const struct step unrescue_steps[] = { { TASK_UNRESCUING, unrescue }, {} };

const struct job_kind rescue_job = { .name = "rescue", .steps = rescue_steps, .deadline_s = 3600, .finished = rescued };
const struct job_kind unrescue_job = { .name = "unrescue", .steps = unrescue_steps, .deadline_s = 3600, .finished = unrescued };
