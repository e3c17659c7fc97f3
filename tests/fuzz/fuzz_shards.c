/* Any bytes as the JSON of shard ranges, as a cleaving context and as a set of states: refused or read, never a crash; what was read is written so that
 * it reads the same, and ways through it, gaps and overlaps are found to an end. */
#include "swift/name.h"
#include "swift/shard/context.h"
#include "swift/shard/paths.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_again(struct ctx *c, const struct shard_list *shards)
{
    struct shard_list again;

    if (shards_from_json(c, shards_to_json(c, shards), &again) || again.n != shards->n)
        __builtin_trap();
    for (size_t i = 0; i < again.n; i++)
        if (strcmp(again.at[i].upper, shards->at[i].upper) || again.at[i].state != shards->at[i].state || shard_merge(&again.at[i], &shards->at[i]))
            __builtin_trap();
}

static void look_through(struct ctx *c, struct shard_list *shards)
{
    struct shard_compacting how = { 10, 100, 2, -1, true };
    struct shard_range whole = { .name = "a/b", .lower = "", .upper = "" };
    struct shard_gaps gaps;
    struct shard_list changed;
    struct shard_lists lists;

    shard_sort(shards);
    if (shards->n > 12)                      /* ways may be as many as there are subsets */
        return;
    shard_gaps(c, shards, &gaps);
    shard_overlaps_find(c, shards, &lists);
    shard_paths(c, shards, &lists);
    shard_paths_rank(&lists, &whole);
    shard_compactible(c, shards, &whole, &how, &lists);
    shard_compact(c, &lists, &changed);
    shard_find(shards, "m");
    shard_filter(shards, "b", "y");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cleaving x, again;
    struct shard_list shards;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    const char *text = ctx_strndup(&c, (const char *)data, size);
    json_t *tree = ctx_json(&c, json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL));
    if (tree && !shards_from_json(&c, tree, &shards)) {
        read_again(&c, &shards);
        look_through(&c, &shards);
    }
    cleaving_read(&c, text, &x);
    cleaving_read(&c, cleaving_write(&c, &x), &again);
    if (x.cleave_to_row != again.cleave_to_row || x.ranges_done != again.ranges_done || strcmp(x.cursor, again.cursor))
        __builtin_trap();
    shard_states_parse(&c, text);
    ctx_clear(&c);
    return 0;
}
