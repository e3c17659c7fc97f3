/* Strings, numbers, encodings and random bytes. Times are in time.c. */
#include "oslo/base/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char hex_digits[] = "0123456789abcdef";

/* Random bytes are taken from the kernel a page at a time, kept by each thread. */
void random_bytes(void *bytes, size_t n)
{
    static __thread unsigned char pool[1024];
    static __thread size_t left;
    unsigned char *to = bytes;

    while (n) {
        size_t take;

        if (!left) {
            size_t have = 0;

            while (have < sizeof(pool)) {
                ssize_t got = getrandom(pool + have, sizeof(pool) - have, 0);

                if (got > 0)
                    have += (size_t)got;
                else if (errno != EINTR)
                    abort();
            }
            left = sizeof(pool);
        }
        take = MIN(n, left);
        memcpy(to, pool + sizeof(pool) - left, take);
        memset(pool + sizeof(pool) - left, 0, take);
        left -= take;
        to += take;
        n -= take;
    }
}

uint64_t random_below(uint64_t bound)
{
    uint64_t value, limit = UINT64_MAX - UINT64_MAX % bound;

    do
        random_bytes(&value, sizeof(value));
    while (value >= limit);
    return value % bound;
}

char *int_write(char text[INT_TEXT_SIZE], int64_t value)
{
    char *p = text + INT_TEXT_SIZE;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

    *--p = '\0';
    do
        *--p = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--p = '-';
    return memmove(text, p, (size_t)(text + INT_TEXT_SIZE - p));
}

char *uuid_write(char text[UUID_TEXT_SIZE])
{
    unsigned char id[16];
    char *p = text;

    random_bytes(id, sizeof(id));
    id[6] = (unsigned char)((id[6] & 0x0f) | 0x40);
    id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex_digits[id[i] >> 4];
        *p++ = hex_digits[id[i] & 15];
    }
    *p = '\0';
    return text;
}

char *uuid_new(struct ctx *c)
{
    return uuid_write(ctx_alloc(c, UUID_TEXT_SIZE));
}

char *uuid_named(struct ctx *c, const char *name)
{
    static const guint8 dns_namespace[] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
    GChecksum *sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 d[20];
    gsize n = sizeof(d);

    g_checksum_update(sha1, dns_namespace, sizeof(dns_namespace));
    g_checksum_update(sha1, (const guchar *)name, (gssize)strlen(name));
    g_checksum_get_digest(sha1, d, &n);
    g_checksum_free(sha1);
    d[6] = (d[6] & 0x0f) | 0x50;
    d[8] = (d[8] & 0x3f) | 0x80;
    return ctx_printf(c, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7],
                      d[8], d[9], d[10], d[11], d[12], d[13], d[14], d[15]);
}

char *uuid_new_hex(struct ctx *c)
{
    char text[UUID_TEXT_SIZE], *hex = ctx_alloc(c, 33), *to = hex;

    for (const char *p = uuid_write(text); *p; p++)
        if (*p != '-')
            *to++ = *p;
    return hex;
}

bool uuid_is(const char *text)
{
    size_t n = strlen(text);

    if (n != 36 && n != 32)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool dash = n == 36 && (i == 8 || i == 13 || i == 18 || i == 23);

        if (dash ? text[i] != '-' : !g_ascii_isxdigit(text[i]))
            return false;
    }
    return true;
}

static char *base64_encode(struct ctx *c, const void *bytes, size_t n, const char *last_two)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const unsigned char *from = bytes;
    char *text = ctx_alloc(c, (n + 2) / 3 * 4 + 1), *to = text;

    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)from[i] << 16 | (i + 1 < n ? (unsigned)from[i + 1] << 8 : 0) | (i + 2 < n ? from[i + 2] : 0);

        for (int k = 0; k < 4; k++) {
            unsigned d = v >> (18 - 6 * k) & 63;

            if (i + (size_t)k > n)
                *to++ = '=';
            else
                *to++ = d < 62 ? digits[d] : last_two[d - 62];
        }
    }
    return text;
}

char *base64_write(struct ctx *c, const void *bytes, size_t n)
{
    return base64_encode(c, bytes, n, "+/");
}

