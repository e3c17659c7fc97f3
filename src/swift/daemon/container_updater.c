/* What containers have is told to their accounts.
 *
 * A database that has not changed since a round in which all went well is not opened again. An account whose nodes do not take what they are told
 * is left alone for a while; where none of them knows it, the container is nobody's: it is quarantined.
 */
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"

#include "swift/broker/broker.h"
#include "swift/broker/shards.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct updater_options { double containers_per_second, account_suppression_time; };

static const struct attr options[] = {
    ATTR(struct updater_options, containers_per_second, 0, .unset = "50", .help = "Containers looked at in a second."),
    ATTR(struct updater_options, account_suppression_time, 0, .unset = "60", .help = "Seconds an account whose nodes do not answer is left alone."),
    {}
};

struct containers {
    const struct round *round;
    const struct updater_options *options;
    struct crew *crew;
    struct pace pace;
    time_t changed_since;            /* of databases: what changed before it has been told */
    _Atomic bool unwell;
};

/* --- accounts that are left alone ------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards suppressed */
static GHashTable *suppressed;               /* account -> until when, clock_mono_us() */

static void suppress(const char *account, double seconds)
{
    int64_t *until = g_new(int64_t, 1);

    *until = clock_mono_us() + (int64_t)(seconds * 1e6);
    pthread_mutex_lock(&lock);
    if (!suppressed)
        suppressed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(suppressed, g_strdup(account), until);
    pthread_mutex_unlock(&lock);
}

static bool is_suppressed(const char *account)
{
    int64_t *until;
    bool yes;

    pthread_mutex_lock(&lock);
    until = suppressed ? g_hash_table_lookup(suppressed, account) : NULL;
    yes = until && *until > clock_mono_us();
    if (until && !yes)
        g_hash_table_remove(suppressed, account);
    pthread_mutex_unlock(&lock);
    return yes;
}

/* --- one container ---------------------------------------------------------------------------------------------------------------- */

/* One that was made by a row alone has never been put: what it has is not known yet. */
static bool is_told(const struct broker_info *i)
{
    return !timestamp_set(i->put_timestamp) ||
           (timestamp_compare(i->put_timestamp, i->reported_put) <= 0 && timestamp_compare(i->delete_timestamp, i->reported_delete) <= 0 &&
            i->object_count == i->reported_object_count && i->bytes_used == i->reported_bytes_used);
}

static bool tell_account(struct ctx *c, const struct containers *all, struct broker *b)
{
    struct broker_info info;
    struct headers h = {};
    struct primaries_told told;
    bool root;

    if (!broker_info(c, b, &info) || !broker_is_root(c, b, &root))
        return false;
    if (!root)                               /* what a shard has its root tells */
        info.object_count = info.bytes_used = 0;
    if (is_told(&info))
        return true;
    if (is_suppressed(info.account))
        return false;
    headers_set(c, &h, "X-Put-Timestamp", timestamp_text(c, info.put_timestamp));
    headers_set(c, &h, "X-Delete-Timestamp", timestamp_set(info.delete_timestamp) ? timestamp_text(c, info.delete_timestamp) : "0");
    headers_printf(c, &h, "X-Object-Count", "%" G_GINT64_FORMAT, info.object_count);
    headers_printf(c, &h, "X-Bytes-Used", "%" G_GINT64_FORMAT, info.bytes_used);
    headers_set(c, &h, "X-Account-Override-Deleted", "yes");
    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", info.policy_index);
    told = tell_primaries(c, all->round, STORAGE_ACCOUNT, "PUT", info.account, info.container, NULL, &h);
    if (told.took > told.replicas / 2)
        return broker_reported(c, b, &info);
    if (told.missing == told.replicas && told.replicas)
        return broker_quarantine(c, b, "no account replicas exist");
    suppress(info.account, all->options->account_suppression_time);
    return false;
}

struct job { struct containers *all; char *path; };

static void work(struct ctx *c, void *data)
{
    struct job *job = data;
    struct broker *b = broker_open_file(c, BROKER_CONTAINER, job->path);

    if (!b || !tell_account(c, job->all, b))
        job->all->unwell = true;
    broker_done(b);
    g_free(job->path);
    g_free(job);
}

/* --- the round -------------------------------------------------------------------------------------------------------------------- */

static bool changed(struct ctx *c, const char *dir, const char *path, time_t since)
{
    const char *pending = ctx_printf(c, "%s%s.db.pending", dir, strrchr(dir, '/'));
    struct stat s;

    return (!stat(path, &s) && s.st_mtime >= since) || (!stat(pending, &s) && s.st_mtime >= since);
}

static bool visit(struct ctx *c, void *data, const char *dir)
{
    struct containers *all = data;
    const char *path = broker_newest_file(c, dir, strrchr(dir, '/') + 1);
    struct job *job;

    if (!changed(c, dir, path, all->changed_since))
        return true;
    if (!all->round->by_hand && !pace_wait(&all->pace, 1))
        return false;
    job = g_new0(struct job, 1);
    *job = (struct job){ all, g_strdup(path) };
    crew_do(all->crew, work, job);
    return true;
}

static bool run(struct ctx *c, const struct round *round)
{
    static time_t told_until;
    time_t begun = time(NULL);
    struct containers all = { .round = round, .options = round->options, .changed_since = round->by_hand ? 0 : told_until };

    all.pace.per_second = all.options->containers_per_second;
    all.crew = crew_new(c, round->settings->concurrency);
    for (const char *const *device = round->devices; *device; device++)
        drive_walk(c, ctx_printf(c, "%s/containers", round_device_path(c, *device)), 2, visit, &all);
    crew_end(all.crew);
    if (!all.unwell && !daemon_stops())
        told_until = begun - 1;
    recon_dump(c, round, json_pack("{s:f}", "container_updater_sweep", difftime(time(NULL), begun)));
    return true;
}

const struct daemon container_updater = { .name = "container-updater", .kind = STORAGE_CONTAINER, .interval = 300, .concurrency = 4, .node_timeout = 3, .run = run,
                                          .options = options, .options_size = sizeof(struct updater_options) };
