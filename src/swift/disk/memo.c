/* What was read of inodes that have not changed since: a table in which a newer one takes the place of an older. An inode that has only just changed is
 * not kept: it could change again and its time stay the same. Nothing is kept for long, so that what rots on a drive is seen. */
#include "swift/disk/parts.h"

#include "oslo/base/text.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 4096, LOCKS = 16, LARGEST = 1024, SETTLED_S = 2, KEPT_US = 60000000 };

struct key { dev_t device; ino_t inode; struct timespec changed; };
struct slot { struct key key; int64_t since; uint16_t n; char *bytes; };

static struct slot slots[SLOTS];
static pthread_mutex_t locks[LOCKS] = { [0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };     /* slot i is guarded by i % LOCKS */

static bool same(const struct slot *s, const struct stat *st)
{
    return s->bytes && s->key.inode == st->st_ino && s->key.device == st->st_dev && s->key.changed.tv_nsec == st->st_ctim.tv_nsec &&
           s->key.changed.tv_sec == st->st_ctim.tv_sec && clock_mono_us() < s->since + KEPT_US;
}

static size_t slot_of(const struct stat *st)
{
    return (size_t)((st->st_ino ^ st->st_dev << 7) * 0x9E3779B97F4A7C15u >> 52);
}

const char *memo_get(struct ctx *c, const struct stat *st, size_t *ret_n)
{
    size_t i = slot_of(st);
    char *found = NULL;

    pthread_mutex_lock(&locks[i % LOCKS]);
    if (same(&slots[i], st)) {
        *ret_n = slots[i].n;
        found = ctx_alloc(c, slots[i].n + 1u);
        memcpy(found, slots[i].bytes, slots[i].n);
        found[slots[i].n] = '\0';
    }
    pthread_mutex_unlock(&locks[i % LOCKS]);
    return found;
}

void memo_put(const struct stat *st, const void *bytes, size_t n)
{
    size_t i = slot_of(st);

    if (n > LARGEST || time(NULL) - st->st_ctim.tv_sec < SETTLED_S)
        return;
    pthread_mutex_lock(&locks[i % LOCKS]);
    g_free(slots[i].bytes);
    slots[i] = (struct slot){ { st->st_dev, st->st_ino, st->st_ctim }, clock_mono_us(), (uint16_t)n, g_memdup2(bytes, n ? n : 1) };
    pthread_mutex_unlock(&locks[i % LOCKS]);
}

void memo_forget(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        g_clear_pointer(&slots[i].bytes, g_free);
}
