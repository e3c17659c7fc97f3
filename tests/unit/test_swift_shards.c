/* Containers in parts: how shard ranges compare and merge, and a database's way from unsharded to sharded. */
#include "oslo/base/text.h"
#include "swift/broker/shards.h"
#include "swift/name.h"
#include "swift/shard/context.h"
#include "swift/shard/paths.h"

#include <glib/gstdio.h>
#include <string.h>

static struct ctx c;

static struct shard_range range(const char *name, const char *lower, const char *upper, enum shard_state state)
{
    struct timestamp when;

    timestamp_parse("1795336101.00000", &when);
    return (struct shard_range){ .name = name, .timestamp = when, .meta_timestamp = when, .state_timestamp = when, .lower = lower, .upper = upper,
                                 .state = state, .tombstones = -1 };
}

static struct timestamp at(const char *text)
{
    struct timestamp t = {};

    g_assert_true(timestamp_parse(text, &t));
    return t;
}

static void test_bounds(void)
{
    struct shard_range a = range("a/1", "", "f", SHARD_ACTIVE), b = range("a/2", "f", "p", SHARD_ACTIVE), d = range("a/3", "p", "", SHARD_ACTIVE);
    struct shard_range all = range("a/r", "", "", SHARD_ACTIVE), wide = range("a/w", "e", "g", SHARD_ACTIVE);
    struct shard_list list = {};

    ctx_init(&c, NULL, "req-unit");
    g_assert_true(shard_holds(&a, "f") && !shard_holds(&a, "f\x01") && !shard_holds(&b, "f") && shard_holds(&d, "zzz") && !shard_holds(&a, ""));
    g_assert_true(shard_overlaps(&a, &wide) && shard_overlaps(&b, &wide) && !shard_overlaps(&a, &b) && !shard_overlaps(&d, &wide));
    g_assert_true(shard_includes(&all, &b) && !shard_includes(&b, &all) && shard_includes(&all, &all));
    g_assert_cmpstr(shard_end_marker(&c, &a), ==, "f" RESERVED);
    g_assert_cmpstr(shard_end_marker(&c, &d), ==, "");
    shard_add(&c, &list, &d);
    shard_add(&c, &list, &b);
    shard_add(&c, &list, &a);
    shard_sort(&list);
    g_assert_cmpstr(list.at[0].name, ==, "a/1");
    g_assert_cmpstr(list.at[2].name, ==, "a/3");
    g_assert_cmpstr(shard_find(&list, "g")->name, ==, "a/2");
    g_assert_cmpstr(shard_find(&list, "p")->name, ==, "a/2");
    g_assert_cmpstr(shard_find(&list, "q")->name, ==, "a/3");
    shard_filter(&list, "f", "q");
    g_assert_cmpuint(list.n, ==, 2);
    shard_filter(&list, NULL, "p");
    g_assert_cmpuint(list.n, ==, 1);
    g_assert_true(shard_expand(&a, &b, 1) && !shard_expand(&a, &b, 1));
    g_assert_cmpstr(a.upper, ==, "p");
    ctx_clear(&c);
}

static void test_merge(void)
{
    struct shard_range old = range("a/1", "", "f", SHARD_CREATED), given = old;

    g_assert_false(shard_merge(&given, &old));
    given = old;
    given.state = SHARD_CLEAVED;             /* at the same time: the later state */
    given.upper = "other";
    g_assert_true(shard_merge(&given, &old));
    g_assert_cmpstr(given.upper, ==, "f");
    given = old;
    given.object_count = 7;                  /* counts of the same time are not news, later ones are */
    g_assert_false(shard_merge(&given, &old));
    g_assert_cmpint(given.object_count, ==, 0);
    given.object_count = 7;
    given.meta_timestamp = at("1795336102.00000");
    g_assert_true(shard_merge(&given, &old));
    g_assert_cmpint(given.object_count, ==, 7);
    given = old;
    given.timestamp = at("1795336100.00000");
    given.state = SHARD_SHARDED;
    g_assert_false(shard_merge(&given, &old));       /* one that was made earlier says nothing */
    given.timestamp = at("1795336105.00000");
    given.deleted = given.reported = true;
    g_assert_true(shard_merge(&given, &old));
    g_assert_true(given.deleted && !given.reported);
}

