/* Rows that object servers could not tell containers in time are told now: a file each, kept until all of the container's nodes have the row. A
 * container in parts says which shard the row belongs to; it goes there. */
#include "swift/daemon/daemon.h"

#include "swift/disk/diskfile.h"
#include "swift/name.h"
#include "swift/proxy/backend.h"

#include <string.h>
#include <unistd.h>

/* One file. */
struct telling {
    const struct round *round;
    const char *device_path;
    const struct storage_policy *policy;
    struct async_update update;
    const char *to;                  /* the newest redirection; NULL: none */
    struct timestamp to_time;
    bool news;                       /* the file does not say all that is known */
};

static bool has_told(const struct async_update *u, int64_t id)
{
    for (guint i = 0; i < u->told->len; i++)
        if (g_array_index(u->told, int64_t, i) == id)
            return true;
    return false;
}

static bool was_there(const struct async_update *u, const char *path)
{
    for (guint i = 0; i < u->redirected->len; i++)
        if (!strcmp(u->redirected->pdata[i], path))
            return true;
    return false;
}

/* "/acct/cont/obj", maybe with a host before it. */
static void note_redirection(struct ctx *c, struct telling *t, const struct swift_response *r)
{
    const char *location = response_get(r, "Location"), *path = location, *account_end, *container_end;
    struct timestamp when = {};

    if (path && strstr(path, "://"))
        path = strchr(strstr(path, "://") + 3, '/');
    if (path && header_true(&r->headers, "X-Backend-Location-Is-Quoted"))
        path = name_decode(c, path, strlen(path), false);
    account_end = path && *path == '/' ? strchr(path + 1, '/') : NULL;
    if (!account_end || !timestamp_parse(response_get(r, "X-Backend-Redirect-Timestamp"), &when))
        return;
    container_end = account_end + 1 + strcspn(account_end + 1, "/");
    if (t->to && timestamp_compare(when, t->to_time) <= 0)
        return;
    t->to = ctx_strndup(c, path + 1, (size_t)(container_end - path) - 1);
    t->to_time = when;
}

static bool tell_one(struct ctx *c, struct telling *t, const struct ring_device *node, uint32_t partition, const char *account, const char *container)
{
    const struct daemon_settings *settings = t->round->settings;
    struct swift_response r = RESPONSE_EMPTY;
    struct backend_call call = { .kind = STORAGE_CONTAINER, .node = { .device = node, .replication = true }, .partition = partition,
                                 .method = t->update.op, .account = account, .container = container, .object = t->update.object,
                                 .headers = &t->update.headers, .connect_timeout_us = (int64_t)(settings->conn_timeout * 1e6),
                                 .timeout_us = (int64_t)(settings->node_timeout * 1e6) };

    backend_do(c, &call, &r);
    response_close(&r);
    if (r.status == 301)
        note_redirection(c, t, &r);
    return r.status / 100 == 2;
}

/* To all nodes that have not got it yet. True: now all have. */
static bool tell_all(struct ctx *c, struct telling *t)
{
    struct async_update *u = &t->update;
    const char *slash = u->container_path ? strchr(u->container_path, '/') : NULL, *account = u->account, *container = u->container;
    const struct ring *ring = ring_get(c, storage_ring(STORAGE_CONTAINER));
    const struct ring_device *nodes[64];
    uint8_t digest[16];
    uint32_t partition;
    bool all = true;

    if (slash) {
        account = ctx_strndup(c, u->container_path, (size_t)(slash - u->container_path));
        container = slash + 1;
    }
    hash_path(account, container, NULL, digest);
    partition = ring_partition(ring, digest);
    t->to = NULL;
    for (size_t i = 0, n = ring_primaries(ring, partition, nodes, G_N_ELEMENTS(nodes)); i < n; i++) {
        int64_t id = nodes[i]->id;

        if (has_told(u, id))
            continue;
        if (tell_one(c, t, nodes[i], partition, account, container)) {
            g_array_append_val(u->told, id);
            t->news = true;
        } else {
            all = false;
        }
    }
    return all;
}

/* A shard that sends back where it came from: from the root again. */
static void redirect(struct ctx *c, struct telling *t)
{
    struct async_update *u = &t->update;

    g_array_set_size(u->told, 0);
    if (was_there(u, t->to)) {
        u->container_path = NULL;
        g_ptr_array_set_size(u->redirected, 0);
    } else {
        u->container_path = t->to;
        g_ptr_array_add(u->redirected, ctx_strdup(c, t->to));
    }
    t->news = true;
}

static void set_headers(struct ctx *c, const struct telling *t, struct headers *h)
{
    headers_printf(c, h, "User-Agent", "%s %d", t->round->daemon->name, getpid());
    if (!headers_get(h, "X-Backend-Storage-Policy-Index"))
        headers_printf(c, h, "X-Backend-Storage-Policy-Index", "%d", t->policy->index);
    headers_set(c, h, "X-Backend-Accept-Redirect", "true");
    headers_set(c, h, "X-Backend-Accept-Quoted-Location", "true");
}

static bool visit(struct ctx *c, void *data, const char *path)
{
    struct telling t = *(const struct telling *)data;
    struct headers kept;
    bool told;

    if (!async_read(c, path, &t.update))
        return true;
    kept = (struct headers){};
    headers_copy(c, &kept, &t.update.headers);
    set_headers(c, &t, &t.update.headers);
    told = tell_all(c, &t);
    for (int tries = 0; !told && t.to && tries < 2; tries++) {
        redirect(c, &t);
        if (!tries)                          /* at once, but once only */
            told = tell_all(c, &t);
    }
    t.update.headers = kept;
    if (told)
        unlink(path);
    else if (t.news && !async_rewrite(c, t.device_path, t.policy, &t.update))
        return false;
    return true;
}

static bool tell_containers(struct ctx *c, const struct round *round)
{
    time_t begun = time(NULL);

    for (const char *const *device = round->devices; *device; device++)
        for (size_t i = 0; i < policies_count(); i++) {
            struct telling t = { .round = round, .device_path = round_device_path(c, *device), .policy = policy_at(i) };

            drive_walk(c, ctx_printf(c, "%s/%s", t.device_path, policy_dir(c, "async_pending", t.policy)), 1, visit, &t);
        }
    recon_dump(c, round, json_pack("{s:f}", "object_updater_sweep", difftime(time(NULL), begun)));
    return true;
}

const struct daemon object_updater = { .name = "object-updater", .kind = STORAGE_OBJECT, .interval = 60, .run = tell_containers };
