/* Records: defaults, bodies read and judged, members written. SQL rows are db/records.c's.
 *
 * Each kind has one reader from JSON, one from text and one writer; the switches below are the only places that know kinds.
 */
#include "oslo/record/record.h"

#include <stdio.h>
#include <string.h>

bool record_set_text(struct ctx *c, const struct attr *a, void *record, const char *text)
{
    int64_t integer;
    bool boolean;
    utc_time t;
    char *end;

    switch (a->kind) {
    case KIND_STRING:
        *FIELD(char *, record, a) = ctx_strdup(c, text);
        return true;
    case KIND_BOOL:
        return text_to_bool(text, FIELD(bool, record, a));
    case KIND_INT:
        return text_to_int(text, FIELD(int64_t, record, a));
    case KIND_REAL:
        *FIELD(double, record, a) = g_ascii_strtod(text, &end);
        return end > text && !*end;
    case KIND_TIME:
        if (!time_parse(text, &t))
            return false;
        *FIELD(utc_time, record, a) = t;
        return true;
    case KIND_OPT_INT:
        if (!text_to_int(text, &integer))
            return false;
        *FIELD(opt_int, record, a) = (opt_int){ integer, true };
        return true;
    case KIND_OPT_BOOL:
        if (!text_to_bool(text, &boolean))
            return false;
        *FIELD(opt_bool, record, a) = (opt_bool){ boolean, true };
        return true;
    case KIND_JSON:
        FIELD(raw_json, record, a)->text = ctx_strdup(c, text);
        return true;
    }
    return false;
}

void *record_new(struct ctx *c, const struct attr *attrs, size_t size)
{
    void *record = ctx_alloc(c, size);

    for (const struct attr *a = attrs; a->name; a++)
        if (a->unset)
            record_set_text(c, a, record, a->unset);
    return record;
}

void record_copy(struct ctx *c, const struct attr *attrs, void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    for (const struct attr *a = attrs; a->name; a++)
        if (a->kind == KIND_STRING)
            *FIELD(char *, to, a) = ctx_strdup(c, *FIELD(char *, from, a));
        else if (a->kind == KIND_JSON)
            FIELD(raw_json, to, a)->text = ctx_strdup(c, FIELD(raw_json, from, a)->text);
}

/* --- from JSON ------------------------------------------------------------------------------------------------ */

static enum invalid_why judge_string(const struct attr *a, const char *text)
{
    size_t n = text_length(text);

    if (a->choices)
        return text_in(text, a->choices) ? NOT_WRONG : NOT_A_CHOICE;
    if (a->min && (int64_t)n < a->min)
        return TOO_SHORT;
    if (a->max && (int64_t)n > a->max)
        return TOO_LONG;
    return a->format && !a->format->check(text) ? WRONG_FORMAT : NOT_WRONG;
}

static enum invalid_why judge_int(const struct attr *a, int64_t value)
{
    if ((a->min || a->max) && value < a->min)
        return TOO_SMALL;
    return a->max && value > a->max ? TOO_LARGE : NOT_WRONG;
}

/* Integers and booleans may come as strings, as the original's converters take them. */
static bool json_to_int(json_t *value, int64_t *ret_value)
{
    if (json_is_integer(value))
        return *ret_value = json_integer_value(value), true;
    return json_is_string(value) && text_to_int(json_string_value(value), ret_value);
}

static bool json_to_bool(json_t *value, bool *ret_value)
{
    if (json_is_boolean(value))
        return *ret_value = json_is_true(value), true;
    if (json_is_integer(value) && (json_integer_value(value) & ~1LL) == 0)
        return *ret_value = json_integer_value(value) != 0, true;
    return json_is_string(value) && text_to_bool(json_string_value(value), ret_value);
}

