/* container-sync: what changes in a container whose owner has named another (X-Container-Sync-To) is done there, too.
 *
 * Two marks stand in each replica's database. Rows behind the first are new: each replica sends those that fall to it by their hash. Rows between
 * the second and the first all replicas send again, as one of them may have failed; most are there by then, as a HEAD says.
 */
#include "swift/daemon/daemon.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/http/fetch.h"
#include "swift/broker/broker.h"
#include "swift/container/sync_store.h"
#include "swift/daemon/internal.h"
#include "swift/name.h"
#include "swift/sync_realms.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define AGENT "Swift Container Sync"
#define BATCH 100
#define REPLY_US (30 * G_USEC_PER_SEC)
#define SLOWEST 65536                        /* bytes a second of a body; who is slower has failed */
#define LINKS "X-Object-Sysmeta-Symlink-Target"

struct sync_options { int64_t container_time; char *allowed_sync_hosts, *sync_proxy; };

static const struct attr option_rows[] = {
    ATTR(struct sync_options, container_time, 0, .min = 1, .unset = "60", .help = "Seconds for one container in a round."),
    ATTR(struct sync_options, allowed_sync_hosts, 0, .unset = "127.0.0.1", .help = "Hosts that URLs may name."),
    ATTR(struct sync_options, sync_proxy, 0, .unset = "", .help = "http://host:port of an HTTP proxy, several with commas between: any of them."),
    {}
};

/* One container under way. */
struct synced {
    const struct round *round;
    const char *path;                /* of its database */
    struct broker_info info;
    struct sync_target to;
    const char *user_key;
    size_t ordinal, replicas;        /* which of its replicas this one is */
    int64_t until_us;
    int64_t point1, point2;
    int64_t puts, deletes, failures;
};

/* --- one object ------------------------------------------------------------------------------------------------------------ */

/* Where it is to be; the path of the URL, which is signed, stands behind the host. */
static const char *url_of(struct ctx *c, const struct synced *s, const char *name, const char **ret_path)
{
    const char *url = ctx_printf(c, "%s/%s", s->to.url, name_quote(c, name, "/")), *host = strstr(url, "://");

    *ret_path = host ? strchr(host + 3, '/') : url;
    return url;
}

static void sign(struct ctx *c, const struct synced *s, const char *method, const char *path, struct headers *h)
{
    const char *nonce = uuid_new_hex(c), *when = headers_get(h, "X-Timestamp");

    if (s->to.realm)
        headers_printf(c, h, "X-Container-Sync-Auth", "%s %s %s", s->to.realm, nonce,
                       realm_signature(c, method, path, when ? when : "0", nonce, s->to.realm_key, s->user_key));
    else
        headers_set(c, h, "X-Container-Sync-Key", s->user_key);
}

struct body { struct ctx *c; struct swift_response *response; };

static ssize_t read_body(void *data, void *bytes, size_t n)
{
    struct body *b = data;

    return daemon_stops() ? -1 : response_take(b->c, b->response, bytes, n);
}

/* Any of those that are configured. NULL: none is. */
static const char *choose_proxy(struct ctx *c, const struct synced *s)
{
    char **proxies = text_split(c, ((const struct sync_options *)s->round->options)->sync_proxy, ',');
    size_t n = 0;

    for (size_t i = 0; proxies[i]; i++)
        if (*proxies[i])
            proxies[n++] = proxies[i];
    return n ? proxies[random_below(n)] : NULL;
}

/* The status; 0: no answer. body NULL: none. */
static int send(struct ctx *c, const struct synced *s, const char *method, const char *name, struct headers *h, struct swift_response *body,
                const struct pair **ret_headers)
{
    struct body data = { c, body };
    struct fetch f = { .method = method, .headers = h->pairs, .timeout_us = REPLY_US, .proxy = choose_proxy(c, s) };
    const char *path;

    f.url = url_of(c, s, name, &path);
    sign(c, s, method, path, h);
    f.headers = h->pairs;
    if (body) {
        f.read = read_body;
        f.data = &data;
        f.timeout_us += MAX(body->length, 0) / SLOWEST * G_USEC_PER_SEC;
    }
    bool answered = fetch(c, &f);
    fault_clear(c);
    if (ret_headers)
        *ret_headers = f.reply_headers;
    return answered ? f.status : 0;
}

static bool well_done(struct ctx *c, const struct synced *s, const char *method, const char *name, int status)
{
    if (status / 100 == 2)
        return true;
    log_info(c, "container-sync: %s of %s/%s/%s to %s: %d", method, s->info.account, s->info.container, name, s->to.url, status);
    return false;
}

static bool remove_there(struct ctx *c, struct synced *s, const struct broker_row *row, struct timestamp when)
{
    struct headers h = {};
    int status;

    headers_set(c, &h, "X-Timestamp", timestamp_text(c, when));
    status = send(c, s, "DELETE", row->name, &h, NULL, NULL);
    s->deletes++;
    return status == 404 || status == 409 || well_done(c, s, "DELETE", row->name, status);
}

