/* Which nodes are asked, and in which order; those that fail too often are left alone for a while. */
#include "swift/proxy/proxy.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct errors { int64_t n, last; };          /* last: clock_mono_us() */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards errors */
static GHashTable *errors;                   /* "ip:port/device" -> struct errors */
static _Atomic bool any_errors;              /* so that nobody looks while there are none */

static char *key_of(const struct ring_device *d)
{
    return g_strdup_printf("%s:%d/%s", d->ip, d->port, d->device);
}

static int64_t interval_us(void)
{
    return (int64_t)((proxy_options ? proxy_options->error_suppression_interval : 60) * 1e6);
}

static int64_t limit(void)
{
    return proxy_options ? proxy_options->error_suppression_limit : 10;
}

static void count(const struct ring_device *d, int64_t more)
{
    char *key = key_of(d);
    struct errors *e;

    pthread_mutex_lock(&lock);
    if (!errors)
        errors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    e = g_hash_table_lookup(errors, key);
    if (!e) {
        e = g_new0(struct errors, 1);
        g_hash_table_insert(errors, g_strdup(key), e);
    }
    e->n += more;
    e->last = clock_mono_us();
    any_errors = true;
    pthread_mutex_unlock(&lock);
    g_free(key);
}

int64_t proxy_recoverable_us(void)
{
    double seconds = proxy_options->recoverable_node_timeout > 0 ? proxy_options->recoverable_node_timeout : proxy_options->node_timeout;

    return (int64_t)(seconds * 1e6);
}

void node_failed(const struct node *n)
{
    count(n->device, 1);
}

void node_is_full(const struct node *n)
{
    count(n->device, limit() + 1);
    log_error(NULL, "swift: insufficient storage on %s:%d/%s", n->device->ip, n->device->port, n->device->device);
}

static bool suppressed(const struct ring_device *d)
{
    struct errors *e;
    char *key;
    bool yes = false;

    if (!any_errors)
        return false;
    key = key_of(d);
    pthread_mutex_lock(&lock);
    e = g_hash_table_lookup(errors, key);
    if (e && e->last < clock_mono_us() - interval_us())
        g_hash_table_remove(errors, key);
    else
        yes = e && e->n > limit();
    any_errors = g_hash_table_size(errors) > 0;
    pthread_mutex_unlock(&lock);
    g_free(key);
    return yes;
}

/* --- the order -------------------------------------------------------------------------------------------------------------- */

/* "2 * replicas", "7". */
static size_t node_count(size_t replicas)
{
    const char *text = proxy_options && proxy_options->request_node_count ? proxy_options->request_node_count : "2 * replicas";
    long n = strtol(text, NULL, 10);

    return strstr(text, "replicas") ? replicas * (size_t)MAX(n, 1) : (size_t)MAX(n, 1);
}

/* Any order but that this process's own devices, which need no socket, come first. */
static void shuffle(struct nodes *n)
{
    size_t front = 0;

    for (size_t i = n->n_primaries; i > 1; i--) {
        size_t k = (size_t)random_below(i);
        const struct ring_device *d = n->primaries[i - 1];

        n->primaries[i - 1] = n->primaries[k];
        n->primaries[k] = d;
    }
    for (size_t i = 0; i < n->n_primaries; i++)
        if (storage_is_local(n->kind, n->primaries[i])) {
            const struct ring_device *d = n->primaries[i];

            n->primaries[i] = n->primaries[front];
            n->primaries[front++] = d;
        }
}

void nodes_init(struct ctx *c, struct nodes *n, enum storage_kind kind, struct ring_file *file, const char *account, const char *container,
                const char *object, bool shuffled)
{
    uint8_t digest[16];

    *n = (struct nodes){ .kind = kind, .ring = ring_get(c, file) };
    hash_path(account, container, object, digest);
    n->partition = ring_partition(n->ring, digest);
    n->n_primaries = n->replicas = ring_primaries(n->ring, n->partition, n->primaries, G_N_ELEMENTS(n->primaries));
    n->limit = node_count(n->replicas);
    if (shuffled && n->n_primaries > 1)
        shuffle(n);
}

bool nodes_next(struct ctx *c, struct nodes *n, struct node *ret)
{
    const struct ring_device *d;

    while (n->limit && n->at < n->n_primaries) {
        d = n->primaries[n->at++];
        *ret = (struct node){ .device = d, .index = (int)n->at - 1, .handoff_index = -1 };
        if (!suppressed(d)) {
            n->limit--;
            return true;
        }
    }
    if (!n->walking)
        ring_walk_init(c, &n->walk, n->ring, n->partition);
    n->walking = true;
    while (n->limit && (d = ring_walk_next(c, &n->walk))) {
        *ret = (struct node){ .device = d, .index = -1, .handoff_index = n->handoffs++ };
        if (!suppressed(d)) {
            n->limit--;
            return true;
        }
    }
    return false;
}
