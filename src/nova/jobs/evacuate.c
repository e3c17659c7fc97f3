/* The same instance on another host, as its own is dead: from a fresh disk of its image, with its ports. Until the dead host is back it counts on
 * both; then what it had there goes (evacuations_end).
 */
#include "nova/jobs/parts.h"

#include "nova/model/host.h"

#include <string.h>

static const char *arg(const struct job *job, const char *name)
{
    return json_get_string(job->args, name);
}

static bool choose(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    struct request_spec spec = {};

    if (!inst || !move_begin(c, job, inst) || !request_spec_init(c, &spec, inst))
        return false;
    spec.only_host = arg(job, "host");
    spec.not_host = arg(job, "source");
    if (!arg(job, "host_to") && !move_choose(c, job, &spec, false))
        return false;
    if (!(inst = instance_edit(c, inst->uuid)))
        return false;
    if (!migration_insert(c, job, inst, "evacuation", "pre-migrating")) {
        db_rollback(c);
        return false;
    }
    return instance_edited(c, inst);
}

static void unchoose(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && arg(job, "source"))
        claim_only(c, inst, arg(job, "source"), arg(job, "source_node"));
}

/* The row has the host, and its ports are bound there. */
static bool be_at(struct ctx *c, struct job *job, const char *host, const char *node, const char *zone)
{
    struct instance *inst = instance_edit(c, job->resource_id);
    json_t *vifs, *vif;
    size_t i;

    if (!inst)
        return false;
    inst->host = ctx_strdup(c, host);
    inst->node = ctx_strdup(c, node);
    if (zone)
        inst->availability_zone = ctx_strdup(c, zone);
    vifs = json_of(c, inst->network_info);
    json_array_foreach(vifs, i, vif)
        json_object_set_new(vif, "active", json_false());
    instance_set_network_info(c, inst, vifs);
    return instance_edited(c, inst) && ports_bind(c, inst, host);
}

static bool move(struct ctx *c, struct job *job)
{
    return be_at(c, job, arg(job, "host_to"), arg(job, "node_to"), arg(job, "zone_to"));
}

/* Its ports stay bound where nobody is: they are the next evacuation's. */
static void move_back(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_edit(c, job->resource_id);

    if (!inst)
        return;
    inst->host = ctx_strdup(c, arg(job, "source"));
    inst->node = ctx_strdup(c, arg(job, "source_node"));
    instance_edited(c, inst);
}

static bool spawn(struct ctx *c, struct job *job)
{
    return instance_task(c, job->resource_id, TASK_REBUILD_SPAWNING) && step_spawn(c, job);
}

static bool stop_again(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && (!text_equal(arg(job, "old_vm_state"), VM_STOPPED) || guest_change(c, inst, GUEST_STOP));
}

static bool finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status) {
        bool stopped = text_equal(arg(job, "old_vm_state"), VM_STOPPED);

        job_launched(c, job, inst);
        inst->launched_on = inst->host;
        inst->fault.text = NULL;
        if (stopped) {
            inst->vm_state = ctx_strdup(c, VM_STOPPED);
            inst->power_state = POWER_SHUTDOWN;
        }
    }
    return migration_status(c, arg(job, "migration"), job->fault.status ? "failed" : "done") && job_ends(c, job, inst, true);
}

static const struct step steps[] = {
    { TASK_REBUILDING, choose, unchoose },
    { "moving", move, move_back },
    { TASK_REBUILD_SPAWNING, spawn, undo_spawn },
    { "plugging", step_plugged },
    { "stopping_again", stop_again },
    {}
};

const struct job_kind evacuate_job = { .name = "evacuate", .steps = steps, .deadline_s = 3600, .finished = finished };

/* --- when the host is back ------------------------------------------------------------------------------------- */

/* One that has moved on or gone since holds nothing there any more. */
static bool end_one(struct ctx *c, const char *migration, const char *instance_uuid)
{
    const struct instance *inst = instance_find(c, instance_uuid);

    if (failed(c) || (inst && inst->host && !claim_only(c, inst, inst->host, inst->node)) || !db_begin(c))
        return false;
    db_relaxed(c);
    if (migration_status(c, migration, "completed"))
        return db_commit(c);
    db_rollback(c);
    return false;
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