static void test_json(void)
{
    struct shard_range r = range("AUTH_a/c", "a\xc3\xa9", "b" RESERVED, SHARD_ACTIVE), again;
    json_t *o;

    ctx_init(&c, NULL, "req-unit");
    r.epoch = at("1795336107.00000");
    r.object_count = 5;
    o = ctx_json(&c, shard_to_json(&c, &r));
    g_assert_null(shard_from_json(&c, o, &again));
    g_assert_cmpstr(again.upper, ==, r.upper);
    g_assert_cmpstr(again.lower, ==, r.lower);
    g_assert_true(!timestamp_compare(again.epoch, r.epoch) && again.state == SHARD_ACTIVE && again.object_count == 5 && again.tombstones == -1);
    json_object_set_new(o, "state", json_string("cleaved"));
    g_assert_null(shard_from_json(&c, o, &again));
    g_assert_cmpint(again.state, ==, SHARD_CLEAVED);
    json_object_set_new(o, "state", json_integer(41));
    g_assert_nonnull(shard_from_json(&c, o, &again));
    json_object_set_new(o, "state", json_integer(40));
    json_object_set_new(o, "object_count", json_integer(-1));
    g_assert_nonnull(shard_from_json(&c, o, &again));
    json_object_set_new(o, "object_count", json_string("6"));
    g_assert_null(shard_from_json(&c, o, &again));
    json_object_set_new(o, "upper", json_string("a"));
    g_assert_nonnull(shard_from_json(&c, o, &again));
    json_object_del(o, "lower");
    g_assert_cmpstr(shard_from_json(&c, o, &again), ==, "KeyError('lower')");
    g_assert_cmpuint(shard_states_parse(&c, "listing"), ==, SHARD_IN_LISTING);
    g_assert_cmpuint(shard_states_parse(&c, "found,80"), ==, SHARD_IN(SHARD_FOUND) | SHARD_IN(SHARD_SHRUNK));
    g_assert_cmpuint(shard_states_parse(&c, "found,nonsense"), ==, 0);
    g_assert_cmpstr(shard_name(&c, ".shards_a", "c", "c", r.timestamp, "3"), ==, ".shards_a/c-4a8a08f09d37b73795649038408b5f33-1795336101.00000-3");
    ctx_clear(&c);
}

/* --- all ranges of a container --------------------------------------------------------------------------------------------------------- */

static struct shard_list list_of(const struct shard_range *ranges, size_t n)
{
    struct shard_list list = {};

    for (size_t i = 0; i < n; i++)
        shard_add(&c, &list, &ranges[i]);
    shard_sort(&list);
    return list;
}

