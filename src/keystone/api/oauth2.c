/* POST /v3/OS-OAUTH2/token: OAuth 2.0's client credentials grant (RFC 6749, 4.4): the client is an application credential, its access token
 * a token like any other.
 */
#include "keystone/api/api.h"
#include "keystone/auth/authenticate.h"
#include "oslo/auth/auth.h"
#include "oslo/http/request.h"

#include <string.h>

#define CLIENT_REQUIRED "OAuth2.0 client authorization is required."
#define CLIENT_INVALID "OAuth2.0 client authorization is invalid."

/* {"error", "error_description"}: what OAuth 2.0 says where Keystone says {"error": {...}}. */
static bool refuse(struct ctx *c, struct reply *reply, int status, const char *error, const char *description)
{
    struct out o = { .to = &reply->body };

    buf_clear(&reply->body);
    reply->status = status;
    reply->has_body = true;
    if (status == 401)
        reply_header(c, reply, "WWW-Authenticate", auth_challenge(c));
    out_object(&o, NULL);
    out_string(&o, "error", error);
    out_string(&o, "error_description", description);
    out_end_object(&o);
    return true;
}

/* "Basic " and base64 of "id:secret". */
static bool client_read(struct ctx *c, const char *header, const char **ret_id, const char **ret_secret)
{
    void *bytes;
    size_t n;

    *ret_id = *ret_secret = "";
    if (!base64_read(c, header + strlen("Basic "), &bytes, &n) || !text_is_utf8(bytes, n))
        return false;
    char *text = ctx_strndup(c, bytes, n), *colon = strchr(text, ':');
    if (!colon)
        return false;
    *colon = '\0';
    *ret_id = text;
    *ret_secret = colon + 1;
    return true;
}

/* A member of the form, or NULL. */
static const char *form_get(struct ctx *c, const struct request *request, const char *name)
{
    const char *type = request_header(request, "Content-Type");

    if (!request->body || !type || !g_str_has_prefix(type, "application/x-www-form-urlencoded"))
        return NULL;
    for (char **pair = text_split(c, request->body, '&'); *pair; pair++) {
        const char *equals = strchr(*pair, '=');

        if (equals && !strcmp(percent_decode(c, *pair, (size_t)(equals - *pair), true) ?: "", name))
            return percent_decode(c, equals + 1, strlen(equals + 1), true);
    }
    return NULL;
}

static bool refuse_fault(struct ctx *c, struct reply *reply)
{
    const struct fault fault = c->fault;
    const char *message = ctx_strdup(c, fault.message);

    fault_clear(c);
    if (fault.status == 401)
        return refuse(c, reply, 401, "invalid_client", message);
    if (fault.status == 400)
        return refuse(c, reply, 400, "invalid_request", message);
    return refuse(c, reply, fault.status, "other_error", "An unknown error occurred and failed to get an OAuth2.0 access token.");
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *header = request_header(request, "Authorization"), *blank = header ? strchr(header, ' ') : NULL, *id, *secret, *grant;
    struct out o = { .to = &reply->body };

    if (!header || !blank)
        return refuse(c, reply, 401, "invalid_client", CLIENT_REQUIRED);
    g_autofree char *scheme = g_ascii_strdown(header, blank - header);
    if (!strcmp(scheme, "digest"))
        return refuse(c, reply, 401, "invalid_client", "OAuth2.0 client authorization type digest is not supported.");
    if (strcmp(scheme, "basic") || !client_read(c, header, &id, &secret))
        return refuse(c, reply, 401, "invalid_client", CLIENT_REQUIRED);
    if (!*id || !*secret)
        return refuse(c, reply, 401, "invalid_client", CLIENT_INVALID);
    if (!(grant = form_get(c, request, "grant_type")))
        return refuse(c, reply, 400, "invalid_request", "The parameter grant_type is required.");
    if (strcmp(grant, "client_credentials"))
        return refuse(c, reply, 400, "unsupported_grant_type", ctx_printf(c, "The parameter grant_type %s is not supported.", grant));
    json_t *body = ctx_json(c, json_pack("{s:{s:{s:[s], s:{s:s, s:s}}}}", "auth", "identity", "methods", "application_credential",
                                         "application_credential", "id", id, "secret", secret));
    const struct token *token = authenticate(c, request, body, reply);
    if (!token)
        return failed(c) ? refuse_fault(c, reply) : refuse(c, reply, 401, "invalid_client", CLIENT_INVALID);
    reply->has_body = true;
    out_object(&o, NULL);
    out_string(&o, "access_token", token->who.token);
    out_string(&o, "token_type", "Bearer");
    out_int(&o, "expires_in", keystone_options()->token_expiration);
    out_end_object(&o);
    return true;
}

static bool not_allowed(struct ctx *c, struct request *request, struct reply *reply)
{
    return refuse(c, reply, 405, "other_error", "The method is not allowed for the requested URL.");
}

const struct route oauth2_routes[] = {
    { "POST",   "/v3/OS-OAUTH2/token", create, .flags = ROUTE_OPEN },
    { "GET",    "/v3/OS-OAUTH2/token", not_allowed, .flags = ROUTE_OPEN },
    { "PUT",    "/v3/OS-OAUTH2/token", not_allowed, .flags = ROUTE_OPEN },
    { "PATCH",  "/v3/OS-OAUTH2/token", not_allowed, .flags = ROUTE_OPEN },
    { "DELETE", "/v3/OS-OAUTH2/token", not_allowed, .flags = ROUTE_OPEN },
    {}
};
