/* What a deleted account still has is deleted: its containers' objects, then the containers. Each of the account's nodes does its share; the rows
 * that go with it leave the database empty, and the replicator removes it.
 */
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/broker/broker.h"
#include "swift/name.h"

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE 1000
#define MOST_LISTING ((size_t)64 * 1024 * 1024)
#define RAW_PER_SECOND 100000

struct reaper_options { int64_t delay_reaping; double reap_warn_after; };

static const struct attr options[] = {
    ATTR(struct reaper_options, delay_reaping, 0, .min = 0, .unset = "0", .help = "Seconds a deleted account keeps what it has."),
    ATTR(struct reaper_options, reap_warn_after, 0, .unset = "2592000", .help = "Seconds after which it is said that an account has still not gone."),
    {}
};

/* One account. */
struct reaped {
    const struct round *round;
    const char *account;
    uint32_t partition;
    const struct ring_device *nodes[MOST_REPLICAS]; size_t n;        /* of the account */
    size_t share;                    /* which of them this is */
    _Atomic int64_t containers_gone, containers_left, objects_gone, objects_left;
};

/* One of its containers. */
struct reaped_container {
    struct reaped *of;
    char *name;
    uint32_t partition;
    const struct ring_device *nodes[MOST_REPLICAS]; size_t n;
    const struct storage_policy *policy;
};

struct reaped_object {
    struct reaped_container *of;
    char *name;
};

/* --- objects ------------------------------------------------------------------------------------------------------------------------- */

static void name_host(struct ctx *c, struct headers *h, const char *kind, const struct ring_device *d, uint32_t partition)
{
    headers_printf(c, h, ctx_printf(c, "X-%s-Host", kind), "%s:%d", d->ip, d->port);
    headers_printf(c, h, ctx_printf(c, "X-%s-Partition", kind), "%u", partition);
    headers_set(c, h, ctx_printf(c, "X-%s-Device", kind), d->device);
}

static void reap_object(struct ctx *c, void *data)
{
    struct reaped_object *o = data;
    struct reaped_container *k = o->of;
    struct timestamp now = timestamp_now();
    const struct ring_device *nodes[MOST_REPLICAS];
    struct node_request r = { .kind = STORAGE_OBJECT, .method = "DELETE", .account = k->of->account, .container = k->name, .object = o->name };
    size_t n = ring_nodes(c, k->policy->ring, k->of->account, k->name, o->name, &r.partition, nodes), done = 0;

    for (size_t i = 0; i < n; i++) {
        struct headers h = {};

        name_host(c, &h, "Container", k->nodes[i % k->n], k->partition);
        headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", k->policy->index);
        headers_set(c, &h, "X-Timestamp", timestamp_text(c, now));
        r.node = nodes[i];
        r.headers = &h;
        done += node_call(c, k->of->round, &r, NULL) / 100 == 2;
    }
    if (done > n / 2)
        k->of->objects_gone++;
    else
        k->of->objects_left++;
    g_free(o->name);
    g_free(o);
}

/* One page of them from the container's last node; *marker moves on. False: there are no more, or it does not answer. */
static bool reap_page(struct ctx *c, struct reaped_container *k, struct crew *crew, char **marker)
{
    struct node_request r = { .kind = STORAGE_CONTAINER, .node = k->nodes[k->n - 1], .partition = k->partition, .method = "GET",
                              .account = k->of->account, .container = k->name };
    struct swift_response response = RESPONSE_EMPTY;
    struct headers h = {};
    json_t *list, *row;
    int64_t index = 0;
    const char *text, *policy;
    size_t bytes, i;

    r.query = ctx_printf(c, "format=json&marker=%s", *marker ? name_quote(c, *marker, "") : "");
    headers_set(c, &h, "X-Backend-Allow-Reserved-Names", "true");
    r.headers = &h;
    node_call(c, k->of->round, &r, &response);
    policy = response_get(&response, "X-Backend-Storage-Policy-Index");
    text = response_take_all(c, &response, MOST_LISTING, &bytes);
    list = text && response.status == 200 ? ctx_json(c, json_loadb(text, bytes, JSON_ALLOW_NUL, NULL)) : NULL;
    if (policy)
        text_to_int(policy, &index);
    k->policy = policy_by_index((int)index);
    if (!json_array_size(list) || !k->policy)
        return false;
    json_array_foreach(list, i, row) {
        json_t *name = json_object_get(row, "name");
        struct reaped_object *o = json_is_string(name) ? g_new0(struct reaped_object, 1) : NULL;

        if (!o)
            return false;
        *o = (struct reaped_object){ k, g_strdup(name_from_bytes(c, json_string_value(name), json_string_length(name))) };
        g_free(*marker);
        *marker = g_strdup(o->name);
        crew_do(crew, reap_object, o);
    }
    return !daemon_stops();
}

