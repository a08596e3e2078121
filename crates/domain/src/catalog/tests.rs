use std::sync::Arc;

use super::*;
use crate::queue::{Draw, LobbyFacts, Seed};
use crate::{ConcertId, Money, ScheduleId, SeatNo, Timestamp};

const fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn draft() -> ScheduleDraft {
    ScheduleDraft {
        venue: "Olympic Hall".to_owned(),
        starts_at: at(10_000),
        time_zone: "Asia/Seoul".to_owned(),
        duration_minutes: 120,
        booking: BookingWindow { start: at(100), end: at(200) },
        hold: HoldPolicy { hold_seconds: 300, max_seconds: 600, extension_seconds: 120 },
        max_seats_per_fan: 4,
        refund_policy: RefundPolicy::NONE,
        sales_paused: false,
    }
}

fn schedule() -> Schedule {
    let plan = Arc::new(SeatPlan::plain(50, Money::of(50_000)).expect("plan"));
    draft().into_schedule(ScheduleId::new(1), ConcertId::new(1), plan, at(1))
}

#[test]
fn the_window_includes_its_start_and_excludes_its_end() {
    let schedule = schedule();
    assert_eq!(schedule.check_on_sale(at(99)), Err(SaleClosed::NotOpen { opens_at: at(100) }));
    assert_eq!(schedule.check_on_sale(at(100)), Ok(()));
    assert_eq!(schedule.check_on_sale(at(199)), Ok(()));
    assert_eq!(schedule.check_on_sale(at(200)), Err(SaleClosed::Closed));
    let paused = Schedule { sales_paused: true, ..schedule };
    assert_eq!(paused.check_on_sale(at(150)), Err(SaleClosed::Paused));
    assert_eq!(paused.check_on_sale(at(200)), Err(SaleClosed::Closed));
}

#[test]
fn a_concert_stands_where_its_most_useful_schedule_stands() {
    use ScheduleStatus::{Closed, OnSale, Paused, SoldOut, Upcoming};
    assert_eq!(combined_status([]), Upcoming);
    assert_eq!(combined_status([Closed, OnSale, SoldOut]), OnSale);
    assert_eq!(combined_status([Closed, SoldOut]), SoldOut);
    assert_eq!(combined_status([Closed, Paused, Upcoming]), Paused);
}

#[test]
fn a_bad_draft_names_every_member() {
    let bad = ScheduleDraft {
        venue: String::new(),
        duration_minutes: 0,
        booking: BookingWindow { start: at(200), end: at(200) },
        hold: HoldPolicy { hold_seconds: 3_601, max_seconds: 10, extension_seconds: 3_601 },
        max_seats_per_fan: 101,
        refund_policy: RefundPolicy::NONE,
        ..draft()
    };
    let fields: Vec<String> = bad.check().into_iter().map(|error| error.field).collect();
    assert_eq!(
        fields,
        [
            "venue",
            "durationMinutes",
            "holdSeconds",
            "holdExtensionSeconds",
            "maxSeatsPerFan",
            "holdMaxSeconds",
            "bookingEnd"
        ]
    );
    assert_eq!(draft().check(), []);
}

#[test]
fn a_plain_plan_numbers_its_seats_from_one() {
    let plan = SeatPlan::plain(50, Money::of(50_000)).expect("plan");
    assert_eq!(plan.size(), 50);
    assert_eq!(plan.seat(SeatNo::new(1)).map(|seat| &*seat.label), Some("1"));
    assert_eq!(plan.seat(SeatNo::new(50)).map(|seat| &*seat.label), Some("50"));
    assert_eq!(plan.seat(SeatNo::new(51)), None);
    assert_eq!(plan.seat(SeatNo::new(0)), None);
    assert_eq!(plan.price_of(&[SeatNo::new(1), SeatNo::new(2)]), Some(Money::of(100_000)));
    assert_eq!(plan.price_of(&[SeatNo::new(1), SeatNo::new(51)]), None);
}

#[test]
fn impossible_plans_are_refused() {
    for (seats, price) in [(0, 1), (SEATS_MAX + 1, 1), (10, -1), (10, SeatPlan::PRICE_MAX.minor() + 1)] {
        assert!(SeatPlan::plain(seats, Money::of(price)).is_err(), "{seats} seats at {price}");
    }
    let sound = SeatPlan::plain(2, Money::of(1)).expect("a plan").parts();
    assert!(SeatPlan::from_parts(sound.clone()).is_some());
    let row = |section| Row { section, name: None };
    for (what, spoil) in [
        ("no seats", (|parts| parts.seats.clear()) as fn(&mut PlanParts)),
        ("a row of no section", |parts| parts.rows[0].section = 1),
        ("a seat of no row", |parts| parts.seats[0].row = 1),
        ("a seat of no grade", |parts| parts.seats[0].grade = 1),
        ("a seat at no distance", |parts| parts.distances.truncate(1)),
    ] {
        let mut parts = sound.clone();
        spoil(&mut parts);
        assert_eq!(SeatPlan::from_parts(parts), None, "{what}");
    }
    let mut torn = sound;
    torn.rows = vec![row(0), row(0)];
    torn.seats[0].row = 1;
    assert_eq!(SeatPlan::from_parts(torn), None, "a row in two pieces");
}

#[test]
fn a_sale_is_bound_to_one_seed_from_its_first_lobby_on() {
    let mut draft = ConcertDraft {
        title: "Night".to_owned(),
        artist: String::new(),
        description: String::new(),
        published: true,
        waiting_room: WaitingRoomSettings::OFF,
    };
    let made = |draft: &ConcertDraft| draft.clone().into_concert(ConcertId::new(1), Timestamp::ZERO);
    let [first, second] = [1, 2].map(|fill| Seed::new([fill; 32]));
    let opens_at = Timestamp::from_micros(1);
    draft.waiting_room.lobby_opens_at = Some(opens_at);
    assert_eq!(made(&draft).bound_to(first).draw, None, "there is no room");
    draft.waiting_room = WaitingRoomSettings { enabled: true, lobby_opens_at: None, ..draft.waiting_room };
    assert_eq!(made(&draft).bound_to(first).draw, None, "there is no lobby");
    draft.waiting_room.lobby_opens_at = Some(opens_at);
    assert_eq!(draft.check(), []);
    assert_eq!(made(&draft).lobby(), None, "nothing could be drawn from");
    let bound = made(&draft).bound_to(first);
    assert_eq!(bound.lobby(), Some(LobbyFacts { opens_at, is_drawn: false }));
    let again = bound.bound_to(second);
    assert_eq!(again.draw, Some(Draw::new(first)), "a second seed would be a second chance");
    let draw = Some(Draw { drawn_at: Some(opens_at), ..Draw::new(first) });
    assert_eq!(Concert { draw, ..again }.lobby(), Some(LobbyFacts { opens_at, is_drawn: true }));
}
