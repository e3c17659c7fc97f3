/* What is waited for until a point of clock_mono_us(). */
#ifndef OSLO_MESSAGING_WAIT_H
#define OSLO_MESSAGING_WAIT_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

static inline void cond_init_mono(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* 0, or an error when the deadline (0: never) has passed. */
static inline int cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
    struct timespec until = { deadline / 1000000, deadline % 1000000 * 1000 };

    return deadline ? pthread_cond_timedwait(cond, lock, &until) : pthread_cond_wait(cond, lock);
}

/* Likewise. Cheaper than a condition, whose waiter makes the mutex look contended: one system call more each time. */
static inline int sem_wait_until(sem_t *sem, int64_t deadline)
{
    struct timespec until = { deadline / 1000000, deadline % 1000000 * 1000 };

    while ((deadline ? sem_clockwait(sem, CLOCK_MONOTONIC, &until) : sem_wait(sem)) != 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

#endif
