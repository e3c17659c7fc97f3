/* Live migration: the other host takes the guest in, row and ports go there, the old host lets go. The claim of the old host is the migration's
 * meanwhile.
 */
#include "nova/jobs/parts.h"

#include "nova/model/host.h"

static bool check_up(struct ctx *c, const char *host)
{
    const struct service_row *service = service_find_by_host(c, host, "nova-compute");

    return (service && service_is_up(service)) || fail(c, COMPUTE_SERVICE_UNAVAILABLE, host);
}

static bool check_hosts(struct ctx *c, const struct instance *inst, const char *forced)
{
    if (!check_up(c, inst->host))
        return false;
    if (forced && text_equal(forced, inst->host))
        return fail(c, UNABLE_TO_MIGRATE_TO_SELF, inst->uuid, inst->host);
    return !forced || check_up(c, forced);
}

bool live_migration_check(struct ctx *c, const struct instance *inst, const char *host, const char *forced)
{
    struct request_spec spec = {};
    size_t n;

    if (!check_hosts(c, inst, forced) || !request_spec_init(c, &spec, inst))
        return false;
    spec.force_node = NULL;
    spec.force_host = forced;
    spec.only_host = host;
    spec.not_host = inst->host;
    return scheduler_select(c, &spec, &n) != NULL;
}

static bool choose(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    struct request_spec spec = {};

    if (!inst || !move_begin(c, job, inst, "live-migration") || !request_spec_init(c, &spec, inst))
        return false;
    spec.only_host = job_arg(job, "host");
    spec.not_host = inst->host;
    if (!job_arg(job, "host_to") && (!check_hosts(c, inst, job_arg(job, "force_host")) || !move_choose(c, job, &spec, true)))
        return false;
    return db_begin(c) && tx_end(c, migration_placed(c, job, "preparing"));
}

static void unchoose(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst)
        move_give_back(c, job, inst);
}

/* Asks a host that is not, or no longer, the row's. */
static bool ask(struct ctx *c, const struct instance *inst, const char *host, const char *method, json_t *args)
{
    struct instance there = *inst;

    there.host = ctx_strdup(c, host);
    return compute_work(c, &there, method, args) != NULL;
}

static bool take_in(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && ask(c, inst, job_arg(job, "host_to"), RPC_PRE_LIVE_MIGRATION, json_object());
}

static void put_out(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst)
        ask(c, inst, job_arg(job, "host_to"), RPC_LIVE_MIGRATION, json_pack("{s:s}", "host_to", job_arg(job, "source")));
}

static bool turn(struct ctx *c, struct job *job)
{
    return move_take(c, job, job_arg(job, "host_to"), job_arg(job, "node_to"), job_arg(job, "zone_to"));
}

static void turn_back(struct ctx *c, struct job *job)
{
    move_take(c, job, job_arg(job, "source"), job_arg(job, "source_node"), job_arg(job, "source_zone"));
}

static bool let_go(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && ask(c, inst, job_arg(job, "source"), RPC_LIVE_MIGRATION, json_pack("{s:s}", "host_to", job_arg(job, "host_to"))) &&
           claim_drop(c, job_arg(job, "migration"));
}

static bool finished(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (!job->fault.status)
        inst->launched_on = inst->host;
    return migration_status(c, job_arg(job, "migration"), job->fault.status ? "error" : "completed") && job_ends(c, job, inst, false);
}

static const struct step steps[] = {
    { TASK_MIGRATING, choose, unchoose },
    { "preparing", take_in, put_out },
    { "running", turn, turn_back },
    { "post-migrating", let_go },
    {}
};

const struct job_kind live_migrate_job = { .name = "live_migrate", .steps = steps, .deadline_s = 3600, .finished = finished };
