//! Every kind of record reads back exactly as it was written, at its extremes too.

use std::sync::Arc;

use frontrow_application::store::PaymentRecord;
use frontrow_domain::account::{Account, Credential, Email, Login, Role, Standing};
use frontrow_domain::catalog::{
    Concert, RefundPolicy, RefundRow, RoomControls, SEATS_MAX, Schedule, SeatPlan, WaitingRoomSettings,
};
use frontrow_domain::payment::{FailureReason, Payment, PaymentState};
use frontrow_domain::queue::{Draw, Seed};
use frontrow_domain::records::{Counter, Key, Keys, OnceRecord};
use frontrow_domain::reservation::{Claim, Reservation, ReservationState};
use frontrow_domain::wallet::{ChargeMethod, EntryKind, LedgerEntry, Wallet};
use frontrow_domain::{ConcertId, EntryId, Money, ScheduleId, SeatNo, Timestamp};
use uuid::Uuid;

use super::bench::Bench;
use crate::samples;
use crate::store::{StoreFactory, apply, look};

/// Texts that stores have changed on the way: spaces at the end, case, accents in both forms, emoji, quotes,
/// right to left, and characters that some encodings cannot hold.
pub(super) const TEXTS: [&str; 9] = [
    "abc",
    "ABC",
    "abc ",
    " abc",
    "ábc",
    "a\u{301}bc",
    "봄날 🌸👩‍👩‍👧 '\"\\%_;--",
    "שלום\u{202e}abc",
    "\u{10FFFF}\u{FEFF}\t",
];

/// The last moment that a record may carry and that a command is not too late for.
pub(super) const LAST: Timestamp = Timestamp::from_micros(i64::MAX - 1);

/// Writes records one by one over each other under the same key, and expects to read each as it was written.
macro_rules! assert_round_trips {
    ($bench:expr, $table:ident, $key:expr, $name:expr, $values:expr) => {{
        for value in $values {
            let (key, wanted) = ($key.clone(), value.clone());
            apply($bench.store(), $name, move |records, _| {
                records.$table.get(&key)?;
                records.$table.put(key.clone(), wanted.clone());
                Ok(())
            })
            .await;
            let key = $key.clone();
            let found =
                look($bench.store(), $name, move |records| Ok(records.$table.get(&key)?.cloned())).await;
            assert_eq!(found, Some(value));
        }
    }};
}

/// Accounts: every role, standing and credential; texts as they are; with an address and without.
pub async fn accounts_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let plain = samples::account(1);
    let mut values: Vec<Account> = Role::ALL.map(|role| Account { role, ..plain.clone() }).to_vec();
    for standing in [Standing::Blocked, Standing::Erased, Standing::Active] {
        values.push(Account { standing, ..plain.clone() });
    }
    for credential in [Credential::External, Credential::None, Credential::Password("x".repeat(1_000))] {
        values.push(Account { credential, ..plain.clone() });
    }
    values.extend(TEXTS.map(|text| Account { name: text.to_owned(), ..plain.clone() }));
    values.push(Account { email: None, name: "가".repeat(100), created_at: LAST, ..plain.clone() });
    values.push(Account { email: Some(samples::email("björn+ö@xn--bcher-kva.example")), ..plain.clone() });
    values.push(Account { created_at: Timestamp::ZERO, changed_at: Some(LAST), ..plain.clone() });
    values.push(Account { changed_at: Some(Timestamp::ZERO), ..plain.clone() });
    assert_round_trips!(bench, accounts, samples::user(1), Key::Account(samples::user(1)), values.clone());
    let last = values.pop().expect("there are values");
    assert_eq!(bench.reads().account(samples::user(1)).await, Ok(Some(last)));
    let newcomer = samples::account(2);
    apply(bench.store(), Keys::default(), {
        let newcomer = newcomer.clone();
        move |records, _| {
            records.accounts.put_new(newcomer.id, newcomer.clone());
            Ok(())
        }
    })
    .await;
    assert_eq!(bench.reads().account(newcomer.id).await, Ok(Some(newcomer)));
    assert_eq!(bench.reads().has_no_accounts().await, Ok(false));
}

