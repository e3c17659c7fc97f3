/* manage-shard-ranges: what is too small put together, what overlaps or leaves gaps set right. */
#include "swift/tools/manage_shards.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int manage_compact(struct ctx *c, struct manage *m)
{
    struct shard_compacting how = { m->limits.shrink_threshold, m->limits.expansion_limit, m->max_shrinking, m->max_expanding, false };
    struct shard_list shards, changed;
    struct shard_lists sequences;
    struct shard_range own;
    enum broker_state state;
    bool root;
    int status;

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
    if ((status = manage_proceed(c, m)) != EXIT_WELL)
        return status;
    shard_compact(c, &sequences, &changed);
    if (!broker_merge_shards(c, m->broker, changed.at, changed.n))
        return EXIT_WRONG;
    say("Updated %zu shard sequences for compaction.\nRun container-replicator to replicate the changes to other nodes.\n"
        "Run container-sharder on all nodes to compact shards.\n", sequences.n);
    return EXIT_WELL;
}

/* --- overlaps ------------------------------------------------------------------------------------------------------------------------------ */

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

/* Does all of it lie before the other? */
static bool lies_before(const struct shard_range *r, const struct shard_range *other)
{
    return *r->upper && shard_lower_upper(other->lower, r->upper) >= 0;
}

/* Ranges that overlap have no order among each other: which of them comes first is how Python's sort leaves it, by binary insertion behind
 * the run that is there. */
static void sort_whole(struct shard_list *list)
{
    struct shard_range *at = list->at;
    size_t run = MIN(list->n, 2);
    bool falls = list->n > 1 && lies_before(&at[1], &at[0]);

    while (run < list->n && lies_before(&at[run], &at[run - 1]) == falls)
        run++;
    if (falls)
        shard_reverse(&(struct shard_list){ at, run, run });
    for (; run < list->n; run++) {
        struct shard_range r = at[run];
        size_t low = 0, high = run;

        while (low < high) {
            size_t middle = (low + high) / 2;

            if (lies_before(&r, &at[middle]))
                high = middle;
            else
                low = middle + 1;
        }
        memmove(&at[low + 1], &at[low], (run - low) * sizeof(*at));
        at[low] = r;
    }
}

