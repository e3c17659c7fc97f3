/* The receiving end of an SSYNC: reads what is offered, says what is wanted, and gives the requests that follow to its own object server.
 * The answer is a stream whose reader does the work: while it is read, so is the request's body. */
#include "swift/object/object.h"
#include "swift/ssync/ssync.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/record/python.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/swift.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct receiver_options {
    int64_t replication_concurrency, replication_concurrency_per_device, replication_lock_timeout, replication_failure_threshold;
    double replication_failure_ratio;
};

static const struct attr option_attrs[] = {
    ATTR(struct receiver_options, replication_concurrency, 0, .min = 0, .unset = "4", .help = "SSYNC requests at once; any number when 0."),
    ATTR(struct receiver_options, replication_concurrency_per_device, 0, .min = 0, .unset = "1", .help = "The same to one device."),
    ATTR(struct receiver_options, replication_lock_timeout, 0, .min = 0, .unset = "15", .help = "Seconds to wait for a partition that somebody else replicates."),
    ATTR(struct receiver_options, replication_failure_threshold, 0, .unset = "100", .help = "Failures within one SSYNC after which it may end,"),
    ATTR(struct receiver_options, replication_failure_ratio, 0, .unset = "1.0", .help = "if there are so many to a success."),
    {}
};

static const struct receiver_options *options;       /* set while the process starts */
static atomic_int n_receiving;

enum step { STEP_GREET, STEP_CHECK, STEP_UPDATE, STEP_END, STEP_CUT };

struct receiver {
    const char *device, *device_path;
    const struct storage_policy *policy;
    uint32_t partition;
    const char *fragment;            /* X-Backend-Ssync-Frag-Index, as sent; NULL */
    bool characters;                 /* headers come as they lie in the sender's files: so the original's, which does not say who it is */
    struct disk_wish wish;           /* the same as a wish */
    struct ssync_reader in;
    struct buf out; size_t said;     /* what is to be answered, and how much of it has been */
    enum step step;
    bool counted;                    /* among n_receiving */
    int locks[2];                    /* of the partition and the device */
    int64_t done, failures;
};

bool ssync_configure(struct ctx *c)
{
    const struct conf *conf = conf_load(c, ctx_printf(c, "%s/object-server.conf", swift_dir()));

    options = conf ? conf_options(c, conf, "app:object-server", option_attrs, sizeof(*options)) : NULL;
    return options != NULL;
}

/* --- what went wrong ------------------------------------------------------------------------------------------------------------- */

/* Ends it with ":ERROR: status 'why'", why as Python writes it; bytes: as it writes bytes. */
static bool give_up(struct ctx *c, struct receiver *r, int status, bool bytes, const char *why)
{
    json_t *text = json_string(why);

    log_warning(c, "swift: SSYNC of %s/%u: %s", r->device, r->partition, why);
    buf_printf(&r->out, ":ERROR: %d %s", status, bytes ? "b" : "");
    python_repr(&r->out, text);
    buf_puts(&r->out, "\n");
    json_decref(text);
    r->step = STEP_CUT;
    return false;
}

static bool refuse(struct ctx *c, struct receiver *r, int status, const char *why)
{
    struct swift_response page = RESPONSE_EMPTY;

    response_error(c, &page, status, why);
    const char *text = ctx_strndup(c, page.body.data, page.body.len);
    response_clear(&page);
    return give_up(c, r, status, true, text);
}

/* The sender has gone or is too slow, while doing was read. */
static bool lost(struct ctx *c, struct receiver *r, const char *doing)
{
    if (r->in.error == ETIMEDOUT)
        return give_up(c, r, 408, false, ctx_printf(c, "60 seconds: %s", doing));
    if (r->in.error == EMSGSIZE)
        return give_up(c, r, 0, false, ctx_printf(c, "line too long: %s", doing));
    log_warning(c, "swift: SSYNC of %s/%u: client disconnected: %s", r->device, r->partition, doing);
    r->step = STEP_CUT;
    return false;
}

/* --- locks ----------------------------------------------------------------------------------------------------------------------- */

