//! What becomes visible, when, and together with what.

use std::sync::mpsc;

use frontrow_application::store::StoreError;
use frontrow_application::{Command, Failure, Group, Stop};
use frontrow_domain::Timestamp;
use frontrow_domain::records::{Key, Keys, Records};

use super::bench::{Bench, HOLD_UP_MAX};
use crate::samples;
use crate::store::{Raw, StoreFactory, apply, commit, look, transact};

/// A command that makes an account.
fn make(number: u64) -> Raw<()> {
    Raw::new(Keys::default(), move |records, _| {
        records.accounts.put_new(samples::user(number), samples::account(number));
        Ok(())
    })
}

async fn is_there(bench: &Bench<impl StoreFactory>, number: u64) -> bool {
    bench.reads().account(samples::user(number)).await.expect("the store can be read").is_some()
}

/// Nobody sees a change before its commit, and everybody does after it.
pub async fn nothing_is_visible_before_the_commit(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let (says_entered, entered) = tokio::sync::mpsc::unbounded_channel();
    let (lets_go, may_go) = mpsc::channel::<()>();
    let command = Raw::new(Keys::default(), move |records, _| {
        records.accounts.put_new(samples::user(1), samples::account(1));
        let _ = says_entered.send(());
        let _ = may_go.recv_timeout(HOLD_UP_MAX);
        Ok(())
    });
    let store = std::sync::Arc::clone(bench.store());
    let writing = tokio::spawn(async move { commit(&store, command).await });
    let mut entered = entered;
    entered.recv().await.expect("the command is run");
    assert!(!is_there(&bench, 1).await, "an undecided change is visible");
    assert!(bench.reads().has_no_accounts().await.expect("the store can be read"));
    drop(lets_go);
    assert_eq!(writing.await.expect("no panic"), Ok(Ok(())));
    assert!(is_there(&bench, 1).await, "a committed change is not visible");
}

/// A refusal is rolled back alone.
pub async fn a_refused_command_leaves_nothing_and_the_others_stand(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let refused = Raw::new(Keys::default(), |records, _| -> Result<(), _> {
        records.accounts.put_new(samples::user(2), samples::account(2));
        records.events.add(samples::event(2, 1));
        Err(Stop::Refused("no"))
    });
    let (first, one) = Group::of(make(1));
    let (second, two) = Group::of(refused);
    let (third, three) = Group::of(make(3));
    let (group, result) = transact(bench.store(), first.join(second).join(third)).await;
    result.expect("the others are committed");
    group.answer();
    assert_eq!(one.await, Ok(Ok(())));
    assert_eq!(two.await, Ok(Err(Failure::Refused("no"))));
    assert_eq!(three.await, Ok(Ok(())));
    assert!(is_there(&bench, 1).await && is_there(&bench, 3).await);
    assert!(!is_there(&bench, 2).await);
    assert_eq!(bench.factory.outbox(), []);
}

/// So is a panic.
pub async fn a_panicking_command_leaves_nothing_and_the_others_stand(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let panicking = Raw::new(Keys::default(), |records, _| -> Result<(), _> {
        records.accounts.put_new(samples::user(2), samples::account(2));
        records.events.add(samples::event(2, 1));
        panic!("this panic is part of a test")
    });
    let (first, one) = Group::of(make(1));
    let (second, two) = Group::of(panicking);
    let (third, three) = Group::of(make(3));
    let (group, result) = transact(bench.store(), first.join(second).join(third)).await;
    result.expect("the others are committed");
    group.answer();
    assert_eq!(one.await, Ok(Ok(())));
    assert_eq!(two.await, Ok(Err(Failure::Defect)));
    assert_eq!(three.await, Ok(Ok(())));
    assert!(is_there(&bench, 1).await && is_there(&bench, 3).await);
    assert!(!is_there(&bench, 2).await);
    assert_eq!(bench.factory.outbox(), []);
}

/// What happened and its event are one commit.
pub async fn records_and_events_land_together_or_not_at_all(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    apply(bench.store(), Keys::default(), |records, _| {
        records.accounts.put_new(samples::user(1), samples::account(1));
        records.events.add_all([samples::event(1, 1), samples::event(1, 2)]);
        Ok(())
    })
    .await;
    assert_eq!(bench.factory.outbox(), [samples::event(1, 1), samples::event(1, 2)]);
    // The event is good, but the account is there already: neither is kept.
    let again = commit(
        bench.store(),
        Raw::new(Keys::default(), |records, _| {
            records.accounts.put_new(samples::user(1), samples::account(1));
            records.events.add(samples::event(1, 3));
            Ok(())
        }),
    )
    .await;
    assert!(matches!(again, Err(StoreError::Lost(_) | StoreError::Broken(_))), "{again:?}");
    assert_eq!(bench.factory.outbox().len(), 2);
}

/// A row that the database refuses undoes the group; afterwards the store works as before.
pub async fn one_row_that_the_store_refuses_undoes_the_whole_group(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    apply(bench.store(), Keys::default(), |records, _| {
        records.accounts.put_new(samples::user(1), samples::account(1));
        Ok(())
    })
    .await;
    let (first, _one) = Group::of(make(2));
    let (second, _two) = Group::of(make(1));
    let (group, result) = transact(bench.store(), first.join(second)).await;
    assert!(matches!(result, Err(StoreError::Lost(_) | StoreError::Broken(_))), "{result:?}");
    assert_eq!(group.len(), 2, "the same group comes back");
    assert!(!is_there(&bench, 2).await, "half a group was stored");
    assert_eq!(commit(bench.store(), make(3)).await, Ok(Ok(())), "the store takes the next group");
    assert!(is_there(&bench, 3).await);
}

