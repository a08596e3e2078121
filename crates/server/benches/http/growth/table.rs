//! The figures of growth, and the tables of them.

use anyhow::{Context, Result};
use frontrow_rehearsal::{Latency, Spread};

use crate::house::grouped;

/// Fewer seats or fans are less than what a process takes by itself: no bytes can be told for each.
pub(super) const TELLING_FROM: usize = 100_000;

/// What one kind of request has cost at one size, run by run.
#[derive(Default)]
pub(super) struct Costs {
    /// Answers a second of the floor, and of Frontrow.
    floors: Vec<f64>,
    rates: Vec<f64>,
    /// Milliseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Microseconds of processor that the server took for a request.
    micros: Vec<f64>,
}

impl Costs {
    /// Takes a run: its floor and its own answers a second, how long they took, and the seconds of processor that the
    /// server took for so many requests.
    pub(super) fn add(&mut self, floor: f64, rate: f64, latency: &Latency, spent: f64, requests: u64) {
        self.floors.push(floor);
        self.rates.push(rate);
        self.p50.push(latency.p50 as f64 / 1_000.0);
        self.p99.push(latency.p99 as f64 / 1_000.0);
        self.micros.push(spent * 1_000_000.0 / requests.max(1) as f64);
    }

    /// Microseconds of processor for a request.
    pub(super) fn micros(&self) -> Result<Spread> {
        spread(self.micros.iter().copied())
    }

    fn ratios(&self) -> impl Iterator<Item = f64> {
        self.rates.iter().zip(&self.floors).map(|(rate, floor)| rate / floor)
    }
}

fn spread(figures: impl Iterator<Item = f64>) -> Result<Spread> {
    Spread::of(figures).context("no runs")
}

/// A row for each size, and how many times the smallest one's cost it is: run by run, since they were taken in turn.
pub(super) fn print_costs(what: &str, sizes: &[usize], all: &[Costs]) -> Result<()> {
    println!("\n### {}{}\n", what[..1].to_uppercase(), &what[1..]);
    println!(
        "| size | requests/s | of the floor | p50 ms | p99 ms | µs of processor each | times the first, by processor | by time |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (&size, costs) in sizes.iter().zip(all) {
        let by = |of: fn(&Costs) -> &Vec<f64>| {
            let first = of(&all[0]).iter();
            of(costs).iter().zip(first).map(|(here, there)| here / there).collect::<Vec<_>>()
        };
        let slower = by(|costs| &costs.rates).into_iter().map(|faster| 1.0 / faster);
        println!(
            "| {} | {:.0} | {:.2} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} |",
            grouped(size as u64),
            spread(costs.rates.iter().copied())?,
            spread(costs.ratios())?,
            spread(costs.p50.iter().copied())?,
            spread(costs.p99.iter().copied())?,
            costs.micros()?,
            spread(by(|costs| &costs.micros).into_iter())?,
            spread(slower)?
        );
    }
    Ok(())
}

/// What one size keeps in memory, and how long its server takes to start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    /// Of a server on an empty folder.
    pub(super) empty_kib: i64,
    pub(super) empty_seconds: f64,
    /// With the seats, half of them taken, before anybody asks for a map.
    pub(super) started_kib: i64,
    /// With every map asked for.
    pub(super) seats_kib: i64,
    /// Of a seat beside the empty server: the map, and what the store remembers of the sale, which has bounds of its own.
    pub(super) bytes_a_seat: f64,
    /// Of a seat for the map alone.
    pub(super) bytes_a_map_seat: f64,
    /// Until it is ready with the seats.
    pub(super) seats_seconds: f64,
    pub(super) bytes_a_fan: f64,
    /// Until its line is as long as before, with the seats.
    pub(super) whole_seconds: f64,
}

pub(super) fn print_memory(sizes: &[usize], all: &[Memory]) {
    println!("\n### Memory and start\n");
    println!(
        "| seats, and fans waiting | MiB empty | MiB with seats | MiB with every map | bytes a seat in all | bytes a seat for the map | \
         bytes a waiting fan | start empty, s | with seats, s | with seats and line, s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (&size, memory) in sizes.iter().zip(all) {
        let bytes = |each: f64| if size < TELLING_FROM { "–".to_owned() } else { format!("{each:.0}") };
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {} | {} | {} | {:.2} | {:.2} | {:.2} |",
            grouped(size as u64),
            memory.empty_kib as f64 / 1_024.0,
            memory.started_kib as f64 / 1_024.0,
            memory.seats_kib as f64 / 1_024.0,
            bytes(memory.bytes_a_seat),
            bytes(memory.bytes_a_map_seat),
            bytes(memory.bytes_a_fan),
            memory.empty_seconds,
            memory.seats_seconds,
            memory.whole_seconds
        );
    }
}

/// What open streams keep in memory.
pub(super) struct Streams {
    pub(super) count: usize,
    pub(super) kib_each: f64,
    /// Until the last of those that were new was open.
    pub(super) seconds: f64,
}

pub(super) fn print_streams(all: &[Streams]) {
    println!("\n### Open streams of one map\n");
    println!("| streams | KiB each | opened in, s |");
    println!("|---|---|---|");
    for streams in all {
        let count = grouped(streams.count as u64);
        println!("| {count} | {:.1} | {:.1} |", streams.kib_each, streams.seconds);
    }
}
