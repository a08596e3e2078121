//! The same evening on two stores: commands that nobody has thought of beforehand, and every answer, every query and every
//! event has to be the same.
//!
//! An evening is a list of [`Act`]s. They name fans, schedules and reservations by their place among those that there
//! are, so that any part of the list is an evening too: proptest cuts a list on which two stores disagree down to the
//! acts that matter. Both stores have the same clock and draw the same ids.
//!
//! To add a command: a variant of [`Act`], its generator in [`act`], and its line in `act_on`. To add a query: its line in
//! `conformance::model::Teller::story`, or in `answers` here.

use frontrow_application::account::UserPatch;
use frontrow_application::catalog::{ConcertPatch, SchedulePatch};
use frontrow_application::reservation::{
    BestWanted, HoldRequest, KeepBack, SaleMeans, SeatSelection, SellRequest, StaffRefund, Wanted,
};
use frontrow_application::staff::By;
use frontrow_application::store::{ConcertFilter, StaffFilter};
use frontrow_application::ticket::Scan;
use frontrow_domain::account::Role;
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, ReservationId, SeatNo, Timestamp, UserId};
use proptest::prelude::*;

use crate::conformance::model::{SEATS, Teller, by, without_version};
use crate::stage::{Stage, seats};
use crate::store::StoreFactory;

/// Acts of one evening at the most.
const ACTS_MAX: usize = 80;
/// Idempotency keys that fans use: few, so that keys are sent again, also with something else.
const KEYS: u8 = 12;
/// How often everything is asked that can be.
const ACTS_A_LOOK: usize = 12;

/// Something that happens. Small numbers stand for the fan, schedule or reservation at that place, all around again.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the members say what they are by their names")]
pub enum Act {
    Hold {
        fan: u8,
        schedule: u8,
        seats: Vec<u32>,
        key: Option<u8>,
    },
    Best {
        fan: u8,
        schedule: u8,
        quantity: usize,
        adjacent: bool,
        key: Option<u8>,
    },
    Extend {
        which: u8,
        key: Option<u8>,
    },
    /// By its owner, or by somebody else.
    Cancel {
        which: u8,
        by: Option<u8>,
    },
    Pay {
        which: u8,
        key: Option<u8>,
    },
    Charge {
        fan: u8,
        thousands: i64,
        key: Option<u8>,
    },
    Refund {
        which: u8,
        percent: u32,
        key: Option<u8>,
    },
    Sell {
        fan: u8,
        schedule: u8,
        seats: Vec<u32>,
        means: u8,
        from_blocked: bool,
    },
    KeepBack {
        schedule: u8,
        first: u32,
        last: u32,
        blocks: bool,
        key: Option<u8>,
    },
    Scan {
        which: u8,
        ticket: u8,
        key: Option<u8>,
    },
    CancelSchedule {
        schedule: u8,
    },
    EditSchedule {
        schedule: u8,
        paused: bool,
        seats_a_fan: u32,
    },
    EditConcert {
        schedule: u8,
        artist: String,
        is_published: bool,
    },
    EditUser {
        fan: u8,
        blocked: bool,
        is_gate: bool,
    },
    /// The jobs.
    Expire,
    Withdraw,
    CleanUp,
    /// Thousandths of a second pass.
    Wait {
        millis: u32,
    },
    /// The process ends and begins again.
    Restart,
}

fn key() -> impl Strategy<Value = Option<u8>> {
    proptest::option::weighted(0.6, 0..KEYS)
}

/// Mostly some that there are; now and then one twice, or one that there is not.
fn seat_numbers() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        6 => proptest::collection::btree_set(1..=SEATS, 1..4).prop_map(|seats| seats.into_iter().collect()),
        1 => proptest::collection::vec(1..=SEATS + 1, 1..4),
    ]
}

