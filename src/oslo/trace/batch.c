/* Writing and reading batches. A span is written in one go into room that is enough for the longest, and read without a copy of its text. */
#include "oslo/trace/batch.h"

#include <string.h>

#define FORMAT "2"
enum { SAME = '^', END = '|', ESCAPE = '%' };
enum { NUMBERS_MOST = 6 * 17, TEXTS_MOST = 3 * sizeof(struct slot) };

static const char digits[] = "0123456789abcdef";

static const bool odd[256] = {
    [0 ... 31] = true, ['"'] = true, ['\\'] = true, [127 ... 255] = true, [SAME] = true, [END] = true, [ESCAPE] = true,
};

/* --- writing ------------------------------------------------------------------------------------------------------- */

static char *add_number(char *to, uint64_t number)
{
    int shift = number ? (63 - __builtin_clzll(number)) & ~3 : 0;

    for (; shift >= 0; shift -= 4)
        *to++ = digits[number >> shift & 15];
    *to++ = END;
    return to;
}

static char *add_text(char *to, const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (odd[byte]) {
            *to++ = ESCAPE;
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
        } else {
            *to++ = *text;
        }
    }
    *to++ = END;
    return to;
}

static char *add_changed(char *to, const char *text, const char *before)
{
    if (strcmp(text, before) != 0)
        return add_text(to, text);
    *to++ = SAME;
    *to++ = END;
    return to;
}

static void added(struct buf *b, const char *to)
{
    b->len = (size_t)(to - b->data);
    b->data[b->len] = 0;
}

void batch_begin(struct buf *b, const struct ring_process *process)
{
    char *to;

    buf_puts(b, FORMAT "|");
    buf_reserve(b, NUMBERS_MOST + 3 * sizeof(*process));
    to = add_number(b->data + b->len, process->tag);
    to = add_number(to, process->pid);
    to = add_text(to, process->name);
    added(b, add_text(to, process->host));
}

void batch_add(struct buf *b, const struct slot *s, const struct slot *before)
{
    char *to;

    buf_reserve(b, NUMBERS_MOST + TEXTS_MOST);
    to = add_number(b->data + b->len, (uint32_t)s->id);
    to = add_number(to, s->parent >> 32 == s->id >> 32 ? (uint32_t)s->parent : s->parent);
    to = add_number(to, (uint64_t)s->began_us);
    to = add_number(to, (uint32_t)s->took_us);
    to = add_number(to, (uint16_t)s->status);
    to = add_number(to, s->kind);
    to = add_changed(to, s->request_id, before->request_id);
    to = add_changed(to, s->global_id, before->global_id);
    to = add_changed(to, s->resource, before->resource);
    to = add_changed(to, s->name, before->name);
    added(b, add_changed(to, s->fault, before->fault));
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static bool read_number(struct batch *b, uint64_t most, uint64_t *ret)
{
    uint64_t number = 0;
    int n = 0;

    for (; b->at < b->end && *b->at != END; b->at++, n++) {
        int digit = g_ascii_xdigit_value(*b->at);

        if (digit < 0 || n == 16)
            return false;
        number = number << 4 | (unsigned)digit;
    }
    if (b->at++ >= b->end || !n || number > most)
        return false;
    *ret = number;
    return true;
}

/* What is longer than its place is cut. */
static bool read_text(struct batch *b, char *to, size_t size)
{
    char *last = to + size - 1;

    for (; b->at < b->end && *b->at != END; b->at++) {
        int byte = (unsigned char)*b->at;

        if (byte == ESCAPE) {
            int high = b->end - b->at > 2 ? g_ascii_xdigit_value(b->at[1]) : -1, low = high >= 0 ? g_ascii_xdigit_value(b->at[2]) : -1;

            if (low < 0 || !(byte = high << 4 | low))
                return false;
            b->at += 2;
        } else if (odd[byte]) {
            return false;
        }
        if (to < last)
            *to++ = (char)byte;
    }
    *to = 0;
    return b->at++ < b->end;
}

static bool read_changed(struct batch *b, char *to, size_t size)
{
    if (b->end - b->at < 2 || b->at[0] != SAME || b->at[1] != END)
        return read_text(b, to, size);
    b->at += 2;
    return true;
}

bool batch_open(struct ctx *c, struct batch *b, const char *text, size_t n)
{
    struct ring_process *process = &b->process;
    char format[8];
    uint64_t tag, pid;

    *b = (struct batch){ .at = text, .end = text + n };
    if (!read_text(b, format, sizeof(format)) || !*format || format[strspn(format, digits)])
        return fail(c, BAD_REQUEST, "That is no batch of spans.");
    if (strcmp(format, FORMAT) != 0)
        return fail(c, BAD_REQUEST, ctx_printf(c, "Batches of spans of format %s are not known here.", format));
    if (!read_number(b, UINT32_MAX, &tag) || !tag || !read_number(b, UINT32_MAX, &pid) ||
        !read_text(b, process->name, sizeof(process->name)) || !read_text(b, process->host, sizeof(process->host)))
        return fail(c, BAD_REQUEST, "That batch of spans does not say whose it is.");
    process->tag = (uint32_t)tag;
    process->pid = (uint32_t)pid;
    return true;
}

bool batch_is_read(const struct batch *b)
{
    return b->at == b->end;
}

bool batch_next(struct ctx *c, struct batch *b, struct slot *s)
{
    const uint64_t tag = (uint64_t)b->process.tag << 32;
    uint64_t id, parent, began, took, status, kind;

    if (!read_number(b, UINT32_MAX, &id) || !read_number(b, UINT64_MAX, &parent) || !read_number(b, INT64_MAX, &began) ||
        !read_number(b, UINT32_MAX, &took) || !read_number(b, UINT16_MAX, &status) || !read_number(b, UINT8_MAX, &kind) ||
        !read_changed(b, s->request_id, sizeof(s->request_id)) || !read_changed(b, s->global_id, sizeof(s->global_id)) ||
        !read_changed(b, s->resource, sizeof(s->resource)) || !read_changed(b, s->name, sizeof(s->name)) ||
        !read_changed(b, s->fault, sizeof(s->fault)))
        return fail(c, BAD_REQUEST, "That is no span.");
    s->id = tag | id;
    s->parent = parent && parent <= UINT32_MAX ? tag | parent : parent;
    s->began_us = (int64_t)began;
    s->took_us = MAX((int32_t)took, SPAN_OPEN);
    s->status = (int16_t)status;
    s->kind = (uint8_t)kind;
    return true;
}
