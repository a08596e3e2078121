//! What was committed here, told to the other instances, so that their seat boards follow at once (ADR 0015).
//!
//! A message carries what has changed and not only that something has, so that nobody asks the store because of it: a
//! step leads from one version of a map to a later one. Whatever is committed while a message is on its way goes into the
//! next one, steps that follow each other as one. Nothing here waits for anybody, and nothing grows: what does not fit is
//! left out, and the others find it in the store, as they do what gets lost (`App::tick_boards`).
//!
//! To change the form of a message, give it another [`FORM`]: instances of two versions then catch up from the store with
//! each other.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use frontrow_domain::records::SeatChanges;
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ScheduleId, SeatNo};
use metrics::counter;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OnceCell};
use uuid::Uuid;

use super::boards::Taken;
use crate::app::App;
use crate::messages::{Messages, NotSent};
use crate::store::{ReadError, Reads};

/// What every message begins with: whose it is, and its form.
const FORM: &[u8] = b"frontrow seats 1\n";
/// The most changed seats that wait to be told: those of a second in which much is sold, about 64 KiB as a message.
const SEATS_MAX: usize = 16_384;
/// The most steps that wait, whatever their seats.
const STEPS_MAX: usize = 1_024;

/// What seats have changed from one version of a schedule's map to a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The version that it leads from. A map of any version between is as good.
    pub(crate) from: u64,
    /// The version that it leads to, with what every seat shows then that has changed in between.
    pub(crate) change: SeatChanges,
}

impl Step {
    /// The step of one commit.
    pub(crate) fn of(change: &SeatChanges) -> Self {
        Self { from: change.version.saturating_sub(1), change: change.clone() }
    }
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It has told something of seats that are shown here.
    News,
    /// It told nothing new: a repeat, or of seats that nobody looks at here.
    Nothing,
    /// It is this instance's own.
    Own,
    /// It is of a system with another store.
    Foreign,
    /// It is no message of this version, or not one of ours.
    Unreadable,
}

