/* JSON Home (draft-nottingham-json-home-03) of the v3 API: each relation, where it is, and what stands for its parameters. */
#include "keystone/api/api.h"

#include <string.h>

#define DOCS "https://docs.openstack.org/api/openstack-identity/3/"

/* A path with braces is a template. Its parameters are described in parameters[] unless told by pairs of name and place here. */
struct relation {
    const char *relation, *path, *status;
    const char *where;               /* "name=ext/...,": parameters whose description lies elsewhere, or NULL */
};

static const struct { const char *name, *place; } parameters[] = {
    { "access_rule_id", "param/access_rule_id" },
    { "access_token_id", "ext/OS-OAUTH1/1.0/param/access_token_id" },
    { "application_credential_id", "param/application_credential_id" },
    { "consumer_id", "ext/OS-OAUTH1/1.0/param/consumer_id" },
    { "credential_id", "param/credential_id" },
    { "domain_id", "param/domain_id" },
    { "endpoint_group_id", "ext/OS-EP-FILTER/1.0/param/endpoint_group_id" },
    { "endpoint_id", "param/endpoint_id" },
    { "group", "param/config_group" },
    { "group_id", "param/group_id" },
    { "idp_id", "ext/OS-FEDERATION/1.0/param/idp_id" },
    { "implied_role_id", "param/role_id" },
    { "limit_id", "param/limit_id" },
    { "mapping_id", "ext/OS-FEDERATION/1.0/param/mapping_id" },
    { "option", "param/config_option" },
    { "policy_id", "param/policy_id" },
    { "prior_role_id", "param/role_id" },
    { "project_id", "param/project_id" },
    { "protocol_id", "ext/OS-FEDERATION/1.0/param/protocol_id" },
    { "region_id", "param/region_id" },
    { "registered_limit_id", "param/registered_limit_id" },
    { "request_token_id", "ext/OS-OAUTH1/1.0/param/request_token_id" },
    { "role_id", "param/role_id" },
    { "service_id", "param/service_id" },
    { "sp_id", "ext/OS-FEDERATION/1.0/param/sp_id" },
    { "trust_id", "ext/OS-TRUST/1.0/param/trust_id" },
    { "user_id", "param/user_id" },
    { "value", "param/tag_value" },
};

