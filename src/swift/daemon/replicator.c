/* Databases of accounts and containers brought to all nodes that are to have them: each of this node's, round after round. One that is not to be
 * here is removed once all others have it; one that was deleted long ago goes as well.
 *
 * Each node asks the one behind it first, so that nodes that are all behind do not wait for the same one.
 */
#include "swift/daemon/replicator.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/broker/shards.h"
#include "swift/container/sync_store.h"
#include "swift/disk/io.h"
#include "swift/name.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_NODES 96
#define EMPTY_AGE 60                 /* seconds after which an empty directory is nobody's who is just making it */
#define FULL_ROUND 3600              /* seconds between rounds that look at what nobody else has and has not changed */

#define O(name, default, text) ATTR(struct replicator_options, name, 0, .unset = default, .help = text)
#define OPTIONS(module) { \
    O(per_diff, "1000", "Rows sent at once."), \
    O(max_diffs, "100", "How often, in one round."), \
    O(databases_per_second, "50", "Databases looked at in a second."), \
    O(rsync_compress, "false", "Whether what goes to another region is compressed."), \
    O(handoffs_only, "false", "Only what is not to be here."), \
    O(rsync_module, module, "Where another node takes files: {ip}, {port}, {replication_ip}, {replication_port}, {device} ... of it stand for themselves."), \
    O(handoff_delete, "auto", "How many nodes must have it before what is not to be here goes; auto: all."), \
    {} \
}
static const struct attr account_options[] = OPTIONS("{replication_ip}::account");
static const struct attr container_options[] = OPTIONS("{replication_ip}::container");

struct job {
    struct replicator *all;
    char *path;
    uint32_t partition;
    int device_id;
};

static void job_free(void *data)
{
    struct job *job = data;

    g_free(job->path);
    g_free(job);
}

static struct job *job_new(struct replicator *all, const char *path, uint32_t partition, int device_id)
{
    struct job *job = g_new0(struct job, 1);

    *job = (struct job){ all, g_strdup(path), partition, device_id };
    return job;
}

void replicator_count(struct replicator *all, int64_t *counter)
{
    pthread_mutex_lock(&all->lock);
    ++*counter;
    pthread_mutex_unlock(&all->lock);
}

static void count_failure(struct replicator *all, const struct ring_device *d)
{
    json_t *node, *count;

    pthread_mutex_lock(&all->lock);
    all->stats.failure++;
    node = json_object_get(all->failure_nodes, d->replication_ip);
    if (!node) {
        node = json_object();
        json_object_set_new(all->failure_nodes, d->replication_ip, node);
    }
    count = json_object_get(node, d->device);
    json_object_set_new(node, d->device, json_integer(json_integer_value(count) + 1));
    pthread_mutex_unlock(&all->lock);
}

bool replicator_is_own(const struct round *round, enum storage_kind kind, const struct ring_device *d)
{
    return storage_is_local(kind, d) && text_in(d->device, round->devices);
}

void replicator_add_late(struct replicator *all, const char *path, uint32_t partition, int device_id)
{
    pthread_mutex_lock(&all->lock);
    if (!g_hash_table_contains(all->late, path)) {
        struct job *job = job_new(all, path, partition, device_id);

        g_hash_table_insert(all->late, job->path, job);
    }
    pthread_mutex_unlock(&all->lock);
}

/* --- one database -------------------------------------------------------------------------------------------------------------------- */

/* A root that still has shards is not empty: they have to shrink first. */
static bool has_shards(struct ctx *c, const struct replicated *one)
{
    struct shard_list shards;
    enum broker_state state;
    bool root;

    return one->all->broker == BROKER_CONTAINER && broker_is_root(c, one->broker, &root) && root && broker_state(c, one->broker, &state) &&
           (state == BROKER_SHARDING || (broker_shards(c, one->broker, &(struct shard_query){}, &shards) && shards.n));
}

/* Deleted, empty, and long enough for every node to know. */
static bool is_reclaimable(struct ctx *c, const struct replicated *one, struct timestamp before)
{
    const struct broker_info *i = &one->info;
    int64_t count = one->all->broker == BROKER_CONTAINER ? i->object_count : i->container_count;

    return !count && timestamp_compare(before, i->delete_timestamp) > 0 && timestamp_compare(i->delete_timestamp, i->put_timestamp) > 0 &&
           !has_shards(c, one) && !failed(c) && broker_is_empty(c, one->broker);
}

static bool account_is_told(const struct replicated *one)
{
    const struct broker_info *i = &one->info;

    return one->all->broker == BROKER_ACCOUNT ||
           (!timestamp_compare(i->reported_put, i->put_timestamp) && !timestamp_compare(i->reported_delete, i->delete_timestamp) &&
            i->reported_bytes_used == i->bytes_used && i->reported_object_count == i->object_count);
}

