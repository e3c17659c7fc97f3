/* The table of everything Keystone is: its resources, routes, rules, options and workers. */
#include "keystone/keystone.h"
#include "keystone/api/api.h"
#include "keystone/token/token.h"
#include "oslo/auth/auth.h"
#include "oslo/service/commands.h"

#include <string.h>

extern const struct migration keystone_migrations[];

static const struct attr keystone_option_attrs[] = {
    ATTR(struct keystone_options, fernet_keys, 0, .help = "Directory of the keys of tokens, as keystone-manage lays it out; state_dir/fernet-keys when unset."),
    ATTR(struct keystone_options, credential_keys, 0, .help = "Directory of the keys that stored credentials are sealed with; state_dir/credential-keys when unset."),
    ATTR(struct keystone_options, max_active_keys, 0, .unset = "3", .min = 1, .max = 60, .help = "How many keys of tokens a rotation leaves."),
    ATTR(struct keystone_options, fernet_rotation, 0, .unset = "0", .help = "Rotate the keys of tokens every so many seconds; 0: only on command."),
    ATTR(struct keystone_options, token_expiration, 0, .unset = "3600", .min = 1, .max = 31536000, .help = "How many seconds a token is good."),
    ATTR(struct keystone_options, allow_expired_window, 0, .unset = "172800", .help = "How many seconds after its end a token may still finish work that a service does for it."),
    ATTR(struct keystone_options, password_rounds, 0, .unset = "0", .max = 31, .help = "The cost of bcrypt, as a power of two; 0: 12, and 4 with simulated drivers."),
    ATTR(struct keystone_options, max_password_length, 0, .unset = "4096", .min = 1, .max = 4096, .help = "The longest password taken."),
    ATTR(struct keystone_options, max_project_tree_depth, 0, .unset = "5", .min = 1, .max = 100, .help = "How deep projects may nest."),
    ATTR(struct keystone_options, user_limit_application_credentials, 0, .unset = "-1", .help = "How many application credentials a user may have; -1: any number."),
    ATTR(struct keystone_options, max_redelegation_count, 0, .unset = "3", .help = "How often a trust may be passed on."),
    {}
};

static const struct resource *const keystone_resources[] = {
    &domain_resource, &project_resource, &user_resource, &group_resource, &role_resource, &region_resource, &service_resource,
    &endpoint_resource, &credential_resource, &registered_limit_resource, &limit_resource, &policy_resource, &endpoint_group_resource,
    &trust_resource, &service_provider_resource, &identity_provider_resource, &mapping_resource, &consumer_resource, NULL
};

static const struct route *const keystone_routes[] = {
    keystone_version_routes, token_routes, project_routes, user_routes, group_routes, role_routes, grant_routes, role_assignment_routes,
    region_routes, application_credential_routes, ec2_routes, limit_routes, policy_routes, endpoint_filter_routes, trust_routes,
    revocation_routes, domain_config_routes, federation_routes, NULL
};

/* Options whose default depends on where the cloud lives. */
static struct keystone_options options;

const struct keystone_options *keystone_options(void)
{
    return &options;
}

static void options_read(void)
{
    options = *(const struct keystone_options *)service_options(&keystone_service);
    if (!options.fernet_keys)
        options.fernet_keys = g_strconcat(common_options->state_dir, "/fernet-keys", NULL);
    if (!options.credential_keys)
        options.credential_keys = g_strconcat(common_options->state_dir, "/credential-keys", NULL);
}

int command_keystone(struct ctx *c, const struct arguments *arguments)
{
    const char *what = arguments->n_words == 1 ? arguments->words[0] : "";

    if (strcmp(what, "fernet_setup") && strcmp(what, "fernet_rotate"))
        return !fail(c, BAD_REQUEST, "usage: nacre keystone fernet_setup | fernet_rotate");
    if (!service_configure(c, arguments->config_file))
        return 1;
    options_read();
    return !(strcmp(what, "fernet_rotate") ? fernet_setup(c, options.fernet_keys)
                                           : fernet_rotate(c, options.fernet_keys, (int)options.max_active_keys));
}

static bool keystone_begin(struct ctx *c)
{
    options_read();
    auth_judge(&keystone_service, token_judge);
    return keystone_bootstrap(c);
}

static bool prune(struct ctx *c)
{
    return revocations_prune(c);
}

static bool rotate(struct ctx *c)
{
    int64_t age_s = options.fernet_rotation ? fernet_age(options.fernet_keys) : 0;

    return !options.fernet_rotation || age_s < options.fernet_rotation || fernet_rotate(c, options.fernet_keys, (int)options.max_active_keys);
}

static const struct worker keystone_workers[] = {
    { "keystone revocations", "api", prune, .every_us = INT64_C(600000000) },
    { "keystone keys", "api", rotate, .every_us = INT64_C(60000000) },
    {}
};

const struct service keystone_service = {
    .name = "keystone", .type = "identity", .title = "Identity", .port = 5000, .endpoint = "/v3", .base = "/v3",
    .style = &keystone_style, .resources = keystone_resources, .routes = keystone_routes, .policies = keystone_policies,
    .options = keystone_option_attrs, .options_size = sizeof(struct keystone_options), .migrations = keystone_migrations,
    .workers = keystone_workers, .quick = tokens_known, .bootstrap = keystone_begin,
    .stop = keystone_bootstrap_stop,
};
