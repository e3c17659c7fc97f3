/* Options: GLib's key file reads the INI, the record engine sets the fields. Values are checked against the attr row's
 * limits and choices; the first thing wrong stops the start, naming file, section and option.
 */
#include "oslo/service/options.h"

#include <string.h>

extern char **environ;

/* Strings of loaded options live here, as long as the process. */
static struct ctx kept;

static bool read_file(struct ctx *, const char *file, GKeyFile **ret_ini);
static bool set_option(struct ctx *, const char *from, const char *section, const struct attr *, void *record, const char *text);
static const char *wrong_value(const struct attr *, const void *record);
static bool check_file(struct ctx *, const char *file, GKeyFile *, const struct option_section *);
static bool check_environment(struct ctx *, const struct option_section *);
static bool section_has(const struct option_section *, const char *option);

void *options_load(struct ctx *c, const char *file, const char *section, const struct attr *attrs, size_t size)
{
    g_autoptr(GKeyFile) ini = NULL;

    if (!read_file(c, file, &ini))
        return NULL;
    if (!kept.request_id)
        ctx_init(&kept, NULL, NULL);
    void *record = record_new(&kept, attrs, size);
    for (const struct attr *a = attrs; a->name; a++) {
        const char *variable = option_variable(c, section, a->name), *override = g_getenv(variable);
        g_autofree char *text = g_key_file_get_value(ini, section, a->name, NULL);

        if (override && !set_option(c, "environment", section, a, record, override))
            return NULL;
        if (!override && text && !set_option(c, file, section, a, record, g_strstrip(text)))
            return NULL;
    }
    return record;
}

bool options_check(struct ctx *c, const char *file, const struct option_section *sections)
{
    g_autoptr(GKeyFile) ini = NULL;

    return read_file(c, file, &ini) && check_file(c, file, ini, sections) && check_environment(c, sections);
}

void options_print(struct buf *to, const struct attr *attrs)
{
    for (const struct attr *a = attrs; a->name; a++) {
        buf_printf(to, "\n# %s\n", a->help ? a->help : "");
        if (a->choices) {
            g_autofree char *choices = g_strjoinv(", ", (char **)(uintptr_t)a->choices);
            buf_printf(to, "# One of: %s\n", choices);
        }
        buf_printf(to, "#%s = %s\n", a->name, a->unset && !(a->flags & SECRET) ? a->unset : "");
    }
}

char *option_variable(struct ctx *c, const char *section, const char *option)
{
    g_autofree char *name = g_strdup_printf("NACRE_%s_%s", section, option);

    for (char *at = name; *at; at++)
        *at = g_ascii_isalnum(*at) ? g_ascii_toupper(*at) : '_';
    return ctx_strdup(c, name);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static bool read_file(struct ctx *c, const char *file, GKeyFile **ret_ini)
{
    g_autoptr(GKeyFile) ini = g_key_file_new();
    g_autoptr(GError) error = NULL;

    if (file && g_file_test(file, G_FILE_TEST_EXISTS) && !g_key_file_load_from_file(ini, file, G_KEY_FILE_NONE, &error))
        return fail(c, OPTIONS_UNREADABLE, file, error->message);
    *ret_ini = g_steal_pointer(&ini);
    return true;
}

static bool set_option(struct ctx *c, const char *from, const char *section, const struct attr *a, void *record, const char *text)
{
    const char *wrong = record_set_text(&kept, a, record, text) ? wrong_value(a, record) : "";

    return !wrong || fail(c, OPTION_INVALID, from, section, a->name, a->flags & SECRET ? "***" : text, wrong);
}

/* NULL when the field keeps its row's limits, else what is wrong with it. */
static const char *wrong_value(const struct attr *a, const void *record)
{
    if (a->kind == KIND_INT) {
        int64_t value = *FIELD(int64_t, record, a);

        if (value < a->min)
            return " (too small)";
        if (a->max && value > a->max)
            return " (too large)";
    }
    if (a->kind == KIND_STRING && *FIELD(char *, record, a)) {
        const char *value = *FIELD(char *, record, a);

        if (a->choices && !text_in(value, a->choices))
            return " (not one of its choices)";
        if (a->format && !a->format->check(value))
            return " (wrong format)";
    }
    return NULL;
}

/* --- unknown names ------------------------------------------------------------------------------------------- */

static bool check_file(struct ctx *c, const char *file, GKeyFile *ini, const struct option_section *sections)
{
    g_auto(GStrv) groups = g_key_file_get_groups(ini, NULL);

    for (char **group = groups; *group; group++) {
        const struct option_section *section = sections;

        while (section->name && strcmp(section->name, *group))
            section++;
        if (!section->name)
            return fail(c, SECTION_UNKNOWN, file, *group);
        g_auto(GStrv) keys = g_key_file_get_keys(ini, *group, NULL, NULL);
        for (char **key = keys; key && *key; key++)
            if (!section_has(section, *key))
                return fail(c, OPTION_UNKNOWN, file, *group, *key);
    }
    return true;
}

static bool section_has(const struct option_section *section, const char *option)
{
    for (size_t i = 0; i < G_N_ELEMENTS(section->tables) && section->tables[i]; i++)
        if (attr_find(section->tables[i], option))
            return true;
    return false;
}

/* A variable counts as ours when it begins with NACRE_ and a section's name. */
static bool check_environment(struct ctx *c, const struct option_section *sections)
{
    for (char **entry = environ; *entry; entry++)
        for (const struct option_section *s = sections; s->name; s++) {
            const char *stem = option_variable(c, s->name, "");

            if (!g_str_has_prefix(*entry, stem))
                continue;
            g_autofree char *option = g_ascii_strdown(*entry + strlen(stem), (gssize)strcspn(*entry + strlen(stem), "="));
            if (!section_has(s, option))
                return fail(c, OPTION_UNKNOWN, "environment", s->name, option);
        }
    return true;
}
