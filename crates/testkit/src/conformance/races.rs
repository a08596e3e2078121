//! Many at once. Every race begins at a barrier, and has a control: the same without its guard must go wrong.

use std::sync::Arc;

use frontrow_application::once::{Answered, Compact, Once, OnceRefused, OnceTag};
use frontrow_application::{Command, Failure, Stop};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{claim_seats, release_seats};
use frontrow_domain::wallet::{ChargeMethod, ChargePolicy};
use frontrow_domain::{Money, Timestamp, TransactionId, UserId};
use tokio::sync::Barrier;

use super::bench::Bench;
use crate::samples;
use crate::stage::seat_numbers;
use crate::store::{Raw, StoreFactory, commit_patiently};

/// How many race.
pub(super) const CONTENDERS: u64 = 64;

/// Runs what `contend` makes for 0, 1, 2, … on as many tasks, all from one barrier, and answers in order.
///
/// Each contender gets the barrier to wait at: a control looks before it, and acts after it.
pub(super) async fn race<T, Fut>(count: u64, contend: impl Fn(u64, Arc<Barrier>) -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(usize::try_from(count).expect("few contenders")));
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(contend(number, Arc::clone(&start)))).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("a contender does not panic"));
    }
    answers
}

/// Holds seats the way the rules do.
pub(super) fn hold(number: u64, numbers: &[u32]) -> Raw<()> {
    let reservation = samples::reservation(number, number, numbers);
    let keys =
        Keys::new([Key::Schedule(samples::SCHEDULE)]).and(Key::claims(samples::SCHEDULE, &reservation.seats));
    Raw::new(keys, move |records, now| {
        let claim = samples::claim(&reservation);
        match claim_seats(records, samples::SCHEDULE, &reservation.seats, claim, now)? {
            Ok(()) => {
                records.add_reservation(reservation.clone());
                Ok(())
            }
            Err(_) => Err(Stop::Refused("taken")),
        }
    })
}

/// Puts a claim on a seat without looking who has it.
pub(super) fn grab(number: u64, numbers: &[u32]) -> Raw<()> {
    let reservation = samples::reservation(number, number, numbers);
    let keys =
        Keys::new([Key::Schedule(samples::SCHEDULE)]).and(Key::claims(samples::SCHEDULE, &reservation.seats));
    Raw::new(keys, move |records, _| {
        for &seat in &reservation.seats {
            records.claims.put((samples::SCHEDULE, seat), samples::claim(&reservation));
        }
        records.add_reservation(reservation.clone());
        Ok(())
    })
}

/// Sixty-four tasks, one seat: one has it, the others are told, and that is what is stored.
pub async fn two_holders_of_one_seat_are_one(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    let store = Arc::clone(bench.store());
    let answers = race(CONTENDERS, |number, start| {
        let store = Arc::clone(&store);
        async move {
            start.wait().await;
            commit_patiently(&store, hold(number, &[1])).await
        }
    })
    .await;
    let winners: Vec<_> = (0..).zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    let losers = answers.iter().filter(|answer| **answer == Err(Failure::Refused("taken"))).count();
    assert_eq!(losers, answers.len() - 1, "{answers:?}");
    let map = bench.reads().seat_map(samples::SCHEDULE).await.expect("read").expect("there");
    assert_eq!(map.taken.len(), 1);
    assert_eq!(map.schedule.version, 2, "one commit changed the map");
    let stored = bench.reads().reservation(samples::reservation_id(winners[0])).await;
    assert_eq!(stored.expect("read").expect("there").seats, seat_numbers([1]));
}

/// Looking first and claiming later has many winners: the race above is a race.
pub async fn control_two_holders_of_one_seat_without_the_check(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    let (store, reads) = (Arc::clone(bench.store()), Arc::clone(&bench.opened().reads));
    let answers = race(CONTENDERS, |number, start| {
        let (store, reads) = (Arc::clone(&store), Arc::clone(&reads));
        async move {
            let map = reads.seat_map(samples::SCHEDULE).await.expect("read").expect("there");
            let is_free = map.taken.is_empty();
            start.wait().await;
            is_free && commit_patiently(&store, grab(number, &[1])).await.is_ok()
        }
    })
    .await;
    let winners = answers.into_iter().filter(|won| *won).count();
    assert!(winners > 1, "without the check there is still one winner: the harness does not race");
}

/// Overlapping sets in opposite order: nobody waits for ever, nobody has half a set.
pub async fn seat_sets_in_opposite_order_all_finish(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(8).await;
    let store = Arc::clone(bench.store());
    let answers = race(CONTENDERS, |number, start| {
        let store = Arc::clone(&store);
        async move {
            let forward: Vec<u32> = (1..=8).collect();
            let backward: Vec<u32> = (1..=8).rev().collect();
            let wanted = if number % 2 == 0 { forward } else { backward };
            start.wait().await;
            // Each gives its seats back, so that the next can have them.
            let held = commit_patiently(&store, hold(number, &wanted)).await.is_ok();
            if held {
                let reservation = samples::reservation(number, number, &wanted);
                let keys = Keys::new([Key::Schedule(samples::SCHEDULE)])
                    .and(Key::claims(samples::SCHEDULE, &reservation.seats));
                let release = Raw::new(keys, move |records, _| {
                    release_seats(records, samples::SCHEDULE, &reservation.seats, reservation.id)
                        .map_err(Stop::from)
                });
                let freed = commit_patiently(&store, release).await.expect("its own seats can be freed");
                assert_eq!(freed, 8, "a set was held by halves");
            }
            held
        }
    })
    .await;
    assert!(answers.contains(&true), "nobody had the seats");
    let map = bench.reads().seat_map(samples::SCHEDULE).await.expect("read").expect("there");
    assert_eq!(map.taken, [], "all were given back");
}

