/* A database's rows taken into its shards', range by range. */
#include "swift/daemon/sharder.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>

enum cleaved { CLEAVED_WELL, CLEAVED_FAILED, CLEAVED_EMPTY };

/* --- rows ------------------------------------------------------------------------------------------------------------------------------ */

/* Copies the range's rows behind since. *ret_any: there were some. */
static bool copy_rows(struct ctx *c, struct sharding *s, struct broker *source, const struct shard_range *r, int64_t since, struct broker *to,
                      bool *ret_any)
{
    int64_t limit = s->all->o->cleave_row_batch_size;
    const char *marker = r->lower, *end = shard_end_marker(c, r);
    bool more = true, from_it = false, well = true;

    *ret_any = false;
    while (well && more && !daemon_stops()) {
        struct broker_row *rows;
        struct ctx own;
        size_t n = 0;

        ctx_init_child(&own, c, c->service);
        well = broker_rows_between(&own, source, marker, from_it, end, since, limit, &rows, &n) && (!n || broker_merge_rows(&own, to, rows, n, NULL));
        more = well && (int64_t)n == limit;
        *ret_any = *ret_any || n;
        from_it = true;
        if (more)
            marker = ctx_strdup(c, rows[n - 1].name);
        if (failed(&own))
            fail(c, own.fault.status, own.fault.type, "%s", own.fault.message);
        ctx_clear(&own);
    }
    return well && !daemon_stops();
}

/* What the shard knows then of the replicas it comes from: another of them has less to cleave. */
static bool copy_points(struct ctx *c, struct broker *source, const struct broker_info *info, struct broker *to)
{
    struct sync_point *points;
    size_t n;

    return broker_merge_sync_points(c, to, &(struct sync_point){ info->id, info->max_row }, 1, true) && broker_sync_points(c, source, true, &points, &n) &&
           broker_merge_sync_points(c, to, points, n, true);
}

static bool fill_shard(struct ctx *c, struct sharding *s, struct broker *source, const struct cleaving *x, const struct shard_range *r,
                       struct shard_place *place, enum cleaved *ret)
{
    struct broker_info from, to;
    int64_t point, since;
    bool any;

    *ret = CLEAVED_WELL;
    if (!broker_info(c, source, &from))
        return false;
    point = broker_sync_point(c, place->broker, from.id, true);
    if (point >= from.max_row && from.max_row != -1)         /* done before, and not replicated then */
        return true;
    since = MAX(x->last_cleave_to_row == CLEAVING_NONE ? -1 : x->last_cleave_to_row, point);
    if (!copy_rows(c, s, source, r, since, place->broker, &any) || !broker_info(c, place->broker, &to))
        return false;
    if (!any && timestamp_set(place->made) && !timestamp_compare(to.put_timestamp, place->made))
        *ret = CLEAVED_EMPTY;
    return copy_points(c, source, &from, place->broker);
}

/* --- one range ------------------------------------------------------------------------------------------------------------------------- */

/* What the shard's database says of its range, and of the one it comes from. */
static bool set_ranges(struct ctx *c, struct sharding *s, struct shard_place *place, struct shard_range *r, struct shard_range *own, int64_t *ret_quorum)
{
    struct broker_info info;

    *ret_quorum = s->all->existing_quorum;
    if (own->state == SHARD_SHRINKING || own->state == SHARD_SHRUNK) {
        if (!shard_includes(r, own))
            return true;
        /* the acceptor tells the root of itself and of the donor's end in one */
        if (shard_set_state(own, SHARD_SHRUNK, (struct timestamp){})) {
            own->deleted = true;
            own->timestamp = timestamp_now();
            if (!broker_merge_shards(c, s->broker, own, 1))
                return false;
        }
        return broker_merge_shards(c, place->broker, own, 1);
    }
    if (r->state != SHARD_CREATED)
        return true;
    *ret_quorum = s->all->quorum;
    if (!broker_info(c, place->broker, &info))
        return false;
    shard_set_counts(r, info.object_count, info.bytes_used);
    shard_set_state(r, SHARD_CLEAVED, (struct timestamp){});
    return broker_merge_shards(c, place->broker, r, 1);
}

static void remove_made(struct ctx *c, struct shard_place *place)
{
    struct broker_info info;
    bool removed;

    if (broker_info(c, place->broker, &info))
        broker_erase(c, place->broker, info.max_row, &removed);
}

static bool cleave_range(struct ctx *c, struct sharding *s, struct broker *source, struct cleaving *x, struct shard_range *r, struct shard_range *own,
                         enum cleaved *ret)
{
    int64_t begun = clock_mono_us(), quorum;
    struct shard_place place;
    size_t well = 0, n;
    bool done;

    *ret = CLEAVED_FAILED;
    stat_add(s->all, "cleaved", "attempted", 1);
    if (!sharder_open_shard(c, s, r, &place)) {
        broker_done(place.broker);
        return false;
    }
    stat_add(s->all, "cleaved", timestamp_set(place.made) ? "db_created" : "db_exists", 1);
    done = fill_shard(c, s, source, x, r, &place, ret) && set_ranges(c, s, &place, r, own, &quorum);
    if (done && *ret == CLEAVED_EMPTY)
        remove_made(c, &place);
    if (!done || *ret == CLEAVED_EMPTY) {
        broker_done(place.broker);
    } else if (!sharder_replicate(c, s->all, place.broker, place.partition, place.device_id, &well, &n) && (!n || (int64_t)well < quorum)) {
        log_warning(c, "container-sharder: failed to sufficiently replicate cleaved shard %s: %zu successes, %" G_GINT64_FORMAT " required", r->name, well,
                    quorum);
        *ret = CLEAVED_FAILED;
    }
    if (!done || failed(c) || *ret == CLEAVED_FAILED) {
        stat_add(s->all, "cleaved", "failure", 1);
        *ret = CLEAVED_FAILED;
        return done && !failed(c);
    }
    if (*ret == CLEAVED_WELL) {
        stat_span(s->all, "cleaved", (double)(clock_mono_us() - begun) / 1e6);
        stat_add(s->all, "cleaved", "success", 1);
    }
    x->ranges_done++;
    x->ranges_todo--;
    x->cursor = r->upper;
    x->cleaving_done = x->cleaving_done || shard_uppers(r->upper, own->upper) >= 0;
    return broker_merge_shards(c, s->broker, r, 1) && cleaving_store(c, s->broker, x);
}

