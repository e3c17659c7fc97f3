/* Partitions that lie on a device whose they are not: what was written there while another was away, or before the ring changed. They go to
 * their primaries, and when those have them, from here. Only files that were there before anything was sent are removed: what is written
 * meanwhile stays for the next round. */
#include "swift/daemon/object_replicator.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/diskfile.h"
#include "swift/disk/io.h"
#include "swift/ssync/ssync.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOCK_US (G_USEC_PER_SEC / 5)

/* --- what is there ---------------------------------------------------------------------------------------------------------------- */

/* Names in a directory, of the ctx. Never NULL; ends with NULL. */
static const char *const *names_in(struct ctx *c, const char *path, size_t length)
{
    DIR *dir = opendir(path);
    GPtrArray *names = g_ptr_array_new();
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && (!length || strlen(entry->d_name) == length))
            g_ptr_array_add(names, ctx_strdup(c, entry->d_name));
    if (dir)
        closedir(dir);
    g_ptr_array_add(names, NULL);
    return ctx_own(c, g_ptr_array_free(names, FALSE), g_free);
}

const char *const *partition_suffixes(struct ctx *c, const char *dir)
{
    const char *const *names = names_in(c, dir, 3);
    const char **kept = (const char **)(uintptr_t)names;
    size_t n = 0;

    for (size_t i = 0; names[i]; i++)
        if (g_file_test(ctx_printf(c, "%s/%s", dir, names[i]), G_FILE_TEST_IS_DIR))
            kept[n++] = names[i];
    kept[n] = NULL;
    return names;
}

/* One object's directory and its files, as they were when the round began. */
struct held { const char *suffix, *hash; const char *const *files; };

static GArray *hold(struct ctx *c, const char *dir, const char *const *suffixes)
{
    GArray *all = ctx_own(c, g_array_new(FALSE, FALSE, sizeof(struct held)), (void (*)(void *))g_array_unref);

    for (; *suffixes; suffixes++)
        for (const char *const *hash = names_in(c, ctx_printf(c, "%s/%s", dir, *suffixes), 0); *hash; hash++) {
            struct held one = { *suffixes, *hash, names_in(c, ctx_printf(c, "%s/%s/%s", dir, *suffixes, *hash), 0) };

            g_array_append_val(all, one);
        }
    return all;
}

/* --- removing --------------------------------------------------------------------------------------------------------------------- */

static bool is_gone(int result)
{
    return !result || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST || errno == ENODATA;
}

static bool remove_held(struct ctx *c, const char *dir, const struct held *one)
{
    const char *suffix = ctx_printf(c, "%s/%s", dir, one->suffix), *path = ctx_printf(c, "%s/%s", suffix, one->hash);
    bool well = true;

    for (const char *const *file = one->files; *file; file++)
        well = is_gone(disk.unlink(ctx_printf(c, "%s/%s", path, *file))) && well;
    well = is_gone(disk.rmdir(path)) && well;
    return is_gone(disk.rmdir(suffix)) && well;
}

/* Those of remove (NULL: all). */
static bool remove_objects(struct ctx *c, const struct replication *r, const GArray *held, GHashTable *remove)
{
    bool well = true;

    for (guint i = 0; i < held->len; i++) {
        const struct held *one = &g_array_index(held, struct held, i);

        if (remove && !g_hash_table_contains(remove, one->hash))
            continue;
        well = remove_held(c, r->dir, one) && well;
        if (remove)
            hashes_invalidate_suffix(c, r->dir, one->suffix);
    }
    return well;
}

static const char *const own_files[] = { "hashes.pkl", "hashes.invalid", ".lock", ".lock-replication" };