const POLICY: ChargePolicy = ChargePolicy {
    charge_min: Money::of(1),
    charge_max: Money::of(1_000_000),
    balance_max: Money::of(10_000_000),
};

/// Charges a thousand, on the balance that it finds, or on the one that it was given.
fn charge(number: u64, user: UserId, stale: Option<Money>) -> Raw<Money> {
    Raw::new(Key::Wallet(user), move |records, now| {
        let found = records.wallets.get(&user)?.cloned().ok_or(Stop::Refused("no wallet"))?;
        let balance = stale.unwrap_or(found.balance);
        let wallet = frontrow_domain::wallet::Wallet { balance, ..found };
        let transaction = TransactionId::new(samples::uuid(number));
        let charged = wallet.charge(transaction, Money::of(1_000), ChargeMethod::Card, &POLICY, now);
        let (wallet, entry) = charged.map_err(|_| Stop::Refused("policy"))?;
        let balance = wallet.balance;
        records.wallets.put(user, wallet);
        if stale.is_none() {
            records.ledger.add(entry);
        }
        Ok(balance)
    })
}

/// No charge is lost, and no two see the same balance.
pub async fn a_wallet_counts_every_charge(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    let store = Arc::clone(bench.store());
    let mut balances = race(CONTENDERS, |number, start| {
        let store = Arc::clone(&store);
        async move {
            start.wait().await;
            commit_patiently(&store, charge(number, user, None)).await.expect("charged").minor()
        }
    })
    .await;
    balances.sort_unstable();
    let expected: Vec<i64> = (1..=CONTENDERS.cast_signed()).map(|n| n * 1_000).collect();
    assert_eq!(balances, expected);
    let entries = bench.reads().entries(user, None, 1_000).await.expect("read");
    assert_eq!(entries.len(), expected.len());
}

/// A balance that was read before the race loses charges.
pub async fn control_a_wallet_with_stale_balances_loses_charges(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    let (store, reads) = (Arc::clone(bench.store()), Arc::clone(&bench.opened().reads));
    race(CONTENDERS, |number, start| {
        let (store, reads) = (Arc::clone(&store), Arc::clone(&reads));
        async move {
            let seen = reads.wallet(user).await.expect("read").expect("there").balance;
            start.wait().await;
            commit_patiently(&store, charge(number, user, Some(seen))).await.expect("charged");
        }
    })
    .await;
    let balance = bench.reads().wallet(user).await.expect("read").expect("there").balance;
    assert!(
        balance.minor() < CONTENDERS.cast_signed() * 1_000,
        "nothing was lost: the harness does not race"
    );
}

/// Which contender had the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect(pub(super) u64);

impl Compact for Effect {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        Some([&[1_u8][..], &self.0.to_be_bytes()].concat())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (1, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else { return None };
        rest.try_into().ok().map(|rest| Self(u64::from_be_bytes(rest)))
    }
}

/// Charges a wallet and says who did it.
pub(super) struct Act {
    pub(super) number: u64,
    pub(super) user: UserId,
}

impl Command for Act {
    type Outcome = Effect;
    type Refusal = &'static str;

    fn keys(&self) -> Keys {
        Keys::from(Key::Wallet(self.user))
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Effect, Stop<&'static str>> {
        charge(self.number, self.user, None).decide(records, now).map(|_| Effect(self.number))
    }
}

/// Everybody who sends one key gets the answer of the one effect.
pub async fn one_key_sent_by_many_has_one_effect(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    let store = Arc::clone(bench.store());
    let tag = OnceTag::new(user, "key", &[b"charge"]);
    let answers = race(CONTENDERS, |number, start| {
        let store = Arc::clone(&store);
        async move {
            start.wait().await;
            let answer: Result<Answered<Effect>, Failure<OnceRefused<&str>>> =
                commit_patiently(&store, Once::new(Some(tag), Act { number, user })).await;
            answer.expect("answered")
        }
    })
    .await;
    let first = answers[0].outcome;
    assert!(answers.iter().all(|answer| answer.outcome == first), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "{answers:?}");
    assert_eq!(bench.reads().entries(user, None, 100).await.expect("read").len(), 1);
}

/// Looking the key up before the transaction has many effects.
pub async fn control_a_key_that_is_looked_up_first_has_many_effects(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    let (store, reads) = (Arc::clone(bench.store()), Arc::clone(&bench.opened().reads));
    let (tag, now) = (OnceTag::new(user, "key", &[b"charge"]), bench.now());
    race(CONTENDERS, |number, start| {
        let (store, reads) = (Arc::clone(&store), Arc::clone(&reads));
        async move {
            let is_new = reads.once(tag.key, now).await.expect("read").is_none();
            start.wait().await;
            if is_new {
                commit_patiently(&store, Act { number, user }).await.expect("answered");
            }
        }
    })
    .await;
    let effects = bench.reads().entries(user, None, 100).await.expect("read").len();
    assert!(effects > 1, "a key that is looked up first still works: the harness does not race");
}
