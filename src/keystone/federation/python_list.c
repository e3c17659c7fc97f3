/* Lists of texts as Python prints them: a value of an assertion that became several is handed on between rules in that form. */
#include "keystone/federation/mapping.h"

#include <string.h>

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n\f");
}

/* \xHH, \uHHHH, \UHHHHHHHH after the backslash. NULL if it is none. */
static const char *read_code(const char *at, GString *to)
{
    size_t digits = *at == 'x' ? 2 : *at == 'u' ? 4 : 8;
    gunichar ch = 0;

    for (size_t i = 1; i <= digits; i++) {
        if (!g_ascii_isxdigit(at[i]))
            return NULL;
        ch = ch << 4 | (gunichar)g_ascii_xdigit_value(at[i]);
    }
    if (!ch || !g_unichar_validate(ch))
        return NULL;
    g_string_append_unichar(to, ch);
    return at + 1 + digits;
}

static const char *read_escape(const char *at, GString *to)
{
    static const char codes[] = "n\nr\rt\t\\\\'\'\"\"";

    if (*at && strchr("xuU", *at))
        return read_code(at, to);
    for (const char *code = codes; *code; code += 2)
        if (*at == *code) {
            g_string_append_c(to, code[1]);
            return at + 1;
        }
    return NULL;
}

/* A quoted text. Where it ends, or NULL. */
static const char *read_quoted(const char *at, GString *to)
{
    char quote = *at++;

    while (*at && *at != quote) {
        if (*at == '\n')
            return NULL;
        if (*at != '\\') {
            g_string_append_c(to, *at++);
            continue;
        }
        at = read_escape(at + 1, to);
        if (!at)
            return NULL;
    }
    return *at ? at + 1 : NULL;
}

/* A number, as its text. */
static const char *read_number(const char *at, GString *to)
{
    size_t n = strspn(at, "-+0123456789.eE_");

    g_string_append_len(to, at, (gssize)n);
    return n && strcspn(at, "0123456789") < n ? at + n : NULL;
}

/* The items of a list; false if it is none. */
static bool read_items(struct ctx *c, const char *at, GPtrArray *items)
{
    g_autoptr(GString) item = g_string_new(NULL);

    at = skip_blanks(at);
    if (*at++ != '[')
        return false;
    for (at = skip_blanks(at); *at != ']'; at = skip_blanks(at)) {
        g_string_truncate(item, 0);
        at = *at == '\'' || *at == '"' ? read_quoted(at, item) : read_number(at, item);
        if (!at)
            return false;
        g_ptr_array_add(items, ctx_strdup(c, item->str));
        at = skip_blanks(at);
        if (*at == ',')
            at++;
        else if (*at != ']')
            return false;
    }
    return *skip_blanks(at + 1) == '\0';
}

const char *const *python_list_read(struct ctx *c, const char *text)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new();

    if (!read_items(c, text, items)) {
        g_ptr_array_set_size(items, 0);
        g_ptr_array_add(items, (void *)text);
    }
    const char **list = ctx_new_n(c, const char *, items->len + 1);
    for (guint i = 0; i < items->len; i++)
        list[i] = items->pdata[i];
    return list;
}
