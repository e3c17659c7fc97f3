/* SQLite: one file, one writer, a few readers, WAL.
 *
 * A COMMIT only appends to the WAL (synchronous=NORMAL); a flush is one fdatasync of it: what synchronous=FULL promises, for
 * all who committed before. A failed one leaves the disk's state unknown: from then on all commits fail.
 * A thread of its own copies the WAL back into the file, so that no request pays for it.
 */
#include "oslo/db/driver.h"
#include "oslo/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECKPOINT_PAGES 1000
#define WAL_TOO_LONG 16000           /* pages: the next checkpoint keeps the writer out */

struct sqlite {
    char *path;
    pthread_mutex_t lock;
    pthread_cond_t work;
    int wal;                         /* its file, or -1 until first needed; of the thread that flushes */
    bool wal_failed;                 /* likewise */
    int wal_pages;
    bool stopping, has_thread;
    pthread_t checkpointer;
};

struct sqlite_connection {
    struct connection base;
    sqlite3 *handle;
};

struct prepared {
    sqlite3_stmt *stmt;
    int n_parameters;
    short value_of[];                /* parameter number - 1 -> which of the values, from 0 */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static sqlite3 *handle_of(struct connection *conn)
{
    return ((struct sqlite_connection *)conn)->handle;
}

static void configure_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

/* --- faults --- */

static bool sqlite_fault(struct ctx *c, sqlite3 *handle, const char *sql)
{
    const char *why = sqlite3_errmsg(handle);

    switch (sqlite3_extended_errcode(handle)) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return db_fail(c, DB_DUPLICATE, why);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return db_fail(c, DB_REFERENCE, ctx_printf(c, "%s in: %s", why, sql));
    case SQLITE_BUSY:
    case SQLITE_BUSY_SNAPSHOT:
        return db_fail(c, DB_DEADLOCK, why);
    default:
        return db_fail(c, DB_ERROR, ctx_printf(c, "%s in: %s", why, sql));
    }
}

/* --- statements --- */

static void sqlite_forget(struct connection *conn, void *object)
{
    struct prepared *p = object;

    sqlite3_finalize(p->stmt);
    g_free(p);
}

static struct prepared *prepare(struct ctx *c, struct connection *conn, const char *sql)
{
    struct statement *kept = statement_find(conn, sql);
    struct prepared *p;
    sqlite3_stmt *stmt;
    int n;

    if (kept)
        return kept->prepared;
    if (sqlite3_prepare_v3(handle_of(conn), sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK) {
        sqlite_fault(c, handle_of(conn), sql);
        return NULL;
    }
    n = sqlite3_bind_parameter_count(stmt);
    p = g_malloc(sizeof(*p) + (size_t)n * sizeof(p->value_of[0]));
    p->stmt = stmt;
    p->n_parameters = n;
    for (int i = 0; i < n; i++)
        p->value_of[i] = (short)(atoi(sqlite3_bind_parameter_name(stmt, i + 1) + 1) - 1);
    statement_keep(conn, sql, p);
    return p;
}

static void bind(sqlite3_stmt *stmt, int at, const struct value *v)
{
    switch (v->kind) {
    case VALUE_TEXT:
        if (v->text)
            sqlite3_bind_text(stmt, at, v->text, -1, SQLITE_STATIC);
        else
            sqlite3_bind_null(stmt, at);
        break;
    case VALUE_INT:
        sqlite3_bind_int64(stmt, at, v->integer);
        break;
    case VALUE_BOOL:
        sqlite3_bind_int(stmt, at, v->boolean);
        break;
    case VALUE_REAL:
        sqlite3_bind_double(stmt, at, v->real);
        break;
    default:
        sqlite3_bind_null(stmt, at);
    }
}

static struct value read_cell(struct ctx *c, sqlite3_stmt *stmt, int i)
{
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        return I(sqlite3_column_int64(stmt, i));
    case SQLITE_FLOAT:
        return R(sqlite3_column_double(stmt, i));
    case SQLITE_NULL:
        return SQL_NULL;
    default: {
        const char *text = (const char *)sqlite3_column_text(stmt, i);

        return T(ctx_strndup(c, text ? text : "", (size_t)sqlite3_column_bytes(stmt, i)));
    }
    }
}

static bool sqlite_run(struct ctx *c, struct connection *conn, const char *sql, const struct value *values, struct result *ret)
{
    struct prepared *p = prepare(c, conn, sql);
    int n = 0, rc;

    if (!p)
        return false;
    ret->wrote = !sqlite3_stmt_readonly(p->stmt);
    if (ret->wrote && !conn->writer)
        return db_fail(c, DB_ERROR, ctx_printf(c, "a write outside a transaction: %s", sql));
    while (values[n].kind != VALUE_END)
        n++;
    for (int i = 0; i < p->n_parameters; i++) {
        g_assert(p->value_of[i] >= 0 && p->value_of[i] < n);
        bind(p->stmt, i + 1, &values[p->value_of[i]]);
    }
    while ((rc = sqlite3_step(p->stmt)) == SQLITE_ROW) {
        struct row *row;

        ret->columns = sqlite3_column_count(p->stmt);
        row = result_row(c, ret);
        for (int i = 0; i < ret->columns; i++)
            row->cells[i] = read_cell(c, p->stmt, i);
    }
    if (rc == SQLITE_DONE)
        ret->changed = sqlite3_changes64(handle_of(conn));
    else
        sqlite_fault(c, handle_of(conn), sql);
    sqlite3_reset(p->stmt);
    sqlite3_clear_bindings(p->stmt);
    return rc == SQLITE_DONE;
}

