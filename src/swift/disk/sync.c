/* Syncs side by side: what several files wait for is one write to the disk's journal if they wait at the same time, and several disks work at
 * once. The last is done by who asks, the others by threads that end when there is nothing to do. */
#include "swift/disk/io.h"

#include "oslo/http/pool.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>

#define THREADS 128

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards threads */
static struct pool *threads;

struct round {
    pthread_mutex_t lock;
    pthread_cond_t done;
    size_t left;                     /* guarded by lock */
};

struct errand {
    struct work work;
    struct disk_sync *sync;
    struct round *round;
};

static void sync_one(struct disk_sync *s)
{
    for (size_t i = 0; i < s->n && !s->error; i++)
        if (disk.fsync(s->fds[i]))
            s->error = errno;
}

static void run(struct work *work)
{
    struct errand *e = (struct errand *)work;
    struct round *round = e->round;

    sync_one(e->sync);
    pthread_mutex_lock(&round->lock);
    if (!--round->left)
        pthread_cond_signal(&round->done);
    pthread_mutex_unlock(&round->lock);
}

static struct pool *pool_get(void)
{
    pthread_mutex_lock(&lock);
    if (!threads)
        threads = pool_new(THREADS, THREADS);
    pthread_mutex_unlock(&lock);
    return threads;
}

void disk_sync_together(struct disk_sync *syncs, size_t n)
{
    struct round round = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };
    g_autofree struct errand *errands = n > 1 ? g_new0(struct errand, n - 1) : NULL;

    for (size_t i = 0; i + 1 < n; i++) {
        if (!syncs[i].n || syncs[i].error)
            continue;
        errands[i] = (struct errand){ .work.run = run, .sync = &syncs[i], .round = &round };
        pthread_mutex_lock(&round.lock);
        round.left++;
        pthread_mutex_unlock(&round.lock);
        if (!pool_submit(pool_get(), &errands[i].work, true))
            run(&errands[i].work);
    }
    if (n)
        sync_one(&syncs[n - 1]);
    pthread_mutex_lock(&round.lock);
    while (round.left)
        pthread_cond_wait(&round.done, &round.lock);
    pthread_mutex_unlock(&round.lock);
}

void disk_syncs_close(void)
{
    pthread_mutex_lock(&lock);
    if (threads)
        pool_free(threads);
    threads = NULL;
    pthread_mutex_unlock(&lock);
}