static const struct relation relations[] = {
    { "rel/auth_projects", "/auth/projects" },
    { "ext/OS-FEDERATION/1.0/rel/projects", "/auth/projects" },
    { "rel/auth_domains", "/auth/domains" },
    { "ext/OS-FEDERATION/1.0/rel/domains", "/auth/domains" },
    { "rel/auth_system", "/auth/system" },
    { "rel/auth_catalog", "/auth/catalog" },
    { "ext/OS-PKI/1.0/rel/revocations", "/auth/tokens/OS-PKI/revoked" },
    { "rel/auth_tokens", "/auth/tokens" },
    { "ext/OS-FEDERATION/1.0/rel/saml2", "/auth/OS-FEDERATION/saml2" },
    { "ext/OS-FEDERATION/1.0/rel/ecp", "/auth/OS-FEDERATION/saml2/ecp" },
    { "ext/OS-FEDERATION/1.0/rel/websso", "/auth/OS-FEDERATION/websso/{protocol_id}" },
    { "ext/OS-FEDERATION/1.0/rel/identity_providers_websso",
      "/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso" },
    { "rel/credentials", "/credentials" },
    { "rel/credential", "/credentials/{credential_id}" },
    { "rel/domains", "/domains" },
    { "rel/domain", "/domains/{domain_id}" },
    { "rel/domain_config", "/domains/{domain_id}/config" },
    { "rel/domain_config_group", "/domains/{domain_id}/config/{group}" },
    { "rel/domain_config_option", "/domains/{domain_id}/config/{group}/{option}" },
    { "rel/domain_config_default", "/domains/config/default" },
    { "rel/domain_config_default_group", "/domains/config/{group}/default" },
    { "rel/domain_config_default_option", "/domains/config/{group}/{option}/default" },
    { "rel/domain_user_roles", "/domains/{domain_id}/users/{user_id}/roles" },
    { "rel/domain_user_role", "/domains/{domain_id}/users/{user_id}/roles/{role_id}" },
    { "rel/domain_group_roles", "/domains/{domain_id}/groups/{group_id}/roles" },
    { "rel/domain_group_role", "/domains/{domain_id}/groups/{group_id}/roles/{role_id}" },
    { "ext/OS-EC2/1.0/rel/ec2tokens", "/ec2tokens" },
    { "rel/endpoints", "/endpoints" },
    { "rel/endpoint", "/endpoints/{endpoint_id}" },
    { "ext/OS-ENDPOINT-POLICY/1.0/rel/endpoint_policy", "/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy" },
    { "rel/groups", "/groups" },
    { "rel/group", "/groups/{group_id}" },
    { "rel/group_users", "/groups/{group_id}/users" },
    { "rel/group_user", "/groups/{group_id}/users/{user_id}" },
    { "rel/limits", "/limits", "experimental" },
    { "rel/limit", "/limits/{limit_id}", "experimental" },
    { "rel/limit_model", "/limits/model", "experimental" },
    { "ext/OS-EP-FILTER/1.0/rel/endpoint_groups", "/OS-EP-FILTER/endpoint_groups" },
    { "ext/OS-EP-FILTER/1.0/rel/endpoint_group", "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}" },
    { "ext/OS-EP-FILTER/1.0/rel/endpoint_projects", "/OS-EP-FILTER/endpoints/{endpoint_id}/projects" },
    { "ext/OS-EP-FILTER/1.0/rel/project_endpoint", "/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}" },
    { "ext/OS-EP-FILTER/1.0/rel/project_endpoints", "/OS-EP-FILTER/projects/{project_id}/endpoints" },
    { "ext/OS-EP-FILTER/1.0/rel/project_endpoint_groups", "/OS-EP-FILTER/projects/{project_id}/endpoint_groups" },
    { "ext/OS-EP-FILTER/1.0/rel/endpoints_in_endpoint_group",
      "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints" },
    { "ext/OS-EP-FILTER/1.0/rel/projects_associated_with_endpoint_group",
      "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects" },
    { "ext/OS-EP-FILTER/1.0/rel/endpoint_group_to_project_association",
      "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}" },
    { "ext/OS-FEDERATION/1.0/rel/metadata", "/OS-FEDERATION/saml2/metadata" },
    { "ext/OS-FEDERATION/1.0/rel/identity_provider_protocol_auth",
      "/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth" },
    { "ext/OS-FEDERATION/1.0/rel/identity_providers", "/OS-FEDERATION/identity_providers" },
    { "ext/OS-FEDERATION/1.0/rel/identity_provider", "/OS-FEDERATION/identity_providers/{idp_id}" },
    { "ext/OS-FEDERATION/1.0/rel/identity_provider_protocol",
      "/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}" },
    { "ext/OS-FEDERATION/1.0/rel/identity_provider_protocols", "/OS-FEDERATION/identity_providers/{idp_id}/protocols" },
    { "ext/OS-FEDERATION/1.0/rel/mappings", "/OS-FEDERATION/mappings" },
    { "ext/OS-FEDERATION/1.0/rel/mapping", "/OS-FEDERATION/mappings/{mapping_id}" },
    { "ext/OS-FEDERATION/1.0/rel/service_providers", "/OS-FEDERATION/service_providers" },
    { "ext/OS-FEDERATION/1.0/rel/service_provider", "/OS-FEDERATION/service_providers/{sp_id}" },
    { "ext/OS-INHERIT/1.0/rel/domain_group_role_inherited_to_projects",
      "/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects" },
    { "ext/OS-INHERIT/1.0/rel/domain_group_roles_inherited_to_projects",
      "/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects" },
    { "ext/OS-INHERIT/1.0/rel/domain_user_role_inherited_to_projects",
      "/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects" },
    { "ext/OS-INHERIT/1.0/rel/domain_user_roles_inherited_to_projects",
      "/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects" },
    { "ext/OS-INHERIT/1.0/rel/project_user_role_inherited_to_projects",
      "/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects" },
    { "ext/OS-INHERIT/1.0/rel/project_group_role_inherited_to_projects",
      "/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects" },
    { "ext/OS-OAUTH1/1.0/rel/consumers", "/OS-OAUTH1/consumers" },
    { "ext/OS-OAUTH1/1.0/rel/consumer", "/OS-OAUTH1/consumers/{consumer_id}" },
    { "ext/OS-OAUTH1/1.0/rel/request_tokens", "/OS-OAUTH1/request_token" },
    { "ext/OS-OAUTH1/1.0/rel/access_tokens", "/OS-OAUTH1/access_token" },
    { "ext/OS-OAUTH1/1.0/rel/authorize_request_token", "/OS-OAUTH1/authorize/{request_token_id}" },
    { "ext/OS-OAUTH2/1.0/rel/token", "/OS-OAUTH2/token" },
    { "ext/OS-REVOKE/1.0/rel/events", "/OS-REVOKE/events" },
    { "ext/OS-SIMPLE-CERT/1.0/rel/ca_certificate", "/OS-SIMPLE-CERT/ca" },
    { "ext/OS-SIMPLE-CERT/1.0/rel/certificates", "/OS-SIMPLE-CERT/certificates" },
    { "rel/policies", "/policies" },
    { "rel/policy", "/policies/{policy_id}" },
    { "ext/OS-ENDPOINT-POLICY/1.0/rel/policy_endpoints", "/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints" },
    { "ext/OS-ENDPOINT-POLICY/1.0/rel/endpoint_policy_association",
      "/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}" },
    { "ext/OS-ENDPOINT-POLICY/1.0/rel/service_policy_association",
      "/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}" },
    { "ext/OS-ENDPOINT-POLICY/1.0/rel/region_and_service_policy_association",
      "/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}" },
    { "rel/projects", "/projects" },
    { "rel/project", "/projects/{project_id}" },
    { "rel/project_tags", "/projects/{project_id}/tags/{value}" },
    { "rel/project_user_role", "/projects/{project_id}/users/{user_id}/roles/{role_id}" },
    { "rel/project_user_roles", "/projects/{project_id}/users/{user_id}/roles" },
    { "rel/project_group_role", "/projects/{project_id}/groups/{group_id}/roles/{role_id}" },
    { "rel/project_group_roles", "/projects/{project_id}/groups/{group_id}/roles" },
    { "rel/regions", "/regions" },
    { "rel/region", "/regions/{region_id}" },
    { "rel/registered_limits", "/registered_limits", "experimental" },
    { "rel/registered_limit", "/registered_limits/{registered_limit_id}", "experimental" },
    { "rel/role_assignments", "/role_assignments" },
    { "rel/role_inferences", "/role_inferences" },
    { "rel/roles", "/roles" },
    { "rel/role", "/roles/{role_id}" },
    { "rel/implied_roles", "/roles/{prior_role_id}/implies" },
    { "rel/implied_role", "/roles/{prior_role_id}/implies/{implied_role_id}" },
    { "ext/s3tokens/1.0/rel/s3tokens", "/s3tokens" },
    { "rel/services", "/services" },
    { "rel/service", "/services/{service_id}" },
    { "rel/system_user_roles", "/system/users/{user_id}/roles" },
    { "rel/system_user_role", "/system/users/{user_id}/roles/{role_id}" },
    { "rel/system_group_roles", "/system/groups/{group_id}/roles" },
    { "rel/system_group_role", "/system/groups/{group_id}/roles/{role_id}" },
    { "ext/OS-TRUST/1.0/rel/trusts", "/OS-TRUST/trusts" },
    { "ext/OS-TRUST/1.0/rel/trust", "/OS-TRUST/trusts/{trust_id}" },
    { "ext/OS-TRUST/1.0/rel/trust_roles", "/OS-TRUST/trusts/{trust_id}/roles" },
    { "ext/OS-TRUST/1.0/rel/trust_role", "/OS-TRUST/trusts/{trust_id}/roles/{role_id}" },
    { "rel/users", "/users" },
    { "rel/user", "/users/{user_id}" },
    { "rel/user_change_password", "/users/{user_id}/password" },
    { "rel/user_groups", "/users/{user_id}/groups" },
    { "rel/user_projects", "/users/{user_id}/projects" },
    { "ext/OS-EC2/1.0/rel/user_credentials", "/users/{user_id}/credentials/OS-EC2" },
    { "ext/OS-EC2/1.0/rel/user_credential", "/users/{user_id}/credentials/OS-EC2/{credential_id}" },
    { "ext/OS-OAUTH1/1.0/rel/user_access_tokens", "/users/{user_id}/OS-OAUTH1/access_tokens" },
    { "ext/OS-OAUTH1/1.0/rel/user_access_token", "/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}" },
    { "ext/OS-OAUTH1/1.0/rel/user_access_token_roles", "/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles" },
    { "ext/OS-OAUTH1/1.0/rel/user_access_token_role",
      "/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}" },
    { "rel/application_credentials", "/users/{user_id}/application_credentials" },
    { "rel/application_credential", "/users/{user_id}/application_credentials/{application_credential_id}" },
    { "rel/access_rules", "/users/{user_id}/access_rules" },
    { "rel/access_rule", "/users/{user_id}/access_rules/{access_rule_id}" },
};