/// Any act, those of fans more often than others.
pub fn act() -> impl Strategy<Value = Act> {
    let of_fans = prop_oneof![
        5 => (any::<u8>(), any::<u8>(), seat_numbers(), key())
            .prop_map(|(fan, schedule, seats, key)| Act::Hold { fan, schedule, seats, key }),
        2 => (any::<u8>(), any::<u8>(), 1..4_usize, any::<bool>(), key())
            .prop_map(|(fan, schedule, quantity, adjacent, key)| Act::Best { fan, schedule, quantity, adjacent, key }),
        1 => (0..4_u8, key()).prop_map(|(which, key)| Act::Extend { which, key }),
        2 => (0..4_u8, proptest::option::weighted(0.2, any::<u8>())).prop_map(|(which, by)| Act::Cancel { which, by }),
        4 => (0..4_u8, key()).prop_map(|(which, key)| Act::Pay { which, key }),
        1 => (any::<u8>(), 0..1_200_i64, key()).prop_map(|(fan, thousands, key)| Act::Charge { fan, thousands, key }),
    ];
    let of_staff = prop_oneof![
        3 => (0..4_u8, 0..=100_u32, key()).prop_map(|(which, percent, key)| Act::Refund { which, percent, key }),
        3 => (any::<u8>(), any::<u8>(), seat_numbers(), any::<u8>(), any::<bool>()).prop_map(
            |(fan, schedule, seats, means, from_blocked)| Act::Sell { fan, schedule, seats, means, from_blocked }),
        4 => (any::<u8>(), 1..=SEATS, 1..=SEATS, any::<bool>(), key()).prop_map(|(schedule, first, last, blocks, key)| {
            Act::KeepBack { schedule, first: first.min(last), last: first.max(last).min(first.min(last) + 2), blocks, key }
        }),
        3 => (0..4_u8, any::<u8>(), key()).prop_map(|(which, ticket, key)| Act::Scan { which, ticket, key }),
        1 => any::<u8>().prop_map(|schedule| Act::CancelSchedule { schedule }),
        2 => (any::<u8>(), any::<bool>(), 1..6_u32).prop_map(|(schedule, paused, seats_a_fan)| {
            Act::EditSchedule { schedule, paused, seats_a_fan }
        }),
        1 => (any::<u8>(), "[a-zA-Zé가 🎻'%_\\\\]{0,6}", any::<bool>()).prop_map(|(schedule, artist, is_published)| {
            Act::EditConcert { schedule, artist, is_published }
        }),
        1 => (any::<u8>(), any::<bool>(), any::<bool>())
            .prop_map(|(fan, blocked, is_gate)| Act::EditUser { fan, blocked, is_gate }),
    ];
    let of_time = prop_oneof![
        3 => Just(Act::Expire),
        2 => Just(Act::Withdraw),
        1 => Just(Act::CleanUp),
        4 => (0..90_000_u32).prop_map(|millis| Act::Wait { millis }),
        1 => (0..3_u32).prop_map(|days| Act::Wait { millis: days * 43_200_000 }),
        1 => Just(Act::Restart),
    ];
    prop_oneof![12 => of_fans, 6 => of_staff, 4 => of_time]
}

/// An evening.
pub fn evening() -> impl Strategy<Value = Vec<Act>> {
    proptest::collection::vec(act(), 1..ACTS_MAX)
}

/// Has both stores see the same evening, and says where they first disagree. Answers how many seats were held in it, so
/// that a caller can see that something happened.
pub async fn compare(
    acts: &[Act],
    one: impl StoreFactory,
    other: impl StoreFactory,
) -> Result<usize, String> {
    let (mut one, mut other) = (Teller::open(one).await, Teller::open(other).await);
    for (place, act) in acts.iter().enumerate() {
        let answers = (act_on(&mut one, act).await, act_on(&mut other, act).await);
        if answers.0 != answers.1 {
            return Err(format!("act {place}, {act:?}:\n  {}\n  {}", answers.0, answers.1));
        }
        if place % ACTS_A_LOOK == ACTS_A_LOOK - 1 || place + 1 == acts.len() {
            let stories = (everything(&one).await, everything(&other).await);
            if stories.0.len() != stories.1.len() {
                return Err(format!(
                    "after act {place}, {act:?}: {} and {}",
                    stories.0.len(),
                    stories.1.len()
                ));
            }
            if let Some((a, b)) = stories.0.iter().zip(&stories.1).find(|(a, b)| a != b) {
                return Err(format!("after act {place}, {act:?}:\n  {a}\n  {b}"));
            }
        }
    }
    one.stage().assert_clean().await;
    other.stage().assert_clean().await;
    Ok(one.reservations.len())
}

fn at<T: Copy>(items: &[T], place: u8) -> T {
    items[usize::from(place) % items.len()]
}

/// The idempotency key of a request, as far as it has one. What is sent under it is the act.
fn tag(user: UserId, key: Option<u8>, act: &Act) -> Option<frontrow_application::OnceTag> {
    let key = key?;
    // The key itself is no part of what is asked.
    Stage::tag(user, &key.to_string(), &format!("{act:?}"))
}

impl<F: StoreFactory> Teller<F> {
    /// The reservation at this place from the end, and whose it is.
    fn newest(&self, which: u8) -> Option<(UserId, ReservationId)> {
        let newest: Vec<_> = self.reservations.iter().rev().take(6).copied().collect();
        (!newest.is_empty()).then(|| at(&newest, which))
    }

    fn note<T: std::fmt::Debug, E: std::fmt::Debug>(
        &mut self,
        fan: UserId,
        answer: &Result<T, E>,
        id: impl Fn(&T) -> ReservationId,
    ) -> String {
        if let Ok(held) = answer
            && !self.reservations.contains(&(fan, id(held)))
        {
            self.reservations.push((fan, id(held)));
        }
        format!("{answer:?}")
    }
}

