/* Objects whose time has come are deleted.
 *
 * The queue is the account .expiring_objects: a container a day or so, named by its second; in it an entry an object, "<second>-<account>/<container>/
 * <object>". An object is deleted only where its X-Delete-At is still that second; then its entry goes. One that is not there, or has another
 * time by now, may only not have come to all nodes yet: its entry stays for reclaim_age.
 */
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"
#include "swift/daemon/internal.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/constraints.h"
#include "swift/name.h"
#include "swift/timestamp.h"

#include <string.h>
#include <time.h>

#define AGENT "Swift Object Expirer"
#define RAW_PER_SECOND 100000

struct expirer_options {
    double tasks_per_second, report_interval;
    int64_t processes, process, request_tries;
    bool dequeue_from_legacy;
};

#define O(name, default, text) ATTR(struct expirer_options, name, 0, .unset = default, .help = text)
static const struct attr options[] = {
    O(tasks_per_second, "50", "Objects deleted in a second."),
    O(report_interval, "300", "Seconds between what is logged of a round."),
    O(processes, "0", "How many expirers share the queue; 0: one does all of it."),
    O(process, "0", "Which of them this is, from 0."),
    O(request_tries, "3", "How often a request is tried."),
    O(dequeue_from_legacy, "true", "Whether this node works on the queue at all."),
    {}
};

struct expirer {
    const struct round *round;
    const struct expirer_options *options;
    struct crew *crew;
    struct pace pace;
    struct timestamp now;
    const char *container;           /* of the queue, that is being worked on */
    bool empty;
    int64_t began_us, told_us;
    _Atomic int64_t expired;
};

/* One entry of the queue. */
struct task {
    struct expirer *all;
    char *container, *entry;
    char *account, *target, *object; /* of what is to be deleted */
    struct timestamp when;
    bool async;                      /* it is deleted whatever its X-Delete-At */
};

static void task_free(struct task *t)
{
    g_free(t->container);
    g_free(t->entry);
    g_free(t->account);
    g_free(t->target);
    g_free(t->object);
    g_free(t);
}

/* --- one object ---------------------------------------------------------------------------------------------------------------------- */

/* True: its entry can go. */
static bool expire(struct ctx *c, const struct task *t)
{
    static const int conditional[] = { 2, 409, 0 }, whatever[] = { 2, 409, 404, 0 };
    int64_t age = t->all->round->settings->reclaim_age;
    struct headers headers = {};
    struct internal_call call = { .agent = AGENT, .method = "DELETE", .account = t->account, .container = t->target, .object = t->object, .headers = &headers,
                                  .statuses = t->async ? whatever : conditional, .tries = (int)t->all->options->request_tries };
    int status;

    headers_set(c, &headers, "X-Timestamp", timestamp_normal_text(c, t->when));
    if (!t->async) {
        headers_set(c, &headers, "X-If-Delete-At", timestamp_normal_text(c, t->when));
        headers_set(c, &headers, "X-Backend-Clean-Expiring-Object-Queue", "no");
    }
    if (internal_do(c, &call, &status))
        return true;
    if ((status == 404 || status == 412) && t->when.raw / RAW_PER_SECOND <= time(NULL) - age)
        return true;
    log_warning(c, "object-expirer: %s/%s/%s: %d", t->account, t->target, t->object, status);
    return false;
}

static void work(struct ctx *c, void *data)
{
    struct task *t = data;
    struct headers headers = {};

    if (expire(c, t)) {
        tell_primaries(c, t->all->round, STORAGE_CONTAINER, "DELETE", EXPIRING_ACCOUNT, t->container, t->entry, &headers);
        t->all->expired++;
    }
    task_free(t);
}

static void report(struct ctx *c, struct expirer *e, bool last)
{
    int64_t now = clock_mono_us();

    if (!last && (double)(now - e->told_us) < e->options->report_interval * 1e6)
        return;
    e->told_us = now;
    log_info(c, "object-expirer: pass %s %.0fs; %" G_GINT64_FORMAT " objects expired", last ? "completed in" : "so far", (double)(now - e->began_us) / 1e6,
             e->expired);
}

/* --- the queue ----------------------------------------------------------------------------------------------------------------------- */

static const char *name_of(struct ctx *c, json_t *entry)
{
    json_t *name = json_object_get(entry, "name");

    return json_is_string(name) ? name_from_bytes(c, json_string_value(name), json_string_length(name)) : NULL;
}