/* --- all ranges ------------------------------------------------------------------------------------------------------------------------ */

static bool is_ready(const struct shard_range *r)
{
    return r->state == SHARD_CREATED || r->state == SHARD_CLEAVED || r->state == SHARD_ACTIVE;
}

/* Ranges behind the cursor that may be cleaved into. */
static bool ranges_to_do(struct ctx *c, struct sharding *s, const struct cleaving *x, struct shard_list *ret)
{
    struct shard_list all;

    *ret = (struct shard_list){};
    /* "" alone is the begin of all: a cursor of NUL, which no name is below */
    if (!broker_shards(c, s->broker, &(struct shard_query){ .marker = ctx_printf(c, "%s" RESERVED, x->cursor) }, &all))
        return false;
    for (size_t i = 0; i < all.n; i++)
        if (all.at[i].state != SHARD_SHRINKING)
            shard_add(c, ret, &all.at[i]);
    return true;
}

static bool cleave_ranges(struct ctx *c, struct sharding *s, struct broker *source, struct cleaving *x)
{
    struct shard_list todo;
    struct shard_range own;
    int64_t done = 0;
    bool stored;

    if (!broker_own_shard_now(c, s->broker, &own, &stored) || !ranges_to_do(c, s, x, &todo))
        return false;
    if (!*x->cursor) {
        cleaving_start(x);
        x->cursor = own.lower;
    }
    x->ranges_todo = (int64_t)todo.n;
    for (size_t i = 0; stored && i < todo.n && !x->cleaving_done && done < s->all->o->cleave_batch_size && !daemon_stops(); i++) {
        struct shard_range *r = &todo.at[i];
        enum cleaved how;

        if (shard_lowers(r->lower, x->cursor) > 0 || !is_ready(r))
            break;                           /* a gap, or one that is not made yet */
        if (!cleave_range(c, s, source, x, r, &own, &how))
            return false;
        if (how == CLEAVED_FAILED)
            break;
        done += how == CLEAVED_WELL;
    }
    return cleaving_store(c, s->broker, x);
}

bool sharder_cleave(struct ctx *c, struct sharding *s, bool *ret_complete)
{
    struct broker *source;
    struct bounds bounds[2];
    enum broker_state state;
    struct cleaving x;
    bool well = true;

    *ret_complete = false;
    if (!broker_state(c, s->broker, &state))
        return false;
    if (state == BROKER_SHARDED) {
        *ret_complete = true;
        return true;
    }
    if (!cleaving_load(c, s->broker, &x) || !(source = broker_retiring(c, s->broker)))
        return !failed(c);
    if (!x.misplaced_done) {
        size_t n = sharder_own_bounds(c, s, bounds);

        well = !failed(c) && sharder_move(c, s, source, bounds, n, &x.misplaced_done) && cleaving_store(c, s->broker, &x);
    }
    if (well && !x.cleaving_done)
        well = cleave_ranges(c, s, source, &x);
    broker_done(source);
    *ret_complete = well && x.misplaced_done && x.cleaving_done;
    return well;
}

/* Shards that were cleaved are active then, and a shard that was cleaved is no more: the root hears of both at once. */
static bool set_final_ranges(struct ctx *c, struct sharding *s, struct shard_range *own)
{
    struct shard_list changed = {};

    shard_set_counts(own, 0, 0);
    if (own->state == SHARD_SHRINKING || own->state == SHARD_SHRUNK) {
        shard_set_state(own, SHARD_SHRUNK, (struct timestamp){});
    } else {
        shard_set_state(own, SHARD_SHARDED, (struct timestamp){});
        if (!broker_shards(c, s->broker, &(struct shard_query){ .states = SHARD_IN(SHARD_CLEAVED) }, &changed))
            return false;
        for (size_t i = 0; i < changed.n; i++)
            shard_set_state(&changed.at[i], SHARD_ACTIVE, (struct timestamp){});
    }
    if (!s->is_root && !own->deleted) {
        own->timestamp = own->meta_timestamp = own->state_timestamp = timestamp_now();
        own->deleted = true;
    }
    shard_add(c, &changed, own);
    return broker_merge_shards(c, s->broker, changed.at, changed.n);
}

bool sharder_complete(struct ctx *c, struct sharding *s, bool *ret_sharded)
{
    struct shard_range own;
    struct cleaving x;
    bool stored;

    *ret_sharded = false;
    if (!cleaving_load(c, s->broker, &x))
        return false;
    if (!cleaving_is_done(&x)) {             /* rows have come to the retiring database since */
        log_info(c, "container-sharder: repeat cleaving required for %s", broker_path(s->broker));
        cleaving_reset(&x);
        return cleaving_store(c, s->broker, &x);
    }
    if (!broker_own_shard_now(c, s->broker, &own, &stored) || !stored || !set_final_ranges(c, s, &own))
        return !failed(c);
    *ret_sharded = broker_set_sharded(c, s->broker);
    return !failed(c);
}
