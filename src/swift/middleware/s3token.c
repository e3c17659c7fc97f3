/* s3token: who signed a request to the S3 API, by Keystone's word (POST /v3/s3tokens). s3api has left the signature and what was signed; the
 * project that the access key belongs to takes the key's place in the path, and authtoken has nothing left to ask. For secret_cache_duration the
 * secret is kept with what Keystone said, and signatures are held against that.
 */
#include "swift/middleware/middlewares.h"

#include "oslo/auth/auth.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/client/client.h"
#include "swift/cache.h"
#include "swift/middleware/s3api/auth.h"

#include <string.h>

struct s3token_options {
    char *reseller_prefix;
    bool delay_auth_decision;
    int64_t secret_cache_duration;
};

#define OPTION(member, otherwise, text) ATTR(struct s3token_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(reseller_prefix, "AUTH", "What the names of accounts begin with."),
    OPTION(delay_auth_decision, "false", "Requests whose signature is wrong go on, as nobody's."),
    ATTR(struct s3token_options, secret_cache_duration, 0, .min = 0, .unset = "0", .help = "Seconds a secret is kept; 0: Keystone judges each request."),
    {}
};

static void refuse(struct ctx *c, struct swift_response *response, bool unreachable)
{
    response_text(c, response, unreachable ? 400 : 401, "text/xml",
                  ctx_printf(c, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<Error>\r\n  <Code>%s</Code>\r\n  <Message>%s</Message>\r\n</Error>\r\n",
                             unreachable ? "InvalidURI" : "AccessDenied", unreachable ? "Could not parse the specified URI" : "Access denied"));
}

static const struct identity *identity_of(struct ctx *c, json_t *token)
{
    struct identity *who = ctx_new(c, struct identity);

    auth_identity_read(c, token, who);
    return who->project_id ? who : NULL;
}

/* --- secrets that are kept --------------------------------------------------------------------------------------------- */

/* What is kept of a token, as the original keeps it: headers, and where in the token their values stand. */
static const struct { const char *header, *owner, *domain, *member; } kept[] = {
    { "X-User-Id", "user", NULL, "id" }, { "X-User-Name", "user", NULL, "name" }, { "X-User-Domain-Id", "user", "domain", "id" },
    { "X-User-Domain-Name", "user", "domain", "name" }, { "X-Project-Id", "project", NULL, "id" }, { "X-Project-Name", "project", NULL, "name" },
    { "X-Project-Domain-Id", "project", "domain", "id" }, { "X-Project-Domain-Name", "project", "domain", "name" },
    { "X-Tenant-Id", "project", NULL, "id" }, { "X-Tenant-Name", "project", NULL, "name" },
};

static json_t *member_of(json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);

    if (!member)
        json_object_set_new(object, name, member = json_object());
    return member;
}

static json_t *headers_of(struct ctx *c, json_t *token)
{
    json_t *headers = json_pack("{s:s}", "X-Identity-Status", "Confirmed"), *roles = json_object_get(token, "roles"), *role;
    const char *names = "";
    size_t i;

    json_array_foreach(roles, i, role)
        names = ctx_printf(c, "%s%s%s", names, i ? "," : "", json_string_value(json_object_get(role, "name")) ?: "");
    json_object_set_new(headers, "X-Roles", json_string(names));
    for (i = 0; i < G_N_ELEMENTS(kept); i++) {
        json_t *from = json_object_get(token, kept[i].owner), *value = json_object_get(kept[i].domain ? json_object_get(from, kept[i].domain) : from, kept[i].member);

        if (value)
            json_object_set(headers, kept[i].header, value);
    }
    return headers;
}

static json_t *token_of(struct ctx *c, json_t *headers)
{
    json_t *token = ctx_json(c, json_object()), *roles = json_array();
    char **names = text_split(c, json_string_value(json_object_get(headers, "X-Roles")) ?: "", ',');

    for (; *names; names++)
        json_array_append_new(roles, json_pack("{s:s}", "name", *names));
    json_object_set_new(token, "roles", roles);
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        json_t *to = member_of(token, kept[i].owner), *value = json_object_get(headers, kept[i].header);

        if (value)
            json_object_set(kept[i].domain ? member_of(to, kept[i].domain) : to, kept[i].member, value);
    }
    return token;
}

