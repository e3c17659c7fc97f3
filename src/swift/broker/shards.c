/* The shard ranges of a container. */
#include "swift/broker/parts.h"

#include "swift/broker/shards.h"
#include "swift/name.h"

#include <string.h>

#define COLUMNS "name, timestamp, lower, upper, object_count, bytes_used, meta_timestamp, deleted, state, state_timestamp, epoch, reported, tombstones"

/* Databases made before there were shards have no table, those of the first years not all of its columns. */
static bool has_table(struct ctx *c, struct broker *b, bool make)
{
    int64_t n = lite_int(c, b, 0, "SELECT count(*) FROM pragma_table_info('shard_range')", "");

    if (failed(c))
        return false;
    if (!n)
        return make && lite_run(c, b, broker_shard_table, "") && lite_run(c, b, broker_shard_trigger, "");
    return (n > 12 || lite_run(c, b, "ALTER TABLE shard_range ADD COLUMN reported INTEGER DEFAULT 0", "")) &&
           (n > 13 || lite_run(c, b, "ALTER TABLE shard_range ADD COLUMN tombstones INTEGER DEFAULT -1", ""));
}

/* --- whose -------------------------------------------------------------------------------------------------------------------------- */

const char *broker_name(struct ctx *c, struct broker *b)
{
    sqlite3_stmt *s = b->name ? NULL : lite_query(c, b, "SELECT account, container FROM container_info", "");

    if (s && lite_row(c, b, s))
        b->name = g_strdup_printf("%s/%s", lite_text(c, s, 0), lite_text(c, s, 1));
    lite_done(s);
    return b->name || failed(c) ? ctx_strdup(c, b->name) : fail_null(c, 500, "DatabaseConnectionError", "%s has no row of its own", b->path);
}

const char *broker_shard_meta(struct ctx *c, struct broker *b, const char *name)
{
    const char *full = ctx_printf(c, "X-Container-Sysmeta-Shard-%s", name);
    struct broker_meta *list;
    size_t n;

    if (!broker_metadata(c, b, &list, &n))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_strcasecmp(list[i].name, full) && *list[i].value)
            return list[i].value;
    return NULL;
}

bool broker_set_shard_meta(struct ctx *c, struct broker *b, const char *name, const char *value)
{
    return broker_update_metadata(c, b, &(struct broker_meta){ ctx_printf(c, "X-Container-Sysmeta-Shard-%s", name), value, timestamp_now() }, 1);
}

/* What it was told its root is; NULL: nothing. */
static const char *told_root(struct ctx *c, struct broker *b)
{
    const char *quoted = broker_shard_meta(c, b, "Quoted-Root");

    return quoted ? name_decode(c, quoted, strlen(quoted), false) : failed(c) ? NULL : broker_shard_meta(c, b, "Root");
}

const char *broker_root(struct ctx *c, struct broker *b)
{
    const char *root = told_root(c, b);

    return root || failed(c) ? root : broker_name(c, b);
}

