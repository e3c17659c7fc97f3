/* One database and one other node: it is asked what it has; what it lacks is sent as rows, or as the whole file. */
#include "swift/daemon/replicator.h"

#include "oslo/base/log.h"
#include "oslo/privsep/run.h"
#include "swift/broker/rpc.h"
#include "swift/broker/shards.h"
#include "swift/daemon/rsync.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/proxy/backend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_ANSWER ((size_t)64 * 1024 * 1024)
#define RSYNC_US ((int64_t)3600 * G_USEC_PER_SEC)

struct peer {
    struct replicated *one;
    const struct ring_device *node;
    bool other_region;
};

/* --- calls ------------------------------------------------------------------------------------------------------------------------- */

/* One REPLICATE with a list as its body, which is stolen. The status; 0: no answer. ret_answer may be NULL. */
static int replicate(struct ctx *c, const struct peer *p, json_t *list, double timeout, json_t **ret_answer)
{
    const struct daemon_settings *s = p->one->all->round->settings;
    struct swift_response response = RESPONSE_EMPTY;
    struct headers headers = {};
    char *body = json_dumps(list, JSON_ENSURE_ASCII), *text;
    struct backend_call call = { .kind = p->one->all->kind, .node = { .device = p->node, .replication = true }, .partition = p->one->partition,
                                 .method = "REPLICATE", .account = p->one->hash, .headers = &headers, .bytes = body, .length = (int64_t)strlen(body),
                                 .connect_timeout_us = (int64_t)(s->conn_timeout * 1e6), .timeout_us = (int64_t)(timeout * 1e6) };
    size_t n;

    json_decref(list);
    headers_set(c, &headers, "Content-Type", "application/json");
    backend_do(c, &call, &response);
    text = response_take_all(c, &response, MOST_ANSWER, &n);
    if (ret_answer)
        *ret_answer = text ? ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, NULL)) : NULL;
    free(body);
    fault_clear(c);
    if (!text || (response.status / 100 != 2 && response.status != 404 && response.status != 507))
        log_warning(c, "%s: %s:%d/%s answers %d to %s", p->one->all->round->daemon->name, p->node->replication_ip, p->node->replication_port,
                    p->node->device, response.status, broker_path(p->one->broker));
    return text ? response.status : 0;
}

static int ask(struct ctx *c, const struct peer *p, json_t *list, json_t **ret_answer)
{
    return replicate(c, p, list, p->one->all->round->settings->node_timeout, ret_answer);
}

/* --- the whole file ---------------------------------------------------------------------------------------------------------------- */

static bool copy_bytes(int from, int to)
{
    size_t room = (size_t)256 * 1024;
    char *block = g_malloc(room);
    ssize_t n;

    while ((n = read(from, block, room)) > 0 && disk.write(to, block, (size_t)n) == n)
        ;
    g_free(block);
    return !n && !disk.fsync(to);
}

/* To a drive of this process's own: no rsync is needed. */
static bool copy_file(struct ctx *c, const char *from, const char *to)
{
    int source = disk.open(from, O_RDONLY, 0), target = disk.open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool well = source >= 0 && target >= 0 && copy_bytes(source, target);

    if (!well)
        log_error(c, "swift: %s cannot be copied to %s: %s", from, to, g_strerror(errno));
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    return well;
}

static bool run_rsync(struct ctx *c, const struct peer *p, const char *to, bool whole)
{
    const struct daemon_settings *s = p->one->all->round->settings;
    const char *argv[12] = { "rsync", "--quiet", "--no-motd", ctx_printf(c, "--timeout=%d", (int)ceil(s->node_timeout)),
                             ctx_printf(c, "--contimeout=%d", (int)ceil(s->conn_timeout)) };
    struct run run = { .quiet = true, .timeout_us = RSYNC_US };
    size_t n = 5;

    if (whole)
        argv[n++] = "--whole-file";
    if (p->one->all->options->rsync_compress && p->other_region)
        argv[n++] = "--compress";
    argv[n++] = broker_path(p->one->broker);
    argv[n++] = to;
    if (run_argv(c, &run, argv) && !run.exit_code)
        return true;
    log_error(c, "swift: rsync of %s to %s failed with %d: %s", broker_path(p->one->broker), to, run.exit_code, run.error ? run.error : "");
    fault_clear(c);
    return false;
}

static bool has_journal(struct ctx *c, const char *path)
{
    return !access(ctx_printf(c, "%s-journal", path), F_OK);
}

static bool bring_held(struct ctx *c, const struct peer *p, const char *to, bool local)
{
    struct broker *b = p->one->broker;
    bool well;

    if (!broker_hold(c, b))
        return false;
    well = local ? copy_file(c, broker_path(b), to) : run_rsync(c, p, to, false);
    broker_let_go(b);
    return well;
}

