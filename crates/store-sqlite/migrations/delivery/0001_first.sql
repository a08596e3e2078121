-- Events on their way to others: a file of its own, so that a receiver that is slow or fails costs the sale nothing.
-- It belongs to the log in the file of the sale: the two are backed up and restored together.
-- Times are microseconds since the epoch, ids the 16 bytes of a UUID.

-- How far consumers of events have come in the part of the log that one instance at a time has.
CREATE TABLE consumer_mark (
    consumer TEXT NOT NULL CHECK (length(consumer) <= 64),
    shard INTEGER NOT NULL,
    position INTEGER NOT NULL,             -- everything of this part through it was dealt with
    owner BLOB CHECK (length(owner) = 16),
    owned_until INTEGER,
    wanted_by BLOB CHECK (length(wanted_by) = 16),
    wanted_until INTEGER,
    seen_at INTEGER NOT NULL,              -- when it last had an owner
    PRIMARY KEY (consumer, shard),
    CHECK ((owner IS NULL) = (owned_until IS NULL)),
    CHECK ((wanted_by IS NULL) = (wanted_until IS NULL))
) STRICT, WITHOUT ROWID;

-- Events that a consumer could not deal with yet, and those that follow them under the same key.
CREATE TABLE parked_event (
    consumer TEXT NOT NULL,
    event_key BLOB NOT NULL CHECK (length(event_key) = 16),
    sequence INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    tries INTEGER NOT NULL,
    since INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (consumer, event_key, sequence)
) STRICT;
CREATE INDEX parked_event_by_time ON parked_event (consumer, next_at);

-- Events that a consumer could not deal with for good.
CREATE TABLE dead_letter (
    letter_id BLOB PRIMARY KEY NOT NULL CHECK (length(letter_id) = 16),
    consumer TEXT NOT NULL,
    event_key BLOB NOT NULL CHECK (length(event_key) = 16),
    sequence INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    tries INTEGER NOT NULL,
    reason TEXT NOT NULL,
    dead_at INTEGER NOT NULL
) STRICT;

-- Who has asked to be told of events.
CREATE TABLE webhook (
    webhook_id BLOB PRIMARY KEY NOT NULL CHECK (length(webhook_id) = 16),
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    types TEXT NOT NULL,                   -- JSON list of the types that are wanted; empty: all
    secret BLOB NOT NULL,
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3), -- 0 on, 1 switched off by staff, 2 gone, 3 failed for too long
    created_at INTEGER NOT NULL,
    row_version INTEGER NOT NULL
) STRICT;

-- What came of tries to tell them, kept for some days.
CREATE TABLE webhook_attempt (
    attempt_id BLOB PRIMARY KEY NOT NULL CHECK (length(attempt_id) = 16),
    webhook_id BLOB NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    at INTEGER NOT NULL,
    try_no INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    http_status INTEGER,                   -- nothing when there was no answer
    reason TEXT NOT NULL                   -- empty when it was delivered
) STRICT;
CREATE INDEX webhook_attempt_of ON webhook_attempt (webhook_id, attempt_id);
CREATE INDEX webhook_attempt_by_time ON webhook_attempt (at);
