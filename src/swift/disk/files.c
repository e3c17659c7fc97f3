/* Which of the files in a hash directory count: the tombstone and the .meta files, and of replicas the data. */
#include "swift/disk/parts.h"

#include "swift/disk/io.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool parse_meta(char *stem, struct file *f)
{
    struct timestamps t;

    if (!timestamps_decode(stem, &t))
        return false;
    f->time = t.data;
    if (strpbrk(stem, "+-"))
        f->content_type = t.content_type;
    return true;
}

static const struct { const char *extension; enum file_kind kind; } extensions[] = {
    { ".data", FILE_DATA }, { ".meta", FILE_META }, { ".ts", FILE_TS }, { ".durable", FILE_DURABLE },
};

static bool parse(struct ctx *c, char *name, const struct storage_policy *policy, struct file *f)
{
    const char *dot = strrchr(name, '.');
    char *stem;

    *f = (struct file){ .name = name, .kind = FILE_OTHER, .fragment = -1 };
    if (!dot || dot == name)
        return false;
    stem = ctx_strndup(c, name, (size_t)(dot - name));
    for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++)
        if (!strcmp(dot, extensions[i].extension))
            f->kind = extensions[i].kind;
    if (f->kind == FILE_META)
        return parse_meta(stem, f);
    if (f->kind == FILE_DATA && policy && policy->type == POLICY_ERASURE && !fragment_parse(stem, policy, f))
        return false;
    return f->kind != FILE_OTHER && timestamp_parse(stem, &f->time);
}

struct file *files_newest(struct listing *l, enum file_kind kind)
{
    struct file *best = NULL;

    for (size_t i = 0; i < l->n; i++)
        if (l->files[i].kind == kind && !l->files[i].gone && (!best || timestamp_compare(l->files[i].time, best->time) > 0))
            best = &l->files[i];
    return best;
}

void files_drop(struct ctx *c, struct disk_files *f, struct file *file)
{
    if (!f->obsolete)
        f->obsolete = ctx_new_n(c, char *, f->n);
    file->gone = true;
    f->obsolete[f->n_obsolete++] = file->name;
}

void files_drop_older(struct ctx *c, struct disk_files *f, struct listing *l, struct timestamp limit, bool or_equal, const struct file *keep)
{
    for (size_t i = 0; i < l->n; i++) {
        struct file *file = &l->files[i];

        if (file != keep && !file->gone && timestamp_compare(file->time, limit) < or_equal)
            files_drop(c, f, file);
    }
}

/* The newest .meta stays, and one that is newer in content type. */
static struct file *choose_meta(struct ctx *c, struct disk_files *f, struct listing *l, struct file **ret_ctype)
{
    struct file *first = files_newest(l, FILE_META), *second = NULL, *each;

    for (each = l->files; first && each < l->files + l->n; each++)
        if (each->kind == FILE_META && !each->gone && each != first &&
            timestamp_compare(each->content_type, (second ? second : first)->content_type) > 0)
            second = each;
    if (second && !timestamp_compare(second->time, first->time)) {
        first = second;
        second = NULL;
    }
    for (each = l->files; first && each < l->files + l->n; each++)
        if (each->kind == FILE_META && !each->gone && each != first && each != second)
            files_drop(c, f, each);
    *ret_ctype = second;
    return first;
}

static void reclaim(struct ctx *c, struct disk_files *f, struct file *file, struct timestamp before)
{
    if (file && !file->gone && timestamp_compare(file->time, before) < 0)
        files_drop(c, f, file);
}

void files_take(struct disk_files *f, const struct file *data, const struct file *meta, const struct file *ctype)
{
    f->data = data->name;
    f->times.data = data->time;
    f->fragment = data->fragment;
    f->durable = data->durable;
    if (!meta || meta->gone)
        return;
    f->meta = meta->name;
    f->times.meta = meta->time;
    if (!ctype || ctype->gone)
        ctype = meta;
    if (timestamp_compare(ctype->content_type, data->time) > 0) {
        f->times.content_type = ctype->content_type;
        f->ctype_meta = ctype == meta ? NULL : ctype->name;
    }
}

