/* Strings, identifiers, times and random bytes, as the services need them. */
#ifndef OSLO_BASE_TEXT_H
#define OSLO_BASE_TEXT_H

#include <string.h>

#include "oslo/base/ctx.h"

/* A point in time: microseconds since 1970 UTC. us == 0 is "none" (JSON null, SQL NULL). */
typedef struct { int64_t us; } utc_time;

int64_t clock_us(void);                /* wall clock, UTC */
int64_t clock_mono_us(void);           /* for deadlines and durations */
static inline utc_time utc_now(void) { return (utc_time){ clock_us() }; }

/* How a service writes times. */
enum time_format {
    TIME_ISO_Z,              /* 2026-11-22T10:51:46Z            nova, glance, neutron */
    TIME_ISO,                /* 2026-11-22T10:51:46             */
    TIME_ISO_MICRO_Z,        /* 2026-11-22T10:51:46.000000Z     keystone (fraction always zero there) */
    TIME_ISO_MICRO,          /* 2026-11-22T10:51:46.123456      nova actions, oslo */
    TIME_SPACE_MICRO,        /* 2026-11-22 10:51:46.123456      oslo contexts, notifications */
};
#define TIME_TEXT_SIZE 40
char *time_write(char text[TIME_TEXT_SIZE], utc_time, enum time_format);
bool time_parse(const char *text, utc_time *ret_time);       /* ISO 8601 in the shapes above, offset or Z optional */

#define INT_TEXT_SIZE 24
char *int_write(char text[INT_TEXT_SIZE], int64_t);

#define UUID_TEXT_SIZE 37
char *uuid_write(char text[UUID_TEXT_SIZE]);                 /* a random UUID, 8-4-4-4-12 lower case */
char *uuid_new(struct ctx *);
char *uuid_new_hex(struct ctx *);                            /* 32 hex digits, as keystone's ids */
char *uuid_named(struct ctx *, const char *name);            /* the same for the same name: version 5, in the namespace of DNS */
bool uuid_is(const char *text);                              /* 8-4-4-4-12 or 32 hex digits, any case */

void random_bytes(void *bytes, size_t n);
uint64_t random_below(uint64_t bound);

char *base64_write(struct ctx *, const void *bytes, size_t n);               /* standard alphabet, padded */
char *base64url_write(struct ctx *, const void *bytes, size_t n);            /* URL alphabet, padded */
bool base64_read(struct ctx *, const char *text, void **ret_bytes, size_t *ret_n);      /* either alphabet; strict */
char *hex_write(struct ctx *, const void *bytes, size_t n);
bool hex_read(const char *text, void *bytes, size_t n);                      /* exactly 2n digits */

/* How many of eight bytes are plain, up to the first that is not: ASCII from ' ' to '~', but '"' and '\\'; what JSON holds as it is. */
static inline size_t text_plain_8(const char *text)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t x, odd;

    memcpy(&x, text, sizeof(x));
    x = GUINT64_FROM_LE(x);          /* what is carried over goes to the bytes behind one that is not */
    odd = (x | (x - ones * ' ') | (x + ones) | ((x ^ ones * '"') - ones) | ((x ^ ones * '\\') - ones)) & ones * 0x80;
    return odd ? (size_t)__builtin_ctzll(odd) / 8 : 8;
}
size_t text_plain(const char *text, size_t n);               /* of n bytes */

bool text_is_utf8(const char *text, size_t n);               /* valid and without NUL */
size_t text_length(const char *utf8);                        /* in code points, as Python counts */
bool text_to_int(const char *text, int64_t *ret_value);      /* decimal, whole string, no overflow */
bool text_to_bool(const char *text, bool *ret_value);        /* as oslo strutils.bool_from_string, strict: 1 t true on y yes / 0 f false off n no */
bool text_in(const char *text, const char *const *list);     /* NULL-terminated; NULL list holds nothing, NULL text is in none */
bool text_equal(const char *a, const char *b);               /* NULL equals NULL only */
/* But for the case of ASCII letters, as names of headers are. Here, as most differ at their beginning. */
static inline bool text_equal_folded(const char *a, const char *b)
{
    for (;; a++, b++) {
        int difference = (unsigned char)*a ^ (unsigned char)*b;

        if (difference && (difference != 0x20 || !g_ascii_isalpha(*a)))
            return false;
        if (!*a)
            return true;
    }
}
char **text_split(struct ctx *, const char *text, char separator);           /* NULL-terminated, pieces stripped of blanks */
bool secret_equal(const void *a, const void *b, size_t n);   /* in constant time */

#endif