static bool sqlite_script(struct ctx *c, struct connection *conn, const char *sql)
{
    return sqlite3_exec(handle_of(conn), sql, NULL, NULL, NULL) == SQLITE_OK || sqlite_fault(c, handle_of(conn), sql);
}

/* --- connections --- */

static int wal_grew(void *data, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite *s = data;

    pthread_mutex_lock(&s->lock);
    s->wal_pages = pages;
    if (pages >= CHECKPOINT_PAGES)
        pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    return SQLITE_OK;
}

static void sqlite_disconnect(struct connection *conn)
{
    connection_clear(conn);
    sqlite3_close_v2(handle_of(conn));
    g_free(conn);
}

static struct connection *sqlite_connect(struct ctx *c, struct db *db, bool writer)
{
    struct sqlite *s = db->data;
    struct sqlite_connection *conn = g_new0(struct sqlite_connection, 1);
    const char *setup = writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                                 "PRAGMA trusted_schema=OFF; PRAGMA case_sensitive_like=ON; PRAGMA cache_size=-512;"
                                 "PRAGMA mmap_size=67108864; PRAGMA wal_autocheckpoint=0"
                               : "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA case_sensitive_like=ON;"
                                 "PRAGMA cache_size=-256; PRAGMA mmap_size=67108864; PRAGMA query_only=ON";

    connection_init(&conn->base, db, writer);
    if (sqlite3_open_v2(s->path, &conn->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_extended_result_codes(conn->handle, 1);
        sqlite3_busy_timeout(conn->handle, 30000);
        if (sqlite3_exec(conn->handle, setup, NULL, NULL, NULL) == SQLITE_OK) {
            if (writer)
                sqlite3_wal_hook(conn->handle, wal_grew, s);
            return &conn->base;
        }
    }
    db_fail(c, DB_GONE, ctx_printf(c, "%s: %s", s->path, sqlite3_errmsg(conn->handle)));
    sqlite_disconnect(&conn->base);
    return NULL;
}

/* --- durability --- */

static bool sqlite_flush(struct db *db)
{
    struct sqlite *s = db->data;

    if (s->wal < 0) {
        g_autofree char *path = g_strdup_printf("%s-wal", s->path);

        s->wal = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (!s->wal_failed && (s->wal < 0 || fdatasync(s->wal))) {
        s->wal_failed = true;
        log_error(NULL, "%s-wal cannot be synced (%s): no commit is acknowledged any more", s->path, g_strerror(errno));
    }
    return !s->wal_failed;
}

/* --- the WAL goes back into the file --- */

static void checkpoint(struct db *db, struct pool *pool, int mode)
{
    struct connection *conn;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    conn = pool_take(&c, db, pool);
    if (conn) {
        sqlite3_wal_checkpoint_v2(handle_of(conn), NULL, mode, NULL, NULL);
        pool_give(db, pool, conn);
    }
    ctx_clear(&c);
}

static void *checkpoint_always(void *data)
{
    struct db *db = data;
    struct sqlite *s = db->data;
    int pages;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        while (!s->stopping && s->wal_pages < CHECKPOINT_PAGES)
            pthread_cond_wait(&s->work, &s->lock);
        pages = s->wal_pages;
        s->wal_pages = 0;
        pthread_mutex_unlock(&s->lock);
        if (pages >= WAL_TOO_LONG)
            checkpoint(db, &db->writers, SQLITE_CHECKPOINT_RESTART);
        else if (pages >= CHECKPOINT_PAGES)
            checkpoint(db, &db->readers, SQLITE_CHECKPOINT_PASSIVE);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- the file --- */

/* "sqlite:///relative.db", "sqlite:////absolute.db"; what SQLAlchemy writes after a '+' or a '?' is passed over. */
static char *path_of(const char *url)
{
    const char *path = strstr(url, ":///");
    char *copy = g_strdup(path ? path + 4 : ""), *query = strchr(copy, '?');

    if (query)
        *query = '\0';
    return copy;
}

static bool sqlite_open(struct ctx *c, struct db *db, const char *url)
{
    struct sqlite *s = g_new0(struct sqlite, 1);
    int fd;

    pthread_once(&once, configure_library);
    db->data = s;
    s->path = path_of(url);
    s->wal = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    fd = s->path[0] ? open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return db_fail(c, DB_GONE, ctx_printf(c, "%s: %s", s->path[0] ? s->path : url, g_strerror(errno)));
    close(fd);
    s->has_thread = !pthread_create(&s->checkpointer, NULL, checkpoint_always, db);
    return s->has_thread || db_fail(c, DB_ERROR, "no thread for checkpoints");
}

/* Before the pools are gone: the thread borrows from them. */
static void sqlite_quiesce(struct db *db)
{
    struct sqlite *s = db->data;

    if (!s || !s->has_thread)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->checkpointer, NULL);
}

static void sqlite_close(struct db *db)
{
    struct sqlite *s = db->data;

    if (!s)
        return;
    if (s->wal >= 0)
        close(s->wal);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    g_free(s->path);
    g_free(s);
}

const struct db_driver sqlite_driver = {
    .scheme = "sqlite", .readers = 4, .begin = "BEGIN IMMEDIATE",
    .open = sqlite_open, .quiesce = sqlite_quiesce, .close = sqlite_close,
    .connect = sqlite_connect, .disconnect = sqlite_disconnect,
    .run = sqlite_run, .script = sqlite_script, .forget = sqlite_forget,
    .flush = sqlite_flush,
};