bool broker_is_root(struct ctx *c, struct broker *b, bool *ret)
{
    const char *root = told_root(c, b), *name = broker_name(c, b);
    struct shard_range own;
    bool stored;

    if (failed(c))
        return false;
    if (root) {
        *ret = !strcmp(root, name);
        return true;
    }
    if (!broker_own_shard(c, b, &own, &stored))
        return false;
    *ret = !stored || !own.deleted;          /* a shard that has shrunk may have forgotten its root */
    return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------------------------ */

static bool wanted(sqlite3_stmt *s, const struct shard_query *q, const char *own, size_t n_own)
{
    int state = sqlite3_column_int(s, 8);
    bool is_own = (size_t)sqlite3_column_bytes(s, 0) == n_own && !memcmp(sqlite3_column_text(s, 0), own, n_own);

    return (!q->states || (state >= SHARD_FOUND && state <= SHARD_SHRUNK && (q->states & SHARD_IN(state)))) && (is_own ? q->own_too : !q->own_only);
}

static struct shard_range read_range(struct ctx *c, sqlite3_stmt *s)
{
    struct shard_range r = {
        .name = lite_text(c, s, 0), .timestamp = lite_timestamp(s, 1), .lower = lite_text(c, s, 2), .upper = lite_text(c, s, 3),
        .object_count = sqlite3_column_int64(s, 4), .bytes_used = sqlite3_column_int64(s, 5), .meta_timestamp = lite_timestamp(s, 6),
        .deleted = sqlite3_column_int(s, 7) != 0, .state = (enum shard_state)sqlite3_column_int(s, 8), .state_timestamp = lite_timestamp(s, 9),
        .reported = sqlite3_column_int(s, 11) != 0, .tombstones = sqlite3_column_int64(s, 12),
    };

    if (sqlite3_column_type(s, 10) != SQLITE_NULL)
        r.epoch = lite_timestamp(s, 10);
    return r;
}

static bool read_ranges(struct ctx *c, struct broker *b, const struct shard_query *q, struct shard_list *ret)
{
    const char *own = broker_name(c, b);
    size_t n_own;
    sqlite3_stmt *s;

    *ret = (struct shard_list){};
    if (!own || !has_table(c, b, false))
        return !failed(c);
    own = name_bytes(c, own, &n_own);
    s = lite_query(c, b, "SELECT " COLUMNS " FROM shard_range WHERE (?1 OR deleted = 0) AND"
                   " (?2 IS NULL OR (lower < ?2 AND (upper = '' OR upper >= ?2)))", "it", (int64_t)q->deleted_too, q->includes);
    while (s && lite_row(c, b, s))
        if (wanted(s, q, own, n_own)) {
            struct shard_range r = read_range(c, s);

            shard_add(c, ret, &r);
        }
    lite_done(s);
    shard_sort(ret);
    return !failed(c);
}

static bool fill_end(struct ctx *c, struct broker *b, const char *marker, const char *end_marker, struct shard_list *list)
{
    struct shard_range own;
    const char *from;

    if (!broker_own_shard_now(c, b, &own, NULL))
        return false;
    if (list->n)
        from = list->at[list->n - 1].upper;
    else
        from = marker && name_compare(marker, own.lower) > 0 ? marker : own.lower;
    if (end_marker && *end_marker && shard_uppers(end_marker, own.upper) < 0)
        own.upper = end_marker;
    if (list->n ? shard_uppers(from, own.upper) >= 0 : shard_lower_upper(from, own.upper) >= 0)
        return true;
    own.lower = from;
    shard_add(c, list, &own);
    return true;
}

bool broker_shards(struct ctx *c, struct broker *b, const struct shard_query *q, struct shard_list *ret)
{
    const char *marker = q->reverse ? q->end_marker : q->marker, *end_marker = q->reverse ? q->marker : q->end_marker;

    *ret = (struct shard_list){};
    if (marker && *marker && end_marker && *end_marker && name_compare(marker, end_marker) >= 0)
        return true;
    if (!read_ranges(c, b, q, ret))
        return false;
    if (q->includes && *q->includes) {
        ret->n = MIN(ret->n, 1);
        return true;
    }
    shard_filter(ret, marker, end_marker);
    if (q->fill_gaps && !fill_end(c, b, marker, end_marker, ret))
        return false;
    if (q->reverse)
        shard_reverse(ret);
    return true;
}

bool broker_own_shard(struct ctx *c, struct broker *b, struct shard_range *ret, bool *ret_stored)
{
    struct shard_list list;

    if (!read_ranges(c, b, &(struct shard_query){ .own_too = true, .own_only = true, .deleted_too = true }, &list))
        return false;
    if (ret_stored)
        *ret_stored = list.n > 0;
    if (list.n) {
        *ret = list.at[0];
        return true;
    }
    *ret = (struct shard_range){ .name = broker_name(c, b), .timestamp = timestamp_now(), .lower = "", .upper = "", .state = SHARD_ACTIVE, .tombstones = -1 };
    ret->meta_timestamp = ret->state_timestamp = ret->timestamp;
    return true;
}

bool broker_own_shard_now(struct ctx *c, struct broker *b, struct shard_range *ret, bool *ret_stored)
{
    struct broker_info info;

    if (!broker_own_shard(c, b, ret, ret_stored) || !broker_info(c, b, &info))
        return false;
    shard_set_counts(ret, info.object_count, info.bytes_used);
    return true;
}

bool broker_shard_usage(struct ctx *c, struct broker *b, int64_t *ret_objects, int64_t *ret_bytes)
{
    struct shard_list list;

    if (!broker_shards(c, b, &(struct shard_query){ .states = SHARD_IN_STATS }, &list))
        return false;
    *ret_objects = *ret_bytes = 0;
    for (size_t i = 0; i < list.n; i++) {
        *ret_objects += list.at[i].object_count;
        *ret_bytes += list.at[i].bytes_used;
    }
    return true;
}

int64_t broker_shard_max_row(struct ctx *c, struct broker *b)
{
    return lite_int(c, b, -1, "SELECT seq FROM sqlite_sequence WHERE name = 'shard_range'", "");
}

bool broker_sharding_initiated(struct ctx *c, struct broker *b, bool *ret)
{
    struct shard_range own;
    struct shard_list list;

    *ret = false;
    if (!broker_own_shard(c, b, &own, NULL))
        return false;
    if (own.state < SHARD_SHRINKING)
        return true;
    if (!broker_shards(c, b, &(struct shard_query){}, &list))
        return false;
    *ret = list.n > 0;
    return true;
}

bool broker_sharding_required(struct ctx *c, struct broker *b, bool *ret)
{
    enum broker_state state;

    if (!broker_state(c, b, &state) || !broker_sharding_initiated(c, b, ret))
        return false;
    *ret = state == BROKER_SHARDING || (state == BROKER_UNSHARDED && *ret);
    return true;
}

/* --- merging ------------------------------------------------------------------------------------------------------------------------ */

struct stored { struct shard_range range; int64_t rowid; bool changed; };

static bool read_stored(struct ctx *c, struct broker *b, GHashTable *all)
{
    sqlite3_stmt *s = lite_query(c, b, "SELECT " COLUMNS ", ROWID FROM shard_range", "");

    while (s && lite_row(c, b, s)) {
        struct stored *one = ctx_new(c, struct stored);

        *one = (struct stored){ read_range(c, s), sqlite3_column_int64(s, 13), false };
        g_hash_table_replace(all, (char *)(uintptr_t)one->range.name, one);
    }
    lite_done(s);
    return !failed(c);
}

static void merge_one(struct ctx *c, GHashTable *all, const struct shard_range *given)
{
    struct stored *old = g_hash_table_lookup(all, given->name), *fresh;
    struct shard_range r = *given;

    if (!shard_merge(&r, old ? &old->range : NULL))
        return;
    fresh = ctx_new(c, struct stored);
    *fresh = (struct stored){ r, old ? old->rowid : 0, true };
    g_hash_table_replace(all, (char *)(uintptr_t)r.name, fresh);
}

static bool write_one(struct ctx *c, struct broker *b, const struct stored *s)
{
    const struct shard_range *r = &s->range;

    return (!s->rowid || lite_run(c, b, "DELETE FROM shard_range WHERE ROWID = ?", "i", s->rowid)) &&
           lite_run(c, b, "INSERT INTO shard_range (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "tsttiisiistii", r->name, r->timestamp,
                    r->lower, r->upper, r->object_count, r->bytes_used, r->meta_timestamp, (int64_t)r->deleted, (int64_t)r->state, r->state_timestamp,
                    timestamp_set(r->epoch) ? timestamp_text(c, r->epoch) : NULL, (int64_t)r->reported, r->tombstones);
}

/* In the order in which they were given, so that equal calls make equal tables. */
static bool write_changed(struct ctx *c, struct broker *b, GHashTable *all, const struct shard_range *given, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct stored *s = g_hash_table_lookup(all, given[i].name);

        if (s && s->changed && !write_one(c, b, s))
            return false;
        if (s)
            s->changed = false;
    }
    return true;
}

