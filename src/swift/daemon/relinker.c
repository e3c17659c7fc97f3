/* The relinker: its options, its workers, what it says and leaves for recon. */
#include "swift/daemon/relinker.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/conf.h"
#include "swift/daemon/crew.h"
#include "swift/tools/tools.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTION "object-relinker"
enum { ALL_WELL = 0, WITH_ERRORS = 1, NOTHING_TO_DO = 2 };

struct conf_options { double files_per_second, stats_interval; char *workers, *mount_check, *devices, *recon_cache_path; int64_t reclaim_age; };

static const struct attr conf_attrs[] = {
    ATTR(struct conf_options, files_per_second, 0, .min = 0, .unset = "0", .help = "How many objects are looked at in a second; any number when 0."),
    ATTR(struct conf_options, stats_interval, 0, .min = 0, .unset = "300", .help = "Seconds between what recon is told."),
    ATTR(struct conf_options, workers, 0, .unset = "auto", .help = "How many devices are worked on at once; auto: all."),
    ATTR(struct conf_options, mount_check, 0, .unset = "", .help = "A drive that is not mounted is an error."),
    ATTR(struct conf_options, devices, 0, .unset = "", .help = "Where drives are mounted."),
    ATTR(struct conf_options, recon_cache_path, 0, .unset = "", .help = "Where it leaves what swift-recon reads."),
    ATTR(struct conf_options, reclaim_age, 0, .min = 0, .unset = "604800", .help = "Seconds after which tombstones go."),
    {}
};

/* --- recon ------------------------------------------------------------------------------------------------------------------------ */

/* Those counts that recon shows, by name; the last two only where there are any. */
#define S(name) { #name, offsetof(struct relinker_stats, name) }
static const struct { const char *name; size_t offset; } counters[] = { S(hash_dirs), S(files), S(linked), S(removed), S(errors), S(unmounted),
                                                                        S(unlistable_partitions) };
#undef S
#define ALWAYS_SHOWN 5

static json_t *stats_json(const struct relinker_stats *s)
{
    json_t *all = json_object();

    for (size_t i = 0; i < G_N_ELEMENTS(counters); i++) {
        int64_t n = *(const int64_t *)(const void *)((const char *)s + counters[i].offset);

        if (n || i < ALWAYS_SHOWN)
            json_object_set_new(all, counters[i].name, json_integer(n));
    }
    return all;
}

static void add_number(json_t *to, const char *name, const json_t *n)
{
    json_object_set_new(to, name, json_integer(json_integer_value(json_object_get(to, name)) + json_integer_value(n)));
}

static void take_number(json_t *to, const char *name, json_t *n, bool smallest)
{
    json_t *there = json_object_get(to, name);

    if (n && (!there || (json_number_value(n) < json_number_value(there)) == smallest))
        json_object_set(to, name, n);
}

/* What all policies of a device come to. */
static void sum_up(json_t *device)
{
    json_t *policies = json_object_get(device, "policies"), *stats = json_object(), *policy, *n;
    const char *index, *name;

    json_object_set_new(device, "parts_done", json_integer(0));
    json_object_set_new(device, "total_parts", json_integer(0));
    json_object_set_new(device, "total_time", json_integer(0));
    json_object_set_new(device, "stats", stats);
    json_object_foreach(policies, index, policy) {
        json_t *of_policy = json_object_get(policy, "stats");

        json_object_foreach(of_policy, name, n)
            add_number(stats, name, n);
        add_number(device, "parts_done", json_object_get(policy, "parts_done"));
        add_number(device, "total_parts", json_object_get(policy, "total_parts"));
        take_number(device, "start_time", json_object_get(policy, "start_time"), true);
        take_number(device, "timestamp", json_object_get(policy, "timestamp"), false);
        take_number(device, "total_time", json_object_get(policy, "total_time"), false);
    }
}

static double now_s(void)
{
    return (double)clock_us() / 1e6;
}

