CREATE TABLE images (
    id TEXT PRIMARY KEY,
    name TEXT,
    disk_format TEXT,
    container_format TEXT,
    visibility TEXT NOT NULL,
    size BIGINT,
    virtual_size BIGINT,
    status TEXT NOT NULL,
    checksum TEXT,
    protected BOOLEAN NOT NULL,
    min_ram BIGINT NOT NULL,
    min_disk BIGINT NOT NULL,
    owner TEXT,
    os_hidden BOOLEAN NOT NULL,
    os_hash_algo TEXT,
    os_hash_value TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    store TEXT
);
CREATE INDEX images_created_at ON images (created_at, id);
CREATE INDEX images_owner ON images (owner);
CREATE INDEX images_visibility ON images (visibility);
CREATE INDEX images_name ON images (name);

CREATE TABLE image_properties (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (image_id, name)
);
CREATE INDEX image_properties_value ON image_properties (name, value);

CREATE TABLE image_tags (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    PRIMARY KEY (image_id, value)
);
CREATE INDEX image_tags_value ON image_tags (value);

CREATE TABLE image_members (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (image_id, member_id)
);
CREATE INDEX image_members_member ON image_members (member_id, status);

CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    input TEXT NOT NULL,
    result TEXT,
    message TEXT NOT NULL,
    image_id TEXT,
    request_id TEXT,
    user_id TEXT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX tasks_created_at ON tasks (created_at, id);
CREATE INDEX tasks_image ON tasks (image_id);