static const char *secret_key(struct ctx *c, const char *access)
{
    return ctx_printf(c, "s3secret/%s", access);
}

/* [headers, project, secret]; of old also [headers, token, project, secret]. */
static const struct identity *recall(struct ctx *c, const struct s3_auth *auth, const char *access)
{
    json_t *known = cache_get(c, secret_key(c, access));
    const char *secret = json_string_value(json_array_get(known, json_array_size(known) == 4 ? 3 : 2));

    return secret && s3_signature_valid(auth, secret) ? identity_of(c, token_of(c, json_array_get(known, 0))) : NULL;
}

static void remember(struct ctx *c, const char *access, json_t *token, int64_t seconds)
{
    const char *user = json_string_value(json_object_get(json_object_get(token, "user"), "id")), *secret;
    struct call call = { .type = "identity", .method = "GET", .as_service = true };

    if (!user)
        return;
    call.path = ctx_printf(c, "/users/%s/credentials/OS-EC2/%s", client_quote(c, user), client_quote(c, access));
    secret = client_call(c, &call) ? json_string_value(json_object_get(json_object_get(call.reply, "credential"), "secret")) : NULL;
    if (secret)
        cache_set(c, secret_key(c, access), ctx_json(c, json_pack("[o, O, s]", headers_of(c, token), json_object_get(token, "project"), secret)), seconds);
    else
        log_warning(c, "swift: s3token: a secret cannot be kept: %s", c->fault.message ? c->fault.message : "it is not said");
    fault_clear(c);
}

/* --- asking ------------------------------------------------------------------------------------------------------------- */

/* The signer; NULL: nobody, and *ret_unreachable says whether Keystone could not be asked. */
static const struct identity *ask(struct ctx *c, const struct s3token_options *o, const struct s3_auth *auth, const char *access, bool *ret_unreachable)
{
    const struct identity *who = o->secret_cache_duration ? recall(c, auth, access) : NULL;
    json_t *body, *token;

    *ret_unreachable = false;
    if (who)
        return who;
    body = ctx_json(c, json_pack("{s:{s:s, s:s, s:s}}", "credentials", "access", access, "token",
                                 base64url_write(c, auth->string_to_sign, strlen(auth->string_to_sign)), "signature", auth->signature));
    struct call call = { .type = "identity", .method = "POST", .path = "/s3tokens", .body = body, .as_service = true };
    if (!client_call(c, &call)) {
        *ret_unreachable = call.status == 0;
        fault_clear(c);
        return NULL;
    }
    token = json_object_get(call.reply, "token");
    who = identity_of(c, token);
    *ret_unreachable = !who;
    if (who && o->secret_cache_duration)
        remember(c, access, token, o->secret_cache_duration);
    return who;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct s3token_options *options = step->options;
    const struct s3_auth *auth = s3_auth_of(r);
    bool unreachable;

    if (!auth || !r->account) {
        step_next(c, step, r, response);
        return;
    }
    const char *colon = strchr(auth->access_key, ':');           /* <access>:<project>: to another's account, if its owner lets */
    const char *access = colon ? ctx_strndup(c, auth->access_key, (size_t)(colon - auth->access_key)) : auth->access_key;
    const struct identity *who = ask(c, options, auth, access, &unreachable);
    if (!who && !options->delay_auth_decision) {
        refuse(c, response, unreachable);
        return;
    }
    if (who) {
        size_t n = strlen(options->reseller_prefix);
        const char *between = n && options->reseller_prefix[n - 1] != '_' ? "_" : "";

        r->env->who = who;
        r->env->user = who->user_name;
        request_set_path(c, r, ctx_printf(c, "%s%s%s", options->reseller_prefix, between, colon ? colon + 1 : who->project_id), r->container, r->object);
    }
    step_next(c, step, r, response);
}

const struct middleware middleware_s3token = {
    .name = "s3token", .options = option_rows, .options_size = sizeof(struct s3token_options), .run = run,
};
