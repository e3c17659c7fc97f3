/* One job on one worker: lease, steps, undo, end.
 *
 * What is stored between steps is not synced (a kill does not lose it, a power cut runs a step again); job_save and the
 * end are durable. Every write asks that the lease is still ours, so a job taken over by another process is dropped here.
 */
#include "oslo/jobs/engine.h"
#include "oslo/base/log.h"
#include "oslo/trace/trace.h"

#include <string.h>

#define JOB_CANCELLED 409, "JobCancelled", "%s"
#define JOB_TIMED_OUT 504, "Timeout", "The operation %s did not end in time."
#define JOB_CRASHED 500, "JobCrashed", "The operation %s ended the process that ran it %d times."

#define AWAY_SINCE "away_since"      /* in the args of a job that waits for others: since when */

static const char *const state_names[] = { "run", "undo", "end" };

static bool job_lease(struct running *, const char *id);
static void run_forward(struct running *);
static void run_backward(struct running *);
static void run_end(struct running *);
static void begin_undo(struct running *, const struct fault *);
static bool waits_for_others(struct running *, const struct fault *);
static bool begins_again(struct running *);
static bool job_store(struct running *, bool release, int64_t due_at);
static void job_give_back(struct running *);

void job_run(struct engine *e, const char *id)
{
    struct running r = { .engine = e, .sleep_us = -1 };

    ctx_init(&r.c, e->service, NULL);
    r.c.db = e->db;
    if (job_lease(&r, id)) {
        engine_hold(e, &r);
        if (r.state == JOB_RUN)
            run_forward(&r);
        if (r.state == JOB_UNDO)
            run_backward(&r);
        if (r.state == JOB_END)
            run_end(&r);
        engine_drop(e, &r);
        if (r.unsaved)
            job_give_back(&r);
    }
    json_decref(r.job.args);
    ctx_clear(&r.c);
}

/* --- the row --- */

static const struct job_kind *kind_find(const struct service *service, const char *name)
{
    for (const struct job_kind *const *kind = service->jobs; *kind; kind++)
        if (!strcmp((*kind)->name, name))
            return *kind;
    return NULL;
}

static int step_find(const struct job_kind *kind, const char *name)
{
    int i = 0;

    while (kind->steps[i].name && strcmp(kind->steps[i].name, name))
        i++;
    return i;
}

static void fault_restore(struct ctx *c, struct fault *to, const char *text)
{
    json_t *fault = text ? json_read(c, text, strlen(text)) : NULL;

    if (fault)
        *to = (struct fault){ (int)json_get_int(fault, "status", 500), ctx_strdup(c, json_get_string(fault, "type")),
                              ctx_strdup(c, json_get_string(fault, "message")), ctx_strdup(c, json_get_string(fault, "detail")) };
}

static const char *fault_text(struct ctx *c, const struct fault *fault)
{
    if (!fault->status)
        return NULL;
    return json_text(c, ctx_json(c, json_pack("{si ss* ss* ss*}", "status", fault->status, "type", fault->type, "message", fault->message,
                                              "detail", fault->detail))).text;
}

