/* Header lists. */
#include "swift/message.h"

#include "oslo/base/text.h"

#include <string.h>
#include <strings.h>

static size_t position(const struct headers *h, const char *name)
{
    size_t i = 0;

    while (i < h->n && !text_equal_folded(h->pairs[i].name, name))
        i++;
    return i;
}

const char *headers_get(const struct headers *h, const char *name)
{
    size_t i = position(h, name);

    return i < h->n ? h->pairs[i].value : NULL;
}

void headers_add(struct ctx *c, struct headers *h, const char *name, const char *value)
{
    if (h->n + 2 > h->room) {
        struct pair *old = h->pairs;

        h->room = MAX(16, h->room * 2);
        h->pairs = ctx_new_n(c, struct pair, h->room);
        if (h->n)
            memcpy(h->pairs, old, h->n * sizeof(*old));
    }
    h->pairs[h->n++] = (struct pair){ name, value };
    h->pairs[h->n] = (struct pair){};
}

static void remove_at(struct headers *h, size_t i)
{
    memmove(h->pairs + i, h->pairs + i + 1, (h->n - i) * sizeof(*h->pairs));
    h->n--;
}

void headers_remove(struct headers *h, const char *name)
{
    size_t i;

    while ((i = position(h, name)) < h->n)
        remove_at(h, i);
}

void headers_set(struct ctx *c, struct headers *h, const char *name, const char *value)
{
    size_t i = position(h, name);

    if (!value) {
        headers_remove(h, name);
    } else if (i == h->n) {
        headers_add(c, h, name, value);
    } else {
        h->pairs[i] = (struct pair){ name, value };
        for (size_t k = h->n; k-- > i + 1;)
            if (text_equal_folded(h->pairs[k].name, name))
                remove_at(h, k);
    }
}

void headers_append(struct ctx *c, struct headers *h, const char *name, const char *item)
{
    const char *have = headers_get(h, name);

    headers_set(c, h, name, have ? ctx_printf(c, "%s,%s", have, item) : item);
}

void headers_printf(struct ctx *c, struct headers *h, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    headers_set(c, h, name, ctx_vprintf(c, format, args));
    va_end(args);
}

bool header_has_prefix(const struct pair *header, const char *prefix)
{
    return !strncasecmp(header->name, prefix, strlen(prefix));
}

void headers_remove_prefix(struct headers *h, const char *prefix)
{
    for (size_t i = h->n; i-- > 0;)
        if (header_has_prefix(&h->pairs[i], prefix))
            remove_at(h, i);
}

void headers_copy(struct ctx *c, struct headers *to, const struct headers *from)
{
    for (size_t i = 0; i < from->n; i++)
        headers_set(c, to, from->pairs[i].name, from->pairs[i].value);
}

void headers_copy_prefix(struct ctx *c, struct headers *to, const struct headers *from, const char *prefix)
{
    for (size_t i = 0; i < from->n; i++)
        if (header_has_prefix(&from->pairs[i], prefix))
            headers_set(c, to, from->pairs[i].name, from->pairs[i].value);
}

const char *header_title(struct ctx *c, const char *name)
{
    char *title = ctx_strdup(c, name);
    bool first = true;

    if (!strcasecmp(name, "etag"))
        return "ETag";
    for (char *at = title; *at; at++) {
        *at = first ? g_ascii_toupper(*at) : g_ascii_tolower(*at);
        first = !g_ascii_isalpha(*at);
    }
    return title;
}

static bool is_ascii(const char *text)
{
    while (*text && !(*text & 0x80))
        text++;
    return !*text;
}

const char *header_to_characters(struct ctx *c, const char *value)
{
    char *text, *to;

    if (is_ascii(value))
        return value;
    text = to = ctx_alloc(c, strlen(value) * 2 + 1);
    for (; *value; value++) {
        unsigned char byte = (unsigned char)*value;

        if (byte & 0x80)
            *to++ = (char)(0xc0 | byte >> 6);
        *to++ = (char)(byte & 0x80 ? 0x80 | (byte & 0x3f) : byte);
    }
    return text;
}

const char *header_from_characters(struct ctx *c, const char *text)
{
    char *value, *to;

    if (is_ascii(text))
        return text;
    value = to = ctx_alloc(c, strlen(text) + 1);
    for (const char *at = text; *at; at++) {
        unsigned char first = (unsigned char)*at, second = (unsigned char)at[1];

        if (!(first & 0x80)) {
            *to++ = *at;
        } else if ((first == 0xc2 || first == 0xc3) && (second & 0xc0) == 0x80) {
            *to++ = (char)(first << 6 | (second & 0x3f));
            at++;
        } else {
            return text;
        }
    }
    return value;
}

bool word_true(const char *word)
{
    static const char *const yes[] = { "true", "1", "yes", "on", "t", "y" };

    for (size_t i = 0; word && i < G_N_ELEMENTS(yes); i++)
        if (!strcasecmp(word, yes[i]))
            return true;
    return false;
}

bool header_true(const struct headers *h, const char *name)
{
    return word_true(headers_get(h, name));
}
