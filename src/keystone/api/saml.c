/* Assertions of this cloud about its users, for service providers that trust it (Keystone to Keystone). */
#include "keystone/api/api.h"
#include "keystone/federation/saml.h"
#include "keystone/token/token.h"

#include <string.h>

struct service_provider_facts { const char *sp_url, *auth_url, *relay_state_prefix; };

static bool provider_find(struct ctx *c, const char *id, struct service_provider_facts *ret_provider)
{
    struct rows *rows = db_query(c, "SELECT sp_url, auth_url, relay_state_prefix, enabled FROM service_providers WHERE id = $1", T(id));

    if (!db_next(rows))
        return fail(c, NO_SUCH, "Service Provider", id);
    *ret_provider = (struct service_provider_facts){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2) };
    bool enabled = db_bool(rows, 3);
    db_rows_end(rows);
    return enabled || fail(c, NOT_AUTHORIZED_PLAIN);
}

/* The groups of the user, each as JSON that the other cloud's mapping reads. */
static const char *const *groups_of(struct ctx *c, const char *user_id)
{
    struct rows *rows = db_query(c, "SELECT g.name, d.name FROM user_groups g JOIN projects d ON d.id = g.domain_id JOIN memberships m ON m.group_id = g.id"
                                 " WHERE m.user_id = $1 ORDER BY g.name, d.name", T(user_id));
    g_autoptr(GPtrArray) groups = g_ptr_array_new();

    while (db_next(rows)) {
        struct buf text = {};
        struct out o = { .to = &text };

        buf_puts(&text, "JSON:");
        out_object(&o, NULL);
        out_string(&o, "name", db_text(rows, 0));
        out_object(&o, "domain");
        out_string(&o, "name", db_text(rows, 1));
        out_end_object(&o);
        out_end_object(&o);
        g_ptr_array_add(groups, ctx_strndup(c, text.data, text.len));
        buf_clear(&text);
    }
    const char **list = ctx_new_n(c, const char *, groups->len + 1);
    for (guint i = 0; i < groups->len; i++)
        list[i] = groups->pdata[i];
    return list;
}

static char *assertion_make(struct ctx *c, struct request *request, struct service_provider_facts *ret_provider)
{
    json_t *body = request_json(c, request), *auth = json_object_get(body, "auth");
    const struct token *token;

    if (!body || !keystone_schema_judge(c, "saml_create", auth ? auth : ctx_json(c, json_null())) ||
        !provider_find(c, json_get_string(json_object_get(json_object_get(auth, "scope"), "service_provider"), "id"), ret_provider))
        return NULL;
    token = token_get(c, json_get_string(json_object_get(json_object_get(auth, "identity"), "token"), "id"), 0);
    if (!token)
        return NULL;
    if (!token->who.project_id)
        return fail_null(c, NOT_AUTHORIZED, "Use a project scoped token when attempting to create a SAML assertion");
    const struct saml_subject subject = {
        .user = token->who.user_name, .user_domain = token->who.user_domain_name, .project = token->who.project_name,
        .project_domain = token->who.project_domain_name ? token->who.project_domain_name : "", .roles = token->who.roles,
        .groups = groups_of(c, token->who.user_id),
    };
    return failed(c) ? NULL : saml_response(c, ret_provider->sp_url, &subject);
}

static bool answer(struct ctx *c, const char *xml, const struct service_provider_facts *p, struct reply *reply)
{
    buf_printf(&reply->body, "<?xml version='1.0' encoding='UTF-8'?>\n%s", xml);
    reply->has_body = true;
    reply->content_type = "text/xml";
    reply_header(c, reply, "X-sp-url", p->sp_url);
    reply_header(c, reply, "X-auth-url", p->auth_url);
    return true;
}

static bool assertion(struct ctx *c, struct request *request, struct reply *reply)
{
    struct service_provider_facts p;
    const char *response = assertion_make(c, request, &p);

    return response && answer(c, response, &p, reply);
}

static bool assertion_ecp(struct ctx *c, struct request *request, struct reply *reply)
{
    struct service_provider_facts p;
    const char *response = assertion_make(c, request, &p), *prefix = response && p.relay_state_prefix ? p.relay_state_prefix : "";

    return response && answer(c, saml_envelope(c, response, ctx_printf(c, "%s%s", prefix, uuid_new_hex(c))), &p, reply);
}

static bool metadata(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *xml = saml_metadata(c);

    if (!xml)
        return false;
    reply_text(reply, "text/xml", xml);
    return true;
}

const struct route saml_routes[] = {
    { "POST", "/v3/auth/OS-FEDERATION/saml2", assertion, .flags = ROUTE_OPEN },          /* the token in the body is the proof */
    { "POST", "/v3/auth/OS-FEDERATION/saml2/ecp", assertion_ecp, .flags = ROUTE_OPEN },
    { "GET",  "/v3/OS-FEDERATION/saml2/metadata", metadata, .flags = ROUTE_OPEN },
    {}
};
