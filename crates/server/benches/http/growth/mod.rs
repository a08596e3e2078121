//! What a sale costs as it grows: holds among a thousand and among ten million seats, questions in lines as long, what is
//! kept in memory for each, and how long a start takes. All sizes are up at once, each on a server of its own, and are
//! measured in turn, so that what one costs more than the other is not the moment's.
//!
//! What is told to be put in store is put there by the API, and by the port of the line's journal: nothing here knows how
//! a store keeps it.

mod plot;
mod seats;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::FloorAnswer;
use frontrow_rehearsal::{Listeners, Request};
use frontrow_store_sqlite::SqliteLine;

use crate::house::{House, NO_ROOM, SLOW_ROOM, bearers, grouped};
use crate::measure::{Options, floor_report, run_once};
use crate::places::{Polls, a_piece, fill, meet, started};
use seats::{Holds, SCHEDULE_SEATS};
use table::{Costs, Memory, Streams};

/// Fans who hold: so many that none has a long history at the end.
const FANS: usize = 20_000;
/// Fans who ask: the same number in every size, in as many lines as it takes.
const ASKING: usize = 10_000;
/// The smallest size: every connection needs a seat of its own.
const SIZE_MIN: usize = 1_000;
/// Open streams at which memory is looked at.
const STREAMS: [usize; 2] = [1_000, 10_000];
/// How long all streams may take to open.
const PATIENCE: Duration = Duration::from_mins(1);
/// No fan has to pause for what was given back, or the benchmark would be one of refusals. The audit beside the sale is off: while
/// it looks at a large hall it takes some tens of megabytes, at a moment of its own choosing.
const SETTINGS: [(&str, &str); 2] =
    [("FRONTROW__SALES__LAPSE_LIMIT", "10000"), ("FRONTROW__JOBS__AUDIT_PAUSE_MS", "0")];

/// What to measure, and where to draw it.
pub(crate) struct Growth {
    /// Seats, and fans who wait.
    pub(crate) sizes: Vec<usize>,
    /// Where the plot goes; nowhere without it.
    pub(crate) plot: Option<PathBuf>,
}

impl Growth {
    /// Sizes as people write them: `1k,100k,1M`.
    pub(crate) fn sizes(text: &str) -> Result<Vec<usize>> {
        let sizes = text.split(',').map(|size| {
            let (digits, times) = match size.strip_suffix(['k', 'M']) {
                Some(digits) if size.ends_with('k') => (digits, 1_000),
                Some(digits) => (digits, 1_000_000),
                None => (size, 1),
            };
            let count = digits.parse::<usize>().with_context(|| format!("{size} is no size"))? * times;
            let schedules = count.div_ceil(SCHEDULE_SEATS);
            if count < SIZE_MIN || !count.is_multiple_of(schedules) || ASKING < count && count < 2 * ASKING {
                bail!("{size}: from {SIZE_MIN} on, in schedules of one size, and not just above {ASKING}");
            }
            Ok(count)
        });
        sizes.collect()
    }
}

pub(crate) fn bench(options: &Options, growth: &Growth) -> Result<()> {
    let [connections] = options.connections[..] else {
        bail!("growth is measured with one number of connections")
    };
    if options.shared.is_some() {
        bail!("growth is measured on embedded stores: what is shared is filled by the door alone");
    }
    let bearers = bearers(FANS);
    let grown = growth.sizes.iter().map(|&size| Grown::with_seats(size, &bearers, options));
    let mut grown = grown.collect::<Result<Vec<_>>>()?;
    println!(
        "\n{connections} connections; half of all seats are taken, in parties of four; a hold is given back at once"
    );
    let (hot, wide) = measure_holds(&grown, &bearers, connections, options)?;
    grown = grown.into_iter().map(|one| one.with_fans(&bearers)).collect::<Result<_>>()?;
    let polls = measure_polls(&grown, &bearers, connections, options)?;
    let streams = streams(&grown[0])?;
    let memory: Vec<Memory> = grown.iter().map(|one| one.memory).collect();
    table::print_costs("hold in one schedule of these", &growth.sizes, &hot)?;
    table::print_costs("hold all over these", &growth.sizes, &wide)?;
    table::print_costs("ask for the place among these", &growth.sizes, &polls)?;
    table::print_memory(&growth.sizes, &memory);
    table::print_streams(&streams);
    grown.into_iter().try_for_each(|one| one.house.close())?;
    if let Some(path) = &growth.plot {
        let holds = [("hold in one schedule", &hot[..]), ("hold all over", &wide[..])];
        let drawn = plot::draw(&growth.sizes, &holds, &polls, &memory)?;
        std::fs::write(path, drawn).with_context(|| format!("the plot {}", path.display()))?;
    }
    Ok(())
}

