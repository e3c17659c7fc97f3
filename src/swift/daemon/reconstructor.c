/* The object reconstructor. A partition that belongs to a device holds one fragment of each object; its neighbours are told what is there, and
 * what they lack is rebuilt for them out of all others'. Fragments that belong elsewhere go to where they belong, and then from here. */
#include "swift/daemon/reconstructor.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/daemon/crew.h"
#include "swift/daemon/object_replicator.h"
#include "swift/disk/io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MOST (64 << 20)
#define LOCK_US (G_USEC_PER_SEC / 5)
#define COMMIT_WINDOW 60             /* seconds in which a fragment may still become durable */

static const struct attr option_attrs[] = {
    ATTR(struct reconstructor_options, http_timeout, 0, .min = 1, .unset = "60", .help = "Seconds for an answer of REPLICATE and within SSYNC."),
    ATTR(struct reconstructor_options, rebuild_handoff_node_count, 0, .unset = "2", .help = "How many handoffs may get a fragment whose primary's drive is not mounted; -1: all."),
    ATTR(struct reconstructor_options, quarantine_threshold, 0, .min = 0, .unset = "0", .help = "So many fragments, when no others are found, are quarantined."),
    ATTR(struct reconstructor_options, quarantine_age, 0, .unset = "", .help = "Seconds after which that may be; reclaim_age when empty."),
    ATTR(struct reconstructor_options, request_node_count, 0, .unset = "2 * replicas", .help = "How many nodes are asked before."),
    ATTR(struct reconstructor_options, max_objects_per_revert, 0, .min = 0, .unset = "0", .help = "No more leave a handoff in one round; 0: all."),
    ATTR(struct reconstructor_options, reconstructor_workers, 0, .min = 0, .unset = "0", .help = "So many times concurrency are at work at once, at most for each device once; recon has a row a device."),
    ATTR(struct reconstructor_options, stats_interval, 0, .min = 0, .unset = "300", .help = "Seconds between what is logged of a pass."),
    ATTR(struct reconstructor_options, handoffs_only, 0, .unset = "false", .help = "Only what belongs elsewhere is looked at."),
    ATTR(struct reconstructor_options, handoffs_first, 0, .unset = "false", .help = "The old name of handoffs_only."),
    {}
};

/* --- hashes -------------------------------------------------------------------------------------------------------------------------------- */

struct rows { struct suffix_hash *list; size_t n; };

static int compare(const void *a, const void *b)
{
    const struct suffix_hash *x = a, *y = b;
    int compared = strcmp(x->suffix, y->suffix);

    return compared ? compared : x->fragment - y->fragment;
}

/* "" where there is none. */
static const char *hash_of(const struct rows *rows, const char *suffix, int fragment)
{
    struct suffix_hash key = { .fragment = fragment };
    const struct suffix_hash *found;

    g_strlcpy(key.suffix, suffix, sizeof(key.suffix));
    found = rows->n ? bsearch(&key, rows->list, rows->n, sizeof(key), compare) : NULL;
    return found ? found->hash : "";
}

static bool hash_again(struct ctx *c, const struct reconstructed *p, const char *const *suffixes, struct rows *ret)
{
    return hashes_get(c, p->dir, p->policy, suffixes, p->all->round->settings->reclaim_age, &ret->list, &ret->n, NULL);
}

/* All suffixes, also those that nobody has told of. */
static bool hash_all(struct ctx *c, const struct reconstructed *p, struct rows *ret)
{
    const char *const *there = partition_suffixes(c, p->dir);
    const char **unknown;
    size_t n = 0, k = 0;

    if (!hash_again(c, p, NULL, ret))
        return false;
    while (there[n])
        n++;
    unknown = ctx_new_n(c, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;

        while (at < ret->n && strcmp(ret->list[at].suffix, there[i]))
            at++;
        if (at == ret->n)
            unknown[k++] = there[i];
    }
    return !k || hash_again(c, p, unknown, ret);
}

/* Suffixes in which a node that holds another fragment has not what is here; ends with NULL. */
static const char *const *differing(struct ctx *c, const struct rows *mine, int fragment, const struct rows *theirs, int their_fragment)
{
    const char **list = ctx_new_n(c, const char *, mine->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < mine->n; i++) {
        const char *suffix = mine->list[i].suffix;

        if (i && !strcmp(suffix, mine->list[i - 1].suffix))
            continue;
        if (strcmp(hash_of(mine, suffix, -1), hash_of(theirs, suffix, -1)) ||
            strcmp(hash_of(mine, suffix, fragment), hash_of(theirs, suffix, their_fragment)))
            list[n++] = suffix;
    }
    return list;
}

