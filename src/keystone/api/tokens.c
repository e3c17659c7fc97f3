/* /v3/auth: issuing, validating and revoking tokens, and what a token's user may ask a token for.
 *
 * The validation route is quick: the answers of known tokens are kept as text, and a request whose tokens are known is
 * answered on the thread that read it.
 */
#include "keystone/api/api.h"
#include "keystone/auth/authenticate.h"
#include "oslo/auth/access_rules.h"

#include <string.h>

static bool issue(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = request_json(c, request);
    const struct token *token = body ? authenticate(c, request, body, reply) : NULL;

    if (!token)
        return !failed(c);
    token_write(token, !request_query(request, "nocatalog"), &reply->body);
    reply->has_body = true;
    reply_header(c, reply, "X-Subject-Token", token->who.token);
    return true;
}

/* May the caller do that to the subject token? Its user may; else the rule says who. */
static bool subject_allowed(struct ctx *c, const struct token *subject, const char *rule)
{
    const char *pairs[] = { "target.token.user_id", subject->who.user_id, "target.token.user.domain.id", subject->who.user_domain_id, NULL };

    return policy_check(c, rule, &(struct policy_target){ .pairs = pairs });
}

static const struct token *subject_of(struct ctx *c, const struct request *request, const char *rule)
{
    const char *text = request_header(request, "X-Subject-Token"), *allow = request_query(request, "allow_expired"), *support;
    const struct token *subject;
    bool expired_too = false;

    if (!text || !*text)
        return rule_check(c, rule, NULL) ? fail_null(c, NO_TOKEN) : NULL;
    if (allow)
        text_to_bool(allow, &expired_too);
    subject = token_get(c, text, expired_too ? keystone_options()->allow_expired_window : 0);
    if (!subject || !subject_allowed(c, subject, rule))
        return NULL;
    support = request_header(request, ACCESS_RULES_HEADER);
    if (subject->who.access_rules && (!support || g_ascii_strtod(support, NULL) < 1))
        return fail_null(c, TOKEN_NOT_FOUND);
    return subject;
}

static bool validate(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *rule = !strcmp(request->method, "HEAD") ? "identity:check_token" : "identity:validate_token";
    const struct token *subject = subject_of(c, request, rule);

    if (!subject)
        return false;
    token_write(subject, !request_query(request, "nocatalog"), &reply->body);
    reply->has_body = true;
    reply_header(c, reply, "X-Subject-Token", subject->who.token);
    return true;
}

static bool revoke_subject(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct token *subject = subject_of(c, request, "identity:revoke_token");

    if (!subject || !db_begin(c))
        return false;
    if (revoke_token(c, subject))
        return db_commit(c);
    db_rollback(c);
    return false;
}

/* -- scopes one may ask for ---------------------------------------------------------------------------------------- */

static bool own_projects(struct ctx *c, struct sql *s, const void *token)
{
    projects_of_user_add(s, c->who.user_id, ((const struct token *)token)->group_ids);
    return true;
}

static bool own_domains(struct ctx *c, struct sql *s, const void *token)
{
    domains_of_user_add(s, c->who.user_id, ((const struct token *)token)->group_ids);
    return true;
}

static bool list_projects(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct token *token = token_of_request(c, request);

    return token && keystone_list_where(c, &project_resource, request, reply, own_projects, token);
}

static bool list_domains(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct token *token = token_of_request(c, request);

    return token && keystone_list_where(c, &domain_resource, request, reply, own_domains, token);
}

static void links_self(struct ctx *c, struct out *o, const char *path)
{
    out_object(o, "links");
    out_printf(o, "self", "%s/v3/%s", c->base_url, path);
    out_end_object(o);
}

/* As the original, of what the user holds in person. */
static bool show_system(struct ctx *c, struct request *request, struct reply *reply)
{
    int64_t held = db_count(c, "SELECT count(*) FROM assignments WHERE actor_id = $1 AND actor_kind = 'user' AND target_kind = 'system'",
                            T(c->who.user_id));
    struct out o = { .to = &reply->body };

    if (failed(c))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "system");
    if (held)
        out_raw(&o, NULL, "{\"all\": true}");
    out_end_array(&o);
    links_self(c, &o, "auth/system");
    out_end_object(&o);
    return true;
}

static bool show_catalog(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    if (!c->who.project_id)
        return fail(c, NOT_AUTHORIZED_PLAIN);
    reply->has_body = true;
    out_object(&o, NULL);
    if (!catalog_write(c, &o, "catalog", c->who.user_id, c->who.project_id))
        return false;
    links_self(c, &o, "auth/catalog");
    out_end_object(&o);
    return true;
}

static bool revoked_by_id(struct ctx *c, struct request *request, struct reply *reply)
{
    return fail(c, NOT_AUTHORIZED_PLAIN);
}

const struct route token_routes[] = {
    { "POST",   "/v3/auth/tokens", issue, .status = 201, .flags = ROUTE_OPEN },
    { "GET",    "/v3/auth/tokens", validate, .flags = ROUTE_NO_POLICY | ROUTE_QUICK },        /* asks about the subject token */
    { "HEAD",   "/v3/auth/tokens", validate, .flags = ROUTE_NO_POLICY | ROUTE_QUICK },
    { "DELETE", "/v3/auth/tokens", revoke_subject, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "GET",    "/v3/auth/tokens/OS-PKI/revoked", revoked_by_id, .flags = ROUTE_OPEN },
    { "GET",    "/v3/auth/projects", list_projects, .policy = "identity:get_auth_projects" },
    { "GET",    "/v3/auth/domains", list_domains, .policy = "identity:get_auth_domains" },
    { "GET",    "/v3/auth/system", show_system, .policy = "identity:get_auth_system" },
    { "GET",    "/v3/auth/catalog", show_catalog, .policy = "identity:get_auth_catalog" },
    { "GET",    "/v3/OS-FEDERATION/projects", list_projects, .policy = "identity:get_auth_projects" },
    { "GET",    "/v3/OS-FEDERATION/domains", list_domains, .policy = "identity:get_auth_domains" },
    {}
};
