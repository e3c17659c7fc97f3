/* Reading requests and writing answers the way Placement does; its errors. */
#include "placement/api/api.h"

#include "oslo/record/python.h"
#include "placement/schema.h"

#include <string.h>
#include <time.h>

static bool takes(const char *accept, const char *type)
{
    const char *at = strstr(accept, type);

    return at && !g_str_has_prefix(at + strlen(type), ";q=0,") && !g_str_has_suffix(at, ";q=0");
}

bool accepts_json(struct ctx *c, const struct request *request)
{
    const char *accept = request_header(request, "Accept");

    return !accept || !*accept || takes(accept, "application/json") || takes(accept, "application/*") || takes(accept, "*/*") ||
           fail(c, NOT_ACCEPTABLE);
}

static json_t *parse(struct ctx *c, const char *text, size_t n)
{
    json_t *value = json_loadb(text ? text : "", text ? n : 0, JSON_DECODE_ANY, NULL);
    struct buf message = { 0 };

    if (value)
        return ctx_json(c, value);
    python_json_error(&message, text ? text : "", text ? n : 0);
    fail(c, BAD_JSON, message.data);
    buf_clear(&message);
    return NULL;
}

static bool brings_json(struct ctx *c, const struct request *request)
{
    const char *header = request_header(request, "Content-Type");
    char *type = header ? g_strstrip(ctx_strndup(c, header, strcspn(header, ";"))) : NULL;

    if (request->body_size > 0 && (!type || !*type))
        return fail(c, NO_CONTENT_TYPE);
    return (type && !strcmp(type, "application/json")) || fail(c, UNSUPPORTED_MEDIA, type && *type ? type : "None");
}

static json_t *parse_checked(struct ctx *c, const struct request *request, const char *schema)
{
    json_t *body = parse(c, request->body, request->body_size);

    return body && placement_check(c, schema, body, "JSON does not validate: ") ? body : NULL;
}

json_t *body_read(struct ctx *c, const struct request *request, const char *schema)
{
    return brings_json(c, request) ? parse_checked(c, request, schema) : NULL;
}

json_t *body_of_provider(struct ctx *c, const struct request *request, const char *schema, struct provider *ret_provider)
{
    return brings_json(c, request) && provider_get(c, request_arg(request, "uuid"), ret_provider) ? parse_checked(c, request, schema) : NULL;
}

