/* manage-shard-ranges: a container's shard ranges found, shown, changed by hand. */
#include "swift/tools/tools.h"

#include "oslo/base/text.h"
#include "swift/daemon/sharder.h"
#include "swift/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_WELL, EXIT_WRONG, EXIT_BAD_ARGUMENTS, EXIT_QUIT };

struct manage {
    struct broker *broker;
    const char *path;                /* of the first word */
    struct sharder_limits limits;
    int64_t max_shrinking, max_expanding;
    bool verbose, force_commits, force, enable, include_deleted, brief, yes, dry_run, gaps;
    const char *includes, *prefix;
    char **words;                    /* behind the sub-command */
};

/* --- what is said -------------------------------------------------------------------------------------------------------------------------- */

static json_t *range_json(struct ctx *c, const struct shard_range *r)
{
    json_t *o = shard_to_json(c, r);

    json_object_set_new(o, "state", json_string(shard_state_name(r->state)));
    return o;
}

static void say_range(struct ctx *c, const struct shard_range *r, int level)
{
    int indent = level * 2;

    say("%*s%s\n", indent, "", name_repr(c, r->name));
    say("%*s  objects: %9" G_GINT64_FORMAT ", tombstones: %9" G_GINT64_FORMAT ", lower: %s\n", indent, "", r->object_count, r->tombstones,
        name_repr(c, r->lower));
    say("%*s    state: %9s, deleted: %d             upper: %s\n", indent, "", shard_state_name(r->state), (int)r->deleted, name_repr(c, r->upper));
}

static void say_ranges(struct ctx *c, const struct shard_list *list, int level)
{
    for (size_t i = 0; i < list->n; i++)
        say_range(c, &list->at[i], level);
}

static const char *answer(char *line, size_t room, const char *question)
{
    say("%s", question);
    fflush(stdout);
    if (!fgets(line, (int)room, stdin))
        *line = '\0';
    return g_strstrip(line);
}

static bool proceed(const struct manage *m)
{
    char line[64];
    const char *said = m->dry_run ? "no" : m->yes ? "yes" : answer(line, sizeof(line), "Do you want to apply these changes to the container DB? [yes/N]");

    if (!strcmp(said, "yes"))
        return true;
    say("No changes applied\n");
    return false;
}

/* --- show, info ---------------------------------------------------------------------------------------------------------------------------- */

static int show(struct ctx *c, struct manage *m)
{
    struct shard_list shards;
    json_t *list = ctx_json(c, json_array());

    if (!broker_shards(c, m->broker, &(struct shard_query){ .includes = m->includes, .deleted_too = m->include_deleted }, &shards))
        return EXIT_WRONG;
    for (size_t i = 0; i < shards.n; i++) {
        json_t *o = range_json(c, &shards.at[i]);

        json_array_append_new(list, m->brief ? json_pack("[O, O]", json_object_get(o, "lower"), json_object_get(o, "upper")) : json_incref(o));
        json_decref(o);
    }
    fprintf(stderr, shards.n ? "Existing shard ranges:\n" : "No shard data found.\n");
    if (shards.n)
        say_json(c, list);
    return EXIT_WELL;
}

static bool is_enabled(const struct broker_meta *list, size_t n, size_t n_shards)
{
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_strcasecmp(list[i].name, "X-Container-Sysmeta-Sharding") && word_true(list[i].value))
            return true;
    return n_shards > 0;
}

static bool say_cleaving(struct ctx *c, struct broker *b)
{
    struct cleaving x;

    if (!cleaving_load(c, b, &x))
        return false;
    say("Retiring db id: %s\nCleaving context: ", x.ref);
    say_json(c, ctx_json(c, json_loads(cleaving_write(c, &x), JSON_ALLOW_NUL, NULL)));
    return true;
}

