/* The sending end of an SSYNC. Files are read whole and their sums compared with what was stored: what is damaged goes to quarantine
 * instead of to the others (who would refuse it). */
#include "swift/ssync/ssync.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/wire.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sender {
    const struct ssync_job *job;
    struct ssync_result *result;
    const char *device_path, *partition_dir;
    struct disk_wish wish;           /* which fragments are offered */
    struct wire *wire;
    struct ssync_reader in;
    GPtrArray *wanted;               /* struct ssync_wanted, of the ctx */
};

static int64_t us(double seconds)
{
    return (int64_t)(seconds * G_USEC_PER_SEC);
}

static bool stop(struct ctx *c, const struct sender *s, const char *why)
{
    log_error(c, "swift: SSYNC to %s:%d/%s/%u: %s", s->job->to->replication_ip, s->job->to->replication_port, s->job->to->device, s->job->partition, why);
    return false;
}

static bool say(struct ctx *c, struct sender *s, const char *text, const char *doing)
{
    return wire_put_chunk(s->wire, text, strlen(text)) || stop(c, s, ctx_printf(c, "%s: %s", doing, g_strerror(errno)));
}

/* --- the begin --------------------------------------------------------------------------------------------------------------------- */

static void put_head(struct ctx *c, const struct sender *s, struct buf *to)
{
    const struct ssync_job *job = s->job;

    buf_puts(to, "SSYNC /");
    name_quote_to(to, job->to->device, "");
    buf_printf(to, "/%u HTTP/1.1\r\nHost: %s:%d\r\nTransfer-Encoding: chunked\r\nX-Backend-Storage-Policy-Index: %d\r\n", job->partition,
               job->to->replication_ip, job->to->replication_port, job->policy->index);
    if (job->backend_index >= 0)
        buf_printf(to, "X-Backend-Ssync-Frag-Index: %d\r\nX-Backend-Ssync-Node-Index: %d\r\n", job->backend_index, job->backend_index);
    buf_printf(to, "User-Agent: %s %d\r\n\r\n", job->user_agent, getpid());
}

static ssize_t read_answer(struct ctx *c, void *data, void *bytes, size_t n)
{
    return wire_read_body(data, bytes, n);
}

/* What an answer other than 200 says. */
static const char *refusal(struct ctx *c, struct sender *s, const char *line, const struct headers *answer)
{
    char text[1025];
    ssize_t n;

    wire_begin_body(s->wire, answer, 500, false);
    n = wire_read_body(s->wire, text, sizeof(text) - 1);
    text[MAX(n, 0)] = '\0';
    return ctx_printf(c, "Expected status 200; got %.100s (%s)", line, text);
}

static bool begin(struct ctx *c, struct sender *s)
{
    struct headers answer = {};
    struct buf head = {};
    char *line;
    bool well;

    s->wire = storage_dial(STORAGE_OBJECT, s->job->to, us(s->job->conn_timeout));
    if (!s->wire)
        return stop(c, s, ctx_printf(c, "connect send: %s", g_strerror(errno)));
    s->wire->timeout_us = us(s->job->node_timeout);
    put_head(c, s, &head);
    well = wire_put(s->wire, head.data, head.len);
    buf_clear(&head);
    if (!well || !wire_read_head(c, s->wire, &line, &answer))
        return stop(c, s, ctx_printf(c, "connect receive: %s", g_strerror(errno)));
    if (!g_str_has_prefix(line, "HTTP/1.") || strlen(line) < 12 || strncmp(line + 9, "200", 3))
        return stop(c, s, refusal(c, s, line, &answer));
    s->wish.undurable = s->wish.undurable && header_true(&answer, "X-Backend-Accept-No-Commit");
    wire_begin_body(s->wire, &answer, 200, false);
    ssync_reader_init(c, &s->in, read_answer, s->wire);
    return true;
}

/* The next line of the answer that says something. */
static char *hear(struct ctx *c, struct sender *s, const char *doing)
{
    char *line;

    do
        line = ssync_line(c, &s->in);
    while (line && !*line);
    if (!line)
        stop(c, s, s->in.error == ETIMEDOUT ? ctx_printf(c, "%s: too late", doing) : "Early disconnect");
    return line;
}

static bool hear_that(struct ctx *c, struct sender *s, const char *wanted, const char *doing)
{
    const char *line = hear(c, s, doing);

    return line && (!strcmp(line, wanted) || stop(c, s, ctx_printf(c, "Unexpected response: %.1024s", line)));
}

/* --- what there is ------------------------------------------------------------------------------------------------------------------- */

static bool offer(struct ctx *c, struct sender *s, const char *hash, const struct disk_files *f)
{
    struct ssync_offer *o = ctx_new(c, struct ssync_offer);
    struct ctx line;
    bool well;

    *o = (struct ssync_offer){ .hash = ctx_strdup(c, hash), .data = f->data ? f->times.data : f->deleted,
                                .durable = !f->data || f->fragment < 0 || f->durable };
    if (f->data && f->meta) {
        o->meta = f->times.meta;
        o->content_type = f->times.content_type;
    }
    g_hash_table_insert(s->result->in_sync, (void *)(uintptr_t)o->hash, o);
    s->result->offered++;
    ctx_init_child(&line, c, c->service);
    well = say(&line, s, ctx_printf(&line, "%s\r\n", ssync_offer_write(&line, o)), "missing_check send line");
    ctx_clear(&line);
    return well;
}