static void test_gaps(void)
{
    struct shard_range whole[] = { range("a/1", "", "f", SHARD_ACTIVE), range("a/2", "f", "p", SHARD_ACTIVE), range("a/3", "p", "", SHARD_ACTIVE) };
    struct shard_range torn[] = { range("a/1", "", "f", SHARD_ACTIVE), range("a/2", "g", "p", SHARD_ACTIVE), range("a/3", "p", "t", SHARD_ACTIVE),
                                  range("a/4", "e", "h", SHARD_SHRINKING) };
    struct shard_range beside[] = { range("a/1", "", "f", SHARD_ACTIVE), range("a/2", "d", "", SHARD_ACTIVE) };
    struct shard_gaps gaps;
    struct shard_list list;
    struct shard_lists overlaps;

    ctx_init(&c, NULL, "req-unit");
    list = list_of(whole, 3);
    shard_gaps(&c, &list, &gaps);
    g_assert_cmpuint(gaps.n, ==, 0);
    shard_overlaps_find(&c, &list, &overlaps);
    g_assert_cmpuint(overlaps.n, ==, 0);
    list = list_of(torn, 4);
    shard_gaps(&c, &list, &gaps);
    g_assert_cmpuint(gaps.n, ==, 2);
    g_assert_cmpstr(gaps.at[0].lower, ==, "f");
    g_assert_cmpstr(gaps.at[0].upper, ==, "g");
    g_assert_cmpstr(gaps.at[0].from, ==, "");
    g_assert_cmpstr(gaps.at[1].lower, ==, "t");
    g_assert_cmpstr(gaps.at[1].upper, ==, "");
    g_assert_cmpstr(gaps.at[1].from, ==, "g");
    shard_overlaps_find(&c, &list, &overlaps);
    g_assert_cmpuint(overlaps.n, ==, 2);
    list = list_of(beside, 2);
    shard_gaps(&c, &list, &gaps);
    g_assert_cmpuint(gaps.n, ==, 0);         /* they overlap, which is no gap */
    shard_gaps(&c, &(struct shard_list){}, &gaps);
    g_assert_cmpuint(gaps.n, ==, 1);
    g_assert_null(gaps.at[0].from);
    ctx_clear(&c);
}

static void test_paths(void)
{
    struct shard_range ranges[] = { range("a/1", "", "f", SHARD_ACTIVE), range("a/2", "f", "p", SHARD_CREATED), range("a/3", "f", "p", SHARD_CLEAVED),
                                    range("a/4", "p", "", SHARD_ACTIVE) };
    struct shard_range whole = range("a/r", "", "", SHARD_SHARDED);
    struct shard_list list;
    struct shard_lists paths;

    ctx_init(&c, NULL, "req-unit");
    list = list_of(ranges, 4);
    shard_paths(&c, &list, &paths);
    g_assert_cmpuint(paths.n, ==, 2);
    shard_paths_rank(&paths, &whole);
    g_assert_true(shard_list_includes(&paths.at[0], &whole));
    g_assert_cmpstr(paths.at[0].at[1].name, ==, "a/3");      /* the one that is cleaved */
    ctx_clear(&c);
}

static void test_compact(void)
{
    struct shard_range ranges[] = { range("a/1", "", "f", SHARD_ACTIVE), range("a/2", "f", "p", SHARD_ACTIVE), range("a/3", "p", "", SHARD_ACTIVE) };
    struct shard_range own = range("a/r", "", "", SHARD_SHARDED);
    struct shard_compacting how = { 10, 50, 1, -1, false };
    struct shard_list list, changed;
    struct shard_lists sequences;

    ctx_init(&c, NULL, "req-unit");
    ranges[0].object_count = 3;
    ranges[1].object_count = 40;
    ranges[2].object_count = 100;
    list = list_of(ranges, 3);
    shard_compactible(&c, &list, &own, &how, &sequences);
    g_assert_cmpuint(sequences.n, ==, 1);
    shard_compact(&c, &sequences, &changed);
    g_assert_cmpuint(changed.n, ==, 2);
    g_assert_cmpstr(changed.at[0].name, ==, "a/2");
    g_assert_cmpstr(changed.at[0].lower, ==, "");
    g_assert_cmpint(changed.at[1].state, ==, SHARD_SHRINKING);
    g_assert_true(timestamp_set(changed.at[1].epoch));
    list.at[0].tombstones = 20;              /* rows that would have to be moved count as well */
    shard_compactible(&c, &list, &own, &how, &sequences);
    g_assert_cmpuint(sequences.n, ==, 0);
    for (size_t i = 0; i < 3; i++)
        list.at[i].object_count = list.at[i].tombstones = 1;
    how.max_shrinking = 10;
    shard_compactible(&c, &list, &own, &how, &sequences);    /* all of them into the root */
    g_assert_cmpuint(sequences.n, ==, 1);
    g_assert_cmpstr(sequences.at[0].at[3].name, ==, "a/r");
    ctx_clear(&c);
}

