/* Keystone's rules and their defaults: Zed's, with each rule it deprecates still counted beside the new one (enforce_new_defaults
 * is off there). Names inside %()s: view arguments (user_id), and members of what is asked about (target.user.domain_id).
 */
#include "keystone/keystone.h"

#define ADMIN "rule:admin_required"
#define READER "rule:admin_required or (role:reader and system_scope:all)"
#define SYSTEM_PROJECT "system,project"
#define ANY_SCOPE "system,domain,project"

const struct policy keystone_policies[] = {
    { "admin_required", "role:admin or is_admin:1", NULL },
    { "service_role", "role:service", NULL },
    { "service_or_admin", "rule:admin_required or rule:service_role", NULL },
    { "owner", "user_id:%(user_id)s", NULL },
    { "admin_or_owner", "rule:admin_required or rule:owner", NULL },
    { "token_subject", "user_id:%(target.token.user_id)s", NULL },
    { "admin_or_token_subject", "rule:admin_required or rule:token_subject", NULL },
    { "service_admin_or_token_subject", "rule:service_or_admin or rule:token_subject", NULL },
    { "identity:get_access_rule", "(role:reader and system_scope:all) or user_id:%(target.user.id)s", SYSTEM_PROJECT },
    { "identity:list_access_rules", "(role:reader and system_scope:all) or user_id:%(target.user.id)s", SYSTEM_PROJECT },
    { "identity:delete_access_rule", "(role:admin and system_scope:all) or user_id:%(target.user.id)s", SYSTEM_PROJECT },
    { "identity:authorize_request_token", ADMIN, "project" },
    { "identity:get_access_token", ADMIN, "project" },
    { "identity:get_access_token_role", ADMIN, "project" },
    { "identity:list_access_tokens", ADMIN, "project" },
    { "identity:list_access_token_roles", ADMIN, "project" },
    { "identity:delete_access_token", ADMIN, "project" },
    { "identity:get_application_credential",
      "((rule:admin_required) or (role:reader and system_scope:all) or rule:owner) or "
      "(rule:admin_or_owner)",
      SYSTEM_PROJECT },
    { "identity:list_application_credentials",
      "((rule:admin_required) or (role:reader and system_scope:all) or rule:owner) or "
      "(rule:admin_or_owner)",
      SYSTEM_PROJECT },
    { "identity:create_application_credential", "user_id:%(user_id)s", "project" },
    { "identity:delete_application_credential", "rule:admin_or_owner", SYSTEM_PROJECT },
    { "identity:get_auth_catalog", "", NULL },
    { "identity:get_auth_projects", "", NULL },
    { "identity:get_auth_domains", "", NULL },
    { "identity:get_auth_system", "", NULL },
    { "identity:get_consumer", READER, SYSTEM_PROJECT },
    { "identity:list_consumers", READER, SYSTEM_PROJECT },
    { "identity:create_consumer", ADMIN, SYSTEM_PROJECT },
    { "identity:update_consumer", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_consumer", ADMIN, SYSTEM_PROJECT },
    { "identity:get_credential",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "user_id:%(target.credential.user_id)s",
      SYSTEM_PROJECT },
    { "identity:list_credentials",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "user_id:%(target.credential.user_id)s",
      SYSTEM_PROJECT },
    { "identity:create_credential", "(rule:admin_required) or user_id:%(target.credential.user_id)s", SYSTEM_PROJECT },
    { "identity:update_credential", "(rule:admin_required) or user_id:%(target.credential.user_id)s", SYSTEM_PROJECT },
    { "identity:delete_credential", "(rule:admin_required) or user_id:%(target.credential.user_id)s", SYSTEM_PROJECT },
    { "identity:get_domain",
      "(rule:admin_required or (role:reader and system_scope:all) or "
      "token.domain.id:%(target.domain.id)s or "
      "token.project.domain.id:%(target.domain.id)s) or (rule:admin_required or "
      "token.project.domain.id:%(target.domain.id)s)",
      ANY_SCOPE },
    { "identity:list_domains", READER, SYSTEM_PROJECT },
    { "identity:create_domain", ADMIN, SYSTEM_PROJECT },
    { "identity:update_domain", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_domain", ADMIN, SYSTEM_PROJECT },
    { "identity:create_domain_config", ADMIN, SYSTEM_PROJECT },
    { "identity:get_domain_config", READER, SYSTEM_PROJECT },
    { "identity:get_security_compliance_domain_config", "", ANY_SCOPE },
    { "identity:update_domain_config", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_domain_config", ADMIN, SYSTEM_PROJECT },
    { "identity:get_domain_config_default", READER, SYSTEM_PROJECT },
    { "identity:ec2_get_credential",
      "((rule:admin_required) or (role:reader and system_scope:all) or "
      "user_id:%(target.credential.user_id)s) or (rule:admin_required or "
      "(rule:owner and user_id:%(target.credential.user_id)s))",
      SYSTEM_PROJECT },
    { "identity:ec2_list_credentials",
      "((rule:admin_required) or (role:member and user_id:%(target.credential.user_id)s)) or "
      "(rule:admin_or_owner)",
      SYSTEM_PROJECT },
    { "identity:ec2_create_credential",
      "((rule:admin_required) or (role:member and user_id:%(target.credential.user_id)s)) or "
      "(rule:admin_or_owner)",
      SYSTEM_PROJECT },
    { "identity:ec2_delete_credential",
      "((rule:admin_required) or user_id:%(target.credential.user_id)s) or "
      "(rule:admin_required or (rule:owner and user_id:%(target.credential.user_id)s))",
      SYSTEM_PROJECT },
    { "identity:get_endpoint", READER, SYSTEM_PROJECT },
    { "identity:list_endpoints", READER, SYSTEM_PROJECT },
    { "identity:create_endpoint", ADMIN, SYSTEM_PROJECT },
    { "identity:update_endpoint", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_endpoint", ADMIN, SYSTEM_PROJECT },
    { "identity:create_endpoint_group", ADMIN, SYSTEM_PROJECT },
    { "identity:list_endpoint_groups", READER, SYSTEM_PROJECT },
    { "identity:get_endpoint_group", READER, SYSTEM_PROJECT },
    { "identity:update_endpoint_group", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_endpoint_group", ADMIN, SYSTEM_PROJECT },
    { "identity:list_projects_associated_with_endpoint_group", READER, SYSTEM_PROJECT },
    { "identity:list_endpoints_associated_with_endpoint_group", READER, SYSTEM_PROJECT },
    { "identity:get_endpoint_group_in_project", READER, SYSTEM_PROJECT },
    { "identity:list_endpoint_groups_for_project", READER, SYSTEM_PROJECT },
    { "identity:add_endpoint_group_to_project", ADMIN, SYSTEM_PROJECT },
    { "identity:remove_endpoint_group_from_project", ADMIN, SYSTEM_PROJECT },
    { "identity:check_grant",
      "(rule:admin_required) or ((role:reader and system_scope:all) or "
      "((role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or "
      "(role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and (domain_id:%(target.role.domain_id)s or "
      "None:%(target.role.domain_id)s))",
      ANY_SCOPE },
    { "identity:list_grants",
      "(rule:admin_required) or ((role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or "
      "(role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s))",
      ANY_SCOPE },
    { "identity:create_grant",
      "(rule:admin_required) or "
      "((role:admin and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:admin and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or "
      "(role:admin and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:admin and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and (domain_id:%(target.role.domain_id)s or "
      "None:%(target.role.domain_id)s)",
      ANY_SCOPE },
    { "identity:revoke_grant",
      "(rule:admin_required) or "
      "((role:admin and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:admin and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or "
      "(role:admin and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or "
      "(role:admin and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and (domain_id:%(target.role.domain_id)s or "
      "None:%(target.role.domain_id)s)",
      ANY_SCOPE },
    { "identity:list_system_grants_for_user", READER, SYSTEM_PROJECT },
    { "identity:check_system_grant_for_user", READER, SYSTEM_PROJECT },
    { "identity:create_system_grant_for_user", ADMIN, SYSTEM_PROJECT },
    { "identity:revoke_system_grant_for_user", ADMIN, SYSTEM_PROJECT },
    { "identity:list_system_grants_for_group", READER, SYSTEM_PROJECT },
    { "identity:check_system_grant_for_group", READER, SYSTEM_PROJECT },
    { "identity:create_system_grant_for_group", ADMIN, SYSTEM_PROJECT },
    { "identity:revoke_system_grant_for_group", ADMIN, SYSTEM_PROJECT },
    { "identity:get_group",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.group.domain_id)s)",
      ANY_SCOPE },
    { "identity:list_groups",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.group.domain_id)s)",
      ANY_SCOPE },
    { "identity:list_groups_for_user",
      "((rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s) or "
      "(rule:admin_or_owner)",
      ANY_SCOPE },
    { "identity:create_group", ADMIN, ANY_SCOPE },
    { "identity:update_group", ADMIN, ANY_SCOPE },
    { "identity:delete_group", ADMIN, ANY_SCOPE },
    { "identity:list_users_in_group",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.group.domain_id)s)",
      ANY_SCOPE },
    { "identity:remove_user_from_group", ADMIN, ANY_SCOPE },
    { "identity:check_user_in_group",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)",
      ANY_SCOPE },
    { "identity:add_user_to_group", ADMIN, ANY_SCOPE },
    { "identity:create_identity_provider", ADMIN, SYSTEM_PROJECT },
    { "identity:list_identity_providers", READER, SYSTEM_PROJECT },
    { "identity:get_identity_provider", READER, SYSTEM_PROJECT },
    { "identity:update_identity_provider", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_identity_provider", ADMIN, SYSTEM_PROJECT },
    { "identity:get_implied_role", READER, SYSTEM_PROJECT },
    { "identity:list_implied_roles", READER, SYSTEM_PROJECT },
    { "identity:create_implied_role", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_implied_role", ADMIN, SYSTEM_PROJECT },
    { "identity:list_role_inference_rules", READER, SYSTEM_PROJECT },
    { "identity:check_implied_role", READER, SYSTEM_PROJECT },
    { "identity:get_limit_model", "", ANY_SCOPE },
    { "identity:get_limit",
      "rule:admin_required or (role:reader and system_scope:all) or "
      "(domain_id:%(target.limit.domain.id)s or "
      "domain_id:%(target.limit.project.domain_id)s) or "
      "(project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)",
      ANY_SCOPE },
    { "identity:list_limits", "", ANY_SCOPE },
    { "identity:create_limits", ADMIN, SYSTEM_PROJECT },
    { "identity:update_limit", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_limit", ADMIN, SYSTEM_PROJECT },
    { "identity:create_mapping", ADMIN, SYSTEM_PROJECT },
    { "identity:get_mapping", READER, SYSTEM_PROJECT },
    { "identity:list_mappings", READER, SYSTEM_PROJECT },
    { "identity:delete_mapping", ADMIN, SYSTEM_PROJECT },
    { "identity:update_mapping", ADMIN, SYSTEM_PROJECT },
    { "identity:get_policy", READER, SYSTEM_PROJECT },
    { "identity:list_policies", READER, SYSTEM_PROJECT },
    { "identity:create_policy", ADMIN, SYSTEM_PROJECT },
    { "identity:update_policy", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_policy", ADMIN, SYSTEM_PROJECT },
    { "identity:create_policy_association_for_endpoint", ADMIN, SYSTEM_PROJECT },
    { "identity:check_policy_association_for_endpoint", READER, SYSTEM_PROJECT },
    { "identity:delete_policy_association_for_endpoint", ADMIN, SYSTEM_PROJECT },
    { "identity:create_policy_association_for_service", ADMIN, SYSTEM_PROJECT },
    { "identity:check_policy_association_for_service", READER, SYSTEM_PROJECT },
    { "identity:delete_policy_association_for_service", ADMIN, SYSTEM_PROJECT },
    { "identity:create_policy_association_for_region_and_service", ADMIN, SYSTEM_PROJECT },
    { "identity:check_policy_association_for_region_and_service", READER, SYSTEM_PROJECT },
    { "identity:delete_policy_association_for_region_and_service", ADMIN, SYSTEM_PROJECT },
    { "identity:get_policy_for_endpoint", READER, SYSTEM_PROJECT },
    { "identity:list_endpoints_for_policy", READER, SYSTEM_PROJECT },
    { "identity:get_project",
      "((role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.project.domain_id)s) or "
      "project_id:%(target.project.id)s) or (rule:admin_required or "
      "project_id:%(target.project.id)s)",
      ANY_SCOPE },
    { "identity:list_projects",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.domain_id)s)",
      ANY_SCOPE },
    { "identity:list_user_projects",
      "((rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.user.domain_id)s) or "
      "user_id:%(target.user.id)s) or (rule:admin_or_owner)",
      ANY_SCOPE },
    { "identity:create_project", ADMIN, ANY_SCOPE },
    { "identity:update_project", ADMIN, ANY_SCOPE },
    { "identity:delete_project", ADMIN, ANY_SCOPE },
    { "identity:list_project_tags",
      "((rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.project.domain_id)s) or "
      "project_id:%(target.project.id)s) or (rule:admin_required or "
      "project_id:%(target.project.id)s)",
      ANY_SCOPE },
    { "identity:get_project_tag",
      "((rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.project.domain_id)s) or "
      "project_id:%(target.project.id)s) or (rule:admin_required or "
      "project_id:%(target.project.id)s)",
      ANY_SCOPE },
    { "identity:update_project_tags", ADMIN, ANY_SCOPE },
    { "identity:create_project_tag", ADMIN, ANY_SCOPE },
    { "identity:delete_project_tags", ADMIN, ANY_SCOPE },
    { "identity:delete_project_tag", ADMIN, ANY_SCOPE },
    { "identity:list_projects_for_endpoint", READER, SYSTEM_PROJECT },
    { "identity:add_endpoint_to_project", ADMIN, SYSTEM_PROJECT },
    { "identity:check_endpoint_in_project", READER, SYSTEM_PROJECT },
    { "identity:list_endpoints_for_project", READER, SYSTEM_PROJECT },
    { "identity:remove_endpoint_from_project", ADMIN, SYSTEM_PROJECT },
    { "identity:create_protocol", ADMIN, SYSTEM_PROJECT },
    { "identity:update_protocol", ADMIN, SYSTEM_PROJECT },
    { "identity:get_protocol", READER, SYSTEM_PROJECT },
    { "identity:list_protocols", READER, SYSTEM_PROJECT },
    { "identity:delete_protocol", ADMIN, SYSTEM_PROJECT },
    { "identity:get_region", "", ANY_SCOPE },
    { "identity:list_regions", "", ANY_SCOPE },
    { "identity:create_region", ADMIN, SYSTEM_PROJECT },
    { "identity:update_region", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_region", ADMIN, SYSTEM_PROJECT },
    { "identity:get_registered_limit", "", ANY_SCOPE },
    { "identity:list_registered_limits", "", ANY_SCOPE },
    { "identity:create_registered_limits", ADMIN, SYSTEM_PROJECT },
    { "identity:update_registered_limit", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_registered_limit", ADMIN, SYSTEM_PROJECT },
    { "identity:list_revoke_events", "rule:service_or_admin", SYSTEM_PROJECT },
    { "identity:get_role", READER, SYSTEM_PROJECT },
    { "identity:list_roles", READER, SYSTEM_PROJECT },
    { "identity:create_role", ADMIN, SYSTEM_PROJECT },
    { "identity:update_role", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_role", ADMIN, SYSTEM_PROJECT },
    { "identity:get_domain_role", READER, SYSTEM_PROJECT },
    { "identity:list_domain_roles", READER, SYSTEM_PROJECT },
    { "identity:create_domain_role", ADMIN, SYSTEM_PROJECT },
    { "identity:update_domain_role", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_domain_role", ADMIN, SYSTEM_PROJECT },
    { "identity:list_role_assignments",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)",
      ANY_SCOPE },
    { "identity:list_role_assignments_for_tree",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)",
      ANY_SCOPE },
    { "identity:s3tokens_validate", "rule:service_or_admin", ANY_SCOPE },
    { "identity:ec2tokens_validate", "rule:service_or_admin", ANY_SCOPE },
    { "identity:get_service", READER, SYSTEM_PROJECT },
    { "identity:list_services", READER, SYSTEM_PROJECT },
    { "identity:create_service", ADMIN, SYSTEM_PROJECT },
    { "identity:update_service", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_service", ADMIN, SYSTEM_PROJECT },
    { "identity:create_service_provider", ADMIN, SYSTEM_PROJECT },
    { "identity:list_service_providers", READER, SYSTEM_PROJECT },
    { "identity:get_service_provider", READER, SYSTEM_PROJECT },
    { "identity:update_service_provider", ADMIN, SYSTEM_PROJECT },
    { "identity:delete_service_provider", ADMIN, SYSTEM_PROJECT },
    { "identity:revocation_list", "rule:service_or_admin", SYSTEM_PROJECT },
    { "identity:check_token",
      "(rule:admin_required or (role:reader and system_scope:all) or rule:token_subject) or "
      "(rule:admin_or_token_subject)",
      ANY_SCOPE },
    { "identity:validate_token",
      "(rule:admin_required or (role:reader and system_scope:all) or rule:service_role or "
      "rule:token_subject) or (rule:service_admin_or_token_subject)",
      ANY_SCOPE },
    { "identity:revoke_token", "(rule:admin_required or rule:token_subject) or (rule:admin_or_token_subject)", ANY_SCOPE },
    { "identity:create_trust", "user_id:%(target.trust.trustor_user_id)s", "project" },
    { "identity:list_trusts", READER, SYSTEM_PROJECT },
    { "identity:list_trusts_for_trustor",
      "(rule:admin_required) or (role:reader and system_scope:all or "
      "user_id:%(target.trust.trustor_user_id)s)",
      SYSTEM_PROJECT },
    { "identity:list_trusts_for_trustee",
      "(rule:admin_required) or (role:reader and system_scope:all or "
      "user_id:%(target.trust.trustee_user_id)s)",
      SYSTEM_PROJECT },
    { "identity:list_roles_for_trust",
      "((rule:admin_required) or (role:reader and system_scope:all or "
      "user_id:%(target.trust.trustor_user_id)s or "
      "user_id:%(target.trust.trustee_user_id)s)) or "
      "(user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s)",
      SYSTEM_PROJECT },
    { "identity:get_role_for_trust",
      "((rule:admin_required) or (role:reader and system_scope:all or "
      "user_id:%(target.trust.trustor_user_id)s or "
      "user_id:%(target.trust.trustee_user_id)s)) or "
      "(user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s)",
      SYSTEM_PROJECT },
    { "identity:delete_trust",
      "(rule:admin_required or user_id:%(target.trust.trustor_user_id)s) or "
      "(user_id:%(target.trust.trustor_user_id)s)",
      SYSTEM_PROJECT },
    { "identity:get_trust",
      "((rule:admin_required) or (role:reader and system_scope:all or "
      "user_id:%(target.trust.trustor_user_id)s or "
      "user_id:%(target.trust.trustee_user_id)s)) or "
      "(user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s)",
      SYSTEM_PROJECT },
    { "identity:get_user",
      "((rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and token.domain.id:%(target.user.domain_id)s) or "
      "user_id:%(target.user.id)s) or (rule:admin_or_owner)",
      ANY_SCOPE },
    { "identity:list_users",
      "(rule:admin_required) or (role:reader and system_scope:all) or "
      "(role:reader and domain_id:%(target.domain_id)s)",
      ANY_SCOPE },
    { "identity:list_projects_for_user", "", NULL },
    { "identity:list_domains_for_user", "", NULL },
    { "identity:create_user", ADMIN, ANY_SCOPE },
    { "identity:update_user", ADMIN, ANY_SCOPE },
    { "identity:delete_user", ADMIN, ANY_SCOPE },
    {}
};
