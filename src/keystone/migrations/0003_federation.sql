-- origin: null of users made here, else where they are known: 'federated', 'directory'. Only names of the first kind are unique.
ALTER TABLE users ADD COLUMN origin TEXT;
DROP INDEX users_name;
CREATE UNIQUE INDEX users_name ON users (domain_id, name) WHERE origin IS NULL;
CREATE INDEX users_domain ON users (domain_id, name);

ALTER TABLE federation_protocols ADD COLUMN remote_id_attribute TEXT;
CREATE TABLE idp_remote_ids (
    remote_id TEXT PRIMARY KEY, idp_id TEXT NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE);
CREATE INDEX idp_remote_ids_idp ON idp_remote_ids (idp_id);

-- Whom an identity provider knows under unique_id.
CREATE TABLE federated_users (
    idp_id TEXT NOT NULL, protocol_id TEXT NOT NULL, unique_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE, display_name TEXT,
    PRIMARY KEY (idp_id, protocol_id, unique_id),
    FOREIGN KEY (idp_id, protocol_id) REFERENCES federation_protocols (idp_id, id) ON DELETE CASCADE);
CREATE INDEX federated_users_user ON federated_users (user_id);

-- Groups a mapping named at a login: good until expires_at, which follows verified_at by the provider's authorization_ttl.
CREATE TABLE expiring_memberships (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    idp_id TEXT NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    verified_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, PRIMARY KEY (user_id, group_id, idp_id));
CREATE INDEX expiring_memberships_group ON expiring_memberships (group_id);
CREATE INDEX expiring_memberships_idp ON expiring_memberships (idp_id);

-- The ids under which users and groups of a directory are known here.
CREATE TABLE id_mappings (
    public_id TEXT PRIMARY KEY, domain_id TEXT NOT NULL, local_id TEXT NOT NULL, entity_type TEXT NOT NULL);
CREATE UNIQUE INDEX id_mappings_local ON id_mappings (domain_id, local_id, entity_type);