static void test_context(void)
{
    struct cleaving x;

    ctx_init(&c, NULL, "req-unit");
    cleaving_read(&c, "{\"ref\": \"id\", \"cursor\": \"\\u00e9\", \"max_row\": 7, \"cleave_to_row\": 5, \"last_cleave_to_row\": null,"
                      " \"cleaving_done\": true, \"misplaced_done\": true, \"ranges_done\": 2, \"ranges_todo\": 0}", &x);
    g_assert_cmpstr(x.cursor, ==, "\xc3\xa9");
    g_assert_true(x.last_cleave_to_row == CLEAVING_NONE && !cleaving_is_done(&x));
    x.cleave_to_row = 7;
    g_assert_true(cleaving_is_done(&x));
    cleaving_reset(&x);
    cleaving_read(&c, cleaving_write(&c, &x), &x);
    g_assert_true(x.last_cleave_to_row == 7 && !x.cleaving_done && !*x.cursor);
    cleaving_read(&c, "nonsense", &x);
    g_assert_true(x.max_row == CLEAVING_NONE && !*x.ref);
    ctx_clear(&c);
}

/* --- a database ---------------------------------------------------------------------------------------------------------------------- */

static void put_rows(struct broker *b, int n)
{
    struct broker_row rows[100] = {};

    for (int i = 0; i < n; i++)
        rows[i] = (struct broker_row){ .name = ctx_printf(&c, "o%02d", i), .created_at = "1795336101.00000", .size = 2, .content_type = "t", .etag = "e" };
    g_assert_true(broker_merge_rows(&c, b, rows, (size_t)n, NULL));
}

static enum broker_state state_of(struct broker *b)
{
    enum broker_state state;

    g_assert_true(broker_state(&c, b, &state));
    return state;
}

static void find_ranges(struct broker *b)
{
    struct found_shard *found;
    struct shard_list list = {}, none = {};
    bool last;
    size_t n;

    g_assert_true(broker_find_shards(&c, b, 10, -1, &none, 1, &found, &n, &last));
    g_assert_true(last);
    g_assert_cmpuint(n, ==, 3);
    g_assert_cmpstr(found[0].upper, ==, "o09");
    g_assert_cmpstr(found[1].lower, ==, "o09");
    g_assert_cmpstr(found[2].upper, ==, "");
    g_assert_cmpint(found[2].object_count, ==, 5);
    for (size_t i = 0; i < n; i++) {
        struct shard_range r = range(ctx_printf(&c, ".shards_a/c-%zu", i), found[i].lower, found[i].upper, SHARD_CREATED);

        r.object_count = found[i].object_count;
        shard_add(&c, &list, &r);
    }
    g_assert_true(broker_merge_shards(&c, b, list.at, list.n));
}

