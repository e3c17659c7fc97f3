/* Cleaving contexts. */
#include "swift/shard/context.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

static int64_t int_in(json_t *o, const char *name, int64_t unset)
{
    json_t *value = json_object_get(o, name);

    return json_is_integer(value) ? json_integer_value(value) : unset;
}

void cleaving_read(struct ctx *c, const char *text, struct cleaving *x)
{
    json_t *o = text ? ctx_json(c, json_loads(text, JSON_ALLOW_NUL, NULL)) : NULL, *cursor = json_object_get(o, "cursor"), *ref = json_object_get(o, "ref");

    *x = (struct cleaving){ .ref = json_is_string(ref) ? ctx_strdup(c, json_string_value(ref)) : "",
                            .cursor = json_is_string(cursor) ? name_from_bytes(c, json_string_value(cursor), json_string_length(cursor)) : "",
                            .max_row = int_in(o, "max_row", CLEAVING_NONE), .cleave_to_row = int_in(o, "cleave_to_row", CLEAVING_NONE),
                            .last_cleave_to_row = int_in(o, "last_cleave_to_row", CLEAVING_NONE),
                            .cleaving_done = json_is_true(json_object_get(o, "cleaving_done")),
                            .misplaced_done = json_is_true(json_object_get(o, "misplaced_done")), .ranges_done = int_in(o, "ranges_done", 0),
                            .ranges_todo = int_in(o, "ranges_todo", 0) };
}

static json_t *row(int64_t value)
{
    return value == CLEAVING_NONE ? json_null() : json_integer(value);
}

const char *cleaving_write(struct ctx *c, const struct cleaving *x)
{
    size_t n;
    const char *cursor = name_bytes(c, x->cursor, &n), *text;
    json_t *o = ctx_json(c, json_pack("{s:s, s:s%, s:o, s:o, s:o, s:b, s:b, s:I, s:I}", "ref", x->ref, "cursor", cursor, n, "max_row", row(x->max_row),
                                      "cleave_to_row", row(x->cleave_to_row), "last_cleave_to_row", row(x->last_cleave_to_row), "cleaving_done",
                                      (int)x->cleaving_done, "misplaced_done", (int)x->misplaced_done, "ranges_done", (json_int_t)x->ranges_done,
                                      "ranges_todo", (json_int_t)x->ranges_todo));
    char *dumped = json_dumps(o, JSON_ENSURE_ASCII);

    text = ctx_strdup(c, dumped);
    free(dumped);
    return text;
}

static const char *key(struct ctx *c, const char *ref)
{
    return ctx_printf(c, "Context-%s", ref);
}

bool cleaving_load(struct ctx *c, struct broker *b, struct cleaving *x)
{
    struct broker *old = broker_retiring(c, b);
    struct broker_info info;
    const char *text;
    bool well = !failed(c) && broker_info(c, old ? old : b, &info);

    broker_done(old);
    if (!well)
        return false;
    text = broker_shard_meta(c, b, key(c, info.id));
    cleaving_read(c, text, x);
    x->ref = info.id;
    x->max_row = info.max_row;
    return !failed(c);
}

bool cleaving_store(struct ctx *c, struct broker *b, const struct cleaving *x)
{
    return broker_set_shard_meta(c, b, key(c, x->ref), cleaving_write(c, x));
}

bool cleaving_remove(struct ctx *c, struct broker *b, const struct cleaving *x)
{
    return broker_set_shard_meta(c, b, key(c, x->ref), "");
}

bool cleaving_load_all(struct ctx *c, struct broker *b, struct cleaving_stored **ret, size_t *ret_n)
{
    static const char prefix[] = "X-Container-Sysmeta-Shard-Context-";
    struct broker_meta *list;
    size_t n, used = 0;

    if (!broker_metadata(c, b, &list, &n))
        return false;
    *ret = ctx_new_n(c, struct cleaving_stored, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (g_ascii_strncasecmp(list[i].name, prefix, strlen(prefix)) || !*list[i].value)
            continue;
        cleaving_read(c, list[i].value, &(*ret)[used].context);
        if (!*(*ret)[used].context.ref)
            (*ret)[used].context.ref = list[i].name + strlen(prefix);
        (*ret)[used++].when = list[i].when;
    }
    *ret_n = used;
    return true;
}

void cleaving_reset(struct cleaving *x)
{
    x->cursor = "";
    x->ranges_done = x->ranges_todo = 0;
    x->cleaving_done = x->misplaced_done = false;
    x->last_cleave_to_row = x->cleave_to_row;
}

void cleaving_start(struct cleaving *x)
{
    x->cursor = "";
    x->ranges_done = x->ranges_todo = 0;
    x->cleaving_done = false;
    x->cleave_to_row = x->max_row;
}

bool cleaving_is_done(const struct cleaving *x)
{
    return x->misplaced_done && x->cleaving_done && x->max_row == x->cleave_to_row;
}
