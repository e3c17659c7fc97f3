/* Rows that lie in the wrong database: brought into those of the shards they belong to, and taken away where they were. */
#include "swift/daemon/sharder.h"

#include "oslo/base/log.h"
#include "swift/name.h"

#include <string.h>

/* A shard that gets some. */
struct destination {
    const struct shard_range *range;
    struct shard_place place;
    const char *source_id;           /* of the database, and its last row, before the first of them was read */
    int64_t max_row;
    bool open;
};

struct moving {
    struct sharding *s;
    struct broker *source;
    const char *source_name;
    struct shard_list ranges;        /* where rows may go, once they were asked for */
    bool asked;
    struct destination *to;          /* side by side with ranges */
    int64_t placed, unplaced;
    bool well;
};

size_t sharder_own_bounds(struct ctx *c, struct sharding *s, struct bounds ret[2])
{
    struct shard_range own;
    size_t n = 0;

    if (!broker_own_shard(c, s->broker, &own, NULL))
        return 0;
    if (*own.lower)
        ret[n++] = (struct bounds){ "", own.lower };
    if (*own.upper)
        ret[n++] = (struct bounds){ own.upper, "" };
    return n;
}

/* The root knows where rows belong. */
static bool ask_ranges(struct ctx *c, struct moving *m, const struct bounds *b)
{
    const char *end = *b->upper ? ctx_printf(c, "%s" RESERVED, b->upper) : "";

    m->asked = true;
    if (m->s->is_root) {
        if (!broker_shards(c, m->s->broker, &(struct shard_query){ .marker = b->lower, .end_marker = end, .states = SHARD_IN_UPDATING }, &m->ranges))
            return false;
    } else if (!sharder_ask_root(c, m->s, ctx_printf(c, "states=updating&marker=%s&end_marker=%s", name_quote(c, b->lower, ""), name_quote(c, end, "")),
                                 false, &m->ranges)) {
        m->ranges = (struct shard_list){};
    }
    m->to = ctx_new_n(c, struct destination, m->ranges.n + 1);
    return !failed(c);
}

static bool place_rows(struct ctx *c, struct ctx *rows_ctx, struct moving *m, size_t at, const struct broker_row *rows, size_t n,
                       const struct broker_info *before)
{
    struct destination *to = &m->to[at];

    if (!strcmp(m->ranges.at[at].name, m->source_name))
        return true;                         /* the root has made this one larger: they are where they belong */
    if (!to->open) {
        if (!sharder_open_shard(c, m->s, &m->ranges.at[at], &to->place))
            return false;
        stat_add(m->s->all, "misplaced", timestamp_set(to->place.made) ? "db_created" : "db_exists", 1);
        to->range = &m->ranges.at[at];
        to->source_id = ctx_strdup(c, before->id);
        to->max_row = before->max_row;
        to->open = true;
    }
    m->placed += (int64_t)n;
    return broker_merge_rows(rows_ctx, to->place.broker, rows, n, NULL);
}

/* One batch, row by row to the range that holds it. */
static bool place_batch(struct ctx *c, struct ctx *rows_ctx, struct moving *m, const struct broker_row *rows, size_t n, const struct broker_info *before)
{
    for (size_t i = 0, next; i < n; i = next) {
        const struct shard_range *r = shard_find(&m->ranges, rows[i].name);

        for (next = i + 1; next < n && shard_find(&m->ranges, rows[next].name) == r; next++)
            ;
        if (!r)
            m->unplaced += (int64_t)(next - i);
        else if (!place_rows(c, rows_ctx, m, (size_t)(r - m->ranges.at), rows + i, next - i, before))
            return false;
    }
    return true;
}

