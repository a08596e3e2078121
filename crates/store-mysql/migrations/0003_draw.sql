-- The draw of a lobby, version 3. Only added: servers of the version before go on beside it, and know of no draw.

-- What the order comes from, how many entries of the order are kept in draw_part, and when it was done. Whoever has read a
-- seed before its draw can work out where an entry would stand: it is shown to nobody until then. One statement, so that
-- all of it is there or nothing.
ALTER TABLE concert
    ADD COLUMN room_draw_seed BINARY(32),
    ADD COLUMN room_draw_listed BIGINT,
    ADD COLUMN room_drawn_at BIGINT,
    ADD CHECK ((room_draw_listed IS NULL) = (room_draw_seed IS NULL)),
    ADD CHECK (room_draw_listed >= 0),
    ADD CHECK (room_drawn_at IS NULL OR room_draw_seed IS NOT NULL);

-- The order in which a lobby was drawn, in parts, to be published.
CREATE TABLE IF NOT EXISTS draw_part (
    concert_id BIGINT NOT NULL,
    first BIGINT NOT NULL CHECK (first >= 0), -- how many were drawn before these
    entries MEDIUMBLOB NOT NULL,              -- ids, one after the other
    PRIMARY KEY (concert_id, first),
    CHECK (LENGTH(entries) > 0 AND LENGTH(entries) % 16 = 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
