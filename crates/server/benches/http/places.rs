//! Places in lines: written to the journal of a server that is stopped, loaded by its next start, and asked for.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use frontrow_application::queue::journal::{LineBatch, LineJournal as _};
use frontrow_domain::queue::{Place, PlaceState};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use frontrow_rehearsal::Request;
use frontrow_store_sqlite::SqliteLine;
use uuid::{Builder, Uuid};

use crate::house::{House, text};
use crate::measure::Route;

/// Places written to the journal at once.
const BATCH: usize = 10_000;
/// From one fan who asks to the next: prime to their number, and far enough that no two are neighbours.
const STRIDE: usize = 3_467;
/// Microseconds between two arrivals that are written to the journal.
const APART_MICROS: i64 = 20;

/// The ids of fans, who are made at first sight.
pub(crate) fn meet(house: &House, bearers: &[String]) -> Result<Vec<UserId>> {
    let mut fans = vec![None; bearers.len()];
    let write = |fan: usize, buffer: &mut Vec<u8>| {
        let headers = [("authorization", bearers[fan].as_str())];
        Request::get(&house.host, "/api/v1/users/me").headers(&headers).write(buffer);
    };
    let read = |fan: usize, body: &[u8]| {
        fans[fan] = text(body, "userId").and_then(|id| Uuid::parse_str(id).ok()).map(UserId::new);
    };
    house.each(bearers.len(), write, read)?;
    fans.into_iter().collect::<Option<_>>().context("a fan has no id")
}

/// Puts a line into the journal in which these fans stand at even distances, with others between them.
pub(crate) fn fill(journal: &SqliteLine, concert: u64, fans: &[UserId], places: usize) -> Result<()> {
    let concert = ConcertId::new(concert.try_into()?);
    let every = places / fans.len();
    let length = i64::try_from(places)? * APART_MICROS;
    let first = now().micros() - length;
    for from in (0..places).step_by(BATCH) {
        let place = |number: usize| {
            let joined_at = Timestamp::from_micros(first + number.cast_signed() as i64 * APART_MICROS);
            let known = fans.get(number / every).filter(|_| number % every == every / 2);
            Place {
                concert,
                sequence: Sequence::new(number as u64 + 1),
                entry: EntryId::new(id(joined_at, number as u64)),
                user: known.copied().unwrap_or_else(|| UserId::new(id(joined_at, !(number as u64)))),
                joined_at,
                state: PlaceState::Waiting,
            }
        };
        let joined = (from..places.min(from + BATCH)).map(place).collect();
        journal.append(&LineBatch { joined, ..LineBatch::default() })?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a line is filled for a server that reads the real clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// An id of that time whose tail looks random, as the server draws them.
fn id(at: Timestamp, number: u64) -> Uuid {
    let scattered = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut tail = [0; 10];
    tail[..8].copy_from_slice(&scattered.to_le_bytes());
    tail[8..].copy_from_slice(&(scattered ^ scattered >> 32).to_le_bytes()[..2]);
    Builder::from_unix_timestamp_millis(at.millis().cast_unsigned(), &tail).into_uuid()
}

/// What a start has shown.
pub(crate) struct Started {
    /// Seconds until it said that it is ready.
    pub(crate) ready: f64,
    /// Seconds until its lines were as long as before.
    pub(crate) shown: f64,
    /// What the server has in memory then.
    pub(crate) resident_kib: i64,
}

/// Says how long a start took, by stages, and what the server has in memory then.
pub(crate) fn started(
    what: &str,
    house: &House,
    begin: Instant,
    line: Option<(u64, usize)>,
) -> Result<Started> {
    let serves = begin.elapsed().as_secs_f64();
    house.until("ready", |house| Ok(house.get("/health/ready", &[]).is_ok()))?;
    let ready = begin.elapsed().as_secs_f64();
    if let Some((concert, places)) = line {
        house.until("the line", |house| {
            let (waiting, active) = house.queue(concert)?;
            Ok(waiting + active == places as u64)
        })?;
    }
    let shown = begin.elapsed().as_secs_f64();
    let resident_kib = house.process()?.resident_kib;
    println!(
        "start, {what}: listens after {serves:.2} s, is ready after {ready:.2} s, shows its lines after {shown:.2} s; \
         {resident_kib} KiB resident"
    );
    Ok(Started { ready, shown, resident_kib })
}

/// Bytes of each, of so many KiB for all.
pub(crate) fn a_piece(kib: i64, count: usize) -> f64 {
    kib as f64 * 1_024.0 / count as f64
}

/// Fans who ask for their place in turn, all over the line.
pub(crate) struct Polls {
    name: String,
    /// Ready to be sent, one a fan.
    requests: Vec<Vec<u8>>,
    asked: usize,
    /// Answers so far.
    pub(crate) answered: u64,
}

impl Polls {
    /// The fans of these lines, so many of each in turn. From another device, as it were: the places are those that the
    /// journal has, and joining tells their tokens.
    pub(crate) fn of(
        house: &House,
        lines: &[u64],
        bearers: &[String],
        each: usize,
        name: String,
    ) -> Result<Self> {
        let mut requests = Vec::new();
        for (&concert, fans) in lines.iter().zip(bearers.chunks(each)) {
            requests.extend(house.join(concert, fans)?.iter().map(|token| {
                let headers = [("queue-token", token.as_str())];
                Request::get(&house.host, "/api/v1/queues/status").headers(&headers).to_bytes()
            }));
        }
        Ok(Self { name, requests, asked: 0, answered: 0 })
    }

    /// One of the requests.
    pub(crate) fn sample(&self) -> &[u8] {
        &self.requests[0]
    }
}

impl Route for Polls {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn expected(&self) -> u16 {
        200
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<usize> {
        self.asked += 1;
        let fan = self.asked * STRIDE % self.requests.len();
        buffer.extend_from_slice(&self.requests[fan]);
        Some(fan)
    }

    fn read(&mut self, _fan: usize, _body: &[u8]) {
        self.answered += 1;
    }
}
