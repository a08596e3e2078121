//! Best available: callers who sell halls out in pairs and fours, beside callers who hold as many seats by number.
//!
//! The halls have rows of 40 with aisles after the tenth and the thirtieth seat. All numbers are even, so whoever chooses
//! well sells every seat; a single seat that is left was stranded, and a party that was refused although seats beside each
//! other are left was refused wrongly. Both are counted on the map afterwards.

use std::time::Instant;

use anyhow::{Context, Result};
use frontrow_rehearsal::{Answer, Next, Plan, Request, Script, Spread, Step, Then, run};
use serde_json::Value;

use crate::house::{House, NO_ROOM, PRICE, bearers, grouped};
use crate::measure::{Options, check, shown};

const NAME: &str = "POST /reservations (best available)";
/// Callers at once.
const CALLERS: usize = 160;
/// Fans; a party is one fan's, and the next party the next one's.
const FANS: usize = 20_000;
const ROW: usize = 40;
const AISLES: [usize; 2] = [10, 30];
/// How many people come together.
const PARTIES: [usize; 2] = [2, 4];

pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.shared.is_some() {
        return Ok(());
    }
    if !options.wants(NAME) {
        return Ok(());
    }
    println!("\n{CALLERS} callers, parties of two and four in turn; halls are sold out, one after the other");
    println!(
        "\n| seats of a hall | seats | parties/s | p50 ms | p99 ms | served of those that could be | singles left |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (seats, halls) in [(8_000, 10), (100_000, 1)] {
        let house = House::open(options)?;
        let concert = house.concert(NO_ROOM)?;
        let bearers = bearers(FANS);
        house.charge(&bearers)?;
        let mut rows = [Figures::default(), Figures::default()];
        for _ in 0..options.runs {
            for (how, figures) in [How::Best, How::Numbered].into_iter().zip(&mut rows) {
                let make = |_| house.schedule_of(concert, &plan(seats));
                let schedules = (0..halls).map(make).collect::<Result<Vec<_>>>()?;
                sell_out(&house, concert, &schedules, seats, how, &bearers, figures)?;
            }
        }
        let [best, numbered] = &rows;
        best.print("best available", seats)?;
        numbered.print("by number", seats)?;
        let ratios = best.rates.iter().zip(&numbered.rates).map(|(best, numbered)| best / numbered);
        println!("best available beside holds by number: {:.2}", Spread::of(ratios).context("no runs")?);
        house.close()?;
    }
    Ok(())
}