/// Addresses that a collation takes for one are two; each is made, moved to another owner, and removed.
pub async fn addresses_are_keys_of_their_bytes(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let all =
        ["abc@x.y", "ábc@x.y", "a\u{301}bc@x.y", "abc@x.y.z", "ab@x.y", "aßc@x.y", "assc@x.y", "봄@x.y"];
    let emails: Vec<Email> = all.map(samples::email).to_vec();
    for (number, email) in (1..).zip(emails.clone()) {
        apply(bench.store(), Key::Email(email.clone()), move |records, _| {
            assert_eq!(records.emails.get(&email)?, None, "{email} was free");
            records.emails.put(email.clone(), samples::user(number));
            records.accounts.put_new(samples::user(number), samples::account(number));
            Ok(())
        })
        .await;
    }
    for (number, email) in (1..).zip(&emails) {
        let found = bench.reads().account_by_email(email).await.expect("the store can be read");
        assert_eq!(found.map(|account| account.id), Some(samples::user(number)), "{email}");
    }
    let (first, second) = (emails[0].clone(), emails[1].clone());
    apply(
        bench.store(),
        Keys::new([Key::Email(first.clone()), Key::Email(second.clone())]),
        move |records, _| {
            records.emails.put(first.clone(), samples::user(3));
            records.emails.remove(second.clone());
            Ok(())
        },
    )
    .await;
    let owner = |found: Option<Account>| found.map(|account| account.id);
    let reads = bench.reads();
    assert_eq!(reads.account_by_email(&emails[0]).await.map(owner), Ok(Some(samples::user(3))));
    assert_eq!(reads.account_by_email(&emails[1]).await.map(owner), Ok(None));
    // What was removed may come again.
    assert_round_trips!(bench, emails, emails[1], Key::Email(emails[1].clone()), [samples::user(2)]);
}

/// Digests with zeros, with all bits, and one bit apart.
pub async fn identities_are_keys_of_their_bytes(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let mut last_bit = [0; 16];
    last_bit[15] = 1;
    let all = [[0; 16], last_bit, [0xFF; 16], *b"abc             ", *b"ABC             "];
    for (number, digest) in (1..).zip(all) {
        let owner = samples::user(number);
        assert_round_trips!(bench, identities, digest, Key::Identity(digest), [owner]);
    }
    for (number, digest) in (1..).zip(all) {
        assert_eq!(bench.reads().identity(digest).await, Ok(Some(samples::user(number))));
    }
    assert_eq!(bench.reads().identity([7; 16]).await, Ok(None));
}

/// Log-ins, ended and not, of the last generation.
pub async fn logins_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let plain = samples::login(1);
    let values = [
        plain.clone(),
        Login { generation: u32::MAX, rotated_at: LAST, expires_at: LAST, ..plain.clone() },
        plain.clone().end(),
        Login { rotated_at: Timestamp::ZERO, expires_at: Timestamp::ZERO, ..plain.clone() },
    ];
    assert_round_trips!(bench, logins, plain.id, Key::Login(plain.id), values);
}

/// Wallets, empty and with the most that there can be.
pub async fn wallets_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let last = i64::MAX.unsigned_abs();
    let full = Wallet { balance: Money::MAX, last_entry: last, last_event: last, ..samples::wallet(1, 0, 0) };
    let values = [samples::wallet(1, 0, 0), full, samples::wallet(1, 1, 2)];
    let id = samples::user(1);
    assert_round_trips!(bench, wallets, id, Key::Wallet(id), values);
    assert_eq!(bench.reads().wallet(id).await, Ok(Some(samples::wallet(1, 1, 2))));
}

/// Counters do not share a row.
pub async fn counters_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_round_trips!(bench, counters, Counter::Concert, Key::Counter(Counter::Concert), [1, 2, u32::MAX]);
    assert_round_trips!(bench, counters, Counter::Schedule, Key::Counter(Counter::Schedule), [1, 7]);
    let concert = look(bench.store(), Key::Counter(Counter::Concert), |records| {
        Ok(records.counters.get(&Counter::Concert)?.copied())
    });
    assert_eq!(concert.await, Some(u32::MAX));
}

