use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::catalog::HoldPolicy;
use crate::records::Records;
use crate::{ConcertId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

const SCHEDULE: ScheduleId = ScheduleId::new(1);
const POLICY: HoldPolicy = HoldPolicy { hold_seconds: 300, max_seconds: 400, extension_seconds: 120 };
const LIMITS: FanLimits =
    FanLimits { max_seats: 4, lapses: LapsePolicy { limit: 10, window_seconds: 600, pause_seconds: 60 } };

const fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn id(number: u128) -> ReservationId {
    ReservationId::new(Uuid::from_u128(number))
}

fn held(number: u128, seats: &[u32], created: i64) -> Reservation {
    Reservation {
        id: id(number),
        user: UserId::new(Uuid::nil()),
        concert: ConcertId::new(1),
        schedule: SCHEDULE,
        seats: seats.iter().map(|&no| SeatNo::new(no)).collect(),
        amount: Money::of(1),
        created_at: at(created),
        entry: None,
        state: ReservationState::Pending {
            expires_at: at(created).plus_seconds(POLICY.hold_seconds),
            extended: false,
        },
        last_event: 0,
    }
}

#[test]
fn a_hold_counts_until_its_end_exclusively() {
    let reservation = held(1, &[1], 0);
    assert_eq!(reservation.status(at(299)), ReservationStatus::Pending);
    assert_eq!(reservation.status(at(300)), ReservationStatus::Expired);
    assert_eq!(reservation.check_payable(at(299)), Ok(()));
    assert_eq!(reservation.check_payable(at(300)), Err(PayRefused::Expired));
    assert_eq!(reservation.ended_at(at(300)), Some(at(300)));
}

#[test]
fn what_is_paid_can_be_given_back_once_and_says_what_was() {
    let payment = PaymentId::new(Uuid::max());
    let pending = Reservation { amount: Money::of(100), ..held(1, &[1], 0) };
    assert_eq!(pending.clone().refund(Money::of(70), at(1)), Err(RefundRefused::NotPaid));
    let paid = pending.confirm(payment, at(10)).expect("payable");
    let Ok(Transition::Applied(back)) = paid.refund(Money::of(70), at(900)) else { panic!("it was paid") };
    assert_eq!(back.status(at(900)), ReservationStatus::Refunded);
    assert_eq!((back.paid(), back.ended_at(at(900))), (Some((at(10), payment)), Some(at(900))));
    assert_eq!(back.lapsed_at(at(900)), None, "who has paid has not hoarded (R-R5)");
    assert!(!back.is_live(at(900)));
    assert_eq!(back.clone().refund(Money::of(100), at(901)), Ok(Transition::AlreadyApplied(back.clone())));
    assert_eq!(back.clone().cancel(at(901)), Err(NotPending::Confirmed));
    assert_eq!(back.clone().extend(&POLICY, at(901)), Err(ExtendRefused::NotPending));
    assert_eq!(back.check_payable(at(901)), Err(PayRefused::NotPending));
    assert_eq!(back.clone().expire(at(901)), Transition::AlreadyApplied(back));
}

#[test]
fn bug_9_refreshing_never_keeps_a_hold_past_its_cap() {
    let mut reservation = held(1, &[1], 0);
    for second in 0..1_000 {
        if let Ok(Transition::Applied(next) | Transition::AlreadyApplied(next)) =
            reservation.clone().extend(&POLICY, at(second))
        {
            reservation = next;
        }
    }
    assert_eq!(reservation.status(at(399)), ReservationStatus::Pending);
    assert_eq!(reservation.status(at(400)), ReservationStatus::Expired);
}

#[test]
fn one_extension_is_all_there_is_and_a_tighter_policy_never_shortens_a_hold() {
    let Ok(Transition::Applied(extended)) = held(1, &[1], 0).extend(&POLICY, at(10)) else {
        panic!("the first extension applies")
    };
    assert!(!extended.is_extendable(&POLICY, at(10)));
    assert_eq!(extended.clone().extend(&POLICY, at(11)), Ok(Transition::AlreadyApplied(extended)));
    let tighter = HoldPolicy { hold_seconds: 10, max_seconds: 10, extension_seconds: 10 };
    assert!(!held(1, &[1], 0).is_extendable(&tighter, at(5)));
    let Ok(Transition::Applied(kept)) = held(1, &[1], 0).extend(&tighter, at(5)) else { panic!("applies") };
    assert_eq!(kept.status(at(299)), ReservationStatus::Pending);
}

#[test]
fn a_fan_who_lets_ten_holds_go_waits_a_minute() {
    let cancelled = |number: u128, second| {
        let Ok(Transition::Applied(reservation)) = held(number, &[1], second).cancel(at(second)) else {
            panic!("a hold can be cancelled")
        };
        reservation
    };
    let history: Vec<Reservation> =
        (0_u8..10).map(|number| cancelled(number.into(), number.into())).collect();
    let check = |history: &[Reservation], now| check_fan_limits(history.iter(), 1, &LIMITS, at(now));
    assert_eq!(check(&history[..9], 10), Ok(()));
    assert_eq!(check(&history, 10), Err(FanLimitRefused::Pausing { until: at(69) }));
    assert_eq!(check(&history, 69), Ok(()));
    // An eleventh starts the minute anew, as long as ten of them are younger than the window.
    let mut more = history.clone();
    more.push(cancelled(11, 69));
    assert_eq!(check(&more, 70), Err(FanLimitRefused::Pausing { until: at(129) }));
}

#[test]
fn bug_5_the_seat_limit_counts_every_live_claim_and_nothing_else() {
    let confirmed = held(1, &[1, 2], 0).confirm(PaymentId::new(Uuid::nil()), at(1)).expect("payable");
    let history = [confirmed, held(2, &[3], 100), held(3, &[4, 5], -300)];
    let check = |wanted| check_fan_limits(history.iter(), wanted, &LIMITS, at(100));
    assert_eq!(check(1), Ok(()));
    assert_eq!(check(2), Err(FanLimitRefused::TooManySeats { limit: 4, held: 3 }));
}

/// One step of a naive fan: everything that can happen to the seats of one schedule.
#[derive(Debug, Clone)]
enum Step {
    Hold { seats: Vec<u32> },
    Pay(usize),
    Cancel(usize),
    Extend(usize),
    Expire(usize),
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seats = prop::collection::btree_set(1_u32..=6, 1..4);
    let step = prop_oneof![
        4 => seats.prop_map(|seats| Step::Hold { seats: seats.into_iter().collect() }),
        2 => (0_usize..12).prop_map(Step::Pay),
        1 => (0_usize..12).prop_map(Step::Cancel),
        1 => (0_usize..12).prop_map(Step::Extend),
        2 => (0_usize..12).prop_map(Step::Expire),
        3 => (0_u32..250).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..80)
}

/// Applies a step to the working set the way the use cases do. `all` are the reservations made so far.
fn apply(records: &mut Records, all: &mut Vec<Reservation>, step: &Step, now: Timestamp) {
    let pick = |index: usize, all: &[Reservation]| (!all.is_empty()).then(|| index % all.len());
    match step {
        Step::Hold { seats } => {
            let reservation = Reservation {
                created_at: now,
                entry: None,
                state: ReservationState::Pending { expires_at: now.plus_seconds(300), extended: false },
                ..held(all.len() as u128 + 1, seats, 0)
            };
            let claim = Claim::Held {
                reservation: reservation.id,
                user: reservation.user,
                until: now.plus_seconds(300),
            };
            if claim_seats(records, SCHEDULE, &reservation.seats, claim, now).expect("loaded").is_ok() {
                all.push(reservation);
            }
        }
        Step::Pay(index) => {
            let Some(index) = pick(*index, all) else { return };
            let reservation = all[index].clone();
            if let Ok(paid) = reservation.clone().confirm(PaymentId::new(Uuid::nil()), now) {
                let (holder, user) = (reservation.id, reservation.user);
                let sold =
                    confirm_seats(records, SCHEDULE, &reservation.seats, holder, user).expect("loaded");
                assert!(sold, "a hold that still counts still has its seats");
                all[index] = paid;
            }
        }
        Step::Cancel(index) => {
            let Some(index) = pick(*index, all) else { return };
            if let Ok(Transition::Applied(gone)) = all[index].clone().cancel(now) {
                let freed = release_seats(records, SCHEDULE, &gone.seats, gone.id).expect("loaded");
                assert_eq!(freed, gone.seats.len(), "a live hold frees all its seats");
                all[index] = gone;
            }
        }
        Step::Extend(index) => {
            let Some(index) = pick(*index, all) else { return };
            if let Ok(Transition::Applied(longer)) = all[index].clone().extend(&POLICY, now)
                && let ReservationState::Pending { expires_at, .. } = longer.state
            {
                let (holder, user) = (longer.id, longer.user);
                assert!(
                    extend_seats(records, SCHEDULE, &longer.seats, holder, user, expires_at).expect("loaded")
                );
                all[index] = longer;
            }
        }
        Step::Expire(index) => {
            let Some(index) = pick(*index, all) else { return };
            if let Transition::Applied(gone) = all[index].clone().expire(now) {
                release_seats(records, SCHEDULE, &gone.seats, gone.id).expect("loaded");
                all[index] = gone;
            }
        }
        Step::Wait(_) => {}
    }
}

proptest! {
    /// R-R2, R-R4, R-W5: after every step each seat is claimed by at most one live reservation, every live
    /// reservation has all its seats, and free + held + sold = seats.
    #[test]
    fn bug_5_seats_and_reservations_always_agree(steps in steps()) {
        let mut records = Records::new();
        records.schedules.load(SCHEDULE, None);
        for no in 1..=6 {
            records.claims.load((SCHEDULE, SeatNo::new(no)), None);
        }
        let mut all: Vec<Reservation> = Vec::new();
        let mut now = at(0);
        for step in &steps {
            if let Step::Wait(seconds) = step {
                now = now.plus_seconds(*seconds);
            }
            apply(&mut records, &mut all, step, now);
            let mut live_seats: Vec<SeatNo> = Vec::new();
            for reservation in all.iter().filter(|reservation| reservation.is_live(now)) {
                for &seat in &reservation.seats {
                    let claim = records.claims.get(&(SCHEDULE, seat)).expect("loaded").expect("claimed");
                    prop_assert_eq!(claim.reservation(), Some(reservation.id));
                    prop_assert!(!claim.has_lapsed(now));
                    live_seats.push(seat);
                }
            }
            let count = live_seats.len();
            live_seats.sort_unstable();
            live_seats.dedup();
            prop_assert_eq!(live_seats.len(), count, "a seat has two live claims");
            let free = (1..=6)
                .filter(|&no| {
                    let claim = records.claims.get(&(SCHEDULE, SeatNo::new(no))).expect("loaded");
                    claim.is_none_or(|claim| claim.has_lapsed(now))
                })
                .count();
            prop_assert_eq!(free + count, 6);
        }
    }

    /// No sequence of transitions leaves a final state, and no paid reservation is ever anything else.
    #[test]
    fn a_paid_reservation_stays_paid(seconds in prop::collection::vec(0_i64..2_000, 0..20)) {
        let mut reservation = held(1, &[1], 0).confirm(PaymentId::new(Uuid::nil()), at(10)).expect("payable");
        for second in seconds {
            for result in [
                reservation.clone().cancel(at(second)).ok(),
                reservation.clone().extend(&POLICY, at(second)).ok(),
                Some(reservation.clone().expire(at(second))),
            ].into_iter().flatten() {
                let (Transition::Applied(next) | Transition::AlreadyApplied(next)) = result;
                reservation = next;
            }
            prop_assert_eq!(reservation.status(at(second)), ReservationStatus::Confirmed);
        }
    }
}
