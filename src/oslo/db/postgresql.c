/* PostgreSQL by libpq: statements prepared per connection by their text, values sent as text, SQLSTATE turned into faults.
 *
 * One writing transaction at a time, as in SQLite, by an advisory lock on the database: code that reads before it writes
 * is right on both. The writer commits asynchronously, so that it holds the lock for no disk; a flush is a commit of a session
 * of its own that waits for the disk, and with it for all before. Readers are read-only sessions.
 */
#include "oslo/db/driver.h"
#include "oslo/base/log.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

enum { OID_BOOL = 16, OID_INT8 = 20, OID_FLOAT4 = 700, OID_FLOAT8 = 701 };

struct pg_connection {
    struct connection base;
    PGconn *handle;
    unsigned prepared;               /* statements so far: their names */
};

struct pg {
    char *url;
    PGconn *flusher;                 /* of the thread that flushes; NULL until first needed */
};

struct prepared {
    char name[16];
    bool writes;
};

static PGconn *handle_of(struct connection *conn)
{
    return ((struct pg_connection *)conn)->handle;
}

static bool pg_fault(struct ctx *c, struct connection *conn, const PGresult *res, const char *sql)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME), *why = PQresultErrorMessage(res);
    const char *table = PQresultErrorField(res, PG_DIAG_TABLE_NAME), *more = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
    char *detail = ctx_printf(c, "%s.%s: %s in: %s", table ? table : "-", constraint ? constraint : "-", more ? more : why, sql);

    if (PQstatus(handle_of(conn)) != CONNECTION_OK)
        conn->broken = true;
    if (conn->broken || !state || g_str_has_prefix(state, "08") || g_str_has_prefix(state, "57P"))
        return db_fail(c, DB_GONE, why);
    if (!strcmp(state, "23505"))
        return db_fail(c, DB_DUPLICATE, detail);
    if (!strcmp(state, "23503"))
        return db_fail(c, DB_REFERENCE, detail);
    if (!strcmp(state, "40001") || !strcmp(state, "40P01") || !strcmp(state, "55P03"))
        return db_fail(c, DB_DEADLOCK, detail);
    if (!strcmp(state, "25006"))
        return db_fail(c, DB_ERROR, ctx_printf(c, "a write outside a transaction: %s", sql));
    return db_fail(c, DB_ERROR, detail);
}

static void pg_forget(struct connection *conn, void *object)
{
    struct prepared *p = object;
    char sql[40];

    g_snprintf(sql, sizeof(sql), "DEALLOCATE %s", p->name);
    PQclear(PQexec(handle_of(conn), sql));
    g_free(p);
}

static bool starts_with_word(const char *sql, const char *word)
{
    while (*sql == ' ' || *sql == '\n')
        sql++;
    return !g_ascii_strncasecmp(sql, word, strlen(word));
}

/* The kinds of the first values decide the parameters' types where SQL does not; text and null leave it to SQL. */
static struct prepared *prepare(struct ctx *c, struct connection *conn, const char *sql, const struct value *values, int n)
{
    struct statement *kept = statement_find(conn, sql);
    Oid *types = ctx_new_n(c, Oid, n + 1);
    struct prepared *p;
    PGresult *res;
    bool good;

    if (kept)
        return kept->prepared;
    for (int i = 0; i < n; i++)
        types[i] = values[i].kind == VALUE_INT ? OID_INT8 : values[i].kind == VALUE_BOOL ? OID_BOOL : values[i].kind == VALUE_REAL ? OID_FLOAT8 : 0;
    p = g_new0(struct prepared, 1);
    g_snprintf(p->name, sizeof(p->name), "s%u", ++((struct pg_connection *)conn)->prepared);
    p->writes = !starts_with_word(sql, "SELECT");
    res = PQprepare(handle_of(conn), p->name, sql, n, types);
    good = PQresultStatus(res) == PGRES_COMMAND_OK;
    if (!good)
        pg_fault(c, conn, res, sql);
    PQclear(res);
    if (good) {
        statement_keep(conn, sql, p);
        return p;
    }
    g_free(p);
    return NULL;
}

static const char *value_text(struct ctx *c, const struct value *v)
{
    switch (v->kind) {
    case VALUE_TEXT:
        return v->text;
    case VALUE_INT:
        return ctx_printf(c, "%" PRId64, v->integer);
    case VALUE_BOOL:
        return v->boolean ? "t" : "f";
    case VALUE_REAL:
        return ctx_printf(c, "%.17g", v->real);
    default:
        return NULL;
    }
}

static struct value read_cell(struct ctx *c, const PGresult *res, int row, int column)
{
    const char *text = PQgetvalue(res, row, column);

