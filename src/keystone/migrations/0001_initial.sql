-- A domain is a project with is_domain, as in the original; a project's parent_id is its domain's id where it hangs on no other.
CREATE TABLE projects (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT REFERENCES projects (id), description TEXT,
    enabled BOOLEAN NOT NULL, parent_id TEXT REFERENCES projects (id), is_domain BOOLEAN NOT NULL,
    options TEXT, extra TEXT);
CREATE UNIQUE INDEX projects_name ON projects ((COALESCE(domain_id, '')), name);
CREATE INDEX projects_parent ON projects (parent_id);
CREATE INDEX projects_domain ON projects (domain_id);
CREATE TABLE project_tags (
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE, name TEXT NOT NULL, PRIMARY KEY (project_id, name));

CREATE TABLE users (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT NOT NULL REFERENCES projects (id), enabled BOOLEAN NOT NULL,
    default_project_id TEXT, password_hash TEXT, password_created_at BIGINT, password_expires_at BIGINT,
    options TEXT, extra TEXT);
CREATE UNIQUE INDEX users_name ON users (domain_id, name);
CREATE INDEX users_default_project ON users (default_project_id);
CREATE TABLE user_groups (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT NOT NULL REFERENCES projects (id), description TEXT, extra TEXT);
CREATE UNIQUE INDEX user_groups_name ON user_groups (domain_id, name);
CREATE TABLE memberships (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE, PRIMARY KEY (user_id, group_id));
CREATE INDEX memberships_group ON memberships (group_id);

CREATE TABLE roles (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT REFERENCES projects (id), description TEXT, options TEXT, extra TEXT);
CREATE UNIQUE INDEX roles_name ON roles ((COALESCE(domain_id, '')), name);
CREATE TABLE implied_roles (
    prior_role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    implied_role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE, PRIMARY KEY (prior_role_id, implied_role_id));
CREATE INDEX implied_roles_implied ON implied_roles (implied_role_id);

-- Who has which role on what: actor_kind user or group; target_kind project, domain or system (target_id system).
CREATE TABLE assignments (
    actor_kind TEXT NOT NULL, actor_id TEXT NOT NULL, target_kind TEXT NOT NULL, target_id TEXT NOT NULL,
    role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE, inherited BOOLEAN NOT NULL,
    PRIMARY KEY (actor_id, target_id, role_id, target_kind, actor_kind, inherited));
CREATE INDEX assignments_target ON assignments (target_id);
CREATE INDEX assignments_role ON assignments (role_id);

CREATE TABLE regions (
    id TEXT PRIMARY KEY, description TEXT, parent_region_id TEXT REFERENCES regions (id), extra TEXT);
CREATE TABLE services (
    id TEXT PRIMARY KEY, name TEXT, type TEXT NOT NULL, enabled BOOLEAN NOT NULL, extra TEXT);
CREATE TABLE endpoints (
    id TEXT PRIMARY KEY, interface TEXT NOT NULL, region_id TEXT REFERENCES regions (id),
    service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE, url TEXT NOT NULL, enabled BOOLEAN NOT NULL, extra TEXT);
CREATE INDEX endpoints_service ON endpoints (service_id);
CREATE INDEX endpoints_region ON endpoints (region_id);

-- Tokens that ended before their time: whatever is not null must agree, and the token was issued before issued_before.
CREATE TABLE revocation_events (
    id TEXT PRIMARY KEY, user_id TEXT, project_id TEXT, domain_id TEXT, trust_id TEXT, role_id TEXT, audit_id TEXT,
    audit_chain_id TEXT, expires_at BIGINT, issued_before BIGINT NOT NULL, revoked_at BIGINT NOT NULL);
CREATE INDEX revocation_events_audit ON revocation_events (audit_id);
CREATE INDEX revocation_events_chain ON revocation_events (audit_chain_id);
CREATE INDEX revocation_events_user ON revocation_events (user_id);
CREATE INDEX revocation_events_time ON revocation_events (revoked_at);

CREATE TABLE application_credentials (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE, secret_hash TEXT NOT NULL, description TEXT,
    expires_at BIGINT, unrestricted BOOLEAN, access_rules TEXT, extra TEXT);
CREATE UNIQUE INDEX application_credentials_name ON application_credentials (user_id, name);
CREATE TABLE application_credential_roles (
    application_credential_id TEXT NOT NULL REFERENCES application_credentials (id) ON DELETE CASCADE,
    role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE, PRIMARY KEY (application_credential_id, role_id));
CREATE TABLE access_rules (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    service TEXT, path TEXT, method TEXT);
CREATE TABLE application_credential_access_rules (
    application_credential_id TEXT NOT NULL REFERENCES application_credentials (id) ON DELETE CASCADE,
    access_rule_id TEXT NOT NULL REFERENCES access_rules (id), PRIMARY KEY (application_credential_id, access_rule_id));

