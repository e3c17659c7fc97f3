/* A growing run of bytes, always followed by a NUL. For bodies and other text that is built piece by piece. */
#ifndef OSLO_BASE_BUF_H
#define OSLO_BASE_BUF_H

#include <glib.h>
#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data;              /* malloc'd; NULL while empty */
    size_t len, cap;
};

void buf_reserve(struct buf *, size_t more);
void buf_add(struct buf *, const void *bytes, size_t n);
void buf_puts(struct buf *, const char *text);
void buf_putc(struct buf *, char);
void buf_printf(struct buf *, const char *format, ...) G_GNUC_PRINTF(2, 3);
void buf_int(struct buf *, long long);
void buf_clear(struct buf *);                    /* frees */
char *buf_steal(struct buf *);                   /* malloc'd text, never NULL; the buf is empty again */


#endif
