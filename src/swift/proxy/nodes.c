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

/* --- how long they took ----------------------------------------------------------------------------------------------------- */

struct timing { int64_t ms, until; };        /* until: clock_mono_us() */

static GHashTable *timings;                  /* ip -> struct timing; guarded by lock */

void node_took(const struct ring_device *d, int64_t us)
{
    struct timing *t;

    if (!policy_options_sort_by_timing())
        return;
    t = g_new(struct timing, 1);
    *t = (struct timing){ (us + 500) / 1000, clock_mono_us() + proxy_options->timing_expiry * G_USEC_PER_SEC };
    pthread_mutex_lock(&lock);
    if (!timings)
        timings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(timings, g_strdup(d->ip), t);
    pthread_mutex_unlock(&lock);
}

/* -1: nobody knows: it is tried. */
static int64_t timing_of(const struct ring_device *d)
{
    const struct timing *t;
    int64_t ms = -1;

    pthread_mutex_lock(&lock);
    t = timings ? g_hash_table_lookup(timings, d->ip) : NULL;
    if (t && t->until > clock_mono_us())
        ms = t->ms;
    pthread_mutex_unlock(&lock);
    return ms;
}

/* --- sorting ---------------------------------------------------------------------------------------------------------------- */

/* Any order but that this process's own devices, which need no socket, come first. */
static void shuffle(struct nodes *n)
{
    size_t front = 0;

    for (size_t i = n->n_first; i > 1; i--) {
        size_t k = (size_t)random_below(i);
        struct node node = n->first[i - 1];

        n->first[i - 1] = n->first[k];
        n->first[k] = node;
    }
    for (size_t i = 0; i < n->n_first; i++)
        if (storage_is_local(n->kind, n->first[i].device)) {
            struct node node = n->first[i];

            n->first[i] = n->first[front];
            n->first[front++] = node;
        }
}

/* Those of one rank stay as they are. */
static void sort(struct nodes *n)
{
    int64_t ranks[G_N_ELEMENTS(n->first)];

    for (size_t i = 0; i < n->n_first; i++) {
        const struct node node = n->first[i];
        int64_t rank = n->options->sorting == SORT_TIMING ? timing_of(node.device) : policy_options_priority(n->options, node.device);
        size_t k = i;

        for (; k && ranks[k - 1] > rank; k--) {
            ranks[k] = ranks[k - 1];
            n->first[k] = n->first[k - 1];
        }
        ranks[k] = rank;
        n->first[k] = node;
    }
}

static size_t most_at_once(const struct nodes *n, const struct storage_policy *policy)
{
    if (!n->options->concurrent_gets)
        return 1;
    return MAX(policy && policy->type == POLICY_ERASURE ? (size_t)policy->ec_data : n->replicas, 1);
}

void nodes_init(struct ctx *c, struct nodes *n, enum storage_kind kind, struct ring_file *file, const char *account, const char *container,
                const char *object, const struct storage_policy *policy, enum nodes_use use)
{
    uint8_t digest[16];

    memset(n, 0, offsetof(struct nodes, primaries));
    n->kind = kind;
    n->ring = ring_get(c, file);
    n->options = policy_options(policy);
    hash_path(account, container, object, digest);
    n->partition = ring_partition(n->ring, digest);
    n->n_primaries = n->replicas = ring_primaries(n->ring, n->partition, n->primaries, G_N_ELEMENTS(n->primaries));
    n->limit = node_count(n->replicas);
    n->at_once = most_at_once(n, policy);
    for (size_t i = 0; i < n->n_primaries; i++)
        n->first[n->n_first++] = (struct node){ .device = n->primaries[i], .index = (int)i, .handoff_index = -1 };
    if (n->n_first > 1 && (use == NODES_READ || (use == NODES_READ_FRAGMENTS && n->options->sorting != SORT_SHUFFLE)))
        shuffle(n);
    if (use != NODES_WRITE && n->options->sorting != SORT_SHUFFLE)
        sort(n);
}

/* --- write affinity --------------------------------------------------------------------------------------------------------- */

/* At most so many handoffs that are local. */
static void append_local_handoffs(struct ctx *c, struct nodes *n, size_t most)
{
    const struct ring_device *d;
    struct ring_walk walk;

    ring_walk_init(c, &walk, n->ring, n->partition);
    for (int i = 0; most && n->n_first < G_N_ELEMENTS(n->first) && (d = ring_walk_next(c, &walk)); i++)
        if (policy_options_is_local(n->options, d)) {
            n->first[n->n_first++] = (struct node){ .device = d, .index = -1, .handoff_index = i };
            most--;
        }
}

void nodes_local_first(struct ctx *c, struct nodes *n)
{
    size_t most = (size_t)MAX(n->options->write_nodes * (n->options->per_replica ? (int64_t)n->n_primaries : 1), 0), local = 0;
    struct node away[G_N_ELEMENTS(n->primaries)];
    size_t n_away = 0;

    if (!n->options->n_write)
        return;
    most = MIN(most, G_N_ELEMENTS(n->first) - n->n_primaries);
    for (size_t i = 0; i < n->n_primaries; i++)
        if (local < most && policy_options_is_local(n->options, n->first[i].device))
            n->first[local++] = n->first[i];
        else
            away[n_away++] = n->first[i];
    n->n_first = local;
    append_local_handoffs(c, n, most - local);
    memcpy(n->first + n->n_first, away, n_away * sizeof(*away));
    n->n_first += n_away;
}

size_t nodes_add_local_handoffs(struct ctx *c, struct nodes *n)
{
    int64_t more = n->options->handoff_deletes;

    if (!n->options->n_write)
        return 0;
    if (more < 0) {
        more = 0;
        for (size_t i = 0; i < n->n_primaries; i++)
            more += !policy_options_is_local(n->options, n->primaries[i]);
    }
    append_local_handoffs(c, n, (size_t)more);
    return n->n_first - n->n_primaries;
}

/* --- one after the other ------------------------------------------------------------------------------------------------------ */

static bool is_among_first(const struct nodes *n, const struct ring_device *d)
{
    for (size_t i = 0; n->n_first > n->n_primaries && i < n->n_first; i++)
        if (n->first[i].device == d)
            return true;
    return false;
}

static bool next_handoff(struct ctx *c, struct nodes *n, struct node *ret)
{
    const struct ring_device *d;

    if (!n->walking)
        ring_walk_init(c, &n->walk, n->ring, n->partition);
    n->walking = true;
    while ((d = ring_walk_next(c, &n->walk))) {
        *ret = (struct node){ .device = d, .index = -1, .handoff_index = n->handoffs++ };
        if (!is_among_first(n, d))
            return true;
    }
    return false;
}

bool nodes_next(struct ctx *c, struct nodes *n, struct node *ret)
{
    if (n->last && suppressed(n->last))
        n->limit++;
    n->last = NULL;
    while (n->limit) {
        if (n->at < n->n_first)
            *ret = n->first[n->at++];
        else if (!next_handoff(c, n, ret))
            return false;
        if (suppressed(ret->device))
            continue;
        n->limit--;
        n->last = ret->device;
        return true;
    }
    return false;
}