char *base64url_write(struct ctx *c, const void *bytes, size_t n)
{
    return base64_encode(c, bytes, n, "-_");
}

static int base64_digit(char ch)
{
    if (ch >= 'A' && ch <= 'Z')
        return ch - 'A';
    if (ch >= 'a' && ch <= 'z')
        return ch - 'a' + 26;
    if (ch >= '0' && ch <= '9')
        return ch - '0' + 52;
    if (ch == '+' || ch == '-')
        return 62;
    if (ch == '/' || ch == '_')
        return 63;
    return -1;
}

bool base64_read(struct ctx *c, const char *text, void **ret_bytes, size_t *ret_n)
{
    size_t n = strlen(text), have = 0;
    unsigned char *bytes;
    unsigned v = 0;
    int bits = 0;

    while (n && text[n - 1] == '=' && strlen(text) - n < 2)
        n--;
    if (n % 4 == 1 || (n != strlen(text) && strlen(text) % 4))
        return false;
    bytes = ctx_alloc(c, n * 3 / 4 + 1);
    for (size_t i = 0; i < n; i++) {
        int d = base64_digit(text[i]);

        if (d < 0)
            return false;
        v = v << 6 | (unsigned)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[have++] = (unsigned char)(v >> bits);
        }
    }
    *ret_bytes = bytes;
    *ret_n = have;
    return true;
}

char *hex_write(struct ctx *c, const void *bytes, size_t n)
{
    const unsigned char *from = bytes;
    char *text = ctx_alloc(c, 2 * n + 1);

    for (size_t i = 0; i < n; i++) {
        text[2 * i] = hex_digits[from[i] >> 4];
        text[2 * i + 1] = hex_digits[from[i] & 15];
    }
    return text;
}

bool hex_read(const char *text, void *bytes, size_t n)
{
    unsigned char *to = bytes;

    if (strlen(text) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

size_t text_plain(const char *text, size_t n)
{
    size_t i = 0, plain = 8;

    for (; plain == 8 && i + 8 <= n; i += plain)
        plain = text_plain_8(text + i);
    while (plain == 8 && i < n && text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\')
        i++;
    return i;
}

bool text_is_utf8(const char *text, size_t n)
{
    return !memchr(text, 0, n) && g_utf8_validate(text, (gssize)n, NULL);
}

size_t text_length(const char *utf8)
{
    size_t n = 0;

    for (; *utf8; utf8++)
        n += (*utf8 & 0xc0) != 0x80;
    return n;
}

bool text_to_int(const char *text, int64_t *ret_value)
{
    char *end;
    long long value;

    if (!g_ascii_isdigit(*text) && !(*text == '-' && g_ascii_isdigit(text[1])))
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *ret_value = value;
    return true;
}

bool text_to_bool(const char *text, bool *ret_value)
{
    static const char *const yes[] = { "1", "t", "true", "on", "y", "yes", NULL };
    static const char *const no[] = { "0", "f", "false", "off", "n", "no", NULL };

    for (int i = 0; yes[i]; i++) {
        if (!g_ascii_strcasecmp(text, yes[i]))
            return *ret_value = true, true;
        if (!g_ascii_strcasecmp(text, no[i]))
            return *ret_value = false, true;
    }
    return false;
}

bool text_in(const char *text, const char *const *list)
{
    for (; text && list && *list; list++)
        if (!strcmp(text, *list))
            return true;
    return false;
}

bool text_equal(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

char **text_split(struct ctx *c, const char *text, char separator)
{
    size_t n = 1;
    char **pieces;
    int i = 0;

    for (const char *p = text; *p; p++)
        n += *p == separator;
    pieces = ctx_new_n(c, char *, n + 1);
    for (;;) {
        const char *end = strchrnul(text, separator);

        pieces[i++] = g_strstrip(ctx_strndup(c, text, (size_t)(end - text)));
        if (!*end)
            return pieces;
        text = end + 1;
    }
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char difference = 0;

    for (size_t i = 0; i < n; i++)
        difference |= x[i] ^ y[i];
    return !difference;
}
