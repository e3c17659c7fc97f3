/* Worker threads. One lock, one queue; a thread that finds nothing for ten seconds ends. */
#include "oslo/http/pool.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <time.h>

#define LINGER_S 10
#define STACK_SIZE ((size_t)1 << 20)

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t more, gone;
    struct work *first, **last;              /* guarded by lock, as all below */
    int waiting, queue;
    int threads, threads_max, idle;
    bool ending;
};

struct pool *pool_new(int threads, int queue)
{
    struct pool *pool = g_new0(struct pool, 1);
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, &monotonic);
    pthread_cond_init(&pool->gone, NULL);
    pthread_condattr_destroy(&monotonic);
    pool->last = &pool->first;
    pool->threads_max = MAX(threads, 1);
    pool->queue = MAX(queue, 1);
    return pool;
}

/* Called and returns with the lock held. NULL: nothing came, the thread is to end. */
static struct work *next_work(struct pool *pool)
{
    struct timespec until;
    struct work *work;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LINGER_S;
    pool->idle++;
    while (!pool->first && !pool->ending && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&pool->more, &pool->lock, &until);
    pool->idle--;
    work = pool->first;
    if (work) {
        pool->first = work->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->waiting--;
    }
    return work;
}

static void *work_thread(void *data)
{
    struct pool *pool = data;
    struct work *work;

    pthread_setname_np(pthread_self(), "http-worker");
    pthread_mutex_lock(&pool->lock);
    while ((work = next_work(pool))) {
        pthread_mutex_unlock(&pool->lock);
        work->run(work);
        pthread_mutex_lock(&pool->lock);
    }
    pool->threads--;
    pthread_cond_signal(&pool->gone);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static bool thread_start(struct pool *pool)
{
    pthread_attr_t attr;
    pthread_t thread;
    bool ok;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    ok = pthread_create(&thread, &attr, work_thread, pool) == 0;
    pthread_attr_destroy(&attr);
    return ok;
}

bool pool_submit(struct pool *pool, struct work *work, bool always)
{
    bool ok;

    pthread_mutex_lock(&pool->lock);
    if (pool->idle <= pool->waiting && pool->threads < pool->threads_max && thread_start(pool))
        pool->threads++;
    ok = pool->threads > 0 && (always || pool->waiting < pool->queue);
    if (ok) {
        work->next = NULL;
        *pool->last = work;
        pool->last = &work->next;
        pool->waiting++;
        pthread_cond_signal(&pool->more);
    }
    pthread_mutex_unlock(&pool->lock);
    return ok;
}

int64_t pool_waiting(struct pool *pool)
{
    int64_t waiting;

    pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

void pool_free(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->more);
    while (pool->threads > 0)
        pthread_cond_wait(&pool->gone, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->more);
    pthread_cond_destroy(&pool->gone);
    g_free(pool);
}