static int info(struct ctx *c, struct manage *m)
{
    struct broker_meta *list;
    struct shard_list shards;
    struct shard_range own;
    enum broker_state state;
    bool stored;
    size_t n;

    if (!broker_metadata(c, m->broker, &list, &n) || !broker_shards(c, m->broker, &(struct shard_query){}, &shards) ||
        !broker_own_shard_now(c, m->broker, &own, &stored) || !broker_state(c, m->broker, &state))
        return EXIT_WRONG;
    say("Sharding enabled = %s\nOwn shard range: ", is_enabled(list, n, shards.n) ? "True" : "False");
    if (stored)
        say_json(c, ctx_json(c, range_json(c, &own)));
    else
        say("None\n");
    say("db_state = %s\n", broker_state_name(state));
    if (state == BROKER_SHARDING && !say_cleaving(c, m->broker))
        return EXIT_WRONG;
    say("Metadata:\n");
    for (size_t i = 0; i < n; i++)
        say("  %s = %s\n", list[i].name, list[i].value);
    return EXIT_WELL;
}

/* --- find ---------------------------------------------------------------------------------------------------------------------------------- */

struct found { struct found_shard *at; size_t n; double seconds; };

static bool find_all(struct ctx *c, struct manage *m, struct found *ret)
{
    int64_t begun = clock_mono_us();
    bool last;

    if (!broker_find_shards(c, m->broker, m->limits.rows_per_shard, -1, &(struct shard_list){}, m->limits.minimum_shard_size, &ret->at, &ret->n, &last))
        return false;
    ret->seconds = (double)(clock_mono_us() - begun) / 1e6;
    return true;
}

static int find(struct ctx *c, struct manage *m)
{
    json_t *list = ctx_json(c, json_array());
    struct found found;
    int64_t objects = 0;
    size_t n;

    if (!find_all(c, m, &found))
        return EXIT_WRONG;
    for (size_t i = 0; i < found.n; i++) {
        const char *lower = name_bytes(c, found.at[i].lower, &n);
        json_t *o = json_pack("{s:I, s:I, s:s%}", "index", (json_int_t)found.at[i].index, "object_count", (json_int_t)found.at[i].object_count, "lower", lower, n);
        const char *upper = name_bytes(c, found.at[i].upper, &n);

        json_object_set_new(o, "upper", json_stringn(upper, n));
        json_array_append_new(list, o);
        objects += found.at[i].object_count;
    }
    say_json(c, list);
    fflush(stdout);
    fprintf(stderr, "Found %zu ranges in %gs (total object count %" G_GINT64_FORMAT ")\n", found.n, found.seconds, objects);
    return EXIT_WELL;
}

/* --- delete, replace, enable ---------------------------------------------------------------------------------------------------------------- */

static void warn_of_delete(const struct shard_list *shards, enum broker_state state)
{
    int started = 0;

    say("This will delete existing %zu shard ranges.\n", shards->n);
    if (state == BROKER_UNSHARDED)
        return;
    for (size_t i = 0; i < shards->n; i++)
        started += shards->at[i].state != SHARD_FOUND;
    say("WARNING: Be very cautious about deleting existing shard ranges. Deleting all ranges in this db does not guarantee deletion of all ranges on all"
        " replicas of the db.\n  - this db is in state %s\n  - %d existing shard ranges have started sharding\n", broker_state_name(state), started);
}

static int delete_all(struct ctx *c, struct manage *m)
{
    struct timestamp now = timestamp_now();
    struct shard_list shards;
    enum broker_state state;
    char line[64];

    if (!broker_shards(c, m->broker, &(struct shard_query){}, &shards) || !broker_state(c, m->broker, &state))
        return EXIT_WRONG;
    if (!shards.n) {
        say("No shard ranges found to delete.\n");
        return EXIT_WELL;
    }
    while (!m->force) {
        const char *said;

        warn_of_delete(&shards, state);
        said = answer(line, sizeof(line), "Do you want to show the existing ranges [s], delete the existing ranges [yes] or quit without deleting [q]? ");
        if (!strcmp(said, "yes"))
            break;
        if (!strcmp(said, "q") || feof(stdin))
            return EXIT_QUIT;
        if (!strcmp(said, "s"))
            show(c, m);
        else
            say("Please make a valid choice.\n\n");
    }
    for (size_t i = 0; i < shards.n; i++) {
        shards.at[i].deleted = true;
        shards.at[i].timestamp = now;
    }
    if (!broker_merge_shards(c, m->broker, shards.at, shards.n))
        return EXIT_WRONG;
    say("Deleted %zu existing shard ranges.\n", shards.n);
    return EXIT_WELL;
}

