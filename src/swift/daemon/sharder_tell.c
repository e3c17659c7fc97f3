/* What the sharder asks and tells other nodes. */
#include "swift/daemon/sharder.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/daemon/internal.h"
#include "swift/name.h"
#include "swift/proxy/backend.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_NODES 96
#define MOST_BODY ((size_t)64 * 1024 * 1024)

bool sharder_ask_root(struct ctx *c, struct sharding *s, const char *query, bool deleted_too, struct shard_list *ret)
{
    const char *root = broker_root(c, s->broker), *account, *container, *type, *why = "no list";
    struct swift_response response = RESPONSE_EMPTY;
    struct headers h = {};
    char *text = NULL;
    size_t n = 0;

    if (!root)
        return false;
    shard_split_name(c, root, &account, &container);
    headers_set(c, &h, "X-Backend-Record-Type", "shard");
    headers_set(c, &h, "X-Backend-Override-Deleted", "true");
    headers_set(c, &h, "X-Backend-Include-Deleted", deleted_too ? "True" : "False");
    headers_set(c, &h, "X-Newest", "true");
    struct internal_call call = { .agent = "Swift Container Sharder", .method = "GET", .account = account, .container = container, .headers = &h,
                                  .query = ctx_printf(c, "format=json&%s", query), .tries = (int)s->all->o->request_tries };
    if (!internal_request(c, &call, &response)) {
        log_warning(c, "container-sharder: failed to get shard ranges from %s: %d", root, response.status);
        return false;
    }
    type = response_get(&response, "X-Backend-Record-Type");
    if (type && !strcmp(type, "shard") && (text = response_take_all(c, &response, MOST_BODY, &n)))
        why = shards_from_json(c, ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, NULL)), ret);
    response_clear(&response);
    if (why)
        log_error(c, "container-sharder: failed to get shard ranges from %s: %s", root, why);
    return !why;
}

static bool put_to(struct ctx *c, struct sharder *s, const struct ring_device *node, uint32_t partition, const char *account, const char *container,
                   const struct headers *headers, const char *body)
{
    const struct daemon_settings *settings = s->round->settings;
    struct swift_response r = RESPONSE_EMPTY;
    struct backend_call call = { .kind = STORAGE_CONTAINER, .node = { .device = node, .replication = true }, .partition = partition, .method = "PUT",
                                 .account = account, .container = container, .headers = headers, .bytes = body, .length = (int64_t)strlen(body),
                                 .connect_timeout_us = (int64_t)(settings->conn_timeout * 1e6), .timeout_us = (int64_t)(settings->node_timeout * 1e6) };

    backend_do(c, &call, &r);
    response_close(&r);
    if (r.status / 100 != 2)
        log_warning(c, "container-sharder: failed to put shard ranges to %s:%d/%s %s/%s: %d", node->replication_ip, node->replication_port, node->device,
                    account, container, r.status);
    return r.status / 100 == 2;
}

bool sharder_tell(struct ctx *c, struct sharder *s, const char *name, const struct shard_list *shards, const struct headers *more)
{
    const struct ring *ring = s->replicator.ring;
    const struct ring_device *nodes[MOST_NODES];
    json_t *list = shards_to_json(c, shards), *each;
    const char *account, *container;
    struct headers h = {};
    uint8_t digest[16];
    uint32_t partition;
    size_t n, i;
    int well = 0;

    json_array_foreach(list, i, each)
        json_object_set_new(each, "reported", json_integer(0));
    char *body = json_dumps(list, JSON_ENSURE_ASCII);
    shard_split_name(c, name, &account, &container);
    if (more)
        headers_copy(c, &h, more);
    headers_set(c, &h, "X-Backend-Record-Type", "shard");
    headers_set(c, &h, "X-Backend-Use-Replication-Network", "True");
    headers_printf(c, &h, "User-Agent", "container-sharder %d", getpid());
    headers_set(c, &h, "X-Timestamp", timestamp_normal_text(c, timestamp_now()));
    headers_set(c, &h, "Content-Type", "application/json");
    hash_path(account, container, NULL, digest);
    partition = ring_partition(ring, digest);
    n = ring_primaries(ring, partition, nodes, G_N_ELEMENTS(nodes));
    for (i = 0; i < n; i++)
        well += put_to(c, s, nodes[i], partition, account, container, &h, body);
    free(body);
    fault_clear(c);
    return well >= quorum_of((int)n);
}