impl Heard {
    const fn name(self) -> &'static str {
        match self {
            Self::News => "news",
            Self::Nothing => "nothing_new",
            Self::Own => "own",
            Self::Foreign => "foreign",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The seats of one schedule, as a message tells of them.
#[derive(Serialize, Deserialize)]
struct Told {
    schedule: u32,
    from: u64,
    to: u64,
    seats: Vec<(u32, u8)>,
}

/// A message, behind [`FORM`].
#[derive(Serialize, Deserialize)]
struct Letter {
    /// The history of the store that it tells of: two systems may share a Redis.
    epoch: u64,
    /// Who has sent it.
    sender: u128,
    told: Vec<Told>,
}

/// Steps that wait to be told.
#[derive(Default)]
struct Waiting {
    schedules: BTreeMap<ScheduleId, Vec<Growing>>,
    seats: usize,
    steps: usize,
}

/// A step that the next commit may make longer.
struct Growing {
    from: u64,
    to: u64,
    seats: BTreeMap<SeatNo, SeatState>,
}

/// What tells the other instances, and hears of them.
pub(crate) struct Spread {
    messages: Arc<dyn Messages>,
    /// This instance, among those that share the store.
    sender: u128,
    epoch: OnceCell<u64>,
    waiting: Mutex<Waiting>,
    bell: Notify,
}

impl Spread {
    pub(crate) fn new(messages: Arc<dyn Messages>, sender: Uuid) -> Self {
        Self {
            messages,
            sender: sender.as_u128(),
            epoch: OnceCell::new(),
            waiting: Mutex::default(),
            bell: Notify::new(),
        }
    }

    /// Notes what a commit has changed. Called between the commit and its answers, so it waits for nobody.
    pub(crate) fn note(&self, change: &SeatChanges) {
        if !self.waiting.lock().add(change) {
            counter!("frontrow_seat_messages_total", "outcome" => "left_out").increment(1);
        }
        self.bell.notify_one();
    }

    /// Everything that waits to be told; waits until there is something.
    async fn take(&self) -> Vec<Told> {
        loop {
            let told = self.waiting.lock().take();
            if !told.is_empty() {
                return told;
            }
            // A ring that came before this is kept.
            self.bell.notified().await;
        }
    }

    async fn epoch(&self, reads: &dyn Reads) -> Result<u64, ReadError> {
        self.epoch.get_or_try_init(|| reads.epoch()).await.copied()
    }
}

impl Waiting {
    /// Adds a change; false when there is no room for it.
    fn add(&mut self, change: &SeatChanges) -> bool {
        let has_room = self.seats + change.seats.len() <= SEATS_MAX && self.steps < STEPS_MAX;
        if !has_room || change.version == 0 {
            return false;
        }
        let steps = self.schedules.entry(change.schedule).or_default();
        let seats = change.seats.iter().copied();
        match steps.last_mut() {
            Some(last) if last.to + 1 == change.version => {
                let before = last.seats.len();
                last.to = change.version;
                last.seats.extend(seats);
                self.seats += last.seats.len() - before;
            }
            // Behind a gap another instance has committed in between, and tells of that itself.
            _ => {
                self.seats += change.seats.len();
                self.steps += 1;
                let (from, to) = (change.version - 1, change.version);
                steps.push(Growing { from, to, seats: seats.collect() });
            }
        }
        true
    }

    fn take(&mut self) -> Vec<Told> {
        let Self { schedules, .. } = mem::take(self);
        let told = |(schedule, steps): (ScheduleId, Vec<Growing>)| {
            steps.into_iter().map(move |Growing { from, to, seats }| Told {
                schedule: schedule.get(),
                from,
                to,
                seats: seats.into_iter().map(|(seat, state)| (seat.get(), state.letter())).collect(),
            })
        };
        schedules.into_iter().flat_map(told).collect()
    }
}

impl Letter {
    fn to_bytes(&self) -> Vec<u8> {
        // Only a map whose length is not known fails, and there is none in it.
        postcard::to_extend(self, FORM.to_vec()).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (letter, rest) = postcard::take_from_bytes(bytes.strip_prefix(FORM)?).ok()?;
        rest.is_empty().then_some(letter)
    }
}

impl Told {
    /// Nothing when it cannot be so.
    fn step(self) -> Option<Step> {
        let state = |letter| SeatState::ALL.into_iter().find(|state| state.letter() == letter);
        let seats = self.seats.into_iter().map(|(seat, letter)| Some((SeatNo::new(seat), state(letter)?)));
        let (schedule, version) = (ScheduleId::new(self.schedule), self.to);
        let change = SeatChanges { schedule, version, seats: seats.collect::<Option<_>>()? };
        (self.from < self.to).then_some(Step { from: self.from, change })
    }
}

impl App {
    /// Tells the other instances what was committed here; waits until there is something. Answers in how many steps. For
    /// a task that does nothing else: what comes meanwhile goes into the next message. What could not be sent is not
    /// tried again, because the others find it in the store.
    pub async fn tell_seats(&self) -> Result<usize, NotSent> {
        let Some(spread) = &self.memory.spread else { return std::future::pending().await };
        let told = spread.take().await;
        let steps = told.len();
        let epoch = spread.epoch(&*self.reads).await.map_err(|error| NotSent(error.to_string()))?;
        let letter = Letter { epoch, sender: spread.sender, told };
        let sent = spread.messages.send(letter.to_bytes()).await;
        let outcome = if sent.is_ok() { "sent" } else { "not_sent" };
        counter!("frontrow_seat_messages_total", "outcome" => outcome).increment(1);
        sent.map(|()| steps)
    }

    /// Waits for the next message of another instance and takes it in. For a task that does nothing else.
    pub async fn hear_seats(&self) -> Heard {
        let Some(spread) = &self.memory.spread else { return std::future::pending().await };
        let message = spread.messages.next().await;
        let heard = match spread.epoch(&*self.reads).await {
            Ok(epoch) => self.take_in(spread.sender, epoch, &message),
            // Without the store nobody knows whose it is; the catch-up brings it when the store is back.
            Err(_) => Heard::Nothing,
        };
        counter!("frontrow_seat_messages_total", "outcome" => heard.name()).increment(1);
        heard
    }

    fn take_in(&self, me: u128, epoch: u64, message: &[u8]) -> Heard {
        let Some(letter) = Letter::read(message) else { return Heard::Unreadable };
        if letter.epoch != epoch {
            return Heard::Foreign;
        }
        if letter.sender == me {
            return Heard::Own;
        }
        let Some(steps) = letter.told.into_iter().map(Told::step).collect::<Option<Vec<_>>>() else {
            return Heard::Unreadable;
        };
        let is_news = |step| self.memory.boards.take_in(step) == Taken::News;
        // Every step is taken in, whatever came of those before it.
        let news = steps.into_iter().filter_map(|step| is_news(step).then_some(())).count();
        if news > 0 { Heard::News } else { Heard::Nothing }
    }
}

#[cfg(test)]
mod tests;
