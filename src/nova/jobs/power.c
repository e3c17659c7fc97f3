/* Start, stop, reboot, pause and their like: one change of the guest, and the state it leaves. */
#include "nova/jobs/parts.h"

#include <string.h>

static const struct power_row {
    const char *action;
    enum guest_change change;
    const char *vm_state;
    enum power_state power;
} rows[] = {
    { "start",   GUEST_START,   VM_ACTIVE,    POWER_RUNNING },
    { "stop",    GUEST_STOP,    VM_STOPPED,   POWER_SHUTDOWN },
    { "reboot",  GUEST_REBOOT,  VM_ACTIVE,    POWER_RUNNING },
    { "pause",   GUEST_PAUSE,   VM_PAUSED,    POWER_PAUSED },
    { "unpause", GUEST_UNPAUSE, VM_ACTIVE,    POWER_RUNNING },
    { "suspend", GUEST_SUSPEND, VM_SUSPENDED, POWER_SHUTDOWN },
    { "resume",  GUEST_RESUME,  VM_ACTIVE,    POWER_RUNNING },
    { "trigger_crash_dump", GUEST_DUMP, NULL, POWER_RUNNING },
};

static const struct power_row *row_of(const struct job *job)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (!strcmp(rows[i].action, job->kind))
            return &rows[i];
    g_assert_not_reached();
}

static bool change(struct ctx *c, struct job *job)
{
    const struct power_row *row = row_of(job);
    struct instance *inst = job_instance(c, job);
    bool hard = text_equal(json_get_string(job->args, "type"), "HARD");

    if (!job_is_first(c, job))
        return !failed(c) && job_wait(c, job, 100000);
    return inst && guest_change(c, inst, hard ? GUEST_RESET : row->change);
}

static bool finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);
    const struct power_row *row = row_of(job);

    if (!inst)
        return !failed(c);
    if (!job->fault.status && row->vm_state) {
        inst->vm_state = ctx_strdup(c, row->vm_state);
        inst->power_state = row->power;
    }
    return job_ends(c, job, inst, false);
}

static const struct step steps[] = { { "changing", change }, {} };

#define POWER_JOB(action) { .name = action, .steps = steps, .deadline_s = 900, .finished = finished }

const struct job_kind start_job = POWER_JOB("start");
const struct job_kind stop_job = POWER_JOB("stop");
const struct job_kind reboot_job = POWER_JOB("reboot");
const struct job_kind pause_job = POWER_JOB("pause");
const struct job_kind unpause_job = POWER_JOB("unpause");
const struct job_kind suspend_job = POWER_JOB("suspend");
const struct job_kind resume_job = POWER_JOB("resume");
const struct job_kind crash_dump_job = POWER_JOB("trigger_crash_dump");
