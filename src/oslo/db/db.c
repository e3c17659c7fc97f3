/* What the services call: databases, transactions, queries and their rows. A driver does the talking.
 *
 * A transaction of a ctx holds the one writer from begin to commit; a read outside of one borrows a reader for as long as the
 * statement runs. Both databases thus see one writing transaction at a time, and code that reads before it writes is right.
 */
#include "oslo/db/driver.h"
#include "oslo/base/inject.h"
#include "oslo/base/log.h"

#include <stdlib.h>
#include <string.h>

#define HELD_TOO_LONG 500000 /* us: a transaction that held the writer for so long is worth a line in the log */

struct db_tx {
    struct ctx *c;
    struct connection *conn;
    int depth;                       /* savepoints open */
    int broken;                      /* a statement failed at that depth + 1; 0: none. Until it is rolled back nothing runs */
    bool wrote, relaxed;
    int64_t since;
};

struct rows {
    struct ctx *c;
    struct result result;
    struct row *at;
};

static const struct db_driver *const drivers[] = { &sqlite_driver, &postgresql_driver };

static void pool_init(struct pool *pool, int most, bool writer)
{
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->freed, NULL);
    pool->most = most;
    pool->writer = writer;
}

static void pool_clear(struct db *db, struct pool *pool)
{
    struct connection *conn;

    while ((conn = pool->idle)) {
        pool->idle = conn->next;
        db->driver->disconnect(conn);
    }
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
}

struct db *db_open(struct ctx *c, const char *url, const struct migration *migrations)
{
    const struct db_driver *driver = NULL;
    struct db *db;

    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++)
        if (g_str_has_prefix(url, drivers[i]->scheme))
            driver = drivers[i];
    if (!driver)
        return fail_null(c, 500, "DBError", "No driver for this database URL; it must start with sqlite: or postgresql:");
    db = g_new0(struct db, 1);
    db->driver = driver;
    pool_init(&db->readers, driver->readers, false);
    pool_init(&db->writers, 1, true);
    flusher_init(&db->flusher);
    if (!driver->open(c, db, url)) {
        db_close(db);
        return NULL;
    }
    if (db_migrate(c, db, "", migrations))
        return db;
    db_close(db);
    return NULL;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    if (db->driver->quiesce)
        db->driver->quiesce(db);
    pool_clear(db, &db->readers);
    pool_clear(db, &db->writers);
    db->driver->close(db);
    flusher_clear(&db->flusher);
    g_free(db);
}

bool db_fail(struct ctx *c, int status, const char *type, const char *message, const char *detail)
{
    if (!failed(c)) {
        fail(c, status, type, "%s", message);
        c->fault.detail = ctx_strdup(c, detail);
    }
    return false;
}

static bool tx_run(struct ctx *c, const char *sql)
{
    struct result none = { .last = &none.first };

    return c->tx->conn->db->driver->run(c, c->tx->conn, sql, VALUES(), &none);
}

static bool tx_savepoint(struct ctx *c, const char *verb, int depth)
{
    char sql[64];

    g_snprintf(sql, sizeof(sql), "%s s%d", verb, depth);
    return tx_run(c, sql);
}

static void tx_end(struct ctx *c)
{
    struct db_tx *tx = c->tx;
    int64_t held = clock_mono_us() - tx->since;

    pool_give(tx->conn->db, &tx->conn->db->writers, tx->conn);
    c->tx = NULL;
    if (held > HELD_TOO_LONG)
        log_warning(c, "a transaction held the database's writer for %d ms", (int)(held / 1000));
}

/* The ctx goes: what it left open is rolled back. */
static void tx_release(void *object)
{
    struct db_tx *tx = object;

    while (tx->c->tx == tx)
        db_rollback(tx->c);
}