/* --- containers ---------------------------------------------------------------------------------------------------------------------- */

static void reap_objects(struct ctx *parent, struct reaped_container *k)
{
    struct crew *crew = crew_new(parent, (int64_t)sqrt((double)k->of->round->settings->concurrency));
    char *marker = NULL;
    bool more = true;

    while (more) {
        struct ctx c;

        ctx_init_child(&c, parent, parent->service);
        more = reap_page(&c, k, crew, &marker);
        ctx_clear(&c);
    }
    crew_end(crew);
    g_free(marker);
}

static void remove_container(struct ctx *c, struct reaped_container *k)
{
    struct timestamp now = timestamp_now();
    struct node_request r = { .kind = STORAGE_CONTAINER, .partition = k->partition, .method = "DELETE", .account = k->of->account, .container = k->name };
    size_t done = 0;

    for (size_t i = 0; i < k->n; i++) {
        struct headers h = {};

        name_host(c, &h, "Account", k->of->nodes[k->of->n - 1 - i % k->of->n], k->of->partition);
        headers_set(c, &h, "X-Account-Override-Deleted", "yes");
        headers_set(c, &h, "X-Timestamp", timestamp_text(c, now));
        r.node = k->nodes[i];
        r.headers = &h;
        done += node_call(c, k->of->round, &r, NULL) / 100 == 2;
    }
    if (done > k->n / 2)
        k->of->containers_gone++;
    else
        k->of->containers_left++;
}

static void reap_container(struct ctx *c, void *data)
{
    struct reaped_container *k = data;

    k->n = ring_nodes(c, storage_ring(STORAGE_CONTAINER), k->of->account, k->name, NULL, &k->partition, k->nodes);
    if (k->n) {
        reap_objects(c, k);
        if (!daemon_stops())
            remove_container(c, k);
    }
    g_free(k->name);
    g_free(k);
}

