/* The resources and route tables of Keystone's API. */
#ifndef KEYSTONE_API_API_H
#define KEYSTONE_API_API_H

#include "keystone/model/model.h"

extern const struct route keystone_version_routes[], region_routes[], token_routes[], project_routes[], user_routes[], group_routes[], role_routes[],
    grant_routes[], role_assignment_routes[], application_credential_routes[], ec2_routes[], limit_routes[], policy_routes[],
    endpoint_filter_routes[], trust_routes[], revocation_routes[], domain_config_routes[], federation_routes[], oauth1_routes[], oauth2_routes[], ec2token_routes[],
    federation_protocol_routes[], federated_auth_routes[], saml_routes[];
extern const struct resource credential_resource, registered_limit_resource, limit_resource, policy_resource, endpoint_group_resource,
    trust_resource, service_provider_resource, identity_provider_resource, mapping_resource, consumer_resource;

/* domain_config.c: {"ldap": {...}, "identity": {...}}, every option there is: the domain's own, secrets too, or the default. NULL with
 * a fault. */
json_t *domain_config_effective(struct ctx *, const char *domain_id);

/* trusts.c: "expires_at" is a time to come, null or not there; else a fault. */
bool expiry_judge(struct ctx *, const json_t *object);

/* Show and list of users and groups, which may live in a directory (directories.c). */
handler directory_show, directory_list;

/* "resources": {...} of the v3 API. */
void json_home_write(struct out *);

#endif
