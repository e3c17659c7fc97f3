/* A database's life while its container is sharded: the fresh one is made beside it, its rows are taken, it goes. */
#include "swift/broker/parts.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/broker/shards.h"
#include "swift/disk/io.h"
#include "swift/name.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* --- which file --------------------------------------------------------------------------------------------------------------------- */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static size_t files_of(struct ctx *c, const char *path, char ***ret)
{
    g_autofree char *dir = g_path_get_dirname(path);

    return broker_files(c, dir, base_of(path), ret);
}

const char *broker_epoch(const struct broker *b)
{
    static _Thread_local char text[TIMESTAMP_TEXT];
    const char *base = base_of(b->path), *dot = strrchr(base, '.');

    if (strlen(base) < 36 || base[32] != '_' || dot < base + 33)
        return NULL;
    g_strlcpy(text, base + 33, MIN(sizeof(text), (size_t)(dot - base - 32)));
    return text;
}

bool broker_is_newest(struct ctx *c, const char *path)
{
    char **files;
    size_t n = files_of(c, path, &files);

    return !n || !strcmp(base_of(files[n - 1]), base_of(path));
}

struct broker *broker_open_newest(struct ctx *c, enum broker_kind kind, const char *path)
{
    char **files;
    size_t n = files_of(c, path, &files);

    return n ? broker_open_file(c, kind, files[n - 1]) : NULL;
}

struct broker *broker_retiring(struct ctx *c, struct broker *b)
{
    struct broker *old;
    char **files;
    size_t n = files_of(c, b->path, &files);

    if (n < 2)
        return NULL;
    old = broker_open_file(c, b->kind, files[n - 2]);
    if (old)
        old->retiring = true;
    return old;
}

/* --- states ------------------------------------------------------------------------------------------------------------------------- */

const char *broker_state_name(enum broker_state state)
{
    static const char *const names[] = { "unsharded", "sharding", "sharded", "collapsed" };

    return names[state];
}

bool broker_state(struct ctx *c, struct broker *b, enum broker_state *ret)
{
    struct timestamp epoch = {};
    const char *text = broker_epoch(b);
    struct shard_range own;
    struct shard_list list;
    char **files;

    *ret = BROKER_UNSHARDED;
    if (b->kind == BROKER_ACCOUNT || (!text && !b->retiring))
        return true;
    if (files_of(c, b->path, &files) > 1) {
        *ret = BROKER_SHARDING;
        return true;
    }
    if (!text)
        return true;
    if (!timestamp_parse(text, &epoch) || !broker_own_shard(c, b, &own, NULL))
        return !failed(c);
    if (timestamp_compare(epoch, own.epoch))
        return true;
    if (!broker_shards(c, b, &(struct shard_query){}, &list))
        return false;
    *ret = list.n ? BROKER_SHARDED : BROKER_COLLAPSED;
    return true;
}

/* --- a fresh one -------------------------------------------------------------------------------------------------------------------- */

static bool copy_sync_points(struct ctx *c, struct broker *from, struct broker *to)
{
    for (int incoming = 0; incoming < 2; incoming++) {
        struct sync_point *points;
        size_t n;

        if (!broker_sync_points(c, from, incoming, &points, &n) || !broker_merge_sync_points(c, to, points, n, incoming))
            return false;
    }
    return true;
}

/* Its rows are numbered from where the retiring one's end. */
static bool continue_rows(struct ctx *c, struct broker *b, int64_t max_row)
{
    return max_row < 1 ||
           (lite_run(c, b, "INSERT INTO object (ROWID, name, created_at, size, content_type, etag) VALUES (?, 'tmp_sharding', ?, 0, '',"
                    " 'd41d8cd98f00b204e9800998ecf8427e')", "is", max_row, timestamp_now()) &&
            lite_run(c, b, "DELETE FROM object WHERE ROWID = ?", "i", max_row));
}

static bool fill_fresh(struct ctx *c, struct broker *from, struct broker *to, const struct broker_info *info)
{
    struct broker_meta *meta;
    struct shard_list shards;
    size_t n;

    return broker_metadata(c, from, &meta, &n) && broker_update_metadata(c, to, meta, n) &&
           broker_shards(c, from, &(struct shard_query){ .own_too = true, .deleted_too = true }, &shards) &&
           broker_merge_shards(c, to, shards.at, shards.n) && copy_sync_points(c, from, to) && continue_rows(c, to, info->max_row) &&
           lite_run(c, to, "UPDATE container_stat SET created_at = ?, delete_timestamp = ?, status = ?, status_changed_at = ?", "szts", info->created_at,
                    info->delete_timestamp, info->status, info->status_changed_at);
}

static const char *device_path(struct ctx *c, const struct broker *b)
{
    const char *end = g_strrstr(b->dir, "/containers/");

    return end ? ctx_strndup(c, b->dir, (size_t)(end - b->dir)) : b->dir;
}

