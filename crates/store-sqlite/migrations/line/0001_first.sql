-- The journal of the embedded waiting room, version 1: what the lines in memory are rebuilt from. A file of its own
-- beside that of the sale, so that neither waits for the other's syncs. Times are microseconds since the Unix epoch,
-- ids are the sixteen bytes of a UUID.

-- A row a place, in order of arrival: joins append at the right edge of each line, and what happens to places later
-- stays near its head. No index over entry or fan: their keys are scattered, and would halve the speed of joining.
-- That a fan has one place at a time is up to the one process that has the line.
CREATE TABLE place (
    concert_id INTEGER NOT NULL CHECK (concert_id > 0),
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    entry_id BLOB NOT NULL CHECK (length(entry_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    joined_at INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3), -- 0 waiting, 1 skipped, 2 active, 3 ended
    admitted_at INTEGER CHECK (state = 3 OR (state = 2) = (admitted_at IS NOT NULL)),
    ends_at INTEGER CHECK ((state = 2) = (ends_at IS NOT NULL)),
    claim_by INTEGER CHECK (state = 2 OR claim_by IS NULL),
    ended_at INTEGER CHECK ((state = 3) = (ended_at IS NOT NULL)),
    -- 0 paid, 1 left, 2 timed out, 3 no show, 4 closed, 5 revoked
    reason INTEGER CHECK ((state = 3) = (reason IS NOT NULL) AND reason BETWEEN 0 AND 5),
    PRIMARY KEY (concert_id, sequence)
) STRICT, WITHOUT ROWID;

-- What is over is forgotten in the order in which it ended, and a step reads what it deletes and nothing else. The
-- other way, through each line from its lowest number, costs nothing while places end; but fans who were skipped stay
-- in line among those who are over, and places that ended today lie before others of last week, so that every step
-- would read past millions. The index has ended places only and is dense as well, written at its right edge and
-- eaten from its left: 21 bytes and a sixth more work an end, nothing a join.
CREATE INDEX place_ended ON place (ended_at) WHERE ended_at IS NOT NULL;

-- What is known of a line as a whole. A line has a row once it was marked or something of it was forgotten.
CREATE TABLE room (
    concert_id INTEGER PRIMARY KEY CHECK (concert_id > 0),
    next INTEGER NOT NULL CHECK (next > 0),   -- no number below it is given out again, whatever rows are left
    closed_below INTEGER NOT NULL CHECK (closed_below BETWEEN 1 AND next),
    closed_at INTEGER NOT NULL                -- 0 when the line was never closed
) STRICT;

-- How far the ends of sessions have been applied, as a position in the outbox of the sale. One row at most.
CREATE TABLE mark (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    sessions_through INTEGER NOT NULL CHECK (sessions_through >= 0)
) STRICT;
