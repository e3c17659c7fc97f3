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

static bool spawn(struct ctx *c, struct job *job)
{
    return instance_task(c, job->resource_id, TASK_REBUILD_SPAWNING) && step_spawn(c, job);
}

static bool stop_again(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && (strcmp(inst->vm_state, VM_STOPPED) || guest_change(c, inst, GUEST_STOP));
}

static bool finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status) {
        bool stopped = !strcmp(inst->vm_state, VM_STOPPED);

        inst->vm_state = ctx_strdup(c, stopped ? VM_STOPPED : VM_ACTIVE);
        inst->power_state = stopped ? POWER_SHUTDOWN : POWER_RUNNING;
        inst->launched_at = utc_now();
        inst->fault.text = NULL;
    }
    return job_ends(c, job, inst, true);
}

static const struct step steps[] = {
    { TASK_REBUILDING, destroy },
    { TASK_REBUILD_SPAWNING, spawn },
    { "plugging", step_plugged },
    { "stopping_again", stop_again },
    {}
};

const struct job_kind rebuild_job = { .name = "rebuild", .steps = steps, .deadline_s = 3600, .finished = finished };
