/* Reads a policy file with libyaml's parser, event by event; JSON is a part of YAML. No alias, no anchor, no nesting beyond
 * the two lists of the old notation: [["role:admin"], ["role:a", "role:b"]] is "(role:admin) or (role:a and role:b)".
 */
#include "oslo/auth/policy_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "oslo/base/text.h"

#define POLICY_FILE 500, "InvalidPolicyFile", "Policy file %s: %s"

struct reader {
    yaml_parser_t yaml;
    yaml_event_t event;
    const char *error;
};

static bool next(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->yaml, &r->event)) {
        r->error = r->yaml.problem ? r->yaml.problem : "it is no YAML";
        return false;
    }
    return true;
}

static bool next_content(struct reader *r)
{
    do {
        if (!next(r))
            return false;
    } while (r->event.type == YAML_STREAM_START_EVENT || r->event.type == YAML_DOCUMENT_START_EVENT);
    return true;
}

static bool wrong(struct reader *r, const char *why)
{
    r->error = why;
    return false;
}

static const char *scalar(const struct reader *r)
{
    return r->event.type == YAML_SCALAR_EVENT ? (const char *)r->event.data.scalar.value : NULL;
}

/* The checks of an inner list, joined by "and"; its start has been read. */
static bool read_and_list(struct reader *r, struct buf *to)
{
    buf_putc(to, '(');
    for (size_t n = 0;; n++) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (!scalar(r))
            return wrong(r, "a rule's inner list holds texts");
        buf_puts(to, n ? " and " : "");
        buf_puts(to, scalar(r));
    }
    buf_putc(to, ')');
    return true;
}

static bool read_or_list(struct reader *r, struct buf *to)
{
    for (size_t n = 0;; n++) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        buf_puts(to, n ? " or " : "");
        if (scalar(r)) {
            buf_puts(to, scalar(r));
        } else if (r->event.type != YAML_SEQUENCE_START_EVENT) {
            return wrong(r, "a rule is a text or a list of lists");
        } else if (!read_and_list(r, to)) {
            return false;
        }
    }
}

static bool read_rule(struct ctx *c, struct reader *r, GArray *pairs)
{
    struct pair pair = { .name = ctx_strdup(c, scalar(r)) };
    struct buf text = {};

    if (!pair.name)
        return wrong(r, "a rule's name is a text");
    bool ok = next(r);
    if (ok && scalar(r))
        buf_puts(&text, scalar(r));
    else if (ok && r->event.type == YAML_SEQUENCE_START_EVENT)
        ok = read_or_list(r, &text);
    else if (ok)
        ok = wrong(r, "a rule is a text or a list of lists");
    pair.value = ctx_strdup(c, text.data ? text.data : "");
    buf_clear(&text);
    g_array_append_val(pairs, pair);
    return ok;
}

static bool read_rules(struct ctx *c, struct reader *r, GArray *pairs)
{
    if (!next_content(r))
        return false;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return true;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return wrong(r, "it is no mapping of names to rules");
    while (next(r) && r->event.type != YAML_MAPPING_END_EVENT)
        if (!read_rule(c, r, pairs))
            return false;
    return r->error == NULL;
}

const struct pair *policy_file_read(struct ctx *c, const char *path)
{
    GArray *pairs = g_array_new(true, true, sizeof(struct pair));
    struct reader reader = {};
    struct pair *copy = NULL;
    FILE *file = fopen(path, "re");

    if (!file && errno == ENOENT) {
        copy = ctx_new(c, struct pair);
    } else if (!file || !yaml_parser_initialize(&reader.yaml)) {
        fail(c, POLICY_FILE, path, g_strerror(errno));
    } else {
        yaml_parser_set_input_file(&reader.yaml, file);
        if (read_rules(c, &reader, pairs)) {
            copy = ctx_new_n(c, struct pair, pairs->len + 1);
            memcpy(copy, pairs->data, pairs->len * sizeof(struct pair));
        } else {
            fail(c, POLICY_FILE, path, reader.error);
        }
        yaml_event_delete(&reader.event);
        yaml_parser_delete(&reader.yaml);
    }
    if (file)
        fclose(file);
    g_array_unref(pairs);
    return copy;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void directory_read(struct ctx *c, const char *path, GPtrArray *files)
{
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *name;
    guint first = files->len;

    while (directory && (name = g_dir_read_name(directory)) != NULL) {
        char *file = ctx_printf(c, "%s/%s", path, name);

        if (*name != '.' && g_file_test(file, G_FILE_TEST_IS_REGULAR))
            g_ptr_array_add(files, file);
    }
    if (files->len > first)
        qsort(files->pdata + first, files->len - first, sizeof(char *), by_name);
}

const char **policy_files(struct ctx *c, const char *directories)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new();

    for (char **path = directories ? text_split(c, directories, ',') : NULL; path && *path; path++)
        directory_read(c, *path, files);
    const char **copy = ctx_new_n(c, const char *, files->len + 1);
    if (files->len)
        memcpy(copy, files->pdata, files->len * sizeof(char *));
    return copy;
}
