/* What a handler says in its reply. */
#include "oslo/http/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

void reply_add_header(struct ctx *c, struct reply *reply, const char *name, const char *value)
{
    if (reply->n_headers < (int)G_N_ELEMENTS(reply->headers))
        reply->headers[reply->n_headers++] = (struct pair){ ctx_strdup(c, name), ctx_strdup(c, value) };
}

void reply_header(struct ctx *c, struct reply *reply, const char *name, const char *value)
{
    for (int i = 0; i < reply->n_headers; i++) {
        if (strcasecmp(reply->headers[i].name, name) == 0) {
            reply->headers[i].value = ctx_strdup(c, value);
            return;
        }
    }
    reply_add_header(c, reply, name, value);
}

static int add_json(const char *text, size_t n, void *body)
{
    buf_add(body, text, n);
    return 0;
}

void reply_json(struct reply *reply, const json_t *tree)
{
    buf_clear(&reply->body);
    json_dump_callback(tree, add_json, &reply->body, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    reply->content_type = "application/json";
    reply->has_body = true;
}

void reply_text(struct reply *reply, const char *content_type, const char *text)
{
    buf_clear(&reply->body);
    buf_puts(&reply->body, text);
    reply->content_type = content_type;
    reply->has_body = true;
}

void reply_file(struct reply *reply, const char *content_type, int fd, int64_t offset, int64_t size)
{
    reply->content_type = content_type;
    reply->fd = fd;
    reply->offset = offset;
    reply->size = size;
    reply->has_body = true;
}

void reply_clear(struct reply *reply)
{
    buf_clear(&reply->body);
    if (reply->fd >= 0)
        close(reply->fd);
    if (reply->pull_done)
        reply->pull_done(reply->pull_data);
    *reply = (struct reply){ .fd = -1 };
}
