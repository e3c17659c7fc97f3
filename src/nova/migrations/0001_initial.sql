-- Nova's tables. Times are microseconds UTC; JSON members are kept as their text. Integer ids come from counters.
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);

CREATE TABLE instances (
    number BIGINT NOT NULL UNIQUE,
    uuid TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hostname TEXT,
    description TEXT,
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    reservation_id TEXT,
    launch_index BIGINT NOT NULL,
    image_ref TEXT,
    kernel_id TEXT,
    ramdisk_id TEXT,
    flavor_id TEXT NOT NULL,
    flavor_name TEXT NOT NULL,
    vcpus BIGINT NOT NULL,
    memory_mb BIGINT NOT NULL,
    root_gb BIGINT NOT NULL,
    ephemeral_gb BIGINT NOT NULL,
    swap_mb BIGINT NOT NULL,
    rxtx_factor DOUBLE PRECISION NOT NULL,
    extra_specs TEXT,
    old_flavor TEXT,
    new_flavor TEXT,
    vm_state TEXT NOT NULL,
    task_state TEXT,
    power_state BIGINT NOT NULL,
    progress BIGINT NOT NULL,
    host TEXT,
    node TEXT,
    launched_on TEXT,
    availability_zone TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    launched_at BIGINT,
    terminated_at BIGINT,
    deleted_at BIGINT,
    deleted BOOLEAN NOT NULL,
    locked BOOLEAN NOT NULL,
    locked_by TEXT,
    locked_reason TEXT,
    key_name TEXT,
    key_data TEXT,
    user_data TEXT,
    config_drive BOOLEAN NOT NULL,
    auto_disk_config BOOLEAN NOT NULL,
    access_ip_v4 TEXT,
    access_ip_v6 TEXT,
    root_device_name TEXT,
    server_group TEXT,
    metadata TEXT,
    system_metadata TEXT,
    trusted_certs TEXT,
    request TEXT,
    network_info TEXT,
    addresses TEXT,
    security_groups TEXT,
    block_devices TEXT,
    fault TEXT
);
CREATE INDEX instances_project ON instances (project_id, deleted, created_at);
CREATE INDEX instances_created ON instances (deleted, created_at);
CREATE INDEX instances_host ON instances (host, deleted);
CREATE INDEX instances_updated ON instances (updated_at);
CREATE INDEX instances_reservation ON instances (reservation_id);

CREATE TABLE instance_tags (
    instance_uuid TEXT NOT NULL REFERENCES instances (uuid) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (instance_uuid, tag)
);
CREATE INDEX instance_tags_tag ON instance_tags (tag);

CREATE TABLE instance_actions (
    id BIGINT PRIMARY KEY,
    instance_uuid TEXT NOT NULL,
    action TEXT NOT NULL,
    request_id TEXT NOT NULL,
    user_id TEXT,
    project_id TEXT,
    start_time BIGINT NOT NULL,
    finish_time BIGINT,
    updated_at BIGINT,
    message TEXT
);
CREATE INDEX instance_actions_instance ON instance_actions (instance_uuid, id);
CREATE INDEX instance_actions_request ON instance_actions (request_id, instance_uuid);

CREATE TABLE instance_action_events (
    id BIGINT PRIMARY KEY,
    action_id BIGINT NOT NULL REFERENCES instance_actions (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    start_time BIGINT NOT NULL,
    finish_time BIGINT,
    result TEXT,
    host TEXT,
    traceback TEXT,
    details TEXT
);
CREATE INDEX instance_action_events_action ON instance_action_events (action_id, id);

CREATE TABLE console_tokens (
    token_hash TEXT PRIMARY KEY,
    console_type TEXT NOT NULL,
    instance_uuid TEXT NOT NULL,
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    internal_access_path TEXT,
    access_url_base TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX console_tokens_instance ON console_tokens (instance_uuid);

CREATE TABLE instance_migrations (
    id BIGINT PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    instance_uuid TEXT NOT NULL,
    migration_type TEXT NOT NULL,
    status TEXT NOT NULL,
    source_compute TEXT,
    source_node TEXT,
    dest_compute TEXT,
    dest_node TEXT,
    dest_host TEXT,
    old_instance_type_id BIGINT,
    new_instance_type_id BIGINT,
    user_id TEXT,
    project_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);
CREATE INDEX instance_migrations_instance ON instance_migrations (instance_uuid);

CREATE TABLE flavors (
    number BIGINT NOT NULL UNIQUE,
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    ram BIGINT NOT NULL,
    disk BIGINT NOT NULL,
    vcpus BIGINT NOT NULL,
    swap BIGINT NOT NULL,
    ephemeral BIGINT NOT NULL,
    rxtx_factor DOUBLE PRECISION NOT NULL,
    is_public BOOLEAN NOT NULL,
    disabled BOOLEAN NOT NULL,
    description TEXT,
    extra_specs TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);

CREATE TABLE flavor_access (
    flavor_id TEXT NOT NULL REFERENCES flavors (id) ON DELETE CASCADE,
    tenant_id TEXT NOT NULL,
    PRIMARY KEY (flavor_id, tenant_id)
);
CREATE INDEX flavor_access_tenant ON flavor_access (tenant_id);

CREATE TABLE keypairs (
    id BIGINT PRIMARY KEY,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, name)
);

CREATE TABLE server_groups (
    number BIGINT NOT NULL UNIQUE,
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    rules TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX server_groups_project ON server_groups (project_id);

CREATE TABLE server_group_members (
    group_id TEXT NOT NULL REFERENCES server_groups (id) ON DELETE CASCADE,
    instance_uuid TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, instance_uuid)
);
CREATE INDEX server_group_members_instance ON server_group_members (instance_uuid);

CREATE TABLE aggregates (
    id BIGINT PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    metadata TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);

CREATE TABLE aggregate_hosts (
    aggregate_id BIGINT NOT NULL REFERENCES aggregates (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    PRIMARY KEY (aggregate_id, host)
);
CREATE INDEX aggregate_hosts_host ON aggregate_hosts (host);

CREATE TABLE services (
    id BIGINT NOT NULL UNIQUE,
    uuid TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    "binary" TEXT NOT NULL,
    topic TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    disabled_reason TEXT,
    forced_down BOOLEAN NOT NULL,
    last_seen_up BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    UNIQUE (host, "binary")
);

CREATE TABLE compute_nodes (
    id BIGINT NOT NULL UNIQUE,
    uuid TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    hypervisor_hostname TEXT NOT NULL,
    hypervisor_type TEXT NOT NULL,
    hypervisor_version BIGINT NOT NULL,
    host_ip TEXT,
    vcpus BIGINT NOT NULL,
    memory_mb BIGINT NOT NULL,
    local_gb BIGINT NOT NULL,
    vcpus_used BIGINT NOT NULL,
    memory_mb_used BIGINT NOT NULL,
    local_gb_used BIGINT NOT NULL,
    disk_available_least BIGINT,
    running_vms BIGINT NOT NULL,
    current_workload BIGINT NOT NULL,
    cpu_info TEXT,
    supported_instances TEXT,
    cpu_allocation_ratio DOUBLE PRECISION NOT NULL,
    ram_allocation_ratio DOUBLE PRECISION NOT NULL,
    disk_allocation_ratio DOUBLE PRECISION NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    UNIQUE (host, hypervisor_hostname)
);

-- hard_limit of a project (user_id ''), of a user in it, or of a quota class (project_id 'class:<name>').
CREATE TABLE quotas (
    project_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    hard_limit BIGINT NOT NULL,
    PRIMARY KEY (project_id, user_id, resource)
);