/* Its own range; of a shard that has none false, which is said. */
static bool own_range(struct ctx *c, struct manage *m, struct shard_range *ret)
{
    const char *name = broker_name(c, m->broker);
    bool stored;

    if (!name || !broker_own_shard_now(c, m->broker, ret, &stored))
        return false;
    if (stored || !g_str_has_prefix(name, m->prefix))
        return true;
    say("WARNING: shard container missing own shard range.\nAborting.\n");
    return false;
}

/* Do they follow each other from its begin to its end? */
static bool ranges_fit(struct ctx *c, const struct shard_range *own, const struct shard_list *shards)
{
    const char *reasons = "";

    if (!shards->n)
        reasons = "'No shard ranges.'";
    for (size_t i = 0; i <= shards->n && shards->n; i++) {
        const char *a = i ? shards->at[i - 1].upper : own->lower, *b = i < shards->n ? shards->at[i].lower : own->upper;

        if (i == shards->n || !i ? strcmp(a, b) != 0 : (!*a || strcmp(a, b)))
            reasons = ctx_printf(c, "%s%s'%s != %s'", reasons, *reasons ? ", " : "", a, b);
    }
    if (*reasons)
        say("WARNING: invalid shard ranges: [%s].\nAborting.\n", reasons);
    return !*reasons;
}

static bool set_enabled(struct ctx *c, struct manage *m, struct shard_range *own)
{
    if (shard_set_state(own, SHARD_SHARDING, (struct timestamp){}))
        own->epoch = own->state_timestamp = timestamp_now();
    return broker_merge_shards(c, m->broker, own, 1) &&
           broker_update_metadata(c, m->broker, &(struct broker_meta){ "X-Container-Sysmeta-Sharding", "True", timestamp_now() }, 1);
}

static int enable(struct ctx *c, struct manage *m)
{
    struct shard_list shards;
    struct shard_range own;

    if (!own_range(c, m, &own))
        return EXIT_BAD_ARGUMENTS;
    if (!broker_shards(c, m->broker, &(struct shard_query){}, &shards) || !ranges_fit(c, &own, &shards))
        return EXIT_WRONG;
    if (own.state == SHARD_ACTIVE) {
        if (!set_enabled(c, m, &own))
            return EXIT_WRONG;
        say("Container moved to state 'sharding' with epoch %s.\n", timestamp_text(c, own.epoch));
    } else if (own.state != SHARD_SHARDING) {
        say("WARNING: container in state %s (should be active or sharding).\nAborting.\n", shard_state_name(own.state));
        return EXIT_WRONG;
    } else if (timestamp_set(own.epoch)) {
        say("Container already in state 'sharding' with epoch %s.\nNo action required.\n", timestamp_text(c, own.epoch));
    } else {
        say("Container already in state 'sharding' but missing epoch.\n");
        own.epoch = own.state_timestamp = timestamp_now();
        if (!set_enabled(c, m, &own))
            return EXIT_WRONG;
        say("Container in state 'sharding' given epoch %s.\n", timestamp_text(c, own.epoch));
    }
    say("Run container-sharder on all nodes to shard the container.\n");
    return EXIT_WELL;
}

