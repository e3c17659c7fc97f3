/* The container-sharder's round. */
#include "swift/daemon/sharder.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOST_NODES 96

#define O(name, default, text) ATTR(struct sharder_options, name, 0, .unset = default, .help = text)
static const struct attr option_attrs[] = {
    O(shard_container_threshold, "1000000", "Objects from which on a container is to be sharded."),
    O(max_shrinking, "1", "Donors that shrink into one acceptor at a time."),
    O(max_expanding, "-1", "Acceptors at a time; any number when negative."),
    O(shard_scanner_batch_size, "10", "Ranges looked for in one round."),
    O(cleave_batch_size, "2", "Ranges cleaved in one round."),
    O(cleave_row_batch_size, "10000", "Rows cleaved at once."),
    O(recon_candidates_limit, "5", "Candidates that recon shows; all when negative."),
    O(recon_sharded_timeout, "43200", "Seconds recon shows a container that was sharded."),
    O(request_tries, "3", "How often a root is asked."),
    O(stats_interval, "3600", "Seconds between reports."),
    O(auto_shard, "false", "Whether containers are sharded and shrunk without being told."),
    O(shard_shrink_point, "10", "Rows below which a shard shrinks, in per cent of the threshold."),
    O(shard_shrink_merge_point, "75", "Rows up to which an acceptor grows, in per cent of the threshold."),
    O(shrink_threshold, "", "Rows below which a shard shrinks."),
    O(expansion_limit, "", "Rows up to which an acceptor grows."),
    O(rows_per_shard, "", "Objects of a new shard; half the threshold when not set."),
    O(minimum_shard_size, "", "Objects that the last shard has at least; a fifth of rows_per_shard when not set."),
    O(shard_replication_quorum, "auto", "Nodes that must have a new shard before the next range is cleaved."),
    O(existing_shard_replication_quorum, "auto", "The same of a shard that there is already."),
    O(rsync_module, "{replication_ip}::container", "Where another node takes files."),
    {}
};

/* --- limits ---------------------------------------------------------------------------------------------------------------------------- */

static bool percent(struct ctx *c, const char *name, const char *text, int64_t of, int64_t *ret)
{
    char *end;
    double value = strtod(text, &end);

    if (!*text || *end || value < 0 || value > 100)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "[container-sharder] %s: %s is no per cent", name, text));
    *ret = (int64_t)(value / 100 * (double)of);
    return true;
}

static bool given(struct ctx *c, const char *name, const char *text, int64_t least, int64_t *ret)
{
    return !*text || (text_to_int(text, ret) && *ret >= least) || fail(c, INTERNAL_ERROR, ctx_printf(c, "[container-sharder] %s: %s", name, text));
}

static bool in_order(struct ctx *c, const char *a, int64_t x, const char *b, int64_t y, bool equal)
{
    return x < y || (equal && x == y) ||
           fail(c, INTERNAL_ERROR, ctx_printf(c, "%s (%" G_GINT64_FORMAT ") must be %s %s (%" G_GINT64_FORMAT ")", a, x, equal ? "<=" : "<", b, y));
}

bool sharder_limits(struct ctx *c, const struct sharder_options *o, struct sharder_limits *l)
{
    *l = (struct sharder_limits){ .threshold = o->shard_container_threshold, .rows_per_shard = MAX(o->shard_container_threshold / 2, 1) };
    if (!percent(c, "shard_shrink_point", o->shard_shrink_point, l->threshold, &l->shrink_threshold) ||
        !percent(c, "shard_shrink_merge_point", o->shard_shrink_merge_point, l->threshold, &l->expansion_limit) ||
        !given(c, "shrink_threshold", o->shrink_threshold, INT64_MIN, &l->shrink_threshold) ||
        !given(c, "expansion_limit", o->expansion_limit, INT64_MIN, &l->expansion_limit) ||
        !given(c, "rows_per_shard", o->rows_per_shard, 1, &l->rows_per_shard))
        return false;
    l->minimum_shard_size = MAX(l->rows_per_shard / 5, 1);
    return given(c, "minimum_shard_size", o->minimum_shard_size, 1, &l->minimum_shard_size);
}

