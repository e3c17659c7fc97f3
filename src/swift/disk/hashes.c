/* Suffix hashes: how replicas of a partition compare what they hold. hashes.pkl has what is known, hashes.invalid what has changed since. */
#include "swift/disk/diskfile.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/pickle.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_US (10 * G_USEC_PER_SEC)
#define TRIES 5

static bool is_suffix(const char *text)
{
    return strlen(text) == 3 && strspn(text, "0123456789abcdef") == 3;
}

static int lock_partition(struct ctx *c, const char *partition_dir)
{
    return disk_lock(ctx_printf(c, "%s/.lock", partition_dir), LOCK_US);
}

/* --- marking ---------------------------------------------------------------------------------------------------------- */

bool hashes_invalidate_suffix(struct ctx *c, const char *partition_dir, const char *suffix)
{
    int lock = lock_partition(c, partition_dir), fd = -1;
    const char *line = ctx_printf(c, "%s\n", suffix);
    bool well;

    if (lock >= 0)
        fd = disk.open(ctx_printf(c, "%s/hashes.invalid", partition_dir), O_WRONLY | O_CREAT | O_APPEND, 0644);
    well = fd >= 0 && disk.write(fd, line, strlen(line)) >= 0;
    if (fd >= 0)
        close(fd);
    if (lock >= 0)
        close(lock);
    return well;
}

bool hashes_invalidate(struct ctx *c, const struct disk_place *p)
{
    char *dir = disk_place_dir(c, p), *suffix;

    *strrchr(dir, '/') = '\0';
    suffix = strrchr(dir, '/');
    *suffix++ = '\0';
    return hashes_invalidate_suffix(c, dir, suffix);
}

/* --- hashing one suffix -------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in a directory, sorted, of the ctx. */
static bool list_dir(struct ctx *c, const char *path, char ***ret, size_t *ret_n)
{
    DIR *dir = opendir(path);
    GPtrArray *names;
    struct dirent *entry;

    if (!dir)
        return false;
    names = g_ptr_array_new();
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            g_ptr_array_add(names, ctx_strdup(c, entry->d_name));
    closedir(dir);
    if (names->len)
        qsort(names->pdata, names->len, sizeof(void *), by_name);
    *ret_n = names->len;
    *ret = ctx_own(c, g_ptr_array_free(names, FALSE), g_free);
    return true;
}

static void add_time(struct md5 *md5, struct timestamp t, const char *extension)
{
    char text[TIMESTAMP_TEXT];

    timestamp_internal(text, t);
    md5_add(md5, text, strlen(text));
    md5_add(md5, extension, strlen(extension));
}

/* The files of one object; obsolete ones go. False: it cannot be listed. */
static bool hash_object(struct ctx *c, const char *dir, struct timestamp reclaim_before, struct md5 *md5)
{
    struct disk_files f;

    if (!disk_files_tidy(c, &f, dir, reclaim_before))
        return false;
    if (f.meta)
        add_time(md5, f.times.meta, ".meta");
    if (f.tombstone)
        add_time(md5, f.deleted, ".ts");
    if (f.data)
        add_time(md5, f.times.data, ".data");
    if (timestamp_set(f.times.content_type))
        add_time(md5, f.times.content_type, "_ctype");
    return true;
}

/* A place known by its hash directory alone, to be quarantined. */
static void quarantine_dir(struct ctx *c, const char *suffix_dir, const char *hash)
{
    const char *from = ctx_printf(c, "%s/%s", suffix_dir, hash);
    g_autofree char *partition = g_path_get_dirname(suffix_dir), *objects = g_path_get_dirname(partition), *device = g_path_get_dirname(objects);
    const char *base = ctx_printf(c, "%s/quarantined%s", device, strrchr(objects, '/'));

    log_warning(c, "swift: quarantined %s: it is no directory that can be listed", from);
    if (disk_make_dirs(base) && disk.rename(from, ctx_printf(c, "%s/%s", base, hash)))
        disk.rename(from, ctx_printf(c, "%s/%s-%s", base, hash, uuid_new_hex(c)));
}

