/* What a database says of itself: counts, times, metadata, sync points. */
#include "swift/broker/parts.h"

#include "oslo/base/text.h"
#include "swift/broker/shards.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

/* --- info ------------------------------------------------------------------------------------------------------------------- */

static const char container_info_sql[] =
    "SELECT account, container, created_at, put_timestamp, delete_timestamp, status_changed_at, status, hash, id, metadata, object_count, bytes_used,"
    " reported_put_timestamp, reported_delete_timestamp, reported_object_count, reported_bytes_used, x_container_sync_point1,"
    " x_container_sync_point2, storage_policy_index, reconciler_sync_point,"
    " (SELECT seq FROM sqlite_sequence WHERE name = 'object') FROM container_stat";
static const char account_info_sql[] =
    "SELECT account, NULL, created_at, put_timestamp, delete_timestamp, status_changed_at, status, hash, id, metadata, object_count, bytes_used,"
    " container_count, (SELECT seq FROM sqlite_sequence WHERE name = 'container') FROM account_stat";

static void read_common(struct ctx *c, sqlite3_stmt *s, struct broker_info *i)
{
    i->account = lite_text(c, s, 0);
    i->container = sqlite3_column_type(s, 1) == SQLITE_NULL ? NULL : lite_text(c, s, 1);
    i->created_at = lite_timestamp(s, 2);
    i->put_timestamp = lite_timestamp(s, 3);
    i->delete_timestamp = lite_timestamp(s, 4);
    i->delete_text = lite_text(c, s, 4);
    i->status_changed_at = lite_timestamp(s, 5);
    i->status = lite_text(c, s, 6);
    i->hash = lite_text(c, s, 7);
    i->id = lite_text(c, s, 8);
    i->metadata = lite_text(c, s, 9);
    i->object_count = sqlite3_column_int64(s, 10);
    i->bytes_used = sqlite3_column_int64(s, 11);
}

static int64_t max_row(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, column);
}

static void read_container(struct ctx *c, sqlite3_stmt *s, struct broker_info *i)
{
    i->reported_put = lite_timestamp(s, 12);
    i->reported_delete = lite_timestamp(s, 13);
    i->reported_put_text = lite_text(c, s, 12);
    i->reported_delete_text = lite_text(c, s, 13);
    i->reported_object_count = sqlite3_column_int64(s, 14);
    i->reported_bytes_used = sqlite3_column_int64(s, 15);
    i->sync_point1 = sqlite3_column_int64(s, 16);
    i->sync_point2 = sqlite3_column_int64(s, 17);
    i->policy_index = sqlite3_column_int(s, 18);
    i->reconciler_sync_point = sqlite3_column_int64(s, 19);
    i->max_row = max_row(s, 20);
}

/* What the database itself says. */
static bool read_info(struct ctx *c, struct broker *b, struct broker_info *ret)
{
    sqlite3_stmt *s;
    bool found;

    *ret = (struct broker_info){};
    if (!broker_commit_pending(c, b))
        return false;
    s = lite_query(c, b, b->kind == BROKER_CONTAINER ? container_info_sql : account_info_sql, "");
    found = s && lite_row(c, b, s);
    if (found) {
        read_common(c, s, ret);
        if (b->kind == BROKER_CONTAINER) {
            read_container(c, s, ret);
        } else {
            ret->container_count = sqlite3_column_int64(s, 12);
            ret->max_row = max_row(s, 13);
        }
    }
    lite_done(s);
    if (!found && !failed(c)) {
        broker_quarantine(c, b, "a missing row in its stat table");
        return fail(c, 500, "DatabaseConnectionError", "%s has no row of its own", b->path);
    }
    return found;
}

/* While it is sharding the retiring database knows how much there is; of a sharded root its shards do. */
static bool count_elsewhere(struct ctx *c, struct broker *b, struct broker_info *ret)
{
    struct broker *old;
    struct broker_info info;
    enum broker_state state;
    bool root = false, well = true;

    if (!broker_state(c, b, &state) || (state == BROKER_SHARDED && !broker_is_root(c, b, &root)))
        return false;
    ret->db_state = broker_state_name(state);
    if (root)
        return broker_shard_usage(c, b, &ret->object_count, &ret->bytes_used);
    if (state != BROKER_SHARDING || !(old = broker_retiring(c, b)))
        return !failed(c);
    well = read_info(c, old, &info);
    ret->object_count = info.object_count;
    ret->bytes_used = info.bytes_used;
    broker_done(old);
    return well;
}

bool broker_info(struct ctx *c, struct broker *b, struct broker_info *ret)
{
    if (!read_info(c, b, ret))
        return false;
    return b->kind == BROKER_ACCOUNT || count_elsewhere(c, b, ret);
}

