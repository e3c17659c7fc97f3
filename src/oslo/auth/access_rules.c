/* See access_rules.h. A pattern is walked once along the path, with all the places it may have got to: no pattern takes long. */
#include "oslo/auth/access_rules.h"

#include <string.h>

#include "oslo/base/text.h"
#include "oslo/record/record.h"

/* reached[i]: what came of the pattern so far may be the first i bytes of the path. */
static void step_byte(bool *reached, const char *path, size_t n, char byte)
{
    for (size_t i = n; i > 0; i--)
        reached[i] = reached[i - 1] && path[i - 1] == byte;
    reached[0] = false;
}

/* One byte or more, none of them a slash. */
static void step_segment(bool *reached, const char *path, size_t n)
{
    bool inside = false;                             /* some place before this one can go on to it */

    for (size_t i = 0; i <= n; i++) {
        bool was = reached[i];

        inside = i > 0 && inside && path[i - 1] != '/';
        reached[i] = inside;
        inside |= was;
    }
}

static void step_anything(bool *reached, size_t n)
{
    for (size_t i = 1; i <= n; i++)
        reached[i] |= reached[i - 1];
}

bool access_path_matches(struct ctx *c, const char *pattern, const char *path)
{
    size_t n = strlen(path);
    bool *reached = ctx_new_n(c, bool, n + 1);

    reached[0] = true;
    for (const char *end; *pattern; pattern++) {
        if (*pattern == '{' && (end = strchr(pattern, '}')) != NULL) {
            step_segment(reached, path, n);
            pattern = end;
        } else if (pattern[0] == '*' && pattern[1] == '*') {
            step_anything(reached, n);
            pattern++;
        } else if (*pattern == '*') {
            step_segment(reached, path, n);
        } else if (*pattern != '{' && *pattern != '}') {
            step_byte(reached, path, n, *pattern);
        }
    }
    return reached[n];
}

bool access_rules_allow(struct ctx *c, const char *rules, const char *service_type, const char *method, const char *path)
{
    const json_t *list = ctx_json(c, json_loads(rules, 0, NULL)), *rule;
    size_t i;

    /* Any token may be validated. */
    if (text_equal(service_type, "identity") && (!strcmp(method, "GET") || !strcmp(method, "HEAD")) && g_str_has_suffix(path, "/v3/auth/tokens"))
        return true;
    json_array_foreach(list, i, rule) {
        const char *pattern = json_get_string(rule, "path");

        if (text_equal(json_get_string(rule, "service"), service_type) && text_equal(json_get_string(rule, "method"), method) && pattern &&
            access_path_matches(c, pattern, path))
            return true;
    }
    return false;
}