static void set_null(const struct attr *a, void *record)
{
    switch (a->kind) {
    case KIND_STRING:
        *FIELD(char *, record, a) = NULL;
        break;
    case KIND_TIME:
        FIELD(utc_time, record, a)->us = 0;
        break;
    case KIND_OPT_INT:
        *FIELD(opt_int, record, a) = (opt_int){ 0 };
        break;
    case KIND_OPT_BOOL:
        *FIELD(opt_bool, record, a) = (opt_bool){ 0 };
        break;
    case KIND_JSON:
        FIELD(raw_json, record, a)->text = NULL;
        break;
    case KIND_BOOL: case KIND_INT: case KIND_REAL:
        break;
    }
}

static enum invalid_why read_field(struct ctx *c, const struct attr *a, void *record, json_t *value)
{
    enum invalid_why why;
    int64_t integer;
    bool boolean;

    if (json_is_null(value)) {
        if (!(a->flags & NULLABLE))
            return IS_NULL;
        return set_null(a, record), NOT_WRONG;
    }
    switch (a->kind) {
    case KIND_STRING:
        if (!json_is_string(value))
            return WRONG_TYPE;
        if ((why = judge_string(a, json_string_value(value))))
            return why;
        *FIELD(char *, record, a) = ctx_strdup(c, json_string_value(value));
        return NOT_WRONG;
    case KIND_BOOL: case KIND_OPT_BOOL:
        if (!json_to_bool(value, &boolean))
            return WRONG_TYPE;
        if (a->kind == KIND_BOOL)
            *FIELD(bool, record, a) = boolean;
        else
            *FIELD(opt_bool, record, a) = (opt_bool){ boolean, true };
        return NOT_WRONG;
    case KIND_INT: case KIND_OPT_INT:
        if (!json_to_int(value, &integer))
            return WRONG_TYPE;
        if ((why = judge_int(a, integer)))
            return why;
        if (a->kind == KIND_INT)
            *FIELD(int64_t, record, a) = integer;
        else
            *FIELD(opt_int, record, a) = (opt_int){ integer, true };
        return NOT_WRONG;
    case KIND_REAL:
        if (!json_is_number(value))
            return WRONG_TYPE;
        *FIELD(double, record, a) = json_number_value(value);
        return NOT_WRONG;
    case KIND_TIME:
        if (!json_is_string(value))
            return WRONG_TYPE;
        return time_parse(json_string_value(value), FIELD(utc_time, record, a)) ? NOT_WRONG : WRONG_FORMAT;
    case KIND_JSON:
        *FIELD(raw_json, record, a) = json_text(c, value);
        return NOT_WRONG;
    }
    return WRONG_TYPE;
}

bool record_read_json(struct ctx *c, const struct attr *attrs, void *record, json_t *body, enum verb verb, struct invalid *ret_invalid)
{
    unsigned allowed = verb == VERB_CREATE ? CREATE : UPDATE;
    const char *key;
    json_t *value;

    for (const struct attr *a = attrs; a->name; a++) {
        enum invalid_why why = NOT_WRONG;

        if (!attr_known(a, c->version))
            continue;
        value = json_object_get(body, attr_json(a));
        if (!value && (a->flags & REQUIRED) && verb == VERB_CREATE)
            why = IS_MISSING;
        else if (value && !(a->flags & allowed))
            why = IS_READ_ONLY;
        else if (value)
            why = read_field(c, a, record, value);
        if (why) {
            *ret_invalid = (struct invalid){ why, a, attr_json(a), value, verb };
            return false;
        }
    }
    json_object_foreach(body, key, value) {
        const struct attr *a = attr_find_json(attrs, key);

        if (!a || !attr_known(a, c->version)) {
            *ret_invalid = (struct invalid){ IS_UNKNOWN, NULL, ctx_strdup(c, key), value, verb };
            return false;
        }
    }
    return true;
}