bool broker_merge_shards(struct ctx *c, struct broker *b, const struct shard_range *given, size_t n)
{
    GHashTable *all;
    bool well;

    if (!n)
        return true;
    if (!has_table(c, b, true) || !lite_begin(c, b))
        return false;
    all = g_hash_table_new(g_str_hash, g_str_equal);
    well = read_stored(c, b, all);
    for (size_t i = 0; well && i < n; i++)
        merge_one(c, all, &given[i]);
    well = well && write_changed(c, b, all, given, n) && lite_commit(c, b);
    g_hash_table_destroy(all);
    if (!well)
        lite_rollback(b);
    return well;
}

/* --- finding ------------------------------------------------------------------------------------------------------------------------ */

/* The name of the object that is size behind upper; NULL: there are not so many. */
static const char *next_upper(struct ctx *c, struct broker *b, int64_t size, const char *upper)
{
    const char *name = NULL;
    sqlite3_stmt *s;

    b->leaves_pending = false;               /* they are counted off with all that there is, as the original does */
    if (!broker_commit_pending(c, b))
        return NULL;
    s = lite_query(c, b, "SELECT name FROM object WHERE deleted = 0 AND name > ? ORDER BY name LIMIT 1 OFFSET ?", "ti", upper, size - 1);
    if (s && lite_row(c, b, s))
        name = lite_text(c, s, 0);
    lite_done(s);
    return name;
}

