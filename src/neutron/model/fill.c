/* Derived members of a page of records. */
#include "neutron/model/fill.h"

#include <string.h>

enum { CHUNK = 200 };                /* keys asked for in one query */

struct filling {
    struct ctx *c;
    void *const *page;
    size_t n;
    const struct fill *fill;
    GHashTable *first;               /* key -> index + 1 of the first record that has it */
    size_t *next;                    /* index + 1 of the next record with the same key, 0 at the end */
};

static const char *key_of(const struct filling *f, size_t i)
{
    return *(char *const *)(const void *)((const char *)f->page[i] + f->fill->key);
}

/* The records by their keys; the distinct keys. */
static const char **keys_collect(struct filling *f, size_t *ret_n)
{
    const char **keys = ctx_new_n(f->c, const char *, f->n + 1);
    size_t used = 0;

    f->first = g_hash_table_new(g_str_hash, g_str_equal);
    f->next = ctx_new_n(f->c, size_t, f->n + 1);
    for (size_t i = 0; i < f->n; i++) {
        const char *key = key_of(f, i);
        size_t before;

        if (!key)
            continue;
        before = GPOINTER_TO_SIZE(g_hash_table_lookup(f->first, key));
        if (!before)
            keys[used++] = key;
        f->next[i] = before;
        g_hash_table_insert(f->first, (char *)(uintptr_t)key, GSIZE_TO_POINTER(i + 1));
    }
    *ret_n = used;
    return keys;
}

static bool filling_run(struct filling *f, void (*row)(struct filling *, size_t record, struct rows *, void *data), void *data)
{
    size_t n;
    const char **keys = keys_collect(f, &n);

    for (size_t from = 0; from < n && !failed(f->c); from += CHUNK) {
        struct sql *sql = sql_new(f->c);
        const char **some = ctx_new_n(f->c, const char *, CHUNK + 1);
        struct rows *rows;

        memcpy(some, keys + from, MIN((size_t)CHUNK, n - from) * sizeof(*some));
        sql_add_values(sql, f->fill->select, f->fill->values ? f->fill->values : VALUES());
        sql_add(sql, " IN ");
        sql_in(sql, some);
        sql_add(sql, f->fill->order ? f->fill->order : "");
        for (rows = sql_query(sql); db_next(rows);)
            for (size_t i = GPOINTER_TO_SIZE(g_hash_table_lookup(f->first, db_text(rows, 0))); i; i = f->next[i - 1])
                row(f, i - 1, rows, data);
    }
    g_hash_table_destroy(f->first);
    return !failed(f->c);
}

struct row_call {
    void (*row)(void *record, struct rows *, void *data);
    void *data;
};

static void row_one(struct filling *f, size_t record, struct rows *rows, void *data)
{
    const struct row_call *call = data;

    call->row(f->page[record], rows, call->data);
}

bool fill_rows(struct ctx *c, void *const *page, size_t n, const struct fill *fill, void (*row)(void *record, struct rows *, void *data),
               void *data)
{
    struct filling f = { .c = c, .page = page, .n = n, .fill = fill };

    return filling_run(&f, row_one, &(struct row_call){ row, data });
}

struct list_call {
    struct buf *lists;
    void (*element)(struct out *, struct rows *);
};

static void list_one(struct filling *f, size_t record, struct rows *rows, void *data)
{
    const struct list_call *call = data;
    struct buf *list = &call->lists[record];
    struct out o = { .to = list, .comma = list->len != 0, .times = TIME_ISO_Z };

    if (!list->len)
        buf_putc(list, '[');
    call->element(&o, rows);
}

bool fill_lists(struct ctx *c, void *const *page, size_t n, const struct fill *fill, size_t list, void (*element)(struct out *, struct rows *))
{
    struct filling f = { .c = c, .page = page, .n = n, .fill = fill };
    struct list_call call = { ctx_new_n(c, struct buf, n + 1), element };
    bool ok = filling_run(&f, list_one, &call);

    for (size_t i = 0; i < n; i++) {
        raw_json *to = (void *)((char *)page[i] + list);

        if (call.lists[i].len)
            buf_putc(&call.lists[i], ']');
        to->text = ctx_strdup(c, call.lists[i].len ? call.lists[i].data : "[]");
        buf_clear(&call.lists[i]);
    }
    return ok;
}

void fill_string(struct out *o, struct rows *rows)
{
    out_string(o, NULL, db_text(rows, 1));
}
