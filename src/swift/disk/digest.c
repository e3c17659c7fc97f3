/* The md5 of what is written. That of a large body takes as long as writing it three times, so it is computed beside the writing, on a thread
 * of its own, as long as there are cores for it. */
#include "swift/disk/parts.h"

#include "swift/name.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { BLOCK = 256 << 10, LARGE = 1 << 20 };

/* Two blocks: one is filled while the other is counted in. */
struct hand {
    pthread_t thread;
    pthread_mutex_t lock;            /* guards given, ending */
    pthread_cond_t changed;
    bool given, ending;              /* given: the block that is not being filled is the thread's */
    int filling;
    size_t used[2];
    struct md5 *md5;                 /* the thread's, until it has ended */
    char blocks[2][BLOCK];
};

struct disk_digest {
    struct md5 *md5;
    int64_t size;                    /* how much has been counted in */
    struct hand *hand;               /* NULL: it is computed where it is written */
    char hex[33];
};

static atomic_uint hands;            /* in all digests */

static void *count_in(void *data)
{
    struct hand *h = data;

    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->given && !h->ending)
            pthread_cond_wait(&h->changed, &h->lock);
        if (!h->given)
            break;
        pthread_mutex_unlock(&h->lock);
        md5_add(h->md5, h->blocks[!h->filling], h->used[!h->filling]);
        pthread_mutex_lock(&h->lock);
        h->given = false;
        pthread_cond_signal(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* NULL: every core has one. */
static struct hand *hand_new(struct md5 *md5)
{
    struct hand *h;

    if (atomic_fetch_add(&hands, 1) >= g_get_num_processors()) {
        atomic_fetch_sub(&hands, 1);
        return NULL;
    }
    h = g_new(struct hand, 1);
    h->given = h->ending = false;
    h->filling = 0;
    h->used[0] = 0;
    h->md5 = md5;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    if (!pthread_create(&h->thread, NULL, count_in, h))
        return h;
    atomic_fetch_sub(&hands, 1);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->changed);
    g_free(h);
    return NULL;
}

/* Waits until the thread has taken the block before. */
static void hand_give(struct hand *h, bool last)
{
    pthread_mutex_lock(&h->lock);
    while (h->given)
        pthread_cond_wait(&h->changed, &h->lock);
    h->given = h->used[h->filling] > 0;
    h->ending = last;
    h->filling = !h->filling;
    h->used[h->filling] = 0;
    pthread_cond_signal(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static void hand_add(struct hand *h, const char *bytes, size_t n)
{
    while (n) {
        size_t *used = &h->used[h->filling], some = MIN(n, BLOCK - *used);

        memcpy(h->blocks[h->filling] + *used, bytes, some);
        *used += some;
        bytes += some;
        n -= some;
        if (*used == BLOCK)
            hand_give(h, false);
    }
}

/* All is counted in afterwards. */
static void hand_end(struct hand *h)
{
    if (!h)
        return;
    hand_give(h, true);
    pthread_join(h->thread, NULL);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->changed);
    g_free(h);
    atomic_fetch_sub(&hands, 1);
}

static void digest_free(void *data)
{
    struct disk_digest *d = data;

    hand_end(d->hand);
    md5_free(d->md5);
}

struct disk_digest *disk_digest_new(struct ctx *c)
{
    struct disk_digest *d = ctx_new(c, struct disk_digest);

    d->md5 = md5_new();
    return ctx_own(c, d, digest_free);
}

void digest_add(struct disk_digest *d, int64_t at, const void *bytes, size_t n)
{
    if (at < d->size)
        return;
    if (d->size < LARGE && d->size + (int64_t)n >= LARGE)
        d->hand = hand_new(d->md5);
    d->size += (int64_t)n;
    if (d->hand)
        hand_add(d->hand, bytes, n);
    else
        md5_add(d->md5, bytes, n);
}

const char *digest_end(struct disk_digest *d)
{
    hand_end(d->hand);
    d->hand = NULL;
    if (d->md5)
        md5_end_hex(d->md5, d->hex);
    d->md5 = NULL;
    return d->hex;
}
