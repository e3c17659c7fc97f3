/* The same instance from a fresh disk: the guest goes, its ports, host and claim stay. One that was stopped is stopped again. */
#include "nova/jobs/parts.h"

#include <string.h>

static bool destroy(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_edit(c, job->resource_id);
    json_t *files = json_object_get(job->args, "files"), *request;

    if (!inst)
        return false;
    if (files) {
        request = json_of(c, inst->request);
        json_object_set(request, "files", files);
        inst->request = json_text(c, request);
    }
    if (!instance_edited(c, inst))
        return false;
    return compute_work(c, inst, RPC_DESTROY_GUEST, json_pack("{s:b}", "keep_files", 0)) != NULL;
}

bool step_rebuild_spawn(struct ctx *c, struct job *job)
{
    return instance_task(c, job->resource_id, TASK_REBUILD_SPAWNING) && step_spawn(c, job);
}

bool step_stop_again(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && (strcmp(inst->vm_state, VM_STOPPED) || guest_change(c, inst, GUEST_STOP));
}

void job_rebuilt(struct ctx *c, const struct job *job, struct instance *inst)
{
    bool stopped = !strcmp(inst->vm_state, VM_STOPPED);

    job_launched(c, job, inst);
    inst->fault.text = NULL;
    if (!stopped)
        return;
    inst->vm_state = ctx_strdup(c, VM_STOPPED);
    inst->power_state = POWER_SHUTDOWN;
}

static bool finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status)
        job_rebuilt(c, job, inst);
    return job_ends(c, job, inst, true);
}

static const struct step steps[] = {
    { TASK_REBUILDING, destroy },
    { TASK_REBUILD_SPAWNING, step_rebuild_spawn },
    { "plugging", step_plugged },
    { "stopping_again", step_stop_again },
    {}
};

const struct job_kind rebuild_job = { .name = "rebuild", .steps = steps, .deadline_s = 3600, .finished = finished };
