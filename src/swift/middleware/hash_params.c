/* Parameters in the hashes of listings. */
#include "swift/middleware/hash_params.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1024 * 10000 * 2 };     /* a longer listing is none of a container server's */

const char *hash_param_take(struct ctx *c, json_t *row, const char *name)
{
    const char *hash = json_string_value(json_object_get(row, "hash"));
    size_t n = strlen(name);

    for (const char *at = hash ? strchr(hash, ';') : NULL; at; at = strchr(at + 1, ';')) {
        const char *word = at + 1 + strspn(at + 1, " ");

        if (strncmp(word, name, n) || word[n] != '=')
            continue;
        size_t length = strcspn(word + n + 1, ";");
        const char *value = ctx_strndup(c, word + n + 1, length);
        json_object_set_new(row, "hash", json_sprintf("%.*s%s", (int)(at - hash), hash, word + n + 1 + length));
        return value;
    }
    return NULL;
}

void listing_change(struct ctx *c, struct swift_response *response, const char *hint, void (*change)(struct ctx *, void *data, json_t *row), void *data)
{
    const char *type = headers_get(&response->headers, "Content-Type");
    struct headers headers = response->headers;
    struct buf b = { 0 };
    char *text, *dumped = NULL;
    json_t *list, *row;
    size_t i, n;

    if (response->status != 200 || !type || strncmp(type, "application/json", 16) || response->length < 0 || response->length > LONGEST)
        return;
    if (!(text = response_take_all(c, response, (size_t)response->length + 1, &n)))
        return;
    list = strstr(text, hint) ? ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, NULL)) : NULL;
    json_array_foreach(list, i, row)
        change(c, data, row);
    if (list)
        dumped = json_dumps(list, JSON_ENSURE_ASCII);
    buf_add(&b, dumped ? dumped : text, dumped ? strlen(dumped) : n);
    free(dumped);
    response_bytes(c, response, NULL, &b);
    response->headers = headers;
}
