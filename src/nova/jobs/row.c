/* How jobs read and write the instance they work on. */
#include "nova/jobs/parts.h"

const char *job_arg(const struct job *job, const char *name)
{
    return json_get_string(job->args, name);
}

struct instance *job_instance(struct ctx *c, struct job *job)
{
    return instance_get(c, job->resource_id);
}

struct instance *instance_edit(struct ctx *c, const char *uuid)
{
    struct instance *inst;

    if (!db_begin(c))
        return NULL;
    inst = instance_get(c, uuid);
    if (!inst)
        db_rollback(c);
    return inst;
}

bool tx_end(struct ctx *c, bool well)
{
    db_relaxed(c);
    if (well && !failed(c))
        return db_commit(c);
    db_rollback(c);
    return false;
}

bool instance_edited(struct ctx *c, struct instance *inst)
{
    return tx_end(c, instance_save(c, inst));
}

bool instance_task(struct ctx *c, const char *uuid, const char *task_state)
{
    if (!db_begin(c))
        return false;
    instance_set_task(c, uuid, NULL, task_state);
    return tx_end(c, true);
}

const char *job_error(const struct job *job)
{
    return job->fault.status ? (job->fault.message ? job->fault.message : job->fault.type) : NULL;
}

bool job_ends(struct ctx *c, struct job *job, struct instance *inst, bool error)
{
    const char *why = job_error(job);

    if (why)
        instance_set_fault(c, inst, job->fault.status, why, job->fault.detail);
    if (why && error)
        inst->vm_state = ctx_strdup(c, VM_ERROR);
    /* A delete that came meanwhile has the instance now. */
    if (!text_equal(inst->task_state, TASK_DELETING))
        inst->task_state = NULL;
    return instance_save(c, inst) && event_end(c, inst->uuid, job_event(job->kind), why) && action_end(c, inst->uuid, why ? "Error" : NULL);
}

void job_launched(struct ctx *c, const struct job *job, struct instance *inst)
{
    json_t *vifs = json_object_get(job->args, "vifs");

    inst->vm_state = ctx_strdup(c, VM_ACTIVE);
    inst->power_state = POWER_RUNNING;
    inst->launched_at = utc_now();
    if (vifs)
        instance_set_network_info(c, inst, vifs);
}
