/* Listings: names in bytewise order between markers, below a prefix; what lies behind a delimiter is one entry, and the walk jumps over it. */
#include "swift/broker/parts.h"

#include "swift/name.h"

#include <string.h>

struct bytes { const char *at; size_t n; };

struct walk {
    struct ctx *c;
    struct broker *b;
    const struct listing_query *q;
    struct bytes marker, end_marker, prefix, delimiter, path, end_prefix, first_marker;
    bool has_path;
    bool inclusive;                  /* the marker itself too */
    int64_t left;
    bool (*visit)(void *data, const struct listing_entry *);
    void *data;
    bool stopped;
};

static int compare(struct bytes a, struct bytes b)
{
    int said = memcmp(a.at ? a.at : "", b.at ? b.at : "", MIN(a.n, b.n));

    return said ? said : a.n < b.n ? -1 : a.n > b.n;
}

static struct bytes bytes_of(struct ctx *c, const char *name)
{
    struct bytes b = { "", 0 };

    if (name)
        b.at = name_bytes(c, name, &b.n);
    return b;
}

/* The first that is above all that begin so. */
static struct bytes above(struct ctx *c, struct bytes b)
{
    char *copy;

    if (!b.n)
        return (struct bytes){ "", 0 };
    copy = ctx_alloc(c, b.n + 1);
    memcpy(copy, b.at, b.n);
    copy[b.n - 1]++;
    return (struct bytes){ copy, b.n };
}

/* --- the query ---------------------------------------------------------------------------------------------------------------- */

static struct bytes upper_bound(const struct walk *w)
{
    if (w->end_marker.n && (!w->prefix.n || compare(w->end_marker, w->end_prefix) < 0))
        return w->end_marker;
    return w->end_prefix;
}

/* *ret_inclusive: names equal to it belong to the listing. */
static struct bytes lower_bound(struct walk *w, bool *ret_inclusive)
{
    static const char visible[] = "\1";
    struct bytes low = {};

    *ret_inclusive = true;
    if (w->inclusive) {
        low = w->marker;
        w->inclusive = false;
    } else if (w->marker.n && (!w->prefix.n || compare(w->marker, w->prefix) >= 0)) {
        low = w->marker;
        *ret_inclusive = false;
    } else {
        low = w->prefix;
    }
    if (!w->q->allow_reserved && compare(low, (struct bytes){ visible, 1 }) < 0) {
        low = (struct bytes){ visible, 1 };
        *ret_inclusive = true;
    }
    return low;
}

#define OBJECT_SQL(low, policy, order) \
    "SELECT name, created_at, size, content_type, etag FROM object WHERE deleted = 0 AND name " low " ?1" policy " ORDER BY name " order " LIMIT ?3"
#define CONTAINER_SQL(low, order) \
    "SELECT name, put_timestamp, bytes_used, object_count FROM container WHERE deleted = 0 AND name " low \
    " ?1 AND (?2 IS NULL OR name < ?2) ORDER BY name " order " LIMIT ?3"
/* With an upper bound the index is to be used for it as well. */
#define OBJECT_SQL_BELOW(low, policy, order) \
    "SELECT name, created_at, size, content_type, etag FROM object WHERE deleted = 0 AND name " low " ?1 AND name < ?2" policy \
    " ORDER BY name " order " LIMIT ?3"
#define POLICY " AND storage_policy_index = ?4"

static const char *object_sql(bool inclusive, bool bounded, bool policy, bool reverse)
{
    static const char *const texts[2][2][2][2] = {
        { { { OBJECT_SQL(">", "", "ASC"), OBJECT_SQL(">", "", "DESC") }, { OBJECT_SQL(">", POLICY, "ASC"), OBJECT_SQL(">", POLICY, "DESC") } },
          { { OBJECT_SQL_BELOW(">", "", "ASC"), OBJECT_SQL_BELOW(">", "", "DESC") },
            { OBJECT_SQL_BELOW(">", POLICY, "ASC"), OBJECT_SQL_BELOW(">", POLICY, "DESC") } } },
        { { { OBJECT_SQL(">=", "", "ASC"), OBJECT_SQL(">=", "", "DESC") }, { OBJECT_SQL(">=", POLICY, "ASC"), OBJECT_SQL(">=", POLICY, "DESC") } },
          { { OBJECT_SQL_BELOW(">=", "", "ASC"), OBJECT_SQL_BELOW(">=", "", "DESC") },
            { OBJECT_SQL_BELOW(">=", POLICY, "ASC"), OBJECT_SQL_BELOW(">=", POLICY, "DESC") } } },
    };
    return texts[inclusive][bounded][policy][reverse];
}

static const char *container_sql(bool inclusive, bool reverse)
{
    static const char *const texts[2][2] = { { CONTAINER_SQL(">", "ASC"), CONTAINER_SQL(">", "DESC") },
                                             { CONTAINER_SQL(">=", "ASC"), CONTAINER_SQL(">=", "DESC") } };
    return texts[inclusive][reverse];
}

static sqlite3_stmt *start(struct walk *w)
{
    const struct listing_query *q = w->q;
    bool inclusive, policy = w->b->kind == BROKER_CONTAINER && !q->all_policies && q->policy_index >= 0;
    struct bytes low = lower_bound(w, &inclusive), high = upper_bound(w);
    sqlite3_stmt *s = lite_query(w->c, w->b, w->b->kind == BROKER_CONTAINER ? object_sql(inclusive, high.n > 0, policy, q->reverse)
                                                                          : container_sql(inclusive, q->reverse), "");

    if (!s)
        return NULL;
    lite_bind_bytes(s, 1, low.at ? low.at : "", low.n);
    if (high.n)
        lite_bind_bytes(s, 2, high.at, high.n);
    sqlite3_bind_int64(s, 3, w->left);
    if (policy)
        sqlite3_bind_int(s, 4, q->policy_index);
    return s;
}