/* --- what belongs here -------------------------------------------------------------------------------------------------------------------------- */

static struct ssync_job job_to(const struct reconstructed *p, const struct ring_device *to, int fragment, int their_fragment, const char *const *suffixes)
{
    const struct daemon_settings *s = p->all->round->settings;

    return (struct ssync_job){ .device = p->own->device, .policy = p->policy, .partition = p->partition, .suffixes = suffixes, .to = to,
                               .reclaim_age = s->reclaim_age, .conn_timeout = s->conn_timeout, .node_timeout = s->node_timeout,
                               .http_timeout = (double)p->all->options->http_timeout, .user_agent = "object-reconstructor", .fragment = fragment,
                               .backend_index = their_fragment };
}

/* The status; 200 with its hashes. */
static int ask_hashes(struct ctx *c, const struct reconstructed *p, const struct ring_device *node, struct rows *ret)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct headers h = {};
    char *body;
    size_t n;
    int status;

    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", p->policy->index);
    status = node_call(c, p->all->round, &(struct node_request){ .kind = STORAGE_OBJECT, .node = node, .partition = p->partition, .method = "REPLICATE",
                                                                  .headers = &h }, &response);
    body = response_take_all(c, &response, ANSWER_MOST, &n);
    if (status == 200 && (!body || !hashes_unpickle(c, body, n, &ret->list, &ret->n)))
        status = 0;
    if (status != 200)
        log_error(c, "swift: REPLICATE of %s:%d/%s/%u answered %d", node->replication_ip, node->replication_port, node->device, p->partition, status);
    return status;
}

/* The node that is to hold a primary's fragment: itself, or while its drive is not mounted a handoff. NULL: none answers. */
static const struct ring_device *holder(struct ctx *c, const struct reconstructed *p, size_t index, struct rows *ret_hashes)
{
    int fragment = policy_fragment_of(p->policy, (int)index), status = ask_hashes(c, p, p->primaries[index], ret_hashes);
    int64_t left = p->all->options->rebuild_handoff_node_count;
    const struct ring_device *node;
    struct ring_walk walk;
    int at = 0;

    if (status != 507)
        return status == 200 ? p->primaries[index] : NULL;
    ring_walk_init(c, &walk, p->ring, p->partition);
    while (left && (node = ring_walk_next(c, &walk))) {
        if (policy_fragment_of(p->policy, at++) != fragment)
            continue;
        left--;
        status = ask_hashes(c, p, node, ret_hashes);
        if (status != 507)
            return status == 200 ? node : NULL;
    }
    return NULL;
}

static void tell_partner(struct ctx *c, const struct reconstructed *p, size_t index)
{
    int mine = policy_fragment_of(p->policy, p->index), fragment = policy_fragment_of(p->policy, (int)index);
    struct rows local = { p->hashes, p->n_hashes }, theirs = {};
    const struct ring_device *node = holder(c, p, index, &theirs);
    struct rebuild rebuild = { p, node, fragment };
    const char *const *suffixes;
    struct ssync_result result;
    struct ssync_job job;

    if (!node)
        return;
    suffixes = differing(c, &local, mine, &theirs, fragment);
    if (!*suffixes || !hash_again(c, p, suffixes, &local))
        return;
    job = job_to(p, node, mine, fragment, differing(c, &local, mine, &theirs, fragment));
    job.build = rebuild_fragment;
    job.build_data = &rebuild;
    ssync_send(c, &job, &result);
}

/* Those beside it, and one on the other side. */
static void tell_partners(struct ctx *c, const struct reconstructed *p)
{
    size_t n = p->n_primaries, i = (size_t)p->index, partners[] = { (i + n - 1) % n, (i + 1) % n, (i + n / 2) % n };

    for (size_t k = 0; k < G_N_ELEMENTS(partners) && !daemon_stops(); k++)
        if (partners[k] != i)
            tell_partner(c, p, partners[k]);
}

/* --- what belongs elsewhere ---------------------------------------------------------------------------------------------------------------------- */

struct revert {
    const struct reconstructed *p;
    int fragment;                    /* -1: suffixes without data */
    const char **suffixes; size_t n_suffixes;
};