    if (PQgetisnull(res, row, column))
        return SQL_NULL;
    switch (PQftype(res, column)) {
    case OID_BOOL:
        return B(text[0] == 't');
    case OID_FLOAT4:
    case OID_FLOAT8:
        return R(g_ascii_strtod(text, NULL));
    default:
        return T(ctx_strndup(c, text, (size_t)PQgetlength(res, row, column)));
    }
}

static void read_rows(struct ctx *c, const PGresult *res, struct result *ret)
{
    ret->columns = PQnfields(res);
    for (int i = 0; i < PQntuples(res); i++) {
        struct row *row = result_row(c, ret);

        for (int j = 0; j < ret->columns; j++)
            row->cells[j] = read_cell(c, res, i, j);
    }
}

static bool pg_run(struct ctx *c, struct connection *conn, const char *sql, const struct value *values, struct result *ret)
{
    struct prepared *p;
    const char **texts;
    PGresult *res;
    int n = 0;
    bool good;

    while (values[n].kind != VALUE_END)
        n++;
    p = prepare(c, conn, sql, values, n);
    if (!p)
        return false;
    texts = ctx_new_n(c, const char *, n + 1);
    for (int i = 0; i < n; i++)
        texts[i] = value_text(c, &values[i]);
    res = PQexecPrepared(handle_of(conn), p->name, n, texts, NULL, NULL, 0);
    good = PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK;
    if (good) {
        ret->wrote = p->writes;
        ret->changed = strtoll(PQcmdTuples(res), NULL, 10);
        read_rows(c, res, ret);
    } else {
        pg_fault(c, conn, res, sql);
    }
    PQclear(res);
    return good;
}

static bool pg_script(struct ctx *c, struct connection *conn, const char *sql)
{
    PGresult *res = PQexec(handle_of(conn), sql);
    bool good = PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK;

    if (!good)
        pg_fault(c, conn, res, "a script");
    PQclear(res);
    return good;
}

static void pg_disconnect(struct connection *conn)
{
    connection_clear(conn);
    PQfinish(handle_of(conn));
    g_free(conn);
}

static void be_quiet(void *data, const PGresult *notice)
{
}

static struct connection *pg_connect(struct ctx *c, struct db *db, bool writer)
{
    struct pg_connection *conn = g_new0(struct pg_connection, 1);
    const char *setup = writer ? "SET lock_timeout = '30s'; SET timezone = 'UTC'; SET synchronous_commit = off"
                               : "SET default_transaction_read_only = on; SET timezone = 'UTC'";

    connection_init(&conn->base, db, writer);
    conn->handle = PQconnectdb(((struct pg *)db->data)->url);
    if (PQstatus(conn->handle) == CONNECTION_OK) {
        PQsetNoticeReceiver(conn->handle, be_quiet, NULL);
        if (pg_script(c, &conn->base, setup))
            return &conn->base;
    }
    db_fail(c, DB_GONE, PQerrorMessage(conn->handle));
    pg_disconnect(&conn->base);
    return NULL;
}

/* A record of nothing, whose commit waits for the disk. Tried again on a new connection where the old one is lost. */
static bool pg_flush(struct db *db)
{
    struct pg *pg = db->data;
    bool good = false;

    for (int tries = 0; tries < 2 && !good; tries++) {
        PGresult *res;

        if (pg->flusher && PQstatus(pg->flusher) != CONNECTION_OK) {
            PQfinish(pg->flusher);
            pg->flusher = NULL;
        }
        if (!pg->flusher)
            pg->flusher = PQconnectdb(pg->url);
        res = PQexec(pg->flusher, "SELECT pg_logical_emit_message(true, 'nacre', '')");
        good = PQresultStatus(res) == PGRES_TUPLES_OK;
        PQclear(res);
    }
    if (!good)
        log_error(NULL, "a flush failed: %s", PQerrorMessage(pg->flusher));
    return good;
}

/* "postgresql+psycopg2://..." as SQLAlchemy writes it is "postgresql://..." for libpq. */
static bool pg_open(struct ctx *c, struct db *db, const char *url)
{
    struct pg *pg = g_new0(struct pg, 1);
    const char *rest = strstr(url, "://");

    db->data = pg;
    if (!rest)
        return db_fail(c, DB_GONE, "a URL without ://");
    pg->url = g_strdup_printf("postgresql%s", rest);
    return true;
}

static void pg_close(struct db *db)
{
    struct pg *pg = db->data;

    if (pg->flusher)
        PQfinish(pg->flusher);
    g_free(pg->url);
    g_free(pg);
}

const struct db_driver postgresql_driver = {
    .scheme = "postgresql", .readers = 8, .begin = "BEGIN; SELECT pg_advisory_xact_lock(7237123)",
    .open = pg_open, .close = pg_close,
    .connect = pg_connect, .disconnect = pg_disconnect,
    .run = pg_run, .script = pg_script, .forget = pg_forget, .flush = pg_flush,
};
