/* Which of the files in a hash directory count (replicated policies). */
#include "swift/disk/diskfile.h"

#include "swift/disk/io.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum file_kind { FILE_DATA, FILE_META, FILE_TS, FILE_OTHER };

struct file {
    char *name;
    enum file_kind kind;
    struct timestamp time, content_type;     /* content_type: of a .meta that says one, else 0 */
    bool gone;
};

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

static bool parse(struct ctx *c, char *name, struct file *f)
{
    const char *dot = strrchr(name, '.');
    char *stem;

    *f = (struct file){ .name = name, .kind = FILE_OTHER };
    if (!dot || dot == name)
        return false;
    stem = ctx_strndup(c, name, (size_t)(dot - name));
    f->kind = !strcmp(dot, ".data") ? FILE_DATA : !strcmp(dot, ".meta") ? FILE_META : !strcmp(dot, ".ts") ? FILE_TS : FILE_OTHER;
    if (f->kind == FILE_META)
        return parse_meta(stem, f);
    return f->kind != FILE_OTHER && timestamp_parse(stem, &f->time);
}

static struct file *newest(struct file *files, size_t n, enum file_kind kind)
{
    struct file *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (files[i].kind == kind && !files[i].gone && (!best || timestamp_compare(files[i].time, best->time) > 0))
            best = &files[i];
    return best;
}

static void drop(struct ctx *c, struct disk_files *f, struct file *file)
{
    if (!f->obsolete)
        f->obsolete = ctx_new_n(c, char *, f->n);
    file->gone = true;
    f->obsolete[f->n_obsolete++] = file->name;
}

/* All that is not newer than limit, but for keep and those of its kind and time. */
static void drop_older(struct ctx *c, struct disk_files *f, struct file *files, size_t n, const struct file *keep)
{
    for (size_t i = 0; i < n; i++) {
        int compared = timestamp_compare(files[i].time, keep->time);

        if (&files[i] == keep || files[i].gone || files[i].kind == FILE_OTHER || compared > 0)
            continue;
        drop(c, f, &files[i]);
    }
}

/* The newest .meta stays, and one that is newer in content type. */
static struct file *choose_meta(struct ctx *c, struct disk_files *f, struct file *files, size_t n, struct file **ret_ctype)
{
    struct file *first = newest(files, n, FILE_META), *second = NULL;

    for (size_t i = 0; first && i < n; i++)
        if (files[i].kind == FILE_META && !files[i].gone && &files[i] != first &&
            timestamp_compare(files[i].content_type, (second ? second : first)->content_type) > 0)
            second = &files[i];
    if (second && !timestamp_compare(second->time, first->time)) {
        first = second;
        second = NULL;
    }
    for (size_t i = 0; first && i < n; i++)
        if (files[i].kind == FILE_META && !files[i].gone && &files[i] != first && &files[i] != second)
            drop(c, f, &files[i]);
    *ret_ctype = second;
    return first;
}

static void reclaim(struct ctx *c, struct disk_files *f, struct file *file, struct timestamp before)
{
    if (file && !file->gone && timestamp_compare(file->time, before) < 0)
        drop(c, f, file);
}

static void take(struct disk_files *f, const struct file *data, const struct file *meta, const struct file *ctype)
{
    f->data = data->name;
    f->times.data = data->time;
    if (!meta)
        return;
    f->meta = meta->name;
    f->times.meta = meta->time;
    if (!ctype)
        ctype = meta;
    if (timestamp_compare(ctype->content_type, data->time) > 0) {
        f->times.content_type = ctype->content_type;
        f->ctype_meta = ctype == meta ? NULL : ctype->name;
    }
}

void disk_files_choose(struct ctx *c, struct disk_files *f, char **names, size_t n, struct timestamp reclaim_before)
{
    struct file *files = ctx_new_n(c, struct file, n + 1), *ts, *data, *meta, *ctype;
    size_t known = 0;

    f->n = n;
    for (size_t i = 0; i < n; i++)
        known += parse(c, names[i], &files[known]);
    ts = newest(files, known, FILE_TS);
    if (ts)
        drop_older(c, f, files, known, ts);
    data = newest(files, known, FILE_DATA);
    meta = choose_meta(c, f, files, known, &ctype);
    if (data) {
        drop_older(c, f, files, known, data);
        take(f, data, meta && !meta->gone ? meta : NULL, ctype && !ctype->gone ? ctype : NULL);
        return;
    }
    if (meta)
        reclaim(c, f, meta, reclaim_before);
    if (!ts)
        return;
    reclaim(c, f, ts, reclaim_before);
    if (!ts->gone) {
        f->tombstone = ts->name;
        f->deleted = ts->time;
    }
}

bool disk_files_list(struct ctx *c, struct disk_files *f, const char *path, struct timestamp reclaim_before)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    size_t n = 0, room = 8;
    char **names;

    *f = (struct disk_files){};
    if (!dir)
        return errno == ENOENT;
    f->exists = true;
    names = ctx_new_n(c, char *, room);
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (n == room) {
            char **more = ctx_new_n(c, char *, room * 2);

            memcpy(more, names, n * sizeof(*names));
            names = more;
            room *= 2;
        }
        names[n++] = ctx_strdup(c, entry->d_name);
    }
    closedir(dir);
    disk_files_choose(c, f, names, n, reclaim_before);
    return true;
}

bool disk_files_tidy(struct ctx *c, struct disk_files *f, const char *dir, struct timestamp reclaim_before)
{
    if (!disk_files_list(c, f, dir, reclaim_before))
        return false;
    for (size_t i = 0; i < f->n_obsolete; i++)
        disk.unlink(ctx_printf(c, "%s/%s", dir, f->obsolete[i]));
    if (f->n == f->n_obsolete)
        rmdir(dir);
    return true;
}
