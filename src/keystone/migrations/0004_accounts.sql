-- The rules of accounts: wrong passwords in a row, when a user was here last, who set the password, and those before it.
ALTER TABLE users ADD COLUMN failed_auth_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN failed_auth_at BIGINT;
ALTER TABLE users ADD COLUMN created_at BIGINT;
ALTER TABLE users ADD COLUMN last_active_at BIGINT;
ALTER TABLE users ADD COLUMN password_self_service BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE old_passwords (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE, created_at BIGINT NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY (user_id, created_at));
CREATE INDEX revocation_events_trust ON revocation_events (trust_id);