bool broker_is_deleted(struct ctx *c, struct broker *b, struct broker_info *ret)
{
    struct broker_info own, *i = ret ? ret : &own;

    if (!broker_info(c, b, i))
        return false;
    if (b->kind == BROKER_ACCOUNT)
        return !strcmp(i->status, "DELETED") || (!i->container_count && timestamp_compare(i->delete_timestamp, i->put_timestamp) > 0);
    return !i->object_count && timestamp_compare(i->delete_timestamp, i->put_timestamp) > 0;
}

static bool has_nothing(struct ctx *c, struct broker *b)
{
    if (!broker_commit_pending(c, b))
        return false;
    return !lite_int(c, b, 0, b->kind == BROKER_CONTAINER ? "SELECT max(object_count) FROM policy_stat" : "SELECT container_count FROM account_stat", "");
}

bool broker_is_empty(struct ctx *c, struct broker *b)
{
    struct broker *old = b->kind == BROKER_CONTAINER ? broker_retiring(c, b) : NULL;
    bool empty = has_nothing(c, b) && (!old || has_nothing(c, old)), root, initiated;
    int64_t objects = 0, bytes;

    broker_done(old);
    if (!empty || b->kind == BROKER_ACCOUNT || !broker_is_root(c, b, &root) || !broker_sharding_initiated(c, b, &initiated))
        return empty && !failed(c);
    return !root || !initiated || (broker_shard_usage(c, b, &objects, &bytes) && objects <= 0);
}

