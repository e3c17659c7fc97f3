/* What Python's json.loads says of a text that is no JSON, and where. */
#include "oslo/record/python.h"

#include <glib.h>
#include <string.h>

#define DEPTH 900

struct scan {
    const char *text, *end;
    const char *message, *at;        /* what is wrong first */
    int depth;
};

static const char *value(struct scan *, const char *);

static const char *wrong(struct scan *s, const char *message, const char *at)
{
    s->message = message;
    s->at = at;
    return NULL;
}

static const char *blanks(const struct scan *s, const char *at)
{
    while (at < s->end && strchr(" \t\n\r", *at) && *at)
        at++;
    return at;
}

static const char *escape(struct scan *s, const char *at)
{
    if (at >= s->end || !*at)
        return at;
    if (*at != 'u')
        return strchr("\"\\/bfnrt", *at) ? at + 1 : wrong(s, "Invalid \\escape", at - 1);
    for (int i = 1; i <= 4; i++)
        if (at + i >= s->end || !g_ascii_isxdigit(at[i]))
            return wrong(s, "Invalid \\uXXXX escape", at);
    return at + 5;
}

/* at is past the opening quote. */
static const char *string(struct scan *s, const char *at)
{
    const char *begin = at - 1;

    while (at && at < s->end && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return wrong(s, "Invalid control character at", at);
        at = *at == '\\' ? escape(s, at + 1) : at + 1;
    }
    if (!at)
        return NULL;
    return at < s->end ? at + 1 : wrong(s, "Unterminated string starting at", begin);
}

static const char *member(struct scan *s, const char *at)
{
    if (at >= s->end || *at != '"')
        return wrong(s, "Expecting property name enclosed in double quotes", at);
    at = string(s, at + 1);
    if (!at)
        return NULL;
    at = blanks(s, at);
    if (at >= s->end || *at != ':')
        return wrong(s, "Expecting ':' delimiter", at);
    return value(s, blanks(s, at + 1));
}

/* at is past the opening bracket; one reads a member or an item. */
static const char *list(struct scan *s, const char *at, char close, const char *(*one)(struct scan *, const char *))
{
    at = blanks(s, at);
    if (at < s->end && *at == close)
        return at + 1;
    for (;;) {
        at = one(s, at);
        if (!at)
            return NULL;
        at = blanks(s, at);
        if (at < s->end && *at == close)
            return at + 1;
        if (at >= s->end || *at != ',')
            return wrong(s, "Expecting ',' delimiter", at);
        at = blanks(s, at + 1);
    }
}

static const char *number(struct scan *s, const char *at)
{
    const char *digits = at + (at < s->end && *at == '-'), *more = digits;

    if (digits >= s->end || !g_ascii_isdigit(*digits))
        return wrong(s, "Expecting value", at);
    for (more = *digits == '0' ? digits + 1 : digits; *digits != '0' && more < s->end && g_ascii_isdigit(*more);)
        more++;
    if (more + 1 < s->end && *more == '.' && g_ascii_isdigit(more[1]))
        for (more++; more < s->end && g_ascii_isdigit(*more);)
            more++;
    if (more + 1 < s->end && (*more == 'e' || *more == 'E')) {
        const char *power = more + 1 + (strchr("+-", more[1]) != NULL);

        if (power < s->end && g_ascii_isdigit(*power))
            for (more = power; more < s->end && g_ascii_isdigit(*more);)
                more++;
    }
    return more;
}

static const char *value(struct scan *s, const char *at)
{
    static const char *const words[] = { "null", "true", "false", "NaN", "Infinity", "-Infinity" };

    if (at >= s->end || s->depth >= DEPTH)
        return wrong(s, "Expecting value", at);
    if (*at == '"')
        return string(s, at + 1);
    if (*at == '{' || *at == '[') {
        s->depth++;
        at = *at == '{' ? list(s, at + 1, '}', member) : list(s, at + 1, ']', value);
        s->depth--;
        return at;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if ((size_t)(s->end - at) >= strlen(words[i]) && !strncmp(at, words[i], strlen(words[i])))
            return at + strlen(words[i]);
    return number(s, at);
}

void python_json_error(struct buf *to, const char *text, size_t n)
{
    struct scan s = { .text = text, .end = text + n };
    const char *at = value(&s, blanks(&s, text)), *line = text;
    long lines = 1;

    if (at && blanks(&s, at) < s.end)
        wrong(&s, "Extra data", blanks(&s, at));
    if (!s.message)
        wrong(&s, "Expecting value", text);
    for (const char *p = text; p < s.at; p++)
        if (*p == '\n') {
            lines++;
            line = p + 1;
        }
    buf_printf(to, "%s: line %ld column %ld (char %ld)", s.message, lines, g_utf8_strlen(line, s.at - line) + 1, g_utf8_strlen(text, s.at - text));
}
