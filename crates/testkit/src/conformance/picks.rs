//! What is known of the seats of a schedule beyond single claims: which have changed since a version of its map, and
//! which holds have lapsed. Best available counts on it to the seat.

use std::collections::BTreeMap;
use std::sync::Arc;

use frontrow_application::Stop;
use frontrow_domain::catalog::{Schedule, SeatPlan};
use frontrow_domain::records::{Key, Keys, Need, Records, SeatPicture};
use frontrow_domain::reservation::{BestRequest, Claim, FreeSeats, NotAvailable, Reservation, SeatState};
use frontrow_domain::{Money, ScheduleId, SeatNo, Timestamp};

use super::bench::Bench;
use crate::clock::{Dice, ManualClock};
use crate::samples;
use crate::store::{StoreFactory, apply, look};

const SEATS: u32 = 70;
/// Seconds after which no store has to know any more which seats a commit has changed.
const FORGOTTEN: u32 = 4_000;

/// The seats that somebody has, at one version of the map.
type Taken = BTreeMap<SeatNo, Claim>;

/// What a store has loaded under the name of a version.
struct Loaded {
    /// After which version every changed seat is known; 0 when all are.
    since: u64,
    /// Every seat that is known: free or not.
    seats: BTreeMap<SeatNo, Option<Claim>>,
}

fn seat(number: u32) -> (ScheduleId, SeatNo) {
    (samples::SCHEDULE, SeatNo::new(number))
}

fn read_loaded(records: &Records) -> Result<Loaded, Need> {
    let mut seats = BTreeMap::new();
    for number in 1..=SEATS {
        let key = seat(number);
        if records.claims.knows(&key) {
            seats.insert(key.1, records.claims.get(&key)?.copied());
        }
    }
    let since = records.claims_known_since(samples::SCHEDULE).expect("the key was loaded");
    Ok(Loaded { since, seats })
}

async fn load_since(bench: &Bench<impl StoreFactory>, versions: &[u64]) -> Loaded {
    let since = versions.iter().map(|&version| Key::ClaimsSince(samples::SCHEDULE, version));
    let keys = Keys::new([Key::Schedule(samples::SCHEDULE)]).and(since);
    look(bench.store(), keys, read_loaded).await
}

/// Sets what these seats have from now on, in one commit.
async fn set(bench: &Bench<impl StoreFactory>, changes: Vec<(u32, Option<Claim>)>) {
    let keys = changes.iter().map(|&(number, _)| Key::Claim(samples::SCHEDULE, SeatNo::new(number)));
    let keys = Keys::new([Key::Schedule(samples::SCHEDULE)]).and(keys.collect::<Vec<_>>());
    apply(bench.store(), keys, move |records, _| {
        for &(number, claim) in &changes {
            match claim {
                Some(claim) => records.claims.put(seat(number), claim),
                None => records.claims.remove(seat(number)),
            }
        }
        Ok(())
    })
    .await;
}

fn held(number: u64) -> Claim {
    samples::claim(&samples::reservation(number, number, &[1]))
}

fn sold(number: u64) -> Claim {
    samples::claim(&samples::paid(samples::reservation(number, number, &[1]), number))
}

/// Every seat that has changed, once, as it is now; those that are free again as free; and no other.
pub async fn seats_that_have_changed_are_known_and_no_others(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS).await;
    set(&bench, vec![(1, Some(held(1))), (2, Some(held(1)))]).await;
    set(&bench, vec![(3, Some(Claim::Blocked))]).await;
    set(&bench, vec![(1, Some(sold(1))), (2, Some(sold(1)))]).await;
    set(&bench, vec![(3, None), (4, Some(held(2)))]).await;
    set(&bench, vec![(1, None), (2, None)]).await;
    set(&bench, vec![(1, Some(held(3)))]).await;
    for (version, expected) in [
        (7, vec![]),
        (6, vec![(1, Some(held(3)))]),
        (5, vec![(1, Some(held(3))), (2, None)]),
        (4, vec![(1, Some(held(3))), (2, None), (3, None), (4, Some(held(2)))]),
        (2, vec![(1, Some(held(3))), (2, None), (3, None), (4, Some(held(2)))]),
        (1, vec![(1, Some(held(3))), (2, None), (3, None), (4, Some(held(2)))]),
    ] {
        let loaded = load_since(&bench, &[version]).await;
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(number, claim)| (SeatNo::new(number), claim)).collect();
        assert_eq!((loaded.since, loaded.seats), (version, expected), "since {version}");
    }
}

