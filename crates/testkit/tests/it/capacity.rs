//! Growth on paper: what so many fans would take, worked out from unit costs that were measured. The figures are in
//! `docs/performance/units.toml`, the table in `docs/performance/capacity.md`, between two marks; `make capacity` writes it.
//!
//! To add a part that may give: its share in [`Needs`], a row in [`table`], and its line in [`limits`] if it can be said how
//! many fans it takes.

use std::fmt::Write as _;
use std::fs;

use frontrow_domain::queue::{Pace, RateLimit};
use serde::Deserialize;

use crate::house::root;

const PAGE: &str = "docs/performance/capacity.md";
const BEGIN: &str = "<!-- worked out from units.toml by `make capacity` -->\n";
const END: &str = "\n<!-- until here -->";
/// Distances at which the pace of asking changes.
const STEP: u64 = 500;
const SECONDS_A_MINUTE: f64 = 60.0;
/// More fans than there are people.
const FANS_MAX: u64 = 10_000_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Units {
    measured: Measured,
    assumed: Assumed,
    scale: Vec<Scale>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    join_micros: f64,
    question_micros: f64,
    journey_micros: f64,
    journeys_per_store: f64,
    redis_joins: f64,
    redis_questions: f64,
    redis_bytes_a_fan: f64,
    embedded_joins: f64,
    embedded_questions: f64,
    embedded_bytes_a_fan: f64,
    stream_kib: f64,
    relay_events: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assumed {
    first_minute: f64,
    streaming: f64,
    admitted_per_second: u32,
    claim_seconds: u32,
    sale_seconds: f64,
    party: f64,
    events_a_journey: f64,
    events_a_reader: f64,
    processors: f64,
    stream_memory_gib: f64,
    in_use: f64,
    question_bytes: f64,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct Scale {
    fans: u64,
    lines: u64,
    seats: u64,
}

impl Units {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("docs/performance/units.toml")).expect("the figures");
        toml::from_str(&text).expect("figures that are all known")
    }
}

/// Questions a second of a line of so many, when each asks as often as the rule of the line tells them.
fn questions(fans: u64, assumed: &Assumed) -> f64 {
    let rate = RateLimit::of_milli(assumed.admitted_per_second * 1_000);
    let pace = Pace { rate, claim_seconds: assumed.claim_seconds };
    let mut sum = 0.0;
    let mut ahead = 0;
    while ahead < fans {
        let seconds = pace.waiting(ahead);
        // From where nobody is told to wait longer, all others are told the same.
        let here = if seconds == pace.waiting(u64::MAX) { fans - ahead } else { STEP.min(fans - ahead) };
        sum += here as f64 / f64::from(seconds);
        ahead += here;
    }
    sum
}

/// What a scale takes at its worst moment.
struct Needs {
    joins: f64,
    questions: f64,
    journeys: f64,
    servers: f64,
    /// Of the one thread that has the longest line.
    redis_thread: f64,
    redis_shards: f64,
    redis_gib: f64,
    stores: f64,
    relay: f64,
    partitions: f64,
    gigabits: f64,
    /// Of two processors, when one server has everything inside; and its memory.
    embedded: f64,
    embedded_gib: f64,
}

fn needs(scale: Scale, Units { measured, assumed, .. }: &Units) -> Needs {
    let gib = f64::from(1 << 30);
    let (fans, lines) = (scale.fans as f64, scale.lines as f64);
    let joins = fans * assumed.first_minute / SECONDS_A_MINUTE;
    let asking = questions(scale.fans / scale.lines, assumed) * lines * (1.0 - assumed.streaming);
    let journeys = scale.seats as f64 / assumed.party / assumed.sale_seconds;
    let micros =
        joins * measured.join_micros + asking * measured.question_micros + journeys * measured.journey_micros;
    let by_processor = micros / 1e6 / (assumed.processors * assumed.in_use);
    let streams = fans * assumed.streaming * measured.stream_kib / 1_048_576.0;
    let by_memory = streams / (assumed.stream_memory_gib * assumed.in_use);
    let redis = joins / measured.redis_joins + asking / measured.redis_questions;
    let events = journeys * assumed.events_a_journey;
    Needs {
        joins,
        questions: asking,
        journeys,
        servers: by_processor.max(by_memory).ceil(),
        redis_thread: redis / lines,
        // A line is in one shard: more shards than lines are of no use.
        redis_shards: (redis / assumed.in_use).ceil().min(lines),
        redis_gib: fans * measured.redis_bytes_a_fan / gib,
        stores: journeys / measured.journeys_per_store,
        relay: events / measured.relay_events,
        partitions: (events / assumed.events_a_reader).ceil(),
        gigabits: asking * assumed.question_bytes * 8.0 / 1e9,
        embedded: joins / measured.embedded_joins + asking / measured.embedded_questions,
        embedded_gib: fans * measured.embedded_bytes_a_fan / gib,
    }
}

