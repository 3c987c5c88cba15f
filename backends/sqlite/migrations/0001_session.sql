-- One row per session. Times are milliseconds since 1970-01-01T00:00:00Z.
CREATE TABLE dcv_session (
    -- Compared byte for byte.
    id            TEXT    NOT NULL COLLATE BINARY PRIMARY KEY,
    -- The id on the DCV server; NULL where it is the same.
    target_id     TEXT    COLLATE BINARY,
    host          TEXT    NOT NULL,
    http_port     INTEGER CHECK (http_port BETWEEN 1 AND 65535),
    quic_port     INTEGER CHECK (quic_port BETWEEN 1 AND 65535),
    web_url_path  TEXT    NOT NULL DEFAULT '/',
    -- CREATING, READY, DELETING or UNKNOWN.
    state         TEXT    NOT NULL DEFAULT 'READY',
    -- NULL: never.
    expires_at_ms INTEGER,
    owner         TEXT,
    -- A JSON object of strings.
    labels        TEXT    NOT NULL DEFAULT '{}',
    -- The token that may renew or remove the row; NULL: none.
    lease_token   BLOB    CHECK (length(lease_token) = 16),
    CHECK (http_port IS NOT NULL OR quic_port IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Used by sweeps. It leaves out rows that never expire.
CREATE INDEX dcv_session_expires_at_ms
    ON dcv_session (expires_at_ms)
    WHERE expires_at_ms IS NOT NULL;

-- One row: the number of the last migration that ran.
CREATE TABLE dcv_session_schema (
    version INTEGER NOT NULL
) STRICT;

INSERT INTO dcv_session_schema (version) VALUES (1);