bool sharder_limits_find(struct ctx *c, const struct sharder_limits *l)
{
    return in_order(c, "minimum_shard_size", l->minimum_shard_size, "rows_per_shard", l->rows_per_shard, true);
}

static bool limits_fit(struct ctx *c, const struct sharder_limits *l)
{
    return sharder_limits_find(c, l) && in_order(c, "shrink_threshold", l->shrink_threshold, "minimum_shard_size", l->minimum_shard_size, true) &&
           in_order(c, "rows_per_shard", l->rows_per_shard, "shard_container_threshold", l->threshold, false) &&
           in_order(c, "expansion_limit", l->expansion_limit, "shard_container_threshold", l->threshold, false);
}

const struct sharder_options *sharder_options_load(struct ctx *c, const struct conf *conf)
{
    return conf_options(c, conf, "container-sharder", option_attrs, sizeof(struct sharder_options));
}

static int64_t quorum_option(const char *text, int64_t auto_value, int64_t replicas)
{
    int64_t value;

    return text_to_int(text, &value) ? MIN(value, replicas) : auto_value;
}

/* --- audit ----------------------------------------------------------------------------------------------------------------------------- */

static bool audit_root(struct ctx *c, struct sharding *s, bool *ret_well)
{
    struct shard_list shards;
    struct shard_gaps gaps = {};
    struct shard_range own;
    int64_t overlapping = 0;

    stat_add(s->all, "audit_root", "attempted", 1);
    if (!broker_own_shard(c, s->broker, &own, NULL) || !broker_shards(c, s->broker, &(struct shard_query){}, &shards))
        return false;
    if (own.state == SHARD_SHARDING || own.state == SHARD_SHARDED)
        shard_gaps(c, &shards, &gaps);
    if (own.state == SHARD_SHARDING && gaps.n == 1 && !*gaps.at[0].upper)
        gaps.n = 0;                          /* ranges are found some at a time: the last are not there yet */
    for (size_t i = 0; shard_states[i]; i++) {
        struct shard_list of_state = {};
        struct shard_lists overlaps;

        for (size_t k = 0; shard_states[i] != SHARD_SHRINKING && k < shards.n; k++)
            if (shards.at[k].state == shard_states[i])
                shard_add(c, &of_state, &shards.at[k]);
        shard_overlaps_find(c, &of_state, &overlaps);
        overlapping += (int64_t)overlaps.n;
        if (overlaps.n)
            stat_add(s->all, "audit_root", "has_overlap", 1);
    }
    stat_add(s->all, "audit_root", "num_overlap", overlapping);
    *ret_well = !gaps.n && !overlapping && (timestamp_set(own.epoch) || !broker_epoch(s->broker));
    if (!*ret_well)
        log_warning(c, "container-sharder: audit failed for root %s (%s): %zu missing ranges, %" G_GINT64_FORMAT " overlaps, epoch %s",
                    broker_path(s->broker), broker_name(c, s->broker), gaps.n, overlapping, broker_epoch(s->broker) ? broker_epoch(s->broker) : "none");
    stat_add(s->all, "audit_root", *ret_well ? "success" : "failure", 1);
    return true;
}

/* What the root says of this shard counts; one that is to shrink learns from it who its acceptors are. */
static bool learn_from_root(struct ctx *c, struct sharding *s, struct shard_range *own)
{
    struct shard_list shards = {}, others = {};
    const struct shard_range *mine = NULL;
    const char *query = ctx_printf(c, "marker=%s&end_marker=%s&states=auditing", name_quote(c, own->lower, ""), name_quote(c, own->upper, ""));

    if (!sharder_ask_root(c, s, query, true, &shards)) {
        if (!failed(c) && !own->deleted)
            log_warning(c, "container-sharder: %s: unable to get shard ranges from root", broker_name(c, s->broker));
        return !failed(c);
    }
    for (size_t i = 0; i < shards.n; i++)
        if (!mine && !strcmp(shards.at[i].name, own->name))
            mine = &shards.at[i];
        else
            shard_add(c, &others, &shards.at[i]);
    if (!mine)
        return true;
    if (!broker_merge_shards(c, s->broker, mine, 1) || !broker_own_shard_now(c, s->broker, own, NULL))
        return false;
    return (own->state != SHARD_SHRINKING && own->state != SHARD_SHRUNK) || broker_merge_shards(c, s->broker, others.at, others.n);
}

