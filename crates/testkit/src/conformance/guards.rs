//! The last guard is the store itself: commands here skip every rule, and say that they loaded what they did not.

use frontrow_domain::payment::{FailureReason, Payment, PaymentState};
use frontrow_domain::records::{Key, Keys, OnceRecord};
use frontrow_domain::reservation::Claim;
use frontrow_domain::{Money, SeatNo, Timestamp};

use super::bench::Bench;
use crate::samples;
use crate::store::{StoreFactory, apply, look, refused_by_the_store};

/// The seat that is fought over.
const SEAT: (frontrow_domain::ScheduleId, SeatNo) = (samples::SCHEDULE, SeatNo::new(1));

fn seat_keys() -> Keys {
    Keys::new([Key::Schedule(SEAT.0), Key::Claim(SEAT.0, SEAT.1)])
}

fn held(number: u64) -> Claim {
    samples::claim(&samples::reservation(number, number, &[1]))
}

async fn claim_of(bench: &Bench<impl StoreFactory>) -> Option<Claim> {
    look(bench.store(), seat_keys(), |records| Ok(records.claims.get(&SEAT)?.copied())).await
}

async fn put_claim(bench: &Bench<impl StoreFactory>, claim: Claim) {
    apply(bench.store(), seat_keys(), move |records, _| {
        records.claims.put(SEAT, claim);
        Ok(())
    })
    .await;
}

/// A second claim is refused, whoever says that the seat was free.
pub async fn a_seat_has_one_claim(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    put_claim(&bench, held(1)).await;
    for claim in [
        held(2),
        Claim::Blocked,
        Claim::Sold { reservation: samples::reservation_id(2), user: samples::user(2) },
    ] {
        refused_by_the_store(bench.store(), "a second claim", seat_keys(), move |records, _| {
            records.claims.load(SEAT, None);
            records.claims.put(SEAT, claim);
            Ok(())
        })
        .await;
        assert_eq!(claim_of(&bench).await, Some(held(1)));
    }
    let version = bench.reads().schedule(samples::SCHEDULE).await.expect("read").expect("there").version;
    assert_eq!(version, 2, "what was refused has not moved the map");
}

/// A claim is taken over or ended only by who has seen the reservation that holds it now.
pub async fn a_claim_is_changed_only_by_who_has_seen_its_holder(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    put_claim(&bench, held(1)).await;
    for seen in [held(2), Claim::Blocked] {
        for after in [Some(held(3)), None] {
            refused_by_the_store(
                bench.store(),
                "a claim seen with another holder",
                seat_keys(),
                move |records, _| {
                    records.claims.load(SEAT, Some((seen, 0)));
                    match after {
                        Some(claim) => records.claims.put(SEAT, claim),
                        None => records.claims.remove(SEAT),
                    }
                    Ok(())
                },
            )
            .await;
            assert_eq!(claim_of(&bench).await, Some(held(1)));
        }
    }
    // A claim that is not there any more cannot be changed either.
    put_claim(&bench, Claim::Blocked).await;
    refused_by_the_store(bench.store(), "a blocked seat seen as held", seat_keys(), |records, _| {
        records.claims.load(SEAT, Some((held(1), 0)));
        records.claims.put(SEAT, held(2));
        Ok(())
    })
    .await;
    assert_eq!(claim_of(&bench).await, Some(Claim::Blocked));
}

/// One completed payment a reservation; declined ones do not count.
pub async fn a_reservation_is_paid_once(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let reservation = samples::reservation(1, 1, &[1]);
    let pay = |number: u64, state: PaymentState| {
        let payment = Payment { state, ..samples::payment(number, &reservation) };
        move |records: &mut frontrow_domain::records::Records, _: Timestamp| {
            records.payments.add(payment.clone());
            Ok(())
        }
    };
    let failed = PaymentState::Failed(FailureReason::InsufficientBalance);
    apply(bench.store(), Keys::default(), pay(1, failed)).await;
    apply(bench.store(), Keys::default(), pay(2, failed)).await;
    apply(bench.store(), Keys::default(), pay(3, PaymentState::Completed)).await;
    let what = "a second completed payment";
    refused_by_the_store(bench.store(), what, Keys::default(), pay(4, PaymentState::Completed)).await;
    apply(bench.store(), Keys::default(), pay(5, failed)).await;
    let found = bench.reads().payments_of(samples::user(1), None, 10).await.expect("the store can be read");
    let numbers: Vec<_> = found.iter().map(|record| record.payment.id).collect();
    assert_eq!(numbers, [5, 3, 2, 1].map(samples::payment_id));
}

