//! What the database refuses by itself, from whatever client.

use frontrow_testkit::{ManualClock, bounded};
use sqlx::mysql::MySqlDatabaseError;

use crate::database::Database;

/// A key that is there already.
const DUPLICATE: &[u16] = &[1062];
/// A check that fails, in MariaDB and in MySQL.
const CHECK: &[u16] = &[4025, 3819];

const CLAIM: &str =
    "INSERT INTO claim (schedule_id, seat_no, kind, reservation_id, user_id, held_until) VALUES";
const WALLET: &str = "INSERT INTO wallet (user_id, balance, last_entry, last_event, row_version) VALUES";
const LEDGER: &str = "INSERT INTO ledger (user_id, number, transaction_id, kind, counter_account, amount, \
     balance_before, balance_after, at) VALUES";
const PAYMENT: &str = "INSERT INTO payment (payment_id, reservation_id, schedule_id, user_id, amount, seats, at, \
     state, failure_reason) VALUES";
const REFUND: &str =
    "INSERT INTO refund (payment_id, reservation_id, schedule_id, user_id, returned, fee, at, cause) VALUES";
const TICKET: &str = "INSERT INTO ticket (ticket_id, reservation_id, schedule_id, seat_no, user_id, state, used_at, \
     used_by, row_version) VALUES";
const EMAIL: &str = "INSERT INTO account_email (email, user_id, row_version) VALUES";
const IDENTITY: &str = "INSERT INTO account_identity (identity, user_id) VALUES";
const RESERVATION: &str = "INSERT INTO reservation (reservation_id, user_id, concert_id, schedule_id, seats, amount, \
     created_at, state, state_at, held_until, extended, payment_id, last_event, paid_at, returned, row_version) VALUES";

const CONCERT: &str = "INSERT INTO concert (concert_id, title, artist, description, published, room_enabled, \
     room_max_active, room_admit_per_second_milli, room_session_seconds, room_claim_seconds, room_presence_seconds, \
     room_paused, room_draining, room_closed, created_at, row_version, room_draw_seed, room_draw_listed, \
     room_drawn_at) VALUES";
const DRAW_PART: &str = "INSERT INTO draw_part (concert_id, first, entries) VALUES";

