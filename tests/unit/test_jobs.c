/* jobs/: steps run in order, wait, fail backwards, are cancelled; and a process killed again and again loses none. */
#include "oslo/jobs/jobs.h"
#include "oslo/service/service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTES "CREATE TABLE notes (at INTEGER PRIMARY KEY, text TEXT NOT NULL);" \
              "CREATE TABLE ends (job TEXT PRIMARY KEY, status BIGINT NOT NULL, n BIGINT NOT NULL)"
enum { PATIENCE_MS = 100000 };           /* for what comes in milliseconds where nothing else is to be done */
static const struct migration migrations[] = { { 1, "initial", NOTES }, {} };

static bool note(struct ctx *c, struct job *job, const char *what)
{
    bool good = db_begin(c) && db_exec(c, "INSERT INTO notes (text) VALUES ($1)", T(ctx_printf(c, "%s %s", job->resource_id, what)));

    db_relaxed(c);
    return good && db_commit(c);
}

static bool wants(struct job *job, const char *name)
{
    return json_get_bool(job->args, name, false);
}

static bool one_run(struct ctx *c, struct job *job)
{
    json_object_set_new(job->args, "learnt", json_string("by one"));
    return note(c, job, "one");
}

static void one_undo(struct ctx *c, struct job *job)
{
    note(c, job, "not one");
    if (wants(job, "undo_fails"))
        fail(c, CONFLICT, "an undo that fails is only logged");
}

static bool two_run(struct ctx *c, struct job *job)
{
    if (wants(job, "away") && !job->attempts)
        return fail(c, UNAVAILABLE, "whom the step asks is away");
    if (wants(job, "fail"))
        return note(c, job, "two fails") && fail(c, CONFLICT, "two cannot");
    if (wants(job, "wait") && !wants(job, "waited")) {
        json_object_set_new(job->args, "waited", json_true());
        return note(c, job, "two waits") && job_wait(c, job, json_get_int(job->args, "delay", 20000));
    }
    if (wants(job, "save"))
        return job_save(c, job) && note(c, job, json_get_string(job->args, "learnt"));
    return note(c, job, "two");
}

static void two_undo(struct ctx *c, struct job *job)
{
    if (wants(job, "undo_away") && !job->attempts)
        fail(c, UNAVAILABLE, "whom the undo asks is away");
    else
        note(c, job, "not two");
}

static bool three_run(struct ctx *c, struct job *job)
{
    g_assert_cmpstr(c->who.user_id, ==, "user");
    g_assert_true(identity_has_role(&c->who, "member"));
    g_assert_null(c->who.token);
    g_assert_cmpstr(c->request_id, ==, "req-of-the-test");
    return note(c, job, ctx_printf(c, "three %s", json_get_string(job->args, "learnt")));
}

/* As often as {"tries"} says; then with the fault there was, or another. */
static bool tries_again(struct ctx *c, struct job *job)
{
    int64_t left = json_get_int(job->args, "tries", 0);

    g_assert_cmpint(job->fault.status, ==, 409);
    if (left == 0 && json_get_bool(job->args, "gives_up", false))
        return fail(c, UNAVAILABLE, "all others");
    json_object_set_new(job->args, "tries", json_integer(left - 1));
    return left > 0;
}

static bool job_finished(struct ctx *c, struct job *job)
{
    return db_exec(c, "INSERT INTO ends (job, status, n) VALUES ($1, $2, 1) ON CONFLICT (job) DO UPDATE SET n = ends.n + 1",
                   T(job->resource_id), I(job->fault.status));
}

static const struct step steps[] = { { "one", one_run, one_undo }, { "two", two_run, two_undo }, { "three", three_run, NULL }, {} };
static const struct job_kind work_kind = { "work", steps, .finished = job_finished };
static const struct job_kind stubborn_kind = { "stubborn", steps, .again = tries_again, .finished = job_finished };
static const struct job_kind hasty_kind = { "hasty", steps, .deadline_s = 1, .finished = job_finished };
static const struct job_kind *const kinds[] = { &work_kind, &hasty_kind, &stubborn_kind, NULL };
static const struct service service = { .name = "test", .jobs = kinds };

/* --- a place to run in --- */

static char directory[64];
static const char *const roles[] = { "member", NULL };
static struct ctx c;
static struct db *db;

static void place_open(const char *name, int workers)
{
    g_autofree char *url = g_strdup_printf("sqlite:///%s/%s.db", directory, name);

    ctx_init(&c, &service, "req-of-the-test");
    db = c.db = db_open(&c, url, migrations);
    g_assert_nonnull(db);
    c.who.user_id = "user";
    c.who.token = "a secret";
    c.who.roles = roles;
    if (workers)
        g_assert_true(jobs_start(&c, &service, workers));
}

static void place_close(void)
{
    jobs_stop(&service);
    ctx_clear(&c);
    db_close(db);
}

