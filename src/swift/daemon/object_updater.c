/* Rows that object servers could not tell containers in time are told now: a file each, kept until all of the container's nodes have the row. Of
 * an object the newest counts, older ones go. A container in parts says which shard the row belongs to; it goes there.
 */
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"
#include "swift/daemon/updater_limit.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/diskfile.h"
#include "swift/disk/io.h"
#include "swift/name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EMPTY_AGE 60                 /* seconds after which an empty directory is nobody's who is just making it */

struct updater_options {
    double objects_per_second, max_objects_per_container_per_second, report_interval;
    int64_t per_container_ratelimit_buckets, max_deferred_updates, updater_workers;
};

static const struct attr options[] = {
    ATTR(struct updater_options, objects_per_second, 0, .unset = "50", .help = "Rows told in a second."),
    ATTR(struct updater_options, max_objects_per_container_per_second, 0, .min = 0, .unset = "0", .help = "Rows of one container told in a second; any number when 0."),
    ATTR(struct updater_options, per_container_ratelimit_buckets, 0, .min = 1, .unset = "1000", .help = "Containers share so many counters for that."),
    ATTR(struct updater_options, max_deferred_updates, 0, .min = 0, .unset = "10000", .help = "How many rows that are too much for their container are kept for the end of the sweep."),
    ATTR(struct updater_options, updater_workers, 0, .min = 1, .unset = "1", .help = "How many devices are swept at once."),
    ATTR(struct updater_options, report_interval, 0, .min = 0, .unset = "300", .help = "Seconds between what is logged of a sweep."),
    {}
};

struct sweep_counts { _Atomic int64_t successes, failures, quarantines, unlinks, errors, redirects; };

/* Of one device. */
struct sweep {
    const struct round *round;
    const struct updater_options *options;
    const char *device_path;
    const struct storage_policy *policy;     /* whose rows are walked */
    struct crew *crew;
    struct pace pace;
    struct update_limit *limit;
    struct sweep_counts counts;
    int64_t began_us, told_us, until_us;     /* until_us: what is put off waits no longer */
};

