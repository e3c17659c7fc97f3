/* What was not told in time is told now: to accounts what their containers hold, to containers the rows that storage nodes kept for them.
 *
 * A database that has not changed since a round in which all went well is not opened again.
 */
#include "swift/daemon/daemon.h"

#include "oslo/base/text.h"
#include "swift/broker/broker.h"
#include "swift/disk/diskfile.h"
#include "swift/name.h"
#include "swift/storage.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_REPLICAS 64

struct rings { struct ring_file *account, *container; };

/* One round over containers. */
struct round {
    const struct rings *rings;
    time_t changed_since;            /* of databases: what changed before it has been told */
    bool well;
};

/* What all files at a depth below a directory are given to. */
typedef void visitor(struct ctx *, struct round *, const char *path);

static void each_file(struct ctx *c, const char *dir, int depth, visitor *visit, struct round *round)
{
    GDir *names = g_dir_open(dir, 0, NULL);
    const char *name;

    while (names && (name = g_dir_read_name(names))) {
        struct ctx one;

        ctx_init_child(&one, c, c->service);
        if (depth)
            each_file(&one, ctx_printf(&one, "%s/%s", dir, name), depth - 1, visit, round);
        else
            visit(&one, round, ctx_printf(&one, "%s/%s", dir, name));
        ctx_clear(&one);
    }
    if (names)
        g_dir_close(names);
}

/* The same update to all replicas; how many took it. */
static size_t tell(struct ctx *c, enum storage_kind kind, struct ring_file *file, const char *method, const char *account, const char *container,
                   const char *object, const struct headers *headers, size_t *ret_replicas)
{
    const struct ring *ring = ring_get(c, file);
    const struct ring_device *nodes[MAX_REPLICAS];
    uint8_t digest[16];
    uint32_t partition;
    size_t told = 0;

    hash_path(account, kind == STORAGE_CONTAINER ? container : NULL, NULL, digest);
    partition = ring_partition(ring, digest);
    *ret_replicas = ring_primaries(ring, partition, nodes, MAX_REPLICAS);
    for (size_t i = 0; i < *ret_replicas; i++)
        told += storage_update(c, kind, ctx_printf(c, "%s:%d", nodes[i]->ip, nodes[i]->port), nodes[i]->device, ctx_printf(c, "%u", partition), method,
                               account, container, object, headers, NULL) / 100 == 2;
    return told;
}

/* --- containers ------------------------------------------------------------------------------------------------------------------ */

static bool is_told(const struct broker_info *i)
{
    return !timestamp_set(i->put_timestamp) ||
           (timestamp_compare(i->put_timestamp, i->reported_put) <= 0 && timestamp_compare(i->delete_timestamp, i->reported_delete) <= 0 &&
            i->object_count == i->reported_object_count && i->bytes_used == i->reported_bytes_used);
}

static bool tell_account(struct ctx *c, const struct rings *rings, struct broker *b)
{
    struct broker_info info;
    struct headers h = {};
    size_t told, replicas;

    if (!broker_info(c, b, &info))
        return false;
    if (is_told(&info))
        return true;
    headers_set(c, &h, "X-Put-Timestamp", timestamp_text(c, info.put_timestamp));
    headers_set(c, &h, "X-Delete-Timestamp", timestamp_set(info.delete_timestamp) ? timestamp_text(c, info.delete_timestamp) : "0");
    headers_printf(c, &h, "X-Object-Count", "%" G_GINT64_FORMAT, info.object_count);
    headers_printf(c, &h, "X-Bytes-Used", "%" G_GINT64_FORMAT, info.bytes_used);
    headers_set(c, &h, "X-Account-Override-Deleted", "yes");
    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", info.policy_index);
    headers_printf(c, &h, "User-Agent", "container-updater %d", getpid());
    told = tell(c, STORAGE_ACCOUNT, rings->account, "PUT", info.account, info.container, NULL, &h, &replicas);
    return told > replicas / 2 && broker_reported(c, b, &info);
}

static bool changed(struct ctx *c, const char *path, time_t since)
{
    const char *pending = ctx_printf(c, "%s.pending", path);
    struct stat s;

    return (!stat(path, &s) && s.st_mtime >= since) || (!stat(pending, &s) && s.st_mtime >= since);
}

static void visit_container(struct ctx *c, struct round *round, const char *path)
{
    struct broker *b;

    if (!g_str_has_suffix(path, ".db") || !changed(c, path, round->changed_since))
        return;
    b = broker_open_file(c, BROKER_CONTAINER, path);
    if (!b || !tell_account(c, round->rings, b))
        round->well = false;
    if (b)
        broker_done(b);
}

/* --- rows of objects ------------------------------------------------------------------------------------------------------------- */

static void visit_async(struct ctx *c, struct round *round, const char *path)
{
    const char *account, *container, *slash;
    struct async_update u;
    size_t replicas;

    if (!async_read(c, path, &u))
        return;
    account = u.account;
    container = u.container;
    slash = u.container_path ? strchr(u.container_path, '/') : NULL;
    if (slash) {
        account = ctx_strndup(c, u.container_path, (size_t)(slash - u.container_path));
        container = slash + 1;
    }
    headers_printf(c, &u.headers, "User-Agent", "object-updater %d", getpid());
    if (tell(c, STORAGE_CONTAINER, round->rings->container, u.op, account, container, u.object, &u.headers, &replicas) == replicas && replicas)
        unlink(path);
}

static bool open_rings(struct ctx *c, struct rings *rings)
{
    if (!rings->account)
        rings->account = ring_file_open(c, ctx_printf(c, "%s/account.ring.gz", swift_dir()));
    if (!rings->container && rings->account)
        rings->container = ring_file_open(c, ctx_printf(c, "%s/container.ring.gz", swift_dir()));
    return rings->container != NULL;
}

bool updater_run(struct ctx *c)
{
    static struct rings rings;
    static time_t told_until;
    time_t begun = time(NULL);
    struct round round = { .rings = &rings, .changed_since = told_until, .well = true };

    if (!open_rings(c, &rings))
        return false;
    for (const char *const *device = storage_devices(c); *device; device++) {
        const char *dir = ctx_printf(c, "%s/%s", storage_devices_dir(), *device);

        for (size_t i = 0; i < policies_count(); i++)
            each_file(c, ctx_printf(c, "%s/%s", dir, policy_dir(c, "async_pending", policy_at(i))), 1, visit_async, &round);
        each_file(c, ctx_printf(c, "%s/containers", dir), 3, visit_container, &round);
    }
    if (round.well)
        told_until = begun - 1;
    return true;
}
