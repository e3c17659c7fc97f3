/* A new instance: a host is chosen and claimed, ports are made, the guest is made; it runs once its ports are wired. Where a host fails, all is
 * undone and another one tried: the args keep {"tried": {host: why}}, and of them "counted" have led to another try.
 */
#include "nova/jobs/parts.h"

#include "nova/options.h"

#include <string.h>

/* As the original has it; what the hosts said is the administrator's to read. */
static bool no_host_left(struct ctx *c, const struct instance *inst, json_t *tried)
{
    struct buf said = {};
    const char *host;
    json_t *why;

    json_object_foreach(tried, host, why)
        buf_printf(&said, "%s%s: %s", said.len ? "\n" : "", host, json_string_value(why));
    fail(c, MAX_RETRIES, ctx_printf(c, "Exhausted all hosts available for retrying build failures for instance %s.", inst->uuid));
    c->fault.detail = ctx_strdup(c, said.data);
    buf_clear(&said);
    return false;
}

/* The next host, none of those that were tried. */
static bool schedule(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    struct request_spec spec = {};

    if (!inst || inst->host)         /* it has been placed already */
        return inst != NULL;
    if (!request_spec_init(c, &spec, inst))
        return false;
    spec.tried = json_object_get(job->args, "tried");
    if (instance_place(c, job, &spec, TASK_NETWORKING))
        return true;
    if (!spec.tried || strcmp(c->fault.type, "NoValidHost"))
        return false;
    fault_clear(c);
    return no_host_left(c, inst, spec.tried);
}

/* Might it go well on another host? What was asked for (4xx) would fail there as well. */
static bool is_of_the_host(const struct fault *fault)
{
    return fault->status >= 500 && strcmp(fault->type, "BuildAbortException") && strcmp(fault->type, "JobCrashed");
}

/* Writes down that its host could not, before nobody knows any more which that was. */
static bool note_host(struct ctx *c, struct job *job, const char *host)
{
    json_t *tried = json_object_get(job->args, "tried");

    if (!tried)
        json_object_set_new(job->args, "tried", tried = json_object());
    json_object_set_new(tried, host, json_string(job_error(job)));
    return job_save(c, job);
}

static void unschedule(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && inst->host && is_of_the_host(&job->fault) && !note_host(c, job, inst->host))
        return;
    instance_unplace(c, job);
}

/* The host's part of the build ends, as in the original well: what failed is told by the last one. */
static bool turn_to_next(struct ctx *c, struct job *job, const char *failing)
{
    struct instance *inst = instance_edit(c, job->resource_id);

    if (!inst)
        return false;
    if (!text_equal(inst->task_state, TASK_DELETING))
        inst->task_state = ctx_strdup(c, TASK_SCHEDULING);
    return tx_end(c, host_note_build(c, failing, false) && event_end(c, inst->uuid, job_event(job->kind), NULL) && instance_save(c, inst));
}

/* Is there a host that has failed and led to no other yet? */
static const char *newly_failed(const struct job *job)
{
    json_t *tried = json_object_get(job->args, "tried");
    int64_t counted = json_get_int(job->args, "counted", 0);
    void *each = json_object_iter(tried);

    while (each && counted-- > 0)
        each = json_object_iter_next(tried, each);
    return json_object_iter_key(each);
}

static bool build_again(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);
    int64_t most = nova_options()->max_attempts;
    const char *failing = newly_failed(job);
    size_t n = json_object_size(json_object_get(job->args, "tried"));
    json_t *request = inst ? json_of(c, inst->request) : NULL;

    if (!inst || !failing || most == 1 || json_get_string(request, "force_host") || json_get_string(request, "force_node") ||
        !turn_to_next(c, job, failing))
        return false;
    if ((int64_t)n >= most)
        return fail(c, MAX_RETRIES, ctx_printf(c, "Exceeded max scheduling attempts %" PRId64 " for instance %s. Last exception: %s",
                                               most, inst->uuid, job_error(job)));
    json_object_set_new(job->args, "counted", json_integer((json_int_t)n));
    return true;
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
        host_note_build(c, inst->host, true);
        if (!inst->root_device_name)
            inst->root_device_name = ctx_strdup(c, "/dev/vda");
    }
    return job_ends(c, job, inst, true);
}

static const struct step build_steps[] = {
    { TASK_SCHEDULING, schedule, unschedule },
    { TASK_NETWORKING, make_ports, drop_ports },
    { TASK_SPAWNING, step_spawn, undo_spawn },
    { "plugging", step_plugged, NULL },
    {}
};

const struct job_kind build_job = { .name = "build", .steps = build_steps, .deadline_s = 3600, .again = build_again, .finished = build_finished };