/* --- entries ------------------------------------------------------------------------------------------------------------------ */

static const char *plain_text(struct ctx *c, sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    size_t n = text ? (size_t)sqlite3_column_bytes(s, column) : 0;

    return text && memchr(text, 0, n) ? name_from_bytes(c, text, n) : text;
}

static void show_row(struct walk *w, sqlite3_stmt *s)
{
    struct listing_entry e = { .name = plain_text(w->c, s, 0), .size = sqlite3_column_int64(s, 2) };

    if (w->b->kind == BROKER_CONTAINER) {
        e.created_at = (const char *)sqlite3_column_text(s, 1);
        e.content_type = plain_text(w->c, s, 3);
        e.etag = (const char *)sqlite3_column_text(s, 4);
    } else {
        e.put_timestamp = lite_timestamp(s, 1);
        e.object_count = sqlite3_column_int64(s, 3);
    }
    w->left--;
    w->stopped = !w->visit(w->data, &e);
}

static void show_subdir(struct walk *w, struct bytes name)
{
    if (name.n == w->first_marker.n && !memcmp(name.at, w->first_marker.at, name.n))
        return;
    w->left--;
    w->stopped = !w->visit(w->data, &(struct listing_entry){ .name = name_from_bytes(w->c, name.at, name.n), .subdir = true });
}

static struct bytes keep(struct ctx *c, struct bytes b)
{
    char *copy = ctx_alloc(c, b.n + 1);

    memcpy(copy, b.at, b.n);
    return (struct bytes){ copy, b.n };
}

/* Where the delimiter stands behind the prefix; the length of the name up to and with it, 0 if nowhere. */
static size_t cut(const struct walk *w, struct bytes name)
{
    const char *found = name.n > w->prefix.n ? memmem(name.at + w->prefix.n, name.n - w->prefix.n, w->delimiter.at, w->delimiter.n) : NULL;

    return found ? (size_t)(found - name.at) + w->delimiter.n : 0;
}

/* Sets the walk behind all that begin like name's first n bytes. */
static void jump(struct walk *w, struct bytes name, size_t n)
{
    struct bytes dir = keep(w->c, (struct bytes){ name.at, n });

    if (w->q->reverse) {
        w->end_marker = dir;
    } else {
        w->marker = above(w->c, dir);
        w->inclusive = true;
    }
}

/* One row of a listing with a delimiter. False: the walk begins anew elsewhere. */
static bool take_row(struct walk *w, sqlite3_stmt *s)
{
    struct bytes name = { (const char *)sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0) };
    size_t n = cut(w, name);

    if (w->has_path && !compare(name, w->path))
        return true;
    if (!n || (w->has_path && n >= name.n)) {
        show_row(w, s);
        return true;
    }
    struct bytes dir = keep(w->c, (struct bytes){ name.at, n });
    jump(w, name, n);
    if (!w->has_path)
        show_subdir(w, dir);
    return false;
}

static void remember(struct walk *w, sqlite3_stmt *s)
{
    struct bytes name = keep(w->c, (struct bytes){ (const char *)sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0) });

    if (w->q->reverse)
        w->end_marker = name;
    else
        w->marker = name;
}

static void list_plain(struct walk *w)
{
    sqlite3_stmt *s = start(w);

    while (s && !w->stopped && lite_row(w->c, w->b, s))
        show_row(w, s);
    lite_done(s);
}

static void list_delimited(struct walk *w)
{
    bool more = true;

    while (more && w->left > 0 && !w->stopped && !failed(w->c)) {
        sqlite3_stmt *s = start(w);
        bool on = true;

        more = false;
        while (s && on && w->left > 0 && !w->stopped && lite_row(w->c, w->b, s)) {
            more = true;
            on = take_row(w, s);
            if (on)
                remember(w, s);
        }
        lite_done(s);
    }
}

static char *path_prefix(struct ctx *c, const char *path)
{
    char *prefix = ctx_strdup(c, path);
    size_t n = strlen(prefix);

    if (!n)
        return prefix;
    while (n && prefix[n - 1] == '/')
        prefix[--n] = '\0';
    return ctx_printf(c, "%s/", prefix);
}

bool broker_list(struct ctx *c, struct broker *b, const struct listing_query *q, bool (*visit)(void *data, const struct listing_entry *), void *data)
{
    struct walk w = { .c = c, .b = b, .q = q, .left = q->limit, .visit = visit, .data = data };
    const char *prefix = q->path ? path_prefix(c, q->path) : q->prefix, *delimiter = q->path ? "/" : q->delimiter;

    if (!broker_commit_pending(c, b))
        return false;
    w.marker = bytes_of(c, q->reverse ? q->end_marker : q->marker);
    w.end_marker = bytes_of(c, q->reverse ? q->marker : q->end_marker);
    w.first_marker = w.marker;
    w.prefix = bytes_of(c, prefix);
    w.end_prefix = above(c, w.prefix);
    w.delimiter = bytes_of(c, delimiter);
    w.has_path = q->path != NULL;
    w.path = w.has_path ? w.prefix : (struct bytes){};
    if (w.left <= 0)
        return true;
    if (w.delimiter.n)
        list_delimited(&w);
    else
        list_plain(&w);
    return !failed(c);
}
