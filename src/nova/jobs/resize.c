/* Another flavor, or another host: claimed beside what is held, which the migration holds until the user confirms or reverts.
 * Guests with files stay on their host; simulated ones may move.
 */
#include "nova/jobs/parts.h"

#include "nova/model/flavor.h"
#include "nova/options.h"
#include "nova/virt/virt.h"

#include <string.h>

static bool hosts_differ(const struct job *job)
{
    return !text_equal(job_arg(job, "source"), job_arg(job, "host_to"));
}

/* --- migrations ------------------------------------------------------------------------------------------------ */

/* The one that waits for confirm or revert: uuid, and where it came from. */
static bool migration_read(struct ctx *c, struct job *job)
{
    struct rows *r = db_query(c, "SELECT uuid, source_compute, source_node, dest_compute FROM instance_migrations WHERE instance_uuid = $1"
                              " AND status = 'finished' ORDER BY id DESC", T(job->resource_id));

    if (job_arg(job, "migration"))
        return db_rows_end(r), true;
    if (!db_next(r))
        return !failed(c);
    json_object_set_new(job->args, "migration", json_string(db_text(r, 0)));
    json_object_set_new(job->args, "host_to", json_string(db_text(r, 1)));
    json_object_set_new(job->args, "node_to", json_string(db_text(r, 2)));
    json_object_set_new(job->args, "source", json_string(db_text(r, 3)));
    db_rows_end(r);
    return true;
}

/* --- resize ---------------------------------------------------------------------------------------------------- */

static struct instance *as_wanted(struct ctx *c, const struct job *job, const struct instance *inst)
{
    struct instance *wanted = ctx_new(c, struct instance);
    json_t *flavor = json_object_get(job->args, "flavor");

    *wanted = *inst;
    if (flavor)
        instance_set_flavor(c, wanted, flavor_from_json(c, flavor));
    return wanted;
}

static bool choose(struct ctx *c, struct job *job, const struct instance *inst)
{
    struct instance *wanted = as_wanted(c, job, inst);
    bool cold = !strcmp(job->kind, "migrate");
    struct request_spec spec = {};

    if (!request_spec_init(c, &spec, wanted))
        return false;
    spec.only_host = job_arg(job, "host") ? job_arg(job, "host") : virt_moves() ? NULL : inst->host;
    spec.not_host = cold || !nova_options()->allow_resize_to_same_host ? inst->host : NULL;
    return move_choose(c, job, &spec, true);
}

static bool prepare(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    if (!inst || !move_begin(c, job, inst, strcmp(job->kind, "resize") ? "migration" : "resize") ||
        (!job_arg(job, "host_to") && !choose(c, job, inst)) || !(inst = instance_edit(c, inst->uuid)))
        return false;
    inst->old_flavor = json_text(c, flavor_to_json(c, instance_flavor(c, inst)));
    inst->new_flavor = json_text(c, flavor_to_json(c, instance_flavor(c, as_wanted(c, job, inst))));
    inst->task_state = ctx_strdup(c, TASK_RESIZE_MIGRATING);
    return tx_end(c, migration_placed(c, job, "migrating") && instance_save(c, inst));
}

static void unprepare(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst)
        move_give_back(c, job, inst);
}

static bool stop(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && guest_change(c, inst, GUEST_STOP) && instance_task(c, inst->uuid, TASK_RESIZE_FINISH);
}

static void start_again(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && text_equal(job_arg(job, "old_vm_state"), VM_ACTIVE))
        guest_change(c, inst, GUEST_START);
}

/* The row takes the flavor and the host, the guest follows the row. */
static bool take(struct ctx *c, struct job *job, raw_json flavor, const char *host, const char *node, bool revert)
{
    struct instance *inst = instance_edit(c, job->resource_id);

    if (!inst)
        return false;
    instance_set_flavor(c, inst, flavor_from_json(c, json_of(c, flavor)));
    inst->host = ctx_strdup(c, host);
    inst->node = ctx_strdup(c, node);
    if (!instance_edited(c, inst))
        return false;
    if (hosts_differ(job) && !ports_bind(c, inst, host))
        return false;
    if (!compute_work(c, inst, RPC_RESIZE_GUEST, json_pack("{s:b}", "revert", (int)revert)))
        return false;
    return !text_equal(job_arg(job, "old_vm_state"), VM_ACTIVE) || guest_change(c, inst, GUEST_START);
}

