/* Statements built piece by piece. */
#include "oslo/db/db.h"

#include <string.h>

static void text_release(void *object)
{
    buf_clear(object);
}

struct sql *sql_new(struct ctx *c)
{
    struct sql *s = ctx_new(c, struct sql);

    s->c = c;
    s->room = 16;
    s->values = ctx_new_n(c, struct value, s->room + 1);
    buf_reserve(&s->text, 256);
    ctx_own(c, &s->text, text_release);
    return s;
}

static void sql_value(struct sql *s, struct value v)
{
    if (s->n == s->room) {
        struct value *more = ctx_new_n(s->c, struct value, s->room * 4 + 1);

        memcpy(more, s->values, sizeof(*more) * (size_t)s->n);
        s->values = more;
        s->room *= 4;
    }
    s->values[s->n++] = v;
    s->values[s->n].kind = VALUE_END;
    buf_putc(&s->text, '$');
    buf_int(&s->text, s->n);
}

void sql_add_values(struct sql *s, const char *piece, const struct value *values)
{
    const char *mark;

    for (; (mark = strchr(piece, '?')); piece = mark + 1) {
        g_assert(values->kind != VALUE_END);
        buf_add(&s->text, piece, (size_t)(mark - piece));
        sql_value(s, *values++);
    }
    g_assert(values->kind == VALUE_END);
    buf_puts(&s->text, piece);
}

void sql_in(struct sql *s, const char *const *list)
{
    if (!list || !*list) {
        buf_puts(&s->text, "(NULL)");
        return;
    }
    for (size_t i = 0; list[i]; i++) {
        buf_puts(&s->text, i ? ", " : "(");
        sql_value(s, T(list[i]));
    }
    buf_putc(&s->text, ')');
}

struct rows *sql_query(struct sql *s)
{
    return db_query_values(s->c, s->text.data, s->values);
}

bool sql_exec(struct sql *s, int64_t *ret_changed)
{
    return db_exec_values(s->c, ret_changed, s->text.data, s->values);
}
