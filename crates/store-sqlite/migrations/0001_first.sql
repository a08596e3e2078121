-- Frontrow's embedded schema, version 1. Times are microseconds since the Unix epoch, money is whole minor
-- units, ids are the sixteen bytes of a UUID, text keys are bytes (never under a collation).
--
-- What must never be wrong is guarded here as well, whoever writes: one claim a seat, one completed payment a
-- reservation, one entry a number in a ledger that adds up, no negative balance, one use of a key or address.

CREATE TABLE meta (
    epoch INTEGER NOT NULL,          -- random name of this store's history, part of every ETag
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE counter (
    name INTEGER PRIMARY KEY,        -- 0 concerts, 1 schedules
    value INTEGER NOT NULL CHECK (value > 0),
    row_version INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    user_id BLOB PRIMARY KEY CHECK (length(user_id) = 16),
    email BLOB,                      -- normalised, UTF-8
    name TEXT NOT NULL,
    role INTEGER NOT NULL,           -- 0 fan, 1 operator, 2 admin, 3 gate
    standing INTEGER NOT NULL,       -- 0 active, 1 blocked, 2 erased
    credential INTEGER NOT NULL,     -- 0 none, 1 password, 2 external issuer
    password_hash TEXT CHECK ((credential = 1) = (password_hash IS NOT NULL)),
    created_at INTEGER NOT NULL,
    row_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_email (
    email BLOB PRIMARY KEY,
    user_id BLOB NOT NULL,
    row_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_identity (
    identity BLOB PRIMARY KEY CHECK (length(identity) = 16), -- digest of issuer and subject
    user_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE login (
    login_id BLOB PRIMARY KEY CHECK (length(login_id) = 16),
    user_id BLOB NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
    row_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE wallet (
    user_id BLOB PRIMARY KEY CHECK (length(user_id) = 16),
    balance INTEGER NOT NULL CHECK (balance >= 0),
    last_entry INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    row_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    user_id BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    transaction_id BLOB NOT NULL CHECK (length(transaction_id) = 16),
    kind INTEGER NOT NULL,            -- 0 charge, 1 payment
    counter_account INTEGER NOT NULL, -- 0 external, 1 sales, 2 fees
    method INTEGER,                   -- of a charge: 0 card, 1 cash
    payment_id BLOB,
    reservation_id BLOB,
    amount INTEGER NOT NULL,
    balance_before INTEGER NOT NULL CHECK (balance_before >= 0),
    balance_after INTEGER NOT NULL CHECK (balance_after >= 0),
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, number),
    CHECK (balance_before + amount = balance_after)
) STRICT, WITHOUT ROWID;

CREATE TABLE concert (
    concert_id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    artist TEXT NOT NULL,
    description TEXT NOT NULL,
    published INTEGER NOT NULL CHECK (published IN (0, 1)),
    room_enabled INTEGER NOT NULL CHECK (room_enabled IN (0, 1)),
    room_max_active INTEGER NOT NULL,
    room_admit_per_second_milli INTEGER NOT NULL,
    room_session_seconds INTEGER NOT NULL,
    room_claim_seconds INTEGER NOT NULL,
    room_presence_seconds INTEGER NOT NULL,
    room_lobby_opens_at INTEGER,
    created_at INTEGER NOT NULL,
    row_version INTEGER NOT NULL
) STRICT;

CREATE TABLE schedule (
    schedule_id INTEGER PRIMARY KEY,
    concert_id INTEGER NOT NULL,
    venue TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    time_zone TEXT NOT NULL,
    duration_minutes INTEGER NOT NULL,
    booking_start INTEGER NOT NULL,
    booking_end INTEGER NOT NULL,
    hold_seconds INTEGER NOT NULL,
    hold_max_seconds INTEGER NOT NULL,
    hold_extension_seconds INTEGER NOT NULL,
    max_seats_per_fan INTEGER NOT NULL,
    sales_paused INTEGER NOT NULL CHECK (sales_paused IN (0, 1)),
    plan_version INTEGER NOT NULL,
    in_use INTEGER NOT NULL CHECK (in_use IN (0, 1)),
    version INTEGER NOT NULL,         -- of the seat map: +1 per changing commit, never back
    decided_at INTEGER NOT NULL,      -- no decision over this schedule is made at an earlier time
    created_at INTEGER NOT NULL,
    row_version INTEGER NOT NULL
) STRICT;
CREATE INDEX schedule_by_concert ON schedule (concert_id, starts_at, schedule_id);
CREATE INDEX schedule_by_booking ON schedule (concert_id, booking_start);

CREATE TABLE seat_plan (
    schedule_id INTEGER NOT NULL,
    plan_version INTEGER NOT NULL,
    form BLOB NOT NULL,               -- the plan as numbered; frontrow-application, catalog::plan_form
    PRIMARY KEY (schedule_id, plan_version)
) STRICT;

-- Only current or lapsed claims: an ended one is deleted, history is the reservation's own list of seats.
CREATE TABLE claim (
    schedule_id INTEGER NOT NULL,
    seat_no INTEGER NOT NULL CHECK (seat_no > 0),
    kind INTEGER NOT NULL,            -- 0 held, 1 sold, 2 blocked
    reservation_id BLOB CHECK ((kind = 2) = (reservation_id IS NULL)),
    user_id BLOB CHECK ((kind = 2) = (user_id IS NULL)),
    until INTEGER CHECK ((kind = 0) = (until IS NOT NULL)),
    PRIMARY KEY (schedule_id, seat_no)
) STRICT, WITHOUT ROWID;

-- Which seats a commit changed: what a map needs to follow, written once a commit (ADR 0006).
CREATE TABLE seat_change (
    schedule_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    seats TEXT NOT NULL,              -- numbers with commas between
    PRIMARY KEY (schedule_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX seat_change_by_time ON seat_change (at);

CREATE TABLE reservation (
    reservation_id BLOB PRIMARY KEY CHECK (length(reservation_id) = 16),
    user_id BLOB NOT NULL,
    concert_id INTEGER NOT NULL,
    schedule_id INTEGER NOT NULL,
    seats TEXT NOT NULL,              -- numbers with commas between, in order
    amount INTEGER NOT NULL CHECK (amount >= 0),
    created_at INTEGER NOT NULL,
    state INTEGER NOT NULL,           -- 0 pending, 1 confirmed, 2 cancelled, 3 expired
    state_at INTEGER NOT NULL,        -- pending: the end of the hold; else: when it came into the state
    held_until INTEGER NOT NULL,      -- when the hold ends, or would have ended
    extended INTEGER NOT NULL CHECK (extended IN (0, 1)),
    payment_id BLOB CHECK ((state = 1) = (payment_id IS NOT NULL)),
    last_event INTEGER NOT NULL,
    row_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- A fan's list, seat limit and pause come from this one index (ADR 0007).
CREATE INDEX reservation_by_fan ON reservation (user_id, schedule_id);
CREATE INDEX reservation_pending ON reservation (state_at) WHERE state = 0;

CREATE TABLE payment (
    payment_id BLOB PRIMARY KEY CHECK (length(payment_id) = 16),
    reservation_id BLOB NOT NULL,
    schedule_id INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,           -- 0 completed, 1 failed
    failure_reason TEXT CHECK ((state = 1) = (failure_reason IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX payment_completed ON payment (reservation_id) WHERE state = 0;
CREATE INDEX payment_by_fan ON payment (user_id);

CREATE TABLE ticket (
    ticket_id BLOB PRIMARY KEY CHECK (length(ticket_id) = 16),
    reservation_id BLOB NOT NULL,
    schedule_id INTEGER NOT NULL,
    seat_no INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    state INTEGER NOT NULL            -- 0 valid
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ticket_by_reservation ON ticket (reservation_id, seat_no);

-- Events wait here for their relay. Written in the transaction of what they tell.
CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL                -- JSON of the event: type and data
) STRICT;

-- Outcomes under idempotency keys are in tables once_<day>, one per UTC day, made when first needed and
-- dropped whole. Each is: once_id INTEGER PRIMARY KEY, key BLOB UNIQUE, request BLOB, outcome BLOB,
-- created_at INTEGER.