impl Needs {
    /// What gives first of what cannot be had more of, if anything does.
    fn gives(&self, in_use: f64) -> &'static str {
        let parts = [
            ("the Redis of one line", self.redis_thread),
            ("the store", self.stores),
            ("the relay", self.relay),
        ];
        let (name, share) = parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("there are parts");
        if share > in_use { name } else { "nothing" }
    }
}

/// A number with its digits in groups.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn percent(share: f64) -> String {
    format!("{} %", grouped(share * 100.0))
}

type Row = (&'static str, fn(&Needs) -> String);

const ROWS: [Row; 13] = [
    ("joins a second, in the first minute", |n| grouped(n.joins)),
    ("questions a second", |n| grouped(n.questions)),
    ("gigabits a second of them", |n| format!("{:.2}", n.gigabits)),
    ("journeys a second, hold to ticket", |n| grouped(n.journeys)),
    ("servers", |n| grouped(n.servers)),
    ("Redis: of the thread of one line", |n| percent(n.redis_thread)),
    ("Redis: shards that are of use", |n| grouped(n.redis_shards)),
    ("Redis: GiB in all", |n| format!("{:.1}", n.redis_gib)),
    ("MySQL: of one store", |n| percent(n.stores)),
    ("Kafka: of one relay", |n| percent(n.relay)),
    ("Kafka: partitions for the readers", |n| grouped(n.partitions)),
    ("or all in one server: of two processors, for the line", |n| percent(n.embedded)),
    ("or all in one server: GiB, for the line", |n| format!("{:.1}", n.embedded_gib)),
];

fn table(units: &Units) -> String {
    let all: Vec<Needs> = units.scale.iter().map(|&scale| needs(scale, units)).collect();
    let mut text = String::from("| |");
    // Writing into a string has no way to fail, here and below.
    for scale in &units.scale {
        let lines = if scale.lines == 1 { "one line".to_owned() } else { format!("{} lines", scale.lines) };
        let (fans, seats) = (grouped(scale.fans as f64), grouped(scale.seats as f64));
        let _ = write!(text, " {fans} fans, {lines}, {seats} seats |");
    }
    let _ = write!(text, "\n|---|{}", "---|".repeat(all.len()));
    for (name, show) in ROWS {
        let cells: Vec<String> = all.iter().map(show).collect();
        let _ = write!(text, "\n| {name} | {} |", cells.join(" | "));
    }
    let gives: Vec<&str> = all.iter().map(|needs| needs.gives(units.assumed.in_use)).collect();
    let _ = write!(text, "\n| **gives first** | {} |", gives.join(" | "));
    text
}

/// The most fans for whom this share stays within what may be in use.
fn most(units: &Units, share: fn(&Needs) -> f64) -> f64 {
    let fits = |fans| share(&needs(Scale { fans, lines: 1, seats: 0 }, units)) <= units.assumed.in_use;
    let (mut low, mut high) = (1, FANS_MAX);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    low as f64
}

fn limits(units: &Units) -> String {
    let rounded = |fans: f64| grouped((fans / 100_000.0).floor() * 100_000.0);
    let Units { measured, assumed, .. } = units;
    let seats = measured.journeys_per_store * assumed.in_use * assumed.party * assumed.sale_seconds;
    format!(
        "With {} of each part in use, one line on one Redis takes {} fans, one server with everything inside {} fans, and one \
         store sells {} seats within {:.0} minutes.",
        percent(assumed.in_use),
        rounded(most(units, |needs| needs.redis_thread)),
        rounded(most(units, |needs| needs.embedded)),
        rounded(seats),
        assumed.sale_seconds / SECONDS_A_MINUTE
    )
}

#[test]
fn the_page_of_capacity_is_current() {
    let units = Units::read();
    let wanted = format!("{}\n\n{}", table(&units), limits(&units));
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("where it begins");
    let (found, after) = rest.split_once(END).expect("where it ends");
    if found != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(found, wanted, "{PAGE} is not what units.toml makes of it: make capacity");
}

#[test]
fn a_line_asks_as_often_as_everybody_in_it_is_told_to() {
    let assumed = Units::read().assumed;
    let rate = RateLimit::of_milli(assumed.admitted_per_second * 1_000);
    let pace = Pace { rate, claim_seconds: assumed.claim_seconds };
    for fans in [1, 499, 60_000, 400_001] {
        let each: f64 = (0..fans).map(|ahead| 1.0 / f64::from(pace.waiting(ahead))).sum();
        let found = questions(fans, &assumed);
        assert!((found - each).abs() < each * 1e-3, "{fans} fans: {found} instead of {each}");
    }
}

/// Round figures, so that the arithmetic can be done in one's head.
fn easy() -> Units {
    toml::from_str(
        "scale = []
         [measured]
         join_micros = 100
         question_micros = 10
         journey_micros = 1000
         journeys_per_store = 1000
         redis_joins = 50000
         redis_questions = 100000
         redis_bytes_a_fan = 1073.741824
         embedded_joins = 100000
         embedded_questions = 100000
         embedded_bytes_a_fan = 1073.741824
         stream_kib = 1
         relay_events = 10000
         [assumed]
         first_minute = 0.6
         streaming = 0
         admitted_per_second = 1000
         claim_seconds = 60
         sale_seconds = 100
         party = 2
         events_a_journey = 5
         events_a_reader = 1000
         processors = 2
         stream_memory_gib = 1
         in_use = 0.5
         question_bytes = 1000",
    )
    .expect("all figures")
}

#[test]
fn parts_are_worked_out_from_their_unit_costs() {
    let mut units = easy();
    let scale = Scale { fans: 1_000_000, lines: 1, seats: 40_000 };
    let one = needs(scale, &units);
    assert_eq!((one.joins, one.journeys), (10_000.0, 200.0));
    // Two processors half in use: a second of processor a second for each server. Joins take one, journeys 0.2.
    assert!((5_000.0..6_000.0).contains(&one.questions), "{}", one.questions);
    assert_eq!(grouped(one.servers), "2");
    assert!((one.redis_thread - 0.2 - one.questions / 1e5).abs() < 1e-9);
    assert_eq!((one.redis_shards, one.stores, one.relay, one.partitions), (1.0, 0.2, 0.1, 1.0));
    assert!((one.redis_gib - 1.0).abs() < 1e-9 && (one.embedded_gib - 1.0).abs() < 1e-9);
    assert_eq!(one.gives(0.5), "nothing");
    // Ten times the fans in one line are too many for its Redis; in ten lines they are not.
    assert_eq!(needs(Scale { fans: 10_000_000, ..scale }, &units).gives(0.5), "the Redis of one line");
    let spread = needs(Scale { fans: 10_000_000, lines: 10, ..scale }, &units);
    assert!((spread.redis_thread - one.redis_thread).abs() < 1e-9);
    assert_eq!((spread.gives(0.5), spread.redis_shards), ("nothing", 6.0));
    assert_eq!(needs(Scale { seats: 4_000_000, ..scale }, &units).gives(0.5), "the store");
    // Streams take memory where they take no processor: a thousandth of a GiB for each thousand.
    units.assumed.streaming = 1.0;
    let streaming = needs(Scale { fans: 100_000_000, lines: 100, seats: 0 }, &units);
    assert_eq!((streaming.questions, streaming.servers), (0.0, 191.0));
}
