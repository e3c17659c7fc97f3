/* db/: every test runs on SQLite, and again on a PostgreSQL server of its own where its programs are installed. */
#include "oslo/db/db.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct thing {
    char *id, *name;
    bool shared;
    int64_t size;
    double ratio;
    utc_time made;
    opt_int port;
    opt_bool up;
    raw_json extra;
    char *shown;
};

static const struct attr thing_attrs[] = {
    ATTR(struct thing, id, 0), ATTR(struct thing, name, 0, .column = "thing_name"), ATTR(struct thing, shared, 0),
    ATTR(struct thing, size, 0), ATTR(struct thing, ratio, 0), ATTR(struct thing, made, 0), ATTR(struct thing, port, 0),
    ATTR(struct thing, up, 0), ATTR(struct thing, extra, 0), ATTR(struct thing, shown, DERIVED), {}
};

#define THINGS "CREATE TABLE things (id TEXT PRIMARY KEY, thing_name TEXT UNIQUE, shared BOOLEAN NOT NULL, size BIGINT NOT NULL, " \
               "ratio DOUBLE PRECISION, made BIGINT, port BIGINT, up BOOLEAN, extra JSONB);"
#define PARTS "CREATE TABLE parts (id BIGINT PRIMARY KEY, thing_id TEXT NOT NULL REFERENCES things (id)); CREATE INDEX parts_thing ON parts (thing_id)"

static const struct migration first[] = { { 1, "initial", THINGS }, {} };
static const struct migration both[] = { { 1, "initial", THINGS }, { 2, "parts", PARTS }, {} };
static const struct migration wrong[] = { { 1, "initial", THINGS }, { 2, "parts", PARTS }, { 3, "wrong", "CREATE TABLE good (id TEXT); CREATE TABL bad" }, {} };

/* --- where the databases are --- */

static char directory[64], *server_url;
static int databases;

static char *engines(const char *format, ...) G_GNUC_PRINTF(1, 2);

static char *fresh_url(bool postgresql)
{
    databases++;
    if (!postgresql)
        return g_strdup_printf("sqlite:///%s/%d.db", directory, databases);
    char *url = engines("database %s/pg t%d", directory, databases);
    g_assert_nonnull(url);
    return url;
}

/* What packaging/engines.sh says of the server in our directory; NULL where it fails. */
static char *engines(const char *format, ...)
{
    g_autofree char *words = NULL, *command = NULL;
    char *said = NULL;
    int status = -1;
    va_list args;

    va_start(args, format);
    words = g_strdup_vprintf(format, args);
    va_end(args);
    command = g_strconcat(SOURCE_ROOT "/packaging/engines.sh ", words, NULL);
    if (!g_spawn_command_line_sync(command, &said, NULL, &status, NULL) || status) {
        g_free(said);
        return NULL;
    }
    return g_strchomp(said);
}

static void server_start(void)
{
    g_autofree char *here = engines("has postgresql");

    g_setenv("ENGINES_FAST", "1", TRUE);
    g_assert_cmpint(chmod(directory, 0711), ==, 0);
    if (here) {
        server_url = engines("start postgresql %s/pg", directory);
        g_assert_nonnull(server_url);
    }
}

static void server_stop(void)
{
    if (server_url)
        g_free(engines("remove %s/pg", directory));
    g_free(server_url);
}

/* --- the tests --- */

struct place {
    struct ctx c;
    bool postgresql;
    char *url;
};

static void place_open(struct place *p, bool postgresql)
{
    ctx_init(&p->c, NULL, NULL);
    p->postgresql = postgresql;
    p->url = fresh_url(postgresql);
    p->c.db = db_open(&p->c, p->url, both);
    g_assert_cmpstr(p->c.fault.detail, ==, NULL);
    g_assert_nonnull(p->c.db);
}

static void place_close(struct place *p)
{
    struct db *db = p->c.db;

    ctx_clear(&p->c);
    db_close(db);
    g_free(p->url);
}

