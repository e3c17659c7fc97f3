/* How Keystone's answers look: {"error": {"code", "message", "title"}}, links beside lists, jsonschema's words for wrong input. */
#include "keystone/keystone.h"
#include "keystone/token/methods.h"
#include "oslo/auth/auth.h"

#include <string.h>

/* -- errors -------------------------------------------------------------------------------------------------------- */

static const char *title_of(int status)
{
    static const struct { int status; const char *title; } titles[] = {
        { 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
        { 409, "Conflict" }, { 410, "Gone" }, { 413, "Request Entity Too Large" }, { 501, "Not Implemented" }, { 503, "Service Unavailable" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(titles); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return status < 500 ? "Bad Request" : "Internal Server Error";
}

/* What is said of a path that nothing stands for, by no resource: a page. */
static const char no_page[] =
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    "<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>\n";

static void error(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };
    const char *message = c->fault.message;

    reply->has_body = true;
    reply->status = c->fault.status;
    if (reply->status == 404 && !request->route) {
        reply_text(reply, "text/html; charset=utf-8", no_page);
        return;
    }
    if (reply->status == 405) {
        buf_puts(&reply->body, "{\"message\": \"The method is not allowed for the requested URL.\"}\n");
        return;
    }
    if (c->fault.status >= 500 && c->fault.status != 503)
        message = "An unexpected error prevented the server from fulfilling your request.";
    else if (!strcmp(c->fault.type, "HTTPBadRequest") && (g_str_has_prefix(message, "Malformed request body") || g_str_has_prefix(message, "The request body must be")))
        message = "Expecting to find valid JSON in request body." MALFORMED;
    out_object(&o, NULL);
    out_object(&o, "error");
    out_int(&o, "code", c->fault.status);
    out_string(&o, "message", message);
    out_string(&o, "title", title_of(c->fault.status));
    if (!strcmp(c->fault.type, "ApplicationCredentialAuthError"))
        out_raw(&o, "identity", "{}");
    if (!strcmp(c->fault.type, "AuthMethodNotSupported"))
        out_raw(&o, "identity", auth_methods_offered(c));
    out_end_object(&o);
    out_end_object(&o);
    if (reply->status == 401)
        reply_header(c, reply, "WWW-Authenticate", auth_challenge(c));
}

/* The value as Python prints it. */
static const char *repr(struct ctx *c, const json_t *value)
{
    if (json_is_string(value))
        return ctx_printf(c, "'%s'", json_string_value(value));
    if (json_is_boolean(value))
        return json_is_true(value) ? "True" : "False";
    if (!value || json_is_null(value))
        return "None";
    const char *text = json_text(c, value).text;
    return text ? text : "None";
}

static const char *type_of(const struct attr *a)
{
    switch (a ? a->kind : KIND_JSON) {
    case KIND_STRING: case KIND_TIME:
        return "string";
    case KIND_BOOL: case KIND_OPT_BOOL:
        return "boolean";
    case KIND_INT: case KIND_OPT_INT:
        return "integer";
    case KIND_REAL:
        return "number";
    case KIND_JSON:
        break;
    }
    return "object";
}

static const char *choices_of(struct ctx *c, const struct attr *a)
{
    const char *text = "";

    for (const char *const *choice = a->choices; choice && *choice; choice++)
        text = ctx_printf(c, "%s%s'%s'", text, *text ? ", " : "", *choice);
    return text;
}

static bool invalid(struct ctx *c, const struct resource *r, const struct invalid *wrong)
{
    const char *value = repr(c, wrong->value), *name = wrong->name;

    switch (wrong->why) {
    case IS_MISSING:
        return fail(c, SCHEMA, ctx_printf(c, "'%s' is a required property", name));
    case WRONG_TYPE: case IS_NULL:
        return fail(c, INVALID_FIELD, name, ctx_printf(c, "%s is not of type '%s'", value, type_of(wrong->attr)));
    case TOO_LONG:                   /* for the table: the schemas have let it through */
        return fail(c, SCHEMA, ctx_printf(c, "String length exceeded. The length of string %s exceeds the limit of column %s(CHAR(%" G_GINT64_FORMAT
                                          ")).", value, name, wrong->attr->max));
    case TOO_SHORT:
        return fail(c, INVALID_FIELD, name, ctx_printf(c, "%s is too short", value));
    case TOO_SMALL:
        return fail(c, INVALID_FIELD, name, ctx_printf(c, "%s is less than the minimum of %" G_GINT64_FORMAT, value, wrong->attr->min));
    case TOO_LARGE:
        return fail(c, INVALID_FIELD, name, ctx_printf(c, "%s is greater than the maximum of %" G_GINT64_FORMAT, value, wrong->attr->max));
    case NOT_A_CHOICE:
        return fail(c, INVALID_FIELD, name, ctx_printf(c, "%s is not one of [%s]", value, choices_of(c, wrong->attr)));
    case WRONG_FORMAT:
        return fail(c, INVALID_FIELD, name, ctx_printf(c, "%s does not match '%s'", value, wrong->attr->format ? wrong->attr->format->name : ""));
    case BAD_BODY:
        return fail(c, EXPECTING, name, "request body");
    case IS_UNKNOWN:
        return fail(c, SCHEMA, ctx_printf(c, "Additional properties are not allowed ('%s' was unexpected)", name));
    case IS_READ_ONLY: case NOT_WRONG: case BAD_FILTER: case UNKNOWN_FILTER: case BAD_LIMIT: case BAD_MARKER:
    case BAD_SORT_KEY: case BAD_SORT_DIR:
        break;
    }
    return fail(c, INVALID_FIELD, name, ctx_printf(c, "%s is not allowed", value));
}

/* "Could not find Endpoint Group: ...": the word each kind of thing has in the original's messages. */
static bool not_found(struct ctx *c, const struct resource *r, const char *id)
{
    static const struct { const char *resource, *word; } words[] = {
        { "endpoint_group", "Endpoint Group" }, { "application_credential", "Application Credential" }, { "access_rule", "Access Rule" },
        { "identity_provider", "Identity Provider" }, { "service_provider", "Service Provider" },
    };

    if (!strcmp(r->name, "limit") || !strcmp(r->name, "registered_limit"))
        return fail(c, NO_SUCH_FOR, r->name[0] == 'l' ? "limit" : "registered limit", id);
    if (!strcmp(r->name, "access_token"))
        return fail(c, NOT_FOUND, "Access token not found");
    if (!strcmp(r->name, "consumer"))
        return fail(c, NOT_FOUND, "Consumer not found");
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (!strcmp(words[i].resource, r->name))
            return fail(c, NO_SUCH, words[i].word, id);
    return fail(c, NO_SUCH, r->name, id);
}

static bool forbidden(struct ctx *c, const char *rule)
{
    return fail(c, NOT_AUTHORIZED, rule);
}

/* Keystone's handlers ask their rules themselves: what a rule may know differs from one to the next. */
static const char *no_rule(struct ctx *c, const struct resource *r, const char *verb)
{
    return NULL;
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

void write_list_links(struct ctx *c, struct out *o, const struct request *request)
{
    out_object(o, "links");
    out_null(o, "next");
    out_printf(o, "self", "%s%s%s%s", c->base_url, request->raw_path, *request->query_text ? "?" : "", request->query_text);
    out_null(o, "previous");
    out_end_object(o);
}

static void list_members(struct ctx *c, const struct page *page, struct out *o)
{
    write_list_links(c, o, page->request);
    if (page->more)
        out_bool(o, "truncated", true);
}

static char *like_escape(struct ctx *c, const char *text, const char *before, const char *after)
{
    GString *s = g_string_new(before);

    for (; *text; text++) {
        if (strchr("%_\\", *text))
            g_string_append_c(s, '\\');
        g_string_append_c(s, *text);
    }
    g_string_append(s, after);
    char *copy = ctx_strdup(c, s->str);
    g_string_free(s, TRUE);
    return copy;
}

/* name__contains, name__startswith, name__endswith, each with an i for "in any case". */
static bool filter(struct ctx *c, const struct resource *r, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    static const struct { const char *word, *before, *after; } comparators[] = {
        { "contains", "%", "%" }, { "startswith", "", "%" }, { "endswith", "%", "" }, { "equals", "", "" },
    };
    const char *mark = strstr(name, "__");

    if (!mark)
        return true;
    const struct attr *a = attr_find_json(r->attrs, ctx_strndup(c, name, (size_t)(mark - name)));
    bool any_case = mark[2] == 'i';
    for (size_t i = 0; a && (a->flags & FILTER) && a->kind == KIND_STRING && i < G_N_ELEMENTS(comparators); i++) {
        if (strcmp(mark + 2 + any_case, comparators[i].word))
            continue;
        char *pattern = like_escape(c, values[0], comparators[i].before, comparators[i].after);
        sql_add(s, ctx_printf(c, any_case ? " AND lower(t.%s) LIKE lower(?) ESCAPE '\\'" : " AND t.%s LIKE ? ESCAPE '\\'", attr_column(a)),
                T(pattern));
        *ret_taken = true;
    }
    return true;
}

/* -- every request ------------------------------------------------------------------------------------------------- */

/* May what is known of tokens be other after it? Who gets a token changes nothing, and services ask for many. */
static bool changes(const struct request *request)
{
    static const char *const issuing[] = { "/v3/auth/tokens", "/v3/ec2tokens", "/v3/s3tokens", "/v3/OS-OAUTH2/token", NULL };
    static const char *const reading[] = { "GET", "HEAD", "OPTIONS", NULL };

    return !text_in(request->method, reading) && !(!strcmp(request->method, "POST") && text_in(request->path, issuing));
}

/* A body is a JSON object and says so; none is an empty one. */
static bool admit(struct ctx *c, struct request *request)
{
    const char *type = request_header(request, "Content-Type");

    if (changes(request))
        tokens_will_change(c);
    if (!request->body_size) {
        request->json = ctx_json(c, json_object());
        return true;
    }
    if (g_str_has_prefix(request->path, "/v3/OS-OAUTH2/"))
        return true;
    g_autofree char *media = g_strndup(type ? type : "", type ? strcspn(type, "; \t") : 0);
    if (*media && g_ascii_strcasecmp(media, "application/json") && !(g_str_has_prefix(media, "application/") && g_str_has_suffix(media, "+json")))
        return fail(c, EXPECTING, "application/json", "Content-Type header");
    return request_json(c, request) != NULL;
}

/* -- every answer -------------------------------------------------------------------------------------------------- */

static void finish(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_header(c, reply, "Vary", "X-Auth-Token");
    if (reply->status != 401 && changes(request))
        tokens_forget_everywhere(c);
}

const struct rest_style keystone_style = {
    .envelope = true, .times = TIME_ISO_MICRO_Z, .hex_ids = true, .update_is_patch = true, .open_errors = true, .own_401 = true, .slash_at_end = true,
    .admit = admit, .error = error, .invalid = invalid, .not_found = not_found, .forbidden = forbidden, .policy = no_rule, .filter = filter,
    .list_members = list_members, .finish = finish,
};
