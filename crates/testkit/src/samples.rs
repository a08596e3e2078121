//! Records made by hand, for tests that talk to a store without the rules in between.

use std::ops::Range;
use std::sync::Arc;

use frontrow_domain::account::{Account, Credential, Email, Login, Role, Standing};
use frontrow_domain::catalog::{
    Area, AreaText, BookingWindow, Concert, Drawing, Grade, HoldPolicy, PlanParts, Point, RefundPolicy,
    RefundRow, RoomControls, Row, Schedule, ScheduleDraft, Seat, SeatPlan, Section, Shape,
    WaitingRoomSettings,
};
use frontrow_domain::event::{Event, Origin, OutboxEvent, PaymentMade, WalletCharged};
use frontrow_domain::payment::{Payment, PaymentState, Refund, RefundCause};
use frontrow_domain::queue::{Draw, Seed};
use frontrow_domain::records::DrawPart;
use frontrow_domain::reservation::{Claim, Reservation, ReservationState};
use frontrow_domain::staff::{ActionKind, Actor, StaffAction};
use frontrow_domain::ticket::{Ticket, TicketState};
use frontrow_domain::wallet::{ChargeMethod, EntryKind, LedgerEntry, Wallet};
use frontrow_domain::{
    AuditEntryId, ConcertId, EntryId, LoginId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId,
    Timestamp, TransactionId, UserId,
};
use uuid::Uuid;

use crate::clock::ManualClock;

/// A `UUIDv7` for this number; higher numbers make higher ids.
pub const fn uuid(number: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128)
}

/// A fan.
pub const fn user(number: u64) -> UserId {
    UserId::new(uuid(number))
}

/// A reservation's id.
pub const fn reservation_id(number: u64) -> ReservationId {
    ReservationId::new(uuid(number))
}

/// A payment's id.
pub const fn payment_id(number: u64) -> PaymentId {
    PaymentId::new(uuid(number))
}

/// The id of a place in a waiting room.
pub const fn entry_id(number: u64) -> EntryId {
    EntryId::new(uuid(number))
}

/// The schedule that samples belong to.
pub const SCHEDULE: ScheduleId = ScheduleId::new(1);

/// The concert that samples belong to.
pub const CONCERT: ConcertId = ConcertId::new(1);

/// An address.
pub fn email(text: &str) -> Email {
    Email::parse(text).expect("the sample is an address")
}

/// An active fan.
pub fn account(number: u64) -> Account {
    Account {
        id: user(number),
        email: Some(email(&format!("fan-{number}@example.test"))),
        name: format!("Fan {number}"),
        role: Role::Fan,
        standing: Standing::Active,
        credential: Credential::Password("cheap$open sesame".to_owned()),
        created_at: ManualClock::EPOCH,
        changed_at: None,
    }
}

/// A log-in of a fan.
pub fn login(number: u64) -> Login {
    Login::open(LoginId::new(uuid(number)), user(number), ManualClock::EPOCH, 3_600)
}

/// A wallet with this balance, and as many entries as are said to be in it.
pub const fn wallet(number: u64, balance: i64, last_entry: u64) -> Wallet {
    Wallet { user: user(number), balance: Money::of(balance), last_entry, last_event: last_entry }
}

/// An entry that charges a wallet from `before` to `after`.
pub fn charge(number: u64, entry: u64, before: i64, after: i64) -> LedgerEntry {
    LedgerEntry {
        user: user(number),
        number: entry,
        transaction: TransactionId::new(uuid(number * 1_000 + entry)),
        kind: EntryKind::Charge(ChargeMethod::Card),
        amount: Money::of(after - before),
        before: Money::of(before),
        after: Money::of(after),
        at: ManualClock::EPOCH,
    }
}

/// A published concert.
pub fn concert(number: u32, title: &str) -> Concert {
    Concert {
        id: ConcertId::new(number),
        title: title.to_owned(),
        artist: "The Front Row".to_owned(),
        description: String::new(),
        published: true,
        waiting_room: WaitingRoomSettings::OFF,
        controls: RoomControls::default(),
        draw: None,
        created_at: ManualClock::EPOCH,
    }
}

/// The draw of a lobby that is to come, from a seed of these bytes.
pub const fn draw(fill: u8) -> Draw {
    Draw::new(Seed::new([fill; 32]))
}