bool record_from_json(struct ctx *c, const struct attr *attrs, void *record, json_t *object)
{
    for (const struct attr *a = attrs; a->name; a++) {
        json_t *value = json_object_get(object, attr_json(a));

        if (!value) {
            if (a->flags & REQUIRED)
                return fail(c, BAD_REQUEST, ctx_printf(c, "%s is missing", attr_json(a)));
        } else if (json_is_null(value)) {
            set_null(a, record);
        } else if (read_field(c, a, record, value)) {
            return fail(c, BAD_REQUEST, ctx_printf(c, "%s has a wrong value", attr_json(a)));
        }
    }
    return true;
}

/* --- to JSON -------------------------------------------------------------------------------------------------- */

void record_write_field(struct out *o, const struct attr *a, const void *record)
{
    const char *key = attr_json(a);

    switch (a->kind) {
    case KIND_STRING:
        out_string(o, key, *FIELD(char *, record, a));
        break;
    case KIND_BOOL:
        out_bool(o, key, *FIELD(bool, record, a));
        break;
    case KIND_INT:
        out_int(o, key, *FIELD(int64_t, record, a));
        break;
    case KIND_REAL:
        out_real(o, key, *FIELD(double, record, a));
        break;
    case KIND_TIME:
        out_time(o, key, *FIELD(utc_time, record, a));
        break;
    case KIND_OPT_INT:
        if (FIELD(opt_int, record, a)->set)
            out_int(o, key, FIELD(opt_int, record, a)->value);
        else
            out_null(o, key);
        break;
    case KIND_OPT_BOOL:
        if (FIELD(opt_bool, record, a)->set)
            out_bool(o, key, FIELD(opt_bool, record, a)->value);
        else
            out_null(o, key);
        break;
    case KIND_JSON:
        out_raw(o, key, FIELD(raw_json, record, a)->text);
        break;
    }
}

void record_write(struct out *o, const struct attr *attrs, const void *record, const struct record_view *view)
{
    for (const struct attr *a = attrs; a->name; a++) {
        if ((a->flags & HIDDEN) || !attr_known(a, view->version) || (view->in_list && (a->flags & LAZY)))
            continue;
        if (view->fields && !text_in(attr_json(a), view->fields))
            continue;
        if (view->show && !view->show(view->data, a))
            continue;
        record_write_field(o, a, record);
    }
}

json_t *record_to_json(struct ctx *c, const struct attr *attrs, const void *record)
{
    struct buf text = { 0 };
    struct out o = { .to = &text };
    json_t *tree;

    out_object(&o, NULL);
    for (const struct attr *a = attrs; a->name; a++)
        record_write_field(&o, a, record);
    out_end_object(&o);
    tree = json_loadb(text.data, text.len, 0, NULL);
    buf_clear(&text);
    return ctx_json(c, tree);
}

char *record_field_text(struct ctx *c, const struct attr *a, const void *record)
{
    char time[TIME_TEXT_SIZE];

    switch (a->kind) {
    case KIND_STRING:
        return *FIELD(char *, record, a);
    case KIND_BOOL:
        return ctx_strdup(c, *FIELD(bool, record, a) ? "True" : "False");
    case KIND_INT:
        return ctx_printf(c, "%" G_GINT64_FORMAT, *FIELD(int64_t, record, a));
    case KIND_REAL:
        return ctx_printf(c, "%.17g", *FIELD(double, record, a));
    case KIND_TIME:
        return FIELD(utc_time, record, a)->us ? ctx_strdup(c, time_write(time, *FIELD(utc_time, record, a), TIME_ISO_MICRO_Z)) : NULL;
    case KIND_OPT_INT:
        return FIELD(opt_int, record, a)->set ? ctx_printf(c, "%" G_GINT64_FORMAT, FIELD(opt_int, record, a)->value) : NULL;
    case KIND_OPT_BOOL:
        return FIELD(opt_bool, record, a)->set ? ctx_strdup(c, FIELD(opt_bool, record, a)->value ? "True" : "False") : NULL;
    case KIND_JSON:
        return FIELD(raw_json, record, a)->text;
    }
    return NULL;
}
