/* The object auditor: every file is read in its turn and compared with what was stored; what is damaged goes to quarantine, from where
 * replication heals it. Two passes go side by side: ALL reads everything, ZBF only opens files, many a second, for those that a crash has
 * left without their bytes. A pass that was cut short goes on where it was (auditor_status.c). */
#include "swift/daemon/audit_watcher.h"
#include "swift/daemon/auditor.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/conf.h"
#include "swift/daemon/crew.h"
#include "swift/disk/diskfile.h"
#include "swift/disk/io.h"
#include "swift/name.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 65536
#define TEMPORARY_S 86400                    /* what rsync left is old enough to go, where nobody says how long rsync may take */
#define TEMPORARY_MORE_S 900

struct auditor_options {
    double files_per_second, bytes_per_second;
    int64_t zero_byte_files_per_second, log_time;
    char *rsync_tempfile_timeout, *object_size_stats, *watchers;
};

static const struct attr option_attrs[] = {
    ATTR(struct auditor_options, files_per_second, 0, .unset = "20", .help = "How many files are audited in a second; any number when 0."),
    ATTR(struct auditor_options, bytes_per_second, 0, .unset = "10000000", .help = "How much is read in a second; any amount when 0."),
    ATTR(struct auditor_options, zero_byte_files_per_second, 0, .min = 0, .unset = "50", .help = "How many files are only opened in a second; 0: there is no such pass."),
    ATTR(struct auditor_options, log_time, 0, .min = 0, .unset = "3600", .help = "Seconds between what is logged, and told recon, of a pass."),
    ATTR(struct auditor_options, rsync_tempfile_timeout, 0, .unset = "auto", .help = "Seconds after which temporary files of rsync go."),
    ATTR(struct auditor_options, object_size_stats, 0, .unset = "", .help = "Sizes, with commas: how many objects are no larger than each is logged."),
    ATTR(struct auditor_options, watchers, 0, .unset = "", .help = "What else looks at each object, with commas: dark_data."),
    {}
};

#define MOST_SIZES 32

/* How many objects are no larger than each size, and than none of them. */
struct size_stats { int64_t sizes[MOST_SIZES], counts[MOST_SIZES + 1]; size_t n; };

/* One pass: over all devices, or over one beside others. */
struct audit {
    const struct round *round;
    const struct auditor_options *options;
    const char *kind;                /* "ALL", "ZBF" */
    bool whole;                      /* files are read */
    const char *const *devices;
    const char *key;                 /* under which recon has it; NULL: there is one for all devices */
    int64_t temporary_s;
    struct pace files, bytes;
    int64_t passes, quarantined, errors, bytes_processed, all_quarantined, all_errors, all_files;     /* the first four since it was last told */
    int64_t began_us, reported_us, audit_us, told_us;
    char *block;
    struct size_stats stats;
    struct watchers *watchers;
};

/* --- sizes --------------------------------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool read_sizes(struct ctx *c, const char *text, struct size_stats *s)
{
    for (char **word = text_split(c, text, ','); *word; word++) {
        if (!*g_strstrip(*word))
            continue;
        if (s->n == MOST_SIZES || !text_to_int(*word, &s->sizes[s->n]))
            return fail(c, INTERNAL_ERROR, ctx_printf(c, "object-auditor: object_size_stats %s is no list of sizes", text));
        s->n++;
    }
    qsort(s->sizes, s->n, sizeof(*s->sizes), by_size);
    return true;
}

static void count_size(struct size_stats *s, int64_t size)
{
    size_t i = 0;

    while (i < s->n && size > s->sizes[i])
        i++;
    s->counts[i]++;
}

static void say_sizes(struct ctx *c, const struct size_stats *s)
{
    const char *text = "{";

    for (size_t i = 0; i < s->n; i++)
        text = ctx_printf(c, "%s\"%" G_GINT64_FORMAT "\": %" G_GINT64_FORMAT ", ", text, s->sizes[i], s->counts[i]);
    log_info(c, "swift: object audit stats: %s\"OVER\": %" G_GINT64_FORMAT "}", text, s->counts[s->n]);
}

/* --- one object -------------------------------------------------------------------------------------------------------------------- */

