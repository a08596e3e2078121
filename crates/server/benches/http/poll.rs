//! Asking for one's place in a long line and in short ones, and what a long line costs in memory and at the start.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::Spread;
use frontrow_store_sqlite::SqliteLine;

use crate::house::{House, OPEN_ROOM, SLOW_ROOM, bearers, grouped};
use crate::measure::{Figures, Options, measure, print_head};
use crate::places::{Polls, a_piece, fill, meet, started};

/// Fans of the long line who ask; the others are only there. The same fans are all that there are in the short lines,
/// so that the number of tokens is the same, and nobody asks more often than one fan may.
const ASKING: usize = 10_000;
/// Places in each short line.
const SHORT: usize = 1_000;
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
    let empty = started("no line", &house, begin, None)?.resident_kib;
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
    let loaded = started(&in_line, &house, begin, Some((lines[0], places)))?.resident_kib;
    println!("{:.0} bytes a waiting fan", a_piece(loaded - empty, places + ASKING));
    ask(&house, &lines, &bearers, names, options)?;
    let asked = house.process()?.resident_kib;
    println!("{asked} KiB resident: {:.0} bytes a waiting fan", a_piece(asked - empty, places + ASKING));

    let full = house.concert(OPEN_ROOM)?;
    for _ in 0..BIG_SCHEDULES {
        house.schedule(full, 100_000)?;
    }
    let (house, begin) = house.restart(|_| Ok(()))?;
    let both = started(&format!("{in_line}, 1,000,000 seats"), &house, begin, Some((lines[0], places)))?
        .resident_kib;
    println!("{:.0} bytes a seat", a_piece(both - loaded, BIG_SCHEDULES * 100_000));
    house.close()
}

/// Measures the long line and the short ones in turn, so that what one costs more than the other is not the machine's.
fn ask(
    house: &House,
    lines: &[u64],
    bearers: &[String],
    names: [String; 2],
    options: &Options,
) -> Result<()> {
    let [long_name, short_name] = names;
    let mut long = Polls::of(house, &lines[..1], bearers, ASKING, long_name)?;
    let mut short = Polls::of(house, &lines[1..], bearers, SHORT, short_name)?;
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
