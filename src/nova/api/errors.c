/* Error bodies. A fault of Nova is an object named after its status; an address that is no route is answered by the original's
 * web framework, in HTML unless asked otherwise, and a method it lacks is answered the same.
 */
#include "nova/api/errors.h"

#include "nova/api/api.h"

#include <string.h>

static const struct {
    int status;
    const char *name;
} names[] = {
    { 400, "badRequest" }, { 401, "unauthorized" }, { 403, "forbidden" }, { 404, "itemNotFound" }, { 405, "badMethod" },
    { 409, "conflictingRequest" }, { 413, "overLimit" }, { 415, "badMediaType" }, { 429, "overLimit" },
    { 501, "notImplemented" }, { 503, "serviceUnavailable" },
};

static const char *name_of(int status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (names[i].status == status)
            return names[i].name;
    return "computeFault";
}

static bool is_no_route(const struct fault *f)
{
    return strcmp(f->type, "HTTPNotFound") == 0 || strcmp(f->type, "HTTPMethodNotAllowed") == 0;
}

/* Is there such a row in another microversion? Then it is the application that says so, not its framework. */
static bool known_elsewhere(struct ctx *c, const struct request *rq)
{
    static const int versions[] = { VERSION_MIN, V(2, 35), V(2, 60), VERSION_MAX };

    for (size_t i = 0; i < G_N_ELEMENTS(versions); i++) {
        struct request other = *rq;
        const char *allow;

        if (router_find(c, service_state(&nova)->router, &other, versions[i], &allow))
            return true;
    }
    return false;
}

static void no_route(struct ctx *c, const struct request *rq, struct reply *rp)
{
    const char *accept = request_header(rq, "Accept");

    rp->status = 404;
    rp->has_body = true;
    if (accept && strstr(accept, "application/json") && !strstr(accept, "text/html")) {
        rp->content_type = "application/json";
        buf_puts(&rp->body, "{\"message\": \"The resource could not be found.<br /><br />\\n\\n\\n\", \"code\": \"404 Not Found\","
                            " \"title\": \"Not Found\"}");
        return;
    }
    rp->content_type = "text/html; charset=UTF-8";
    buf_puts(&rp->body, "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n"
                        "  The resource could not be found.<br /><br />\n\n\n\n </body>\n</html>");
}

static const char *message_of(struct ctx *c)
{
    if (strcmp(c->fault.type, "MalformedRequestBody") == 0 || g_str_has_prefix(c->fault.message, "Malformed request body"))
        return "Malformed request body";
    if (c->fault.status == 500)
        return ctx_printf(c, "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach the Nova API"
                          " log if possible.\n<class 'nova.exception.%s'>", c->fault.type);
    return c->fault.message;
}

void nova_error_write(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct out o;

    if (is_no_route(&c->fault) && !known_elsewhere(c, rq)) {
        no_route(c, rq, rp);
        return;
    }
    rp->content_type = "application/json; charset=UTF-8";
    rp->status = is_no_route(&c->fault) ? 404 : c->fault.status;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, name_of(rp->status));
    out_int(&o, "code", rp->status);
    out_string(&o, "message", is_no_route(&c->fault) ? "The resource could not be found." : message_of(c));
    out_end_object(&o);
    out_end_object(&o);
    if (c->fault.status == 413 || c->fault.status == 429)
        reply_header(c, rp, "Retry-After", "0");
}
