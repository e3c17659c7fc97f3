-- Builds that failed on a host since the last that went well: the scheduler takes such a host last.
ALTER TABLE compute_nodes ADD COLUMN failed_builds BIGINT NOT NULL DEFAULT 0;
