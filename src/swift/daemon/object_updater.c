/* Rows that object servers could not tell containers in time are told now: a file each, kept until all of the container's nodes have the row. Of
 * an object the newest counts, older ones go. A container in parts says which shard the row belongs to; it goes there.
 */
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"

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

struct updater_options { double objects_per_second; };

static const struct attr options[] = {
    ATTR(struct updater_options, objects_per_second, 0, .unset = "50", .help = "Rows told in a second."),
    {}
};

struct sweep {
    const struct round *round;
    const char *device_path;
    const struct storage_policy *policy;
    struct crew *crew;
    struct pace pace;
};

/* One file. */
struct telling {
    const struct sweep *sweep;
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
        headers_printf(c, h, "X-Backend-Storage-Policy-Index", "%d", t->sweep->policy->index);
    headers_set(c, h, "X-Backend-Accept-Redirect", "true");
    headers_set(c, h, "X-Backend-Accept-Quoted-Location", "true");
}

static void quarantine(struct ctx *c, const struct sweep *s, const char *path)
{
    const char *dir = ctx_printf(c, "%s/quarantined/objects", s->device_path);

    log_error(c, "object-updater: %s is no update: it is quarantined", path);
    if (disk_make_dirs(dir))
        disk.rename(path, ctx_printf(c, "%s%s", dir, strrchr(path, '/')));
}

static void tell(struct ctx *c, const struct sweep *s, const char *path)
{
    struct telling t = { .sweep = s };
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
        if (!tries)                          /* at once, but once only */
            told = tell_all(c, &t);
    }
    t.update.headers = kept;
    if (told)
        disk.unlink(path);
    else if (t.news)
        async_rewrite(c, s->device_path, s->policy, &t.update);
}

struct job { struct sweep *sweep; char *path; };

static void work(struct ctx *c, void *data)
{
    struct job *job = data;

    tell(c, job->sweep, job->path);
    g_free(job->path);
    g_free(job);
}

/* --- all of them --------------------------------------------------------------------------------------------------------------------- */

static int newest_first(const void *a, const void *b)
{
    return strcmp(*(char *const *)b, *(char *const *)a);
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
    if (entries)
        g_dir_close(entries);
    g_ptr_array_sort(names, newest_first);
    for (guint i = 0; more && i < names->len; i++) {
        struct job *job;
        const char *path = ctx_printf(c, "%s/%s", dir, (const char *)names->pdata[i]);
        size_t n = strcspn(names->pdata[i], "-") + 1;

        if (!strncmp(last, names->pdata[i], n)) {
            disk.unlink(path);
            continue;
        }
        last = names->pdata[i];
        job = g_new0(struct job, 1);
        *job = (struct job){ s, g_strdup(path) };
        crew_do(s->crew, work, job);
        more = !daemon_stops() && (s->round->by_hand || pace_wait(&s->pace, 1));
    }
    if (!names->len && !stat(dir, &st) && st.st_mtime < time(NULL) - EMPTY_AGE)
        disk.rmdir(dir);
    return more;
}

static bool run(struct ctx *c, const struct round *round)
{
    const struct updater_options *o = round->options;
    time_t begun = time(NULL);

    for (const char *const *device = round->devices; *device; device++)
        for (size_t i = 0; i < policies_count(); i++) {
            struct sweep s = { .round = round, .device_path = round_device_path(c, *device), .policy = policy_at(i),
                               .pace.per_second = o->objects_per_second };

            s.crew = crew_new(c, round->settings->concurrency);
            drive_walk(c, ctx_printf(c, "%s/%s", s.device_path, policy_dir(c, "async_pending", s.policy)), 0, visit, &s);
            crew_end(s.crew);
        }
    recon_dump(c, round, json_pack("{s:f}", "object_updater_sweep", difftime(time(NULL), begun)));
    return true;
}

const struct daemon object_updater = { .name = "object-updater", .kind = STORAGE_OBJECT, .interval = 60, .concurrency = 8, .run = run,
                                       .options = options, .options_size = sizeof(struct updater_options) };
