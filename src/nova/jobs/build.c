/* A new instance: a host is chosen and claimed, ports are made, the guest is made; it runs once its ports are wired. */
#include "nova/jobs/parts.h"

#include "nova/options.h"

#include <string.h>

static bool schedule(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    struct request_spec spec = {};

    if (!inst || inst->host)         /* it has been placed already */
        return inst != NULL;
    return request_spec_init(c, &spec, inst) && instance_place(c, job, &spec, TASK_NETWORKING);
}

static bool make_ports(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    json_t *vifs = inst ? ports_allocate(c, inst, job->attempts > 0) : NULL;

    if (!vifs || !(inst = instance_edit(c, job->resource_id)))
        return false;
    instance_set_network_info(c, inst, vifs);
    if (json_array_size(vifs))
        inst->security_groups = json_text(c, security_groups_shown(c, inst));
    if (!text_equal(inst->task_state, TASK_DELETING))
        inst->task_state = ctx_strdup(c, TASK_SPAWNING);
    return instance_edited(c, inst);
}

static void drop_ports(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst || !ports_release(c, inst) || !(inst = instance_edit(c, job->resource_id)))
        return;
    instance_set_network_info(c, inst, ctx_json(c, json_array()));
    instance_edited(c, inst);
}

bool step_spawn(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    json_t *vifs = inst ? json_of(c, inst->network_info) : NULL;
    bool waiting;

    if (!inst)
        return false;
    waiting = nova_options()->vif_plugging_timeout > 0 && !vifs_active(vifs) && !plugged_wait(vifs, 0);
    json_object_set_new(job->args, "waiting", json_boolean(waiting));
    if (!waiting)
        json_object_set(job->args, "vifs", vifs);
    return compute_work(c, inst, RPC_SPAWN_GUEST, json_pack("{s:b, s:s?}", "waiting", waiting, "image_id", json_get_string(job->args, "spawn_image"))) != NULL;
}

void undo_spawn(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && inst->host)
        compute_work(c, inst, RPC_DESTROY_GUEST, json_pack("{s:b}", "keep_files", 0));
}

bool guest_change(struct ctx *c, const struct instance *inst, enum guest_change change)
{
    return compute_work(c, inst, RPC_CHANGE_GUEST, json_pack("{s:i}", "change", (int)change)) != NULL;
}

/* Did Neutron wire them while nobody told us? */
static bool read_active(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    json_t *groups, *now = ports_read(c, inst, &groups), *vif;
    size_t i;

    json_array_foreach(now, i, vif)
        json_object_set(json_array_get(vifs, i), "active", json_object_get(vif, "active"));
    return now != NULL;
}

/* Waits a little on the spot, which is enough where agent and job share a process; else lets the worker go. */
bool step_plugged(struct ctx *c, struct job *job)
{
    int64_t now = clock_us(), timeout = nova_options()->vif_plugging_timeout * 1000000, until;
    struct instance *inst = job_instance(c, job);
    json_t *vifs = inst ? json_of(c, inst->network_info) : NULL;

    if (!inst || !json_get_bool(job->args, "waiting", false))
        return inst != NULL;
    until = json_get_int(job->args, "plug_until", 0);
    if (!until) {
        until = now + timeout;
        json_object_set_new(job->args, "plug_until", json_integer(until));
    }
    if (!plugged_wait(vifs, 50000)) {
        if (!read_active(c, inst, vifs))
            return false;
        if (!vifs_active(vifs) && now < until)
            return job_wait(c, job, 500000);
        if (!vifs_active(vifs) && nova_options()->vif_plugging_is_fatal)
            return fail(c, BUILD_ABORTED, inst->uuid, "Failed to allocate the network(s), not rescheduling.");
    }
    json_object_set(job->args, "vifs", vifs);
    return guest_change(c, inst, GUEST_UNPAUSE);
}

static bool build_finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status) {
        job_launched(c, job, inst);
        if (!inst->root_device_name)
            inst->root_device_name = ctx_strdup(c, "/dev/vda");
    }
    return job_ends(c, job, inst, true);
}

static const struct step build_steps[] = {
    { TASK_SCHEDULING, schedule, instance_unplace },
    { TASK_NETWORKING, make_ports, drop_ports },
    { TASK_SPAWNING, step_spawn, undo_spawn },
    { "plugging", step_plugged, NULL },
    {}
};

const struct job_kind build_job = { .name = "build", .steps = build_steps, .deadline_s = 3600, .finished = build_finished };
