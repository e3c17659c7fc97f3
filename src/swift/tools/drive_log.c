/* Errors of drives in the kernel's log. */
#include "swift/tools/drive_audit.h"

#include <string.h>

#define PATTERN_WRONG 400, "ValueError", "Error: unable to compile regex pattern \"%s\""

static const char *const usual[] = { "\\berror\\b.*\\b(sd[a-z]{1,2}\\d?)\\b", "\\b(sd[a-z]{1,2}\\d?)\\b.*\\berror\\b" };
static const char *const boot[] = { "[    0.000000]", "KERNEL supported cpus:", "BIOS-provided physical RAM map:" };

bool drive_log_init(struct ctx *c, struct drive_log *l, time_t now, int64_t minutes)
{
    struct tm tm;

    localtime_r(&now, &tm);
    *l = (struct drive_log){ .patterns = g_ptr_array_new_with_free_func((void (*)(void *))g_regex_unref), .since = now - (time_t)minutes * 60,
                             .year = tm.tm_year, .month = tm.tm_mon, .errors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
    return true;
}

void drive_log_clear(struct drive_log *l)
{
    g_ptr_array_unref(l->patterns);
    g_hash_table_unref(l->errors);
}

bool drive_log_pattern(struct ctx *c, struct drive_log *l, const char *pattern)
{
    GRegex *regex = g_regex_new(pattern, G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);

    if (!regex)
        return fail(c, PATTERN_WRONG, pattern);
    g_ptr_array_add(l->patterns, regex);
    return true;
}

void drive_log_usual_patterns(struct ctx *c, struct drive_log *l)
{
    for (size_t i = 0; i < G_N_ELEMENTS(usual); i++)
        drive_log_pattern(c, l, usual[i]);
}

/* "Nov  2 21:31:08 host ...", of the year that the lines behind it tell; or "2026-11-02T21:31:08...". 0: neither. */
static time_t time_of(struct drive_log *l, const char *line)
{
    struct tm tm = { .tm_isdst = -1 };

    if (strptime(line, "%b %d %H:%M:%S", &tm)) {
        if (tm.tm_mon == 11 && l->month == 0)
            l->year--;
        l->month = tm.tm_mon;
        tm.tm_year = l->year;
        return mktime(&tm);
    }
    tm = (struct tm){ .tm_isdst = -1 };
    return strptime(line, "%Y-%m-%dT%H:%M:%S", &tm) ? mktime(&tm) : 0;
}

static bool is_boot(const char *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS(boot); i++)
        if (strstr(line, boot[i]))
            return true;
    return false;
}

static void count(struct drive_log *l, const GRegex *pattern, const char *line)
{
    GMatchInfo *match = NULL;

    for (g_regex_match(pattern, line, 0, &match); g_match_info_matches(match); g_match_info_next(match, NULL)) {
        char *device = g_match_info_fetch(match, g_regex_get_capture_count(pattern) ? 1 : 0);

        g_hash_table_insert(l->errors, device, GINT_TO_POINTER(GPOINTER_TO_INT(g_hash_table_lookup(l->errors, device)) + 1));
    }
    g_match_info_free(match);
}

/* False: it is too old. */
static bool read_line(struct drive_log *l, const char *line)
{
    time_t when;

    if (is_boot(line))
        return false;
    when = time_of(l, line);
    if (!when)
        return true;
    if (when <= l->since)
        return false;
    for (guint i = 0; i < l->patterns->len; i++)
        count(l, l->patterns->pdata[i], line);
    return true;
}

bool drive_log_read(struct drive_log *l, const char *text, size_t n)
{
    bool goes_on = true;

    while (n && goes_on) {
        const char *end = memrchr(text, '\n', n), *begin = end ? end + 1 : text;
        g_autofree char *line = g_strndup(begin, (size_t)(text + n - begin));

        goes_on = !*line || read_line(l, line);
        n = end ? (size_t)(end - text) : 0;
    }
    return goes_on;
}