/* Reads the file. False: what it holds is not what was stored. */
static bool is_whole(struct ctx *c, struct audit *a, const struct disk_object *o, const char **ret_why)
{
    const char *stored = headers_get(&o->data_metadata, "ETag");
    struct md5 *md5 = md5_new();
    ssize_t n = 1;
    char etag[33];

    for (int64_t at = 0; at < o->length && n > 0; at += n) {
        n = disk.pread(o->fd, a->block, BLOCK, at);
        if (n > 0) {
            md5_add(md5, a->block, (size_t)n);
            a->bytes_processed += n;
            if (!pace_wait(&a->bytes, n))
                break;
        }
    }
    md5_end_hex(md5, etag);
    if (daemon_stops())
        return true;
    if (n < 0 && errno != EIO) {
        a->errors++;
        return true;
    }
    *ret_why = n < 0 ? g_strerror(EIO) : ctx_printf(c, "ETag %s and file's md5 %s do not match", stored ? stored : "None", etag);
    return n >= 0 && stored && !strcmp(stored, etag);
}

static bool is_temporary(const char *name)
{
    const char *dot = strrchr(name, '.');

    return *name == '.' && dot != name && strlen(dot) == 7 && strspn(dot + 1, "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == 6;
}

/* What rsync has not finished, long ago. */
static void remove_temporary(struct ctx *c, const struct audit *a, const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    struct stat st;

    while (dir && (name = g_dir_read_name(dir)))
        if (is_temporary(name) && !stat(ctx_printf(c, "%s/%s", path, name), &st) && st.st_mtime < time(NULL) - a->temporary_s)
            disk.unlink(ctx_printf(c, "%s/%s", path, name));
    if (dir)
        g_dir_close(dir);
}

static size_t files_that_count(const struct disk_files *f)
{
    return !!f->data + !!f->meta + !!f->ctype_meta + !!f->tombstone + f->n_obsolete;
}

static void take_away(struct ctx *c, struct audit *a, const struct disk_place *place, const char *why)
{
    disk_quarantine(c, place, why);
    a->quarantined++;
}

static void judge(struct ctx *c, struct audit *a, const struct disk_place *place, struct disk_object *o)
{
    int64_t reclaim_us = clock_us() - a->round->settings->reclaim_age * G_USEC_PER_SEC;
    const char *why;

    switch (o->found) {
    case DISK_QUARANTINED:
        a->quarantined++;
        break;
    case DISK_ERROR:
        a->errors++;
        break;
    case DISK_DELETED:
        if (a->whole && o->timestamp.raw * 10 < reclaim_us)          /* the replicator's hashing tidies it */
            hashes_invalidate(c, place);
        break;
    case DISK_THERE:
        count_size(&a->stats, o->length);
        if (a->whole && o->length && !is_whole(c, a, o, &why))
            take_away(c, a, place, why);
        else if (a->watchers && !daemon_stops() && !watchers_see(c, a->watchers, place, o))
            take_away(c, a, place, "a watcher asked for it");
        break;
    case DISK_ABSENT:
    case DISK_EXPIRED:
    case DISK_COLLISION:
        break;
    }
}

static void audit_object(struct ctx *c, struct audit *a, struct disk_place *place, const char *path)
{
    int64_t began = clock_us();
    struct disk_object o;

    if (!hex_read(strrchr(path, '/') + 1, place->digest, sizeof(place->digest)))
        return;
    disk_object_open(c, place, 0, &o);
    judge(c, a, place, &o);
    disk_object_close(&o);
    if (o.files.n > files_that_count(&o.files))
        remove_temporary(c, a, path);
    a->passes++;
    a->all_files++;
    pace_wait(&a->files, 1);
    a->audit_us += clock_us() - began;
}

/* --- what is told -------------------------------------------------------------------------------------------------------------------- */

static void tell_recon(struct ctx *c, struct audit *a)
{
    json_t *stats = json_pack("{s:I,s:I,s:I,s:I,s:f,s:f}", "errors", (json_int_t)a->errors, "passes", (json_int_t)a->passes, "quarantined",
                              (json_int_t)a->quarantined, "bytes_processed", (json_int_t)a->bytes_processed, "start_time", (double)a->reported_us / 1e6,
                              "audit_time", (double)a->audit_us / 1e6);

    if (a->key)
        stats = json_pack("{s:o}", a->key, stats);
    recon_dump(c, a->round, json_pack("{s:o}", ctx_printf(c, "object_auditor_stats_%s", a->kind), stats));
}

static void forget_recon(struct ctx *c, const struct round *round, const char *kind)
{
    recon_dump(c, round, json_pack("{s:{}}", ctx_printf(c, "object_auditor_stats_%s", kind)));
}

/* From time to time. */
static void report(struct ctx *c, struct audit *a)
{
    int64_t now = clock_us();
    double seconds = MAX((double)(now - a->reported_us) / 1e6, 1e-6);

    if (a->told_us && now - a->told_us < a->options->log_time * G_USEC_PER_SEC)
        return;
    log_info(c, "swift: object audit (%s): %" G_GINT64_FORMAT " passed, %" G_GINT64_FORMAT " quarantined, %" G_GINT64_FORMAT " errors, %.2f files/sec, %.2f bytes/sec",
             a->kind, a->passes, a->quarantined, a->errors, (double)a->passes / seconds, (double)a->bytes_processed / seconds);
    tell_recon(c, a);
    a->all_quarantined += a->quarantined;
    a->all_errors += a->errors;
    a->passes = a->quarantined = a->errors = a->bytes_processed = 0;
    a->reported_us = a->told_us = now;
}

/* --- walking ------------------------------------------------------------------------------------------------------------------------- */

struct visit { struct audit *audit; struct disk_place place; };

static bool visit_object(struct ctx *c, void *data, const char *path)
{
    struct visit *v = data;

    audit_object(c, v->audit, &v->place, path);
    report(c, v->audit);
    return !daemon_stops();
}

static void audit_policy(struct ctx *c, struct audit *a, const char *device, const struct storage_policy *policy)
{
    struct visit v = { a, { .device_path = round_device_path(c, device), .policy = policy } };
    const char *objects = ctx_printf(c, "%s/%s", v.place.device_path, policy_dir(c, "objects", policy));
    struct auditor_status status;

    if (!g_file_test(objects, G_FILE_TEST_IS_DIR))
        return;
    for (auditor_status_open(c, &status, objects, a->kind); status.at < status.n && !daemon_stops(); status.at++) {
        int64_t partition;

        if (!text_to_int(status.partitions[status.at], &partition) || partition < 0 || partition > UINT32_MAX ||
            !round_has_partition(a->round, status.partitions[status.at]))
            continue;
        auditor_status_save(c, &status);
        v.place.partition = (uint32_t)partition;
        drive_walk(c, ctx_printf(c, "%s/%s", objects, status.partitions[status.at]), 1, visit_object, &v);
    }
    auditor_status_save(c, &status);
}

static void forget_status(struct ctx *c, const struct audit *a)
{
    for (const char *const *device = a->devices; *device; device++)
        for (size_t i = 0; i < policies_count(); i++)
            auditor_status_forget(c, ctx_printf(c, "%s/%s", round_device_path(c, *device), policy_dir(c, "objects", policy_at(i))), a->kind);
}

static void audit(struct ctx *c, void *data)
{
    struct audit *a = data;
    double seconds;

    a->began_us = a->reported_us = clock_us();
    a->block = g_malloc(BLOCK);
    a->watchers = a->whole ? watchers_start(c, a->round, a->options->watchers) : NULL;
    for (const char *const *device = a->devices; *device; device++)
        for (size_t i = 0; i < policies_count(); i++)
            if (!daemon_stops() && round_has_policy(c, a->round, policy_at(i)))
                audit_policy(c, a, *device, policy_at(i));
    g_free(a->block);
    a->block = NULL;
    if (daemon_stops())
        return;
    seconds = MAX((double)(clock_us() - a->began_us) / 1e6, 1e-6);
    log_info(c, "swift: object audit (%s) completed: %.2f s, %" G_GINT64_FORMAT " files, %" G_GINT64_FORMAT " quarantined, %" G_GINT64_FORMAT " errors",
             a->kind, seconds, a->all_files, a->all_quarantined + a->quarantined, a->all_errors + a->errors);
    if (a->stats.n)
        say_sizes(c, &a->stats);
    if (a->watchers)
        watchers_end(c, a->watchers);
    forget_status(c, a);
}

/* --- a round ------------------------------------------------------------------------------------------------------------------------- */

struct zero_byte { struct audit audit; _Atomic bool *others_end; };

/* While the others read, the files are opened over and over. */
static void audit_zero_bytes(struct ctx *c, void *data)
{
    struct zero_byte *z = data;
    const struct audit fresh = z->audit;

    do {
        z->audit = fresh;
        audit(c, &z->audit);
    } while (!fresh.round->by_hand && daemon_pause((int64_t)(fresh.round->settings->interval * 1e6)) && !*z->others_end);
}

/* Longer than the replicator lets rsync run. */
static int64_t temporary_age(struct ctx *c, const struct auditor_options *o)
{
    const struct conf *conf = conf_load(c, ctx_printf(c, "%s/object-server.conf", swift_dir()));
    const char *timeout = conf && conf_has_section(conf, "object-replicator") ? conf_get(conf, "object-replicator", "rsync_timeout") : NULL;
    int64_t seconds;

    if (text_to_int(o->rsync_tempfile_timeout, &seconds))
        return seconds;
    if (!conf || !conf_has_section(conf, "object-replicator"))
        return TEMPORARY_S;
    return (timeout && text_to_int(timeout, &seconds) ? seconds : TEMPORARY_MORE_S) + TEMPORARY_MORE_S;
}

static void shuffle(const char **names)
{
    size_t n = g_strv_length((char **)names);

    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)random_below(i);
        const char *one = names[i - 1];

        names[i - 1] = names[k];
        names[k] = one;
    }
}

