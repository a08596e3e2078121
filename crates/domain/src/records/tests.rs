use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::account::Role;
use crate::catalog::{BookingWindow, HoldPolicy, ScheduleDraft, SeatPlan};
use crate::reservation::{ReservationState, claim_seats, confirm_seats, extend_seats, release_seats};
use crate::staff::{ActionKind, Actor};
use crate::{AuditEntryId, Money};

const SCHEDULE: ScheduleId = ScheduleId::new(1);

fn schedule() -> Schedule {
    let draft = ScheduleDraft {
        venue: "Hall".to_owned(),
        starts_at: Timestamp::from_micros(1_000),
        time_zone: "UTC".to_owned(),
        duration_minutes: 1,
        booking: BookingWindow { start: Timestamp::ZERO, end: Timestamp::from_micros(900) },
        hold: HoldPolicy { hold_seconds: 1, max_seconds: 1, extension_seconds: 0 },
        max_seats_per_fan: 4,
        sales_paused: false,
    };
    let plan = Arc::new(SeatPlan::plain(3, Money::ZERO).expect("plan"));
    draft.into_schedule(SCHEDULE, ConcertId::new(1), plan, Timestamp::ZERO)
}

fn seat(no: u32) -> (ScheduleId, SeatNo) {
    (SCHEDULE, SeatNo::new(no))
}

fn staff_action() -> StaffAction {
    StaffAction {
        id: AuditEntryId::new(Uuid::nil()),
        at: Timestamp::ZERO,
        actor: Actor { user: UserId::new(Uuid::nil()), role: Role::Admin },
        action: ActionKind::EditSchedule,
        target: "schedule/1".to_owned(),
        before: None,
        after: None,
        request_id: String::new(),
    }
}

/// A line alone is something to write.
#[test]
fn a_line_of_the_audit_log_is_a_change() {
    let mut records = Records::new();
    records.staff_actions.add(staff_action());
    assert!(!records.changed().is_empty());
    assert_eq!(records.changed().staff_actions, [staff_action()]);
    records.roll_back_all();
    assert!(records.changed().is_empty());
}

#[test]
fn what_nobody_loaded_is_asked_for_by_name() {
    let records = Records::new();
    assert_eq!(records.claims.get(&seat(1)), Err(Need(Key::Claim(SCHEDULE, SeatNo::new(1)))));
    let user = UserId::new(Uuid::nil());
    assert_eq!(records.wallets.get(&user), Err(Need(Key::Wallet(user))));
    assert_eq!(records.accounts.get(&user), Err(Need(Key::Account(user))));
    assert_eq!(
        records.fan_reservations(SCHEDULE, user).err(),
        Some(Need(Key::FanReservations(SCHEDULE, user)))
    );
}

#[test]
fn rolling_back_restores_the_moment_exactly() {
    let mut records = Records::new();
    records.claims.load(seat(1), Some((Claim::Blocked, 7)));
    records.claims.load(seat(2), None);
    records.claims.put(seat(2), Claim::Blocked);
    let mark = records.mark();
    records.claims.remove(seat(1));
    records.claims.remove(seat(2));
    records.claims.put(seat(2), Claim::Blocked);
    records.claims.remove(seat(2));
    records.staff_actions.add(staff_action());
    records.roll_back(&mark);
    assert_eq!(records.staff_actions.items(), []);
    assert_eq!(records.claims.get(&seat(1)), Ok(Some(&Claim::Blocked)));
    assert_eq!(records.claims.get(&seat(2)), Ok(Some(&Claim::Blocked)));
    records.roll_back_all();
    assert_eq!(records.claims.get(&seat(2)), Ok(None));
    assert!(records.changed().is_empty());
}

#[test]
fn only_what_differs_is_saved_and_in_order() {
    let mut records = Records::new();
    records.claims.load(seat(1), Some((Claim::Blocked, 7)));
    records.claims.load(seat(2), None);
    records.claims.load(seat(3), None);
    records.claims.put(seat(3), Claim::Blocked);
    records.claims.put(seat(2), Claim::Blocked);
    records.claims.put(seat(1), Claim::Blocked);
    let changed = records.changed();
    let keys: Vec<_> = changed.claims.iter().map(|change| *change.key).collect();
    assert_eq!(keys, [seat(2), seat(3)]);
    records.claims.remove(seat(1));
    let changed = records.changed();
    assert_eq!(changed.claims[0].before, Some((&Claim::Blocked, 7)));
    assert_eq!(changed.claims[0].after, None);
}

