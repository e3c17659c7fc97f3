/* A growing run of bytes, always followed by a NUL. For bodies and other text that is built piece by piece. */
#ifndef OSLO_BASE_BUF_H
#define OSLO_BASE_BUF_H

#include <glib.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

struct buf {
    char *data;              /* malloc'd; NULL while empty */
    size_t len, cap;
};

void buf_reserve(struct buf *, size_t more);
void buf_printf(struct buf *, const char *format, ...) G_GNUC_PRINTF(2, 3);
void buf_vprintf(struct buf *, const char *format, va_list) G_GNUC_PRINTF(2, 0);
void buf_int(struct buf *, long long);
void buf_clear(struct buf *);                    /* frees */
char *buf_steal(struct buf *);                   /* malloc'd text, never NULL; the buf is empty again */
struct buf buf_of(char *text);                   /* the other way: takes a malloc'd text */

/* Here, so that what is known of a piece when it is compiled costs nothing when it is added. */
static inline void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (b->cap - b->len <= n)
        buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

static inline void buf_puts(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

static inline void buf_putc(struct buf *b, char ch)
{
    buf_add(b, &ch, 1);
}

#endif
