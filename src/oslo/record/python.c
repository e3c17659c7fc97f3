/* JSON values as Python writes them. */
#include "oslo/record/python.h"
#include "oslo/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool char_is_printable(gunichar ch)
{
    switch (g_unichar_type(ch)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return false;
    default:
        return true;
    }
}

/* Python writes every blank but the plain one as an escape. */
static bool is_printable(gunichar ch)
{
    return ch == ' ' || (char_is_printable(ch) && g_unichar_type(ch) != G_UNICODE_SPACE_SEPARATOR);
}

static void escaped_char(struct buf *to, gunichar ch, const char *at, char quote)
{
    if (ch == '\\' || ch == (gunichar)quote)
        buf_printf(to, "\\%c", (char)ch);
    else if (ch == '\n')
        buf_puts(to, "\\n");
    else if (ch == '\r')
        buf_puts(to, "\\r");
    else if (ch == '\t')
        buf_puts(to, "\\t");
    else if (is_printable(ch))
        buf_add(to, at, (size_t)(g_utf8_next_char(at) - at));
    else
        buf_printf(to, ch < 0x100 ? "\\x%02x" : ch < 0x10000 ? "\\u%04x" : "\\U%08x", ch);
}

static void repr_string(struct buf *to, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';

    buf_putc(to, quote);
    for (; *text; text = g_utf8_next_char(text))
        escaped_char(to, g_utf8_get_char(text), text, quote);
    buf_putc(to, quote);
}

static void repr_real(struct buf *to, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    for (int digits = 15; digits <= 17; digits++) {
        g_ascii_formatd(text, sizeof text, digits == 15 ? "%.15g" : digits == 16 ? "%.16g" : "%.17g", value);
        if (g_ascii_strtod(text, NULL) == value)
            break;
    }
    buf_puts(to, text);
    if (isfinite(value) && !strpbrk(text, ".e"))
        buf_puts(to, ".0");
}

void python_repr(struct buf *to, const json_t *value)
{
    const char *key, *comma = "";
    json_t *item;
    size_t i;

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL: buf_puts(to, "None"); break;
    case JSON_TRUE: buf_puts(to, "True"); break;
    case JSON_FALSE: buf_puts(to, "False"); break;
    case JSON_INTEGER: buf_int(to, json_integer_value(value)); break;
    case JSON_REAL: repr_real(to, json_real_value(value)); break;
    case JSON_STRING: repr_string(to, json_string_value(value)); break;
    case JSON_ARRAY:
        buf_putc(to, '[');
        json_array_foreach((json_t *)(uintptr_t)value, i, item) {
            buf_puts(to, comma);
            python_repr(to, item);
            comma = ", ";
        }
        buf_putc(to, ']');
        break;
    case JSON_OBJECT:
        buf_putc(to, '{');
        json_object_foreach((json_t *)(uintptr_t)value, key, item) {
            buf_puts(to, comma);
            repr_string(to, key);
            buf_puts(to, ": ");
            python_repr(to, item);
            comma = ", ";
        }
        buf_putc(to, '}');
        break;
    }
}

void python_str(struct buf *to, const json_t *value)
{
    if (json_is_string(value))
        buf_puts(to, json_string_value(value));
    else
        python_repr(to, value);
}

/* --- pprint.pformat ----------------------------------------------------------------------------------------------- */

#define PRINT_WIDTH 72

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void pretty(struct buf *to, const json_t *value, size_t indent, size_t allowance);

static size_t repr_length(const char *text, size_t n)
{
    struct buf repr = { 0 };
    g_autofree char *copy = g_strndup(text, n);
    size_t length;

    repr_string(&repr, copy);
    length = text_length(repr.data);
    buf_clear(&repr);
    return length;
}

static void repr_piece(struct buf *to, const char *text, size_t n, size_t indent, bool first)
{
    g_autofree char *copy = g_strndup(text, n);

    if (!first)
        buf_printf(to, "\n%*s", (int)indent, "");
    repr_string(to, copy);
}