#[test]
fn sealing_moves_the_map_on_by_one_however_many_seats_changed() {
    let mut records = Records::new();
    records.schedules.load(SCHEDULE, Some((schedule(), 1)));
    for no in 1..=3 {
        records.claims.load(seat(no), None);
    }
    records.claims.put(seat(3), Claim::Blocked);
    records.claims.put(seat(1), Claim::Blocked);
    let now = Timestamp::from_micros(500);
    records.seal(now).expect("schedule is loaded");
    let seats = vec![(SeatNo::new(1), SeatState::Blocked), (SeatNo::new(3), SeatState::Blocked)];
    assert_eq!(records.seat_changes(), [SeatChanges { schedule: SCHEDULE, version: 2, seats }]);
    let sealed = records.schedules.get(&SCHEDULE).expect("known").expect("there").clone();
    assert_eq!((sealed.version, sealed.decided_at), (2, now));
}

#[test]
fn sealing_never_turns_the_time_of_a_schedule_back() {
    let mut records = Records::new();
    let late = Schedule { decided_at: Timestamp::from_micros(800), ..schedule() };
    records.schedules.load(SCHEDULE, Some((late, 1)));
    records.claims.load(seat(1), None);
    records.claims.put(seat(1), Claim::Blocked);
    records.seal(Timestamp::from_micros(500)).expect("schedule is loaded");
    let sealed = records.schedules.get(&SCHEDULE).expect("known").expect("there");
    assert_eq!(sealed.decided_at, Timestamp::from_micros(800));
}

#[test]
fn changing_a_seat_without_its_schedule_asks_for_the_schedule() {
    let mut records = Records::new();
    records.claims.load(seat(1), None);
    records.claims.put(seat(1), Claim::Blocked);
    assert_eq!(records.seal(Timestamp::ZERO), Err(Need(Key::Schedule(SCHEDULE))));
}

#[test]
fn names_sort_in_the_order_of_locking() {
    let user = UserId::new(Uuid::nil());
    let keys = Keys::new([
        Key::Claim(SCHEDULE, SeatNo::new(1)),
        Key::Schedule(SCHEDULE),
        Key::Concert(ConcertId::new(1)),
        Key::Wallet(user),
        Key::Account(user),
        Key::Wallet(user),
    ]);
    let order = keys.in_lock_order();
    assert_eq!(
        order,
        [
            Key::Account(user),
            Key::Wallet(user),
            Key::Concert(ConcertId::new(1)),
            Key::Schedule(SCHEDULE),
            Key::Claim(SCHEDULE, SeatNo::new(1)),
        ]
    );
}

fn reservation(number: u128) -> Reservation {
    Reservation {
        id: ReservationId::new(Uuid::from_u128(number)),
        user: UserId::new(Uuid::nil()),
        concert: ConcertId::new(1),
        schedule: SCHEDULE,
        seats: vec![SeatNo::new(1)],
        amount: Money::ZERO,
        created_at: Timestamp::ZERO,
        entry: None,
        state: ReservationState::Pending { expires_at: Timestamp::from_micros(9), extended: false },
        last_event: 0,
    }
}

#[test]
fn a_reservation_that_is_rolled_back_leaves_the_list_of_its_fan() {
    let mut records = Records::new();
    let user = UserId::new(Uuid::nil());
    records.loaded_fan_reservations(SCHEDULE, user, Vec::new());
    records.add_reservation(reservation(1));
    let mark = records.mark();
    records.add_reservation(reservation(2));
    records.roll_back(&mark);
    // The second round of a group adds the same reservation again.
    records.roll_back_all();
    records.add_reservation(reservation(1));
    let ids: Vec<_> =
        records.fan_reservations(SCHEDULE, user).expect("loaded").map(|found| found.id).collect();
    assert_eq!(ids, [reservation(1).id]);
}

#[test]
fn the_first_claim_fixes_the_plan_at_once() {
    let mut records = Records::new();
    records.schedules.load(SCHEDULE, Some((schedule(), 1)));
    records.claims.load(seat(1), None);
    let seats = [SeatNo::new(1)];
    claim_seats(&mut records, SCHEDULE, &seats, Claim::Blocked, Timestamp::ZERO)
        .expect("loaded")
        .expect("free");
    assert!(records.schedules.get(&SCHEDULE).expect("known").expect("there").in_use);
}

#[test]
fn every_way_to_change_a_claim_asks_for_the_schedule() {
    let mut records = Records::new();
    records.claims.load(seat(1), None);
    let seats = [SeatNo::new(1)];
    let (holder, user) = (ReservationId::new(Uuid::nil()), UserId::new(Uuid::nil()));
    let need = Need(Key::Schedule(SCHEDULE));
    let now = Timestamp::ZERO;
    assert_eq!(claim_seats(&mut records, SCHEDULE, &seats, Claim::Blocked, now), Err(need.clone()));
    assert_eq!(confirm_seats(&mut records, SCHEDULE, &seats, holder, user), Err(need.clone()));
    assert_eq!(extend_seats(&mut records, SCHEDULE, &seats, holder, user, now), Err(need.clone()));
    assert_eq!(release_seats(&mut records, SCHEDULE, &seats, holder), Err(need));
}
