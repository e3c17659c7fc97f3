/* The list of images: filters with their operators, sorting by several keys, pages. One query, and two for the page's parts. */
#include "glance/api/patch.h"

#include <string.h>

static const char *const sort_keys[] = {
    "name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at", NULL
};
#define SORT_KEY_LIST "name, status, container_format, disk_format, size, id, created_at, updated_at"
#define SORTS_MAX 12
#define IN_MAX 100

struct listing {
    struct request *request;
    struct sql *sql;
    const char *keys[SORTS_MAX];
    bool desc[SORTS_MAX];
    int n_keys, n_dirs;
    int64_t limit;
};

/* Query parameters that are no filters. */
static const char *const not_filters[] = { "limit", "marker", "member_status", "sort", "sort_key", "sort_dir", "visibility", NULL };

/* Sorting. */

static bool add_key(struct ctx *c, struct listing *l, const char *key)
{
    if (!text_in(key, sort_keys) || l->n_keys >= SORTS_MAX - 2)
        return fail(c, SORT_KEY_INVALID, key, SORT_KEY_LIST);
    l->keys[l->n_keys++] = key;
    return true;
}

static bool add_direction(struct ctx *c, struct listing *l, const char *direction)
{
    if ((strcmp(direction, "asc") != 0 && strcmp(direction, "desc") != 0) || l->n_dirs >= SORTS_MAX - 2)
        return fail(c, SORT_DIR_INVALID, direction);
    l->desc[l->n_dirs++] = strcmp(direction, "desc") == 0;
    return true;
}

/* "name:asc,size" */
static bool read_sort(struct ctx *c, struct listing *l, const char *text)
{
    for (char **piece = text_split(c, text, ','); *piece; piece++) {
        char *colon = strchr(*piece, ':');

        if (colon)
            *colon = '\0';
        if (!add_key(c, l, g_strstrip(*piece)) || !add_direction(c, l, colon && colon[1] ? g_strstrip(colon + 1) : "desc"))
            return false;
    }
    return true;
}

static bool read_sort_keys(struct ctx *c, struct listing *l)
{
    for (const struct pair *q = l->request->query; q->name; q++)
        if (strcmp(q->name, "sort_key") == 0 && !add_key(c, l, g_strstrip(ctx_strdup(c, q->value))))
            return false;
    for (const struct pair *q = l->request->query; q->name; q++)
        if (strcmp(q->name, "sort_dir") == 0 && !add_direction(c, l, g_strstrip(ctx_strdup(c, q->value))))
            return false;
    return l->n_dirs <= 1 || l->n_dirs == l->n_keys || fail(c, SORT_DIRS_COUNT);
}

static bool has_key(const struct listing *l, const char *key)
{
    for (int i = 0; i < l->n_keys; i++)
        if (strcmp(l->keys[i], key) == 0)
            return true;
    return false;
}

static bool read_order(struct ctx *c, struct listing *l)
{
    const char *sort = request_query(l->request, "sort");
    bool otherwise;

    if (sort && (request_query(l->request, "sort_key") || request_query(l->request, "sort_dir")))
        return fail(c, SORT_SYNTAX_MIXED);
    if (!(sort ? read_sort(c, l, sort) : read_sort_keys(c, l)))
        return false;
    if (!l->n_keys)
        l->keys[l->n_keys++] = "created_at";
    /* One direction is everybody's; of several, the keys that are added take "desc". */
    otherwise = l->n_dirs == 1 ? l->desc[0] : true;
    for (int i = l->n_dirs; i < SORTS_MAX; i++)
        l->desc[i] = otherwise;
    if (!has_key(l, "created_at"))
        l->keys[l->n_keys++] = "created_at";
    if (!has_key(l, "id"))
        l->keys[l->n_keys++] = "id";
    return true;
}

static struct value key_value(const struct image *image, const char *key)
{
    const struct attr *a = attr_find(image_attrs, key);

    if (a->kind == KIND_STRING)
        return T(*FIELD(char *, image, a));
    if (a->kind == KIND_TIME)
        return I(FIELD(utc_time, image, a)->us);
    return FIELD(opt_int, image, a)->set ? I(FIELD(opt_int, image, a)->value) : SQL_NULL;
}

static bool is_null(struct value v)
{
    return v.kind == VALUE_NULL || (v.kind == VALUE_TEXT && !v.text);
}

