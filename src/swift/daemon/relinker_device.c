/* The relinker at one policy of one device: which partitions are left to do is kept in relink.<objects>.json beside them. */
#include "swift/daemon/relinker.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/ssync/ssync.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_US (G_USEC_PER_SEC * 10)

/* Names in a directory, of the ctx; ends with NULL. errno 0, or why it cannot be listed. */
static char **names_in(struct ctx *c, const char *path, size_t *ret_n)
{
    DIR *dir = opendir(path);
    GPtrArray *names = g_ptr_array_new();
    int error = dir ? 0 : errno;
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            g_ptr_array_add(names, ctx_strdup(c, entry->d_name));
    if (dir)
        closedir(dir);
    if (ret_n)
        *ret_n = names->len;
    g_ptr_array_add(names, NULL);
    errno = error;
    return ctx_own(c, g_ptr_array_free(names, FALSE), g_free);
}

static bool contains(char **names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* --- one object -------------------------------------------------------------------------------------------------------------------- */

/* Where an object lies and where it is to lie, and what is in both. */
struct pair_of_places {
    struct disk_place from, to;
    const char *from_dir, *to_dir;
    char **from_names, **to_names; size_t n_from, n_to;
};

/* What is obsolete goes first from where it is to lie, then from where it lies: so the one has never more than the other that is needed. */
static void tidy_both(struct ctx *c, const struct relinked *r, struct pair_of_places *p)
{
    struct timestamp before = { MAX(clock_us() / 10 - r->all->options->reclaim_age * 100000, 0), 0 };
    struct disk_files files;

    p->from_dir = disk_place_dir(c, &p->from);
    p->to_dir = disk_place_dir(c, &p->to);
    disk_files_tidy(c, &files, p->to_dir, r->policy, NULL, before);
    disk_files_tidy(c, &files, p->from_dir, r->policy, NULL, before);
    p->to_names = names_in(c, p->to_dir, &p->n_to);
    p->from_names = names_in(c, p->from_dir, &p->n_from);
}

/* Those files that would count if all lay together, or whose meaning is not known. */
static bool is_needed(const struct disk_files *all, const char *name)
{
    return !contains(all->obsolete, all->n_obsolete, name);
}

/* How many could not be linked. */
static int64_t link_needed(struct ctx *c, struct relinked *r, const struct pair_of_places *p, int64_t *ret_made)
{
    char **names = ctx_new_n(c, char *, p->n_from + p->n_to + 1);
    struct disk_files all = {};
    size_t n = p->n_from;
    int64_t missing = 0;

    memcpy(names, p->from_names, p->n_from * sizeof(*names));
    for (size_t i = 0; i < p->n_to; i++)
        if (!contains(p->from_names, p->n_from, p->to_names[i]))
            names[n++] = p->to_names[i];
    disk_files_choose(c, &all, names, n, r->policy, NULL, (struct timestamp){});
    for (size_t i = 0; i < p->n_from; i++) {
        const char *name = p->from_names[i], *from = ctx_printf(c, "%s/%s", p->from_dir, name), *to = ctx_printf(c, "%s/%s", p->to_dir, name);
        enum disk_linked linked;

        if (!is_needed(&all, name))
            continue;
        r->stats.files++;
        linked = disk_link(from, to);
        *ret_made += linked == LINK_MADE;
        if (linked != LINK_FAILED || (errno == EEXIST && g_str_has_suffix(name, ".ts")))     /* two tombstones of one time are the same */
            continue;
        log_warning(c, "relinker: failed to relink %s to %s: %s", from, to, g_strerror(errno));
        missing++;
    }
    r->stats.linked += *ret_made;
    r->stats.errors += missing;
    return missing;
}

static void remove_all(struct ctx *c, struct relinked *r, const struct pair_of_places *p)
{
    int64_t removed = 0;

    for (size_t i = 0; i < p->n_from; i++) {
        const char *path = ctx_printf(c, "%s/%s", p->from_dir, p->from_names[i]);

        if (!disk.unlink(path)) {
            removed++;
        } else {
            log_warning(c, "relinker: %s cannot be removed: %s", path, g_strerror(errno));
            r->stats.errors++;
        }
    }
    r->stats.removed += removed;
    if (removed)
        hashes_invalidate(c, &p->from);
}

/* True: something was linked into *ret_partition. */
static bool relink_object(struct ctx *c, struct relinked *r, uint32_t partition, const uint8_t digest[16], uint32_t *ret_partition)
{
    struct pair_of_places p = { .from = { .device_path = r->device_path, .policy = r->policy, .partition = partition } };
    int64_t made = 0, missing;

    memcpy(p.from.digest, digest, sizeof(p.from.digest));
    p.to = p.from;
    p.to.partition = disk_partition(digest, r->next_part_power);
    r->stats.hash_dirs++;
    tidy_both(c, r, &p);
    missing = link_needed(c, r, &p, &made);
    if (made)
        hashes_invalidate(c, &p.to);
    if (r->all->options->cleanup && !missing)
        remove_all(c, r, &p);
    *ret_partition = p.to.partition;
    return made > 0;
}

/* --- one partition ------------------------------------------------------------------------------------------------------------------ */

struct partition { struct relinked *r; uint32_t number; const char *path; GHashTable *linked_into; };

static void relink_suffix(struct ctx *c, const struct partition *p, const char *suffix)
{
    for (char **hash = names_in(c, ctx_printf(c, "%s/%s", p->path, suffix), NULL); *hash; hash++) {
        struct relinked *r = p->r;
        uint8_t digest[16];
        struct ctx one;
        uint32_t to;

        if (strlen(*hash) != 32 || !hex_read(*hash, digest, sizeof(digest)) || disk_partition(digest, r->next_part_power) == p->number ||
            !g_file_test(ctx_printf(c, "%s/%s/%s", p->path, suffix, *hash), G_FILE_TEST_IS_DIR))
            continue;
        ctx_init_child(&one, c, c->service);
        if (relink_object(&one, r, p->number, digest, &to))
            g_hash_table_add(p->linked_into, GUINT_TO_POINTER(to));
        ctx_clear(&one);
        pace_wait(&r->all->pace, 1);
    }
}

static bool hash_again(struct ctx *c, const struct relinked *r, const char *path, size_t *ret_n)
{
    struct suffix_hash *rows;

    return hashes_get(c, path, r->policy, NULL, r->all->options->reclaim_age, &rows, ret_n, NULL);
}

/* Nothing lies in it any more: it goes, when nobody is at it. */
static void remove_partition(struct ctx *c, const char *path)
{
    static const char *const own[] = { "hashes.pkl", "hashes.invalid", ".lock", ".lock-replication" };
    int replication = ssync_lock_partition(c, path, LOCK_US), lock = replication < 0 ? -1 : disk_lock(ctx_printf(c, "%s/.lock", path), LOCK_US);

    for (size_t i = 0; lock >= 0 && i < G_N_ELEMENTS(own); i++)
        disk.unlink(ctx_printf(c, "%s/%s", path, own[i]));
    if (lock >= 0) {
        close(lock);
        disk.rmdir(path);
    }
    if (replication >= 0)
        close(replication);
}

/* Hashes are made when no more is moved: of the upper half, which cleanup has no business in, after relinking. */
static void hash_partitions(struct ctx *c, const struct partition *p)
{
    const struct relinked *r = p->r;
    GHashTableIter each;
    void *number;
    size_t n = 1;

    g_hash_table_iter_init(&each, p->linked_into);
    while (g_hash_table_iter_next(&each, &number, NULL))
        if (r->all->options->cleanup || (uint64_t)GPOINTER_TO_UINT(number) >= (uint64_t)1 << r->part_power)
            hash_again(c, r, ctx_printf(c, "%s/%s/%u", r->device_path, r->data_dir, GPOINTER_TO_UINT(number)), &n);
    if (!r->all->options->cleanup || !g_file_test(p->path, G_FILE_TEST_IS_DIR))
        return;
    if (hash_again(c, r, p->path, &n) && !n)
        remove_partition(c, p->path);
}

static void save_state(struct ctx *c, const struct relinked *r)
{
    json_t *all = json_pack("{s:i, s:i, s:O}", "part_power", r->part_power, "next_part_power", r->next_part_power, "state", r->state);
    const char *tmp = ctx_printf(c, "%s/.relink.%s.json.tmp", r->device_path, r->data_dir), *path = ctx_printf(c, "%s/relink.%s.json", r->device_path, r->data_dir);
    char *text;
    int fd;

    if (r->previous_part_power)
        json_object_set_new(all, "prev_part_power", json_integer(r->previous_part_power));
    text = json_dumps(all, 0);
    fd = disk.open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || disk.write(fd, text, strlen(text)) < 0 || disk.fsync(fd) || disk.rename(tmp, path))
        log_warning(c, "relinker: %s: %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    free(text);
    json_decref(all);
}

static void relink_partition(struct ctx *c, struct relinked *r, const char *name)
{
    struct partition p = { .r = r, .number = (uint32_t)strtoul(name, NULL, 10), .path = ctx_printf(c, "%s/%s/%s", r->device_path, r->data_dir, name),
                           .linked_into = g_hash_table_new(NULL, NULL) };
    int64_t errors = r->stats.errors;
    size_t done = 0;
    const char *each;
    json_t *is;

    for (char **suffix = names_in(c, p.path, NULL); *suffix; suffix++)
        relink_suffix(c, &p, *suffix);
    hash_partitions(c, &p);
    g_hash_table_destroy(p.linked_into);
    if (r->stats.errors == errors) {
        json_object_set_new(r->state, name, json_true());
        save_state(c, r);
    }
    json_object_foreach(r->state, each, is)
        done += json_is_true(is);
    log_info(c, "relinker: step: %s device: %s policy: %s partitions: %zu/%zu", r->all->options->cleanup ? "cleanup" : "relink", r->device, r->policy->name, done,
             json_object_size(r->state));
    relinker_tell(c, r, false);
}

/* --- the device ---------------------------------------------------------------------------------------------------------------------- */

/* What an earlier run has left to do, if it was about the same increase. */
static void read_state(struct ctx *c, struct relinked *r)
{
    const char *path = ctx_printf(c, "%s/relink.%s.json", r->device_path, r->data_dir);
    json_t *all = ctx_json(c, json_load_file(path, 0, NULL)), *power = json_object_get(all, "part_power"), *next = json_object_get(all, "next_part_power");

    r->state = json_object();
    if (json_integer_value(next) == r->next_part_power && json_integer_value(power) == r->part_power && json_is_object(json_object_get(all, "state"))) {
        json_object_update(r->state, json_object_get(all, "state"));
        return;
    }
    if (json_integer_value(next) == r->next_part_power && json_is_integer(power))
        r->previous_part_power = (int)json_integer_value(power);
    disk.unlink(path);
}

static int highest_first(const void *a, const void *b)
{
    uint64_t x = strtoull(*(char *const *)a, NULL, 10), y = strtoull(*(char *const *)b, NULL, 10);

    return (x < y) - (x > y);
}

/* Partitions of the upper half are new: there is nothing to link, nor to remove. */
static bool concerns(const struct relinked *r, const char *name)
{
    int power = r->part_power != r->next_part_power ? r->part_power : r->previous_part_power;
    int64_t number;

    return *name && name[strspn(name, "0123456789")] == '\0' && text_to_int(name, &number) && (!power || number < INT64_C(1) << power);
}

static const char *const *partitions_left(struct ctx *c, struct relinked *r, char **names)
{
    bool goes_on = json_object_size(r->state) > 0, relinking = r->part_power != r->next_part_power;
    const char **left;
    const char *name;
    json_t *done;
    size_t n = 0;

    for (; *names; names++)          /* one that has come since the first run of relink holds nothing but links */
        if (concerns(r, *names) && !json_object_get(r->state, *names))
            json_object_set_new(r->state, *names, json_boolean(goes_on && relinking));
    left = ctx_new_n(c, const char *, json_object_size(r->state) + 1);
    json_object_foreach(r->state, name, done)
        if (!json_is_true(done) && (!r->all->options->partitions || text_in(name, r->all->options->partitions)))
            left[n++] = ctx_strdup(c, name);
    if (n)
        qsort(left, n, sizeof(*left), highest_first);
    return left;
}

void relink_device(struct ctx *c, struct relinked *r)
{
    const char *objects = ctx_printf(c, "%s/%s", r->device_path, r->data_dir);
    int lock = disk_lock(ctx_printf(c, "%s/.relink.%s.lock", r->device_path, r->data_dir), DISK_LOCK_ALWAYS);
    const char *const *left;
    char **names;

    r->began_us = clock_us();
    read_state(c, r);
    relinker_tell(c, r, false);
    names = names_in(c, objects, NULL);
    if (errno && errno != ENOENT) {
        log_warning(c, "relinker: skipping %s: %s", objects, g_strerror(errno));
        r->stats.unlistable_partitions++;
    }
    for (left = partitions_left(c, r, names); *left; left++) {
        struct ctx one;

        ctx_init_child(&one, c, c->service);
        relink_partition(&one, r, *left);
        ctx_clear(&one);
    }
    if (lock >= 0)
        close(lock);
    relinker_tell(c, r, true);
    json_decref(r->state);
}