static bool move_batches(struct ctx *c, struct moving *m, const struct bounds *b)
{
    int64_t limit = m->s->all->o->cleave_row_batch_size;
    const char *marker = b->lower, *end = *b->upper ? ctx_printf(c, "%s" RESERVED, b->upper) : "";
    bool more = true, from_it = false, well = true;

    while (well && more && !daemon_stops()) {
        struct broker_info before;
        struct broker_row *rows;
        struct ctx own;
        size_t n = 0;

        ctx_init_child(&own, c, c->service);
        well = broker_info(&own, m->source, &before) && broker_rows_between(&own, m->source, marker, from_it, end, 0, limit, &rows, &n) &&
               (!n || m->asked || ask_ranges(c, m, b)) && (!n || place_batch(c, &own, m, rows, n, &before));
        more = well && (int64_t)n == limit;
        from_it = true;                      /* the last name may have rows under several policies */
        if (more)
            marker = ctx_strdup(c, rows[n - 1].name);
        if (failed(&own))
            fail(c, own.fault.status, own.fault.type, "%s", own.fault.message);
        ctx_clear(&own);
    }
    return well;
}

/* What a shard has got goes to its nodes, and then away from here. */
static bool settle(struct ctx *c, struct moving *m, struct destination *to)
{
    struct broker_info now;
    size_t well, n;
    bool all = sharder_replicate(c, m->s->all, to->place.broker, to->place.partition, to->place.device_id, &well, &n);

    to->open = false;
    fault_clear(c);
    if (!all && (int)well < quorum_of((int)ring_replicas(m->s->all->replicator.ring))) {
        log_warning(c, "container-sharder: failed to sufficiently replicate misplaced objects in %s (not removing)", m->source_name);
        m->well = false;
        return true;
    }
    if (!broker_info(c, m->source, &now))
        return false;
    if (strcmp(now.id, to->source_id)) {
        m->well = false;
        return true;
    }
    return broker_remove_rows(c, m->source, to->range->lower, to->range->upper, to->max_row);
}

static bool move_range(struct ctx *c, struct sharding *s, struct broker *source, const struct bounds *b, struct moving *m)
{
    bool well;

    *m = (struct moving){ .s = s, .source = source, .source_name = broker_name(c, source), .well = true };
    well = m->source_name && move_batches(c, m, b);
    for (size_t i = 0; i < m->ranges.n; i++) {
        if (m->to[i].open && well)
            well = settle(c, m, &m->to[i]);
        if (m->to[i].open)
            broker_done(m->to[i].place.broker);
    }
    if (m->unplaced) {
        log_warning(c, "container-sharder: failed to find a destination for %" G_GINT64_FORMAT " misplaced objects in %s", m->unplaced, m->source_name);
        m->well = false;
    }
    return well;
}

bool sharder_move(struct ctx *c, struct sharding *s, struct broker *source, const struct bounds *bounds, size_t n, bool *ret_well)
{
    int64_t placed = 0, unplaced = 0;

    *ret_well = true;
    stat_add(s->all, "misplaced", "attempted", 1);
    for (size_t i = 0; i < n; i++) {
        struct moving m;

        if (!move_range(c, s, source, &bounds[i], &m)) {
            stat_add(s->all, "misplaced", "failure", 1);
            return false;
        }
        placed += m.placed;
        unplaced += m.unplaced;
        *ret_well = *ret_well && m.well;
    }
    stat_add(s->all, "misplaced", "placed", placed);
    stat_add(s->all, "misplaced", "unplaced", unplaced);
    stat_add(s->all, "misplaced", "found", placed || unplaced);
    stat_add(s->all, "misplaced", *ret_well ? "success" : "failure", 1);
    return true;
}

bool sharder_move_misplaced(struct ctx *c, struct sharding *s)
{
    struct bounds bounds[2];
    enum broker_state state;
    struct cleaving context;
    struct shard_range own;
    size_t n = 0;
    bool well;

    if (!broker_state(c, s->broker, &state))
        return false;
    if (state == BROKER_SHARDED) {           /* whatever is there */
        bounds[n++] = (struct bounds){ "", "" };
    } else if (state == BROKER_SHARDING) {   /* what was cleaved already */
        if (!cleaving_load(c, s->broker, &context) || !broker_own_shard(c, s->broker, &own, NULL))
            return false;
        if (*context.cursor)
            bounds[n++] = (struct bounds){ "", context.cursor };
        if (*context.cursor && *own.upper)
            bounds[n++] = (struct bounds){ own.upper, "" };
    }
    if (!n)
        n = sharder_own_bounds(c, s, bounds);
    return !failed(c) && sharder_move(c, s, s->broker, bounds, n, &well);
}