static int inject(struct ctx *c, struct manage *m, const struct found *found)
{
    const char *root = broker_root(c, m->broker), *root_account, *root_container, *account, *container;
    struct timestamp now = timestamp_now();
    struct shard_list shards = {};
    struct shard_range own;
    int status;

    if (!root || !own_range(c, m, &own))
        return EXIT_BAD_ARGUMENTS;
    shard_split_name(c, root, &root_account, &root_container);
    shard_split_name(c, broker_name(c, m->broker), &account, &container);
    for (size_t i = 0; i < found->n; i++)
        shard_add(c, &shards, &(struct shard_range){
            .name = shard_name(c, ctx_printf(c, "%s%s", m->prefix, root_account), root_container, container, now, found->at[i].index), .timestamp = now,
            .meta_timestamp = now, .state_timestamp = now, .lower = found->at[i].lower, .upper = found->at[i].upper,
            .object_count = found->at[i].object_count, .state = SHARD_FOUND, .tombstones = -1 });
    if (!ranges_fit(c, &own, &shards))
        return EXIT_WRONG;
    if (m->verbose) {
        say("New shard ranges to be injected:\n");
        say_json(c, shards_to_json(c, &shards));
    }
    if ((status = delete_all(c, m)) != EXIT_WELL)
        return status;
    if (!broker_merge_shards(c, m->broker, shards.at, shards.n))
        return EXIT_WRONG;
    say("Injected %zu shard ranges.\nRun container-replicator to replicate them to other nodes.\n", shards.n);
    if (m->enable)
        return enable(c, m);
    say("Use the enable sub-command to enable sharding.\n");
    return EXIT_WELL;
}

static int find_and_replace(struct ctx *c, struct manage *m)
{
    struct found found;

    return find_all(c, m, &found) ? inject(c, m, &found) : EXIT_WRONG;
}

/* The list in a file, each with the members that are needed; NULL: it is said why not. */
static json_t *load_list(struct ctx *c, const char *path, bool with_index)
{
    static const char *const needed[] = { "lower", "upper", "object_count", "index" };
    json_error_t error;
    json_t *list, *each;
    size_t i;

    if (strcmp(path, "-") && access(path, R_OK)) {
        fprintf(stderr, "Failed to open file %s\n", path);
        return NULL;
    }
    list = ctx_json(c, strcmp(path, "-") ? json_load_file(path, JSON_ALLOW_NUL, &error) : json_loadf(stdin, JSON_ALLOW_NUL, &error));
    if (!json_is_array(list)) {
        fprintf(stderr, "Failed to load valid shard range data: %s\n", list ? "ValueError('Shard data must be a list of dicts')" : error.text);
        return NULL;
    }
    json_array_foreach(list, i, each)
        for (size_t k = 0; k < (with_index ? 4 : 3); k++)
            if (!json_object_get(each, needed[k])) {
                fprintf(stderr, "Failed to load valid shard range data: KeyError('%s')\n", needed[k]);
                return NULL;
            }
    return list;
}

static const char *bound(struct ctx *c, json_t *o, const char *name)
{
    json_t *value = json_object_get(o, name);

    return json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : "";
}

static int replace(struct ctx *c, struct manage *m)
{
    json_t *list = *m->words ? load_list(c, *m->words, true) : NULL, *each;
    struct found found = { .n = json_array_size(list) };
    size_t i;

    if (!list)
        return EXIT_BAD_ARGUMENTS;
    found.at = ctx_new_n(c, struct found_shard, found.n + 1);
    json_array_foreach(list, i, each)
        found.at[i] = (struct found_shard){ json_integer_value(json_object_get(each, "index")), json_integer_value(json_object_get(each, "object_count")),
                                            bound(c, each, "lower"), bound(c, each, "upper") };
    return inject(c, m, &found);
}

/* --- compact ------------------------------------------------------------------------------------------------------------------------------- */

static bool has_overlaps(struct ctx *c, const struct shard_list *shards)
{
    struct shard_list some = {};
    struct shard_lists overlaps;

    for (size_t i = 0; i < shards->n; i++)
        if (shards->at[i].state != SHARD_SHRINKING)
            shard_add(c, &some, &shards->at[i]);
    shard_overlaps_find(c, &some, &overlaps);
    return overlaps.n > 0;
}

