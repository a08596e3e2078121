//! Asking for one's place in a long line and in short ones, and what a long line costs in memory and at the start.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use frontrow_application::queue::journal::{LineBatch, LineJournal as _};
use frontrow_domain::queue::{Place, PlaceState};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use frontrow_rehearsal::{Request, Spread};
use frontrow_store_sqlite::SqliteLine;
use uuid::{Builder, Uuid};

use crate::house::{House, OPEN_ROOM, SLOW_ROOM, bearers, grouped, text};
use crate::measure::{Figures, Options, Route, measure, print_head};

/// Fans of the long line who ask; the others are only there. The same fans are all that there are in the short lines,
/// so that the number of tokens is the same, and nobody asks more often than one fan may.
const ASKING: usize = 10_000;
/// Places in each short line.
const SHORT: usize = 1_000;
/// Places written to the journal at once.
const BATCH: usize = 10_000;
/// From one fan who asks to the next: prime to their number, and far enough that no two are neighbours.
const STRIDE: usize = 3_467;
/// Microseconds between two arrivals that are written to the journal.
const APART_MICROS: i64 = 20;
/// Schedules of 100,000 seats for the start with a full house.
const BIG_SCHEDULES: usize = 10;

pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.shared.is_some() {
        return Ok(());
    }
    let places = usize::try_from(options.places)?.max(ASKING);
    let names =
        [places, SHORT].map(|count| format!("GET /queues/status ({} waiting)", grouped(count as u64)));
    if !names.iter().any(|name| options.wants(name)) {
        return Ok(());
    }
    let house = House::open(options)?;
    let lines = (0..=ASKING / SHORT).map(|_| house.concert(SLOW_ROOM)).collect::<Result<Vec<_>>>()?;
    for &concert in &lines {
        house.schedule(concert, 50_000)?;
    }
    let bearers = bearers(ASKING);
    let fans = meet(&house, &bearers)?;
    println!();
    let (house, begin) = house.restart(|_| Ok(()))?;
    let empty = started("no line", &house, begin, None)?;
    let (house, begin) = house.restart(|folder| {
        let begin = Instant::now();
        let journal = SqliteLine::open(folder)?;
        fill(&journal, lines[0], &fans, places)?;
        for (&concert, fans) in lines[1..].iter().zip(fans.chunks(SHORT)) {
            fill(&journal, concert, fans, SHORT)?;
        }
        journal.close();
        let all = grouped((places + ASKING) as u64);
        println!("put {all} places into the journal in {:.1} s", begin.elapsed().as_secs_f64());
        Ok(())
    })?;
    let in_line = format!("{} places in line", grouped((places + ASKING) as u64));
    let loaded = started(&in_line, &house, begin, Some((lines[0], places)))?;
    println!("{:.0} bytes a waiting fan", a_piece(loaded - empty, places + ASKING));
    ask(&house, &lines, &bearers, names, options)?;
    let asked = house.resident_kib()?;
    println!("{asked} KiB resident: {:.0} bytes a waiting fan", a_piece(asked - empty, places + ASKING));

    let full = house.concert(OPEN_ROOM)?;
    for _ in 0..BIG_SCHEDULES {
        house.schedule(full, 100_000)?;
    }
    let (house, begin) = house.restart(|_| Ok(()))?;
    let both = started(&format!("{in_line}, 1,000,000 seats"), &house, begin, Some((lines[0], places)))?;
    println!("{:.0} bytes a seat", a_piece(both - loaded, BIG_SCHEDULES * 100_000));
    house.close()
}

/// The ids of fans, who are made at first sight.
fn meet(house: &House, bearers: &[String]) -> Result<Vec<UserId>> {
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
fn fill(journal: &SqliteLine, concert: u64, fans: &[UserId], places: usize) -> Result<()> {
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

/// Says how long a start took, by stages, and what the server has in memory then, in KiB.
fn started(what: &str, house: &House, begin: Instant, line: Option<(u64, usize)>) -> Result<i64> {
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
    let resident = house.resident_kib()?;
    println!(
        "start, {what}: listens after {serves:.2} s, is ready after {ready:.2} s, shows its lines after {shown:.2} s; \
         {resident} KiB resident"
    );
    Ok(resident)
}

/// Bytes of each, of so many KiB for all.
fn a_piece(kib: i64, count: usize) -> f64 {
    kib as f64 * 1_024.0 / count as f64
}

/// Measures the long line and the short ones in turn, so that what one costs more than the other is not the machine's.
fn ask(
    house: &House,
    lines: &[u64],
    bearers: &[String],
    names: [String; 2],
    options: &Options,
) -> Result<()> {
    let request = |token: &String| {
        let headers = [("queue-token", token.as_str())];
        Request::get(&house.host, "/api/v1/queues/status").headers(&headers).to_bytes()
    };
    // From another device, as it were: the places are those that the journal has, and joining tells their tokens.
    let polls = |name: String, lines: &[u64], each: usize| {
        let mut requests = Vec::new();
        for (&concert, fans) in lines.iter().zip(bearers.chunks(each)) {
            requests.extend(house.join(concert, fans)?.iter().map(request));
        }
        Ok::<_, anyhow::Error>(Polls { name, requests, asked: 0 })
    };
    let [long_name, short_name] = names;
    let mut long = polls(long_name, &lines[..1], ASKING)?;
    let mut short = polls(short_name, &lines[1..], SHORT)?;
    let before = [house.queue(lines[0])?, house.queue(lines[1])?];
    print_head();
    let mut growth = Vec::new();
    for &connections in &options.connections {
        let figures = measure(&house.addresses(), &mut [&mut long, &mut short], connections, options)?;
        growth.push((connections, figures));
    }
    println!();
    for (connections, figures) in growth {
        let [long, short] = &figures[..] else { bail!("two routes were measured") };
        let times = |of: fn(&Figures) -> Vec<f64>| {
            Spread::of(of(short).iter().zip(of(long)).map(|(short, long)| short / long)).context("no runs")
        };
        println!(
            "growth at {connections} connections: a place in the long line costs {:.2} times as much, {:.2} in proportion to \
             the floor of the moment",
            times(|figures| figures.rates.clone())?,
            times(Figures::ratios)?
        );
    }
    let after = [house.queue(lines[0])?, house.queue(lines[1])?];
    println!("waiting and let in, in the long line and a short one: {before:?} before, {after:?} afterwards");
    if after[0].0 + after[0].1 != options.places.max(ASKING as u64) {
        bail!("the long line is not as long as it was");
    }
    Ok(())
}

/// Fans who ask for their place in turn, all over the line.
struct Polls {
    name: String,
    /// Ready to be sent, one a fan.
    requests: Vec<Vec<u8>>,
    asked: usize,
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
}
