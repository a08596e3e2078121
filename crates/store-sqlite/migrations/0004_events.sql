-- Version 4: what is told to others.

-- Since when no seat is to be had, once that was told; null again as soon as one is.
ALTER TABLE schedule ADD COLUMN sold_out_at INTEGER;
