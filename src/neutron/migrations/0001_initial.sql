CREATE TABLE networks (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, admin_state_up BOOLEAN NOT NULL, mtu BIGINT NOT NULL,
    status TEXT NOT NULL, port_security_enabled BOOLEAN NOT NULL, external BOOLEAN NOT NULL, is_default BOOLEAN NOT NULL,
    network_type TEXT NOT NULL, physical_network TEXT, segmentation_id BIGINT, qos_policy_id TEXT, availability_zone_hints TEXT,
    description TEXT, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE INDEX networks_project ON networks (project_id);
CREATE INDEX networks_name ON networks (name);
CREATE UNIQUE INDEX networks_segment ON networks (network_type, COALESCE(physical_network, ''), segmentation_id)
    WHERE segmentation_id IS NOT NULL;
CREATE UNIQUE INDEX networks_flat ON networks (physical_network) WHERE network_type = 'flat';

CREATE TABLE address_scopes (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, ip_version BIGINT NOT NULL
);

CREATE TABLE subnetpools (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, default_prefixlen BIGINT NOT NULL, min_prefixlen BIGINT NOT NULL,
    max_prefixlen BIGINT NOT NULL, is_default BOOLEAN NOT NULL, prefixes TEXT NOT NULL, ip_version BIGINT NOT NULL,
    default_quota BIGINT, address_scope_id TEXT REFERENCES address_scopes (id),
    description TEXT, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE INDEX subnetpools_project ON subnetpools (project_id);

CREATE TABLE subnets (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, network_id TEXT NOT NULL REFERENCES networks (id),
    ip_version BIGINT NOT NULL, subnetpool_id TEXT, enable_dhcp BOOLEAN NOT NULL, ipv6_ra_mode TEXT, ipv6_address_mode TEXT,
    gateway_ip TEXT, cidr TEXT NOT NULL, allocation_pools TEXT NOT NULL, host_routes TEXT NOT NULL, dns_nameservers TEXT NOT NULL,
    service_types TEXT NOT NULL, segment_id TEXT,
    description TEXT, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE INDEX subnets_network ON subnets (network_id);
CREATE INDEX subnets_project ON subnets (project_id);
CREATE INDEX subnets_pool ON subnets (subnetpool_id);

CREATE TABLE ports (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, network_id TEXT NOT NULL REFERENCES networks (id),
    mac_address TEXT NOT NULL, admin_state_up BOOLEAN NOT NULL, status TEXT NOT NULL, device_id TEXT NOT NULL,
    device_owner TEXT NOT NULL, port_security_enabled BOOLEAN NOT NULL, vnic_type TEXT NOT NULL, profile TEXT NOT NULL,
    host TEXT NOT NULL, vif_type TEXT NOT NULL, vif_details TEXT NOT NULL, allowed_address_pairs TEXT NOT NULL,
    extra_dhcp_opts TEXT NOT NULL, qos_policy_id TEXT, numa_affinity_policy TEXT, device_profile TEXT,
    description TEXT, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE UNIQUE INDEX ports_mac ON ports (network_id, mac_address);
CREATE INDEX ports_project ON ports (project_id);
CREATE INDEX ports_device ON ports (device_id);
CREATE INDEX ports_host ON ports (host);

CREATE TABLE ip_allocations (
    subnet_id TEXT NOT NULL REFERENCES subnets (id), ip_address TEXT NOT NULL, host BIGINT NOT NULL, network_id TEXT NOT NULL,
    port_id TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE, position BIGINT NOT NULL, PRIMARY KEY (subnet_id, ip_address)
);
CREATE INDEX ip_allocations_host ON ip_allocations (subnet_id, host);
CREATE INDEX ip_allocations_port ON ip_allocations (port_id);
CREATE INDEX ip_allocations_address ON ip_allocations (ip_address);

CREATE TABLE port_bindings (
    port_id TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE, host TEXT NOT NULL, vnic_type TEXT NOT NULL, profile TEXT NOT NULL,
    vif_type TEXT NOT NULL, vif_details TEXT NOT NULL, PRIMARY KEY (port_id, host)
);
CREATE TABLE provisioning_blocks (
    port_id TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE, entity TEXT NOT NULL, PRIMARY KEY (port_id, entity)
);

CREATE TABLE security_groups (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, stateful BOOLEAN NOT NULL, is_default BOOLEAN NOT NULL,
    description TEXT, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE INDEX security_groups_project ON security_groups (project_id);
CREATE UNIQUE INDEX security_groups_default ON security_groups (project_id) WHERE is_default;

CREATE TABLE address_groups (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, addresses TEXT NOT NULL,
    description TEXT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);

CREATE TABLE security_group_rules (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL,
    security_group_id TEXT NOT NULL REFERENCES security_groups (id) ON DELETE CASCADE,
    ethertype TEXT NOT NULL, direction TEXT NOT NULL, protocol TEXT, port_range_min BIGINT, port_range_max BIGINT,
    remote_ip_prefix TEXT, normalized_cidr TEXT, remote_group_id TEXT REFERENCES security_groups (id) ON DELETE CASCADE,
    remote_address_group_id TEXT REFERENCES address_groups (id),
    description TEXT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE INDEX security_group_rules_group ON security_group_rules (security_group_id);
CREATE INDEX security_group_rules_remote ON security_group_rules (remote_group_id);
CREATE INDEX security_group_rules_address ON security_group_rules (remote_address_group_id);
CREATE INDEX security_group_rules_project ON security_group_rules (project_id);

CREATE TABLE port_security_groups (
    port_id TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE, security_group_id TEXT NOT NULL REFERENCES security_groups (id),
    PRIMARY KEY (port_id, security_group_id)
);
CREATE INDEX port_security_groups_group ON port_security_groups (security_group_id);

CREATE TABLE routers (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, admin_state_up BOOLEAN NOT NULL, status TEXT NOT NULL,
    distributed BOOLEAN NOT NULL, ha BOOLEAN NOT NULL, enable_snat BOOLEAN NOT NULL, gw_port_id TEXT REFERENCES ports (id),
    routes TEXT NOT NULL, flavor_id TEXT, availability_zone_hints TEXT, qos_policy_id TEXT,
    description TEXT, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE INDEX routers_project ON routers (project_id);
CREATE INDEX routers_gateway ON routers (gw_port_id);

CREATE TABLE floatingips (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, floating_ip_address TEXT NOT NULL, floating_network_id TEXT NOT NULL,
    floating_port_id TEXT NOT NULL, port_id TEXT REFERENCES ports (id), fixed_ip_address TEXT,
    router_id TEXT, last_known_router_id TEXT, status TEXT NOT NULL, qos_policy_id TEXT,
    description TEXT, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision_number BIGINT NOT NULL
);
CREATE INDEX floatingips_project ON floatingips (project_id);
CREATE INDEX floatingips_port ON floatingips (port_id);
CREATE INDEX floatingips_floating_port ON floatingips (floating_port_id);
CREATE INDEX floatingips_router ON floatingips (router_id);
CREATE UNIQUE INDEX floatingips_address ON floatingips (floating_network_id, floating_ip_address);

CREATE TABLE rbac_policies (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, object_type TEXT NOT NULL, object_id TEXT NOT NULL, target_tenant TEXT NOT NULL,
    action TEXT NOT NULL
);
CREATE UNIQUE INDEX rbac_policies_object ON rbac_policies (object_id, action, target_tenant, object_type);

CREATE TABLE quotas (
    project_id TEXT NOT NULL, resource TEXT NOT NULL, value BIGINT NOT NULL, PRIMARY KEY (project_id, resource)
);

CREATE TABLE agents (
    id TEXT PRIMARY KEY, agent_type TEXT NOT NULL, program TEXT NOT NULL, topic TEXT NOT NULL, host TEXT NOT NULL,
    admin_state_up BOOLEAN NOT NULL, created_at BIGINT NOT NULL, started_at BIGINT NOT NULL, heartbeat_timestamp BIGINT NOT NULL,
    description TEXT, resources_synced BOOLEAN, availability_zone TEXT, configurations TEXT NOT NULL, resource_versions TEXT NOT NULL,
    load BIGINT NOT NULL
);
CREATE UNIQUE INDEX agents_host ON agents (agent_type, host);
CREATE TABLE network_dhcp_agents (
    network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE, agent_id TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    PRIMARY KEY (network_id, agent_id)
);
CREATE TABLE router_l3_agents (
    router_id TEXT NOT NULL REFERENCES routers (id) ON DELETE CASCADE, agent_id TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    PRIMARY KEY (router_id, agent_id)
);

CREATE TABLE service_profiles (
    id TEXT PRIMARY KEY, description TEXT, driver TEXT, metainfo TEXT, enabled BOOLEAN NOT NULL
);
CREATE INDEX service_profiles_driver ON service_profiles (driver);
CREATE TABLE flavors (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, service_type TEXT NOT NULL, enabled BOOLEAN NOT NULL
);
CREATE INDEX flavors_type ON flavors (service_type);
CREATE TABLE flavor_service_profiles (
    flavor_id TEXT NOT NULL REFERENCES flavors (id) ON DELETE CASCADE, service_profile_id TEXT NOT NULL REFERENCES service_profiles (id),
    PRIMARY KEY (flavor_id, service_profile_id)
);

CREATE TABLE auto_allocated_topologies (
    project_id TEXT PRIMARY KEY, network_id TEXT NOT NULL, router_id TEXT NOT NULL
);

-- what Nova is still to be told (network-vif-plugged, ...); rows go once it knows
CREATE TABLE nova_events (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, server_uuid TEXT NOT NULL, tag TEXT, status TEXT NOT NULL
);
