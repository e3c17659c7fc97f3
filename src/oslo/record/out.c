/* Writing JSON text as it goes. Spaces follow ':' and ',' as Python's json.dumps writes them. */
#include "oslo/record/out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What JSON cannot hold as it is; NUL ends a text. */
static const bool is_special[256] = { [0 ... 31] = true, ['"'] = true, ['\\'] = true };

/* How many bytes stand as they are. Nearly every text is plain; what is not ASCII is not special. */
static size_t usual(const char *text, size_t n)
{
    size_t i = text_plain(text, n);

    while (i < n && !is_special[(unsigned char)text[i]])
        i++;
    return i;
}

static size_t escape_write(char to[6], unsigned char ch)
{
    static const char hex[] = "0123456789abcdef";
    const char *two = strchr("\"\"\\\\\nn\rr\tt\bb\ff", ch);

    memcpy(to, (const char[]){ '\\', two ? two[1] : 'u', '0', '0', hex[ch >> 4], hex[ch & 15] }, 6);
    return two ? 2 : 6;
}

/* What is JSON already. */
static void add(struct out *o, const char *json, size_t n)
{
    while (o->within && n) {
        size_t plain = usual(json, n);

        buf_add(o->to, json, plain);
        if (plain == n)
            return;
        buf_add(o->to, (const char[]){ '\\', json[plain] }, 2);
        json += plain + 1;
        n -= plain + 1;
    }
    buf_add(o->to, json, n);
}

static void quote(struct out *o)
{
    if (o->within)
        buf_add(o->to, "\\\"", 2);
    else
        buf_putc(o->to, '"');
}

static void add_text(struct out *o, const char *text)
{
    size_t left = strlen(text);
    char escape[6];

    quote(o);
    for (;;) {
        size_t n = usual(text, left);

        buf_add(o->to, text, n);
        if (n == left)
            break;
        add(o, escape, escape_write(escape, (unsigned char)text[n]));
        text += n + 1;
        left -= n + 1;
    }
    quote(o);
}

void out_escaped(struct buf *to, const char *text)
{
    add_text(&(struct out){ .to = to }, text);
}

static void begin(struct out *o, const char *key)
{
    if (o->comma)
        buf_add(o->to, ", ", 2);
    o->comma = true;
    if (key) {
        add_text(o, key);
        buf_add(o->to, ": ", 2);
    }
}

static void open_with(struct out *o, const char *key, char bracket)
{
    begin(o, key);
    buf_putc(o->to, bracket);
    o->comma = false;
}

static void close_with(struct out *o, char bracket)
{
    buf_putc(o->to, bracket);
    o->comma = true;
}

void out_object(struct out *o, const char *key)
{
    open_with(o, key, '{');
}

void out_end_object(struct out *o)
{
    close_with(o, '}');
}

void out_array(struct out *o, const char *key)
{
    open_with(o, key, '[');
}

void out_end_array(struct out *o)
{
    close_with(o, ']');
}

void out_string(struct out *o, const char *key, const char *value)
{
    if (!value) {
        out_null(o, key);
        return;
    }
    begin(o, key);
    add_text(o, value);
}

void out_printf(struct out *o, const char *key, const char *format, ...)
{
    struct buf text = { 0 };
    va_list args;
    char small[512];
    int n;

    va_start(args, format);
    n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n < (int)sizeof(small)) {
        out_string(o, key, small);
        return;
    }
    buf_reserve(&text, (size_t)n + 1);
    va_start(args, format);
    vsnprintf(text.data, (size_t)n + 1, format, args);
    va_end(args);
    out_string(o, key, text.data);
    buf_clear(&text);
}

void out_int(struct out *o, const char *key, int64_t value)
{
    begin(o, key);
    buf_int(o->to, value);
}

/* As Python writes floats: the shortest text that reads back, with a fraction always. */
void out_real(struct out *o, const char *key, double value)
{
    char text[40];

    begin(o, key);
    if (!isfinite(value)) {
        buf_puts(o->to, "null");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (g_ascii_strtod(text, NULL) == value)
            break;
    }
    buf_puts(o->to, text);
    if (!strpbrk(text, ".e"))
        buf_puts(o->to, ".0");
}

void out_bool(struct out *o, const char *key, bool value)
{
    begin(o, key);
    buf_puts(o->to, value ? "true" : "false");
}

void out_null(struct out *o, const char *key)
{
    begin(o, key);
    buf_puts(o->to, "null");
}

void out_time(struct out *o, const char *key, utc_time value)
{
    char text[TIME_TEXT_SIZE];

    if (!value.us) {
        out_null(o, key);
        return;
    }
    begin(o, key);
    quote(o);
    buf_puts(o->to, time_write(text, value, o->times));
    quote(o);
}

void out_raw(struct out *o, const char *key, const char *json)
{
    begin(o, key);
    json = json ? json : "null";
    add(o, json, strlen(json));
}

static int dump_to(const char *bytes, size_t n, void *data)
{
    add(data, bytes, n);
    return 0;
}

void out_json(struct out *o, const char *key, const json_t *tree)
{
    begin(o, key);
    if (!tree)
        buf_puts(o->to, "null");
    else
        json_dump_callback(tree, dump_to, o, JSON_ENCODE_ANY);
}
