/* What was not told in time is told now: to accounts what their containers hold.
 *
 * A database that has not changed since a round in which all went well is not opened again.
 */
#include "swift/daemon/daemon.h"

#include "swift/broker/shards.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct containers {
    const struct round *round;
    time_t changed_since;            /* of databases: what changed before it has been told */
    bool well;
};

static bool is_told(const struct broker_info *i)
{
    return !timestamp_set(i->put_timestamp) ||
           (timestamp_compare(i->put_timestamp, i->reported_put) <= 0 && timestamp_compare(i->delete_timestamp, i->reported_delete) <= 0 &&
            i->object_count == i->reported_object_count && i->bytes_used == i->reported_bytes_used);
}

static bool tell_account(struct ctx *c, const struct round *round, struct broker *b)
{
    struct broker_info info;
    struct headers h = {};
    size_t told, replicas;
    bool root;

    if (!broker_info(c, b, &info) || !broker_is_root(c, b, &root))
        return false;
    if (!root)                               /* what shards hold their root tells */
        info.object_count = info.bytes_used = 0;
    if (is_told(&info))
        return true;
    headers_set(c, &h, "X-Put-Timestamp", timestamp_text(c, info.put_timestamp));
    headers_set(c, &h, "X-Delete-Timestamp", timestamp_set(info.delete_timestamp) ? timestamp_text(c, info.delete_timestamp) : "0");
    headers_printf(c, &h, "X-Object-Count", "%" G_GINT64_FORMAT, info.object_count);
    headers_printf(c, &h, "X-Bytes-Used", "%" G_GINT64_FORMAT, info.bytes_used);
    headers_set(c, &h, "X-Account-Override-Deleted", "yes");
    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", info.policy_index);
    told = tell_primaries(c, round, STORAGE_ACCOUNT, "PUT", info.account, info.container, NULL, &h, &replicas);
    return told > replicas / 2 && broker_reported(c, b, &info);
}

static bool changed(struct ctx *c, const char *path, time_t since)
{
    const char *pending = ctx_printf(c, "%s.pending", path);
    struct stat s;

    return (!stat(path, &s) && s.st_mtime >= since) || (!stat(pending, &s) && s.st_mtime >= since);
}

static bool visit_container(struct ctx *c, void *data, const char *path)
{
    struct containers *all = data;
    struct broker *b;

    if (!g_str_has_suffix(path, ".db") || !broker_is_newest(c, path) || !changed(c, path, all->changed_since))
        return true;
    b = broker_open_file(c, BROKER_CONTAINER, path);
    if (!b || !tell_account(c, all->round, b))
        all->well = false;
    if (b)
        broker_done(b);
    return true;
}

static bool tell_accounts(struct ctx *c, const struct round *round)
{
    static time_t told_until;
    time_t begun = time(NULL);
    struct containers all = { .round = round, .changed_since = round->by_hand ? 0 : told_until, .well = true };

    for (const char *const *device = round->devices; *device; device++)
        drive_walk(c, ctx_printf(c, "%s/containers", round_device_path(c, *device)), 3, visit_container, &all);
    if (all.well && !daemon_stops())
        told_until = begun - 1;
    recon_dump(c, round, json_pack("{s:f}", "container_updater_sweep", difftime(time(NULL), begun)));
    return true;
}

const struct daemon container_updater = { .name = "container-updater", .kind = STORAGE_CONTAINER, .interval = 60, .run = tell_accounts };