int ssync_lock_partition(struct ctx *c, const char *partition_dir, int64_t timeout_us)
{
    return disk_make_dirs(partition_dir) ? disk_lock(ctx_printf(c, "%s/.lock-replication", partition_dir), timeout_us) : -1;
}

/* One of as many locks as there may be at once. */
static int lock_device(struct ctx *c, const char *device_path, int64_t until_us)
{
    int fd;

    do {
        for (int64_t i = 0; i < options->replication_concurrency_per_device; i++) {
            fd = disk_lock(i ? ctx_printf(c, "%s/.lock-%" G_GINT64_FORMAT, device_path, i) : ctx_printf(c, "%s/.lock", device_path), 0);
            if (fd >= 0)
                return fd;
        }
        g_usleep(20000);
    } while (clock_mono_us() < until_us);
    return -1;
}

static bool take_turn(struct ctx *c, struct receiver *r)
{
    const char *dir = ctx_printf(c, "%s/%s/%u", r->device_path, policy_dir(c, "objects", r->policy), r->partition);
    int64_t limit = options->replication_lock_timeout * G_USEC_PER_SEC, until = clock_mono_us() + limit;

    r->counted = true;
    if (n_receiving++ >= options->replication_concurrency && options->replication_concurrency)
        return refuse(c, r, 503, NULL);
    r->locks[0] = ssync_lock_partition(c, dir, limit);
    if (r->locks[0] < 0)
        return give_up(c, r, 0, false, ctx_printf(c, "%" G_GINT64_FORMAT " seconds: %s/.lock-replication", options->replication_lock_timeout, dir));
    if (!options->replication_concurrency_per_device)
        return true;
    r->locks[1] = lock_device(c, r->device_path, until);
    return r->locks[1] >= 0 || give_up(c, r, 0, false, ctx_printf(c, "%" G_GINT64_FORMAT " seconds: %s/.lock", options->replication_lock_timeout, r->device_path));
}

static void let_go(struct receiver *r)
{
    for (size_t i = 0; i < G_N_ELEMENTS(r->locks); i++)
        if (r->locks[i] >= 0)
            close(r->locks[i]);
    r->locks[0] = r->locks[1] = -1;
    if (r->counted)
        n_receiving--;
    r->counted = false;
}

/* --- what is missing --------------------------------------------------------------------------------------------------------------- */

/* Is the fragment that is offered here already, newer than all that is durable? */
static bool has_newer(const struct receiver *r, const struct disk_files *f, struct timestamp offered)
{
    for (size_t i = 0; i < f->n_fragments; i++)
        if (f->fragments[i].index == r->wish.fragment && !f->fragments[i].durable && !timestamp_compare(f->fragments[i].time, offered))
            return true;
    return false;
}

/* What this device has of that object. False: nothing that counts. Where only the word that a fragment is durable is missing, it is taken. */
static bool look(struct ctx *c, const struct receiver *r, const struct ssync_offer *offer, struct ssync_offer *ret)
{
    struct disk_place place = { .device_path = r->device_path, .policy = r->policy, .partition = r->partition, .wish = &r->wish };
    const char *hash = offer->hash;
    struct disk_object o;
    bool newer;

    if (strlen(hash) != 32 || !hex_read(hash, place.digest, sizeof(place.digest)))
        return false;
    disk_object_open(c, &place, 0, &o);
    newer = has_newer(r, &o.files, offer->data);
    if (newer && offer->durable && disk_make_durable(c, &place, offer->data, r->wish.fragment)) {
        disk_object_close(&o);
        disk_object_open(c, &place, 0, &o);
    }
    disk_object_close(&o);
    *ret = (struct ssync_offer){ .hash = hash };
    if (o.found == DISK_DELETED)
        ret->data = o.timestamp;
    else if (o.found == DISK_THERE)
        *ret = (struct ssync_offer){ hash, o.times.data, o.timestamp, o.times.content_type, true };
    if (newer && !offer->durable)
        ret->data = offer->data;
    return timestamp_set(ret->data);
}

