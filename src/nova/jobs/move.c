/* What jobs share that take an instance to another host: the migration's row, the host chosen and claimed. The args keep "migration" (its
 * uuid), "source", "source_node" and "source_zone", "host_to", "node_to" and "zone_to", and the "old_vm_state"; "force_host" asks no filter.
 */
#include "nova/jobs/parts.h"

static bool migration_insert(struct ctx *c, const struct job *job, const struct instance *inst, const char *type)
{
    int64_t now = clock_us();

    return db_exec(c, "INSERT INTO instance_migrations (id, uuid, instance_uuid, migration_type, status, source_compute, source_node, user_id,"
                   " project_id, created_at, updated_at) VALUES ($1, $2, $3, $4, 'accepted', $5, $6, $7, $8, $9, $9) ON CONFLICT (uuid) DO NOTHING",
                   I(counter_next(c, "migrations")), T(job_arg(job, "migration")), T(inst->uuid), T(type), T(job_arg(job, "source")),
                   T(job_arg(job, "source_node")), T(c->who.user_id), T(c->who.project_id), I(now));
}

bool move_begin(struct ctx *c, struct job *job, const struct instance *inst, const char *type)
{
    if (!job_arg(job, "migration")) {
        json_object_update_new(job->args, json_pack("{s:s, s:s?, s:s?, s:s?, s:s}", "migration", uuid_new(c), "source", inst->host, "source_node",
                                                    inst->node, "source_zone", inst->availability_zone, "old_vm_state", inst->vm_state));
        if (!job_save(c, job))
            return false;
    }
    return db_begin(c) && tx_end(c, migration_insert(c, job, inst, type));
}

bool move_choose(struct ctx *c, struct job *job, struct request_spec *spec, bool holds)
{
    const struct instance *inst = spec->inst;
    struct host_state **hosts;
    size_t n;

    /* Killed before it could say which host it had claimed. */
    if (job->attempts > 0 && !(holds ? move_give_back(c, job, inst) : claim_only(c, inst, job_arg(job, "source"), job_arg(job, "source_node"))))
        return false;
    spec->force_host = job_arg(job, "force_host");
    spec->force_node = NULL;
    hosts = scheduler_select(c, spec, &n);
    for (size_t i = 0; hosts && i < n; i++) {
        if (holds ? claim_move(c, inst, inst->uuid, job_arg(job, "migration"), hosts[i]->allocations) : claim_add(c, inst, hosts[i]->allocations)) {
            json_object_set_new(job->args, "host_to", json_string(hosts[i]->node->host));
            json_object_set_new(job->args, "node_to", json_string(hosts[i]->node->hypervisor_hostname));
            json_object_set_new(job->args, "zone_to", json_string(hosts[i]->zone));
            return true;
        }
        if (c->fault.status != 409)
            return false;
        fault_clear(c);
    }
    return hosts && fail(c, MAX_RETRIES, ctx_printf(c, "Exhausted all hosts available for migrating instance %s.", inst->uuid));
}

bool move_give_back(struct ctx *c, struct job *job, const struct instance *inst)
{
    json_t *held = job_arg(job, "migration") ? claim_get(c, job_arg(job, "migration")) : NULL;

    if (!held || !json_object_size(held))
        return !failed(c);
    return claim_move(c, inst, job_arg(job, "migration"), inst->uuid, ctx_json(c, json_object()));
}

bool move_take(struct ctx *c, struct job *job, const char *host, const char *node, const char *zone)
{
    struct instance *inst = instance_edit(c, job->resource_id);

    if (!inst)
        return false;
    inst->host = ctx_strdup(c, host);
    inst->node = ctx_strdup(c, node);
    if (zone)
        inst->availability_zone = ctx_strdup(c, zone);
    return instance_edited(c, inst) && ports_bind(c, inst, host);
}

bool migration_placed(struct ctx *c, const struct job *job, const char *status)
{
    return db_exec(c, "UPDATE instance_migrations SET status = $1, dest_compute = $2, dest_node = $3, updated_at = $4 WHERE uuid = $5", T(status),
                   T(job_arg(job, "host_to")), T(job_arg(job, "node_to")), I(clock_us()), T(job_arg(job, "migration")));
}

bool migration_status(struct ctx *c, const char *uuid, const char *status)
{
    return !uuid || db_exec(c, "UPDATE instance_migrations SET status = $1, updated_at = $2 WHERE uuid = $3", T(status), I(clock_us()), T(uuid));
}