/* Rows after the marker: equal in the first keys, beyond it in the next; nulls come first when ascending. */
static bool add_marker(struct ctx *c, struct listing *l)
{
    const char *id = request_query(l->request, "marker");
    struct image *marker;

    if (!id)
        return true;
    marker = image_lookup(c, id);
    if (!marker) {
        fault_clear(c);
        return fail(c, MARKER_NOT_FOUND, id);
    }
    sql_add(l->sql, " AND (1 = 0");
    for (int i = 0; i < l->n_keys; i++) {
        struct value v = key_value(marker, l->keys[i]);

        if (l->desc[i] && is_null(v))
            continue;
        sql_add(l->sql, " OR (1 = 1");
        for (int k = 0; k < i; k++)
            sql_add(l->sql, ctx_printf(c, " AND i.%s IS NOT DISTINCT FROM ?", l->keys[k]), key_value(marker, l->keys[k]));
        if (is_null(v))
            sql_add(l->sql, ctx_printf(c, " AND i.%s IS NOT NULL)", l->keys[i]));
        else if (l->desc[i])
            sql_add(l->sql, ctx_printf(c, " AND (i.%s < ? OR i.%s IS NULL))", l->keys[i], l->keys[i]), v);
        else
            sql_add(l->sql, ctx_printf(c, " AND i.%s > ?)", l->keys[i]), v);
    }
    sql_add(l->sql, ")");
    return true;
}

static void add_order(struct ctx *c, struct listing *l)
{
    for (int i = 0; i < l->n_keys; i++)
        sql_add(l->sql, ctx_printf(c, "%s i.%s %s", i ? "," : " ORDER BY", l->keys[i], l->desc[i] ? "DESC NULLS LAST" : "ASC NULLS FIRST"));
    sql_add(l->sql, " LIMIT ?", I(l->limit));
}

/* Filters. */

/* "a,\"b,c\"" as a list. */
static bool split_values(struct ctx *c, const char *text, const char *ret_list[IN_MAX + 1])
{
    int n = 0;

    for (const char *p = text; *p && n < IN_MAX;) {
        if (*p == '"') {
            struct buf value = {};

            for (p++; *p && *p != '"'; p++) {
                if (*p == '\\' && p[1])
                    p++;
                buf_putc(&value, *p);
            }
            ret_list[n++] = ctx_strdup(c, value.data ? value.data : "");
            buf_clear(&value);
            if (*p != '"')
                return fail(c, FILTER_QUOTE_OPEN, text);
            p++;
        } else {
            size_t length = strcspn(p, ",");

            ret_list[n++] = ctx_strndup(c, p, length);
            p += length;
        }
        p += *p == ',';
    }
    ret_list[n] = NULL;
    return true;
}

static bool filter_text(struct ctx *c, struct listing *l, const char *name, const char *value)
{
    const char *colon = strchr(value, ':');
    const char *list[IN_MAX + 1];

    if (!colon || g_str_has_prefix(value, "eq:")) {
        sql_add(l->sql, ctx_printf(c, " AND i.%s = ?", name), T(colon ? colon + 1 : value));
        return true;
    }
    if (!g_str_has_prefix(value, "in:"))
        return fail(c, FILTER_OPERATOR, ctx_strndup(c, value, (size_t)(colon - value)));
    if (!split_values(c, colon + 1, list))
        return false;
    sql_add(l->sql, ctx_printf(c, " AND i.%s IN ", name));
    sql_in(l->sql, list);
    return true;
}

static bool filter_time(struct ctx *c, struct listing *l, const char *name, const char *value)
{
    static const struct { const char *word, *sql; } operators[] = {
        { "gt:", ">" }, { "gte:", ">=" }, { "lt:", "<" }, { "lte:", "<=" }, { "neq:", "<>" }, { "eq:", "=" },
    };
    utc_time time;

    if (time_parse(value, &time)) {
        /* Stored to the microsecond, shown and asked for to the second. */
        sql_add(l->sql, ctx_printf(c, " AND i.%s / 1000000 = ?", name), I(time.us / G_USEC_PER_SEC));
        return true;
    }
    if (!strchr(value, ':') || !time_parse(strchr(value, ':') + 1, &time))
        return fail(c, FILTER_TIME, name);
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++)
        if (g_str_has_prefix(value, operators[i].word)) {
            sql_add(l->sql, ctx_printf(c, " AND i.%s / 1000000 %s ?", name, operators[i].sql), I(time.us / G_USEC_PER_SEC));
            return true;
        }
    return fail(c, FILTER_TIME_OPERATOR);
}