/* Is it this node's share? */
static bool is_mine(struct ctx *c, const struct reaped *a, const char *container)
{
    uint8_t digest[16];
    uint64_t rest = 0;
    size_t n;
    const char *bytes = name_bytes(c, container, &n);

    md5_of(bytes, n, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        rest = (rest * 256 + digest[i]) % a->n;
    return rest == a->share;
}

/* --- accounts ------------------------------------------------------------------------------------------------------------------------ */

struct page { struct ctx *c; const char **names; size_t n; };

static bool take_name(void *data, const struct listing_entry *e)
{
    struct page *p = data;

    p->names[p->n++] = ctx_strdup(p->c, e->name);
    return p->n < PAGE;
}

static bool reap_containers(struct ctx *parent, struct reaped *a, struct broker *b)
{
    struct crew *crew = crew_new(parent, (int64_t)sqrt((double)a->round->settings->concurrency));
    g_autofree char *marker = g_strdup("");
    bool more = true, well = true;

    while (more && well && !daemon_stops()) {
        struct listing_query q = { .marker = marker, .limit = PAGE, .allow_reserved = true };
        struct page page = {};
        struct ctx c;

        ctx_init_child(&c, parent, parent->service);
        page.c = &c;
        page.names = ctx_new_n(&c, const char *, PAGE);
        well = broker_list(&c, b, &q, take_name, &page);
        more = page.n > 0;
        for (size_t i = 0; i < page.n; i++)
            if (is_mine(&c, a, page.names[i])) {
                struct reaped_container *k = g_new0(struct reaped_container, 1);

                k->of = a;
                k->name = g_strdup(page.names[i]);
                crew_do(crew, reap_container, k);
            }
        if (more) {
            g_free(marker);
            marker = g_strdup(page.names[page.n - 1]);
        }
        ctx_clear(&c);
    }
    crew_end(crew);
    return well;
}

static void reap_account(struct ctx *c, struct reaped *a, struct broker *b)
{
    const struct reaper_options *o = a->round->options;
    struct broker_info info;
    int64_t since;

    if (!broker_info(c, b, &info) || (strcmp(info.status, "DELETED") && timestamp_compare(info.delete_timestamp, info.put_timestamp) <= 0) ||
        !info.container_count)
        return;
    since = time(NULL) - info.delete_timestamp.raw / RAW_PER_SECOND;
    if (since <= o->delay_reaping && o->delay_reaping)
        return;
    a->account = info.account;
    reap_containers(c, a, b);
    log_info(c, "account-reaper: %s: %" G_GINT64_FORMAT " containers deleted, %" G_GINT64_FORMAT " objects deleted, %" G_GINT64_FORMAT
             " containers remaining, %" G_GINT64_FORMAT " objects remaining", info.account, a->containers_gone, a->objects_gone, a->containers_left, a->objects_left);
    if (a->containers_left && (double)since >= o->reap_warn_after + (double)o->delay_reaping)
        log_warning(c, "Account %s has not been reaped since %s", info.account, timestamp_iso(c, info.delete_timestamp));
}

struct drive { const struct round *round; const char *device; };

/* Where this drive is one of those that are to have it. */
static bool find_share(struct ctx *c, const struct drive *drive, uint32_t partition, struct reaped *a)
{
    const struct ring *ring = ring_get(c, storage_ring(STORAGE_ACCOUNT));

    if (partition >= ring->parts)
        return false;
    a->partition = partition;
    a->n = ring_primaries(ring, partition, a->nodes, MOST_REPLICAS);
    while (a->share < a->n && !(storage_is_local(STORAGE_ACCOUNT, a->nodes[a->share]) && !strcmp(a->nodes[a->share]->device, drive->device)))
        a->share++;
    return a->share < a->n;
}

static bool visit(struct ctx *c, void *data, const char *dir)
{
    const struct drive *drive = data;
    g_auto(GStrv) pieces = g_strsplit(dir, "/", -1);
    const char *partition = pieces[g_strv_length(pieces) - 3], *path = broker_newest_file(c, dir, strrchr(dir, '/') + 1);
    struct reaped a = { .round = drive->round };
    struct broker *b;
    int64_t number;

    if (!text_to_int(partition, &number) || !round_has_partition(drive->round, partition) || number < 0 || number > UINT32_MAX ||
        !find_share(c, drive, (uint32_t)number, &a) || !(b = broker_open_file(c, BROKER_ACCOUNT, path)))
        return true;
    reap_account(c, &a, b);
    broker_done(b);
    return true;
}

static bool run(struct ctx *c, const struct round *round)
{
    for (const char *const *device = round->devices; *device && !daemon_stops(); device++) {
        struct drive drive = { round, *device };

        drive_walk(c, ctx_printf(c, "%s/accounts", round_device_path(c, *device)), 2, visit, &drive);
    }
    return true;
}

const struct daemon account_reaper = { .name = "account-reaper", .kind = STORAGE_ACCOUNT, .interval = 3600, .concurrency = 25, .run = run,
                                       .options = options, .options_size = sizeof(struct reaper_options) };
