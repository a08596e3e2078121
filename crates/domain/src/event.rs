//! Public domain events: what happened, written in the transaction in which it happened (R-E1).
//!
//! These are the only types of this crate that are serialised. They are a contract: a version is never changed,
//! a new one is added beside it. Each event belongs to a key (a reservation, a wallet) and carries the next
//! number of that key, so a receiver sees gaps and repeats.

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::catalog::Schedule;
use crate::reservation::Reservation;
use crate::{
    ConcertId, EntryId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, Sequence, Timestamp,
    TransactionId, UserId,
};

/// An event on its way into the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEvent {
    /// What it is about: the id of the reservation, of the wallet's owner, of the place in a line, or the number of the
    /// schedule.
    pub key: Uuid,
    /// Its number under that key, from 1 without a gap.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The request that it came of; none for what happens by itself.
    pub origin: Option<Origin>,
}

/// The request that something came of, for those who look for what became of it. It says nothing of who has asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The id of the request, as its answer had it in `X-Request-Id`.
    #[serde(rename = "requestid")]
    pub request_id: String,
    /// The trace that the request belongs to, and the step of it, as in the header `traceparent` of W3C Trace Context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The body that a store keeps, beside columns for the rest: `type`, `data`, and `origin` where there is one.
impl Serialize for OutboxEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            event: &'a Event,
            #[serde(skip_serializing_if = "Option::is_none")]
            origin: Option<&'a Origin>,
        }
        Body { event: &self.event, origin: self.origin.as_ref() }.serialize(serializer)
    }
}

impl OutboxEvent {
    /// The place in a waiting room that may end with this event: that of a payment (R-Q5).
    pub fn ends_entry(&self) -> Option<EntryId> {
        match &self.event {
            Event::PaymentCompleted(made) => made.entry_id,
            _ => None,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Seats were held.
    #[serde(rename = "frontrow.reservation.created.v1")]
    ReservationCreated(ReservationCreated),
    /// Held seats were paid.
    #[serde(rename = "frontrow.reservation.confirmed.v1")]
    ReservationConfirmed(ReservationEnded),
    /// The hold was extended.
    #[serde(rename = "frontrow.reservation.extended.v1")]
    ReservationExtended(ReservationCreated),
    /// The owner gave the hold back.
    #[serde(rename = "frontrow.reservation.cancelled.v1")]
    ReservationCancelled(ReservationEnded),
    /// The hold ended unpaid.
    #[serde(rename = "frontrow.reservation.expired.v1")]
    ReservationExpired(ReservationEnded),
    /// Paid seats were given back for money.
    #[serde(rename = "frontrow.reservation.refunded.v1")]
    ReservationRefunded(ReservationRefunded),
    /// A reservation was paid.
    #[serde(rename = "frontrow.payment.completed.v1")]
    PaymentCompleted(PaymentMade),
    /// A payment was declined.
    #[serde(rename = "frontrow.payment.failed.v1")]
    PaymentFailed(PaymentDeclined),
    /// Money was paid into a wallet.
    #[serde(rename = "frontrow.wallet.charged.v1")]
    WalletCharged(WalletCharged),
    /// Seats were kept back from sale.
    #[serde(rename = "frontrow.seats.blocked.v1")]
    SeatsBlocked(SeatsMoved),
    /// Seats that were kept back are on sale again.
    #[serde(rename = "frontrow.seats.released.v1")]
    SeatsReleased(SeatsMoved),
    /// A performance was called off.
    #[serde(rename = "frontrow.schedule.cancelled.v1")]
    ScheduleCancelled(ScheduleCancelled),
    /// The last seat of a performance was sold. Told again when seats came back and were sold again.
    #[serde(rename = "frontrow.concert.sold_out.v1")]
    ConcertSoldOut(ConcertSoldOut),
    /// A waiting room has let a fan in.
    #[serde(rename = "frontrow.queue.admitted.v1")]
    QueueAdmitted(QueueAdmitted),
}

impl Event {
    /// The types of all events, as they are serialised.
    pub const TYPES: [&'static str; 14] = [
        "frontrow.reservation.created.v1",
        "frontrow.reservation.confirmed.v1",
        "frontrow.reservation.extended.v1",
        "frontrow.reservation.cancelled.v1",
        "frontrow.reservation.expired.v1",
        "frontrow.reservation.refunded.v1",
        "frontrow.payment.completed.v1",
        "frontrow.payment.failed.v1",
        "frontrow.wallet.charged.v1",
        "frontrow.seats.blocked.v1",
        "frontrow.seats.released.v1",
        "frontrow.schedule.cancelled.v1",
        "frontrow.concert.sold_out.v1",
        "frontrow.queue.admitted.v1",
    ];

    /// Which of [`Event::TYPES`] it is.
    pub const fn type_index(&self) -> usize {
        match self {
            Self::ReservationCreated(_) => 0,
            Self::ReservationConfirmed(_) => 1,
            Self::ReservationExtended(_) => 2,
            Self::ReservationCancelled(_) => 3,
            Self::ReservationExpired(_) => 4,
            Self::ReservationRefunded(_) => 5,
            Self::PaymentCompleted(_) => 6,
            Self::PaymentFailed(_) => 7,
            Self::WalletCharged(_) => 8,
            Self::SeatsBlocked(_) => 9,
            Self::SeatsReleased(_) => 10,
            Self::ScheduleCancelled(_) => 11,
            Self::ConcertSoldOut(_) => 12,
            Self::QueueAdmitted(_) => 13,
        }
    }
}

/// A hold, as it is made or extended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReservationCreated {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The seats.
    pub seats: Vec<SeatNo>,
    /// What they cost, in minor units.
    pub amount: Money,
    /// When the hold ends.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub expires_at: Timestamp,
}

/// A reservation that has left the pending state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReservationEnded {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The seats.
    pub seats: Vec<SeatNo>,
    /// What they cost, in minor units.
    pub amount: Money,
}