static bool is_asked(const struct sender *s, const char *hash)
{
    return strlen(hash) == 32 && strspn(hash, "0123456789abcdef") == 32 && (!s->job->only || g_hash_table_contains((GHashTable *)(uintptr_t)s->job->only, hash));
}

/* Objects of one suffix. *ret_more: not all of them have been looked at. */
static bool offer_suffix(struct ctx *c, struct sender *s, const char *suffix)
{
    const char *path = ctx_printf(c, "%s/%s", s->partition_dir, suffix);
    struct timestamp before = { MAX(clock_us() / 10 - s->job->reclaim_age * 100000, 0), 0 };
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool well = true, any = false;

    while (dir && well && (entry = readdir(dir))) {
        struct disk_files f;
        struct ctx one;

        if (!is_asked(s, entry->d_name))
            continue;
        ctx_init_child(&one, c, c->service);
        if (disk_files_tidy(&one, &f, ctx_printf(&one, "%s/%s", path, entry->d_name), s->job->policy, &s->wish, before)) {
            any = any || f.n > f.n_obsolete;
            if ((f.data || f.tombstone) && s->job->max_objects && s->result->offered >= s->job->max_objects)
                s->result->limited = true;
            else if (f.data || f.tombstone)
                well = offer(c, s, entry->d_name, &f);
        }
        ctx_clear(&one);
        if (s->result->limited)
            break;
    }
    if (dir)
        closedir(dir);
    if (dir && !any && !s->result->limited && !s->job->only)        /* to be tidied with the next hashing */
        hashes_invalidate_suffix(c, s->partition_dir, suffix);
    return well;
}

static bool hear_wanted(struct ctx *c, struct sender *s)
{
    char *line;

    if (!hear_that(c, s, ":MISSING_CHECK: START", "missing_check start wait"))
        return false;
    while ((line = hear(c, s, "missing_check line wait")) && strcmp(line, ":MISSING_CHECK: END")) {
        struct ssync_wanted *want = ctx_new(c, struct ssync_wanted);

        if (ssync_wanted_read(c, line, want) && g_hash_table_contains(s->result->in_sync, want->hash))
            g_ptr_array_add(s->wanted, want);
        else if (*line == ':')
            return stop(c, s, ctx_printf(c, "Unexpected response: %.1024s", line));
    }
    return line != NULL;
}

static bool check_missing(struct ctx *c, struct sender *s)
{
    if (!say(c, s, ":MISSING_CHECK: START\r\n", "missing_check start"))
        return false;
    for (const char *const *suffix = s->job->suffixes; *suffix && !s->result->limited; suffix++)
        if (!offer_suffix(c, s, *suffix))
            return false;
    s->wire->timeout_us = us(s->job->http_timeout);
    return say(c, s, ":MISSING_CHECK: END\r\n", "missing_check end") && hear_wanted(c, s);
}

/* --- sending ------------------------------------------------------------------------------------------------------------------------- */

static bool send_request(struct ctx *c, struct sender *s, const char *method, const char *name, const struct headers *h)
{
    struct buf text = {};
    bool well;

    buf_printf(&text, "%s ", method);
    name_quote_to(&text, name, "/");
    buf_puts(&text, "\r\n");
    wire_put_headers(&text, h);
    buf_puts(&text, "\r\n");
    well = wire_put_chunk(s->wire, text.data, text.len) || stop(c, s, ctx_printf(c, "send_%s: %s", method, g_strerror(errno)));
    buf_clear(&text);
    return well;
}

struct file_body { int fd; int64_t at; struct md5 *md5; };

static ssize_t read_file(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct file_body *f = data;
    ssize_t got = disk.pread(f->fd, bytes, n, f->at);

    if (got > 0) {
        md5_add(f->md5, bytes, (size_t)got);
        f->at += got;
    }
    return got;
}

/* Half of a body leaves the other waiting for the rest: then it is the end of all. */
static bool send_body(struct ctx *c, struct sender *s, const struct ssync_source *from)
{
    char *block = g_malloc(65536);
    int64_t left = from->length;
    bool well = true;

    while (well && left > 0) {
        ssize_t n = from->read(c, from->data, block, (size_t)MIN(left, 65536));

        if (n <= 0)
            well = stop(c, s, "Sent data length does not match content-length");
        else if (!wire_put_chunk(s->wire, block, (size_t)n))
            well = stop(c, s, ctx_printf(c, "send_put chunk: %s", g_strerror(errno)));
        left -= n;
    }
    g_free(block);
    return well;
}