/// Concerts with every text in every place, every setting of a waiting room, and draws that are as far as they can be.
pub async fn concerts_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let plain = samples::concert(1, "Spring Day");
    let mut values: Vec<Concert> = Vec::new();
    for text in TEXTS {
        let text = text.to_owned();
        let (artist, description) = (text.clone(), text.clone());
        values.push(Concert { title: text, artist, description, ..plain.clone() });
    }
    values.push(Concert {
        description: "긴".repeat(20_000),
        published: false,
        waiting_room: WaitingRoomSettings {
            enabled: true,
            max_active: u32::MAX,
            admit_per_second_milli: u32::MAX,
            session_seconds: u32::MAX,
            claim_seconds: u32::MAX,
            presence_seconds: u32::MAX,
            lobby_opens_at: Some(LAST),
        },
        created_at: LAST,
        ..plain.clone()
    });
    for text in TEXTS {
        let controls = RoomControls { notice: Some(text.to_owned()), ..RoomControls::default() };
        values.push(Concert { controls, ..plain.clone() });
    }
    for set in 0..8 {
        let notice = (set == 7).then(|| "긴".repeat(RoomControls::NOTICE_MAX));
        let controls =
            RoomControls { paused: set & 1 != 0, draining: set & 2 != 0, closed: set & 4 != 0, notice };
        values.push(Concert { controls, ..plain.clone() });
    }
    let draw = samples::draw;
    let draws = [
        draw(0),
        draw(u8::MAX),
        Draw { listed: u32::MAX, ..draw(1) },
        Draw { listed: 1, drawn_at: Some(LAST), ..draw(1) },
        Draw {
            drawn_at: Some(Timestamp::ZERO),
            ..Draw::new(Seed::new(*b"a seed of ASCII that ends in a \0"))
        },
    ];
    values.extend(draws.map(|draw| Concert { draw: Some(draw), ..plain.clone() }));
    values.push(Concert { artist: String::new(), ..plain });
    let last = values.last().cloned();
    assert_round_trips!(bench, concerts, samples::CONCERT, Key::Concert(samples::CONCERT), values);
    assert_eq!(bench.reads().concert(samples::CONCERT).await, Ok(last));
    let highest = ConcertId::new(u32::MAX);
    let other = Concert { id: highest, ..samples::concert(1, "Last") };
    assert_round_trips!(bench, concerts, highest, Key::Concert(highest), [other]);
}

/// As many rows as a policy may have, with the largest numbers.
fn longest_policy() -> RefundPolicy {
    let row = |percent| RefundRow { until_hours_before: u32::MAX - percent, percent };
    RefundPolicy::of((0..20).map(row).collect())
}

/// Schedules with every plan; a plan that is replaced is read anew, also by whoever read the old one.
pub async fn schedules_and_plans_read_as_they_were_written(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let plain = samples::schedule(1, samples::CONCERT, 3);
    let mut values: Vec<Schedule> =
        TEXTS.map(|text| Schedule { venue: text.to_owned(), ..plain.clone() }).to_vec();
    values.push(Schedule {
        starts_at: LAST,
        time_zone: "America/Argentina/ComodRivadavia".to_owned(),
        duration_minutes: u32::MAX,
        max_seats_per_fan: u32::MAX,
        sales_paused: true,
        in_use: true,
        version: i64::MAX.unsigned_abs(),
        decided_at: LAST,
        created_at: LAST,
        ..plain.clone()
    });
    let called_off =
        Schedule { cancelled_at: Some(LAST), last_event: i64::MAX.unsigned_abs(), ..plain.clone() };
    // One after the other each changes only what a refund, a sale or a cancellation changes.
    values.extend([
        Schedule { refund_policy: samples::refund_policy(), ..plain.clone() },
        plain.clone(),
        Schedule { last_event: 1, ..plain.clone() },
        Schedule { sold_out_at: Some(LAST), ..plain.clone() },
        called_off.clone(),
        Schedule { refund_policy: longest_policy(), sold_out_at: Some(LAST), ..called_off },
    ]);
    let mut richer = Schedule { plan: Arc::new(samples::rich_plan()), plan_version: 2, ..plain.clone() };
    values.push(richer.clone());
    let biggest = SeatPlan::plain(SEATS_MAX, Money::ZERO).expect("the plan is sound");
    values.push(Schedule { plan: Arc::new(biggest), plan_version: 3, ..plain.clone() });
    richer.plan_version = 4;
    values.push(richer.clone());
    assert_round_trips!(bench, schedules, samples::SCHEDULE, Key::Schedule(samples::SCHEDULE), values);
    assert_eq!(bench.reads().schedule(samples::SCHEDULE).await, Ok(Some(richer.clone())));
    assert_eq!(bench.reads().schedules_of(samples::CONCERT).await, Ok(vec![richer.clone()]));
    bench.reopen();
    assert_eq!(bench.reads().schedule(samples::SCHEDULE).await, Ok(Some(richer)));
    let other = Schedule { id: ScheduleId::new(u32::MAX), ..plain };
    assert_round_trips!(bench, schedules, other.id, Key::Schedule(other.id), [other.clone()]);
}