static void test_life(void)
{
    g_autofree char *device = g_dir_make_tmp("nacre-swift-XXXXXX", NULL), *clean = g_strdup_printf("rm -rf %s", device);
    struct broker_place p = { BROKER_CONTAINER, "sdb1", device, 7, "a", "c", {} };
    struct shard_range own;
    struct shard_list list;
    struct broker_info info;
    struct broker_row *rows;
    struct broker *b, *old;
    bool stored, is;
    size_t n;

    ctx_init(&c, NULL, "req-unit");
    hash_path_configure("", "suffix");
    g_assert_true(broker_create(&c, &p, at("1795336100.00000"), 0, NULL));
    b = broker_open(&c, &p);
    put_rows(b, 25);
    g_assert_cmpint(state_of(b), ==, BROKER_UNSHARDED);
    g_assert_true(broker_own_shard(&c, b, &own, &stored) && !stored);
    g_assert_true(broker_is_root(&c, b, &is) && is);
    find_ranges(b);
    own.epoch = at("1795336110.00000");
    shard_set_state(&own, SHARD_SHARDING, own.epoch);
    g_assert_true(broker_merge_shards(&c, b, &own, 1));
    g_assert_true(broker_sharding_required(&c, b, &is) && is);
    g_assert_true(broker_set_sharding(&c, b));
    broker_done(b);

    b = broker_open(&c, &p);                 /* the fresh one: it says what the retiring one has */
    g_assert_cmpstr(broker_epoch(b), ==, "1795336110.00000");
    g_assert_cmpint(state_of(b), ==, BROKER_SHARDING);
    g_assert_true(broker_info(&c, b, &info));
    g_assert_cmpint(info.object_count, ==, 25);
    g_assert_cmpint(info.max_row, ==, 25);
    g_assert_false(broker_is_empty(&c, b));
    g_assert_true(broker_put_row(&c, b, &(struct broker_row){ .name = "p", .created_at = "1795336102.00000", .content_type = "t", .etag = "e" }));
    old = broker_retiring(&c, b);
    g_assert_nonnull(old);
    g_assert_true(broker_rows_between(&c, old, "o09", false, "o19" RESERVED, 0, 7, &rows, &n));
    g_assert_cmpuint(n, ==, 7);
    g_assert_cmpstr(rows[0].name, ==, "o10");
    g_assert_true(broker_remove_rows(&c, old, "o09", "o19", 1000));
    g_assert_true(broker_rows_between(&c, old, "", false, "", 0, 100, &rows, &n));
    g_assert_cmpuint(n, ==, 15);             /* what came meanwhile waits for the fresh one */
    broker_done(old);
    g_assert_true(broker_shards(&c, b, &(struct shard_query){ .states = SHARD_IN_LISTING, .fill_gaps = true }, &list));
    g_assert_cmpuint(list.n, ==, 1);         /* nothing is cleaved: the container itself */
    g_assert_cmpstr(list.at[0].name, ==, "a/c");
    g_assert_true(broker_shards(&c, b, &(struct shard_query){ .states = SHARD_IN_UPDATING, .includes = "o09x" }, &list));
    g_assert_cmpstr(list.at[0].name, ==, ".shards_a/c-1");

    g_assert_true(broker_set_sharded(&c, b));
    g_assert_cmpint(state_of(b), ==, BROKER_SHARDED);
    g_assert_true(broker_shards(&c, b, &(struct shard_query){}, &list));
    for (size_t i = 0; i < list.n; i++)
        shard_set_state(&list.at[i], SHARD_ACTIVE, at("1795336111.00000"));
    g_assert_true(broker_merge_shards(&c, b, list.at, list.n));
    g_assert_true(broker_info(&c, b, &info));
    g_assert_cmpint(info.object_count, ==, 25);      /* of its shards */
    g_assert_cmpstr(info.db_state, ==, "sharded");
    g_assert_true(broker_shards(&c, b, &(struct shard_query){ .reverse = true, .marker = "o19", .end_marker = "o10" }, &list));
    g_assert_cmpuint(list.n, ==, 1);
    for (size_t i = 0; i < list.n; i++)
        g_assert_cmpstr(list.at[i].name, ==, ".shards_a/c-1");
    broker_done(b);
    brokers_close();
    ctx_clear(&c);
    g_assert_true(g_spawn_command_line_sync(clean, NULL, NULL, NULL, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/swift/shards/bounds", test_bounds);
    g_test_add_func("/swift/shards/merge", test_merge);
    g_test_add_func("/swift/shards/json", test_json);
    g_test_add_func("/swift/shards/gaps", test_gaps);
    g_test_add_func("/swift/shards/paths", test_paths);
    g_test_add_func("/swift/shards/compact", test_compact);
    g_test_add_func("/swift/shards/context", test_context);
    g_test_add_func("/swift/shards/life", test_life);
    return g_test_run();
}
