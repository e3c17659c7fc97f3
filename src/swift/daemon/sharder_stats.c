/* What recon shows of sharding: counts of the round, containers that are to be sharded or shrunk, those that are being sharded. */
#include "swift/daemon/sharder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static json_t *category_of(struct sharder *s, const char *category)
{
    json_t *o = json_object_get(s->stats, category);

    if (!o) {
        o = json_object();
        json_object_set_new(s->stats, category, o);
    }
    return o;
}

void stat_add(struct sharder *s, const char *category, const char *name, int64_t n)
{
    json_t *o = category_of(s, category);

    json_object_set_new(o, name, json_integer(json_integer_value(json_object_get(o, name)) + n));
}

void stat_span(struct sharder *s, const char *category, double seconds)
{
    json_t *o = category_of(s, category), *min = json_object_get(o, "min_time"), *max = json_object_get(o, "max_time");

    if (!min || seconds < json_number_value(min))
        json_object_set_new(o, "min_time", json_real(seconds));
    if (!max || seconds > json_number_value(max))
        json_object_set_new(o, "max_time", json_real(seconds));
}

/* What is said of each container. */
static json_t *describe(struct ctx *c, struct sharding *s, const struct shard_range *own)
{
    const char *path = broker_path(s->broker), *account, *container, *root = broker_root(c, s->broker);
    struct stat st;

    shard_split_name(c, broker_name(c, s->broker), &account, &container);
    return json_pack("{s:s, s:o, s:s, s:s, s:s?, s:I, s:s, s:o}", "path", path, "node_index", s->index < 0 ? json_string("handoff") : json_integer(s->index),
                     "account", account, "container", container, "root", root, "object_count", (json_int_t)own->object_count, "meta_timestamp",
                     timestamp_text(c, own->meta_timestamp), "file_size", stat(path, &st) ? json_null() : json_integer(st.st_size));
}

bool stats_candidates(struct ctx *c, struct sharding *s)
{
    struct shard_range own;

    if (!broker_own_shard_now(c, s->broker, &own, NULL))
        return false;
    if (shard_is_large(&own, s->all->limits.threshold)) {
        json_array_append_new(s->all->sharding_candidates, describe(c, s, &own));
        s->all->all_plain = false;
    }
    return true;
}

bool stats_shrinking(struct ctx *c, struct sharding *s)
{
    struct shard_compacting how = s->all->compacting;
    struct shard_lists sequences;
    struct shard_list shards;
    struct shard_range own;
    int64_t n = 0;
    json_t *o;

    how.shrinking_too = false;
    if (!broker_shards(c, s->broker, &(struct shard_query){}, &shards) || !broker_own_shard_now(c, s->broker, &own, NULL))
        return false;
    shard_compactible(c, &shards, &own, &how, &sequences);
    for (size_t i = 0; i < sequences.n; i++)
        n += (int64_t)sequences.at[i].n - 1;
    if (!n)
        return true;
    o = describe(c, s, &own);
    json_object_set_new(o, "compactible_ranges", json_integer(n));
    json_array_append_new(s->all->shrinking_candidates, o);
    return true;
}