static void replicas_choose(struct ctx *c, struct disk_files *f, struct listing *l, struct file *meta, struct file *ctype, struct timestamp reclaim_before)
{
    struct file *data = files_newest(l, FILE_DATA);

    if (data) {
        files_drop_older(c, f, l, data->time, true, data);
        files_take(f, data, meta, ctype);
    } else {
        reclaim(c, f, meta, reclaim_before);
    }
}

void disk_files_choose(struct ctx *c, struct disk_files *f, char **names, size_t n, const struct storage_policy *policy, const struct disk_wish *wish,
                       struct timestamp reclaim_before)
{
    struct listing l = { .files = ctx_new_n(c, struct file, n + 1) };
    struct file *ts, *meta, *ctype;

    f->n = n;
    f->fragment = -1;
    for (size_t i = 0; i < n; i++)
        l.n += parse(c, names[i], policy, &l.files[l.n]);
    ts = files_newest(&l, FILE_TS);
    if (ts)
        files_drop_older(c, f, &l, ts->time, true, ts);
    meta = choose_meta(c, f, &l, &ctype);
    if (policy && policy->type == POLICY_ERASURE)
        fragments_choose(c, f, &l, wish, meta, ctype, reclaim_before);
    else
        replicas_choose(c, f, &l, meta, ctype, reclaim_before);
    if (f->data || !ts)
        return;
    reclaim(c, f, ts, reclaim_before);
    if (!ts->gone) {
        f->tombstone = ts->name;
        f->deleted = ts->time;
    }
}

#define COMMIT_WINDOW 60             /* seconds in which a fragment may still become durable */

/* What could go for its age alone may just be under way: a fragment that is not durable stays until it has lain there for a while. */
static void keep_fresh(struct ctx *c, struct disk_files *f, const char *dir)
{
    for (size_t i = 0; i < f->n_fragments; i++)
        for (size_t k = 0; k < f->n_obsolete; k++) {
            struct stat st;

            if (f->obsolete[k] == f->fragments[i].name && !stat(ctx_printf(c, "%s/%s", dir, f->obsolete[k]), &st) &&
                st.st_mtime > time(NULL) - COMMIT_WINDOW)
                f->obsolete[k--] = f->obsolete[--f->n_obsolete];
        }
}

/* One after the other, each with its NUL. False: errno. */
static bool read_names(struct ctx *c, const char *path, const char **ret, size_t *ret_n)
{
    struct stat st;
    DIR *dir;
    struct dirent *entry;
    struct buf names = {};

    if (!stat(path, &st) && S_ISDIR(st.st_mode) && (*ret = memo_get(c, &st, ret_n)))
        return true;
    dir = opendir(path);
    if (!dir)
        return false;
    bool known = !fstat(dirfd(dir), &st);
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            buf_add(&names, entry->d_name, strlen(entry->d_name) + 1);
    closedir(dir);
    char *all = ctx_alloc(c, names.len + 1);
    if (names.len)
        memcpy(all, names.data, names.len);
    *ret = all;
    *ret_n = names.len;
    if (known)
        memo_put(&st, all, names.len);
    buf_clear(&names);
    return true;
}

bool disk_files_list(struct ctx *c, struct disk_files *f, const char *path, const struct storage_policy *policy, const struct disk_wish *wish,
                     struct timestamp reclaim_before)
{
    size_t n = 0, length;
    const char *text;
    char **names;

    *f = (struct disk_files){ .fragment = -1 };
    if (!read_names(c, path, &text, &length))
        return errno == ENOENT;
    f->exists = true;
    for (size_t i = 0; i < length; i++)
        n += !text[i];
    names = ctx_new_n(c, char *, n + 1);
    n = 0;
    for (const char *at = text; at < text + length; at += strlen(at) + 1)
        names[n++] = (char *)(uintptr_t)at;
    disk_files_choose(c, f, names, n, policy, wish, reclaim_before);
    keep_fresh(c, f, path);
    return true;
}

bool disk_files_tidy(struct ctx *c, struct disk_files *f, const char *dir, const struct storage_policy *policy, const struct disk_wish *wish,
                     struct timestamp reclaim_before)
{
    if (!disk_files_list(c, f, dir, policy, wish, reclaim_before))
        return false;
    for (size_t i = 0; i < f->n_obsolete; i++)
        disk.unlink(ctx_printf(c, "%s/%s", dir, f->obsolete[i]));
    if (f->n == f->n_obsolete)
        rmdir(dir);
    return true;
}