static bool filter_range(struct ctx *c, struct listing *l, const char *name, const char *value)
{
    char *column = ctx_strndup(c, name, strlen(name) - 4);
    const struct attr *a = attr_find(image_attrs, column);
    int64_t bound;

    if (!text_to_int(value, &bound))
        return fail(c, FILTER_RANGE);
    if (!a || (a->kind != KIND_INT && a->kind != KIND_OPT_INT))
        return fail(c, INTERNAL_ERROR, "There is no such range.");
    sql_add(l->sql, ctx_printf(c, " AND i.%s %s ?", column, g_str_has_suffix(name, "_min") ? ">=" : "<="), I(bound));
    return true;
}

static bool filter_flag(struct ctx *c, struct listing *l, const char *name, const char *value)
{
    const char *lower = g_strcmp0(name, "os_hidden") == 0 ? g_ascii_strdown(value, -1) : g_strdup(value);
    bool is_true = strcmp(lower, "true") == 0, known = is_true || strcmp(lower, "false") == 0;

    g_free((char *)(uintptr_t)lower);
    if (!known)
        return fail(c, FLAG_FILTER_INVALID, value, name);
    sql_add(l->sql, ctx_printf(c, " AND i.%s = ?", name), B(is_true));
    return true;
}

static bool filter_member(struct ctx *c, struct listing *l, const struct attr *a, const char *value)
{
    int64_t number;

    if (a->kind == KIND_STRING)
        sql_add(l->sql, ctx_printf(c, " AND i.%s = ?", a->name), T(value));
    else if (text_to_int(value, &number))
        sql_add(l->sql, ctx_printf(c, " AND i.%s = ?", a->name), I(number));
    else
        sql_add(l->sql, " AND 1 = 0");
    return true;
}

static bool add_filter(struct ctx *c, struct listing *l, const char *name, const char *value)
{
    static const char *const texts[] = { "name", "id", "status", "container_format", "disk_format", NULL };
    const struct attr *a = attr_find(image_attrs, name);

    if (strcmp(name, "tag") == 0) {
        sql_add(l->sql, " AND EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = i.id AND t.value = ?)", T(g_strstrip(ctx_strdup(c, value))));
        return true;
    }
    if (strcmp(name, "protected") == 0 || strcmp(name, "os_hidden") == 0)
        return filter_flag(c, l, name, value);
    if (g_str_has_suffix(name, "_min") || g_str_has_suffix(name, "_max"))
        return filter_range(c, l, name, value);
    if (strcmp(name, "created_at") == 0 || strcmp(name, "updated_at") == 0)
        return filter_time(c, l, name, value);
    if (text_in(name, texts))
        return filter_text(c, l, name, value);
    if (a && !(a->flags & HIDDEN))
        return filter_member(c, l, a, value);
    sql_add(l->sql, " AND EXISTS (SELECT 1 FROM image_properties p WHERE p.image_id = i.id AND p.name = ? AND p.value = ?)", T(name), T(value));
    return true;
}

static bool add_visibility(struct ctx *c, struct listing *l)
{
    static const char *const known[] = { "community", "public", "private", "shared", "all", NULL };
    const char *visibility = request_query(l->request, "visibility");

    if (!visibility || !*visibility) {
        sql_add(l->sql, " AND (i.visibility <> 'community' OR i.owner = ?)", T(c->who.project_id));
        return true;
    }
    if (!text_in(visibility, known))
        return fail(c, VISIBILITY_INVALID, visibility);
    if (strcmp(visibility, "all") != 0)
        sql_add(l->sql, " AND i.visibility = ?", T(visibility));
    return true;
}

/* A filter given twice counts once, as last said; but tags add up. */
static bool is_last(const struct pair *q)
{
    for (const struct pair *later = q + 1; later->name; later++)
        if (strcmp(later->name, q->name) == 0)
            return false;
    return true;
}

static bool add_filters(struct ctx *c, struct listing *l)
{
    static const char *const statuses[] = { "pending", "accepted", "rejected", "all", NULL };
    const char *member_status = request_query(l->request, "member_status");

    member_status = member_status ? member_status : "accepted";
    if (request_query(l->request, "changes-since"))
        return fail(c, CHANGES_SINCE_GONE);
    if (!text_in(member_status, statuses))
        return fail(c, MEMBER_STATUS_INVALID, member_status);
    if (!add_visibility(c, l))
        return false;
    images_visible(c, l->sql, member_status);
    if (!request_query(l->request, "os_hidden"))
        sql_add(l->sql, " AND i.os_hidden = ?", B(false));
    for (const struct pair *q = l->request->query; q->name; q++)
        if (!text_in(q->name, not_filters) && (strcmp(q->name, "tag") == 0 || is_last(q)) && !add_filter(c, l, q->name, q->value))
            return false;
    return true;
}

