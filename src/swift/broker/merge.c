/* Rows made one with those that are there: of each of a row's three times the newest counts. */
#include "swift/broker/parts.h"

#include "swift/name.h"

#include <string.h>

/* --- objects ---------------------------------------------------------------------------------------------------------------- */

/* "text/plain;swift_bytes=5" in two. */
static const char *split_type(struct ctx *c, const char *type, const char **ret_bytes)
{
    const char *mark = type ? strstr(type, ";swift_bytes=") : NULL;

    *ret_bytes = NULL;
    if (!mark)
        return type ? type : "";
    const char *value = mark + strlen(";swift_bytes="), *end = strchr(value, ';');
    *ret_bytes = end ? ctx_strndup(c, value, (size_t)(end - value)) : value;
    return ctx_printf(c, "%.*s%s", (int)(mark - type), type, end ? end : "");
}

static struct timestamps times_of(const struct broker_row *row)
{
    struct timestamps t = {};

    timestamps_decode(row->created_at, &t);
    if (row->ctype_timestamp && timestamp_parse(row->ctype_timestamp, &t.content_type))
        t.meta = t.content_type;
    if (row->meta_timestamp)
        timestamp_parse(row->meta_timestamp, &t.meta);
    return t;
}

/* row becomes the newest of both. False: nothing of it is newer. */
static bool combine(struct ctx *c, struct broker_row *row, const struct broker_row *old)
{
    struct timestamps t = times_of(row), was;
    const char *type, *bytes, *old_type, *old_bytes;
    bool newer = false;

    if (!old) {
        row->created_at = timestamps_encode(c, t, false);
        return true;
    }
    was = times_of(old);
    type = split_type(c, row->content_type, &bytes);
    old_type = split_type(c, old->content_type, &old_bytes);
    if (timestamp_compare(was.data, t.data) >= 0) {
        row->size = old->size;
        row->etag = old->etag;
        row->deleted = old->deleted;
        bytes = old_bytes;
        t.data = was.data;
    } else {
        newer = true;
    }
    if (timestamp_compare(was.content_type, t.content_type) >= 0) {
        type = old_type;
        t.content_type = was.content_type;
    } else {
        newer = true;
    }
    if (timestamp_compare(was.meta, t.meta) >= 0)
        t.meta = was.meta;
    else
        newer = true;
    row->content_type = bytes ? ctx_printf(c, "%s;swift_bytes=%s", type, bytes) : type;
    row->created_at = timestamps_encode(c, t, false);
    row->ctype_timestamp = row->meta_timestamp = NULL;
    return newer;
}

static bool find_object(struct ctx *c, struct broker *b, const struct broker_row *row, struct broker_row *ret)
{
    sqlite3_stmt *s = lite_query(c, b, "SELECT ROWID, created_at, size, content_type, etag, deleted FROM object"
                                " WHERE deleted IN (0, 1) AND name = ? AND storage_policy_index = ?", "ti", row->name, (int64_t)row->policy_index);
    bool found = s && lite_row(c, b, s);

    if (found)
        *ret = (struct broker_row){ .name = row->name, .rowid = sqlite3_column_int64(s, 0), .created_at = lite_text(c, s, 1),
                                    .size = sqlite3_column_int64(s, 2), .content_type = lite_text(c, s, 3), .etag = lite_text(c, s, 4),
                                    .deleted = sqlite3_column_int(s, 5) != 0, .policy_index = row->policy_index };
    lite_done(s);
    return found;
}

static bool merge_object(struct ctx *c, struct broker *b, const struct broker_row *given)
{
    struct broker_row row = *given, old;
    bool found = find_object(c, b, &row, &old);

    if (failed(c))
        return false;
    if (!combine(c, &row, found ? &old : NULL))
        return true;
    if (found && !lite_run(c, b, "DELETE FROM object WHERE ROWID = ?", "i", old.rowid))
        return false;
    return lite_run(c, b, "INSERT INTO object (name, created_at, size, content_type, etag, deleted, storage_policy_index) VALUES (?, ?, ?, ?, ?, ?, ?)",
                   "ttittii", row.name, row.created_at, row.size, row.content_type, row.etag, (int64_t)row.deleted, (int64_t)row.policy_index);
}

/* --- containers ------------------------------------------------------------------------------------------------------------- */

static bool find_container(struct ctx *c, struct broker *b, const char *name, struct broker_row *ret)
{
    sqlite3_stmt *s = lite_query(c, b, "SELECT put_timestamp, delete_timestamp FROM container WHERE name = ? AND deleted IN (0, 1)", "t", name);
    bool found = s && lite_row(c, b, s);

    if (found)
        *ret = (struct broker_row){ .put_timestamp = lite_timestamp(s, 0), .delete_timestamp = lite_timestamp(s, 1) };
    lite_done(s);
    return found;
}

