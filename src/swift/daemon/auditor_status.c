/* Where an audit has come to. */
#include "swift/daemon/auditor.h"

#include "oslo/base/text.h"
#include "swift/disk/io.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAVE_EVERY_US (60 * G_USEC_PER_SEC)

const char *const *auditor_status_read(struct ctx *c, const char *text, size_t n, size_t *ret_n)
{
    json_t *status = ctx_json(c, json_loadb(text, n, JSON_DECODE_ANY, NULL)), *list = json_object_get(status, "partitions");
    const char **names;
    size_t used = 0, i;
    json_t *one;

    if (!json_is_array(list))
        return NULL;
    names = ctx_new_n(c, const char *, json_array_size(list) + 1);
    json_array_foreach(list, i, one)
        if (json_is_string(one) && !strchr(json_string_value(one), '/'))
            names[used++] = json_string_value(one);
    *ret_n = used;
    return names;
}

static const char *const *list_partitions(struct ctx *c, const char *path, size_t *ret_n)
{
    DIR *dir = opendir(path);
    GPtrArray *names = g_ptr_array_new();
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (*entry->d_name && strspn(entry->d_name, "0123456789") == strlen(entry->d_name))
            g_ptr_array_add(names, ctx_strdup(c, entry->d_name));
    if (dir)
        closedir(dir);
    *ret_n = names->len;
    g_ptr_array_add(names, NULL);
    return ctx_own(c, g_ptr_array_free(names, FALSE), g_free);
}

static const char *status_path(struct ctx *c, const char *objects_dir, const char *kind)
{
    return ctx_printf(c, "%s/auditor_status_%s.json", objects_dir, kind);
}

void auditor_status_open(struct ctx *c, struct auditor_status *s, const char *objects_dir, const char *kind)
{
    size_t n;
    char *text;

    *s = (struct auditor_status){ .path = status_path(c, objects_dir, kind) };
    text = disk_read_file(s->path, &n);
    if (text)
        s->partitions = auditor_status_read(c, text, n, &s->n);
    free(text);
    if (!s->partitions)
        s->partitions = list_partitions(c, objects_dir, &s->n);
}

void auditor_status_save(struct ctx *c, struct auditor_status *s)
{
    json_t *left, *status;
    g_autofree char *dir = g_path_get_dirname(s->path);
    char *text;

    if (s->at < s->n && s->saved_us && clock_mono_us() - s->saved_us < SAVE_EVERY_US)
        return;
    s->saved_us = clock_mono_us();
    left = json_array();
    for (size_t i = s->at; i < s->n; i++)
        json_array_append_new(left, json_string(s->partitions[i]));
    status = json_pack("{s:o}", "partitions", left);
    text = json_dumps(status, 0);
    disk_replace_file(s->path, dir, text, strlen(text), false);
    free(text);
    json_decref(status);
}

void auditor_status_forget(struct ctx *c, const char *objects_dir, const char *kind)
{
    disk.unlink(status_path(c, objects_dir, kind));
}
