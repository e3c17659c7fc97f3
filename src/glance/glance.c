/* Everything Glance is. */
#include "glance/glance.h"

#include "glance/api/errors.h"
#include "glance/model/image.h"
#include "glance/model/schema.h"
#include "glance/model/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const struct attr option_attrs[] = {
    ATTR(struct glance_options, image_size_cap, 0, .unset = "1099511627776", .min = 1, .max = INT64_MAX, .help = "The largest image, in bytes."),
    ATTR(struct glance_options, image_property_quota, 0, .unset = "128", .min = -1, .max = 100000, .help = "Custom properties an image may have; -1: any number."),
    ATTR(struct glance_options, image_tag_quota, 0, .unset = "128", .min = -1, .max = 100000, .help = "Tags an image may have; -1: any number."),
    ATTR(struct glance_options, image_member_quota, 0, .unset = "128", .min = -1, .max = 100000, .help = "Members an image may have; -1: any number."),
    ATTR(struct glance_options, limit_param_default, 0, .unset = "25", .min = 1, .max = 100000, .help = "Length of a page when the client names none."),
    ATTR(struct glance_options, api_limit_max, 0, .unset = "1000", .min = 1, .max = 100000, .help = "The longest page."),
    ATTR(struct glance_options, task_time_to_live, 0, .unset = "48", .min = 1, .max = 1000000, .help = "Hours a finished task is kept."),
    ATTR(struct glance_options, import_ports, 0, .unset = "80,443", .help = "The ports web-download may read from."),
    ATTR(struct glance_options, import_from_loopback, 0, .unset = "true", .help = "Whether web-download may read from this host's own addresses."),
    {}
};

static const struct route *const routes[] = {
    glance_version_routes, glance_image_routes, glance_data_routes, glance_member_routes, glance_tag_routes, glance_action_routes,
    glance_info_routes, glance_schema_routes, glance_import_routes,
    glance_task_routes, glance_namespace_routes, glance_item_routes, glance_resource_type_routes, NULL
};

static const struct job_kind *const jobs[] = { &import_job, NULL };

const struct rest_style glance_style = {
    .times = TIME_ISO_Z, .own_401 = true, .error = glance_error_write, .invalid = glance_error_invalid, .not_found = glance_error_not_found,
    .forbidden = glance_error_forbidden, .finish = glance_answer_finish,
};

const struct glance_options *glance_options(void)
{
    return service_options(&glance);
}

/* The resource types metadata definitions are usually for. */
static bool bootstrap(struct ctx *c)
{
    static const char *const types[] = {
        "OS::Cinder::Volume", "OS::Glance::Image", "OS::Nova::Aggregate", "OS::Nova::Flavor", "OS::Nova::Server", "OS::Trove::Instance", NULL
    };

    if (!db_begin(c))
        return false;
    for (const char *const *type = types; *type; type++)
        if (!db_exec(c, "INSERT INTO metadef_resource_types (name, created_at, updated_at) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING", T(*type),
                     I(clock_us()))) {
            db_rollback(c);
            return false;
        }
    return db_commit(c);
}

/* Data and stagings that belong to an image. */
static bool keep(struct ctx *c, const char *id, bool staged)
{
    return db_count(c, staged ? "SELECT count(*) FROM images WHERE id = $1 AND status IN ('uploading', 'importing')"
                              : "SELECT count(*) FROM images WHERE id = $1 AND (store IS NOT NULL OR status = 'importing')", T(id)) > 0 || failed(c);
}

/* Is this the first process that serves Glance here? Each keeps a share of a lock as long as it lives. */
static bool only_one(struct ctx *c)
{
    int fd = open(ctx_printf(c, "%s/glance.lock", common_options->state_dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool alone = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);

    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB))
        close(fd);
    return alone;
}

/* What a killed process has left: uploads that nobody will finish, files that no image has. Not while others may be at it. */
static bool start(struct ctx *c)
{
    if (!glance_schemas_load(c) || !store_open(c))
        return false;
    if (!only_one(c))
        return true;
    if (!db_begin(c))
        return false;
    if (!db_exec(c, "UPDATE images SET status = 'queued', size = NULL WHERE status = 'saving' OR (status = 'uploading' AND size IS NULL)")) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    store_sweep(c, keep);
    return !failed(c);
}

const struct service glance = {
    .name = "glance", .type = "image", .title = "Image Service", .port = 9292, .endpoint = "", .base = "/v2",
    .style = &glance_style, .routes = routes, .policies = glance_policies, .migrations = glance_migrations, .jobs = jobs, .jobs_role = "api",
    .options = option_attrs, .options_size = sizeof(struct glance_options), .bootstrap = bootstrap, .start = start,
};