static size_t data_files(struct ctx *c, const struct reconstructed *p, const char *hash_dir, struct timestamp when, size_t *ret_of_time)
{
    struct disk_wish any = { .fragment = -1, .undurable = true };
    struct disk_files f;

    *ret_of_time = 0;
    if (!disk_files_list(c, &f, hash_dir, p->policy, &any, (struct timestamp){}))
        return 0;
    for (size_t i = 0; i < f.n_fragments; i++)
        *ret_of_time += !timestamp_compare(f.fragments[i].time, when);
    return f.n_fragments;
}

/* One object that the others have now. */
static void give_away(struct ctx *c, const struct revert *r, const struct ssync_offer *o)
{
    struct disk_place place = { .device_path = round_device_path(c, r->p->own->device), .policy = r->p->policy, .partition = r->p->partition };
    struct timestamp meta = {};
    size_t all, of_time;

    if (!hex_read(o->hash, place.digest, sizeof(place.digest)))
        return;
    all = data_files(c, r->p, disk_place_dir(c, &place), o->data, &of_time);
    if (r->p->index < 0 && all <= 1 && of_time == all)       /* the last of it here: what was posted to it goes as well */
        meta = o->meta;
    disk_purge(c, &place, o->data, r->fragment, meta, o->durable ? 0 : COMMIT_WINDOW);
}

static void give_all_away(struct ctx *c, const struct revert *r, GHashTable *objects)
{
    GHashTableIter each;
    void *hash, *offer;

    g_hash_table_iter_init(&each, objects);
    while (g_hash_table_iter_next(&each, &hash, &offer))
        give_away(c, r, offer);
    for (size_t i = 0; i < r->n_suffixes; i++)
        disk.rmdir(ctx_printf(c, "%s/%s", r->p->dir, r->suffixes[i]));
}

/* Where a fragment belongs; where there is none, some of all, so that a tombstone is not lost with one of them. */
static size_t homes(const struct revert *r, size_t *ret)
{
    const struct storage_policy *policy = r->p->policy;
    size_t n = 0, all = r->p->n_primaries, sample = all - (size_t)policy->ec_data + 1;

    if (r->fragment >= 0) {
        for (size_t i = (size_t)r->fragment; i < all; i += (size_t)policy_fragments(policy))
            ret[n++] = i;
        return n;
    }
    for (size_t from = (size_t)random_below(all); n < MIN(sample, all); n++)
        ret[n] = (from + n) % all;
    return n;
}

static void count_remaining(struct reconstruction *all)
{
    pthread_mutex_lock(&all->lock);
    all->handoffs_remaining++;
    pthread_mutex_unlock(&all->lock);
}

static void send_home(struct ctx *c, const struct revert *r)
{
    GHashTable *objects = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_destroy);
    size_t to[MOST_REPLICAS], n = homes(r, to), told = 0;
    int lock = ssync_lock_partition(c, r->p->dir, LOCK_US);
    bool limited = false;

    if (lock < 0) {                  /* somebody sends to this partition just now */
        count_remaining(r->p->all);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct ssync_job job = job_to(r->p, r->p->primaries[to[i]], r->fragment, policy_fragment_of(r->p->policy, (int)to[i]), r->suffixes);
        struct ssync_result result;
        GHashTableIter each;
        void *hash, *offer;

        job.include_non_durable = true;
        job.max_objects = (size_t)r->p->all->options->max_objects_per_revert;
        if (!ssync_send(c, &job, &result))
            continue;
        told++;
        limited = limited || result.limited;
        g_hash_table_iter_init(&each, result.in_sync);
        while (g_hash_table_iter_next(&each, &hash, &offer))
            g_hash_table_insert(objects, hash, offer);
    }
    if (told == n)
        give_all_away(c, r, objects);
    if (told < n || limited)
        count_remaining(r->p->all);
    close(lock);
}

/* --- a partition ------------------------------------------------------------------------------------------------------------------------------------ */

static void add_suffix(struct ctx *c, struct revert *r, const struct rows *rows, const char *suffix)
{
    if (!r->suffixes)
        r->suffixes = ctx_new_n(c, const char *, rows->n + 1);
    r->suffixes[r->n_suffixes++] = suffix;
}

/* Sorts the suffixes by the fragments that are in them; [ERASURE_MOST]: those without. Row 0 of a suffix is what all share. */
static void sort_suffixes(struct ctx *c, const struct rows *rows, struct revert reverts[ERASURE_MOST + 1])
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct suffix_hash *row = &rows->list[i];
        bool alone = (!i || strcmp(rows->list[i - 1].suffix, row->suffix)) && (i + 1 == rows->n || strcmp(rows->list[i + 1].suffix, row->suffix));

        if (row->fragment >= 0)
            add_suffix(c, &reverts[row->fragment], rows, row->suffix);
        else if (alone && *row->hash)
            add_suffix(c, &reverts[ERASURE_MOST], rows, row->suffix);
    }
}