static void say_sequences(struct ctx *c, const struct shard_lists *sequences)
{
    for (size_t i = 0; i < sequences->n; i++) {
        const struct shard_list *q = &sequences->at[i], donors = { q->at, q->n - 1, q->n - 1 };

        say("Donor shard range(s) with total of %" G_GINT64_FORMAT " rows:\n", shard_list_rows(&donors));
        say_ranges(c, &donors, 1);
        say("can be compacted into acceptor shard range:\n");
        say_range(c, &q->at[q->n - 1], 1);
    }
    say("Total of %zu shard sequences identified for compaction.\n", sequences->n);
    say("Once applied to the broker these changes will result in shard range compaction the next time the sharder runs.\n");
}

static int compact(struct ctx *c, struct manage *m)
{
    struct shard_compacting how = { m->limits.shrink_threshold, m->limits.expansion_limit, m->max_shrinking, m->max_expanding, false };
    struct shard_list shards, changed;
    struct shard_lists sequences;
    struct shard_range own;
    enum broker_state state;
    bool root;

    if (!broker_is_root(c, m->broker, &root) || !broker_state(c, m->broker, &state) || !broker_shards(c, m->broker, &(struct shard_query){}, &shards) ||
        !broker_own_shard_now(c, m->broker, &own, NULL))
        return EXIT_WRONG;
    if (!root)
        say("WARNING: Shard containers cannot be compacted.\nThis command should be used on a root container.\n");
    else if (state != BROKER_SHARDED)
        say("WARNING: Container is not yet sharded so cannot be compacted.\n");
    else if (has_overlaps(c, &shards))
        say("WARNING: Container has overlapping shard ranges so cannot be compacted.\n");
    else
        goto possible;
    return EXIT_WRONG;

possible:
    shard_compactible(c, &shards, &own, &how, &sequences);
    if (!sequences.n) {
        say("No shards identified for compaction.\n");
        return EXIT_WELL;
    }
    say_sequences(c, &sequences);
    if (!proceed(m))
        return EXIT_QUIT;
    shard_compact(c, &sequences, &changed);
    if (!broker_merge_shards(c, m->broker, changed.at, changed.n))
        return EXIT_WRONG;
    say("Updated %zu shard sequences for compaction.\nRun container-replicator to replicate the changes to other nodes.\n"
        "Run container-sharder on all nodes to compact shards.\n", sequences.n);
    return EXIT_WELL;
}

/* --- repair, analyze ----------------------------------------------------------------------------------------------------------------------- */

static bool has_state(const struct shard_list *list, enum shard_state state)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].state == state)
            return true;
    return false;
}

/* What reaches behind marker and was cleaved. */
static bool is_cleaved_behind(const struct shard_list *list, const char *marker)
{
    for (size_t i = 0; i < list->n; i++)
        if ((!*list->at[i].upper || name_compare(marker, list->at[i].upper) < 0) && (list->at[i].state == SHARD_CLEAVED || list->at[i].state == SHARD_ACTIVE))
            return true;
    return false;
}

static void say_solution(struct ctx *c, const struct shard_list *acceptors, const struct shard_list *donors)
{
    say("Donors:\n");
    say_ranges(c, donors, 1);
    say("Acceptors:\n");
    say_ranges(c, acceptors, 1);
}

/* Up to where the way is cleaved without a break; NULL: to the end of all. */
static const char *cleaved_upper(const struct shard_list *path)
{
    for (size_t i = 0; i < path->n; i++)
        if (path->at[i].state != SHARD_CLEAVED && path->at[i].state != SHARD_ACTIVE)
            return path->at[i].lower;
    return *shard_list_upper(path) ? shard_list_upper(path) : NULL;
}

static bool contains(const struct shard_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->at[i].name, name))
            return true;
    return false;
}

/* The best way, and what lies beside it. False: there is none, which was said. */
static bool solve(struct ctx *c, const struct shard_list *shards, const struct shard_range *own, bool verbose, struct shard_list *acceptors,
                  struct shard_list *donors)
{
    struct shard_lists paths;
    const char *cleaved, *wrong = NULL;

