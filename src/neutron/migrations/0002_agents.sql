-- what agents are still to be told of versioned objects; rows go once it is sent
CREATE TABLE object_changes (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, object_id TEXT NOT NULL, request_id TEXT NOT NULL, noted_at BIGINT NOT NULL
);
CREATE INDEX object_changes_order ON object_changes (noted_at, id);

-- where the tunnels of each host end
CREATE TABLE tunnel_endpoints (
    tunnel_type TEXT NOT NULL, ip_address TEXT NOT NULL, host TEXT NOT NULL, udp_port BIGINT, PRIMARY KEY (tunnel_type, ip_address)
);
CREATE INDEX tunnel_endpoints_host ON tunnel_endpoints (host);

-- the MAC address that a host's distributed routers send from
CREATE TABLE dvr_host_macs (
    host TEXT PRIMARY KEY, mac_address TEXT NOT NULL
);
CREATE UNIQUE INDEX dvr_host_macs_mac ON dvr_host_macs (mac_address);
