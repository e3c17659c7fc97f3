/* The table of everything Keystone is: its resources, routes, rules, options and workers. */
#include "keystone/keystone.h"
#include "keystone/api/api.h"
#include "keystone/directory/connection.h"
#include "keystone/token/token.h"
#include "oslo/auth/auth.h"

#include <string.h>

extern const struct migration keystone_migrations[];

static const struct resource *const keystone_resources[] = {
    &domain_resource, &project_resource, &user_resource, &group_resource, &role_resource, &region_resource, &service_resource,
    &endpoint_resource, &credential_resource, &registered_limit_resource, &limit_resource, &policy_resource, &endpoint_group_resource,
    &trust_resource, &service_provider_resource, &identity_provider_resource, &mapping_resource, &consumer_resource, NULL
};

static const struct route *const keystone_routes[] = {
    keystone_version_routes, token_routes, project_routes, user_routes, group_routes, role_routes, grant_routes, role_assignment_routes,
    region_routes, application_credential_routes, ec2_routes, limit_routes, policy_routes, endpoint_filter_routes, trust_routes,
    revocation_routes, domain_config_routes, federation_routes, oauth1_routes, oauth2_routes, ec2token_routes, federation_protocol_routes,
    federated_auth_routes, saml_routes, NULL
};

static bool keystone_begin(struct ctx *c)
{
    if (!keystone_options_read(c) || !keystone_schemas_load(c))
        return false;
    auth_judge(&keystone_service, token_judge);
    return keystone_bootstrap(c);
}

static bool prune(struct ctx *c)
{
    return revocations_prune(c);
}

static bool rotate(struct ctx *c)
{
    const struct keystone_options *o = keystone_options();
    int64_t age_s = o->fernet_rotation ? fernet_age(o->fernet_keys) : 0;

    return !o->fernet_rotation || age_s < o->fernet_rotation || fernet_rotate(c, o->fernet_keys, (int)o->max_active_keys);
}

static const struct worker keystone_workers[] = {
    { "keystone revocations", "api", prune, .every_us = INT64_C(600000000) },
    { "keystone tokens", "api", tokens_look, .every_us = INT64_C(1000000) },
    { "keystone keys", "api", rotate, .every_us = INT64_C(60000000) },
    {}
};

static void keystone_stop(void)
{
    keystone_bootstrap_stop();
    directory_connections_end();
}

const struct service keystone_service = {
    .name = "keystone", .type = "identity", .title = "Identity", .port = 5000, .endpoint = "/v3", .base = "/v3",
    .style = &keystone_style, .resources = keystone_resources, .routes = keystone_routes, .policies = keystone_policies,
    .options = keystone_option_attrs, .options_size = sizeof(struct keystone_options), .migrations = keystone_migrations,
    .rpc = (const struct rpc_server *const[]){ &tokens_rpc_server, NULL }, .workers = keystone_workers, .quick = tokens_known, .bootstrap = keystone_begin,
    .stop = keystone_stop,
};