/// Does it, and tells what was answered.
async fn act_on<F: StoreFactory>(teller: &mut Teller<F>, act: &Act) -> String {
    let app = std::sync::Arc::clone(&teller.stage().app);
    match act {
        Act::Hold { fan, schedule, seats: numbers, key } => {
            let (fan, schedule) = (at(&teller.fans, *fan), at(&teller.schedules, *schedule));
            let request = HoldRequest { schedule, seats: seats(numbers.iter().copied()) };
            let held = app.hold(fan, request, tag(fan, *key, act)).await;
            teller.note(fan, &held, |held| held.outcome.0.id)
        }
        Act::Best { fan, schedule, quantity, adjacent, key } => {
            let (fan, schedule) = (at(&teller.fans, *fan), at(&teller.schedules, *schedule));
            let best =
                BestWanted { quantity: *quantity, grade: None, adjacent: *adjacent, accessible: false };
            let request = HoldRequest { schedule, seats: Wanted::Best(best) };
            let held = app.hold(fan, request, tag(fan, *key, act)).await;
            teller.note(fan, &held, |held| held.outcome.0.id)
        }
        Act::Extend { which, key } => {
            let Some((fan, id)) = teller.newest(*which) else { return String::new() };
            format!("{:?}", app.extend(fan, id, tag(fan, *key, act)).await)
        }
        Act::Cancel { which, by } => {
            let Some((owner, id)) = teller.newest(*which) else { return String::new() };
            let fan = by.map_or(owner, |fan| at(&teller.fans, fan));
            format!("{:?}", app.cancel(fan, id).await)
        }
        Act::Pay { which, key } => {
            let Some((fan, id)) = teller.newest(*which) else { return String::new() };
            format!("{:?}", app.pay(fan, id, tag(fan, *key, act)).await)
        }
        Act::Charge { fan, thousands, key } => {
            let (fan, amount) = (at(&teller.fans, *fan), Money::of(thousands * 1_000));
            format!(
                "{:?}",
                app.charge(By::System, fan, amount, ChargeMethod::Card, tag(fan, *key, act)).await
            )
        }
        Act::Expire => format!("{:?}", app.tick_expiry().await),
        Act::Withdraw => format!("{:?}", app.tick_cancellations().await),
        // A store may count what it cleans in its own way: by rows, or by tables.
        Act::CleanUp => format!("{:?}", app.tick_upkeep().await.map(drop)),
        Act::Wait { millis } => {
            teller.stage().clock.advance_micros(i64::from(*millis) * 1_000);
            String::new()
        }
        Act::Restart => {
            drop(app);
            teller.restart();
            String::new()
        }
        _ => staff_acts_on(teller, act).await,
    }
}

async fn staff_acts_on<F: StoreFactory>(teller: &mut Teller<F>, act: &Act) -> String {
    let app = std::sync::Arc::clone(&teller.stage().app);
    let staff = teller.fans[0];
    let by = by(staff, "staff");
    match act {
        Act::Refund { which, percent, key } => {
            let Some((_, reservation)) = teller.newest(*which) else { return String::new() };
            let refund = StaffRefund { reservation, percent: *percent, reason: "asked".to_owned() };
            format!("{:?}", app.refund(by, refund, tag(staff, *key, act)).await)
        }
        Act::Sell { fan, schedule, seats: numbers, means, from_blocked } => {
            let (user, schedule) = (at(&teller.fans, *fan), at(&teller.schedules, *schedule));
            let (seats, means) = (seats(numbers.iter().copied()), at(&SaleMeans::ALL, *means));
            let request = SellRequest { user, schedule, seats, means, from_blocked: *from_blocked };
            let sold = app.sell(by, request, None).await;
            teller.note(user, &sold, |sold| sold.outcome.0.id)
        }
        Act::KeepBack { schedule, first, last, blocks, key } => {
            let schedule = at(&teller.schedules, *schedule);
            let what = if *blocks { KeepBack::Block } else { KeepBack::Release };
            let seats = Some(vec![(SeatNo::new(*first), SeatNo::new(*last))]);
            let selection = SeatSelection { seats, ..SeatSelection::default() };
            let kept = app.keep_back(by, schedule, what, selection, None, tag(staff, *key, act)).await;
            // The version of a map counts commits, and how many ended holds share one is a matter of lanes.
            format!("{:?}", kept.map(|kept| (kept.replayed, kept.outcome.changed)))
        }
        Act::Scan { which, ticket, key } => {
            let Some((_, reservation)) = teller.newest(*which) else { return String::new() };
            let tickets = teller.stage().opened.reads.tickets(reservation).await.expect("read");
            if tickets.is_empty() {
                return String::new();
            }
            let ticket = tickets[usize::from(*ticket) % tickets.len()].id;
            let scan = Scan { ticket, door: None, by: staff, at: None };
            format!("{:?}", app.scan(scan, tag(staff, *key, act)).await)
        }
        Act::CancelSchedule { schedule } => {
            let schedule = at(&teller.schedules, *schedule);
            let left = app.withdrawal(schedule).await;
            format!("{left:?} {:?}", app.cancel_schedule(by, schedule, "rain".to_owned(), None).await)
        }
        Act::EditSchedule { schedule, paused, seats_a_fan } => {
            let patch = SchedulePatch {
                sales_paused: Some(*paused),
                max_seats_per_fan: Some(*seats_a_fan),
                ..SchedulePatch::default()
            };
            let edited = app.edit_schedule(by, at(&teller.schedules, *schedule), patch).await;
            format!("{:?}", edited.map(without_version))
        }
        Act::EditConcert { schedule, artist, is_published } => {
            let details =
                app.any_schedule(at(&teller.schedules, *schedule)).await.expect("read").expect("there");
            let (artist, published) = (Some(artist.clone()), Some(*is_published));
            let patch = ConcertPatch { artist, published, ..ConcertPatch::default() };
            format!("{:?}", app.edit_concert(by, details.schedule.concert, patch).await)
        }
        Act::EditUser { fan, blocked, is_gate } => {
            let role = if *is_gate { Role::Gate } else { Role::Fan };
            let patch = UserPatch { role: Some(role), blocked: Some(*blocked) };
            format!("{:?}", app.edit_user(by, at(&teller.fans, *fan), patch).await)
        }
        _ => String::new(),
    }
}