static bool audit_all(struct ctx *c, const struct round *round)
{
    const struct auditor_options *o = round->options;
    static int64_t temporary_s;      /* known from the first round on */
    const char **devices;
    size_t n = 0;
    _Atomic bool read = false;
    struct audit whole = { .round = round, .options = o, .kind = "ALL", .whole = true, .temporary_s = temporary_s,
                           .files = { .per_second = o->files_per_second }, .bytes = { .per_second = o->bytes_per_second } };
    struct zero_byte opened = { .others_end = &read };
    struct crew *zero, *crew;

    if (!read_sizes(c, o->object_size_stats, &whole.stats) || !watchers_start(c, round, o->watchers))
        return false;
    zero = crew_new(c, 2);
    if (!temporary_s)
        whole.temporary_s = temporary_s = temporary_age(c, o);
    while (round->devices[n])
        n++;
    devices = ctx_new_n(c, const char *, n + 1);
    memcpy(devices, round->devices, n * sizeof(*devices));
    shuffle(devices);
    forget_recon(c, round, "ALL");
    forget_recon(c, round, "ZBF");
    opened.audit = whole;
    opened.audit.kind = "ZBF";
    opened.audit.whole = false;
    opened.audit.devices = devices;
    opened.audit.files.per_second = (double)o->zero_byte_files_per_second;
    if (o->zero_byte_files_per_second)
        crew_do(zero, audit_zero_bytes, &opened);
    crew = crew_new(c, round->settings->concurrency);
    struct audit *each = ctx_new_n(c, struct audit, n + 1);
    if (round->settings->concurrency == 1) {
        each[0] = whole;
        each[0].devices = devices;
        crew_do(crew, audit, &each[0]);
    }
    for (size_t i = 0; i < n && round->settings->concurrency > 1 && !daemon_stops(); i++) {
        const char **one = ctx_new_n(c, const char *, 2);

        one[0] = devices[i];
        each[i] = whole;
        each[i].devices = one;
        each[i].key = devices[i];
        crew_do(crew, audit, &each[i]);
    }
    crew_end(crew);
    read = true;
    crew_end(zero);
    return true;
}

const struct daemon object_auditor = { .name = "object-auditor", .kind = STORAGE_OBJECT, .interval = 30, .pauses = true, .options = option_attrs,
                                       .options_size = sizeof(struct auditor_options), .run = audit_all };
