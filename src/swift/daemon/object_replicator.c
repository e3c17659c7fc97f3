/* The object replicator: each partition that lies here is compared, by the hashes of its suffixes, with where else it should lie, and what
 * differs is sent there. */
#include "swift/daemon/object_replicator.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/daemon/crew.h"
#include "swift/disk/diskfile.h"
#include "swift/disk/io.h"
#include "swift/proxy/backend.h"
#include "swift/ssync/ssync.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MOST (16 << 20)
#define CYCLES 10

static const struct attr option_attrs[] = {
    ATTR(struct object_replicator_options, sync_method, 0, .unset = "rsync", ONE_OF("rsync", "ssync"), .help = "How what differs is sent to another node."),
    ATTR(struct object_replicator_options, rsync_timeout, 0, .min = 1, .unset = "900", .help = "Seconds that one rsync may take."),
    ATTR(struct object_replicator_options, rsync_io_timeout, 0, .unset = "30", .help = "Its --timeout and --contimeout."),
    ATTR(struct object_replicator_options, rsync_bwlimit, 0, .unset = "0", .help = "Its --bwlimit."),
    ATTR(struct object_replicator_options, rsync_module, 0, .unset = "{replication_ip}::object", .help = "Where it sends to: a module of the other node's rsync daemon."),
    ATTR(struct object_replicator_options, rsync_compress, 0, .unset = "false", .help = "Compresses what goes to other regions."),
    ATTR(struct object_replicator_options, handoffs_first, 0, .unset = "false", .help = "Partitions that are not a device's own go first, and while any remain nothing else is done."),
    ATTR(struct object_replicator_options, handoff_delete, 0, .unset = "auto", .help = "How many nodes must have a handoff's partition before it goes; auto: all."),
    ATTR(struct object_replicator_options, replicator_workers, 0, .min = 0, .unset = "0", .help = "So many times concurrency are at work at once, at most for each device once; recon has a row a device."),
    ATTR(struct object_replicator_options, stats_interval, 0, .min = 0, .unset = "300", .help = "Seconds between what is logged of a pass."),
    ATTR(struct object_replicator_options, log_rsync_transfers, 0, .unset = "true", .help = "What rsync says of each file that it sends is logged."),
    ATTR(struct object_replicator_options, rsync_error_log_line_length, 0, .min = 0, .unset = "0", .help = "No more is logged of what has failed; 0: all."),
    ATTR(struct object_replicator_options, http_timeout, 0, .min = 1, .unset = "60", .help = "Seconds for an answer of REPLICATE and within SSYNC."),
    {}
};

/* --- asking and sending -------------------------------------------------------------------------------------------------------------- */

int replicate_ask(struct ctx *c, const struct replication *r, const struct ring_device *to, const char *const *suffixes, char **ret_body, size_t *ret_n)
{
    const struct daemon_settings *s = r->pass->round->settings;
    struct swift_response response = RESPONSE_EMPTY;
    struct headers h = {};
    struct backend_call call = { .kind = STORAGE_OBJECT, .node = { .device = to, .replication = true }, .partition = r->partition, .method = "REPLICATE",
                                 .headers = &h, .connect_timeout_us = (int64_t)(s->conn_timeout * G_USEC_PER_SEC),
                                 .timeout_us = r->pass->options->http_timeout * G_USEC_PER_SEC };
    char *body;
    int status;

    if (suffixes)
        call.account = g_strjoinv("-", (char **)(uintptr_t)suffixes);
    if (call.account)
        ctx_own(c, (void *)(uintptr_t)call.account, g_free);
    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", r->policy->index);
    headers_printf(c, &h, "User-Agent", "%s %d", r->pass->round->daemon->name, getpid());
    backend_do(c, &call, &response);
    status = response.status;
    body = response_take_all(c, &response, ANSWER_MOST, ret_n);
    if (ret_body)
        *ret_body = body;
    return body || !ret_body ? status : 0;
}

/* A device of this process needs no rsync daemon. */
bool replicates_by_ssync(const struct replication *r, const struct ring_device *to)
{
    return !strcmp(r->pass->options->sync_method, "ssync") || storage_is_local(STORAGE_OBJECT, to);
}

