/* Parameters in the hashes of listings. */
#include "swift/middleware/hash_params.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1024 * 10000 * 2 };     /* a longer listing is none of a container server's */

const char *hash_param_take(struct ctx *c, json_t *row, const char *name)
{
    const char *hash = json_string_value(json_object_get(row, "hash")), *value = NULL;
    char **words = hash && strchr(hash, ';') ? g_strsplit(hash, ";", -1) : NULL;
    size_t n = strlen(name);
    struct buf rest = { 0 };

    for (size_t i = 0; words && words[i]; i++) {
        const char *word = words[i] + strspn(words[i], " ");

        if (i && !strncmp(word, name, n) && word[n] == '=')
            value = ctx_strdup(c, word + n + 1);         /* of several, the last counts */
        else
            buf_printf(&rest, "%s%s", i ? ";" : "", words[i]);
    }
    if (value)
        json_object_set_new(row, "hash", json_string(rest.data));
    buf_clear(&rest);
    g_strfreev(words);
    return value;
}

void listing_change(struct ctx *c, struct swift_response *response, const char *hint, void (*change)(struct ctx *, void *data, json_t *row), void *data)
{
    const char *type = headers_get(&response->headers, "Content-Type");
    struct buf b = { 0 };
    const char *text;
    json_t *list, *row;
    size_t i, n;

    if (response->plain_listing || response->status != 200 || !type || strncmp(type, "application/json", 16) || response->length < 0 ||
        response->length > LONGEST)
        return;
    if (!(text = response_hold(c, response, (size_t)response->length + 1, &n)) || !strstr(text, hint) ||
        !(list = ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, NULL))))
        return;
    json_array_foreach(list, i, row)
        change(c, data, row);
    b = buf_of(json_dumps(list, JSON_ENSURE_ASCII));
    response_bytes(c, response, NULL, &b);
}
