/* How many rows a second one container is told. */
#include "swift/daemon/updater_limit.h"

#include "oslo/base/text.h"
#include "swift/daemon/daemon.h"
#include "swift/name.h"

struct bucket { int64_t ready_us; GQueue waiting; };         /* the oldest at its head */

struct update_limit {
    double per_second;
    size_t n_buckets;
    struct bucket *buckets;
    int64_t most;
    GQueue order;                    /* struct bucket: of each that waits, the oldest first */
    int64_t n_waiting;
    struct update_counts counts;
    void (*free)(void *);
};

struct update_limit *update_limit_new(double per_second, int64_t buckets, int64_t most_deferred, void (*free_item)(void *))
{
    struct update_limit *l = g_new0(struct update_limit, 1);

    l->per_second = per_second;
    l->n_buckets = (size_t)CLAMP(buckets, 1, 1 << 20);
    l->buckets = g_new0(struct bucket, l->n_buckets);
    l->most = most_deferred;
    l->free = free_item;
    return l;
}

void update_limit_free(struct update_limit *l)
{
    for (size_t i = 0; i < l->n_buckets; i++)
        g_queue_clear_full(&l->buckets[i].waiting, l->free);
    g_queue_clear(&l->order);
    g_free(l->buckets);
    g_free(l);
}

static struct bucket *bucket_of(const struct update_limit *l, const char *account, const char *container)
{
    uint8_t digest[16];
    uint64_t number = 0;

    hash_path(account, container, NULL, digest);
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | digest[i];
    return &l->buckets[number % l->n_buckets];
}

static void take_turn(const struct update_limit *l, struct bucket *b)
{
    b->ready_us = MAX(b->ready_us, clock_mono_us()) + (int64_t)(1e6 / l->per_second);
}

/* The oldest of the bucket that has put something off first. */
static void skip_oldest(struct update_limit *l)
{
    struct bucket *b = g_queue_pop_head(&l->order);

    l->free(g_queue_pop_head(&b->waiting));
    l->n_waiting--;
    l->counts.skips++;
}

bool update_limit_allows(struct update_limit *l, const char *account, const char *container, void *item)
{
    struct bucket *b;

    if (!(l->per_second > 0))
        return true;
    b = bucket_of(l, account, container);
    if (b->ready_us <= clock_mono_us()) {
        take_turn(l, b);
        return true;
    }
    l->counts.deferrals++;
    if (l->most <= 0) {
        l->free(item);
        l->counts.skips++;
        return false;
    }
    if (l->n_waiting >= l->most)
        skip_oldest(l);
    g_queue_push_tail(&b->waiting, item);
    g_queue_push_tail(&l->order, b);
    l->n_waiting++;
    return false;
}

void *update_limit_drain(struct update_limit *l, int64_t until_us)
{
    struct bucket *first = NULL;
    int64_t now = clock_mono_us();

    for (size_t i = 0; l->n_waiting && i < l->n_buckets; i++)
        if (l->buckets[i].waiting.length && (!first || l->buckets[i].ready_us < first->ready_us))
            first = &l->buckets[i];
    if (!first || now >= until_us || (first->ready_us > now && !daemon_pause(first->ready_us - now)))
        return NULL;
    take_turn(l, first);
    l->n_waiting--;
    l->counts.drains++;
    return g_queue_pop_tail(&first->waiting);
}

struct update_counts update_limit_counts(const struct update_limit *l)
{
    struct update_counts counts = l->counts;

    counts.skips += l->n_waiting;
    return counts;
}
