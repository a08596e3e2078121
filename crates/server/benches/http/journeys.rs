//! Whole journeys: join, ask until let in, look at the map, hold a seat, pay for it, read the tickets.
//!
//! Journeys are not bound to connections, as behind a proxy: a fan who waits for the next tick of the line leaves the
//! connection to others, and is taken up again by whichever is free. Otherwise a free connection begins with the next
//! fan, unless enough of them wait already.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::FloorAnswer;
use frontrow_rehearsal::{Answer, Failure, Next, Report, Request, Script, Spread, Step, Then, run};

use crate::house::{House, OPEN_ROOM, QUEUES, bearers, grouped, text};
use crate::measure::{Figures, Options, WITH_WARM_UP, check, floor_report, print_head, shown};

const NAME: &str = "whole journeys";
/// Fans. Whoever begins again has long paid.
const FANS: usize = 100_000;
/// Concerts, sold one after the other.
const CONCERTS: usize = 30;
/// Schedules of each.
const SCHEDULES: usize = 2;
/// Seats of each schedule. Its compact map has as many bytes as the full map of fifty seats.
const SEATS: usize = 5_000;
/// Fans who wait for each connection at the most: enough for twice the journeys that two cores can do, and few enough
/// that they do not come in waves.
const WAITING: usize = 3;
/// How long a fan waits before asking: a tick of the line is 20 ms, and what it decides has to be written.
const PAUSE: Duration = Duration::from_millis(25);

pub(crate) fn bench(options: &Options) -> Result<()> {
    if !options.wants(NAME) {
        return Ok(());
    }
    let house = House::open(options)?;
    let mut sale = Sale::prepare(&house)?;
    let samples = sale.first(&house)?;
    println!(
        "\n{} fans, {CONCERTS} concerts of {SCHEDULES} schedules of {SEATS} seats; a fan asks {} ms after joining, and \
         again; the floor is that of the six requests one after the other; times are from joining to the tickets",
        grouped(FANS as u64),
        PAUSE.as_millis()
    );
    print_head();
    let mut stages = String::new();
    for &connections in &options.connections {
        let mut figures = Figures::default();
        let mut requests = Vec::new();
        for number in 0..options.runs {
            figures.floors.push(floor(&samples, connections, options)?);
            let run = sale.run(&house, connections, options)?;
            requests.push(run.requests);
            figures.rates.push(run.report.rate() / run.requests);
            figures.p50.push(run.p50);
            figures.p99.push(run.p99);
            if number + 1 == options.runs {
                stages += &by_stage(&run.report, connections);
            }
        }
        let each = Spread::of(requests).context("no runs")?.median;
        figures.print(&format!("{NAME} ({each:.1} requests each)"), connections)?;
    }
    println!("\nThe last run of each, by request:\n\n| request | connections | a second | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|\n{stages}");
    sale.wait_for_ends(&house)?;
    house.close()
}

/// The journeys a second of a floor that only takes and gives the bytes.
fn floor(samples: &[Sample], connections: usize, options: &Options) -> Result<f64> {
    let mut seconds = 0.0;
    for (request, answer) in samples {
        let share = options.share(samples.len());
        seconds += 1.0 / floor_report(request, answer, |address| share.plan(&[address], connections))?.rate();
    }
    Ok(1.0 / seconds)
}

fn by_stage(report: &Report, connections: usize) -> String {
    let row = |stage: Stage| {
        let latency =
            report.step(stage.name()).map(frontrow_rehearsal::StepReport::latency).unwrap_or_default();
        let millis = [latency.p50, latency.p99].map(|micros| micros as f64 / 1_000.0);
        let rate = report.step_rate(stage.name());
        format!("| {} | {connections} | {rate:.0} | {:.1} | {:.1} |\n", stage.name(), millis[0], millis[1])
    };
    Stage::ALL.map(row).concat()
}

/// What a run has shown.
struct Run {
    report: Report,
    /// Requests that a journey took on average.
    requests: f64,
    /// How long half of the journeys took at the most, in milliseconds.
    p50: f64,
    /// How long all but one in a hundred took at the most, in milliseconds.
    p99: f64,
}

/// A request, and what was answered.
type Sample = (Vec<u8>, FloorAnswer);

/// What a fan does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Join,
    Ask,
    Look,
    Hold,
    Pay,
    Read,
}

impl Stage {
    const ALL: [Self; 6] = [Self::Join, Self::Ask, Self::Look, Self::Hold, Self::Pay, Self::Read];

    const fn name(self) -> &'static str {
        match self {
            Self::Join => "POST /queues",
            Self::Ask => "GET /queues/status",
            Self::Look => "GET …/states",
            Self::Hold => "POST /reservations",
            Self::Pay => "POST /payments",
            Self::Read => "GET /reservations/{id}",
        }
    }
}

