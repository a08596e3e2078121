//! Tells the operators' chat of payments, refunds and dead letters.
//!
//! A message an event while little happens, one for many under load, at most one a second: chats refuse more, and nobody
//! reads more. A chat that does not answer keeps only its own messages waiting; after an hour they are dead letters.

use std::sync::Arc;
use std::time::Duration;

use frontrow_domain::event::{Event, PaymentDeclined, PaymentMade, ReservationRefunded};
use frontrow_domain::{Currency, Money, SeatNo, Timestamp};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::json;
use uuid::Uuid;

use super::Delivery;
use super::backoff;
use super::consumer::{Consumer, Handled, Start};
use super::courier::{Courier, Message, Posted};
use super::log::LoggedEvent;
use crate::store::ReadError;

/// The name under which the chat's mark is kept.
pub const CHAT: &str = "chat";

/// How many messages there are of one batch before they become one.
const SINGLE_MAX: usize = 3;
/// The distance between two messages.
const PACE: Duration = Duration::from_secs(1);
/// For how many seconds messages are tried that the chat does not take.
const GIVE_UP_SECONDS: u32 = 3_600;
/// How many new dead letters one look sees.
const LETTERS_MAX: usize = 100;

/// What a chat is told through.
pub struct Chat {
    courier: Arc<dyn Courier>,
    delivery: Arc<dyn Delivery>,
    url: String,
    currency: Currency,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Tries in a row that failed, and since when.
    failures: u32,
    failing_since: Option<Timestamp>,
    /// The newest dead letter that was seen; nothing before the first look.
    letters_seen: Option<Uuid>,
    has_looked: bool,
}

/// What the chat makes of one event.
enum Said {
    /// It is not for the chat.
    Nothing,
    /// This, and what counts for the digest.
    Line(String, Tally),
    /// It is of a type that this version does not know.
    Unknown(String),
}

/// What a digest adds up.
#[derive(Default, Clone, Copy)]
struct Tally {
    paid: u32,
    paid_amount: i128,
    declined: u32,
    refunded: u32,
    refunded_amount: i128,
}

impl Chat {
    /// A chat with an incoming webhook of Slack's form at this address.
    pub fn new(
        courier: Arc<dyn Courier>,
        delivery: Arc<dyn Delivery>,
        url: String,
        currency: Currency,
    ) -> Self {
        Self { courier, delivery, url, currency, state: Mutex::default() }
    }

    fn say(&self, event: &LoggedEvent) -> Said {
        match serde_json::from_str::<Event>(&event.body) {
            Ok(Event::PaymentCompleted(made)) => Said::Line(self.paid(&made), Tally::paid(made.amount)),
            Ok(Event::PaymentFailed(made)) => Said::Line(self.declined(&made), Tally::declined()),
            Ok(Event::ReservationRefunded(made)) => {
                Said::Line(self.refunded(&made), Tally::refunded(made.returned))
            }
            Ok(_) => Said::Nothing,
            Err(error) => Said::Unknown(format!("{} cannot be read: {error}", event.kind())),
        }
    }

    fn paid(&self, made: &PaymentMade) -> String {
        format!(
            ":white_check_mark: Payment completed: {} for {} of schedule {} (reservation {}, fan {})",
            self.money(made.amount),
            seats(&made.seats),
            made.schedule_id,
            made.reservation_id,
            made.user_id
        )
    }

    fn declined(&self, made: &PaymentDeclined) -> String {
        format!(
            ":x: Payment failed: {} of schedule {} (reservation {}, fan {}): {}",
            self.money(made.amount),
            made.schedule_id,
            made.reservation_id,
            made.user_id,
            made.reason
        )
    }

    fn refunded(&self, made: &ReservationRefunded) -> String {
        format!(
            ":leftwards_arrow_with_hook: Refunded: {} of {} for {} of schedule {} (reservation {}, fan {}): {}",
            self.money(made.returned),
            self.money(made.amount),
            seats(&made.seats),
            made.schedule_id,
            made.reservation_id,
            made.user_id,
            made.cause
        )
    }

    fn money(&self, amount: Money) -> String {
        format!("{} {}", amount.minor(), self.currency.code())
    }

    fn digest(&self, tally: &Tally) -> String {
        format!(
            ":ticket: {} payments completed ({} {currency}), {} failed, {} refunds ({} {currency}) since the last message",
            tally.paid,
            tally.paid_amount,
            tally.declined,
            tally.refunded,
            tally.refunded_amount,
            currency = self.currency.code()
        )
    }