static void add_kind(const struct job_kind *kind, const char *resource, const char *args)
{
    g_assert_true(db_begin(&c));
    g_assert_nonnull(job_add(&c, kind, resource, json_read(&c, args, strlen(args)), true));
    g_assert_true(db_commit(&c));
    jobs_wake(&service);
}

static void add(const char *resource, const char *args)
{
    add_kind(&work_kind, resource, args);
}

static void until_done(void)
{
    for (int i = 0; i < PATIENCE_MS && jobs_pending(&service); i++)
        g_usleep(1000);
    g_assert_cmpint(jobs_pending(&service), ==, 0);
}

static void until_noted(const char *text)
{
    for (int i = 0; i < PATIENCE_MS && !db_count(&c, "SELECT count(*) FROM notes WHERE text = $1", T(text)); i++)
        g_usleep(1000);
}

static void assert_story(const char *resource, const char *story)
{
    struct rows *rows = db_query(&c, "SELECT text FROM notes ORDER BY at");
    g_autoptr(GString) got = g_string_new(NULL);
    size_t n = strlen(resource);

    while (db_next(rows))
        if (g_str_has_prefix(db_text(rows, 0), resource) && db_text(rows, 0)[n] == ' ')
            g_string_append_printf(got, "%s%s", got->len ? ", " : "", db_text(rows, 0) + n + 1);
    g_assert_cmpstr(got->str, ==, story);
}

static int64_t end_status(const char *resource)
{
    g_assert_cmpint(db_count(&c, "SELECT n FROM ends WHERE job = $1", T(resource)), ==, 1);
    return db_count(&c, "SELECT status FROM ends WHERE job = $1", T(resource));
}

/* --- the tests --- */

static void steps_run_in_order(void)
{
    place_open("order", 3);
    add("r1", "{}");
    add("r2", "{\"save\": true}");
    until_done();
    assert_story("r1", "one, two, three by one");
    assert_story("r2", "one, by one, three by one");
    g_assert_cmpint(end_status("r1"), ==, 0);
    place_close();
}

static void a_failure_runs_backwards(void)
{
    place_open("fail", 2);
    add("r", "{\"fail\": true, \"undo_fails\": true}");
    until_done();
    assert_story("r", "one, two fails, not two, not one");
    g_assert_cmpint(end_status("r"), ==, 409);
    place_close();
}

static void what_is_undone_may_begin_again(void)
{
    place_open("again", 2);
    add_kind(&stubborn_kind, "r", "{\"fail\": true, \"tries\": 2}");
    add_kind(&stubborn_kind, "s", "{\"fail\": true, \"tries\": 1, \"gives_up\": true}");
    until_done();
    assert_story("r", "one, two fails, not two, not one, one, two fails, not two, not one, one, two fails, not two, not one");
    g_assert_cmpint(end_status("r"), ==, 409);
    assert_story("s", "one, two fails, not two, not one, one, two fails, not two, not one");
    g_assert_cmpint(end_status("s"), ==, 503);
    place_close();
}

static void a_wait_holds_no_worker(void)
{
    int64_t start;

    place_open("wait", 1);
    start = clock_mono_us();
    for (int i = 0; i < 8; i++)
        add(ctx_printf(&c, "r%d", i), "{\"wait\": true, \"delay\": 600000000}");
    add("short", "{\"wait\": true, \"delay\": 300000}");
    for (int i = 0; i < 8; i++)
        until_noted(ctx_printf(&c, "r%d two waits", i));
    until_noted("short three by one");
    g_assert_cmpint(clock_mono_us() - start, >=, 300000);
    g_assert_cmpint(jobs_pending(&service), >=, 8);
    for (int i = 0; i < 8; i++)
        g_assert_true(job_poke(&c, ctx_printf(&c, "r%d", i)));
    until_done();
    assert_story("r5", "one, two waits, two, three by one");
    place_close();
}

/* A step or an undo that found somebody away runs again, and knows that it may have run before. */
static void who_is_away_is_waited_for(void)
{
    place_open("away", 1);
    add("r", "{\"away\": true}");
    add("u", "{\"fail\": true, \"undo_away\": true}");
    until_done();
    assert_story("r", "one, two, three by one");
    assert_story("u", "one, two fails, not two, not one");
    place_close();
}

static void a_poke_ends_a_wait(void)
{
    place_open("poke", 1);
    add("r", "{\"wait\": true, \"delay\": 600000000}");
    until_noted("r two waits");
    g_assert_true(job_poke(&c, "r"));
    until_done();
    assert_story("r", "one, two waits, two, three by one");
    g_assert_false(job_poke(&c, "r"));
    place_close();
}

static void cancel_and_deadline_undo(void)
{
    place_open("cancel", 1);
    add("r", "{\"wait\": true, \"delay\": 600000000}");
    until_noted("r two waits");
    g_assert_true(job_cancel(&c, "r", "deleted meanwhile"));
    until_done();
    assert_story("r", "one, two waits, not two, not one");
    g_assert_cmpint(end_status("r"), ==, 409);
    g_assert_false(job_cancel(&c, "r", "again"));
    add_kind(&hasty_kind, "h", "{\"wait\": true, \"delay\": 60000000}");
    until_done();
    g_assert_cmpint(end_status("h"), ==, 504);
    place_close();
}