static bool send_by_ssync(struct ctx *c, const struct replication *r, const struct ring_device *to, const char *const *suffixes, const GHashTable *only,
                          GHashTable **ret_in_sync)
{
    const struct daemon_settings *s = r->pass->round->settings;
    struct ssync_job job = { .device = r->own->device, .policy = r->policy, .partition = r->partition, .suffixes = suffixes, .to = to, .only = only,
                             .reclaim_age = s->reclaim_age, .conn_timeout = s->conn_timeout, .node_timeout = s->node_timeout,
                             .http_timeout = (double)r->pass->options->http_timeout, .user_agent = r->pass->round->daemon->name,
                             .fragment = -1, .backend_index = -1 };
    struct ssync_result result;
    bool well = ssync_send(c, &job, &result);

    if (ret_in_sync)
        *ret_in_sync = result.in_sync;
    return well;
}

bool replicate_suffixes(struct ctx *c, const struct replication *r, const struct ring_device *to, const char *const *suffixes, const GHashTable *only,
                        GHashTable **ret_in_sync)
{
    size_t n;
    bool well;

    if (replicates_by_ssync(r, to))
        return send_by_ssync(c, r, to, suffixes, only, ret_in_sync);
    if (ret_in_sync)
        *ret_in_sync = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_destroy);
    well = rsync_push(c, r, to, suffixes);
    if (well || !r->handoff)         /* what it was sent is to be hashed there */
        replicate_ask(c, r, to, suffixes, NULL, &n);
    return well;
}

/* --- a partition that belongs here ---------------------------------------------------------------------------------------------------- */

struct hashes { struct suffix_hash *list; size_t n; };

static bool hash_again(struct ctx *c, const struct replication *r, const char *const *suffixes, struct hashes *ret)
{
    int64_t hashed = 0;
    bool well = hashes_get(c, r->dir, r->policy, suffixes, r->pass->round->settings->reclaim_age, &ret->list, &ret->n, &hashed);

    pass_count(r->pass, &r->stats->suffix_hash, hashed);
    return well;
}

static const struct suffix_hash *find(const struct hashes *all, const char *suffix)
{
    for (size_t i = 0; i < all->n; i++)
        if (!strcmp(all->list[i].suffix, suffix))
            return &all->list[i];
    return NULL;
}

/* In every tenth pass also suffixes are seen that nobody has told of. */
static bool hash_all(struct ctx *c, const struct replication *r, struct hashes *ret)
{
    const char *const *there;
    const char **unknown;
    size_t n = 0, all = 0;

    if (!hash_again(c, r, NULL, ret))
        return false;
    if ((r->partition + (uint32_t)r->pass->cycle) % CYCLES)
        return true;
    there = partition_suffixes(c, r->dir);
    while (there[all])
        all++;
    unknown = ctx_new_n(c, const char *, all + 1);
    for (size_t i = 0; i < all; i++)
        if (!find(ret, there[i]))
            unknown[n++] = there[i];
    return !n || hash_again(c, r, unknown, ret);
}

/* Suffixes that are other there; ends with NULL. */
static const char *const *differing(struct ctx *c, const struct hashes *mine, const struct hashes *theirs, size_t *ret_n)
{
    const char **list = ctx_new_n(c, const char *, mine->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < mine->n; i++) {
        const struct suffix_hash *other = find(theirs, mine->list[i].suffix);

        if (!other || strcmp(other->hash, mine->list[i].hash))
            list[n++] = mine->list[i].suffix;
    }
    *ret_n = n;
    return list;
}

enum told { TOLD_SAME, TOLD_SENT, TOLD_FAILED, TOLD_UNMOUNTED };

static enum told tell(struct ctx *c, const struct replication *r, const struct ring_device *node, struct hashes *mine)
{
    struct hashes theirs = {};
    const char *const *suffixes;
    size_t n;
    char *body;
    int status = replicate_ask(c, r, node, NULL, &body, &n);

    if (status != 200)
        log_error(c, "swift: REPLICATE of %s:%d/%s/%u answered %d", node->replication_ip, node->replication_port, node->device, r->partition, status);
    if (status == 507)
        return TOLD_UNMOUNTED;
    if (status != 200 || !hashes_unpickle(c, body, n, &theirs.list, &theirs.n)) {
        fault_clear(c);
        return TOLD_FAILED;
    }
    suffixes = differing(c, mine, &theirs, &n);
    if (n) {
        if (!hash_again(c, r, suffixes, mine))
            return TOLD_FAILED;
        suffixes = differing(c, mine, &theirs, &n);
    }
    if (!n) {
        pass_count(r->pass, &r->stats->hashmatch, 1);
        return TOLD_SAME;
    }
    pass_count(r->pass, &r->stats->rsync, 1);
    pass_count(r->pass, &r->stats->suffix_sync, (int64_t)n);
    return replicate_suffixes(c, r, node, suffixes, NULL, NULL) ? TOLD_SENT : TOLD_FAILED;
}

