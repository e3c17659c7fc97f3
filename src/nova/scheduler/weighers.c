/* The weighers: each gives every host a number, scaled over all hosts to 0 .. 1 and multiplied; the sums are the order. */
#include "nova/options.h"
#include "nova/scheduler/scheduler.h"

#include <stddef.h>
#include <stdlib.h>

static double free_ram(const struct request_spec *spec, const struct host_state *h)
{
    return (double)h->free_memory_mb;
}

static double free_cpus(const struct request_spec *spec, const struct host_state *h)
{
    return (double)h->free_vcpus;
}

static double free_disk(const struct request_spec *spec, const struct host_state *h)
{
    return (double)h->free_disk_gb;
}

static double operations(const struct request_spec *spec, const struct host_state *h)
{
    return (double)h->io_ops;
}

static double group_members(const struct request_spec *spec, const struct host_state *h, const char *policy)
{
    return text_equal(spec->group_policy, policy) ? (double)GPOINTER_TO_SIZE(g_hash_table_lookup(spec->group_hosts, h->node->host)) : 0;
}

static double soft_affinity(const struct request_spec *spec, const struct host_state *h)
{
    return group_members(spec, h, "soft-affinity");
}

static double soft_anti_affinity(const struct request_spec *spec, const struct host_state *h)
{
    return -group_members(spec, h, "soft-anti-affinity");
}

static double builds_that_failed(const struct request_spec *spec, const struct host_state *h)
{
    return -(double)h->node->failed_builds;
}

static const struct weigher {
    double (*weigh)(const struct request_spec *, const struct host_state *);
    size_t multiplier;               /* the option's place in struct nova_options */
} weighers[] = {
    { free_ram, offsetof(struct nova_options, ram_weight_multiplier) },
    { free_cpus, offsetof(struct nova_options, cpu_weight_multiplier) },
    { free_disk, offsetof(struct nova_options, disk_weight_multiplier) },
    { operations, offsetof(struct nova_options, io_ops_weight_multiplier) },
    { soft_affinity, offsetof(struct nova_options, soft_affinity_weight_multiplier) },
    { soft_anti_affinity, offsetof(struct nova_options, soft_anti_affinity_weight_multiplier) },
    { builds_that_failed, offsetof(struct nova_options, build_failure_weight_multiplier) },
};

static void weigh(const struct weigher *w, double multiplier, const struct request_spec *spec, struct host_state **hosts, size_t n)
{
    double least = w->weigh(spec, hosts[0]), most = least;

    for (size_t i = 1; i < n; i++) {
        double weight = w->weigh(spec, hosts[i]);

        least = MIN(least, weight);
        most = MAX(most, weight);
    }
    for (size_t i = 0; most > least && i < n; i++)
        hosts[i]->weight += multiplier * (w->weigh(spec, hosts[i]) - least) / (most - least);
}

static int by_weight(const void *a, const void *b)
{
    const struct host_state *x = *(struct host_state *const *)a, *y = *(struct host_state *const *)b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->node->id < y->node->id ? -1 : 1;
}

void hosts_weigh(const struct request_spec *spec, struct host_state **hosts, size_t n)
{
    const char *options = (const char *)nova_options();

    for (size_t i = 0; i < G_N_ELEMENTS(weighers); i++)
        weigh(&weighers[i], *(const double *)(const void *)(options + weighers[i].multiplier), spec, hosts, n);
    qsort(hosts, n, sizeof *hosts, by_weight);
}