static bool finish(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    return inst && take(c, job, inst->new_flavor, job_arg(job, "host_to"), job_arg(job, "node_to"), false);
}

static void unfinish(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (inst && inst->old_flavor.text)
        take(c, job, inst->old_flavor, job_arg(job, "source"), job_arg(job, "source_node"), true);
}

static void set_old_state(struct ctx *c, struct instance *inst, const char *state)
{
    json_t *kept = json_of(c, inst->system_metadata);

    if (state)
        json_object_set_new(kept, "old_vm_state", json_string(state));
    else
        json_object_del(kept, "old_vm_state");
    inst->system_metadata = json_text(c, kept);
}

static bool resized(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);

    if (!inst)
        return !failed(c);
    if (job->fault.status) {
        inst->old_flavor.text = inst->new_flavor.text = NULL;
    } else {
        inst->vm_state = ctx_strdup(c, VM_RESIZED);
        inst->power_state = text_equal(job_arg(job, "old_vm_state"), VM_ACTIVE) ? POWER_RUNNING : POWER_SHUTDOWN;
        inst->launched_at = utc_now();
        set_old_state(c, inst, job_arg(job, "old_vm_state"));
    }
    return migration_status(c, job_arg(job, "migration"), job->fault.status ? "error" : "finished") && job_ends(c, job, inst, false);
}

/* --- confirm and revert ------------------------------------------------------------------------------------------ */

static bool confirm(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);

    if (!inst || !migration_read(c, job))
        return false;
    return compute_work(c, inst, RPC_CONFIRM_GUEST, json_object()) && (!job_arg(job, "migration") || claim_drop(c, job_arg(job, "migration")));
}

static bool revert(struct ctx *c, struct job *job)
{
    struct instance *inst = job_instance(c, job);
    json_t *held;

    if (!inst || !migration_read(c, job) || !inst->old_flavor.text)
        return inst && !failed(c);
    json_object_set_new(job->args, "old_vm_state", json_string(json_get_string(json_of(c, inst->system_metadata), "old_vm_state") ?: VM_ACTIVE));
    if (!guest_change(c, inst, GUEST_STOP) || !take(c, job, inst->old_flavor, job_arg(job, "host_to"), job_arg(job, "node_to"), true))
        return false;
    held = job_arg(job, "migration") ? claim_get(c, job_arg(job, "migration")) : NULL;
    return !held || !json_object_size(held) ? !failed(c) : claim_move(c, inst, job_arg(job, "migration"), inst->uuid, ctx_json(c, json_object()));
}

static bool settled(struct ctx *c, struct job *job)
{
    struct instance *inst = instance_find(c, job->resource_id);
    bool confirmed = !strcmp(job->kind, "confirm_resize"), active;

    if (!inst)
        return !failed(c);
    if (job->fault.status)
        return job_ends(c, job, inst, true);
    active = !text_equal(json_get_string(json_of(c, inst->system_metadata), "old_vm_state"), VM_STOPPED);
    inst->vm_state = ctx_strdup(c, active ? VM_ACTIVE : VM_STOPPED);
    inst->power_state = active ? POWER_RUNNING : POWER_SHUTDOWN;
    inst->old_flavor.text = inst->new_flavor.text = NULL;
    set_old_state(c, inst, NULL);
    return migration_status(c, job_arg(job, "migration"), confirmed ? "confirmed" : "reverted") && job_ends(c, job, inst, true);
}

static const struct step resize_steps[] = {
    { TASK_RESIZE_PREP, prepare, unprepare },
    { TASK_RESIZE_MIGRATING, stop, start_again },
    { TASK_RESIZE_FINISH, finish, unfinish },
    {}
};
static const struct step confirm_steps[] = { { TASK_RESIZE_CONFIRMING, confirm }, {} };
static const struct step revert_steps[] = { { TASK_RESIZE_REVERTING, revert }, {} };

const struct job_kind resize_job = { .name = "resize", .steps = resize_steps, .deadline_s = 3600, .finished = resized };
const struct job_kind migrate_job = { .name = "migrate", .steps = resize_steps, .deadline_s = 3600, .finished = resized };
const struct job_kind confirm_resize_job = { .name = "confirm_resize", .steps = confirm_steps, .deadline_s = 3600, .finished = settled };
const struct job_kind revert_resize_job = { .name = "revert_resize", .steps = revert_steps, .deadline_s = 3600, .finished = settled };