static bool audit_shard(struct ctx *c, struct sharding *s, bool *ret_well)
{
    struct timestamp now = timestamp_now(), old = { .raw = now.raw - s->all->round->settings->reclaim_age * 100000 };
    struct shard_range own;
    bool stored;

    stat_add(s->all, "audit_shard", "attempted", 1);
    if (!broker_own_shard_now(c, s->broker, &own, &stored))
        return false;
    *ret_well = stored;
    if (!stored) {
        log_warning(c, "container-sharder: audit failed for shard %s (%s): missing own shard range", broker_path(s->broker), broker_name(c, s->broker));
        stat_add(s->all, "audit_shard", "failure", 1);
        return true;
    }
    if (!learn_from_root(c, s, &own))
        return false;
    if ((own.state == SHARD_SHARDED || own.state == SHARD_SHRUNK) && own.deleted && timestamp_compare(own.timestamp, old) < 0 &&
        broker_is_empty(c, s->broker) && !broker_delete(c, s->broker, now))
        return false;
    stat_add(s->all, "audit_shard", "success", 1);
    return !failed(c);
}

static bool forget_contexts(struct ctx *c, struct sharding *s)
{
    int64_t now = timestamp_now().raw / 100000;
    struct cleaving_stored *contexts;
    size_t n;

    if (!cleaving_load_all(c, s->broker, &contexts, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t when = contexts[i].when.raw / 100000;
        bool done = cleaving_is_done(&contexts[i].context) && when + s->all->o->recon_sharded_timeout < now;

        if ((done || when + s->all->round->settings->reclaim_age < now) && !cleaving_remove(c, s->broker, &contexts[i].context))
            return false;
    }
    return true;
}

/* *ret_well false: it is left as it is. */
static bool audit(struct ctx *c, struct sharding *s, bool *ret_well)
{
    *ret_well = true;
    if (broker_is_deleted(c, s->broker, NULL) || failed(c))
        return !failed(c);
    return forget_contexts(c, s) && (s->is_root ? audit_root(c, s, ret_well) : audit_shard(c, s, ret_well));
}

/* --- sharding -------------------------------------------------------------------------------------------------------------------------- */

static bool reopen(struct ctx *c, struct sharding *s)
{
    const char *path = ctx_strdup(c, broker_path(s->broker));

    broker_done(s->broker);
    s->broker = broker_open_newest(c, BROKER_CONTAINER, path);
    return s->broker || fail(c, 500, "DatabaseConnectionError", "%s has gone", path);
}

/* Marks those that are large enough; of an unsharded root its own range. */
static bool enable_large(struct ctx *c, struct sharding *s, const struct shard_list *shards)
{
    struct shard_list large = {};

    for (size_t i = 0; i < shards->n; i++) {
        struct shard_range r = shards->at[i];

        if (!shard_is_large(&r, s->all->limits.threshold))
            continue;
        r.epoch = timestamp_now();
        shard_set_state(&r, SHARD_SHARDING, r.epoch);
        shard_add(c, &large, &r);
    }
    return broker_merge_shards(c, s->broker, large.at, large.n);
}

/* *state becomes BROKER_SHARDING where it is time to begin. */
static bool begin(struct ctx *c, struct sharding *s, bool leads, enum broker_state *state)
{
    struct shard_range own;
    struct shard_list shards;

    if (!broker_own_shard_now(c, s->broker, &own, NULL))
        return false;
    if (leads && s->is_root && (!enable_large(c, s, &(struct shard_list){ &own, 1, 1 }) || !broker_own_shard(c, s->broker, &own, NULL)))
        return false;
    if (own.state < SHARD_SHRINKING)
        return true;
    if (!broker_shards(c, s->broker, &(struct shard_query){}, &shards))
        return false;
    if (!shards.n && !leads)
        return true;                         /* who leads finds ranges first */
    if (broker_set_sharding(c, s->broker))
        *state = BROKER_SHARDING;
    return !failed(c) && (*state != BROKER_SHARDING || reopen(c, s));
}

static bool find_ranges(struct ctx *c, struct sharding *s, size_t *ret_n)
{
    const char *root = broker_root(c, s->broker), *root_account, *root_container, *account, *container;
    struct timestamp now = timestamp_now();
    struct shard_list known, made = {};
    struct found_shard *found;
    struct shard_range own;
    int64_t begun = clock_mono_us();
    bool last;

    *ret_n = 0;
    if (!root || !broker_own_shard(c, s->broker, &own, NULL) || !broker_shards(c, s->broker, &(struct shard_query){}, &known))
        return false;
    if (known.n && shard_uppers(known.at[known.n - 1].upper, own.upper) >= 0)
        return true;
    stat_add(s->all, "scanned", "attempted", 1);
    if (!broker_find_shards(c, s->broker, s->all->limits.rows_per_shard, s->all->o->shard_scanner_batch_size, &known, s->all->limits.minimum_shard_size,
                            &found, ret_n, &last))
        return false;
    stat_add(s->all, "scanned", *ret_n || last ? "success" : "failure", 1);
    if (!*ret_n)
        return true;
    shard_split_name(c, root, &root_account, &root_container);
    shard_split_name(c, broker_name(c, s->broker), &account, &container);
    for (size_t i = 0; i < *ret_n; i++) {
        struct shard_range r = { .name = shard_name(c, ctx_printf(c, SHARDS_PREFIX "%s", root_account), root_container, container, now,
                                                    ctx_printf(c, "%" G_GINT64_FORMAT, found[i].index)),
                                 .timestamp = now, .meta_timestamp = now, .state_timestamp = now, .lower = found[i].lower, .upper = found[i].upper,
                                 .object_count = found[i].object_count, .state = SHARD_FOUND, .tombstones = -1 };

        shard_add(c, &made, &r);
    }
    stat_add(s->all, "scanned", "found", (int64_t)*ret_n);
    stat_span(s->all, "scanned", (double)(clock_mono_us() - begun) / 1e6 / (double)*ret_n);
    return broker_merge_shards(c, s->broker, made.at, made.n);
}

static bool go_on(struct ctx *c, struct sharding *s, bool leads, enum broker_state *state)
{
    size_t found = 0, created = 0, well, n;
    bool complete, sharded;

    if ((leads && !find_ranges(c, s, &found)) || !sharder_create_shards(c, s, &created))
        return false;
    if (found || created) {                  /* the other replicas are to know */
        const char *path = ctx_strdup(c, broker_path(s->broker));

        sharder_replicate(c, s->all, s->broker, s->partition, s->device->id, &well, &n);
        fault_clear(c);
        if (!(s->broker = broker_open_newest(c, BROKER_CONTAINER, path)))
            return failed(c) ? false : fail(c, 500, "DatabaseConnectionError", "%s has gone", path);
    }
    if (!sharder_cleave(c, s, &complete))
        return false;
    if (!complete)
        return true;
    if (!sharder_complete(c, s, &sharded))
        return false;
    if (sharded) {
        *state = BROKER_SHARDED;
        stat_add(s->all, "visited", "completed", 1);
    }
    return true;
}

/* --- shrinking ------------------------------------------------------------------------------------------------------------------------- */

static bool shrink(struct ctx *c, struct sharding *s)
{
    struct shard_lists sequences;
    struct shard_list shards, changed;
    struct shard_range own;

    if (!broker_shards(c, s->broker, &(struct shard_query){}, &shards) || !broker_own_shard_now(c, s->broker, &own, NULL))
        return false;
    shard_compactible(c, &shards, &own, &s->all->compacting, &sequences);
    shard_compact(c, &sequences, &changed);
    if (!broker_merge_shards(c, s->broker, changed.at, changed.n))
        return false;
    for (size_t i = 0; i < sequences.n; i++) {
        struct shard_list *q = &sequences.at[i], donors = { q->at, q->n - 1, q->n - 1 };
        struct shard_range *acceptor = &q->at[q->n - 1];

        if (strcmp(acceptor->name, own.name)) {
            int64_t bytes = 0;

            sharder_tell(c, s->all, acceptor->name, &(struct shard_list){ acceptor, 1, 1 }, NULL);
            for (size_t k = 0; k < donors.n; k++)
                bytes += donors.at[k].bytes_used;
            shard_set_counts(acceptor, acceptor->object_count + shard_list_objects(&donors), acceptor->bytes_used + bytes);
        }
        for (size_t k = 0; k < donors.n; k++) {
            struct shard_range both[2] = { donors.at[k], *acceptor };

            sharder_tell(c, s->all, donors.at[k].name, &(struct shard_list){ both, 2, 2 }, NULL);
        }
    }
    return true;
}

static bool tend_sharded_root(struct ctx *c, struct sharding *s, bool leads)
{
    struct shard_list shards;

    if (!stats_shrinking(c, s))
        return false;
    if (leads && (!shrink(c, s) || !broker_shards(c, s->broker, &(struct shard_query){ .states = SHARD_IN(SHARD_ACTIVE) }, &shards) ||
                  !enable_large(c, s, &shards)))
        return false;
    if (!broker_shards(c, s->broker, &(struct shard_query){ .states = SHARD_IN(SHARD_SHARDING) }, &shards))
        return false;
    for (size_t i = 0; i < shards.n; i++)
        sharder_tell(c, s->all, shards.at[i].name, &(struct shard_list){ &shards.at[i], 1, 1 }, NULL);
    return true;
}

/* --- one database ---------------------------------------------------------------------------------------------------------------------- */

static bool process(struct ctx *c, struct sharding *s)
{
    enum broker_state state;
    bool deleted = broker_is_deleted(c, s->broker, NULL), leads = !s->index && s->all->o->auto_shard && !deleted, well;

    if (failed(c) || !broker_is_root(c, s->broker, &s->is_root) || !broker_state(c, s->broker, &state) || !audit(c, s, &well))
        return false;
    if (!well)
        return true;
    if (!sharder_move_misplaced(c, s))
        return false;
    if ((state == BROKER_UNSHARDED || state == BROKER_COLLAPSED) && !begin(c, s, leads, &state))
        return false;
    if (state == BROKER_SHARDING && !go_on(c, s, leads, &state))
        return false;
    if (broker_is_deleted(c, s->broker, NULL) || failed(c))
        return !failed(c);
    if (s->is_root)
        return state != BROKER_SHARDED || tend_sharded_root(c, s, leads);
    return sharder_tell_root(c, s);
}

/* Shards always may be sharded; a root when somebody has said so, or when it has shards. */
static bool is_enabled(struct ctx *c, struct broker *b, bool *ret)
{
    struct broker_meta *list;
    struct shard_list shards;
    size_t n;

    *ret = false;
    if (!broker_metadata(c, b, &list, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        *ret = *ret || (!g_ascii_strcasecmp(list[i].name, "X-Container-Sysmeta-Sharding") && word_true(list[i].value));
    if (*ret)
        return true;
    if (!broker_shards(c, b, &(struct shard_query){}, &shards))
        return false;
    *ret = shards.n > 0;
    return true;
}

static int index_of(const struct sharder *s, uint32_t partition, int device_id)
{
    const struct ring_device *nodes[MOST_NODES];
    size_t n = ring_primaries(s->replicator.ring, partition, nodes, G_N_ELEMENTS(nodes));

    for (size_t i = 0; i < n; i++)
        if (nodes[i]->id == device_id)
            return (int)i;
    return -1;
}

static void visit_broker(struct ctx *c, struct sharding *s)
{
    const char *error = NULL, *path = ctx_strdup(c, broker_path(s->broker));
    bool enabled = false;

    if (stats_candidates(c, s) && is_enabled(c, s->broker, &enabled)) {
        stat_add(s->all, "visited", enabled ? "attempted" : "skipped", 1);
        s->all->all_plain = s->all->all_plain && !enabled;
        if (enabled && process(c, s))
            stat_add(s->all, "visited", "success", 1);
    }
    if (failed(c)) {
        stat_add(s->all, "visited", "failure", 1);
        error = c->fault.message;
        log_error(c, "container-sharder: %s: %s", path, error);
        fault_clear(c);
    }
    if (s->broker && enabled)
        stats_progress(c, s, error);
    fault_clear(c);
}

/* --- the round ------------------------------------------------------------------------------------------------------------------------- */

struct drive { struct sharder *all; const struct ring_device *device; time_t changed_since; };

static bool changed(struct ctx *c, const char *path, time_t since)
{
    const char *pending = ctx_printf(c, "%.*s.db.pending", (int)(strrchr(path, '/') + 33 - path), path);
    struct stat st;

    return (!stat(path, &st) && st.st_mtime >= since) || (!stat(pending, &st) && st.st_mtime >= since);
}

static bool visit(struct ctx *c, void *data, const char *dir)
{
    struct drive *drive = data;
    const char *hash = strrchr(dir, '/') + 1, *path;
    g_auto(GStrv) pieces = g_strsplit(dir, "/", -1);
    const char *partition = pieces[g_strv_length(pieces) - 3];
    struct sharding s = { .all = drive->all, .device = drive->device };
    int64_t number;

    if (!text_to_int(partition, &number) || number < 0 || (size_t)number >= drive->all->replicator.ring->parts ||
        !round_has_partition(drive->all->round, partition))
        return true;
    path = broker_newest_file(c, dir, hash);
    if (access(path, F_OK) || (drive->changed_since && !changed(c, path, drive->changed_since)))
        return true;
    s.partition = (uint32_t)number;
    s.index = index_of(drive->all, s.partition, drive->device->id);
    s.broker = broker_open_file(c, BROKER_CONTAINER, path);
    if (s.broker)
        visit_broker(c, &s);
    broker_done(s.broker);
    fault_clear(c);
    return true;
}

static void prepare(struct ctx *c, struct sharder *s, const struct round *round)
{
    int64_t replicas, quorum;

    s->replicating = (struct replicator_options){ .per_diff = 1000, .max_diffs = 100, .rsync_module = s->o->rsync_module,
                                                  .handoff_delete = (char *)(uintptr_t)"auto" };
    s->replicator = (struct replicator){ .round = round, .kind = STORAGE_CONTAINER, .broker = BROKER_CONTAINER, .options = &s->replicating };
    replicator_begin(c, &s->replicator);
    replicas = (int64_t)ring_replicas(s->replicator.ring);
    quorum = quorum_of((int)replicas);
    s->quorum = quorum_option(s->o->shard_replication_quorum, quorum, replicas);
    s->existing_quorum = quorum_option(s->o->existing_shard_replication_quorum, s->quorum, replicas);
    s->compacting = (struct shard_compacting){ s->limits.shrink_threshold, s->limits.expansion_limit, s->o->max_shrinking, s->o->max_expanding, true };
    s->stats = ctx_json(c, json_object());
    s->sharding_candidates = ctx_json(c, json_array());
    s->shrinking_candidates = ctx_json(c, json_array());
    s->in_progress = ctx_json(c, json_array());
}

/* Where no container is in parts, only what has changed since is looked at. */
static bool run(struct ctx *c, const struct round *round)
{
    static time_t plain_until;               /* of its own thread */
    struct sharder s = { .round = round, .o = round->options, .begun = time(NULL), .all_plain = true };
    struct drive drive = { .all = &s, .changed_since = round->by_hand ? 0 : plain_until };

    if (!sharder_limits(c, s.o, &s.limits) || !limits_fit(c, &s.limits))
        return false;
    prepare(c, &s, round);
    for (size_t i = 0; i < s.replicator.ring->n_devs && !daemon_stops(); i++) {
        drive.device = s.replicator.ring->devs[i];
        if (drive.device && replicator_is_own(round, STORAGE_CONTAINER, drive.device))
            drive_walk(c, ctx_printf(c, "%s/containers", round_device_path(c, drive.device->device)), 2, visit, &drive);
    }
    plain_until = s.all_plain && !daemon_stops() ? s.begun - 1 : 0;
    stats_report(c, &s);
    replicator_end(&s.replicator);
    return true;
}

const struct daemon container_sharder = { .name = "container-sharder", .kind = STORAGE_CONTAINER, .interval = 30, .options = option_attrs,
                                          .options_size = sizeof(struct sharder_options), .alone = true, .run = run };
