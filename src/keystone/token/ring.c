/* See ring.h. */
#include "keystone/token/ring.h"

#include <pthread.h>
#include <sys/stat.h>

#include "keystone/keystone.h"

#define SECOND_US INT64_C(1000000)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    struct fernet_keys keys;
    struct timespec changed;         /* of the repository when it was read */
    int64_t look_us;                 /* when to look again, monotonic */
} rings[RING_CREDENTIALS + 1];       /* under lock */

static const char *directory_of(enum ring which)
{
    const struct keystone_options *o = keystone_options();

    return which == RING_TOKENS ? o->fernet_keys : which == RING_RECEIPTS ? o->receipt_keys : o->credential_keys;
}

bool ring_keys(struct ctx *c, enum ring which, struct fernet_keys *ret_keys)
{
    const char *directory = directory_of(which);
    int64_t now = clock_mono_us();
    struct fernet_keys fresh;
    struct stat st;
    bool ok = true;

    pthread_mutex_lock(&lock);
    if (now >= rings[which].look_us && stat(directory, &st) == 0 &&
        (!rings[which].keys.n || st.st_mtim.tv_sec != rings[which].changed.tv_sec || st.st_mtim.tv_nsec != rings[which].changed.tv_nsec)) {
        ok = fernet_keys_read(c, directory, &fresh);
        if (ok) {
            rings[which].keys = fresh;
            rings[which].changed = st.st_mtim;
        }
    }
    rings[which].look_us = now >= rings[which].look_us ? now + SECOND_US : rings[which].look_us;
    *ret_keys = rings[which].keys;
    pthread_mutex_unlock(&lock);
    return (ok && ret_keys->n) || failed(c) || fail(c, INTERNAL_ERROR, ctx_printf(c, "there are no keys in %s", directory));
}

char *ring_seal(struct ctx *c, enum ring which, int64_t time_s, const void *bytes, size_t n)
{
    struct fernet_keys keys;

    return ring_keys(c, which, &keys) ? fernet_seal(c, &keys.keys[0], time_s, bytes, n) : NULL;
}

bool ring_open(struct ctx *c, enum ring which, const char *text, void **ret_bytes, size_t *ret_n, int64_t *ret_time_s)
{
    struct fernet_keys keys;

    *ret_bytes = NULL;
    if (!ring_keys(c, which, &keys))
        return false;
    for (int i = 0; i < keys.n; i++)
        if (fernet_open(c, &keys.keys[i], text, ret_bytes, ret_n, ret_time_s))
            return true;
    *ret_bytes = NULL;
    return true;
}