/// Adds the same record twice under an id that was drawn at the edge.
macro_rules! assert_used_once {
    ($bench:expr, $what:literal, $add:expr) => {{
        apply($bench.store(), Keys::default(), $add).await;
        refused_by_the_store($bench.store(), $what, Keys::default(), $add).await;
    }};
}

/// An id that exists is not written over, although nobody looks before adding under a new one.
pub async fn ids_are_used_once(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_used_once!(bench, "an account twice", |records, _| {
        records.accounts.put_new(samples::user(1), samples::account(1));
        Ok(())
    });
    assert_used_once!(bench, "a log-in twice", |records, _| {
        records.logins.put_new(samples::login(1).id, samples::login(1));
        Ok(())
    });
    assert_used_once!(bench, "a wallet twice", |records, _| {
        records.wallets.put_new(samples::user(1), samples::wallet(1, 0, 0));
        Ok(())
    });
    assert_used_once!(bench, "a concert twice", |records, _| {
        records.concerts.put_new(samples::CONCERT, samples::concert(1, "x"));
        Ok(())
    });
    assert_used_once!(bench, "a schedule twice", |records, _| {
        records.schedules.put_new(samples::SCHEDULE, samples::schedule(1, samples::CONCERT, 5));
        Ok(())
    });
    assert_used_once!(bench, "a reservation twice", |records, _| {
        records.add_reservation(samples::reservation(1, 1, &[1]));
        Ok(())
    });
    assert_used_once!(bench, "a payment twice", |records, _| {
        let state = PaymentState::Failed(FailureReason::InsufficientBalance);
        records.payments.add(Payment { state, ..samples::payment(1, &samples::reservation(1, 1, &[1])) });
        Ok(())
    });
    assert_used_once!(bench, "a ticket twice", |records, _| {
        records.add_ticket(samples::ticket(1, &samples::reservation(1, 1, &[1]), 1));
        Ok(())
    });
}

/// Two entries cannot both be the n-th of a wallet, in two commits or in one.
pub async fn a_ledger_number_is_used_once(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_used_once!(bench, "a number twice", |records, _| {
        records.ledger.add(samples::charge(1, 1, 0, 1_000));
        Ok(())
    });
    refused_by_the_store(bench.store(), "a number twice in one commit", Keys::default(), |records, _| {
        records.ledger.add_all([samples::charge(1, 2, 0, 1_000), samples::charge(1, 2, 0, 2_000)]);
        Ok(())
    })
    .await;
    let found = bench.reads().entries(samples::user(1), None, 10).await;
    assert_eq!(found, Ok(vec![samples::charge(1, 1, 0, 1_000)]));
}

/// What is looked up by its bytes has one row, whoever says that it was free.
pub async fn a_key_an_address_and_an_identity_are_used_once(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let now = bench.now();
    let kept = move |byte: u8| OnceRecord { request: [byte; 16], outcome: vec![byte], created_at: now };
    assert_used_once!(bench, "an idempotency key twice", move |records, _| {
        records.once.load([1; 16], None);
        records.once.put([1; 16], kept(1));
        Ok(())
    });
    assert_used_once!(bench, "an address twice", |records, _| {
        records.emails.load(samples::email("abc@x.y"), None);
        records.emails.put(samples::email("abc@x.y"), samples::user(1));
        Ok(())
    });
    assert_used_once!(bench, "an identity twice", |records, _| {
        records.identities.load([1; 16], None);
        records.identities.put([1; 16], samples::user(1));
        Ok(())
    });
    assert_eq!(bench.reads().once([1; 16], now).await, Ok(Some(kept(1))));
    assert_eq!(bench.reads().identity([1; 16]).await, Ok(Some(samples::user(1))));
}

