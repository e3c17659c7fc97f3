/* Signing in by an identity provider at paths of its own, which a front web server can guard: for programs (auth) and for browsers that a
 * dashboard sent (websso): they are answered with a page that brings the token there.
 */
#include "keystone/api/api.h"
#include "keystone/auth/authenticate.h"
#include "keystone/federation/assertion.h"

#include <string.h>

static const struct token *sign_in(struct ctx *c, struct request *request, const char *idp_id, const char *protocol_id, struct reply *reply)
{
    json_t *method = json_pack("{s:s, s:s}", "identity_provider", idp_id, "protocol", protocol_id);
    json_t *body = ctx_json(c, json_pack("{s:{s:{s:[s], s:o}}}", "auth", "identity", "methods", protocol_id, protocol_id, method));

    return body ? authenticate(c, request, body, reply) : fail_null(c, UNAUTHORIZED);
}

static bool federated_auth(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct token *token = sign_in(c, request, request_arg(request, "idp_id"), request_arg(request, "protocol_id"), reply);

    if (!token)
        return !failed(c);
    token_write(token, true, &reply->body);
    reply->has_body = true;
    reply_header(c, reply, "X-Subject-Token", token->who.token);
    return true;
}

/* -- web single sign-on -------------------------------------------------------------------------------------------- */

/* http://Host/Path with the host in lower case. */
static const char *host_lowered(struct ctx *c, const char *url)
{
    char *copy = ctx_strdup(c, url), *host = strstr(copy, "://");

    for (char *p = host ? host + 3 : copy; *p && *p != '/'; p++)
        *p = g_ascii_tolower(*p);
    return copy;
}

/* The dashboard that asks, if it is one of those trusted. */
static const char *origin_of(struct ctx *c, const struct request *request)
{
    const char *origin = request_query(request, "origin"), *dashboards = keystone_options()->trusted_dashboard;

    if (!origin || !*origin)
        return fail_null(c, VALIDATION, "Request must have an origin query parameter");
    for (char **trusted = text_split(c, dashboards ? dashboards : "", ','); *trusted; trusted++)
        if (!strcmp(host_lowered(c, *trusted), origin))
            return origin;
    return fail_null(c, UNAUTHORIZED);
}

static const char usual_page[] =
    "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"><title>Signing in</title></head>\n<body>\n"
    "<form id=\"sso\" name=\"sso\" action=\"$host\" method=\"post\">\n"
    "<input type=\"hidden\" name=\"token\" id=\"token\" value=\"$token\">\n"
    "<noscript><input type=\"submit\" value=\"Continue\"></noscript>\n</form>\n"
    "<script>document.forms.sso.submit();</script>\n</body>\n</html>\n";

/* The page with $name and ${name} filled in, $$ a dollar. */
static bool page_fill(struct ctx *c, const char *page, const char *host, const char *token, struct buf *to)
{
    const struct pair values[] = { { "${host}", host }, { "${token}", token }, { "$host", host }, { "$token", token }, { "$$", "$" } };

    while (*page) {
        size_t i = 0;

        while (i < G_N_ELEMENTS(values) && !g_str_has_prefix(page, values[i].name))
            i++;
        if (i < G_N_ELEMENTS(values)) {
            buf_puts(to, values[i].value);
            page += strlen(values[i].name);
        } else if (*page == '$') {
            return fail(c, INTERNAL_ERROR, "the page for web single sign-on names what is not there");
        } else {
            buf_putc(to, *page++);
        }
    }
    return true;
}

static bool page_answer(struct ctx *c, const char *host, const struct token *token, struct reply *reply)
{
    const char *path = keystone_options()->sso_callback_template;
    g_autofree char *file = NULL, *escaped = g_markup_escape_text(host, -1);

    if (path && !g_file_get_contents(path, &file, NULL, NULL))
        return fail(c, INTERNAL_ERROR, "the page for web single sign-on cannot be read");
    if (!page_fill(c, file ? file : usual_page, escaped, token->who.token, &reply->body))
        return false;
    reply->has_body = true;
    reply->content_type = "text/html; charset=utf-8";
    return true;
}

static bool websso_of_provider(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *host = origin_of(c, request);
    const struct token *token = host ? sign_in(c, request, request_arg(request, "idp_id"), request_arg(request, "protocol_id"), reply) : NULL;

    return token ? page_answer(c, host, token, reply) : !failed(c);
}

/* What the assertion calls its provider: the value of the attribute that some provider's protocol of that id names. */
static const char *remote_id_of(struct ctx *c, const struct request *request, const char *protocol_id)
{
    const struct pair *assertion = assertion_of_proxy(c, request);
    const char *fallback = keystone_options()->remote_id_attribute, *value = NULL;
    struct rows *rows = db_query(c, "SELECT remote_id_attribute FROM federation_protocols WHERE id = $1 ORDER BY idp_id", T(protocol_id));

    while (db_next(rows) && !value) {
        const char *attribute = db_is_null(rows, 0) ? fallback : db_text(rows, 0);

        value = attribute ? assertion_get(assertion, attribute) : NULL;
    }
    db_rows_end(rows);
    return value && *value ? value : failed(c) ? NULL : fail_null(c, UNAUTHORIZED);
}

static bool websso(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *protocol_id = request_arg(request, "protocol_id"), *remote_id = remote_id_of(c, request, protocol_id);
    const char *host = remote_id ? origin_of(c, request) : NULL, *idp_id = host ? idp_by_remote_id(c, remote_id) : NULL;
    const struct token *token = idp_id ? sign_in(c, request, idp_id, protocol_id, reply) : NULL;

    return token ? page_answer(c, host, token, reply) : !failed(c);
}

#define PROTOCOL "/identity_providers/{idp_id}/protocols/{protocol_id}"
const struct route federated_auth_routes[] = {
    { "GET",  "/v3/OS-FEDERATION" PROTOCOL "/auth", federated_auth, .status = 201, .flags = ROUTE_OPEN },
    { "POST", "/v3/OS-FEDERATION" PROTOCOL "/auth", federated_auth, .status = 201, .flags = ROUTE_OPEN },
    { "GET",  "/v3/auth/OS-FEDERATION/websso/{protocol_id}", websso, .flags = ROUTE_OPEN },
    { "POST", "/v3/auth/OS-FEDERATION/websso/{protocol_id}", websso, .flags = ROUTE_OPEN },
    { "GET",  "/v3/auth/OS-FEDERATION" PROTOCOL "/websso", websso_of_provider, .flags = ROUTE_OPEN },
    { "POST", "/v3/auth/OS-FEDERATION" PROTOCOL "/websso", websso_of_provider, .flags = ROUTE_OPEN },
    {}
};
