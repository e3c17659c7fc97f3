/* Timestamps: text and numbers. */
#include "swift/timestamp.h"

#include "oslo/base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define UNITS 100000                         /* a second */
#define RAW_END (10000000000 * UNITS)

struct timestamp timestamp_now(void)
{
    static atomic_llong last;
    long long before = atomic_load(&last), now;

    do
        now = MAX(clock_us() / 10, before + 1);
    while (!atomic_compare_exchange_weak(&last, &before, now));
    return (struct timestamp){ now, 0 };
}

/* So many digits as a number; below 0: they are not all digits. */
static int64_t digits(const char *text, int n)
{
    int64_t value = 0;

    for (int i = 0; i < n; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';

        if (digit > 9)
            return -1;
        value = value * 10 + digit;
    }
    return value;
}

/* As nearly all are written: ten digits, a point, five; no more digits behind, no exponent. */
static bool parse_usual(const char *text, int64_t *ret_raw, const char **ret_end)
{
    int64_t seconds = digits(text, 10), fraction;

    if (seconds < 0 || text[10] != '.' || (fraction = digits(text + 11, 5)) < 0 || g_ascii_isalnum(text[16]) || text[16] == '.')
        return false;
    *ret_raw = seconds * UNITS + fraction;
    *ret_end = text + 16;
    return true;
}

/* A decimal number of seconds; *ret_end behind it. */
static bool parse_seconds(const char *text, int64_t *ret_raw, const char **ret_end)
{
    char *end;
    double seconds;

    if (parse_usual(text, ret_raw, ret_end))
        return true;
    if (!g_ascii_isdigit(*text) && *text != '.')
        return false;
    if (strspn(text, "0123456789.") > 40)
        return false;
    seconds = g_ascii_strtod(text, &end);
    if (end == text || !isfinite(seconds) || seconds < 0 || seconds >= 1e10)
        return false;
    *ret_raw = llrint(seconds * UNITS);
    *ret_end = end;
    return true;
}

static bool parse_offset(const char *text, size_t n, uint64_t *ret)
{
    *ret = 0;
    if (!n || n > 16)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isxdigit(text[i]))
            return false;
        *ret = *ret << 4 | (unsigned)g_ascii_xdigit_value(text[i]);
    }
    return true;
}

/* A timestamp at the text's beginning. */
static bool parse_some(const char *text, struct timestamp *ret, const char **ret_end)
{
    struct timestamp t = {};
    size_t n;

    if (!parse_seconds(text, &t.raw, ret_end))
        return false;
    if (**ret_end == '_') {
        n = strspn(*ret_end + 1, "0123456789abcdefABCDEF");
        if (n && !parse_offset(*ret_end + 1, n, &t.offset))
            return false;
        *ret_end += n + 1;
    }
    *ret = t;
    return true;
}

bool timestamp_parse(const char *text, struct timestamp *ret)
{
    struct timestamp t;
    const char *end;

    if (!text)
        return false;
    text += strspn(text, " \t");
    if (!parse_some(text, &t, &end) || end[strspn(end, " \t")])
        return false;
    *ret = t;
    return true;
}

int timestamp_compare(struct timestamp a, struct timestamp b)
{
    if (a.raw != b.raw)
        return a.raw < b.raw ? -1 : 1;
    return a.offset < b.offset ? -1 : a.offset > b.offset;
}

static void write_digits(char *to, uint64_t value, size_t n)
{
    for (; n--; value /= 10)
        to[n] = (char)('0' + value % 10);
}

char *timestamp_normal(char text[TIMESTAMP_TEXT], struct timestamp t)
{
    if (t.raw < 0 || t.raw >= RAW_END) {
        snprintf(text, TIMESTAMP_TEXT, "%010" PRId64 ".%05d", t.raw / UNITS, (int)(t.raw % UNITS));
        return text;
    }
    write_digits(text, (uint64_t)(t.raw / UNITS), 10);
    text[10] = '.';
    write_digits(text + 11, (uint64_t)(t.raw % UNITS), 5);
    text[16] = '\0';
    return text;
}

char *timestamp_internal(char text[TIMESTAMP_TEXT], struct timestamp t)
{
    timestamp_normal(text, t);
    if (t.offset)
        snprintf(text + strlen(text), TIMESTAMP_TEXT - strlen(text), "_%016" PRIx64, t.offset);
    return text;
}

char *timestamp_short(char text[TIMESTAMP_TEXT], struct timestamp t)
{
    timestamp_normal(text, t);
    if (t.offset)
        snprintf(text + strlen(text), TIMESTAMP_TEXT - strlen(text), "_%" PRIx64, t.offset);
    return text;
}

const char *timestamp_text(struct ctx *c, struct timestamp t)
{
    return timestamp_internal(ctx_alloc(c, TIMESTAMP_TEXT), t);
}

const char *timestamp_normal_text(struct ctx *c, struct timestamp t)
{
    return timestamp_normal(ctx_alloc(c, TIMESTAMP_TEXT), t);
}