static void add(struct ctx *c, const char *id, int64_t size)
{
    db_exec(c, "INSERT INTO things (id, thing_name, shared, size) VALUES ($1, $1, $2, $3)", T(id), B(true), I(size));
}

static void values_come_back(struct place *p)
{
    struct ctx *c = &p->c;
    struct thing t = { .id = ctx_strdup(c, "a"), .name = ctx_strdup(c, "na\xc3\xafve'; --"), .shared = true, .size = INT64_MAX, .ratio = 1.5, .made = { 1700000000000001 },
                       .port = { 80, true }, .up = { false, true }, .extra = { ctx_strdup(c, "{\"a\": [1]}") } }, got = { 0 };
    struct thing empty = { .id = ctx_strdup(c, "b") };

    g_assert_true(db_begin(c));
    g_assert_true(record_insert(c, "things", thing_attrs, &t));
    g_assert_true(record_insert(c, "things", thing_attrs, &empty));
    g_assert_true(db_commit(c));
    g_assert_true(record_find(c, "things", thing_attrs, &got, "id", "a"));
    g_assert_cmpstr(got.name, ==, t.name);
    g_assert_true(got.shared && got.size == INT64_MAX && got.ratio == 1.5 && got.made.us == 1700000000000001);
    g_assert_true(got.port.set && got.port.value == 80 && got.up.set && !got.up.value);
    g_assert_cmpstr(got.extra.text, ==, "{\"a\": [1]}");
    g_assert_true(record_find(c, "things", thing_attrs, &got, "id", "b"));
    g_assert_true(!got.name && !got.shared && !got.made.us && !got.port.set && !got.up.set && !got.extra.text);
    g_assert_false(record_find(c, "things", thing_attrs, &got, "id", "c"));
    g_assert_false(failed(c));
    g_assert_true(db_begin(c));
    t.name = ctx_strdup(c, "other");
    t.port.set = false;
    g_assert_true(record_update(c, "things", thing_attrs, &t, "id") && db_commit(c));
    g_assert_true(record_find(c, "things", thing_attrs, &got, "name", "other") && !got.port.set);
}

static void rows_mix_with_anything(struct place *p)
{
    struct ctx *c = &p->c;
    struct rows *outer, *inner;
    struct sql *s;
    int seen = 0;

    g_assert_true(db_begin(c));
    for (int i = 0; i < 5; i++)
        add(c, (const char *[]){ "a", "b", "c", "D", "E" }[i], i);
    for (outer = db_query(c, "SELECT id, size FROM things ORDER BY size"); db_next(outer);) {
        inner = db_query(c, "SELECT id FROM things WHERE size > $1 ORDER BY size", I(db_int(outer, 1)));
        db_exec(c, "UPDATE things SET size = size + 100 WHERE id = $1", T(db_text(outer, 0)));
        seen += db_next(inner);
    }
    g_assert_cmpint(seen, ==, 5);
    g_assert_true(db_commit(c));
    s = sql_new(c);
    sql_add(s, "SELECT count(*) FROM things WHERE size >= ? AND shared = ? AND id IN ", I(101), B(true));
    sql_in(s, (const char *const[]){ "a", "b", "D", NULL });
    g_assert_cmpint(db_count_values(c, s->text.data, s->values), ==, 2);
    g_assert_cmpint(db_count(c, "SELECT count(*) FROM things WHERE id LIKE 'd%'"), ==, 0);
    g_assert_cmpint(db_count(c, "SELECT count(*) FROM things WHERE size = $1 OR ($2 = id AND $1 = $1)", I(100), T("b")), ==, 2);
    g_assert_cmpstr(db_get_text(c, "SELECT id FROM things WHERE id = $1", T("nothing")), ==, NULL);
    g_assert_cmpstr(db_get_text(c, "SELECT sum(size) FROM things"), ==, "510");
    g_assert_true(db_bool((db_next(outer = db_query(c, "SELECT shared FROM things WHERE id = 'a'")), outer), 0));
}