/* Is it this process's part of the queue? */
static bool is_mine(struct ctx *c, const struct expirer *e, const char *entry)
{
    const char *text = ctx_printf(c, "%s/%s", e->container, entry), *bytes;
    uint64_t rest = 0;
    uint8_t digest[16];
    size_t n;

    if (e->options->processes <= 0)
        return true;
    bytes = name_bytes(c, text, &n);
    md5_of(bytes, n, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        rest = (rest * 256 + digest[i]) % (uint64_t)e->options->processes;
    return (int64_t)rest == e->options->process;
}

/* "<second>-<account>/<container>/<object>"; NULL: it is no such entry. */
static struct task *read_task(struct ctx *c, struct expirer *e, const char *entry)
{
    const char *dash = strchr(entry, '-'), *container = dash ? strchr(dash, '/') : NULL, *object = container ? strchr(container + 1, '/') : NULL;
    struct timestamp when;
    struct task *t;

    if (!object || !object[1] || object == container + 1 || container == dash + 1 || !timestamp_parse(ctx_strndup(c, entry, (size_t)(dash - entry)), &when))
        return NULL;
    t = g_new0(struct task, 1);
    *t = (struct task){ .all = e, .container = g_strdup(e->container), .entry = g_strdup(entry), .when = when, .object = g_strdup(object + 1),
                        .account = g_strndup(dash + 1, (size_t)(container - dash - 1)), .target = g_strndup(container + 1, (size_t)(object - container - 1)) };
    return t;
}

static bool visit_entry(struct ctx *c, void *data, json_t *row)
{
    struct expirer *e = data;
    const char *name = name_of(c, row);
    struct task *t = name ? read_task(c, e, name) : NULL;

    e->empty = false;
    if (!t) {
        log_error(c, "object-expirer: %s/%s is no entry of the queue", e->container, name ? name : "?");
        return true;
    }
    if (timestamp_compare(t->when, e->now) > 0 || !is_mine(c, e, name)) {
        bool due = timestamp_compare(t->when, e->now) <= 0;

        task_free(t);
        return due;
    }
    t->async = !g_strcmp0(json_string_value(json_object_get(row, "content_type")), "application/async-deleted");
    if (!e->round->by_hand && !pace_wait(&e->pace, 1)) {
        task_free(t);
        return false;
    }
    crew_do(e->crew, work, t);
    report(c, e, false);
    return true;
}

static void remove_container(struct ctx *c, const char *container)
{
    static const int statuses[] = { 2, 404, 409, 0 };
    struct internal_call call = { .agent = AGENT, .method = "DELETE", .account = EXPIRING_ACCOUNT, .container = container, .statuses = statuses };

    internal_do(c, &call, NULL);
}

static bool visit_container(struct ctx *c, void *data, json_t *row)
{
    struct expirer *e = data;
    struct timestamp from;

    e->container = name_of(c, row);
    if (!e->container || !timestamp_parse(e->container, &from))
        return true;
    if (timestamp_compare(from, e->now) > 0)
        return false;
    e->empty = true;
    if (internal_list(c, &(struct internal_listing){ AGENT, EXPIRING_ACCOUNT, e->container }, visit_entry, e) && e->empty && !daemon_stops())
        remove_container(c, e->container);
    return true;
}

static bool run(struct ctx *c, const struct round *round)
{
    struct expirer e = { .round = round, .options = round->options, .now = timestamp_now() };
    time_t begun = time(NULL);
    bool well;

    if (!e.options->dequeue_from_legacy)
        return true;
    if (e.options->processes > 0 && (e.options->process < 0 || e.options->process >= e.options->processes))
        return fail(c, INTERNAL_ERROR, "object-expirer: process must be less than processes");
    e.pace.per_second = e.options->tasks_per_second;
    e.began_us = e.told_us = clock_mono_us();
    e.crew = crew_new(c, round->settings->concurrency);
    well = internal_list(c, &(struct internal_listing){ AGENT, EXPIRING_ACCOUNT }, visit_container, &e);
    crew_end(e.crew);
    report(c, &e, true);
    recon_dump(c, round, json_pack("{s:f, s:I}", "object_expiration_pass", difftime(time(NULL), begun), "expired_last_pass", (json_int_t)e.expired));
    return well || fail(c, UNAVAILABLE, "object-expirer: the queue cannot be listed");
}

const struct daemon object_expirer = { .name = "object-expirer", .kind = STORAGE_OBJECT, .interval = 300, .run = run, .options = options,
                                       .options_size = sizeof(struct expirer_options) };
