/* JSON text and trees: outside bodies with their limits, members by name. */
#include "oslo/record/record.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 64

/* jansson's own depth bound is far above ours: count brackets outside strings first. */
static bool too_deep(const char *text, size_t n)
{
    int depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        char ch = text[i];

        if (in_string) {
            if (ch == '\\')
                i++;
            else if (ch == '"')
                in_string = false;
        } else if (ch == '"') {
            in_string = true;
        } else if (ch == '{' || ch == '[') {
            if (++depth > DEPTH_MOST)
                return true;
        } else if (ch == '}' || ch == ']') {
            depth--;
        }
    }
    return false;
}

json_t *json_read(struct ctx *c, const char *text, size_t n)
{
    json_error_t error;
    json_t *tree;

    if (too_deep(text, n))
        return fail_null(c, BAD_REQUEST, "Malformed request body: nested too deeply");
    tree = json_loadb(text, n, JSON_DECODE_ANY, &error);
    if (!tree)
        return fail_null(c, BAD_REQUEST, ctx_printf(c, "Malformed request body: %s at line %d column %d", error.text, error.line, error.column));
    return ctx_json(c, tree);
}

json_t *json_of(struct ctx *c, raw_json raw)
{
    json_t *tree = raw.text ? json_loads(raw.text, JSON_DECODE_ANY, NULL) : NULL;

    return ctx_json(c, tree ? tree : json_null());
}

raw_json json_text(struct ctx *c, const json_t *tree)
{
    raw_json raw = { NULL };
    char *text;

    if (!tree || json_is_null(tree))
        return raw;
    text = json_dumps(tree, JSON_ENCODE_ANY);
    raw.text = ctx_strdup(c, text);
    free(text);
    return raw;
}

const char *json_joined(struct ctx *c, const json_t *tree, const char *separator)
{
    const char *text = "", *piece;
    const json_t *item;
    size_t i;

    if (json_is_string(tree))
        return json_string_value(tree);
    if (!json_is_array(tree))
        return json_text(c, tree).text;
    json_array_foreach(tree, i, item) {
        piece = json_joined(c, item, separator);
        text = ctx_printf(c, "%s%s%s", text, i ? separator : "", piece ? piece : "");
    }
    return text;
}

const char *json_get_string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise)
{
    json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool json_get_bool(const json_t *object, const char *key, bool otherwise)
{
    json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}
