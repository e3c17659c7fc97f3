/* How an action is carried out. */
#include "nova/api/action.h"

#include "nova/jobs/jobs.h"
#include "nova/model/action.h"

#include <string.h>

static bool wrong_state(struct ctx *c, const struct instance *inst, const struct server_action *a, const char *attr, const char *state)
{
    return fail(c, INSTANCE_INVALID_STATE, a->name, inst->uuid, attr, state ? state : "None");
}

static bool task_fits(const struct instance *inst, const struct server_action *a)
{
    if (a->any_task)
        return true;
    return a->tasks ? text_in(inst->task_state ? inst->task_state : "", a->tasks) : !inst->task_state;
}

bool action_allowed(struct ctx *c, const struct instance *inst, const struct server_action *a)
{
    if (inst->locked && !a->lockless && !c->who.is_admin)
        return fail(c, INSTANCE_IS_LOCKED, inst->uuid);
    if (a->states && !text_in(inst->vm_state, a->states))
        return wrong_state(c, inst, a, "vm_state", inst->vm_state);
    if (!task_fits(inst, a))
        return wrong_state(c, inst, a, "task_state", inst->task_state);
    return a->unlaunched || inst->launched_at.us || wrong_state(c, inst, a, "launched_at", NULL);
}

/* Someone else may have begun something since the row was read. */
static bool take_task(struct ctx *c, struct instance *inst, const struct server_action *a)
{
    const char *before = inst->task_state ? inst->task_state : "";

    if (!a->task)
        return true;
    if (!instance_set_task(c, inst->uuid, a->any_task ? NULL : before, a->task))
        return failed(c) ? false : wrong_state(c, inst, a, "task_state", db_get_text(c, "SELECT task_state FROM instances WHERE uuid = $1",
                                                                                     T(inst->uuid)));
    inst->task_state = *a->task ? ctx_strdup(c, a->task) : NULL;
    return true;
}

static bool carry_out(struct ctx *c, struct instance *inst, const struct server_action *a, const struct doing *d)
{
    return take_task(c, inst, a) && (!a->prepare || instance_save(c, inst)) && (!a->record || action_begin(c, inst->uuid, a->record)) &&
           (!a->job || instance_action_start(c, inst, a->job, d->args)) && (a->job || !a->record || action_end(c, inst->uuid, NULL));
}

bool action_run(struct ctx *c, struct instance *inst, const struct server_action *a, struct doing *d)
{
    if (!action_allowed(c, inst, a) || (a->prepare && !a->prepare(c, inst, d)))
        return false;
    if (a->job && !instance_action_exists(a->job))
        return fail(c, NOT_IMPLEMENTED, "The requested functionality is not supported.");
    if (!db_begin(c) || !tx_done(c, carry_out(c, inst, a, d)))
        return false;
    if (a->job)
        jobs_wake(c->service);
    return true;
}

bool server_act(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct server_action *a = rq->route->data;
    struct doing d = { .args = ctx_json(c, json_object()) };
    json_t *body = request_json(c, rq);
    struct instance *inst;

    if (!body || (a->schema && !schema_check(c, a->schema, body)))
        return false;
    inst = server_get(c, rq);
    d.asked = json_object_get(body, rq->route->action);
    return inst && action_run(c, inst, a, &d) && (!a->reply || a->reply(c, rp, inst, &d));
}
