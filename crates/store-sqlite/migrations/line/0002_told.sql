-- Version 2: of whom it was told that they were let in.

-- Whoever was let in up to then was told of. A line has a row once that was done for the first time.
CREATE TABLE told (
    concert_id INTEGER PRIMARY KEY CHECK (concert_id > 0),
    through INTEGER NOT NULL CHECK (through >= 0)
) STRICT;

-- What happened before this version was told to nobody, and is no news any more.
INSERT INTO told (concert_id, through)
SELECT concert_id, max(admitted_at) FROM place WHERE admitted_at IS NOT NULL GROUP BY concert_id;
