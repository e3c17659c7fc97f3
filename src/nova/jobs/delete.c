/* An instance goes: guest, ports, claim, and last the row is marked. What is gone already is no error, so that it always ends. */
#include "nova/jobs/parts.h"

/* The job that was cancelled for this one is let undo its work first. */
static bool wait_alone(struct ctx *c, struct job *job)
{
    return job_is_first(c, job) || (!failed(c) && job_wait(c, job, 100000));
}

static bool destroy_guest(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    if (!inst || !inst->host)
        return inst != NULL;
    return compute_work(c, inst, RPC_DESTROY_GUEST, json_pack("{s:b}", "keep_files", 0)) != NULL;
}

static bool free_ports(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && ports_release(c, inst);
}

/* Claims of a resize that was under way go as well. */
static bool free_claims(struct ctx *c, struct job *job)
{
    struct rows *r = db_query(c, "SELECT uuid FROM instance_migrations WHERE instance_uuid = $1 AND status IN ('migrating', 'finished')",
                              T(job->resource_id));

    while (db_next(r)) {
        char *migration = db_text(r, 0);

        if (!claim_drop(c, migration)) {
            db_rows_end(r);
            return false;
        }
    }
    return !failed(c) && claim_drop(c, job->resource_id);
}

/* It can be asked for again: the task must not look like one under way. */
static bool delete_failed(struct ctx *c, struct job *job, struct instance *inst)
{
    inst->task_state = NULL;
    return job_ends(c, job, inst, true);
}

static bool delete_finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (job->fault.status)
        return delete_failed(c, job, inst);
    return instance_mark_deleted(c, inst) && event_end(c, inst->uuid, job_event(job->kind), NULL) && action_end(c, inst->uuid, NULL);
}

static const struct step delete_steps[] = {
    { "waiting", wait_alone },
    { TASK_DELETING, destroy_guest },
    { "freeing_ports", free_ports },
    { "freeing_claims", free_claims },
    {}
};

const struct job_kind delete_job = { .name = "delete", .steps = delete_steps, .deadline_s = 3600, .finished = delete_finished };
