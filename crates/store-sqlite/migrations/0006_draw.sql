-- Version 6: the draw of a lobby.

-- What the order comes from, how many entries of the order are kept in draw_part, and when it was done. Whoever has read a
-- seed before its draw can work out where an entry would stand: it is shown to nobody until then.
ALTER TABLE concert ADD COLUMN room_draw_seed BLOB CHECK (length(room_draw_seed) = 32);
ALTER TABLE concert ADD COLUMN room_draw_listed INTEGER
    CHECK ((room_draw_listed IS NULL) = (room_draw_seed IS NULL) AND room_draw_listed >= 0);
ALTER TABLE concert ADD COLUMN room_drawn_at INTEGER CHECK (room_drawn_at IS NULL OR room_draw_seed IS NOT NULL);

-- The order in which a lobby was drawn, in parts, to be published. The rows are long, so the table has row ids.
CREATE TABLE draw_part (
    concert_id INTEGER NOT NULL,
    first INTEGER NOT NULL CHECK (first >= 0), -- how many were drawn before these
    entries BLOB NOT NULL CHECK (length(entries) > 0 AND length(entries) % 16 = 0), -- one id after the other
    PRIMARY KEY (concert_id, first)
) STRICT;