/* What is known of the objects in known ranges; false: nothing that could be relied on. */
static bool known_objects(const struct shard_list *known, int64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < known->n; i++) {
        if (known->at[i].state != SHARD_FOUND) {
            *ret = 0;
            return false;
        }
        *ret += known->at[i].object_count;
    }
    return true;
}

bool broker_find_shards(struct ctx *c, struct broker *b, int64_t size, int64_t limit, const struct shard_list *known, int64_t minimum,
                        struct found_shard **ret, size_t *ret_n, bool *ret_last)
{
    int64_t progress, total, room = 16;
    struct broker *source;
    struct broker_info info;
    struct shard_range own;
    const char *last;
    bool reliable;

    *ret = ctx_new_n(c, struct found_shard, room);
    *ret_n = 0;
    *ret_last = false;
    minimum = MAX(minimum, 1);
    if (!broker_info(c, b, &info) || !broker_own_shard(c, b, &own, NULL))
        return false;
    total = info.object_count;
    if (size + minimum > total)              /* too small */
        return true;
    reliable = known_objects(known, &progress);
    last = known->n ? known->at[known->n - 1].upper : own.lower;
    if (known->n && shard_uppers(last, own.upper) >= 0) {
        *ret_last = true;
        return true;
    }
    source = broker_retiring(c, b);
    while (!failed(c) && !*ret_last && (limit < 0 || (int64_t)*ret_n < limit)) {
        const char *upper = progress + size + minimum > total ? NULL : next_upper(c, source ? source : b, size, last);

        if (!upper || shard_uppers(upper, own.upper) > 0) {
            upper = own.upper;
            size = reliable ? total - progress : size;
        }
        if ((int64_t)*ret_n == room) {
            struct found_shard *more = ctx_new_n(c, struct found_shard, room * 2);

            memcpy(more, *ret, (size_t)room * sizeof(*more));
            *ret = more;
            room *= 2;
        }
        (*ret)[*ret_n] = (struct found_shard){ (int64_t)(known->n + *ret_n), size, last, upper };
        ++*ret_n;
        *ret_last = !shard_uppers(upper, own.upper);
        progress += size;
        last = upper;
    }
    broker_done(source);
    return !failed(c);
}
