/* Python's pickle machine, as far as plain values need it: a stack, marks and a memo. */
#include "swift/pickle.h"

#include "oslo/base/text.h"

#include <stdlib.h>
#include <string.h>

#define BAD_PICKLE 500, "UnpicklingError", "not a pickle of plain values: %s"

/* What is on the stack besides values. */
enum { KIND_MARK = 100, KIND_GLOBAL };

enum known { KNOWN_ENCODE, KNOWN_BYTES, KNOWN_ARRAY, KNOWN_REBUILD_ARRAY, KNOWN_DICT };
static const struct { const char *module, *name; enum known known; } globals[] = {
    { "_codecs", "encode", KNOWN_ENCODE },
    { "__builtin__", "bytes", KNOWN_BYTES },
    { "builtins", "bytes", KNOWN_BYTES },
    { "array", "array", KNOWN_ARRAY },
    { "array", "_array_reconstructor", KNOWN_REBUILD_ARRAY },
    { "collections", "OrderedDict", KNOWN_DICT },
};

struct machine {
    struct ctx *c;
    const unsigned char *at, *end;
    struct pickle **stack; size_t n, room;
    GHashTable *memo;
    const char *wrong;
};

static bool bad(struct machine *m, const char *why)
{
    if (!m->wrong)
        m->wrong = why;
    return false;
}

static bool push(struct machine *m, struct pickle *p)
{
    if (m->n == m->room) {
        m->room = MAX(64, m->room * 2);
        m->stack = g_renew(struct pickle *, m->stack, m->room);
    }
    m->stack[m->n++] = p;
    return true;
}

static struct pickle *pop(struct machine *m)
{
    if (!m->n) {
        bad(m, "the stack is empty");
        return pickle_new(m->c, PICKLE_NONE);
    }
    return m->stack[--m->n];
}

static struct pickle *top(struct machine *m)
{
    struct pickle *p = pop(m);

    push(m, p);
    return p;
}

static const unsigned char *take(struct machine *m, size_t n)
{
    const unsigned char *bytes = m->at;

    if ((size_t)(m->end - m->at) < n) {
        bad(m, "it ends too early");
        return NULL;
    }
    m->at += n;
    return bytes;
}