/// What goes in, and what then does not and why.
const REFUSED: &[(&str, &str, &str, &[u16])] = &[
    ("a second claim on a seat", CLAIM, "(1, 1, 2, NULL, NULL, NULL)|(1, 1, 0, x'01', x'01', 5)", DUPLICATE),
    ("a hold without an end", CLAIM, "(1, 2, 0, x'01', x'01', NULL)", CHECK),
    ("a blocked seat of somebody", CLAIM, "(1, 2, 2, x'01', NULL, NULL)", CHECK),
    ("a balance below zero", WALLET, "(x'01', -1, 0, 0, 1)", CHECK),
    ("a second wallet", WALLET, "(x'02', 1, 0, 0, 1)|(x'02', 1, 0, 0, 1)", DUPLICATE),
    (
        "a number twice",
        LEDGER,
        "(x'01', 1, x'01', 0, 0, 5, 0, 5, 9)|(x'01', 1, x'02', 0, 0, 5, 0, 5, 9)",
        DUPLICATE,
    ),
    ("an entry that does not add up", LEDGER, "(x'01', 2, x'01', 0, 0, 5, 0, 6, 9)", CHECK),
    ("an entry below zero", LEDGER, "(x'01', 2, x'01', 0, 0, -5, 0, -5, 9)", CHECK),
    (
        "a second completed payment",
        PAYMENT,
        "(x'01', x'01', 1, x'01', 5, 1, 9, 1, 'x')|(x'02', x'01', 1, x'01', 5, 1, 9, 0, NULL)|\
         (x'03', x'01', 1, x'01', 5, 1, 9, 1, 'x')|(x'04', x'01', 1, x'01', 5, 1, 9, 0, NULL)",
        DUPLICATE,
    ),
    (
        "a second refund of a payment",
        REFUND,
        "(x'01', x'01', 1, x'01', 5, 0, 9, 'policy')|(x'01', x'02', 1, x'01', 5, 0, 9, 'policy')",
        DUPLICATE,
    ),
    (
        "a second refund of a reservation",
        REFUND,
        "(x'05', x'05', 1, x'01', 5, 0, 9, 'policy')|(x'06', x'05', 1, x'01', 5, 0, 9, 'policy')",
        DUPLICATE,
    ),
    (
        "a second ticket for a seat",
        TICKET,
        "(x'01', x'01', 1, 1, x'01', 0, NULL, NULL, 1)|(x'02', x'01', 1, 1, x'01', 0, NULL, NULL, 1)",
        DUPLICATE,
    ),
    ("a used ticket that nobody has used", TICKET, "(x'03', x'01', 1, 2, x'01', 1, NULL, NULL, 1)", CHECK),
    ("a second owner of an address", EMAIL, "('a@x.y', x'01', 1)|('a@x.y', x'02', 1)", DUPLICATE),
    ("a second account of an identity", IDENTITY, "(x'01', x'01')|(x'01', x'02')", DUPLICATE),
    (
        "a paid reservation without a payment",
        RESERVATION,
        "(x'01', x'01', 1, 1, '1', 5, 1, 1, 1, 9, 0, NULL, 1, NULL, NULL, 1)",
        CHECK,
    ),
    (
        "a draw of which nobody knows how much is kept",
        CONCERT,
        "(1, '', '', '', 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, x'01', NULL, NULL)",
        CHECK,
    ),
    (
        "a draw that was done without a seed",
        CONCERT,
        "(2, '', '', '', 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, NULL, NULL, 1)",
        CHECK,
    ),
    (
        "a second part for a place in an order",
        DRAW_PART,
        "(1, 0, REPEAT('a', 16))|(1, 0, REPEAT('b', 16))",
        DUPLICATE,
    ),
    ("a part with half an id", DRAW_PART, "(1, 1, REPEAT('a', 24))", CHECK),
    ("a part with nobody in it", DRAW_PART, "(1, 1, '')", CHECK),
    (
        "more back than it cost",
        RESERVATION,
        "(x'01', x'01', 1, 1, '1', 5, 1, 4, 1, 9, 0, x'01', 1, 1, 6, 1)",
        CHECK,
    ),
];

#[test]
fn every_guard_holds_against_a_plain_client() {
    bounded(async {
        let database = Database::new();
        drop(database.open(std::sync::Arc::new(ManualClock::default())));
        for (what, into, rows, expected) in REFUSED {
            let mut rows: Vec<&str> = rows.split('|').collect();
            let last = rows.pop().expect("there is one");
            for row in rows {
                database
                    .client(&format!("{into} {row}"))
                    .await
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            let refused = database.client(&format!("{into} {last}")).await.err();
            let number = refused.as_ref().and_then(|error| {
                error
                    .as_database_error()?
                    .try_downcast_ref::<MySqlDatabaseError>()
                    .map(MySqlDatabaseError::number)
            });
            assert!(number.is_some_and(|number| expected.contains(&number)), "{what}: {refused:?}");
        }
        // Addresses that a collation would take for one are two.
        for email in ["'A@x.y'", "'a@x.y '", "'\u{e1}@x.y'"] {
            let sql = format!("{EMAIL} ({email}, x'03', 1)");
            database.client(&sql).await.unwrap_or_else(|error| panic!("{email}: {error}"));
        }
    });
}

#[test]
fn a_key_is_used_once() {
    bounded(async {
        let database = Database::new();
        let store = database.open(std::sync::Arc::new(ManualClock::default()));
        let store: std::sync::Arc<dyn frontrow_application::store::Store> = store;
        let key = frontrow_domain::records::Key::Once([1; 16]);
        frontrow_testkit::store::look(&store, key, |records| Ok(records.once.get(&[1; 16])?.is_some())).await;
        let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
                      AND table_name LIKE 'once%'";
        let rows = database.client(tables).await.expect("read");
        let table: String = sqlx::Row::get_unchecked(&rows[0], 0);
        let insert = format!(
            "INSERT INTO {table} (once_key, request, outcome, created_at) VALUES (x'01', x'01', x'01', 1)"
        );
        database.client(&insert).await.expect("the first use");
        assert!(database.client(&insert).await.is_err(), "a second use");
    });
}
