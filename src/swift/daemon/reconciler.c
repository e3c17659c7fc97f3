/* Objects that lie under another policy than their container's are moved.
 *
 * The queue is the account .misplaced_objects: a container an hour, in it an entry an object, "<policy>:/<account>/<container>/<object>", whose ETag is
 * the object's time and whose content type says whether it was put or deleted. What is moved is written with the same time and an
 * offset, so that it wins over what it was, and over nothing that came later.
 */
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"
#include "swift/daemon/internal.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/broker/broker.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define AGENT "Swift Container Reconciler"
#define QUEUE ".misplaced_objects"
#define HOUR 3600
#define RAW_PER_SECOND 100000

struct reconciler_options { int64_t processes, process, request_tries; };

#define O(name, default, text) ATTR(struct reconciler_options, name, 0, .min = 0, .unset = default, .help = text)
static const struct attr options[] = {
    O(processes, "0", "How many reconcilers share the queue; 0: one does all of it."),
    O(process, "0", "Which of them this is, from 0."),
    O(request_tries, "3", "How often a request is tried."),
    {}
};

struct reconciler {
    const struct round *round;
    const struct reconciler_options *options;
    struct crew *crew;
    const char *container;           /* of the queue, that is being worked on */
    bool empty;
    GPtrArray *containers;
};

/* One entry of the queue. */
struct misplaced {
    const struct reconciler *all;
    char *queue, *entry;
    int policy;                      /* where it lies */
    char *account, *container, *object;
    struct timestamp when, recorded; /* the object's, and the entry's */
    bool deleted;
};

static void misplaced_free(struct misplaced *m)
{
    g_free(m->queue);
    g_free(m->entry);
    g_free(m->account);
    g_free(m->container);
    g_free(m->object);
    g_free(m);
}

static struct timestamp later(struct timestamp t, uint64_t by)
{
    return (struct timestamp){ t.raw, t.offset + by };
}

static struct timestamp max_time(struct timestamp a, struct timestamp b)
{
    return timestamp_compare(a, b) >= 0 ? a : b;
}

/* --- the container's policy ---------------------------------------------------------------------------------------------------------- */

static bool read_view(const struct swift_response *r, struct policy_view *v)
{
    const char *index = response_get(r, "X-Backend-Storage-Policy-Index");
    int64_t number;

    *v = (struct policy_view){};
    if ((r->status / 100 != 2 && r->status != 404) || !index || !text_to_int(index, &number))
        return false;
    v->policy_index = (int)number;
    timestamp_parse(response_get(r, "X-Backend-Put-Timestamp"), &v->put);
    timestamp_parse(response_get(r, "X-Backend-Delete-Timestamp"), &v->deleted);
    timestamp_parse(response_get(r, "X-Backend-Status-Changed-At"), &v->status_changed);
    return true;
}

/* As a majority of its nodes has it; NULL: they do not say. */
static const struct storage_policy *container_policy(struct ctx *c, const struct misplaced *m)
{
    const struct ring_device *nodes[MOST_REPLICAS];
    struct node_request r = { .kind = STORAGE_CONTAINER, .method = "HEAD", .account = m->account, .container = m->container };
    size_t n = ring_nodes(c, storage_ring(STORAGE_CONTAINER), m->account, m->container, NULL, &r.partition, nodes), said = 0;
    struct policy_view best = {}, view;

    for (size_t i = 0; i < n; i++) {
        struct swift_response response = RESPONSE_EMPTY;

        r.node = nodes[i];
        node_call(c, m->all->round, &r, &response);
        if (read_view(&response, &view) && (!said++ || policy_view_compare(&view, &best) < 0))
            best = view;
        response_clear(&response);
    }
    return said > n / 2 ? policy_by_index(best.policy_index) : NULL;
}

/* --- requests ------------------------------------------------------------------------------------------------------------------------- */

static const int success_or_4xx[] = { 2, 4, 0 }, success_or_404[] = { 2, 404, 0 };

static struct internal_call about(const struct misplaced *m, const char *method, struct headers *headers, const int *statuses)
{
    return (struct internal_call){ .agent = AGENT, .method = method, .account = m->account, .container = m->container, .object = m->object,
                                   .query = "symlink=get", .headers = headers, .statuses = statuses, .tries = (int)m->all->options->request_tries };
}

static struct headers policy_headers(struct ctx *c, const struct storage_policy *policy)
{
    struct headers h = {};

    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", policy->index);
    return h;
}

static bool delete_from(struct ctx *c, const struct misplaced *m, const struct storage_policy *policy, struct timestamp when)
{
    struct headers h = policy_headers(c, policy);
    struct internal_call call = about(m, "DELETE", &h, success_or_404);

    headers_set(c, &h, "X-Timestamp", timestamp_text(c, when));
    return internal_do(c, &call, NULL);
}

