/* Lists: a query string becomes one bound SELECT: who may see, filters, sort keys, marker, limit. */
#include "oslo/rest/rest.h"

#include <string.h>

#define SORT_KEYS_MOST 8

struct sorting {
    const struct attr *attr;
    bool descending;
};

struct listing {
    struct ctx *c;
    const struct resource *r;
    struct request *request;
    struct sql *sql;
    struct page *page;
    struct sorting sort[SORT_KEYS_MOST];
    int n_sort;
};

bool invalid_query(struct ctx *c, const struct resource *r, enum invalid_why why, const char *name, const char *value)
{
    return style_of(c)->invalid(c, r, &(struct invalid){ why, NULL, name, value ? ctx_json(c, json_string(value)) : NULL });
}

bool visible_add(struct ctx *c, const struct resource *r, struct sql *s)
{
    const struct attr *owner = resource_owner(r);

    if (c->who.is_admin || !style_of(c)->owner_scoped)
        return true;
    if (r->visible)
        return r->visible(c, s);
    if (owner)
        sql_add(s, ctx_printf(c, " AND t.%s = ?", attr_column(owner)), T(c->who.project_id));
    return true;
}

static const struct attr *wire_attr(struct ctx *c, const struct resource *r, const char *name)
{
    const char *alias = style_of(c)->owner_alias;
    const struct attr *a = alias && !strcmp(name, alias) ? resource_owner(r) : attr_find_json(r->attrs, name);

    return a && attr_known(a, c->version) ? a : NULL;
}

/* --- filters -------------------------------------------------------------------------------------------------- */

static bool value_of(const struct attr *a, const char *text, struct value *ret_value)
{
    int64_t integer;
    bool boolean;
    utc_time t;

    switch (a->kind) {
    case KIND_BOOL: case KIND_OPT_BOOL:
        if (!text_to_bool(text, &boolean))
            return false;
        *ret_value = B(boolean);
        return true;
    case KIND_INT: case KIND_OPT_INT:
        if (!text_to_int(text, &integer))
            return false;
        *ret_value = I(integer);
        return true;
    case KIND_REAL:
        *ret_value = R(g_ascii_strtod(text, NULL));
        return true;
    case KIND_TIME:
        if (!time_parse(text, &t))
            return false;
        *ret_value = I(t.us);
        return true;
    case KIND_STRING: case KIND_JSON:
        *ret_value = T(text);
        return true;
    }
    return false;
}

static bool filter_add(struct listing *l, const struct attr *a, const char *name, const char *const *values)
{
    sql_add(l->sql, ctx_printf(l->c, " AND t.%s IN (", attr_column(a)));
    for (int i = 0; values[i]; i++) {
        struct value value;

        if (!value_of(a, values[i], &value))
            return invalid_query(l->c, l->r, BAD_FILTER, name, values[i]);
        sql_add(l->sql, i ? ", ?" : "?", value);
    }
    sql_add(l->sql, ")");
    return true;
}

static const char *const *values_of(struct ctx *c, const struct request *request, const char *name)
{
    const char **values;
    size_t n = 0;

    for (const struct pair *q = request->query; q && q->name; q++)
        n += !strcmp(q->name, name);
    values = ctx_new_n(c, const char *, n + 1);
    n = 0;
    for (const struct pair *q = request->query; q && q->name; q++)
        if (!strcmp(q->name, name))
            values[n++] = q->value;
    return values;
}

static bool filter_one(struct listing *l, const char *name)
{
    const char *const *values = values_of(l->c, l->request, name);
    const struct attr *a = wire_attr(l->c, l->r, name);
    bool taken = false;

    if (l->r->filter && !l->r->filter(l->c, name, values, l->sql, &taken))
        return false;
    if (taken)
        return true;
    if (a && (a->flags & FILTER) && !(a->flags & DERIVED))
        return filter_add(l, a, name, values);
    if (style_of(l->c)->filter && !style_of(l->c)->filter(l->c, l->r, name, values, l->sql, &taken))
        return false;
    return taken || !style_of(l->c)->unknown_filter_is_error || invalid_query(l->c, l->r, UNKNOWN_FILTER, name, values[0]);
}