static bool send_source(struct ctx *c, struct sender *s, const char *name, const struct ssync_source *from, bool durable)
{
    struct headers h = {};

    headers_printf(c, &h, "Content-Length", "%" G_GINT64_FORMAT, from->length);
    if (!durable)
        headers_set(c, &h, "X-Backend-No-Commit", "True");
    for (size_t i = 0; i < from->metadata.n; i++)
        if (strcmp(from->metadata.pairs[i].name, "name") && strcmp(from->metadata.pairs[i].name, "Content-Length"))
            headers_add(c, &h, from->metadata.pairs[i].name, from->metadata.pairs[i].value);
    return send_request(c, s, "PUT", name, &h) && send_body(c, s, from);
}

static bool send_data(struct ctx *c, struct sender *s, const struct disk_place *place, const struct disk_object *o)
{
    struct file_body file = { .fd = o->fd };
    struct ssync_source from = { .length = o->length, .metadata = o->data_metadata, .read = read_file, .data = &file };
    bool well, durable = o->files.fragment < 0 || o->files.durable;
    char etag[33];

    if (s->job->build) {
        if (!s->job->build(c, s->job->build_data, place, o, &from))
            return true;
        well = send_source(c, s, place->name, &from, durable);
        if (from.close)
            from.close(from.data);
        return well;
    }
    file.md5 = md5_new();
    well = send_source(c, s, place->name, &from, durable);
    md5_end_hex(file.md5, etag);
    if (well && headers_get(&o->data_metadata, "ETag") && strcmp(etag, headers_get(&o->data_metadata, "ETag")))
        disk_quarantine(c, place, ctx_printf(c, "ETag %s and file's md5 %s do not match", headers_get(&o->data_metadata, "ETag"), etag));
    return well;
}

static bool send_tombstone(struct ctx *c, struct sender *s, const struct disk_place *place, struct timestamp when)
{
    struct headers h = {};

    headers_set(c, &h, "X-Timestamp", timestamp_text(c, when));
    return send_request(c, s, "DELETE", place->name, &h);
}

static bool send_meta(struct ctx *c, struct sender *s, const struct disk_place *place, const struct disk_object *o)
{
    struct headers h = {};

    return !disk_object_meta(c, place, o, &h) || send_request(c, s, "POST", place->name, &h);
}

/* What cannot be opened any more is left out: the other has not got it. */
static bool send_one(struct ctx *c, struct sender *s, const struct ssync_wanted *want)
{
    struct disk_place place = { .device_path = s->device_path, .policy = s->job->policy, .partition = s->job->partition,
                                .wish = &s->wish };
    struct disk_object o;
    bool well = true;

    if (!hex_read(want->hash, place.digest, sizeof(place.digest)))
        return true;
    disk_object_open(c, &place, 0, &o);
    place.name = disk_place_name(c, &place);
    if (!place.name || (o.found != DISK_DELETED && o.found != DISK_THERE))
        g_hash_table_remove(s->result->in_sync, want->hash);
    else if (o.found == DISK_THERE)
        well = (!want->data || send_data(c, s, &place, &o)) && (!want->meta || send_meta(c, s, &place, &o));
    else if (want->data)
        well = send_tombstone(c, s, &place, o.timestamp);
    disk_object_close(&o);
    s->result->sent++;
    return well;
}

static bool send_updates(struct ctx *c, struct sender *s)
{
    bool well = say(c, s, ":UPDATES: START\r\n", "updates start");

    for (guint i = 0; well && i < s->wanted->len; i++) {
        struct ctx one;

        ctx_init_child(&one, c, c->service);
        well = send_one(&one, s, s->wanted->pdata[i]);
        ctx_clear(&one);
    }
    return well && say(c, s, ":UPDATES: END\r\n", "updates end") && hear_that(c, s, ":UPDATES: START", "updates start wait") &&
           hear_that(c, s, ":UPDATES: END", "updates line wait");
}

/* --- all of it ------------------------------------------------------------------------------------------------------------------------- */

/* Nothing has been sent: what is wanted is not there. */
static bool leave_out_wanted(struct sender *s)
{
    for (guint i = 0; i < s->wanted->len; i++)
        g_hash_table_remove(s->result->in_sync, ((struct ssync_wanted *)s->wanted->pdata[i])->hash);
    return true;
}

bool ssync_send(struct ctx *c, const struct ssync_job *job, struct ssync_result *result)
{
    struct sender s = { .job = job, .result = result, .device_path = ctx_printf(c, "%s/%s", storage_devices_dir(), job->device) };
    bool well;

    *result = (struct ssync_result){ .in_sync = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_destroy) };
    if (!*job->suffixes)
        return true;
    s.wish = (struct disk_wish){ .fragment = job->policy->type == POLICY_ERASURE ? job->fragment : -1, .undurable = job->include_non_durable };
    s.partition_dir = ctx_printf(c, "%s/%s/%u", s.device_path, policy_dir(c, "objects", job->policy), job->partition);
    s.wanted = g_ptr_array_new();
    well = begin(c, &s) && check_missing(c, &s) && (job->only ? leave_out_wanted(&s) : send_updates(c, &s));
    if (s.wire && well)
        wire_put_chunk(s.wire, "", 0);
    wire_free(s.wire);
    g_ptr_array_free(s.wanted, TRUE);
    return well;
}
