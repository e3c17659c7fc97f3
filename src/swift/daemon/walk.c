/* What rounds over drives share: the walk, the pace, who is told, what recon reads. */
#include "swift/daemon/daemon.h"

#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/proxy/backend.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const char *round_device_path(struct ctx *c, const char *device)
{
    return ctx_printf(c, "%s/%s", storage_devices_dir(), device);
}

static bool is_among(const char *const *list, const char *text)
{
    return !list || text_in(text, list);
}

bool round_has_partition(const struct round *round, const char *partition)
{
    return is_among(round->only->partitions, partition);
}

bool round_has_policy(struct ctx *c, const struct round *round, const struct storage_policy *policy)
{
    return is_among(round->only->policies, ctx_printf(c, "%d", policy->index));
}

static bool walk(struct ctx *c, const char *dir, int depth, bool (*visit)(struct ctx *, void *, const char *), void *data)
{
    GDir *names = g_dir_open(dir, 0, NULL);
    bool more = true;
    const char *name;

    while (names && more && (name = g_dir_read_name(names))) {
        struct ctx one;

        if (*name == '.')
            continue;
        ctx_init_child(&one, c, c->service);
        name = ctx_printf(&one, "%s/%s", dir, name);
        more = !daemon_stops() && (depth ? walk(&one, name, depth - 1, visit, data) : visit(&one, data, name));
        ctx_clear(&one);
    }
    if (names)
        g_dir_close(names);
    return more;
}

void drive_walk(struct ctx *c, const char *dir, int depth, bool (*visit)(struct ctx *, void *, const char *), void *data)
{
    walk(c, dir, depth, visit, data);
}

bool pace_wait(struct pace *pace, int64_t units)
{
    int64_t now = clock_mono_us();

    if (!(pace->per_second > 0))
        return !daemon_stops();
    pace->next_us = MAX(pace->next_us, now - G_USEC_PER_SEC) + (int64_t)((double)(units * G_USEC_PER_SEC) / pace->per_second);
    return pace->next_us <= now ? !daemon_stops() : daemon_pause(pace->next_us - now);
}

int node_call(struct ctx *c, const struct round *round, const struct node_request *r, struct swift_response *response)
{
    const struct daemon_settings *s = round->settings;
    struct headers headers = {};
    struct swift_response own = RESPONSE_EMPTY;
    struct backend_call call = { .kind = r->kind, .node = { .device = r->node, .replication = true }, .partition = r->partition, .method = r->method,
                                 .account = r->account, .container = r->container, .object = r->object, .query = r->query,
                                 .connect_timeout_us = (int64_t)(s->conn_timeout * 1e6), .timeout_us = (int64_t)(s->node_timeout * 1e6) };
    struct backend_call *kept = ctx_new(c, struct backend_call);     /* its answer's body may be read from the node when this has returned */

    *kept = call;
    if (r->headers)
        headers_copy(c, &headers, r->headers);
    headers_printf(c, &headers, "User-Agent", "%s %d", round->daemon->name, getpid());
    if (!headers_get(&headers, "X-Timestamp"))
        headers_set(c, &headers, "X-Timestamp", timestamp_text(c, timestamp_now()));
    kept->headers = &headers;
    backend_do(c, kept, response ? response : &own);
    kept->headers = NULL;
    fault_clear(c);
    if (response)
        return response->status;
    response_close(&own);
    return own.status;
}

size_t ring_nodes(struct ctx *c, struct ring_file *file, const char *account, const char *container, const char *object, uint32_t *ret_partition,
                  const struct ring_device **ret)
{
    const struct ring *ring = ring_get(c, file);
    uint8_t digest[16];

    hash_path(account, container, object, digest);
    *ret_partition = ring_partition(ring, digest);
    return ring_primaries(ring, *ret_partition, ret, MOST_REPLICAS);
}

struct primaries_told tell_primaries(struct ctx *c, const struct round *round, enum storage_kind kind, const char *method, const char *account,
                                     const char *container, const char *object, const struct headers *headers)
{
    const struct ring_device *nodes[MOST_REPLICAS];
    struct node_request r = { .kind = kind, .method = method, .account = account, .container = container, .object = object, .headers = headers };
    struct primaries_told told = {};

    told.replicas = ring_nodes(c, storage_ring(kind), account, kind == STORAGE_CONTAINER ? container : NULL, NULL, &r.partition, nodes);
    for (size_t i = 0; i < told.replicas; i++) {
        r.node = nodes[i];
        int status = node_call(c, round, &r, NULL);

        told.took += status / 100 == 2;
        told.missing += status == 404;
    }
    return told;
}

/* A member of what recon reads: objects are merged, an empty one removes what has its name; so within them. */
static void recon_set(json_t *all, const char *key, json_t *value)
{
    const char *name;
    json_t *to, *each;

    if (!json_is_object(value)) {
        json_object_set(all, key, value);
        return;
    }
    if (!json_object_size(value)) {
        json_object_del(all, key);
        return;
    }
    to = json_object_get(all, key);
    if (!json_is_object(to)) {
        to = json_object();
        json_object_set_new(all, key, to);
    }
    json_object_foreach(value, name, each) {
        if (json_is_object(each) && !json_object_size(each))
            json_object_del(to, name);
        else
            json_object_set(to, name, each);
    }
}

static const char *recon_name(const struct round *round)
{
    static const char *const names[STORAGE_KINDS] = { "object", "container", "account" };

    return names[round->daemon->kind];
}

json_t *recon_read(struct ctx *c, const struct round *round)
{
    return json_load_file(ctx_printf(c, "%s/%s.recon", round->settings->recon_cache_path, recon_name(round)), 0, NULL);
}

void recon_merge(struct ctx *c, const char *dir, const char *file, json_t *members)
{
    const char *path = ctx_printf(c, "%s/%s.recon", dir, file), *key;
    json_t *all, *member;
    char *text;
    int turn;

    ctx_json(c, members);
    if (!disk_make_dirs(dir) || (turn = disk_lock(ctx_printf(c, "%s.lock", path), G_USEC_PER_SEC * 10)) < 0)
        return;
    all = json_load_file(path, 0, NULL);
    if (!json_is_object(all)) {
        json_decref(all);
        all = json_object();
    }
    json_object_foreach(members, key, member)
        recon_set(all, key, member);
    text = json_dumps(all, JSON_SORT_KEYS);
    disk_replace_file(path, dir, text, strlen(text), false);
    free(text);
    json_decref(all);
    close(turn);
}

void recon_dump(struct ctx *c, const struct round *round, json_t *members)
{
    recon_merge(c, round->settings->recon_cache_path, recon_name(round), members);
}