    *donors = (struct shard_list){};
    if (has_state(shards, SHARD_SHARDING) || has_state(shards, SHARD_SHRINKING)) {
        say("WARNING: Found shard ranges in %s state\nNo repairs performed.\n", has_state(shards, SHARD_SHARDING) ? "sharding" : "shrinking");
        return false;
    }
    shard_paths(c, shards, &paths);
    shard_paths_rank(&paths, own);
    if (!paths.n || !shard_list_includes(&paths.at[0], own)) {
        say("Found no complete sequence of shard ranges.\nRepairs necessary to fill gaps.\nGap filling not supported by this tool. No repairs performed.\n");
        return false;
    }
    *acceptors = paths.at[0];
    for (size_t i = 0; i < shards->n; i++)
        if (!contains(acceptors, shards->at[i].name))
            shard_add(c, donors, &shards->at[i]);
    cleaved = cleaved_upper(acceptors);
    if (cleaved && is_cleaved_behind(acceptors, cleaved))
        wrong = "Isolated cleaved and/or active shard ranges in acceptor path";
    else if (cleaved && is_cleaved_behind(donors, cleaved))
        wrong = "Isolated cleaved and/or active shard ranges in donor ranges";
    if (wrong) {
        say("ERROR: %s\n", wrong);
        say_solution(c, acceptors, donors);
        say("No repairs performed.\n");
        return false;
    }
    if (!donors->n) {
        say("Found one complete sequence of %zu shard ranges and no overlapping shard ranges.\nNo repairs necessary.\n", acceptors->n);
        return true;
    }
    say("Repairs necessary to remove overlapping shard ranges.\n");
    say("Chosen a complete sequence of %zu shard ranges with current total of %" G_GINT64_FORMAT " object records to accept object records from %zu"
        " overlapping donor shard ranges.\n", acceptors->n, shard_list_objects(acceptors), donors->n);
    if (verbose)
        say_solution(c, acceptors, donors);
    say("Once applied to the broker these changes will result in:\n    %zu shard ranges being removed.\n    %" G_GINT64_FORMAT
        " object records being moved to the chosen shard ranges.\n", donors->n, shard_list_objects(donors));
    return true;
}

static int repair_overlaps(struct ctx *c, struct manage *m, const struct shard_list *shards)
{
    struct timestamp now;
    struct shard_list acceptors, donors;
    struct shard_range own;

    if (!shards->n) {
        say("No shards found, nothing to do.\n");
        return EXIT_WELL;
    }
    if (!broker_own_shard_now(c, m->broker, &own, NULL) || !solve(c, shards, &own, m->verbose, &acceptors, &donors))
        return EXIT_WRONG;
    if (!donors.n)
        return EXIT_WELL;
    if (!proceed(m))
        return EXIT_QUIT;
    now = timestamp_now();
    for (size_t i = 0; i < donors.n; i++)
        if (shard_set_state(&donors.at[i], SHARD_SHRINKING, (struct timestamp){}))
            donors.at[i].epoch = donors.at[i].state_timestamp = now;
    if (!broker_merge_shards(c, m->broker, donors.at, donors.n))
        return EXIT_WRONG;
    say("Updated %zu donor shard ranges.\nRun container-replicator to replicate the changes to other nodes.\n"
        "Run container-sharder on all nodes to repair shards.\n", donors.n);
    return EXIT_WELL;
}

/* Which neighbour fills the gap: the one behind it, or else the one before. NULL: neither is active. */
static struct shard_range *filler(struct shard_list *shards, const struct shard_range *gap)
{
    struct shard_range *before = NULL;

    for (size_t i = 0; i < shards->n; i++) {
        struct shard_range *r = &shards->at[i];

        if (r->state == SHARD_ACTIVE && *gap->upper && !strcmp(r->lower, gap->upper))
            return r;
        if (r->state == SHARD_ACTIVE && *gap->lower && !strcmp(r->upper, gap->lower))
            before = r;
    }
    return before;
}

