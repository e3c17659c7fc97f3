-- One row, counted up by whatever may change what a token is worth: processes look whether it is still what it was.
CREATE TABLE token_generation (id INTEGER PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO token_generation (id, value) VALUES (1, 0);