/* A container that was sharded long ago is no news. */
static bool is_recent(struct ctx *c, struct sharding *s, bool *ret)
{
    struct cleaving_stored *contexts;
    int64_t newest = 0;
    size_t n;

    if (!cleaving_load_all(c, s->broker, &contexts, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        newest = MAX(newest, contexts[i].when.raw / 100000);
    *ret = n && newest + s->all->o->recon_sharded_timeout >= time(NULL);
    return true;
}

bool stats_progress(struct ctx *c, struct sharding *s, const char *error)
{
    static const enum shard_state shown[] = { SHARD_FOUND, SHARD_CREATED, SHARD_CLEAVED, SHARD_ACTIVE };
    enum broker_state state;
    struct shard_range own;
    struct shard_list shards;
    bool recent = true;
    json_t *o;

    if (!broker_own_shard_now(c, s->broker, &own, NULL) || !broker_state(c, s->broker, &state))
        return false;
    if (state == BROKER_COLLAPSED || (own.state != SHARD_SHARDING && own.state != SHARD_SHARDED) ||
        (state == BROKER_SHARDED && (!is_recent(c, s, &recent) || !recent)))
        return !failed(c);
    if (!broker_shards(c, s->broker, &(struct shard_query){}, &shards))
        return false;
    o = describe(c, s, &own);
    json_object_set_new(o, "state", json_string(shard_state_name(own.state)));
    json_object_set_new(o, "db_state", json_string(broker_state_name(state)));
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        int64_t n = 0;

        for (size_t k = 0; k < shards.n; k++)
            n += shards.at[k].state == shown[i];
        json_object_set_new(o, shard_state_name(shown[i]), json_integer(n));
    }
    json_object_set_new(o, "error", error ? json_string(error) : json_null());
    json_array_append_new(s->all->in_progress, o);
    return true;
}

/* --- the report ---------------------------------------------------------------------------------------------------------------------- */

static const char *sorted_by;        /* of its own thread: reports are made by one daemon only */

static int more_first(const void *a, const void *b)
{
    int64_t x = json_integer_value(json_object_get(*(json_t *const *)a, sorted_by)), y = json_integer_value(json_object_get(*(json_t *const *)b, sorted_by));

    return x < y ? 1 : x > y ? -1 : 0;
}

static json_t *top(struct ctx *c, json_t *candidates, const char *by, int64_t limit)
{
    size_t n = json_array_size(candidates);
    json_t **all = ctx_new_n(c, json_t *, n + 1), *list = json_array();

    for (size_t i = 0; i < n; i++)
        all[i] = json_array_get(candidates, i);
    sorted_by = by;
    qsort(all, n, sizeof(json_t *), more_first);
    for (size_t i = 0; i < n && (limit < 0 || (int64_t)i < limit); i++)
        json_array_append(list, all[i]);
    return json_pack("{s:I, s:o}", "found", (json_int_t)n, "top", list);
}

/* As they are asked for: what did not happen is 0. */
static void fill(struct sharder *s)
{
    static const struct { const char *category, *names[9]; } wanted[] = {
        { "visited", { "attempted", "success", "failure", "skipped", "completed" } },
        { "scanned", { "attempted", "success", "failure", "found", "min_time", "max_time" } },
        { "created", { "attempted", "success", "failure" } },
        { "cleaved", { "attempted", "success", "failure", "min_time", "max_time" } },
        { "misplaced", { "attempted", "success", "failure", "found", "placed", "unplaced" } },
        { "audit_root", { "attempted", "success", "failure", "has_overlap", "num_overlap" } },
        { "audit_shard", { "attempted", "success", "failure" } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
        for (size_t k = 0; wanted[i].names[k]; k++)
            if (!json_object_get(category_of(s, wanted[i].category), wanted[i].names[k]))
                json_object_set_new(category_of(s, wanted[i].category), wanted[i].names[k], json_integer(0));
}

void stats_report(struct ctx *c, struct sharder *s)
{
    time_t now = time(NULL);
    json_t *all = replicator_stats_json(&s->replicator, s->begun);

    fill(s);
    json_object_set_new(s->stats, "sharding_candidates", top(c, s->sharding_candidates, "object_count", s->o->recon_candidates_limit));
    json_object_set_new(s->stats, "shrinking_candidates", top(c, s->shrinking_candidates, "compactible_ranges", s->o->recon_candidates_limit));
    if (json_array_size(s->in_progress))
        json_object_set_new(s->stats, "sharding_in_progress", json_pack("{s:O}", "all", s->in_progress));
    json_object_set(all, "sharding", s->stats);
    recon_dump(c, s->round, json_pack("{s:o, s:f, s:f}", "sharding_stats", all, "sharding_time", difftime(now, s->begun), "sharding_last", (double)now));
}