/// Claims of every kind, taken over, and removed; the map shows each.
pub async fn claims_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS_MAX).await;
    let (reservation, user) = (samples::reservation_id(1), samples::user(1));
    let (other, other_user) = (samples::reservation_id(2), samples::user(2));
    let values = [
        Claim::Held { reservation, user, until: samples::hold_end() },
        Claim::Held { reservation, user, until: LAST },
        Claim::Sold { reservation, user },
        Claim::Sold { reservation: other, user: other_user },
        Claim::Blocked,
        Claim::Held { reservation: other, user: other_user, until: Timestamp::ZERO },
    ];
    for seat in [SeatNo::new(1), SeatNo::new(SEATS_MAX)] {
        let name = Keys::new([Key::Schedule(samples::SCHEDULE), Key::Claim(samples::SCHEDULE, seat)]);
        assert_round_trips!(bench, claims, (samples::SCHEDULE, seat), name.clone(), values);
        apply(bench.store(), name.clone(), move |records, _| {
            records.claims.remove((samples::SCHEDULE, seat));
            Ok(())
        })
        .await;
        let gone = look(bench.store(), name.clone(), move |records| {
            Ok(records.claims.get(&(samples::SCHEDULE, seat))?.copied())
        });
        assert_eq!(gone.await, None);
        assert_round_trips!(bench, claims, (samples::SCHEDULE, seat), name.clone(), [Claim::Blocked]);
    }
    let map = bench.reads().seat_map(samples::SCHEDULE).await.expect("the store can be read");
    let taken = map.expect("the schedule is there").taken;
    let blocked = frontrow_domain::reservation::SeatState::Blocked;
    assert_eq!(taken, [(SeatNo::new(1), blocked), (SeatNo::new(SEATS_MAX), blocked)]);
}

/// Reservations in every state, with one seat and with a hundred; also as those of their fan.
pub async fn reservations_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let plain = samples::reservation(1, 1, &[1]);
    let payment = samples::payment_id(9);
    let states = [
        ReservationState::Pending { expires_at: LAST, extended: true },
        ReservationState::Pending { expires_at: Timestamp::ZERO, extended: false },
        ReservationState::Confirmed { at: LAST, payment, held_until: LAST },
        ReservationState::Cancelled { at: LAST, held_until: Timestamp::ZERO },
        ReservationState::Expired { at: LAST },
        ReservationState::Refunded {
            at: LAST,
            paid_at: Timestamp::ZERO,
            payment,
            held_until: LAST,
            returned: Money::of(49_999),
        },
    ];
    let mut values = states.map(|state| Reservation { state, ..plain.clone() }).to_vec();
    values.push(Reservation {
        amount: Money::MAX,
        created_at: LAST,
        last_event: u32::MAX,
        seats: (SEATS_MAX - 99..=SEATS_MAX).map(SeatNo::new).collect(),
        schedule: ScheduleId::new(u32::MAX),
        concert: ConcertId::new(u32::MAX),
        ..plain.clone()
    });
    values.push(Reservation { amount: Money::ZERO, ..plain.clone() });
    values.push(samples::refunded(Reservation { amount: Money::MAX, ..plain.clone() }, 9, 0));
    values.push(samples::refunded(Reservation { amount: Money::ZERO, ..plain.clone() }, 9, 0));
    for entry in [Uuid::nil(), Uuid::max()].map(EntryId::new) {
        values.push(Reservation { entry: Some(entry), ..plain.clone() });
    }
    let last = values.last().cloned().expect("there are values");
    // The facts that never change are written with the first value, so each value has an id of its own.
    for (number, value) in (1..).zip(values) {
        let value = Reservation { id: samples::reservation_id(number), ..value };
        assert_round_trips!(bench, reservations, value.id, Key::Reservation(value.id), [value.clone()]);
        assert_eq!(bench.reads().reservation(value.id).await, Ok(Some(value)));
    }
    let states = states.map(|state| Reservation { state, last_event: 7, ..plain.clone() });
    assert_round_trips!(bench, reservations, plain.id, Key::Reservation(plain.id), states);
    let key = Key::FanReservations(samples::SCHEDULE, last.user);
    let of_fan = look(bench.store(), key, move |records| {
        let found = records.fan_reservations(samples::SCHEDULE, samples::user(1))?;
        Ok(found.map(|reservation| reservation.id).collect::<Vec<_>>())
    });
    let expected: Vec<_> = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12].map(samples::reservation_id).to_vec();
    assert_eq!(of_fan.await, expected, "all of this schedule, in order of age, and no other");
}

