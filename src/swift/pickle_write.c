/* Values as a pickle of protocol 2. */
#include "swift/pickle.h"

#include <string.h>

static void put_number(struct buf *to, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++, value >>= 8)
        buf_putc(to, (char)(value & 0xff));
}

static void put_text(struct buf *to, const char *text, size_t n)
{
    buf_putc(to, 'X');
    put_number(to, n, 4);
    buf_add(to, text, n);
}

/* As _codecs.encode(text, 'latin1'): what protocol 2 has for bytes. */
static void put_bytes(struct buf *to, const char *bytes, size_t n)
{
    size_t wide = 0;

    if (!n) {
        buf_puts(to, "c__builtin__\nbytes\n)R");
        return;
    }
    for (size_t i = 0; i < n; i++)
        wide += (unsigned char)bytes[i] >= 0x80;
    buf_puts(to, "c_codecs\nencode\nX");
    put_number(to, n + wide, 4);
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte >= 0x80)
            buf_putc(to, (char)(0xc0 | byte >> 6));
        buf_putc(to, (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte));
    }
    put_text(to, "latin1", 6);
    buf_puts(to, "\x86R");
}

static void put_int(struct buf *to, int64_t value)
{
    if (value >= 0 && value < 256) {
        buf_putc(to, 'K');
        put_number(to, (uint64_t)value, 1);
    } else if (value >= 0 && value < 65536) {
        buf_putc(to, 'M');
        put_number(to, (uint64_t)value, 2);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        buf_putc(to, 'J');
        put_number(to, (uint64_t)value, 4);
    } else {
        buf_putc(to, (char)0x8a);
        buf_putc(to, 8);
        put_number(to, (uint64_t)value, 8);
    }
}

static void put_real(struct buf *to, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    buf_putc(to, 'G');
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_putc(to, (char)(bits >> shift & 0xff));
}

static void put(struct buf *, const struct pickle *);

static void put_items(struct buf *to, const struct pickle *p, const char *empty, char end)
{
    buf_puts(to, empty);
    if (!p->n_items)
        return;
    buf_putc(to, '(');
    for (size_t i = 0; i < p->n_items; i++)
        put(to, p->items[i]);
    buf_putc(to, end);
}

static void put_tuple(struct buf *to, const struct pickle *p)
{
    if (!p->n_items) {
        buf_putc(to, ')');
        return;
    }
    buf_putc(to, '(');
    for (size_t i = 0; i < p->n_items; i++)
        put(to, p->items[i]);
    buf_putc(to, 't');
}

static void put_array(struct buf *to, const struct pickle *p)
{
    size_t width = p->typecode == 'H' ? 2 : 1;

    buf_puts(to, "carray\narray\n");
    put_text(to, &p->typecode, 1);
    buf_puts(to, "](");
    for (size_t i = 0; i < p->n; i += width) {
        uint16_t value = 0;

        memcpy(&value, p->bytes + i, width);
        put_int(to, value);
    }
    buf_puts(to, "e\x86R");
}

static void put(struct buf *to, const struct pickle *p)
{
    switch (p->kind) {
    case PICKLE_NONE: buf_putc(to, 'N'); break;
    case PICKLE_BOOL: buf_putc(to, (char)(p->integer ? 0x88 : 0x89)); break;
    case PICKLE_INT: put_int(to, p->integer); break;
    case PICKLE_REAL: put_real(to, p->real); break;
    case PICKLE_TEXT: put_text(to, p->bytes, p->n); break;
    case PICKLE_BYTES: p->typecode ? put_array(to, p) : put_bytes(to, p->bytes, p->n); break;
    case PICKLE_LIST: put_items(to, p, "]", 'e'); break;
    case PICKLE_DICT: put_items(to, p, "}", 'u'); break;
    case PICKLE_TUPLE: put_tuple(to, p); break;
    }
}

void pickle_write(struct buf *to, const struct pickle *p)
{
    buf_puts(to, "\x80\x02");
    put(to, p);
    buf_putc(to, '.');
}
