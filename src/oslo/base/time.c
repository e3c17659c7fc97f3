/* Clocks, and times as text: ISO 8601 in the shapes the services write. */
#include "oslo/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Days since 1970-01-01 of a civil date, and back (the era arithmetic of the proleptic Gregorian calendar). */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_of(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static char *digits(char *to, int value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + width;
}

char *time_write(char text[TIME_TEXT_SIZE], utc_time t, enum time_format format)
{
    int64_t seconds = t.us / 1000000, micro = t.us % 1000000, days;
    int year, month, day, of_day;
    char *p = text;

    if (micro < 0) {
        micro += 1000000;
        seconds--;
    }
    days = seconds / 86400;
    of_day = (int)(seconds % 86400);
    if (of_day < 0) {
        of_day += 86400;
        days--;
    }
    civil_of(days, &year, &month, &day);
    p = digits(p, year, 4);
    *p++ = '-';
    p = digits(p, month, 2);
    *p++ = '-';
    p = digits(p, day, 2);
    *p++ = format == TIME_SPACE_MICRO ? ' ' : 'T';
    p = digits(p, of_day / 3600, 2);
    *p++ = ':';
    p = digits(p, of_day / 60 % 60, 2);
    *p++ = ':';
    p = digits(p, of_day % 60, 2);
    if (format == TIME_ISO_MICRO_Z || format == TIME_ISO_MICRO || format == TIME_SPACE_MICRO) {
        *p++ = '.';
        p = digits(p, (int)micro, 6);
    }
    if (format == TIME_ISO_Z || format == TIME_ISO_MICRO_Z)
        *p++ = 'Z';
    *p = '\0';
    return text;
}

static bool fraction_parse(const char **text, int64_t *ret_micro)
{
    int64_t micro = 0;
    int n = 0;

    for (; g_ascii_isdigit(**text); (*text)++, n++)
        if (n < 6)
            micro = micro * 10 + (**text - '0');
    if (!n || n > 9)
        return false;
    for (; n < 6; n++)
        micro *= 10;
    *ret_micro = micro;
    return true;
}

static bool offset_parse(const char *text, int64_t *ret_seconds)
{
    int hours, minutes, n = 0;
    int64_t sign = *text == '-' ? -1 : 1;

    if (!*text || !strcmp(text, "Z"))
        return *ret_seconds = 0, true;
    if (*text != '+' && *text != '-')
        return false;
    if ((sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &n) == 2 && !text[1 + n]) ||
        (sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &n) == 2 && !text[1 + n]))
        return *ret_seconds = sign * (hours * 3600 + minutes * 60), hours < 24 && minutes < 60;
    return false;
}

bool time_parse(const char *text, utc_time *ret_time)
{
    static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day, hour = 0, minute = 0, second = 0, n = 0;
    int64_t micro = 0, offset = 0;

    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || year < 1 || month < 1 || month > 12 ||
        day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400))))
        return false;
    text += n;
    if (*text == 'T' || *text == ' ') {
        text++;
        if (sscanf(text, "%2d:%2d%n", &hour, &minute, &n) != 2)
            return false;
        text += n;
        if (*text == ':') {
            if (sscanf(text, ":%2d%n", &second, &n) != 1)
                return false;
            text += n;
        }
        if (*text == '.' && (text++, !fraction_parse(&text, &micro)))
            return false;
        if (!offset_parse(text, &offset))
            return false;
    } else if (*text) {
        return false;
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    ret_time->us = ((days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) - offset) * 1000000 + micro;
    return true;
}
