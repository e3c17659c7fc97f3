-- Rows kept of what a directory said: origin 'directory', and when it last said so.
ALTER TABLE users ADD COLUMN seen_at BIGINT;
ALTER TABLE user_groups ADD COLUMN origin TEXT;
ALTER TABLE user_groups ADD COLUMN seen_at BIGINT;
DROP INDEX user_groups_name;
CREATE UNIQUE INDEX user_groups_name ON user_groups (domain_id, name) WHERE origin IS NULL;
CREATE INDEX user_groups_domain ON user_groups (domain_id, name);
