/* Shelve: the disk becomes an image and the instance leaves its host; unshelve gives it one again, from that image. */
#include "nova/jobs/parts.h"

#include "oslo/client/client.h"

#include <string.h>

static bool stop(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && guest_change(c, inst, GUEST_STOP);
}

static void start_again(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && inst->host && !strcmp(inst->vm_state, VM_ACTIVE))
        guest_change(c, inst, GUEST_START);
}

/* The image's id is written down before its bytes come, so that a second run fills the same one. */
static bool make_image(struct ctx *c, struct job *job, const struct instance *inst)
{
    json_t *body = ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "name", ctx_printf(c, "%s-shelved", inst->name),
                                         "visibility", "private", "disk_format", "qcow2", "container_format", "bare", "owner", inst->project_id,
                                         "image_type", "snapshot", "instance_uuid", inst->uuid, "min_disk", (json_int_t)inst->root_gb));
    struct call call = { .type = "image", .method = "POST", .path = "/v2/images", .as_service = true, .body = body };

    if (json_object_get(job->args, "image_id"))
        return true;
    if (!client_call(c, &call))
        return false;
    json_object_set(job->args, "image_id", json_object_get(call.reply, "id"));
    return job_save(c, job);
}

static bool upload(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && instance_task(c, inst->uuid, TASK_SHELVING_IMAGE_UPLOADING) && make_image(c, job, inst) &&
           image_from_guest(c, inst, json_get_string(job->args, "image_id"), NULL);
}

static void drop_image(struct ctx *c, struct job *job)
{
    image_delete(c, json_get_string(job->args, "image_id"));
}

static bool offload(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    if (!inst || !instance_task(c, inst->uuid, TASK_SHELVING_OFFLOADING))
        return false;
    if (inst->host && !compute_work(c, inst, RPC_DESTROY_GUEST, json_pack("{s:b}", "keep_files", 0)))
        return false;
    return ports_bind(c, inst, "") && claim_drop(c, inst->uuid);
}

static void set_metadata(struct ctx *c, struct instance *inst, const char *name, const char *value)
{
    json_t *kept = json_of(c, inst->system_metadata);

    if (value)
        json_object_set_new(kept, name, json_string(value));
    else
        json_object_del(kept, name);
    inst->system_metadata = json_text(c, kept);
}

static bool shelved(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);
    char at[TIME_TEXT_SIZE];

    if (!inst)
        return !failed(c);
    if (!job->fault.status) {
        inst->vm_state = ctx_strdup(c, VM_SHELVED_OFFLOADED);
        inst->power_state = POWER_SHUTDOWN;
        set_metadata(c, inst, "shelved_at", time_write(at, utc_now(), TIME_ISO_MICRO));
        set_metadata(c, inst, "shelved_host", inst->host);
        if (json_get_string(job->args, "image_id"))
            set_metadata(c, inst, "shelved_image_id", json_get_string(job->args, "image_id"));
        inst->host = inst->node = NULL;
    }
    return job_ends(c, job, inst, false);
}

/* --- unshelve -------------------------------------------------------------------------------------------------- */

static bool place(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    struct request_spec spec = {};

    if (!inst || inst->host)
        return inst != NULL;
    if (!request_spec_init(c, &spec, inst))
        return false;
    if (json_object_get(job->args, "availability_zone"))
        spec.zone = json_get_string(job->args, "availability_zone");
    spec.only_host = json_get_string(job->args, "host");
    json_object_set_new(job->args, "spawn_image", json_string(json_get_string(json_of(c, inst->system_metadata), "shelved_image_id") ?: inst->image_ref));
    return instance_place(c, job, &spec, TASK_SPAWNING);
}

static bool bind(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && ports_bind(c, inst, inst->host) && ports_unwired(c, inst->uuid);
}

static void unbind(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst)
        ports_bind(c, inst, "");
}

static bool clean(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && image_delete(c, json_get_string(json_of(c, inst->system_metadata), "shelved_image_id"));
}

static bool unshelved(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status) {
        job_launched(c, job, inst);
        for (const char *const *name = (const char *const[]){ "shelved_at", "shelved_host", "shelved_image_id", NULL }; *name; name++)
            set_metadata(c, inst, *name, NULL);
    }
    return job_ends(c, job, inst, false);
}

static const struct step shelve_steps[] = {
    { TASK_SHELVING, stop, start_again },
    { TASK_SHELVING_IMAGE_UPLOADING, upload, drop_image },
    { TASK_SHELVING_OFFLOADING, offload },
    {}
};
static const struct step offload_steps[] = { { TASK_SHELVING_OFFLOADING, offload }, {} };
static const struct step unshelve_steps[] = {
    { TASK_UNSHELVING, place, instance_unplace },
    { "binding", bind, unbind },
    { TASK_SPAWNING, step_spawn, undo_spawn },
    { "plugging", step_plugged },
    { "cleaning", clean },
    {}
};

const struct job_kind shelve_job = { .name = "shelve", .steps = shelve_steps, .deadline_s = 7200, .finished = shelved };
const struct job_kind shelve_offload_job = { .name = "shelve_offload", .steps = offload_steps, .deadline_s = 3600, .finished = shelved };
const struct job_kind unshelve_job = { .name = "unshelve", .steps = unshelve_steps, .deadline_s = 3600, .finished = unshelved };
