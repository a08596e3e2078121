//! Seat maps behind a waiting room: the token of a fan who is let in is all that is sent.

use std::io::Read as _;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use frontrow_rehearsal::Request;

use crate::house::{House, OPEN_ROOM, bearers};
use crate::measure::{Options, Route, measure, print_head};

/// Fans who are let in and look, in turn: so many that nobody looks more often than one fan may.
const FANS: usize = 10_000;
/// Seats of the big hall.
const SEATS: usize = 50_000;
/// Connections that ask for all of its seats at the most: every answer has five megabytes, and those of many more would
/// still be on their way when a run ends.
const BIG_CONNECTIONS: usize = 16;
/// What is sent by whoever takes a map compressed.
const GZIP: (&str, &str) = ("accept-encoding", "gzip");
/// Seats of it that have changed since the version that is asked for.
const CHANGED: usize = 10;

pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.shared.is_some() {
        return Ok(());
    }
    if !Kind::ALL.into_iter().any(|kind| options.wants(kind.name())) {
        return Ok(());
    }
    let house = House::open(options)?;
    let hall = Hall::open(&house)?;
    println!("\n{FANS} fans who are let in, {CHANGED} of {SEATS} seats changed");
    print_head();
    for &connections in &options.connections {
        for kind in Kind::ALL.into_iter().filter(|kind| options.wants(kind.name())) {
            let is_big = matches!(kind, Kind::Seats);
            let connections = if is_big { connections.min(BIG_CONNECTIONS) } else { connections };
            let mut looks = hall.looks(&house, kind);
            measure(&house.addresses(), &mut [&mut looks], connections, options)?;
        }
    }
    house.close()
}

#[derive(Clone, Copy)]
enum Kind {
    Small,
    Seats,
    SeatsCompressed,
    SeatsSince,
    SeatsUnchanged,
    States,
    StatesSince,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Small,
        Self::Seats,
        Self::SeatsCompressed,
        Self::SeatsSince,
        Self::SeatsUnchanged,
        Self::States,
        Self::StatesSince,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Small => "GET …/seats (50 seats, queue token)",
            Self::Seats => "GET …/seats (50,000 seats, queue token)",
            Self::SeatsCompressed => "GET …/seats (50,000 seats, gzip, queue token)",
            Self::SeatsSince => "GET …/seats?since= (50,000 seats, 10 changed, queue token)",
            Self::SeatsUnchanged => "GET …/seats (50,000 seats, unchanged, queue token)",
            Self::States => "GET …/states (50,000 seats, queue token)",
            Self::StatesSince => "GET …/states?since= (50,000 seats, 10 changed, queue token)",
        }
    }
}

/// A concert with a small and a big hall, and fans who were let in.
struct Hall {
    small: String,
    big: String,
    tokens: Vec<String>,
    /// The version before the changes.
    since: u64,
    /// The tag of the version after them.
    tag: String,
}

impl Hall {
    fn open(house: &House) -> Result<Self> {
        let concert = house.concert(OPEN_ROOM)?;
        let (small, big) = (house.schedule(concert, 50)?, house.schedule(concert, SEATS)?);
        let path = |schedule: u64| format!("/api/v1/concerts/{concert}/schedules/{schedule}");
        house.wait_for_rooms(&[concert])?;
        let bearers = bearers(FANS);
        let tokens = house.join(concert, &bearers)?;
        house.until("all fans are let in", |house| Ok(house.queue(concert)? == (0, FANS as u64)))?;
        let mut hall = Self { small: path(small), big: path(big), tokens, since: 0, tag: String::new() };
        hall.since = hall.version(house)?.0;
        let write = |fan: usize, buffer: &mut Vec<u8>| {
            let (seat, key) = (fan * (SEATS / CHANGED) + 1, format!("hold-{fan}"));
            let body = format!("{{\"scheduleId\":{big},\"seats\":[{seat}]}}");
            let headers = [
                ("authorization", bearers[fan].as_str()),
                ("queue-token", hall.tokens[fan].as_str()),
                ("idempotency-key", key.as_str()),
            ];
            Request::post(&house.host, "/api/v1/reservations", body.as_bytes())
                .headers(&headers)
                .write(buffer);
        };
        house.each(CHANGED, write, |_, _| {})?;
        let (version, tag) = hall.version(house)?;
        if version <= hall.since {
            bail!("the map has not changed: {version}");
        }
        hall.tag = tag;
        hall.compare(house)?;
        Ok(hall)
    }

    /// What is sent compressed is the same map.
    fn compare(&self, house: &House) -> Result<()> {
        let (path, token) = (format!("{}/seats", self.big), ("queue-token", self.tokens[0].as_str()));
        let plain = house.get(&path, &[token])?;
        let packed = house.get(&path, &[token, GZIP])?;
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed.body).read_to_end(&mut unpacked)?;
        if unpacked != plain.body {
            bail!("the compressed map is another one");
        }
        println!("\nall seats of the big map: {} bytes, {} compressed", plain.body.len(), packed.body.len());
        Ok(())
    }

    /// The version of the big map, and its tag.
    fn version(&self, house: &House) -> Result<(u64, String)> {
        let headers = [("queue-token", self.tokens[0].as_str())];
        let answer = house.get(&format!("{}/states", self.big), &headers)?;
        let value: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let tag = answer.headers.get("etag").context("no ETag")?.to_str()?;
        Ok((value["version"].as_u64().context("no version")?, tag.to_owned()))
    }

    fn looks(&self, house: &House, kind: Kind) -> Looks {
        let (big, since) = (&self.big, self.since);
        let path = match kind {
            Kind::Small => format!("{}/seats", self.small),
            Kind::Seats | Kind::SeatsCompressed | Kind::SeatsUnchanged => format!("{big}/seats"),
            Kind::SeatsSince => format!("{big}/seats?since={since}"),
            Kind::States => format!("{big}/states"),
            Kind::StatesSince => format!("{big}/states?since={since}"),
        };
        let is_unchanged = matches!(kind, Kind::SeatsUnchanged);
        let more = match kind {
            Kind::SeatsUnchanged => Some(("if-none-match", self.tag.as_str())),
            Kind::SeatsCompressed => Some(GZIP),
            _ => None,
        };
        let request = |token: &String| {
            let headers: Vec<_> = std::iter::once(("queue-token", token.as_str())).chain(more).collect();
            Request::get(&house.host, &path).headers(&headers).to_bytes()
        };
        let requests = self.tokens.iter().map(request).collect();
        Looks { kind, expected: if is_unchanged { 304 } else { 200 }, requests, looked: 0 }
    }
}

/// Fans who look, in turn.
struct Looks {
    kind: Kind,
    expected: u16,
    /// Ready to be sent, one a fan.
    requests: Vec<Vec<u8>>,
    looked: usize,
}

impl Route for Looks {
    fn name(&self) -> String {
        self.kind.name().to_owned()
    }

    fn expected(&self) -> u16 {
        self.expected
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<usize> {
        self.looked += 1;
        let fan = self.looked % self.requests.len();
        buffer.extend_from_slice(&self.requests[fan]);
        Some(fan)
    }
}
