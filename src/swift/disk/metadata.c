/* Metadata of an object's file: a pickled dict in extended attributes, with its md5 beside it. The name is text; all else are headers, whose
 * bytes the original keeps as characters. */
#include "swift/disk/parts.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/pickle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KEY "user.swift.metadata"
#define CHECKSUM KEY "_checksum"
#define PIECE ((size_t)65536)
#define OLD_PIECE 254                        /* what old versions wrote */
#define MOST (16 * PIECE)

static bool is_name(const char *key)
{
    return !strcmp(key, "name");
}

void disk_metadata_pickle(struct ctx *c, const struct headers *h, struct buf *to)
{
    struct pickle *dict = pickle_new(c, PICKLE_DICT);

    for (size_t i = 0; i < h->n; i++) {
        size_t n;
        const char *value = is_name(h->pairs[i].name) ? h->pairs[i].value : header_to_characters(c, h->pairs[i].value);

        value = name_bytes(c, value, &n);
        pickle_append(c, dict, pickle_new_bytes(c, h->pairs[i].name, strlen(h->pairs[i].name)));
        pickle_append(c, dict, pickle_new_bytes(c, value, n));
    }
    pickle_write(to, dict);
}

/* Numbers stand in some old metadata. */
static const char *value_text(struct ctx *c, const struct pickle *value)
{
    if (pickle_text(value))
        return name_from_bytes(c, value->bytes, value->n);
    if (value->kind == PICKLE_INT)
        return ctx_printf(c, "%" G_GINT64_FORMAT, value->integer);
    return NULL;
}

bool disk_metadata_unpickle(struct ctx *c, const void *bytes, size_t n, struct headers *ret)
{
    const struct pickle *dict = pickle_read(c, bytes, n);

    if (!dict || dict->kind != PICKLE_DICT) {
        fault_clear(c);
        return false;
    }
    for (size_t i = 0; i + 1 < dict->n_items; i += 2) {
        const char *key = pickle_text(dict->items[i]), *value = value_text(c, dict->items[i + 1]);

        if (!key || !value)
            return false;
        headers_set(c, ret, key, is_name(key) ? value : header_from_characters(c, value));
    }
    return true;
}

static const char *key_name(char text[64], int piece)
{
    snprintf(text, 64, piece ? KEY "%d" : KEY, piece);
    return text;
}

/* One attribute appended; its size, or -1. */
static ssize_t read_piece(int fd, int piece, struct buf *to)
{
    char name[64];
    ssize_t n;

    key_name(name, piece);
    buf_reserve(to, 2048);
    n = disk.getxattr(fd, name, to->data + to->len, to->cap - to->len - 1);
    if (n < 0 && errno == ERANGE) {
        buf_reserve(to, PIECE + 1);
        n = disk.getxattr(fd, name, to->data + to->len, to->cap - to->len - 1);
    }
    to->len += n > 0 ? (size_t)n : 0;
    return n;
}

static bool checksum_fits(int fd, const struct buf *text)
{
    char stored[64], hex[33];
    uint8_t digest[16];
    ssize_t n = disk.getxattr(fd, CHECKSUM, stored, sizeof(stored));

    if (n < 0)
        return true;                         /* written before there were checksums */
    md5_of(text->data, text->len, digest);
    digest_hex(digest, hex);
    return n == 32 && !memcmp(stored, hex, 32);
}

/* What was read, as it is kept in memory: names and values, each with its NUL. */
static void keep(const struct stat *st, const struct headers *h)
{
    struct buf text = {};

    for (size_t i = 0; i < h->n; i++) {
        buf_add(&text, h->pairs[i].name, strlen(h->pairs[i].name) + 1);
        buf_add(&text, h->pairs[i].value, strlen(h->pairs[i].value) + 1);
    }
    memo_put(st, text.data, text.len);
    buf_clear(&text);
}

static bool recall(struct ctx *c, const struct stat *st, struct headers *ret)
{
    size_t n = 0;
    const char *at = memo_get(c, st, &n), *end = at + n;

    for (const char *value; at && at < end; at = value + strlen(value) + 1) {
        value = at + strlen(at) + 1;
        headers_add(c, ret, at, value);
    }
    return at != NULL;
}

bool disk_metadata_read(struct ctx *c, int fd, struct headers *ret)
{
    struct buf text = {};
    struct stat st = {};
    ssize_t n;
    bool well, known = !fstat(fd, &st);

    if (known && recall(c, &st, ret))
        return true;
    for (int piece = 0; text.len < MOST; piece++) {
        n = read_piece(fd, piece, &text);
        if (n != (ssize_t)PIECE && n != OLD_PIECE)
            break;
    }
    well = text.len > 0;
    errno = well ? EBADMSG : ENODATA;
    if (well)
        well = checksum_fits(fd, &text) && disk_metadata_unpickle(c, text.data, text.len, ret);
    if (well && known)
        keep(&st, ret);
    if (!well && errno != ENODATA)
        errno = EBADMSG;
    buf_clear(&text);
    return well;
}

bool disk_metadata_write(struct ctx *c, int fd, const struct headers *h)
{
    struct buf text = {};
    char name[64], hex[33];
    uint8_t digest[16];
    bool well = true;

    disk_metadata_pickle(c, h, &text);
    for (size_t at = 0, piece = 0; well && at < text.len; at += PIECE, piece++)
        well = !disk.setxattr(fd, key_name(name, (int)piece), text.data + at, MIN(PIECE, text.len - at));
    md5_of(text.data, text.len, digest);
    digest_hex(digest, hex);
    well = well && !disk.setxattr(fd, CHECKSUM, hex, 32);
    buf_clear(&text);
    return well;
}
