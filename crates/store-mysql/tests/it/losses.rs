//! Races that the locks do not prevent are lost by those who lose them, and by nobody else.

use std::sync::Arc;

use frontrow_application::Group;
use frontrow_application::store::{Store, StoreError};
use frontrow_domain::SeatNo;
use frontrow_domain::records::{Key, Keys, OnceRecord};
use frontrow_testkit::store::{Raw, apply, transact};
use frontrow_testkit::{ManualClock, bounded, samples};

use crate::commits::a_sale;
use crate::database::Database;

fn store(database: &Database) -> Arc<dyn Store> {
    database.open(Arc::new(ManualClock::default()))
}

/// What a group is told that has these commands.
async fn told(store: &Arc<dyn Store>, commands: Vec<Raw<()>>) -> StoreError {
    let groups = commands.into_iter().map(|command| Group::of(command).0);
    let group = groups.fold(Group::default(), Group::join);
    transact(store, group).await.1.expect_err("it is lost")
}

/// Five hundred sign up at once, and two of the addresses were taken by others since anybody looked.
#[test]
fn of_five_hundred_addresses_the_two_that_are_taken_are_named() {
    bounded(async {
        let database = Database::new();
        let store = store(&database);
        let address = |number: u64| samples::email(&format!("fan-{number}@example.test"));
        apply(&store, Keys::default(), move |records, _| {
            for number in [77, 478] {
                records.emails.put_new(address(number), samples::user(number));
            }
            Ok(())
        })
        .await;
        let sign_up = |number: u64| {
            Raw::new(Keys::default(), move |records, _| {
                records.emails.put_new(address(number), samples::user(1_000 + number));
                Ok(())
            })
        };
        let lost = told(&store, (1..=500).map(sign_up).collect()).await;
        // A statement has four hundred rows; the first that fails ends it all.
        let StoreError::Lost(keys) = lost else { panic!("{lost:?}") };
        assert!(!keys.is_empty() && keys.len() <= 2, "{keys:?}");
        let taken = [77, 478].map(|number| Key::Email(address(number)));
        assert!(keys.iter().all(|key| taken.contains(key)), "{keys:?}");
    });
}

#[test]
fn a_key_a_seat_and_an_identity_that_are_taken_are_named() {
    bounded(async {
        let database = Database::new();
        let store = store(&database);
        a_sale(&store, 9).await;
        let clock = ManualClock::default();
        let now = frontrow_application::Clock::now(&clock);
        let kept = move || OnceRecord { request: [1; 16], outcome: vec![1], created_at: now };
        let once = move |byte: u8| {
            Raw::new(Keys::default(), move |records, _| {
                records.once.put_new([byte; 16], kept());
                Ok(())
            })
        };
        let identity = |byte: u8| {
            Raw::new(Keys::default(), move |records, _| {
                records.identities.put_new([byte; 16], samples::user(1));
                Ok(())
            })
        };
        let seat = |number: u32| {
            Raw::new(Key::Schedule(samples::SCHEDULE), move |records, _| {
                let claim = samples::claim(&samples::reservation(number.into(), 1, &[number]));
                records.claims.load((samples::SCHEDULE, SeatNo::new(number)), None);
                records.claims.put((samples::SCHEDULE, SeatNo::new(number)), claim);
                Ok(())
            })
        };
        for taken in [once(5), identity(5), seat(5)] {
            let (group, _) = Group::of(taken);
            transact(&store, group).await.1.expect("the first");
        }
        assert_eq!(
            told(&store, (1..=9).map(once).collect()).await,
            StoreError::Lost(Key::Once([5; 16]).into())
        );
        let expected = StoreError::Lost(Key::Identity([5; 16]).into());
        assert_eq!(told(&store, (1..=9).map(identity).collect()).await, expected);
        let expected = StoreError::Lost(Key::Claim(samples::SCHEDULE, SeatNo::new(5)).into());
        assert_eq!(told(&store, (1..=9).map(seat).collect()).await, expected);
    });
}

/// Of wallets that are changed together the one is named that is not as it was loaded.
#[test]
fn of_many_rows_the_one_that_has_moved_on_is_named() {
    bounded(async {
        let database = Database::new();
        let store = store(&database);
        for number in 1..=9 {
            apply(&store, Keys::default(), move |records, _| {
                records.wallets.put_new(samples::user(number), samples::wallet(number, 5, 0));
                Ok(())
            })
            .await;
        }
        let change = |number: u64| {
            Raw::new(Key::Wallet(samples::user(number)), move |records, _| {
                let version = if number == 4 { 77 } else { 1 };
                let user = samples::user(number);
                records.wallets.load(user, Some((samples::wallet(number, 5, 0), version)));
                records.wallets.put(user, samples::wallet(number, 6, 0));
                Ok(())
            })
        };
        let expected = StoreError::Lost(Key::Wallet(samples::user(4)).into());
        assert_eq!(told(&store, (1..=9).map(change).collect()).await, expected);
        let untouched = database.client("SELECT 1 FROM wallet WHERE balance <> 5").await.expect("read");
        assert!(untouched.is_empty(), "the others were saved without it");
    });
}
