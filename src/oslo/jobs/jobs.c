/* The jobs' rows, as requests and steps see them: add, poke, cancel, save, wait. */
#include "oslo/jobs/engine.h"
#include "oslo/base/log.h"
#include "oslo/trace/trace.h"

#include <string.h>

#define JOB_CONFLICT 409, "JobConflict", "%s is in use by another operation."
#define JOB_LOST 503, "JobLost", "The job was taken over by another process."

static void jobs_wake_elsewhere(const struct service *);

/* --- who asked --- */

static const struct attr identity_attrs[] = {
    ATTR(struct identity, user_id, 0),         ATTR(struct identity, user_name, 0),
    ATTR(struct identity, user_domain_id, 0),  ATTR(struct identity, user_domain_name, 0),
    ATTR(struct identity, project_id, 0),      ATTR(struct identity, project_name, 0),
    ATTR(struct identity, project_domain_id, 0), ATTR(struct identity, project_domain_name, 0),
    ATTR(struct identity, domain_id, 0),       ATTR(struct identity, domain_name, 0),
    ATTR(struct identity, system, 0),          ATTR(struct identity, is_admin, 0),
    {}
};

json_t *job_context(struct ctx *c)
{
    json_t *context = json_object(), *roles = json_array();

    for (const struct attr *a = identity_attrs; a->name; a++)
        if (a->kind == KIND_BOOL)
            json_object_set_new(context, a->name, json_boolean(*FIELD(bool, &c->who, a)));
        else if (*FIELD(char *, &c->who, a))
            json_object_set_new(context, a->name, json_string(*FIELD(char *, &c->who, a)));
    for (const char *const *role = c->who.roles; role && *role; role++)
        json_array_append_new(roles, json_string(*role));
    json_object_set_new(context, "roles", roles);
    json_object_set_new(context, "request_id", json_string(c->request_id));
    if (c->global_request_id)
        json_object_set_new(context, "global_request_id", json_string(c->global_request_id));
    json_object_set_new(context, "span", json_integer((json_int_t)span_id(c)));
    return ctx_json(c, context);
}

void job_context_restore(struct ctx *c, const json_t *context)
{
    json_t *roles = json_object_get(context, "roles"), *role;
    const char **names = ctx_new_n(c, const char *, json_array_size(roles) + 1);
    size_t i;

    for (const struct attr *a = identity_attrs; a->name; a++)
        if (a->kind == KIND_BOOL)
            *FIELD(bool, &c->who, a) = json_get_bool(context, a->name, false);
        else
            *FIELD(char *, &c->who, a) = ctx_strdup(c, json_get_string(context, a->name));
    json_array_foreach(roles, i, role)
        names[i] = ctx_strdup(c, json_string_value(role));
    c->who.roles = names;
    c->request_id = ctx_strdup(c, json_get_string(context, "request_id"));
    c->global_request_id = ctx_strdup(c, json_get_string(context, "global_request_id"));
    span_continue(c, (uint64_t)json_get_int(context, "span", 0));
}

/* --- requests --- */

char *job_add(struct ctx *c, const struct job_kind *kind, const char *resource_id, const json_t *args, bool exclusive)
{
    char *id = uuid_new(c);
    int64_t now = clock_us();
    raw_json text = json_text(c, args), context = json_text(c, job_context(c));

    g_assert(c->tx);
    if (exclusive && db_count(c, "SELECT count(*) FROM jobs WHERE resource_id = $1", T(resource_id)) > 0)
        return fail_null(c, JOB_CONFLICT, resource_id);
    if (!db_exec(c, "INSERT INTO jobs (id, kind, resource_id, state, step, args, context, due_at, poked, attempts, deadline_at, created_at) "
                    "VALUES ($1, $2, $3, 'run', $4, $5, $6, $7, $8, 0, $9, $7)",
                 T(id), T(kind->name), T(resource_id), T(kind->steps[0].name ? kind->steps[0].name : ""), T(text.text ? text.text : "{}"),
                 T(context.text), I(now), B(false), I(now + (kind->deadline_s ? kind->deadline_s : 3600) * 1000000)))
        return NULL;
    return id;
}