static bool check_one(struct ctx *c, struct receiver *r, const char *line, struct buf *wanted)
{
    struct ssync_offer offer, mine;
    struct ssync_wanted want;
    struct ctx one;
    bool well;

    ctx_init_child(&one, c, c->service);
    well = ssync_offer_read(&one, line, &offer);
    if (well && ssync_compare(&offer, look(&one, r, &offer, &mine) ? &mine : NULL, &want)) {
        buf_puts(wanted, wanted->len ? "\r\n" : "");
        buf_puts(wanted, ssync_wanted_write(&one, &want));
    }
    ctx_clear(&one);
    return well || give_up(c, r, 0, false, ctx_printf(c, "malformed offer: %.200s", line));
}

static bool expect(struct ctx *c, struct receiver *r, const char *wanted, const char *doing)
{
    const char *line = ssync_line(c, &r->in);

    if (!line)
        return lost(c, r, doing);
    return !strcmp(line, wanted) || give_up(c, r, 0, false, ctx_printf(c, "Looking for %s got %.1024s", wanted, line));
}

/* One line in memory that goes at once. False: there are no more, or it was the end. */
static bool next_line(struct ctx *one, struct ctx *c, struct receiver *r, const char *end, char **ret)
{
    ctx_init_child(one, c, c->service);
    *ret = ssync_line(one, &r->in);
    return *ret && strcmp(*ret, end);
}

static bool check_missing(struct ctx *c, struct receiver *r)
{
    struct buf wanted = {};
    struct ctx one;
    bool well = expect(c, r, ":MISSING_CHECK: START", "missing_check start");
    char *line;

    while (well) {
        bool more = next_line(&one, c, r, ":MISSING_CHECK: END", &line);

        well = more ? check_one(c, r, line, &wanted) : !r->in.error || lost(c, r, "missing_check line");
        ctx_clear(&one);
        if (!more)
            break;
    }
    if (well) {
        buf_puts(&r->out, ":MISSING_CHECK: START\r\n");
        buf_add(&r->out, wanted.data, wanted.len);
        buf_puts(&r->out, "\r\n:MISSING_CHECK: END\r\n");
    }
    buf_clear(&wanted);
    return well;
}

/* --- updates ------------------------------------------------------------------------------------------------------------------------- */

/* One request within the request. */
struct update {
    struct receiver *receiver;
    struct swift_request request;
    int64_t left;                    /* of its body */
};

static ssize_t read_update(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct update *u = data;
    ssize_t got = u->left ? ssync_bytes(c, &u->receiver->in, bytes, (size_t)MIN((int64_t)n, u->left)) : 0;

    if (u->left && got <= 0)
        return -1;
    u->left -= got;
    return got;
}

static bool read_request(struct ctx *c, struct update *u, char *line)
{
    struct receiver *r = u->receiver;
    struct swift_request *q = &u->request;
    struct swift_response wrong = RESPONSE_EMPTY;
    const char *why = ssync_subrequest_read(c, &r->in, line, r->characters, q);

    if (why)
        return *why ? give_up(c, r, 0, false, why) : lost(c, r, "updates line");
    q->path = ctx_printf(c, "/%s/%u%s", r->device, r->partition, q->path);
    q->env = ctx_new(c, struct swift_env);
    if (storage_split(c, q, &wrong))
        return true;
    response_clear(&wrong);
    return give_up(c, r, 0, false, ctx_printf(c, "malformed path: %.200s", q->path));
}

static bool run_update(struct ctx *c, struct update *u)
{
    struct receiver *r = u->receiver;
    struct swift_request *q = &u->request;
    struct swift_response answer = RESPONSE_EMPTY;
    char rest[4096];
    ssize_t n = 1;
    int status;

    headers_printf(c, &q->headers, "X-Backend-Storage-Policy-Index", "%d", r->policy->index);
    headers_set(c, &q->headers, "X-Backend-Replication", "True");
    headers_set(c, &q->headers, "X-Backend-Ssync-Frag-Index", r->fragment);
    q->read = read_update;
    q->read_data = u;
    u->left = q->length;
    object_server.serve(c, q, &answer);
    status = answer.status;
    response_clear(&answer);
    while (n > 0)                    /* what was refused is still to be read */
        n = read_update(c, u, rest, sizeof(rest));
    if (n < 0)
        return lost(c, r, "updates content");
    if (status / 100 == 2 || status == 404) {
        r->done++;
        return true;
    }
    log_warning(c, "swift: SSYNC of %s/%u: %s %s failed with %d", r->device, r->partition, q->method, q->path, status);
    r->failures++;
    if (r->failures < options->replication_failure_threshold ||
        (r->done && (double)r->failures / (double)r->done <= options->replication_failure_ratio))
        return true;
    return give_up(c, r, 0, false, ctx_printf(c, "Too many %" G_GINT64_FORMAT " failures to %" G_GINT64_FORMAT " successes", r->failures, r->done));
}