/// One fan on their way to one seat.
struct Journey {
    /// The fan and the seat follow from it.
    number: usize,
    stage: Stage,
    token: String,
    reservation: String,
    began: Instant,
    /// Requests so far.
    requests: usize,
}

/// What a journey needs after an answer.
enum Turn {
    /// The next request.
    On,
    /// Time.
    Pause,
    /// Nothing: the tickets are there.
    Over,
}

impl Journey {
    /// Takes an answer in; nothing when it is not what it should be.
    fn take_in(&mut self, status: u16, body: &[u8]) -> Option<Turn> {
        self.requests += 1;
        let stage = match (self.stage, status) {
            (Stage::Join, 200 | 201) => {
                text(body, "token")?.clone_into(&mut self.token);
                self.stage = Stage::Ask;
                return Some(Turn::Pause);
            }
            (Stage::Ask, 200) => match text(body, "state")? {
                "active" => Stage::Look,
                "waiting" => return Some(Turn::Pause),
                _ => return None,
            },
            (Stage::Look, 200) => Stage::Hold,
            (Stage::Hold, 201) => {
                text(body, "reservationId")?.clone_into(&mut self.reservation);
                Stage::Pay
            }
            (Stage::Pay, 201) => Stage::Read,
            (Stage::Read, 200) => {
                let is_whole = text(body, "status")? == "confirmed" && text(body, "code").is_some();
                return is_whole.then_some(Turn::Over);
            }
            _ => return None,
        };
        self.stage = stage;
        Some(Turn::On)
    }
}

/// The concerts, the fans, and how far they have come.
struct Sale {
    host: String,
    bearers: Vec<String>,
    /// Concert and schedule, in the order in which they are sold.
    halls: Vec<(u64, u64)>,
    begun: usize,
    finished: usize,
}

impl Sale {
    fn prepare(house: &House) -> Result<Self> {
        let concerts = (0..CONCERTS).map(|_| house.concert(OPEN_ROOM)).collect::<Result<Vec<_>>>()?;
        let mut halls = Vec::new();
        for &concert in &concerts {
            for _ in 0..SCHEDULES {
                halls.push((concert, house.schedule(concert, SEATS)?));
            }
        }
        house.wait_for_rooms(&concerts)?;
        let bearers = bearers(FANS);
        house.charge(&bearers)?;
        Ok(Self { host: house.host.clone(), bearers, halls, begun: 0, finished: 0 })
    }

    /// The next journey; nothing when everything is sold.
    fn begin(&mut self, began: Instant) -> Option<Journey> {
        let number = self.begun;
        self.halls.get(number / SEATS)?;
        self.begun += 1;
        let (stage, token, reservation) = (Stage::Join, String::new(), String::new());
        Some(Journey { number, stage, token, reservation, began, requests: 0 })
    }

    /// Writes the next request of a journey.
    fn write(&self, journey: &Journey, buffer: &mut Vec<u8>) {
        let (concert, schedule) = self.halls[journey.number / SEATS];
        let (seat, fan) = (journey.number % SEATS + 1, journey.number % FANS);
        let key = format!("{:031x}{}", journey.number, u8::from(journey.stage == Stage::Pay));
        let (path, body) = match journey.stage {
            Stage::Join => (QUEUES.to_owned(), format!("{{\"concertId\":{concert}}}")),
            Stage::Ask => (format!("{QUEUES}/status"), String::new()),
            Stage::Look => (format!("/api/v1/concerts/{concert}/schedules/{schedule}/states"), String::new()),
            Stage::Hold => (
                "/api/v1/reservations".to_owned(),
                format!("{{\"scheduleId\":{schedule},\"seats\":[{seat}]}}"),
            ),
            Stage::Pay => {
                ("/api/v1/payments".to_owned(), format!("{{\"reservationId\":\"{}\"}}", journey.reservation))
            }
            Stage::Read => (format!("/api/v1/reservations/{}", journey.reservation), String::new()),
        };
        let bearer = ("authorization", self.bearers[fan].as_str());
        let headers = [("queue-token", journey.token.as_str()), bearer, ("idempotency-key", key.as_str())];
        let headers = match journey.stage {
            Stage::Join | Stage::Read => &headers[1..2],
            Stage::Ask | Stage::Look => &headers[..1],
            Stage::Hold => &headers[..],
            Stage::Pay => &headers[1..],
        };
        if body.is_empty() {
            Request::get(&self.host, &path).headers(headers).write(buffer);
        } else {
            Request::post(&self.host, &path, body.as_bytes()).headers(headers).write(buffer);
        }
    }

