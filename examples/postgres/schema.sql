CREATE TABLE IF NOT EXISTS dcv_session (
    -- Compared byte for byte: console is not Console.
    id            text COLLATE "C" PRIMARY KEY,
    -- The stored form, as JSON. Not jsonb, which cannot store U+0000.
    record        text NOT NULL,
    -- Milliseconds since 1970; NULL: never. It overrides that in the record.
    expires_at_ms bigint,
    -- The SHA-256 of the lease token; NULL: no one can renew or remove the row.
    lease_digest  bytea
);

CREATE INDEX IF NOT EXISTS dcv_session_expires_at_ms
    ON dcv_session (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- Notifies every listener of the ids that changed, as soon as a transaction
-- commits. An empty payload means that any session may have changed.
CREATE OR REPLACE FUNCTION dcv_session_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    channel text := 'dcv_session.' || TG_TABLE_SCHEMA;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify(channel, '');
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        PERFORM pg_notify(channel, OLD.id);
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        PERFORM pg_notify(channel, NEW.id);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER dcv_session_changed
    AFTER INSERT OR UPDATE OR DELETE ON dcv_session
    FOR EACH ROW EXECUTE FUNCTION dcv_session_changed();

CREATE OR REPLACE TRIGGER dcv_session_truncated
    AFTER TRUNCATE ON dcv_session
    FOR EACH STATEMENT EXECUTE FUNCTION dcv_session_changed();
