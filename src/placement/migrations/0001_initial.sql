-- Providers of resources, trees of them: root_uuid is the top of the tree (itself for a root).
CREATE TABLE resource_providers (
  uuid TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  generation BIGINT NOT NULL,
  parent_uuid TEXT REFERENCES resource_providers (uuid),
  root_uuid TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT
);
CREATE INDEX resource_providers_parent ON resource_providers (parent_uuid);
CREATE INDEX resource_providers_root ON resource_providers (root_uuid);

CREATE TABLE resource_classes (
  name TEXT PRIMARY KEY,
  position BIGINT NOT NULL,         -- the order they are listed in
  created_at BIGINT NOT NULL,
  updated_at BIGINT
);

-- used is the sum of the allocations of that provider and class, kept by those who write allocations.
CREATE TABLE inventories (
  provider_uuid TEXT NOT NULL REFERENCES resource_providers (uuid),
  resource_class TEXT NOT NULL REFERENCES resource_classes (name),
  total BIGINT NOT NULL,
  reserved BIGINT NOT NULL,
  min_unit BIGINT NOT NULL,
  max_unit BIGINT NOT NULL,
  step_size BIGINT NOT NULL,
  allocation_ratio DOUBLE PRECISION NOT NULL,
  used BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT,
  PRIMARY KEY (provider_uuid, resource_class)
);
CREATE INDEX inventories_class ON inventories (resource_class);

CREATE TABLE consumers (
  uuid TEXT PRIMARY KEY,
  project_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  consumer_type TEXT,
  generation BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT
);
CREATE INDEX consumers_project ON consumers (project_id, user_id);

CREATE TABLE allocations (
  consumer_uuid TEXT NOT NULL REFERENCES consumers (uuid),
  provider_uuid TEXT NOT NULL,
  resource_class TEXT NOT NULL,
  used BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (consumer_uuid, provider_uuid, resource_class),
  FOREIGN KEY (provider_uuid, resource_class) REFERENCES inventories (provider_uuid, resource_class)
);
CREATE INDEX allocations_provider ON allocations (provider_uuid, resource_class);

CREATE TABLE traits (
  name TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL,
  updated_at BIGINT
);

CREATE TABLE provider_traits (
  provider_uuid TEXT NOT NULL REFERENCES resource_providers (uuid),
  trait TEXT NOT NULL REFERENCES traits (name),
  PRIMARY KEY (provider_uuid, trait)
);
CREATE INDEX provider_traits_trait ON provider_traits (trait);

CREATE TABLE provider_aggregates (
  provider_uuid TEXT NOT NULL REFERENCES resource_providers (uuid),
  aggregate_uuid TEXT NOT NULL,
  PRIMARY KEY (provider_uuid, aggregate_uuid)
);
CREATE INDEX provider_aggregates_aggregate ON provider_aggregates (aggregate_uuid);
