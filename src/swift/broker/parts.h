/* What the files of this folder know of each other. */
#ifndef SWIFT_BROKER_PARTS_H
#define SWIFT_BROKER_PARTS_H

#include "swift/broker/broker.h"

#include <sqlite3.h>

#define STATEMENTS 48

struct broker {
    enum broker_kind kind;
    char *path, *dir, *pending;      /* "<dir>/<hash>.db", its directory, "<dir>/<hash>.db.pending" */
    sqlite3 *db;
    dev_t device; ino_t inode;
    struct { const char *sql; sqlite3_stmt *statement; } cached[STATEMENTS];
    bool retiring;                   /* its container is being sharded: rows that come in are the fresh one's */
    bool leaves_pending;             /* what is pending stays so */
    char *name;                      /* "account/container"; NULL: not asked yet */
    int64_t last_used;
    GList link;                      /* in the pool */
};

/* --- sql.c: statements. What goes wrong sets the fault; a damaged file is quarantined. ------------------------------------ */

/* Binds by the letters of kinds: t text (a name; NULL is NULL), i int64_t, s struct timestamp (internal form), z the same but "0" for none, d double. sql must be
 * static. The statement stands before its first row. */
sqlite3_stmt *lite_query(struct ctx *, struct broker *, const char *sql, const char *kinds, ...);
bool lite_row(struct ctx *, struct broker *, sqlite3_stmt *); /* the next row; false at the end, or with a fault */
void lite_done(sqlite3_stmt *);
bool lite_run(struct ctx *, struct broker *, const char *sql, const char *kinds, ...);
int64_t lite_int(struct ctx *, struct broker *, int64_t unset, const char *sql, const char *kinds, ...);
const char *lite_text(struct ctx *, sqlite3_stmt *, int column);      /* of the ctx, a name; "" for NULL */
struct timestamp lite_timestamp(sqlite3_stmt *, int column);
void lite_bind_bytes(sqlite3_stmt *, int index, const char *bytes, size_t n);
bool lite_begin(struct ctx *, struct broker *);
bool lite_commit(struct ctx *, struct broker *);
void lite_rollback(struct broker *);

/* --- schema.c --------------------------------------------------------------------------------------------------------------- */

extern const char *const broker_schema[2];   /* by enum broker_kind */
extern const char broker_shard_table[], broker_shard_trigger[];
void chexor_register(sqlite3 *);

/* --- pool.c ----------------------------------------------------------------------------------------------------------------- */

/* The databases of a container or account that lie in dir, oldest epoch first: base is the name of any of them. */
size_t broker_files(struct ctx *, const char *dir, const char *base, char ***ret);
bool broker_make_file(struct ctx *, const char *path, const struct broker_place *, struct timestamp put, int policy_index);
bool broker_sync_file(const char *path);
struct broker *broker_open_alone(struct ctx *, enum broker_kind, const char *path);  /* not of the pool: closed by broker_close() */
void broker_close(struct broker *);
bool broker_still_there(const struct broker *);

/* --- pending.c -------------------------------------------------------------------------------------------------------------- */

/* A row as it stands in a pending file, without the ':' before it. False: it is none. */
bool pending_read(struct ctx *, enum broker_kind, const char *entry, struct broker_row *ret);
int broker_lock(const struct broker *);      /* the directory's lock; closed to let go; -1 */
void broker_unlock(const struct broker *, int lock);

#endif
