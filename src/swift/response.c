/* A response: what is said with each status, and its body in whatever form it is. */
#include "swift/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct { int status; const char *reason, *explanation; } statuses[] = {
    { 100, "Continue", "" },
    { 200, "OK", "" },
    { 201, "Created", "" },
    { 202, "Accepted", "The request is accepted for processing." },
    { 204, "No Content", "" },
    { 206, "Partial Content", "" },
    { 301, "Moved Permanently", "The resource has moved permanently." },
    { 302, "Found", "The resource has moved temporarily." },
    { 303, "See Other", "The response to the request can be found under a different URI." },
    { 304, "Not Modified", "" },
    { 307, "Temporary Redirect", "The resource has moved temporarily." },
    { 400, "Bad Request", "The server could not comply with the request since it is either malformed or otherwise incorrect." },
    { 401, "Unauthorized", "This server could not verify that you are authorized to access the document you requested." },
    { 402, "Payment Required", "Access was denied for financial reasons." },
    { 403, "Forbidden", "Access was denied to this resource." },
    { 404, "Not Found", "The resource could not be found." },
    { 405, "Method Not Allowed", "The method is not allowed for this resource." },
    { 406, "Not Acceptable", "The resource is not available in a format acceptable to your browser." },
    { 408, "Request Timeout", "The server has waited too long for the request to be sent by the client." },
    { 409, "Conflict", "There was a conflict when trying to complete your request." },
    { 410, "Gone", "This resource is no longer available." },
    { 411, "Length Required", "Content-Length header required." },
    { 412, "Precondition Failed", "A precondition for this request was not met." },
    { 413, "Request Entity Too Large", "The body of your request was too large for this server." },
    { 414, "Request URI Too Long", "The request URI was too long for this server." },
    { 415, "Unsupported Media Type", "The request media type is not supported by this server." },
    { 416, "Requested Range Not Satisfiable", "The Range requested is not available." },
    { 417, "Expectation Failed", "Expectation failed." },
    { 422, "Unprocessable Entity", "Unable to process the contained instructions" },
    { 497, "Blacklisted", "" },
    { 498, "Rate Limited", "" },
    { 499, "Client Disconnect", "The client was disconnected during request." },
    { 500, "Internal Error", "The server has either erred or is incapable of performing the requested operation." },
    { 501, "Not Implemented", "The requested method is not implemented by this server." },
    { 502, "Bad Gateway", "Bad gateway." },
    { 503, "Service Unavailable", "The server is currently unavailable. Please try again at a later time." },
    { 504, "Gateway Timeout", "A timeout has occurred speaking to a backend server." },
    { 507, "Insufficient Storage", "There was not enough space to save the resource. Drive: unknown" },
};

static size_t find(int status)
{
    size_t i = 0;

    while (i < G_N_ELEMENTS(statuses) && statuses[i].status != status)
        i++;
    return i;
}

const char *status_reason(int status)
{
    size_t i = find(status);

    return i < G_N_ELEMENTS(statuses) ? statuses[i].reason : "Unknown";
}

const char *status_line(struct ctx *c, int status)
{
    return ctx_printf(c, "%d %s", status, status_reason(status));
}

const char *status_words(struct ctx *c, int status)
{
    size_t i = find(status);

    return ctx_printf(c, "%s\n%s", status_reason(status), i < G_N_ELEMENTS(statuses) ? statuses[i].explanation : "");
}

void response_close(struct swift_response *r)
{
    buf_clear(&r->body);
    if (r->fd >= 0)
        close(r->fd);
    if (r->read && r->close)
        r->close(r->read_data);
    r->fd = -1;
    r->offset = r->length = 0;
    r->plain_listing = false;
    r->read = NULL;
    r->seek = NULL;
    r->close = NULL;
}

void response_clear(struct swift_response *r)
{
    response_close(r);
    *r = (struct swift_response)RESPONSE_EMPTY;
}

void response_text(struct ctx *c, struct swift_response *r, int status, const char *content_type, const char *text)
{
    response_close(r);
    r->status = status;
    headers_set(c, &r->headers, "Content-Type", content_type);
    buf_puts(&r->body, text);
    r->length = (int64_t)r->body.len;
}

