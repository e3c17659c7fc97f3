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

/* What is summed up of a suffix: what is the same on all nodes, and what each fragment has. */
struct sums { struct md5 *whole, *fragments[ERASURE_MOST]; };

static void add_time(struct md5 **md5, struct timestamp t, const char *extension)
{
    char text[TIMESTAMP_TEXT];

    if (!*md5)
        *md5 = md5_new();
    timestamp_internal(text, t);
    md5_add(*md5, text, strlen(text));
    md5_add(*md5, extension, strlen(extension));
}

/* The files of one object; obsolete ones go. False: it cannot be listed. */
static bool hash_object(struct ctx *c, const char *dir, const struct storage_policy *policy, struct timestamp reclaim_before, struct sums *sums)
{
    struct disk_files f;

    if (!disk_files_tidy(c, &f, dir, policy, NULL, reclaim_before))
        return false;
    if (f.n == f.n_obsolete)
        return true;
    if (f.meta)
        add_time(&sums->whole, f.times.meta, ".meta");
    if (f.tombstone)
        add_time(&sums->whole, f.deleted, ".ts");
    for (size_t i = 0; i < f.n_fragments; i++)
        add_time(&sums->fragments[f.fragments[i].index], f.fragments[i].time, "");
    if (timestamp_set(f.durable_time))
        add_time(&sums->whole, f.durable_time, ".durable");
    else if (f.data)
        add_time(&sums->whole, f.times.data, ".data");
    if (timestamp_set(f.times.content_type))
        add_time(&sums->whole, f.times.content_type, "_ctype");
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

static void put_sum(struct buf *to, const char *name, struct md5 *md5)
{
    char hex[33];

    if (!md5)
        return;
    md5_end_hex(md5, hex);
    buf_printf(to, "%s%s=%s", to->len ? " " : "", name, hex);
}

/* "None=<hex> 0=<hex> ...", or of replicas the hex alone; an empty sum is one as well. */
static const char *sums_text(struct ctx *c, const struct storage_policy *policy, struct sums *sums)
{
    struct buf text = {};
    const char *all;
    char hex[33];

    if (!policy || policy->type != POLICY_ERASURE) {
        md5_end_hex(sums->whole ? sums->whole : md5_new(), hex);
        return ctx_strdup(c, hex);
    }
    put_sum(&text, "None", sums->whole);
    for (int i = 0; i < ERASURE_MOST; i++)
        put_sum(&text, ctx_printf(c, "%d", i), sums->fragments[i]);
    all = ctx_strdup(c, text.len ? text.data : " ");
    buf_clear(&text);
    return all;
}

const char *hashes_of_suffix(struct ctx *c, const char *suffix_dir, const struct storage_policy *policy, int64_t reclaim_age)
{
    struct timestamp before = { MAX(clock_us() / 10 - reclaim_age * 100000, 0), 0 };
    struct sums sums = {};
    const char *text;
    char **names;
    size_t n;

    if (!list_dir(c, suffix_dir, &names, &n))
        return errno == ENOENT || errno == ENOTDIR ? "" : NULL;
    for (size_t i = 0; i < n; i++) {
        const char *dir = ctx_printf(c, "%s/%s", suffix_dir, names[i]);

        if (!hash_object(c, dir, policy, before, &sums) && (errno == ENOTDIR || errno == ENODATA))
            quarantine_dir(c, suffix_dir, names[i]);
    }
    text = sums_text(c, policy, &sums);
    return !rmdir(suffix_dir) || errno == ENOENT ? "" : text;
}

/* --- as rows, as pickles --------------------------------------------------------------------------------------------------- */

static int by_suffix(const void *a, const void *b)
{
    const struct suffix_hash *x = a, *y = b;
    int compared = strcmp(x->suffix, y->suffix);

    return compared ? compared : x->fragment - y->fragment;
}

/* "<hex>", "None=<hex> 0=<hex>", " " or "". */
static struct pickle *text_pickle(struct ctx *c, const char *text)
{
    struct pickle *dict;

    if (!strpbrk(text, "= "))
        return *text ? pickle_new_text(c, text) : pickle_new(c, PICKLE_NONE);
    dict = pickle_new(c, PICKLE_DICT);
    for (char **piece = text_split(c, text, ' '); *piece; piece++) {
        char *equals = strchr(*piece, '=');

        if (!equals)
            continue;
        pickle_append(c, dict, g_ascii_isdigit(**piece) ? pickle_new_int(c, atoi(*piece)) : pickle_new(c, PICKLE_NONE));
        pickle_append(c, dict, pickle_new_text(c, equals + 1));
    }
    return dict;
}

/* An md5; NULL where it is none. */
static const char *hash_text(const struct pickle *p)
{
    const char *text = pickle_text(p);

    return text && strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32 ? text : NULL;
}

/* The other way. NULL: it is none of these. */
static const char *pickle_hashes(struct ctx *c, const struct pickle *p)
{
    struct buf text = {};
    const char *all;
    int64_t index;

    if (p->kind == PICKLE_NONE)
        return "";
    if (p->kind != PICKLE_DICT)
        return hash_text(p);
    for (size_t i = 0; i + 1 < p->n_items; i += 2) {
        const struct pickle *key = p->items[i];

        if (!hash_text(p->items[i + 1]))
            continue;
        if (key->kind == PICKLE_NONE)
            buf_printf(&text, "%sNone=%s", text.len ? " " : "", hash_text(p->items[i + 1]));
        else if (pickle_int(key, &index) && index >= 0 && index < ERASURE_MOST)
            buf_printf(&text, "%s%d=%s", text.len ? " " : "", (int)index, hash_text(p->items[i + 1]));
    }
    all = ctx_strdup(c, text.len ? text.data : " ");
    buf_clear(&text);
    return all;
}

/* The rows of one suffix. */
static void add_rows(struct ctx *c, GArray *rows, const char *suffix, const char *text)
{
    struct suffix_hash row = { .fragment = -1 };

    g_strlcpy(row.suffix, suffix, sizeof(row.suffix));
    if (!strchr(text, '=')) {
        g_strlcpy(row.hash, *text == ' ' ? "" : text, sizeof(row.hash));
        g_array_append_val(rows, row);
        return;
    }
    for (char **piece = text_split(c, text, ' '); *piece; piece++) {
        row.fragment = g_ascii_isdigit(**piece) ? atoi(*piece) : -1;
        g_strlcpy(row.hash, strchr(*piece, '=') + 1, sizeof(row.hash));
        g_array_append_val(rows, row);
    }
}

static void take_rows(struct ctx *c, GArray *rows, struct suffix_hash **ret, size_t *ret_n)
{
    *ret = ctx_new_n(c, struct suffix_hash, rows->len + 1);
    *ret_n = rows->len;
    if (rows->len) {
        memcpy(*ret, rows->data, rows->len * sizeof(**ret));
        qsort(*ret, rows->len, sizeof(**ret), by_suffix);
    }
    g_array_free(rows, TRUE);
}

void hashes_pickle(struct ctx *c, const struct suffix_hash *rows, size_t n, const struct storage_policy *policy, struct buf *to)
{
    struct pickle *dict = pickle_new(c, PICKLE_DICT), *of_suffix = NULL;
    bool erasure = policy && policy->type == POLICY_ERASURE;

    for (size_t i = 0; i < n; i++) {
        struct pickle *hash = *rows[i].hash ? pickle_new_text(c, rows[i].hash) : pickle_new(c, PICKLE_NONE);

        if (!erasure || !*rows[i].hash) {
            pickle_set(c, dict, rows[i].suffix, erasure ? pickle_new(c, PICKLE_DICT) : hash);
            continue;
        }
        if (!i || strcmp(rows[i].suffix, rows[i - 1].suffix))
            pickle_set(c, dict, rows[i].suffix, of_suffix = pickle_new(c, PICKLE_DICT));
        pickle_append(c, of_suffix, rows[i].fragment < 0 ? pickle_new(c, PICKLE_NONE) : pickle_new_int(c, rows[i].fragment));
        pickle_append(c, of_suffix, hash);
    }
    pickle_write(to, dict);
}

bool hashes_unpickle(struct ctx *c, const void *bytes, size_t n, struct suffix_hash **ret, size_t *ret_n)
{
    const struct pickle *dict = pickle_read(c, bytes, n);
    GArray *rows;

    if (!dict || dict->kind != PICKLE_DICT) {
        fault_clear(c);
        return false;
    }
    rows = g_array_new(FALSE, FALSE, sizeof(struct suffix_hash));
    for (size_t i = 0; i + 1 < dict->n_items; i += 2) {
        const char *suffix = pickle_text(dict->items[i]), *text = pickle_hashes(c, dict->items[i + 1]);

        if (suffix && is_suffix(suffix) && text)
            add_rows(c, rows, suffix, text);
    }
    take_rows(c, rows, ret, ret_n);
    return true;
}

/* --- all of a partition ------------------------------------------------------------------------------------------------- */

struct table {
    GHashTable *hashes;              /* suffix -> its hashes as a text, "" where they are to be made */
    bool valid;
};

static void set_hash(struct ctx *c, struct table *t, const char *suffix, const char *hash)
{
    g_hash_table_replace(t->hashes, ctx_strdup(c, suffix), ctx_strdup(c, hash));
}

static void read_entry(struct ctx *c, struct table *t, const char *key, const struct pickle *value)
{
    if (key && !strcmp(key, "valid"))
        t->valid = value->integer != 0;
    else if (key && is_suffix(key))
        set_hash(c, t, key, pickle_hashes(c, value) ?: "");
    else if (!key || strcmp(key, "updated"))
        t->valid = false;
}

/* What a hashes.pkl holds; invalid where it is none. */
static struct table *table_parse(struct ctx *c, const void *bytes, size_t n)
{
    struct table *t = ctx_new(c, struct table);
    const struct pickle *dict = bytes ? pickle_read(c, bytes, n) : NULL;

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

bool hashes_table_read(struct ctx *c, const void *bytes, size_t n)
{
    return table_parse(c, bytes, n)->valid;
}

static struct table *table_read(struct ctx *c, const char *partition_dir)
{
    size_t n = 0;
    char *bytes = disk_read_file(ctx_printf(c, "%s/hashes.pkl", partition_dir), &n);
    struct table *t = table_parse(c, bytes, n);

    free(bytes);
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
        pickle_set(c, dict, suffix, text_pickle(c, hash));
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
static bool fill(struct ctx *c, struct table *t, const char *partition_dir, const struct storage_policy *policy, int64_t reclaim_age, int64_t *hashed)
{
    GList *suffixes = g_hash_table_get_keys(t->hashes);
    bool changed = false;

    for (GList *each = suffixes; each; each = each->next) {
        const char *text;

        if (*(char *)g_hash_table_lookup(t->hashes, each->data))
            continue;
        changed = true;
        text = hashes_of_suffix(c, ctx_printf(c, "%s/%s", partition_dir, (char *)each->data), policy, reclaim_age);
        *hashed += text && *text;
        if (text && *text)
            set_hash(c, t, each->data, text);
        else if (text)
            g_hash_table_remove(t->hashes, each->data);
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
static struct table *attempt(struct ctx *c, const char *partition_dir, const struct storage_policy *policy, const char *const *recalculate,
                             int64_t reclaim_age, int64_t *hashed, bool *ret_again)
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
    changed = fill(c, t, partition_dir, policy, reclaim_age, hashed) || changed;
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

bool hashes_get(struct ctx *c, const char *partition_dir, const struct storage_policy *policy, const char *const *recalculate, int64_t reclaim_age,
                struct suffix_hash **ret, size_t *ret_n, int64_t *hashed)
{
    struct table *t = NULL;
    int64_t uncounted = 0;
    bool again = true;
    GHashTableIter each;
    void *suffix, *text;
    GArray *rows;

    for (int i = 0; i < TRIES && again; i++)
        t = attempt(c, partition_dir, policy, recalculate, reclaim_age, hashed ? hashed : &uncounted, &again);
    if (!t)
        return false;
    rows = g_array_new(FALSE, FALSE, sizeof(struct suffix_hash));
    g_hash_table_iter_init(&each, t->hashes);
    while (g_hash_table_iter_next(&each, &suffix, &text))
        add_rows(c, rows, suffix, text);
    take_rows(c, rows, ret, ret_n);
    return true;
}