static void one_job_a_resource_when_said(void)
{
    place_open("exclusive", 1);
    add("r", "{\"wait\": true, \"delay\": 600000000}");
    until_noted("r two waits");
    g_assert_true(db_begin(&c));
    g_assert_null(job_add(&c, &work_kind, "r", NULL, true));
    g_assert_cmpstr(c.fault.type, ==, "JobConflict");
    db_rollback(&c);
    fault_clear(&c);
    g_assert_true(db_begin(&c));
    g_assert_nonnull(job_add(&c, &work_kind, "r2", NULL, true));
    db_rollback(&c);
    g_assert_true(job_poke(&c, "r"));
    until_done();
    g_assert_cmpint(db_count(&c, "SELECT count(*) FROM ends"), ==, 1);
    place_close();
}

static void no_secret_is_stored(void)
{
    place_open("secret", 0);
    g_assert_true(jobs_start(&c, &service, 0));
    add("r", "{}");
    g_assert_cmpint(db_count(&c, "SELECT count(*) FROM jobs WHERE context LIKE '%a secret%'"), ==, 0);
    g_assert_cmpint(db_count(&c, "SELECT count(*) FROM jobs WHERE context LIKE '%req-of-the-test%'"), ==, 1);
    place_close();
}

static void a_job_starts_soon(void)
{
    int64_t best = INT64_MAX;

    place_open("soon", 2);
    for (int i = 0; i < 30; i++) {
        char *name = ctx_printf(&c, "r%d", i);
        int64_t start;

        g_usleep(2000);
        start = clock_mono_us();
        add(name, "{}");
        while (!db_count(&c, "SELECT count(*) FROM ends WHERE job = $1", T(name)))
            ;
        best = MIN(best, clock_mono_us() - start);
    }
    g_test_message("a job of three steps, each with a commit, from job_add to its end: %d us", (int)best);
    g_assert_cmpint(best, <, 200000);
    place_close();
}

#define JOBS 400

/* A child runs them and is killed at random instants; what is left runs to its end, each exactly once. */
static void killed_at_any_instant(void)
{
    pid_t pid;

    place_open("kill", 0);
    g_assert_true(jobs_start(&c, &service, 0));
    for (int i = 0; i < JOBS; i++)
        add_kind(i % 8 == 1 ? &stubborn_kind : &work_kind, ctx_printf(&c, "r%d", i), i % 4 == 1 ? "{\"fail\": true, \"tries\": 2}" : i % 4 == 2 ? "{\"wait\": true, \"delay\": 3000}" : i % 4 == 3 ? "{\"save\": true}" : "{}");
    place_close();
    for (int round = 0; round < 15; round++) {
        pid = fork();
        if (pid == 0) {
            place_open("kill", 4);
            pause();
            _exit(0);
        }
        g_usleep(4000 + (gulong)random_below(8000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    place_open("kill", 4);
    g_test_message("%d of %d jobs were left after the kills", (int)jobs_pending(&service), JOBS);
    until_done();
    g_assert_cmpint(db_count(&c, "SELECT count(*) FROM ends"), ==, JOBS);
    g_assert_cmpint(db_count(&c, "SELECT count(*) FROM ends WHERE n <> 1"), ==, 0);
    g_assert_cmpint(db_count(&c, "SELECT count(*) FROM ends WHERE status = 409"), ==, JOBS / 4);
    g_assert_cmpint(db_count(&c, "SELECT count(*) FROM ends WHERE status NOT IN (0, 409)"), ==, 0);
    place_close();
}

int main(int argc, char **argv)
{
    g_autofree char *command = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    strcpy(directory, "/tmp/nacre-test-jobs-XXXXXX");
    g_assert_nonnull(mkdtemp(directory));
    g_test_add_func("/jobs/kill", killed_at_any_instant);
    g_test_add_func("/jobs/order", steps_run_in_order);
    g_test_add_func("/jobs/failure", a_failure_runs_backwards);
    g_test_add_func("/jobs/again", what_is_undone_may_begin_again);
    g_test_add_func("/jobs/wait", a_wait_holds_no_worker);
    g_test_add_func("/jobs/away", who_is_away_is_waited_for);
    g_test_add_func("/jobs/poke", a_poke_ends_a_wait);
    g_test_add_func("/jobs/cancel", cancel_and_deadline_undo);
    g_test_add_func("/jobs/exclusive", one_job_a_resource_when_said);
    g_test_add_func("/jobs/secret", no_secret_is_stored);
    g_test_add_func("/jobs/soon", a_job_starts_soon);
    status = g_test_run();
    command = g_strdup_printf("rm -rf %s", directory);
    return system(command) ? 1 : status;
}