bool sharder_tell_root(struct ctx *c, struct sharding *s)
{
    struct timestamp now = timestamp_now(), before = { .raw = now.raw - s->all->round->settings->reclaim_age * 100000 };
    struct timestamp long_before = { .raw = before.raw - s->all->round->settings->reclaim_age * 100000 };
    struct shard_range own;
    struct shard_list shards;
    struct headers h = {};
    bool stored;

    if (!broker_own_shard_now(c, s->broker, &own, &stored) || !stored)
        return !failed(c);
    if (!broker_reclaim(c, s->broker, before, long_before))      /* so that the count of tombstones is that of these objects */
        return false;
    shard_set_tombstones(&own, broker_tombstones(c, s->broker));
    if (failed(c) || own.reported)
        return !failed(c);
    if (!broker_merge_shards(c, s->broker, &own, 1) ||
        !broker_shards(c, s->broker, &(struct shard_query){ .own_too = true, .deleted_too = true }, &shards))
        return false;
    headers_set(c, &h, "Referer", name_quote(c, broker_name(c, s->broker), "/"));
    if (!sharder_tell(c, s->all, broker_root(c, s->broker), &shards, &h))
        return true;
    own.reported = true;
    return broker_merge_shards(c, s->broker, &own, 1);
}

bool sharder_create_shards(struct ctx *c, struct sharding *s, size_t *ret_n)
{
    struct shard_list found, created = {};
    struct broker_info info;
    struct headers h = {};
    const char *root = broker_root(c, s->broker);

    *ret_n = 0;
    if (!root || !broker_info(c, s->broker, &info) || !broker_shards(c, s->broker, &(struct shard_query){ .states = SHARD_IN(SHARD_FOUND) }, &found))
        return false;
    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", info.policy_index);
    headers_set(c, &h, "X-Container-Sysmeta-Shard-Quoted-Root", name_quote(c, root, "/"));
    headers_set(c, &h, "X-Container-Sysmeta-Sharding", "True");
    headers_set(c, &h, "X-Backend-Auto-Create", "True");
    for (size_t i = 0; i < found.n; i++) {
        struct shard_list one = { &found.at[i], 1, 1 };

        stat_add(s->all, "created", "attempted", 1);
        shard_set_state(&found.at[i], SHARD_CREATED, (struct timestamp){});
        if (!sharder_tell(c, s->all, found.at[i].name, &one, &h)) {
            stat_add(s->all, "created", "failure", 1);
            break;                           /* one after the other: none behind it is made before it */
        }
        stat_add(s->all, "created", "success", 1);
        shard_add(c, &created, &found.at[i]);
    }
    *ret_n = created.n;
    if (!created.n)
        return true;
    if (!broker_merge_shards(c, s->broker, created.at, created.n))
        return false;
    if (!s->is_root)
        sharder_tell(c, s->all, root, &created, NULL);
    return true;
}

/* --- databases of shards on this node ---------------------------------------------------------------------------------------------------- */

/* A drive of this node, one of the shard's own where there is one. */
static const struct ring_device *local_device(const struct sharder *s, uint32_t partition)
{
    const struct ring *ring = s->replicator.ring;
    const struct ring_device *nodes[MOST_NODES], *any = NULL;
    size_t n = ring_primaries(ring, partition, nodes, G_N_ELEMENTS(nodes)), seen = 0;

    for (size_t i = 0; i < n; i++)
        if (replicator_is_own(s->round, STORAGE_CONTAINER, nodes[i]))
            return nodes[i];
    for (size_t i = 0; i < ring->n_devs; i++) {
        const struct ring_device *d = ring->devs[i];

        if (d && replicator_is_own(s->round, STORAGE_CONTAINER, d) && (d->weight > 0 || !any) && !random_below(++seen))
            any = d;
    }
    return any;
}

bool sharder_open_shard(struct ctx *c, struct sharding *s, const struct shard_range *r, struct shard_place *ret)
{
    const char *account, *container, *root = broker_root(c, s->broker);
    const struct ring_device *device;
    struct timestamp now = timestamp_now();
    struct broker_info info;
    uint8_t digest[16];
    bool made;

    shard_split_name(c, r->name, &account, &container);
    hash_path(account, container, NULL, digest);
    *ret = (struct shard_place){ .partition = ring_partition(s->all->replicator.ring, digest) };
    device = local_device(s->all, ret->partition);
    if (!root || !broker_info(c, s->broker, &info))
        return false;
    if (!device)
        return fail(c, INTERNAL_ERROR, "no drive of this node is in the container ring");
    ret->device_id = device->id;
    struct broker_place place = { BROKER_CONTAINER, device->device, round_device_path(c, device->device), ret->partition, account, container, r->epoch };
    if (!broker_create(c, &place, now, info.policy_index, &made) || !(ret->broker = broker_open(c, &place)))
        return false;
    if (made)
        ret->made = now;
    return broker_merge_shards(c, ret->broker, r, 1) && broker_set_shard_meta(c, ret->broker, "Quoted-Root", name_quote(c, root, "/")) &&
           broker_update_metadata(c, ret->broker, &(struct broker_meta){ "X-Container-Sysmeta-Sharding", "True", timestamp_now() }, 1);
}

bool sharder_replicate(struct ctx *c, struct sharder *s, struct broker *b, uint32_t partition, int device_id, size_t *ret_well, size_t *ret_n)
{
    const char *path = ctx_strdup(c, broker_path(b));

    broker_done(b);
    return replicate_database(c, &s->replicator, path, partition, device_id, ret_well, ret_n) && *ret_n && *ret_well == *ret_n;
}