fn plan(seats: usize) -> String {
    let row =
        |row: usize| format!(r#"{{"row":"{}","seats":{ROW},"grade":"R","aislesAfter":{AISLES:?}}}"#, row + 1);
    let rows: Vec<_> = (0..seats / ROW).map(row).collect();
    let rows = rows.join(",");
    format!(r#"{{"rows":{{"sections":[{{"name":"1F","rows":[{rows}]}}],"prices":{{"R":{PRICE}}}}}}}"#)
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Best,
    Numbered,
}

#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    served: usize,
    /// Refused although there were seats.
    wronged: usize,
    singles: usize,
}

impl Figures {
    fn print(&self, name: &str, seats: usize) -> Result<()> {
        let spread = |figures: &Vec<f64>| Spread::of(figures.iter().copied()).context("no runs");
        let share = 100.0 * self.served as f64 / (self.served + self.wronged) as f64;
        println!(
            "| {} | {name} | {:.0} | {:.1} | {:.1} | {share:.2} % of {} | {} |",
            grouped(seats as u64),
            spread(&self.rates)?,
            spread(&self.p50)?,
            spread(&self.p99)?,
            grouped((self.served + self.wronged) as u64),
            self.singles
        );
        Ok(())
    }
}

fn sell_out(
    house: &House,
    concert: u64,
    schedules: &[u64],
    seats: usize,
    how: How,
    bearers: &[String],
    figures: &mut Figures,
) -> Result<()> {
    let mut sale = Sale {
        host: &house.host,
        bearers,
        schedules,
        seats,
        how,
        hall: 0,
        parties: 0,
        next_seat: 1,
        refused: vec![[false; 2]; schedules.len()],
        served: 0,
        trouble: None,
    };
    let begun = Instant::now();
    let report = run(&Plan::new(house.address(), CALLERS), &mut sale)?;
    let seconds = begun.elapsed().as_secs_f64();
    check(&report, NAME, sale.trouble.as_deref())?;
    figures.rates.push(sale.served as f64 / seconds);
    figures.p50.push(report.latency().p50 as f64 / 1_000.0);
    figures.p99.push(report.latency().p99 as f64 / 1_000.0);
    figures.served += sale.served;
    for (schedule, refused) in schedules.iter().zip(&sale.refused) {
        let path = format!("/api/v1/concerts/{concert}/schedules/{schedule}/states");
        let map: Value = serde_json::from_slice(&house.get(&path, &[])?.body)?;
        let states = map["states"].as_str().context("no states")?;
        let runs = free_runs(states.as_bytes());
        figures.singles += runs.iter().filter(|run| **run == 1).count();
        let longest = runs.iter().copied().max().unwrap_or(0);
        figures.wronged +=
            refused.iter().zip(PARTIES).filter(|(refused, size)| **refused && longest >= *size).count();
    }
    Ok(())
}

/// How many free seats are beside each other, wherever there are any.
fn free_runs(states: &[u8]) -> Vec<usize> {
    let mut runs = Vec::new();
    for row in states.chunks(ROW) {
        let mut run = 0;
        for (place, state) in row.iter().enumerate() {
            if AISLES.contains(&place) {
                runs.push(std::mem::take(&mut run));
            }
            if *state == b'a' { run += 1 } else { runs.push(std::mem::take(&mut run)) }
        }
        runs.push(run);
    }
    runs.retain(|run| *run > 0);
    runs
}

/// Callers who want seats until there are none.
struct Sale<'a> {
    host: &'a str,
    bearers: &'a [String],
    schedules: &'a [u64],
    seats: usize,
    how: How,
    /// Which hall is being sold.
    hall: usize,
    parties: usize,
    /// By number: the first seat of the next party.
    next_seat: usize,
    /// Which parties each hall has refused.
    refused: Vec<[bool; 2]>,
    served: usize,
    trouble: Option<String>,
}

impl Sale<'_> {
    /// The next party: which of the sizes, and what it asks for.
    fn party(&mut self) -> Option<(usize, String)> {
        self.parties += 1;
        let first = self.parties % PARTIES.len();
        if self.how == How::Numbered {
            if self.next_seat > self.seats {
                (self.hall, self.next_seat) = (self.hall + 1, 1);
            }
            let schedule = self.schedules.get(self.hall)?;
            let size = PARTIES[first].min(self.seats + 1 - self.next_seat);
            let seats: Vec<_> = (self.next_seat..self.next_seat + size).collect();
            self.next_seat += size;
            return Some((first, format!("{{\"scheduleId\":{schedule},\"seats\":{seats:?}}}")));
        }
        while self.refused.get(self.hall)?.iter().all(|refused| *refused) {
            self.hall += 1;
        }
        let which = if self.refused[self.hall][first] { 1 - first } else { first };
        let (schedule, size) = (self.schedules[self.hall], PARTIES[which]);
        Some((which, format!("{{\"scheduleId\":{schedule},\"bestAvailable\":{{\"quantity\":{size}}}}}")))
    }
}

impl Script for Sale<'_> {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.trouble.is_some() {
            return Next::Done;
        }
        let Some((which, body)) = self.party() else { return Next::Done };
        let key = format!("best-{}-{}", self.schedules[0], self.parties);
        let bearer = &self.bearers[self.parties % self.bearers.len()];
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
        Request::post(self.host, "/api/v1/reservations", body.as_bytes()).headers(&headers).write(buffer);
        Next::Send(Step(self.hall * PARTIES.len() + which))
    }

    fn steps(&self) -> Vec<String> {
        Vec::new()
    }

    fn answered(&mut self, _connection: usize, about: Step, answer: &Answer<'_>) -> Then {
        let (hall, which) = (about.0 / PARTIES.len(), about.0 % PARTIES.len());
        match answer.status {
            201 => self.served += 1,
            409 if self.how == How::Best => self.refused[hall][which] = true,
            _ if self.trouble.is_none() => self.trouble = Some(shown(answer)),
            _ => {}
        }
        Then::Free
    }
}