bool db_begin(struct ctx *c)
{
    struct db_tx *tx = c->tx;

    if (tx) {
        if (!tx_savepoint(c, "SAVEPOINT", tx->depth + 1))
            return false;
        tx->depth++;
        return true;
    }
    tx = ctx_new(c, struct db_tx);
    tx->conn = pool_take(c, c->db, &c->db->writers);
    if (!tx->conn)
        return false;
    tx->c = c;
    tx->since = clock_mono_us();
    c->tx = ctx_own(c, tx, tx_release);
    if (!c->db->driver->script(c, tx->conn, c->db->driver->begin)) {
        db_rollback(c);
        return false;
    }
    c->db->transactions++;
    return true;
}

void db_at_commit(struct ctx *c, const char *sql)
{
    c->at_commit = sql;
}

bool db_commit(struct ctx *c)
{
    struct db_tx *tx = c->tx;
    struct db *db = tx->conn->db;
    bool wrote = tx->wrote, relaxed = tx->relaxed;
    uint64_t ticket = 0;

    if (tx->broken) {
        db_rollback(c);
        return db_fail(c, DB_ERROR, "commit of a transaction in which a statement had failed");
    }
    if (tx->depth) {
        if (!tx_savepoint(c, "RELEASE SAVEPOINT", tx->depth)) {
            db_rollback(c);
            return false;
        }
        tx->depth--;
        return true;
    }
    if ((wrote && c->at_commit && !db_exec(c, c->at_commit)) || inject(c, INJECT_COMMIT) || !tx_run(c, "COMMIT")) {
        db_rollback(c);
        return false;
    }
    if (wrote && !relaxed)
        ticket = flush_ticket(db);
    tx_end(c);
    bool durable = !ticket || flush_wait(c, db, ticket);
    inject(c, INJECT_COMMITTED);
    return durable;
}

void db_rollback(struct ctx *c)
{
    struct fault kept = c->fault;
    struct db_tx *tx = c->tx;

    if (!tx)
        return;
    if (tx->depth) {
        tx_savepoint(c, "ROLLBACK TO SAVEPOINT", tx->depth);
        tx_savepoint(c, "RELEASE SAVEPOINT", tx->depth);
        if (tx->broken == tx->depth + 1)
            tx->broken = 0;
        tx->depth--;
        if (tx->broken > tx->depth + 1)
            tx->broken = tx->depth + 1;
    } else {
        fault_clear(c);
        if (!tx_run(c, "ROLLBACK") && c->fault.status == 503)
            tx->conn->broken = true;
        tx_end(c);
    }
    c->fault = kept;
}

void db_relaxed(struct ctx *c)
{
    if (c->tx)
        c->tx->relaxed = true;
}

static bool run_in_tx(struct ctx *c, const char *sql, const struct value *values, struct result *ret)
{
    struct db_tx *tx = c->tx;

    if (tx->broken)
        return db_fail(c, DB_ERROR, "a statement after one that failed: roll back first (or nest: begin, try, roll back)");
    if (!tx->conn->db->driver->run(c, tx->conn, sql, values, ret)) {
        tx->broken = tx->depth + 1;
        return false;
    }
    tx->wrote |= ret->wrote;
    return true;
}

bool db_script(struct ctx *c, const char *sql)
{
    if (c->tx->conn->db->driver->script(c, c->tx->conn, sql)) {
        c->tx->wrote = true;
        return true;
    }
    c->tx->broken = c->tx->depth + 1;
    return false;
}

static bool run_on_reader(struct ctx *c, const char *sql, const struct value *values, struct result *ret)
{
    struct db *db = c->db;
    struct connection *conn;
    bool fresh = failed(c), good, again;

    for (int tries = 0;; tries++) {
        conn = pool_take(c, db, &db->readers);
        if (!conn)
            return false;
        good = db->driver->run(c, conn, sql, values, ret);
        again = !good && conn->broken && tries == 0; /* the server was restarted: once more on a new connection */
        pool_give(db, &db->readers, conn);
        if (!again)
            return good;
        if (!fresh)
            fault_clear(c);
    }
}