/* The partition itself, when nothing is in it. */
static void remove_partition(struct ctx *c, const struct replication *r)
{
    for (const char *const *suffix = partition_suffixes(c, r->dir); *suffix; suffix++)
        if (disk.rmdir(ctx_printf(c, "%s/%s", r->dir, *suffix)))
            return;
    log_info(c, "swift: removing partition %s", r->dir);
    for (size_t i = 0; i < G_N_ELEMENTS(own_files); i++)
        disk.unlink(ctx_printf(c, "%s/%s", r->dir, own_files[i]));
    disk.rmdir(r->dir);
}

/* --- giving ----------------------------------------------------------------------------------------------------------------------- */

/* What all other regions have of it: a table a region, by its number. */
struct given {
    GHashTable *regions;
    size_t n;                        /* nodes that have taken all */
    struct failed_nodes failed;
};

static void give_to(struct ctx *c, const struct replication *r, const struct ring_device *node, const char *const *suffixes, struct given *g)
{
    GHashTable *in_sync, *before = replicates_by_ssync(r, node) ? g_hash_table_lookup(g->regions, GINT_TO_POINTER(node->region)) : NULL;

    pass_count(r->pass, &r->stats->rsync, 1);
    if (!replicate_suffixes(c, r, node, suffixes, before, &in_sync)) {
        failed_add(&g->failed, node);
        return;
    }
    g->n++;
    if (node->region != r->own->region)
        g_hash_table_insert(g->regions, GINT_TO_POINTER(node->region), in_sync);
}

static gboolean not_among(void *hash, void *value, void *other)
{
    return !g_hash_table_contains(other, hash);
}

/* Objects that every region has, or NULL: there are no other regions. */
static GHashTable *everywhere(struct given *g)
{
    GHashTable *all = NULL, *one;
    GHashTableIter each;
    void *region;

    g_hash_table_iter_init(&each, g->regions);
    while (g_hash_table_iter_next(&each, &region, (void **)&one)) {
        if (all)
            g_hash_table_foreach_remove(all, not_among, one);
        else
            all = one;
    }
    return all;
}

static bool is_enough(const struct replication *r, const struct given *g)
{
    int64_t enough;

    if (text_to_int(r->pass->options->handoff_delete, &enough) && enough > 0)
        return (int64_t)g->n >= enough;
    return r->n_nodes && g->n == r->n_nodes;
}

/* True: the partition has gone. */
static bool give(struct ctx *c, const struct replication *r, struct given *g)
{
    const char *const *suffixes = partition_suffixes(c, r->dir);
    GArray *held = hold(c, r->dir, suffixes);
    GHashTable *remove;

    for (size_t i = 0; *suffixes && i < r->n_nodes && !daemon_stops(); i++)
        give_to(c, r, r->nodes[i], suffixes, g);
    if (*suffixes && !is_enough(r, g))
        return false;
    if (*suffixes)
        pass_count(r->pass, &r->stats->remove, 1);
    remove = !strcmp(r->pass->options->sync_method, "ssync") ? everywhere(g) : NULL;
    if (!remove_objects(c, r, held, remove))
        for (size_t i = 0; i < r->n_nodes; i++)
            failed_add(&g->failed, r->nodes[i]);
    if (!remove || !*suffixes)
        remove_partition(c, r);
    return !g_file_test(r->dir, G_FILE_TEST_IS_DIR);
}

void replicate_handoff(struct ctx *c, struct replication *r)
{
    struct given g = { .regions = ctx_own(c, g_hash_table_new(NULL, NULL), (void (*)(void *))g_hash_table_destroy) };
    int lock = ssync_lock_partition(c, r->dir, LOCK_US);
    bool gone = false;

    if (lock >= 0) {
        gone = give(c, r, &g);
        close(lock);
    } else {
        log_info(c, "swift: handoff partition %s is being replicated by somebody else", r->dir);
    }
    pass_count(r->pass, &r->pass->handoffs_remaining, !gone);
    pass_count_failures(r->pass, r->stats, &g.failed, (int64_t)(r->n_nodes - MIN(g.failed.n, r->n_nodes)));
}
