-- What a consumer was asked for, and may do in a user's name once the user said so: role_ids is a list of JSON.
CREATE TABLE request_tokens (
    id TEXT PRIMARY KEY, secret TEXT NOT NULL, verifier TEXT, authorizing_user_id TEXT, requested_project_id TEXT NOT NULL, role_ids TEXT,
    consumer_id TEXT NOT NULL REFERENCES consumers (id) ON DELETE CASCADE, expires_at BIGINT);
CREATE INDEX request_tokens_consumer ON request_tokens (consumer_id);
CREATE TABLE access_tokens (
    id TEXT PRIMARY KEY, secret TEXT NOT NULL, authorizing_user_id TEXT NOT NULL, project_id TEXT NOT NULL, role_ids TEXT NOT NULL,
    consumer_id TEXT NOT NULL REFERENCES consumers (id) ON DELETE CASCADE, expires_at BIGINT);
CREATE INDEX access_tokens_consumer ON access_tokens (consumer_id);
CREATE INDEX access_tokens_user ON access_tokens (authorizing_user_id);
