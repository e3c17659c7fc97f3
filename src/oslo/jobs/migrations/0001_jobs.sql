-- One row a long operation that has not ended.
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  host TEXT,                        -- whose workers run it; NULL: any
  state TEXT NOT NULL,              -- run, undo, end
  step TEXT NOT NULL,               -- the step to run (or undo) next
  args TEXT NOT NULL,               -- JSON
  context TEXT NOT NULL,            -- JSON: who asked, request ids
  fault TEXT,                       -- JSON: why it is being undone
  cancelled TEXT,                   -- why it shall fail
  owner TEXT,                       -- the process that runs it
  due_at BIGINT NOT NULL,           -- us; from then on a worker may take it: with an owner, the end of the lease
  poked BOOLEAN NOT NULL,           -- an event came while it ran: its next sleep ends at once
  attempts BIGINT NOT NULL,         -- how often this step was taken over from a process that had gone
  deadline_at BIGINT NOT NULL,      -- us
  created_at BIGINT NOT NULL        -- us
);
CREATE INDEX jobs_due ON jobs (due_at);
CREATE INDEX jobs_resource ON jobs (resource_id);
CREATE INDEX jobs_owner ON jobs (owner);
