/* What jobs share that take an instance to another host: the migration's row, the host chosen and claimed. The args keep "migration" (its
 * uuid), "source" and "source_node", "host_to" and "node_to", and the "old_vm_state".
 */
#include "nova/jobs/parts.h"

static const char *arg(const struct job *job, const char *name)
{
    return json_get_string(job->args, name);
}

bool move_begin(struct ctx *c, struct job *job, const struct instance *inst)
{
    if (arg(job, "migration"))
        return true;
    json_object_update_new(job->args, json_pack("{s:s, s:s?, s:s?, s:s}", "migration", uuid_new(c), "source", inst->host, "source_node",
                                                inst->node, "old_vm_state", inst->vm_state));
    return job_save(c, job);
}

bool move_choose(struct ctx *c, struct job *job, struct request_spec *spec, bool holds)
{
    const struct instance *inst = spec->inst;
    struct host_state **hosts;
    size_t n;

    /* Killed before it could say which host it had claimed. */
    if (job->attempts > 0 && !(holds ? move_give_back(c, job, inst) : claim_only(c, inst, arg(job, "source"), arg(job, "source_node"))))
        return false;
    spec->force_host = spec->force_node = NULL;
    hosts = scheduler_select(c, spec, &n);
    for (size_t i = 0; hosts && i < n; i++) {
        if (holds ? claim_move(c, inst, inst->uuid, arg(job, "migration"), hosts[i]->allocations) : claim_add(c, inst, hosts[i]->allocations)) {
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
    json_t *held = arg(job, "migration") ? claim_get(c, arg(job, "migration")) : NULL;

    if (!held || !json_object_size(held))
        return !failed(c);
    return claim_move(c, inst, arg(job, "migration"), inst->uuid, ctx_json(c, json_object()));
}

bool migration_insert(struct ctx *c, const struct job *job, const struct instance *inst, const char *type, const char *status)
{
    int64_t now = clock_us();

    return db_exec(c, "INSERT INTO instance_migrations (id, uuid, instance_uuid, migration_type, status, source_compute, source_node, dest_compute,"
                   " dest_node, user_id, project_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)"
                   " ON CONFLICT (uuid) DO NOTHING",
                   I(counter_next(c, "migrations")), T(arg(job, "migration")), T(inst->uuid), T(type), T(status), T(arg(job, "source")),
                   T(arg(job, "source_node")), T(arg(job, "host_to")), T(arg(job, "node_to")), T(c->who.user_id), T(c->who.project_id), I(now));
}

bool migration_status(struct ctx *c, const char *uuid, const char *status)
{
    return !uuid || db_exec(c, "UPDATE instance_migrations SET status = $1, updated_at = $2 WHERE uuid = $3", T(status), I(clock_us()), T(uuid));
}