/* --- dates ------------------------------------------------------------------------------------------------------ */

int64_t timestamp_ceil(struct timestamp t)
{
    return (t.raw + UNITS - 1) / UNITS;
}

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

const char *http_date(struct ctx *c, int64_t seconds)
{
    static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };       /* it all began on a Thursday */
    char whole[TIME_TEXT_SIZE], *date = ctx_strdup(c, "Sun, 22 Nov 2026 08:28:22 GMT");
    int64_t day = seconds / 86400 - (seconds % 86400 < 0);

    time_write(whole, (utc_time){ seconds * G_USEC_PER_SEC }, TIME_ISO);     /* 2026-11-22T08:28:22 */
    memcpy(date, days[(day % 7 + 7) % 7], 3);
    memcpy(date + 5, whole + 8, 2);
    memcpy(date + 8, months[(whole[5] - '0') * 10 + whole[6] - '1'], 3);
    memcpy(date + 12, whole, 4);
    memcpy(date + 17, whole + 11, 8);
    return date;
}

const char *timestamp_http(struct ctx *c, struct timestamp t)
{
    return http_date(c, timestamp_ceil(t));
}

const char *timestamp_iso(struct ctx *c, struct timestamp t)
{
    time_t at = (time_t)(t.raw / UNITS);
    struct tm tm = {};

    gmtime_r(&at, &tm);
    return ctx_printf(c, "%04d-%02d-%02dT%02d:%02d:%02d.%05d0", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                      (int)(t.raw % UNITS));
}

static bool month_of(const char *name, int *ret)
{
    for (int i = 0; i < 12; i++)
        if (!strncasecmp(name, months[i], 3)) {
            *ret = i;
            return true;
        }
    return false;
}

bool http_date_parse(const char *text, int64_t *ret_seconds)
{
    char month[4] = "", zone[8] = "";
    int day, year, hour, minute, second;
    struct tm tm = {};
    const char *comma = strchr(text, ',');

    if (comma && sscanf(comma + 1, " %2d %3[A-Za-z] %4d %2d:%2d:%2d %7s", &day, month, &year, &hour, &minute, &second, zone) >= 6)
        ;
    else if (comma && sscanf(comma + 1, " %2d-%3[A-Za-z]-%4d %2d:%2d:%2d %7s", &day, month, &year, &hour, &minute, &second, zone) >= 6)
        year += year < 69 ? 2000 : year < 100 ? 1900 : 0;
    else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d", month, &day, &hour, &minute, &second, &year) != 6)
        return false;
    if (!month_of(month, &tm.tm_mon) || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || hour < 0 || minute < 0 || second < 0 || year < 1)
        return false;
    tm.tm_mday = day;
    tm.tm_year = year - 1900;
    tm.tm_hour = hour;
    tm.tm_min = minute;
    tm.tm_sec = second;
    *ret_seconds = timegm(&tm);
    return true;
}

/* --- three in one ----------------------------------------------------------------------------------------------- */

char *timestamps_encode(struct ctx *c, struct timestamps t, bool explicit_deltas)
{
    char first[TIMESTAMP_TEXT], second[24] = "", third[24] = "";
    int64_t d2 = t.content_type.raw - t.data.raw, d3 = t.meta.raw - t.content_type.raw;

    timestamp_short(first, t.data);
    if (!timestamp_set(t.content_type))
        return ctx_strdup(c, first);
    if (!timestamp_set(t.meta))
        d3 = 0;
    if (!explicit_deltas && !d2 && !d3)
        return ctx_strdup(c, first);
    snprintf(second, sizeof(second), "%c%" PRIx64, d2 < 0 ? '-' : '+', (uint64_t)llabs(d2));
    if (timestamp_set(t.meta))
        snprintf(third, sizeof(third), "%c%" PRIx64, d3 < 0 ? '-' : '+', (uint64_t)llabs(d3));
    return ctx_printf(c, "%s%s%s", first, second, third);
}

/* "+1f": the time that lies so much after from. */
static bool decode_delta(const char **at, struct timestamp from, struct timestamp *ret)
{
    bool minus = **at == '-';
    uint64_t delta;
    size_t n;

    *ret = from;
    if (!**at)
        return true;
    if (!minus && **at != '+')
        return false;
    n = strspn(*at + 1, "0123456789abcdefABCDEF");
    if (!parse_offset(*at + 1, n, &delta) || delta > (uint64_t)RAW_END)
        return false;
    *at += n + 1;
    if (delta)
        *ret = (struct timestamp){ from.raw + (minus ? -(int64_t)delta : (int64_t)delta), 0 };
    return ret->raw >= 0 && ret->raw < RAW_END;
}

bool timestamps_decode(const char *text, struct timestamps *ret)
{
    struct timestamps t = {};
    const char *at;

    if (!text || !parse_some(text, &t.data, &at) || !decode_delta(&at, t.data, &t.content_type) || !decode_delta(&at, t.content_type, &t.meta) || *at)
        return false;
    *ret = t;
    return true;
}