/// Entries of every kind, up to the most that a wallet can hold.
pub async fn ledgers_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let max = Money::MAX.minor();
    let cash = LedgerEntry { kind: EntryKind::Charge(ChargeMethod::Cash), ..samples::charge(1, 1, 0, max) };
    let (payment, reservation) = (samples::payment_id(1), samples::reservation_id(1));
    let kind = EntryKind::Payment { payment, reservation };
    let paid = LedgerEntry { kind, at: LAST, ..samples::charge(1, 2, max, 0) };
    let free = LedgerEntry { kind, at: Timestamp::ZERO, ..samples::charge(1, 3, 0, 0) };
    let back = EntryKind::Refund { payment, reservation };
    let back = LedgerEntry { kind: back, ..samples::charge(1, 4, 0, max) };
    let kept = EntryKind::Fee { payment, reservation };
    let kept = LedgerEntry { kind: kept, ..samples::charge(1, 5, max, 0) };
    let card = LedgerEntry { number: i64::MAX.unsigned_abs(), ..samples::charge(1, 6, 0, 1) };
    let all = [cash, paid, free, back, kept, card];
    apply(bench.store(), Keys::default(), {
        let all = all.clone();
        move |records, _| {
            records.ledger.add_all(all.clone());
            Ok(())
        }
    })
    .await;
    let mut found = bench.reads().entries(samples::user(1), None, 10).await.expect("the store can be read");
    found.reverse();
    assert_eq!(found, all);
}

/// Payments that completed and that failed.
pub async fn payments_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let reservation = Reservation { amount: Money::MAX, ..samples::reservation(1, 1, &[1]) };
    let failed = PaymentState::Failed(FailureReason::InsufficientBalance);
    let all = [
        Payment { state: failed, ..samples::payment(1, &reservation) },
        Payment { state: failed, at: LAST, amount: Money::ZERO, ..samples::payment(2, &reservation) },
        Payment { schedule: ScheduleId::new(u32::MAX), seats: u32::MAX, ..samples::payment(3, &reservation) },
    ];
    apply(bench.store(), Keys::default(), {
        let all = all.clone();
        move |records, _| {
            records.payments.add_all(all.clone());
            Ok(())
        }
    })
    .await;
    for payment in all {
        let record = PaymentRecord { payment, refund: None };
        assert_eq!(bench.reads().payment(record.payment.id).await, Ok(Some(record)));
    }
}

/// Tickets come in order of seat, whatever the order of their ids.
pub async fn tickets_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let reservation = samples::reservation(1, 1, &[2, 10, SEATS_MAX]);
    let tickets =
        [(3, 2), (1, 10), (2, SEATS_MAX)].map(|(number, seat)| samples::ticket(number, &reservation, seat));
    apply(bench.store(), Keys::default(), {
        let [first, second, third] = tickets.clone();
        move |records, _| {
            for ticket in [&third, &first, &second] {
                records.add_ticket(ticket.clone());
            }
            Ok(())
        }
    })
    .await;
    assert_eq!(bench.reads().tickets(reservation.id).await, Ok(tickets.to_vec()));
    assert_eq!(bench.reads().tickets(samples::reservation_id(2)).await, Ok(vec![]));
}

/// Outcomes under keys that only their bytes tell apart.
pub async fn outcomes_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let record = |outcome: Vec<u8>| OnceRecord { request: [0xA5; 16], outcome, created_at: bench.now() };
    let all = [
        ([0; 16], record(vec![1])),
        ([0xFF; 16], record((0..=199).collect())),
        (*b"abc             ", record(vec![1, 0, 0])),
        (*b"ABC             ", record(vec![])),
    ];
    for (key, value) in all.clone() {
        assert_round_trips!(bench, once, key, Key::Once(key), [value]);
    }
    for (key, value) in all {
        assert_eq!(bench.reads().once(key, bench.now()).await, Ok(Some(value)));
    }
}
