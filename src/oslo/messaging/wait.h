/* What is waited for until a point of clock_mono_us(). */
#ifndef OSLO_MESSAGING_WAIT_H
#define OSLO_MESSAGING_WAIT_H

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

/* Many threads wait at one place, each under a bit (which several may share), and some of them are waked at once: one system call for all.
 * Who waits takes the count, looks whether it must wait, and waits for the count to change. */
struct crowd { _Atomic uint32_t count, bits; };

static inline uint32_t crowd_bit(struct crowd *crowd)
{
    return 1u << (crowd->bits++ % 32);
}

static inline void crowd_wait_until(struct crowd *crowd, uint32_t count, uint32_t bit, int64_t deadline)
{
    struct timespec until = { deadline / 1000000, deadline % 1000000 * 1000 };

    syscall(SYS_futex, &crowd->count, FUTEX_WAIT_BITSET_PRIVATE, count, &until, NULL, bit);
}

static inline void crowd_wake(struct crowd *crowd, uint32_t bits)
{
    crowd->count++;
    syscall(SYS_futex, &crowd->count, FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, bits);
}

#endif
