/* Which fragment of an erasure-coded object counts, and what happens to them on a disk. */
#include "swift/disk/parts.h"

#include "oslo/base/text.h"
#include "swift/disk/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char *fragment_file_name(struct ctx *c, struct timestamp when, int fragment, bool durable)
{
    return ctx_printf(c, "%s#%d%s.data", timestamp_text(c, when), fragment, durable ? "#d" : "");
}

/* "<timestamp>#3#d": the timestamp stays in stem. */
bool fragment_parse(char *stem, const struct storage_policy *policy, struct file *f)
{
    char *hash = strchr(stem, '#'), *more;
    int64_t index;

    if (!hash)
        return false;
    *hash++ = '\0';
    more = strchr(hash, '#');
    if (more)
        *more++ = '\0';
    if (!text_to_int(hash, &index) || index < 0 || index >= policy_fragments(policy))
        return false;
    f->fragment = (int)index;
    f->durable = more && more[strcspn(more, "#")] == '\0' ? !strcmp(more, "d") : more && !strncmp(more, "d#", 2);
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const struct file *x = *(struct file *const *)a, *y = *(struct file *const *)b;
    int compared = timestamp_compare(y->time, x->time);

    return compared ? compared : x->fragment - y->fragment;
}

/* Files of one time, side by side. */
struct set { struct file **files; size_t n; };

struct sets {
    struct set *all; size_t n;       /* newest first; none after the durable one */
    struct set *durable, *chosen;
};

static bool has_durable(const struct set *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->files[i]->durable)
            return true;
    return false;
}

/* *ret_limit: what is older than that is obsolete; not set: nothing is. */
static void make_sets(struct ctx *c, struct listing *l, struct sets *ret, struct timestamp *ret_limit)
{
    struct file **data = ctx_new_n(c, struct file *, l->n + 1), *legacy = files_newest(l, FILE_DURABLE);
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        if (l->files[i].kind == FILE_DATA && !l->files[i].gone)
            data[n++] = &l->files[i];
    if (n)
        qsort(data, n, sizeof(*data), newest_first);
    *ret = (struct sets){ .all = ctx_new_n(c, struct set, n + 1) };
    *ret_limit = legacy ? legacy->time : (struct timestamp){};
    for (size_t i = 0; i < n && !ret->durable;) {
        struct set *s = &ret->all[ret->n++];

        for (s->files = data + i; i < n && !timestamp_compare(data[i]->time, s->files[0]->time); i++)
            s->n++;
        if (has_durable(s) && timestamp_compare(*ret_limit, s->files[0]->time) < 0)
            *ret_limit = s->files[0]->time;
        if (!timestamp_compare(*ret_limit, s->files[0]->time))
            ret->durable = s;
    }
    for (size_t i = 0; ret->durable && i < ret->durable->n; i++)     /* a .durable beside them is the mark of all */
        ret->durable->files[i]->durable = true;
}

static int highest_allowed(const struct set *s, uint32_t excluded)
{
    for (size_t i = s->n; i-- > 0;)
        if (!(excluded >> s->files[i]->fragment & 1))
            return s->files[i]->fragment;
    return -1;
}

/* The set that is wanted most; *ret_fragment: the fragment of it, where that is said. */
static struct set *preferred(struct ctx *c, struct sets *s, const struct disk_wish *wish, int *ret_fragment)
{
    bool *refused = ctx_new_n(c, bool, s->n + 1);

    for (size_t p = 0; p < wish->n_preferences; p++)
        for (size_t i = 0; i < s->n; i++) {
            int fragment;

            if (refused[i] || timestamp_compare(s->all[i].files[0]->time, wish->preferences[p].time))
                continue;
            fragment = highest_allowed(&s->all[i], wish->preferences[p].excluded);
            if (fragment >= 0) {
                *ret_fragment = fragment;
                return &s->all[i];
            }
            refused[i] = true;
        }
    for (size_t i = 0; i < s->n; i++)        /* the asker can judge whether it wants the newest that is left */
        if (!refused[i])
            return &s->all[i];
    return NULL;
}

static struct file *choose(struct ctx *c, struct sets *s, const struct disk_wish *wish)
{
    int fragment = wish ? wish->fragment : -1;

    s->chosen = wish && wish->undurable ? preferred(c, s, wish, &fragment) : s->durable;
    for (size_t i = s->chosen ? s->chosen->n : 0; i-- > 0;)
        if (fragment < 0 || s->chosen->files[i]->fragment == fragment)
            return s->chosen->files[i];
    return NULL;
}