/// The part of a drawn order that has these places, by number; each has the entry of the same number.
pub fn draw_part(concert: ConcertId, places: Range<u32>) -> DrawPart {
    DrawPart { concert, first: places.start, entries: places.map(|place| entry_id(place.into())).collect() }
}

/// A schedule of a concert with so many plain seats at 50,000, on sale at the epoch of tests.
pub fn schedule(number: u32, concert: ConcertId, seats: u32) -> Schedule {
    let start = ManualClock::EPOCH.minus_seconds(3_600);
    let starts_at = ManualClock::EPOCH.plus_seconds(30 * 24 * 3_600);
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
    let plan = SeatPlan::plain(seats, Money::of(50_000)).expect("the plan is sound");
    draft.into_schedule(ScheduleId::new(number), concert, Arc::new(plan), ManualClock::EPOCH)
}

/// A plan with every part that a plan can have.
pub fn rich_plan() -> SeatPlan {
    let name = |text: &str| Some(Box::<str>::from(text));
    let row = |section, text: Option<Box<str>>| Row { section, name: text };
    let seat = |label: &str, row, grade, accessible, aisle_after| Seat {
        label: label.into(),
        row,
        grade,
        accessible,
        aisle_after,
    };
    SeatPlan::from_parts(PlanParts {
        sections: vec![
            Section { name: name("1층 ") },
            Section { name: None },
            Section { name: name("Ränge 🎻") },
        ],
        rows: vec![row(0, name("가")), row(0, name("A")), row(2, None)],
        grades: vec![
            Grade { name: "VIP".into(), price: SeatPlan::PRICE_MAX },
            Grade { name: "vip".into(), price: Money::ZERO },
        ],
        seats: vec![
            seat("1", 0, 0, false, true),
            seat("1a ", 0, 1, true, false),
            seat("", 1, 0, true, true),
            seat("🎟", 2, 1, false, false),
        ],
        distances: vec![7, 0, u32::MAX, 7],
    })
    .expect("the plan is sound")
}

/// A pending reservation of a fan, held at the epoch of tests for five minutes.
pub fn reservation(number: u64, fan: u64, seats: &[u32]) -> Reservation {
    Reservation {
        id: reservation_id(number),
        user: user(fan),
        concert: CONCERT,
        schedule: SCHEDULE,
        seats: seats.iter().map(|&seat| SeatNo::new(seat)).collect(),
        amount: Money::of(50_000 * i64::try_from(seats.len()).expect("few seats")),
        created_at: ManualClock::EPOCH,
        entry: None,
        state: ReservationState::Pending { expires_at: hold_end(), extended: false },
        last_event: 1,
    }
}

/// When the holds of samples end.
pub const fn hold_end() -> Timestamp {
    ManualClock::EPOCH.plus_seconds(300)
}

/// The claim of a sample reservation on each of its seats.
pub fn claim(reservation: &Reservation) -> Claim {
    match reservation.state {
        ReservationState::Pending { expires_at, .. } => {
            Claim::Held { reservation: reservation.id, user: reservation.user, until: expires_at }
        }
        _ => Claim::Sold { reservation: reservation.id, user: reservation.user },
    }
}

/// A completed payment of a reservation.
pub fn payment(number: u64, reservation: &Reservation) -> Payment {
    Payment {
        id: payment_id(number),
        reservation: reservation.id,
        schedule: reservation.schedule,
        user: reservation.user,
        amount: reservation.amount,
        seats: u32::try_from(reservation.seats.len()).expect("few seats"),
        at: ManualClock::EPOCH,
        state: PaymentState::Completed,
    }
}

/// What was given back for a reservation that this payment had paid, all but this fee.
pub fn refund(payment: u64, reservation: &Reservation, fee: i64) -> Refund {
    Refund {
        payment: payment_id(payment),
        reservation: reservation.id,
        schedule: reservation.schedule,
        user: reservation.user,
        returned: Money::of(reservation.amount.minor() - fee),
        fee: Money::of(fee),
        at: ManualClock::EPOCH,
        cause: RefundCause::Policy,
    }
}

/// The same reservation, paid by this payment.
pub fn paid(reservation: Reservation, payment: u64) -> Reservation {
    let state = ReservationState::Confirmed {
        at: ManualClock::EPOCH,
        payment: payment_id(payment),
        held_until: hold_end(),
    };
    Reservation { state, ..reservation }
}