static void faults_name_their_cause(struct place *p)
{
    struct ctx *c = &p->c;

    g_assert_true(db_begin(c));
    add(c, "a", 1);
    g_assert_true(db_begin(c));
    add(c, "a", 2);
    g_assert_cmpint(c->fault.status, ==, 409);
    g_assert_cmpstr(c->fault.type, ==, "DBDuplicateEntry");
    g_assert_nonnull(strstr(c->fault.detail, "things"));
    db_rollback(c);
    fault_clear(c);
    g_assert_true(db_begin(c));
    g_assert_false(db_exec(c, "INSERT INTO parts (id, thing_id) VALUES (1, 'none')") && db_commit(c));
    g_assert_cmpstr(c->fault.type, ==, "DBReferenceError");
    g_assert_nonnull(strstr(c->fault.detail, "parts"));
    db_rollback(c);
    fault_clear(c);
    add(c, "b", 1);
    g_assert_true(db_commit(c));
    g_assert_cmpint(db_count(c, "SELECT count(*) FROM things"), ==, 2);

    g_assert_false(db_exec(c, "INSERT INTO things (id, shared, size) VALUES ('x', true, 1)"));
    g_assert_nonnull(strstr(c->fault.detail, "outside a transaction"));
    fault_clear(c);
    g_assert_false(db_next(db_query(c, "SELECT nothing FROM nowhere")));
    g_assert_cmpstr(c->fault.type, ==, "DBError");
    fault_clear(c);

    /* A transaction in which a statement failed cannot be committed by one who did not look. */
    g_assert_true(db_begin(c));
    add(c, "c", 1);
    add(c, "a", 1);
    add(c, "d", 1);
    g_assert_false(db_commit(c));
    g_assert_cmpstr(c->fault.type, ==, "DBDuplicateEntry");
    fault_clear(c);
    g_assert_cmpint(db_count(c, "SELECT count(*) FROM things"), ==, 2);
}

static void savepoints_nest(struct place *p)
{
    struct ctx *c = &p->c;

    g_assert_true(db_begin(c));
    add(c, "kept", 1);
    g_assert_true(db_begin(c));
    add(c, "gone", 1);
    g_assert_true(db_begin(c));
    add(c, "gone too", 1);
    g_assert_true(db_commit(c));
    db_rollback(c);
    g_assert_true(db_begin(c));
    add(c, "kept too", 1);
    g_assert_true(db_commit(c));
    g_assert_true(db_commit(c));
    g_assert_null(c->tx);
    g_assert_cmpstr(db_get_text(c, "SELECT max(id) FROM things"), ==, "kept too");
    g_assert_cmpint(db_count(c, "SELECT count(*) FROM things"), ==, 2);
    db_rollback(c);
}

/* Of the outermost transaction, where it wrote; what is rolled back takes it along. */
static void a_commit_ends_with_what_was_asked(struct place *p)
{
    struct ctx *c = &p->c;

    g_assert_true(db_begin(c));
    add(c, "counter", 0);
    g_assert_true(db_commit(c));
    db_at_commit(c, "UPDATE things SET size = size + 1 WHERE id = 'counter'");
    g_assert_true(db_begin(c) && db_begin(c));
    add(c, "a", 1);
    g_assert_true(db_commit(c) && db_commit(c));
    g_assert_true(db_begin(c));
    add(c, "b", 1);
    db_rollback(c);
    g_assert_true(db_begin(c) && db_commit(c));
    g_assert_cmpint(db_count(c, "SELECT size FROM things WHERE id = 'counter'"), ==, 1);
}

static void a_ctx_that_goes_rolls_back(struct place *p)
{
    struct ctx child;

    ctx_init_child(&child, &p->c, NULL);
    child.db = p->c.db;
    g_assert_true(db_begin(&child) && db_begin(&child));
    add(&child, "a", 1);
    ctx_clear(&child);
    g_assert_cmpint(db_count(&p->c, "SELECT count(*) FROM things"), ==, 0);
    g_assert_true(db_begin(&p->c) && db_commit(&p->c));
}

