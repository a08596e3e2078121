//! Everybody wants the same seat at the same moment: one has it, everybody else is told so, and what counts is when the last
//! of them has been told. Beside the time in which the floor answers as many requests of as many bytes.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::FloorAnswer;
use frontrow_rehearsal::{Answer, Next, Plan, Report, Request, Script, Spread, Step, Then, run};

use crate::house::{House, NO_ROOM, bearers, grouped};
use crate::measure::{Options, check, floor_report, shown};

const NAME: &str = "POST /reservations (5,000 fans on one seat)";
const FANS: usize = 5_000;
/// Connections, all of them open before the first request.
const CONNECTIONS: usize = 256;
/// A crowd is answered in a tenth of a second: so many of them in the place of one run of the other benchmarks.
const CROWDS_A_RUN: usize = 5;
/// The seats that crowds want, one after the other. All have as many digits.
const FIRST_SEAT: usize = 101;
const SEATS: usize = 999;
/// The next crowd begins with another fan, so that nobody has all the seats.
const STRIDE: usize = 977;
/// How long the last answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn bench(options: &Options) -> Result<()> {
    if !options.wants(NAME) {
        return Ok(());
    }
    let crowds = options.runs * CROWDS_A_RUN;
    if FIRST_SEAT + crowds > SEATS {
        bail!("there are seats for {} runs at the most", (SEATS - FIRST_SEAT) / CROWDS_A_RUN);
    }
    let house = House::open(options)?;
    let concert = house.concert(NO_ROOM)?;
    let schedule = house.schedule(concert, SEATS)?;
    let bearers = bearers(FANS);
    house.charge(&bearers)?;
    house.wait_for_all(concert)?;
    let mut figures = Figures::default();
    // The first one warms up: it pays for what is read once.
    for number in 0..=crowds {
        house.settle()?;
        let mut crowd = Crowd::new(&house, schedule, FIRST_SEAT + number, &bearers);
        let report = crowd.run()?;
        let floor = crowd.floor()?;
        if number > 0 {
            figures.add(&floor, &report);
        }
    }
    figures.print(crowds)?;
    house.close()
}

#[derive(Default)]
struct Figures {
    /// Milliseconds until the last answer.
    floors: Vec<f64>,
    crowds: Vec<f64>,
    /// Milliseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Figures {
    fn add(&mut self, floor: &Report, crowd: &Report) {
        self.floors.push(floor.elapsed.as_secs_f64() * 1_000.0);
        self.crowds.push(crowd.elapsed.as_secs_f64() * 1_000.0);
        self.p50.push(crowd.latency().p50 as f64 / 1_000.0);
        self.p99.push(crowd.latency().p99 as f64 / 1_000.0);
    }

    fn print(&self, crowds: usize) -> Result<()> {
        let spread = |figures: &Vec<f64>| Spread::of(figures.iter().copied()).context("no runs");
        let times = self.crowds.iter().zip(&self.floors).map(|(crowd, floor)| crowd / floor).collect();
        println!(
            "\n{} fans who want one seat, {crowds} crowds one after the other; each had one winner and {} clean 409",
            grouped(FANS as u64),
            grouped(FANS as u64 - 1)
        );
        println!(
            "\n| route | connections | floor, ms until all are answered | Frontrow, ms | times the floor | p50 ms | p99 ms |"
        );
        println!("|---|---|---|---|---|---|---|");
        println!(
            "| {NAME} | {CONNECTIONS} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} |",
            spread(&self.floors)?,
            spread(&self.crowds)?,
            spread(&times)?,
            spread(&self.p50)?,
            spread(&self.p99)?
        );
        Ok(())
    }
}

/// All fans, each of whom asks for the same seat once.
struct Crowd<'a> {
    house: &'a House,
    bearers: &'a [String],
    schedule: u64,
    seat: usize,
    asked: usize,
    won: usize,
    /// What was answered that is neither the seat nor that somebody else has it.
    odd: Option<String>,
}

impl<'a> Crowd<'a> {
    fn new(house: &'a House, schedule: u64, seat: usize, bearers: &'a [String]) -> Self {
        Self { house, bearers, schedule, seat, asked: 0, won: 0, odd: None }
    }

    fn plan(&self) -> Plan {
        let addresses = self.house.addresses();
        Plan::new(addresses[0], CONNECTIONS).also(&addresses[1..]).timeout(PATIENCE)
    }

    /// All of them, of whom one has to win and everybody else to be told so.
    fn run(&mut self) -> Result<Report> {
        let report = run(&self.plan(), self)?;
        check(&report, NAME, self.odd.as_deref())?;
        let refused = report.statuses().get(&409).copied().unwrap_or(0);
        if (self.won, refused) != (1, FANS as u64 - 1) {
            bail!("seat {} has {} winners and {refused} who were refused", self.seat, self.won);
        }
        Ok(report)
    }

    /// As many answers of a floor as long as the one to somebody who comes too late, warmed up by as many before.
    fn floor(&self) -> Result<Report> {
        let mut late = Vec::new();
        self.write(0, "late", &mut late);
        let answer = FloorAnswer::sampled(self.house.address(), &late)?.context("no answer")?;
        if answer.status != 409 {
            bail!("somebody who came too late was answered {}", answer.status);
        }
        floor_report(&late, &answer, |address| {
            Plan::new(address, CONNECTIONS).requests(2 * FANS as u64).warm_up_percent(50).timeout(PATIENCE)
        })
    }

    fn write(&self, fan: usize, who: &str, buffer: &mut Vec<u8>) {
        let key = format!("{who}-{:04}-{fan:019}", self.seat);
        let bearer = &self.bearers[(fan + self.seat * STRIDE) % self.bearers.len()];
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
        let body = format!("{{\"scheduleId\":{},\"seats\":[{}]}}", self.schedule, self.seat);
        Request::post(&self.house.host, "/api/v1/reservations", body.as_bytes())
            .headers(&headers)
            .write(buffer);
    }
}

impl Script for Crowd<'_> {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.asked == self.bearers.len() {
            return Next::Done;
        }
        self.write(self.asked, "seat", buffer);
        self.asked += 1;
        Next::Send(Step(0))
    }

    fn answered(&mut self, _connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        const REFUSED: &[u8] = br#""code":"seat_unavailable""#;
        match answer.status {
            201 => self.won += 1,
            409 if answer.body.windows(REFUSED.len()).any(|window| window == REFUSED) => {}
            _ => self.odd = Some(shown(answer)),
        }
        Then::Free
    }
}