/* Of n pointers. */
static void shuffle(void *array, size_t n)
{
    void **all = array;

    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)random_below(i);
        void *one = all[i - 1];

        all[i - 1] = all[k];
        all[k] = one;
    }
}

/* To all other primaries, or in place of those whose drive is not mounted to the handoffs; to one node of each other region. */
static void replicate_own(struct ctx *c, struct replication *r)
{
    struct hashes mine;
    struct failed_nodes failures = {};
    struct ring_walk handoffs;
    bool walking = false;
    GHashTable *regions = ctx_own(c, g_hash_table_new(NULL, NULL), (void (*)(void *))g_hash_table_destroy);
    size_t left = r->n_nodes, at = 0, targets = 0;

    if (!hash_all(c, r, &mine)) {
        log_error(c, "swift: the suffixes of %s cannot be hashed", r->dir);
        return;
    }
    shuffle(r->nodes, r->n_nodes);
    for (; left > 0 && !daemon_stops(); left--) {
        const struct ring_device *node;
        enum told told;

        if (at >= r->n_nodes && !walking) {
            ring_walk_init(c, &handoffs, r->ring, r->partition);
            walking = true;
        }
        node = at < r->n_nodes ? r->nodes[at++] : ring_walk_next(c, &handoffs);
        if (!node) {
            log_error(c, "swift: no handoffs are left for %s", r->dir);
            break;
        }
        targets++;
        if (g_hash_table_contains(regions, GINT_TO_POINTER(node->region)))
            continue;
        told = tell(c, r, node, &mine);
        if (told == TOLD_UNMOUNTED)
            left++;
        if (told == TOLD_UNMOUNTED || told == TOLD_FAILED)
            failed_add(&failures, node);
        if (told == TOLD_SENT && node->region != r->own->region)
            g_hash_table_add(regions, GINT_TO_POINTER(node->region));
    }
    pass_count(r->pass, &r->stats->suffix_count, (int64_t)mine.n);
    pass_count_failures(r->pass, r->stats, &failures, (int64_t)(targets - MIN(targets, failures.n)));
}

/* --- which partitions ------------------------------------------------------------------------------------------------------------------ */

static bool is_drive(struct ctx *c, const char *device)
{
    struct swift_request r = { .device = device };
    struct swift_response no = RESPONSE_EMPTY;
    bool is = storage_device(c, &r, &no) != NULL;

    response_clear(&no);
    return is;
}

static void all_failed(struct pass *pass, struct object_replicator_stats *stats, const struct ring *ring)
{
    for (size_t i = 0; i < ring->n_devs; i++)
        if (ring->devs[i])
            pass_count_failures(pass, stats, &(struct failed_nodes){ .nodes = { ring->devs[i] }, .n = 1 }, 0);
}

static void add_partition(struct ctx *c, struct pass *pass, GPtrArray *jobs, const struct replication *like, const char *objects, const char *name)
{
    const struct ring_device *primaries[REPLICAS_MOST];
    struct replication *r;
    int64_t partition;
    size_t n;

    if (!text_to_int(name, &partition) || !round_has_partition(pass->round, name))
        return;
    if (partition < 0 || (uint64_t)partition >= like->ring->parts) {
        all_failed(pass, like->stats, like->ring);
        return;
    }
    r = ctx_new(c, struct replication);
    *r = *like;
    r->partition = (uint32_t)partition;
    r->dir = ctx_printf(c, "%s/%s", objects, name);
    r->handoff = true;
    n = ring_primaries(r->ring, r->partition, primaries, REPLICAS_MOST);
    for (size_t i = 0; i < n; i++)
        if (primaries[i] != r->own)
            r->nodes[r->n_nodes++] = primaries[i];
        else
            r->handoff = false;
    g_ptr_array_add(jobs, r);
}

static void remove_old(struct ctx *c, const char *path, int64_t age)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    struct stat st;

    while (dir && (name = g_dir_read_name(dir))) {
        const char *file = ctx_printf(c, "%s/%s", path, name);

        if (!stat(file, &st) && S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - age)
            unlink(file);
    }
    if (dir)
        g_dir_close(dir);
}

static void add_device(struct ctx *c, struct pass *pass, GPtrArray *jobs, const struct replication *like)
{
    const char *device = round_device_path(c, like->own->device), *objects = ctx_printf(c, "%s/%s", device, policy_dir(c, "objects", like->policy));
    GDir *dir;
    const char *name;

    if (!text_in(like->own->device, pass->round->devices) && !pass->round->whole)
        return;
    if (!is_drive(c, like->own->device)) {
        log_warning(c, "swift: %s is not mounted", device);
        all_failed(pass, like->stats, like->ring);
        return;
    }
    remove_old(c, ctx_printf(c, "%s/%s", device, policy_dir(c, "tmp", like->policy)), pass->round->settings->reclaim_age);
    disk_make_dirs(objects);         /* where rsync of others may put something */
    dir = g_dir_open(objects, 0, NULL);
    while (dir && (name = g_dir_read_name(dir)))
        add_partition(c, pass, jobs, like, objects, name);
    if (dir)
        g_dir_close(dir);
}

