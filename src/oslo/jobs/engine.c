/* The workers of each service: who waits, who is woken, whose leases are taken back.
 *
 * Workers sleep on one condition. A nudge wakes one; it leases the job that is due longest and wakes the next worker
 * before it runs it. When nothing is due they sleep until the next job is, a nudge, or a second (for rows other processes wrote).
 */
#include "oslo/jobs/engine.h"
#include "oslo/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern const struct migration jobs_migrations[];

static pthread_mutex_t engines_lock = PTHREAD_MUTEX_INITIALIZER;
static struct engine *engines;

struct engine *engine_find(const struct service *service)
{
    struct engine *e;

    pthread_mutex_lock(&engines_lock);
    for (e = engines; e && e->service != service;)
        e = e->next;
    pthread_mutex_unlock(&engines_lock);
    return e;
}

void engine_nudge(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->nudges++;
    pthread_cond_signal(&e->nudged);
    pthread_mutex_unlock(&e->lock);
}

bool engine_stopping(struct engine *e)
{
    bool stopping;

    pthread_mutex_lock(&e->lock);
    stopping = e->stopping;
    pthread_mutex_unlock(&e->lock);
    return stopping;
}

void engine_hold(struct engine *e, struct running *r)
{
    pthread_mutex_lock(&e->lock);
    r->next = e->held;
    e->held = r;
    pthread_cond_signal(&e->nudged); /* the next worker looks whether more is due */
    pthread_mutex_unlock(&e->lock);
}

void engine_drop(struct engine *e, struct running *r)
{
    struct running **at;

    pthread_mutex_lock(&e->lock);
    for (at = &e->held; *at != r;)
        at = &(*at)->next;
    *at = r->next;
    pthread_mutex_unlock(&e->lock);
}

/* --- workers --- */

/* The id of a job that is due, or NULL and when the next one will be. */
static char *find_due(struct engine *e, struct ctx *c, int64_t *ret_next_due)
{
    int64_t now = clock_us();
    struct rows *rows = db_query_values(c, e->find_sql, VALUES(T(e->host)));

    *ret_next_due = INT64_MAX;
    if (!db_next(rows))
        return NULL;
    if (db_int(rows, 1) <= now)
        return db_text(rows, 0);
    *ret_next_due = db_int(rows, 1);
    return NULL;
}

static void sleep_until(struct engine *e, int64_t due)
{
    int64_t us = CLAMP(due - clock_us(), 0, POLL_US), until = clock_mono_us() + us;
    struct timespec ts = { until / 1000000, until % 1000000 * 1000 };

    pthread_cond_timedwait(&e->nudged, &e->lock, &ts);
}

