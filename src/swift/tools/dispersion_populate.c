/* dispersion-populate: a container, and an object, in each of many partitions. */
#include "swift/tools/dispersion.h"

#include "oslo/base/text.h"
#include "swift/daemon/crew.h"

#include <pthread.h>
#include <stdio.h>

struct populate { bool container_only, object_only, insecure, no_overlap; int64_t container_start, object_start; };

/* What is being made. container NULL: containers. */
struct making {
    const struct dispersion *d;
    const char *what, *container;
    int64_t start, begun_us;
    double need;
    pthread_mutex_t lock;            /* guards all below */
    int64_t created, retries, next_us;
    char *failure;
};
struct item { struct making *m; const char *name; };

/* One more is there; with the lock held. */
static void count_one(struct ctx *c, struct making *m)
{
    m->created++;
    if (clock_mono_us() < m->next_us)
        return;
    m->next_us = clock_mono_us() + 5 * G_USEC_PER_SEC;
    say("\r\x1B[KCreating %s: %" G_GINT64_FORMAT " of %d, %s left, %" G_GINT64_FORMAT " retries", m->what, m->created, (int)m->need,
        dispersion_eta(c, m->begun_us, (double)m->created, m->need), m->retries);
    fflush(stdout);
}

static void make(struct ctx *c, void *data)
{
    const struct item *item = data;
    struct making *m = item->m;
    const struct dispersion *d = m->d;
    int64_t retries = 0;
    struct pair meta = { "X-Object-Meta-Dispersion", item->name }, policy = { "X-Storage-Policy", d->policy->name };
    bool made = m->container ? client_put(c, &d->client, m->container, item->name, item->name, &meta, &retries)
                             : client_put(c, &d->client, item->name, NULL, NULL, &policy, &retries);

    pthread_mutex_lock(&m->lock);
    m->retries += retries;
    if (made)
        count_one(c, m);
    else if (!m->failure)
        m->failure = g_strdup(c->fault.message);
    pthread_mutex_unlock(&m->lock);
}

static bool has_failed(struct making *m)
{
    pthread_mutex_lock(&m->lock);
    bool failed = m->failure != NULL;
    pthread_mutex_unlock(&m->lock);
    return failed;
}

/* Marks the partitions that have one from an earlier run; how many. */
static bool find_taken(struct ctx *c, const struct making *m, const struct ring *ring, bool *taken, size_t *ret_n)
{
    const char *account = m->d->client.account, **names;
    size_t n;

    if (!(names = client_names(c, &m->d->client, m->container, m->container ? "dispersion_" : ctx_printf(c, "dispersion_%d", m->d->policy->index), &n)))
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t partition = dispersion_partition(ring, account, m->container ? m->container : names[i], m->container ? names[i] : NULL);

        *ret_n += !taken[partition];
        taken[partition] = true;
    }
    return true;
}

/* Names are tried one after the other, those count whose partition has none. What could not be queued is the rest of need. */
static double make_all(struct ctx *c, struct making *m, const struct ring *ring, bool *taken, size_t *n_taken)
{
    struct crew *crew = crew_new(c, m->d->options->concurrency);
    double left = m->need;

    for (int64_t suffix = 0; left >= 1 && *n_taken < ring->parts && !has_failed(m); suffix++) {
        const char *name = m->container ? ctx_printf(c, "dispersion_%" G_GINT64_FORMAT, suffix)
                                        : ctx_printf(c, "dispersion_%d_%" G_GINT64_FORMAT, m->d->policy->index, suffix);
        uint32_t partition = dispersion_partition(ring, m->d->client.account, m->container ? m->container : name, m->container ? name : NULL);

        if (taken[partition])
            continue;
        if (suffix >= m->start) {
            struct item *item = ctx_new(c, struct item);

            *item = (struct item){ m, name };
            crew_do(crew, make, item);
        } else {
            pthread_mutex_lock(&m->lock);
            count_one(c, m);
            pthread_mutex_unlock(&m->lock);
        }
        taken[partition] = true;
        (*n_taken)++;
        left--;
    }
    crew_end(crew);
    return left;
}

static bool populate(struct ctx *c, const struct dispersion *d, const char *container, const struct populate *how)
{
    struct making m = { .d = d, .what = container ? "objects" : "containers", .container = container,
                        .start = container ? how->object_start : how->container_start, .begun_us = clock_mono_us(), .lock = PTHREAD_MUTEX_INITIALIZER };
    const struct ring *ring = dispersion_ring(c, d, container != NULL);
    size_t n_taken = 0;
    double left;

    if (!ring)
        return false;
    bool *taken = ctx_new_n(c, bool, ring->parts);
    if (how->no_overlap && !find_taken(c, &m, ring, taken, &n_taken))
        return false;
    m.need = d->options->dispersion_coverage / 100.0 * (double)ring->parts;
    m.begun_us = clock_mono_us();
    m.next_us = m.begun_us + 2 * G_USEC_PER_SEC;
    left = make_all(c, &m, ring, taken, &n_taken);
    g_autofree char *failure = m.failure;
    if (failure)
        return fail(c, UNAVAILABLE, ctx_printf(c, "%s\nGave up due to error(s).", failure));
    say("\r\x1B[KCreated %d %s for dispersion reporting, %s, %" G_GINT64_FORMAT " retries\n", (int)(m.need - left), m.what,
        dispersion_time(c, (double)(clock_mono_us() - m.begun_us) / G_USEC_PER_SEC), m.retries);
    if (how->no_overlap)
        say("\r\x1B[KTotal %s coverage is now %.2f%%.\n", container ? "object" : "container", (double)n_taken / (double)ring->parts * 100);
    fflush(stdout);
    return true;
}

static bool take_start(struct ctx *c, const char *option, const char *text, int64_t *ret)
{
    return !text || text_to_int(text, ret) ? true : fail(c, BAD_REQUEST, ctx_printf(c, "option --%s: invalid integer value: %s", option, name_repr(c, text)));
}

int tool_dispersion_populate(struct ctx *c, char **words)
{
    struct populate how = {};
    const char *policy = NULL, *containers = NULL, *objects = NULL, *box;
    const struct tool_option options[] = {
        { 0, "container-only", &how.container_only, NULL }, { 0, "object-only", &how.object_only, NULL },
        { 0, "container-suffix-start", NULL, &containers }, { 0, "object-suffix-start", NULL, &objects },
        { 0, "insecure", &how.insecure, NULL }, { 0, "no-overlap", &how.no_overlap, NULL }, { 'P', "policy-name", NULL, &policy }, {}
    };
    struct dispersion d;
    int64_t retries = 0;

    if (!tool_options(c, words, options) || !take_start(c, "container-suffix-start", containers, &how.container_start) ||
        !take_start(c, "object-suffix-start", objects, &how.object_start) || !dispersion_read(c, words, policy, &d))
        return 1;
    say("Using storage policy: %s \n", d.policy->name);
    fflush(stdout);
    bool of_containers = d.options->container_populate && !how.object_only, of_objects = d.options->object_populate && !how.container_only;
    if (!of_containers && !of_objects)
        return !fail(c, BAD_REQUEST, "Neither container or object populate is set to run");
    if (!dispersion_log_in(c, &d, how.insecure) || (of_containers && !populate(c, &d, NULL, &how)))
        return 1;
    box = dispersion_box(c, &d);
    return of_objects && (!client_put(c, &d.client, box, NULL, NULL, &(struct pair){ "X-Storage-Policy", d.policy->name }, &retries) ||
                          !populate(c, &d, box, &how));
}
