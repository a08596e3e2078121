-- Version 3: the draw of a lobby.

-- Places in a lobby are rows of `place` whose numbers are above 2^39: behind those of the line, whatever comes. They go with
-- the draw. A lobby has a row once its draw has begun or something of it was forgotten.
CREATE TABLE lobby (
    concert_id INTEGER PRIMARY KEY CHECK (concert_id > 0),
    next INTEGER NOT NULL CHECK (next > 549755813888), -- no number of the lobby below it is given out again
    stage INTEGER NOT NULL CHECK (stage BETWEEN 0 AND 2), -- 0 gathering, 1 drawing, 2 done
    -- Of a draw under way: who is in it, since when that is settled, and which number in the line is the first.
    below INTEGER CHECK ((stage = 1) = (below IS NOT NULL) AND below BETWEEN 549755813889 AND next),
    at INTEGER CHECK ((stage = 1) = (at IS NOT NULL)),
    first INTEGER CHECK ((stage = 1) = (first IS NOT NULL) AND first > 0)
) STRICT;
