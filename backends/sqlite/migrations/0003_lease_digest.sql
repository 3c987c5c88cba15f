-- The SHA-256 of the lease token's 32 hexadecimal digits, so that a copy of the
-- database gives no one the right to renew or remove a session. Rows that an
-- older version wrote have lease_token instead, until they are written again;
-- the library's own migration hashes all of them.
ALTER TABLE dcv_session ADD COLUMN lease_digest BLOB CHECK (length(lease_digest) = 32);

UPDATE dcv_session_schema SET version = 3;