static json_t *policy_row(const struct relinked *r, bool ended)
{
    json_t *row = json_pack("{s:f, s:o, s:i, s:i, s:s, s:I, s:f}", "start_time", (double)r->began_us / 1e6, "stats", stats_json(&r->stats), "part_power",
                            r->part_power, "next_part_power", r->next_part_power, "step", r->all->options->cleanup ? "cleanup" : "relink", "total_parts",
                            (json_int_t)json_object_size(r->state), "timestamp", now_s());
    int64_t done = 0;
    const char *name;
    json_t *is;

    json_object_foreach(r->state, name, is)
        done += json_is_true(is);
    json_object_set_new(row, "parts_done", json_integer(done));
    if (ended)
        json_object_set_new(row, "total_time", json_real((double)(clock_us() - r->began_us) / 1e6));
    return row;
}

static json_t *seen_device(json_t *seen, const char *name)
{
    json_t *device = json_object_get(seen, name);

    if (!device) {
        device = json_pack("{s:{}}", "policies");
        json_object_set_new(seen, name, device);
    }
    return device;
}

/* A worker is known by the number of its thread. code < 0: it has not ended. */
static json_t *worker_row(struct ctx *c, const struct relinker *all, int code)
{
    json_t *devices = json_array(), *row = json_pack("{s:o, s:f, s:o}", "devices", devices, "timestamp", now_s(), "return_code",
                                                     code < 0 ? json_null() : json_integer(code));

    for (const char *const *d = all->devices; *d; d++)
        json_array_append_new(devices, json_string(*d));
    return json_pack("{s:o}", ctx_printf(c, "%ld", (long)syscall(SYS_gettid)), row);
}

void relinker_tell(struct ctx *c, struct relinked *r, bool now)
{
    struct relinker *all = r->all;
    json_t *device = seen_device(all->seen, r->device);

    json_object_set_new(json_object_get(device, "policies"), ctx_printf(c, "%d", r->policy->index), policy_row(r, now));
    sum_up(device);
    if (!now && (double)(clock_us() - all->told_us) < all->options->stats_interval * 1e6)
        return;
    all->told_us = clock_us();
    recon_merge(c, all->options->recon_cache_path, "relinker", json_pack("{s:o, s:O}", "workers", worker_row(c, all, -1), "devices", all->seen));
}

/* --- one worker ------------------------------------------------------------------------------------------------------------------- */

static void unmounted(struct ctx *c, struct relinked *r)
{
    log_warning(c, "relinker: skipping %s as it is not mounted", r->device);
    r->state = json_object();
    r->began_us = clock_us();
    r->stats.unmounted = 1;
    relinker_tell(c, r, true);
    json_decref(r->state);
}

/* False: it is not in this step of an increase. */
static bool relink_policy(struct ctx *c, struct relinker *all, const struct storage_policy *policy)
{
    const struct ring *ring = ring_get(c, policy->ring);
    int part_power = 32 - (int)ring->part_shift;

    if (ring->next_part_power <= 0 || (ring->next_part_power == part_power) != all->options->cleanup)
        return false;
    log_info(c, "relinker: processing files for policy %s (cleanup=%s)", policy->name, all->options->cleanup ? "True" : "False");
    for (const char *const *device = all->devices; *device; device++) {
        struct relinked r = { .all = all, .policy = policy, .device = *device, .device_path = ctx_printf(c, "%s/%s", all->options->devices_dir, *device),
                              .data_dir = policy_dir(c, "objects", policy), .part_power = part_power, .next_part_power = ring->next_part_power };

        if (all->options->mount_check && !storage_is_mounted(r.device_path))
            unmounted(c, &r);
        else
            relink_device(c, &r);
    }
    return true;
}

static int64_t seen_sum(json_t *seen, const char *name)
{
    int64_t sum = 0;
    const char *device;
    json_t *row;

    json_object_foreach(seen, device, row)
        sum += json_integer_value(json_object_get(json_object_get(row, "stats"), name));
    return sum;
}