static int repair_gaps(struct ctx *c, struct manage *m, struct shard_list *shards)
{
    struct timestamp now = timestamp_now();
    struct shard_list gaps, filling = {}, inside;

    shard_gaps(c, shards, &gaps);
    if (!gaps.n) {
        say("Found one complete sequence of %zu shard ranges with no gaps.\nNo repairs necessary.\n", shards->n);
        return EXIT_WELL;
    }
    say("Found %zu gaps:\n", gaps.n);
    for (size_t i = 0; i < gaps.n; i++) {
        const struct shard_range *gap = &gaps.at[i];
        struct shard_range *by = filler(shards, gap);

        say("  gap: %s - %s\n    apparent gap contents:\n", *gap->lower ? name_repr(c, gap->lower) : "MinBound", *gap->upper ? name_repr(c, gap->upper) : "MaxBound");
        if (!broker_shards(c, m->broker, &(struct shard_query){ .marker = gap->lower, .end_marker = gap->upper, .deleted_too = true }, &inside))
            return EXIT_WRONG;
        say_ranges(c, &inside, 3);
        if (!by) {
            say("Warning: cannot fix gap: non-ACTIVE neighbors\n");
            continue;
        }
        say("    gap can be fixed by expanding neighbor range:\n");
        say_range(c, by, 3);
        if (m->max_expanding >= 0 && (int64_t)filling.n >= m->max_expanding)
            continue;
        shard_expand(by, gap, 1);
        by->timestamp = now;
        shard_add(c, &filling, by);
    }
    say("\nRepairs necessary to fill gaps.\nThe following expanded shard range(s) will be applied to the DB:\n");
    say_ranges(c, &filling, 2);
    say("\nIt is recommended that no other concurrent changes are made to the \nshard ranges while fixing gaps. If necessary, abort this change \n"
        "and stop any auto-sharding processes before repeating this command.\n\n");
    if (!proceed(m))
        return EXIT_QUIT;
    if (!broker_merge_shards(c, m->broker, filling.at, filling.n))
        return EXIT_WRONG;
    say("Run container-replicator to replicate the changes to other nodes.\nRun container-sharder on all nodes to fill gaps.\n");
    return EXIT_WELL;
}

static int repair(struct ctx *c, struct manage *m)
{
    struct shard_list shards;
    bool root;

    if (!broker_is_root(c, m->broker, &root) || !broker_shards(c, m->broker, &(struct shard_query){}, &shards))
        return EXIT_WRONG;
    if (!root) {
        say("WARNING: Shard containers cannot be repaired.\nThis command should be used on a root container.\n");
        return EXIT_WRONG;
    }
    return m->gaps ? repair_gaps(c, m, &shards) : repair_overlaps(c, m, &shards);
}

static int analyze(struct ctx *c, struct manage *m)
{
    json_t *list = load_list(c, m->path, false), *each;
    struct shard_range whole = { .name = "whole/namespace", .lower = "", .upper = "" };
    struct shard_list shards, acceptors, donors;
    const char *why;
    size_t i;

    if (!list)
        return EXIT_BAD_ARGUMENTS;
    json_array_foreach(list, i, each)
        if (!json_object_get(each, "epoch"))
            json_object_set_new(each, "epoch", json_null());
    if ((why = shards_from_json(c, list, &shards))) {
        fprintf(stderr, "Failed to load valid shard range data: %s\n", why);
        return EXIT_BAD_ARGUMENTS;
    }
    return solve(c, &shards, &whole, m->verbose, &acceptors, &donors) ? EXIT_WELL : EXIT_WRONG;
}

/* --- the command --------------------------------------------------------------------------------------------------------------------------- */

static const struct { const char *name; int (*run)(struct ctx *, struct manage *); } commands[] = {
    { "analyze", analyze }, { "compact", compact }, { "delete", delete_all }, { "enable", enable }, { "find", find },
    { "find_and_replace", find_and_replace }, { "info", info }, { "repair", repair }, { "replace", replace }, { "show", show },
};