bool broker_policy_counts(struct ctx *c, struct broker *b, struct policy_count **ret, size_t *ret_n)
{
    sqlite3_stmt *s = lite_query(c, b, b->kind == BROKER_CONTAINER
                                ? "SELECT storage_policy_index, 0, object_count, bytes_used FROM policy_stat"
                                : "SELECT storage_policy_index, container_count, object_count, bytes_used FROM policy_stat", "");
    struct policy_count *counts = ctx_new_n(c, struct policy_count, 256);
    size_t n = 0;

    while (s && n < 256 && lite_row(c, b, s))
        counts[n++] = (struct policy_count){ sqlite3_column_int(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
                                             sqlite3_column_int64(s, 3) };
    lite_done(s);
    *ret = counts;
    *ret_n = n;
    return !failed(c);
}

/* --- metadata --------------------------------------------------------------------------------------------------------------- */

/* The stat table's statement of this kind of database. */
#define PICK(b, before, after) ((b)->kind == BROKER_CONTAINER ? before "container_stat" after : before "account_stat" after)

static json_t *read_metadata(struct ctx *c, struct broker *b)
{
    sqlite3_stmt *s = lite_query(c, b, PICK(b, "SELECT metadata FROM ", ""), "");
    const char *text = s && lite_row(c, b, s) ? lite_text(c, s, 0) : NULL;
    json_t *object;

    lite_done(s);
    object = ctx_json(c, text && *text ? json_loads(text, JSON_ALLOW_NUL, NULL) : json_object());
    return failed(c) ? NULL : object ? object : ctx_json(c, json_object());
}

bool broker_metadata(struct ctx *c, struct broker *b, struct broker_meta **ret, size_t *ret_n)
{
    json_t *all = read_metadata(c, b), *pair;
    struct broker_meta *list;
    const char *key;
    size_t n = 0;

    if (!all)
        return false;
    list = ctx_new_n(c, struct broker_meta, json_object_size(all) + 1);
    json_object_foreach(all, key, pair) {
        json_t *value = json_array_get(pair, 0);

        list[n].name = ctx_strdup(c, key);
        list[n].value = json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : "";
        timestamp_parse(json_string_value(json_array_get(pair, 1)), &list[n].when);
        n++;
    }
    *ret = list;
    *ret_n = n;
    return true;
}

static bool set_metadata(struct ctx *c, json_t *all, const struct broker_meta *m)
{
    const char *old = json_string_value(json_array_get(json_object_get(all, m->name), 1));
    struct timestamp when = {};
    size_t n;
    const char *bytes;

    if (old && timestamp_parse(old, &when) && timestamp_compare(m->when, when) <= 0)
        return false;
    bytes = name_bytes(c, m->value, &n);
    json_object_set_new(all, m->name, json_pack("[s%, s]", bytes, n, timestamp_text(c, m->when)));
    return true;
}

bool broker_update_metadata(struct ctx *c, struct broker *b, const struct broker_meta *list, size_t n)
{
    json_t *all;
    bool changed = false, well;
    char *text;

    if (!n)
        return true;
    if (!lite_begin(c, b))
        return false;
    all = read_metadata(c, b);
    for (size_t i = 0; all && i < n; i++)
        changed = set_metadata(c, all, &list[i]) || changed;
    if (!all || !changed) {
        lite_rollback(b);
        return all != NULL;
    }
    text = json_dumps(all, JSON_ENSURE_ASCII);
    well = lite_run(c, b, PICK(b, "UPDATE ", " SET metadata = ?"), "t", text) && lite_commit(c, b);
    free(text);
    if (!well)
        lite_rollback(b);
    return well;
}

/* --- times ------------------------------------------------------------------------------------------------------------------ */

bool broker_update_put_timestamp(struct ctx *c, struct broker *b, struct timestamp put)
{
    return lite_run(c, b, PICK(b, "UPDATE ", " SET put_timestamp = ?1 WHERE put_timestamp < ?1"), "s", put);
}

bool broker_update_status_changed_at(struct ctx *c, struct broker *b, struct timestamp when)
{
    return lite_run(c, b, PICK(b, "UPDATE ", " SET status_changed_at = ?1 WHERE status_changed_at < ?1"), "s", when);
}

bool broker_set_policy(struct ctx *c, struct broker *b, int policy, struct timestamp when)
{
    return lite_run(c, b, "INSERT OR IGNORE INTO policy_stat (storage_policy_index) VALUES (?)", "i", (int64_t)policy) &&
           lite_run(c, b, "UPDATE container_stat SET storage_policy_index = ?1, status_changed_at = MAX(?2, status_changed_at)"
                   " WHERE storage_policy_index <> ?1", "is", (int64_t)policy, when);
}

static bool kept_when_deleted(const char *name)
{
    return !g_ascii_strcasecmp(name, "X-Container-Sysmeta-Shard-Quoted-Root") || !g_ascii_strcasecmp(name, "X-Container-Sysmeta-Shard-Root");
}

bool broker_delete(struct ctx *c, struct broker *b, struct timestamp when)
{
    struct broker_meta *list;
    size_t n, used = 0;

    if (!broker_metadata(c, b, &list, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!kept_when_deleted(list[i].name))
            list[used++] = (struct broker_meta){ list[i].name, "", when };
    return broker_update_metadata(c, b, list, used) &&
           lite_run(c, b, PICK(b, "UPDATE ", " SET delete_timestamp = ?1, status = 'DELETED', status_changed_at = ?1 WHERE delete_timestamp < ?1"),
                   "s", when);
}

bool broker_merge_timestamps(struct ctx *c, struct broker *b, struct timestamp created_at, struct timestamp put, struct timestamp deleted)
{
    struct broker_info before, after;
    bool was = broker_is_deleted(c, b, &before), is;

    if (failed(c) || !lite_run(c, b, PICK(b, "UPDATE ", " SET created_at = MIN(?, created_at), put_timestamp = MAX(?, put_timestamp),"
                                         " delete_timestamp = MAX(?, delete_timestamp)"), "zzz", created_at, put, deleted))
        return false;
    is = broker_is_deleted(c, b, &after);
    return !failed(c) && (was == is || broker_update_status_changed_at(c, b, timestamp_now()));
}

bool broker_reported(struct ctx *c, struct broker *b, const struct broker_info *i)
{
    return lite_run(c, b, "UPDATE container_stat SET reported_put_timestamp = ?, reported_delete_timestamp = ?, reported_object_count = ?,"
                   " reported_bytes_used = ?", "zzii", i->put_timestamp, i->delete_timestamp, i->object_count, i->bytes_used);
}

bool broker_set_sync_points(struct ctx *c, struct broker *b, int64_t point1, int64_t point2)
{
    return lite_run(c, b, "UPDATE container_stat SET x_container_sync_point1 = ?, x_container_sync_point2 = ?", "ii", point1, point2);
}

/* --- other replicas --------------------------------------------------------------------------------------------------------- */

bool broker_sync_points(struct ctx *c, struct broker *b, bool incoming, struct sync_point **ret, size_t *ret_n)
{
    sqlite3_stmt *s = lite_query(c, b, incoming ? "SELECT remote_id, sync_point FROM incoming_sync LIMIT 1000"
                                               : "SELECT remote_id, sync_point FROM outgoing_sync LIMIT 1000", "");
    struct sync_point *points = ctx_new_n(c, struct sync_point, 1000);
    size_t n = 0;

    while (s && n < 1000 && lite_row(c, b, s)) {
        points[n].remote_id = lite_text(c, s, 0);
        points[n++].point = sqlite3_column_int64(s, 1);
    }
    lite_done(s);
    *ret = points;
    *ret_n = n;
    return !failed(c);
}

bool broker_merge_sync_points(struct ctx *c, struct broker *b, const struct sync_point *points, size_t n, bool incoming)
{
    for (size_t i = 0; i < n; i++)
        if (!lite_run(c, b, incoming
                     ? "INSERT INTO incoming_sync (sync_point, remote_id) VALUES (?, ?) ON CONFLICT (remote_id) DO UPDATE SET"
                       " sync_point = max(excluded.sync_point, sync_point)"
                     : "INSERT INTO outgoing_sync (sync_point, remote_id) VALUES (?, ?) ON CONFLICT (remote_id) DO UPDATE SET"
                       " sync_point = max(excluded.sync_point, sync_point)", "it", points[i].point, points[i].remote_id))
            return false;
    return true;
}

int64_t broker_sync_point(struct ctx *c, struct broker *b, const char *remote_id, bool incoming)
{
    return lite_int(c, b, -1, incoming ? "SELECT sync_point FROM incoming_sync WHERE remote_id = ?"
                                      : "SELECT sync_point FROM outgoing_sync WHERE remote_id = ?", "t", remote_id);
}

bool broker_new_id(struct ctx *c, struct broker *b, const char *remote_id)
{
    const char *table = b->kind == BROKER_CONTAINER ? "/containers/" : "/accounts/", *end = g_strrstr(b->dir, table), *device;
    int64_t last;

    if (!end && g_str_has_suffix(b->dir, "/tmp"))            /* it has just arrived */
        end = b->dir + strlen(b->dir) - 4;
    device = end ? ctx_strndup(c, b->dir, (size_t)(end - b->dir)) : b->dir;
    device = strrchr(device, '/') ? strrchr(device, '/') + 1 : device;
    last = lite_int(c, b, -1, b->kind == BROKER_CONTAINER ? "SELECT max(ROWID) FROM object" : "SELECT max(ROWID) FROM container", "");
    if (!lite_run(c, b, PICK(b, "UPDATE ", " SET id = ?"), "t", ctx_printf(c, "%s-%s", uuid_new(c), device)) ||
        !lite_run(c, b, "INSERT OR REPLACE INTO incoming_sync (sync_point, remote_id) VALUES (?, ?)", "it", last, remote_id))
        return false;
    return b->kind == BROKER_ACCOUNT ||
           lite_run(c, b, "UPDATE container_stat SET reported_put_timestamp = 0, reported_delete_timestamp = 0, reported_object_count = 0,"
                   " reported_bytes_used = 0", "");
}

/* Removed metadata that is old enough goes. */
static bool reclaim_metadata(struct ctx *c, struct broker *b, struct timestamp before)
{
    json_t *all = read_metadata(c, b), *pair;
    const char *key;
    void *next;
    bool changed = false, well = true;
    char *text;

    json_object_foreach_safe(all, next, key, pair) {
        const char *value = json_string_value(json_array_get(pair, 0));
        struct timestamp when = {};

        if (value && !*value && timestamp_parse(json_string_value(json_array_get(pair, 1)), &when) && timestamp_compare(when, before) < 0) {
            json_object_del(all, key);
            changed = true;
        }
    }
    if (!changed)
        return all != NULL;
    text = json_dumps(all, JSON_ENSURE_ASCII);
    well = lite_run(c, b, PICK(b, "UPDATE ", " SET metadata = ?"), "t", text);
    free(text);
    return well;
}

/* Deleted ranges that everybody knows of; its own says what it was. */
static bool reclaim_shards(struct ctx *c, struct broker *b, struct timestamp before)
{
    const char *own = broker_name(c, b);

    return own && (broker_shard_max_row(c, b) < 0 ||
                   lite_run(c, b, "DELETE FROM shard_range WHERE deleted = 1 AND timestamp < ? AND name <> ?", "st", before, own));
}

bool broker_reclaim(struct ctx *c, struct broker *b, struct timestamp rows_before, struct timestamp syncs_before)
{
    return broker_commit_pending(c, b) &&
           lite_run(c, b, b->kind == BROKER_CONTAINER ? "DELETE FROM object WHERE deleted = 1 AND created_at < ?"
                                                     : "DELETE FROM container WHERE deleted = 1 AND delete_timestamp < ?", "s", rows_before) &&
           (b->kind == BROKER_ACCOUNT || reclaim_shards(c, b, syncs_before)) &&
           lite_run(c, b, "DELETE FROM outgoing_sync WHERE updated_at < ?", "s", syncs_before) &&
           lite_run(c, b, "DELETE FROM incoming_sync WHERE updated_at < ?", "s", syncs_before) && reclaim_metadata(c, b, rows_before);
}