void jobs_wake(const struct service *service)
{
    struct engine *e = engine_find(service);

    if (e)
        engine_nudge(e);
    else if (!messaging_local())
        jobs_wake_elsewhere(service);
}

/* The workers are in other processes: one of them is told. Without it they look within a second. */
static void jobs_wake_elsewhere(const struct service *service)
{
    const struct target to = { .exchange = service->name, .topic = JOBS_TOPIC };
    struct ctx c;

    service_ctx_init(&c, service, NULL);
    c.deadline = clock_mono_us() + NUDGE_US;
    if (!rpc_cast(&c, &to, JOBS_WAKE, ctx_json(&c, json_object())))
        log_debug(&c, "the workers of %s are not woken: %s", service->name, c.fault.message);
    ctx_clear(&c);
}

/* Runs one UPDATE that makes jobs of a resource due, in the open transaction or its own; true if any was changed. */
static bool change_jobs(struct ctx *c, const char *sql, const char *resource_id, const char *why)
{
    bool own = !c->tx;
    int64_t n = 0;

    if (db_count(c, "SELECT count(*) FROM jobs WHERE resource_id = $1", T(resource_id)) == 0 || (own && !db_begin(c)))
        return false;
    if (own)
        db_relaxed(c);
    if (!db_exec_values(c, &n, sql, why ? VALUES(T(resource_id), T(why)) : VALUES(T(resource_id)))) {
        if (own)
            db_rollback(c);
        return false;
    }
    if (own && !db_commit(c))
        return false;
    if (own && n)
        jobs_wake(c->service);
    return n > 0;
}

bool job_poke(struct ctx *c, const char *resource_id)
{
    return change_jobs(c, "UPDATE jobs SET poked = TRUE, due_at = CASE WHEN owner IS NULL THEN 0 ELSE due_at END WHERE resource_id = $1",
                       resource_id, NULL);
}

bool job_cancel(struct ctx *c, const char *resource_id, const char *why)
{
    return change_jobs(c, "UPDATE jobs SET cancelled = $2, poked = TRUE, due_at = CASE WHEN owner IS NULL THEN 0 ELSE due_at END "
                          "WHERE resource_id = $1 AND cancelled IS NULL AND state = 'run'",
                       resource_id, why);
}

/* --- steps --- */

bool job_save(struct ctx *c, struct job *job)
{
    struct running *r = (struct running *)job;
    int64_t n = 0;

    if (!db_begin(c))
        return false;
    if (!db_changed(c, &n, "UPDATE jobs SET args = $1 WHERE id = $2 AND owner = $3", T(json_text(c, job->args).text), T(job->id),
                    T(r->engine->owner))) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    r->lost = n == 0;
    return n == 1 || fail(c, JOB_LOST);
}

bool job_wait(struct ctx *c, struct job *job, int64_t delay_us)
{
    ((struct running *)job)->sleep_us = delay_us;
    return true;
}

bool job_is_first(struct ctx *c, const struct job *job)
{
    return db_count(c, "SELECT count(*) FROM jobs a JOIN jobs b ON b.resource_id = a.resource_id AND (b.created_at, b.id) < (a.created_at, a.id)"
                       " WHERE a.id = $1", T(job->id)) == 0 && !failed(c);
}

int64_t jobs_pending(const struct service *service)
{
    struct engine *e = engine_find(service);
    struct ctx c;
    int64_t n;

    if (!e)
        return 0;
    ctx_init(&c, service, NULL);
    c.db = e->db;
    n = db_count(&c, "SELECT count(*) FROM jobs");
    ctx_clear(&c);
    return n;
}