/* One file. */
struct telling {
    struct sweep *sweep;
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

/* To all nodes that have not got it yet. True: now all have. */
static bool tell_all(struct ctx *c, struct telling *t)
{
    struct async_update *u = &t->update;
    const char *slash = u->container_path ? strchr(u->container_path, '/') : NULL, *account = u->account, *container = u->container;
    const struct ring_device *nodes[MOST_REPLICAS];
    struct node_request to = { .kind = STORAGE_CONTAINER, .method = u->op, .object = u->object, .headers = &u->headers };
    size_t n;
    bool all = true;

    if (slash) {
        account = ctx_strndup(c, u->container_path, (size_t)(slash - u->container_path));
        container = slash + 1;
    }
    to.account = account;
    to.container = container;
    n = ring_nodes(c, storage_ring(STORAGE_CONTAINER), account, container, NULL, &to.partition, nodes);
    t->to = NULL;
    for (size_t i = 0; i < n; i++) {
        struct swift_response r = RESPONSE_EMPTY;
        int64_t id = nodes[i]->id;

        if (has_told(u, id))
            continue;
        to.node = nodes[i];
        if (node_call(c, t->sweep->round, &to, &r) / 100 == 2) {
            g_array_append_val(u->told, id);
            t->news = true;
        } else {
            all = false;
        }
        if (r.status == 301)
            note_redirection(c, t, &r);
        response_clear(&r);
    }
    return all && n;
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
    if (!headers_get(h, "X-Backend-Storage-Policy-Index"))
        headers_printf(c, h, "X-Backend-Storage-Policy-Index", "%d", t->policy->index);
    headers_set(c, h, "X-Backend-Accept-Redirect", "true");
    headers_set(c, h, "X-Backend-Accept-Quoted-Location", "true");
}

static void quarantine(struct ctx *c, struct sweep *s, const char *path)
{
    const char *dir = ctx_printf(c, "%s/quarantined/objects", s->device_path);

    log_error(c, "object-updater: %s is no update: it is quarantined", path);
    s->counts.quarantines++;
    if (disk_make_dirs(dir))
        disk.rename(path, ctx_printf(c, "%s%s", dir, strrchr(path, '/')));
}

static void tell(struct ctx *c, struct sweep *s, const struct storage_policy *policy, const char *path)
{
    struct telling t = { .sweep = s, .policy = policy };
    struct headers kept = {};
    bool told;

    if (!async_read(c, path, &t.update)) {
        if (errno != ENOENT)
            quarantine(c, s, path);
        fault_clear(c);
        return;
    }
    headers_copy(c, &kept, &t.update.headers);
    set_headers(c, &t, &t.update.headers);
    told = tell_all(c, &t);
    for (int tries = 0; !told && t.to && tries < 2; tries++) {
        redirect(c, &t);
        s->counts.redirects++;
        if (!tries)                          /* at once, but once only */
            told = tell_all(c, &t);
    }
    t.update.headers = kept;
    if (told) {
        s->counts.successes++;
        s->counts.unlinks++;
        disk.unlink(path);
        return;
    }
    s->counts.failures += !t.to;
    if (t.news)
        async_rewrite(c, s->device_path, policy, &t.update);
}

struct job { struct sweep *sweep; const struct storage_policy *policy; char *path; };

static void job_free(void *data)
{
    struct job *job = data;

    g_free(job->path);
    g_free(job);
}

static void work(struct ctx *c, void *data)
{
    struct job *job = data;

    tell(c, job->sweep, job->policy, job->path);
    job_free(job);
}

/* --- all of them --------------------------------------------------------------------------------------------------------------------- */

static int newest_first(const void *a, const void *b)
{
    return strcmp(*(char *const *)b, *(char *const *)a);
}

static void say(struct ctx *c, const struct sweep *s, const char *what)
{
    const struct sweep_counts *n = &s->counts;
    struct update_counts limited = update_limit_counts(s->limit);

    log_info(c, "object-updater: sweep %s on %s: %.2fs, %" G_GINT64_FORMAT " successes, %" G_GINT64_FORMAT " failures, %" G_GINT64_FORMAT " quarantines, %"
             G_GINT64_FORMAT " unlinks, %" G_GINT64_FORMAT " errors, %" G_GINT64_FORMAT " redirects, %" G_GINT64_FORMAT " skips, %" G_GINT64_FORMAT
             " deferrals, %" G_GINT64_FORMAT " drains", what, s->device_path, (double)(clock_mono_us() - s->began_us) / 1e6, n->successes, n->failures,
             n->quarantines, n->unlinks, n->errors, n->redirects, limited.skips, limited.deferrals, limited.drains);
}

static void say_sometimes(struct ctx *c, struct sweep *s)
{
    if ((double)(clock_mono_us() - s->told_us) < s->options->report_interval * 1e6)
        return;
    s->told_us = clock_mono_us();
    say(c, s, "progress");
}

/* Is it its container's turn? What is no update is told to nobody, and no container's. */
static bool is_allowed(struct ctx *c, struct sweep *s, struct job *job)
{
    const char *slash, *account, *container;
    struct async_update u;

    if (!(s->options->max_objects_per_container_per_second > 0) || !async_read(c, job->path, &u)) {
        fault_clear(c);
        return true;
    }
    slash = u.container_path ? strchr(u.container_path, '/') : NULL;
    account = slash ? ctx_strndup(c, u.container_path, (size_t)(slash - u.container_path)) : u.account;
    container = slash ? slash + 1 : u.container;
    return update_limit_allows(s->limit, account, container, job);
}

/* A directory of updates whose hashes end alike: "<hash>-<timestamp>". */
static bool visit(struct ctx *c, void *data, const char *dir)
{
    struct sweep *s = data;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GDir *entries = g_dir_open(dir, 0, NULL);
    const char *name, *last = "";
    struct stat st;
    bool more = true;

    while (entries && (name = g_dir_read_name(entries)))
        if (*name != '.' && strchr(name, '-'))
            g_ptr_array_add(names, g_strdup(name));
        else if (*name != '.') {
            log_error(c, "object-updater: an update of an unexpected name: %s/%s", dir, name);
            s->counts.errors++;
        }
    if (entries)
        g_dir_close(entries);
    g_ptr_array_sort(names, newest_first);
    for (guint i = 0; more && i < names->len; i++) {
        struct job *job;
        const char *path = ctx_printf(c, "%s/%s", dir, (const char *)names->pdata[i]);
        size_t n = strcspn(names->pdata[i], "-") + 1;

        if (!strncmp(last, names->pdata[i], n)) {
            disk.unlink(path);
            s->counts.unlinks++;
            continue;
        }
        last = names->pdata[i];
        job = g_new0(struct job, 1);
        *job = (struct job){ s, s->policy, g_strdup(path) };
        if (is_allowed(c, s, job))
            crew_do(s->crew, work, job);
        more = !daemon_stops() && (s->round->by_hand || pace_wait(&s->pace, 1));
        say_sometimes(c, s);
    }
    if (!names->len && !stat(dir, &st) && st.st_mtime < time(NULL) - EMPTY_AGE)
        disk.rmdir(dir);
    return more;
}

static void sweep_device(struct ctx *c, void *data)
{
    struct sweep *s = data;
    const struct updater_options *o = s->options;
    struct job *job;

    s->began_us = s->told_us = clock_mono_us();
    s->pace.per_second = o->objects_per_second;
    s->limit = update_limit_new(o->max_objects_per_container_per_second, o->per_container_ratelimit_buckets, o->max_deferred_updates, job_free);
    s->crew = crew_new(c, s->round->settings->concurrency);
    for (size_t i = 0; i < policies_count(); i++) {
        s->policy = policy_at(i);
        drive_walk(c, ctx_printf(c, "%s/%s", s->device_path, policy_dir(c, "async_pending", s->policy)), 0, visit, s);
    }
    while ((job = update_limit_drain(s->limit, s->until_us))) {
        crew_do(s->crew, work, job);
        say_sometimes(c, s);
    }
    crew_end(s->crew);
    say(c, s, "completed");
    update_limit_free(s->limit);
}

static int64_t count_entries(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    int64_t n = 0;

    while (dir && g_dir_read_name(dir))
        n++;
    if (dir)
        g_dir_close(dir);
    return n;
}

static bool count_suffix(struct ctx *c, void *data, const char *path)
{
    *(int64_t *)data += count_entries(path);
    return true;
}

static bool count_in_device(struct ctx *c, void *data, const char *path)
{
    const char *name = strrchr(path, '/') + 1;

    if (!strcmp(name, "async_pending") || g_str_has_prefix(name, "async_pending-"))
        drive_walk(c, path, 0, count_suffix, data);
    return true;
}

json_t *async_pending_members(struct ctx *c, const char *devices_dir)
{
    int64_t n = 0;

    drive_walk(c, devices_dir, 1, count_in_device, &n);
    return json_pack("{s:I, s:f}", "async_pending", (json_int_t)n, "async_pending_last", (double)clock_us() / 1e6);
}

static bool run(struct ctx *c, const struct round *round)
{
    const struct updater_options *o = round->options;
    int64_t until = clock_mono_us() + (int64_t)(round->settings->interval * 1e6);
    struct crew *workers = crew_new(c, o->updater_workers);
    time_t begun = time(NULL);

    for (const char *const *device = round->devices; *device && !daemon_stops(); device++) {
        struct sweep *s = ctx_new(c, struct sweep);

        s->round = round;
        s->options = o;
        s->device_path = round_device_path(c, *device);
        s->until_us = until;
        crew_do(workers, sweep_device, s);
    }
    crew_end(workers);
    recon_dump(c, round, async_pending_members(c, storage_devices_dir()));
    recon_dump(c, round, json_pack("{s:f}", "object_updater_sweep", difftime(time(NULL), begun)));
    return true;
}

const struct daemon object_updater = { .name = "object-updater", .kind = STORAGE_OBJECT, .interval = 300, .concurrency = 8, .run = run,
                                       .options = options, .options_size = sizeof(struct updater_options) };
