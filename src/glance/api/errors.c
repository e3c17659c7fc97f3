/* Error bodies: the original's web framework answers in HTML, or in JSON or plain text to who asks for those. */
#include "oslo/auth/auth.h"

#include "glance/api/errors.h"

#include <string.h>

static const struct {
    int status;
    const char *title, *sentence;
} statuses[] = {
    { 400, "Bad Request", "The server could not comply with the request since it is either malformed or otherwise incorrect." },
    { 401, "Unauthorized", "This server could not verify that you are authorized to access the document you requested. Either you supplied the"
                           " wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required." },
    { 403, "Forbidden", "Access was denied to this resource." },
    { 404, "Not Found", "The resource could not be found." },
    { 405, "Method Not Allowed", "The method is not allowed for this resource." },
    { 408, "Request Timeout", "The server has waited too long for the request to be sent by the client." },
    { 409, "Conflict", "There was a conflict when trying to complete your request." },
    { 410, "Gone", "This resource is no longer available.  No forwarding address is given." },
    { 413, "Request Entity Too Large", "The body of your request was too large for this server." },
    { 415, "Unsupported Media Type", "The request media type is not supported by this server." },
    { 416, "Request Range Not Satisfiable", "The Range requested is not available." },
    { 500, "Internal Server Error", "The server has either erred or is incapable of performing the requested operation." },
    { 501, "Not Implemented", "The request type is not supported by this server." },
    { 503, "Service Unavailable", "The server is currently unavailable. Please try again at a later time." },
    { 504, "Gateway Timeout", "The gateway has timed out." },
};

static const char *title_of(int status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].title;
    return "Error";
}

static const char *sentence_of(int status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].sentence;
    return "";
}

/* As Python's html.escape(). */
static void add_escaped(struct buf *to, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" :
                             *text == '"' ? "&quot;" : *text == '\'' ? "&#x27;" : NULL;

        if (entity)
            buf_puts(to, entity);
        else
            buf_putc(to, *text);
    }
}

static void add_plain(struct buf *to, const char *text)
{
    buf_puts(to, text);
}

/* What stands under the headline. */
static void add_body(struct ctx *c, const struct request *request, struct buf *to, void (*add)(struct buf *, const char *))
{
    const struct fault *f = &c->fault;
    bool detail = strcmp(f->type, "detail") == 0;

    if (strcmp(f->type, "explained") == 0) {
        add(to, f->message);
    } else if (f->status == 405) {
        buf_printf(to, "The method %s is not allowed for this resource. <br /><br />\n", request->method);
    } else if (f->status == 415) {
        buf_puts(to, "The request media type ");
        add(to, f->message);
        buf_puts(to, " is not supported by this server.\n<br /><br />\n");
    } else {
        add(to, detail || f->status == 500 || f->status == 401 ? sentence_of(f->status) : f->message);
        buf_puts(to, "<br /><br />\n");
        add(to, detail ? f->message : "");
        buf_puts(to, "\n\n");
    }
}

static bool accepts(const struct request *request, const char *type)
{
    const char *accept = request_header(request, "Accept");

    return !accept || strstr(accept, "*/*") || strstr(accept, type);
}

void glance_error_write(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *title = title_of(c->fault.status);
    struct buf body = {};
    struct out out = { .to = &reply->body };

    reply->status = c->fault.status;
    reply->has_body = true;
    if (c->fault.status == 401)
        reply_header(c, reply, "WWW-Authenticate", auth_challenge(c));
    if (accepts(request, "text/html")) {
        reply->content_type = "text/html; charset=UTF-8";
        buf_printf(&reply->body, "<html>\n <head>\n  <title>%d %s</title>\n </head>\n <body>\n  <h1>%d %s</h1>\n  ", c->fault.status, title,
                   c->fault.status, title);
        add_body(c, request, &reply->body, add_escaped);
        buf_puts(&reply->body, "\n </body>\n</html>");
    } else if (accepts(request, "application/json")) {
        add_body(c, request, &body, add_plain);
        out_object(&out, NULL);
        out_string(&out, "message", body.data);
        out_printf(&out, "code", "%d %s", c->fault.status, title);
        out_string(&out, "title", title);
        out_end_object(&out);
    } else {
        reply->content_type = "text/plain; charset=UTF-8";
        buf_printf(&reply->body, "%d %s\n\n%s\n\n   ", c->fault.status, title,
                   strcmp(c->fault.type, "detail") == 0 ? sentence_of(c->fault.status) : c->fault.message);
    }
    buf_clear(&body);
}

void glance_answer_finish(struct ctx *c, struct request *request, struct reply *reply)
{
    if (!reply->has_body && !reply->content_type && reply->fd < 0)
        reply->content_type = "text/html; charset=UTF-8";
}

bool glance_error_invalid(struct ctx *c, const struct resource *resource, const struct invalid *invalid)
{
    return fail(c, BAD_REQUEST, ctx_printf(c, "Invalid value for %s", invalid->name));
}

bool glance_error_not_found(struct ctx *c, const struct resource *resource, const char *id)
{
    return fail(c, IMAGE_HIDDEN, "The resource could not be found.");
}

bool glance_error_forbidden(struct ctx *c, const char *rule)
{
    return fail(c, RULE_FORBIDS, rule);
}
