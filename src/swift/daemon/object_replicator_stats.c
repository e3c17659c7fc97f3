/* What a pass of the object replicator has done: counted device by device, said in the log, left for recon. */
#include "swift/daemon/object_replicator.h"

#include "oslo/base/log.h"

#include <stdlib.h>
#include <string.h>

/* Those that are counted, by the names that recon knows. */
#define S(name) { #name, offsetof(struct object_replicator_stats, name) }
static const struct { const char *name; size_t offset; } counters[] = { S(attempted), S(failure), S(hashmatch), S(remove), S(rsync), S(success), S(suffix_count),
                                                                        S(suffix_hash), S(suffix_sync) };
#undef S

static int64_t *counter(const struct object_replicator_stats *s, size_t i)
{
    return (int64_t *)(uintptr_t)((const char *)s + counters[i].offset);
}

static void stats_free(void *data)
{
    struct object_replicator_stats *s = data;

    json_decref(s->failure_nodes);
    g_free(s);
}

void pass_init(struct pass *pass)
{
    pthread_mutex_init(&pass->lock, NULL);
    pass->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, stats_free);
    pass->times = g_array_new(FALSE, FALSE, sizeof(double));
    pass->began_us = clock_us();
}

void pass_clear(struct pass *pass)
{
    g_hash_table_destroy(pass->devices);
    g_array_free(pass->times, TRUE);
    pthread_mutex_destroy(&pass->lock);
}

struct object_replicator_stats *pass_stats(struct pass *pass, const char *device)
{
    struct object_replicator_stats *s = g_hash_table_lookup(pass->devices, device);

    if (!s) {
        s = g_new0(struct object_replicator_stats, 1);
        s->failure_nodes = json_object();
        g_hash_table_insert(pass->devices, g_strdup(device), s);
    }
    return s;
}

void pass_count(struct pass *pass, int64_t *what, int64_t n)
{
    pthread_mutex_lock(&pass->lock);
    *what += n;
    pthread_mutex_unlock(&pass->lock);
}

void pass_count_time(struct pass *pass, int64_t us)
{
    double seconds = (double)us / 1e6;

    pthread_mutex_lock(&pass->lock);
    g_array_append_val(pass->times, seconds);
    pthread_mutex_unlock(&pass->lock);
}

void failed_add(struct failed_nodes *f, const struct ring_device *node)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->nodes[i] == node)
            return;
    if (f->n < G_N_ELEMENTS(f->nodes))
        f->nodes[f->n++] = node;
}

static void add_failures(json_t *nodes, const char *ip, const char *device, int64_t n)
{
    json_t *devices = json_object_get(nodes, ip);

    if (!devices) {
        devices = json_object();
        json_object_set_new(nodes, ip, devices);
    }
    json_object_set_new(devices, device, json_integer(json_integer_value(json_object_get(devices, device)) + n));
}

void pass_count_failures(struct pass *pass, struct object_replicator_stats *s, const struct failed_nodes *f, int64_t successes)
{
    pthread_mutex_lock(&pass->lock);
    s->success += successes;
    s->failure += (int64_t)f->n;
    for (size_t i = 0; i < f->n; i++)
        add_failures(s->failure_nodes, f->nodes[i]->replication_ip, f->nodes[i]->device, 1);
    pthread_mutex_unlock(&pass->lock);
}

/* --- all devices together --------------------------------------------------------------------------------------------------------- */

static void add_failed_nodes(json_t *to, json_t *from)
{
    const char *ip, *device;
    json_t *devices, *n;

    json_object_foreach(from, ip, devices)
        json_object_foreach(devices, device, n)
            add_failures(to, ip, device, json_integer_value(n));
}

/* failure_nodes is the caller's. */
static struct object_replicator_stats sum_of(struct pass *pass)
{
    struct object_replicator_stats sum = { .failure_nodes = json_object() }, *s;
    GHashTableIter each;
    void *name;

    pthread_mutex_lock(&pass->lock);
    g_hash_table_iter_init(&each, pass->devices);
    while (g_hash_table_iter_next(&each, &name, (void **)&s)) {
        for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
            *counter(&sum, i) += *counter(s, i);
        add_failed_nodes(sum.failure_nodes, s->failure_nodes);
    }
    pthread_mutex_unlock(&pass->lock);
    return sum;
}

/* --- the log ---------------------------------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void say_times(struct ctx *c, struct pass *pass)
{
    double *all = (double *)(void *)pass->times->data;
    size_t n;

    pthread_mutex_lock(&pass->lock);
    n = pass->times->len;
    if (n) {
        qsort(all, n, sizeof(*all), by_time);
        log_info(c, "swift: partition times: max %.4fs, min %.4fs, med %.4fs", all[n - 1], all[0], all[n / 2]);
    }
    pthread_mutex_unlock(&pass->lock);
}

void pass_say(struct ctx *c, struct pass *pass)
{
    struct object_replicator_stats s = sum_of(pass);

    json_decref(s.failure_nodes);
    log_info(c, "swift: %" G_GINT64_FORMAT " successes, %" G_GINT64_FORMAT " failures", s.success, s.failure);
    if (!s.suffix_count)
        return;
    log_info(c, "swift: %" G_GINT64_FORMAT " suffixes checked - %.2f%% hashed, %.2f%% synced", s.suffix_count,
             100 * (double)s.suffix_hash / (double)s.suffix_count, 100 * (double)s.suffix_sync / (double)s.suffix_count);
    say_times(c, pass);
}

/* --- recon ------------------------------------------------------------------------------------------------------------------------ */

static json_t *stats_json(const struct object_replicator_stats *s)
{
    json_t *all = json_pack("{s:O}", "failure_nodes", s->failure_nodes);

    for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
        json_object_set_new(all, counters[i].name, json_integer(*counter(s, i)));
    return all;
}

static json_t *shown(const struct object_replicator_stats *s, double minutes, double now)
{
    return json_pack("{s:o,s:f,s:f,s:f,s:f}", "replication_stats", stats_json(s), "replication_time", minutes, "replication_last", now,
                     "object_replication_time", minutes, "object_replication_last", now);
}

/* A device that this node has no more is to be forgotten. */
static void forget_others(struct ctx *c, const struct pass *pass, json_t *per_disk)
{
    json_t *before = ctx_json(c, recon_read(c, pass->round)), *known = json_object_get(before, "object_replication_per_disk"), *each;
    const char *name;

    json_object_foreach(known, name, each)
        if (!json_object_get(per_disk, name))
            json_object_set_new(per_disk, name, json_object());
}

void pass_tell_recon(struct ctx *c, struct pass *pass)
{
    double minutes = (double)(clock_us() - pass->began_us) / 6e7, now = (double)clock_us() / 1e6;
    struct object_replicator_stats sum = sum_of(pass), *s;
    json_t *all = shown(&sum, minutes, now), *per_disk = json_object();
    GHashTableIter each;
    void *name;

    json_decref(sum.failure_nodes);
    g_hash_table_iter_init(&each, pass->devices);
    while (pass->options->replicator_workers > 0 && g_hash_table_iter_next(&each, &name, (void **)&s))
        json_object_set_new(per_disk, name, shown(s, minutes, now));
    forget_others(c, pass, per_disk);
    if (json_object_size(per_disk))
        json_object_set_new(all, "object_replication_per_disk", per_disk);
    else
        json_decref(per_disk);
    recon_dump(c, pass->round, all);
}
