-- Frontrow's schema on MySQL and MariaDB, version 1. Times are microseconds since the Unix epoch, money is whole minor
-- units, ids are the sixteen bytes of a UUID, text keys are bytes or digests: no collation decides which two are the same.
-- Other text is utf8mb4 and is never compared.
--
-- What must never be wrong is guarded here as well, whoever writes: one claim a seat, one completed payment a
-- reservation, one refund a payment, one entry a number in a ledger that adds up, no negative balance, one use of a key,
-- an address or an identity.
--
-- There are no foreign keys: they lock rows in an order of their own. Every statement can be run again, because MySQL
-- commits each of them by itself and a start may end half way. A statement ends with a semicolon at the end of a line.

CREATE TABLE IF NOT EXISTS counter (
    name TINYINT NOT NULL PRIMARY KEY,     -- 0 concerts, 1 schedules
    value BIGINT NOT NULL CHECK (value > 0),
    row_version BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS account (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    email VARBINARY(512),                  -- normalised, UTF-8
    name TEXT NOT NULL,
    role TINYINT NOT NULL,                 -- 0 fan, 1 operator, 2 admin, 3 gate
    standing TINYINT NOT NULL,             -- 0 active, 1 blocked, 2 erased
    credential TINYINT NOT NULL,           -- 0 none, 1 password, 2 external issuer
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT,                     -- when role or standing was last changed
    row_version BIGINT NOT NULL,
    CHECK ((credential = 1) = (password_hash IS NOT NULL)),
    KEY account_changed (changed_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS account_email (
    email VARBINARY(512) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    row_version BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS account_identity (
    identity BINARY(16) NOT NULL PRIMARY KEY,  -- digest of issuer and subject
    user_id BINARY(16) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS login (
    login_id BINARY(16) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended TINYINT NOT NULL CHECK (ended IN (0, 1)),
    row_version BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS wallet (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL CHECK (balance >= 0),
    last_entry BIGINT NOT NULL,
    last_event BIGINT NOT NULL,
    row_version BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ledger (
    user_id BINARY(16) NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    transaction_id BINARY(16) NOT NULL,
    kind TINYINT NOT NULL,                 -- 0 charge, 1 payment, 2 refund, 3 fee
    counter_account TINYINT NOT NULL,      -- 0 external, 1 sales, 2 fees
    method TINYINT,                        -- of a charge: 0 card, 1 cash
    payment_id BINARY(16),
    reservation_id BINARY(16),
    amount BIGINT NOT NULL,
    balance_before BIGINT NOT NULL CHECK (balance_before >= 0),
    balance_after BIGINT NOT NULL CHECK (balance_after >= 0),
    at BIGINT NOT NULL,
    PRIMARY KEY (user_id, number),
    CHECK (balance_before + amount = balance_after)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS concert (
    concert_id BIGINT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    artist TEXT NOT NULL,
    description MEDIUMTEXT NOT NULL,
    published TINYINT NOT NULL CHECK (published IN (0, 1)),
    room_enabled TINYINT NOT NULL CHECK (room_enabled IN (0, 1)),
    room_max_active BIGINT NOT NULL,
    room_admit_per_second_milli BIGINT NOT NULL,
    room_session_seconds BIGINT NOT NULL,
    room_claim_seconds BIGINT NOT NULL,
    room_presence_seconds BIGINT NOT NULL,
    room_lobby_opens_at BIGINT,
    room_paused TINYINT NOT NULL CHECK (room_paused IN (0, 1)),
    room_draining TINYINT NOT NULL CHECK (room_draining IN (0, 1)),
    room_closed TINYINT NOT NULL CHECK (room_closed IN (0, 1)),
    room_notice TEXT,
    created_at BIGINT NOT NULL,
    row_version BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS schedule (
    schedule_id BIGINT NOT NULL PRIMARY KEY,
    concert_id BIGINT NOT NULL,
    venue TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    time_zone TEXT NOT NULL,
    duration_minutes BIGINT NOT NULL,
    booking_start BIGINT NOT NULL,
    booking_end BIGINT NOT NULL,
    hold_seconds BIGINT NOT NULL,
    hold_max_seconds BIGINT NOT NULL,
    hold_extension_seconds BIGINT NOT NULL,
    max_seats_per_fan BIGINT NOT NULL,
    sales_paused TINYINT NOT NULL CHECK (sales_paused IN (0, 1)),
    plan_version BIGINT NOT NULL,
    in_use TINYINT NOT NULL CHECK (in_use IN (0, 1)),
    version BIGINT NOT NULL,               -- of the seat map: +1 per changing commit, never back
    decided_at BIGINT NOT NULL,            -- no decision over this schedule is made at an earlier time
    created_at BIGINT NOT NULL,
    refund_policy TEXT,                    -- hours:percent with commas between, in order; none: null
    cancelled_at BIGINT,
    last_event BIGINT NOT NULL,
    sold_out_at BIGINT,
    row_version BIGINT NOT NULL,
    KEY schedule_by_concert (concert_id, starts_at, schedule_id),
    KEY schedule_by_booking (concert_id, booking_start),
    KEY schedule_cancelled (cancelled_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS seat_plan (
    schedule_id BIGINT NOT NULL,
    plan_version BIGINT NOT NULL,
    form LONGBLOB NOT NULL,                -- the plan as numbered; frontrow-application, catalog::plan_form
    PRIMARY KEY (schedule_id, plan_version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS seat_drawing (
    schedule_id BIGINT NOT NULL,
    plan_version BIGINT NOT NULL,
    form LONGBLOB NOT NULL,                -- frontrow-application, catalog::drawing_form
    PRIMARY KEY (schedule_id, plan_version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Only current or lapsed claims: an ended one is deleted, history is the reservation's own list of seats.
CREATE TABLE IF NOT EXISTS claim (
    schedule_id BIGINT NOT NULL,
    seat_no BIGINT NOT NULL CHECK (seat_no > 0),
    kind TINYINT NOT NULL,                 -- 0 held, 1 sold, 2 blocked
    reservation_id BINARY(16),
    user_id BINARY(16),
    held_until BIGINT,
    PRIMARY KEY (schedule_id, seat_no),
    CHECK ((kind = 2) = (reservation_id IS NULL)),
    CHECK ((kind = 2) = (user_id IS NULL)),
    CHECK ((kind = 0) = (held_until IS NOT NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Which seats a commit changed: what a map needs to follow, written once a commit (ADR 0006).
CREATE TABLE IF NOT EXISTS seat_change (
    schedule_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    seats MEDIUMTEXT NOT NULL,             -- numbers with commas between
    PRIMARY KEY (schedule_id, version),
    KEY seat_change_by_time (at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reservation (
    reservation_id BINARY(16) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    concert_id BIGINT NOT NULL,
    schedule_id BIGINT NOT NULL,
    seats MEDIUMTEXT NOT NULL,             -- numbers with commas between, in order
    amount BIGINT NOT NULL CHECK (amount >= 0),
    created_at BIGINT NOT NULL,
    state TINYINT NOT NULL,                -- 0 pending, 1 confirmed, 2 cancelled, 3 expired, 4 refunded
    state_at BIGINT NOT NULL,              -- pending: the end of the hold; else: when it came into the state
    held_until BIGINT NOT NULL,            -- when the hold ends, or would have ended
    extended TINYINT NOT NULL CHECK (extended IN (0, 1)),
    payment_id BINARY(16),
    last_event BIGINT NOT NULL,
    queue_entry BINARY(16),                -- the place in the waiting room under which seats were held
    paid_at BIGINT,                        -- of a refunded one; state_at says it elsewhere
    returned BIGINT,                       -- what went back into the wallet
    row_version BIGINT NOT NULL,
    CHECK ((state IN (1, 4)) = (payment_id IS NOT NULL)),
    CHECK ((state = 4) = (paid_at IS NOT NULL)),
    CHECK ((state = 4) = (returned IS NOT NULL)),
    CHECK (returned IS NULL OR (returned >= 0 AND returned <= amount)),
    KEY reservation_by_fan (user_id, schedule_id, reservation_id),
    KEY reservation_by_schedule (schedule_id, state, reservation_id),
    KEY reservation_by_state (state, state_at, reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS payment (
    payment_id BINARY(16) NOT NULL PRIMARY KEY,
    reservation_id BINARY(16) NOT NULL,
    schedule_id BIGINT NOT NULL,
    user_id BINARY(16) NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    seats BIGINT NOT NULL CHECK (seats >= 0),
    at BIGINT NOT NULL,
    state TINYINT NOT NULL,                -- 0 completed, 1 failed
    failure_reason TEXT,
    -- There is no index over some of the rows, but any number of nulls is unique.
    completed_of BINARY(16) GENERATED ALWAYS AS (CASE WHEN state = 0 THEN reservation_id END) STORED,
    CHECK ((state = 1) = (failure_reason IS NOT NULL)),
    UNIQUE KEY payment_completed (completed_of),
    KEY payment_by_fan (user_id, payment_id),
    KEY payment_by_schedule (schedule_id, state, at, amount, seats)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Money that went back. At most one a payment and a reservation, whoever writes.
CREATE TABLE IF NOT EXISTS refund (
    payment_id BINARY(16) NOT NULL PRIMARY KEY,
    reservation_id BINARY(16) NOT NULL,
    schedule_id BIGINT NOT NULL,
    user_id BINARY(16) NOT NULL,
    returned BIGINT NOT NULL CHECK (returned >= 0),
    fee BIGINT NOT NULL CHECK (fee >= 0),
    at BIGINT NOT NULL,
    cause TEXT NOT NULL,                   -- policy, staff, schedule_cancelled
    UNIQUE KEY refund_of_reservation (reservation_id),
    KEY refund_by_schedule (schedule_id, returned, fee),
    KEY refund_by_fan (user_id, payment_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ticket (
    ticket_id BINARY(16) NOT NULL PRIMARY KEY,
    reservation_id BINARY(16) NOT NULL,
    schedule_id BIGINT NOT NULL,
    seat_no BIGINT NOT NULL,
    user_id BINARY(16) NOT NULL,
    state TINYINT NOT NULL,                -- 0 valid, 1 used, 2 void
    used_at BIGINT,
    used_by BINARY(16),
    row_version BIGINT NOT NULL,
    CHECK ((state = 1) = (used_at IS NOT NULL)),
    CHECK ((state = 1) = (used_by IS NOT NULL)),
    UNIQUE KEY ticket_by_reservation (reservation_id, seat_no),
    KEY ticket_by_schedule (schedule_id, state)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Events wait here for their relay. Written in the transaction of what they tell. The numbers are in the order of
-- writing and not in that of commits, so nobody may remember how far he has come by them.
CREATE TABLE IF NOT EXISTS outbox (
    outbox_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_key BINARY(16) NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body MEDIUMTEXT NOT NULL,              -- JSON of the event: type and data
    partition_no TINYINT NOT NULL,         -- of the key: what a relay leases; 0 to 63
    queue_entry BINARY(16),                -- the place in the waiting room that may end with the event
    ends_session TINYINT,                  -- 1 where there is one
    unplaced TINYINT DEFAULT 1,            -- 1 until the event has its position
    position BIGINT,                       -- given once it is committed: reads::outbox
    CHECK (partition_no BETWEEN 0 AND 63),
    CHECK ((queue_entry IS NOT NULL) = (ends_session IS NOT NULL)),
    CHECK ((unplaced IS NULL) = (position IS NOT NULL)),
    UNIQUE KEY outbox_position (position),
    KEY outbox_unplaced (unplaced, outbox_id),
    KEY outbox_session_end (ends_session, position)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The last position that was given out. Who gives positions out has this row.
CREATE TABLE IF NOT EXISTS outbox_position (
    name TINYINT NOT NULL PRIMARY KEY,     -- 0
    value BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO outbox_position (name, value) VALUES (0, 0);

-- How far consumers of events have come in the part of the outbox that one instance at a time has.
CREATE TABLE IF NOT EXISTS consumer_mark (
    consumer VARBINARY(64) NOT NULL,
    shard SMALLINT NOT NULL,
    position BIGINT NOT NULL,              -- everything of this part through it was dealt with
    owner BINARY(16),
    owned_until BIGINT,
    wanted_by BINARY(16),                  -- an instance that has found no part free and asks for its share
    wanted_until BIGINT,
    seen_at BIGINT NOT NULL,               -- when it last had an owner
    PRIMARY KEY (consumer, shard),
    CHECK ((owner IS NULL) = (owned_until IS NULL)),
    CHECK ((wanted_by IS NULL) = (wanted_until IS NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Events that a consumer could not deal with yet, and those that follow them under the same key.
CREATE TABLE IF NOT EXISTS parked_event (
    consumer VARBINARY(64) NOT NULL,
    event_key BINARY(16) NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body MEDIUMTEXT NOT NULL,
    tries INT NOT NULL,
    since BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (consumer, event_key, sequence),
    KEY parked_event_by_time (consumer, next_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Events that a consumer could not deal with for good.
CREATE TABLE IF NOT EXISTS dead_letter (
    letter_id BINARY(16) NOT NULL PRIMARY KEY,
    consumer VARBINARY(64) NOT NULL,
    event_key BINARY(16) NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body MEDIUMTEXT NOT NULL,
    tries INT NOT NULL,
    reason TEXT NOT NULL,
    dead_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who has asked to be told of events.
CREATE TABLE IF NOT EXISTS webhook (
    webhook_id BINARY(16) NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    types TEXT NOT NULL,                   -- JSON list of the types that are wanted; empty: all
    secret VARBINARY(64) NOT NULL,
    status TINYINT NOT NULL,               -- 0 on, 1 switched off by staff, 2 gone, 3 failed for too long
    created_at BIGINT NOT NULL,
    row_version BIGINT NOT NULL DEFAULT 1
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What came of tries to tell them, kept for some days.
CREATE TABLE IF NOT EXISTS webhook_attempt (
    attempt_id BINARY(16) NOT NULL PRIMARY KEY,
    webhook_id BINARY(16) NOT NULL,
    event_id VARBINARY(128) NOT NULL,
    event_type VARBINARY(128) NOT NULL,
    at BIGINT NOT NULL,
    try_no INT NOT NULL,
    took_ms BIGINT NOT NULL,
    http_status SMALLINT,                  -- nothing when there was no answer
    reason TEXT NOT NULL,                  -- empty when it was delivered
    KEY webhook_attempt_of (webhook_id, attempt_id),
    KEY webhook_attempt_by_time (at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What staff did, only ever added to, written in the transaction of what was done. Ids are UUIDv7, so the order of keys
-- is that of time.
CREATE TABLE IF NOT EXISTS audit_log (
    entry_id BINARY(16) NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    user_id BINARY(16) NOT NULL,
    role TINYINT NOT NULL,                 -- at the time; 0 fan, 1 operator, 2 admin, 3 gate
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    seen_before MEDIUMTEXT,                -- JSON of what was there, and of what is there now
    seen_after MEDIUMTEXT,
    request_id TEXT NOT NULL,
    CHECK (OCTET_LENGTH(request_id) <= 128)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row for each that writes at once, on every instance. Each group writes its number here in its own transaction, so
-- that it can be told after a lost connection whether the group was committed.
CREATE TABLE IF NOT EXISTS lane (
    lane_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    last_group BIGINT NOT NULL,
    used_at BIGINT NOT NULL                -- seconds, by the clock of the database
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Outcomes under idempotency keys are in tables once_<day>, one per UTC day, made when first needed and dropped whole.
-- Each is: once_key BINARY(16) PRIMARY KEY, request BINARY(16), outcome VARBINARY, created_at BIGINT.