/// What every query says, and the outbox.
async fn everything<F: StoreFactory>(teller: &Teller<F>) -> Vec<String> {
    let mut told = teller.story().await;
    told.extend(answers(teller).await);
    told
}

/// The queries that `Teller::story` does not ask.
async fn answers<F: StoreFactory>(teller: &Teller<F>) -> Vec<String> {
    let (stage, reads) = (teller.stage(), &teller.stage().opened.reads);
    let now = stage.now();
    let mut told = vec![
        format!("{:?}", reads.cancelled_schedules().await),
        format!("{:?}", reads.concerts_with_rooms().await),
        format!(
            "{:?}",
            reads.accounts_changed(now.minus_seconds(60)).await.map(|mut found| {
                found.sort_unstable_by_key(|account| account.id);
                found
            })
        ),
        format!("{:?}", reads.accounts(None, None, 3).await),
        format!("{:?}", stage.app.audit_log(None, 2).await),
        format!("{:?}", reads.has_no_accounts().await),
        // Where an event is in the outbox is the store's own affair.
        format!("{:?}", reads.session_ends(0, 100).await.map(|ends| ends.len())),
    ];
    for text in ["", "a", "É", "%", "_", "\\", "'", "가"] {
        let filter = ConcertFilter { text: Some(text.to_owned()), published_only: true };
        let found = reads.concerts(filter, None, 5).await.expect("read");
        told.push(format!(
            "{text}: {:?}",
            found.into_iter().map(|(concert, _)| concert.id).collect::<Vec<_>>()
        ));
    }
    for status in frontrow_domain::reservation::ReservationStatus::ALL.map(Some) {
        let filter = StaffFilter { status, ..StaffFilter::default() };
        told.push(format!("{:?}", reads.reservations(filter, None, 4, now).await));
    }
    for &(fan, id) in teller.reservations.iter().rev().take(12) {
        told.extend(of_reservation(teller, fan, id, now).await);
    }
    for key in 0..KEYS {
        for &fan in &teller.fans {
            let kept = reads.once(Stage::tag(fan, &key.to_string(), "").expect("a tag").key, now).await;
            // What is kept of a seat change has the version of the map in it.
            told.push(format!("{:?}", kept.map(|kept| kept.map(|kept| (kept.request, kept.created_at)))));
        }
    }
    told
}

async fn of_reservation<F: StoreFactory>(
    teller: &Teller<F>,
    fan: UserId,
    id: ReservationId,
    now: Timestamp,
) -> Vec<String> {
    let reads = &teller.stage().opened.reads;
    let found = reads.reservation(id).await;
    let mut told = vec![format!("{found:?}")];
    if let Ok(Some(found)) = found {
        told.push(format!("{:?}", reads.has_pending(fan, found.concert, now).await));
        let filter = StaffFilter { user: Some(fan), concert: Some(found.concert), ..StaffFilter::default() };
        told.push(format!("{:?}", reads.reservations(filter, Some(id), 3, now).await));
        if let Some((_, payment)) = found.paid() {
            told.push(format!("{:?}", reads.payment(payment).await));
        }
    }
    for ticket in reads.tickets(id).await.unwrap_or_default() {
        told.push(format!("{:?}", reads.ticket(ticket.id).await));
    }
    told
}