static void say_sums(struct ctx *c, struct relinker *all)
{
    int64_t gone = seen_sum(all->seen, "unmounted"), unlistable = seen_sum(all->seen, "unlistable_partitions"), errors = seen_sum(all->seen, "errors");
    const char *text = ctx_printf(c, "relinker: %" G_GINT64_FORMAT " hash dirs processed (cleanup=%s) (%" G_GINT64_FORMAT " files, %" G_GINT64_FORMAT
                                  " linked, %" G_GINT64_FORMAT " removed, %" G_GINT64_FORMAT " errors)", seen_sum(all->seen, "hash_dirs"),
                                  all->options->cleanup ? "True" : "False", seen_sum(all->seen, "files"), seen_sum(all->seen, "linked"),
                                  seen_sum(all->seen, "removed"), errors + unlistable);

    if (gone)
        log_warning(c, "relinker: %" G_GINT64_FORMAT " disks were unmounted", gone);
    if (unlistable)
        log_warning(c, "relinker: there were %" G_GINT64_FORMAT " errors listing partition directories", unlistable);
    all->status = gone || unlistable || errors ? WITH_ERRORS : ALL_WELL;
    if (all->status)
        log_warning(c, "%s", text);
    else
        log_info(c, "%s", text);
}

static void work(struct ctx *c, void *data)
{
    struct relinker *all = data;
    bool any = false;

    all->seen = json_object();
    all->told_us = clock_us();
    all->pace.per_second = all->options->files_per_second;
    for (const struct storage_policy *const *policy = all->policies; *policy; policy++)
        any = relink_policy(c, all, *policy) || any;
    if (any) {
        say_sums(c, all);
    } else {
        log_warning(c, "No policy found to increase the partition power.");
        all->status = NOTHING_TO_DO;
    }
    recon_merge(c, all->options->recon_cache_path, "relinker", json_pack("{s:o, s:O}", "workers", worker_row(c, all, all->status), "devices", all->seen));
    json_decref(all->seen);
}

/* --- all of them ------------------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those asked for, or all; sorted, each once. */
static const char **device_list(struct ctx *c, const char *dir, const GPtrArray *asked)
{
    GPtrArray *names = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    GDir *open = asked->len ? NULL : g_dir_open(dir, 0, NULL);
    const char *name, **list;
    size_t n = 0;

    for (guint i = 0; i < asked->len; i++)
        g_ptr_array_add(names, asked->pdata[i]);
    while (open && (name = g_dir_read_name(open)))
        if (*name != '.' && g_file_test(ctx_printf(c, "%s/%s", dir, name), G_FILE_TEST_IS_DIR))
            g_ptr_array_add(names, ctx_strdup(c, name));
    if (open)
        g_dir_close(open);
    g_ptr_array_sort(names, compare);
    list = ctx_new_n(c, const char *, names->len + 1);
    for (guint i = 0; i < names->len; i++)
        if (!n || strcmp(list[n - 1], names->pdata[i]))
            list[n++] = names->pdata[i];
    return list;
}

/* Well, nothing to do, or the worst of what else workers say. */
static int combine(int status, int one)
{
    return one == WITH_ERRORS || status == WITH_ERRORS ? WITH_ERRORS : MAX(status, one);
}

static int run_workers(struct ctx *c, const struct relinker_options *o, const struct storage_policy *const *policies, const char **devices, size_t workers)
{
    size_t n = g_strv_length((char **)(uintptr_t)devices), count = CLAMP(workers, 1, MAX(n, 1));
    struct relinker *all = ctx_new_n(c, struct relinker, count);
    struct crew *crew = crew_new(c, (int64_t)count);
    int status = ALL_WELL;

    recon_merge(c, o->recon_cache_path, "relinker", json_pack("{s:{}, s:{}}", "devices", "workers"));
    for (size_t w = 0; w < count; w++) {
        const char **own = ctx_new_n(c, const char *, n / count + 2);
        size_t k = 0;

        for (size_t i = w; i < n; i += count)
            own[k++] = devices[i];
        all[w] = (struct relinker){ .options = o, .devices = own, .policies = policies };
        crew_do(crew, work, &all[w]);
    }
    crew_end(crew);
    for (size_t w = 0; w < count; w++)
        status = combine(status, all[w].status);
    return status;
}

/* --- the tool ------------------------------------------------------------------------------------------------------------------------ */

