-- Schema version 2: what the waiting room needs of the sale, and the audit log of staff actions.

-- The place in the waiting room under which seats were held. Rows from before there was a room have none.
ALTER TABLE reservation ADD COLUMN queue_entry BLOB CHECK (length(queue_entry) = 16);

-- The place that may end with an event, so that the line finds the few payments that concern it among all events.
-- Its reader remembers how far it has come by outbox_id, so a number must never be given out twice: whoever
-- deletes events leaves the newest row.
ALTER TABLE outbox ADD COLUMN queue_entry BLOB CHECK (length(queue_entry) = 16);
CREATE INDEX outbox_session_end ON outbox (outbox_id) WHERE queue_entry IS NOT NULL;

-- What an operator does with a line while it stands.
ALTER TABLE concert ADD COLUMN room_paused INTEGER NOT NULL DEFAULT 0 CHECK (room_paused IN (0, 1));
ALTER TABLE concert ADD COLUMN room_draining INTEGER NOT NULL DEFAULT 0 CHECK (room_draining IN (0, 1));
ALTER TABLE concert ADD COLUMN room_closed INTEGER NOT NULL DEFAULT 0 CHECK (room_closed IN (0, 1));
ALTER TABLE concert ADD COLUMN room_notice TEXT;

-- What staff did, only ever added to, written in the transaction of what was done. Ids are UUIDv7, so the order of
-- keys is that of time. The rows are long, so this one table with such a key has row ids.
CREATE TABLE audit_log (
    entry_id BLOB PRIMARY KEY NOT NULL CHECK (length(entry_id) = 16),
    at INTEGER NOT NULL,
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    role INTEGER NOT NULL,           -- at the time; 0 fan, 1 operator, 2 admin, 3 gate
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT,                     -- JSON of what was there, and of what is there now
    after TEXT,
    request_id TEXT NOT NULL CHECK (length(CAST(request_id AS BLOB)) <= 128)
) STRICT;