/* Takes the job if it is still due; false: somebody else has it, or it is gone. */
static bool job_lease(struct running *r, const char *id)
{
    struct ctx *c = &r->c;
    int64_t now = clock_us();
    struct job *job = &r->job;
    struct rows *rows;
    const char *state, *args, *context;

    if (!db_begin(c))
        return false;
    db_relaxed(c);
    rows = db_query(c, "UPDATE jobs SET attempts = CASE WHEN owner IS NULL THEN attempts ELSE attempts + 1 END, owner = $1, due_at = $2, "
                       "poked = FALSE WHERE id = $3 AND due_at <= $4 "
                       "RETURNING kind, resource_id, step, state, args, context, fault, host, attempts, deadline_at, cancelled",
                    T(r->engine->owner), I(now + LEASE_US), T(id), I(now));
    if (!db_next(rows)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    job->id = ctx_strdup(c, id);
    job->kind = db_text(rows, 0);
    job->resource_id = db_text(rows, 1);
    job->step = db_text(rows, 2);
    state = db_text(rows, 3);
    args = db_text(rows, 4);
    context = db_text(rows, 5);
    fault_restore(c, &job->fault, db_text(rows, 6));
    job->host = db_text(rows, 7);
    job->attempts = db_int(rows, 8);
    job->deadline_us = db_int(rows, 9);
    r->cancelled = db_text(rows, 10);
    r->state = !strcmp(state, "undo") ? JOB_UNDO : !strcmp(state, "end") ? JOB_END : JOB_RUN;
    r->kind = kind_find(r->engine->service, job->kind);
    r->at = step_find(r->kind, job->step);
    job->args = json_incref(json_read(c, args, strlen(args)));
    job_context_restore(c, json_read(c, context, strlen(context)));
    job->request_id = ctx_strdup(c, c->request_id);
    job->global_request_id = ctx_strdup(c, c->global_request_id);
    return true;
}

/* Writes where the job stands. false: not ours any more. */
static bool job_store(struct running *r, bool release, int64_t due_at)
{
    struct ctx c;
    const char *step = r->kind->steps[r->at].name;
    struct rows *rows;
    bool ours = false;

    ctx_init_child(&c, &r->c, r->engine->service);
    c.db = r->engine->db;
    if (db_begin(&c)) {
        db_relaxed(&c);
        rows = db_query(&c, "UPDATE jobs SET state = $1, step = $2, args = $3, fault = $4, host = $5, attempts = $11, owner = $6, "
                            "due_at = CASE WHEN poked AND $7 THEN 0 ELSE $8 END WHERE id = $9 AND owner = $10 RETURNING cancelled",
                        T(state_names[r->state]), T(step ? step : ""), T(json_text(&c, r->job.args).text), T(fault_text(&c, &r->job.fault)),
                        T(r->job.host), T(release ? NULL : r->engine->owner), B(release), I(due_at), T(r->job.id), T(r->engine->owner),
                        I(json_object_get(r->job.args, AWAY_SINCE) ? 1 : 0));
        ours = db_next(rows);
        if (ours)
            r->cancelled = ctx_strdup(&r->c, db_text(rows, 0));
        if (ours)
            ours = db_commit(&c);
        else
            db_rollback(&c);
    }
    if (failed(&c))
        log_error(&c, "job %s (%s %s) could not be stored: %s", r->job.id, r->job.kind, r->job.resource_id, c.fault.detail);
    r->lost |= !ours;
    r->unsaved |= failed(&c);
    ctx_clear(&c);
    return ours;
}

/* After a write that failed: without this nobody would take the job before the lease ends. */
static void job_give_back(struct running *r)
{
    struct ctx c;

    ctx_init_child(&c, &r->c, r->engine->service);
    c.db = r->engine->db;
    if (db_begin(&c)) {
        db_relaxed(&c);
        if (db_exec(&c, "UPDATE jobs SET owner = NULL, due_at = $1 WHERE id = $2 AND owner = $3", I(clock_us() + POLL_US), T(r->job.id),
                    T(r->engine->owner)))
            db_commit(&c);
        else
            db_rollback(&c);
    }
    ctx_clear(&c);
}

/* Gives the job back: it sleeps, or it belongs to another host's workers now. */
static void job_release(struct running *r, int64_t delay_us)
{
    int64_t due = clock_us() + delay_us;

    if (r->state == JOB_RUN)
        due = MIN(due, r->job.deadline_us);
    if (!job_store(r, true, due))
        return;
    pthread_mutex_lock(&r->engine->lock);
    r->engine->next_due = MIN(r->engine->next_due, due);
    pthread_mutex_unlock(&r->engine->lock);
    engine_nudge(r->engine);
}

/* --- steps --- */

static void fault_keep(struct ctx *c, struct fault *to, const struct fault *from)
{
    *to = (struct fault){ from->status, ctx_strdup(c, from->type), ctx_strdup(c, from->message), ctx_strdup(c, from->detail) };
}

/* Strings a step has set are of its own ctx: moved to the job's. */
static void job_adopt(struct running *r, const char *host_before)
{
    if (r->job.host != host_before)
        r->job.host = ctx_strdup(&r->c, r->job.host);
    r->job.step = ctx_strdup(&r->c, r->kind->steps[r->at].name);
}

/* Runs the step (or its undo) in a ctx of its own; false with r->c.fault set. */
static bool step_run(struct running *r, bool undo)
{
    const struct step *step = &r->kind->steps[r->at];
    const char *host = r->job.host;
    struct span *span;
    struct ctx c;
    bool good = true;

    ctx_init_child(&c, &r->c, r->engine->service);
    c.db = r->engine->db;
    c.deadline = undo ? 0 : clock_mono_us() + (r->job.deadline_us - clock_us());
    r->sleep_us = -1;
    r->job.step = ctx_strdup(&r->c, step->name);
    span = span_begin(&c, SPAN_STEP, "%s %s:%s%s", r->engine->service->name, r->kind->name, step->name, undo ? " undo" : "");
    span_resource(&c, r->job.resource_id);
    if (!undo)
        good = step->run(&c, &r->job);
    else if (step->undo)
        step->undo(&c, &r->job);
    if (c.tx)
        log_error(&c, "step %s of job %s left a transaction open", step->name, r->kind->name);
    if (!good && !failed(&c))
        fail(&c, INTERNAL_ERROR, "The operation failed.");
    if (undo && failed(&c)) {
        log_error(&c, "undo of %s %s:%s: %s", r->kind->name, r->job.resource_id, step->name, c.fault.message);
        good = false;
    }
    span_end(&c, span, c.fault.status);
    job_adopt(r, host);
    if (!good)
        fault_keep(&r->c, &r->c.fault, &c.fault);
    ctx_clear(&c);
    return good;
}

/* May the next step begin? */
static bool may_go_on(struct running *r)
{
    if (r->cancelled)
        return fail(&r->c, JOB_CANCELLED, r->cancelled);
    if (clock_us() >= r->job.deadline_us)
        return fail(&r->c, JOB_TIMED_OUT, r->kind->name);
    if (r->job.attempts > ATTEMPTS_MAX)
        return fail(&r->c, JOB_CRASHED, r->kind->name, ATTEMPTS_MAX);
    return true;
}

static void run_forward(struct running *r)
{
    struct engine *e = r->engine;

    while (r->kind->steps[r->at].name) {
        bool may = may_go_on(r);

        if (!may || !step_run(r, false)) {
            if (!r->lost && !(may && waits_for_others(r, &r->c.fault)))
                begin_undo(r, &r->c.fault);
            return;
        }
        json_object_del(r->job.args, AWAY_SINCE);
        if (r->sleep_us >= 0) {
            job_release(r, r->sleep_us);
            return;
        }
        r->at++;
        r->job.attempts = 0;
        if (r->job.host && strcmp(r->job.host, e->host)) {
            job_release(r, 0);
            return;
        }
        if (!r->kind->steps[r->at].name)
            break;
        if (engine_stopping(e)) {
            job_release(r, 0);
            return;
        }
        if (!job_store(r, false, clock_us() + LEASE_US))
            return;
    }
    r->state = JOB_END;
}

/* Whom the step asked was away (a process that was killed, a broker, a database): it will be back, and the step may run twice. False:
 * it was something else, or it has been too long. */
static bool waits_for_others(struct running *r, const struct fault *fault)
{
    int64_t now = clock_us(), since = json_get_int(r->job.args, AWAY_SINCE, now);

    if ((fault->status != 503 && fault->status != 504) || now - since >= AWAY_US)
        return false;
    json_object_set_new(r->job.args, AWAY_SINCE, json_integer(since));
    log_info(&r->c, "%s %s:%s is tried again: %s", r->kind->name, r->job.resource_id, r->job.step, fault->message);
    fault_clear(&r->c);
    job_release(r, AGAIN_US);
    return true;
}

static void begin_undo(struct running *r, const struct fault *fault)
{
    fault_keep(&r->c, &r->job.fault, fault);
    fault_clear(&r->c);
    r->state = JOB_UNDO;
    json_object_del(r->job.args, AWAY_SINCE);
    if (!r->kind->steps[r->at].name && r->at > 0)
        r->at--;
    job_store(r, false, clock_us() + LEASE_US);
}

static void run_backward(struct running *r)
{
    for (; !r->lost && r->at >= 0; r->at--) {
        if (r->kind->steps[r->at].name && !step_run(r, true) && waits_for_others(r, &r->c.fault))
            return;
        json_object_del(r->job.args, AWAY_SINCE);
        fault_clear(&r->c);
        if (r->at > 0)
            job_store(r, false, clock_us() + LEASE_US);
    }
    r->at = 0;
    if (!r->lost && !begins_again(r))
        r->state = JOB_END;
}

/* Gives the job, with all undone, back to the workers if its kind would have it tried again. */
static bool begins_again(struct running *r)
{
    struct ctx c;
    bool again;

    if (!r->kind->again || r->cancelled)
        return false;
    ctx_init_child(&c, &r->c, r->engine->service);
    c.db = r->engine->db;
    again = r->kind->again(&c, &r->job);
    if (!again && failed(&c))
        fault_keep(&r->c, &r->job.fault, &c.fault);
    ctx_clear(&c);
    if (!again)
        return false;
    log_info(&r->c, "%s %s begins again: %s", r->kind->name, r->job.resource_id, r->job.fault.message);
    r->job.fault = (struct fault){};
    r->job.attempts = 0;
    r->state = JOB_RUN;
    job_release(r, 0);
    return true;
}

/* --- the end --- */

/* Cancelled at the last moment, or the row is not ours: then it does not end now. */
static bool may_end(struct running *r, struct ctx *c)
{
    struct rows *rows = db_query(c, "SELECT cancelled FROM jobs WHERE id = $1 AND owner = $2", T(r->job.id), T(r->engine->owner));

    if (!db_next(rows)) {
        r->lost = true;
        return false;
    }
    r->cancelled = ctx_strdup(&r->c, db_text(rows, 0));
    return !r->cancelled || r->job.fault.status;
}

static bool end_in_transaction(struct running *r, struct ctx *c)
{
    if (!db_begin(c))
        return false;
    if (may_end(r, c) && (!r->kind->finished || r->kind->finished(c, &r->job)) && !failed(c) &&
        db_exec(c, "DELETE FROM jobs WHERE id = $1", T(r->job.id)))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static void run_end(struct running *r)
{
    struct ctx c;
    bool ended;

    ctx_init_child(&c, &r->c, r->engine->service);
    c.db = r->engine->db;
    ended = end_in_transaction(r, &c);
    if (!ended && !r->lost && !failed(&c) && r->cancelled) {
        ctx_clear(&c);
        may_go_on(r);
        begin_undo(r, &r->c.fault);
        run_backward(r);
        if (r->state == JOB_END)
            run_end(r);
        return;
    }
    if (!ended && !r->lost) {
        log_error(&c, "the end of job %s %s failed and is tried again: %s", r->kind->name, r->job.resource_id, c.fault.message);
        job_release(r, POLL_US);
    }
    ctx_clear(&c);
}
