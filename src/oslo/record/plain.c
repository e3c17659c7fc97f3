/* Reading plain JSON. */
#include "oslo/record/plain.h"

#include <string.h>

#include "oslo/base/text.h"

enum { DEPTH_MOST = 32, DIGITS_MOST = 18 };

static json_t *read_tree(struct plain *, int depth);

static void skip_space(struct plain *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
        p->at++;
}

bool plain_at(struct plain *p, char ch)
{
    skip_space(p);
    return p->at < p->end && *p->at == ch;
}

bool plain_is(struct plain *p, char ch)
{
    bool is = plain_at(p, ch);

    p->at += is;
    return is;
}

bool plain_over(struct plain *p)
{
    skip_space(p);
    return p->at == p->end;
}

bool plain_text(struct plain *p, const char **ret, size_t *ret_n)
{
    const char *from;

    if (!plain_is(p, '"'))
        return false;
    from = p->at;
    p->at += text_plain(from, (size_t)(p->end - from));
    *ret = from;
    *ret_n = (size_t)(p->at - from);
    return p->at < p->end && *p->at++ == '"';
}

static bool follows(struct plain *p, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* What follows it is looked at by whoever wants a comma or an end next: so "1.5", "1e3" and what has more digits are not plain. */
static json_t *read_integer(struct plain *p)
{
    bool negative = follows(p, "-");
    const char *from = p->at;
    json_int_t value = 0;

    while (p->at < p->end && *p->at >= '0' && *p->at <= '9' && p->at - from < DIGITS_MOST)
        value = value * 10 + (*p->at++ - '0');
    if (p->at == from || (*from == '0' && p->at - from > 1))
        return NULL;
    return json_integer(negative ? -value : value);
}

static bool read_member(struct plain *p, json_t *object, int depth)
{
    const char *key;
    json_t *value;
    size_t n;

    if (!plain_text(p, &key, &n) || !plain_is(p, ':') || !(value = read_tree(p, depth)))
        return false;
    return json_object_setn_new_nocheck(object, key, n, value) == 0;
}

static json_t *read_object(struct plain *p, int depth)
{
    json_t *object = json_object();

    if (plain_is(p, '}'))
        return object;
    do
        if (!read_member(p, object, depth))
            goto odd;
    while (plain_is(p, ','));
    if (plain_is(p, '}'))
        return object;
odd:
    json_decref(object);
    return NULL;
}

static json_t *read_array(struct plain *p, int depth)
{
    json_t *array = json_array(), *value;

    if (plain_is(p, ']'))
        return array;
    do
        if (!(value = read_tree(p, depth)) || json_array_append_new(array, value) != 0)
            goto odd;
    while (plain_is(p, ','));
    if (plain_is(p, ']'))
        return array;
odd:
    json_decref(array);
    return NULL;
}

static json_t *read_tree(struct plain *p, int depth)
{
    const char *text;
    size_t n;

    skip_space(p);
    if (p->at >= p->end || !depth)
        return NULL;
    switch (*p->at) {
    case '"':
        return plain_text(p, &text, &n) ? json_stringn_nocheck(text, n) : NULL;
    case '{':
        p->at++;
        return read_object(p, depth - 1);
    case '[':
        p->at++;
        return read_array(p, depth - 1);
    case 't':
        return follows(p, "true") ? json_true() : NULL;
    case 'f':
        return follows(p, "false") ? json_false() : NULL;
    case 'n':
        return follows(p, "null") ? json_null() : NULL;
    default:
        return read_integer(p);
    }
}

json_t *plain_tree(struct plain *p)
{
    return read_tree(p, DEPTH_MOST);
}
