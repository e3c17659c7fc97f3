/* Statements of one database: kept prepared, bound by a word of letters. */
#include "swift/broker/parts.h"

#include "swift/name.h"

#include <string.h>

#define BROKER_FAILED 500, "DatabaseConnectionError", "%s: %s"

/* A file without its own tables: its making, or what brought it, was cut short. */
static bool is_hollow(const char *why)
{
    static const char *const tables[] = { "no such table: container_stat", "no such table: container_info", "no such table: account_stat" };

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        if (!strcmp(why, tables[i]))
            return true;
    return false;
}

static bool failed_on(struct ctx *c, struct broker *b)
{
    int code = sqlite3_errcode(b->db);
    const char *why = ctx_strdup(c, sqlite3_errmsg(b->db));

    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_IOERR || is_hollow(why))
        broker_quarantine(c, b, why);
    return fail(c, BROKER_FAILED, b->path, why);
}

static sqlite3_stmt *prepare(struct ctx *c, struct broker *b, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    size_t i = 0;

    while (i < STATEMENTS && b->cached[i].sql && b->cached[i].sql != sql)
        i++;
    if (i < STATEMENTS && b->cached[i].sql)
        return b->cached[i].statement;
    if (sqlite3_prepare_v3(b->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        failed_on(c, b);
        return NULL;
    }
    if (i == STATEMENTS) {                   /* the oldest goes */
        i = 0;
        sqlite3_finalize(b->cached[i].statement);
    }
    b->cached[i].sql = sql;
    b->cached[i].statement = statement;
    return statement;
}

void lite_bind_bytes(sqlite3_stmt *statement, int index, const char *bytes, size_t n)
{
    sqlite3_bind_text(statement, index, bytes, (int)n, SQLITE_TRANSIENT);
}

static void bind_name(struct ctx *c, sqlite3_stmt *statement, int index, const char *name)
{
    size_t n;
    const char *bytes;

    if (!name) {
        sqlite3_bind_null(statement, index);
        return;
    }
    bytes = name_bytes(c, name, &n);
    sqlite3_bind_text(statement, index, bytes, (int)n, SQLITE_STATIC);
}

static void bind_time(struct ctx *c, sqlite3_stmt *statement, int index, struct timestamp t, bool zero)
{
    sqlite3_bind_text(statement, index, zero && !timestamp_set(t) ? "0" : timestamp_text(c, t), -1, SQLITE_STATIC);
}

static void bind(struct ctx *c, sqlite3_stmt *statement, const char *kinds, va_list args)
{
    for (int i = 1; *kinds; kinds++, i++) {
        if (*kinds == 't')
            bind_name(c, statement, i, va_arg(args, const char *));
        else if (*kinds == 'i')
            sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
        else if (*kinds == 's' || *kinds == 'z')
            bind_time(c, statement, i, va_arg(args, struct timestamp), *kinds == 'z');
        else
            sqlite3_bind_double(statement, i, va_arg(args, double));
    }
}

static sqlite3_stmt *query(struct ctx *c, struct broker *b, const char *sql, const char *kinds, va_list args)
{
    sqlite3_stmt *statement = prepare(c, b, sql);

    if (statement)
        bind(c, statement, kinds, args);
    return statement;
}

sqlite3_stmt *lite_query(struct ctx *c, struct broker *b, const char *sql, const char *kinds, ...)
{
    sqlite3_stmt *statement;
    va_list args;

    va_start(args, kinds);
    statement = query(c, b, sql, kinds, args);
    va_end(args);
    return statement;
}

bool lite_row(struct ctx *c, struct broker *b, sqlite3_stmt *statement)
{
    int said = sqlite3_step(statement);

    if (said != SQLITE_ROW && said != SQLITE_DONE)
        failed_on(c, b);
    return said == SQLITE_ROW;
}

void lite_done(sqlite3_stmt *statement)
{
    if (!statement)
        return;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

bool lite_run(struct ctx *c, struct broker *b, const char *sql, const char *kinds, ...)
{
    sqlite3_stmt *statement;
    va_list args;
    bool well;

    va_start(args, kinds);
    statement = query(c, b, sql, kinds, args);
    va_end(args);
    if (!statement)
        return false;
    while (lite_row(c, b, statement))
        ;
    well = !failed(c);
    lite_done(statement);
    return well;
}

int64_t lite_int(struct ctx *c, struct broker *b, int64_t unset, const char *sql, const char *kinds, ...)
{
    sqlite3_stmt *statement;
    va_list args;

    va_start(args, kinds);
    statement = query(c, b, sql, kinds, args);
    va_end(args);
    if (statement && lite_row(c, b, statement) && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        unset = sqlite3_column_int64(statement, 0);
    lite_done(statement);
    return unset;
}

const char *lite_text(struct ctx *c, sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_text(statement, column);

    return bytes ? name_from_bytes(c, bytes, (size_t)sqlite3_column_bytes(statement, column)) : "";
}

struct timestamp lite_timestamp(sqlite3_stmt *statement, int column)
{
    struct timestamp t = {};

    timestamp_parse((const char *)sqlite3_column_text(statement, column), &t);
    return t;
}

bool lite_begin(struct ctx *c, struct broker *b)
{
    return lite_run(c, b, "BEGIN IMMEDIATE", "");
}

bool lite_commit(struct ctx *c, struct broker *b)
{
    return lite_run(c, b, "COMMIT", "");
}

void lite_rollback(struct broker *b)
{
    if (!sqlite3_get_autocommit(b->db))
        sqlite3_exec(b->db, "ROLLBACK", NULL, NULL, NULL);
}