static void migrations_apply_once(struct place *p)
{
    struct ctx *c = &p->c;
    struct db *mine = c->db;

    g_assert_true(db_begin(c));
    add(c, "a", 1);
    g_assert_true(db_commit(c));
    g_assert_true(db_migrate(c, mine, "", both));
    g_assert_cmpint(db_count(c, "SELECT count(*) FROM things"), ==, 1);
    g_assert_false(db_migrate(c, mine, "", first));
    g_assert_nonnull(strstr(c->fault.message, "newer"));
    fault_clear(c);
    g_assert_false(db_migrate(c, mine, "", wrong));
    g_assert_nonnull(strstr(c->fault.detail, "3 wrong"));
    fault_clear(c);
    g_assert_false(db_next(db_query(c, "SELECT id FROM good")));
    fault_clear(c);
    g_assert_true(db_migrate(c, mine, "other", (const struct migration[]){ { 1, "o", "CREATE TABLE others (id TEXT)" }, {} }));
    g_assert_cmpint(db_count(c, "SELECT count(*) FROM migrations"), ==, 3);
}

struct writers {
    struct db *db;
    int from, each;
    bool failing;
};

static void *write_some(void *data)
{
    struct writers *w = data;

    for (int i = 0; i < w->each; i++) {
        struct ctx c;

        ctx_init(&c, NULL, NULL);
        c.db = w->db;
        g_assert_true(db_begin(&c));
        db_exec(&c, "UPDATE things SET size = size + 1 WHERE id = 'counter'");
        add(&c, ctx_printf(&c, "%d.%d", w->from, i), i);
        if (i % 5 == 4) {
            add(&c, "counter", 1);
            g_assert_false(db_commit(&c));
        } else {
            g_assert_true(db_commit(&c));
            g_assert_cmpint(db_count(&c, "SELECT count(*) FROM things WHERE id = $1", T(ctx_printf(&c, "%d.%d", w->from, i))), ==, 1);
        }
        ctx_clear(&c);
    }
    return NULL;
}

