/* An import: data come to the staging area (for web-download), from there into the store, and the image becomes active. Both
 * steps write under a temporary name and may run twice. When the import fails the image is queued again.
 */
#include "glance/model/task.h"
#include "glance/model/store.h"

#include "oslo/http/fetch.h"

#include <string.h>
#include <unistd.h>

#define DOWNLOAD_US ((int64_t)3600 * G_USEC_PER_SEC)

#define DOWNLOAD_FAILED 502, "ImportTaskError", "%s answered with %d."
#define DOWNLOAD_REFUSED 400, "ImportTaskError", "URI for web-download does not pass filtering: %s"
#define IMAGE_LEFT      404, "ImageNotFound", "Image %s has gone."
#define STAGE_LEFT      500, "ImportTaskError", "The staged data of image %s are not there."

static struct image *image_of(struct ctx *c, const struct job *job)
{
    struct image *image = image_find(c, job->resource_id);

    if (!image && !failed(c))
        fail(c, IMAGE_LEFT, job->resource_id);
    return image;
}

struct download {
    struct ctx *c;
    struct staging *staging;
};

static bool take(void *data, const void *bytes, size_t n)
{
    struct download *d = data;

    return staging_put(d->c, d->staging, bytes, n);
}

static bool download(struct ctx *c, struct job *job)
{
    const char *uri = json_get_string(job->args, "uri");
    struct download d = { .c = c };
    struct fetch f = { .method = "GET", .url = uri, .write = take, .data = &d, .timeout_us = DOWNLOAD_US };
    bool ok;

    if (!uri)
        return true;
    f.address = import_address(c, uri);
    if (!f.address)
        return fail(c, DOWNLOAD_REFUSED, uri);
    d.staging = staging_new(c, job->resource_id);
    if (!d.staging)
        return false;
    ok = fetch(c, &f) && (f.status == 200 || fail(c, DOWNLOAD_FAILED, uri, f.status));
    return staging_end(c, d.staging, ok);
}

static ssize_t read_staged(struct ctx *c, void *fd, void *bytes, size_t n)
{
    ssize_t got = read(*(int *)fd, bytes, n);

    if (got < 0)
        fail(c, STAGE_LEFT, "");
    return got;
}

/* In a transaction: the image has its data, the task its success. */
static bool finish(struct ctx *c, struct image *image, const struct job *job)
{
    g_autofree char *message = g_strdup_printf("Copied %" G_GINT64_FORMAT " MiB", image->size.value >> 20);
    json_t *result = ctx_json(c, json_pack("{s:s}", "image_id", image->id));

    image->status = ctx_strdup(c, "active");
    json_object_del(image->properties, "os_glance_import_task");
    json_object_set_new(image->properties, "os_glance_importing_to_stores", json_string(""));
    return image_save(c, image) && task_move(c, json_get_string(job->args, "task"), "success", result, message);
}

static bool store(struct ctx *c, struct job *job)
{
    struct image *image = image_of(c, job);
    int fd = image ? stage_read(c, image->id) : -1;
    struct stored stored;
    bool ok;

    if (!image)
        return false;
    if (fd < 0)
        return strcmp(image->status, "active") == 0 || fail(c, STAGE_LEFT, image->id);
    ok = store_write(c, image->id, text_equal(image->container_format, "bare") ? image->disk_format : NULL, read_staged, &fd, &stored);
    close(fd);
    if (!ok || !db_begin(c))
        return false;
    image = image_of(c, job);
    if (image)
        image_set_stored(c, image, &stored);
    if (!image || !finish(c, image, job)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    stage_remove(c, image->id);
    return true;
}

/* How it ended badly is told by the task and the image, which may be tried again. */
static bool finished(struct ctx *c, struct job *job)
{
    struct image *image;

    if (!job->fault.status)
        return true;
    store_remove(c, job->resource_id);
    if (!task_move(c, json_get_string(job->args, "task"), "failure", NULL, job->fault.message))
        return false;
    image = image_find(c, job->resource_id);
    if (!image)
        return !failed(c);
    image->status = ctx_strdup(c, "queued");
    image->size = image->virtual_size = (opt_int){ 0 };
    image->store = NULL;
    json_object_del(image->properties, "os_glance_import_task");
    json_object_set_new(image->properties, "os_glance_importing_to_stores", json_string(""));
    json_object_set_new(image->properties, "os_glance_failed_import", json_string(STORE));
    return image_save(c, image);
}

static const struct step steps[] = {
    { "downloading", download, NULL },
    { "storing", store, NULL },
    {}
};

const struct job_kind import_job = { .name = "import", .steps = steps, .deadline_s = 7200, .finished = finished };