/// Neither a new wallet nor a changed one.
pub async fn a_balance_is_never_negative(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let id = bench.a_fan(1, 1_000).await;
    for balance in [-1, i64::MIN] {
        refused_by_the_store(bench.store(), "a negative balance", Key::Wallet(id), move |records, _| {
            records.wallets.put(id, samples::wallet(1, balance, 2));
            Ok(())
        })
        .await;
    }
    refused_by_the_store(bench.store(), "a negative first balance", Keys::default(), |records, _| {
        records.wallets.put_new(samples::user(2), samples::wallet(2, -1, 0));
        Ok(())
    })
    .await;
    let wallet = bench.reads().wallet(id).await.expect("read").expect("there");
    assert_eq!(wallet.balance, Money::of(1_000));
    assert_eq!(bench.reads().wallet(samples::user(2)).await, Ok(None));
}

/// Writes over a record that says it was loaded at a version which has passed.
macro_rules! assert_lost_update {
    ($bench:expr, $table:ident, $key:expr, $old:expr, $rival:expr, $late:expr) => {{
        apply($bench.store(), Keys::default(), move |records, _| {
            records.$table.put_new($key, $old);
            Ok(())
        })
        .await;
        let version = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let seen = std::sync::Arc::clone(&version);
        let name = records_name!($table, $key);
        apply($bench.store(), name.clone(), move |records, _| {
            records.$table.get(&$key)?;
            records.$table.put($key, $rival);
            let changed = records.changed();
            let loaded = changed.$table.first().and_then(|change| change.before);
            seen.store(loaded.expect("it was loaded").1, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        })
        .await;
        let stale = version.load(std::sync::atomic::Ordering::SeqCst);
        refused_by_the_store($bench.store(), stringify!($table), name.clone(), move |records, _| {
            records.$table.load($key, Some(($old, stale)));
            records.$table.put($key, $late);
            Ok(())
        })
        .await;
        let found = look($bench.store(), name, move |records| Ok(records.$table.get(&$key)?.cloned())).await;
        assert_eq!(found, Some($rival), "{}", stringify!($table));
    }};
}

macro_rules! records_name {
    (accounts, $key:expr) => {
        Key::Account($key)
    };
    (logins, $key:expr) => {
        Key::Login($key)
    };
    (wallets, $key:expr) => {
        Key::Wallet($key)
    };
    (counters, $key:expr) => {
        Key::Counter($key)
    };
    (concerts, $key:expr) => {
        Key::Concert($key)
    };
    (schedules, $key:expr) => {
        Key::Schedule($key)
    };
    (reservations, $key:expr) => {
        Key::Reservation($key)
    };
    (emails, $key:expr) => {
        Key::Email($key)
    };
}

/// Who decided on an older row loses, and the winner stays.
pub async fn a_row_that_has_moved_on_is_not_overwritten(factory: impl StoreFactory) {
    use frontrow_domain::account::Account;
    use frontrow_domain::catalog::Schedule;
    use frontrow_domain::records::Counter;
    use frontrow_domain::reservation::Reservation;

    let bench = Bench::open(factory);
    let named = |name: &str| Account { name: name.to_owned(), ..samples::account(1) };
    assert_lost_update!(bench, accounts, samples::user(1), named("old"), named("rival"), named("late"));
    let at = |generation| frontrow_domain::account::Login { generation, ..samples::login(1) };
    assert_lost_update!(bench, logins, samples::login(1).id, at(0), at(1), at(2));
    let with = |balance| samples::wallet(1, balance, 0);
    assert_lost_update!(bench, wallets, samples::user(1), with(0), with(1), with(2));
    assert_lost_update!(bench, counters, Counter::Concert, 1, 2, 3);
    let called = |title: &str| samples::concert(1, title);
    assert_lost_update!(bench, concerts, samples::CONCERT, called("old"), called("rival"), called("late"));
    let with = |version| Schedule { version, ..samples::schedule(1, samples::CONCERT, 5) };
    assert_lost_update!(bench, schedules, samples::SCHEDULE, with(1), with(2), with(3));
    let told = |last_event| Reservation { last_event, ..samples::reservation(1, 1, &[1]) };
    assert_lost_update!(bench, reservations, samples::reservation_id(1), told(1), told(2), told(3));
    let (one, two, three) = (samples::user(1), samples::user(2), samples::user(3));
    assert_lost_update!(bench, emails, samples::email("abc@x.y"), one, two, three);
}