/* A word and the blanks after it. */
static size_t word_length(const char *text, size_t n)
{
    size_t length = 0;

    while (length < n && !g_ascii_isspace(text[length]))
        length++;
    while (length < n && g_ascii_isspace(text[length]))
        length++;
    return length;
}

/* One line of a long text, cut where blanks end; returns whether anything has been written. */
static bool pretty_line(struct buf *to, const char *line, size_t n, size_t indent, size_t width, size_t allowance, bool first)
{
    size_t start = 0, end = 0;

    while (end < n) {
        size_t word = word_length(line + end, n - end), room = width - (end + word == n ? allowance : 0);

        if (end > start && repr_length(line + start, end + word - start) > room) {
            repr_piece(to, line + start, end - start, indent, first);
            first = false;
            start = end;
        }
        end += word;
    }
    repr_piece(to, line + start, n - start, indent, first);
    return false;
}

/* A text that does not fit: its lines, and where a line is too long its words, as strings below each other; in parentheses
 * when it stands alone. */
static void pretty_string(struct buf *to, const char *text, size_t indent, size_t allowance, bool alone)
{
    struct buf pieces = { 0 };
    bool first = true;
    size_t n, width;

    indent += alone;
    allowance += alone;
    width = PRINT_WIDTH > indent ? PRINT_WIDTH - indent : 0;
    for (; *text; text += n) {
        n = strcspn(text, "\n");
        n += text[n] == '\n';
        first = pretty_line(&pieces, text, n, indent, width, text[n] ? 0 : allowance, first);
    }
    alone = alone && strchr(pieces.data ? pieces.data : "", '\n');
    buf_printf(to, alone ? "(%s)" : "%s", pieces.data ? pieces.data : "''");
    buf_clear(&pieces);
}

/* The members by name, one a line. */
static void pretty_object(struct buf *to, const json_t *value, size_t indent, size_t allowance)
{
    size_t n = json_object_size(value), i = 0;
    const char **names = g_new(const char *, n), *key;
    json_t *item;

    json_object_foreach((json_t *)(uintptr_t)value, key, item)
        names[i++] = key;
    if (n)
        qsort(names, n, sizeof *names, by_name);
    buf_putc(to, '{');
    for (i = 0; i < n; i++) {
        size_t before = to->len;

        repr_string(to, names[i]);
        buf_puts(to, ": ");
        pretty(to, json_object_get(value, names[i]), indent + 1 + to->len - before, i + 1 < n ? 1 : allowance + 1);
        if (i + 1 < n)
            buf_printf(to, ",\n%*s", (int)indent + 1, "");
    }
    buf_putc(to, '}');
    g_free(names);
}

static void pretty_array(struct buf *to, const json_t *value, size_t indent, size_t allowance)
{
    size_t n = json_array_size(value);

    buf_putc(to, '[');
    for (size_t i = 0; i < n; i++) {
        pretty(to, json_array_get(value, i), indent + 1, i + 1 < n ? 1 : allowance + 1);
        if (i + 1 < n)
            buf_printf(to, ",\n%*s", (int)indent + 1, "");
    }
    buf_putc(to, ']');
}

/* On one line where it fits. */
static void pretty(struct buf *to, const json_t *value, size_t indent, size_t allowance)
{
    size_t before = to->len;

    if (json_is_object(value) || json_is_array(value)) {
        char *text = json_dumps(value, JSON_SORT_KEYS);
        json_t *sorted = json_loads(text, 0, NULL);

        free(text);
        python_repr(to, sorted);
        json_decref(sorted);
    } else {
        python_repr(to, value);
    }
    if (to->len - before + indent + allowance <= PRINT_WIDTH || !(json_is_object(value) || json_is_array(value) || json_is_string(value)))
        return;
    to->len = before;
    if (json_is_string(value))
        pretty_string(to, json_string_value(value), indent, allowance, indent == 0 && allowance == 0);
    else if (json_is_object(value))
        pretty_object(to, value, indent, allowance);
    else
        pretty_array(to, value, indent, allowance);
}

void python_pprint(struct buf *to, const json_t *value)
{
    pretty(to, value, 0, 0);
}