/// Zero, a version that is still to come, and a schedule that is not there: then every claim is known.
pub async fn without_a_version_all_claims_are_known(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let nothing = load_since(&bench, &[1]).await;
    assert_eq!((nothing.since, nothing.seats.len()), (0, 0));
    bench.a_sale(SEATS).await;
    set(&bench, vec![(1, Some(held(1))), (2, Some(Claim::Blocked))]).await;
    for version in [0, 3, u64::MAX] {
        let loaded = load_since(&bench, &[version]).await;
        let claims: Vec<_> =
            loaded.seats.into_iter().filter_map(|(seat, claim)| Some((seat, claim?))).collect();
        let expected = vec![(SeatNo::new(1), held(1)), (SeatNo::new(2), Claim::Blocked)];
        assert_eq!((loaded.since, claims), (0, expected), "since {version}");
    }
}

/// The oldest of them counts, in one round and over two.
pub async fn the_oldest_version_of_a_group_counts(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS).await;
    for number in 1..=4 {
        set(&bench, vec![(number, Some(Claim::Blocked))]).await;
    }
    let loaded = load_since(&bench, &[4, 2, 3]).await;
    let numbers: Vec<_> = loaded.seats.keys().map(|seat| seat.get()).collect();
    assert_eq!((loaded.since, numbers), (2, vec![2, 3, 4]));
    for (later, expected, known) in [(1, 1, vec![1, 2, 3, 4]), (4, 3, vec![3, 4])] {
        let keys = Keys::new([Key::Schedule(samples::SCHEDULE), Key::ClaimsSince(samples::SCHEDULE, 3)]);
        let (since, numbers) = look(bench.store(), keys, move |records| {
            let since = records.claims_known_since(samples::SCHEDULE);
            if since.is_none_or(|since| since > later) {
                return Err(Need(Key::ClaimsSince(samples::SCHEDULE, later)));
            }
            let numbers: Vec<u32> =
                (1..=SEATS).filter(|&number| records.claims.knows(&seat(number))).collect();
            Ok((since, numbers))
        })
        .await;
        assert_eq!((since, numbers), (Some(expected), known));
    }
}

/// A plan that is replaced moves the version without a claim, so nobody knows what changed with it.
pub async fn a_plan_that_was_replaced_leaves_no_gap(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    apply(bench.store(), Key::Schedule(samples::SCHEDULE), |records, _| {
        let found = records.schedules.get(&samples::SCHEDULE)?.cloned();
        let schedule = found.ok_or(Stop::Refused("it was just made"))?;
        let plan = Arc::new(SeatPlan::plain(SEATS, Money::ZERO).expect("the plan is sound"));
        let version = schedule.version + 1;
        records.schedules.put(schedule.id, Schedule { plan, plan_version: 2, version, ..schedule });
        Ok(())
    })
    .await;
    set(&bench, vec![(7, Some(Claim::Blocked))]).await;
    let before = load_since(&bench, &[1]).await;
    assert_eq!((before.since, before.seats.get(&SeatNo::new(7))), (0, Some(&Some(Claim::Blocked))));
    let after = load_since(&bench, &[2]).await;
    assert_eq!((after.since, after.seats.len()), (2, 1));
    assert_eq!(load_since(&bench, &[3]).await.since, 3);
}

/// What was forgotten is not taken for nothing.
pub async fn changes_that_were_cleaned_are_made_up_for(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS).await;
    set(&bench, vec![(1, Some(held(1)))]).await;
    set(&bench, vec![(2, Some(Claim::Blocked))]).await;
    bench.clock.advance(FORGOTTEN);
    set(&bench, vec![(3, Some(Claim::Blocked))]).await;
    bench.opened().upkeep.clean(bench.now()).await.expect("cleaned");
    let old = load_since(&bench, &[1]).await;
    for number in 1..=3 {
        let claim = old.seats.get(&SeatNo::new(number)).copied().flatten();
        assert!(claim.is_some(), "seat {number} of a map at {}", old.since);
    }
    let young = load_since(&bench, &[3]).await;
    assert_eq!((young.since, young.seats.len()), (3, 1));
    // With every change gone the present version still stands for itself.
    bench.clock.advance(FORGOTTEN);
    bench.opened().upkeep.clean(bench.now()).await.expect("cleaned");
    let present = load_since(&bench, &[4]).await;
    assert_eq!((present.since, present.seats.len()), (4, 0));
}