/* Nothing of it belongs here, and there is nothing in it. */
static void remove_partition(struct ctx *c, const char *dir)
{
    static const char *const names[] = { "hashes.pkl", "hashes.invalid", ".lock", ".lock-replication" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        disk.unlink(ctx_printf(c, "%s/%s", dir, names[i]));
    if (!disk.rmdir(dir))
        log_info(c, "swift: removed the partition %s", dir);
}

static void reconstruct_partition(struct ctx *c, struct reconstructed *p)
{
    struct revert reverts[ERASURE_MOST + 1] = {};
    int own = p->index < 0 ? -1 : policy_fragment_of(p->policy, p->index), most = -1;
    struct rows rows = {};
    bool any = false;

    if (!hash_all(c, p, &rows)) {
        log_error(c, "swift: the suffixes of %s cannot be hashed", p->dir);
        return;
    }
    p->hashes = rows.list;
    p->n_hashes = rows.n;
    sort_suffixes(c, &rows, reverts);
    for (int f = 0; f <= ERASURE_MOST; f++) {
        reverts[f].p = p;
        reverts[f].fragment = f < ERASURE_MOST ? f : -1;
        any = any || reverts[f].n_suffixes;
        if (f < ERASURE_MOST && f != own && reverts[f].n_suffixes && (most < 0 || reverts[f].n_suffixes < reverts[most].n_suffixes))
            most = f;
    }
    if (own >= 0 && !p->all->options->handoffs_only)
        tell_partners(c, p);
    else if (own < 0 && most >= 0)           /* what has no data goes with what has */
        for (size_t i = 0; i < reverts[ERASURE_MOST].n_suffixes; i++)
            add_suffix(c, &reverts[most], &rows, reverts[ERASURE_MOST].suffixes[i]);
    for (int f = 0; f < ERASURE_MOST && !daemon_stops(); f++)
        if (f != own && reverts[f].n_suffixes)
            send_home(c, &reverts[f]);
    if (own < 0 && most < 0 && reverts[ERASURE_MOST].n_suffixes)
        send_home(c, &reverts[ERASURE_MOST]);
    if (own < 0 && !any)
        remove_partition(c, p->dir);
}

static void work(struct ctx *c, void *data)
{
    struct reconstructed *p = data;

    if (daemon_stops() || ring_get_newest(c, p->policy->ring) != p->ring)       /* a new ring: the next round */
        return;
    reconstruct_partition(c, p);
    progress_step(c, &p->all->progress);
}

/* --- a round -------------------------------------------------------------------------------------------------------------------------------------------- */

static void add_partition(struct ctx *c, GPtrArray *jobs, const struct reconstructed *like, const char *objects, const char *name)
{
    struct reconstructed *p;
    int64_t partition;

    if (!text_to_int(name, &partition) || !round_has_partition(like->all->round, name) || partition < 0 || (uint64_t)partition >= like->ring->parts)
        return;
    p = ctx_new(c, struct reconstructed);
    *p = *like;
    p->partition = (uint32_t)partition;
    p->dir = ctx_printf(c, "%s/%s", objects, name);
    p->index = -1;
    p->n_primaries = ring_primaries(p->ring, p->partition, p->primaries, MOST_REPLICAS);
    for (size_t i = 0; i < p->n_primaries; i++)
        if (p->primaries[i] == p->own)
            p->index = (int)i;
    if (g_file_test(p->dir, G_FILE_TEST_IS_DIR) && (p->index < 0 || !p->all->options->handoffs_only))
        g_ptr_array_add(jobs, p);
}

static void add_device(struct ctx *c, GPtrArray *jobs, const struct reconstructed *like)
{
    struct swift_request r = { .device = like->own->device };
    struct swift_response no = RESPONSE_EMPTY;
    const char *device = storage_device(c, &r, &no), *objects, *name;
    GDir *dir;

    response_clear(&no);
    if (!text_in(like->own->device, like->all->round->devices) && !like->all->round->whole)
        return;
    if (!device) {
        log_warning(c, "swift: %s is not mounted", like->own->device);
        return;
    }
    objects = ctx_printf(c, "%s/%s", device, policy_dir(c, "objects", like->policy));
    dir = g_dir_open(objects, 0, NULL);
    while (dir && (name = g_dir_read_name(dir)))
        add_partition(c, jobs, like, objects, name);
    if (dir)
        g_dir_close(dir);
}

static void add_policy(struct ctx *c, struct reconstruction *all, GPtrArray *jobs, const struct storage_policy *policy)
{
    const struct ring *ring;

    if (policy->type != POLICY_ERASURE || !round_has_policy(c, all->round, policy))
        return;
    ring = ring_get_newest(c, policy->ring);
    if (ring->next_part_power >= 0) {
        log_warning(c, "swift: the part power of policy %s is being changed: it is not reconstructed", policy->name);
        return;
    }
    for (size_t i = 0; i < ring->n_devs; i++)
        if (ring->devs[i] && storage_is_local(STORAGE_OBJECT, ring->devs[i]))
            add_device(c, jobs, &(struct reconstructed){ .all = all, .policy = policy, .ring = ring, .own = ring->devs[i] });
}

static void shuffle(GPtrArray *jobs)
{
    for (guint i = jobs->len; i > 1; i--) {
        guint k = (guint)random_below(i);
        void *one = jobs->pdata[i - 1];

        jobs->pdata[i - 1] = jobs->pdata[k];
        jobs->pdata[k] = one;
    }
}

/* Devices that have something, by name. */
static GHashTable *devices_of(struct ctx *c, const GPtrArray *jobs)
{
    GHashTable *names = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_destroy);

    for (guint i = 0; i < jobs->len; i++)
        g_hash_table_add(names, ((const struct reconstructed *)jobs->pdata[i])->own->device);
    return names;
}

