/* Numbered migrations, each applied once, in a transaction of its own, under the one writer's lock. */
#include "oslo/db/driver.h"
#include "oslo/base/log.h"

#define MIGRATIONS_TABLE \
    "CREATE TABLE IF NOT EXISTS migrations (" \
    " set_name TEXT NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL," \
    " PRIMARY KEY (set_name, number))"

static bool make_table(struct ctx *c)
{
    if (!db_begin(c))
        return false;
    if (db_exec(c, MIGRATIONS_TABLE))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static int64_t applied(struct ctx *c, const char *set)
{
    return db_count(c, "SELECT coalesce(max(number), 0) FROM migrations WHERE set_name = $1", T(set));
}

/* Applies m unless another process has just done it. */
static bool apply(struct ctx *c, const char *set, const struct migration *m)
{
    if (!db_begin(c))
        return false;
    if (applied(c, set) >= m->number ||
        (!failed(c) && db_script(c, m->sql) &&
         db_exec(c, "INSERT INTO migrations (set_name, number, name, applied_at) VALUES ($1, $2, $3, $4)", T(set),
                 I(m->number), T(m->name), I(clock_us()))))
        return db_commit(c);
    db_rollback(c);
    if (c->fault.detail)
        c->fault.detail = ctx_printf(c, "migration %d %s: %s", m->number, m->name, c->fault.detail);
    return false;
}

static bool apply_missing(struct ctx *c, const char *set, const struct migration *migrations)
{
    const struct migration *m;
    int64_t at, newest = 0;
    bool any = false;

    if (!make_table(c))
        return false;
    at = applied(c, set);
    for (m = migrations; m && m->sql; m++)
        newest = MAX(newest, m->number);
    if (at > newest)
        return fail(c, 500, "DBError", "The database is newer than this program: set \"%s\" is at migration %d, the program knows %d.",
                    set, (int)at, (int)newest);
    for (m = migrations; m && m->sql; m++) {
        if (m->number <= at)
            continue;
        if (!apply(c, set, m))
            return false;
        any = true;
    }
    return !failed(c) && (!any || (db_begin(c) && db_exec(c, "ANALYZE") && db_commit(c)));
}

bool db_migrate(struct ctx *c, struct db *db, const char *set, const struct migration *migrations)
{
    struct db *before = c->db;
    bool good;

    c->db = db;
    good = apply_missing(c, set, migrations);
    while (c->tx && !good)
        db_rollback(c);
    c->db = before;
    return good;
}
