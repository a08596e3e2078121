//! Instances that race on one database.

use std::sync::Arc;

use frontrow_application::store::{AccountReads, Store, WalletReads};
use frontrow_application::{Failure, Stop};
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::release_seats;
use frontrow_domain::{Money, SeatNo};
use frontrow_testkit::store::{Raw, apply, commit_patiently};
use frontrow_testkit::{ManualClock, bounded, samples};
use tokio::sync::Barrier;

use crate::commits::{a_sale, count, hold};
use crate::database::Database;

/// How many race in a round.
const CONTENDERS: u32 = 64;
/// How many rounds.
const ROUNDS: u32 = 50;

/// Two instances on one database.
fn instances(database: &Database) -> [Arc<dyn Store>; 2] {
    [(); 2].map(|()| database.open(Arc::new(ManualClock::default())) as Arc<dyn Store>)
}

#[test]
fn one_of_two_instances_gets_a_seat() {
    bounded(async {
        let database = Database::new();
        let stores = instances(&database);
        a_sale(&stores[0], ROUNDS).await;
        for round in 0..ROUNDS {
            let start = Arc::new(Barrier::new(CONTENDERS as usize));
            let tasks: Vec<_> = (0..CONTENDERS)
                .map(|contender| {
                    let store = Arc::clone(&stores[contender as usize % 2]);
                    let start = Arc::clone(&start);
                    let number = u64::from(round * CONTENDERS + contender + 1);
                    tokio::spawn(async move {
                        start.wait().await;
                        commit_patiently(&store, hold(number, &[round + 1])).await
                    })
                })
                .collect();
            let mut winners = 0;
            for task in tasks {
                match task.await.expect("no panic") {
                    Ok(()) => winners += 1,
                    Err(failure) => assert_eq!(failure, Failure::Refused("taken")),
                }
            }
            assert_eq!(winners, 1, "round {round}");
        }
        for table in ["claim", "reservation", "outbox"] {
            assert_eq!(count(&database, table).await, i64::from(ROUNDS), "{table}");
        }
    });
}

/// How many of two instances get a claim on one seat who look at nothing.
async fn blind_winners(database: &Database) -> i64 {
    let [a, b] = instances(database);
    a_sale(&a, 5).await;
    for (store, number) in [(&a, 1), (&b, 2)] {
        let reservation = samples::reservation(number, number, &[1]);
        let keys = Keys::new([Key::Schedule(samples::SCHEDULE)]);
        let blind = Raw::new(keys, move |records, _| {
            let key = (samples::SCHEDULE, SeatNo::new(1));
            records.claims.load(key, None);
            records.claims.put(key, samples::claim(&reservation));
            Ok(())
        });
        let _ = frontrow_testkit::store::commit(store, blind).await;
    }
    count(database, "claim").await
}

#[test]
fn a_claim_that_nobody_looked_for_is_refused_by_the_table() {
    bounded(async {
        let database = Database::new();
        assert_eq!(blind_winners(&database).await, 1);
    });
}

/// Without the primary key the seat is sold twice: it is the key that guards.
#[test]
fn control_a_claim_table_without_its_key_takes_two_claims() {
    bounded(async {
        let database = Database::new();
        drop(instances(&database));
        database
            .client("ALTER TABLE claim DROP PRIMARY KEY, ADD KEY `PRIMARY_` (schedule_id)")
            .await
            .expect("doctored");
        assert_eq!(blind_winners(&database).await, 2);
    });
}

/// Seats in opposite order, wallets in opposite order, schedules too: all of it ends.
#[test]
fn deadlock_storms_end() {
    const FANS: u64 = 6;
    bounded(async {
        let database = Database::new();
        let stores = instances(&database);
        a_sale(&stores[0], 8).await;
        for number in 1..=FANS {
            apply(&stores[0], Keys::default(), move |records, _| {
                records.accounts.put_new(samples::user(number), samples::account(number));
                records.wallets.put_new(samples::user(number), samples::wallet(number, 0, 0));
                Ok(())
            })
            .await;
        }
        let tasks: Vec<_> = (0..96_u64)
            .zip(stores.iter().cycle())
            .map(|(number, store)| tokio::spawn(storm(Arc::clone(store), number, FANS)))
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(count(&database, "claim").await, 0, "all gave their seats back");
        let reads = database.open(Arc::new(ManualClock::default())).reads();
        let mut sum = 0;
        for number in 1..=FANS {
            sum += reads.wallet(samples::user(number)).await.expect("read").expect("there").balance.minor();
            assert!(reads.account(samples::user(number)).await.expect("read").is_some());
        }
        assert_eq!(sum, 96 * i64::try_from(FANS).expect("few"), "each has counted in every wallet once");
    });
}

async fn storm(store: Arc<dyn Store>, number: u64, fans: u64) {
    let mut wallets: Vec<u64> = (1..=fans).collect();
    let mut seats: Vec<u32> = (1..=8).collect();
    if number.is_multiple_of(2) {
        wallets.reverse();
        seats.reverse();
    }
    // Names come in an order of their own, and two of them are asked for only when they are needed.
    let named = wallets.split_off(2);
    let rest = wallets;
    let keys = Keys::new(named.iter().map(|fan| Key::Wallet(samples::user(*fan))));
    let add = Raw::new(keys, move |records, _| {
        for fan in named.iter().chain(&rest) {
            let user = samples::user(*fan);
            let mut wallet = records.wallets.get(&user)?.cloned().ok_or(Stop::Refused("no wallet"))?;
            wallet.balance = wallet.balance.plus(Money::of(1)).ok_or(Stop::Refused("too much"))?;
            records.wallets.put(user, wallet);
        }
        Ok(())
    });
    commit_patiently(&store, add).await.expect("two more are asked for, in two more rounds");
    let id = 1_000 + number;
    if commit_patiently(&store, hold(id, &seats)).await.is_ok() {
        let reservation = samples::reservation(id, id, &seats);
        let keys = Keys::new([Key::Schedule(samples::SCHEDULE)])
            .and(Key::claims(samples::SCHEDULE, &reservation.seats));
        let release = Raw::new(keys, move |records, _| {
            release_seats(records, samples::SCHEDULE, &reservation.seats, reservation.id).map_err(Stop::from)
        });
        let freed = commit_patiently(&store, release).await;
        assert_eq!(freed, Ok(8), "a set was held by halves");
    }
}