    async fn post(&self, text: &str) -> Posted {
        let body = json!({ "text": text }).to_string();
        self.courier.post(Message { url: self.url.clone(), headers: Vec::new(), body }).await
    }

    /// Says the next of a batch. The mark moves past what was said and what is not for the chat.
    async fn tell(&self, events: &[LoggedEvent], now: Timestamp) -> Handled {
        let mut dead = Vec::new();
        let mut lines = Vec::new();
        for (place, event) in events.iter().enumerate() {
            match self.say(event) {
                Said::Nothing => {}
                Said::Line(line, tally) => lines.push((place, line, tally)),
                Said::Unknown(reason) => dead.push((place, reason)),
            }
        }
        let Some((first, line, _)) = lines.first() else {
            return Handled { through: events.len(), dead, pause: None };
        };
        let (text, through) = if lines.len() <= SINGLE_MAX {
            (line.clone(), first + 1)
        } else {
            let tally = lines.iter().fold(Tally::default(), |sum, (_, _, tally)| sum.plus(*tally));
            (self.digest(&tally), events.len())
        };
        let failure = self.post(&text).await.failure();
        let (through, pause) = match failure {
            None => {
                let mut state = self.state.lock();
                (state.failures, state.failing_since) = (0, None);
                (through, PACE)
            }
            Some(reason) => {
                if let Some(pause) = self.note_failure(now) {
                    (*first, pause)
                } else {
                    dead.extend(lines.iter().map(|(place, _, _)| (*place, reason.clone())));
                    (events.len(), PACE)
                }
            }
        };
        dead.retain(|(place, _)| *place < through);
        Handled { through, dead, pause: Some(pause) }
    }

    /// How long to wait before the next try; nothing when there were enough.
    fn note_failure(&self, now: Timestamp) -> Option<Duration> {
        let mut state = self.state.lock();
        state.failures = state.failures.saturating_add(1);
        let since = *state.failing_since.get_or_insert(now);
        if since.plus_seconds(GIVE_UP_SECONDS) <= now {
            (state.failures, state.failing_since) = (0, None);
            return None;
        }
        Some(backoff::pause(state.failures.min(6)))
    }

    /// Says how many dead letters have come since the last look. Those of before the first are not said again.
    async fn look_at_letters(&self) -> Result<(), ReadError> {
        let letters = self.delivery.dead_letters(None, LETTERS_MAX).await?;
        let (seen, has_looked) = {
            let state = self.state.lock();
            (state.letters_seen, state.has_looked)
        };
        let new: Vec<_> = letters.iter().filter(|letter| seen.is_none_or(|seen| letter.id > seen)).collect();
        // Its own would only make more of them.
        let told: Vec<_> = new.iter().filter(|letter| letter.consumer != CHAT).collect();
        if has_looked && let Some(newest) = told.first() {
            let text = format!(
                ":warning: {} new dead letters; the newest is {} for {}: {}",
                told.len(),
                newest.event.kind(),
                newest.consumer,
                newest.reason
            );
            if self.post(&text).await.failure().is_some() {
                return Ok(());
            }
        }
        let mut state = self.state.lock();
        state.has_looked = true;
        state.letters_seen = new.first().map_or(state.letters_seen, |newest| Some(newest.id));
        Ok(())
    }
}

impl Tally {
    fn paid(amount: Money) -> Self {
        Self { paid: 1, paid_amount: amount.minor().into(), ..Self::default() }
    }

    fn declined() -> Self {
        Self { declined: 1, ..Self::default() }
    }

    fn refunded(amount: Money) -> Self {
        Self { refunded: 1, refunded_amount: amount.minor().into(), ..Self::default() }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            paid: self.paid + other.paid,
            paid_amount: self.paid_amount + other.paid_amount,
            declined: self.declined + other.declined,
            refunded: self.refunded + other.refunded,
            refunded_amount: self.refunded_amount + other.refunded_amount,
        }
    }
}

fn seats(seats: &[SeatNo]) -> String {
    let numbers: Vec<String> = seats.iter().map(ToString::to_string).collect();
    let noun = if seats.len() == 1 { "seat" } else { "seats" };
    format!("{noun} {}", numbers.join(", "))
}

impl Consumer for Chat {
    fn name(&self) -> &str {
        CHAT
    }

    fn start(&self) -> Start {
        Start::Newest
    }

    fn handle<'a>(&'a self, events: &'a [LoggedEvent], now: Timestamp) -> BoxFuture<'a, Handled> {
        self.tell(events, now).boxed()
    }

    fn tend(&self, _: Timestamp) -> BoxFuture<'_, Result<(), ReadError>> {
        self.look_at_letters().boxed()
    }
}