/* By name or index; all where none is named. NULL with a fault. */
static const struct storage_policy *const *policy_list(struct ctx *c, const GPtrArray *names)
{
    const struct storage_policy **list = ctx_new_n(c, const struct storage_policy *, MAX(names->len, policies_count()) + 1);
    size_t n = 0;

    for (size_t i = 0; i < policies_count(); i++)
        if (!names->len)
            list[n++] = policy_at(i);
    for (guint i = 0; i < names->len; i++) {
        int64_t index;

        list[n] = policy_by_name(names->pdata[i]);
        if (!list[n] && text_to_int(names->pdata[i], &index))
            list[n] = policy_by_index((int)index);
        if (!list[n++])
            return fail_null(c, BAD_REQUEST, ctx_printf(c, "there is no policy %s", (char *)names->pdata[i]));
    }
    return list;
}

static const char *set(const char *first, const char *second, const char *third)
{
    return first && *first ? first : second && *second ? second : third;
}

static bool read_number(struct ctx *c, const char *text, double *to)
{
    char *end;

    if (!text)
        return true;
    *to = g_ascii_strtod(text, &end);
    return (end != text && !*end && *to >= 0) || fail(c, BAD_REQUEST, ctx_printf(c, "%s is no number", text));
}

/* "auto" or a number; SIZE_MAX: one for each device. */
static bool read_workers(struct ctx *c, const char *text, size_t *ret)
{
    int64_t n;

    *ret = SIZE_MAX;
    if (!strcmp(text, "auto"))
        return true;
    if (!text_to_int(text, &n) || n < 0)
        return fail(c, BAD_REQUEST, ctx_printf(c, "workers: %s is neither a number nor auto", text));
    *ret = (size_t)n;
    return true;
}

static bool config_true(const char *text, bool unset)
{
    return text && *text ? word_true(text) : unset;
}

static GPtrArray *list_new(struct ctx *c)
{
    return ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
}

int tool_object_relinker(struct ctx *c, char **words)
{
    GPtrArray *policies = list_new(c), *devices = list_new(c), *partitions = list_new(c);
    const char *dir = NULL, *files_per_second = NULL, *stats_interval = NULL, *workers = NULL;
    bool skip_mount_check = false;
    const struct tool_option options[] = { { 0, "policy", .list = policies }, { 0, "device", .list = devices }, { 'p', "partition", .list = partitions },
                                           { 0, "devices", .value = &dir }, { 0, "skip-mount-check", .flag = &skip_mount_check },
                                           { 0, "files-per-second", .value = &files_per_second }, { 0, "stats-interval", .value = &stats_interval },
                                           { 0, "workers", .value = &workers }, {} };
    const struct storage_policy *const *list;
    const struct conf *conf;
    struct conf_options *said;
    size_t n_workers;

    if (!tool_options(c, words, options))
        return 2;
    if (!*words || (strcmp(*words, "relink") && strcmp(*words, "cleanup")) || (words[1] && words[2]))
        return tool_usage(c, "object-relinker");
    conf = conf_load(c, words[1] ? words[1] : ctx_printf(c, "%s/object-server.conf", swift_dir()));
    if (!conf || !(said = conf_options(c, conf, SECTION, conf_attrs, sizeof(*said))) || !(list = policy_list(c, policies)) ||
        !read_number(c, files_per_second, &said->files_per_second) || !read_number(c, stats_interval, &said->stats_interval) ||
        !read_workers(c, workers ? workers : said->workers, &n_workers))
        return 2;
    if (partitions->len)
        g_ptr_array_add(partitions, NULL);
    struct relinker_options o = { .cleanup = !strcmp(*words, "cleanup"), .devices_dir = set(dir, said->devices, storage_devices_dir()),
                                  .mount_check = !skip_mount_check && config_true(said->mount_check, swift_options()->mount_check),
                                  .recon_cache_path = set(said->recon_cache_path, swift_options()->recon_cache_path, "."),
                                  .files_per_second = said->files_per_second, .stats_interval = said->stats_interval, .reclaim_age = said->reclaim_age,
                                  .partitions = partitions->len ? (const char *const *)partitions->pdata : NULL };
    return run_workers(c, &o, list, device_list(c, o.devices_dir, devices), n_workers);
}