bool broker_set_sharding(struct ctx *c, struct broker *b)
{
    const char *device = device_path(c, b), *tmp = ctx_printf(c, "%s/tmp/fresh%s.db", device, uuid_new(c)), *to;
    struct broker *fresh;
    struct broker_info info;
    struct shard_range own;
    enum broker_state state;
    char epoch[TIMESTAMP_TEXT];
    bool well;

    if (!broker_own_shard(c, b, &own, NULL) || !broker_state(c, b, &state) || !broker_info(c, b, &info))
        return false;
    if (!timestamp_set(own.epoch) || (state != BROKER_UNSHARDED && state != BROKER_COLLAPSED)) {
        log_warning(c, "swift: container %s cannot be set to sharding: %s", broker_name(c, b), broker_state_name(state));
        return false;
    }
    to = ctx_printf(c, "%s/%.32s_%s.db", b->dir, base_of(b->path), timestamp_normal(epoch, own.epoch));
    struct broker_place place = { BROKER_CONTAINER, base_of(device), device, 0, info.account, info.container };
    if (!disk_make_dirs(ctx_printf(c, "%s/tmp", device)))
        return fail(c, 507, "DatabaseConnectionError", "%s/tmp: %s", device, g_strerror(errno));
    well = broker_make_file(c, tmp, &place, info.put_timestamp, info.policy_index) && (fresh = broker_open_alone(c, BROKER_CONTAINER, tmp));
    if (well) {
        well = fill_fresh(c, b, fresh, &info);
        broker_close(fresh);
    }
    well = well && ((broker_sync_file(tmp) && !disk.rename(tmp, to) && disk_sync_dir(b->dir)) || fail(c, 507, "DatabaseConnectionError", "%s: %s", to, g_strerror(errno)));
    if (!well)
        unlink(tmp);
    return well;
}

bool broker_set_sharded(struct ctx *c, struct broker *b)
{
    char **files;
    size_t n = files_of(c, b->path, &files);
    int lock;

    if (n < 2) {
        log_warning(c, "swift: container %s cannot be set to sharded: it is not sharding", broker_name(c, b));
        return false;
    }
    lock = broker_lock(b);                   /* nobody merges rows into it now */
    if (lock < 0)
        return fail(c, 503, "LockTimeout", "%s: the lock was not got in time", b->dir);
    n = unlink(files[n - 2]) && errno != ENOENT ? n : n - 1;
    disk_sync_dir(b->dir);
    broker_unlock(b, lock);
    return n < 2;
}

/* --- rows --------------------------------------------------------------------------------------------------------------------------- */

#define SOME(deleted, from) \
    "SELECT * FROM (SELECT ROWID, name, deleted, storage_policy_index, created_at, size, content_type, etag FROM object WHERE deleted = " deleted \
    " AND name " from " ?1 AND (?2 = '' OR name < ?2) AND ROWID > ?3 ORDER BY name LIMIT ?4)"
#define ROWS(from) SOME("0", from) " UNION ALL " SOME("1", from) " ORDER BY 2 LIMIT ?4"

bool broker_rows_between(struct ctx *c, struct broker *b, const char *lower, bool from_it, const char *end_marker, int64_t since, int64_t limit,
                         struct broker_row **ret, size_t *ret_n)
{
    struct broker_row *rows = ctx_new_n(c, struct broker_row, limit + 1);
    sqlite3_stmt *s;
    size_t n = 0;

    if (!broker_commit_pending(c, b))
        return false;
    s = lite_query(c, b, from_it ? ROWS(">=") : ROWS(">"), "ttii", lower, end_marker, since, limit);
    for (; s && (int64_t)n < limit && lite_row(c, b, s); n++)
        rows[n] = (struct broker_row){ .rowid = sqlite3_column_int64(s, 0), .name = lite_text(c, s, 1), .deleted = sqlite3_column_int(s, 2) != 0,
                                       .policy_index = sqlite3_column_int(s, 3), .created_at = lite_text(c, s, 4), .size = sqlite3_column_int64(s, 5),
                                       .content_type = lite_text(c, s, 6), .etag = lite_text(c, s, 7) };
    lite_done(s);
    *ret = rows;
    *ret_n = n;
    return !failed(c);
}

bool broker_remove_rows(struct ctx *c, struct broker *b, const char *lower, const char *upper, int64_t max_row)
{
    return lite_run(c, b, "DELETE FROM object WHERE deleted IN (0, 1) AND ROWID <= ?1 AND name > ?2 AND (?3 = '' OR name <= ?3)", "itt", max_row, lower,
                    upper);
}

int64_t broker_tombstones(struct ctx *c, struct broker *b)
{
    return broker_commit_pending(c, b) ? lite_int(c, b, -1, "SELECT count(*) FROM object WHERE deleted = 1", "") : -1;
}
