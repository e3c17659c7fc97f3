/* Records and rows: SQL text and values made from struct attr. */
#include "oslo/db/db.h"

#include <string.h>

static bool is_column(const struct attr *a)
{
    return !(a->flags & DERIVED);
}

void record_columns(struct buf *to, const struct attr *attrs, const char *prefix)
{
    bool more = false;

    for (const struct attr *a = attrs; a->name; a++) {
        if (!is_column(a))
            continue;
        if (more)
            buf_puts(to, ", ");
        buf_puts(to, prefix);
        buf_puts(to, attr_column(a));
        more = true;
    }
}

void record_from_row(struct rows *rows, const struct attr *attrs, void *record, int first_column)
{
    int column = first_column;

    for (const struct attr *a = attrs; a->name; a++) {
        if (!is_column(a))
            continue;
        switch (a->kind) {
        case KIND_STRING:
            *FIELD(char *, record, a) = db_text(rows, column);
            break;
        case KIND_BOOL:
            *FIELD(bool, record, a) = db_bool(rows, column);
            break;
        case KIND_INT:
            *FIELD(int64_t, record, a) = db_int(rows, column);
            break;
        case KIND_REAL:
            *FIELD(double, record, a) = db_real(rows, column);
            break;
        case KIND_TIME:
            FIELD(utc_time, record, a)->us = db_int(rows, column);
            break;
        case KIND_OPT_INT:
            *FIELD(opt_int, record, a) = (opt_int){ db_int(rows, column), !db_is_null(rows, column) };
            break;
        case KIND_OPT_BOOL:
            *FIELD(opt_bool, record, a) = (opt_bool){ db_bool(rows, column), !db_is_null(rows, column) };
            break;
        case KIND_JSON:
            FIELD(raw_json, record, a)->text = db_text(rows, column);
            break;
        }
        column++;
    }
}

static struct value field_value(const struct attr *a, const void *record)
{
    switch (a->kind) {
    case KIND_STRING:
        return T(*FIELD(char *, record, a));
    case KIND_BOOL:
        return B(*FIELD(bool, record, a));
    case KIND_INT:
        return I(*FIELD(int64_t, record, a));
    case KIND_REAL:
        return R(*FIELD(double, record, a));
    case KIND_TIME:
        return FIELD(utc_time, record, a)->us ? I(FIELD(utc_time, record, a)->us) : SQL_NULL;
    case KIND_OPT_INT:
        return FIELD(opt_int, record, a)->set ? I(FIELD(opt_int, record, a)->value) : SQL_NULL;
    case KIND_OPT_BOOL:
        return FIELD(opt_bool, record, a)->set ? B(FIELD(opt_bool, record, a)->value) : SQL_NULL;
    case KIND_JSON:
        return T(FIELD(raw_json, record, a)->text);
    }
    return SQL_NULL;
}

bool record_insert(struct ctx *c, const char *table, const struct attr *attrs, const void *record)
{
    struct sql *s = sql_new(c);
    bool more = false;

    buf_printf(&s->text, "INSERT INTO %s (", table);
    record_columns(&s->text, attrs, "");
    buf_puts(&s->text, ") VALUES (");
    for (const struct attr *a = attrs; a->name; a++) {
        if (!is_column(a))
            continue;
        sql_add(s, more ? ", ?" : "?", field_value(a, record));
        more = true;
    }
    buf_putc(&s->text, ')');
    return sql_exec(s, NULL);
}

bool record_update(struct ctx *c, const char *table, const struct attr *attrs, const void *record, const char *key)
{
    const struct attr *id = attr_find(attrs, key);
    struct sql *s = sql_new(c);
    bool more = false;

    buf_printf(&s->text, "UPDATE %s SET ", table);
    for (const struct attr *a = attrs; a->name; a++) {
        if (!is_column(a) || a == id)
            continue;
        buf_printf(&s->text, "%s%s = ", more ? ", " : "", attr_column(a));
        sql_add(s, "?", field_value(a, record));
        more = true;
    }
    buf_printf(&s->text, " WHERE %s = ", attr_column(id));
    sql_add(s, "?", field_value(id, record));
    return sql_exec(s, NULL);
}

bool record_find(struct ctx *c, const char *table, const struct attr *attrs, void *record, const char *key, const char *value)
{
    const struct attr *id = attr_find(attrs, key);
    struct sql *s = sql_new(c);
    struct rows *rows;

    buf_puts(&s->text, "SELECT ");
    record_columns(&s->text, attrs, "");
    buf_printf(&s->text, " FROM %s WHERE %s = ", table, id ? attr_column(id) : key);
    sql_add(s, "?", T(value));
    rows = sql_query(s);
    if (!db_next(rows))
        return false;
    record_from_row(rows, attrs, record, 0);
    db_rows_end(rows);
    return true;
}