/* With workers a row a device; else there are none. */
static void tell_recon(struct ctx *c, const struct reconstruction *all, GHashTable *devices, int64_t began_us)
{
    double minutes = (double)(clock_us() - began_us) / 6e7, now = (double)clock_us() / 1e6;
    json_t *said = json_pack("{s:f, s:f}", "object_reconstruction_time", minutes, "object_reconstruction_last", now), *rows = json_object();
    GHashTableIter each;
    void *name;

    g_hash_table_iter_init(&each, devices);
    while (all->options->reconstructor_workers > 0 && g_hash_table_iter_next(&each, &name, NULL))
        json_object_set_new(rows, name, json_pack("{s:f, s:f}", "object_reconstruction_time", minutes, "object_reconstruction_last", now));
    recon_dump(c, all->round, json_pack("{s:{}}", "object_reconstruction_per_disk"));
    if (json_object_size(rows))
        json_object_set(said, "object_reconstruction_per_disk", rows);
    json_decref(rows);
    recon_dump(c, all->round, said);
}

static void work_off(struct ctx *c, struct reconstruction *all, const GPtrArray *jobs, int64_t devices)
{
    int64_t workers = MIN(all->options->reconstructor_workers, devices);
    struct crew *crew = crew_new(c, all->round->settings->concurrency * MAX(workers, 1));

    progress_begin(&all->progress, "reconstructed", jobs->len, all->options->stats_interval);
    for (guint i = 0; i < jobs->len && !daemon_stops(); i++)
        crew_do(crew, work, jobs->pdata[i]);
    crew_end(crew);
    progress_end(c, &all->progress);
}

static bool reconstruct(struct ctx *c, const struct round *round)
{
    struct reconstructor_options options = *(const struct reconstructor_options *)round->options;
    struct reconstruction all = { .round = round, .options = &options };
    GPtrArray *jobs = g_ptr_array_new();
    int64_t began = clock_us();
    GHashTable *devices;

    options.handoffs_only = options.handoffs_only || options.handoffs_first;
    pthread_mutex_init(&all.lock, NULL);
    for (size_t i = 0; i < policies_count(); i++)
        add_policy(c, &all, jobs, policy_at(i));
    shuffle(jobs);
    devices = devices_of(c, jobs);
    work_off(c, &all, jobs, g_hash_table_size(devices));
    if (options.handoffs_only)
        log_warning(c, all.handoffs_remaining ? "swift: handoffs_only: handoffs remain for the next round"
                                              : "swift: handoffs_only: no handoffs remain; it should be turned off once no node has any");
    if (round->whole && !daemon_stops())
        tell_recon(c, &all, devices, began);
    pthread_mutex_destroy(&all.lock);
    g_ptr_array_free(jobs, TRUE);
    return true;
}

const struct daemon object_reconstructor = { .name = "object-reconstructor", .kind = STORAGE_OBJECT, .interval = 30, .pauses = true, .options = option_attrs,
                                             .options_size = sizeof(struct reconstructor_options), .run = reconstruct };