/* Once as it lies there; what changed meanwhile once more, while nobody may write. */
static bool bring_file(struct ctx *c, const struct peer *p)
{
    const char *path = broker_path(p->one->broker), *module = rsync_module(c, p->one->all->options->rsync_module, p->node), *to;
    struct stat before, after;

    if (storage_is_local(p->one->all->kind, p->node))
        return bring_held(c, p, ctx_printf(c, "%s/tmp/%s", round_device_path(c, p->node->device), p->one->info.id), true);
    if (!module)
        return false;
    to = ctx_printf(c, "%s/%s/tmp/%s", module, p->node->device, p->one->info.id);
    if (stat(path, &before) || !run_rsync(c, p, to, true) || stat(path, &after))
        return false;
    if (!has_journal(c, path) && after.st_mtim.tv_sec == before.st_mtim.tv_sec && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
        return true;
    return bring_held(c, p, to, false);
}

static bool send_file(struct ctx *c, const struct peer *p, const char *operation, double timeout)
{
    g_autofree char *name = g_path_get_basename(broker_path(p->one->broker));

    return bring_file(c, p) && replicate(c, p, json_pack("[s, s, s]", operation, p->one->info.id, name), timeout, NULL) / 100 == 2;
}

/* --- rows -------------------------------------------------------------------------------------------------------------------------- */

/* One batch; *point moves behind it. *ret_n 0: there were none. */
static bool send_batch(struct ctx *parent, const struct peer *p, int64_t *point, size_t *ret_n)
{
    struct replicator *all = p->one->all;
    struct broker_row *rows;
    struct ctx c;
    bool well;

    ctx_init_child(&c, parent, parent->service);
    well = broker_rows_since(&c, p->one->broker, *point, all->options->per_diff, &rows, ret_n);
    if (well && *ret_n) {
        json_t *list = broker_rows_to_json(&c, all->broker, rows, *ret_n);

        well = ask(&c, p, json_pack("[s, O, s]", "merge_items", list, p->one->info.id), NULL) / 100 == 2;
        *point = well ? rows[*ret_n - 1].rowid : *point;
    }
    ctx_clear(&c);
    return well;
}

static json_t *points_json(const struct sync_point *points, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:I}", "remote_id", points[i].remote_id, "sync_point", points[i].point));
    return list;
}

/* All rows behind point, as long as there are not too many for one round. */
static bool send_rows(struct ctx *c, const struct peer *p, int64_t point, const char *remote_id)
{
    struct replicator *all = p->one->all;
    struct sync_point *known;
    size_t n_known, n = 1;
    struct broker_row *more;

    replicator_count(all, &all->stats.diff);
    if (!broker_sync_points(c, p->one->broker, true, &known, &n_known))
        return false;
    for (int64_t i = 0; n && i < all->options->max_diffs && !daemon_stops(); i++)
        if (!send_batch(c, p, &point, &n))
            return false;
    if (!broker_rows_since(c, p->one->broker, point, 1, &more, &n))
        return false;
    if (n) {
        replicator_count(all, &all->stats.diff_capped);
        return false;
    }
    return ask(c, p, json_pack("[s, o]", "merge_syncs", points_json(known, n_known)), NULL) / 100 == 2 &&
           broker_merge_sync_points(c, p->one->broker, &(struct sync_point){ remote_id, point }, 1, false);
}

/* --- what the other says of its own ------------------------------------------------------------------------------------------------ */

static struct timestamp time_in(json_t *info, const char *name)
{
    struct timestamp t = {};

    timestamp_parse(json_string_value(json_object_get(info, name)), &t);
    return t;
}

static int64_t int_in(json_t *info, const char *name)
{
    return json_integer_value(json_object_get(info, name));
}

/* Times, metadata and the policy flow both ways. */
static bool learn(struct ctx *c, const struct replicated *one, json_t *theirs)
{
    const struct broker_info *i = &one->info;
    struct timestamp created = time_in(theirs, "created_at"), put = time_in(theirs, "put_timestamp"), deleted = time_in(theirs, "delete_timestamp");

    if (one->all->broker == BROKER_CONTAINER && json_object_get(theirs, "storage_policy_index")) {
        struct policy_view mine = policy_view_of(i), other = { (int)int_in(theirs, "storage_policy_index"), put, deleted,
                                                               time_in(theirs, "status_changed_at"), int_in(theirs, "count") };

        if (mine.policy_index != other.policy_index && policy_view_compare(&mine, &other) > 0 &&
            !broker_set_policy(c, one->broker, other.policy_index, timestamp_now()))
            return false;
        if ((timestamp_compare(created, i->created_at) || timestamp_compare(put, i->put_timestamp) || timestamp_compare(deleted, i->delete_timestamp)) &&
            !broker_merge_timestamps(c, one->broker, created, put, deleted))
            return false;
    }
    return broker_merge_metadata(c, one->broker, json_string_value(json_object_get(theirs, "metadata")));
}

/* --- shard ranges: all of them, always; there are few ------------------------------------------------------------------------------ */