/* Of what lies under that policy. False: nobody says. */
static bool time_under(struct ctx *c, const struct misplaced *m, const struct storage_policy *policy, struct timestamp *ret)
{
    struct headers h = policy_headers(c, policy);
    struct internal_call call = about(m, "HEAD", &h, success_or_4xx);
    struct swift_response r;
    bool well = internal_request(c, &call, &r);

    *ret = (struct timestamp){};
    timestamp_parse(response_get(&r, "X-Backend-Timestamp"), ret);
    response_close(&r);
    return well;
}

/* --- moving --------------------------------------------------------------------------------------------------------------------------- */

static ssize_t read_source(struct ctx *c, void *data, void *bytes, size_t n)
{
    return response_take(c, data, bytes, n);
}

/* What the source's nodes said of it goes with it, but what they said of themselves. */
static struct headers copied_headers(struct ctx *c, const struct swift_response *source, const struct storage_policy *to, struct timestamp when)
{
    static const char *const left[] = { "Accept-Ranges", "Content-Range", "Date", "Last-Modified", "X-Openstack-Request-Id", "X-Storage-Policy",
                                        "X-Trans-Id", NULL };
    struct headers h = policy_headers(c, to);

    for (size_t i = 0; i < source->headers.n; i++)
        if (!header_has_prefix(&source->headers.pairs[i], "X-Backend-"))
            headers_set(c, &h, source->headers.pairs[i].name, source->headers.pairs[i].value);
    for (size_t i = 0; left[i]; i++)
        headers_remove(&h, left[i]);
    headers_set(c, &h, "X-Timestamp", timestamp_text(c, when));
    return h;
}

/* before: the time of what lies where it goes. */
static bool move(struct ctx *c, const struct misplaced *m, struct swift_response *source, struct timestamp before, const struct storage_policy *to)
{
    struct headers h;
    struct internal_call call;
    struct timestamp there = {};

    timestamp_parse(response_get(source, "X-Backend-Timestamp"), &there);
    if (source->status / 100 != 2 || timestamp_compare(there, m->when) < 0) {
        if (m->when.raw / RAW_PER_SECOND < time(NULL) - m->all->round->settings->reclaim_age) {
            log_error(c, "container-reconciler: /%s/%s/%s was not available in policy_index %d and has expired", m->account, m->container, m->object,
                      m->policy);
            return true;
        }
        return false;                        /* a newer one exists somewhere, perhaps */
    }
    h = copied_headers(c, source, to, later(max_time(max_time(there, m->when), before), 2));
    call = about(m, "PUT", &h, NULL);
    call.read = read_source;
    call.read_data = source;
    call.length = source->length;
    return internal_do(c, &call, NULL) && delete_from(c, m, policy_by_index(m->policy), later(m->when, 1));
}

/* True: its entry can go. What has been moved while its source is still there may have been cut short before the container knew of it (its time
 * says that a reconciler moved it): it is moved again, a little later. */
static bool reconcile(struct ctx *c, const struct misplaced *m)
{
    const struct storage_policy *to = container_policy(c, m), *from = policy_by_index(m->policy);
    struct headers h;
    struct internal_call get;
    struct swift_response source;
    struct timestamp there;
    bool well, is_there;

    if (!to || to == from)
        return to != NULL;
    if (!from || ring_get(c, from->ring)->next_part_power >= 0 || ring_get(c, to->ring)->next_part_power >= 0 || !time_under(c, m, to, &there))
        return false;
    is_there = timestamp_compare(there, m->when) >= 0;
    if (is_there && (m->deleted || there.raw != m->when.raw))
        return delete_from(c, m, from, later(m->when, 1));
    h = policy_headers(c, from);
    get = about(m, "GET", &h, success_or_4xx);
    internal_request(c, &get, &source);
    if (is_there && source.status == 404)
        well = delete_from(c, m, from, later(m->when, 1));
    else if (source.status == 404 && m->deleted)
        well = delete_from(c, m, to, later(m->when, 2)) && delete_from(c, m, from, later(m->when, 1));
    else
        well = move(c, m, &source, there, to);
    response_close(&source);
    return well;
}

static void work(struct ctx *c, void *data)
{
    struct misplaced *m = data;
    bool well = reconcile(c, m);

    if (well) {
        struct headers h = {};

        headers_set(c, &h, "X-Timestamp", timestamp_text(c, later(max_time(m->recorded, m->when), 1)));
        tell_primaries(c, m->all->round, STORAGE_CONTAINER, "DELETE", QUEUE, m->queue, m->entry, &h);
    }
    log_info(c, "container-reconciler: /%s/%s/%s in policy_index %d %s", m->account, m->container, m->object, m->policy,
             well ? "was handled successfully" : "must be retried");
    misplaced_free(m);
}

/* --- the queue ------------------------------------------------------------------------------------------------------------------------ */

static const char *text_of(struct ctx *c, json_t *row, const char *member)
{
    json_t *value = json_object_get(row, member);

    return json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : NULL;
}

