-- Which sessions changed of late, for whoever keeps copies of them. Triggers
-- write it, so that no program that changes a session can leave it out.
CREATE TABLE dcv_session_change (
    -- One more than the newest row's, which is never removed: no number is
    -- given twice. AUTOINCREMENT would cost a table of SQLite's own.
    seq INTEGER PRIMARY KEY,
    -- The session that was added, changed or removed.
    id  TEXT NOT NULL COLLATE BINARY
) STRICT;

-- For a reader to begin behind. No session has this id.
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

-- The newest 1,000 rows stay, or up to 1,000 more: to remove a row for each
-- that is added would write one more page a transaction. A reader that comes
-- later than that finds the row missing that it read last.
CREATE TRIGGER dcv_session_change_trim AFTER INSERT ON dcv_session_change
WHEN NEW.seq % 1000 = 0
BEGIN
    DELETE FROM dcv_session_change WHERE seq <= NEW.seq - 1000;
END;

UPDATE dcv_session_schema SET version = 2;