void response_error(struct ctx *c, struct swift_response *r, int status, const char *message)
{
    size_t i = find(status);

    if (message)
        response_text(c, r, status, "text/html; charset=UTF-8", message);
    else if (i < G_N_ELEMENTS(statuses) && *statuses[i].explanation)
        response_text(c, r, status, "text/html; charset=UTF-8",
                      ctx_printf(c, "<html><h1>%s</h1><p>%s</p></html>", statuses[i].reason, statuses[i].explanation));
    else
        response_text(c, r, status, "text/html; charset=UTF-8", "");
}

void response_bytes(struct ctx *c, struct swift_response *r, const char *content_type, struct buf *bytes)
{
    response_close(r);
    if (content_type)
        headers_set(c, &r->headers, "Content-Type", content_type);
    r->body = *bytes;
    *bytes = (struct buf){};
    r->length = (int64_t)r->body.len;
}

struct chunks { struct buf body; size_t used; };

static ssize_t read_chunks(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct chunks *chunks = data;

    n = MIN(n, chunks->body.len - chunks->used);
    if (n)
        memcpy(bytes, chunks->body.data + chunks->used, n);
    chunks->used += n;
    return (ssize_t)n;
}

static void close_chunks(void *data)
{
    buf_clear(&((struct chunks *)data)->body);
}

void response_chunked(struct ctx *c, struct swift_response *r)
{
    struct chunks *chunks = ctx_new(c, struct chunks);

    chunks->body = r->body;
    r->body = (struct buf){};
    r->read = read_chunks;
    r->read_data = chunks;
    r->close = close_chunks;
    r->length = -1;
}

const char *response_get(const struct swift_response *r, const char *header)
{
    return headers_get(&r->headers, header);
}

/* --- reading it ----------------------------------------------------------------------------------------------------- */

/* Bytes in memory and files are read at offset, which moves. */
static ssize_t take_file(struct swift_response *r, void *bytes, size_t n)
{
    ssize_t got;

    n = (size_t)MIN((int64_t)n, r->length);
    do
        got = n ? pread(r->fd, bytes, n, r->offset) : 0;
    while (got < 0 && errno == EINTR);
    if (n && got <= 0)
        return -1;
    r->offset += got;
    r->length -= got;
    return got;
}

ssize_t response_take(struct ctx *c, struct swift_response *r, void *bytes, size_t n)
{
    if (r->read)
        return r->read(c, r->read_data, bytes, n);
    if (r->fd >= 0)
        return take_file(r, bytes, n);
    n = MIN(n, r->body.len - (size_t)r->offset);
    if (n)
        memcpy(bytes, r->body.data + r->offset, n);
    r->offset += (int64_t)n;
    return (ssize_t)n;
}

/* What is left of the body, its own block where it lies in memory. False: longer, or broken. */
static bool gather(struct ctx *c, struct swift_response *r, size_t max, struct buf *ret)
{
    bool said = r->length >= 0 && r->length <= (int64_t)max;
    struct buf all = {};
    ssize_t got = 1;

    if (!r->read && r->fd < 0 && !r->offset) {
        all = r->body;
        r->body = (struct buf){};
        got = 0;
    }
    while (got > 0 && all.len <= max) {
        buf_reserve(&all, all.len ? 1 : said ? (size_t)r->length + 1 : 16384);
        got = response_take(c, r, all.data + all.len, all.cap - all.len - 1);
        all.len += got > 0 ? (size_t)got : 0;
    }
    buf_add(&all, "", 0);
    *ret = all;
    return got >= 0 && all.len <= max;
}

const char *response_hold(struct ctx *c, struct swift_response *r, size_t max, size_t *ret_n)
{
    bool plain = r->plain_listing, well;
    int64_t length = r->length;
    struct buf all;

    well = gather(c, r, max, &all);
    response_close(r);
    if (!well) {
        buf_clear(&all);
        return NULL;
    }
    r->body = all;
    r->length = length < 0 || all.len ? (int64_t)all.len : length;       /* of a HEAD's, what there would be */
    r->plain_listing = plain;
    *ret_n = all.len;
    return r->body.data;
}

char *response_take_all(struct ctx *c, struct swift_response *r, size_t max, size_t *ret_n)
{
    struct buf all;
    bool well = gather(c, r, max, &all);

    if (ret_n)
        *ret_n = all.len;
    response_close(r);
    if (well)
        return ctx_own(c, buf_steal(&all), free);
    buf_clear(&all);
    return NULL;
}