/* "2026-11-22T10:51:46.123450" */
static bool read_iso(const char *text, struct timestamp *ret)
{
    struct tm tm = {};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

    if (!rest)
        return false;
    *ret = (struct timestamp){ .raw = (int64_t)timegm(&tm) * RAW_PER_SECOND + (*rest == '.' ? (int64_t)(strtod(rest, NULL) * RAW_PER_SECOND + 0.5) : 0) };
    return true;
}

/* "<policy>:/<account>/<container>/<object>" */
static bool split_entry(struct misplaced *m)
{
    char *end;
    const char *account, *container, *object;

    m->policy = (int)strtol(m->entry, &end, 10);
    if (end == m->entry || end[0] != ':' || end[1] != '/')
        return false;
    account = end + 2;
    container = strchr(account, '/');
    object = container ? strchr(container + 1, '/') : NULL;
    if (!object || container == account || object == container + 1 || !object[1])
        return false;
    m->account = g_strndup(account, (size_t)(container - account));
    m->container = g_strndup(container + 1, (size_t)(object - container - 1));
    m->object = g_strdup(object + 1);
    return true;
}

static struct misplaced *read_entry(struct ctx *c, const struct reconciler *all, json_t *row)
{
    const char *name = text_of(c, row, "name"), *type = text_of(c, row, "content_type"), *hash = text_of(c, row, "hash");
    struct timestamps times = {};
    struct misplaced *m = g_new0(struct misplaced, 1);

    *m = (struct misplaced){ .all = all, .queue = g_strdup(all->container), .entry = g_strdup(name ? name : ""),
                             .deleted = !g_strcmp0(type, "application/x-delete") };
    if (hash && timestamps_decode(hash, &times) && split_entry(m) && (m->deleted || !g_strcmp0(type, "application/x-put")) &&
        read_iso(text_of(c, row, "last_modified"), &m->recorded)) {
        m->when = times.data;
        return m;
    }
    log_error(c, "container-reconciler: invalid queue record: %s/%s", all->container, name ? name : "?");
    misplaced_free(m);
    return NULL;
}

static bool is_mine(const struct misplaced *m)
{
    uint8_t digest[16];
    uint64_t rest = 0;

    if (m->all->options->processes <= 0)
        return true;
    hash_path(m->account, m->container, m->object, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        rest = (rest * 256 + digest[i]) % (uint64_t)m->all->options->processes;
    return (int64_t)rest == m->all->options->process;
}

static bool visit_entry(struct ctx *c, void *data, json_t *row)
{
    struct reconciler *all = data;
    struct misplaced *m = read_entry(c, all, row);

    all->empty = false;
    if (m && is_mine(m))
        crew_do(all->crew, work, m);
    else if (m)
        misplaced_free(m);
    return true;
}

static void visit_container(struct ctx *c, struct reconciler *all, const char *container)
{
    static const int statuses[] = { 2, 404, 409, 412, 0 };
    struct internal_call call = { .agent = AGENT, .method = "DELETE", .account = QUEUE, .container = container, .statuses = statuses };
    int64_t hour = 0;

    all->container = container;
    all->empty = true;
    if (internal_list(c, &(struct internal_listing){ AGENT, QUEUE, container }, visit_entry, all) && all->empty && !daemon_stops() &&
        text_to_int(container, &hour) &&
        hour < time(NULL) - all->round->settings->reclaim_age)
        internal_do(c, &call, NULL);
}

static bool take_name(struct ctx *c, void *data, json_t *row)
{
    struct reconciler *all = data;
    const char *name = text_of(c, row, "name");

    if (name)
        g_ptr_array_add(all->containers, g_strdup(name));
    return true;
}

/* The hour of now first: updaters need not have told the account of it. Then the newest first. */
static bool run(struct ctx *c, const struct round *round)
{
    struct reconciler all = { .round = round, .options = round->options };
    const char *now = ctx_printf(c, "%lld", (long long)time(NULL) / HOUR * HOUR);
    bool well;

    if (policies_count() < 2 && !round->by_hand)
        return true;
    if (all.options->processes && all.options->process >= all.options->processes)
        return fail(c, INTERNAL_ERROR, "container-reconciler: process must be less than processes");
    all.containers = g_ptr_array_new_with_free_func(g_free);
    all.crew = crew_new(c, round->settings->concurrency);
    visit_container(c, &all, now);
    well = internal_list(c, &(struct internal_listing){ AGENT, QUEUE }, take_name, &all);
    for (guint i = all.containers->len; i-- > 0 && !daemon_stops();)
        if (strcmp(all.containers->pdata[i], now))
            visit_container(c, &all, all.containers->pdata[i]);
    crew_end(all.crew);
    g_ptr_array_unref(all.containers);
    return well || fail(c, UNAVAILABLE, "container-reconciler: the queue cannot be listed");
}

const struct daemon container_reconciler = { .name = "container-reconciler", .kind = STORAGE_CONTAINER, .interval = 30, .run = run, .options = options,
                                             .options_size = sizeof(struct reconciler_options) };
