use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::account::Role;
use crate::catalog::{BookingWindow, HoldPolicy, RefundPolicy, ScheduleDraft, SeatPlan};
use crate::reservation::{
    BestRequest, FreeSeats, ReservationState, claim_seats, confirm_seats, extend_seats, release_seats,
};
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
        refund_policy: RefundPolicy::NONE,
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

fn picture(version: u64) -> SeatPicture {
    SeatPicture { version, plan_version: 1, free: FreeSeats::all(3) }
}

fn pick(records: &mut Records, quantity: usize, now: Timestamp) -> Result<Vec<u32>, Option<Key>> {
    let request = BestRequest { quantity, grade: None, adjacent: true, accessible: false };
    match records.pick_best(SCHEDULE, &picture(1), &request, 7, now) {
        Ok(Ok(seats)) => Ok(seats.into_iter().map(SeatNo::get).collect()),
        Ok(Err(_)) => Err(None),
        Err(Need(key)) => Err(Some(key)),
    }
}

#[test]
fn the_best_are_chosen_among_what_nobody_has_at_that_moment() {
    let now = Timestamp::from_micros(5);
    let mut records = Records::new();
    records.schedules.load(SCHEDULE, Some((schedule(), 1)));
    assert_eq!(pick(&mut records, 2, now), Err(Some(Key::ClaimsSince(SCHEDULE, 1))));
    // Since the picture somebody has taken the first seat.
    records.claims.load(seat(1), Some((Claim::Blocked, 0)));
    records.loaded_claims_since(SCHEDULE, 1);
    assert_eq!(pick(&mut records, 2, now), Ok(vec![2, 3]));
    assert_eq!(records.claims.get(&seat(2)), Ok(None), "what was free and has not changed has no claim");
    // What others of the group take counts, and what is taken back counts no more.
    let mark = records.mark();
    records.claims.put(seat(2), Claim::Blocked);
    assert_eq!(pick(&mut records, 1, now), Ok(vec![3]));
    records.claims.put(seat(3), Claim::Blocked);
    assert_eq!(pick(&mut records, 1, now), Err(Some(Key::LapsedClaims(SCHEDULE))));
    records.roll_back(&mark);
    assert_eq!(pick(&mut records, 2, now), Ok(vec![2, 3]));
    records.claims.remove(seat(1));
    assert_eq!(pick(&mut records, 3, now), Ok(vec![1, 2, 3]));
    records.roll_back_all();
    assert_eq!(pick(&mut records, 2, now), Ok(vec![2, 3]));
}

#[test]
fn a_refusal_counts_once_lapsed_holds_were_looked_at() {
    let (before, after) = (Timestamp::from_micros(5), Timestamp::from_micros(6));
    let mut records = Records::new();
    records.schedules.load(SCHEDULE, Some((schedule(), 1)));
    let (reservation, user) = (ReservationId::new(Uuid::nil()), UserId::new(Uuid::nil()));
    for no in 1..=3 {
        let until = Timestamp::from_micros(if no == 3 { 1_000 } else { 6 });
        records.claims.load(seat(no), Some((Claim::Held { reservation, user, until }, 0)));
    }
    records.loaded_claims_since(SCHEDULE, 1);
    records.loaded_lapsed_claims(SCHEDULE);
    assert_eq!(pick(&mut records, 2, before), Err(None));
    assert_eq!(pick(&mut records, 2, after), Ok(vec![1, 2]));
}

#[test]
fn a_picture_that_does_not_fit_is_not_used() {
    let now = Timestamp::from_micros(5);
    let request = BestRequest { quantity: 1, grade: None, adjacent: true, accessible: false };
    for (version, plan_version) in [(9, 1), (1, 2)] {
        let mut records = Records::new();
        records.schedules.load(SCHEDULE, Some((schedule(), 1)));
        records.loaded_claims_since(SCHEDULE, 1);
        let stale = SeatPicture { version, plan_version, free: FreeSeats::all(3) };
        let asked = records.pick_best(SCHEDULE, &stale, &request, 7, now);
        assert_eq!(asked, Err(Need(Key::ClaimsSince(SCHEDULE, 0))));
        // With all claims at hand no picture is needed: what is not there is free.
        records.claims.load(seat(1), Some((Claim::Blocked, 0)));
        records.loaded_claims_since(SCHEDULE, 0);
        assert_eq!(records.pick_best(SCHEDULE, &stale, &request, 7, now), Ok(Ok(vec![SeatNo::new(2)])));
        assert_eq!(records.claim(SCHEDULE, SeatNo::new(3)), Ok(None));
    }
}

#[test]
fn tickets_belong_to_their_reservation_also_when_they_are_taken_back() {
    let reservation = ReservationId::new(Uuid::max());
    let mut records = Records::new();
    assert_eq!(records.tickets_of(reservation), Err(Need(Key::Tickets(reservation))));
    let (first, user) = (TicketId::new(Uuid::nil()), UserId::new(Uuid::nil()));
    let tickets = crate::ticket::issue(first, reservation, SCHEDULE, user, &[SeatNo::new(1), SeatNo::new(2)]);
    records.tickets.load(tickets[0].id, Some((tickets[0].clone(), 3)));
    records.loaded_tickets(reservation, vec![tickets[0].id]);
    let mark = records.mark();
    records.add_ticket(tickets[1].clone());
    assert_eq!(records.tickets_of(reservation), Ok(tickets.clone()));
    records.tickets.put(tickets[0].id, tickets[0].clone().voided());
    let changed = records.changed().tickets;
    let versions: Vec<_> = changed.iter().map(|change| change.before.map(|(_, version)| version)).collect();
    assert_eq!(versions, [Some(3), None], "one was there, one is new");
    records.roll_back(&mark);
    assert_eq!(records.tickets_of(reservation), Ok(vec![tickets[0].clone()]));
    assert!(records.changed().is_empty());
}