static bool merge_container(struct ctx *c, struct broker *b, const struct broker_row *given)
{
    struct broker_row row = *given, old;

    if (find_container(c, b, row.name, &old)) {
        if (timestamp_compare(old.put_timestamp, row.put_timestamp) > 0)
            row.put_timestamp = old.put_timestamp;
        if (timestamp_compare(old.delete_timestamp, row.delete_timestamp) > 0)
            row.delete_timestamp = old.delete_timestamp;
        row.deleted = timestamp_compare(row.delete_timestamp, row.put_timestamp) > 0 && !row.object_count;
    }
    return !failed(c) && lite_run(c, b, "DELETE FROM container WHERE name = ? AND deleted IN (0, 1)", "t", row.name) &&
           lite_run(c, b, "INSERT INTO container (name, put_timestamp, delete_timestamp, object_count, bytes_used, deleted, storage_policy_index)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?)", "tzziiii", row.name, row.put_timestamp, row.delete_timestamp,
                   row.object_count, row.bytes_used, (int64_t)row.deleted, (int64_t)row.policy_index);
}

/* --- both ------------------------------------------------------------------------------------------------------------------- */

bool broker_merge_rows(struct ctx *c, struct broker *b, const struct broker_row *rows, size_t n, const char *source)
{
    int64_t last = -1;
    bool well = lite_begin(c, b);

    for (size_t i = 0; well && i < n; i++) {
        well = b->kind == BROKER_CONTAINER ? merge_object(c, b, &rows[i]) : merge_container(c, b, &rows[i]);
        last = MAX(last, rows[i].rowid);
    }
    if (well && source)
        well = broker_merge_sync_points(c, b, &(struct sync_point){ source, last }, 1, true);
    well = well && lite_commit(c, b);
    if (!well)
        lite_rollback(b);
    return well;
}

/* --- rows by their order ---------------------------------------------------------------------------------------------------- */

#define OBJECT_ROW "SELECT ROWID, name, deleted, storage_policy_index, created_at, size, content_type, etag FROM object WHERE ROWID > ?1"

static void read_row(struct ctx *c, const struct broker *b, sqlite3_stmt *s, struct broker_row *r)
{
    *r = (struct broker_row){ .rowid = sqlite3_column_int64(s, 0), .name = lite_text(c, s, 1), .deleted = sqlite3_column_int(s, 2) != 0,
                              .policy_index = sqlite3_column_int(s, 3) };
    if (b->kind == BROKER_CONTAINER) {
        r->created_at = lite_text(c, s, 4);
        r->size = sqlite3_column_int64(s, 5);
        r->content_type = lite_text(c, s, 6);
        r->etag = lite_text(c, s, 7);
    } else {
        r->put_timestamp = lite_timestamp(s, 4);
        r->delete_timestamp = lite_timestamp(s, 5);
        r->object_count = sqlite3_column_int64(s, 6);
        r->bytes_used = sqlite3_column_int64(s, 7);
    }
}

static bool rows_behind(struct ctx *c, struct broker *b, const char *sql, int64_t rowid, int64_t limit, struct broker_row **ret, size_t *ret_n)
{
    sqlite3_stmt *s;
    struct broker_row *rows = ctx_new_n(c, struct broker_row, limit + 1);
    size_t n = 0;

    if (!broker_commit_pending(c, b))
        return false;
    s = lite_query(c, b, sql, "ii", rowid, limit);
    for (; s && (int64_t)n < limit && lite_row(c, b, s); n++)
        read_row(c, b, s, &rows[n]);
    lite_done(s);
    *ret = rows;
    *ret_n = n;
    return !failed(c);
}

bool broker_rows_since(struct ctx *c, struct broker *b, int64_t rowid, int64_t limit, struct broker_row **ret, size_t *ret_n)
{
    return rows_behind(c, b, b->kind == BROKER_CONTAINER ? OBJECT_ROW " ORDER BY ROWID LIMIT ?2"
                       : "SELECT ROWID, name, deleted, storage_policy_index, put_timestamp, delete_timestamp, object_count, bytes_used FROM container"
                         " WHERE ROWID > ?1 ORDER BY ROWID LIMIT ?2", rowid, limit, ret, ret_n);
}

bool broker_misplaced_since(struct ctx *c, struct broker *b, int64_t rowid, int64_t limit, struct broker_row **ret, size_t *ret_n)
{
    return rows_behind(c, b, OBJECT_ROW " AND storage_policy_index <> (SELECT storage_policy_index FROM container_stat LIMIT 1) ORDER BY ROWID LIMIT ?2",
                       rowid, limit, ret, ret_n);
}
