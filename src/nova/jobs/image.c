/* The root disk becomes an image: snapshots, and backups of which only so many are kept. */
#include "nova/jobs/parts.h"

#include "oslo/client/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool glance(struct ctx *c, const char *method, const char *path, const char *accept_404, json_t **ret_reply)
{
    struct call call = { .type = "image", .method = method, .path = path, .as_service = true, .accept_404 = accept_404 };

    if (!client_call(c, &call))
        return false;
    if (ret_reply)
        *ret_reply = call.reply;
    return true;
}

bool image_delete(struct ctx *c, const char *image_id)
{
    return !image_id || glance(c, "DELETE", ctx_printf(c, "/v2/images/%s", image_id), "", NULL);
}

/* Formats stand before bytes come. */
static bool image_patch(struct ctx *c, const char *image_id, json_t *operations)
{
    const struct pair headers[] = { { "Content-Type", "application/openstack-images-v2.1-json-patch" }, {} };
    char *text = json_dumps(operations, JSON_COMPACT);
    struct call call = { .type = "image", .method = "PATCH", .headers = headers, .as_service = true };
    bool ok;

    json_decref(operations);
    call.bytes = ctx_strdup(c, text);
    call.size = strlen(text);
    free(text);
    call.path = ctx_printf(c, "/v2/images/%s", image_id);
    ok = client_call(c, &call);
    return ok;
}

static json_t *set_member(const char *name, const char *value)
{
    return json_pack("{s:s, s:s, s:s}", "op", "add", "path", name, "value", value);
}

bool image_from_guest(struct ctx *c, const struct instance *inst, const char *image_id, const char *backup_type)
{
    json_t *image = NULL, *operations;

    if (!glance(c, "GET", ctx_printf(c, "/v2/images/%s", image_id), NULL, &image))
        return false;
    if (text_equal(json_get_string(image, "status"), "active"))
        return true;                 /* by an earlier run of this step */
    operations = json_pack("[o, o]", set_member("/disk_format", "qcow2"), set_member("/container_format", "bare"));
    if (backup_type)
        json_array_append_new(operations, set_member("/backup_type", backup_type));
    return image_patch(c, image_id, operations) && compute_work(c, inst, RPC_SNAPSHOT_GUEST, json_pack("{s:s}", "image_id", image_id)) != NULL;
}

static bool upload(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && instance_task(c, inst->uuid, TASK_IMAGE_UPLOADING) &&
           image_from_guest(c, inst, json_get_string(job->args, "image_id"), json_get_string(job->args, "backup_type"));
}

static void drop_image(struct ctx *c, struct job *job)
{
    image_delete(c, json_get_string(job->args, "image_id"));
}

/* The newest stay. */
static bool rotate(struct ctx *c, struct job *job)
{
    int64_t keep = json_get_int(job->args, "rotation", 0);
    json_t *reply = NULL, *image;
    size_t i;

    if (!glance(c, "GET", ctx_printf(c, "/v2/images?image_type=backup&backup_type=%s&instance_uuid=%s&sort=created_at:desc&limit=1000",
                                     client_quote(c, json_get_string(job->args, "backup_type")), job->resource_id), NULL, &reply))
        return false;
    json_array_foreach(json_object_get(reply, "images"), i, image)
        if ((int64_t)i >= keep && !image_delete(c, json_get_string(image, "id")))
            return false;
    return true;
}

static bool finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    return inst ? job_ends(c, job, inst, false) : !failed(c);
}

static const struct step snapshot_steps[] = { { TASK_IMAGE_UPLOADING, upload, drop_image }, {} };
static const struct step backup_steps[] = { { TASK_IMAGE_UPLOADING, upload, drop_image }, { "rotating", rotate }, {} };

const struct job_kind snapshot_job = { .name = "snapshot", .steps = snapshot_steps, .deadline_s = 7200, .finished = finished };
const struct job_kind backup_job = { .name = "backup", .steps = backup_steps, .deadline_s = 7200, .finished = finished };
