-- Schema version 3: refunds, the door, drawings of plans, and what the box office asks for.

-- A refunded reservation keeps its payment, which the old table forbade: a check cannot be changed in place, so the
-- table is made anew.
CREATE TABLE reservation_3 (
    reservation_id BLOB PRIMARY KEY CHECK (length(reservation_id) = 16),
    user_id BLOB NOT NULL,
    concert_id INTEGER NOT NULL,
    schedule_id INTEGER NOT NULL,
    seats TEXT NOT NULL,              -- numbers with commas between, in order
    amount INTEGER NOT NULL CHECK (amount >= 0),
    created_at INTEGER NOT NULL,
    state INTEGER NOT NULL,           -- 0 pending, 1 confirmed, 2 cancelled, 3 expired, 4 refunded
    state_at INTEGER NOT NULL,        -- pending: the end of the hold; else: when it came into the state
    held_until INTEGER NOT NULL,      -- when the hold ends, or would have ended
    extended INTEGER NOT NULL CHECK (extended IN (0, 1)),
    payment_id BLOB CHECK ((state IN (1, 4)) = (payment_id IS NOT NULL)),
    last_event INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    queue_entry BLOB CHECK (length(queue_entry) = 16),
    paid_at INTEGER CHECK ((state = 4) = (paid_at IS NOT NULL)),   -- of a refunded one; state_at says it elsewhere
    returned INTEGER CHECK ((state = 4) = (returned IS NOT NULL)), -- what went back into the wallet
    CHECK (returned IS NULL OR (returned >= 0 AND returned <= amount))
) STRICT, WITHOUT ROWID;
INSERT INTO reservation_3 (reservation_id, user_id, concert_id, schedule_id, seats, amount, created_at, state,
    state_at, held_until, extended, payment_id, last_event, row_version, queue_entry)
SELECT reservation_id, user_id, concert_id, schedule_id, seats, amount, created_at, state,
    state_at, held_until, extended, payment_id, last_event, row_version, queue_entry FROM reservation;
DROP TABLE reservation;
ALTER TABLE reservation_3 RENAME TO reservation;
CREATE INDEX reservation_by_fan ON reservation (user_id, schedule_id);
CREATE INDEX reservation_pending ON reservation (state_at) WHERE state = 0;
-- What the box office lists, newest first within a state, and what calling a performance off goes through. Without the
-- state a page of the few refunded ones would go through all that there ever were.
CREATE INDEX reservation_by_schedule ON reservation (schedule_id, state);

-- How many seats a payment was for, so that sales are summed up without reading reservations.
ALTER TABLE payment ADD COLUMN seats INTEGER NOT NULL DEFAULT 0 CHECK (seats >= 0);
UPDATE payment SET seats = (
    SELECT length(r.seats) - length(replace(r.seats, ',', '')) + 1
    FROM reservation AS r WHERE r.reservation_id = payment.reservation_id
) WHERE EXISTS (SELECT 1 FROM reservation AS r WHERE r.reservation_id = payment.reservation_id);
-- Has every column that sales are summed up from.
CREATE INDEX payment_by_schedule ON payment (schedule_id, at, amount, seats) WHERE state = 0;

-- Money that went back. At most one a payment and a reservation, whoever writes.
CREATE TABLE refund (
    payment_id BLOB PRIMARY KEY CHECK (length(payment_id) = 16),
    reservation_id BLOB NOT NULL UNIQUE CHECK (length(reservation_id) = 16),
    schedule_id INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    returned INTEGER NOT NULL CHECK (returned >= 0),
    fee INTEGER NOT NULL CHECK (fee >= 0),
    at INTEGER NOT NULL,
    cause TEXT NOT NULL               -- policy, staff, schedule_cancelled
) STRICT, WITHOUT ROWID;
CREATE INDEX refund_by_schedule ON refund (schedule_id, returned, fee);
-- The audit asks for every wallet what went back into it.
CREATE INDEX refund_by_fan ON refund (user_id);

-- A ticket is scanned once; 0 valid, 1 used, 2 void.
ALTER TABLE ticket ADD COLUMN used_at INTEGER CHECK ((state = 1) = (used_at IS NOT NULL));
ALTER TABLE ticket ADD COLUMN used_by BLOB CHECK ((state = 1) = (used_by IS NOT NULL));
ALTER TABLE ticket ADD COLUMN row_version INTEGER NOT NULL DEFAULT 1;
-- Only those that were used, so that selling writes nothing to it. How many there are to use, the claims say.
CREATE INDEX ticket_used ON ticket (schedule_id) WHERE state = 1;

-- When role or standing was last changed. Whoever believes a token asks every second which accounts these are. Those that
-- were blocked or erased before are among them.
ALTER TABLE account ADD COLUMN changed_at INTEGER;
UPDATE account SET changed_at = created_at WHERE standing <> 0;
CREATE INDEX account_changed ON account (changed_at) WHERE changed_at IS NOT NULL;

ALTER TABLE schedule ADD COLUMN refund_policy TEXT;      -- hours:percent with commas between, in order; none: null
ALTER TABLE schedule ADD COLUMN cancelled_at INTEGER;
ALTER TABLE schedule ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0;
-- Those that were called off are asked for all the time, until everything of them has gone back.
CREATE INDEX schedule_cancelled ON schedule (cancelled_at) WHERE cancelled_at IS NOT NULL;

-- Where everything of an imported plan is on the screen; other plans are drawn when they are asked for.
CREATE TABLE seat_drawing (
    schedule_id INTEGER NOT NULL,
    plan_version INTEGER NOT NULL,
    form BLOB NOT NULL,               -- frontrow-application, catalog::drawing_form
    PRIMARY KEY (schedule_id, plan_version)
) STRICT;