static void tell(struct ctx *c, struct disk_files *f, const struct sets *s, size_t n)
{
    f->fragments = ctx_new_n(c, struct fragment, n + 1);
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->all[i].n; k++) {
            const struct file *file = s->all[i].files[k];

            f->fragments[f->n_fragments++] = (struct fragment){ file->name, file->time, file->fragment, file->durable };
        }
}

static void reclaim_set(struct ctx *c, struct disk_files *f, struct set *s, struct timestamp before)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->files[i]->gone && timestamp_compare(s->files[i]->time, before) < 0)
            files_drop(c, f, s->files[i]);
}

static void drop_legacy(struct ctx *c, struct disk_files *f, struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->files[i].kind == FILE_DURABLE && !l->files[i].gone)
            files_drop(c, f, &l->files[i]);
}

void fragments_choose(struct ctx *c, struct disk_files *f, struct listing *l, const struct disk_wish *wish, struct file *meta, struct file *ctype,
                      struct timestamp reclaim_before)
{
    struct timestamp limit;
    struct file *data;
    struct sets s;

    make_sets(c, l, &s, &limit);
    tell(c, f, &s, l->n);
    data = choose(c, &s, wish);
    if (timestamp_set(limit))
        files_drop_older(c, f, l, limit, false, NULL);
    if (!s.durable)
        drop_legacy(c, f, l);
    for (size_t i = 0; i < s.n; i++)
        if (&s.all[i] != s.durable && &s.all[i] != s.chosen)
            reclaim_set(c, f, &s.all[i], reclaim_before);
    for (struct file *each = l->files; !s.durable && each < l->files + l->n; each++)
        if (each->kind == FILE_META && !each->gone && timestamp_compare(each->time, reclaim_before) < 0)
            files_drop(c, f, each);
    if (!data)
        return;
    if (s.durable)
        f->durable_time = s.durable->files[0]->time;
    /* what was posted to the durable one before this came is not its own */
    if (s.chosen != s.durable && meta && timestamp_compare(meta->time, data->time) <= 0)
        meta = NULL;
    if (s.chosen != s.durable && ctype && timestamp_compare(ctype->time, data->time) <= 0)
        ctype = NULL;
    files_take(f, data, meta, ctype);
}

/* --- on the disk ---------------------------------------------------------------------------------------------------------------------- */

/* Has another writer put something in its place that is no older? */
static bool superseded(struct ctx *c, const char *dir, const struct disk_place *p, struct timestamp when)
{
    struct disk_files f;

    return disk_files_list(c, &f, dir, p->policy, NULL, (struct timestamp){}) &&
           ((f.tombstone && timestamp_compare(f.deleted, when) > 0) || (timestamp_set(f.durable_time) && timestamp_compare(f.durable_time, when) >= 0));
}

bool disk_make_durable(struct ctx *c, const struct disk_place *p, struct timestamp when, int fragment)
{
    const char *dir = disk_place_dir(c, p), *from = fragment_file_name(c, when, fragment, false), *to = fragment_file_name(c, when, fragment, true);
    struct disk_files f;
    int error;

    if (!hashes_invalidate(c, p))
        return false;
    if (disk.rename(ctx_printf(c, "%s/%s", dir, from), ctx_printf(c, "%s/%s", dir, to))) {
        error = errno;
        if (error == ENOENT && superseded(c, dir, p, when))
            return true;
        errno = error;
        return false;
    }
    if (!disk_sync_dir(dir))
        return false;
    disk_rename_twin(c, p, from, to);
    disk_files_tidy(c, &f, dir, p->policy, NULL, (struct timestamp){});
    disk_tidy_twin(c, p);
    return true;
}

static void remove_named(struct ctx *c, const char *dir, const char *name)
{
    disk.unlink(ctx_printf(c, "%s/%s", dir, name));
}

void disk_purge(struct ctx *c, const struct disk_place *p, struct timestamp when, int fragment, struct timestamp meta, int64_t delay_s)
{
    const char *dir = disk_place_dir(c, p), *undurable = fragment < 0 ? NULL : fragment_file_name(c, when, fragment, false);
    struct stat st;

    remove_named(c, dir, ctx_printf(c, "%s.ts", timestamp_text(c, when)));
    if (timestamp_set(meta))
        remove_named(c, dir, ctx_printf(c, "%s.meta", timestamp_text(c, meta)));
    if (undurable && !stat(ctx_printf(c, "%s/%s", dir, undurable), &st) && st.st_mtime + delay_s <= time(NULL))
        remove_named(c, dir, undurable);
    if (fragment >= 0) {
        remove_named(c, dir, fragment_file_name(c, when, fragment, true));
        disk.rmdir(dir);
    }
    hashes_invalidate(c, p);
}
