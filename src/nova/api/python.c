/* JSON values as Python writes them, for messages. */
#include "nova/api/formats.h"
#include "nova/api/schema.h"

#include <math.h>
#include <string.h>

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