static void threads_write_together(struct place *p)
{
    pthread_t threads[8];
    struct writers w[8];
    struct db_stats before, after;

    g_assert_true(db_begin(&p->c));
    add(&p->c, "counter", 0);
    g_assert_true(db_commit(&p->c));
    before = db_stats(p->c.db);
    for (int i = 0; i < 8; i++) {
        w[i] = (struct writers){ p->c.db, i, 50, false };
        g_assert_cmpint(pthread_create(&threads[i], NULL, write_some, &w[i]), ==, 0);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    after = db_stats(p->c.db);
    g_assert_cmpint(db_count(&p->c, "SELECT size FROM things WHERE id = 'counter'"), ==, 8 * 40);
    g_assert_cmpint(db_count(&p->c, "SELECT count(*) FROM things"), ==, 8 * 40 + 1);
    g_assert_cmpint(after.transactions - before.transactions, ==, 8 * 50);
    if (!p->postgresql)
        g_assert_cmpint(after.syncs - before.syncs, <=, 8 * 40);
}

/* A child commits and says so, and is killed; what it said is there, and nothing half done. */
static void killed_writers_lose_nothing(struct place *p)
{
    int said[2], highest = -1, got;
    pid_t pid;

    for (int round = 0; round < 5; round++) {
        g_assert_cmpint(pipe(said), ==, 0);
        pid = fork();
        if (pid == 0) {
            struct ctx c;

            ctx_init(&c, NULL, NULL);
            c.db = db_open(&c, p->url, both);
            for (int i = highest + 1;; i++) {
                if (!db_begin(&c))
                    _exit(1);
                add(&c, ctx_printf(&c, "k%d", i), i);
                db_exec(&c, "INSERT INTO parts (id, thing_id) VALUES ($1, $2)", I(i), T(ctx_printf(&c, "k%d", i)));
                if (!db_commit(&c) || write(said[1], &i, sizeof(i)) != sizeof(i))
                    _exit(1);
            }
        }
        close(said[1]);
        for (int i = 0; i < 4; i++)      /* however slow the machine is, it is killed at work */
            g_assert_cmpint(read(said[0], &highest, sizeof(highest)), ==, sizeof(highest));
        g_usleep((gulong)random_below(60000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(said[0], &got, sizeof(got)) == sizeof(got))
            highest = got;
        close(said[0]);
        g_usleep(p->postgresql ? 300000 : 0);
        got = (int)db_count(&p->c, "SELECT count(*) FROM things");
        g_assert_cmpint(got, >=, highest + 1);
        g_assert_cmpint(got, <=, highest + 2);
        g_assert_cmpint(db_count(&p->c, "SELECT count(*) FROM parts"), ==, got);
        highest = got - 1;
    }
    g_assert_cmpint(highest, >, 10);
}

static void lists_of_values_have_no_limit_of_ours(struct place *p)
{
    struct ctx *c = &p->c;
    const char **ids = ctx_new_n(c, const char *, 2001);
    struct sql *s = sql_new(c);
    struct rows *rows;

    for (int i = 0; i < 2000; i++)
        ids[i] = ctx_printf(c, "%d", i);
    sql_add(s, "SELECT 1 WHERE '1999' IN ");
    sql_in(s, ids);
    rows = sql_query(s);
    g_assert_true(db_next(rows));
    for (int i = 0; i < 300; i++) /* more statements than are kept */
        g_assert_cmpint(db_count_values(c, ctx_printf(c, "SELECT %d", i), VALUES()), ==, i);
    s = sql_new(c);
    sql_add(s, "SELECT 1 WHERE '1' IN ");
    sql_in(s, NULL);
    g_assert_false(db_next(sql_query(s)));
}

static void run_on(gconstpointer data, bool postgresql)
{
    struct place p;

    if (postgresql && !server_url) {
        g_test_skip("PostgreSQL is not installed (./check installs it)");
        return;
    }
    place_open(&p, postgresql);
    ((void (*)(struct place *))(uintptr_t)data)(&p);
    place_close(&p);
}

static void on_sqlite(gconstpointer data)
{
    run_on(data, false);
}

static void on_postgresql(gconstpointer data)
{
    run_on(data, true);
}

static void wrong_urls(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_null(db_open(&c, "mysql://x/y", both));
    fault_clear(&c);
    g_assert_null(db_open(&c, "sqlite:////nowhere/at/all.db", both));
    g_assert_nonnull(strstr(c.fault.detail, "/nowhere/at/all.db"));
    fault_clear(&c);
    g_assert_null(db_open(&c, "postgresql://postgres:secret@127.0.0.1:1/none", both));
    g_assert_cmpint(c.fault.status, ==, 503);
    g_assert_null(strstr(c.fault.detail, "secret"));
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(struct place *); } tests[] = {
        { "values", values_come_back }, { "rows", rows_mix_with_anything }, { "faults", faults_name_their_cause },
        { "savepoints", savepoints_nest }, { "at_commit", a_commit_ends_with_what_was_asked },
        { "ctx_goes", a_ctx_that_goes_rolls_back }, { "migrations", migrations_apply_once },
        { "threads", threads_write_together }, { "lists", lists_of_values_have_no_limit_of_ours }, { "kill", killed_writers_lose_nothing },
    };
    int status;

    g_test_init(&argc, &argv, NULL);
    strcpy(directory, "/tmp/nacre-test-db-XXXXXX");
    g_assert_nonnull(mkdtemp(directory));
    server_start();
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *one = g_strdup_printf("/db/sqlite/%s", tests[i].name), *two = g_strdup_printf("/db/postgresql/%s", tests[i].name);

        g_test_add_data_func(one, (gconstpointer)(uintptr_t)tests[i].run, on_sqlite);
        g_test_add_data_func(two, (gconstpointer)(uintptr_t)tests[i].run, on_postgresql);
    }
    g_test_add_func("/db/urls", wrong_urls);
    status = g_test_run();
    server_stop();
    {
        g_autofree char *command = g_strdup_printf("rm -rf %s", directory);

        if (system(command))
            status = 1;
    }
    return status;
}