static void erase(struct ctx *c, struct replicated *one)
{
    bool erased;

    if (broker_erase(c, one->broker, one->info.max_row, &erased) && erased)
        replicator_count(one->all, &one->all->stats.removed);
}

/* The other nodes that are to have it, the one behind this first; *ret_here: this device is one of them. */
static size_t other_nodes(const struct replicator *all, uint32_t partition, int device_id, const struct ring_device **ret, bool *ret_here)
{
    const struct ring_device *nodes[MOST_NODES];
    size_t n = ring_primaries(all->ring, partition, nodes, G_N_ELEMENTS(nodes)), at = 0, used = 0;

    while (at < n && nodes[at]->id != device_id)
        at++;
    *ret_here = at < n;
    for (size_t i = at + 1; i < n; i++)
        ret[used++] = nodes[i];
    for (size_t i = 0; i < at; i++)
        ret[used++] = nodes[i];
    return used;
}

/* How many of them have it now; *ret_n: of how many. Instead of a drive that is not there a handoff gets it. */
static size_t bring(struct ctx *c, struct replicated *one, int device_id, size_t *ret_n, bool *ret_here)
{
    struct replicator *all = one->all;
    const struct ring_device *nodes[MOST_NODES], *own = all->ring->devs[device_id], *instead;
    size_t n = other_nodes(all, one->partition, device_id, nodes, ret_here), well = 0;
    struct ring_walk walk;

    ring_walk_init(c, &walk, all->ring, one->partition);
    for (size_t i = 0; i < n; i++) {
        enum peer_answer answer = daemon_stops() ? PEER_FAILED : replicate_to(c, one, nodes[i], own && own->region != nodes[i]->region);

        if (answer == PEER_WELL) {
            well++;
            replicator_count(all, &all->stats.success);
            continue;
        }
        count_failure(all, nodes[i]);
        if (answer == PEER_NOT_MOUNTED && n < MOST_NODES && (instead = ring_walk_next(c, &walk)))
            nodes[n++] = instead;
    }
    *ret_n = n;
    return well;
}

static void remove_handoff(struct ctx *c, struct replicated *one, size_t well, size_t n)
{
    int64_t enough = 0;
    struct broker_info now;
    bool all_have = n && well == n, required = false;

    if (one->all->broker == BROKER_CONTAINER && (!broker_sharding_required(c, one->broker, &required) || required))
        return;                              /* it is to be cleaved yet */
    if (text_to_int(one->all->options->handoff_delete, &enough) && enough > 0)
        all_have = (int64_t)well >= enough;
    if (all_have && broker_info(c, one->broker, &now) && now.max_row == one->info.max_row)
        erase(c, one);
}

static void replicate_open(struct ctx *c, struct replicated *one, const struct job *job)
{
    int64_t age = one->all->round->settings->reclaim_age, now = clock_us() / 10;
    struct timestamp before = { .raw = now - age * 100000 }, long_before = { .raw = now - age * 200000 };
    uint8_t digest[16];
    bool here, strayed;
    size_t n, well;

    if (!broker_reclaim(c, one->broker, before, long_before) || !broker_info(c, one->broker, &one->info))
        return;
    hash_path(one->info.account, one->info.container, NULL, digest);
    one->partition = ring_partition(one->all->ring, digest);
    strayed = one->partition != job->partition;
    if (strayed)
        log_error(c, "swift: found %s when it should be on partition %u; will replicate out and remove.", job->path, one->partition);
    if (is_reclaimable(c, one, before)) {
        if (account_is_told(one))
            erase(c, one);
        return;
    }
    if (one->all->broker == BROKER_CONTAINER && !one->all->is_late && !strcmp(one->info.account, MISPLACED_ACCOUNT)) {
        replicator_add_late(one->all, job->path, job->partition, job->device_id);
        return;
    }
    well = bring(c, one, job->device_id, &n, &here);
    here = here && !strayed;
    one->well = well + here;
    one->n = n + here;
    if (one->all->broker == BROKER_CONTAINER && one->all->feeds)
        misplaced_feed(c, one, one->well * 2 > one->n);
    if (one->all->broker == BROKER_CONTAINER)
        sync_store_update(c, one->broker);
    if (!here && !daemon_stops())
        remove_handoff(c, one, well, n);
}