/* 1: it is there as it is here, or newer; 0: it is not; -1: nobody knows. */
static int is_there(struct ctx *c, const struct synced *s, const struct broker_row *row, struct timestamp when)
{
    const struct pair *said = NULL;
    struct headers h = {};
    struct timestamp there = {};
    int status;

    headers_set(c, &h, "X-Timestamp", timestamp_text(c, when));
    status = send(c, s, "HEAD", row->name, &h, NULL, &said);
    if (status / 100 != 2)
        return status == 404 || well_done(c, s, "HEAD", row->name, status) ? 0 : -1;
    for (; said && said->name; said++)
        if (!strcasecmp(said->name, "X-Timestamp"))
            timestamp_parse(said->value, &there);
    return timestamp_compare(when, there) <= 0;
}

/* What is said with it there: all that was said here, in the client's words. */
static struct headers headers_of(struct ctx *c, const struct swift_response *source)
{
    static const char *const not_passed[] = { "Date", "Last-Modified", "Content-Length", "Accept-Ranges", "X-Trans-Id", "X-Openstack-Request-Id", NULL };
    struct headers h = {};

    for (size_t i = 0; i < source->headers.n; i++) {
        const struct pair *p = &source->headers.pairs[i];
        const char *name = p->name, *value = p->value;

        if (text_in(header_title(c, name), not_passed))
            continue;
        if (header_has_prefix(p, LINKS))
            name = ctx_printf(c, "X-Symlink-Target%s", p->name + strlen(LINKS));
        if (!strcasecmp(name, "ETag"))
            value = etag_plain(c, value);
        if (!strcasecmp(name, "Content-Type") && strstr(value, ";swift_"))
            value = ctx_strndup(c, value, (size_t)(strstr(value, ";swift_") - value));
        headers_set(c, &h, name, value);
    }
    return h;
}

static bool put_there(struct ctx *c, struct synced *s, const struct broker_row *row, struct timestamp when)
{
    static const int statuses[] = { 2, 4, 0 };
    struct swift_response source = RESPONSE_EMPTY;
    struct headers asked = {}, h;
    struct internal_call call = { .agent = AGENT, .method = "GET", .account = s->info.account, .container = s->info.container, .object = row->name,
                                  .headers = &asked, .statuses = statuses };
    struct timestamp here = {};
    bool well;

    headers_set(c, &asked, "X-Newest", "True");
    headers_printf(c, &asked, "X-Backend-Storage-Policy-Index", "%d", s->info.policy_index);
    well = internal_request(c, &call, &source);
    if (well && header_true(&source.headers, "X-Object-Sysmeta-Versions-Symlink")) {
        response_clear(&source);
        return true;                                         /* the container has versions now */
    }
    timestamp_parse(response_get(&source, "X-Timestamp"), &here);
    if (!well || source.status / 100 != 2 || timestamp_compare(here, when) < 0) {
        log_info(c, "container-sync: %s/%s/%s cannot be read: %d", s->info.account, s->info.container, row->name, source.status);
        response_clear(&source);
        return false;
    }
    h = headers_of(c, &source);
    well = well_done(c, s, "PUT", row->name, send(c, s, "PUT", row->name, &h, &source, NULL));
    response_clear(&source);
    s->puts++;
    return well;
}

static bool sync_row(struct ctx *parent, struct synced *s, const struct broker_row *row)
{
    struct timestamps times;
    struct ctx c;
    bool well = true;
    int there;

    ctx_init_child(&c, parent, parent->service);
    if (!timestamps_decode(row->created_at, &times)) {
        well = false;
    } else if (row->deleted) {
        well = remove_there(&c, s, row, times.data);
    } else {
        there = is_there(&c, s, row, times.meta);
        well = there > 0 || (!there && put_there(&c, s, row, times.meta));
    }
    s->failures += !well;
    ctx_clear(&c);
    return well;
}

/* --- one container ----------------------------------------------------------------------------------------------------------- */

/* Rows behind a mark; the database is not held while they are sent. */
static size_t rows_behind(struct ctx *c, const struct synced *s, int64_t mark, struct broker_row **ret)
{
    struct broker *b = broker_open_file(c, BROKER_CONTAINER, s->path);
    size_t n = 0;

    if (b && !broker_rows_since(c, b, mark, BATCH, ret, &n))
        n = 0;
    broker_done(b);
    return n;
}

static bool set_points(struct ctx *c, const struct synced *s)
{
    struct broker *b = broker_open_file(c, BROKER_CONTAINER, s->path);
    bool well = b && broker_set_sync_points(c, b, s->point1, s->point2);

    broker_done(b);
    return well;
}

static bool time_is_left(const struct synced *s)
{
    return !daemon_stops() && clock_mono_us() < s->until_us;
}

