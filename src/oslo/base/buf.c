/* A growing run of bytes. */
#include "oslo/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/base/text.h"

void buf_reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;

    if (b->data && b->cap - b->len > more)
        return;
    while (cap - b->len <= more)
        cap *= 2;
    b->data = g_realloc(b->data, cap);
    b->cap = cap;
    b->data[b->len] = '\0';
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    int n;

    va_copy(again, args);
    buf_reserve(b, 128);
    n = vsnprintf(b->data + b->len, b->cap - b->len, format, args);
    if (n >= 0 && (size_t)n >= b->cap - b->len) {
        buf_reserve(b, (size_t)n);
        n = vsnprintf(b->data + b->len, b->cap - b->len, format, again);
    }
    if (n > 0)
        b->len += (size_t)n;
    va_end(again);
}

void buf_int(struct buf *b, long long value)
{
    char text[INT_TEXT_SIZE];

    buf_puts(b, int_write(text, value));
}

void buf_clear(struct buf *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

char *buf_steal(struct buf *b)
{
    char *data;

    buf_reserve(b, 0);
    data = b->data;
    memset(b, 0, sizeof(*b));
    return data;
}

struct buf buf_of(char *text)
{
    size_t n = strlen(text);

    return (struct buf){ text, n, n + 1 };
}