/* A little-endian unsigned number of n bytes; 0 when there are none left. */
static uint64_t number(struct machine *m, size_t n)
{
    const unsigned char *bytes = take(m, n);
    uint64_t value = 0;

    for (size_t i = n; bytes && i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

/* What follows up to the end of the line, of the ctx. */
static char *line(struct machine *m)
{
    const unsigned char *newline = memchr(m->at, '\n', (size_t)(m->end - m->at));
    char *text;

    if (!newline) {
        bad(m, "a line without an end");
        return ctx_strdup(m->c, "");
    }
    text = ctx_strndup(m->c, (const char *)m->at, (size_t)(newline - m->at));
    m->at = newline + 1;
    return text;
}

static bool push_text(struct machine *m, enum pickle_kind kind, uint64_t n)
{
    const unsigned char *bytes;
    struct pickle *p;

    if (n > (uint64_t)(m->end - m->at))
        return bad(m, "it ends too early");
    bytes = take(m, (size_t)n);
    p = pickle_new_bytes(m->c, bytes, (size_t)n);
    p->kind = kind;
    return push(m, p);
}

/* A signed little-endian number of any length. */
static bool push_long(struct machine *m, uint64_t n)
{
    const unsigned char *bytes;
    uint64_t value;

    if (n > 8)
        return bad(m, "an integer of more than 64 bits");
    bytes = take(m, (size_t)n);
    if (!bytes)
        return false;
    value = n && bytes[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = (size_t)n; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return push(m, pickle_new_int(m->c, (int64_t)value));
}

static bool push_decimal(struct machine *m, char *text)
{
    size_t n = strlen(text);
    int64_t value;

    if (!strcmp(text, "00") || !strcmp(text, "01"))
        return push(m, pickle_new_bool(m->c, text[1] == '1'));
    if (n && text[n - 1] == 'L')
        text[n - 1] = '\0';
    return text_to_int(text, &value) ? push(m, pickle_new_int(m->c, value)) : bad(m, "no integer");
}

static bool push_real(struct machine *m)
{
    const unsigned char *bytes = take(m, 8);
    uint64_t bits = 0;
    double value;

    for (size_t i = 0; bytes && i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&value, &bits, sizeof(value));
    return bytes && push(m, pickle_new_real(m->c, value));
}

/* A Python 2 writer's quoted string: only what needs no escapes. */
static bool push_quoted(struct machine *m)
{
    char *text = line(m);
    size_t n = strlen(text);

    if (n < 2 || (*text != '\'' && *text != '"') || text[n - 1] != *text || strchr(text, '\\'))
        return bad(m, "a quoted string that is none");
    return push(m, pickle_new_bytes(m->c, text + 1, n - 2));
}

/* The values above the last mark, which goes. */
static bool collect(struct machine *m, struct pickle *into)
{
    size_t from = m->n;

    while (from > 0 && (int)m->stack[from - 1]->kind != KIND_MARK)
        from--;
    if (!from)
        return bad(m, "no mark");
    for (size_t i = from; i < m->n; i++)
        pickle_append(m->c, into, m->stack[i]);
    m->n = from - 1;
    return into->kind != PICKLE_DICT || into->n_items % 2 == 0 || bad(m, "a key without its value");
}

static bool push_collected(struct machine *m, enum pickle_kind kind)
{
    struct pickle *made = pickle_new(m->c, kind);

    return collect(m, made) && push(m, made);
}

static bool push_tuple(struct machine *m, size_t n)
{
    struct pickle *tuple = pickle_new(m->c, PICKLE_TUPLE);

    if (m->n < n)
        return bad(m, "the stack is empty");
    for (size_t i = m->n - n; i < m->n; i++)
        pickle_append(m->c, tuple, m->stack[i]);
    m->n -= n;
    return push(m, tuple);
}

/* Appends what lies above the mark to the list or dict below it. */
static bool append_collected(struct machine *m, enum pickle_kind kind)
{
    size_t mark = m->n;

    while (mark > 0 && (int)m->stack[mark - 1]->kind != KIND_MARK)
        mark--;
    if (mark < 2 || m->stack[mark - 2]->kind != kind)
        return bad(m, "nothing to append to");
    return collect(m, m->stack[mark - 2]);
}

static bool append_one(struct machine *m)
{
    struct pickle *item = pop(m), *list = top(m);

    if (list->kind != PICKLE_LIST)
        return bad(m, "nothing to append to");
    pickle_append(m->c, list, item);
    return true;
}

static bool set_one(struct machine *m)
{
    struct pickle *value = pop(m), *key = pop(m), *dict = top(m);

    if (dict->kind != PICKLE_DICT)
        return bad(m, "nothing to set in");
    pickle_append(m->c, dict, key);
    pickle_append(m->c, dict, value);
    return true;
}

static bool memo_put(struct machine *m, uint64_t index)
{
    if (!m->n)
        return bad(m, "the stack is empty");
    g_hash_table_insert(m->memo, GSIZE_TO_POINTER(index), top(m));
    return true;
}

static bool memo_get(struct machine *m, uint64_t index)
{
    struct pickle *p = g_hash_table_lookup(m->memo, GSIZE_TO_POINTER(index));

    return p ? push(m, p) : bad(m, "not in the memo");
}

static bool memo_line(struct machine *m, bool put)
{
    int64_t index;

    if (!text_to_int(line(m), &index) || index < 0)
        return bad(m, "no place in the memo");
    return put ? memo_put(m, (uint64_t)index) : memo_get(m, (uint64_t)index);
}

static bool push_global(struct machine *m, const char *module, const char *name)
{
    for (size_t i = 0; module && name && i < G_N_ELEMENTS(globals); i++)
        if (!strcmp(module, globals[i].module) && !strcmp(name, globals[i].name)) {
            struct pickle *p = pickle_new(m->c, (enum pickle_kind)KIND_GLOBAL);

            p->integer = globals[i].known;
            return push(m, p);
        }
    return bad(m, "a class that is not known here");
}

/* Text that stands for bytes, a code point each. */
static struct pickle *latin1(struct machine *m, const struct pickle *text)
{
    struct pickle *p = pickle_new(m->c, PICKLE_BYTES);
    char *to = ctx_alloc(m->c, text->n + 1);

    p->bytes = to;
    for (size_t i = 0; i < text->n; i++) {
        unsigned char byte = (unsigned char)text->bytes[i];

        if (byte < 0x80) {
            *to++ = (char)byte;
        } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text->n) {
            *to++ = (char)((byte & 3) << 6 | ((unsigned char)text->bytes[++i] & 0x3f));
        } else {
            bad(m, "text beyond latin-1");
            break;
        }
    }
    p->n = (size_t)(to - p->bytes);
    return p;
}

static struct pickle *make_array(struct machine *m, const struct pickle *type, const struct pickle *list)
{
    char code = pickle_text(type) && type->n == 1 ? *type->bytes : '\0';
    size_t width = code == 'H' ? 2 : code == 'B' ? 1 : 0;
    struct pickle *p;
    char *to;

    if (!width || list->kind != PICKLE_LIST) {
        bad(m, "an array of another kind");
        return pickle_new(m->c, PICKLE_NONE);
    }
    p = pickle_new(m->c, PICKLE_BYTES);
    p->typecode = code;
    p->bytes = to = ctx_alloc(m->c, list->n_items * width + 1);
    p->n = list->n_items * width;
    for (size_t i = 0; i < list->n_items; i++) {
        uint16_t value = (uint16_t)list->items[i]->integer;

        memcpy(to + i * width, &value, width);
    }
    return p;
}

static bool reduce(struct machine *m)
{
    struct pickle *arguments = pop(m), *what = pop(m);
    struct pickle **a = arguments->items;
    size_t n = arguments->n_items;

    if (arguments->kind != PICKLE_TUPLE || (int)what->kind != KIND_GLOBAL)
        return bad(m, "a call");
    if (what->integer == KNOWN_ENCODE && n == 2 && a[0]->kind == PICKLE_TEXT)
        return push(m, latin1(m, a[0])) && !m->wrong;
    if (what->integer == KNOWN_BYTES && n == 0)
        return push(m, pickle_new_bytes(m->c, "", 0));
    if (what->integer == KNOWN_ARRAY && n == 2)
        return push(m, make_array(m, a[0], a[1])) && !m->wrong;
    if (what->integer == KNOWN_REBUILD_ARRAY && n == 4 && a[3]->kind == PICKLE_BYTES && pickle_text(a[1]) && a[1]->n == 1) {
        a[3]->typecode = *a[1]->bytes;
        return push(m, a[3]);
    }
    if (what->integer == KNOWN_DICT && n == 0)
        return push(m, pickle_new(m->c, PICKLE_DICT));
    return bad(m, "a call");
}

/* One opcode. False: bad. */
static bool step(struct machine *m, unsigned char op)
{
    struct pickle *p;
    const char *module;

    switch (op) {
    case 0x80: return take(m, 1) != NULL;
    case 0x95: return take(m, 8) != NULL;
    case '(': return push(m, pickle_new(m->c, (enum pickle_kind)KIND_MARK));
    case '0': pop(m); return !m->wrong;
    case '2': return m->n ? push(m, top(m)) : bad(m, "the stack is empty");
    case 'N': return push(m, pickle_new(m->c, PICKLE_NONE));
    case 0x88: return push(m, pickle_new_bool(m->c, true));
    case 0x89: return push(m, pickle_new_bool(m->c, false));
    case 'I': case 'L': return push_decimal(m, line(m));
    case 'J': return push(m, pickle_new_int(m->c, (int32_t)(uint32_t)number(m, 4)));
    case 'K': return push(m, pickle_new_int(m->c, (int64_t)number(m, 1)));
    case 'M': return push(m, pickle_new_int(m->c, (int64_t)number(m, 2)));
    case 0x8a: return push_long(m, number(m, 1));
    case 0x8b: return push_long(m, number(m, 4));
    case 'F': return push(m, pickle_new_real(m->c, g_ascii_strtod(line(m), NULL)));
    case 'G': return push_real(m);
    case 'S': return push_quoted(m);
    case 'T': case 'B': return push_text(m, PICKLE_BYTES, number(m, 4));
    case 'U': case 'C': return push_text(m, PICKLE_BYTES, number(m, 1));
    case 0x8e: return push_text(m, PICKLE_BYTES, number(m, 8));
    case 'X': return push_text(m, PICKLE_TEXT, number(m, 4));
    case 0x8c: return push_text(m, PICKLE_TEXT, number(m, 1));
    case 0x8d: return push_text(m, PICKLE_TEXT, number(m, 8));
    case 'V': p = pickle_new_text(m->c, line(m)); return push(m, p);
    case ']': return push(m, pickle_new(m->c, PICKLE_LIST));
    case '}': return push(m, pickle_new(m->c, PICKLE_DICT));
    case ')': return push(m, pickle_new(m->c, PICKLE_TUPLE));
    case 'l': return push_collected(m, PICKLE_LIST);
    case 'd': return push_collected(m, PICKLE_DICT);
    case 't': return push_collected(m, PICKLE_TUPLE);
    case 0x85: case 0x86: case 0x87: return push_tuple(m, op - 0x84u);
    case 'a': return append_one(m);
    case 'e': return append_collected(m, PICKLE_LIST);
    case 's': return set_one(m);
    case 'u': return append_collected(m, PICKLE_DICT);
    case 'q': return memo_put(m, number(m, 1));
    case 'r': return memo_put(m, number(m, 4));
    case 0x94: return memo_put(m, g_hash_table_size(m->memo));
    case 'h': return memo_get(m, number(m, 1));
    case 'j': return memo_get(m, number(m, 4));
    case 'p': return memo_line(m, true);
    case 'g': return memo_line(m, false);
    case 'c': module = line(m); return push_global(m, module, line(m));
    case 0x93: p = pop(m); return push_global(m, pickle_text(pop(m)), pickle_text(p));
    case 'R': return reduce(m);
    default: return bad(m, "an opcode that is not known here");
    }
}

static struct pickle *run(struct machine *m)
{
    while (m->at < m->end) {
        unsigned char op = *m->at++;

        if (op == '.') {
            struct pickle *p = pop(m);

            if ((unsigned)p->kind > PICKLE_DICT)
                bad(m, "no value");
            return m->wrong ? NULL : p;
        }
        if (!step(m, op) || m->wrong)
            return NULL;
    }
    bad(m, "it has no end");
    return NULL;
}

struct pickle *pickle_read_some(struct ctx *c, const void *bytes, size_t n, size_t *ret_taken)
{
    struct machine m = { .c = c, .at = bytes, .end = (const unsigned char *)bytes + n };
    struct pickle *p;

    m.memo = g_hash_table_new(NULL, NULL);
    p = run(&m);
    g_hash_table_destroy(m.memo);
    g_free(m.stack);
    if (!p)
        return fail_null(c, BAD_PICKLE, m.wrong ? m.wrong : "damaged");
    *ret_taken = (size_t)(m.at - (const unsigned char *)bytes);
    return p;
}

struct pickle *pickle_read(struct ctx *c, const void *bytes, size_t n)
{
    size_t taken;

    return pickle_read_some(c, bytes, n, &taken);
}