/// A server with a sale of one size.
struct Grown {
    size: usize,
    house: House,
    concert: u64,
    schedules: Vec<u64>,
    lines: Vec<u64>,
    memory: Memory,
}

impl Grown {
    fn with_seats(size: usize, bearers: &[String], options: &Options) -> Result<Self> {
        let house = House::open_with(options, &SETTINGS)?;
        let (house, begin) = house.restart(|_| Ok(()))?;
        let empty = started("empty", &house, begin, None)?;
        let concert = house.concert(NO_ROOM)?;
        let schedules = seats::open(&house, concert, size)?;
        let begin = Instant::now();
        let parties = seats::take_half(&house, &schedules, size, bearers)?;
        let what = format!("{} seats in {} schedules", grouped(size as u64), schedules.len());
        println!("{what}: {parties} parties hold half of them, after {:.1} s", begin.elapsed().as_secs_f64());
        let (house, begin) = house.restart(|_| Ok(()))?;
        let full = started(&what, &house, begin, None)?;
        for schedule in &schedules {
            house.get(&format!("/api/v1/concerts/{concert}/schedules/{schedule}/states"), &[])?;
        }
        let shown = house.process()?.resident_kib;
        println!("{shown} KiB resident with every map asked for");
        let memory = Memory {
            empty_kib: empty.resident_kib,
            empty_seconds: empty.ready,
            seats_seconds: full.ready,
            started_kib: full.resident_kib,
            seats_kib: shown,
            bytes_a_seat: a_piece(shown - empty.resident_kib, size),
            bytes_a_map_seat: a_piece(shown - full.resident_kib, size),
            ..Memory::default()
        };
        Ok(Self { size, house, concert, schedules, lines: Vec::new(), memory })
    }

    /// Puts as many fans into line as there are seats.
    fn with_fans(self, bearers: &[String]) -> Result<Self> {
        let Self { size, house, concert, schedules, mut memory, .. } = self;
        let each = self.size.min(ASKING);
        let lines = (0..ASKING / each).map(|_| house.concert(SLOW_ROOM)).collect::<Result<Vec<_>>>()?;
        for &line in &lines {
            house.schedule(line, SIZE_MIN)?;
        }
        let fans = meet(&house, &bearers[..ASKING])?;
        // Without the line, after a start, with the same history: the rest is the line's.
        let (house, begin) = house.restart(|_| Ok(()))?;
        let before = started("nobody in line", &house, begin, None)?.resident_kib;
        let (house, begin) = house.restart(|folder| {
            let journal = SqliteLine::open(folder)?;
            for (&line, fans) in lines.iter().zip(fans.chunks(each)) {
                fill(&journal, line, fans, size)?;
            }
            journal.close();
            Ok(())
        })?;
        let what =
            format!("{} seats, {} lines of {}", grouped(size as u64), lines.len(), grouped(size as u64));
        let full = started(&what, &house, begin, Some((lines[0], size)))?;
        memory.whole_seconds = full.shown;
        memory.bytes_a_fan = a_piece(full.resident_kib - before, size * lines.len());
        Ok(Self { size, house, concert, schedules, lines, memory })
    }
}