bool hashes_of_suffix(struct ctx *c, const char *suffix_dir, int64_t reclaim_age, char ret_hex[33])
{
    struct timestamp before = { MAX(clock_us() / 10 - reclaim_age * 100000, 0), 0 };
    struct md5 *md5;
    char **names;
    size_t n;

    *ret_hex = '\0';
    if (!list_dir(c, suffix_dir, &names, &n))
        return errno == ENOENT || errno == ENOTDIR;
    md5 = md5_new();
    for (size_t i = 0; i < n; i++) {
        const char *dir = ctx_printf(c, "%s/%s", suffix_dir, names[i]);

        if (!hash_object(c, dir, before, md5) && (errno == ENOTDIR || errno == ENODATA))
            quarantine_dir(c, suffix_dir, names[i]);
    }
    md5_end_hex(md5, ret_hex);
    if (!rmdir(suffix_dir) || errno == ENOENT)
        *ret_hex = '\0';
    return true;
}

/* --- all of a partition ------------------------------------------------------------------------------------------------- */

struct table {
    GHashTable *hashes;              /* suffix -> hash in hex, "" where it is to be made */
    bool valid;
};

static void set_hash(struct ctx *c, struct table *t, const char *suffix, const char *hash)
{
    g_hash_table_replace(t->hashes, ctx_strdup(c, suffix), ctx_strdup(c, hash));
}

static void read_entry(struct ctx *c, struct table *t, const char *key, const struct pickle *value)
{
    const char *hash = pickle_text(value);

    if (key && !strcmp(key, "valid"))
        t->valid = value->integer != 0;
    else if (key && is_suffix(key))
        set_hash(c, t, key, hash && strlen(hash) == 32 ? hash : "");
    else if (!key || strcmp(key, "updated"))
        t->valid = false;
}

static struct table *table_read(struct ctx *c, const char *partition_dir)
{
    struct table *t = ctx_new(c, struct table);
    size_t n;
    char *bytes = disk_read_file(ctx_printf(c, "%s/hashes.pkl", partition_dir), &n);
    const struct pickle *dict = bytes ? pickle_read(c, bytes, n) : NULL;

    free(bytes);
    fault_clear(c);
    t->hashes = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_destroy);
    if (!dict || dict->kind != PICKLE_DICT)
        return t;
    t->valid = true;
    for (size_t i = 0; i + 1 < dict->n_items; i += 2)
        read_entry(c, t, pickle_text(dict->items[i]), dict->items[i + 1]);
    if (!t->valid)
        g_hash_table_remove_all(t->hashes);
    return t;
}

static bool table_write(struct ctx *c, const char *partition_dir, const struct table *t)
{
    struct pickle *dict = pickle_new(c, PICKLE_DICT);
    struct buf text = {};
    GHashTableIter each;
    void *suffix, *hash;
    bool well;

    g_hash_table_iter_init(&each, t->hashes);
    while (g_hash_table_iter_next(&each, &suffix, &hash))
        pickle_set(c, dict, suffix, *(char *)hash ? pickle_new_text(c, hash) : pickle_new(c, PICKLE_NONE));
    pickle_set(c, dict, "valid", pickle_new_bool(c, t->valid));
    pickle_set(c, dict, "updated", pickle_new_real(c, (double)clock_us() / 1e6));
    pickle_write(&text, dict);
    well = disk_replace_file(ctx_printf(c, "%s/hashes.pkl", partition_dir), partition_dir, text.data, text.len, false);
    buf_clear(&text);
    return well;
}

/* hashes.pkl with hashes.invalid folded into it, which is then empty. Under the lock. */
static struct table *consolidate(struct ctx *c, const char *partition_dir)
{
    struct table *t = table_read(c, partition_dir);
    const char *path = ctx_printf(c, "%s/hashes.invalid", partition_dir);
    size_t n;
    char *text = disk_read_file(path, &n);
    bool any = false;
    int fd;

