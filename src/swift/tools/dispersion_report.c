/* dispersion-report: asks each node for the copies that it should have of what dispersion-populate has made. */
#include "swift/tools/direct.h"
#include "swift/tools/dispersion.h"

#include "oslo/base/text.h"
#include "oslo/record/python.h"
#include "swift/daemon/crew.h"
#include "swift/name.h"
#include "swift/timestamp.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_COPIES 256
#define CONNECT_US (5 * G_USEC_PER_SEC)
#define ANSWER_US (15 * G_USEC_PER_SEC)

/* What is being looked for. container NULL: containers. */
struct survey {
    const struct dispersion *d;
    const struct ring *ring;
    const char *kind, *container;    /* kind: "container", "object" */
    bool debug;
    size_t n_listed, n_partitions, expected;
    int64_t begun_us;
    GHashTable *unmounted, *answered;        /* devices of which that was said */
    pthread_mutex_t *lock;           /* guards those two and all below, and what is printed */
    size_t found, queried, missing[MOST_COPIES + 1];         /* partitions by how many copies they miss */
    int64_t retries, next_us;
};
struct sought { struct survey *s; const char *name; uint32_t partition; };

/* --- one node --------------------------------------------------------------------------------------------------------------------------- */

/* status 0: it did not answer. */
struct told { int status; const char *error; };

static struct told lost(struct ctx *c, int error, const char *otherwise)
{
    if (error == ETIMEDOUT)
        return (struct told){ 0, otherwise };
    return (struct told){ 0, error ? ctx_printf(c, "[Errno %d] %s", error, strerrorname_np(error)) : "Remote end closed connection without response" };
}

static struct told head(struct ctx *c, const struct survey *s, const struct ring_device *node, const char *path)
{
    struct wire *w = wire_connect(node->ip, node->port, CONNECT_US);
    struct headers h = {};
    const char *line;
    struct told told;

    if (!w)
        return lost(c, errno, "5 seconds");
    headers_printf(c, &h, "User-Agent", "direct-client %d", (int)getpid());
    headers_set(c, &h, "X-Timestamp", timestamp_text(c, timestamp_now()));
    headers_set(c, &h, "X-Backend-Allow-Reserved-Names", "true");
    if (s->container)
        headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", s->d->policy->index);
    w->timeout_us = ANSWER_US;
    if (!direct_ask(c, w, node, "HEAD", path, &h, &line, &told.status))
        told = lost(c, errno, "15 seconds");
    else
        told.error = ctx_printf(c, "%s server %s:%d direct HEAD %s gave status %d: %s:%d%s: device %s", s->container ? "Object" : "Container", node->ip,
                                node->port, name_repr(c, path), told.status, node->ip, node->port, strchr(line, ' '), node->device);
    wire_free(w);
    return told;
}

/* What is not as it should be, each kind of a device once. With the lock held. */
static void complain(const struct survey *s, const char *device, const struct told *told)
{
    if (told->status == 507 && g_hash_table_add(s->unmounted, g_strdup(device)))
        fprintf(stderr, "ERROR: %s is unmounted -- This will cause replicas designated for that device to be considered missing until resolved "
                        "or the ring is updated.\n", device);
    if (told->status && s->debug && g_hash_table_add(s->answered, g_strdup(device)))
        fprintf(stderr, "ERROR: %s returned a 404\n", device);
    if (told->status != 404 && told->status != 507)
        fprintf(stderr, "ERROR: %s: %s\n", device, told->error);
}

/* Whether the node has its copy. */
static bool has_copy(struct ctx *c, const struct sought *sought, const struct ring_device *node)
{
    struct survey *s = sought->s;
    const char *account = s->d->client.account, *device = ctx_printf(c, "%s:%d/%s", node->ip, node->port, node->device);
    const char *item = s->container ? ctx_printf(c, "%s/%s/%s", account, s->container, sought->name) : ctx_printf(c, "%s/%s", account, sought->name);
    const char *path = direct_target(c, node, sought->partition, ctx_printf(c, "/%s", item));
    int64_t wait = G_USEC_PER_SEC;

    for (int64_t tries = 1;; tries++) {
        struct told told = head(c, s, node, path);
        bool well = told.status / 100 == 2, passing = !told.status || (told.status / 100 == 5 && told.status != 507);
        bool again = passing && tries <= s->d->options->retries;

        pthread_mutex_lock(s->lock);
        if (well)
            s->retries += tries - 1;
        else
            complain(s, device, &told);
        if (!well && !again && told.status != 404 && told.status != 507)
            fprintf(stderr, "ERROR: %s: Giving up on /%u/%s: %s\n", device, sought->partition, item, told.error);
        pthread_mutex_unlock(s->lock);
        if (!again)
            return well;
        g_usleep((gulong)wait);
        wait *= 2;
    }
}

