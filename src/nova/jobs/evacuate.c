/* The same instance on another host, as its own is dead: from a fresh disk of its image, with its ports. Until the dead host is back it counts on
 * both; then what it had there goes (evacuations_end).
 */
#include "nova/jobs/parts.h"

#include "nova/model/host.h"

static bool choose(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    struct request_spec spec = {};

    if (!inst || !move_begin(c, job, inst, "evacuation") || !request_spec_init(c, &spec, inst))
        return false;
    spec.only_host = job_arg(job, "host");
    spec.not_host = job_arg(job, "source");
    if (!job_arg(job, "host_to") && !move_choose(c, job, &spec, false))
        return false;
    return db_begin(c) && tx_end(c, migration_placed(c, job, "pre-migrating"));
}

static void unchoose(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && job_arg(job, "source"))
        claim_only(c, inst, job_arg(job, "source"), job_arg(job, "source_node"));
}

static bool move(struct ctx *c, struct job *job)
{
    return move_take(c, job, job_arg(job, "host_to"), job_arg(job, "node_to"), job_arg(job, "zone_to")) && ports_unwired(c, job->resource_id);
}

static void move_back(struct ctx *c, struct job *job)
{
    move_take(c, job, job_arg(job, "source"), job_arg(job, "source_node"), job_arg(job, "source_zone"));
}

/* On storage that the hosts share its disks are what it had. */
static void unspawn(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && inst->host)
        compute_work(c, inst, RPC_DESTROY_GUEST, json_pack("{s:b, s:s?}", "keep_files", 0, "lives_on", job_arg(job, "source")));
}

static bool finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status) {
        job_rebuilt(c, job, inst);
        inst->launched_on = inst->host;
    }
    return migration_status(c, job_arg(job, "migration"), job->fault.status ? "failed" : "done") && job_ends(c, job, inst, true);
}

static const struct step steps[] = {
    { TASK_REBUILDING, choose, unchoose },
    { "moving", move, move_back },
    { TASK_REBUILD_SPAWNING, step_rebuild_spawn, unspawn },
    { "plugging", step_plugged },
    { "stopping_again", step_stop_again },
    {}
};

const struct job_kind evacuate_job = { .name = "evacuate", .steps = steps, .deadline_s = 3600, .finished = finished };

/* --- when the host is back ------------------------------------------------------------------------------------- */

/* One that has moved on or gone since holds nothing there any more. */
static bool end_one(struct ctx *c, const char *migration, const char *instance_uuid)
{
    const struct instance *inst = instance_find(c, instance_uuid);

    if (failed(c) || (inst && inst->host && !claim_only(c, inst, inst->host, inst->node)))
        return false;
    return db_begin(c) && tx_end(c, migration_status(c, migration, "completed"));
}

bool evacuations_end(struct ctx *c, const char *host)
{
    const struct service_row *service;
    GPtrArray *ends = g_ptr_array_new();
    bool ok = true;

    for (struct rows *r = db_query(c, "SELECT uuid, instance_uuid FROM instance_migrations WHERE source_compute = $1"
                                   " AND migration_type = 'evacuation' AND status = 'done'", T(host)); db_next(r);) {
        g_ptr_array_add(ends, db_text(r, 0));
        g_ptr_array_add(ends, db_text(r, 1));
    }
    service = ends->len ? service_find_by_host(c, host, "nova-compute") : NULL;
    for (guint i = 0; ok && service && service_is_up(service) && i < ends->len; i += 2)
        ok = end_one(c, ends->pdata[i], ends->pdata[i + 1]);
    g_ptr_array_free(ends, true);
    return ok && !failed(c);
}
