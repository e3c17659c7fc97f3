/* The list of Nova's jobs, how the API starts them, and what happens when something outside happened to an instance. */
#include "nova/jobs/parts.h"

#include "oslo/service/service.h"

#include <string.h>

const struct job_kind *const nova_jobs[] = {
    &build_job, &delete_job, &start_job, &stop_job, &reboot_job, &pause_job, &unpause_job, &suspend_job, &resume_job, &crash_dump_job,
    &snapshot_job, &backup_job, &rebuild_job, &resize_job, &migrate_job, &confirm_resize_job, &revert_resize_job, &shelve_job,
    &shelve_offload_job, &unshelve_job, &rescue_job, &unrescue_job, &evacuate_job, &live_migrate_job, NULL
};

static const struct {
    const char *job, *event;
} events[] = {
    { "build", "compute__do_build_and_run_instance" },
    { "delete", "compute_terminate_instance" },
    { "start", "compute_start_instance" },
    { "stop", "compute_stop_instance" },
    { "reboot", "compute_reboot_instance" },
    { "pause", "compute_pause_instance" },
    { "unpause", "compute_unpause_instance" },
    { "suspend", "compute_suspend_instance" },
    { "resume", "compute_resume_instance" },
    { "trigger_crash_dump", "compute_trigger_crash_dump" },
    { "snapshot", "compute_snapshot_instance" },
    { "backup", "compute_backup_instance" },
    { "rebuild", "compute_rebuild_instance" },
    { "resize", "compute_finish_resize" },
    { "migrate", "compute_finish_resize" },
    { "confirm_resize", "compute_confirm_resize" },
    { "revert_resize", "compute_finish_revert_resize" },
    { "shelve", "compute_shelve_instance" },
    { "shelve_offload", "compute_shelve_offload_instance" },
    { "unshelve", "compute_unshelve_instance" },
    { "rescue", "compute_rescue_instance" },
    { "unrescue", "compute_unrescue_instance" },
    { "evacuate", "compute_rebuild_instance" },
    { "live_migrate", "compute_live_migration" },
};

const char *job_event(const char *job)
{
    for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
        if (!strcmp(events[i].job, job))
            return events[i].event;
    return NULL;
}

/* --- starting ------------------------------------------------------------------------------------------------ */

static const struct job_kind *kind_find(const char *name)
{
    for (const struct job_kind *const *kind = nova_jobs; *kind; kind++)
        if (!strcmp((*kind)->name, name))
            return *kind;
    return NULL;
}

bool instance_build_start(struct ctx *c, struct instance *inst)
{
    return job_add(c, &build_job, inst->uuid, NULL, true) != NULL;
}

bool instance_delete_start(struct ctx *c, struct instance *inst)
{
    job_cancel(c, inst->uuid, "The instance was deleted.");
    return !failed(c) && (!inst->host || event_begin(c, inst->uuid, job_event("delete"), inst->host)) &&
           job_add(c, &delete_job, inst->uuid, NULL, false) != NULL;
}

bool instance_action_exists(const char *action)
{
    return kind_find(action) != NULL;
}

bool instance_action_start(struct ctx *c, struct instance *inst, const char *action, const json_t *args)
{
    const struct job_kind *kind = kind_find(action);

    g_assert(kind);
    /* A hard reboot may come while a soft one waits for the guest: it takes its place. */
    if (kind == &reboot_job)
        job_cancel(c, inst->uuid, "Another reboot was asked for.");
    return !failed(c) && (!inst->host || event_begin(c, inst->uuid, job_event(action), inst->host)) && job_add(c, kind, inst->uuid, args, kind != &reboot_job) != NULL;
}

/* --- from outside -------------------------------------------------------------------------------------------- */

bool instance_network_refresh(struct ctx *c, const char *instance_uuid)
{
    struct instance *inst = instance_find(c, instance_uuid);
    json_t *groups = NULL, *vifs = inst ? ports_read(c, inst, &groups) : NULL;

    if (!vifs)
        return !failed(c) || !inst;
    if (!(inst = instance_edit(c, instance_uuid)))
        return false;
    instance_set_network_info(c, inst, vifs);
    inst->security_groups = json_text(c, groups);
    return instance_edited(c, inst);
}

/* A build, or whatever waits for its ports, reads them itself at its end; else what is stored is brought up to date. */
bool instance_external_event(struct ctx *c, const char *instance_uuid, const char *name, const char *status, const char *tag)
{
    if (!strcmp(name, "network-vif-plugged") && tag) {
        plugged_note(tag);
        job_poke(c, instance_uuid);
        return !failed(c);
    }
    if (!strcmp(name, "network-changed") || !strcmp(name, "network-vif-deleted"))
        return instance_network_refresh(c, instance_uuid);
    return true;
}
