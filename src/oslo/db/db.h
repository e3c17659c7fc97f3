/* Databases: SQLite (embedded) and PostgreSQL behind one small interface. One SQL for both; see README.md here.
 *
 * Queries are text with $1 ... $n and bound values, never glued. Outside a transaction a read takes a connection of the
 * pool; inside, everything runs on the transaction's. Writes need a transaction. SQLite has one writer: transactions that
 * wait for it are committed together (group commit); db_commit() returns when the rows are on the disk.
 * No transaction may be open while another service is called or a command runs.
 */
#ifndef OSLO_DB_DB_H
#define OSLO_DB_DB_H

#include "oslo/record/record.h"

struct value {
    enum { VALUE_END, VALUE_NULL, VALUE_TEXT, VALUE_INT, VALUE_BOOL, VALUE_REAL } kind;
    union { const char *text; int64_t integer; bool boolean; double real; };
};
/* T(NULL) is SQL NULL. */
#define T(x) ((struct value){ VALUE_TEXT, .text = (x) })
#define I(x) ((struct value){ VALUE_INT, .integer = (x) })
#define B(x) ((struct value){ VALUE_BOOL, .boolean = (x) })
#define R(x) ((struct value){ VALUE_REAL, .real = (x) })
#define SQL_NULL ((struct value){ VALUE_NULL, .text = NULL })
#define VALUES(...) ((const struct value[]){ __VA_ARGS__ __VA_OPT__(,) { .kind = VALUE_END } })

struct migration { int number; const char *name, *sql; };            /* an array of them ends with {} */

/* url: "sqlite:///relative.db", "sqlite:////absolute.db" or "postgresql://user:password@host:port/name". Applies the
 * migrations that are missing. NULL with a fault if it cannot. */
struct db *db_open(struct ctx *, const char *url, const struct migration *);
/* Applies a further named set of migrations ("jobs") to an open database. The service's own set has the name "". */
bool db_migrate(struct ctx *, struct db *, const char *set, const struct migration *);
void db_close(struct db *);                  /* NULL is fine; no ctx may still use it */

/* One write transaction a ctx; db_begin hands it to the ctx (ctx_own), so that ctx_clear rolls back what is left open. Begin inside begin is a savepoint. Commit and rollback end the innermost. */
bool db_begin(struct ctx *);
bool db_commit(struct ctx *);                /* durable when true; on false it has been rolled back and the fault is set */
void db_rollback(struct ctx *);              /* NULL-safe: nothing open, nothing done */
/* The commit's writes may be lost by a power cut (heartbeats, samples): no sync. To be said before db_commit. */
void db_relaxed(struct ctx *);
/* From here on each transaction of this ctx that writes ends with this statement, which takes no values. */
void db_at_commit(struct ctx *, const char *sql);

/* Runs a statement that gives no rows; ret_changed may be NULL. Fault 409 DBDuplicateEntry on a unique or primary key,
 * 409 DBReferenceError on a foreign key, else 500 DBError. */
bool db_exec_values(struct ctx *, int64_t *ret_changed, const char *sql, const struct value *values);
#define db_exec(c, sql, ...) db_exec_values((c), NULL, (sql), VALUES(__VA_ARGS__))
#define db_changed(c, ret, sql, ...) db_exec_values((c), (ret), (sql), VALUES(__VA_ARGS__))

/* Rows are read as they come: for (r = db_query(...); db_next(r);) ... The ctx closes what is left open; a failed
 * query gives rows that end at once, with the fault set. Text read from a row is of the ctx. */
struct rows;
struct rows *db_query_values(struct ctx *, const char *sql, const struct value *values);
#define db_query(c, sql, ...) db_query_values((c), (sql), VALUES(__VA_ARGS__))
bool db_next(struct rows *);
void db_rows_end(struct rows *);             /* early; db_next does it at the end */
char *db_text(struct rows *, int column);                    /* NULL for NULL; columns from 0 */
int64_t db_int(struct rows *, int column);                   /* 0 for NULL */
bool db_bool(struct rows *, int column);
double db_real(struct rows *, int column);
bool db_is_null(struct rows *, int column);

/* The first row's first column. */
int64_t db_count_values(struct ctx *, const char *sql, const struct value *values);
#define db_count(c, sql, ...) db_count_values((c), (sql), VALUES(__VA_ARGS__))
char *db_get_text_values(struct ctx *, const char *sql, const struct value *values);       /* NULL for no row */
#define db_get_text(c, sql, ...) db_get_text_values((c), (sql), VALUES(__VA_ARGS__))

/* A statement built piece by piece, its values with it. sql_add appends text where each '?' becomes the next value's $n. */
struct sql {
    struct ctx *c;
    struct buf text;             /* owned by the ctx after sql_init */
    struct value *values;        /* ends with VALUE_END */
    int n, room;
};
struct sql *sql_new(struct ctx *);
void sql_add_values(struct sql *, const char *piece, const struct value *values);
#define sql_add(s, piece, ...) sql_add_values((s), (piece), VALUES(__VA_ARGS__))
void sql_in(struct sql *, const char *const *list);          /* "(?, ?, ...)"; an empty list gives "(NULL)" */
struct rows *sql_query(struct sql *);
bool sql_exec(struct sql *, int64_t *ret_changed);

/* Records and rows. The columns of a record are its attrs that are not DERIVED, in the table's order. */
void record_columns(struct buf *, const struct attr *, const char *prefix);  /* "n.id, n.name": prefix "n." or "" */
void record_from_row(struct rows *, const struct attr *, void *record, int first_column);
bool record_insert(struct ctx *, const char *table, const struct attr *, const void *record);
bool record_update(struct ctx *, const char *table, const struct attr *, const void *record, const char *key);   /* WHERE key = its value */
/* record_find: fills record (of that size) from the row where key = value; false without a fault if there is none. */
bool record_find(struct ctx *, const char *table, const struct attr *, void *record, const char *key, const char *value);

/* For /metrics and tests. */
struct db_stats { int64_t queries, transactions, syncs; };
struct db_stats db_stats(const struct db *);
bool db_is_postgresql(const struct db *);

#endif
