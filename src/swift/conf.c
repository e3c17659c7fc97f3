/* The original's INI files, read as Python's ConfigParser and paste read them. */
#include "swift/conf.h"

#include "oslo/record/record.h"
#include "oslo/service/options.h"
#include "swift/message.h"

#include <string.h>
#include <strings.h>

struct section {
    char *name;
    GArray *pairs;                   /* struct pair */
};

struct conf {
    char *path;
    GPtrArray *sections;             /* struct section, in order */
    GPtrArray *names;                /* NULL-terminated */
};

/* What lives as long as the process stays known, so that a search for leaks does not take it for one. */
static void *keep(void *object)
{
    static GPtrArray *kept;              /* only while the process starts: one thread */

    if (!kept)
        kept = g_ptr_array_new();
    g_ptr_array_add(kept, object);
    return object;
}

static struct section *section_find(const struct conf *conf, const char *name)
{
    for (guint i = 0; i < conf->sections->len; i++) {
        struct section *section = conf->sections->pdata[i];

        if (!strcmp(section->name, name))
            return section;
    }
    return NULL;
}

static struct section *section_make(struct conf *conf, const char *name)
{
    struct section *section = section_find(conf, name);

    if (section)
        return section;
    section = g_new0(struct section, 1);
    section->name = g_strdup(name);
    section->pairs = g_array_new(TRUE, TRUE, sizeof(struct pair));
    g_ptr_array_add(conf->sections, section);
    if (strcmp(name, "DEFAULT"))
        g_ptr_array_insert(conf->names, (int)conf->names->len - 1, section->name);
    return section;
}

static struct pair *section_get(const struct section *section, const char *name)
{
    for (guint i = 0; section && i < section->pairs->len; i++)
        if (!strcasecmp(g_array_index(section->pairs, struct pair, i).name, name))
            return &g_array_index(section->pairs, struct pair, i);
    return NULL;
}

/* value is stolen. */
static void pair_set(struct pair *pair, char *value)
{
    g_free((char *)(uintptr_t)pair->value);
    pair->value = value;
}

static void section_set(struct section *section, const char *name, const char *value)
{
    struct pair *have = section_get(section, name), made;

    if (have) {
        pair_set(have, g_strdup(value));
        return;
    }
    made = (struct pair){ g_strdup(name), g_strdup(value) };
    g_array_append_val(section->pairs, made);
}

/* "name = value", "name: value", "set name = value". */
static struct pair *read_pair(struct section *section, char *line)
{
    size_t n = strcspn(line, "=:");
    char *name = line, *value = line + n + 1;

    if (!line[n] || !section)
        return NULL;
    line[n] = '\0';
    g_strstrip(name);
    if (!strncmp(name, "set ", 4))
        name = g_strchug(name + 4);
    if (!*name)
        return NULL;
    section_set(section, name, g_strstrip(value));
    return section_get(section, name);
}

static void continue_value(struct pair *pair, const char *line)
{
    pair_set(pair, g_strconcat(pair->value, *pair->value ? "\n" : "", line, NULL));
}

static bool read_line(struct conf *conf, struct section **section, struct pair **last, char *line)
{
    bool indented = *line == ' ' || *line == '\t';
    char *end;

    g_strchomp(line);
    if (!*line || line[strspn(line, " \t")] == '#' || line[strspn(line, " \t")] == ';')
        return true;
    if (indented && *last) {
        continue_value(*last, g_strchug(line));
        return true;
    }
    if (*line == '[') {
        *last = NULL;
        end = strchr(line, ']');
        if (!end)
            return false;
        *end = '\0';
        *section = section_make(conf, line + 1);
        return true;
    }
    *last = read_pair(*section, line);
    return *last != NULL;
}

struct conf *conf_parse(struct ctx *c, const char *path, const char *text)
{
    struct conf *conf = keep(g_new0(struct conf, 1));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    struct section *section = NULL;
    struct pair *last = NULL;

    conf->path = g_strdup(path);
    conf->sections = g_ptr_array_new();
    conf->names = g_ptr_array_new();
    g_ptr_array_add(conf->names, NULL);
    for (size_t i = 0; lines[i]; i++)
        if (!read_line(conf, &section, &last, lines[i]))
            return fail_null(c, OPTIONS_UNREADABLE, path, ctx_printf(c, "line %zu is no name = value", i + 1));
    return conf;
}

struct conf *conf_load(struct ctx *c, const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error)) {
        if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return fail_null(c, OPTIONS_UNREADABLE, path, error->message);
        text = g_strdup("");
    }
    return conf_parse(c, path, text);
}

const char *conf_get(const struct conf *conf, const char *section, const char *name)
{
    const struct pair *pair = section_get(section_find(conf, section), name);

    if (!pair)
        pair = section_get(section_find(conf, "DEFAULT"), name);
    return pair ? pair->value : NULL;
}

bool conf_has_section(const struct conf *conf, const char *section)
{
    return section_find(conf, section) != NULL;
}

const struct pair *conf_section(const struct conf *conf, const char *name)
{
    static const struct pair none[] = { {} };
    const struct section *section = section_find(conf, name);

    return section && section->pairs->len ? (const struct pair *)(const void *)section->pairs->data : none;
}

const char *const *conf_sections(const struct conf *conf)
{
    return (const char *const *)conf->names->pdata;
}

void *conf_options(struct ctx *c, const struct conf *conf, const char *section, const struct attr *attrs, size_t size)
{
    return conf_options_over(c, conf, section, section, attrs, size);
}

void *conf_options_over(struct ctx *c, const struct conf *conf, const char *section, const char *base, const struct attr *attrs, size_t size)
{
    const struct section *over = section_find(conf, section);
    struct ctx *own = keep(g_new0(struct ctx, 1));   /* lives as long as the process, as what is read does */
    void *record;

    ctx_init(own, NULL, "");
    record = record_new(own, attrs, size);
    for (const struct attr *a = attrs; a->name; a++) {
        const struct pair *said = section_get(over, a->name);
        const char *text = said ? said->value : conf_get(conf, base, a->name);

        if (text && a->kind == KIND_BOOL)
            text = word_true(text) ? "true" : "false";
        if (text && !record_set_text(own, a, record, text))
            return fail_null(c, OPTION_INVALID, conf->path, section, a->name, a->flags & SECRET ? "***" : text, "");
    }
    return record;
}
