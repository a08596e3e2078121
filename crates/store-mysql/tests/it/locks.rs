//! The locks are taken. Without them every race would still be lost by all but one, because rows are matched on what was
//! loaded: so that they are there is seen only by who is kept waiting.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use frontrow_application::Group;
use frontrow_application::store::{Store, StoreError};
use frontrow_domain::records::{Counter, Key, Keys};
use frontrow_testkit::store::{Raw, apply, commit, transact};
use frontrow_testkit::{ManualClock, bounded, samples};

use crate::commits::a_sale;
use crate::database::Database;

/// Longer than any test takes.
const HOLD_UP_MAX: Duration = Duration::from_mins(1);

/// One instance decides over a record and takes its time; another that names the record is told to come again, and is
/// decided at the time when it gets the lock.
async fn assert_locked(stores: &[Arc<dyn Store>; 2], clock: &ManualClock, key: Key) {
    let (says_entered, mut entered) = tokio::sync::mpsc::unbounded_channel();
    let (lets_go, may_go) = mpsc::channel::<()>();
    let first = Raw::new(key.clone(), move |_, _| {
        let _ = says_entered.send(());
        let _ = may_go.recv_timeout(HOLD_UP_MAX);
        Ok(())
    });
    let store = Arc::clone(&stores[0]);
    let holding = tokio::spawn(async move { commit(&store, first).await });
    entered.recv().await.expect("the first has the lock");
    let (group, answer) = Group::of(Raw::new(key.clone(), |_, now| Ok(now)));
    let (group, result) = transact(&stores[1], group).await;
    assert_eq!(result.err(), Some(StoreError::Busy), "{key:?} is not locked");
    clock.advance(7);
    drop(lets_go);
    assert_eq!(holding.await.expect("no panic"), Ok(Ok(())), "{key:?}");
    let (group, result) = transact(&stores[1], group).await;
    result.expect("committed");
    group.answer();
    assert_eq!(answer.await.expect("answered"), Ok(frontrow_application::Clock::now(clock)), "{key:?}");
}

#[test]
fn who_names_a_record_has_it_alone() {
    bounded(async {
        let database = Database::new();
        let clock = ManualClock::default();
        let stores = [(); 2].map(|()| database.open(Arc::new(clock.clone())) as Arc<dyn Store>);
        a_sale(&stores[0], 2).await;
        apply(&stores[0], Keys::default(), |records, _| {
            records.counters.load(Counter::Concert, None);
            records.counters.put(Counter::Concert, 1);
            records.accounts.put_new(samples::user(1), samples::account(1));
            records.wallets.put_new(samples::user(1), samples::wallet(1, 0, 0));
            records.logins.put_new(samples::login(1).id, samples::login(1));
            Ok(())
        })
        .await;
        let locked = [
            Key::Account(samples::user(1)),
            Key::Login(samples::login(1).id),
            Key::Wallet(samples::user(1)),
            Key::Counter(Counter::Concert),
            Key::Concert(samples::CONCERT),
            Key::Schedule(samples::SCHEDULE),
        ];
        for key in locked {
            assert_locked(&stores, &clock, key).await;
        }
        // What is absent is locked by nobody: two that look for it do not meet.
        let absent = Key::Wallet(samples::user(2));
        let found = commit(
            &stores[0],
            Raw::new(absent, |records, _| Ok(records.wallets.get(&samples::user(2))?.is_some())),
        );
        assert_eq!(found.await, Ok(Ok(false)));
    });
}
