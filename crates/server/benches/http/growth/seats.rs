//! Seats for holds to be measured among: half of them taken by parties of four, the other half held and given back again
//! and again, so that a thousand seats last as long as ten million, and every size is the same size afterwards.

use anyhow::{Result, bail};
use frontrow_rehearsal::floor::FloorAnswer;
use frontrow_rehearsal::{Answer, Next, Plan, Report, Request, Script, Step, Then, run};

use crate::house::{House, text};
use crate::measure::{check, shown};

/// Seats of the largest schedule that there may be.
pub(super) const SCHEDULE_SEATS: usize = 100_000;
/// Seats that a party takes, and as many beside them stay free.
const PARTY: usize = 4;
/// Those who measure at the same server, each with free seats of its own.
const KINDS: usize = 2;
/// A step of another schedule each time, prime to any number of them that there may be.
const STRIDE: usize = 7_919;

/// Schedules with so many seats in all, as few as may be.
pub(super) fn open(house: &House, concert: u64, seats: usize) -> Result<Vec<u64>> {
    let count = seats.div_ceil(SCHEDULE_SEATS);
    (0..count).map(|_| house.schedule(concert, seats / count)).collect()
}

/// Half of the seats of each schedule are held by parties of four. Answers how many parties.
pub(super) fn take_half(house: &House, schedules: &[u64], seats: usize, bearers: &[String]) -> Result<usize> {
    let parties = seats / schedules.len() / (2 * PARTY);
    let write = |number: usize, buffer: &mut Vec<u8>| {
        let first = number % parties * 2 * PARTY + 1;
        let seats: Vec<String> = (first..first + PARTY).map(|seat| seat.to_string()).collect();
        let schedule = schedules[number / parties];
        hold(house, buffer, &bearers[number % bearers.len()], schedule, &seats.join(","), number, "party");
    };
    house.each(parties * schedules.len(), write, |_, _| {})?;
    Ok(parties * schedules.len())
}

fn hold(
    house: &House,
    buffer: &mut Vec<u8>,
    bearer: &str,
    schedule: u64,
    seats: &str,
    number: usize,
    who: &str,
) {
    let key = format!("{who}-{number:024}");
    let headers = [("authorization", bearer), ("idempotency-key", key.as_str())];
    let body = format!("{{\"scheduleId\":{schedule},\"seats\":[{seats}]}}");
    Request::post(&house.host, "/api/v1/reservations", body.as_bytes()).headers(&headers).write(buffer);
}

/// Fans who hold a free seat each and give it back.
pub(super) struct Holds<'a> {
    house: &'a House,
    bearers: &'a [String],
    schedules: &'a [u64],
    /// Which of those who measure here: it has every second free seat.
    kind: usize,
    /// How many seats each connection has in each schedule.
    seats_each: usize,
    turns: Vec<Turn>,
    number: usize,
    /// Holds that were given back, the warm-up included.
    pub(super) done: u64,
    refused: Option<String>,
}

#[derive(Default)]
struct Turn {
    count: usize,
    /// What is held now, and by whom.
    held: Option<([u8; 36], usize)>,
    fan: usize,
}

impl<'a> Holds<'a> {
    /// Over so many connections, in schedules of so many seats.
    pub(super) fn new(
        house: &'a House,
        bearers: &'a [String],
        schedules: &'a [u64],
        seats: usize,
        kind: usize,
        connections: usize,
    ) -> Result<Self> {
        let free = seats / (2 * PARTY) * PARTY / KINDS;
        // The last one of all is for the sample.
        let seats_each = (free - 1) / connections;
        if seats_each == 0 {
            bail!("{connections} connections are too many for schedules of {seats} seats");
        }
        let turns = std::iter::repeat_with(Turn::default).take(connections).collect();
        Ok(Self { house, bearers, schedules, kind, seats_each, turns, number: 0, done: 0, refused: None })
    }

    /// A hold and its answer, for the floor; the seat stays taken.
    pub(super) fn sample(&self, seats: usize) -> Result<(Vec<u8>, FloorAnswer)> {
        let mut request = Vec::new();
        let last = (seats / (2 * PARTY) * 2 * PARTY).to_string();
        hold(self.house, &mut request, &self.bearers[0], self.schedules[0], &last, 0, "sample");
        match FloorAnswer::sampled(self.house.address(), &request)? {
            Some(answer) if answer.status == 201 => Ok((request, answer)),
            answer => bail!("the sample was answered {answer:?}"),
        }
    }

    /// One run, of which nothing may be refused.
    pub(super) fn run(&mut self, plan: &Plan) -> Result<Report> {
        let report = run(plan, self)?;
        check(&report, "holds given back", self.refused.as_deref())?;
        Ok(report)
    }

    /// The number of the free seat at this place among those of this kind.
    fn seat(&self, place: usize) -> usize {
        let free = place * KINDS + self.kind;
        free / PARTY * 2 * PARTY + PARTY + free % PARTY + 1
    }
}

impl Script for Holds<'_> {
    fn steps(&self) -> Vec<String> {
        vec!["hold".to_owned(), "give back".to_owned()]
    }

    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.refused.is_some() {
            return Next::Done;
        }
        if let Some((id, fan)) = self.turns[connection].held {
            let path = format!("/api/v1/reservations/{}", String::from_utf8_lossy(&id));
            let headers = [("authorization", self.bearers[fan].as_str())];
            Request::new("DELETE", &self.house.host, &path).headers(&headers).write(buffer);
            return Next::Send(Step(1));
        }
        self.number += 1;
        let fan = self.number % self.bearers.len();
        let connections = self.turns.len();
        let turn = &mut self.turns[connection];
        turn.count += 1;
        turn.fan = fan;
        let schedule = self.schedules[(turn.count * STRIDE + connection) % self.schedules.len()];
        let place = turn.count % self.seats_each * connections + connection;
        let seat = self.seat(place).to_string();
        let who = if self.kind == 0 { "hot" } else { "wide" };
        hold(self.house, buffer, &self.bearers[fan], schedule, &seat, self.number, who);
        Next::Send(Step(0))
    }

    fn answered(&mut self, connection: usize, step: Step, answer: &Answer<'_>) -> Then {
        let turn = &mut self.turns[connection];
        let id = text(answer.body, "reservationId").and_then(|id| id.as_bytes().try_into().ok());
        match (step, answer.status, id) {
            (Step(0), 201, Some(id)) => turn.held = Some((id, turn.fan)),
            (Step(1), 200, _) => {
                turn.held = None;
                self.done += 1;
            }
            _ if self.refused.is_none() => self.refused = Some(shown(answer)),
            _ => {}
        }
        Then::Free
    }
}