/// A paid reservation that was given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReservationRefunded {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The payment that had paid it.
    pub payment_id: PaymentId,
    /// Whose it was, and into whose wallet the money went.
    pub user_id: UserId,
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The seats, which others can have again.
    pub seats: Vec<SeatNo>,
    /// What had been paid, in minor units.
    pub amount: Money,
    /// What went back into the wallet, in minor units.
    pub returned: Money,
    /// What was kept, in minor units.
    pub fee: Money,
    /// Why: `policy`, `staff` or `schedule_cancelled`. More words may come.
    pub cause: String,
}

/// Seats that an operator has kept back, or put on sale again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeatsMoved {
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The seats, as first and last number of each run.
    pub seats: Vec<(SeatNo, SeatNo)>,
}

/// A performance that was called off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScheduleCancelled {
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// Why, in the words of staff.
    pub reason: String,
}

/// A performance of which no seat is to be had any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConcertSoldOut {
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// How many seats are sold.
    pub seats_sold: u32,
    /// How many seats staff keep back.
    pub seats_kept_back: u32,
    /// When the last seat went.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub sold_out_at: Timestamp,
    /// Seconds from the opening of the sale to that moment, rounded up; 0 when staff sold all before it opened.
    pub sold_out_seconds: u64,
}

/// A fan whom a waiting room has let in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct QueueAdmitted {
    /// The place in the line, which is over for good some time after this.
    pub entry_id: EntryId,
    /// Whose it is.
    pub user_id: UserId,
    /// In front of which concert.
    pub concert_id: ConcertId,
    /// The number of the place: the order of arrival, from 1.
    #[serde(rename = "sequence")]
    pub number: Sequence,
    /// When the fan came into the line.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub joined_at: Timestamp,
    /// When the fan was let in.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub admitted_at: Timestamp,
}

/// A completed payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PaymentMade {
    /// The payment.
    pub payment_id: PaymentId,
    /// What it paid for.
    pub reservation_id: ReservationId,
    /// Who paid.
    pub user_id: UserId,
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The seats.
    pub seats: Vec<SeatNo>,
    /// How much, in minor units.
    pub amount: Money,
    /// The place in the waiting room under which the seats were held, if a token was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "EntryId"))]
    pub entry_id: Option<EntryId>,
}

/// A declined payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PaymentDeclined {
    /// The payment.
    pub payment_id: PaymentId,
    /// What it was to pay for.
    pub reservation_id: ReservationId,
    /// Who wanted to pay.
    pub user_id: UserId,
    /// The concert.
    pub concert_id: ConcertId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// How much was asked, in minor units.
    pub amount: Money,
    /// Why it failed: `insufficient_balance`. More words may come.
    pub reason: String,
}

/// A charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WalletCharged {
    /// Whose wallet.
    pub user_id: UserId,
    /// The ledger entry.
    pub transaction_id: TransactionId,
    /// How much, in minor units.
    pub amount: Money,
    /// The balance after it, in minor units.
    pub balance: Money,
}

impl ReservationCreated {
    /// What is to be told of a pending reservation.
    pub fn of(reservation: &Reservation) -> Self {
        Self {
            reservation_id: reservation.id,
            user_id: reservation.user,
            concert_id: reservation.concert,
            schedule_id: reservation.schedule,
            seats: reservation.seats.clone(),
            amount: reservation.amount,
            expires_at: reservation.held_until(),
        }
    }
}

impl ReservationEnded {
    /// What is to be told of a reservation that is pending no longer.
    pub fn of(reservation: &Reservation) -> Self {
        Self {
            reservation_id: reservation.id,
            user_id: reservation.user,
            concert_id: reservation.concert,
            schedule_id: reservation.schedule,
            seats: reservation.seats.clone(),
            amount: reservation.amount,
        }
    }
}