/// Holds in the first schedule of each size, and holds in all of them.
fn measure_holds(
    grown: &[Grown],
    bearers: &[String],
    connections: usize,
    options: &Options,
) -> Result<(Vec<Costs>, Vec<Costs>)> {
    let mut fans = Vec::new();
    for one in grown {
        let seats = one.size / one.schedules.len();
        for (kind, schedules) in [&one.schedules[..1], &one.schedules[..]].into_iter().enumerate() {
            fans.push((
                Holds::new(&one.house, bearers, schedules, seats, kind, connections)?,
                Costs::default(),
            ));
        }
    }
    let (request, answer) = fans[0].0.sample(grown[0].size / grown[0].schedules.len())?;
    let plan = |address: SocketAddr| options.plan(&[address], connections);
    for _ in 0..options.runs {
        let floor = floor_report(&request, &answer, plan)?.rate();
        for (at, (holds, costs)) in fans.iter_mut().enumerate() {
            let house = &grown[at / 2].house;
            let (before, done) = (house.process()?.processor, holds.done);
            let report = holds.run(&plan(house.address()))?;
            let spent = house.process()?.processor - before;
            let step = report.step("hold").context("no holds")?.latency();
            // A hold and giving it back are two requests.
            costs.add(floor, report.rate(), &step, spent, 2 * (holds.done - done));
        }
    }
    let (mut hot, mut wide) = (Vec::new(), Vec::new());
    for (at, (_, costs)) in fans.into_iter().enumerate() {
        if at % 2 == 0 { hot.push(costs) } else { wide.push(costs) }
    }
    Ok((hot, wide))
}

/// Questions of the same number of fans, in lines of each size.
fn measure_polls(
    grown: &[Grown],
    bearers: &[String],
    connections: usize,
    options: &Options,
) -> Result<Vec<Costs>> {
    let asking = |one: &Grown| {
        let name = format!("ask for the place, {} waiting", grouped(one.size as u64));
        Polls::of(&one.house, &one.lines, &bearers[..ASKING], one.size.min(ASKING), name)
    };
    let mut fans = grown.iter().map(asking).collect::<Result<Vec<_>>>()?;
    let mut all: Vec<Costs> = grown.iter().map(|_| Costs::default()).collect();
    let request = fans[0].sample().to_vec();
    let answer = FloorAnswer::sampled(grown[0].house.address(), &request)?.context("no place")?;
    for _ in 0..options.runs {
        let floor = floor_report(&request, &answer, |address| options.plan(&[address], connections))?.rate();
        for ((one, polls), costs) in grown.iter().zip(&mut fans).zip(&mut all) {
            let (before, answered) = (one.house.process()?.processor, polls.answered);
            let report = run_once(&one.house.addresses(), polls, connections, options)?;
            let spent = one.house.process()?.processor - before;
            costs.add(floor, report.rate(), &report.latency(), spent, polls.answered - answered);
        }
    }
    for one in grown {
        let (waiting, active) = one.house.queue(one.lines[0])?;
        if waiting + active != one.size as u64 {
            bail!("{waiting} wait and {active} are let in, of {}", one.size);
        }
    }
    Ok(all)
}

/// Opens streams of a seat map, and leaves them open while more are.
fn streams(one: &Grown) -> Result<Vec<Streams>> {
    let path = format!("/api/v1/concerts/{}/schedules/{}/seats/stream", one.concert, one.schedules[0]);
    let request = Request::get(&one.house.host, &path).headers(&[("accept", "text/event-stream")]).to_bytes();
    let idle = one.house.process()?.resident_kib;
    let (mut open, mut found, mut count) = (Vec::new(), Vec::new(), 0);
    for wanted in STREAMS {
        let begin = Instant::now();
        open.push(Listeners::open(one.house.address(), &request, wanted - count, PATIENCE)?);
        count = wanted;
        let now = one.house.process()?;
        if now.open_files < count {
            bail!("{} files are open, and {count} streams should be", now.open_files);
        }
        found.push(Streams {
            count,
            kib_each: (now.resident_kib - idle) as f64 / count as f64,
            seconds: begin.elapsed().as_secs_f64(),
        });
    }
    Ok(found)
}