json_t *query_read(struct ctx *c, const struct request *request, const char *schema)
{
    json_t *query = ctx_json(c, json_object());

    for (const struct pair *p = request->query; p && p->name; p++)
        json_object_set_new(query, p->name, json_string(p->value));
    return placement_check(c, schema, query, "Invalid query string parameters: ") ? query : NULL;
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

struct out answer_begin(struct reply *reply)
{
    struct out out = { .to = &reply->body };

    reply->has_body = true;
    reply->content_type = "application/json";
    out_object(&out, NULL);
    return out;
}

void answer_stamp(struct ctx *c, struct reply *reply, utc_time last)
{
    time_t seconds = (last.us ? last.us : clock_us()) / 1000000;
    char text[40];
    struct tm tm;

    if (c->version < V(1, 15))
        return;
    reply_header(c, reply, "Cache-Control", "no-cache");
    if (last.us < 0)
        return;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    reply_header(c, reply, "Last-Modified", text);
}

void answer_end(struct ctx *c, struct reply *reply, struct out *out, utc_time last_modified)
{
    out_end_object(out);
    answer_stamp(c, reply, last_modified);
}

void answer_empty(struct ctx *c, struct reply *reply, int status, const char *location)
{
    reply->status = status;
    if (location)
        reply_header(c, reply, "Location", ctx_printf(c, "%s%s", c->base_url, location));
}

bool settle(struct ctx *c, bool good)
{
    if (good)
        return db_commit(c);
    db_rollback(c);
    return false;
}

/* --- errors --------------------------------------------------------------------------------------------------------- */

static const struct { int status; const char *title, *explanation; } titles[] = {
    { 400, "Bad Request", "The server could not comply with the request since it is either malformed or otherwise incorrect." },
    { 403, "Forbidden", "Access was denied to this resource." },
    { 404, "Not Found", "The resource could not be found." },
    { 409, "Conflict", "There was a conflict when trying to complete your request." },
    { 413, "Request Entity Too Large", "The body of your request was too large for this server." },
    { 500, "Internal Server Error", "The server has either erred or is incapable of performing the requested operation." },
    { 503, "Service Unavailable", "The server is currently unavailable. Please try again at a later time." },
};

static bool is_version_fault(const struct fault *fault)
{
    return !strcmp(fault->type, "InvalidGlobalAPIVersion") || !strcmp(fault->type, "InvalidAPIVersionString");
}

static const char *fault_text(struct ctx *c)
{
    const struct fault *f = &c->fault;

    if (!strcmp(f->type, "InvalidGlobalAPIVersion"))
        return ctx_printf(c, "Invalid microversion: Unacceptable version header: %s", f->detail);
    if (!strcmp(f->type, "InvalidAPIVersionString"))
        return ctx_printf(c, "Invalid microversion: invalid version string: %s; invalid literal for int() with base 10: '%s'", f->detail, f->detail);
    if (!strcmp(f->type, "HTTPNotFound"))
        return "";
    if (!strcmp(f->type, "HTTPMethodNotAllowed"))
        return "The method specified is not allowed for this resource.";
    return f->message;
}

/* What the web framework of the original puts around the text. */
static char *detail_of(struct ctx *c, const struct request *request, const char **ret_title)
{
    const char *text = fault_text(c), *header;

    switch (c->fault.status) {
    case 405:
        *ret_title = "Method Not Allowed";
        return ctx_printf(c, "The method %s is not allowed for this resource. \n\n %s", request->method, text);
    case 406:
        *ret_title = "Not Acceptable";
        header = is_version_fault(&c->fault) ? "application/json" : request_header(request, "Accept");
        return ctx_printf(c, "The resource could not be generated that was acceptable to your browser (content of type %s. \n\n %s", header, text);
    case 415:
        *ret_title = "Unsupported Media Type";
        header = request_header(request, "Content-Type");
        return ctx_printf(c, "The request media type %s is not supported by this server. \n\n %s", header ? header : "None", text);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(titles); i++)
        if (titles[i].status == c->fault.status) {
            *ret_title = titles[i].title;
            return ctx_printf(c, "%s\n\n %s  ", titles[i].explanation, g_strdelimit(ctx_strdup(c, text), "\r\n", ' '));
        }
    *ret_title = "Error";
    return ctx_strdup(c, text);
}

static void error_write(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out out = answer_begin(reply);
    bool bad_version = is_version_fault(&c->fault);
    const char *title, *detail = detail_of(c, request, &title);

    if (!bad_version) {
        reply_header(c, reply, "OpenStack-API-Version", ctx_printf(c, "placement %d.%d", c->version / 1000, c->version % 1000));
        reply_header(c, reply, "Vary", "OpenStack-API-Version");
    }
    if (c->fault.status == 406 && !bad_version) {
        buf_clear(&reply->body);
        reply_text(reply, "text/plain; charset=UTF-8", ctx_printf(c, "406 Not Acceptable\n\n%s\n\n", detail));
        return;
    }
    out_array(&out, "errors");
    out_object(&out, NULL);
    out_int(&out, "status", c->fault.status);
    out_string(&out, "title", title);
    out_string(&out, "detail", detail);
    if (c->version >= V(1, 23) && !bad_version)
        out_string(&out, "code", g_str_has_prefix(c->fault.type, "placement.") ? c->fault.type : UNDEFINED_CODE);
    out_string(&out, "request_id", c->request_id);
    if (c->fault.status == 406) {
        out_string(&out, "max_version", "1.39");
        out_string(&out, "min_version", "1.0");
    }
    out_end_object(&out);
    out_end_array(&out);
    out_end_object(&out);
}

static bool forbidden(struct ctx *c, const char *rule)
{
    return fail(c, POLICY_REFUSED, rule);
}

const struct rest_style placement_style = {
    .min_version = V(1, 0), .max_version = V(1, 39), .version_name = "placement",
    .error = error_write, .forbidden = forbidden,
};