/// A few seats at once, taken by one and given back by another, as the dice say.
fn roll(dice: &mut Dice, taken: &mut Taken, step: u64) -> Vec<(u32, Option<Claim>)> {
    let mut changes = BTreeMap::new();
    for _ in 0..=dice.below(4) {
        let number = dice.below(SEATS) + 1;
        let present = taken.get(&SeatNo::new(number)).copied();
        let next = match (present, dice.below(4)) {
            (None, 0) => Some(Claim::Blocked),
            (None, _) => Some(held(step)),
            (Some(Claim::Held { .. }), 0..=1) => Some(sold(step)),
            (Some(_), _) => None,
        };
        // One change a seat, or the second could take back what the first has done.
        changes.entry(number).or_insert(next);
    }
    for (&number, &claim) in &changes {
        match claim {
            Some(claim) => drop(taken.insert(SeatNo::new(number), claim)),
            None => drop(taken.remove(&SeatNo::new(number))),
        }
    }
    changes.into_iter().collect()
}

/// Whoever has the map of any version knows of every seat whether it is free, whatever has happened since and whatever
/// was cleaned.
pub async fn an_old_map_and_what_changed_make_the_present_one(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS).await;
    let (mut dice, mut taken) = (Dice::new(31), Taken::new());
    // The map of version 1, of version 2, and so on.
    let mut maps: Vec<Taken> = vec![taken.clone()];
    for step in 1..=150 {
        let changes = roll(&mut dice, &mut taken, step);
        set(&bench, changes).await;
        maps.push(taken.clone());
        if dice.percent(3) {
            bench.clock.advance(FORGOTTEN);
            bench.opened().upkeep.clean(bench.now()).await.expect("cleaned");
        }
        bench.clock.advance(dice.below(60));
        let oldest = maps.len().saturating_sub(1 + dice.below(40) as usize).max(1);
        let loaded = load_since(&bench, &[oldest as u64]).await;
        assert!(loaded.since == 0 || loaded.since == oldest as u64, "since {}", loaded.since);
        for number in (1..=SEATS).map(SeatNo::new) {
            let drawn = if loaded.since == 0 { None } else { maps[oldest - 1].get(&number).copied() };
            let known = loaded.seats.get(&number).copied().unwrap_or(drawn);
            assert_eq!(known, taken.get(&number).copied(), "seat {number} at {step} from {oldest}");
        }
    }
}

fn ending(number: u64, seats: &[u32], seconds: u32) -> Reservation {
    let expires_at = ManualClock::EPOCH.plus_seconds(seconds);
    let state = frontrow_domain::reservation::ReservationState::Pending { expires_at, extended: false };
    Reservation { state, ..samples::reservation(number, number, seats) }
}

/// Puts in reservations with their claims.
async fn hold(bench: &Bench<impl StoreFactory>, all: Vec<Reservation>) {
    apply(bench.store(), Key::Schedule(samples::SCHEDULE), move |records, _| {
        for reservation in &all {
            for &number in &reservation.seats {
                records.claims.put((reservation.schedule, number), samples::claim(reservation));
            }
            records.add_reservation(reservation.clone());
        }
        Ok(())
    })
    .await;
}

/// What is known of these seats once lapsed holds were looked at: nothing where nobody has looked.
async fn lapsed(bench: &Bench<impl StoreFactory>, seats: &'static [u32]) -> Vec<Option<Option<Claim>>> {
    let keys = Keys::new([Key::Schedule(samples::SCHEDULE), Key::LapsedClaims(samples::SCHEDULE)]);
    look(bench.store(), keys, move |records| {
        let known =
            |key| records.claims.knows(&key).then(|| records.claims.get(&key).map(Option::<&_>::copied));
        seats.iter().map(|&number| known(seat(number)).transpose()).collect()
    })
    .await
}

/// From the very end of a hold on; of a seat that somebody has taken over since, the claim that is there now.
pub async fn claims_of_lapsed_holds_are_known(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS).await;
    let (first, second) = (ending(1, &[1, 2], 10), ending(2, &[3], 20));
    hold(&bench, vec![first.clone(), second.clone()]).await;
    bench.clock.advance(10);
    assert_eq!(lapsed(&bench, &[1, 2]).await, [Some(Some(samples::claim(&first))); 2]);
    let rival = ending(3, &[2], 400);
    set(&bench, vec![(2, Some(samples::claim(&rival)))]).await;
    bench.clock.advance(10);
    let claims = [&first, &rival, &second].map(|one| Some(Some(samples::claim(one))));
    assert_eq!(lapsed(&bench, &[1, 2, 3]).await, claims);
    // A seat of a lapsed hold that is free by now is known as free.
    set(&bench, vec![(1, None)]).await;
    assert_eq!(lapsed(&bench, &[1]).await, [Some(None)]);
}