static bool read_limit(struct ctx *c, struct listing *l)
{
    const struct glance_options *o = glance_options();
    const char *limit = request_query(l->request, "limit");

    l->limit = o->limit_param_default;
    if (limit && !text_to_int(limit, &l->limit))
        return fail(c, LIMIT_NOT_INTEGER);
    if (l->limit < 0)
        return fail(c, LIMIT_NEGATIVE);
    l->limit = MIN(l->limit, o->api_limit_max);
    return true;
}

/* Answering. */

/* As Python's quote_plus(). */
static void add_quoted(struct buf *to, const char *text)
{
    for (; *text; text++) {
        if (g_ascii_isalnum(*text) || strchr("_.-~", *text))
            buf_putc(to, *text);
        else if (*text == ' ')
            buf_putc(to, '+');
        else
            buf_printf(to, "%%%02X", (unsigned char)*text);
    }
}

char *query_again(struct ctx *c, const struct request *request, const char *marker)
{
    struct buf text = {};
    char *copy;

    for (const struct pair *q = request->query; q->name; q++) {
        bool first = true;

        for (const struct pair *earlier = request->query; earlier < q; earlier++)
            first = first && strcmp(earlier->name, q->name) != 0;
        if (!first || strcmp(q->name, "marker") == 0)
            continue;
        if (text.len)
            buf_putc(&text, '&');
        add_quoted(&text, q->name);
        buf_putc(&text, '=');
        add_quoted(&text, request_query(request, q->name));
    }
    if (marker) {
        buf_puts(&text, text.len ? "&marker=" : "marker=");
        add_quoted(&text, marker);
    }
    copy = ctx_strdup(c, text.data ? text.data : "");
    buf_clear(&text);
    return copy;
}

static void write_list(struct ctx *c, struct listing *l, struct image *const *images, size_t n, size_t found, struct reply *reply)
{
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    const char *query = query_again(c, l->request, NULL);

    out_object(&out, NULL);
    out_array(&out, "images");
    for (size_t i = 0; i < n; i++) {
        out_object(&out, NULL);
        image_write(c, &out, images[i]);
        out_end_object(&out);
    }
    out_end_array(&out);
    out_printf(&out, "first", "/v2/images%s%s", *query ? "?" : "", query);
    out_string(&out, "schema", "/v2/schemas/images");
    if (n && (int64_t)found == l->limit)
        out_printf(&out, "next", "/v2/images?%s", query_again(c, l->request, images[n - 1]->id));
    out_end_object(&out);
    reply->has_body = true;
}

static bool read_page(struct ctx *c, struct listing *l, struct image **images, size_t *ret_n)
{
    struct rows *rows = sql_query(l->sql);
    size_t n = 0;

    while (db_next(rows)) {
        images[n] = ctx_new(c, struct image);
        record_from_row(rows, image_attrs, images[n++], 0);
    }
    *ret_n = n;
    return !failed(c) && images_fill(c, images, n);
}

bool image_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct listing l = { .request = request, .sql = sql_new(c) };
    struct buf columns = {};
    struct image **images;
    size_t found, n = 0;

    if (!policy_allows(c, "get_images", TARGET("project_id", c->who.project_id)))
        return fail(c, RULE_FORBIDS, "get_images");
    record_columns(&columns, image_attrs, "i.");
    sql_add(l.sql, ctx_printf(c, "SELECT %s FROM images i WHERE 1 = 1", columns.data));
    buf_clear(&columns);
    if (!read_limit(c, &l) || !add_filters(c, &l) || !read_order(c, &l) || !add_marker(c, &l))
        return false;
    add_order(c, &l);
    images = ctx_new_n(c, struct image *, l.limit + 1);
    if (!read_page(c, &l, images, &found))
        return false;
    for (size_t i = 0; i < found; i++) {
        if (image_allowed(c, images[i], "get_image"))
            images[n++] = images[i];
        else
            fault_clear(c);
    }
    write_list(c, &l, images, n, found, reply);
    return true;
}