/* All rows up to the first mark. The second stays before the first that failed. */
static void send_again(struct ctx *c, struct synced *s)
{
    int64_t at = s->point2, failed_at = -2;
    struct broker_row *rows;
    size_t n = 1;

    while (time_is_left(s) && at < s->point1 && (n = rows_behind(c, s, at, &rows)))
        for (size_t i = 0; i < n && time_is_left(s); i++) {
            if (rows[i].rowid > s->point1) {
                at = s->point1;
                break;
            }
            if (!sync_row(c, s, &rows[i]) && failed_at == -2)
                failed_at = at;
            at = rows[i].rowid;
        }
    s->point2 = failed_at != -2 ? failed_at : at;
    set_points(c, s);
}

static bool is_mine(const struct synced *s, const struct broker_row *row)
{
    uint8_t digest[16];
    uint32_t first;

    hash_path(s->info.account, s->info.container, row->name, digest);
    first = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | digest[3];
    return first % s->replicas == s->ordinal;
}

static void send_new(struct ctx *c, struct synced *s)
{
    struct broker_row *rows;
    size_t n;

    while (time_is_left(s) && (n = rows_behind(c, s, s->point1, &rows))) {
        for (size_t i = 0; i < n && time_is_left(s); i++) {
            if (is_mine(s, &rows[i]))
                sync_row(c, s, &rows[i]);                    /* what fails is sent again by all */
            s->point1 = rows[i].rowid;
        }
        if (!set_points(c, s))
            return;
    }
}

static bool find_place(struct ctx *c, struct synced *s, const char *device)
{
    const struct ring_device *nodes[MOST_REPLICAS];
    uint32_t partition;

    s->replicas = ring_nodes(c, storage_ring(STORAGE_CONTAINER), s->info.account, s->info.container, NULL, &partition, nodes);
    for (s->ordinal = 0; s->ordinal < s->replicas; s->ordinal++)
        if (storage_is_local(STORAGE_CONTAINER, nodes[s->ordinal]) && !strcmp(nodes[s->ordinal]->device, device))
            return true;
    return false;
}

/* True: it syncs, and all that must be known of it is. */
static bool read_database(struct ctx *c, struct synced *s, struct broker *b)
{
    const struct sync_options *o = s->round->options;
    const char *to = NULL, *wrong;
    struct broker_meta *meta;
    size_t n;

    if (broker_is_deleted(c, b, &s->info) || failed(c) || !broker_metadata(c, b, &meta, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        to = strcasecmp(meta[i].name, "X-Container-Sync-To") ? to : meta[i].value;
        s->user_key = strcasecmp(meta[i].name, "X-Container-Sync-Key") ? s->user_key : meta[i].value;
        if (!strcasecmp(meta[i].name, "X-Container-Sysmeta-Versions-Container") && *meta[i].value)
            return false;
    }
    if (!to || !*to || !s->user_key || !*s->user_key)
        return false;
    wrong = sync_target_read(c, to, o->allowed_sync_hosts, &s->to);
    if (wrong)
        log_info(c, "container-sync: %s: %s", s->path, wrong);
    s->point1 = s->info.sync_point1;
    s->point2 = s->info.sync_point2;
    return !wrong && s->to.url;
}

struct drive { const struct round *round; const char *device; };

static bool visit(struct ctx *c, void *data, const char *link)
{
    const struct drive *drive = data;
    struct synced s = { .round = drive->round, .path = sync_store_database(c, link) };
    struct broker *b = g_str_has_suffix(link, ".db") ? broker_open_file(c, BROKER_CONTAINER, s.path) : NULL;
    bool syncs = b && read_database(c, &s, b);

    broker_done(b);
    if (!b && !failed(c) && access(s.path, F_OK))
        unlink(link);                                        /* its database has gone */
    if (!syncs || !find_place(c, &s, drive->device)) {
        fault_clear(c);
        return true;
    }
    s.until_us = clock_mono_us() + ((const struct sync_options *)drive->round->options)->container_time * G_USEC_PER_SEC;
    if (s.point2 < s.point1)
        send_again(c, &s);
    send_new(c, &s);
    if (s.puts || s.deletes || s.failures)
        log_info(c, "container-sync: %s/%s: %" G_GINT64_FORMAT " puts, %" G_GINT64_FORMAT " deletes, %" G_GINT64_FORMAT " failures", s.info.account,
                 s.info.container, s.puts, s.deletes, s.failures);
    fault_clear(c);
    return true;
}

static bool run(struct ctx *c, const struct round *round)
{
    for (const char *const *device = round->devices; *device && !daemon_stops(); device++) {
        struct drive drive = { round, *device };

        drive_walk(c, ctx_printf(c, "%s/" SYNC_STORE, round_device_path(c, *device)), 3, visit, &drive);
    }
    return true;
}

const struct daemon container_sync = { .name = "container-sync", .kind = STORAGE_CONTAINER, .interval = 300, .conn_timeout = 5, .options = option_rows,
                                       .options_size = sizeof(struct sync_options), .run = run };