/* --- all of them ------------------------------------------------------------------------------------------------------------------------ */

/* From how few missing copies on partitions are counted aloud: of objects the original says as well how many miss none. */
static size_t least_missing(const struct survey *s)
{
    return s->container ? 0 : 1;
}

static const char *title(const struct survey *s)
{
    return s->container ? "Object" : "Container";
}

static void seek(struct ctx *c, void *data)
{
    const struct sought *sought = data;
    struct survey *s = sought->s;
    const struct ring_device *nodes[MOST_COPIES];
    size_t n = ring_primaries(s->ring, sought->partition, nodes, G_N_ELEMENTS(nodes)), found = 0;

    for (size_t i = 0; i < n; i++)
        found += has_copy(c, sought, nodes[i]);
    pthread_mutex_lock(s->lock);
    if (*s->d->options->partitions && found < n) {
        say("\r\x1B[K");
        fflush(stdout);
        fprintf(stderr, "# %s partition %u missing %zu cop%s\n", title(s), sought->partition, n - found, n - found == 1 ? "y" : "ies");
    }
    s->found += found;
    s->missing[n - found]++;
    s->queried++;
    if (clock_mono_us() >= s->next_us) {
        s->next_us = clock_mono_us() + 5 * G_USEC_PER_SEC;
        if (!s->d->options->dump_json)
            say("\r\x1B[KQuerying %ss: %zu of %zu, %s left, %" G_GINT64_FORMAT " retries", s->kind, s->queried, s->n_listed,
                dispersion_eta(c, s->begun_us, (double)s->queried, (double)s->n_listed), s->retries);
        fflush(stdout);
    }
    pthread_mutex_unlock(s->lock);
}

static uint32_t partition_of(const struct survey *s, const char *name)
{
    const char *account = s->d->client.account;

    return s->container ? dispersion_partition(s->ring, account, s->container, name) : dispersion_partition(s->ring, account, name, NULL);
}

static void seek_all(struct ctx *c, struct survey *s, const char **names)
{
    struct crew *crew = crew_new(c, s->d->options->concurrency);
    bool *taken = ctx_new_n(c, bool, s->ring->parts);

    for (; *names; names++) {
        const struct ring_device *nodes[MOST_COPIES];
        struct sought *sought = ctx_new(c, struct sought);

        *sought = (struct sought){ s, *names, partition_of(s, *names) };
        if (taken[sought->partition])
            continue;
        taken[sought->partition] = true;
        s->n_partitions++;
        s->expected += ring_primaries(s->ring, sought->partition, nodes, G_N_ELEMENTS(nodes));
        crew_do(crew, seek, sought);
    }
    crew_end(crew);
}

static void say_missing(struct ctx *c, const struct survey *s, size_t copies)
{
    size_t partitions = s->missing[copies];
    bool all = copies == s->ring->n_rows;

    say("%sThere %s %zu partition%s missing %s cop%s.\n", all ? "!!! " : s->ring->n_rows - copies == 1 ? "! " : "", partitions > 1 ? "were" : "was", partitions,
        partitions > 1 ? "s" : "", all ? "all" : ctx_printf(c, "%zu", copies), copies == 1 ? "y" : "ies");
}

static void say_report(struct ctx *c, const struct survey *s, double percent)
{
    say("\r\x1B[KQueried %zu %ss for dispersion reporting, %s, %" G_GINT64_FORMAT " retries\n", s->n_listed, s->kind,
        dispersion_time(c, (double)(clock_mono_us() - s->begun_us) / G_USEC_PER_SEC), s->retries);
    if (s->n_listed > s->n_partitions)
        say("There were %zu overlapping partitions\n", s->n_listed - s->n_partitions);
    for (size_t i = least_missing(s); i <= MOST_COPIES; i++)
        if (s->missing[i])
            say_missing(c, s, i);
    say("%.02f%% of %s copies found (%zu of %zu)\nSample represents %.02f%% of the %s partition space\n", percent, s->kind, s->found, s->expected,
        100.0 * (double)s->n_partitions / (double)s->ring->parts, s->kind);
    fflush(stdout);
}