static void add_policy(struct ctx *c, struct pass *pass, GPtrArray *jobs, const struct storage_policy *policy)
{
    const struct ring *ring;

    if (policy->type != POLICY_REPLICATION || !round_has_policy(c, pass->round, policy))
        return;
    ring = ring_get_newest(c, policy->ring);
    if (ring->next_part_power >= 0) {
        log_warning(c, "swift: the part power of policy %s is being changed: it is not replicated", policy->name);
        return;
    }
    for (size_t i = 0; i < ring->n_devs; i++)
        if (ring->devs[i] && storage_is_local(STORAGE_OBJECT, ring->devs[i]))
            add_device(c, pass, jobs, &(struct replication){ .pass = pass, .stats = pass_stats(pass, ring->devs[i]->device), .policy = policy, .ring = ring, .own = ring->devs[i] });
}

/* --- a pass -------------------------------------------------------------------------------------------------------------------------- */

static void work(struct ctx *c, void *data)
{
    struct replication *r = data;
    int64_t began = clock_us();
    struct stat st;

    if (daemon_stops() || r->pass->ring_changed)
        return;
    if (ring_get_newest(c, r->policy->ring) != r->ring) {
        log_info(c, "swift: the ring has changed: this pass of the replicator ends");
        r->pass->ring_changed = true;
        return;
    }
    if (stat(r->dir, &st))
        return;
    if (!S_ISDIR(st.st_mode)) {
        log_warning(c, "swift: removing %s: a file in place of a partition", r->dir);
        unlink(r->dir);
        return;
    }
    pass_count(r->pass, &r->stats->attempted, 1);
    if (r->handoff)
        replicate_handoff(c, r);
    else
        replicate_own(c, r);
    pass_count_time(r->pass, clock_us() - began);
    if (progress_step(c, &r->pass->progress))
        pass_say(c, r->pass);
}

enum which { HANDOFFS = 1, OWN = 2 };

static void work_off(struct ctx *c, const struct pass *pass, const GPtrArray *jobs, unsigned which)
{
    int64_t workers = MIN(pass->options->replicator_workers, (int64_t)g_hash_table_size(pass->devices));
    struct crew *crew = crew_new(c, pass->round->settings->concurrency * MAX(workers, 1));

    for (guint i = 0; i < jobs->len && !daemon_stops(); i++) {
        struct replication *r = jobs->pdata[i];

        if (which & (r->handoff ? HANDOFFS : OWN))
            crew_do(crew, work, r);
    }
    crew_end(crew);
}

static bool replicate(struct ctx *c, const struct round *round)
{
    static int cycle;
    struct pass pass = { .round = round, .options = round->options, .cycle = ++cycle % CYCLES };
    GPtrArray *jobs = g_ptr_array_new();

    pass_init(&pass);
    for (size_t i = 0; i < policies_count(); i++)
        add_policy(c, &pass, jobs, policy_at(i));
    shuffle(jobs->pdata, jobs->len);
    progress_begin(&pass.progress, "replicated", jobs->len, pass.options->stats_interval);
    if (pass.options->handoffs_first)
        work_off(c, &pass, jobs, HANDOFFS);
    if (!pass.options->handoffs_first)
        work_off(c, &pass, jobs, HANDOFFS | OWN);
    else if (pass.handoffs_remaining)
        log_warning(c, "swift: handoffs_first: handoffs remain, nothing else is replicated");
    else
        work_off(c, &pass, jobs, OWN);
    progress_end(c, &pass.progress);
    pass_say(c, &pass);
    if (!daemon_stops()) {
        log_info(c, "swift: object replication complete (%.2f minutes)", (double)(clock_us() - pass.began_us) / 6e7);
        if (round->whole)
            pass_tell_recon(c, &pass);
    }
    pass_clear(&pass);
    g_ptr_array_free(jobs, TRUE);
    return true;
}

const struct daemon object_replicator = { .name = "object-replicator", .kind = STORAGE_OBJECT, .interval = 30, .pauses = true, .options = option_attrs,
                                          .options_size = sizeof(struct object_replicator_options), .run = replicate };
