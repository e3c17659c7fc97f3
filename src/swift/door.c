/* Between the HTTP floor's requests and replies and Swift's. */
#include "swift/message.h"

#include "swift/name.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SMALL_FILE 65536                     /* read into memory: head and body leave in one piece */

static ssize_t read_socket(struct ctx *c, void *request, void *bytes, size_t n)
{
    return request_read(c, request, bytes, n);
}

bool request_from_http(struct ctx *c, struct request *from, struct swift_request *r, struct swift_response *response)
{
    *r = (struct swift_request){ .method = from->method };
    r->env = ctx_new(c, struct swift_env);
    r->env->remote = from->remote;
    r->env->scheme_host = from->scheme_host;
    for (const struct pair *h = from->headers; h && h->name; h++)
        headers_add(c, &r->headers, h->name, h->value);
    r->length = from->content_length;
    if (r->length) {
        r->read = read_socket;
        r->read_data = from;
    }
    request_set_query(c, r, from->query_text);
    r->raw_path = from->raw_path;
    r->path = name_decode(c, from->raw_path, strlen(from->raw_path), false);
    if (r->path)
        return true;
    r->path = "/";
    response_error(c, response, 412, "Invalid UTF8 or contains NULL");
    return false;
}

/* --- the reply ------------------------------------------------------------------------------------------------------ */

struct stream {
    struct ctx *c;
    struct swift_response response;
};

static ssize_t pull(void *data, void *bytes, size_t n)
{
    struct stream *s = data;

    return response_take(s->c, &s->response, bytes, n);
}

static void pull_done(void *data)
{
    response_close(&((struct stream *)data)->response);
}

static void hand_stream(struct ctx *c, struct swift_response *r, struct reply *reply)
{
    struct stream *s = ctx_new(c, struct stream);

    *s = (struct stream){ c, *r };
    reply->pull = pull;
    reply->pull_done = pull_done;
    reply->pull_data = s;
    reply->size = r->length;
    *r = (struct swift_response){ .fd = -1, .status = r->status, .headers = r->headers };
}

static void hand_file(struct swift_response *r, struct reply *reply)
{
    if (r->length > SMALL_FILE) {
        reply_file(reply, NULL, r->fd, r->offset, r->length);
        r->fd = -1;
        return;
    }
    buf_reserve(&reply->body, (size_t)r->length);
    while ((int64_t)reply->body.len < r->length) {
        ssize_t got = pread(r->fd, reply->body.data + reply->body.len, (size_t)r->length - reply->body.len, r->offset + (off_t)reply->body.len);

        if (got <= 0)
            break;
        reply->body.len += (size_t)got;
    }
}

void response_to_http(struct ctx *c, const struct swift_request *request, struct swift_response *r, struct reply *reply)
{
    const char *keep = request_get(request, "Connection");
    bool typed = false;

    reply->status = r->status;
    for (size_t i = 0; i < r->headers.n && reply->n_headers < (int)G_N_ELEMENTS(reply->headers); i++) {
        const struct pair *h = &r->headers.pairs[i];

        if (!strcasecmp(h->name, "Content-Length") || !strcasecmp(h->name, "Transfer-Encoding") || !h->value)
            continue;
        typed = typed || !strcasecmp(h->name, "Content-Type");
        reply->headers[reply->n_headers++] = *h;
    }
    if (!typed)
        reply->content_type = "text/html; charset=UTF-8";
    if (r->disconnect)
        reply_header(c, reply, "Connection", "close");
    else if (keep && !strcasecmp(keep, "keep-alive"))
        reply_header(c, reply, "Connection", keep);
    if (r->status == 204)
        reply_header(c, reply, "Content-Length", "0");
    if (r->read || !strcmp(request->method, "HEAD")) {
        hand_stream(c, r, reply);
    } else if (r->fd >= 0) {
        hand_file(r, reply);
    } else {
        reply->body = r->body;
        r->body = (struct buf){};
    }
    reply->has_body = true;
    response_close(r);
}
