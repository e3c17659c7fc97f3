/* What waits, in the order of its times. */
#include "oslo/http/park.h"

#include "oslo/base/text.h"

#include <pthread.h>

struct parked { struct pool *pool; struct work *work; int64_t at; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GSequence *waiting;                   /* struct parked, guarded by lock */

void park_open(void)
{
    waiting = g_sequence_new(g_free);
}

void park_close(void)
{
    g_clear_pointer(&waiting, g_sequence_free);
}

static int by_time(const void *a, const void *b, void *data)
{
    const struct parked *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

bool park(struct pool *pool, struct work *work, int64_t at)
{
    struct parked *p = g_new(struct parked, 1);
    bool first;

    *p = (struct parked){ pool, work, at };
    pthread_mutex_lock(&lock);
    first = g_sequence_iter_is_begin(g_sequence_insert_sorted(waiting, p, by_time, NULL));
    pthread_mutex_unlock(&lock);
    return first;
}

int park_release(bool all, int most)
{
    int64_t now = clock_mono_us();
    int ms = most;

    pthread_mutex_lock(&lock);
    while (!g_sequence_is_empty(waiting)) {
        GSequenceIter *first = g_sequence_get_begin_iter(waiting);
        const struct parked *p = g_sequence_get(first);

        if (!all && p->at > now) {
            ms = (int)MIN(most, (p->at - now) / 1000 + 1);
            break;
        }
        pool_submit(p->pool, p->work, true);
        g_sequence_remove(first);
    }
    pthread_mutex_unlock(&lock);
    return ms;
}