/// The same reservation, paid by this payment and given back, all but this fee.
pub fn refunded(reservation: Reservation, payment: u64, fee: i64) -> Reservation {
    let state = ReservationState::Refunded {
        at: ManualClock::EPOCH.plus_seconds(60),
        paid_at: ManualClock::EPOCH,
        payment: payment_id(payment),
        held_until: hold_end(),
        returned: Money::of(reservation.amount.minor() - fee),
    };
    Reservation { state, ..reservation }
}

/// All but a few are given back until ten days before, and then a part until the day before.
pub fn refund_policy() -> RefundPolicy {
    let row = |until_hours_before, percent| RefundRow { until_hours_before, percent };
    RefundPolicy::of(vec![row(240, 100), row(24, 70)])
}

/// A drawing with every part that a drawing can have, for a plan of so many seats.
pub fn drawing(seats: u16) -> Drawing {
    let area = |shape, text| Area {
        shape,
        at: Point::new(-1.5, 0.1),
        rotation: 359.5,
        color: Some("#102030".into()),
        border_color: None,
        text,
    };
    let text = AreaText { text: "무대 🎻".into(), at: Point::new(3.0, 4.0), color: None, size: 12.5 };
    Drawing {
        width: 1_000.5,
        height: f32::MAX,
        colors: vec![Some("#ffffff".into()), None],
        points: (1..=seats).map(|seat| Point::new(f32::from(seat), 0.1)).collect(),
        guids: (1..=seats).map(|seat| (seat % 2 == 0).then(|| format!("seat-{seat}").into())).collect(),
        areas: vec![
            area(Shape::Circle(1.0), None),
            area(Shape::Ellipse(1.0, 2.0), Some(text)),
            area(Shape::Rectangle(3.0, 4.0), None),
            area(Shape::Polygon(vec![Point::new(0.0, 0.0), Point::new(1.0, 2.0)]), None),
            area(Shape::Text, None),
        ],
    }
}

/// The ticket of one seat of a reservation.
pub fn ticket(number: u64, reservation: &Reservation, seat: u32) -> Ticket {
    Ticket {
        id: TicketId::new(uuid(number)),
        reservation: reservation.id,
        schedule: reservation.schedule,
        seat: SeatNo::new(seat),
        user: reservation.user,
        state: TicketState::Valid,
    }
}

/// An edit of the sample concert by an operator; higher numbers are later.
pub fn staff_action(number: u64) -> StaffAction {
    StaffAction {
        id: AuditEntryId::new(uuid(number)),
        at: ManualClock::EPOCH,
        actor: Actor { user: user(9), role: Role::Operator },
        action: ActionKind::EditConcert,
        target: "concert/1".to_owned(),
        before: Some("{\"published\":false}".to_owned()),
        after: Some("{\"published\":true}".to_owned()),
        request_id: format!("request-{number}"),
    }
}

/// The event of a payment for a reservation, the third of its reservation.
pub fn payment_made(number: u64, reservation: &Reservation) -> OutboxEvent {
    OutboxEvent {
        key: reservation.id.uuid(),
        sequence: 3,
        at: ManualClock::EPOCH,
        event: Event::PaymentCompleted(PaymentMade {
            payment_id: payment_id(number),
            reservation_id: reservation.id,
            user_id: reservation.user,
            concert_id: reservation.concert,
            schedule_id: reservation.schedule,
            seats: reservation.seats.clone(),
            amount: reservation.amount,
            entry_id: reservation.entry,
        }),
        origin: None,
    }
}

/// The request that an event came of, from the body that a store keeps.
///
/// # Panics
/// When it is no JSON, or the request is not told as it should be.
pub fn origin(body: &str) -> Option<Origin> {
    let mut body: serde_json::Value = serde_json::from_str(body).expect("a body is JSON");
    let origin = body.get_mut("origin").map(serde_json::Value::take)?;
    Some(serde_json::from_value(origin).expect("an origin reads as it was written"))
}

/// An event of a wallet.
pub fn event(number: u64, sequence: u64) -> OutboxEvent {
    OutboxEvent {
        key: uuid(number),
        sequence,
        at: ManualClock::EPOCH,
        event: Event::WalletCharged(WalletCharged {
            user_id: user(number),
            transaction_id: TransactionId::new(uuid(sequence)),
            amount: Money::of(1_000),
            balance: Money::of(1_000),
        }),
        origin: None,
    }
}
