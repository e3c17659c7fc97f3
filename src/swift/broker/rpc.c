/* REPLICATE of databases. */
#include "swift/broker/rpc.h"

#include "oslo/base/text.h"
#include "swift/broker/shards.h"
#include "swift/constraints.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MOST_BODY ((size_t)256 * 1024 * 1024)

/* --- metadata's limits ------------------------------------------------------------------------------------------------------- */

static bool newer_given(const struct broker_meta *given, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(given[i].name, name))
            return true;
    return false;
}

static void weigh(const struct broker_meta *m, int64_t *count, int64_t *size)
{
    const char *name = !strncasecmp(m->name, "X-Account-Meta-", 15) ? m->name + 15 : !strncasecmp(m->name, "X-Container-Meta-", 17) ? m->name + 17 : NULL;

    if (!name || !*m->value)
        return;
    ++*count;
    *size += (int64_t)(strlen(name) + strlen(m->value));
}

bool broker_meta_fits(struct ctx *c, struct broker *b, const struct broker_meta *given, size_t n, struct swift_response *r)
{
    struct broker_meta *there;
    int64_t count = 0, size = 0;
    size_t n_there;

    if (!n)
        return true;
    if (!broker_metadata(c, b, &there, &n_there))
        return false;
    for (size_t i = 0; i < n; i++)
        weigh(&given[i], &count, &size);
    for (size_t i = 0; i < n_there; i++)
        if (!newer_given(given, n, there[i].name))
            weigh(&there[i], &count, &size);
    if (count > constraints->max_meta_count)
        response_error(c, r, 400, ctx_printf(c, "Too many metadata items; max %" G_GINT64_FORMAT, constraints->max_meta_count));
    else if (size > constraints->max_meta_overall_size)
        response_error(c, r, 400, ctx_printf(c, "Total metadata too large; max %" G_GINT64_FORMAT, constraints->max_meta_overall_size));
    else
        return true;
    return false;
}

/* --- rows as JSON -------------------------------------------------------------------------------------------------------------- */

