/* Group commit: a COMMIT itself reaches no disk, so the one writer goes on at once; then the thread waits until a flush that
 * began after its COMMIT has ended. One thread flushes, for all who committed before; those who come meanwhile share the next.
 */
#include "oslo/db/driver.h"

void flusher_init(struct flusher *f)
{
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->ended, NULL);
}

void flusher_clear(struct flusher *f)
{
    pthread_cond_destroy(&f->ended);
    pthread_mutex_destroy(&f->lock);
}

uint64_t flush_ticket(struct db *db)
{
    struct flusher *f = &db->flusher;
    uint64_t ticket;

    pthread_mutex_lock(&f->lock);
    ticket = ++f->committed;
    pthread_mutex_unlock(&f->lock);
    return ticket;
}

/* The lock is held, and let go while the driver works. Who shares a flush that failed has failed too. */
static void flush_now(struct db *db, struct flusher *f)
{
    uint64_t upto = f->committed;
    bool good;

    f->flushing = true;
    pthread_mutex_unlock(&f->lock);
    db->syncs++;
    good = db->driver->flush(db);
    pthread_mutex_lock(&f->lock);
    f->flushing = false;
    if (good)
        f->flushed = upto;
    else
        f->failed = upto;
    pthread_cond_broadcast(&f->ended);
}

bool flush_wait(struct ctx *c, struct db *db, uint64_t ticket)
{
    struct flusher *f = &db->flusher;
    bool good;

    pthread_mutex_lock(&f->lock);
    while (f->flushed < ticket && f->failed < ticket) {
        if (f->flushing)
            pthread_cond_wait(&f->ended, &f->lock);
        else
            flush_now(db, f);
    }
    good = f->failed < ticket;
    pthread_mutex_unlock(&f->lock);
    return good || db_fail(c, DB_ERROR, "committed, but the disk did not confirm it");
}