static bool update(struct ctx *c, struct receiver *r)
{
    struct ctx one;
    bool well = expect(c, r, ":UPDATES: START", "updates start");
    char *line;

    while (well) {
        bool more = next_line(&one, c, r, ":UPDATES: END", &line);
        struct update u = { .receiver = r };

        well = more ? read_request(&one, &u, line) && run_update(&one, &u) : !r->in.error || lost(c, r, "updates line");
        ctx_clear(&one);
        if (!more)
            break;
    }
    if (well && r->failures)
        return refuse(c, r, 500, ctx_printf(c, "ERROR: With :UPDATES: %" G_GINT64_FORMAT " failures to %" G_GINT64_FORMAT " successes", r->failures, r->done));
    if (well)
        buf_puts(&r->out, ":UPDATES: START\r\n:UPDATES: END\r\n");
    return well;
}

/* --- the answer ------------------------------------------------------------------------------------------------------------------------ */

/* The next piece of it into out. What fails has said so there. */
static void go_on(struct ctx *c, struct receiver *r)
{
    switch (r->step) {
    case STEP_GREET:
        buf_puts(&r->out, "\r\n");       /* the sender goes on when it has the head */
        r->step = STEP_CHECK;
        break;
    case STEP_CHECK:
        if (take_turn(c, r) && check_missing(c, r))
            r->step = STEP_UPDATE;
        break;
    case STEP_UPDATE:
        if (update(c, r))
            r->step = STEP_END;
        break;
    case STEP_END:
    case STEP_CUT:
        break;
    }
    if (r->step >= STEP_END)
        let_go(r);
}

static ssize_t talk(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct receiver *r = data;

    if (r->said == r->out.len) {
        buf_clear(&r->out);
        r->said = 0;
        go_on(c, r);
    }
    if (!r->out.len)
        return r->step == STEP_CUT ? -1 : 0;
    n = MIN(n, r->out.len - r->said);
    memcpy(bytes, r->out.data + r->said, n);
    r->said += n;
    return (ssize_t)n;
}

static void end(void *data)
{
    struct receiver *r = data;

    let_go(r);
    buf_clear(&r->out);
}

void object_ssync(struct ctx *c, struct swift_request *request, struct swift_response *response)
{
    struct receiver *r = ctx_new(c, struct receiver);
    const char *fragment = request_get(request, "X-Backend-Ssync-Frag-Index");
    int64_t number = -1;

    *r = (struct receiver){ .device = request->device, .partition = request->partition, .fragment = fragment && *fragment ? fragment : NULL,
                            .characters = !request_get(request, "User-Agent"), .locks = { -1, -1 } };
    if (!storage_policy(c, request, response, &r->policy))
        return;
    if (!r->policy)
        r->policy = policy_by_index(0) ?: policy_default();
    if (r->fragment && !text_to_int(r->fragment, &number)) {
        response_error(c, response, 400, ctx_printf(c, "Invalid X-Backend-Ssync-Frag-Index '%s'", r->fragment));
        return;
    }
    r->wish.fragment = r->policy->type == POLICY_ERASURE ? (int)number : -1;
    r->device_path = storage_device(c, request, response);
    if (!r->device_path)
        return;
    ssync_reader_init(c, &r->in, request->read, request->read_data);
    response->status = 200;
    headers_set(c, &response->headers, "X-Backend-Accept-No-Commit", "True");
    response->length = -1;
    response->read = talk;
    response->read_data = r;
    response->close = end;
    response->disconnect = true;
}