/// Gives the reservation's next number to an event about it.
pub fn of_reservation(
    reservation: Reservation,
    at: Timestamp,
    event: impl FnOnce(&Reservation) -> Event,
) -> (Reservation, OutboxEvent) {
    let (reservation, sequence) = reservation.next_event();
    let event = event(&reservation);
    let key = reservation.id.uuid();
    (reservation, OutboxEvent { key, sequence: u64::from(sequence), at, event, origin: None })
}

/// Gives the schedule's next number to an event about it. Its key is the schedule's number as a UUID.
pub fn of_schedule(
    schedule: Schedule,
    at: Timestamp,
    event: impl FnOnce(&Schedule) -> Event,
) -> (Schedule, OutboxEvent) {
    let sequence = schedule.last_event.saturating_add(1);
    let event = event(&schedule);
    let key = Uuid::from_u128(u128::from(schedule.id.get()));
    (Schedule { last_event: sequence, ..schedule }, OutboxEvent { key, sequence, at, event, origin: None })
}

impl QueueAdmitted {
    /// The event about it. A place is let in once, so this is the only one of its key.
    pub fn told(self) -> OutboxEvent {
        OutboxEvent {
            key: self.entry_id.uuid(),
            sequence: 1,
            at: self.admitted_at,
            event: Event::QueueAdmitted(self),
            origin: None,
        }
    }
}

impl SeatsMoved {
    /// What is to be told of these seats, in order of number.
    pub fn of(schedule: &Schedule, seats: &[SeatNo]) -> Self {
        let runs = seats.chunk_by(|a, b| a.get() + 1 == b.get());
        let runs = runs.filter_map(|run| Some((*run.first()?, *run.last()?)));
        Self { concert_id: schedule.concert, schedule_id: schedule.id, seats: runs.collect() }
    }
}

/// How many partitions keys fall into: what relays share among themselves.
pub const PARTITIONS: u8 = 64;

/// The partition of a key, below [`PARTITIONS`]: the same on every instance and in every version (FNV-1a over its
/// bytes, <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>).
pub fn partition(key: Uuid) -> u8 {
    let hash = key.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The high bits are the better mixed ones.
    let [.., byte] = (hash >> 32).to_be_bytes();
    byte % PARTITIONS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let time = jiff::Timestamp::from_microsecond(time.micros()).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&time)
}

fn from_rfc3339<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    Timestamp::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("not a time of RFC 3339"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_as_it_was_written() {
        let event = Event::ReservationCreated(ReservationCreated {
            reservation_id: ReservationId::new(Uuid::from_u128(1)),
            user_id: UserId::new(Uuid::from_u128(2)),
            concert_id: ConcertId::new(3),
            schedule_id: ScheduleId::new(4),
            seats: vec![SeatNo::new(5), SeatNo::new(6)],
            amount: Money::of(100_000),
            expires_at: Timestamp::from_micros(1_000_000),
        });
        let text = serde_json::to_string(&event).expect("json");
        assert_eq!(
            text,
            "{\"type\":\"frontrow.reservation.created.v1\",\"data\":{\
             \"reservationId\":\"00000000-0000-0000-0000-000000000001\",\
             \"userId\":\"00000000-0000-0000-0000-000000000002\",\"concertId\":3,\"scheduleId\":4,\
             \"seats\":[5,6],\"amount\":100000,\"expiresAt\":\"1970-01-01T00:00:01Z\"}}"
        );
        assert_eq!(serde_json::from_str::<Event>(&text).expect("reads"), event);
    }

    /// The body of an event without a request is what it was before there were origins, and who reads events alone, as
    /// servers of an older version do, reads those with one too.
    #[test]
    fn a_kept_event_names_its_request_beside_what_happened() {
        let event = Event::ScheduleCancelled(ScheduleCancelled {
            concert_id: ConcertId::new(3),
            schedule_id: ScheduleId::new(4),
            reason: "storm".to_owned(),
        });
        let plain = serde_json::to_string(&event).expect("json");
        let kept = |origin| {
            let at = Timestamp::from_micros(1);
            let event = OutboxEvent { key: Uuid::nil(), sequence: 1, at, event: event.clone(), origin };
            serde_json::to_string(&event).expect("json")
        };
        assert_eq!(kept(None), plain);
        let origin = Origin { request_id: "a \"b\"".to_owned(), traceparent: None };
        let text = kept(Some(origin));
        let expected =
            format!("{},\"origin\":{{\"requestid\":\"a \\\"b\\\"\"}}}}", plain.trim_end_matches('}'));
        assert_eq!(text, expected.replacen("\"storm\"", "\"storm\"}", 1));
        assert_eq!(serde_json::from_str::<Event>(&text).expect("reads"), event);
    }
}
