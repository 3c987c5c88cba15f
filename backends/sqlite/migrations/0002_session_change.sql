-- The sessions that changed last, for caches. Triggers write it, so that no
-- program can change a session without recording it.
CREATE TABLE dcv_session_change (
    -- One more than that of the newest row, which is never removed, so that no
    -- number is used twice. AUTOINCREMENT would need another table.
    seq INTEGER PRIMARY KEY,
    -- The session that was added, changed or removed.
    id  TEXT NOT NULL COLLATE BINARY
) STRICT;

-- The row that a reader starts after. No session has this id.
INSERT INTO dcv_session_change (seq, id) VALUES (0, '');

CREATE TRIGGER dcv_session_change_insert AFTER INSERT ON dcv_session
BEGIN
    INSERT INTO dcv_session_change (id) VALUES (NEW.id);
END;

CREATE TRIGGER dcv_session_change_update AFTER UPDATE ON dcv_session
BEGIN
    INSERT INTO dcv_session_change (id) VALUES (NEW.id);
END;

CREATE TRIGGER dcv_session_change_rename AFTER UPDATE OF id ON dcv_session
WHEN OLD.id <> NEW.id
BEGIN
    INSERT INTO dcv_session_change (id) VALUES (OLD.id);
END;

CREATE TRIGGER dcv_session_change_delete AFTER DELETE ON dcv_session
BEGIN
    INSERT INTO dcv_session_change (id) VALUES (OLD.id);
END;

-- Keeps the newest 1,000 to 2,000 rows: removing a row for each new one would
-- write one more page per transaction. A reader that is too late notices that
-- the row it read last is missing.
CREATE TRIGGER dcv_session_change_trim AFTER INSERT ON dcv_session_change
WHEN NEW.seq % 1000 = 0
BEGIN
    DELETE FROM dcv_session_change WHERE seq <= NEW.seq - 1000;
END;

UPDATE dcv_session_schema SET version = 2;
