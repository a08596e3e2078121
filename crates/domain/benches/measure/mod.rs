//! How the benches in process measure: rounds that are prepared, timed and thrown away, each of so many operations. Others
//! take this file by its path.

use std::hint::black_box;
use std::time::Instant;

/// Rounds of each measurement. The first is not counted: it finds the memory cold.
const ROUNDS: usize = 11;

/// Says on what is measured, and begins the table.
pub(crate) fn head(what: &str) {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let build =
        if cfg!(debug_assertions) { "a debug build, whose figures say nothing" } else { "a release build" };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "\n{what}: {build} on {processors} processors ({}), load before {}; {} rounds, median (lowest–highest)\n",
        model.map_or("unknown", |(_, model)| model),
        load.split(' ').next().unwrap_or("unknown"),
        ROUNDS - 1
    );
    println!("| what | size | each | a second |\n|---|---|---|---|");
}

/// Times `work` on what `prepare` makes for each round, and prints what one of its `operations` takes.
pub(crate) fn row<P, R>(
    what: &str,
    size: &str,
    operations: usize,
    mut prepare: impl FnMut() -> P,
    mut work: impl FnMut(P) -> R,
) {
    let mut each = Vec::new();
    for round in 0..ROUNDS {
        let prepared = black_box(prepare());
        let begun = Instant::now();
        let result = work(prepared);
        let took = begun.elapsed();
        // What it made is let go outside of the time.
        drop(black_box(result));
        if round > 0 {
            each.push(took.as_secs_f64() * 1e9 / operations as f64);
        }
    }
    each.sort_by(f64::total_cmp);
    let median = f64::midpoint(each[(each.len() - 1) / 2], each[each.len() / 2]);
    let (lowest, highest) = (each[0], each[each.len() - 1]);
    println!(
        "| {what} | {size} | {} ({}–{}) | {:.0} |",
        time(median),
        time(lowest),
        time(highest),
        1e9 / median
    );
}

fn time(nanos: f64) -> String {
    match nanos {
        ..1e3 => format!("{nanos:.0} ns"),
        ..1e6 => format!("{:.2} µs", nanos / 1e3),
        _ => format!("{:.2} ms", nanos / 1e6),
    }
}