static bool run(struct ctx *c, const char *sql, const struct value *values, struct result *ret)
{
    ret->last = &ret->first;
    c->db->queries++;
    if (inject(c, INJECT_QUERY)) {
        if (c->tx)
            c->tx->broken = c->tx->depth + 1;
        return false;
    }
    return c->tx ? run_in_tx(c, sql, values, ret) : run_on_reader(c, sql, values, ret);
}

bool db_exec_values(struct ctx *c, int64_t *ret_changed, const char *sql, const struct value *values)
{
    struct result result = { 0 };

    if (!run(c, sql, values, &result))
        return false;
    if (ret_changed)
        *ret_changed = result.changed;
    return true;
}

struct rows *db_query_values(struct ctx *c, const char *sql, const struct value *values)
{
    struct rows *rows = ctx_new(c, struct rows);

    rows->c = c;
    if (!run(c, sql, values, &rows->result))
        rows->result.first = NULL;
    return rows;
}

struct row *result_row(struct ctx *c, struct result *result)
{
    struct row *row = ctx_alloc(c, sizeof(*row) + (size_t)result->columns * sizeof(struct value));

    *result->last = row;
    result->last = &row->next;
    return row;
}

bool db_next(struct rows *rows)
{
    rows->at = rows->result.first;
    if (rows->at)
        rows->result.first = rows->at->next;
    return rows->at != NULL;
}

void db_rows_end(struct rows *rows)
{
    rows->result.first = NULL;
}

static const struct value *cell(const struct rows *rows, int column)
{
    g_assert(rows->at && column >= 0 && column < rows->result.columns);
    return &rows->at->cells[column];
}

char *db_text(struct rows *rows, int column)
{
    const struct value *v = cell(rows, column);

    switch (v->kind) {
    case VALUE_TEXT:
        return (char *)(uintptr_t)v->text;
    case VALUE_INT:
        return ctx_printf(rows->c, "%" PRId64, v->integer);
    case VALUE_BOOL:
        return ctx_strdup(rows->c, v->boolean ? "1" : "0");
    case VALUE_REAL:
        return ctx_printf(rows->c, "%.17g", v->real);
    default:
        return NULL;
    }
}

int64_t db_int(struct rows *rows, int column)
{
    const struct value *v = cell(rows, column);

    switch (v->kind) {
    case VALUE_TEXT:
        return strtoll(v->text, NULL, 10);
    case VALUE_INT:
        return v->integer;
    case VALUE_BOOL:
        return v->boolean;
    case VALUE_REAL:
        return (int64_t)v->real;
    default:
        return 0;
    }
}

bool db_bool(struct rows *rows, int column)
{
    const struct value *v = cell(rows, column);

    return v->kind == VALUE_TEXT ? strchr("tTyY1", v->text[0]) && v->text[0] : db_int(rows, column) != 0;
}

double db_real(struct rows *rows, int column)
{
    const struct value *v = cell(rows, column);

    return v->kind == VALUE_REAL ? v->real : v->kind == VALUE_TEXT ? g_ascii_strtod(v->text, NULL) : (double)db_int(rows, column);
}

bool db_is_null(struct rows *rows, int column)
{
    return cell(rows, column)->kind == VALUE_NULL;
}

int64_t db_count_values(struct ctx *c, const char *sql, const struct value *values)
{
    struct rows *rows = db_query_values(c, sql, values);

    return db_next(rows) ? db_int(rows, 0) : 0;
}

char *db_get_text_values(struct ctx *c, const char *sql, const struct value *values)
{
    struct rows *rows = db_query_values(c, sql, values);

    return db_next(rows) ? db_text(rows, 0) : NULL;
}

struct db_stats db_stats(const struct db *db)
{
    return (struct db_stats){ .queries = db->queries, .transactions = db->transactions, .syncs = db->syncs };
}

bool db_is_postgresql(const struct db *db)
{
    return db->driver == &postgresql_driver;
}