/// A decision is never earlier than one before it over the same schedule, and neither is what has lapsed by then.
pub async fn claims_that_had_lapsed_have_lapsed_when_the_clock_goes_back(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS).await;
    let first = ending(1, &[1], 10);
    hold(&bench, vec![first.clone()]).await;
    bench.clock.advance(10);
    set(&bench, vec![(9, Some(Claim::Blocked))]).await;
    bench.clock.step_back(9);
    assert_eq!(lapsed(&bench, &[1]).await, [Some(Some(samples::claim(&first)))]);
}

fn pick(quantity: usize) -> BestRequest {
    BestRequest { quantity, grade: None, adjacent: true, accessible: false }
}

/// Chooses seats by a map on which none is free, at this version.
async fn pick_by_a_full_map(
    bench: &Bench<impl StoreFactory>,
    version: u64,
    quantity: usize,
) -> Result<Vec<SeatNo>, NotAvailable> {
    let keys = Keys::new([Key::Schedule(samples::SCHEDULE), Key::ClaimsSince(samples::SCHEDULE, version)]);
    apply(bench.store(), keys, move |records, now: Timestamp| {
        let picture = SeatPicture { version, plan_version: 1, free: FreeSeats::none(4) };
        Ok(records.pick_best(samples::SCHEDULE, &picture, &pick(quantity), 1, now)?)
    })
    .await
}

/// A hall of which every seat is held is sold out until the first of the holds has ended.
pub async fn a_refusal_is_given_only_after_a_look_at_lapsed_holds(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(4).await;
    hold(&bench, vec![ending(1, &[1, 2], 10), ending(2, &[3], 20), ending(3, &[4], 400)]).await;
    let none = Err(NotAvailable::SoldOut { seats_left: 0 });
    assert_eq!(pick_by_a_full_map(&bench, 2, 1).await, none);
    bench.clock.advance(10);
    assert_eq!(pick_by_a_full_map(&bench, 2, 2).await, Ok(vec![SeatNo::new(1), SeatNo::new(2)]));
    assert_eq!(pick_by_a_full_map(&bench, 2, 3).await, Err(NotAvailable::SoldOut { seats_left: 2 }));
    bench.clock.advance(10);
    let three = [1, 2, 3].map(SeatNo::new).to_vec();
    assert_eq!(pick_by_a_full_map(&bench, 2, 3).await, Ok(three));
}

/// What a board that was left behind is told: the newest version, and every seat that has changed since, as it is then.
pub async fn what_was_missed_of_a_map_is_read_as_of_one_moment(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(SEATS).await;
    let mut dice = Dice::new(5);
    let mut maps = vec![vec![SeatState::Available; SEATS as usize]];
    for number in 1..=30 {
        let mut map = maps.last().expect("there is one").clone();
        let mut changes = BTreeMap::new();
        for _ in 0..=dice.below(4) {
            let claim =
                [None, Some(held(number)), Some(sold(number)), Some(Claim::Blocked)][dice.below(4) as usize];
            changes.insert(dice.below(SEATS) + 1, claim);
        }
        // What is as it was is no change.
        changes.retain(|seat, claim| SeatState::of(claim.as_ref()) != map[*seat as usize - 1]);
        if changes.is_empty() {
            continue;
        }
        for (seat, claim) in &changes {
            map[*seat as usize - 1] = SeatState::of(claim.as_ref());
        }
        set(&bench, changes.into_iter().collect()).await;
        maps.push(map);
    }
    let newest = maps.len() as u64;
    let versions = bench.reads().seat_versions(vec![ScheduleId::new(99), samples::SCHEDULE]).await;
    assert_eq!(versions, Ok(vec![(samples::SCHEDULE, newest)]));
    for (version, map) in (1_u64..).zip(&maps) {
        let missed = bench.reads().seats_since(samples::SCHEDULE, version).await.expect("read");
        let missed = missed.expect("everything since is known");
        assert_eq!((missed.schedule, missed.version), (samples::SCHEDULE, newest));
        assert!(missed.seats.is_sorted_by(|one, next| one.0 < next.0), "{:?}", missed.seats);
        let mut map = map.clone();
        for (seat, state) in missed.seats {
            map[seat.index()] = state;
        }
        assert_eq!(&map, maps.last().expect("there is one"), "since {version}");
    }
    for version in [0, newest + 1] {
        assert_eq!(bench.reads().seats_since(samples::SCHEDULE, version).await, Ok(None), "since {version}");
    }
    assert_eq!(bench.reads().seats_since(ScheduleId::new(99), 1).await, Ok(None));
    bench.clock.advance(FORGOTTEN);
    bench.opened().upkeep.clean(bench.now()).await.expect("cleaned");
    assert_eq!(
        bench.reads().seats_since(samples::SCHEDULE, 1).await,
        Ok(None),
        "what was cleaned is not known"
    );
}
