//! What the rules themselves take, without store, network or clock: deciding a group of holds and payments on records in
//! memory, and choosing the best of 100,000 seats.
//!
//! `cargo bench -p frontrow-domain --bench decisions`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod measure;

use std::hint::black_box;
use std::sync::Arc;

use frontrow_domain::catalog::{
    BookingWindow, Grade, HoldPolicy, PlanParts, RefundPolicy, Row, Schedule, ScheduleDraft, Seat, SeatPlan,
    Section,
};
use frontrow_domain::records::Records;
use frontrow_domain::reservation::{
    BestRequest, Claim, FanLimits, FreeSeats, LapsePolicy, Reservation, ReservationState, best_available,
    check_fan_limits, claim_seats, confirm_seats,
};
use frontrow_domain::ticket::issue;
use frontrow_domain::wallet::Wallet;
use frontrow_domain::{
    ConcertId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, TransactionId,
    UserId,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const SCHEDULE: ScheduleId = ScheduleId::new(1);
const CONCERT: ConcertId = ConcertId::new(1);
const PRICE: Money = Money::of(50_000);
/// Commands of one group.
const GROUP: u32 = 1_000;
/// Seats of the hall, in rows of a hundred.
const SEATS: usize = 100_000;
const ROW: usize = 100;
const LIMITS: FanLimits =
    FanLimits { max_seats: 4, lapses: LapsePolicy { limit: 10, window_seconds: 600, pause_seconds: 60 } };

fn main() {
    measure::head("Decisions");
    groups();
    choices();
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

fn schedule(plan: &Arc<SeatPlan>) -> Schedule {
    let start = NOW.minus_seconds(3_600);
    let starts_at = NOW.plus_seconds(30 * 24 * 3_600);
    let draft = ScheduleDraft {
        venue: "Olympic Hall".to_owned(),
        starts_at,
        time_zone: "Asia/Seoul".to_owned(),
        duration_minutes: 120,
        booking: BookingWindow { start, end: starts_at },
        hold: HoldPolicy { hold_seconds: 300, max_seconds: 600, extension_seconds: 300 },
        max_seats_per_fan: 4,
        refund_policy: RefundPolicy::NONE,
        sales_paused: false,
    };
    draft.into_schedule(SCHEDULE, CONCERT, Arc::clone(plan), NOW)
}

/// What a group of holds has loaded: the schedule, the claims on its seats, what each fan has already.
fn loaded(plan: &Arc<SeatPlan>, taken: bool) -> Records {
    let mut records = Records::new();
    records.schedules.load(SCHEDULE, Some((schedule(plan), 1)));
    for number in 0..GROUP {
        let claim = taken.then_some((Claim::Blocked, 1));
        records.claims.load((SCHEDULE, SeatNo::new(number + 1)), claim);
        records.loaded_fan_reservations(SCHEDULE, UserId::new(id(number)), Vec::new());
    }
    records
}

/// One hold, by the rules that the use case asks. Answers whether the fan has the seat.
fn hold(records: &mut Records, number: u32) -> bool {
    let user = UserId::new(id(number));
    let seats = vec![SeatNo::new(number + 1)];
    let schedule = records.schedules.get(&SCHEDULE).expect("loaded").expect("there");
    schedule.check_on_sale(NOW).expect("on sale");
    let amount = schedule.plan.price_of(&seats).expect("seats of the plan");
    let expires_at = NOW.plus_seconds(schedule.hold.hold_seconds);
    let history = records.fan_reservations(SCHEDULE, user).expect("loaded");
    check_fan_limits(history, seats.len(), &LIMITS, NOW).expect("within the limits");
    let reservation = ReservationId::new(id(number));
    let claim = Claim::Held { reservation, user, until: expires_at };
    if claim_seats(records, SCHEDULE, &seats, claim, NOW).expect("loaded").is_err() {
        return false;
    }
    records.add_reservation(Reservation {
        id: reservation,
        user,
        concert: CONCERT,
        schedule: SCHEDULE,
        seats,
        amount,
        created_at: NOW,
        entry: None,
        state: ReservationState::Pending { expires_at, extended: false },
        last_event: 1,
    });
    true
}

/// One payment of such a hold, by the rules that the use case asks.
fn pay(records: &mut Records, number: u32) {
    let user = UserId::new(id(number));
    let (payment, transaction) = (PaymentId::new(id(number)), TransactionId::new(id(number)));
    let held =
        records.reservations.get(&ReservationId::new(id(number))).expect("loaded").expect("there").clone();
    let wallet = records.wallets.get(&user).expect("loaded").expect("there").clone();
    let (wallet, entry) = wallet.pay(transaction, held.amount, payment, held.id, NOW).expect("enough money");
    let paid = held.confirm(payment, NOW).expect("payable");
    assert!(confirm_seats(records, SCHEDULE, &paid.seats, paid.id, user).expect("loaded"), "its own seats");
    records.wallets.put(user, wallet);
    records.ledger.add(entry);
    for ticket in issue(TicketId::new(id(number)), paid.id, SCHEDULE, user, &paid.seats) {
        records.add_ticket(ticket);
    }
    records.reservations.put(paid.id, paid);
}

fn groups() {
    let plan = Arc::new(SeatPlan::plain(GROUP, PRICE).expect("a plan"));
    let size = format!("groups of {GROUP}");
    let hold_all = |mut records: Records| {
        let held = (0..GROUP).filter(|&number| hold(&mut records, number)).count();
        (records, held)
    };
    let empty = || loaded(&plan, false);
    measure::row("hold a free seat", &size, GROUP as usize, empty, |records| {
        let (records, held) = hold_all(records);
        assert_eq!(held, GROUP as usize);
        records
    });
    measure::row(
        "refuse a seat that is taken",
        &size,
        GROUP as usize,
        || loaded(&plan, true),
        |records| {
            let (records, held) = hold_all(records);
            assert_eq!(held, 0);
            records
        },
    );
    let held = || {
        let (mut records, _) = hold_all(loaded(&plan, false));
        for number in 0..GROUP {
            let user = UserId::new(id(number));
            let wallet = Wallet { balance: PRICE, ..Wallet::empty(user) };
            records.wallets.load(user, Some((wallet, 1)));
        }
        records
    };
    measure::row("pay a held seat", &size, GROUP as usize, held, |mut records| {
        (0..GROUP).for_each(|number| pay(&mut records, number));
        records
    });
}

/// A hall in rows, the best seats in the middle of the first.
fn hall() -> SeatPlan {
    let rows = SEATS / ROW;
    let seat = |no: usize| Seat {
        label: (no % ROW + 1).to_string().into(),
        row: u32::try_from(no / ROW).expect("few rows"),
        grade: 0,
        accessible: false,
        aisle_after: no % ROW == ROW - 1,
    };
    let distance = |no: usize| u32::try_from(no / ROW * 10 + (no % ROW).abs_diff(ROW / 2)).expect("not far");
    SeatPlan::from_parts(PlanParts {
        sections: vec![Section { name: None }],
        rows: (0..rows).map(|row| Row { section: 0, name: Some((row + 1).to_string().into()) }).collect(),
        grades: vec![Grade { name: "R".into(), price: PRICE }],
        seats: (0..SEATS).map(seat).collect(),
        distances: (0..SEATS).map(distance).collect(),
    })
    .expect("a plan")
}

/// The best of what is left: of a full house from the front on, and of one where every so many-th seat is free.
fn choices() {
    const CHOICES: u64 = 100;
    let plan = hall();
    let mut sold_in_front = FreeSeats::all(SEATS);
    let mut every_third = FreeSeats::none(SEATS);
    for number in (1_u32..).take(SEATS) {
        let seat = SeatNo::new(number);
        sold_in_front.set(seat, number as usize > SEATS * 9 / 10);
        every_third.set(seat, number.is_multiple_of(3));
    }
    let cases = [
        ("the house is empty", FreeSeats::all(SEATS)),
        ("nine tenths sold from the front", sold_in_front),
        ("every third seat left, none beside another", every_third),
    ];
    for (case, free) in &cases {
        for (quantity, adjacent) in [(2, true), (4, true), (4, false)] {
            let request = BestRequest { quantity, grade: None, adjacent, accessible: false };
            let how = if adjacent { "together or not at all" } else { "together if there are" };
            measure::row(
                &format!("best {quantity}, {how}: {case}"),
                "100,000 seats",
                100,
                || (),
                |()| {
                    for seed in 0..CHOICES {
                        let _ = black_box(best_available(&plan, free, &request, seed));
                    }
                },
            );
        }
    }
}