static bool take_shards(struct ctx *c, const struct peer *p)
{
    struct shard_list shards;
    json_t *list;

    return ask(c, p, json_pack("[s]", "get_shard_ranges"), &list) / 100 == 2 && !shards_from_json(c, list, &shards) &&
           broker_merge_shards(c, p->one->broker, shards.at, shards.n);
}

static bool send_shards(struct ctx *c, const struct peer *p)
{
    struct shard_list shards;

    if (!broker_shards(c, p->one->broker, &(struct shard_query){ .own_too = true, .deleted_too = true }, &shards))
        return false;
    return !shards.n || ask(c, p, json_pack("[s, O, s]", "merge_shard_ranges", shards_to_json(c, &shards), p->one->info.id), NULL) / 100 == 2;
}

/* Both know all ranges then. *ret_alone: rows come by cleaving, none is sent. */
static bool exchange_shards(struct ctx *c, const struct peer *p, json_t *theirs, bool *ret_alone)
{
    bool well;

    *ret_alone = false;
    if (p->one->all->broker == BROKER_ACCOUNT)
        return true;
    if (json_integer_value(json_object_get(theirs, "shard_max_row")) > 0 && !take_shards(c, p))
        log_warning(c, "%s: no shard ranges from %s:%d/%s", p->one->all->round->daemon->name, p->node->replication_ip, p->node->replication_port,
                    p->node->device);
    well = !failed(c) && send_shards(c, p) && broker_sharding_initiated(c, p->one->broker, ret_alone);
    if (*ret_alone)
        replicator_count(p->one->all, &p->one->all->stats.deferred);
    return well;
}

/* Does it know all that is here? */
static bool in_sync(struct ctx *c, const struct replicated *one, json_t *theirs, const char *remote_id, int64_t known)
{
    struct replicator *all = one->all;
    const char *hash = json_string_value(json_object_get(theirs, "hash"));

    if (known >= one->info.max_row) {
        replicator_count(all, &all->stats.no_change);
        return true;
    }
    if (!hash || strcmp(hash, one->info.hash))
        return false;
    replicator_count(all, &all->stats.hashmatch);
    return broker_merge_sync_points(c, one->broker, &(struct sync_point){ remote_id, int_in(theirs, "point") }, 1, false);
}

/* How the rest is sent: much behind, and by more than a batch, as a file that is merged there. */
static bool bring_up(struct ctx *c, const struct peer *p, json_t *theirs)
{
    struct replicator *all = p->one->all;
    const struct broker_info *mine = &p->one->info;
    const char *id = json_string_value(json_object_get(theirs, "id"));
    int64_t have = int_in(theirs, "max_row"), known;

    if (!id)
        return false;
    known = MAX(int_in(theirs, "point"), broker_sync_point(c, p->one->broker, id, false));
    if (in_sync(c, p->one, theirs, id, known))
        return true;
    if (failed(c))
        return false;
    if (have * 2 < mine->max_row && mine->max_row - have > all->options->per_diff) {
        replicator_count(all, &all->stats.remote_merge);
        return send_file(c, p, "rsync_then_merge", MAX(all->round->settings->node_timeout, (double)mine->object_count / 2000));
    }
    return send_rows(c, p, known, id);
}

static json_t *sync_arguments(struct ctx *c, const struct replicated *one)
{
    static const char *const names[] = { "max_row", "hash", "id", "created_at", "put_timestamp", "delete_timestamp", "metadata",
                                         "status_changed_at", "count", "storage_policy_index" };
    json_t *info = broker_info_to_json(c, one->all->broker, &one->info), *list = json_pack("[s]", "sync");
    size_t n = one->all->broker == BROKER_CONTAINER && policies_count() > 1 ? G_N_ELEMENTS(names) : 7;

    for (size_t i = 0; i < n; i++)
        json_array_append(list, json_object_get(info, names[i]));
    return list;
}

enum peer_answer replicate_to(struct ctx *c, struct replicated *one, const struct ring_device *node, bool other_region)
{
    struct peer p = { one, node, other_region };
    json_t *theirs;
    int status = ask(c, &p, sync_arguments(c, one), &theirs);
    bool well = false;

    if (status == 507)
        return PEER_NOT_MOUNTED;
    if (status == 404) {
        replicator_count(one->all, &one->all->stats.rsync);
        well = send_file(c, &p, "complete_rsync", one->all->round->settings->node_timeout);
    } else if (status / 100 == 2 && json_is_object(theirs)) {
        bool alone;

        well = learn(c, one, theirs) && exchange_shards(c, &p, theirs, &alone) && (alone || bring_up(c, &p, theirs));
    }
    if (failed(c))
        log_error(c, "%s: %s with %s:%d/%s: %s", one->all->round->daemon->name, broker_path(one->broker), node->replication_ip, node->replication_port,
                  node->device, c->fault.message);
    fault_clear(c);
    return well ? PEER_WELL : PEER_FAILED;
}