static const char *report_json(struct ctx *c, const struct survey *s, double percent)
{
    json_t *number = ctx_json(c, json_real(percent));
    struct buf text = {};
    const char *json;

    buf_printf(&text, "{\"retries\": %" G_GINT64_FORMAT ", \"overlapping\": %zu, \"pct_found\": ", s->retries, s->n_listed - s->n_partitions);
    python_repr(&text, number);
    buf_printf(&text, ", \"copies_found\": %zu, \"copies_expected\": %zu", s->found, s->expected);
    for (size_t i = least_missing(s); i <= MOST_COPIES; i++)
        if (s->missing[i])
            buf_printf(&text, ", \"missing_%zu\": %zu", i, s->missing[i]);
    buf_putc(&text, '}');
    json = ctx_strdup(c, text.data);
    buf_clear(&text);
    return json;
}

/* Of JSON: what it says of that kind; else "". NULL with a fault. */
static const char *report(struct ctx *c, struct survey *s)
{
    const struct dispersion *d = s->d;
    const char *prefix = s->container ? "dispersion_" : ctx_printf(c, "dispersion_%d", d->policy->index);
    const char **names = client_names(c, &d->client, s->container, prefix, &s->n_listed);
    double percent;

    if (!names && !(s->container && c->fault.status == 404))
        return NULL;
    fault_clear(c);
    if (!s->n_listed) {
        fprintf(stderr, "No %ss to query. Has swift-dispersion-populate been run?\n", s->kind);
        return "null";
    }
    s->begun_us = clock_mono_us();
    s->next_us = s->begun_us + 2 * G_USEC_PER_SEC;
    seek_all(c, s, names);
    percent = 100.0 * (double)s->found / (double)s->expected;
    if (d->options->dump_json)
        return report_json(c, s, percent);
    say_report(c, s, percent);
    return "";
}

static bool report_both(struct ctx *c, const struct dispersion *d, bool debug)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    GHashTable *unmounted = ctx_own(c, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), (void (*)(void *))(void *)g_hash_table_unref);
    GHashTable *answered = ctx_own(c, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), (void (*)(void *))(void *)g_hash_table_unref);
    const char *json = "", *part;

    for (int objects = 0; objects < 2; objects++) {
        struct survey s = { .d = d, .ring = dispersion_ring(c, d, objects), .kind = objects ? "object" : "container",
                            .container = objects ? dispersion_box(c, d) : NULL, .debug = debug, .unmounted = unmounted, .answered = answered, .lock = &lock };

        if (!s.ring)
            return false;
        if (!(objects ? d->options->object_report : d->options->container_report))
            continue;
        if (!(part = report(c, &s)))
            return false;
        json = ctx_printf(c, "%s%s\"%s\": %s", json, *json ? ", " : "", s.kind, part);
    }
    if (d->options->dump_json)
        say("{%s}\n", json);
    return true;
}

int tool_dispersion_report(struct ctx *c, char **words)
{
    bool json = false, debug = false, partitions = false, containers = false, objects = false, insecure = false;
    const char *policy = NULL;
    const struct tool_option options[] = {
        { 'j', "dump-json", &json, NULL }, { 'd', "debug", &debug, NULL }, { 'p', "partitions", &partitions, NULL },
        { 0, "container-only", &containers, NULL }, { 0, "object-only", &objects, NULL }, { 0, "insecure", &insecure, NULL },
        { 'P', "policy-name", NULL, &policy }, {}
    };
    struct dispersion d;

    if (!tool_options(c, words, options) || !dispersion_read(c, words, policy, &d))
        return 1;
    d.options->dump_json |= json;
    d.options->container_report &= !objects;
    d.options->object_report &= !containers;
    if (partitions)
        d.options->partitions = ctx_strdup(c, "yes");
    if (!d.options->dump_json)
        say("Using storage policy: %s \n", d.policy->name);
    if (!d.options->container_report && !d.options->object_report)
        return !fail(c, BAD_REQUEST, "Neither container or object report is set to run");
    return !dispersion_log_in(c, &d, insecure) || !report_both(c, &d, debug);
}