static int run_on(struct ctx *c, struct manage *m, int (*run)(struct ctx *, struct manage *))
{
    char *path = realpath(m->path, NULL);
    const char *name;
    int status;

    m->broker = path ? broker_open_newest(c, BROKER_CONTAINER, path) : NULL;
    free(path);
    name = m->broker ? broker_name(c, m->broker) : NULL;
    if (!name) {
        fprintf(stderr, "Error opening container DB %s: %s\n", m->path, failed(c) ? c->fault.message : "it does not exist");
        fault_clear(c);
        broker_done(m->broker);
        return EXIT_WRONG;
    }
    fprintf(stderr, "Loaded db broker for %s\n", name);
    status = run(c, m);
    fflush(stdout);
    broker_done(m->broker);
    return status;
}

/* What the file says (the original's defaults where none is named), and what was said of it here. */
static bool set_limits(struct ctx *c, struct manage *m, const char *file, const char *const given[7])
{
    const struct conf *conf = conf_load(c, file);
    const struct sharder_options *from = conf ? sharder_options_load(c, conf) : NULL;
    struct sharder_options o;

    if (!from)
        return false;
    o = *from;
    char **const to[] = { &o.rows_per_shard, &o.minimum_shard_size, &o.shrink_threshold, &o.expansion_limit };
    for (size_t i = 0; i < G_N_ELEMENTS(to); i++)
        if (given[i])
            *to[i] = (char *)(uintptr_t)given[i];
    m->max_shrinking = o.max_shrinking;
    m->max_expanding = o.max_expanding;
    return (!given[4] || text_to_int(given[4], &m->max_shrinking)) && (!given[5] || text_to_int(given[5], &m->max_expanding)) &&
           sharder_limits(c, &o, &m->limits);
}

int tool_manage_shard_ranges(struct ctx *c, char **words)
{
    const char *given[7] = {}, *file = NULL, *ignored;
    struct manage m = { .prefix = SHARDS_PREFIX };
    const struct tool_option options[] = {
        { 0, "conf", NULL, &file }, { 'v', "verbose", &m.verbose, NULL }, { 0, "force-commits", &m.force_commits, NULL }, { 'f', "force", &m.force, NULL },
        { 0, "enable", &m.enable, NULL }, { 'd', "include_deleted", &m.include_deleted, NULL }, { 'b', "brief", &m.brief, NULL },
        { 0, "includes", NULL, &m.includes }, { 'y', "yes", &m.yes, NULL }, { 'n', "dry-run", &m.dry_run, NULL }, { 0, "gaps", &m.gaps, NULL },
        { 0, "minimum-shard-size", NULL, &given[1] }, { 0, "shrink-threshold", NULL, &given[2] }, { 0, "expansion-limit", NULL, &given[3] },
        { 0, "max-shrinking", NULL, &given[4] }, { 0, "max-expanding", NULL, &given[5] }, { 0, "shards_account_prefix", NULL, &m.prefix },
        { 0, "replace-timeout", NULL, &ignored }, { 0, "enable-timeout", NULL, &ignored }, {} };

    if (!tool_options(c, words, options))
        return EXIT_BAD_ARGUMENTS;
    if (!words[0] || !words[1])
        return tool_usage(c, "manage-shard-ranges");
    m.path = words[0];
    m.words = words + 2;
    if (g_str_has_prefix(words[1], "find"))
        given[0] = words[2];
    if (!set_limits(c, &m, file ? file : "/dev/null", given)) {
        fprintf(stderr, "Invalid config: %s\n", failed(c) ? c->fault.message : "no number");
        fault_clear(c);
        return EXIT_BAD_ARGUMENTS;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(commands[i].name, words[1]))
            return commands[i].run == analyze ? analyze(c, &m) : run_on(c, &m, commands[i].run);
    return tool_usage(c, "manage-shard-ranges");
}
