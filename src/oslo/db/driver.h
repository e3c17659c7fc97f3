/* Inside the db floor: what a driver gives db.c, and what both share (pools of connections, kept statements, faults). */
#ifndef OSLO_DB_DRIVER_H
#define OSLO_DB_DRIVER_H

#include "oslo/db/db.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

/* All rows of an answer, in the memory of the ctx that asked. A statement is never left half read: so a connection goes back
 * to its pool at once, and reading rows may be mixed with anything else. */
struct row {
    struct row *next;
    struct value cells[];
};
struct result {
    int columns;
    struct row *first, **last;
    int64_t changed;
    bool wrote;                      /* the statement was one that writes */
};

struct connection {
    struct connection *next;         /* in its pool */
    struct db *db;
    bool writer;
    bool broken;                     /* not to be used again: the server went away */
    GHashTable *statements;          /* SQL text -> struct statement, at most STATEMENTS_KEPT, the longest unused goes first */
    GQueue recent;
};
#define STATEMENTS_KEPT 128

struct statement {
    char *sql;
    void *prepared;                  /* the driver's */
    GList link;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct connection *idle;         /* last in, first out: the warm one is taken */
    int open, most;
    bool writer;
};

/* Who has committed, and what of it is on the disk: flush.c. Tickets count commits. */
struct flusher {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    uint64_t committed, flushed, failed;
    bool flushing;
};

struct db_driver {
    const char *scheme;              /* what its URLs start with */
    int readers;                     /* connections for reading, at most; for writing there is one */
    const char *begin;               /* what opens a transaction */
    bool (*open)(struct ctx *, struct db *, const char *url);            /* before the first connect */
    void (*quiesce)(struct db *);                                        /* before the first disconnect, or NULL */
    void (*close)(struct db *);                                          /* after the last disconnect */
    struct connection *(*connect)(struct ctx *, struct db *, bool writer);
    void (*disconnect)(struct connection *);
    /* Runs one statement to its end; faults as db_exec says. */
    bool (*run)(struct ctx *, struct connection *, const char *sql, const struct value *, struct result *);
    bool (*script)(struct ctx *, struct connection *, const char *sql);  /* several statements, no values */
    void (*forget)(struct connection *, void *prepared);                 /* drops a prepared statement */
    /* Makes all that is committed durable; one thread at a time calls it. Logs why not. */
    bool (*flush)(struct db *);
};
extern const struct db_driver sqlite_driver, postgresql_driver;

struct db {
    const struct db_driver *driver;
    void *data;                      /* the driver's */
    struct pool readers, writers;
    struct flusher flusher;
    atomic_int_fast64_t queries, transactions, syncs;
};

/* Waits for a connection. NULL with a fault if a new one cannot be made. */
struct connection *pool_take(struct ctx *, struct db *, struct pool *);
void pool_give(struct db *, struct pool *, struct connection *);

void flusher_init(struct flusher *);
void flusher_clear(struct flusher *);
uint64_t flush_ticket(struct db *);                              /* of a commit just made, the writer still at hand */
bool flush_wait(struct ctx *, struct db *, uint64_t ticket);     /* without the writer */

void connection_init(struct connection *, struct db *, bool writer);
void connection_clear(struct connection *);                      /* drops its statements */
struct statement *statement_find(struct connection *, const char *sql);
struct statement *statement_keep(struct connection *, const char *sql, void *prepared);
void statement_drop(struct connection *, struct statement *);

struct row *result_row(struct ctx *, struct result *);           /* a new last row */

/* Several statements without values, in the open transaction. */
bool db_script(struct ctx *, const char *sql);

/* Sets the fault with a detail for the log. Always false. */
bool db_fail(struct ctx *, int status, const char *type, const char *message, const char *detail);
#define DB_DUPLICATE 409, "DBDuplicateEntry", "A row with these values is there already."
#define DB_REFERENCE 409, "DBReferenceError", "A row that is referred to is missing, or still referred to."
#define DB_DEADLOCK  503, "DBDeadlock", "The database could not do this now; please try again."
#define DB_GONE      503, "DBConnectionError", "The database does not answer."
#define DB_ERROR     500, "DBError", "An unexpected database error occurred."

#endif
