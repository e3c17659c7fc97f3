/* What a handler asks of its request: headers, query, path parameters, the body as JSON or as a stream. */
#include "oslo/http/request.h"
#include "oslo/record/record.h"

#include <string.h>

const char *request_header(const struct request *request, const char *name)
{
    for (const struct pair *p = request->headers; p && p->name; p++)
        if (text_equal_folded(p->name, name))
            return p->value;
    return NULL;
}

const char *request_query(const struct request *request, const char *name)
{
    const char *value = NULL;

    for (const struct pair *p = request->query; p && p->name; p++)
        if (strcmp(p->name, name) == 0)
            value = p->value;
    return value;
}

const char *request_arg(const struct request *request, const char *name)
{
    for (const struct pair *p = request->args; p && p->name; p++)
        if (!strcmp(p->name, name))
            return p->value;
    return NULL;
}

json_t *request_json(struct ctx *c, struct request *request)
{
    json_t *body;

    if (request->json)
        return request->json;
    body = json_read(c, request->body ? request->body : "", request->body_size);
    if (!body)
        return NULL;
    if (!json_is_object(body))
        return fail_null(c, BAD_REQUEST, "The request body must be a JSON object.");
    return request->json = body;
}

ssize_t request_read(struct ctx *c, struct request *request, void *bytes, size_t n)
{
    size_t left;

    if (request->source)
        return body_source_read(c, request->source, bytes, n);
    left = request->body ? request->body_size - request->body_read : 0;
    n = MIN(n, left);
    if (n)
        memcpy(bytes, request->body + request->body_read, n);
    request->body_read += n;
    return (ssize_t)n;
}

char *percent_decode(struct ctx *c, const char *text, size_t n, bool plus_is_blank)
{
    char *to = ctx_alloc(c, n + 1), *start = to;

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '%' && i + 2 < n && g_ascii_isxdigit(text[i + 1]) && g_ascii_isxdigit(text[i + 2]) &&
            !(text[i + 1] == '0' && text[i + 2] == '0')) {
            *to++ = (char)(g_ascii_xdigit_value(text[i + 1]) << 4 | g_ascii_xdigit_value(text[i + 2]));
            i += 2;
        } else {
            *to++ = plus_is_blank && text[i] == '+' ? ' ' : text[i];
        }
    }
    *to = '\0';
    return start;
}

const struct pair *query_parse(struct ctx *c, const char *text)
{
    size_t n = 1;
    struct pair *pairs, *p;

    for (const char *s = text; *s; s++)
        n += *s == '&';
    p = pairs = ctx_new_n(c, struct pair, n + 1);
    while (*text) {
        size_t length = strcspn(text, "&");
        const char *equals = memchr(text, '=', length);
        size_t name = equals ? (size_t)(equals - text) : length;

        if (length) {
            p->name = percent_decode(c, text, name, true);
            p->value = equals ? percent_decode(c, equals + 1, length - name - 1, true) : "";
            p++;
        }
        text += length + (text[length] == '&');
    }
    return pairs;
}

void request_set_target(struct ctx *c, struct request *request, const char *target)
{
    size_t path = strcspn(target, "?#"), query = 0;
    const char *text = target + path;

    if (*text == '?')
        query = strcspn(++text, "#");
    request->raw_path = ctx_strndup(c, target, path);
    request->path = percent_decode(c, target, path, false);
    request->query_text = ctx_strndup(c, text, query);
    request->query = query_parse(c, request->query_text);
}