    for (char *save = NULL, *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
        if (is_suffix(line)) {
            set_hash(c, t, line, "");
            any = true;
        }
    free(text);
    if (!any)
        return t;
    if (!table_write(c, partition_dir, t))
        return NULL;
    fd = disk.open(path, O_WRONLY | O_TRUNC, 0);
    if (fd >= 0)
        close(fd);
    return t;
}

static bool add_directories(struct ctx *c, struct table *t, const char *partition_dir)
{
    char **names;
    size_t n;

    if (!list_dir(c, partition_dir, &names, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_suffix(names[i]) && !g_hash_table_contains(t->hashes, names[i]))
            set_hash(c, t, names[i], "");
    return true;
}

/* Hashes what has none. True: something has changed. */
static bool fill(struct ctx *c, struct table *t, const char *partition_dir, int64_t reclaim_age)
{
    GList *suffixes = g_hash_table_get_keys(t->hashes);
    bool changed = false;

    for (GList *each = suffixes; each; each = each->next) {
        char hex[33];

        if (*(char *)g_hash_table_lookup(t->hashes, each->data))
            continue;
        changed = true;
        if (hashes_of_suffix(c, ctx_printf(c, "%s/%s", partition_dir, (char *)each->data), reclaim_age, hex)) {
            if (*hex)
                set_hash(c, t, each->data, hex);
            else
                g_hash_table_remove(t->hashes, each->data);
        }
    }
    g_list_free(suffixes);
    return changed;
}

static bool tables_equal(const struct table *a, const struct table *b)
{
    GHashTableIter each;
    void *suffix, *hash;

    if (a->valid != b->valid || g_hash_table_size(a->hashes) != g_hash_table_size(b->hashes))
        return false;
    g_hash_table_iter_init(&each, a->hashes);
    while (g_hash_table_iter_next(&each, &suffix, &hash))
        if (!text_equal(hash, g_hash_table_lookup(b->hashes, suffix)))
            return false;
    return true;
}

static struct table *table_copy(struct ctx *c, const struct table *from)
{
    struct table *t = ctx_new(c, struct table);
    GHashTableIter each;
    void *suffix, *hash;

    t->valid = from->valid;
    t->hashes = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_destroy);
    g_hash_table_iter_init(&each, from->hashes);
    while (g_hash_table_iter_next(&each, &suffix, &hash))
        g_hash_table_replace(t->hashes, suffix, hash);
    return t;
}

/* One attempt. False, *ret_again: somebody else has written meanwhile. */
static struct table *attempt(struct ctx *c, const char *partition_dir, const char *const *recalculate, int64_t reclaim_age, bool *ret_again)
{
    int lock = lock_partition(c, partition_dir);
    struct table *was = lock >= 0 ? consolidate(c, partition_dir) : NULL, *t;
    bool changed;

    *ret_again = false;
    if (lock >= 0)
        close(lock);
    if (!was)
        return NULL;
    t = table_copy(c, was);
    changed = !was->valid;
    t->valid = true;
    if (changed && !add_directories(c, t, partition_dir))
        return NULL;
    for (const char *const *suffix = recalculate; suffix && *suffix; suffix++)
        if (is_suffix(*suffix))
            set_hash(c, t, *suffix, "");
    changed = fill(c, t, partition_dir, reclaim_age) || changed;
    if (!changed)
        return t;
    lock = lock_partition(c, partition_dir);
    if (lock < 0)
        return NULL;
    *ret_again = !tables_equal(table_read(c, partition_dir), was);
    if (!*ret_again)
        table_write(c, partition_dir, t);
    close(lock);
    return t;
}

static int by_suffix(const void *a, const void *b)
{
    return strcmp(((const struct suffix_hash *)a)->suffix, ((const struct suffix_hash *)b)->suffix);
}

bool hashes_get(struct ctx *c, const char *partition_dir, const char *const *recalculate, int64_t reclaim_age, struct suffix_hash **ret,
                size_t *ret_n)
{
    struct table *t = NULL;
    bool again = true;
    GHashTableIter each;
    void *suffix, *hash;
    size_t n = 0;

    for (int i = 0; i < TRIES && again; i++)
        t = attempt(c, partition_dir, recalculate, reclaim_age, &again);
    if (!t)
        return false;
    *ret = ctx_new_n(c, struct suffix_hash, g_hash_table_size(t->hashes) + 1);
    g_hash_table_iter_init(&each, t->hashes);
    while (g_hash_table_iter_next(&each, &suffix, &hash)) {
        g_strlcpy((*ret)[n].suffix, suffix, sizeof((*ret)[n].suffix));
        g_strlcpy((*ret)[n++].hash, hash, sizeof((*ret)->hash));
    }
    qsort(*ret, n, sizeof(**ret), by_suffix);
    *ret_n = n;
    return true;
}
