/* What pickles hold: making values, and looking into them. */
#include "swift/pickle.h"

#include <string.h>

struct pickle *pickle_new(struct ctx *c, enum pickle_kind kind)
{
    struct pickle *p = ctx_new(c, struct pickle);

    p->kind = kind;
    return p;
}

struct pickle *pickle_new_bytes(struct ctx *c, const void *bytes, size_t n)
{
    struct pickle *p = pickle_new(c, PICKLE_BYTES);
    char *copy = ctx_alloc(c, n + 1);

    memcpy(copy, bytes, n);
    p->bytes = copy;
    p->n = n;
    return p;
}

struct pickle *pickle_new_text(struct ctx *c, const char *text)
{
    struct pickle *p;

    if (!text)
        return pickle_new(c, PICKLE_NONE);
    p = pickle_new_bytes(c, text, strlen(text));
    p->kind = PICKLE_TEXT;
    return p;
}

struct pickle *pickle_new_int(struct ctx *c, int64_t value)
{
    struct pickle *p = pickle_new(c, PICKLE_INT);

    p->integer = value;
    return p;
}

struct pickle *pickle_new_real(struct ctx *c, double value)
{
    struct pickle *p = pickle_new(c, PICKLE_REAL);

    p->real = value;
    return p;
}

struct pickle *pickle_new_bool(struct ctx *c, bool value)
{
    struct pickle *p = pickle_new(c, PICKLE_BOOL);

    p->integer = value;
    return p;
}

void pickle_append(struct ctx *c, struct pickle *to, struct pickle *item)
{
    if (to->n_items == to->room) {
        struct pickle **old = to->items;

        to->room = MAX(8, to->room * 2);
        to->items = ctx_new_n(c, struct pickle *, to->room);
        if (old)
            memcpy(to->items, old, to->n_items * sizeof(*old));
    }
    to->items[to->n_items++] = item;
}

static bool keyed(const struct pickle *key, const char *text, size_t n)
{
    return (key->kind == PICKLE_TEXT || key->kind == PICKLE_BYTES) && key->n == n && !memcmp(key->bytes, text, n);
}

void pickle_set(struct ctx *c, struct pickle *dict, const char *key, struct pickle *value)
{
    pickle_append(c, dict, pickle_new_text(c, key));
    pickle_append(c, dict, value);
}

const struct pickle *pickle_get(const struct pickle *dict, const char *key)
{
    size_t n = strlen(key);

    if (!dict || dict->kind != PICKLE_DICT)
        return NULL;
    for (size_t i = dict->n_items; i >= 2; i -= 2)           /* of keys that repeat the last counts */
        if (keyed(dict->items[i - 2], key, n))
            return dict->items[i - 1];
    return NULL;
}

const char *pickle_text(const struct pickle *p)
{
    return p && (p->kind == PICKLE_TEXT || p->kind == PICKLE_BYTES) ? p->bytes : NULL;
}

bool pickle_int(const struct pickle *p, int64_t *ret)
{
    if (!p || (p->kind != PICKLE_INT && p->kind != PICKLE_BOOL))
        return false;
    *ret = p->integer;
    return true;
}