static bool filters_add(struct listing *l)
{
    static const char *const reserved[] = { "limit", "marker", "sort_key", "sort_dir", "sort", "page_reverse", "fields", NULL };

    for (const struct pair *q = l->request->query; q && q->name; q++) {
        bool seen = text_in(q->name, reserved);

        for (const struct pair *before = l->request->query; !seen && before < q; before++)
            seen = !strcmp(before->name, q->name);
        if (!seen && !filter_one(l, q->name))
            return false;
    }
    return true;
}

/* --- sorting -------------------------------------------------------------------------------------------------- */

static bool sort_add(struct listing *l, const char *key, const char *direction)
{
    const struct attr *a = wire_attr(l->c, l->r, key);
    bool descending = direction && !strcmp(direction, "desc");

    if (!a || !(a->flags & SORT) || (a->flags & DERIVED))
        return invalid_query(l->c, l->r, BAD_SORT_KEY, "sort_key", key);
    if (direction && !descending && strcmp(direction, "asc"))
        return invalid_query(l->c, l->r, BAD_SORT_DIR, "sort_dir", direction);
    if (l->n_sort < SORT_KEYS_MOST - 1)
        l->sort[l->n_sort++] = (struct sorting){ a, descending };
    return true;
}

/* "key:dir,key:dir", as ?sort= and the style's default write it. */
static bool sort_spec(struct listing *l, const char *spec)
{
    char **pieces = text_split(l->c, spec, ',');

    for (; *pieces; pieces++) {
        char *colon = strchr(*pieces, ':');

        if (colon)
            *colon = '\0';
        if (!sort_add(l, *pieces, colon ? colon + 1 : NULL))
            return false;
    }
    return true;
}

static bool sort_read(struct listing *l)
{
    const char *const *keys = values_of(l->c, l->request, "sort_key"), *const *dirs = values_of(l->c, l->request, "sort_dir");
    const char *spec = request_query(l->request, "sort"), *dir = NULL;
    const struct attr *key = attr_find(l->r->attrs, resource_key(l->r));

    for (; *keys; keys++) {
        if (*dirs)
            dir = *dirs++;
        if (!sort_add(l, *keys, dir))
            return false;
    }
    if (!l->n_sort && spec && !sort_spec(l, spec))
        return false;
    if (!l->n_sort && style_of(l->c)->default_sort)
        for (char **piece = text_split(l->c, style_of(l->c)->default_sort, ','); *piece; piece++) {
            char *colon = strchr(*piece, ':');
            const struct attr *a;

            if (colon)
                *colon = '\0';
            if ((a = attr_find(l->r->attrs, *piece)))
                l->sort[l->n_sort++] = (struct sorting){ a, colon && !strcmp(colon + 1, "desc") };
        }
    for (int i = 0; i < l->n_sort; i++)
        if (l->sort[i].attr == key)
            return true;
    l->sort[l->n_sort] = (struct sorting){ key, l->n_sort && l->sort[l->n_sort - 1].descending };
    l->n_sort++;
    return true;
}

static bool goes_down(const struct listing *l, int i)
{
    return l->sort[i].descending != l->page->reverse;
}

static void order_add(struct listing *l)
{
    for (int i = 0; i < l->n_sort; i++)
        sql_add(l->sql, ctx_printf(l->c, "%s t.%s %s", i ? "," : " ORDER BY", attr_column(l->sort[i].attr),
                                   goes_down(l, i) ? "DESC NULLS LAST" : "ASC NULLS FIRST"));
}

/* --- marker and limit ----------------------------------------------------------------------------------------- */

/* The rows after the marker's: the first keys equal and the next one beyond it, for each length of that beginning. */
static void beyond_add(struct listing *l, const void *marker)
{
    sql_add(l->sql, " AND (");
    for (int i = 0; i < l->n_sort; i++) {
        sql_add(l->sql, i ? " OR (" : "(");
        for (int k = 0; k <= i; k++) {
            const struct attr *a = l->sort[k].attr;
            const char *text = record_field_text(l->c, a, marker), *column = attr_column(a);
            struct value value = SQL_NULL;

            if (text)
                value_of(a, text, &value);
            if (k)
                sql_add(l->sql, " AND ");
            if (k < i)
                sql_add(l->sql, ctx_printf(l->c, "t.%s IS NOT DISTINCT FROM ?", column), value);
            else if (!text)
                sql_add(l->sql, goes_down(l, k) ? "FALSE" : ctx_printf(l->c, "t.%s IS NOT NULL", column));
            else if (goes_down(l, k))
                sql_add(l->sql, ctx_printf(l->c, "(t.%s < ? OR t.%s IS NULL)", column, column), value);
            else
                sql_add(l->sql, ctx_printf(l->c, "t.%s > ?", column), value);
        }
        sql_add(l->sql, ")");
    }
    sql_add(l->sql, ")");
}