CREATE TABLE credentials (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL, project_id TEXT, type TEXT NOT NULL, blob TEXT NOT NULL, extra TEXT);
CREATE INDEX credentials_user ON credentials (user_id);
CREATE INDEX credentials_type ON credentials (type);

CREATE TABLE policies (id TEXT PRIMARY KEY, type TEXT NOT NULL, blob TEXT NOT NULL, extra TEXT);
CREATE INDEX policies_type ON policies (type);
CREATE TABLE policy_associations (
    id TEXT PRIMARY KEY, policy_id TEXT NOT NULL REFERENCES policies (id) ON DELETE CASCADE, endpoint_id TEXT, service_id TEXT, region_id TEXT);
CREATE UNIQUE INDEX policy_associations_what ON policy_associations
    ((COALESCE(endpoint_id, '')), (COALESCE(service_id, '')), (COALESCE(region_id, '')));

CREATE TABLE registered_limits (
    id TEXT PRIMARY KEY, service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    region_id TEXT REFERENCES regions (id), resource_name TEXT NOT NULL, default_limit BIGINT NOT NULL, description TEXT);
CREATE UNIQUE INDEX registered_limits_what ON registered_limits (service_id, (COALESCE(region_id, '')), resource_name);
CREATE TABLE limits (
    id TEXT PRIMARY KEY, registered_limit_id TEXT NOT NULL REFERENCES registered_limits (id), project_id TEXT, domain_id TEXT,
    service_id TEXT NOT NULL, region_id TEXT, resource_name TEXT NOT NULL, resource_limit BIGINT NOT NULL, description TEXT);
CREATE UNIQUE INDEX limits_what ON limits
    (service_id, (COALESCE(region_id, '')), resource_name, (COALESCE(project_id, '')), (COALESCE(domain_id, '')));

CREATE INDEX registered_limits_region ON registered_limits (region_id);
CREATE INDEX registered_limits_resource ON registered_limits (resource_name);
CREATE INDEX limits_project ON limits (project_id);
CREATE INDEX limits_domain ON limits (domain_id);
CREATE INDEX limits_region ON limits (region_id);
CREATE INDEX limits_resource ON limits (resource_name);
CREATE INDEX limits_registered ON limits (registered_limit_id);

CREATE TABLE endpoint_groups (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, filters JSONB NOT NULL);
CREATE TABLE project_endpoints (
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    endpoint_id TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE, PRIMARY KEY (project_id, endpoint_id));
CREATE TABLE project_endpoint_groups (
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    endpoint_group_id TEXT NOT NULL REFERENCES endpoint_groups (id) ON DELETE CASCADE, PRIMARY KEY (project_id, endpoint_group_id));

CREATE TABLE trusts (
    id TEXT PRIMARY KEY, trustor_user_id TEXT NOT NULL, trustee_user_id TEXT NOT NULL, project_id TEXT, impersonation BOOLEAN NOT NULL,
    deleted_at BIGINT, expires_at BIGINT, remaining_uses BIGINT, redelegated_trust_id TEXT, redelegation_count BIGINT NOT NULL, extra TEXT);
CREATE INDEX trusts_trustor ON trusts (trustor_user_id);
CREATE INDEX trusts_trustee ON trusts (trustee_user_id);
CREATE TABLE trust_roles (
    trust_id TEXT NOT NULL REFERENCES trusts (id) ON DELETE CASCADE, role_id TEXT NOT NULL, PRIMARY KEY (trust_id, role_id));

CREATE TABLE domain_options (
    domain_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE, group_name TEXT NOT NULL, name TEXT NOT NULL, value TEXT,
    PRIMARY KEY (domain_id, group_name, name));
CREATE TABLE consumers (id TEXT PRIMARY KEY, description TEXT, secret TEXT NOT NULL, extra TEXT);
CREATE TABLE service_providers (
    id TEXT PRIMARY KEY, auth_url TEXT NOT NULL, sp_url TEXT NOT NULL, description TEXT, enabled BOOLEAN NOT NULL,
    relay_state_prefix TEXT);
CREATE TABLE identity_providers (
    id TEXT PRIMARY KEY, domain_id TEXT NOT NULL, description TEXT, enabled BOOLEAN NOT NULL, remote_ids TEXT, authorization_ttl BIGINT);
CREATE TABLE mappings (id TEXT PRIMARY KEY, rules TEXT NOT NULL);
CREATE TABLE federation_protocols (
    idp_id TEXT NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE, id TEXT NOT NULL, mapping_id TEXT NOT NULL,
    PRIMARY KEY (idp_id, id));