/* The place of a parameter's description: the relation's own, else the usual one. */
static void parameter_write(struct out *o, const char *name, const char *where)
{
    g_autofree char *key = g_strconcat(name, "=", NULL);
    const char *own = where ? strstr(where, key) : NULL;

    if (own) {
        own += strlen(key);
        out_printf(o, name, DOCS "%.*s", (int)strcspn(own, ","), own);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(parameters); i++)
        if (!strcmp(parameters[i].name, name))
            out_printf(o, name, DOCS "%s", parameters[i].place);
}

static void relation_write(struct out *o, const struct relation *r)
{
    g_autofree char *key = g_strconcat(DOCS, r->relation, NULL);
    const char *brace = strchr(r->path, '{');

    out_object(o, key);
    out_string(o, brace ? "href-template" : "href", r->path);
    if (brace)
        out_object(o, "href-vars");
    for (const char *at = brace; at; at = strchr(at, '{')) {
        size_t n = strcspn(++at, "}");
        g_autofree char *name = g_strndup(at, n);

        parameter_write(o, name, r->where);
    }
    if (brace)
        out_end_object(o);
    if (r->status) {
        out_object(o, "hints");
        out_string(o, "status", r->status);
        out_end_object(o);
    }
    out_end_object(o);
}

void json_home_write(struct out *o)
{
    out_object(o, "resources");
    for (size_t i = 0; i < G_N_ELEMENTS(relations); i++)
        relation_write(o, &relations[i]);
    out_end_object(o);
}