static bool marker_add(struct listing *l)
{
    const char *marker = request_query(l->request, "marker");
    void *record;

    if (!marker || !*marker)
        return true;
    record = record_new(l->c, l->r->attrs, l->r->size);
    if (!record_find(l->c, resource_table(l->r), l->r->attrs, record, attr_column(attr_find(l->r->attrs, resource_key(l->r))), marker))
        return failed(l->c) ? false : invalid_query(l->c, l->r, BAD_MARKER, "marker", marker);
    l->page->marker = marker;
    beyond_add(l, record);
    return true;
}

static bool limit_read(struct listing *l)
{
    const char *text = request_query(l->request, "limit");
    const struct rest_style *style = style_of(l->c);
    int64_t limit = style->default_limit;

    if (text && (!text_to_int(text, &limit) || limit < 0))
        return invalid_query(l->c, l->r, BAD_LIMIT, "limit", text);
    if (style->max_limit && (!limit || limit > style->max_limit))
        limit = style->max_limit;
    l->page->limit = limit;
    return true;
}

/* --- the page ------------------------------------------------------------------------------------------------- */

static bool rows_read(struct listing *l)
{
    struct page *page = l->page;
    struct rows *rows = sql_query(l->sql);
    size_t cap = page->limit && page->limit < 1024 ? (size_t)page->limit + 1 : 64;

    page->records = ctx_new_n(l->c, void *, cap);
    while (db_next(rows)) {
        if (page->limit && page->n == (size_t)page->limit) {
            page->more = true;
            db_rows_end(rows);
            break;
        }
        if (page->n == cap) {
            void **more = ctx_new_n(l->c, void *, cap * 2);

            memcpy(more, page->records, cap * sizeof(void *));
            page->records = more;
            cap *= 2;
        }
        page->records[page->n] = ctx_alloc(l->c, l->r->size);
        record_from_row(rows, l->r->attrs, page->records[page->n++], 0);
    }
    for (size_t i = 0; page->reverse && i < page->n / 2; i++) {
        void *other = page->records[page->n - 1 - i];

        page->records[page->n - 1 - i] = page->records[i];
        page->records[i] = other;
    }
    return !failed(l->c);
}

bool rest_page_where(struct ctx *c, const struct resource *r, struct request *request,
                     bool (*where)(struct ctx *, struct sql *, const void *data), const void *data, struct page *ret_page)
{
    struct listing l = { .c = c, .r = r, .request = request, .sql = sql_new(c), .page = ret_page };
    const char *reverse = request_query(request, "page_reverse"), *rule = resource_rule(c, r, "list");
    struct buf columns = { 0 };

    *ret_page = (struct page){ .resource = r, .request = request };
    if (reverse)
        text_to_bool(reverse, &ret_page->reverse);
    if (rule && !style_of(c)->owner_scoped && !policy_check(c, rule, NULL))
        return false;
    record_columns(&columns, r->attrs, "t.");
    sql_add(l.sql, ctx_printf(c, "SELECT %s FROM %s t WHERE 1 = 1", columns.data, resource_table(r)));
    buf_clear(&columns);
    if (!visible_add(c, r, l.sql) || (where && !where(c, l.sql, data)) || !filters_add(&l) || !sort_read(&l) || !limit_read(&l) || !marker_add(&l))
        return false;
    order_add(&l);
    if (ret_page->limit)
        sql_add(l.sql, " LIMIT ?", I(ret_page->limit + 1));
    return rows_read(&l) && rest_fill(c, r, ret_page->records, ret_page->n);
}

struct plain { bool (*extra)(struct ctx *, struct sql *); };

static bool plain_where(struct ctx *c, struct sql *s, const void *data)
{
    const struct plain *plain = data;

    return !plain->extra || plain->extra(c, s);
}

bool rest_page(struct ctx *c, const struct resource *r, struct request *request, bool (*extra)(struct ctx *, struct sql *),
               struct page *ret_page)
{
    return rest_page_where(c, r, request, plain_where, &(struct plain){ extra }, ret_page);
}