/// The second command of a group decides on what the first has done.
pub async fn commands_of_a_group_see_each_other_in_order(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let count = || {
        Raw::new(Key::Counter(frontrow_domain::records::Counter::Concert), |records: &mut Records, _| {
            let counter = frontrow_domain::records::Counter::Concert;
            let next = records.counters.get(&counter)?.copied().unwrap_or(0) + 1;
            records.counters.put(counter, next);
            Ok(next)
        })
    };
    let (mut group, first) = Group::of(count());
    let mut answers = vec![first];
    for _ in 0..9 {
        let (next, answer) = Group::of(count());
        group = group.join(next);
        answers.push(answer);
    }
    let (group, result) = transact(bench.store(), group).await;
    result.expect("committed");
    group.answer();
    for (expected, answer) in (1..).zip(answers) {
        assert_eq!(answer.await, Ok(Ok(expected)));
    }
}

/// A command that touches what it did not name is run again with it.
pub async fn a_command_gets_what_it_asks_for(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_fan(1, 7_000).await;
    bench.a_sale(5).await;
    // It names nothing, and learns only from the first record which second one it needs.
    let found = look(bench.store(), Keys::default(), |records| {
        let address = samples::email("fan-1@example.test");
        let owner = records.emails.get(&address)?.copied();
        let owner = owner.expect("the address is there");
        Ok(records.wallets.get(&owner)?.map(|wallet| wallet.balance.minor()))
    })
    .await;
    assert_eq!(found, Some(7_000));
    // Another command of the group was decided in the first round: it must not be done twice.
    let (first, one) = Group::of(make(2));
    let (second, two) = Group::of(Raw::new(Keys::default(), |records, _| {
        Ok(records.schedules.get(&samples::SCHEDULE)?.map(|schedule| schedule.plan.size()))
    }));
    let (group, result) = transact(bench.store(), first.join(second)).await;
    result.expect("committed");
    group.answer();
    assert_eq!(one.await, Ok(Ok(())));
    assert_eq!(two.await, Ok(Ok(Some(5))));
}

/// A command that never has enough.
struct Insatiable;

impl Command for Insatiable {
    type Outcome = ();
    type Refusal = &'static str;

    fn keys(&self) -> Keys {
        Keys::default()
    }

    fn decide(&self, records: &mut Records, _now: Timestamp) -> Result<(), Stop<&'static str>> {
        records.accounts.put_new(samples::user(99), samples::account(99));
        let unknown = (100..200).find(|&number| !records.wallets.knows(&samples::user(number)));
        Err(Stop::Need(Keys::from(Key::Wallet(samples::user(unknown.unwrap_or(0))))))
    }
}

/// It is a defect, and its own.
pub async fn a_command_that_asks_for_ever_fails_alone(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let (first, one) = Group::of(make(1));
    let (second, two) = Group::of(Insatiable);
    let (third, three) = Group::of(make(3));
    let (group, result) = transact(bench.store(), first.join(second).join(third)).await;
    result.expect("the others are committed");
    group.answer();
    assert_eq!(one.await, Ok(Ok(())));
    assert_eq!(two.await, Ok(Err(Failure::Defect)));
    assert_eq!(three.await, Ok(Ok(())));
    assert!(is_there(&bench, 1).await && is_there(&bench, 3).await);
    assert!(!is_there(&bench, 99).await, "it left something behind");
}

/// Reading through a command, and refusing, are commits of nothing.
pub async fn a_group_that_changes_nothing_is_committed(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.clock.advance(5);
    let (group, answer) = Group::of(Raw::new(Keys::default(), |_, now| Ok(now)));
    let (group, result) = transact(bench.store(), group).await;
    assert_eq!(result.expect("committed").decided_at, bench.now());
    group.answer();
    assert_eq!(answer.await, Ok(Ok(bench.now())));
    let nobody = Group::default();
    assert!(nobody.is_empty());
    let (_, result) = transact(bench.store(), nobody).await;
    assert!(result.is_ok(), "{result:?}");
}

/// Closing and opening loses nothing.
pub async fn what_was_committed_survives_a_reopening(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    bench.a_sale(5).await;
    bench.a_fan(1, 7_000).await;
    apply(bench.store(), Keys::default(), |records, _| {
        records.events.add(samples::event(1, 1));
        Ok(())
    })
    .await;
    let epoch = bench.reads().epoch().await;
    bench.reopen();
    assert_eq!(bench.reads().account(samples::user(1)).await, Ok(Some(samples::account(1))));
    assert_eq!(bench.reads().wallet(samples::user(1)).await, Ok(Some(samples::wallet(1, 7_000, 1))));
    let schedule = samples::schedule(1, samples::CONCERT, 5);
    assert_eq!(bench.reads().schedule(samples::SCHEDULE).await, Ok(Some(schedule)));
    assert_eq!(bench.factory.outbox(), [samples::event(1, 1)]);
    assert_eq!(bench.reads().epoch().await, epoch, "the same store has the same history");
    assert_eq!(commit(bench.store(), make(2)).await, Ok(Ok(())), "it goes on where it stopped");
}