static const char *text_of(struct ctx *c, json_t *row, const char *name)
{
    json_t *value = json_object_get(row, name);

    if (json_is_string(value))
        return name_from_bytes(c, json_string_value(value), json_string_length(value));
    if (json_is_integer(value))
        return ctx_printf(c, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return json_is_real(value) ? ctx_printf(c, "%.5f", json_real_value(value)) : NULL;
}

static int64_t int_of(struct ctx *c, json_t *row, const char *name)
{
    const char *text = text_of(c, row, name);
    int64_t value = 0;

    return text && text_to_int(text, &value) ? value : 0;
}

static bool read_row(struct ctx *c, enum broker_kind kind, json_t *row, struct broker_row *r)
{
    *r = (struct broker_row){ .name = text_of(c, row, "name"), .rowid = int_of(c, row, "ROWID"), .deleted = int_of(c, row, "deleted") != 0,
                              .policy_index = (int)int_of(c, row, "storage_policy_index") };
    if (kind == BROKER_ACCOUNT) {
        timestamp_parse(text_of(c, row, "put_timestamp"), &r->put_timestamp);
        timestamp_parse(text_of(c, row, "delete_timestamp"), &r->delete_timestamp);
        r->object_count = int_of(c, row, "object_count");
        r->bytes_used = int_of(c, row, "bytes_used");
        return r->name != NULL;
    }
    r->created_at = text_of(c, row, "created_at");
    r->size = int_of(c, row, "size");
    r->content_type = text_of(c, row, "content_type");
    r->etag = text_of(c, row, "etag");
    r->ctype_timestamp = text_of(c, row, "ctype_timestamp");
    r->meta_timestamp = text_of(c, row, "meta_timestamp");
    return r->name && r->created_at;
}

bool broker_rows_from_json(struct ctx *c, enum broker_kind kind, json_t *list, struct broker_row **ret, size_t *ret_n)
{
    struct broker_row *rows = ctx_new_n(c, struct broker_row, json_array_size(list) + 1);
    json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
        if (!json_is_object(row) || !read_row(c, kind, row, &rows[i]))
            return false;
    *ret = rows;
    *ret_n = json_array_size(list);
    return json_is_array(list);
}

static json_t *name_value(struct ctx *c, const char *name)
{
    size_t n;
    const char *bytes = name ? name_bytes(c, name, &n) : NULL;

    return bytes ? json_stringn(bytes, n) : json_null();
}

json_t *broker_rows_to_json(struct ctx *c, enum broker_kind kind, const struct broker_row *rows, size_t n)
{
    json_t *list = ctx_json(c, json_array());

    for (size_t i = 0; i < n; i++) {
        const struct broker_row *r = &rows[i];
        json_t *row = json_pack("{s:I, s:o, s:i, s:i}", "ROWID", r->rowid, "name", name_value(c, r->name), "deleted", (int)r->deleted,
                                "storage_policy_index", r->policy_index);

        if (kind == BROKER_ACCOUNT)
            json_object_update_new(row, json_pack("{s:s, s:s, s:I, s:I}", "put_timestamp", timestamp_text(c, r->put_timestamp), "delete_timestamp",
                                                  timestamp_set(r->delete_timestamp) ? timestamp_text(c, r->delete_timestamp) : "0", "object_count",
                                                  r->object_count, "bytes_used", r->bytes_used));
        else
            json_object_update_new(row, json_pack("{s:o, s:I, s:o, s:o}", "created_at", name_value(c, r->created_at), "size", r->size, "content_type",
                                                  name_value(c, r->content_type), "etag", name_value(c, r->etag)));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *read_json(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    json_error_t error;
    size_t n;
    char *text = request_take_all(c, r, MOST_BODY, &n, response);
    json_t *tree;

    if (!text)
        return NULL;
    tree = ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, &error));
    if (!tree)
        response_text(c, response, 400, "text/plain", ctx_strdup(c, error.text));
    return tree;
}

bool broker_rows_read(struct ctx *c, enum broker_kind kind, struct swift_request *r, struct swift_response *response, struct broker_row **ret,
                      size_t *ret_n)
{
    json_t *list = read_json(c, r, response);

    if (!list)
        return false;
    if (broker_rows_from_json(c, kind, list, ret, ret_n))
        return true;
    response_text(c, response, 400, "text/plain", "not a list of rows");
    return false;
}

/* --- sync ------------------------------------------------------------------------------------------------------------------------ */

static json_t *time_value(struct ctx *c, struct timestamp t)
{
    return json_string(timestamp_set(t) ? timestamp_text(c, t) : "0");
}

json_t *broker_info_to_json(struct ctx *c, enum broker_kind kind, const struct broker_info *i)
{
    json_t *o = ctx_json(c, json_pack("{s:s, s:s, s:I, s:I, s:s}", "hash", i->hash, "id", i->id, "max_row", i->max_row, "bytes_used", i->bytes_used,
                                      "status", i->status));

    json_object_set_new(o, "account", name_value(c, i->account));
    json_object_set_new(o, "created_at", time_value(c, i->created_at));
    json_object_set_new(o, "put_timestamp", time_value(c, i->put_timestamp));
    json_object_set_new(o, "delete_timestamp", time_value(c, i->delete_timestamp));
    json_object_set_new(o, "status_changed_at", time_value(c, i->status_changed_at));
    json_object_set_new(o, "metadata", json_string(i->metadata));
    if (kind == BROKER_ACCOUNT) {
        json_object_set_new(o, "count", json_integer(i->container_count));
        json_object_set_new(o, "object_count", json_integer(i->object_count));
        return o;
    }
    json_object_set_new(o, "container", name_value(c, i->container));
    json_object_set_new(o, "count", json_integer(i->object_count));
    json_object_set_new(o, "storage_policy_index", json_integer(i->policy_index));
    json_object_set_new(o, "db_state", json_string(i->db_state));
    json_object_set_new(o, "shard_max_row", json_integer(-1));
    return o;
}

bool broker_merge_metadata(struct ctx *c, struct broker *b, const char *text)
{
    json_t *all = text && *text ? ctx_json(c, json_loads(text, JSON_ALLOW_NUL, NULL)) : NULL, *pair;
    struct broker_meta *list = ctx_new_n(c, struct broker_meta, json_object_size(all) + 1);
    const char *key;
    size_t n = 0;

    json_object_foreach(all, key, pair) {
        json_t *value = json_array_get(pair, 0);

        list[n].name = ctx_strdup(c, key);
        list[n].value = json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : "";
        if (timestamp_parse(json_string_value(json_array_get(pair, 1)), &list[n].when))
            n++;
    }
    return broker_update_metadata(c, b, list, n);
}

static struct timestamp time_at(struct ctx *c, json_t *list, size_t i)
{
    struct timestamp t = {};

    timestamp_parse(json_string_value(json_array_get(list, i)), &t);
    return t;
}

/* Where the caller's replica knows the container's policy better: it is taken. The caller tells status_changed_at, count and policy where the
 * cluster has several. */
static bool sync_policy(struct ctx *c, struct broker *b, json_t *list, struct broker_info *info)
{
    struct policy_view mine = policy_view_of(info), theirs = { .put = time_at(c, list, 5), .deleted = time_at(c, list, 6), .status_changed = time_at(c, list, 8),
                                                               .object_count = json_integer_value(json_array_get(list, 9)),
                                                               .policy_index = (int)json_integer_value(json_array_get(list, 10)) };

    if (!json_is_integer(json_array_get(list, 10)) || mine.policy_index == theirs.policy_index || policy_view_compare(&mine, &theirs) <= 0)
        return true;
    return broker_set_policy(c, b, theirs.policy_index, timestamp_now()) && broker_info(c, b, info);
}

/* ["sync", max_row, hash, id, created_at, put_timestamp, delete_timestamp, metadata(, status_changed_at, count, storage_policy_index)] */
static bool sync_with(struct ctx *c, enum broker_kind kind, struct broker *b, json_t *list, struct swift_response *r)
{
    int64_t point = json_integer_value(json_array_get(list, 1)), known;
    const char *hash = json_string_value(json_array_get(list, 2)), *id = json_string_value(json_array_get(list, 3));
    struct timestamp created = time_at(c, list, 4), put = time_at(c, list, 5), deleted = time_at(c, list, 6);
    struct broker_info info;
    json_t *answer;

    if (!hash || !id)
        return fail(c, BAD_REQUEST, "sync");
    if (!broker_info(c, b, &info) || (kind == BROKER_CONTAINER && !sync_policy(c, b, list, &info)) || !broker_merge_metadata(c, b, json_string_value(json_array_get(list, 7))))
        return false;
    if ((timestamp_compare(created, info.created_at) || timestamp_compare(put, info.put_timestamp) || timestamp_compare(deleted, info.delete_timestamp)) &&
        !broker_merge_timestamps(c, b, created, put, deleted))
        return false;
    known = broker_sync_point(c, b, id, true);
    if (!strcmp(hash, info.hash) && known < point) {
        if (!broker_merge_sync_points(c, b, &(struct sync_point){ id, point }, 1, true))
            return false;
        known = point;
    }
    answer = broker_info_to_json(c, kind, &info);
    json_object_set_new(answer, "point", json_integer(known));
    if (kind == BROKER_CONTAINER)
        json_object_set_new(answer, "shard_max_row", json_integer(broker_shard_max_row(c, b)));
    char *text = json_dumps(answer, JSON_ENSURE_ASCII);
    response_text(c, r, 200, "text/html; charset=UTF-8", text);
    free(text);
    return true;
}

static bool merge_items(struct ctx *c, enum broker_kind kind, struct broker *b, json_t *list, struct swift_response *r)
{
    const char *source = json_string_value(json_array_get(list, 2));
    struct broker_row *rows;
    size_t n;

    if (!broker_rows_from_json(c, kind, json_array_get(list, 1), &rows, &n))
        return fail(c, BAD_REQUEST, "merge_items");
    if (n && !broker_merge_rows(c, b, rows, n, source))
        return false;
    response_error(c, r, 202, NULL);
    return true;
}

static bool merge_syncs(struct ctx *c, enum broker_kind kind, struct broker *b, json_t *list, struct swift_response *r)
{
    json_t *points = json_array_get(list, 1), *each;
    size_t i;

    json_array_foreach(points, i, each) {
        struct sync_point point = { json_string_value(json_object_get(each, "remote_id")), json_integer_value(json_object_get(each, "sync_point")) };

        if (point.remote_id && !broker_merge_sync_points(c, b, &point, 1, true))
            return false;
    }
    response_error(c, r, 202, NULL);
    return true;
}

static bool merge_shards(struct ctx *c, enum broker_kind kind, struct broker *b, json_t *list, struct swift_response *r)
{
    struct shard_list shards;

    if (kind != BROKER_CONTAINER || shards_from_json(c, json_array_get(list, 1), &shards))
        return fail(c, BAD_REQUEST, "merge_shard_ranges");
    if (!broker_merge_shards(c, b, shards.at, shards.n))
        return false;
    response_error(c, r, 202, NULL);
    return true;
}

static bool get_shards(struct ctx *c, enum broker_kind kind, struct broker *b, json_t *list, struct swift_response *r)
{
    struct shard_list shards;

    (void)list;
    if (kind != BROKER_CONTAINER)
        return true;
    if (!broker_shards(c, b, &(struct shard_query){ .own_too = true, .deleted_too = true }, &shards))
        return false;
    char *text = json_dumps(shards_to_json(c, &shards), JSON_ENSURE_ASCII);
    response_text(c, r, 200, "application/json", text);
    free(text);
    return true;
}

static const struct { const char *name; bool (*run)(struct ctx *, enum broker_kind, struct broker *, json_t *, struct swift_response *); } operations[] = {
    { "sync", sync_with }, { "merge_items", merge_items }, { "merge_syncs", merge_syncs }, { "merge_shard_ranges", merge_shards },
    { "get_shard_ranges", get_shards },
};

/* --- whole databases ------------------------------------------------------------------------------------------------------------- */

static bool is_plain(const char *name)
{
    return name && *name && *name != '.' && !strchr(name, '/');
}

static bool merge_shard_list(struct ctx *c, struct broker *from, struct broker *to)
{
    struct shard_list shards;

    return broker_shards(c, from, &(struct shard_query){ .own_too = true, .deleted_too = true }, &shards) &&
           broker_merge_shards(c, to, shards.at, shards.n);
}

/* What only the one that is there knows. */
static bool merge_file(struct ctx *c, enum broker_kind kind, struct broker *old, struct broker *b)
{
    struct broker_row *rows;
    struct broker_meta *meta;
    struct sync_point *points;
    int64_t last = -1;
    size_t n, n_meta, n_points;

    do {
        if (!broker_rows_since(c, old, last, 1000, &rows, &n) || (n && !broker_merge_rows(c, b, rows, n, NULL)))
            return false;
        last = n ? rows[n - 1].rowid : last;
    } while (n == 1000);
    return broker_sync_points(c, old, true, &points, &n_points) && broker_merge_sync_points(c, b, points, n_points, true) &&
           broker_metadata(c, old, &meta, &n_meta) && broker_update_metadata(c, b, meta, n_meta) &&
           (kind == BROKER_ACCOUNT || merge_shard_list(c, old, b));
}

/* One that rsync has brought into <device>/tmp: becomes the database, or is merged with the one that is there. */
static void take_file(struct ctx *c, enum broker_kind kind, const char *device, const char *path, bool merge, json_t *list, struct swift_response *r)
{
    const char *name = json_string_value(json_array_get(list, 1)), *as = json_string_value(json_array_get(list, 2)), *came;
    struct broker *b, *old;
    bool well, sharding = false;

    if (!is_plain(name) || (as && !is_plain(as))) {
        response_error(c, r, 400, NULL);
        return;
    }
    if (as && !merge)                        /* "<hash>_<epoch>.db" */
        path = ctx_printf(c, "%.*s/%s", (int)(strrchr(path, '/') - path), path, as);
    came = ctx_printf(c, "%s/tmp/%s", device, name);
    if ((merge ? access(path, F_OK) : !access(path, F_OK)) || access(came, F_OK)) {
        response_error(c, r, 404, NULL);
        return;
    }
    b = broker_open_file(c, kind, came);
    well = b != NULL;
    old = merge && well ? broker_open_file(c, kind, path) : NULL;
    if (old && kind == BROKER_CONTAINER)
        well = broker_sharding_initiated(c, old, &sharding);
    if (sharding) {                          /* it has begun since the caller asked: rows come by cleaving now */
        broker_done(old);
        broker_done(b);
        response_error(c, r, 404, NULL);
        return;
    }
    well = well && (!old || merge_file(c, kind, old, b)) && broker_new_id(c, b, name);
    broker_done(old);
    broker_done(b);
    if (!well)
        return;
    g_autofree char *dir = g_path_get_dirname(path);
    if (!disk_make_dirs(dir) || disk.rename(came, path) || !disk_sync_dir(dir))
        fail(c, INTERNAL_ERROR, g_strerror(errno));
    else
        response_error(c, r, 204, NULL);
}

/* --- the call ---------------------------------------------------------------------------------------------------------------------- */

static bool is_hash(const char *text)
{
    return text && strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

static char *database(struct ctx *c, enum broker_kind kind, const struct swift_request *r, const char *device)
{
    char *dir = ctx_printf(c, "%s/%s/%u/%s/%s", device, kind == BROKER_ACCOUNT ? "accounts" : "containers", r->partition, r->account + 29, r->account);

    return broker_newest_file(c, dir, r->account);
}

void broker_rpc(struct ctx *c, enum broker_kind kind, struct swift_request *r, struct swift_response *response)
{
    const char *device = storage_device(c, r, response), *path, *op;
    struct broker *b;
    json_t *list;

    if (!device)
        return;
    if (!is_hash(r->account)) {
        response_error(c, response, 400, NULL);
        return;
    }
    list = read_json(c, r, response);
    op = json_string_value(json_array_get(list, 0));
    if (!list || !op) {
        if (list)
            response_error(c, response, 400, "Invalid object type");
        return;
    }
    path = database(c, kind, r, device);
    if (!strcmp(op, "rsync_then_merge") || !strcmp(op, "complete_rsync")) {
        take_file(c, kind, device, path, *op == 'r', list, response);
        return;
    }
    disk_make_dirs(ctx_printf(c, "%s/tmp", device));
    b = broker_open_file(c, kind, path);
    if (!b) {
        if (!failed(c))
            response_error(c, response, 404, NULL);
        return;
    }
    response->status = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(operations); i++)
        if (!strcmp(op, operations[i].name))
            operations[i].run(c, kind, b, list, response);
    if (!response->status && !failed(c))
        response_error(c, response, 501, NULL);
    broker_done(b);
}