static void *work(void *data)
{
    struct engine *e = data;
    unsigned seen = 0;
    int64_t next;
    char *id;

    pthread_mutex_lock(&e->lock);
    while (!e->stopping) {
        struct ctx c;

        seen = e->nudges;
        e->next_due = INT64_MAX;
        pthread_mutex_unlock(&e->lock);
        ctx_init(&c, e->service, NULL);
        c.db = e->db;
        id = find_due(e, &c, &next);
        if (failed(&c))
            log_error(&c, "jobs of %s cannot be read: %s", e->service->name, c.fault.detail);
        if (id)
            job_run(e, id);
        ctx_clear(&c);
        pthread_mutex_lock(&e->lock);
        if (!id && !e->stopping && seen == e->nudges)
            sleep_until(e, MIN(next, e->next_due));
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* The ids of the jobs held, in the memory of c; NULL for none. */
static const char **held_ids(struct engine *e, struct ctx *c)
{
    const char **ids;
    size_t n = 0;

    for (struct running *r = e->held; r; r = r->next)
        n++;
    ids = ctx_new_n(c, const char *, n + 1);
    for (struct running *r = e->held; r; r = r->next)
        ids[--n] = ctx_strdup(c, r->job.id);
    return ids[0] ? ids : NULL;
}

static void renew(struct engine *e, struct ctx *c, const char *const *ids)
{
    struct sql *s = sql_new(c);

    sql_add(s, "UPDATE jobs SET due_at = ? WHERE owner = ? AND id IN ", I(clock_us() + LEASE_US), T(e->owner));
    sql_in(s, ids);
    if (db_begin(c)) {
        db_relaxed(c);
        if (!sql_exec(s, NULL) || !db_commit(c))
            log_error(c, "leases of %s are not renewed: %s", e->service->name, c->fault.detail);
    }
}

static bool take_back_leases(struct engine *, struct ctx *);

/* Renews what is held, and takes from processes of this host that are gone what they held. */
static void *keep_leases(void *data)
{
    struct engine *e = data;

    pthread_mutex_lock(&e->lock);
    while (!e->stopping) {
        int64_t until = clock_mono_us() + RENEW_US;
        struct timespec ts = { until / 1000000, until % 1000000 * 1000 };
        const char **ids;
        struct ctx c;

        while (!e->stopping && pthread_cond_timedwait(&e->stopped, &e->lock, &ts) != ETIMEDOUT)
            ;
        ctx_init(&c, e->service, NULL);
        c.db = e->db;
        ids = held_ids(e, &c);
        pthread_mutex_unlock(&e->lock);
        if (ids)
            renew(e, &c, ids);
        fault_clear(&c);
        if (!take_back_leases(e, &c))
            log_error(&c, "leases of %s that nobody holds are not taken back: %s", e->service->name, c.fault.detail);
        ctx_clear(&c);
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* --- start and stop --- */

/* When the process began, in clock ticks since boot: with the pid it names one process. 0: there is none. */
static unsigned long long process_start(long pid)
{
    char path[40], text[1024], *after;
    unsigned long long start = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    after = strrchr(text, ')');
    if (after)
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &start);
    return start;
}

/* Is this the owner's name of a process of this host that has gone? */
static bool owner_gone(const struct engine *e, const char *owner)
{
    size_t n = strlen(e->host);
    unsigned long long start = 0;
    long pid = 0;

    return !strncmp(owner, e->host, n) && owner[n] == ':' && sscanf(owner + n + 1, "%ld:%llu", &pid, &start) == 2 &&
           process_start(pid) != start;
}

static bool take_back_leases(struct engine *e, struct ctx *c)
{
    struct rows *rows = db_query(c, "SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL AND due_at > 0");

    while (db_next(rows))
        if (owner_gone(e, db_text(rows, 0))) {
            if (!db_begin(c))
                return false;
            if (!db_exec(c, "UPDATE jobs SET due_at = 0 WHERE owner = $1", T(db_text(rows, 0)))) {
                db_rollback(c);
                return false;
            }
            if (!db_commit(c))
                return false;
            engine_nudge(e);
        }
    return !failed(c);
}

static bool wake(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct engine *e = engine_find(c->service);

    if (e)
        engine_nudge(e);
    return true;
}

/* Processes without workers nudge ours. */
static bool listen_for_nudges(struct engine *e, struct ctx *c)
{
    static const struct rpc_method methods[] = { { JOBS_WAKE, wake }, {} };
    static const struct rpc_endpoint endpoints[] = { { NULL, "1.0", methods }, {} };

    if (messaging_local())
        return true;
    e->server = (struct rpc_server){ .exchange = e->service->name, .topic = JOBS_TOPIC, .endpoints = endpoints, .threads = 1 };
    e->listener = rpc_listen(c, &e->server, e->service, e->host);
    return e->listener != NULL;
}

static char *find_sql(const struct service *service)
{
    GString *sql = g_string_new("SELECT id, due_at FROM jobs WHERE (host IS NULL OR host = $1) AND kind IN (");

    for (size_t i = 0; service->jobs[i]; i++)
        g_string_append_printf(sql, "%s'%s'", i ? ", " : "", service->jobs[i]->name);
    g_string_append(sql, ") ORDER BY due_at LIMIT 1");
    return g_string_free(sql, FALSE);
}

static struct engine *engine_new(struct ctx *c, const struct service *service)
{
    struct engine *e = g_new0(struct engine, 1);
    pthread_condattr_t monotonic;
    char name[256] = "localhost";

    gethostname(name, sizeof(name) - 1);
    e->service = service;
    e->db = c->db;
    e->host = g_strdup(common_options && common_options->host ? common_options->host : name);
    e->owner = g_strdup_printf("%s:%ld:%llu", e->host, (long)getpid(), process_start(getpid()));
    e->find_sql = find_sql(service);
    e->next_due = INT64_MAX;
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&e->nudged, &monotonic);
    pthread_cond_init(&e->stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return e;
}

static void engine_free(struct engine *e)
{
    pthread_cond_destroy(&e->nudged);
    pthread_cond_destroy(&e->stopped);
    pthread_mutex_destroy(&e->lock);
    g_free(e->host);
    g_free(e->owner);
    g_free(e->find_sql);
    g_free(e->threads);
    g_free(e);
}

bool jobs_start(struct ctx *c, const struct service *service, int n)
{
    struct engine *e;

    if (!db_migrate(c, c->db, "jobs", jobs_migrations))
        return false;
    e = engine_new(c, service);
    if (!take_back_leases(e, c) || !listen_for_nudges(e, c)) {
        engine_free(e);
        return false;
    }
    pthread_mutex_lock(&engines_lock);
    e->next = engines;
    engines = e;
    pthread_mutex_unlock(&engines_lock);
    e->threads = g_new0(pthread_t, n);
    g_assert(pthread_create(&e->keeper, NULL, keep_leases, e) == 0);
    for (; e->n_threads < n; e->n_threads++)
        g_assert(pthread_create(&e->threads[e->n_threads], NULL, work, e) == 0);
    return true;
}

void jobs_stop(const struct service *service)
{
    struct engine *e = engine_find(service), **at;

    if (!e)
        return;
    rpc_stop(e->listener);
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_broadcast(&e->nudged);
    pthread_cond_broadcast(&e->stopped);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->keeper, NULL);
    for (int i = 0; i < e->n_threads; i++)
        pthread_join(e->threads[i], NULL);
    pthread_mutex_lock(&engines_lock);
    for (at = &engines; *at != e;)
        at = &(*at)->next;
    *at = e->next;
    pthread_mutex_unlock(&engines_lock);
    engine_free(e);
}
