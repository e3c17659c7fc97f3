/* What the database floor costs: durable inserts from one and from sixteen threads, relaxed ones, and an indexed read.
 *
 *     build/tests/bench/bench_db [URL]     default: a SQLite file in the current directory, removed afterwards
 */
#include "oslo/db/db.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct migration migrations[] = {
    { 1, "initial", "CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT NOT NULL, size BIGINT NOT NULL, state TEXT); "
                    "CREATE INDEX things_name ON things (name)" },
    {}
};

struct writer {
    struct db *db;
    int n, rows;
    bool relaxed;
    int64_t *took;
};

static void write_one(struct ctx *c, const struct writer *w)
{
    char uuid[UUID_TEXT_SIZE];
    bool good = db_begin(c);

    for (int i = 0; good && i < w->rows; i++)
        good = db_exec(c, "INSERT INTO things (id, name, size, state) VALUES ($1, $2, $3, $4)", T(uuid_write(uuid)), T("a name"), I(i), T("ACTIVE"));
    if (w->relaxed)
        db_relaxed(c);
    if (!good || !db_commit(c)) {
        fprintf(stderr, "%s: %s\n", c->fault.message, c->fault.detail);
        exit(1);
    }
}

static void *write_many(void *data)
{
    struct writer *w = data;

    for (int i = 0; i < w->n; i++) {
        int64_t start = clock_mono_us();
        struct ctx c;

        ctx_init(&c, NULL, NULL);
        c.db = w->db;
        write_one(&c, w);
        ctx_clear(&c);
        w->took[i] = clock_mono_us() - start;
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void report(const char *what, int64_t *took, int n, int64_t all)
{
    qsort(took, (size_t)n, sizeof(*took), by_size);
    printf("%-44s p50 %6d us  p99 %6d us  %8.0f/s\n", what, (int)took[n / 2], (int)took[n * 99 / 100], n * 1e6 / (double)all);
}

static void bench_writes(struct db *db, const char *what, int threads, int each, int rows, bool relaxed)
{
    pthread_t ids[64];
    struct writer w[64];
    int64_t *took = g_new0(int64_t, threads * each), start = clock_mono_us(), syncs = db_stats(db).syncs;

    for (int i = 0; i < threads; i++) {
        w[i] = (struct writer){ db, each, rows, relaxed, took + (gsize)i * (gsize)each };
        pthread_create(&ids[i], NULL, write_many, &w[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    report(what, took, threads * each, clock_mono_us() - start);
    printf("%-44s %d syncs for %d commits\n", "", (int)(db_stats(db).syncs - syncs), threads * each);
    g_free(took);
}

static void bench_reads(struct db *db, int n)
{
    int64_t *took = g_new0(int64_t, n), start = clock_mono_us();
    struct ctx c;
    char *id;

    ctx_init(&c, NULL, NULL);
    c.db = db;
    id = db_get_text(&c, "SELECT max(id) FROM things");
    for (int i = 0; i < n; i++) {
        int64_t at = clock_mono_us();
        struct ctx each;

        ctx_init(&each, NULL, NULL);
        each.db = db;
        if (!db_get_text(&each, "SELECT name FROM things WHERE id = $1", T(id)))
            exit(1);
        ctx_clear(&each);
        took[i] = clock_mono_us() - at;
    }
    report("indexed read", took, n, clock_mono_us() - start);
    g_free(took);
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "sqlite:///bench-db.sqlite";
    struct db *db;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    db = db_open(&c, url, migrations);
    if (!db) {
        fprintf(stderr, "%s: %s\n", c.fault.message, c.fault.detail);
        return 1;
    }
    bench_writes(db, "insert + commit, 1 thread", 1, 500, 1, false);
    bench_writes(db, "insert + commit, 16 threads", 16, 200, 1, false);
    bench_writes(db, "insert of 10 rows + commit, 1 thread", 1, 300, 10, false);
    bench_writes(db, "insert + relaxed commit, 1 thread", 1, 5000, 1, true);
    bench_reads(db, 20000);
    db_close(db);
    ctx_clear(&c);
    if (argc == 1)
        unlink("bench-db.sqlite");
    return 0;
}
