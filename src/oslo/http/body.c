/* A ring of bytes between two threads: the polling thread puts, the worker reads. */
#include "oslo/http/body.h"
#include "oslo/base/text.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define RING_SIZE ((size_t)256 * 1024)

struct body_source {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    void (*pause)(void *data), (*wake)(void *data);
    void *data;
    struct body_terms terms;
    size_t head, used;                       /* guarded by lock, as all below */
    bool writer_waits, ended, aborted, done, late, told;
    int64_t waited_us; size_t paced;         /* since that many bytes were whole */
    char ring[RING_SIZE];
};

struct body_source *body_source_new(void (*pause)(void *data), void (*wake)(void *data), void *data, const struct body_terms *terms)
{
    struct body_source *s = g_malloc(sizeof(*s));
    pthread_condattr_t monotonic;

    memset(s, 0, offsetof(struct body_source, ring));
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->pause = pause;
    s->wake = wake;
    s->data = data;
    s->terms = *terms;
    return s;
}

void body_source_free(struct body_source *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->moved);
    g_free(s);
}

/* With the lock held, so that no wake can come before its pause. */
static void pause_writer(struct body_source *s)
{
    s->writer_waits = true;
    s->pause(s->data);
}

static void wake_writer(struct body_source *s)
{
    if (!s->writer_waits)
        return;
    s->writer_waits = false;
    s->wake(s->data);
}

size_t body_source_put(struct body_source *s, const void *bytes, size_t n)
{
    size_t taken = 0;

    pthread_mutex_lock(&s->lock);
    if (s->late && !s->told)
        pause_writer(s);
    if (s->done || s->late)
        taken = n;
    while (taken < n && s->used < RING_SIZE) {
        size_t tail = (s->head + s->used) % RING_SIZE;
        size_t room = MIN(RING_SIZE - s->used, RING_SIZE - tail), some = MIN(room, n - taken);

        memcpy(s->ring + tail, (const char *)bytes + taken, some);
        s->used += some;
        taken += some;
    }
    if (taken < n)
        pause_writer(s);
    pthread_cond_signal(&s->moved);
    pthread_mutex_unlock(&s->lock);
    return taken;
}

void body_source_wait(struct body_source *s)
{
    pthread_mutex_lock(&s->lock);
    pause_writer(s);
    pthread_mutex_unlock(&s->lock);
}

bool body_source_end(struct body_source *s)
{
    bool in_time;

    pthread_mutex_lock(&s->lock);
    s->ended = in_time = !s->late;
    if (s->late && !s->told)
        pause_writer(s);
    pthread_cond_signal(&s->moved);
    pthread_mutex_unlock(&s->lock);
    return in_time;
}

bool body_source_is_over(struct body_source *s)
{
    bool over;

    pthread_mutex_lock(&s->lock);
    over = s->told;
    pthread_mutex_unlock(&s->lock);
    return over;
}

void body_source_tell_late(struct body_source *s, void (*tell)(void *data))
{
    pthread_mutex_lock(&s->lock);
    if (s->late && !s->aborted)
        tell(s->data);
    s->told = s->late;
    pthread_mutex_unlock(&s->lock);
}

bool body_source_wait_done(struct body_source *s)
{
    bool done;

    pthread_mutex_lock(&s->lock);
    done = s->done;
    if (!done)
        pause_writer(s);
    pthread_mutex_unlock(&s->lock);
    return done;
}

void body_source_abort(struct body_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->aborted = !s->ended;
    s->writer_waits = false;
    pthread_cond_signal(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

bool body_source_is_done(struct body_source *s)
{
    bool done;

    pthread_mutex_lock(&s->lock);
    done = s->done;
    pthread_mutex_unlock(&s->lock);
    return done;
}

void body_source_done(struct body_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->done = true;
    s->used = 0;
    wake_writer(s);
    pthread_mutex_unlock(&s->lock);
}

/* With the lock held: waits for bytes or the end. False: neither came in time. */
static bool wait_for_bytes(struct body_source *s)
{
    int64_t began, until;
    struct timespec ts;

    if (s->used || s->ended || s->aborted)
        return true;
    began = clock_mono_us();
    until = began + s->terms.idle_us - s->waited_us;
    ts = (struct timespec){ until / G_USEC_PER_SEC, until % G_USEC_PER_SEC * 1000 };
    while (s->used == 0 && !s->ended && !s->aborted)
        if (pthread_cond_timedwait(&s->moved, &s->lock, &ts) == ETIMEDOUT)
            return s->used || s->ended || s->aborted;
    s->waited_us += clock_mono_us() - began;
    return true;
}

static size_t take(struct body_source *s, char *to, size_t n)
{
    size_t taken = 0;

    while (taken < n && s->used) {
        size_t some = MIN(MIN(s->used, RING_SIZE - s->head), n - taken);

        memcpy(to + taken, s->ring + s->head, some);
        s->head = (s->head + some) % RING_SIZE;
        s->used -= some;
        taken += some;
    }
    s->paced += taken;
    if (s->paced >= s->terms.pace) {
        s->paced = 0;
        s->waited_us = 0;
    }
    return taken;
}

ssize_t body_source_read(struct ctx *c, struct body_source *s, void *bytes, size_t n)
{
    size_t taken;
    bool in_time, aborted;

    pthread_mutex_lock(&s->lock);
    if (s->used == 0 && !s->ended)
        wake_writer(s);
    in_time = wait_for_bytes(s);
    s->late = !in_time;
    taken = take(s, bytes, n);
    if (s->used <= RING_SIZE / 2 && !s->ended)
        wake_writer(s);
    aborted = s->aborted && !taken;
    pthread_mutex_unlock(&s->lock);
    if (!in_time) {
        fail(c, 408, "RequestTimeout", "The request body did not arrive in time.");
        return -1;
    }
    if (aborted) {
        fail(c, BAD_REQUEST, "The client disconnected before it had sent the whole request.");
        return -1;
    }
    if (!taken && !c->deadline)
        c->deadline = clock_mono_us() + s->terms.work_us;
    return (ssize_t)taken;
}