    /// Makes the first journey, and answers its six requests with their answers.
    fn first(&mut self, house: &House) -> Result<Vec<Sample>> {
        let mut journey = self.begin(Instant::now()).context("no seats")?;
        let mut samples: Vec<Sample> = Vec::new();
        loop {
            let (stage, mut request) = (journey.stage, Vec::new());
            self.write(&journey, &mut request);
            let answer = FloorAnswer::sampled(house.address(), &request)?.context("no answer")?;
            let Some(turn) = journey.take_in(answer.status.as_u16(), &answer.body) else {
                bail!(
                    "{} answered {} {}",
                    stage.name(),
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                );
            };
            // Of the questions for the place only the last one, which has the answer that every journey has once.
            if journey.stage != stage || matches!(turn, Turn::Over) {
                samples.push((request, answer));
            }
            match turn {
                Turn::On => {}
                Turn::Pause => std::thread::park_timeout(PAUSE),
                Turn::Over => {
                    self.finished += 1;
                    return Ok(samples);
                }
            }
        }
    }

    fn run(&mut self, house: &House, connections: usize, options: &Options) -> Result<Run> {
        let plan = options.plan(&house.addresses(), connections);
        let mut crowd = Crowd {
            sale: self,
            on: (0..connections).map(|_| None).collect(),
            waiting: VecDeque::new(),
            counts_from: Instant::now() + Duration::from_secs_f64(options.seconds * (WITH_WARM_UP - 1.0)),
            millis: Vec::new(),
            requests: 0,
            refused: None,
        };
        let report = run(&plan, &mut crowd)?;
        let Crowd { mut millis, requests, refused, .. } = crowd;
        check(&report, NAME, refused.as_deref())?;
        if self.begun == self.halls.len() * SEATS {
            bail!("everything is sold: fewer runs, or shorter ones");
        }
        millis.sort_by(f64::total_cmp);
        let at = |percent: usize| millis.get(millis.len() * percent / 100).copied().context("no journeys");
        Ok(Run { report, requests: requests as f64 / millis.len() as f64, p50: at(50)?, p99: at(99)? })
    }

    /// Every session has ended by its payment, but those of journeys that the end of a run has cut off.
    fn wait_for_ends(&self, house: &House) -> Result<()> {
        let (begin, cut_off) = (Instant::now(), (self.begun - self.finished) as u64);
        let used = self.begun.div_ceil(SEATS);
        let concerts: BTreeSet<u64> = self.halls[..used].iter().map(|(concert, _)| *concert).collect();
        let mut open = 0;
        house.until("sessions end by payments", |house| {
            open = 0;
            for &concert in &concerts {
                open += house.queue(concert)?.1;
            }
            Ok(open <= cut_off)
        })?;
        println!(
            "{} of {} journeys finished; {open} sessions open {:.1} s after the last run",
            self.finished,
            self.begun,
            begin.elapsed().as_secs_f64()
        );
        Ok(())
    }
}

/// All journeys of a run.
struct Crowd<'a> {
    sale: &'a mut Sale,
    /// Which journey a connection is at.
    on: Vec<Option<Journey>>,
    /// Who asks for their place next, and from when on; the earliest in front.
    waiting: VecDeque<(Instant, Journey)>,
    counts_from: Instant,
    /// How long each journey took that has ended since then.
    millis: Vec<f64>,
    /// Requests of those.
    requests: usize,
    refused: Option<String>,
}

impl Script for Crowd<'_> {
    fn steps(&self) -> Vec<String> {
        Stage::ALL.map(|stage| stage.name().to_owned()).into()
    }

    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        let now = Instant::now();
        let due = || self.waiting.pop_front_if(|(due, _)| *due <= now).map(|(_, journey)| journey);
        let mut journey = self.on[connection].take().or_else(due);
        if journey.is_none() && self.waiting.len() < self.on.len() * WAITING {
            journey = self.sale.begin(now);
        }
        let Some(journey) = journey else {
            return self.waiting.front().map_or(Next::Done, |(due, _)| Next::Later(*due - now));
        };
        self.sale.write(&journey, buffer);
        let step = Step(journey.stage as usize);
        self.on[connection] = Some(journey);
        Next::Send(step)
    }

    fn answered(&mut self, connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        let Some(mut journey) = self.on[connection].take() else { return Then::Free };
        let stage = journey.stage;
        match journey.take_in(answer.status, answer.body) {
            Some(Turn::On) => self.on[connection] = Some(journey),
            Some(Turn::Pause) => self.waiting.push_back((Instant::now() + PAUSE, journey)),
            Some(Turn::Over) => {
                self.sale.finished += 1;
                if Instant::now() >= self.counts_from {
                    self.millis.push(journey.began.elapsed().as_secs_f64() * 1_000.0);
                    self.requests += journey.requests;
                }
            }
            None if self.refused.is_none() => {
                self.refused = Some(format!("{} {}", stage.name(), shown(answer)));
            }
            None => {}
        }
        Then::Free
    }

    fn failed(&mut self, connection: usize, _step: Step, _failure: Failure) {
        self.on[connection] = None;
    }
}