static void say_solution(struct ctx *c, const struct shard_list *acceptors, const struct shard_list *donors)
{
    struct shard_list sorted = {};

    for (size_t i = 0; i < donors->n; i++)
        shard_add(c, &sorted, &donors->at[i]);
    sort_whole(&sorted);
    say("Donors:\n");
    say_ranges(c, &sorted, 1);
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
    int status;

    if (!shards->n) {
        say("No shards found, nothing to do.\n");
        return EXIT_WELL;
    }
    if (!broker_own_shard_now(c, m->broker, &own, NULL) || !solve(c, shards, &own, m->verbose, &acceptors, &donors))
        return EXIT_WRONG;
    if (!donors.n)
        return EXIT_WELL;
    if ((status = manage_proceed(c, m)) != EXIT_WELL)
        return status;
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

/* --- gaps ---------------------------------------------------------------------------------------------------------------------------------- */

/* Which neighbour fills it: the one behind, or else the one before; of shards. NULL: neither is active. */
static struct shard_range *filler(struct shard_list *shards, const struct shard_lists *paths, const struct shard_gap *gap)
{
    const struct shard_list *before = gap->from ? shard_path_furthest(paths, gap->from) : NULL;
    const struct shard_list *after = *gap->upper ? shard_path_furthest(paths, gap->upper) : NULL;
    const struct shard_range *by = before ? &before->at[before->n - 1] : NULL;

    if (after && after->at[0].state == SHARD_ACTIVE)
        by = &after->at[0];
    for (size_t i = 0; by && by->state == SHARD_ACTIVE && i < shards->n; i++)
        if (!strcmp(shards->at[i].name, by->name))
            return &shards->at[i];
    return NULL;
}

static bool say_gap(struct ctx *c, struct manage *m, const struct shard_gap *gap, const struct shard_range *by)
{
    struct shard_list inside;

    say("  gap: %s - %s\n    apparent gap contents:\n", *gap->lower ? name_repr(c, gap->lower) : "MinBound", *gap->upper ? name_repr(c, gap->upper) : "MaxBound");
    if (!broker_shards(c, m->broker, &(struct shard_query){ .marker = gap->lower, .end_marker = gap->upper, .deleted_too = true }, &inside))
        return false;
    say_ranges(c, &inside, 3);
    if (by) {
        say("    gap can be fixed by expanding neighbor range:\n");
        say_range(c, by, 3);
    } else {
        say("Warning: cannot fix gap: non-ACTIVE neighbors\n");
    }
    return true;
}

static int by_lower(const void *a, const void *b)
{
    return shard_lowers(((const struct shard_range *)a)->lower, ((const struct shard_range *)b)->lower);
}

/* One range may fill the gaps on both its sides. */
static void fill(struct ctx *c, struct manage *m, struct shard_list *shards, const struct shard_gaps *gaps, struct shard_range *const *by,
                 struct shard_list *filling)
{
    struct timestamp now = timestamp_now();
    bool *grows = ctx_new_n(c, bool, shards->n + 1);
    int64_t filled = 0;

    for (size_t i = 0; i < gaps->n && (m->max_expanding < 0 || filled < m->max_expanding); i++) {
        if (!by[i])
            continue;
        shard_expand(by[i], &(struct shard_range){ .lower = gaps->at[i].lower, .upper = gaps->at[i].upper }, 1);
        by[i]->timestamp = now;
        grows[by[i] - shards->at] = true;
        filled++;
    }
    for (size_t i = 0; i < shards->n; i++)
        if (grows[i])
            shard_add(c, filling, &shards->at[i]);
    if (filling->n)
        qsort(filling->at, filling->n, sizeof(*filling->at), by_lower);
}

static int repair_gaps(struct ctx *c, struct manage *m, struct shard_list *shards)
{
    struct shard_list filling = {};
    struct shard_lists paths;
    struct shard_gaps gaps;
    struct shard_range **by;
    int status;

    shard_gaps(c, shards, &gaps);
    if (!gaps.n) {
        say("Found one complete sequence of %zu shard ranges with no gaps.\nNo repairs necessary.\n", shards->n);
        return EXIT_WELL;
    }
    say("Found %zu gaps:\n", gaps.n);
    shard_paths(c, shards, &paths);
    by = ctx_new_n(c, struct shard_range *, gaps.n);
    for (size_t i = 0; i < gaps.n; i++) {
        by[i] = filler(shards, &paths, &gaps.at[i]);
        if (!say_gap(c, m, &gaps.at[i], by[i]))
            return EXIT_WRONG;
    }
    fill(c, m, shards, &gaps, by, &filling);
    say("\nRepairs necessary to fill gaps.\nThe following expanded shard range(s) will be applied to the DB:\n");
    say_ranges(c, &filling, 2);
    say("\nIt is recommended that no other concurrent changes are made to the \nshard ranges while fixing gaps. If necessary, abort this change \n"
        "and stop any auto-sharding processes before repeating this command.\n\n");
    if ((status = manage_proceed(c, m)) != EXIT_WELL)
        return status;
    if (!broker_merge_shards(c, m->broker, filling.at, filling.n))
        return EXIT_WRONG;
    say("Run container-replicator to replicate the changes to other nodes.\nRun container-sharder on all nodes to fill gaps.\n");
    return EXIT_WELL;
}

/* --- repair, analyze ----------------------------------------------------------------------------------------------------------------------- */

int manage_repair(struct ctx *c, struct manage *m)
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

int manage_analyze(struct ctx *c, struct manage *m)
{
    json_t *list = manage_load(c, m->path, false), *each;
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
        fprintf(stderr, "%s\n", why);
        return EXIT_WRONG;
    }
    return solve(c, &shards, &whole, m->verbose, &acceptors, &donors) ? EXIT_WELL : EXIT_WRONG;
}