bool replicate_database(struct ctx *c, struct replicator *all, const char *path, uint32_t partition, int device_id, size_t *ret_well, size_t *ret_n)
{
    struct job job = { all, (char *)(uintptr_t)path, partition, device_id };
    struct replicated one = { .all = all, .partition = partition };
    g_autofree char *base = g_path_get_basename(path);

    *ret_well = *ret_n = 0;
    one.hash = ctx_strndup(c, base, 32);
    one.broker = broker_open_file(c, all->broker, path);
    if (one.broker)
        replicate_open(c, &one, &job);
    broker_done(one.broker);
    *ret_well = one.well;
    *ret_n = one.n;
    return !failed(c);
}

void replicator_begin(struct ctx *c, struct replicator *all)
{
    all->ring = ring_get(c, storage_ring(all->kind));
    all->failure_nodes = json_object();
    all->late = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, job_free);
    pthread_mutex_init(&all->lock, NULL);
}

void replicator_end(struct replicator *all)
{
    g_hash_table_destroy(all->late);
    json_decref(all->failure_nodes);
    pthread_mutex_destroy(&all->lock);
}

static void replicate_one(struct ctx *c, void *data)
{
    struct job *job = data;
    struct replicated one = { .all = job->all, .partition = job->partition };
    g_autofree char *base = g_path_get_basename(job->path);

    replicator_count(job->all, &job->all->stats.attempted);
    one.hash = ctx_strndup(c, base, 32);
    one.broker = broker_open_file(c, job->all->broker, job->path);
    if (one.broker)
        replicate_open(c, &one, job);
    if (failed(c)) {
        const struct ring_device *nodes[MOST_NODES];
        size_t n = ring_primaries(job->all->ring, job->partition, nodes, G_N_ELEMENTS(nodes));

        log_error(c, "%s: %s: %s", job->all->round->daemon->name, job->path, c->fault.message);
        for (size_t i = 0; i < n; i++)
            count_failure(job->all, nodes[i]);
    }
    broker_done(one.broker);
    job_free(job);
}

/* --- which there are ----------------------------------------------------------------------------------------------------------------- */

struct drive {
    struct replicator *all;
    const struct ring_device *device;
};

/* Nobody else has it, and nothing has come. */
static bool may_wait(struct ctx *c, const struct drive *drive, const char *path, uint32_t partition)
{
    const struct ring_device *nodes[MOST_NODES];
    bool here;
    struct stat s;
    const char *pending = ctx_printf(c, "%.*s.db.pending", (int)(strrchr(path, '/') + 33 - path), path);

    return drive->all->changed_since && !other_nodes(drive->all, partition, drive->device->id, nodes, &here) && here &&
           (stat(path, &s) || s.st_mtime < drive->all->changed_since) && (stat(pending, &s) || s.st_mtime < drive->all->changed_since);
}

/* Directories in which nothing is left; not one that somebody is just filling. */
static void remove_empty(const char *path)
{
    g_autofree char *dir = g_strdup(path);
    struct stat s;

    for (int level = 0; level < 3 && !stat(dir, &s) && s.st_mtime < time(NULL) - EMPTY_AGE && !disk.rmdir(dir); level++)
        *strrchr(dir, '/') = '\0';
}

static bool wanted(const struct drive *drive, const char *partition, uint32_t *ret)
{
    const struct ring_device *nodes[MOST_NODES];
    int64_t number;
    bool here;

    if (!text_to_int(partition, &number) || number < 0 || (size_t)number >= drive->all->ring->parts || !round_has_partition(drive->all->round, partition))
        return false;
    *ret = (uint32_t)number;
    if (!drive->all->options->handoffs_only)
        return true;
    other_nodes(drive->all, *ret, drive->device->id, nodes, &here);
    return !here;
}

static bool visit(struct ctx *c, void *data, const char *dir)
{
    struct drive *drive = data;
    const char *hash = strrchr(dir, '/') + 1, *path;
    g_auto(GStrv) pieces = g_strsplit(dir, "/", -1);
    uint32_t partition;

    if (!wanted(drive, pieces[g_strv_length(pieces) - 3], &partition))
        return true;
    path = broker_newest_file(c, dir, hash);
    if (access(path, F_OK)) {
        remove_empty(dir);
        return true;
    }
    if (may_wait(c, drive, path, partition))
        return true;
    if (!drive->all->round->by_hand && !pace_wait(&drive->all->pace, 1))
        return false;
    crew_do(drive->all->crew, replicate_one, job_new(drive->all, path, partition, drive->device->id));
    return true;
}

/* What rsync has left when it was cut short. */
static void remove_old(const char *dir, int64_t age)
{
    GDir *names = g_dir_open(dir, 0, NULL);
    const char *name;
    struct stat s;

    while (names && (name = g_dir_read_name(names))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        if (!stat(path, &s) && S_ISREG(s.st_mode) && s.st_mtime < time(NULL) - age)
            disk.unlink(path);
    }
    if (names)
        g_dir_close(names);
}

static void replicate_drive(struct ctx *c, struct replicator *all, const struct ring_device *device)
{
    struct drive drive = { all, device };
    const char *root = round_device_path(c, device->device);

    remove_old(ctx_printf(c, "%s/tmp", root), all->round->settings->reclaim_age);
    drive_walk(c, ctx_printf(c, "%s/%s", root, all->broker == BROKER_CONTAINER ? "containers" : "accounts"), 2, visit, &drive);
}

/* --- the round ----------------------------------------------------------------------------------------------------------------------- */

/* Once all rows are in the queue, its containers go where they belong. */
static void replicate_late(struct ctx *c, struct replicator *all)
{
    GHashTableIter each;
    void *job;

    all->is_late = true;
    all->crew = crew_new(c, all->round->settings->concurrency);
    g_hash_table_iter_init(&each, all->late);
    while (g_hash_table_iter_next(&each, NULL, &job)) {
        struct job *j = job;

        crew_do(all->crew, replicate_one, job_new(all, j->path, j->partition, j->device_id));
    }
    crew_end(all->crew);
}

json_t *replicator_stats_json(const struct replicator *all, time_t begun)
{
    const struct replicator_stats *s = &all->stats;
    json_t *stats = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "attempted", s->attempted, "success", s->success, "failure",
                              s->failure, "ts_repl", s->ts_repl, "no_change", s->no_change, "hashmatch", s->hashmatch, "rsync", s->rsync, "diff", s->diff,
                              "remove", s->removed, "empty", s->empty, "remote_merge", s->remote_merge, "diff_capped", s->diff_capped, "deferred",
                              s->deferred);

    json_object_set_new(stats, "start", json_real((double)begun));
    json_object_set(stats, "failure_nodes", all->failure_nodes);
    return stats;
}

static void report(struct ctx *c, struct replicator *all, time_t begun)
{
    const struct replicator_stats *s = &all->stats;
    time_t now = time(NULL);
    json_t *stats = replicator_stats_json(all, begun);

    recon_dump(c, all->round, json_pack("{s:o, s:f, s:f}", "replication_stats", stats, "replication_time", difftime(now, begun), "replication_last",
                                        (double)now));
    if (all->stats.failure)
        log_warning(c, "%s: %" G_GINT64_FORMAT " successes, %" G_GINT64_FORMAT " failures", all->round->daemon->name, s->success, s->failure);
}

static void run(struct ctx *c, struct replicator *all)
{
    time_t begun = time(NULL);

    replicator_begin(c, all);
    all->options = all->round->options;
    all->feeds = true;
    all->pace.per_second = all->options->databases_per_second;
    all->crew = crew_new(c, all->round->settings->concurrency);
    for (size_t i = 0; i < all->ring->n_devs && !daemon_stops(); i++)
        if (all->ring->devs[i] && replicator_is_own(all->round, all->kind, all->ring->devs[i]))
            replicate_drive(c, all, all->ring->devs[i]);
    crew_end(all->crew);
    replicate_late(c, all);
    report(c, all, begun);
    replicator_end(all);
}

/* When the last round began, and the last that looked at everything. */
struct rounds { time_t last, last_full; };

static bool run_kind(struct ctx *c, const struct round *round, enum storage_kind kind, enum broker_kind broker, struct rounds *rounds)
{
    struct replicator all = { .round = round, .kind = kind, .broker = broker };
    time_t now = time(NULL);
    bool full = round->by_hand || now - rounds->last_full >= FULL_ROUND;

    all.changed_since = full ? 0 : rounds->last - 1;
    run(c, &all);
    rounds->last = now;
    if (full)
        rounds->last_full = now;
    return true;
}

static bool run_accounts(struct ctx *c, const struct round *round)
{
    static struct rounds rounds;

    return run_kind(c, round, STORAGE_ACCOUNT, BROKER_ACCOUNT, &rounds);
}

static bool run_containers(struct ctx *c, const struct round *round)
{
    static struct rounds rounds;

    return run_kind(c, round, STORAGE_CONTAINER, BROKER_CONTAINER, &rounds);
}

const struct daemon account_replicator = { .name = "account-replicator", .kind = STORAGE_ACCOUNT, .interval = 30, .concurrency = 8, .run = run_accounts,
                                           .options = account_options, .options_size = sizeof(struct replicator_options) };
const struct daemon container_replicator = { .name = "container-replicator", .kind = STORAGE_CONTAINER, .interval = 30, .concurrency = 8,
                                             .run = run_containers, .options = container_options,
                                             .options_size = sizeof(struct replicator_options) };
